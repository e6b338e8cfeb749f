// SPDX-License-Identifier: Apache-2.0
//
// Subqueries in expressions: (SELECT ...), EXISTS, IN, ANY and ALL.
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
  if (e.text == "any" || e.text == "all") return Quantified(e);
  const bool array = e.text == "array";
  const bool scalar = array || e.text == "scalar";
  ISO_ASSIGN_OR_RETURN(SubqueryPlanner::Planned planned,
                       subqueries_->PlanSubquery(*e.select, *scope_,
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
  ISO_ASSIGN_OR_RETURN(SubqueryPlanner::Planned planned,
                       subqueries_->PlanSubquery(*e.select, *scope_, SubqueryUse::kSet));
  if (planned.columns.size() != operands.size()) {
    return SqlError(sqlstate::kSyntaxError,
                    planned.columns.size() > operands.size() ? "subquery has too many columns"
                                                             : "subquery has too few columns",
                    e.position);
  }
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
