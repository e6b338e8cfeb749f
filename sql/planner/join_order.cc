// SPDX-License-Identifier: Apache-2.0
//
// The order in which tables of one FROM are joined: as they are written, but one that nothing
// connects with those before it waits for one that does. Without statistics that is what is known:
// a join by keys gives few rows, one without gives every pair.
#include <algorithm>
#include <set>
#include <utility>

#include "common/status_macros.h"
#include "sql/planner/builder.h"

namespace isochron::sql::planner {
namespace {

void ColumnsOf(const Expr& e, std::set<int>* out) {
  if (e.kind == ExprKind::kColumn) out->insert(e.index);
  for (const ExprPtr& a : e.args) ColumnsOf(*a, out);
}

void Remap(const std::vector<int>& places, Expr* e) {
  if (e->kind == ExprKind::kColumn) e->index = places[static_cast<size_t>(e->index)];
  for (ExprPtr& a : e->args) Remap(places, a.get());
}

// One side of an equality, and the other: which of the joined items each reads.
struct Link {
  std::set<size_t> sides[2];
};

}  // namespace

// The items that inner joins join, and their conditions. False where one sees another (LATERAL).
bool Builder::Flatten(FromNode* node, std::vector<FromNode*>* items,
                      std::vector<const Expr*>* conditions) {
  if (!node->lets.empty()) return false;
  if (node->left == nullptr) {
    items->push_back(node);
    return true;
  }
  if (node->kind != ast::JoinKind::kInner) {
    std::vector<FromNode*> inside;
    std::vector<const Expr*> unused;
    items->push_back(node);
    return Flatten(node->left.get(), &inside, &unused) &&
           Flatten(node->right.get(), &inside, &unused);
  }
  for (const ExprPtr& c : node->on) conditions->push_back(c.get());
  return Flatten(node->left.get(), items, conditions) &&
         Flatten(node->right.get(), items, conditions);
}

// Places in `items`, in the order in which they are to be joined.
std::vector<size_t> Builder::JoinOrder(const std::vector<FromNode*>& items,
                                       const std::vector<const Expr*>& conditions) {
  auto of = [&](const Expr& e) {
    std::set<int> columns;
    ColumnsOf(e, &columns);
    std::set<size_t> out;
    for (size_t i = 0; i < items.size(); ++i) {
      const auto first = columns.lower_bound(items[i]->offset);
      if (first != columns.end() && *first < items[i]->offset + items[i]->width) out.insert(i);
    }
    return out;
  };
  std::vector<Link> links;
  for (const Expr* c : conditions) {
    if (c->kind != ExprKind::kCall || absl::string_view(c->function->name) != "=") continue;
    if (HasSubquery(*c)) continue;
    links.push_back({{of(*c->args[0]), of(*c->args[1])}});
  }
  std::vector<size_t> order = {0};
  std::set<size_t> joined = {0};
  auto connected = [&](size_t item) {
    return std::any_of(links.begin(), links.end(), [&](const Link& link) {
      for (size_t side : {0, 1}) {
        const std::set<size_t>& others = link.sides[1 - side];
        if (link.sides[side] == std::set<size_t>{item} && !others.empty() &&
            std::includes(joined.begin(), joined.end(), others.begin(), others.end())) {
          return true;
        }
      }
      return false;
    });
  };
  while (order.size() < items.size()) {
    size_t next = items.size();
    for (size_t i = 0; i < items.size() && next == items.size(); ++i) {
      if (joined.count(i) == 0 && connected(i)) next = i;
    }
    for (size_t i = 0; i < items.size() && next == items.size(); ++i) {
      if (joined.count(i) == 0) next = i;
    }
    order.push_back(next);
    joined.insert(next);
  }
  return order;
}

void Builder::Move(const std::vector<int>& places, int by, FromNode* node) {
  node->offset += by;
  node->source.offset += by;
  for (ExprPtr& c : node->on) Remap(places, c.get());
  if (node->left == nullptr) return;
  Move(places, by, node->left.get());
  Move(places, by, node->right.get());
}

// Takes the items out of a tree of inner joins, and their conditions.
void Builder::TakeApart(FromNodePtr node, std::vector<FromNodePtr>* items,
                        std::vector<ExprPtr>* conditions) {
  if (node->left == nullptr || node->kind != ast::JoinKind::kInner) {
    items->push_back(std::move(node));
    return;
  }
  for (ExprPtr& c : node->on) conditions->push_back(std::move(c));
  TakeApart(std::move(node->left), items, conditions);
  TakeApart(std::move(node->right), items, conditions);
}

absl::StatusOr<PlanNodePtr> Builder::BuildOrdered(FromNodePtr all, const Scope& scope,
                                                  std::vector<ExprPtr> where) {
  std::vector<FromNode*> seen;
  std::vector<const Expr*> conditions;
  const bool free = Flatten(all.get(), &seen, &conditions);
  for (const ExprPtr& c : where) conditions.push_back(c.get());
  if (!free || seen.size() < 3) return Build(all.get(), std::move(where));
  const std::vector<size_t> order = JoinOrder(seen, conditions);
  if (std::is_sorted(order.begin(), order.end())) return Build(all.get(), std::move(where));

  const int width = all->width;
  std::vector<FromNodePtr> items;
  TakeApart(std::move(all), &items, &where);
  std::vector<int> places(static_cast<size_t>(width));  // of each slot as it is written
  std::vector<int> moved(items.size());
  int at = 0;
  for (size_t i : order) {
    moved[i] = at - items[i]->offset;
    for (int slot = 0; slot < items[i]->width; ++slot) {
      places[static_cast<size_t>(items[i]->offset + slot)] = at++;
    }
  }
  FromNodePtr tree;
  for (size_t i : order) {
    Move(places, moved[i], items[i].get());
    if (tree == nullptr) {
      tree = std::move(items[i]);
      continue;
    }
    auto join = std::make_unique<FromNode>();
    join->offset = tree->offset;
    join->width = tree->width + items[i]->width;
    join->left = std::move(tree);
    join->right = std::move(items[i]);
    tree = std::move(join);
  }
  for (ExprPtr& c : where) Remap(places, c.get());
  ISO_ASSIGN_OR_RETURN(PlanNodePtr joined, Build(tree.get(), std::move(where)));
  // Above, slots count as they are written.
  auto project = std::make_unique<ProjectPlan>();
  project->exprs.resize(static_cast<size_t>(width));
  for (const ScopeTable& table : scope.tables) {
    if (table.alias_of_join) continue;
    for (size_t c = 0; c < table.columns.size(); ++c) {
      const size_t slot = static_cast<size_t>(table.offset) + c;
      project->exprs[slot] = MakeColumn(places[slot], table.columns[c].type);
    }
  }
  project->child = std::move(joined);
  return PlanNodePtr(std::move(project));
}

}  // namespace isochron::sql::planner
