// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/information_schema.h"
#include "sql/planner/builder.h"
#include "sql/types/error.h"

namespace isochron::sql::planner {
namespace {

// As with PostgreSQL, whose protocol counts columns in 16 bits.
constexpr size_t kMaxOutputs = 1664;

// The name of an output column that has no alias.
std::string NameOf(const ast::Expr& e) {
  switch (e.kind) {
    case ast::ExprKind::kColumn:
    case ast::ExprKind::kFunc:
      return e.names.back();
    case ast::ExprKind::kCast: {
      const std::string inner = NameOf(*e.args[0]);
      return inner == "?column?" ? e.text : inner;
    }
    case ast::ExprKind::kCase:
      return "case";
    case ast::ExprKind::kCoalesce:
      return "coalesce";
    case ast::ExprKind::kGreatest:
      return "greatest";
    case ast::ExprKind::kLeast:
      return "least";
    case ast::ExprKind::kNullIf:
      return "nullif";
    default:
      return "?column?";
  }
}

bool HasAggregate(const Expr& e) {
  return e.kind == ExprKind::kAggregate ||
         std::any_of(e.args.begin(), e.args.end(),
                     [](const ExprPtr& a) { return HasAggregate(*a); });
}

// Turns an expression over the aggregation's input into one over its output.
absl::Status OverAggregation(Expr* e, const std::vector<ExprPtr>& groups,
                             const std::vector<AggregateCall>& calls,
                             const std::vector<std::string>& names) {
  for (size_t i = 0; i < groups.size(); ++i) {
    if (!SameExpr(*e, *groups[i])) continue;
    const Type type = e->type;
    const int position = e->position;
    *e = Expr{};
    e->kind = ExprKind::kColumn;
    e->type = type;
    e->position = position;
    e->index = static_cast<int>(i);
    return absl::OkStatus();
  }
  if (e->kind == ExprKind::kAggregate) {
    e->kind = ExprKind::kColumn;
    e->index += static_cast<int>(groups.size());
    return absl::OkStatus();
  }
  if (e->kind == ExprKind::kColumn) {
    return SqlError(sqlstate::kGrouping,
                    absl::StrCat("column \"", names[static_cast<size_t>(e->index)],
                                 "\" must appear in the GROUP BY clause or be used in an aggregate "
                                 "function"),
                    e->position);
  }
  for (ExprPtr& a : e->args) ISO_RETURN_IF_ERROR(OverAggregation(a.get(), groups, calls, names));
  return absl::OkStatus();
}

}  // namespace

Scope TableScope(const TableDescriptor& table, const std::string& alias) {
  ScopeTable t;
  t.name = alias.empty() ? table.name : alias;
  for (const ColumnDescriptor& c : table.columns) t.columns.push_back({c.name, c.type, c.hidden});
  Scope scope;
  scope.tables.push_back(std::move(t));
  return scope;
}

absl::StatusOr<TablePtr> Builder::FindTable(const ast::TableName& name) const {
  if (IsVirtualSchema(name.schema)) {
    return SqlError(sqlstate::kWrongObjectType,
                    absl::StrCat("\"", name.schema, ".", name.name, "\" can only be read"),
                    name.position);
  }
  auto it = tables_.find(name.name);
  if (it == tables_.end()) {
    return SqlError(sqlstate::kUndefinedTable,
                    absl::StrCat("relation \"", name.name, "\" does not exist"), name.position);
  }
  return it->second;
}

absl::StatusOr<Builder::Source> Builder::MakeSource(const ast::TableName& name,
                                                    Scope* scope) const {
  Source source;
  source.schema = name.schema;
  source.name = name.name;
  source.offset = scope->width();
  ScopeTable t;
  t.name = name.alias.empty() ? name.name : name.alias;
  t.offset = source.offset;
  if (IsVirtualSchema(name.schema)) {
    source.def = name.schema == "isochron" ? FindSystemTable(name.name)
                                           : FindInformationSchemaTable(name.name);
    if (source.def == nullptr) {
      return SqlError(sqlstate::kUndefinedTable,
                      absl::StrCat("relation \"", name.schema, ".", name.name, "\" does not exist"),
                      name.position);
    }
    for (const SystemColumn& c : source.def->columns) t.columns.push_back({c.name, c.type, false});
  } else {
    ISO_ASSIGN_OR_RETURN(source.table, FindTable(name));
    for (const ColumnDescriptor& c : source.table->columns) {
      t.columns.push_back({c.name, c.type, c.hidden});
    }
  }
  for (const ScopeTable& other : scope->tables) {
    if (other.name == t.name) {
      return SqlError(sqlstate::kDuplicateAlias,
                      absl::StrCat("table name \"", t.name, "\" specified more than once"),
                      name.position, "Give one of them an alias.");
    }
  }
  source.width = static_cast<int>(t.columns.size());
  scope->tables.push_back(std::move(t));
  return source;
}

absl::StatusOr<PlanNodePtr> Builder::SourcePlan(Source* source, bool exclusive) {
  for (ExprPtr& c : source->conditions) ShiftColumns(c.get(), -source->offset);
  if (source->table == nullptr) {
    auto scan = std::make_unique<VirtualScanPlan>();
    scan->schema = source->schema;
    scan->name = source->name;
    scan->def = source->def;
    if (source->conditions.empty()) return PlanNodePtr(std::move(scan));
    auto filter = std::make_unique<FilterPlan>();
    filter->predicate = JoinAnd(std::move(source->conditions));
    filter->child = std::move(scan);
    return PlanNodePtr(std::move(filter));
  }
  auto scan = std::make_unique<ScanPlan>();
  scan->table = source->table;
  scan->exclusive = exclusive;
  scan->bounds = ExtractBounds(*source->table, &source->conditions);
  scan->filter = JoinAnd(std::move(source->conditions));
  return PlanNodePtr(std::move(scan));
}

absl::StatusOr<PlanNodePtr> Builder::JoinAll(std::vector<Source>* sources,
                                             std::vector<ExprPtr> rest,
                                             std::vector<std::vector<ExprPtr>> on, bool exclusive) {
  ISO_ASSIGN_OR_RETURN(PlanNodePtr plan, SourcePlan(&(*sources)[0], exclusive));
  for (size_t i = 1; i < sources->size(); ++i) {
    Source& right = (*sources)[i];
    auto join = std::make_unique<JoinPlan>();
    join->left_outer = right.left;
    join->right_width = static_cast<size_t>(right.width);
    const int end = right.offset + right.width;
    std::vector<ExprPtr> conditions = std::move(on[i]);
    if (!right.left) {
      std::vector<ExprPtr> later;
      for (ExprPtr& c : rest) (ReadsOnly(*c, 0, end) ? conditions : later).push_back(std::move(c));
      rest = std::move(later);
    }
    std::vector<ExprPtr> others;
    for (ExprPtr& c : conditions) {
      const bool equality =
          c->kind == ExprKind::kCall && absl::string_view(c->function->name) == "=";
      int left_arg = -1;
      for (int k = 0; equality && k < 2; ++k) {
        if (ReadsOnly(*c->args[static_cast<size_t>(k)], 0, right.offset) &&
            ReadsOnly(*c->args[static_cast<size_t>(1 - k)], right.offset, end)) {
          left_arg = k;
        }
      }
      if (left_arg < 0) {
        others.push_back(std::move(c));
        continue;
      }
      join->left_keys.push_back(std::move(c->args[static_cast<size_t>(left_arg)]));
      ExprPtr key = std::move(c->args[static_cast<size_t>(1 - left_arg)]);
      ShiftColumns(key.get(), -right.offset);
      join->right_keys.push_back(std::move(key));
    }
    join->condition = JoinAnd(std::move(others));
    join->child = std::move(plan);
    ISO_ASSIGN_OR_RETURN(join->right, SourcePlan(&right, exclusive));
    plan = std::move(join);
  }
  if (rest.empty()) return plan;
  auto filter = std::make_unique<FilterPlan>();
  filter->predicate = JoinAnd(std::move(rest));
  filter->child = std::move(plan);
  return PlanNodePtr(std::move(filter));
}

absl::StatusOr<PlanNodePtr> Builder::From(const ast::Select& select, Scope* scope,
                                          std::vector<Source>* sources) {
  std::vector<std::vector<ExprPtr>> on;
  std::vector<ExprPtr> where;
  bool any_left = false;
  for (const ast::FromItem& item : select.from) {
    ISO_ASSIGN_OR_RETURN(Source source, MakeSource(item.table, scope));
    source.left = item.left;
    any_left = any_left || item.left;
    on.emplace_back();
    if (item.on != nullptr) {
      Binder binder(scope, &plan_->params, nullptr, "JOIN conditions");
      ISO_ASSIGN_OR_RETURN(ExprPtr condition, binder.BindAs(*item.on, Type::kBool, "JOIN/ON"));
      SplitAnd(std::move(condition), item.left ? &on.back() : &where);
    }
    sources->push_back(std::move(source));
  }
  Binder binder(scope, &plan_->params, nullptr, "WHERE");
  if (select.where != nullptr) {
    ISO_ASSIGN_OR_RETURN(ExprPtr condition, binder.BindAs(*select.where, Type::kBool, "WHERE"));
    SplitAnd(std::move(condition), &where);
  }
  if (sources->empty()) {
    auto values = std::make_unique<ValuesPlan>();
    values->rows.emplace_back();
    if (where.empty()) return PlanNodePtr(std::move(values));
    auto filter = std::make_unique<FilterPlan>();
    filter->predicate = JoinAnd(std::move(where));
    filter->child = std::move(values);
    return PlanNodePtr(std::move(filter));
  }
  // A condition on one table goes down to it; not below the empty side of an outer join.
  std::vector<ExprPtr> rest;
  for (ExprPtr& c : where) {
    Source* home = nullptr;
    for (Source& s : *sources) {
      if (!s.left && ReadsOnly(*c, s.offset, s.offset + s.width)) {
        home = &s;
        break;
      }
    }
    (home != nullptr ? home->conditions : rest).push_back(std::move(c));
  }
  for (size_t i = 1; i < sources->size(); ++i) {
    Source& s = (*sources)[i];
    if (!s.left) continue;
    std::vector<ExprPtr> keep;
    for (ExprPtr& c : on[i]) {
      (ReadsOnly(*c, s.offset, s.offset + s.width) ? s.conditions : keep).push_back(std::move(c));
    }
    on[i] = std::move(keep);
  }
  return JoinAll(sources, std::move(rest), std::move(on), select.for_update);
}

absl::StatusOr<std::vector<Builder::Output>> Builder::Outputs(
    const std::vector<ast::SelectItem>& items, const Scope& scope,
    std::vector<AggregateCall>* aggregates, const char* clause) {
  std::vector<Output> out;
  Binder binder(&scope, &plan_->params, aggregates, clause);
  for (const ast::SelectItem& item : items) {
    if (out.size() > kMaxOutputs) break;
    if (item.expr->kind != ast::ExprKind::kStar) {
      ISO_ASSIGN_OR_RETURN(ExprPtr e, binder.BindOutput(*item.expr));
      out.push_back({std::move(e), item.alias.empty() ? NameOf(*item.expr) : item.alias,
                     !item.alias.empty()});
      continue;
    }
    const std::string wanted = item.expr->names.empty() ? "" : item.expr->names.back();
    bool found = false;
    for (const ScopeTable& t : scope.tables) {
      if (t.qualified_only || (!wanted.empty() && t.name != wanted)) continue;
      found = true;
      for (size_t i = 0; i < t.columns.size(); ++i) {
        if (t.columns[i].hidden) continue;
        out.push_back(
            {MakeColumn(t.offset + static_cast<int>(i), t.columns[i].type, item.expr->position),
             t.columns[i].name, false});
      }
    }
    if (!found) {
      return SqlError(wanted.empty() ? sqlstate::kSyntaxError : sqlstate::kUndefinedTable,
                      wanted.empty()
                          ? "SELECT * with no tables specified is not valid"
                          : absl::StrCat("missing FROM-clause entry for table \"", wanted, "\""),
                      item.expr->position);
    }
  }
  if (out.size() > kMaxOutputs) {
    return SqlError("54011",
                    absl::StrCat("target lists can have at most ", kMaxOutputs, " entries"));
  }
  return out;
}

absl::Status Builder::BindSortKeys(const ast::Select& select, const Scope& scope,
                                   std::vector<AggregateCall>* aggregates,
                                   std::vector<Output>* outputs, std::vector<SortKey>* keys) {
  const size_t visible = outputs->size();
  Binder binder(&scope, &plan_->params, aggregates, "ORDER BY");
  for (const ast::OrderItem& item : select.order_by) {
    SortKey key{-1, item.descending, item.nulls_first};
    const ast::Expr& e = *item.expr;
    if (e.kind == ast::ExprKind::kInt) {
      if (e.int_value < 1 || e.int_value > static_cast<int64_t>(visible)) {
        return SqlError(sqlstate::kInvalidColumnReference,
                        absl::StrCat("ORDER BY position ", e.int_value, " is not in select list"),
                        e.position);
      }
      key.slot = static_cast<int>(e.int_value) - 1;
    } else if (e.kind == ast::ExprKind::kColumn && e.names.size() == 1) {
      for (size_t i = 0; i < visible && key.slot < 0; ++i) {
        if ((*outputs)[i].from_alias && (*outputs)[i].name == e.names[0]) {
          key.slot = static_cast<int>(i);
        }
      }
    }
    if (key.slot < 0) {
      ISO_ASSIGN_OR_RETURN(ExprPtr bound, binder.BindOutput(e));
      for (size_t i = 0; i < outputs->size() && key.slot < 0; ++i) {
        if (SameExpr(*(*outputs)[i].expr, *bound)) key.slot = static_cast<int>(i);
      }
      if (key.slot < 0) {
        if (select.distinct) {
          return SqlError(sqlstate::kInvalidColumnReference,
                          "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
                          e.position);
        }
        key.slot = static_cast<int>(outputs->size());
        outputs->push_back({std::move(bound), "", false});
      }
    }
    keys->push_back(key);
  }
  return absl::OkStatus();
}

absl::StatusOr<PlanNodePtr> Builder::Aggregation(const ast::Select& select, const Scope& scope,
                                                 PlanNodePtr input,
                                                 std::vector<AggregateCall> calls,
                                                 std::vector<Output>* outputs, ExprPtr having) {
  auto node = std::make_unique<AggregatePlan>();
  Binder binder(&scope, &plan_->params, nullptr, "GROUP BY");
  for (const ast::ExprPtr& g : select.group_by) {
    if (g->kind == ast::ExprKind::kInt) {
      if (g->int_value < 1 || g->int_value > static_cast<int64_t>(select.items.size())) {
        return SqlError(sqlstate::kInvalidColumnReference,
                        absl::StrCat("GROUP BY position ", g->int_value, " is not in select list"),
                        g->position);
      }
      node->groups.push_back(Clone(*(*outputs)[static_cast<size_t>(g->int_value) - 1].expr));
      continue;
    }
    auto bound = binder.BindOutput(*g);
    // An output's alias is the second choice, after the input's columns.
    if (!bound.ok() && g->kind == ast::ExprKind::kColumn && g->names.size() == 1) {
      for (const Output& o : *outputs) {
        if (o.from_alias && o.name == g->names[0]) bound = Clone(*o.expr);
      }
    }
    if (!bound.ok()) return bound.status();
    node->groups.push_back(*std::move(bound));
  }
  for (const ExprPtr& g : node->groups) {
    if (HasAggregate(*g)) {
      return SqlError(sqlstate::kGrouping, "aggregate functions are not allowed in GROUP BY",
                      g->position);
    }
  }
  node->calls = std::move(calls);
  const std::vector<std::string> names = scope.ColumnNames();
  for (Output& o : *outputs) {
    ISO_RETURN_IF_ERROR(OverAggregation(o.expr.get(), node->groups, node->calls, names));
  }
  node->child = std::move(input);
  if (having == nullptr) return PlanNodePtr(std::move(node));
  ISO_RETURN_IF_ERROR(OverAggregation(having.get(), node->groups, node->calls, names));
  auto filter = std::make_unique<FilterPlan>();
  filter->predicate = std::move(having);
  filter->child = std::move(node);
  return PlanNodePtr(std::move(filter));
}

absl::StatusOr<PlanNodePtr> Builder::Select(const ast::Select& select) {
  if (!select.values.empty()) return ValuesRows(select);
  Scope scope;
  std::vector<Source> sources;
  ISO_ASSIGN_OR_RETURN(PlanNodePtr plan, From(select, &scope, &sources));
  std::vector<AggregateCall> calls;
  ISO_ASSIGN_OR_RETURN(std::vector<Output> outputs,
                       Outputs(select.items, scope, &calls, "the select list"));
  const size_t visible = outputs.size();
  ExprPtr having;
  if (select.having != nullptr) {
    Binder binder(&scope, &plan_->params, &calls, "HAVING");
    ISO_ASSIGN_OR_RETURN(having, binder.BindAs(*select.having, Type::kBool, "HAVING"));
  }
  std::vector<SortKey> sort;
  ISO_RETURN_IF_ERROR(BindSortKeys(select, scope, &calls, &outputs, &sort));
  const bool aggregated = !calls.empty() || !select.group_by.empty() || having != nullptr;
  if (aggregated && select.for_update) {
    return SqlError(sqlstate::kUnsupported,
                    "FOR UPDATE is not allowed with aggregates or GROUP BY");
  }
  if (aggregated) {
    ISO_ASSIGN_OR_RETURN(plan, Aggregation(select, scope, std::move(plan), std::move(calls),
                                           &outputs, std::move(having)));
  }
  ExprPtr limit, offset;
  Scope nothing;
  Binder constant(&nothing, &plan_->params, nullptr, "LIMIT");
  if (select.limit != nullptr && select.limit->kind != ast::ExprKind::kNull) {
    ISO_ASSIGN_OR_RETURN(limit, constant.BindAs(*select.limit, Type::kInt8, "LIMIT"));
  }
  if (select.offset != nullptr && select.offset->kind != ast::ExprKind::kNull) {
    ISO_ASSIGN_OR_RETURN(offset, constant.BindAs(*select.offset, Type::kInt8, "OFFSET"));
  }
  // What the key order of the only scan already gives.
  auto* scan = plan->kind == PlanKind::kScan ? static_cast<ScanPlan*>(plan.get()) : nullptr;
  bool sorted = sort.empty();
  if (scan != nullptr && !sort.empty()) {
    std::vector<const Expr*> exprs;
    for (const SortKey& k : sort) exprs.push_back(outputs[static_cast<size_t>(k.slot)].expr.get());
    sorted = KeyOrderServes(*scan, exprs, sort, &scan->reverse);
    if (!sorted) scan->reverse = false;
  }
  if (scan != nullptr && scan->filter == nullptr && sorted && !select.distinct && !aggregated &&
      limit != nullptr) {
    scan->limit = Clone(*limit);
    if (offset != nullptr) scan->offset = Clone(*offset);
  }
  auto project = std::make_unique<ProjectPlan>();
  columns.clear();
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (i < visible) columns.push_back({outputs[i].name, outputs[i].expr->type});
    project->exprs.push_back(std::move(outputs[i].expr));
  }
  const bool extra = project->exprs.size() > visible;
  project->child = std::move(plan);
  plan = std::move(project);
  if (select.distinct) {
    auto distinct = std::make_unique<DistinctPlan>();
    distinct->child = std::move(plan);
    plan = std::move(distinct);
  }
  if (!sorted) {
    auto node = std::make_unique<SortPlan>();
    node->keys = std::move(sort);
    node->child = std::move(plan);
    plan = std::move(node);
  }
  if (limit != nullptr || offset != nullptr || extra) {
    auto node = std::make_unique<LimitPlan>();
    node->limit = std::move(limit);
    node->offset = std::move(offset);
    node->width = visible;
    node->child = std::move(plan);
    plan = std::move(node);
  }
  return plan;
}

