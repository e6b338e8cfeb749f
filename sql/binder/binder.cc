// SPDX-License-Identifier: Apache-2.0
#include "sql/binder/binder.h"

#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/resolve.h"
#include "sql/types/array.h"
#include "sql/types/catalog_types.h"
#include "sql/types/error.h"
#include "sql/types/modifiers.h"
#include "sql/types/time_datum.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

// Gives an error made by a conversion the place of the literal.
absl::Status At(absl::Status status, int position) {
  if (position < 0 || PositionOf(status) > 0) return status;
  return SqlError(SqlStateOf(status), status.message(), position, HintOf(status));
}

bool IsInt4(int64_t v) {
  return v >= std::numeric_limits<int32_t>::min() && v <= std::numeric_limits<int32_t>::max();
}

}  // namespace

int Scope::width() const {
  int width = 0;
  for (const ScopeTable& t : tables) {
    if (!t.alias_of_join) width += static_cast<int>(t.columns.size());
  }
  return width;
}

std::vector<std::string> Scope::ColumnNames() const {
  std::vector<std::string> names;
  for (const ScopeTable& t : tables) {
    if (t.alias_of_join) continue;
    for (const ScopeColumn& c : t.columns) {
      names.push_back(tables.size() > 1 ? absl::StrCat(t.name, ".", c.name) : c.name);
    }
  }
  return names;
}

std::string Scope::FullName(int slot) const {
  for (const ScopeTable& t : tables) {
    const int at = slot - t.offset;
    if (t.alias_of_join || at < 0 || at >= static_cast<int>(t.columns.size())) continue;
    return absl::StrCat(t.name, ".", t.columns[static_cast<size_t>(at)].name);
  }
  return "?column?";
}

absl::StatusOr<ExprPtr> Binder::Column(const ast::Expr& e) {
  const std::string& column = e.names.back();
  const std::string table = e.names.size() > 1 ? e.names[e.names.size() - 2] : "";
  ExprPtr found;
  auto meet = [&](ExprPtr expr) -> absl::Status {
    if (found != nullptr) {
      return SqlError(sqlstate::kAmbiguousColumn,
                      absl::StrCat("column reference \"", column, "\" is ambiguous"), e.position,
                      "Write the table's name before it.");
    }
    found = std::move(expr);
    found->position = e.position;
    return absl::OkStatus();
  };
  if (table.empty() && scope_->named) {
    for (const ScopeName& n : scope_->names) {
      if (n.name == column) ISO_RETURN_IF_ERROR(meet(Clone(*n.expr)));
    }
  }
  bool table_known = table.empty();
  for (const ScopeTable& t : scope_->tables) {
    if (table.empty() ? t.qualified_only || scope_->named : t.name != table) continue;
    if (t.covered) continue;
    table_known = true;
    for (size_t i = 0; i < t.columns.size(); ++i) {
      if (t.columns[i].hidden || t.columns[i].name != column) continue;
      ISO_RETURN_IF_ERROR(
          meet(t.columns[i].expr != nullptr
                   ? Clone(*t.columns[i].expr)
                   : MakeColumn(t.offset + static_cast<int>(i), t.columns[i].type)));
      found->typmod = t.columns[i].typmod;
    }
  }
  if (found != nullptr) return found;
  if (!table_known) {
    return OuterColumn(
        e,
        SqlError(sqlstate::kUndefinedTable,
                 absl::StrCat("missing FROM-clause entry for table \"", table, "\""), e.position));
  }
  absl::Status missing =
      SqlError(sqlstate::kUndefinedColumn,
               table.empty() ? absl::StrCat("column \"", column, "\" does not exist")
                             : absl::StrCat("column ", table, ".", column, " does not exist"),
               e.position);
  if (!table.empty()) return missing;
  return OuterColumn(e, std::move(missing));
}

