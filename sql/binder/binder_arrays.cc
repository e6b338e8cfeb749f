// SPDX-License-Identifier: Apache-2.0
//
// Arrays: ARRAY[...], subscripts and slices, operators with ANY and ALL, functions of any array.
#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/array_functions.h"
#include "sql/binder/binder.h"
#include "sql/binder/cast.h"
#include "sql/types/array.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

bool Fits(char letter, Type t) {
  if (t == Type::kUnknown) return true;
  switch (letter) {
    case 'A':
    case 'S':
      return IsArrayType(t);
    case 'E':
      return !IsArrayType(t);
    case 'N':
      return IsArrayType(t) && IsInteger(ArrayElement(t));
    case 'i':
      return t == Type::kInt2 || t == Type::kInt4;
    case 'b':
      return t == Type::kBool;
    default:
      return t == Type::kText || t == Type::kVarchar || t == Type::kBpchar || t == Type::kName ||
             t == Type::kChar;
  }
}

bool Fits(const ArraySignature& s, const std::vector<ExprPtr>& args) {
  const size_t named = std::strlen(s.args);
  if (s.variadic ? args.size() < named : args.size() != named) return false;
  bool array = false;
  for (size_t i = 0; i < args.size(); ++i) {
    const char letter = s.args[std::min(i, named - 1)];
    if (!Fits(letter, args[i]->type)) return false;
    array = array || IsArrayType(args[i]->type);
  }
  return true;
}

ExprPtr CastTo(ExprPtr e, Type to) {
  auto cast = std::make_unique<Expr>();
  cast->kind = ExprKind::kCast;
  cast->type = to;
  cast->position = e->position;
  cast->args.push_back(std::move(e));
  return cast;
}

std::string TypeList(const std::vector<ExprPtr>& args) {
  std::string out;
  for (const ExprPtr& a : args) absl::StrAppend(&out, out.empty() ? "" : ", ", TypeName(a->type));
  return out;
}

}  // namespace

absl::StatusOr<ExprPtr> Binder::CoerceArray(ExprPtr e, Type to) {
  if (e->type == to) return e;
  if (e->type == Type::kUnknown) return Coerce(std::move(e), to);
  if (SameForm(e->type, to)) return e;
  if (e->kind == ExprKind::kConst) {
    ExprPtr out = MakeConst(to, Datum(), e->position);
    ISO_RETURN_IF_ERROR(CastArray(e->type, to, e->value, &out->value));
    return out;
  }
  return CastTo(std::move(e), to);
}

absl::StatusOr<Type> Binder::CommonElement(const char* letters, const std::vector<ExprPtr>& args,
                                           int position) {
  const size_t named = std::strlen(letters);
  std::vector<ExprPtr> stand_ins;
  bool polymorphic = false;
  for (size_t i = 0; i < args.size(); ++i) {
    const char letter = letters[std::min(i, named - 1)];
    if (letter != 'A' && letter != 'E') continue;
    polymorphic = true;
    if (args[i]->type == Type::kUnknown) continue;
    stand_ins.push_back(
        MakeColumn(0, letter == 'A' ? ArrayElement(args[i]->type) : args[i]->type, position));
  }
  if (!polymorphic) return Type::kText;
  if (stand_ins.empty() && std::strchr(letters, 'E') != nullptr) return Type::kText;
  if (stand_ins.empty()) {
    return SqlError(sqlstate::kDatatypeMismatch,
                    "could not determine polymorphic type because input has type unknown",
                    position);
  }
  Type common;
  ISO_RETURN_IF_ERROR(Unify(&stand_ins, 0, 1, "ARRAY", &common));
  return common;
}

absl::StatusOr<ExprPtr> Binder::ArrayCall(const std::string& name, std::vector<ExprPtr> args,
                                          int position, bool is_operator) {
  const ArraySignature* chosen = nullptr;
  Type element = Type::kUnknown;
  if (const auto* named = ArraySignaturesNamed(name)) {
    for (const ArraySignature* s : *named) {
      if (!Fits(*s, args)) continue;
      auto common = CommonElement(s->args, args, position);
      if (!common.ok()) {
        if (SqlStateOf(common.status()) != sqlstate::kDatatypeMismatch) return common.status();
        // Neither an array nor an element says of what type they are.
        if (absl::StartsWith(common.status().message(), "could not")) return common.status();
        continue;
      }
      chosen = s;
      element = *common;
      break;
    }
  }
  if (chosen == nullptr) {
    const std::string what =
        is_operator && args.size() == 2
            ? absl::StrCat("operator does not exist: ", TypeName(args[0]->type), " ", name, " ",
                           TypeName(args[1]->type))
            : absl::StrCat("function ", name, "(", TypeList(args), ") does not exist");
    return SqlError(sqlstate::kUndefinedFunction, what, position,
                    absl::StrCat("No ", is_operator ? "operator" : "function",
                                 " matches the given name and argument types. You might need to "
                                 "add explicit type casts."));
  }
  const size_t named = std::strlen(chosen->args);
  for (size_t i = 0; i < args.size(); ++i) {
    const char letter = chosen->args[std::min(i, named - 1)];
    const Type want = ArraySignatureType(letter, element);
    if (letter == 'S' && ArrayElement(args[i]->type) == Type::kBool) continue;
    if (IsArray(want)) {
      ISO_ASSIGN_OR_RETURN(args[i], CoerceArray(std::move(args[i]), want));
    } else {
      ISO_ASSIGN_OR_RETURN(args[i], Coerce(std::move(args[i]), want));
    }
  }
  ExprPtr call = MakeCall(ArrayFunctionFor(*chosen, element), std::move(args), position);
  call->type = ArraySignatureType(chosen->result, element);
  return call;
}

