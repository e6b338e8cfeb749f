// SPDX-License-Identifier: Apache-2.0
//
// Operators, functions, aggregates, and the forms that are short for them.
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/array_functions.h"
#include "sql/binder/binder.h"
#include "sql/binder/functions.h"
#include "sql/binder/resolve.h"
#include "sql/types/catalog_types.h"
#include "sql/types/enum_type.h"
#include "sql/types/error.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

std::string TypeList(const std::vector<ExprPtr>& args) {
  std::string out;
  for (const ExprPtr& a : args) absl::StrAppend(&out, out.empty() ? "" : ", ", TypeName(a->type));
  return out;
}

absl::Status NoFunction(const std::string& name, const std::vector<ExprPtr>& args, int position,
                        bool is_operator, bool ambiguous) {
  const char* state = ambiguous ? sqlstate::kAmbiguousFunction : sqlstate::kUndefinedFunction;
  const char* end = ambiguous ? " is not unique" : " does not exist";
  if (absl::StartsWith(name, "pg_advisory_") || absl::StartsWith(name, "pg_try_advisory_")) {
    return SqlError(sqlstate::kUnsupported,
                    "advisory locks among other expressions are not supported", position,
                    "Call it by itself: SELECT pg_advisory_lock(1).");
  }
  if (!is_operator) {
    return SqlError(state, absl::StrCat("function ", name, "(", TypeList(args), ")", end), position,
                    ambiguous ? "Could not choose a best candidate function. You might need to add "
                                "explicit type casts."
                              : "No function matches the given name and argument types. You might "
                                "need to add explicit type casts.");
  }
  const std::string sign = name == "neg" ? "-" : name == "pos" ? "+" : name;
  const std::string call = args.size() == 1 ? absl::StrCat(sign, " ", TypeName(args[0]->type))
                                            : absl::StrCat(TypeName(args[0]->type), " ", sign, " ",
                                                           TypeName(args[1]->type));
  return SqlError(state,
                  ambiguous ? absl::StrCat("operator is not unique: ", call)
                            : absl::StrCat("operator does not exist: ", call),
                  position,
                  ambiguous ? "Could not choose a best candidate operator. You might need to add "
                              "explicit type casts."
                            : "No operator matches the given name and argument types. You might "
                              "need to add explicit type casts.");
}

ExprPtr CastTo(ExprPtr e, Type to) {
  auto cast = std::make_unique<Expr>();
  cast->kind = ExprKind::kCast;
  cast->type = to;
  cast->position = e->position;
  cast->args.push_back(std::move(e));
  return cast;
}

ExprPtr TextOf(ExprPtr e) {
  if (e->type == Type::kText || e->type == Type::kUnknown) return e;
  return CastTo(std::move(e), Type::kText);
}

// `||` takes anything that is no array beside a text, and beside a literal whatever has no `||` of
// its own.
bool JoinsTexts(Type left, Type right) {
  const auto text = [](Type t) { return CategoryOf(t) == 'S'; };
  const auto own = [](Type t) {
    return t == Type::kBytea || t == Type::kJsonb || CategoryOf(t) == 'A';
  };
  if (text(left) || text(right)) return CategoryOf(left) != 'A' && CategoryOf(right) != 'A';
  return (left == Type::kUnknown && !own(right)) || (right == Type::kUnknown && !own(left));
}

bool BuildsJson(absl::string_view name) {
  return name == "json_build_object" || name == "jsonb_build_object" ||
         name == "json_build_array" || name == "jsonb_build_array";
}

}  // namespace

absl::StatusOr<const Function*> ChooseFunction(const std::string& name,
                                               const std::vector<Function>& candidates,
                                               const std::vector<ExprPtr>& args, int position) {
  std::vector<Type> types;
  for (const ExprPtr& a : args) types.push_back(a->type);
  const Resolution resolution = ResolveFunction(candidates, types);
  if (resolution.function != nullptr) return resolution.function;
  return NoFunction(name, args, position, false, resolution.ambiguous);
}

absl::Status NoFunction(const std::string& name, const std::vector<ExprPtr>& args, int position) {
  return NoFunction(name, args, position, false, false);
}