absl::StatusOr<ExprPtr> Binder::OuterColumn(const ast::Expr& e, absl::Status not_here) {
  const OuterFrame* outer = scope_->outer;
  if (outer == nullptr || local_only_) return not_here;
  auto theirs = Binder(outer->scope, params_, nullptr, clause_).Column(e);
  if (!theirs.ok()) {
    const std::string state = SqlStateOf(theirs.status());
    const bool missing = state == sqlstate::kUndefinedColumn || state == sqlstate::kUndefinedTable;
    return missing ? not_here : theirs.status();
  }
  if (outer->lets != nullptr) return Register(e, *std::move(theirs));
  size_t index = 0;
  while (index < outer->args->size() && !SameExpr(*(*outer->args)[index], **theirs)) ++index;
  auto out = std::make_unique<Expr>();
  out->kind = ExprKind::kOuter;
  out->type = (*theirs)->type;
  out->typmod = (*theirs)->typmod;
  out->index = static_cast<int>(index);
  out->position = e.position;
  out->value = Datum::String(e.names.back());
  if (index == outer->args->size()) outer->args->push_back(*std::move(theirs));
  return out;
}

namespace {

void CollectRegisters(const Expr& e, std::vector<int>* out) {
  if (e.kind == ExprKind::kRegister) out->push_back(e.index);
  for (const ExprPtr& a : e.args) CollectRegisters(*a, out);
}

}  // namespace

absl::StatusOr<ExprPtr> Binder::Register(const ast::Expr& e, ExprPtr theirs) {
  const OuterFrame* outer = scope_->outer;
  bool own = false, around = false;
  Levels(*theirs, &own, &around);
  if (own && outer->refusal != nullptr) {
    return SqlError(
        sqlstate::kInvalidColumnReference,
        absl::StrCat("invalid reference to FROM-clause entry for table \"",
                     e.names.size() > 1 ? e.names[e.names.size() - 2] : e.names[0], "\""),
        e.position, outer->refusal);
  }
  if (!own && (outer->same_outer || !around)) {
    if (outer->reads != nullptr) CollectRegisters(*theirs, outer->reads);
    return theirs;
  }
  std::vector<Let>& lets = *outer->lets;
  size_t at = 0;
  while (at < lets.size() && !SameExpr(*lets[at].value, *theirs)) ++at;
  auto out = std::make_unique<Expr>();
  out->kind = ExprKind::kRegister;
  out->type = theirs->type;
  out->typmod = theirs->typmod;
  out->index = at < lets.size() ? lets[at].reg : static_cast<int>(outer->registers->size());
  out->position = e.position;
  out->value = Datum::String(e.names.back());
  if (at == lets.size()) {
    outer->registers->push_back(outer->level);
    lets.push_back({out->index, std::move(theirs)});
  }
  return out;
}

absl::StatusOr<ExprPtr> Binder::Param(const ast::Expr& e) {
  const size_t index = static_cast<size_t>(e.int_value) - 1;
  if (params_ == nullptr) {
    return SqlError(sqlstate::kUndefinedParameter,
                    absl::StrCat("there is no parameter $", e.int_value, " in ", clause_),
                    e.position);
  }
  if (params_->size() <= index) params_->resize(index + 1, Type::kUnknown);
  auto out = std::make_unique<Expr>();
  out->kind = ExprKind::kParam;
  out->index = static_cast<int>(index);
  out->type = (*params_)[index];
  out->position = e.position;
  return out;
}

