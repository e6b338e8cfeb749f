// SPDX-License-Identifier: Apache-2.0
//
// [NOT] EXISTS as a join: where a query of WHERE is tied to the row around it by equalities, the
// rows around and those of the query are joined by hash, and of the former those come for which
// there are (semi) or are not (anti) any of the latter. Asked row by row it would read its tables
// once a row. That is what is done all the same where the rows around turn out to be few and the
// query finds its own by key: the plan holds both ways, and the join counts.
//
// Only for plain queries over tables of a statement's outermost level: what is run again and again
// itself would hash its tables again and again.
// A LIMIT of rows as they are may be reached before many are asked: there keys are better, too.
#include <algorithm>
#include <utility>

#include "common/status_macros.h"
#include "sql/planner/builder.h"

namespace isochron::sql::planner {
namespace {

bool Asks(const ast::Expr* e) {
  if (e == nullptr) return false;
  if (e->select != nullptr) return true;
  return std::any_of(e->args.begin(), e->args.end(),
                     [](const ast::ExprPtr& a) { return Asks(a.get()); });
}

bool PlainItem(const ast::FromItem& item) {
  if (item.kind == ast::FromItem::Kind::kTable) return true;
  return item.kind == ast::FromItem::Kind::kJoin && PlainItem(*item.left) &&
         PlainItem(*item.right) && !Asks(item.on.get());
}

// Whether it gives a row for each row of FROM that passes WHERE, and nothing in it is a query.
bool PlainQuery(const ast::Select& s) {
  if (!s.ctes.empty() || s.first != nullptr || !s.values.empty() || s.from.empty() ||
      s.where == nullptr || !s.group_by.empty() || s.having != nullptr || s.limit != nullptr ||
      s.offset != nullptr || s.locks || s.for_update || !s.distinct_on.empty() ||
      !s.order_by.empty() || Asks(s.where.get())) {
    return false;
  }
  for (const ast::SelectItem& item : s.items) {
    switch (item.expr->kind) {
      case ast::ExprKind::kNull:
      case ast::ExprKind::kBool:
      case ast::ExprKind::kInt:
      case ast::ExprKind::kString:
      case ast::ExprKind::kStar:
      case ast::ExprKind::kColumn:
        break;
      default:
        return false;
    }
  }
  return std::all_of(s.from.begin(), s.from.end(), PlainItem);
}

bool SeesOuter(const Expr& e) {
  return e.kind == ExprKind::kOuter ||
         std::any_of(e.args.begin(), e.args.end(), [](const ExprPtr& a) { return SeesOuter(*a); });
}

// A condition over the query's row and what it sees of the row around, as one over both rows.
bool OverBoth(const std::vector<ExprPtr>& seen, int width, Expr* e) {
  if (e->kind == ExprKind::kOuter) {
    const Expr& around = *seen[static_cast<size_t>(e->index)];
    if (around.kind != ExprKind::kColumn) return false;
    e->kind = ExprKind::kColumn;
    e->index = around.index;
    e->value = Datum();
    return true;
  }
  if (e->kind == ExprKind::kColumn) e->index += width;
  return std::all_of(e->args.begin(), e->args.end(),
                     [&](const ExprPtr& a) { return OverBoth(seen, width, a.get()); });
}

// Some scan below finds its rows by what is seen of the row around.
bool FindsByKey(const PlanNode* node) {
  if (node == nullptr) return false;
  if (node->kind == PlanKind::kScan) {
    const KeyBounds& bounds = static_cast<const ScanPlan*>(node)->bounds;
    for (const auto& values : bounds.prefix) {
      for (const ExprPtr& e : values) {
        if (SeesOuter(*e)) return true;
      }
    }
    return (bounds.lower != nullptr && SeesOuter(*bounds.lower)) ||
           (bounds.upper != nullptr && SeesOuter(*bounds.upper));
  }
  if (node->kind == PlanKind::kJoin) {
    const auto* join = static_cast<const JoinPlan*>(node);
    if (FindsByKey(join->right.get())) return true;
  }
  return FindsByKey(node->child.get());
}

}  // namespace

absl::StatusOr<std::unique_ptr<JoinPlan>> Builder::SemiJoin(const ast::Select& query,
                                                            const Scope& scope, int width) {
  OuterFrame frame;
  std::vector<ExprPtr> seen;
  frame.scope = &scope;
  frame.args = &seen;
  Scope inside;
  inside.outer = &frame;
  ISO_ASSIGN_OR_RETURN(FromNodePtr all,
                       BindItems(query.from, Around{&frame, true, false}, nullptr, &inside));
  if (!seen.empty()) return nullptr;  // by ON
  Binder binder(&inside, &plan_->params, nullptr, "WHERE");
  binder.Allow(this);
  ISO_ASSIGN_OR_RETURN(ExprPtr where, binder.BindAs(*query.where, Type::kBool, "WHERE"));
  std::vector<ExprPtr> conditions, own, both;
  SplitAnd(std::move(where), &conditions);
  for (ExprPtr& c : conditions) {
    const bool sees = SeesOuter(*c);
    if (sees && !OverBoth(seen, width, c.get())) return nullptr;
    (sees ? both : own).push_back(std::move(c));
  }
  auto join = std::make_unique<JoinPlan>();
  join->left_width = static_cast<size_t>(width);
  join->right_width = static_cast<size_t>(all->width);
  join->condition = JoinAnd(TakeKeys(std::move(both), 0, width, width + all->width, join.get()));
  if (join->left_keys.empty()) return nullptr;
  ISO_ASSIGN_OR_RETURN(join->right, BuildOrdered(std::move(all), inside, std::move(own)));
  return join;
}

absl::StatusOr<std::vector<std::unique_ptr<JoinPlan>>> Builder::SemiJoins(
    const Scope& scope, int width, bool may_stop, std::vector<ExprPtr>* where) {
  std::vector<std::unique_ptr<JoinPlan>> joins;
  for (ExprPtr& c : *where) {
    if (!MayJoin(*c)) continue;
    const Expr& exists = c->kind == ExprKind::kNot ? *c->args[0] : *c;
    const auto at = static_cast<size_t>(exists.index);
    const bool by_key = FindsByKey(plan_->subqueries[at].root.get());
    if (by_key && may_stop) continue;
    ISO_ASSIGN_OR_RETURN(std::unique_ptr<JoinPlan> join,
                         SemiJoin(*exists_.at(exists.index), scope, width));
    if (join == nullptr) continue;
    join->semi = c->kind == ExprKind::kNot ? JoinPlan::Semi::kAnti : JoinPlan::Semi::kSemi;
    plan_->subqueries[at].joined = !by_key;
    if (by_key) join->each = std::move(c);
    c = nullptr;
    joins.push_back(std::move(join));
  }
  std::erase_if(*where, [](const ExprPtr& c) { return c == nullptr; });
  return joins;
}

bool Builder::MayJoin(const Expr& condition) const {
  const Expr& e = condition.kind == ExprKind::kNot ? *condition.args[0] : condition;
  if (e.kind != ExprKind::kSubquery || e.function != nullptr) return false;
  const SubPlan& sub = plan_->subqueries[static_cast<size_t>(e.index)];
  const auto query = exists_.find(e.index);
  return sub.use == SubqueryUse::kExists && sub.correlated && query != exists_.end() &&
         PlainQuery(*query->second);
}

}  // namespace isochron::sql::planner
