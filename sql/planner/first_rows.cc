// SPDX-License-Identifier: Apache-2.0
//
// LIMIT over ORDER BY: whoever sorts, and whoever reads for it, keeps only the first rows.
#include <utility>

#include "sql/planner/builder.h"

namespace isochron::sql::planner {
namespace {

bool IsFixed(const ExprPtr& e) { return e == nullptr || (IsConstant(*e) && !HasSubquery(*e)); }

ExprPtr CloneOf(const ExprPtr& e) { return e == nullptr ? nullptr : Clone(*e); }

// The order of the sort in what the scan below gives; nothing where more than a projection lies
// between them, or the scan is not of a range of a table, from its beginning on, without locks to
// keep.
void MarkScan(const SortPlan& sort, PlanNode* below) {
  const ProjectPlan* project = nullptr;
  if (below->kind == PlanKind::kProject) {
    project = static_cast<const ProjectPlan*>(below);
    below = below->child.get();
  }
  if (below == nullptr || below->kind != PlanKind::kScan) return;
  auto* scan = static_cast<ScanPlan*>(below);
  if (scan->index != nullptr || scan->points() || scan->exclusive || scan->reverse ||
      scan->limit != nullptr) {
    return;
  }
  FirstRows first;
  for (const SortKey& key : sort.keys) {
    OrderExpr by;
    const auto slot = static_cast<size_t>(key.slot);
    by.expr = project != nullptr ? Clone(*project->exprs[slot])
                                 : MakeColumn(key.slot, scan->table->columns[slot].type);
    if (HasSubquery(*by.expr)) return;
    by.descending = key.descending;
    by.nulls_first = key.nulls_first;
    first.by.push_back(std::move(by));
  }
  first.limit = CloneOf(sort.limit);
  first.offset = CloneOf(sort.offset);
  scan->first = std::move(first);
}

}  // namespace

void MarkFirstRows(LimitPlan* limit) {
  if (limit->limit == nullptr || limit->with_ties || limit->child->kind != PlanKind::kSort ||
      !IsFixed(limit->limit) || !IsFixed(limit->offset)) {
    return;
  }
  auto* sort = static_cast<SortPlan*>(limit->child.get());
  sort->limit = CloneOf(limit->limit);
  sort->offset = CloneOf(limit->offset);
  MarkScan(*sort, sort->child.get());
}

}  // namespace isochron::sql::planner
