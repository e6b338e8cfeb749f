// SPDX-License-Identifier: Apache-2.0
//
// Queries within a statement: in expressions, in FROM, in WITH.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/planner/builder.h"
#include "sql/types/error.h"
#include "sql/types/type_info.h"

namespace isochron::sql::planner {
namespace {

PlanNodePtr Wrapped(std::string name, PlanNodePtr child) {
  auto node = std::make_unique<SubqueryScanPlan>();
  node->name = std::move(name);
  node->child = std::move(child);
  return node;
}

// EXISTS wants to know of one row: a scan that drops none reads, and locks, no more.
void OneRowWillDo(PlanNode* plan) {
  while (plan->kind == PlanKind::kProject || plan->kind == PlanKind::kSubqueryScan) {
    plan = plan->child.get();
  }
  if (plan->kind != PlanKind::kScan) return;
  auto* scan = static_cast<ScanPlan*>(plan);
  if (scan->filter != nullptr || scan->limit != nullptr || scan->offset != nullptr) return;
  scan->limit = MakeConst(Type::kInt8, Datum::Int(1));
}

// Gives the first columns of a leaf the names that its alias lists.
absl::Status Rename(const std::vector<std::string>& names, const char* what, int position,
                    ScopeTable* table) {
  if (names.size() > table->columns.size()) {
    return SqlError(sqlstate::kInvalidColumnReference,
                    absl::StrCat(what, " \"", table->name, "\" has ", table->columns.size(),
                                 " columns available but ", names.size(), " columns specified"),
                    position);
  }
  for (size_t i = 0; i < names.size(); ++i) table->columns[i].name = names[i];
  return absl::OkStatus();
}

void FillColumns(const std::vector<ColumnInfo>& columns, ScopeTable* table) {
  for (const ColumnInfo& c : columns) {
    table->columns.push_back(
        {c.name, c.type, false, c.typmod, false, IsFieldName(c.name), nullptr, c.table, c.column});
  }
}

}  // namespace

absl::StatusOr<SubqueryPlanner::Planned> Builder::PlanSubquery(const ast::Select& select,
                                                               const Scope& scope,
                                                               std::vector<AggregateCall>* calls,
                                                               SubqueryUse use) {
  Planned out;
  OuterFrame frame;
  frame.scope = &scope;
  frame.args = &out.args;
  frame.aggregates = calls;
  std::vector<ColumnInfo> before = std::move(columns);
  const std::vector<const FromNode*> left = std::exchange(left_, {});
  const bool refused = std::exchange(left_refused_, false);
  std::vector<int> reads;
  reading_.push_back(&reads);
  ++subqueries_;
  auto root = Select(select, Around{&frame, true, false});
  --subqueries_;
  reading_.pop_back();
  left_ = left;
  left_refused_ = refused;
  out.columns = std::move(columns);
  columns = std::move(before);
  if (!root.ok()) return root.status();
  SubPlan sub;
  sub.root = *std::move(root);
  if (use == SubqueryUse::kExists) OneRowWillDo(sub.root.get());
  sub.use = use;
  std::sort(reads.begin(), reads.end());
  reads.erase(std::unique(reads.begin(), reads.end()), reads.end());
  Reads(reads);
  sub.registers = std::move(reads);
  sub.correlated = !out.args.empty() || !sub.registers.empty();
  for (const ColumnInfo& c : out.columns) sub.types.push_back(c.type);
  out.index = static_cast<int>(plan_->subqueries.size());
  if (use == SubqueryUse::kExists) exists_[out.index] = &select;
  plan_->subqueries.push_back(std::move(sub));
  return out;
}

void Builder::ProjectSubquery(int index, std::vector<ExprPtr> exprs) {
  SubPlan& sub = plan_->subqueries[static_cast<size_t>(index)];
  sub.types.clear();
  for (const ExprPtr& e : exprs) sub.types.push_back(e->type);
  auto project = std::make_unique<ProjectPlan>();
  project->exprs = std::move(exprs);
  project->child = std::move(sub.root);
  sub.root = std::move(project);
}

absl::StatusOr<PlanNodePtr> Builder::Derived(const ast::FromItem& item, const Around& around,
                                             ScopeTable* table) {
  table->name = item.table.alias;
  take_apart_ = true;
  ISO_ASSIGN_OR_RETURN(PlanNodePtr plan, Select(*item.select, Around{around.outer, true, false}));
  FillColumns(columns, table);
  ISO_RETURN_IF_ERROR(Rename(item.columns, "table", item.table.position, table));
  return Wrapped(table->name, std::move(plan));
}

absl::StatusOr<PlanNodePtr> Builder::Functions(const ast::FromItem& item, const Around& around,
                                               ScopeTable* table) {
  auto node = std::make_unique<FunctionScanPlan>();
  node->ordinality = item.ordinality;
  Scope nothing;
  nothing.outer = around.outer;
  Binder binder(&nothing, &plan_->params, nullptr, "functions in FROM");
  binder.Allow(this);
  std::vector<ColumnInfo> all;
  for (size_t i = 0; i < item.functions.size(); ++i) {
    const ast::Expr& call = *item.functions[i];
    FunctionScanPlan::Part part;
    part.name = call.names.empty() ? "?column?" : call.names.back();
    ISO_ASSIGN_OR_RETURN(std::optional<SetCall> set, binder.BindSet(call));
    const bool defines = set.has_value() && set->function->open_defined != nullptr;
    if (defines == item.column_types[i].empty()) {
      return SqlError(sqlstate::kSyntaxError,
                      defines ? "a column definition list is required for functions returning "
                                "\"record\""
                              : "a column definition list is only allowed for functions returning "
                                "\"record\"",
                      call.position);
    }
    for (const auto& [name, type] : item.column_types[i]) {
      ISO_ASSIGN_OR_RETURN(const ResolvedType t,
                           ResolveTypeName(type.name, type.modifiers, -1, types()));
      set->columns.push_back({name, t.type, t.typmod});
    }
    if (set.has_value()) {
      part.call = *std::move(set);
      for (const ColumnInfo& c : part.call.columns) all.push_back(c);
    } else {
      ISO_ASSIGN_OR_RETURN(part.scalar, binder.BindOutput(call));
      all.push_back({part.name, part.scalar->type, part.scalar->typmod});
    }
    node->parts.push_back(std::move(part));
  }
  // A lone column that has no name of its own goes by the alias.
  const bool lone = all.size() == 1 && (node->parts[0].call.function == nullptr ||
                                        node->parts[0].call.function->columns.empty());
  if (lone && !item.table.alias.empty() && item.column_types[0].empty()) {
    all[0].name = item.table.alias;
  }
  if (item.ordinality) all.push_back({"ordinality", Type::kInt8});
  table->name = item.table.alias.empty() ? node->parts[0].name : item.table.alias;
  FillColumns(all, table);
  ISO_RETURN_IF_ERROR(Rename(item.columns, "table", item.table.position, table));
  return PlanNodePtr(std::move(node));
}

}  // namespace isochron::sql::planner
