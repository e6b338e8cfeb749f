// SPDX-License-Identifier: Apache-2.0
//
// Which way a scan goes to its rows: along the primary key or a secondary index, and whether the
// index alone tells what is wanted.
#include <algorithm>
#include <utility>

#include "sql/catalog/index_codec.h"
#include "sql/planner/builder.h"

namespace isochron::sql::planner {
namespace {

// The columns by which entries of an index, or rows of a table, are ordered.
std::vector<IndexColumn> PathOf(const TableDescriptor& table, const IndexDescriptor* index) {
  std::vector<IndexColumn> path;
  if (index != nullptr) path = index->columns;
  // Where entries of a unique index have the primary key, there are NULLs before it.
  if (index != nullptr && index->unique) return path;
  for (uint32_t k : table.key) {
    const bool there =
        std::any_of(path.begin(), path.end(), [k](const IndexColumn& c) { return c.column == k; });
    if (!there) path.push_back({k, false, false});
  }
  return path;
}

void Take(ScanPlan* scan, const IndexDescriptor* index) {
  scan->index = index;
  scan->path = PathOf(*scan->table, index);
}

bool IsBound(const KeyBounds& bounds) {
  return !bounds.prefix.empty() || bounds.lower != nullptr || bounds.upper != nullptr;
}

// Puts an index's own columns in the place of the expressions that they hold.
void ToColumns(const IndexRules::One& rule, ExprPtr* e) {
  for (const auto& [column, value] : rule.values) {
    if (!SameExpr(**e, *value)) continue;
    *e = MakeColumn(static_cast<int>(column), value->type);
    return;
  }
  for (ExprPtr& a : (*e)->args) ToColumns(rule, &a);
}

// And the other way round: no row has a value there.
void ToExpressions(const IndexRules::One& rule, ExprPtr* e) {
  if ((*e)->kind == ExprKind::kColumn) {
    for (const auto& [column, value] : rule.values) {
      if ((*e)->index != static_cast<int>(column)) continue;
      *e = Clone(*value);
      return;
    }
  }
  for (ExprPtr& a : (*e)->args) ToExpressions(rule, &a);
}

std::vector<ExprPtr> Copies(const std::vector<ExprPtr>& conditions, const IndexRules::One* rule) {
  std::vector<ExprPtr> copies;
  for (const ExprPtr& c : conditions) {
    copies.push_back(Clone(*c));
    if (rule != nullptr) ToColumns(*rule, &copies.back());
  }
  return copies;
}

// The rows that the conditions are about all have entries.
bool HasAll(const IndexRules::One* rule, const std::vector<ExprPtr>& conditions) {
  return rule == nullptr || rule->predicate == nullptr || Implied(conditions, *rule->predicate);
}

bool IsPart(const Expr& of, const Expr& e) {
  if (SameExpr(of, e)) return true;
  return of.kind == ExprKind::kAnd && std::any_of(of.args.begin(), of.args.end(),
                                                  [&e](const ExprPtr& a) { return IsPart(*a, e); });
}

// How much the conditions narrow a path: the more the better.
int Narrowing(const TableDescriptor& table, const IndexDescriptor* index,
              const IndexRules::One* rule, const std::vector<ExprPtr>& conditions) {
  std::vector<ExprPtr> copies = Copies(conditions, rule);
  const std::vector<IndexColumn> path = PathOf(table, index);
  const KeyBounds bounds = ExtractBounds(table, path, &copies);
  const bool unique = index == nullptr || index->unique;
  if (unique && bounds.prefix.size() == path.size()) return index == nullptr ? 1001 : 1000;
  return static_cast<int>(bounds.prefix.size()) * 10 + (bounds.lower != nullptr ? 4 : 0) +
         (bounds.upper != nullptr ? 4 : 0) + (index == nullptr ? 1 : 0) +
         (rule != nullptr && rule->predicate != nullptr ? 3 : 0);
}

void Slots(const Expr& e, std::vector<bool>* needed) {
  if (e.kind == ExprKind::kColumn && e.index >= 0 &&
      static_cast<size_t>(e.index) < needed->size()) {
    (*needed)[static_cast<size_t>(e.index)] = true;
  }
  for (const ExprPtr& a : e.args) Slots(*a, needed);
}

void Slots(const std::vector<ExprPtr>& exprs, std::vector<bool>* needed) {
  for (const ExprPtr& e : exprs) {
    if (e != nullptr) Slots(*e, needed);
  }
}

void Slots(const AggregateCall& call, std::vector<bool>* needed) {
  Slots(call.args, needed);
  Slots(call.direct, needed);
  for (const OrderExpr& o : call.order) Slots(*o.expr, needed);
  if (call.filter != nullptr) Slots(*call.filter, needed);
}

void CoverScan(ScanPlan* scan, std::vector<bool> needed) {
  if (scan->exclusive) return;
  needed.resize(scan->table->columns.size(), false);
  if (scan->filter != nullptr) Slots(*scan->filter, &needed);
  if (scan->index == nullptr) {
    scan->wanted = std::move(needed);
    return;
  }
  const std::vector<bool> held = IndexedColumns(*scan->table, *scan->index);
  scan->covering = true;
  for (size_t i = 0; i < held.size(); ++i) scan->covering &= held[i] || !needed[i];
}

std::vector<int> Kept(const std::vector<bool>& needed, size_t width) {
  std::vector<int> out;
  for (size_t i = 0; i < width; ++i) {
    if (needed[i]) out.push_back(static_cast<int>(i));
  }
  return out;
}

// More slots than any row has: a child asked for all of them gives its whole row.
constexpr size_t kAllSlots = 16'384;

void Cover(PlanNode* node, std::vector<bool> needed) {
  switch (node->kind) {
    case PlanKind::kScan:
      CoverScan(static_cast<ScanPlan*>(node), std::move(needed));
      return;
    case PlanKind::kProject: {
      // What it only passes on is needed where it is needed above.
      std::vector<bool> below(kAllSlots, false);
      const std::vector<ExprPtr>& exprs = static_cast<ProjectPlan*>(node)->exprs;
      for (size_t i = 0; i < exprs.size(); ++i) {
        if (needed[i] || exprs[i]->kind != ExprKind::kColumn) Slots(*exprs[i], &below);
      }
      needed = std::move(below);
      break;
    }
    case PlanKind::kLet:
      break;
    case PlanKind::kLimit:
      MarkFirstRows(static_cast<LimitPlan*>(node));
      needed.assign(kAllSlots, true);
      break;
    case PlanKind::kFilter:
      Slots(*static_cast<FilterPlan*>(node)->predicate, &needed);
      break;
    case PlanKind::kAggregate: {
      const auto* aggregate = static_cast<AggregatePlan*>(node);
      needed.assign(kAllSlots, false);
      Slots(aggregate->groups, &needed);
      for (const AggregateCall& call : aggregate->calls) Slots(call, &needed);
      break;
    }
    case PlanKind::kJoin: {
      auto* join = static_cast<JoinPlan*>(node);
      if (join->semi != JoinPlan::Semi::kNone) {
        needed.resize(join->left_width);
        needed.resize(kAllSlots, false);
        if (join->each != nullptr) Slots(*join->each, &needed);
      }
      if (join->condition != nullptr) Slots(*join->condition, &needed);
      const auto middle = needed.begin() + static_cast<std::ptrdiff_t>(join->left_width);
      std::vector<bool> left(needed.begin(), middle), right(middle, needed.end());
      left.resize(kAllSlots, false);
      right.resize(kAllSlots, false);
      Slots(join->left_keys, &left);
      for (const Let& let : join->lets) Slots(*let.value, &left);
      Slots(join->right_keys, &right);
      join->pruned = true;
      join->left_kept = Kept(left, join->left_width);
      join->right_kept = Kept(right, join->right_width);
      Cover(node->child.get(), std::move(left));
      Cover(join->right.get(), std::move(right));
      return;
    }
    default:
      // Rows are looked at as a whole; below a projection that no longer matters.
      needed.assign(kAllSlots, true);
      break;
  }
  if (node->child != nullptr) Cover(node->child.get(), std::move(needed));
}

IndexRules RulesOf(const TableDescriptor& table) {
  const bool any = std::any_of(table.indexes.begin(), table.indexes.end(),
                               [&table](const auto& index) { return table.Computes(index); });
  if (!any) return {};
  absl::StatusOr<IndexRules> rules = BindIndexRules(table);
  return rules.ok() ? *std::move(rules) : IndexRules();
}

}  // namespace

void ChoosePath(ScanPlan* scan, std::vector<ExprPtr>* conditions) {
  const TableDescriptor& table = *scan->table;
  const IndexDescriptor* best = nullptr;
  const IndexRules rules = RulesOf(table);
  int narrowing = Narrowing(table, nullptr, nullptr, *conditions);
  for (const IndexDescriptor& index : table.indexes) {
    if (index.state != IndexState::kPublic || conditions->empty()) continue;
    const IndexRules::One* rule = rules.Find(index.id);
    if (!HasAll(rule, *conditions) || (rule == nullptr && table.Computes(index))) continue;
    const int other = Narrowing(table, &index, rule, *conditions);
    if (other <= narrowing) continue;
    narrowing = other;
    best = &index;
  }
  Take(scan, best);
  const IndexRules::One* rule = best == nullptr ? nullptr : rules.Find(best->id);
  if (rule == nullptr) {
    scan->bounds = ExtractBounds(table, scan->path, conditions);
    return;
  }
  std::vector<ExprPtr> copies = Copies(*conditions, rule);
  scan->bounds = ExtractBounds(table, scan->path, &copies);
  for (ExprPtr& c : copies) ToExpressions(*rule, &c);
  // What the index says of all its rows need not be asked of each.
  std::erase_if(copies, [rule](const ExprPtr& c) {
    return rule->predicate != nullptr && IsPart(*rule->predicate, *c);
  });
  *conditions = std::move(copies);
}

bool OrderByIndex(ScanPlan* scan, const std::vector<const Expr*>& sort,
                  const std::vector<SortKey>& keys) {
  if (scan->index != nullptr || IsBound(scan->bounds) || scan->filter != nullptr) return false;
  const IndexRules rules = RulesOf(*scan->table);
  for (const IndexDescriptor& index : scan->table->indexes) {
    const IndexRules::One* rule = rules.Find(index.id);
    if (index.state != IndexState::kPublic || !HasAll(rule, {}) ||
        (rule == nullptr && scan->table->Computes(index))) {
      continue;
    }
    std::vector<ExprPtr> copies;
    std::vector<const Expr*> along;
    for (const Expr* e : sort) {
      copies.push_back(Clone(*e));
      if (rule != nullptr) ToColumns(*rule, &copies.back());
      along.push_back(copies.back().get());
    }
    Take(scan, &index);
    if (KeyOrderServes(*scan, along, keys, &scan->reverse)) return true;
  }
  Take(scan, nullptr);
  scan->reverse = false;
  return false;
}

void CoverByIndexes(PlanNode* root) { Cover(root, std::vector<bool>(kAllSlots, true)); }

}  // namespace isochron::sql::planner