absl::StatusOr<ExprPtr> Binder::Convert(ExprPtr e, Type to, int32_t typmod, CastContext context) {
  const bool stores = context != CastContext::kExplicit;
  if (e->type == Type::kUnknown && e->kind == ExprKind::kParam) {
    // Two uses of one undeclared parameter: the first to give it a type wins.
    Type& declared = (*params_)[static_cast<size_t>(e->index)];
    if (declared == Type::kUnknown) declared = IsRegType(to) ? Type::kText : to;
    e->type = declared;
  }
  bool late = false;  // it means something else in another session, or at another time
  // Names are looked up when the statement runs.
  const bool named = IsRegType(to) || (IsRegType(e->type) && e->type != to);
  if (named && subqueries_ != nullptr) subqueries_->NeedCatalog();
  if (!named && e->type == Type::kUnknown && e->kind == ExprKind::kConst) {
    if (!e->value.is_null()) {
      uint8_t uses = 0;
      const std::string& text = e->value.string_value();
      const TimeContext& plain = PlainTimeContext();
      auto parsed = IsTimeType(to) ? TimeDatumFromText(to, text, plain, &uses, typmod)
                                   : DatumFromText(to, text, plain, &uses);
      late = uses != 0;
      if (!late && !parsed.ok()) return At(parsed.status(), e->position);
      if (!late) e->value = *std::move(parsed);
    }
    e->type = late ? Type::kText : to;
  }
  const bool fits = typmod < 0 || (e->type == to && e->typmod == typmod);
  if (fits && e->type == to) return e;
  if (fits && e->kind != ExprKind::kCast && SameForm(e->type, to)) {
    e->type = to;
    e->typmod = -1;
    return e;
  }
  auto cast = std::make_unique<Expr>();
  cast->kind = ExprKind::kCast;
  cast->type = to;
  cast->typmod = typmod;
  cast->negated = stores;
  cast->position = e->position;
  if (e->kind == ExprKind::kConst && !late && !named && !DependsOnSession(e->type, to)) {
    ISO_RETURN_IF_ERROR(CastDatum(e->type, to, e->value, &cast->value));
    if (typmod >= 0) ISO_RETURN_IF_ERROR(ApplyTypmod(to, typmod, !stores, &cast->value));
    cast->kind = ExprKind::kConst;
    cast->negated = false;
    return cast;
  }
  cast->args.push_back(std::move(e));
  return cast;
}

absl::StatusOr<ExprPtr> Binder::Coerce(ExprPtr e, Type to) {
  if (e->type == to || to == Type::kUnknown || to == kAnyType) return e;
  if (e->type != Type::kUnknown || e->kind == ExprKind::kParam) {
    const Type from =
        e->type != Type::kUnknown ? e->type : (*params_)[static_cast<size_t>(e->index)];
    if (!CanCoerce(from, to, CastContext::kImplicit)) {
      return SqlError(sqlstate::kDatatypeMismatch,
                      absl::StrCat("an expression of type ", TypeName(from), " where ",
                                   TypeName(to), " is wanted"),
                      e->position, "Write a cast.");
    }
  }
  return Convert(std::move(e), to, -1, CastContext::kImplicit);
}

absl::StatusOr<ExprPtr> Binder::BindAs(const ast::Expr& e, Type type, const char* what) {
  ISO_ASSIGN_OR_RETURN(ExprPtr bound, Bind(e));
  const Type from = bound->type;
  const int position = bound->position;
  auto coerced = Coerce(std::move(bound), type);
  if (coerced.ok() || SqlStateOf(coerced.status()) != sqlstate::kDatatypeMismatch) return coerced;
  return SqlError(sqlstate::kDatatypeMismatch,
                  absl::StrCat("argument of ", what, " must be type ", TypeName(type),
                               ", not type ", TypeName(from)),
                  position);
}

absl::StatusOr<ExprPtr> Binder::BindOutput(const ast::Expr& e) {
  ISO_ASSIGN_OR_RETURN(ExprPtr bound, Bind(e));
  if (bound->type == Type::kUnknown) return Coerce(std::move(bound), Type::kText);
  return bound;
}

absl::StatusOr<ExprPtr> Binder::ToAssignment(ExprPtr e, const std::string& column, Type type,
                                             int32_t typmod) {
  if (e->type == Type::kUnknown && e->kind == ExprKind::kParam) {
    const Type declared = (*params_)[static_cast<size_t>(e->index)];
    if (declared != Type::kUnknown) e->type = declared;
  }
  if (!CanCoerce(e->type, type, CastContext::kAssignment)) {
    return SqlError(sqlstate::kDatatypeMismatch,
                    absl::StrCat("column \"", column, "\" is of type ", TypeName(type),
                                 " but expression is of type ", TypeName(e->type)),
                    e->position, "You will need to rewrite or cast the expression.");
  }
  return Convert(std::move(e), type, typmod, CastContext::kAssignment);
}

