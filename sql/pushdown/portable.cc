// SPDX-License-Identifier: Apache-2.0
//
// Which expressions mean the same on every node.
#include <algorithm>

#include "sql/catalog/row_codec.h"
#include "sql/pushdown/program.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

bool IsPlain(Type t) {
  switch (t) {
    case Type::kBool:
    case Type::kInt2:
    case Type::kInt4:
    case Type::kInt8:
    case Type::kFloat4:
    case Type::kFloat8:
    case Type::kNumeric:
    case Type::kText:
    case Type::kVarchar:
      return true;
    default:
      return false;
  }
}

// Besides the plain ones, those that are compared as they lie.
bool IsComparable(Type t) {
  if (IsEnum(t)) return true;
  switch (t) {
    case Type::kBytea:
    case Type::kBpchar:
    case Type::kUuid:
    case Type::kDate:
    case Type::kTime:
    case Type::kTimestamp:
    case Type::kTimestamptz:
      return true;
    default:
      return IsPlain(t);
  }
}

bool IsComparison(absl::string_view name) {
  return name == "=" || name == "<>" || name == "<" || name == "<=" || name == ">" || name == ">=";
}

bool PortableFunction(const Function& f) {
  if (f.variadic || f.is_volatile || f.asks_catalog) return false;
  if (IsComparison(f.name)) {
    // Across types a date or time would be converted by the session's zone.
    return f.args.size() == 2 && ((IsPlain(f.args[0]) && IsPlain(f.args[1])) ||
                                  (f.args[0] == f.args[1] && IsComparable(f.args[0])));
  }
  static constexpr const char* kNames[] = {"+",   "-",      "*",     "/",     "%",
                                           "||",  "~~",     "!~~",   "~~*",   "!~~*",
                                           "abs", "length", "lower", "upper", "mod"};
  return IsPlain(f.result) && std::all_of(f.args.begin(), f.args.end(), IsPlain) &&
         std::any_of(std::begin(kNames), std::end(kNames),
                     [&](const char* name) { return absl::string_view(name) == f.name; });
}

// The arguments from `from` on are of one shape.
bool SameShapes(const Expr& e, size_t from) {
  for (size_t i = from; i < e.args.size(); ++i) {
    if (ShapeOf(e.args[i]->type) != ShapeOf(e.args[from]->type)) return false;
  }
  return true;
}

bool AllBool(const Expr& e) {
  return !e.args.empty() && std::all_of(e.args.begin(), e.args.end(),
                                        [](const ExprPtr& a) { return a->type == Type::kBool; });
}

bool PortableCase(const Expr& e) {
  if (e.args.size() % 2 == 0) return false;
  for (size_t i = 0; i + 1 < e.args.size(); i += 2) {
    if (e.args[i]->type != Type::kBool || ShapeOf(e.args[i + 1]->type) != ShapeOf(e.type)) {
      return false;
    }
  }
  return ShapeOf(e.args.back()->type) == ShapeOf(e.type);
}

bool PortableCall(const Expr& e) {
  if (e.function == nullptr || !PortableFunction(*e.function) || e.type != e.function->result ||
      e.args.size() != e.function->args.size()) {
    return false;
  }
  for (size_t i = 0; i < e.args.size(); ++i) {
    if (ShapeOf(e.args[i]->type) != ShapeOf(e.function->args[i])) return false;
  }
  return true;
}

}  // namespace

bool PortableType(Type type) { return IsComparable(type) && KeyPartIsExact(type); }

bool PortableNode(const Expr& e) {
  switch (e.kind) {
    case ExprKind::kConst:
      return IsComparable(e.type) && HasShapeOf(e.type, e.value);
    case ExprKind::kColumn:
      return IsComparable(e.type);
    case ExprKind::kCall:
      return PortableCall(e);
    case ExprKind::kAnd:
    case ExprKind::kOr:
      return e.type == Type::kBool && AllBool(e);
    case ExprKind::kNot:
    case ExprKind::kBoolTest:
      return e.type == Type::kBool && e.args.size() == 1 && AllBool(e) &&
             (e.kind == ExprKind::kNot || HasShapeOf(Type::kBool, e.value));
    case ExprKind::kIsNull:
      return e.type == Type::kBool && e.args.size() == 1;
    case ExprKind::kCase:
      return PortableCase(e);
    case ExprKind::kCoalesce:
      return !e.args.empty() && SameShapes(e, 0) && ShapeOf(e.args[0]->type) == ShapeOf(e.type);
    case ExprKind::kIn:
      return e.type == Type::kBool && e.args.size() >= 2 && SameShapes(e, 0);
    case ExprKind::kDistinct:
      return e.type == Type::kBool && e.args.size() == 2 && SameShapes(e, 0);
    case ExprKind::kNullIf:
      return e.args.size() == 2 && SameShapes(e, 0) && ShapeOf(e.args[0]->type) == ShapeOf(e.type);
    case ExprKind::kCast:
      return e.args.size() == 1 && IsPlain(e.type) && IsPlain(e.args[0]->type) &&
             CanCast(e.args[0]->type, e.type);
    default:
      return false;
  }
}

}  // namespace isochron::sql
