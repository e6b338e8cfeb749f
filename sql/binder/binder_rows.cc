// SPDX-License-Identifier: Apache-2.0
//
// Comparisons of rows, and functions that give rows.
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/binder.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

ExprPtr Logical(ExprKind kind, int position) {
  auto out = std::make_unique<Expr>();
  out->kind = kind;
  out->type = Type::kBool;
  out->position = position;
  return out;
}

}  // namespace

// (a, b) < (c, d) is a < c OR (a = c AND b < d): the first pair that differs, or cannot be told,
// decides.
absl::StatusOr<ExprPtr> Binder::RowCompare(const std::string& op, std::vector<ExprPtr> left,
                                           std::vector<ExprPtr> right, int position) {
  const bool equality = op == "=" || op == "<>";
  if (!equality && op != "<" && op != "<=" && op != ">" && op != ">=") {
    return SqlError(
        sqlstate::kUnsupported,
        absl::StrCat("could not determine interpretation of row comparison operator ", op),
        position);
  }
  if (left.size() != right.size()) {
    return SqlError(sqlstate::kSyntaxError, "unequal number of entries in row expressions",
                    position);
  }
  if (left.empty()) {
    return SqlError(sqlstate::kUnsupported, "cannot compare rows of zero length", position);
  }
  auto test = [&](const std::string& sign, size_t i, bool last) {
    std::vector<ExprPtr> pair;
    pair.push_back(last ? std::move(left[i]) : Clone(*left[i]));
    pair.push_back(last ? std::move(right[i]) : Clone(*right[i]));
    return Operator(sign, std::move(pair), position);
  };
  if (equality) {
    ExprPtr out = Logical(op == "=" ? ExprKind::kAnd : ExprKind::kOr, position);
    for (size_t i = 0; i < left.size(); ++i) {
      ISO_ASSIGN_OR_RETURN(ExprPtr part, test(op, i, true));
      out->args.push_back(std::move(part));
    }
    return out;
  }
  const std::string strict = op.substr(0, 1);
  ExprPtr out;
  for (size_t i = left.size(); i-- > 0;) {
    const bool last = i + 1 == left.size();
    ISO_ASSIGN_OR_RETURN(ExprPtr here, test(last ? op : strict, i, last));
    if (last) {
      out = std::move(here);
      continue;
    }
    ExprPtr rest = Logical(ExprKind::kAnd, position);
    ISO_ASSIGN_OR_RETURN(ExprPtr same, test("=", i, true));
    rest->args.push_back(std::move(same));
    rest->args.push_back(std::move(out));
    out = Logical(ExprKind::kOr, position);
    out->args.push_back(std::move(here));
    out->args.push_back(std::move(rest));
  }
  return out;
}

absl::StatusOr<ExprPtr> Binder::RowIn(const ast::Expr& e) {
  ExprPtr out = Logical(e.negated ? ExprKind::kAnd : ExprKind::kOr, e.position);
  // Bound once: there may be a query in it.
  ISO_ASSIGN_OR_RETURN(const std::vector<ExprPtr> left, BindAll(e.args[0]->args));
  for (size_t i = 1; i < e.args.size(); ++i) {
    std::vector<ExprPtr> copy;
    for (const ExprPtr& l : left) copy.push_back(Clone(*l));
    ISO_ASSIGN_OR_RETURN(std::vector<ExprPtr> right, RowParts(*e.args[i]));
    ISO_ASSIGN_OR_RETURN(ExprPtr test, RowCompare(e.negated ? "<>" : "=", std::move(copy),
                                                  std::move(right), e.position));
    out->args.push_back(std::move(test));
  }
  return out;
}

