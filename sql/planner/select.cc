// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/full_name.h"
#include "sql/catalog/information_schema.h"
#include "sql/pg_catalog/oids.h"
#include "sql/planner/builder.h"
#include "sql/types/error.h"

namespace isochron::sql::planner {
namespace {

// What an output column is called, and how surely: a cast, and a CASE, give way to a better name.
struct ColumnName {
  std::string text;
  enum class Strength { kNone, kWeak, kGood } strength = Strength::kGood;
};

ColumnName Named(const ast::Expr& e);

// Of a query's first column.
ColumnName NamedFirst(const ast::Select& select) {
  if (select.first != nullptr) return NamedFirst(*select.first);
  if (!select.values.empty()) return {"column1"};
  if (select.items.empty()) return {"?column?", ColumnName::Strength::kNone};
  const ast::SelectItem& item = select.items[0];
  return item.alias.empty() ? Named(*item.expr) : ColumnName{item.alias};
}

// As PostgreSQL has it, of an output column that has no alias.
ColumnName Named(const ast::Expr& e) {
  using Strength = ColumnName::Strength;
  switch (e.kind) {
    case ast::ExprKind::kColumn:
    case ast::ExprKind::kFunc:
      return {e.names.back()};
    case ast::ExprKind::kCast: {
      ColumnName inner = Named(*e.args[0]);
      if (inner.strength == Strength::kGood) return inner;
      // An array's type is called like its elements'.
      const std::vector<SchemaAndName> meant = TypesMeantBy(e.text);
      if (!meant.empty()) return {meant.back().second, Strength::kWeak};
      return {e.text[0] == '_' ? e.text.substr(1) : e.text, Strength::kWeak};
    }
    case ast::ExprKind::kCase:
      if (e.has_else) {
        ColumnName otherwise = Named(*e.args.back());
        if (otherwise.strength == Strength::kGood) return otherwise;
      }
      return {"case", Strength::kWeak};
    case ast::ExprKind::kGrouping:
      return {"grouping"};
    case ast::ExprKind::kCoalesce:
      return {"coalesce"};
    case ast::ExprKind::kGreatest:
      return {"greatest"};
    case ast::ExprKind::kLeast:
      return {"least"};
    case ast::ExprKind::kNullIf:
      return {"nullif"};
    case ast::ExprKind::kSubquery:
      if (e.text == "exists") return {"exists"};
      if (e.text == "array") return {"array"};
      if (e.text == "scalar") return NamedFirst(*e.select);
      return {"?column?", Strength::kNone};
    case ast::ExprKind::kArray:
      return {"array"};
    case ast::ExprKind::kElement:
      return e.text.empty() ? Named(*e.args[0]) : ColumnName{e.text};
    default:
      return {"?column?", Strength::kNone};
  }
}

}  // namespace

std::string OutputName(const ast::Expr& e) { return Named(e).text; }

std::vector<int> KeyOf(const TableDescriptor& table) {
  std::vector<int> key;
  if (table.has_hidden_key()) return key;
  for (uint32_t column : table.key) key.push_back(static_cast<int>(column));
  return key;
}

Scope TableScope(const TableDescriptor& table, const std::string& alias) {
  ScopeTable t;
  t.name = alias.empty() ? table.local_name() : alias;
  for (const ColumnDescriptor& c : table.columns) {
    t.columns.push_back({c.name, c.type, c.hidden, c.typmod, !c.generated_sql.empty(), false,
                         nullptr, TableOid(table.id), c.id});
  }
  t.key = KeyOf(table);
  Scope scope;
  scope.tables.push_back(std::move(t));
  return scope;
}

absl::StatusOr<TablePtr> Builder::FindTable(const ast::TableName& name) const {
  if (const std::string schema = VirtualSchemaOf(name); !schema.empty()) {
    return SqlError(sqlstate::kWrongObjectType,
                    absl::StrCat("\"", schema, ".", name.name, "\" can only be read"),
                    name.position);
  }
  ast::TableName written = name;
  // The text of a view says the schema of all that does not lie in public.
  if (view_ != nullptr && written.schema.empty()) written.schema = kPublicSchema;
  auto it = tables_.find(WrittenName(written));
  if (it == tables_.end() || !it->second->is_relation()) {
    const std::string dot = name.schema.empty() ? "" : ".";
    return SqlError(sqlstate::kUndefinedTable,
                    absl::StrCat("relation \"", name.schema, dot, name.name, "\" does not exist"),
                    name.position);
  }
  return it->second;
}

void Builder::Need(const TablePtr& relation, uint32_t rights) const {
  const bool as_owner = view_ != nullptr;
  const uint64_t owner = as_owner ? view_->owner : 0;
  plan_->acts_for_others = plan_->acts_for_others || owner != kBootstrapRole;
  for (NeededRight& need : plan_->needs) {
    if (need.relation->id != relation->id || need.as_owner != as_owner || need.owner != owner) {
      continue;
    }
    need.rights |= rights;
    return;
  }
  plan_->needs.push_back({relation, rights, as_owner, owner});
}

namespace {

bool ReadsSome(const Expr& e, int end) {
  if (e.kind == ExprKind::kColumn && e.index >= 0 && e.index < end) return true;
  return std::any_of(e.args.begin(), e.args.end(),
                     [end](const ExprPtr& a) { return a != nullptr && ReadsSome(*a, end); });
}

}  // namespace

void Builder::NeedIfRead(const TablePtr& table, const Expr* e) const {
  if (e != nullptr && ReadsSome(*e, static_cast<int>(table->columns.size()))) {
    Need(table, kRightSelect);
  }
}

void Builder::NeedIfRead(const TablePtr& table, const std::vector<ExprPtr>& exprs) const {
  for (const ExprPtr& e : exprs) NeedIfRead(table, e.get());
}

void Builder::Output::SetOrigin(const Scope& scope) {
  if (expr->kind != ExprKind::kColumn) return;
  for (const ScopeTable& t : scope.tables) {
    const int at = expr->index - t.offset;
    if (t.alias_of_join || at < 0 || at >= static_cast<int>(t.columns.size())) continue;
    table = t.columns[static_cast<size_t>(at)].table;
    column = t.columns[static_cast<size_t>(at)].column;
  }
}

absl::StatusOr<std::vector<Builder::Output>> Builder::Outputs(
    const std::vector<ast::SelectItem>& items, const Scope& scope, Calls* calls, const char* clause,
    bool keep_unknown) {
  std::vector<Output> out;
  Binder binder(&scope, &plan_->params, calls != nullptr ? &calls->aggregates : nullptr, clause);
  binder.Allow(this);
  if (calls != nullptr) binder.AllowWindows(&calls->windows).AllowSets(&calls->sets);
  for (const ast::SelectItem& item : items) {
    if (out.size() > kMaxOutputs) break;
    const SetFunctions* set = item.expr->kind == ast::ExprKind::kFunc
                                  ? SetFunctionsNamed(item.expr->names.back())
                                  : nullptr;
    if (set != nullptr && set->functions[0].columns.size() > 1 && calls != nullptr &&
        calls->take_apart) {
      const std::string name = item.alias.empty() ? Named(*item.expr).text : item.alias;
      for (const ColumnInfo& field : set->functions[0].columns) {
        ISO_ASSIGN_OR_RETURN(ExprPtr e, binder.SetReturning(*item.expr, field.name));
        out.push_back({std::move(e), FieldName(name, field.name), false});
      }
      continue;
    }
    if (item.expr->kind != ast::ExprKind::kStar) {
      ISO_ASSIGN_OR_RETURN(ExprPtr e,
                           keep_unknown ? binder.Bind(*item.expr) : binder.BindOutput(*item.expr));
      out.push_back({std::move(e), item.alias.empty() ? OutputName(*item.expr) : item.alias,
                     !item.alias.empty()});
      out.back().SetOrigin(scope);
      continue;
    }
    const std::string wanted = item.expr->names.empty() ? "" : item.expr->names.back();
    bool found = false;
    if (wanted.empty() && scope.named) {
      found = !scope.tables.empty();
      for (const ScopeName& n : scope.names) {
        if (n.system) continue;
        out.push_back({Clone(*n.expr), n.name, false});
        out.back().expr->position = item.expr->position;
        out.back().SetOrigin(scope);
      }
    }
    for (const ScopeTable& t : scope.tables) {
      if (t.qualified_only || t.covered || (wanted.empty() && scope.named) ||
          (!wanted.empty() && t.name != wanted))
        continue;
      found = true;
      for (size_t i = 0; i < t.columns.size(); ++i) {
        // What COPY leaves out, too.
        const bool skip = t.columns[i].generated && item.expr->text == "stored";
        if (t.columns[i].hidden || t.columns[i].system || skip) continue;
        ExprPtr column = t.columns[i].expr != nullptr
                             ? Clone(*t.columns[i].expr)
                             : MakeColumn(t.offset + static_cast<int>(i), t.columns[i].type);
        column->position = item.expr->position;
        column->typmod = t.columns[i].typmod;
        out.push_back({std::move(column), t.columns[i].name, false});
        out.back().SetOrigin(scope);
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

absl::StatusOr<int> Builder::OutputSlot(const ast::Expr& e, const char* clause, size_t visible,
                                        Binder* binder, std::vector<Output>* outputs) {
  if (e.kind == ast::ExprKind::kInt) {
    if (e.int_value < 1 || e.int_value > static_cast<int64_t>(visible)) {
      return SqlError(sqlstate::kInvalidColumnReference,
                      absl::StrCat(clause, " position ", e.int_value, " is not in select list"),
                      e.position);
    }
    return static_cast<int>(e.int_value) - 1;
  }
  if (e.kind == ast::ExprKind::kColumn && e.names.size() == 1) {
    for (size_t i = 0; i < visible; ++i) {
      if ((*outputs)[i].from_alias && (*outputs)[i].name == e.names[0]) return static_cast<int>(i);
    }
  }
  ISO_ASSIGN_OR_RETURN(ExprPtr bound, binder->BindOutput(e));
  for (size_t i = 0; i < outputs->size(); ++i) {
    if (SameExpr(*(*outputs)[i].expr, *bound)) return static_cast<int>(i);
  }
  outputs->push_back({std::move(bound), "", false});
  return static_cast<int>(outputs->size()) - 1;
}

absl::Status Builder::BindSortKeys(const ast::Select& select, const Scope& scope, Calls* calls,
                                   std::vector<Output>* outputs, std::vector<SortKey>* keys) {
  const size_t visible = outputs->size();
  Binder binder(&scope, &plan_->params, &calls->aggregates, "ORDER BY");
  binder.Allow(this).AllowWindows(&calls->windows).AllowSets(&calls->sets);
  for (const ast::OrderItem& item : select.order_by) {
    SortKey key{-1, item.descending, item.nulls_first};
    ISO_ASSIGN_OR_RETURN(key.slot, OutputSlot(*item.expr, "ORDER BY", visible, &binder, outputs));
    if (select.distinct && select.distinct_on.empty() && static_cast<size_t>(key.slot) >= visible) {
      return SqlError(sqlstate::kInvalidColumnReference,
                      "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
                      item.expr->position);
    }
    keys->push_back(key);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int>> Builder::DistinctOn(const ast::Select& select, const Scope& scope,
                                                     Calls* calls, std::vector<Output>* outputs,
                                                     size_t visible,
                                                     const std::vector<SortKey>& sort) {
  std::vector<int> slots;
  Binder binder(&scope, &plan_->params, &calls->aggregates, "DISTINCT ON");
  binder.Types(types());
  for (const ast::ExprPtr& e : select.distinct_on) {
    ISO_ASSIGN_OR_RETURN(int slot, OutputSlot(*e, "SELECT DISTINCT ON", visible, &binder, outputs));
    if (std::find(slots.begin(), slots.end(), slot) == slots.end()) slots.push_back(slot);
  }
  // All of them come before anything else that is sorted by.
  std::set<int> first;
  for (const SortKey& key : sort) {
    if (first.size() == slots.size()) break;
    if (std::find(slots.begin(), slots.end(), key.slot) == slots.end()) {
      return SqlError(sqlstate::kInvalidColumnReference,
                      "SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
                      select.distinct_on[0]->position);
    }
    first.insert(key.slot);
  }
  return slots;
}

absl::Status Builder::BindLimit(const ast::Select& select, const Around& around, ExprPtr* limit,
                                ExprPtr* offset) {
  Scope nothing;
  nothing.outer = around.outer;
  Binder constant(&nothing, &plan_->params, nullptr, "LIMIT");
  constant.Allow(this);
  if (select.with_ties && select.order_by.empty()) {
    return SqlError(sqlstate::kSyntaxError,
                    "WITH TIES cannot be specified without ORDER BY clause");
  }
  if (select.limit != nullptr && select.limit->kind != ast::ExprKind::kNull) {
    ISO_ASSIGN_OR_RETURN(*limit, constant.BindAs(*select.limit, Type::kInt8, "LIMIT"));
  }
  if (select.offset != nullptr && select.offset->kind != ast::ExprKind::kNull) {
    ISO_ASSIGN_OR_RETURN(*offset, constant.BindAs(*select.offset, Type::kInt8, "OFFSET"));
  }
  return absl::OkStatus();
}

absl::StatusOr<PlanNodePtr> Builder::Select(const ast::Select& select, const Around& around) {
  // The parser bounds how deep a query's text nests; WITH queries and views that name one another
  // nest beyond that.
  if (query_depth_ >= kMaxQueryDepth) {
    return SqlError("54001", "the statement is nested too deeply", -1,
                    absl::StrCat("Queries may lie ", kMaxQueryDepth,
                                 " deep in one another, WITH queries and views included."));
  }
  ++query_depth_;
  auto plan = SelectWithin(select, around);
  --query_depth_;
  return plan;
}

absl::StatusOr<PlanNodePtr> Builder::SelectWithin(const ast::Select& select, const Around& around) {
  if (around.nested && select.for_update && select.lock_wait != ast::LockWait::kSkip) {
    return SqlError(sqlstate::kUnsupported, "FOR UPDATE in a subquery is not supported yet", -1,
                    "Lock the rows by a statement of its own.");
  }
  auto body = [&]() {
    return select.first != nullptr  ? SetOperation(select, around)
           : !select.values.empty() ? ValuesRows(select, around)
                                    : Plain(select, around);
  };
  if (select.ctes.empty()) return body();
  auto let = std::make_unique<LetPlan>();
  Scope nothing;
  nothing.outer = around.outer;
  ISO_RETURN_IF_ERROR(Ctes(select.ctes, around, nothing, &let->lets));
  ISO_ASSIGN_OR_RETURN(PlanNodePtr plan, body());
  if (let->lets.empty()) return plan;
  let->child = std::move(plan);
  return PlanNodePtr(std::move(let));
}

bool Builder::UseKeyOrder(const ast::Select& select, const std::vector<Output>& outputs,
                          const std::vector<SortKey>& sort, const Expr* limit, const Expr* offset,
                          PlanNode* plan) {
  if (plan->kind != PlanKind::kScan) return sort.empty();
  auto* scan = static_cast<ScanPlan*>(plan);
  std::vector<const Expr*> exprs;
  for (const SortKey& k : sort) exprs.push_back(outputs[static_cast<size_t>(k.slot)].expr.get());
  bool sorted = sort.empty() || KeyOrderServes(*scan, exprs, sort, &scan->reverse);
  if (!sorted) scan->reverse = false;
  if (!sorted && limit != nullptr && !select.distinct) sorted = OrderByIndex(scan, exprs, sort);
  if (sorted && scan->filter == nullptr && !select.distinct && limit != nullptr) {
    scan->limit = Clone(*limit);
    if (offset != nullptr) scan->offset = Clone(*offset);
  }
  return sorted;
}

absl::StatusOr<PlanNodePtr> Builder::Plain(const ast::Select& select, const Around& around) {
  Scope scope;
  scope.outer = around.outer;
  const bool outside = std::exchange(names_itself_, false);
  const bool take_apart = std::exchange(take_apart_, false);
  ISO_ASSIGN_OR_RETURN(PlanNodePtr plan, From(select, around, &scope));
  const bool names_itself = std::exchange(names_itself_, outside);
  Calls calls;
  calls.windows.named = &select.windows;
  calls.take_apart = take_apart;
  ISO_ASSIGN_OR_RETURN(
      std::vector<Output> outputs,
      Outputs(select.items, scope, &calls, "the select list", around.keep_unknown));
  const size_t visible = outputs.size();
  ExprPtr having;
  if (select.having != nullptr) {
    Binder binder(&scope, &plan_->params, &calls.aggregates, "HAVING");
    binder.Allow(this);
    ISO_ASSIGN_OR_RETURN(having, binder.BindAs(*select.having, Type::kBool, "HAVING"));
  }
  std::vector<SortKey> sort;
  ISO_RETURN_IF_ERROR(BindSortKeys(select, scope, &calls, &outputs, &sort));
  std::vector<int> on;
  if (!select.distinct_on.empty()) {
    ISO_ASSIGN_OR_RETURN(on, DistinctOn(select, scope, &calls, &outputs, visible, sort));
  }
  const bool aggregated =
      !calls.aggregates.empty() || !select.group_by.empty() || having != nullptr;
  if (names_itself && !calls.aggregates.empty()) {
    return SqlError("42P19",
                    "aggregate functions are not allowed in a recursive query's recursive term");
  }
  const bool windowed = !calls.windows.calls.empty();
  const bool sets = !calls.sets.empty();
  if (select.for_update && (aggregated || windowed)) {
    return SqlError(sqlstate::kUnsupported,
                    absl::StrCat("FOR UPDATE is not allowed with ",
                                 windowed ? "window functions" : "aggregates or GROUP BY"));
  }
  const bool skips = select.lock_wait == ast::LockWait::kSkip;
  if (skips) {
    ISO_RETURN_IF_ERROR(CheckSkipLocked(select, *plan, !aggregated && !windowed && !sets));
  }
  int width = scope.width();
  if (aggregated) {
    ISO_ASSIGN_OR_RETURN(
        plan, Aggregation(select, scope, std::move(plan), &calls, &outputs, std::move(having)));
    const PlanNode* node = plan->kind == PlanKind::kFilter ? plan->child.get() : plan.get();
    const auto& aggregate = static_cast<const AggregatePlan&>(*node);
    width = static_cast<int>(aggregate.groups.size() + aggregate.calls.size());
  }
  ExprPtr limit, offset;
  ISO_RETURN_IF_ERROR(BindLimit(select, around, &limit, &offset));
  const Expr* const most = sets || select.with_ties ? nullptr : limit.get();
  bool sorted = aggregated || windowed
                    ? sort.empty()
                    : UseKeyOrder(select, outputs, sort, most, offset.get(), plan.get());
  if (skips) {
    ISO_ASSIGN_OR_RETURN(plan, SkipLocked(select, scope, outputs, sort, sorted, limit.get(),
                                          offset.get(), std::move(plan)));
    sorted = true;
  }
  plan = WindowsAndSets(std::move(plan), width, &calls, &outputs);
  auto project = std::make_unique<ProjectPlan>();
  columns.clear();
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (i < visible) columns.push_back(outputs[i].Info());
    project->exprs.push_back(std::move(outputs[i].expr));
  }
  const bool extra = project->exprs.size() > visible;
  project->child = std::move(plan);
  plan = std::move(project);
  auto distinct = std::make_unique<DistinctPlan>();
  distinct->on = std::move(on);
  if (select.distinct && distinct->on.empty()) {
    distinct->child = std::move(plan);
    plan = std::move(distinct);
  }
  if (!sorted) {
    auto node = std::make_unique<SortPlan>();
    node->keys = sort;
    node->child = std::move(plan);
    plan = std::move(node);
  }
  // Of each group the first row in that order.
  if (distinct != nullptr && !distinct->on.empty()) {
    distinct->child = std::move(plan);
    plan = std::move(distinct);
  }
  if (limit != nullptr || offset != nullptr || extra) {
    auto node = std::make_unique<LimitPlan>();
    node->limit = std::move(limit);
    node->offset = std::move(offset);
    node->width = visible;
    node->with_ties = select.with_ties;
    if (select.with_ties) node->ties = std::move(sort);
    node->child = std::move(plan);
    plan = std::move(node);
  }
  return plan;
}

}  // namespace isochron::sql::planner