absl::StatusOr<ExprPtr> Binder::ToArgument(ExprPtr e, Type want) {
  if (want != kAnyType) return Coerce(std::move(e), want);
  return e->type == Type::kUnknown ? Coerce(std::move(e), Type::kText)
                                   : absl::StatusOr<ExprPtr>(std::move(e));
}

absl::StatusOr<ExprPtr> Binder::Operator(const std::string& op, std::vector<ExprPtr> args,
                                         int position) {
  if (WantsArrayCall(op, args)) return ArrayCall(op, std::move(args), position, true);
  if (args.size() == 1) {
    return Call(op == "-" ? "neg" : op == "+" ? "pos" : op, std::move(args), position, true);
  }
  if (op == "||" && JoinsTexts(args[0]->type, args[1]->type)) {
    args[0] = TextOf(std::move(args[0]));
    args[1] = TextOf(std::move(args[1]));
  }
  return Call(op, std::move(args), position, true);
}

absl::StatusOr<ExprPtr> Binder::Equal(ExprPtr left, ExprPtr right, int position) {
  std::vector<ExprPtr> pair;
  pair.push_back(std::move(left));
  pair.push_back(std::move(right));
  return Operator("=", std::move(pair), position);
}

absl::StatusOr<ExprPtr> Binder::Call(const std::string& name, std::vector<ExprPtr> args,
                                     int position, bool is_operator) {
  if (name == "to_json" || name == "to_jsonb") {
    for (ExprPtr& a : args) {
      const Type texts = IsArray(a->type) ? ArrayOf(Type::kText) : Type::kText;
      if (EnumOf(a->type) != nullptr) a = CastTo(std::move(a), texts);
    }
  }
  Type one;
  const bool enums = OneEnum(args, &one);
  std::vector<Type> types;
  for (const ExprPtr& a : args) types.push_back(enums && a->type == one ? Type::kEnum : a->type);
  const std::vector<Function>& candidates = FunctionsNamed(name);
  const Resolution resolution =
      is_operator ? ResolveOperator(candidates, types) : ResolveFunction(candidates, types);
  const Function* f = resolution.function;
  if (f == nullptr) return NoFunction(name, args, position, is_operator, resolution.ambiguous);
  if (f->asks_catalog && subqueries_ != nullptr) subqueries_->NeedCatalog();
  for (size_t i = 0; i < args.size(); ++i) {
    Type want = f->args[std::min(i, f->args.size() - 1)];
    if (want == Type::kEnum) want = one;
    ISO_ASSIGN_OR_RETURN(args[i], Coerce(std::move(args[i]), want));
  }
  return MakeCall(f, std::move(args), position);
}

absl::StatusOr<ExprPtr> Binder::Func(const ast::Expr& e) {
  const std::string& name = e.names.back();
  if (e.names.size() > 1) {
    return SqlError(
        sqlstate::kUndefinedFunction,
        absl::StrCat("function ", e.names[0], ".", name, " does not exist or cannot be used here"),
        e.position);
  }
  if (e.variadic) {
    return SqlError(sqlstate::kUnsupported, "VARIADIC is not supported yet", e.position,
                    "Write the arguments one by one.");
  }
  if (e.window != nullptr || IsWindowFunction(name)) return Window(e);
  if (const AggregateSet* set = AggregatesNamed(name)) return Aggregate(e, *set);
  if (e.star || e.distinct || e.filter != nullptr || e.within_group || !e.order_by.empty()) {
    return SqlError(sqlstate::kWrongObjectType,
                    absl::StrCat(e.star                ? "*"
                                 : e.distinct          ? "DISTINCT"
                                 : e.within_group      ? "WITHIN GROUP"
                                 : e.filter != nullptr ? "FILTER"
                                                       : "ORDER BY",
                                 " specified, but ", name, " is not an aggregate function"),
                    e.position);
  }
  if (SetFunctionsNamed(name) != nullptr) return SetReturning(e);
  ISO_ASSIGN_OR_RETURN(std::vector<ExprPtr> args, BindAll(e.args));
  if (name == "pg_typeof" && args.size() == 1) {
    return MakeConst(Type::kRegtype,
                     NamedOid(OidOf(args[0]->type), std::string(TypeName(args[0]->type))),
                     e.position);
  }
  if (name == "concat" || name == "concat_ws" || name == "format") {
    for (ExprPtr& a : args) a = TextOf(std::move(a));
  }
  if (BuildsJson(name)) {
    ISO_ASSIGN_OR_RETURN(args, JsonArguments(name, std::move(args)));
  }
  if (IsEnumFunction(name)) return EnumCall(name, std::move(args), e.position);
  if (ArraySignaturesNamed(name) != nullptr) {
    return ArrayCall(name, std::move(args), e.position, false);
  }
  return Call(name, std::move(args), e.position, false);
}

