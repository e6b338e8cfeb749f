// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PLANNER_BUILDER_H_
#define ISOCHRON_SQL_PLANNER_BUILDER_H_

// The planner's working state, and the parts of its work that several files share.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sql/planner/plan.h"
#include "sql/planner/planner.h"

namespace isochron::sql::planner {

// As with PostgreSQL, whose protocol counts columns in 16 bits.
inline constexpr size_t kMaxOutputs = 1664;
// Of all that one FROM joins: binding takes time for each.
inline constexpr int kMaxFromColumns = 8192;

// What stands around a query within a statement.
struct Around {
  OuterFrame* outer = nullptr;
  bool nested = false;        // within another query
  bool keep_unknown = false;  // output columns that are mere literals may stay of unknown type
};

class Builder : public SubqueryPlanner {
 public:
  Builder(const std::map<std::string, TablePtr>& tables, Plan* plan)
      : tables_(tables), plan_(plan) {}

  absl::StatusOr<PlanNodePtr> Select(const ast::Select& select, const Around& around);
  absl::StatusOr<PlanNodePtr> Insert(const ast::Insert& insert);
  absl::StatusOr<PlanNodePtr> Update(const ast::Update& update);
  absl::StatusOr<PlanNodePtr> Delete(const ast::Delete& del);

  absl::StatusOr<Planned> PlanSubquery(const ast::Select& select, const Scope& scope,
                                       SubqueryUse use) override;
  void NeedCatalog() override { plan_->uses_catalog = true; }
  void ProjectSubquery(int index, std::vector<ExprPtr> exprs) override;

  // Columns of the Select just built.
  std::vector<ColumnInfo> columns;

 private:
  struct Source {
    TablePtr table;  // null for what is no stored table
    const SystemTableDef* def = nullptr;
    PlanNodePtr plan;  // of a derived table, a WITH query or a function
    std::string schema, name;
    int offset = 0;
    int width = 0;
    std::vector<ExprPtr> conditions;  // on this table alone, in slots of the whole row
  };
  // A FROM clause bound: a leaf, or a join. Slots count through the whole clause, left to right.
  struct FromNode {
    Source source;  // of a leaf
    std::unique_ptr<FromNode> left, right;
    ast::JoinKind kind = ast::JoinKind::kInner;
    std::vector<ExprPtr> on;
    int offset = 0, width = 0;
    size_t first_table = 0, end_table = 0;  // in the scope
    std::vector<ScopeName> names;
  };
  using FromNodePtr = std::unique_ptr<FromNode>;
  // A select list item or sort key, over the input row (or the aggregation's output).
  struct Output {
    ExprPtr expr;
    std::string name;
    bool from_alias = false;
  };

  absl::StatusOr<TablePtr> FindTable(const ast::TableName& name) const;
  // Puts `table` into the scope; 42712.
  absl::Status Enter(ScopeTable table, int position, FromNode* node, Scope* scope) const;

  // from.cc: the row of a FROM clause, with what of `where` can be said there.
  absl::StatusOr<PlanNodePtr> From(const ast::Select& select, const Around& around, Scope* scope);
  absl::StatusOr<FromNodePtr> BindFrom(const ast::FromItem& item, const Around& around,
                                       Scope* scope);
  absl::StatusOr<FromNodePtr> BindLeaf(const ast::FromItem& item, const Around& around,
                                       Scope* scope);
  absl::Status BindJoin(const ast::FromItem& item, const Around& around, const Scope& scope,
                        FromNode* join);
  absl::Status BindUsing(const std::vector<std::string>& columns, FromNode* join);
  absl::StatusOr<PlanNodePtr> Build(FromNode* node, std::vector<ExprPtr> conditions,
                                    bool exclusive);
  absl::StatusOr<PlanNodePtr> BuildJoin(FromNode* node, std::vector<ExprPtr> conditions,
                                        bool exclusive);
  absl::StatusOr<PlanNodePtr> SourcePlan(Source* source, bool exclusive);
  // A query in FROM, and its columns.
  absl::StatusOr<PlanNodePtr> Derived(const ast::FromItem& item, const Around& around,
                                      ScopeTable* table);
  absl::StatusOr<PlanNodePtr> Cte(const ast::FromItem& item, const Around& around,
                                  ScopeTable* table);
  // views.cc
  absl::StatusOr<PlanNodePtr> View(const ast::FromItem& item, TablePtr view, ScopeTable* table);
  // Whether the column is hidden, or came after the view that is being planned.
  bool Unseen(const TableDescriptor& table, const ColumnDescriptor& column) const;
  absl::StatusOr<PlanNodePtr> Series(const ast::FromItem& item, const Around& around,
                                     ScopeTable* table);
  // WITH queries that nothing names are looked at all the same.
  absl::Status CheckUnused(const std::vector<ast::CtePtr>& ctes);

