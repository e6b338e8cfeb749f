// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PLANNER_BUILDER_H_
#define ISOCHRON_SQL_PLANNER_BUILDER_H_

// The planner's working state, and the parts of its work that several files share.

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sql/planner/plan.h"
#include "sql/planner/planner.h"

namespace isochron::sql::planner {

class Builder {
 public:
  Builder(const std::map<std::string, TablePtr>& tables, Plan* plan)
      : tables_(tables), plan_(plan) {}

  absl::StatusOr<PlanNodePtr> Select(const ast::Select& select);
  absl::StatusOr<PlanNodePtr> Insert(const ast::Insert& insert);
  absl::StatusOr<PlanNodePtr> Update(const ast::Update& update);
  absl::StatusOr<PlanNodePtr> Delete(const ast::Delete& del);

  // Columns of the Select just built.
  std::vector<ColumnInfo> columns;

 private:
  struct Source {
    TablePtr table;  // null for a virtual one
    const SystemTableDef* def = nullptr;
    std::string schema, name;
    int offset = 0;
    int width = 0;
    bool left = false;
    std::vector<ExprPtr> conditions;  // on this table alone, in slots of the whole row
  };
  // A select list item or sort key, over the input row (or the aggregation's output).
  struct Output {
    ExprPtr expr;
    std::string name;
    bool from_alias = false;
  };

  absl::StatusOr<TablePtr> FindTable(const ast::TableName& name) const;
  absl::StatusOr<Source> MakeSource(const ast::TableName& name, Scope* scope) const;

  absl::StatusOr<PlanNodePtr> From(const ast::Select& select, Scope* scope,
                                   std::vector<Source>* sources);
  absl::StatusOr<PlanNodePtr> SourcePlan(Source* source, bool exclusive);
  absl::StatusOr<PlanNodePtr> JoinAll(std::vector<Source>* sources, std::vector<ExprPtr> rest,
                                      std::vector<std::vector<ExprPtr>> on, bool exclusive);
  absl::StatusOr<PlanNodePtr> ValuesRows(const ast::Select& select);
  absl::StatusOr<std::vector<Output>> Outputs(const std::vector<ast::SelectItem>& items,
                                              const Scope& scope,
                                              std::vector<AggregateCall>* aggregates,
                                              const char* clause);
  absl::Status BindSortKeys(const ast::Select& select, const Scope& scope,
                            std::vector<AggregateCall>* aggregates, std::vector<Output>* outputs,
                            std::vector<SortKey>* keys);
  absl::StatusOr<PlanNodePtr> Aggregation(const ast::Select& select, const Scope& scope,
                                          PlanNodePtr input, std::vector<AggregateCall> calls,
                                          std::vector<Output>* outputs, ExprPtr having);
  absl::StatusOr<std::vector<ExprPtr>> Returning(const std::vector<ast::SelectItem>& items,
                                                 const Scope& scope);
  absl::StatusOr<std::vector<std::pair<int, ExprPtr>>> Assignments(
      const std::vector<ast::Assignment>& set, const TableDescriptor& table, const Scope& scope);
  absl::StatusOr<PlanNodePtr> InsertSource(const ast::Insert& insert, const TablePtr& table,
                                           const std::vector<int>& targets);
  absl::Status InsertConflict(const ast::Insert& insert, const TablePtr& table, InsertPlan* node);

  const std::map<std::string, TablePtr>& tables_;
  Plan* plan_;
};

// The conjuncts of a condition.
void SplitAnd(ExprPtr e, std::vector<ExprPtr>* out);
// All of them in one; null for none.
ExprPtr JoinAnd(std::vector<ExprPtr> parts);
// The slots that an expression reads lie within [from, to).
bool ReadsOnly(const Expr& e, int from, int to);
void ShiftColumns(Expr* e, int by);

// Moves what it can of `conditions` (slots of the table's columns) into key bounds and leaves the
// rest.
KeyBounds ExtractBounds(const TableDescriptor& table, std::vector<ExprPtr>* conditions);
// Whether rows in key order of `scan` are in the order of `keys` over `outputs`; sets *reverse.
bool KeyOrderServes(const ScanPlan& scan, const std::vector<const Expr*>& sort,
                    const std::vector<SortKey>& keys, bool* reverse);
// The expression of a column's default: a constant or now(); null for NULL.
ExprPtr DefaultExpr(const ColumnDescriptor& column);
Scope TableScope(const TableDescriptor& table, const std::string& alias);

}  // namespace isochron::sql::planner

#endif  // ISOCHRON_SQL_PLANNER_BUILDER_H_