absl::StatusOr<ExprPtr> Binder::BindAssignment(const ast::Expr& e, const std::string& column,
                                               Type type, int32_t typmod) {
  ISO_ASSIGN_OR_RETURN(ExprPtr bound, Bind(e));
  return ToAssignment(std::move(bound), column, type, typmod);
}

absl::StatusOr<std::vector<ExprPtr>> Binder::BindAll(const std::vector<ast::ExprPtr>& args) {
  std::vector<ExprPtr> out;
  for (const ast::ExprPtr& a : args) {
    ISO_ASSIGN_OR_RETURN(ExprPtr bound, Bind(*a));
    out.push_back(std::move(bound));
  }
  return out;
}

absl::Status Binder::Unify(std::vector<ExprPtr>* args, size_t from, size_t step, const char* what,
                           Type* type) {
  std::vector<Type> types;
  for (size_t i = from; i < args->size(); i += step) types.push_back((*args)[i]->type);
  Type common, left, right;
  if (!CommonType(types, &common, &left, &right)) {
    int position = -1;
    for (size_t i = from; i < args->size(); i += step) {
      if ((*args)[i]->type != right) continue;
      position = (*args)[i]->position;
      break;
    }
    return SqlError(sqlstate::kDatatypeMismatch,
                    absl::StrCat(what, " types ", TypeName(left), " and ", TypeName(right),
                                 " cannot be matched"),
                    position);
  }
  for (size_t i = from; i < args->size(); i += step) {
    ISO_ASSIGN_OR_RETURN((*args)[i], Coerce(std::move((*args)[i]), common));
  }
  *type = common;
  return absl::OkStatus();
}

absl::StatusOr<ExprPtr> Binder::Unified(ExprKind kind, const ast::Expr& e, const char* what) {
  auto out = std::make_unique<Expr>();
  out->kind = kind;
  out->position = e.position;
  ISO_ASSIGN_OR_RETURN(out->args, BindAll(e.args));
  ISO_RETURN_IF_ERROR(Unify(&out->args, 0, 1, what, &out->type));
  return out;
}

absl::StatusOr<ExprPtr> Binder::Logic(ExprKind kind, const ast::Expr& e, const char* what) {
  auto out = std::make_unique<Expr>();
  out->kind = kind;
  out->type = Type::kBool;
  out->position = e.position;
  for (const ast::ExprPtr& a : e.args) {
    ISO_ASSIGN_OR_RETURN(ExprPtr arg, BindAs(*a, Type::kBool, what));
    out->args.push_back(std::move(arg));
  }
  return out;
}

absl::StatusOr<ExprPtr> Binder::Case(const ast::Expr& e) {
  auto out = std::make_unique<Expr>();
  out->kind = ExprKind::kCase;
  out->position = e.position;
  const size_t end = e.args.size() - (e.has_else ? 1 : 0);
  ExprPtr once;
  if (e.has_operand) {
    ISO_ASSIGN_OR_RETURN(once, Bind(*e.args[0]));
  }
  for (size_t i = e.has_operand ? 1 : 0; i + 1 < end; i += 2) {
    if (e.has_operand) {
      ExprPtr operand = Clone(*once);
      ISO_ASSIGN_OR_RETURN(ExprPtr when, Bind(*e.args[i]));
      std::vector<ExprPtr> pair;
      pair.push_back(std::move(operand));
      pair.push_back(std::move(when));
      ISO_ASSIGN_OR_RETURN(ExprPtr test, Operator("=", std::move(pair), e.args[i]->position));
      out->args.push_back(std::move(test));
    } else {
      ISO_ASSIGN_OR_RETURN(ExprPtr test, BindAs(*e.args[i], Type::kBool, "CASE/WHEN"));
      out->args.push_back(std::move(test));
    }
    ISO_ASSIGN_OR_RETURN(ExprPtr then, Bind(*e.args[i + 1]));
    out->args.push_back(std::move(then));
  }
  if (e.has_else) {
    ISO_ASSIGN_OR_RETURN(ExprPtr otherwise, Bind(*e.args.back()));
    out->args.push_back(std::move(otherwise));
  } else {
    out->args.push_back(MakeConst(Type::kUnknown, Datum::Null()));
  }
  // The results stand at odd places and at the very end.
  // ELSE is looked at first when their type is found.
  std::vector<ExprPtr> results;
  results.push_back(std::move(out->args.back()));
  for (size_t i = 1; i < out->args.size(); i += 2) results.push_back(std::move(out->args[i]));
  ISO_RETURN_IF_ERROR(Unify(&results, 0, 1, "CASE", &out->type));
  for (size_t i = 1, r = 1; i < out->args.size(); i += 2) out->args[i] = std::move(results[r++]);
  out->args.back() = std::move(results.front());
  return out;
}

