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

// The types among what a statement names, as it or, with `in_view`, the text of a view calls them.
TypeNames TypesAmong(const std::map<std::string, TablePtr>& tables, bool in_view);

class Builder : public SubqueryPlanner {
 public:
  Builder(const std::map<std::string, TablePtr>& tables, Plan* plan)
      : tables_(tables),
        plan_(plan),
        types_(TypesAmong(tables, false)),
        view_types_(TypesAmong(tables, true)) {}

  absl::StatusOr<PlanNodePtr> Select(const ast::Select& select, const Around& around);
  absl::StatusOr<PlanNodePtr> SelectWithin(const ast::Select& select, const Around& around);
  absl::StatusOr<PlanNodePtr> Insert(const ast::Insert& insert);
  absl::StatusOr<PlanNodePtr> Update(const ast::Update& update);
  absl::StatusOr<PlanNodePtr> Delete(const ast::Delete& del);
  absl::StatusOr<PlanNodePtr> Merge(const ast::Merge& merge);
  // Any of these four.
  absl::StatusOr<PlanNodePtr> Dml(const ast::Statement& statement);

  absl::StatusOr<Planned> PlanSubquery(const ast::Select& select, const Scope& scope,
                                       std::vector<AggregateCall>* aggregates,
                                       SubqueryUse use) override;
  const TypeNames* types() const override { return view_ != nullptr ? &view_types_ : &types_; }
  void NeedCatalog() override { plan_->uses_catalog = true; }
  void ProjectSubquery(int index, std::vector<ExprPtr> exprs) override;

  // Columns of the Select just built.
  std::vector<ColumnInfo> columns;
  int registers() const { return static_cast<int>(registers_.size()); }

 private:
  struct Source {
    TablePtr table;  // null for what is no stored table
    const SystemTableDef* def = nullptr;
    PlanNodePtr plan;  // of a derived table, a WITH query or a function
    std::string schema, name;
    int offset = 0;
    int width = 0;
    bool exclusive = false;           // its rows are locked so
    bool no_wait = false;             // at once or not at all
    std::vector<ExprPtr> conditions;  // on this table alone, in slots of the whole row
  };
  // A FROM clause bound: a leaf, or a join. Slots count through the whole clause, left to right.
  struct FromNode {
    Source source;  // of a leaf
    std::unique_ptr<FromNode> left, right;
    ast::JoinKind kind = ast::JoinKind::kInner;
    std::vector<ExprPtr> on;
    std::vector<Let> lets;  // what it needs of the rows to its left
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
    int64_t table = 0;  // as ColumnInfo's
    uint32_t column = 0;

    // The column that it is of `scope`, if it is one.
    void SetOrigin(const Scope& scope);
    ColumnInfo Info() const { return {name, expr->type, expr->typmod, table, column}; }
  };

  // What a query's expressions call, collected while they are bound.
  struct Calls {
    std::vector<AggregateCall> aggregates;
    Windows windows;
    std::vector<SetCall> sets;
    bool take_apart = false;  // of a derived table: functions of several columns give them all
  };

  absl::StatusOr<TablePtr> FindTable(const ast::TableName& name) const;
  // Notes what must be allowed, of the relation, for whoever reads here: the view that is planned,
  // or whoever runs the plan.
  void Need(const TablePtr& relation, uint32_t rights) const;
  // The same of reading the table's rows, where one of the expressions does, over rows that begin
  // with the table's columns.
  void NeedIfRead(const TablePtr& table, const Expr* e) const;
  void NeedIfRead(const TablePtr& table, const std::vector<ExprPtr>& exprs) const;
  // Puts `table` into the scope; 42712.
  absl::Status Enter(ScopeTable table, int position, FromNode* node, Scope* scope) const;

  // What the lets of LATERAL items, and of WITH queries, are found in while they are bound.
  struct Frames {
    Scope scope;
    OuterFrame frame;
  };

