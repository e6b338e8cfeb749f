// SPDX-License-Identifier: Apache-2.0
//
// Queries within a statement: in expressions, in FROM, in WITH.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/planner/builder.h"
#include "sql/types/error.h"

namespace isochron::sql::planner {
namespace {

constexpr char kCorrelatedCte[] =
    "a WITH query that refers to the query around it is not supported yet";

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
  for (const ColumnInfo& c : columns) table->columns.push_back({c.name, c.type, false, c.typmod});
}

}  // namespace

absl::StatusOr<SubqueryPlanner::Planned> Builder::PlanSubquery(const ast::Select& select,
                                                               const Scope& scope,
                                                               SubqueryUse use) {
  Planned out;
  OuterFrame frame{&scope, &out.args, nullptr};
  std::vector<ColumnInfo> before = std::move(columns);
  auto root = Select(select, Around{&frame, true, false});
  out.columns = std::move(columns);
  columns = std::move(before);
  if (!root.ok()) return root.status();
  SubPlan sub;
  sub.root = *std::move(root);
  if (use == SubqueryUse::kExists) OneRowWillDo(sub.root.get());
  sub.use = use;
  sub.correlated = !out.args.empty();
  for (const ColumnInfo& c : out.columns) sub.types.push_back(c.type);
  out.index = static_cast<int>(plan_->subqueries.size());
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
  ISO_ASSIGN_OR_RETURN(PlanNodePtr plan, Select(*item.select, Around{around.outer, true, false}));
  FillColumns(columns, table);
  ISO_RETURN_IF_ERROR(Rename(item.columns, "table", item.table.position, table));
  return Wrapped(table->name, std::move(plan));
}

absl::StatusOr<PlanNodePtr> Builder::Cte(const ast::FromItem& item, const Around& around,
                                         ScopeTable* table) {
  const ast::Cte& cte = *item.cte;
  table->name = item.table.alias.empty() ? cte.name : item.table.alias;
  const Scope nothing;
  std::vector<ExprPtr> unused;
  OuterFrame fence = around.outer != nullptr ? *around.outer : OuterFrame{&nothing, &unused, ""};
  fence.refusal = kCorrelatedCte;
  const Around inside{&fence, true, false};
  ScopeTable own;
  own.name = cte.name;
  PlanNodePtr plan;
  if (cte.references == 1 && !cte.materialized) {
    ISO_ASSIGN_OR_RETURN(plan, Select(*cte.select, inside));
    plan = Wrapped(cte.name, std::move(plan));
    FillColumns(columns, &own);
  } else {
    auto kept = kept_.find(&cte);
    if (kept == kept_.end()) {
      ISO_ASSIGN_OR_RETURN(PlanNodePtr root, Select(*cte.select, inside));
      SubPlan sub;
      sub.root = std::move(root);
      sub.name = cte.name;
      sub.columns = columns;
      kept = kept_.emplace(&cte, static_cast<int>(plan_->ctes.size())).first;
      plan_->ctes.push_back(std::move(sub));
    }
    auto scan = std::make_unique<CteScanPlan>();
    scan->name = cte.name;
    scan->index = kept->second;
    FillColumns(plan_->ctes[static_cast<size_t>(scan->index)].columns, &own);
    plan = std::move(scan);
  }
  ISO_RETURN_IF_ERROR(Rename(cte.columns, "WITH query", cte.position, &own));
  table->columns = std::move(own.columns);
  ISO_RETURN_IF_ERROR(Rename(item.columns, "table", item.table.position, table));
  return plan;
}

absl::Status Builder::CheckUnused(const std::vector<ast::CtePtr>& ctes) {
  for (const ast::CtePtr& cte : ctes) {
    if (cte->references > 0) continue;
    ISO_RETURN_IF_ERROR(Select(*cte->select, Around{nullptr, true, false}).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<PlanNodePtr> Builder::Series(const ast::FromItem& item, const Around& around,
                                            ScopeTable* table) {
  const ast::Expr& call = *item.function;
  table->name = item.table.alias.empty() ? "generate_series" : item.table.alias;
  table->columns.push_back({table->name, Type::kInt4, false});
  if (call.args.size() < 2 || call.args.size() > 3 || call.star || call.distinct) {
    return SqlError(sqlstate::kUndefinedFunction, "generate_series takes two or three integers",
                    call.position);
  }
  auto node = std::make_unique<SeriesPlan>();
  Scope nothing;
  nothing.outer = around.outer;
  Binder binder(&nothing, &plan_->params, nullptr, "functions in FROM");
  binder.Allow(this);
  for (const ast::ExprPtr& a : call.args) {
    ISO_ASSIGN_OR_RETURN(ExprPtr arg, binder.Bind(*a));
    if (arg->type != Type::kUnknown && !IsInteger(arg->type)) {
      return SqlError(sqlstate::kUndefinedFunction,
                      absl::StrCat("generate_series is for integers, not ", TypeName(arg->type)),
                      call.position, "Types may need an explicit cast.");
    }
    if (arg->type == Type::kInt8) table->columns[0].type = Type::kInt8;
    ISO_ASSIGN_OR_RETURN(arg, binder.Coerce(std::move(arg), Type::kInt8));
    node->args.push_back(std::move(arg));
  }
  ISO_RETURN_IF_ERROR(Rename(item.columns, "table", item.table.position, table));
  return PlanNodePtr(std::move(node));
}

}  // namespace isochron::sql::planner
