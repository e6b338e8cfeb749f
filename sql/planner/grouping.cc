// SPDX-License-Identifier: Apache-2.0
//
// What stands between FROM and the select list: aggregation, windows, functions that give sets.
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/planner/builder.h"
#include "sql/types/error.h"

namespace isochron::sql::planner {
namespace {

constexpr size_t kMostSets = 4096;  // as PostgreSQL
using Sets = std::vector<std::vector<int>>;

bool HasKind(const Expr& e, ExprKind kind) {
  return e.kind == kind || std::any_of(e.args.begin(), e.args.end(),
                                       [&](const ExprPtr& a) { return HasKind(*a, kind); });
}

// Turns an expression over the aggregation's input into one over its output.
absl::Status OverAggregation(Expr* e, const std::vector<ExprPtr>& groups, const Scope& scope,
                             bool of_subquery = false) {
  for (size_t i = 0; i < groups.size(); ++i) {
    if (!SameExpr(*e, *groups[i])) continue;
    ExprPtr column = MakeColumn(static_cast<int>(i), e->type, e->position);
    column->typmod = e->typmod;
    *e = std::move(*column);
    return absl::OkStatus();
  }
  if (e->kind == ExprKind::kAggregate) {
    e->kind = ExprKind::kColumn;
    e->index += static_cast<int>(groups.size());
    return absl::OkStatus();
  }
  if (e->kind == ExprKind::kColumn) {
    const std::string name = scope.FullName(e->index);
    return SqlError(
        sqlstate::kGrouping,
        of_subquery ? absl::StrCat("subquery uses ungrouped column \"", name, "\" from outer query")
                    : absl::StrCat("column \"", name,
                                   "\" must appear in the GROUP BY clause or be used "
                                   "in an aggregate function"),
        e->position);
  }
  for (size_t i = 0; i < e->args.size(); ++i) {
    const bool seen = e->kind == ExprKind::kSubquery && i >= static_cast<size_t>(e->operands);
    ISO_RETURN_IF_ERROR(OverAggregation(e->args[i].get(), groups, scope, of_subquery || seen));
  }
  return absl::OkStatus();
}

// Every expression that is evaluated above the aggregation, or the windows.
template <typename Fn>
absl::Status ForEach(std::vector<WindowSpec>* specs, std::vector<WindowCall>* calls,
                     std::vector<SetCall>* sets, Fn fn) {
  for (WindowSpec& spec : *specs) {
    for (ExprPtr& e : spec.partition) ISO_RETURN_IF_ERROR(fn(e.get()));
    for (OrderExpr& o : spec.order) ISO_RETURN_IF_ERROR(fn(o.expr.get()));
  }
  for (WindowCall& call : *calls) {
    for (ExprPtr& e : call.args) ISO_RETURN_IF_ERROR(fn(e.get()));
    if (call.filter != nullptr) ISO_RETURN_IF_ERROR(fn(call.filter.get()));
  }
  for (SetCall& call : *sets) {
    for (ExprPtr& e : call.args) ISO_RETURN_IF_ERROR(fn(e.get()));
  }
  return absl::OkStatus();
}

// Calls of one kind become columns of what computes them.
void Replace(Expr* e, ExprKind kind, int base) {
  if (e->kind == kind) {
    e->kind = ExprKind::kColumn;
    e->index += base;
  }
  for (ExprPtr& a : e->args) Replace(a.get(), kind, base);
}

void ColumnsIn(const Expr& e, const std::vector<ExprPtr>& groups, std::set<int>* out) {
  for (const ExprPtr& g : groups) {
    if (SameExpr(e, *g)) return;
  }
  if (e.kind == ExprKind::kColumn) out->insert(e.index);
  for (const ExprPtr& a : e.args) ColumnsIn(*a, groups, out);
}

bool Grouped(const std::vector<ExprPtr>& groups, int slot) {
  return std::any_of(groups.begin(), groups.end(), [&](const ExprPtr& g) {
    return g->kind == ExprKind::kColumn && g->index == slot;
  });
}

// Columns of a table of which the whole primary key is grouped by have one value in a group: they
// become groups of their own.
void AddDependent(const Scope& scope, const std::set<int>& used, std::vector<ExprPtr>* groups) {
  for (const ScopeTable& table : scope.tables) {
    const bool whole = !table.key.empty() && !table.alias_of_join &&
                       std::all_of(table.key.begin(), table.key.end(), [&](int column) {
                         return Grouped(*groups, table.offset + column);
                       });
    if (!whole) continue;
    for (size_t i = 0; i < table.columns.size(); ++i) {
      const int slot = table.offset + static_cast<int>(i);
      if (used.count(slot) == 0 || Grouped(*groups, slot)) continue;
      groups->push_back(MakeColumn(slot, table.columns[i].type));
    }
  }
}

std::vector<int> Union(const std::vector<int>& a, const std::vector<int>& b) {
  std::vector<int> out = a;
  for (int i : b) {
    if (std::find(out.begin(), out.end(), i) == out.end()) out.push_back(i);
  }
  return out;
}

}  // namespace

// The place in `node`'s groups of one expression of GROUP BY.
absl::StatusOr<int> Builder::GroupIndex(const ast::Select& select, const ast::Expr& g,
                                        const Scope& scope, const std::vector<Output>& outputs,
                                        AggregatePlan* node) {
  ExprPtr group;
  if (g.kind == ast::ExprKind::kInt) {
    if (g.int_value < 1 || g.int_value > static_cast<int64_t>(select.items.size())) {
      return SqlError(sqlstate::kInvalidColumnReference,
                      absl::StrCat("GROUP BY position ", g.int_value, " is not in select list"),
                      g.position);
    }
    group = Clone(*outputs[static_cast<size_t>(g.int_value) - 1].expr);
  } else {
    Binder binder(&scope, &plan_->params, nullptr, "GROUP BY");
    Binder local(&scope, &plan_->params, nullptr, "GROUP BY");
    binder.Allow(this);
    local.LocalOnly().Types(types());
    const bool name = g.kind == ast::ExprKind::kColumn && g.names.size() == 1;
    absl::StatusOr<ExprPtr> bound = name ? local.BindOutput(g) : binder.BindOutput(g);
    // An output's alias is the second choice, after the input's columns.
    if (name && !bound.ok()) {
      const Output* alias = nullptr;
      for (const Output& o : outputs) {
        if (o.from_alias && o.name == g.names[0]) alias = &o;
      }
      bound =
          alias != nullptr ? absl::StatusOr<ExprPtr>(Clone(*alias->expr)) : binder.BindOutput(g);
    }
    if (!bound.ok()) return bound.status();
    group = *std::move(bound);
  }
  const char* what = HasKind(*group, ExprKind::kAggregate) ? "aggregate functions"
                     : HasKind(*group, ExprKind::kWindow)  ? "window functions"
                     : HasKind(*group, ExprKind::kSetCall) ? "set-returning functions"
                                                           : nullptr;
  if (what != nullptr) {
    return SqlError(HasKind(*group, ExprKind::kSetCall)  ? sqlstate::kUnsupported
                    : HasKind(*group, ExprKind::kWindow) ? "42P20"
                                                         : sqlstate::kGrouping,
                    absl::StrCat(what, " are not allowed in GROUP BY"), group->position);
  }
  for (size_t i = 0; i < node->groups.size(); ++i) {
    if (SameExpr(*node->groups[i], *group)) return static_cast<int>(i);
  }
  node->groups.push_back(std::move(group));
  return static_cast<int>(node->groups.size()) - 1;
}

// Appends the grouping sets that one element of GROUP BY stands for.
absl::Status Builder::ExpandGroups(const ast::Select& select, const ast::Expr& e,
                                   const Scope& scope, const std::vector<Output>& outputs,
                                   AggregatePlan* node, Sets* sets) {
  if (e.kind == ast::ExprKind::kRow) {
    std::vector<int> set;
    for (const ast::ExprPtr& part : e.args) {
      ISO_ASSIGN_OR_RETURN(int at, GroupIndex(select, *part, scope, outputs, node));
      set = Union(set, {at});
    }
    sets->push_back(std::move(set));
    return absl::OkStatus();
  }
  if (e.kind != ast::ExprKind::kGroupingSet) {
    ISO_ASSIGN_OR_RETURN(int at, GroupIndex(select, e, scope, outputs, node));
    sets->push_back({at});
    return absl::OkStatus();
  }
  Sets parts;
  for (const ast::ExprPtr& part : e.args) {
    ISO_RETURN_IF_ERROR(ExpandGroups(select, *part, scope, outputs, node, &parts));
  }
  if (e.text == "empty") {
    sets->emplace_back();
  } else if (e.text == "rollup") {
    for (size_t n = parts.size() + 1; n-- > 0;) {
      std::vector<int> set;
      for (size_t i = 0; i < n; ++i) set = Union(set, parts[i]);
      sets->push_back(std::move(set));
    }
  } else if (e.text == "cube") {
    if (parts.size() > 12) {
      return SqlError("54011", "CUBE is limited to 12 elements", e.position);
    }
    for (size_t bits = size_t{1} << parts.size(); bits-- > 0;) {
      std::vector<int> set;
      for (size_t i = 0; i < parts.size(); ++i) {
        if ((bits >> (parts.size() - 1 - i)) & 1) set = Union(set, parts[i]);
      }
      sets->push_back(std::move(set));
    }
  } else {
    for (std::vector<int>& set : parts) sets->push_back(std::move(set));
  }
  return absl::OkStatus();
}

absl::Status Builder::BindGroups(const ast::Select& select, const Scope& scope,
                                 const std::vector<Output>& outputs, AggregatePlan* node) {
  Sets all = {{}};
  bool several = false;
  for (const ast::ExprPtr& g : select.group_by) {
    several = several || g->kind == ast::ExprKind::kGroupingSet;
    Sets sets, product;
    ISO_RETURN_IF_ERROR(ExpandGroups(select, *g, scope, outputs, node, &sets));
    if (all.size() * sets.size() > kMostSets) {
      return SqlError("54001",
                      absl::StrCat("too many grouping sets present (maximum ", kMostSets, ")"));
    }
    for (const std::vector<int>& a : all) {
      for (const std::vector<int>& b : sets) product.push_back(Union(a, b));
    }
    all = std::move(product);
  }
  if (!several) return absl::OkStatus();
  if (select.group_distinct) {
    std::set<std::set<int>> seen;
    Sets once;
    for (std::vector<int>& set : all) {
      if (seen.emplace(set.begin(), set.end()).second) once.push_back(std::move(set));
    }
    all = std::move(once);
  }
  node->sets = std::move(all);
  return absl::OkStatus();
}

absl::StatusOr<PlanNodePtr> Builder::Aggregation(const ast::Select& select, const Scope& scope,
                                                 PlanNodePtr input, Calls* calls,
                                                 std::vector<Output>* outputs, ExprPtr having) {
  auto node = std::make_unique<AggregatePlan>();
  ISO_RETURN_IF_ERROR(BindGroups(select, scope, *outputs, node.get()));
  if (node->sets.empty()) {
    std::set<int> used;
    for (const Output& o : *outputs) ColumnsIn(*o.expr, node->groups, &used);
    if (having != nullptr) ColumnsIn(*having, node->groups, &used);
    ISO_RETURN_IF_ERROR(
        ForEach(&calls->windows.specs, &calls->windows.calls, &calls->sets, [&](Expr* e) {
          ColumnsIn(*e, node->groups, &used);
          return absl::OkStatus();
        }));
    AddDependent(scope, used, &node->groups);
  }
  node->calls = std::move(calls->aggregates);
  node->grouping.resize(node->calls.size());
  for (size_t i = 0; i < node->calls.size(); ++i) {
    if (node->calls[i].function != nullptr) {
      for (ExprPtr& e : node->calls[i].direct) {
        if (!IsConstant(*e)) {
          return SqlError(
              sqlstate::kUnsupported,
              "a direct argument of WITHIN GROUP that is not a constant is not supported "
              "yet",
              e->position);
        }
      }
      continue;
    }
    for (const ExprPtr& arg : node->calls[i].args) {
      size_t at = 0;
      while (at < node->groups.size() && !SameExpr(*node->groups[at], *arg)) ++at;
      if (at == node->groups.size()) {
        return SqlError(sqlstate::kGrouping,
                        "arguments to GROUPING must be grouping expressions of the associated "
                        "query level",
                        arg->position);
      }
      node->grouping[i].push_back(static_cast<int>(at));
    }
  }
  for (Output& o : *outputs) {
    ISO_RETURN_IF_ERROR(OverAggregation(o.expr.get(), node->groups, scope));
  }
  ISO_RETURN_IF_ERROR(ForEach(&calls->windows.specs, &calls->windows.calls, &calls->sets,
                              [&](Expr* e) { return OverAggregation(e, node->groups, scope); }));
  node->child = std::move(input);
  if (having == nullptr) return PlanNodePtr(std::move(node));
  ISO_RETURN_IF_ERROR(OverAggregation(having.get(), node->groups, scope));
  auto filter = std::make_unique<FilterPlan>();
  filter->predicate = std::move(having);
  filter->child = std::move(node);
  return PlanNodePtr(std::move(filter));
}

PlanNodePtr Builder::WindowsAndSets(PlanNodePtr input, int width, Calls* calls,
                                    std::vector<Output>* outputs) {
  if (!calls->windows.calls.empty()) {
    auto window = std::make_unique<WindowPlan>();
    for (Output& o : *outputs) Replace(o.expr.get(), ExprKind::kWindow, width);
    for (SetCall& call : calls->sets) {
      for (ExprPtr& e : call.args) Replace(e.get(), ExprKind::kWindow, width);
    }
    width += static_cast<int>(calls->windows.calls.size());
    window->specs = std::move(calls->windows.specs);
    window->calls = std::move(calls->windows.calls);
    window->child = std::move(input);
    input = std::move(window);
  }
  if (!calls->sets.empty()) {
    auto sets = std::make_unique<ProjectSetPlan>();
    for (Output& o : *outputs) Replace(o.expr.get(), ExprKind::kSetCall, width);
    sets->calls = std::move(calls->sets);
    sets->child = std::move(input);
    input = std::move(sets);
  }
  return input;
}

}  // namespace isochron::sql::planner