absl::StatusOr<std::optional<SetCall>> Binder::BindSet(const ast::Expr& e) {
  const SetFunctions* set = e.names.size() == 1 ? SetFunctionsNamed(e.names[0]) : nullptr;
  if (e.kind != ast::ExprKind::kFunc || set == nullptr) return std::optional<SetCall>();
  SetCall call;
  ISO_ASSIGN_OR_RETURN(call.args, BindAll(e.args));
  ISO_ASSIGN_OR_RETURN(const Function* chosen,
                       ChooseFunction(e.names[0], set->signatures, call.args, e.position));
  call.function = &set->functions[static_cast<size_t>(chosen - set->signatures.data())];
  std::vector<Type> types;
  for (size_t i = 0; i < call.args.size(); ++i) {
    const Type want = chosen->args[std::min(i, chosen->args.size() - 1)];
    ISO_ASSIGN_OR_RETURN(call.args[i], ToArgument(std::move(call.args[i]), want));
    types.push_back(call.args[i]->type);
  }
  call.columns = call.function->columns;
  if (call.columns.empty() && call.function->open != nullptr) {
    const Type type =
        call.function->result_of != nullptr ? call.function->result_of(types) : chosen->result;
    call.columns.push_back({e.names[0], type});
  }
  return std::optional<SetCall>(std::move(call));
}

std::string FieldName(absl::string_view value, absl::string_view field) {
  return absl::StrCat(value, "\x1f", field);
}

bool IsFieldName(absl::string_view name) { return absl::StrContains(name, '\x1f'); }

// (f(x)).a, or (t.c).a where c is what such a function gives in t.
absl::StatusOr<ExprPtr> Binder::PartOf(const ast::Expr& e) {
  const ast::Expr& of = *e.args[0];
  if (of.kind == ast::ExprKind::kFunc && of.names.size() == 1 &&
      SetFunctionsNamed(of.names[0]) != nullptr) {
    return SetReturning(of, e.text);
  }
  if (of.kind == ast::ExprKind::kColumn) {
    ast::Expr part;
    part.kind = ast::ExprKind::kColumn;
    part.position = of.position;
    part.names = of.names;
    part.names.back() = FieldName(part.names.back(), e.text);
    auto found = Column(part);
    if (found.ok()) return found;
  }
  ISO_ASSIGN_OR_RETURN(ExprPtr value, Bind(of));
  return SqlError(sqlstate::kWrongObjectType,
                  absl::StrCat("column notation .", e.text, " applied to type ",
                               TypeName(value->type), ", which is not a composite type"),
                  of.position);
}

absl::StatusOr<ExprPtr> Binder::SetReturning(const ast::Expr& e, absl::string_view field) {
  if (sets_ == nullptr || conditional_ != nullptr) {
    return SqlError(sqlstate::kUnsupported,
                    absl::StrCat("set-returning functions are not allowed in ",
                                 conditional_ != nullptr ? conditional_ : clause_),
                    e.position, "Put it into FROM: LATERAL sees what stands to its left.");
  }
  const size_t before = sets_->size();
  ISO_ASSIGN_OR_RETURN(std::optional<SetCall> call, BindSet(e));
  if (sets_->size() != before) {
    return SqlError(sqlstate::kUnsupported,
                    "a set-returning function of a set is not supported yet", e.position,
                    "Put the inner one into FROM.");
  }
  if (!field.empty()) {
    auto at = std::find_if(call->columns.begin(), call->columns.end(),
                           [&](const ColumnInfo& c) { return c.name == field; });
    if (at == call->columns.end()) {
      return SqlError(sqlstate::kUndefinedColumn,
                      absl::StrCat("could not identify column \"", field, "\" in record data type"),
                      e.position);
    }
    call->field = static_cast<int>(at - call->columns.begin());
    call->columns = {*at};
  }
  if (call->columns.size() != 1) {
    return SqlError(sqlstate::kUnsupported,
                    "a function of several columns in the select list is not supported yet",
                    e.position, "Put it into FROM.");
  }
  auto out = std::make_unique<Expr>();
  out->kind = ExprKind::kSetCall;
  out->type = call->columns[0].type;
  out->index = static_cast<int>(sets_->size());
  out->position = e.position;
  sets_->push_back(*std::move(call));
  return out;
}

}  // namespace isochron::sql