absl::StatusOr<ExprPtr> Binder::Cast(const ast::Expr& e) {
  ISO_ASSIGN_OR_RETURN(const ResolvedType resolved,
                       ResolveTypeName(e.text, e.modifiers, e.position, types_));
  const Type to = resolved.type;
  if (e.args[0]->kind == ast::ExprKind::kArray && e.args[0]->args.empty() && IsArrayType(to)) {
    return MakeConst(to, ArrayDatum(ArrayValue()), e.position);
  }
  ISO_ASSIGN_OR_RETURN(ExprPtr arg, Bind(*e.args[0]));
  if (!CanCoerce(arg->type, to, CastContext::kExplicit)) {
    return SqlError(sqlstate::kCannotCoerce,
                    absl::StrCat("cannot cast type ", TypeName(arg->type), " to ", TypeName(to)),
                    e.position);
  }
  return Convert(std::move(arg), to, resolved.typmod, CastContext::kExplicit);
}

absl::StatusOr<ExprPtr> Binder::Bind(const ast::Expr& e) {
  switch (e.kind) {
    case ast::ExprKind::kNull:
      return MakeConst(Type::kUnknown, Datum::Null(), e.position);
    case ast::ExprKind::kBool:
      return MakeConst(Type::kBool, Datum::Bool(e.int_value != 0), e.position);
    case ast::ExprKind::kInt:
      return MakeConst(IsInt4(e.int_value) ? Type::kInt4 : Type::kInt8, Datum::Int(e.int_value),
                       e.position);
    case ast::ExprKind::kFloat: {
      const Type type = IsReady(Type::kNumeric) ? Type::kNumeric : Type::kFloat8;
      auto v = DatumFromText(type, e.text);
      if (!v.ok()) return At(v.status(), e.position);
      return MakeConst(type, *std::move(v), e.position);
    }
    case ast::ExprKind::kString:
      return MakeConst(Type::kUnknown, Datum::String(e.text), e.position);
    case ast::ExprKind::kParam:
      return Param(e);
    case ast::ExprKind::kColumn:
      return Column(e);
    case ast::ExprKind::kStar:
      return SqlError(sqlstate::kSyntaxError, "* is not allowed here", e.position);
    case ast::ExprKind::kOp: {
      if (e.args.size() == 2 && e.args[0]->kind == ast::ExprKind::kRow) {
        ISO_ASSIGN_OR_RETURN(std::vector<ExprPtr> left, BindAll(e.args[0]->args));
        ISO_ASSIGN_OR_RETURN(std::vector<ExprPtr> right, RowParts(*e.args[1]));
        if (e.args[1]->kind == ast::ExprKind::kSubquery) {
          ISO_RETURN_IF_ERROR(SameWidth(left.size(), right.size(), e.args[1]->position));
        }
        return RowCompare(e.text, std::move(left), std::move(right), e.position);
      }
      ISO_ASSIGN_OR_RETURN(std::vector<ExprPtr> args, BindAll(e.args));
      return Operator(e.text, std::move(args), e.position);
    }
    case ast::ExprKind::kAnd:
      return Logic(ExprKind::kAnd, e, "AND");
    case ast::ExprKind::kOr:
      return Logic(ExprKind::kOr, e, "OR");
    case ast::ExprKind::kNot:
      return Logic(ExprKind::kNot, e, "NOT");
    case ast::ExprKind::kIsNull: {
      auto out = std::make_unique<Expr>();
      out->kind = ExprKind::kIsNull;
      out->type = Type::kBool;
      out->negated = e.negated;
      ISO_ASSIGN_OR_RETURN(ExprPtr arg, BindOutput(*e.args[0]));
      out->args.push_back(std::move(arg));
      return out;
    }
    case ast::ExprKind::kBoolTest: {
      ISO_ASSIGN_OR_RETURN(ExprPtr out, Logic(ExprKind::kBoolTest, e, "IS"));
      out->negated = e.negated;
      if (e.text != "unknown") out->value = Datum::Bool(e.text == "true");
      return out;
    }
    case ast::ExprKind::kCase:
    case ast::ExprKind::kCoalesce: {
      const char* before = conditional_;
      conditional_ = e.kind == ast::ExprKind::kCase ? "CASE" : "COALESCE";
      auto out =
          e.kind == ast::ExprKind::kCase ? Case(e) : Unified(ExprKind::kCoalesce, e, "COALESCE");
      conditional_ = before;
      return out;
    }
    case ast::ExprKind::kGreatest:
      return Unified(ExprKind::kExtreme, e, "GREATEST");
    case ast::ExprKind::kLeast: {
      ISO_ASSIGN_OR_RETURN(ExprPtr out, Unified(ExprKind::kExtreme, e, "LEAST"));
      out->negated = true;
      return out;
    }
    case ast::ExprKind::kNullIf:
      return Unified(ExprKind::kNullIf, e, "NULLIF");
    case ast::ExprKind::kDistinct: {
      ISO_ASSIGN_OR_RETURN(ExprPtr out, Unified(ExprKind::kDistinct, e, "IS DISTINCT FROM"));
      out->type = Type::kBool;
      out->negated = e.negated;
      return out;
    }
    case ast::ExprKind::kCast:
      return Cast(e);
    case ast::ExprKind::kFunc:
      return Func(e);
    case ast::ExprKind::kIn:
      return In(e);
    case ast::ExprKind::kLike: {
      ISO_ASSIGN_OR_RETURN(std::vector<ExprPtr> args, BindAll(e.args));
      ISO_ASSIGN_OR_RETURN(ExprPtr like,
                           Operator(e.text == "i" ? "~~*" : "~~", std::move(args), e.position));
      if (!e.negated) return like;
      auto out = std::make_unique<Expr>();
      out->kind = ExprKind::kNot;
      out->type = Type::kBool;
      out->args.push_back(std::move(like));
      return out;
    }
    case ast::ExprKind::kBetween:
      return Between(e);
    case ast::ExprKind::kRow:
      return SqlError(sqlstate::kUnsupported, "a row value is not supported here", e.position);
    case ast::ExprKind::kSubquery:
      return Subquery(e);
    case ast::ExprKind::kArray:
      return Array(e);
    case ast::ExprKind::kElement:
      return e.text.empty() ? Subscript(e) : PartOf(e);
    case ast::ExprKind::kAnyArray:
      return AnyArray(e);
    case ast::ExprKind::kGrouping:
      return Grouping(e);
    case ast::ExprKind::kGroupingSet:
      return SqlError(sqlstate::kSyntaxError, "grouping sets stand in GROUP BY only", e.position);
    case ast::ExprKind::kDefault:
      return SqlError(sqlstate::kSyntaxError, "DEFAULT is not allowed in this context", e.position);
  }
  return SqlError(sqlstate::kInternal, "an expression of no known kind");
}

}  // namespace isochron::sql