absl::StatusOr<PlanNodePtr> Builder::ValuesRows(const ast::Select& select) {
  if (!select.order_by.empty() || select.limit != nullptr || select.offset != nullptr) {
    return SqlError(sqlstate::kUnsupported, "ORDER BY and LIMIT on VALUES are not supported yet");
  }
  auto values = std::make_unique<ValuesPlan>();
  Scope scope;
  Binder binder(&scope, &plan_->params, nullptr, "VALUES");
  columns.clear();
  for (const auto& row : select.values) {
    std::vector<ExprPtr> out;
    for (const ast::ExprPtr& cell : row) {
      ISO_ASSIGN_OR_RETURN(ExprPtr e, binder.BindOutput(*cell));
      out.push_back(std::move(e));
    }
    if (columns.empty()) {
      for (size_t i = 0; i < out.size(); ++i) {
        columns.push_back({absl::StrCat("column", i + 1), out[i]->type});
      }
    }
    if (out.size() != columns.size()) {
      return SqlError(sqlstate::kSyntaxError, "VALUES lists must all be the same length");
    }
    for (size_t i = 0; i < out.size(); ++i) {
      ISO_ASSIGN_OR_RETURN(
          out[i], binder.ToAssignment(std::move(out[i]), columns[i].name, columns[i].type));
    }
    values->rows.push_back(std::move(out));
  }
  return PlanNodePtr(std::move(values));
}

}  // namespace isochron::sql::planner
