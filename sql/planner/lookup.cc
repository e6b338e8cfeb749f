// SPDX-License-Identifier: Apache-2.0
//
// Joins by lookup: where the keys of a join bind the whole primary key of one side's table, that
// side need not be scanned. The other side is taken in first; if it is small, its rows say which
// keys to read, all at once; if it is not, the join goes on as a hash join.
#include <algorithm>

#include "sql/planner/builder.h"

namespace isochron::sql::planner {
namespace {

// Of each column of the primary key the place in `keys` of what equals it; empty if some is not
// bound, or the plan is no scan of a whole table.
std::vector<int> Binding(const PlanNode& plan, const std::vector<ExprPtr>& keys,
                         const std::vector<ExprPtr>& others) {
  if (plan.kind != PlanKind::kScan) return {};
  const auto& scan = static_cast<const ScanPlan&>(plan);
  const bool whole = scan.index == nullptr && scan.bounds.prefix.empty() &&
                     scan.bounds.lower == nullptr && scan.bounds.upper == nullptr &&
                     scan.limit == nullptr;
  if (!whole || scan.table->has_hidden_key()) return {};
  if (scan.filter != nullptr && HasSubquery(*scan.filter)) return {};
  std::vector<int> out;
  for (uint32_t column : scan.table->key) {
    const Type type = scan.table->columns[column].type;
    size_t at = 0;
    while (at < keys.size() &&
           !(keys[at]->kind == ExprKind::kColumn && keys[at]->index == static_cast<int>(column) &&
             keys[at]->type == type && others[at]->type == type)) {
      ++at;
    }
    if (at == keys.size()) return {};
    out.push_back(static_cast<int>(at));
  }
  return out;
}

// Rows of it are few, as far as the plan says: they are bound by keys, or counted.
bool Bounded(const PlanNode& plan) {
  switch (plan.kind) {
    case PlanKind::kScan: {
      const auto& scan = static_cast<const ScanPlan&>(plan);
      return !scan.bounds.prefix.empty() || scan.limit != nullptr;
    }
    case PlanKind::kValues:
    case PlanKind::kLimit:
    case PlanKind::kWorkTable:
      return true;
    case PlanKind::kFilter:
    case PlanKind::kProject:
    case PlanKind::kSort:
    case PlanKind::kDistinct:
    case PlanKind::kSubqueryScan:
      return Bounded(*plan.child);
    default:
      return false;
  }
}

}  // namespace

void ChooseLookup(JoinPlan* join) {
  if (!join->lets.empty() || join->left_keys.empty()) return;
  std::vector<int> left, right;
  if (!join->left_outer) left = Binding(*join->child, join->left_keys, join->right_keys);
  if (!join->right_outer) right = Binding(*join->right, join->right_keys, join->left_keys);
  // A table that is about to be written is locked as it is read.
  const bool locks = !left.empty() && static_cast<const ScanPlan&>(*join->child).exclusive;
  if (!left.empty() &&
      (right.empty() || locks || (Bounded(*join->right) && !Bounded(*join->child)))) {
    join->lookup = JoinPlan::Lookup::kLeft;
    join->lookup_keys = std::move(left);
  } else if (!right.empty()) {
    join->lookup = JoinPlan::Lookup::kRight;
    join->lookup_keys = std::move(right);
  }
}

}  // namespace isochron::sql::planner