  // from.cc: the row of a FROM clause, with what of `where` can be said there.
  absl::StatusOr<PlanNodePtr> From(const ast::Select& select, const Around& around, Scope* scope);
  // The same; `first`, a leaf that is bound already, may stand before all items.
  absl::StatusOr<FromNodePtr> BindItems(const std::vector<ast::FromItem>& items,
                                        const Around& around, FromNodePtr first, Scope* scope);
  // The table of an UPDATE, DELETE or MERGE, whose rows are locked.
  absl::StatusOr<FromNodePtr> BindTarget(const TablePtr& table, const ast::TableName& name,
                                         Scope* scope);
  absl::StatusOr<PlanNodePtr> Target(const TablePtr& table, const ast::TableName& name,
                                     const std::vector<ast::FromItem>& items,
                                     const ast::ExprPtr& where, Scope* scope);
  absl::Status LockSources(const ast::Select& select, const Scope& scope, FromNode* node) const;
  // What a LATERAL item sees: all to its left.
  void LateralFrame(const Around& around, const Scope& scope, std::vector<Let>* lets, Frames* out);
  absl::Status AliasJoin(const ast::FromItem& item, FromNode* join, Scope* scope) const;
  absl::StatusOr<FromNodePtr> BindFrom(const ast::FromItem& item, const Around& around,
                                       Scope* scope);
  absl::StatusOr<FromNodePtr> BindLeaf(const ast::FromItem& item, const Around& around,
                                       Scope* scope);
  absl::Status BindJoin(const ast::FromItem& item, const Around& around, const Scope& scope,
                        FromNode* join);
  absl::Status BindUsing(const std::vector<std::string>& columns, FromNode* join);
  absl::StatusOr<PlanNodePtr> Build(FromNode* node, std::vector<ExprPtr> conditions);
  // join_order.cc: the same, in an order in which what is joined is connected.
  absl::StatusOr<PlanNodePtr> BuildOrdered(FromNodePtr all, const Scope& scope,
                                           std::vector<ExprPtr> where);
  static bool Flatten(FromNode* node, std::vector<FromNode*>* items,
                      std::vector<const Expr*>* conditions);
  static std::vector<size_t> JoinOrder(const std::vector<FromNode*>& items,
                                       const std::vector<const Expr*>& conditions);
  static void TakeApart(FromNodePtr node, std::vector<FromNodePtr>* items,
                        std::vector<ExprPtr>* conditions);
  static void Move(const std::vector<int>& places, int by, FromNode* node);
  absl::StatusOr<PlanNodePtr> BuildJoin(FromNode* node, std::vector<ExprPtr> conditions);
  absl::StatusOr<PlanNodePtr> SourcePlan(Source* source);
  // semi_join.cc: the joins for those conjuncts of WHERE that had better be asked by one, without
  // their left sides, which have `width` slots; leaves the rest. `may_stop`: only the first rows
  // may be wanted.
  absl::StatusOr<std::vector<std::unique_ptr<JoinPlan>>> SemiJoins(const Scope& scope, int width,
                                                                   bool may_stop,
                                                                   std::vector<ExprPtr>* where);
  bool MayJoin(const Expr& condition) const;
  // Null where nothing but equalities would do.
  absl::StatusOr<std::unique_ptr<JoinPlan>> SemiJoin(const ast::Select& query, const Scope& scope,
                                                     int width);
  // A query in FROM, and its columns.
  absl::StatusOr<PlanNodePtr> Derived(const ast::FromItem& item, const Around& around,
                                      ScopeTable* table);
  absl::StatusOr<PlanNodePtr> Cte(const ast::FromItem& item, const Around& around,
                                  ScopeTable* table);
  // views.cc
  absl::StatusOr<PlanNodePtr> View(const ast::FromItem& item, TablePtr view, ScopeTable* table);
  // Whether the column is hidden, or came after the view that is being planned.
  bool Unseen(const TableDescriptor& table, const ColumnDescriptor& column) const;
  absl::StatusOr<PlanNodePtr> Functions(const ast::FromItem& item, const Around& around,
                                        ScopeTable* table);
  void Reads(const std::vector<int>& registers);
  absl::StatusOr<PlanNodePtr> CteQuery(const ast::Cte& cte);
  absl::StatusOr<PlanNodePtr> Recursive(const ast::Cte& cte, const Around& around);
  absl::StatusOr<int> KeepCte(const ast::Cte& cte);
  // Makes the WITH queries known to what names them; those that nothing names are looked at all the
  // same, and those that write are planned.
  // `nothing`, the scope of what they see, and `lets` outlive what is planned.
  absl::Status Ctes(const std::vector<ast::CtePtr>& ctes, const Around& around,
                    const Scope& nothing, std::vector<Let>* lets);
  // Of a statement that is no SELECT: there is nothing around it.
  absl::Status TopCtes(const std::vector<ast::CtePtr>& ctes);

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
                                              const Scope& scope, Calls* calls, const char* clause,
                                              bool keep_unknown = false);
  // Slots of DISTINCT ON, which may add outputs; 42P10 where ORDER BY begins with something else.
  absl::StatusOr<std::vector<int>> DistinctOn(const ast::Select& select, const Scope& scope,
                                              Calls* calls, std::vector<Output>* outputs,
                                              size_t visible, const std::vector<SortKey>& sort);
  absl::StatusOr<int> OutputSlot(const ast::Expr& e, const char* clause, size_t visible,
                                 Binder* binder, std::vector<Output>* outputs);
  absl::Status BindSortKeys(const ast::Select& select, const Scope& scope, Calls* calls,
                            std::vector<Output>* outputs, std::vector<SortKey>* keys);
  // lock_rows.cc
  absl::Status CheckSkipLocked(const ast::Select& select, const PlanNode& from, bool plain);
  absl::StatusOr<PlanNodePtr> SkipLocked(const ast::Select& select, const Scope& scope,
                                         const std::vector<Output>& outputs,
                                         const std::vector<SortKey>& sort, bool sorted,
                                         const Expr* limit, const Expr* offset, PlanNodePtr plan);
  // grouping.cc
  absl::StatusOr<PlanNodePtr> Aggregation(const ast::Select& select, const Scope& scope,
                                          PlanNodePtr input, Calls* calls,
                                          std::vector<Output>* outputs, ExprPtr having);
  absl::StatusOr<int> GroupIndex(const ast::Select& select, const ast::Expr& e, const Scope& scope,
                                 const std::vector<Output>& outputs, AggregatePlan* node);
  absl::Status BindGroups(const ast::Select& select, const Scope& scope,
                          const std::vector<Output>& outputs, AggregatePlan* node);
  absl::Status ExpandGroups(const ast::Select& select, const ast::Expr& e, const Scope& scope,
                            const std::vector<Output>& outputs, AggregatePlan* node,
                            std::vector<std::vector<int>>* sets);
  // Puts windows, and functions that give sets, above `input`, a row of `width` slots.
  PlanNodePtr WindowsAndSets(PlanNodePtr input, int width, Calls* calls,
                             std::vector<Output>* outputs);
  absl::StatusOr<std::vector<ExprPtr>> Returning(const std::vector<ast::SelectItem>& items,
                                                 const Scope& scope);
  absl::StatusOr<std::vector<std::pair<int, ExprPtr>>> Assignments(
      const std::vector<ast::Assignment>& set, const TableDescriptor& table, const Scope& scope,
      bool on_conflict);
  // What is asked of the tables between the writes must not see them.
  void DeferFor(const Expr* e);
  absl::Status MergeInsert(const ast::MergeWhen& when, const TableDescriptor& table,
                           const Scope& scope, MergePlan::When* out);
  absl::StatusOr<PlanNodePtr> InsertSource(const ast::Insert& insert, const TablePtr& table,
                                           const std::vector<int>& targets);
  absl::Status InsertConflict(const ast::Insert& insert, const TablePtr& table, InsertPlan* node);

  const std::map<std::string, TablePtr>& tables_;
  Plan* plan_;
  const TypeNames types_, view_types_;
  const TableDescriptor* view_ = nullptr;  // the one that is being planned
  int view_depth_ = 0;
  static constexpr int kMaxQueryDepth = 300;
  int query_depth_ = 0;
  std::vector<std::unique_ptr<ast::Select>> view_texts_;
  // Of a WITH query while those who may name it are bound; lookups only.
  struct CteState {
    OuterFrame frame;  // of the query that it belongs to, for what it sees of those around
    int kept = -1;     // in plan_->ctes
    std::vector<int> reads;
    // While its own query is bound, in WITH RECURSIVE.
    int work_table = -1;
    bool named = false;
    size_t subqueries = 0, kept_around = 0;
    std::vector<ColumnInfo> columns;
  };
  std::map<const ast::Cte*, CteState> ctes_;
  std::vector<Let> top_lets_;  // of TopCtes: none
  // The names to the left of what is bound, in this FROM, beside those of its scope.
  std::vector<const FromNode*> left_;
  bool left_refused_ = false;  // under a RIGHT or FULL JOIN
  int nullable_sides_ = 0;     // of outer joins, in which what is bound lies
  bool take_apart_ = false;    // the next query is a derived table's
  bool names_itself_ = false;  // the FROM just planned names the recursive query that it is of
  size_t subqueries_ = 0;      // of expressions, that are under way
  std::map<int, const ast::Select*> exists_;  // EXISTS's, by subquery
  // Registers that the subqueries and WITH queries under way read, the innermost last: a result of
  // theirs holds for these values.
  std::vector<std::vector<int>*> reading_;
  // Of each register, how many of `reading_` there were when what sets it was met: for these it
  // comes from outside.
  std::vector<size_t> registers_;
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
// Tells the sort below, and the scan below that, how many rows are taken.
void MarkFirstRows(LimitPlan* limit);
// from.cc: makes keys of the equalities between the two sides; gives back the rest. Slots count
// through the whole FROM: the left side's are [begin, middle), the right side's [middle, end).
std::vector<ExprPtr> TakeKeys(std::vector<ExprPtr> on, int begin, int middle, int end,
                              JoinPlan* join);