bool Binder::WantsArrayCall(const std::string& op, const std::vector<ExprPtr>& args) {
  if (args.size() != 2) return false;
  const bool array = IsArrayType(args[0]->type) || IsArrayType(args[1]->type);
  return array && ArraySignaturesNamed(op) != nullptr;
}

absl::StatusOr<ExprPtr> Binder::Array(const ast::Expr& e) {
  auto out = std::make_unique<Expr>();
  out->kind = ExprKind::kArray;
  out->position = e.position;
  ISO_ASSIGN_OR_RETURN(out->args, BindAll(e.args));
  if (out->args.empty()) {
    return SqlError(sqlstate::kIndeterminateType, "cannot determine type of empty array",
                    e.position,
                    "Explicitly cast to the desired type, for example ARRAY[]::integer[].");
  }
  const bool nested = std::any_of(out->args.begin(), out->args.end(),
                                  [](const ExprPtr& a) { return IsArrayType(a->type); });
  if (!nested) {
    ISO_RETURN_IF_ERROR(Unify(&out->args, 0, 1, "ARRAY", &out->type));
    out->type = ArrayOf(out->type);
  } else {
    ISO_ASSIGN_OR_RETURN(Type element, CommonElement("A", out->args, e.position));
    out->type = ArrayOf(element);
    out->negated = true;
    for (ExprPtr& a : out->args) {
      ISO_ASSIGN_OR_RETURN(a, CoerceArray(std::move(a), out->type));
    }
  }
  const bool constant = std::all_of(out->args.begin(), out->args.end(),
                                    [](const ExprPtr& a) { return a->kind == ExprKind::kConst; });
  if (!constant) return out;
  std::vector<Datum> members;
  for (ExprPtr& a : out->args) members.push_back(std::move(a->value));
  ExprPtr folded = MakeConst(out->type, Datum(), e.position);
  ISO_RETURN_IF_ERROR(BuildArray(members, nested, &folded->value));
  return folded;
}

absl::StatusOr<ExprPtr> Binder::Subscript(const ast::Expr& e) {
  std::vector<ExprPtr> args;
  ISO_ASSIGN_OR_RETURN(ExprPtr base, Bind(*e.args[0]));
  if (base->type == Type::kName && e.args.size() == 2 && !e.star) {
    base = CastTo(std::move(base), Type::kText);
    std::vector<ExprPtr> of_name;
    of_name.push_back(std::move(base));
    ISO_ASSIGN_OR_RETURN(ExprPtr index, BindAs(*e.args[1], Type::kInt4, "array subscript"));
    of_name.push_back(std::move(index));
    return Call("name_subscript", std::move(of_name), e.position, false);
  }
  if (!IsArrayType(base->type)) {
    return SqlError(sqlstate::kDatatypeMismatch,
                    absl::StrCat("cannot subscript type ", TypeName(base->type),
                                 " because it does not support subscripting"),
                    e.position);
  }
  const Type element = ArrayElement(base->type);
  args.push_back(std::move(base));
  for (size_t i = 1; i < e.args.size(); ++i) {
    if (e.args[i]->kind == ast::ExprKind::kDefault) {
      args.push_back(MakeConst(Type::kInt4, Datum::Int(kOmittedBound)));
      continue;
    }
    ISO_ASSIGN_OR_RETURN(ExprPtr index, Bind(*e.args[i]));
    if (index->type != Type::kUnknown && !IsInteger(index->type)) {
      return SqlError(sqlstate::kDatatypeMismatch, "array subscript must have type integer",
                      e.args[i]->position);
    }
    ISO_ASSIGN_OR_RETURN(index,
                         Convert(std::move(index), Type::kInt4, -1, CastContext::kAssignment));
    args.push_back(std::move(index));
  }
  const auto* named = ArraySignaturesNamed(e.star ? kSliceFunction : kSubscriptFunction);
  ExprPtr part = MakeCall(ArrayFunctionFor(*named->front(), element), std::move(args), e.position);
  part->type = ArraySignatureType(named->front()->result, element);
  return part;
}

absl::StatusOr<ExprPtr> Binder::AnyArray(const ast::Expr& e) {
  const std::string& op = e.names[0];
  const bool all = e.text == "all";
  ISO_ASSIGN_OR_RETURN(ExprPtr left, Bind(*e.args[0]));
  ISO_ASSIGN_OR_RETURN(ExprPtr right, Bind(*e.args[1]));
  if (right->type != Type::kUnknown && !IsArrayType(right->type)) {
    return SqlError(sqlstate::kWrongObjectType, "op ANY/ALL (array) requires array on right side",
                    e.position);
  }
  // The operator decides the types of both sides.
  std::vector<ExprPtr> pair;
  pair.push_back(std::move(left));
  const Type element = right->type == Type::kUnknown
                           ? (pair[0]->type == Type::kUnknown ? Type::kText : pair[0]->type)
                           : ArrayElement(right->type);
  pair.push_back(MakeColumn(0, element, e.position));
  ISO_ASSIGN_OR_RETURN(ExprPtr test, Operator(op, std::move(pair), e.position));
  if (test->kind != ExprKind::kCall || test->type != Type::kBool) {
    return SqlError(sqlstate::kWrongObjectType,
                    "op ANY/ALL (array) requires operator to yield boolean", e.position);
  }
  auto out = std::make_unique<Expr>();
  out->kind = ExprKind::kAnyArray;
  out->type = Type::kBool;
  out->negated = all;
  out->function = test->function;
  out->position = e.position;
  const Type want = test->args[1]->type;
  out->args.push_back(std::move(test->args[0]));
  ISO_ASSIGN_OR_RETURN(right, CoerceArray(std::move(right), ArrayOf(want)));
  out->args.push_back(std::move(right));
  return out;
}

}  // namespace isochron::sql