  // Lets the key order of the only scan, and the limit, do what they can. Whether the rows then
  // come in order.
  bool UseKeyOrder(const ast::Select& select, const std::vector<Output>& outputs,
                   const std::vector<SortKey>& sort, const Expr* limit, const Expr* offset,
                   PlanNode* plan);
  absl::StatusOr<PlanNodePtr> Plain(const ast::Select& select, const Around& around);
  absl::StatusOr<PlanNodePtr> SetOperation(const ast::Select& select, const Around& around);
  absl::StatusOr<PlanNodePtr> ValuesRows(const ast::Select& select, const Around& around);
  // ORDER BY and LIMIT over a result of which only the columns' names are known.
  absl::StatusOr<PlanNodePtr> OrderResult(const ast::Select& select, const Around& around,
                                          PlanNodePtr plan);
  absl::Status BindLimit(const ast::Select& select, const Around& around, ExprPtr* limit,
                         ExprPtr* offset);
  absl::StatusOr<std::vector<Output>> Outputs(const std::vector<ast::SelectItem>& items,
                                              const Scope& scope,
                                              std::vector<AggregateCall>* aggregates,
                                              const char* clause, bool keep_unknown = false);
  // Slots of DISTINCT ON, which may add outputs; 42P10 where ORDER BY begins with something else.
  absl::StatusOr<std::vector<int>> DistinctOn(const ast::Select& select, const Scope& scope,
                                              std::vector<AggregateCall>* aggregates,
                                              std::vector<Output>* outputs, size_t visible,
                                              const std::vector<SortKey>& sort);
  absl::StatusOr<int> OutputSlot(const ast::Expr& e, const char* clause, size_t visible,
                                 Binder* binder, std::vector<Output>* outputs);
  absl::Status BindSortKeys(const ast::Select& select, const Scope& scope,
                            std::vector<AggregateCall>* aggregates, std::vector<Output>* outputs,
                            std::vector<SortKey>* keys);
  absl::StatusOr<PlanNodePtr> Aggregation(const ast::Select& select, const Scope& scope,
                                          PlanNodePtr input, std::vector<AggregateCall> calls,
                                          std::vector<Output>* outputs, ExprPtr having);
  absl::StatusOr<std::vector<ExprPtr>> Returning(const std::vector<ast::SelectItem>& items,
                                                 const Scope& scope);
  absl::StatusOr<std::vector<std::pair<int, ExprPtr>>> Assignments(
      const std::vector<ast::Assignment>& set, const TableDescriptor& table, const Scope& scope,
      bool on_conflict);
  absl::StatusOr<PlanNodePtr> InsertSource(const ast::Insert& insert, const TablePtr& table,
                                           const std::vector<int>& targets);
  absl::Status InsertConflict(const ast::Insert& insert, const TablePtr& table, InsertPlan* node);

  const std::map<std::string, TablePtr>& tables_;
  Plan* plan_;
  const TableDescriptor* view_ = nullptr;  // the one that is being planned
  int view_depth_ = 0;
  std::vector<std::unique_ptr<ast::Select>> view_texts_;
  std::map<const ast::Cte*, int> kept_;  // lookups only: in plan_->ctes
};

// The conjuncts of a condition.
void SplitAnd(ExprPtr e, std::vector<ExprPtr>* out);
// All of them in one; null for none.
ExprPtr JoinAnd(std::vector<ExprPtr> parts);
// The slots that an expression reads lie within [from, to).
bool ReadsOnly(const Expr& e, int from, int to);
void ShiftColumns(Expr* e, int by);
// The first key columns' bound of one value, not of several.
bool OneValue(const std::vector<ExprPtr>& values);
// Gives output column `column` of a query the type `to`, where it is computed. The type that it has
// is unknown, or one that converts implicitly.
absl::Status SetColumnType(PlanNode* plan, size_t column, Type to, Binder* binder);

// Moves what it can of `conditions` (slots of the table's columns) into key bounds and leaves the
// rest.
KeyBounds ExtractBounds(const TableDescriptor& table, const std::vector<IndexColumn>& path,
                        std::vector<ExprPtr>* conditions);
// index_choice.cc: chooses the way to the rows that `conditions` narrow most, and takes what it can
// of them into its bounds.
void ChoosePath(ScanPlan* scan, std::vector<ExprPtr>* conditions);
// Has a scan of all rows follow an index that gives them in the order of `keys`, if there is one.
bool OrderByIndex(ScanPlan* scan, const std::vector<const Expr*>& sort,
                  const std::vector<SortKey>& keys);
// Has scans along an index read nothing else where it tells all that is wanted.
void CoverByIndexes(PlanNode* root);
// Whether rows in key order of `scan` are in the order of `keys` over `outputs`; sets *reverse.
bool KeyOrderServes(const ScanPlan& scan, const std::vector<const Expr*>& sort,
                    const std::vector<SortKey>& keys, bool* reverse);
// Of a column that is given no value; null for NULL.
absl::StatusOr<ExprPtr> DefaultExpr(const ColumnDescriptor& column);
absl::StatusOr<RowRules> BindRules(const TableDescriptor& table);
// A column that computes itself, or always counts, is given a value: by an INSERT that says so of
// identity columns, or by an UPDATE (nothing). 428C9.
absl::Status RefuseGenerated(const ColumnDescriptor& column,
                             std::optional<ast::Insert::Overriding> insert, int position);
// 42809, 0A000: it is no table.
absl::Status CheckWritable(const TableDescriptor& relation, absl::string_view verb);
Scope TableScope(const TableDescriptor& table, const std::string& alias);

}  // namespace isochron::sql::planner

#endif  // ISOCHRON_SQL_PLANNER_BUILDER_H_
