// SPDX-License-Identifier: Apache-2.0
//
// Subqueries in expressions: (SELECT ...), EXISTS, IN, ANY and ALL.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/binder.h"
#include "sql/types/array.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

bool IsComparison(const std::string& op) {
  return op == "=" || op == "<>" || op == "<" || op == "<=" || op == ">" || op == ">=";
}

ExprPtr SubqueryExpr(SubqueryPlanner::Planned* planned, int position) {
  auto out = std::make_unique<Expr>();
  out->kind = ExprKind::kSubquery;
  out->type = Type::kBool;
  out->index = planned->index;
  out->position = position;
  return out;
}

void PassArgs(SubqueryPlanner::Planned* planned, Expr* out) {
  for (ExprPtr& a : planned->args) out->args.push_back(std::move(a));
}

}  // namespace

absl::StatusOr<ExprPtr> Binder::Subquery(const ast::Expr& e) {
  if (subqueries_ == nullptr) {
    return SqlError(sqlstate::kUnsupported,
                    absl::StrCat("a subquery in ", clause_, " is not supported yet"), e.position,
                    "docs/reference/sql.md lists where subqueries may stand.");
  }
  if (e.text == "field") return Field(e);
  if (e.text == "row") {
    ISO_ASSIGN_OR_RETURN(std::vector<ExprPtr> left, RowParts(*e.args[0]));
    ISO_ASSIGN_OR_RETURN(std::vector<ExprPtr> right, RowOf(e));
    ISO_RETURN_IF_ERROR(SameWidth(left.size(), right.size(), e.position));
    return RowCompare(e.names[0], std::move(left), std::move(right), e.position);
  }
  if (e.text == "any" || e.text == "all") return Quantified(e);
  const bool array = e.text == "array";
  const bool scalar = array || e.text == "scalar";
  ISO_ASSIGN_OR_RETURN(SubqueryPlanner::Planned planned,
                       subqueries_->PlanSubquery(*e.select, *scope_, aggregates_,
                                                 array    ? SubqueryUse::kArray
                                                 : scalar ? SubqueryUse::kScalar
                                                          : SubqueryUse::kExists));
  ExprPtr out = SubqueryExpr(&planned, e.position);
  if (scalar) {
    if (planned.columns.size() != 1) {
      return SqlError(sqlstate::kSyntaxError, "subquery must return only one column", e.position);
    }
    out->type = planned.columns[0].type;
    if (array) {
      // Arrays become the members of one that is deeper.
      out->type = IsArrayType(out->type) ? ArrayOf(ArrayElement(out->type)) : ArrayOf(out->type);
    }
  }
  PassArgs(&planned, out.get());
  return out;
}

absl::Status Binder::SameWidth(size_t wanted, size_t columns, int position) {
  if (columns == wanted) return absl::OkStatus();
  return SqlError(
      sqlstate::kSyntaxError,
      columns > wanted ? "subquery has too many columns" : "subquery has too few columns",
      position);
}

absl::StatusOr<std::vector<ExprPtr>> Binder::RowOf(const ast::Expr& e) {
  ISO_ASSIGN_OR_RETURN(
      SubqueryPlanner::Planned planned,
      subqueries_->PlanSubquery(*e.select, *scope_, aggregates_, SubqueryUse::kRow));
  std::vector<ExprPtr> out;
  for (size_t i = 0; i < planned.columns.size(); ++i) {
    ExprPtr column = SubqueryExpr(&planned, e.position);
    column->type = planned.columns[i].type;
    column->value = Datum::Int(static_cast<int64_t>(i));
    for (const ExprPtr& a : planned.args) column->args.push_back(Clone(*a));
    out.push_back(std::move(column));
  }
  return out;
}

absl::StatusOr<ExprPtr> Binder::Field(const ast::Expr& e) {
  if (subqueries_ == nullptr) return Subquery(e);
  const size_t column = static_cast<size_t>(e.int_value);
  auto it = std::find_if(rows_.begin(), rows_.end(),
                         [&](const auto& row) { return row.first == e.select.get(); });
  if (it == rows_.end()) {
    ISO_ASSIGN_OR_RETURN(std::vector<ExprPtr> columns, RowOf(e));
    rows_.emplace_back(e.select.get(), std::move(columns));
    it = rows_.end() - 1;
  }
  if (column >= it->second.size()) {
    return SqlError(sqlstate::kSyntaxError, "number of columns does not match number of values",
                    e.position);
  }
  return Clone(*it->second[column]);
}

absl::StatusOr<std::vector<ExprPtr>> Binder::RowParts(const ast::Expr& e) {
  if (e.kind == ast::ExprKind::kRow) return BindAll(e.args);
  if (e.kind == ast::ExprKind::kSubquery && e.text == "scalar" && subqueries_ != nullptr) {
    return RowOf(e);
  }
  std::vector<ExprPtr> one;
  ISO_ASSIGN_OR_RETURN(ExprPtr value, Bind(e));
  one.push_back(std::move(value));
  return one;
}

absl::StatusOr<ExprPtr> Binder::Quantified(const ast::Expr& e) {
  const std::string& op = e.names[0];
  const bool all = e.text == "all";
  std::vector<ExprPtr> operands;
  if (e.args[0]->kind == ast::ExprKind::kRow) {
    ISO_ASSIGN_OR_RETURN(operands, BindAll(e.args[0]->args));
  } else {
    ISO_ASSIGN_OR_RETURN(ExprPtr one, Bind(*e.args[0]));
    operands.push_back(std::move(one));
  }
  if (!IsComparison(op) || (operands.size() > 1 && op != (all ? "<>" : "="))) {
    return SqlError(sqlstate::kUnsupported,
                    absl::StrCat("operator ", op, " with ", all ? "ALL" : "ANY",
                                 operands.size() > 1 ? " over rows" : "", " is not supported yet"),
                    e.position);
  }
  ISO_ASSIGN_OR_RETURN(
      SubqueryPlanner::Planned planned,
      subqueries_->PlanSubquery(*e.select, *scope_, aggregates_, SubqueryUse::kSet));
  ISO_RETURN_IF_ERROR(SameWidth(operands.size(), planned.columns.size(), e.position));
  ExprPtr out = SubqueryExpr(&planned, e.position);
  out->negated = all;
  out->operands = static_cast<int>(operands.size());
  // The operator decides the types of both sides.
  std::vector<ExprPtr> project;
  for (size_t i = 0; i < operands.size(); ++i) {
    std::vector<ExprPtr> pair;
    pair.push_back(std::move(operands[i]));
    pair.push_back(MakeColumn(static_cast<int>(i), planned.columns[i].type, e.position));
    ISO_ASSIGN_OR_RETURN(ExprPtr test, Operator(op, std::move(pair), e.position));
    out->function = test->function;
    out->args.push_back(std::move(test->args[0]));
    project.push_back(std::move(test->args[1]));
  }
  subqueries_->ProjectSubquery(planned.index, std::move(project));
  PassArgs(&planned, out.get());
  return out;
}

}  // namespace isochron::sql
