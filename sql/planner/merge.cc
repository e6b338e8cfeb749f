// SPDX-License-Identifier: Apache-2.0
//
// MERGE; and statements that write, wherever they stand.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/planner/builder.h"
#include "sql/types/error.h"

namespace isochron::sql::planner {

absl::StatusOr<PlanNodePtr> Builder::Dml(const ast::Statement& statement) {
  if (const auto* insert = std::get_if<ast::Insert>(&statement.node)) return Insert(*insert);
  if (const auto* update = std::get_if<ast::Update>(&statement.node)) return Update(*update);
  if (const auto* del = std::get_if<ast::Delete>(&statement.node)) return Delete(*del);
  if (const auto* merge = std::get_if<ast::Merge>(&statement.node)) return Merge(*merge);
  return SqlError(sqlstate::kInternal, "a statement that does not write");
}

absl::Status Builder::MergeInsert(const ast::MergeWhen& when, const TableDescriptor& table,
                                  const Scope& scope, MergePlan::When* out) {
  std::vector<int> targets;
  for (const auto& [name, position] : when.columns) {
    const int column = table.FindColumn(name);
    if (column < 0) {
      return SqlError(sqlstate::kUndefinedColumn,
                      absl::StrCat("column \"", name, "\" of relation \"", table.local_name(),
                                   "\" does not exist"),
                      position);
    }
    if (std::find(targets.begin(), targets.end(), column) != targets.end()) {
      return SqlError(sqlstate::kDuplicateColumn,
                      absl::StrCat("column \"", name, "\" specified more than once"), position);
    }
    targets.push_back(column);
  }
  for (size_t i = 0; when.columns.empty() && i < table.columns.size(); ++i) {
    if (!table.columns[i].hidden) targets.push_back(static_cast<int>(i));
  }
  if (when.values.size() > targets.size() ||
      (when.values.size() < targets.size() && !when.columns.empty())) {
    return SqlError(sqlstate::kSyntaxError,
                    when.values.size() > targets.size()
                        ? "INSERT has more expressions than target columns"
                        : "INSERT has more target columns than expressions");
  }
  for (const ColumnDescriptor& c : table.columns) {
    ISO_ASSIGN_OR_RETURN(ExprPtr value, DefaultExpr(c));
    out->values.push_back(std::move(value));
  }
  Binder binder(&scope, &plan_->params, nullptr, "MERGE");
  binder.Allow(this);
  for (size_t i = 0; i < when.values.size(); ++i) {
    if (when.values[i]->kind == ast::ExprKind::kDefault) continue;
    const size_t column = static_cast<size_t>(targets[i]);
    const ColumnDescriptor& c = table.columns[column];
    ISO_RETURN_IF_ERROR(RefuseGenerated(c, ast::Insert::Overriding(), when.values[i]->position));
    ISO_ASSIGN_OR_RETURN(out->values[column],
                         binder.BindAssignment(*when.values[i], c.name, c.type, c.typmod));
  }
  return absl::OkStatus();
}

absl::StatusOr<PlanNodePtr> Builder::Merge(const ast::Merge& merge) {
  ISO_ASSIGN_OR_RETURN(TablePtr table, FindTable(merge.table));
  ISO_RETURN_IF_ERROR(CheckWritable(*table, "merge into"));
  Need(table, kRightSelect);
  ISO_RETURN_IF_ERROR(TopCtes(merge.ctes));
  auto node = std::make_unique<MergePlan>();
  node->table = table;
  ISO_ASSIGN_OR_RETURN(node->rules, BindRules(*table));
  Scope scope;
  auto join = std::make_unique<FromNode>();
  join->kind = ast::JoinKind::kRight;
  ISO_ASSIGN_OR_RETURN(join->left, BindTarget(table, merge.table, &scope));
  ISO_ASSIGN_OR_RETURN(join->right, BindItems(merge.source, Around(), nullptr, &scope));
  join->width = join->left->width + join->right->width;
  Binder binder(&scope, &plan_->params, nullptr, "MERGE");
  binder.Allow(this);
  ISO_ASSIGN_OR_RETURN(ExprPtr on, binder.BindAs(*merge.on, Type::kBool, "MERGE"));
  SplitAnd(std::move(on), &join->on);
  // Where nothing of the table matches, only the source can be named.
  Scope source;
  source.tables = scope.tables;
  source.tables[0].covered = true;
  source.named = true;
  for (const ScopeName& n : join->right->names) source.names.push_back({n.name, Clone(*n.expr)});
  for (const ast::MergeWhen& when : merge.whens) {
    const Scope& seen = when.matched ? scope : source;
    MergePlan::When out;
    out.matched = when.matched;
    out.action = when.action;
    Need(table, when.action == ast::MergeAction::kInsert   ? kRightInsert
                : when.action == ast::MergeAction::kUpdate ? kRightUpdate
                : when.action == ast::MergeAction::kDelete ? kRightDelete
                                                           : 0);
    if (when.condition != nullptr) {
      Binder condition(&seen, &plan_->params, nullptr, "MERGE WHEN conditions");
      condition.Allow(this);
      ISO_ASSIGN_OR_RETURN(out.condition, condition.BindAs(*when.condition, Type::kBool, "WHEN"));
    }
    if (when.action == ast::MergeAction::kUpdate) {
      ISO_ASSIGN_OR_RETURN(out.set, Assignments(when.set, *table, seen, false));
    } else if (when.action == ast::MergeAction::kInsert) {
      ISO_RETURN_IF_ERROR(MergeInsert(when, *table, seen, &out));
    }
    node->whens.push_back(std::move(out));
  }
  ISO_ASSIGN_OR_RETURN(node->child, Build(join.get(), {}));
  columns.clear();
  return PlanNodePtr(std::move(node));
}

}  // namespace isochron::sql::planner
