// SPDX-License-Identifier: Apache-2.0
//
// FOR UPDATE ... SKIP LOCKED.
#include <utility>

#include "common/status_macros.h"
#include "sql/planner/builder.h"
#include "sql/types/error.h"

namespace isochron::sql::planner {

absl::Status Builder::CheckSkipLocked(const ast::Select& select, const PlanNode& from, bool plain) {
  if (plain && from.kind == PlanKind::kScan && !select.distinct && !select.with_ties) {
    return absl::OkStatus();
  }
  return SqlError(sqlstate::kUnsupported,
                  "SKIP LOCKED is supported only where the query reads the rows of one table", -1,
                  "Find the rows in a subquery that says SKIP LOCKED, and join with that.");
}

absl::StatusOr<PlanNodePtr> Builder::SkipLocked(const ast::Select& select, const Scope& scope,
                                                const std::vector<Output>& outputs,
                                                const std::vector<SortKey>& sort, bool sorted,
                                                const Expr* limit, const Expr* offset,
                                                PlanNodePtr plan) {
  auto* scan = static_cast<ScanPlan*>(plan.get());
  // Those that are locked do not count.
  scan->limit = nullptr;
  scan->offset = nullptr;
  auto lock = std::make_unique<LockRowsPlan>();
  lock->table = scan->table;
  lock->exclusive = select.for_update;
  lock->width = static_cast<size_t>(scope.width());
  // What decides after the lock: the row may have changed since it was found.
  if (select.where != nullptr) {
    Binder binder(&scope, &plan_->params, nullptr, "WHERE");
    binder.Allow(this);
    ISO_ASSIGN_OR_RETURN(lock->recheck, binder.BindAs(*select.where, Type::kBool, "WHERE"));
  }
  if (limit != nullptr) lock->limit = Clone(*limit);
  if (offset != nullptr) lock->offset = Clone(*offset);
  if (sorted) {
    lock->child = std::move(plan);
    return PlanNodePtr(std::move(lock));
  }
  auto project = std::make_unique<ProjectPlan>();
  for (size_t i = 0; i < lock->width; ++i) {
    const Type type = scan->table->columns[i].type;
    project->exprs.push_back(MakeColumn(static_cast<int>(i), type));
  }
  auto order = std::make_unique<SortPlan>();
  for (SortKey key : sort) {
    project->exprs.push_back(Clone(*outputs[static_cast<size_t>(key.slot)].expr));
    key.slot = static_cast<int>(project->exprs.size()) - 1;
    order->keys.push_back(key);
  }
  project->child = std::move(plan);
  order->child = std::move(project);
  lock->child = std::move(order);
  return PlanNodePtr(std::move(lock));
}

}  // namespace isochron::sql::planner
