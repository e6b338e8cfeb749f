// SPDX-License-Identifier: Apache-2.0
#include "sql/binder/expr.h"

#include "absl/strings/str_cat.h"
#include "sql/binder/cast.h"
#include "sql/types/type_info.h"

namespace isochron::sql {

ExprPtr MakeConst(Type type, Datum value, int position) {
  auto e = std::make_unique<Expr>();
  e->kind = ExprKind::kConst;
  e->type = type;
  e->value = std::move(value);
  e->position = position;
  return e;
}

ExprPtr MakeColumn(int index, Type type, int position) {
  auto e = std::make_unique<Expr>();
  e->kind = ExprKind::kColumn;
  e->type = type;
  e->index = index;
  e->position = position;
  return e;
}

ExprPtr MakeCall(const Function* function, std::vector<ExprPtr> args, int position) {
  auto e = std::make_unique<Expr>();
  e->kind = ExprKind::kCall;
  e->type = function->result;
  e->function = function;
  e->args = std::move(args);
  e->position = position;
  return e;
}

ExprPtr Clone(const Expr& e) {
  auto copy = std::make_unique<Expr>();
  copy->kind = e.kind;
  copy->type = e.type;
  copy->typmod = e.typmod;
  copy->negated = e.negated;
  copy->index = e.index;
  copy->operands = e.operands;
  copy->position = e.position;
  copy->function = e.function;
  copy->value = e.value;
  for (const ExprPtr& a : e.args) copy->args.push_back(Clone(*a));
  return copy;
}

bool SameExpr(const Expr& a, const Expr& b) {
  // The type of a value that was given another name (varchar as text) is not looked at.
  const bool typed = a.kind == ExprKind::kCast || a.kind == ExprKind::kConst;
  if (a.kind != b.kind || (a.type != b.type && (typed || !SameForm(a.type, b.type))) ||
      a.negated != b.negated || a.index != b.index || a.operands != b.operands ||
      a.function != b.function || a.args.size() != b.args.size() || !(a.value == b.value) ||
      (a.kind == ExprKind::kCast && a.typmod != b.typmod)) {
    return false;
  }
  for (size_t i = 0; i < a.args.size(); ++i) {
    if (!SameExpr(*a.args[i], *b.args[i])) return false;
  }
  return true;
}

bool IsConstant(const Expr& e) {
  if (e.kind == ExprKind::kColumn || e.kind == ExprKind::kAggregate ||
      e.kind == ExprKind::kWindow || e.kind == ExprKind::kSetCall) {
    return false;
  }
  if (e.kind == ExprKind::kCall && e.function->is_volatile) return false;
  for (const ExprPtr& a : e.args) {
    if (!IsConstant(*a)) return false;
  }
  return true;
}

bool HasSubquery(const Expr& e) {
  if (e.kind == ExprKind::kSubquery) return true;
  for (const ExprPtr& a : e.args) {
    if (HasSubquery(*a)) return true;
  }
  return false;
}

namespace {

std::string List(const Expr& e, size_t from, const std::vector<std::string>& names,
                 absl::string_view separator) {
  std::string out;
  for (size_t i = from; i < e.args.size(); ++i) {
    absl::StrAppend(&out, i == from ? "" : separator, ExprToString(*e.args[i], names));
  }
  return out;
}

std::string CaseToString(const Expr& e, const std::vector<std::string>& names) {
  std::string out = "CASE";
  for (size_t i = 0; i + 1 < e.args.size(); i += 2) {
    absl::StrAppend(&out, " WHEN ", ExprToString(*e.args[i], names), " THEN ",
                    ExprToString(*e.args[i + 1], names));
  }
  return absl::StrCat(out, " ELSE ", ExprToString(*e.args.back(), names), " END");
}

// "(id) = ANY (subquery 1)"
std::string SubqueryToString(const Expr& e, const std::vector<std::string>& names) {
  const std::string subquery = absl::StrCat("(subquery ", e.index + 1, ")");
  if (e.function == nullptr) return subquery;
  std::string operands;
  for (int i = 0; i < e.operands; ++i) {
    absl::StrAppend(&operands, i == 0 ? "" : ", ",
                    ExprToString(*e.args[static_cast<size_t>(i)], names));
  }
  if (e.operands > 1) operands = absl::StrCat("(", operands, ")");
  return absl::StrCat(operands, " ", e.function->name, e.negated ? " ALL " : " ANY ", subquery);
}

}  // namespace

std::string ExprToString(const Expr& e, const std::vector<std::string>& names) {
  const char* no = e.negated ? "NOT " : "";
  switch (e.kind) {
    case ExprKind::kConst:
      return DatumToSql(e.type, e.value);
    case ExprKind::kParam:
      return absl::StrCat("$", e.index + 1);
    case ExprKind::kColumn:
      return static_cast<size_t>(e.index) < names.size() ? names[static_cast<size_t>(e.index)]
                                                         : absl::StrCat("column ", e.index + 1);
    case ExprKind::kCall: {
      const absl::string_view name = e.function->name;
      const bool is_word = (name[0] >= 'a' && name[0] <= 'z');
      if (!is_word && e.args.size() == 2)
        return absl::StrCat("(", List(e, 0, names, absl::StrCat(" ", name, " ")), ")");
      return absl::StrCat(name, "(", List(e, 0, names, ", "), ")");
    }
    case ExprKind::kAnd:
      return absl::StrCat("(", List(e, 0, names, " AND "), ")");
    case ExprKind::kOr:
      return absl::StrCat("(", List(e, 0, names, " OR "), ")");
    case ExprKind::kNot:
      return absl::StrCat("NOT ", ExprToString(*e.args[0], names));
    case ExprKind::kIsNull:
      return absl::StrCat(ExprToString(*e.args[0], names), " IS ", no, "NULL");
    case ExprKind::kBoolTest:
      return absl::StrCat(ExprToString(*e.args[0], names), " IS ", no,
                          e.value.is_null()      ? "UNKNOWN"
                          : e.value.bool_value() ? "TRUE"
                                                 : "FALSE");
    case ExprKind::kCase:
      return CaseToString(e, names);
    case ExprKind::kCoalesce:
      return absl::StrCat("COALESCE(", List(e, 0, names, ", "), ")");
    case ExprKind::kExtreme:
      return absl::StrCat(e.negated ? "LEAST(" : "GREATEST(", List(e, 0, names, ", "), ")");
    case ExprKind::kNullIf:
      return absl::StrCat("NULLIF(", List(e, 0, names, ", "), ")");
    case ExprKind::kDistinct:
      return absl::StrCat(ExprToString(*e.args[0], names), " IS ", no, "DISTINCT FROM ",
                          ExprToString(*e.args[1], names));
    case ExprKind::kCast:
      return absl::StrCat(ExprToString(*e.args[0], names),
                          "::", TypeNameWithModifier(e.type, e.typmod));
    case ExprKind::kIn:
      return absl::StrCat(ExprToString(*e.args[0], names), " ", no, "IN (", List(e, 1, names, ", "),
                          ")");
    case ExprKind::kArray:
      return absl::StrCat("ARRAY[", List(e, 0, names, ", "), "]");
    case ExprKind::kAnyArray:
      return absl::StrCat(ExprToString(*e.args[0], names), " ", e.function->name,
                          e.negated ? " ALL (" : " ANY (", ExprToString(*e.args[1], names), ")");
    case ExprKind::kAggregate:
      return absl::StrCat("aggregate ", e.index + 1);
    case ExprKind::kOuter:
    case ExprKind::kRegister:
      return absl::StrCat("outer ", e.value.string_value());
    case ExprKind::kWindow:
      return absl::StrCat("window ", e.index + 1);
    case ExprKind::kSetCall:
      return absl::StrCat("set ", e.index + 1);
    case ExprKind::kSubquery:
      return SubqueryToString(e, names);
  }
  return "";
}

}  // namespace isochron::sql