absl::StatusOr<std::vector<ExprPtr>> Binder::JsonArguments(const std::string& name,
                                                           std::vector<ExprPtr> args) {
  const bool object = absl::EndsWith(name, "_object");
  const char* convert = absl::StartsWith(name, "jsonb") ? "to_jsonb" : "to_json";
  for (size_t i = 0; i < args.size(); ++i) {
    const int position = args[i]->position;
    const bool key = object && i % 2 == 0;
    if (args[i]->type == Type::kUnknown) {
      ISO_ASSIGN_OR_RETURN(args[i], Coerce(std::move(args[i]), Type::kText));
    } else if (key) {
      args[i] = TextOf(std::move(args[i]));
    }
    std::vector<ExprPtr> one;
    one.push_back(std::move(args[i]));
    ISO_ASSIGN_OR_RETURN(args[i], Call(convert, std::move(one), position, false));
  }
  return args;
}

absl::StatusOr<ExprPtr> Binder::In(const ast::Expr& e) {
  if (e.args[0]->kind == ast::ExprKind::kRow) return RowIn(e);
  auto out = std::make_unique<Expr>();
  out->kind = ExprKind::kIn;
  out->negated = e.negated;
  out->position = e.position;
  ISO_ASSIGN_OR_RETURN(out->args, BindAll(e.args));
  Type common;
  absl::Status unified = Unify(&out->args, 0, 1, "IN", &common);
  if (!unified.ok()) {
    if (SqlStateOf(unified) != sqlstate::kDatatypeMismatch) return unified;
    return SqlError(sqlstate::kUndefinedFunction, unified.message(), PositionOf(unified) - 1,
                    "Types may need an explicit cast.");
  }
  out->type = Type::kBool;
  return out;
}

absl::StatusOr<ExprPtr> Binder::Between(const ast::Expr& e) {
  ISO_ASSIGN_OR_RETURN(const ExprPtr value, Bind(*e.args[0]));
  ISO_ASSIGN_OR_RETURN(const ExprPtr low, Bind(*e.args[1]));
  ISO_ASSIGN_OR_RETURN(const ExprPtr high, Bind(*e.args[2]));
  // SYMMETRIC: one of both ways round has to hold; negated, neither.
  auto whole = std::make_unique<Expr>();
  whole->kind = e.negated ? ExprKind::kAnd : ExprKind::kOr;
  whole->type = Type::kBool;
  whole->position = e.position;
  for (bool swapped : {false, true}) {
    auto one = std::make_unique<Expr>();
    one->kind = e.negated ? ExprKind::kOr : ExprKind::kAnd;
    one->type = Type::kBool;
    one->position = e.position;
    for (bool lower : {true, false}) {
      std::vector<ExprPtr> pair;
      pair.push_back(Clone(*value));
      pair.push_back(Clone(lower != swapped ? *low : *high));
      const char* op = lower ? (e.negated ? "<" : ">=") : (e.negated ? ">" : "<=");
      ISO_ASSIGN_OR_RETURN(ExprPtr test, Operator(op, std::move(pair), e.position));
      one->args.push_back(std::move(test));
    }
    if (!e.symmetric) return one;
    whole->args.push_back(std::move(one));
  }
  return whole;
}

}  // namespace isochron::sql