// Whether one side is better read by key (lookup.cc).
void ChooseLookup(JoinPlan* join);
// Whether rows in key order of `scan` are in the order of `keys` over `outputs`; sets *reverse.
bool KeyOrderServes(const ScanPlan& scan, const std::vector<const Expr*>& sort,
                    const std::vector<SortKey>& keys, bool* reverse);
// Of a column that is given no value; null for NULL.
absl::StatusOr<ExprPtr> DefaultExpr(const ColumnDescriptor& column);
// arbiter.cc: the unique index that ON CONFLICT names, by columns, expressions or constraint; 0 is
// the primary key. 42P10, 42704, 42703.
absl::StatusOr<uint64_t> Arbiter(const ast::OnConflict& conflict, const TableDescriptor& table,
                                 const IndexRules& rules);
absl::StatusOr<RowRules> BindRules(const TableDescriptor& table);
// A column that computes itself, or always counts, is given a value: by an INSERT that says so of
// identity columns, or by an UPDATE (nothing). 428C9.
absl::Status RefuseGenerated(const ColumnDescriptor& column,
                             std::optional<ast::Insert::Overriding> insert, int position);
// 42809, 0A000: it is no table.
absl::Status CheckWritable(const TableDescriptor& relation, absl::string_view verb);
// Positions of the key's columns, none for a hidden key.
std::vector<int> KeyOf(const TableDescriptor& table);
Scope TableScope(const TableDescriptor& table, const std::string& alias);
// What an output column without an alias is called.
std::string OutputName(const ast::Expr& e);

}  // namespace isochron::sql::planner

#endif  // ISOCHRON_SQL_PLANNER_BUILDER_H_
