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

ExprPtr TextOf(ExprPtr e) {
  if (e->type == Type::kText || e->type == Type::kUnknown) return e;
  auto cast = std::make_unique<Expr>();
  cast->kind = ExprKind::kCast;
  cast->type = Type::kText;
  cast->position = e->position;
  cast->args.push_back(std::move(e));
  return cast;
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

bool SameOrNone(const ExprPtr& a, const ExprPtr& b) {
  return (a == nullptr) == (b == nullptr) && (a == nullptr || SameExpr(*a, *b));
}

// Whether an expression reads its own query's row, and the outer query's.
void Levels(const Expr& e, bool* own, bool* outer) {
  *own = *own || e.kind == ExprKind::kColumn;
  *outer = *outer || e.kind == ExprKind::kOuter;
  for (const ExprPtr& a : e.args) Levels(*a, own, outer);
}

Type SumOf(Type t) {
  if (IsFloat(t)) return t;
  return t == Type::kInt2 || t == Type::kInt4 ? Type::kInt8 : Type::kNumeric;
}

struct AggregateName {
  const char* name;
  AggregateKind kind;
};
constexpr AggregateName kAggregates[] = {
    {"count", AggregateKind::kCount},   {"sum", AggregateKind::kSum},
    {"min", AggregateKind::kMin},       {"max", AggregateKind::kMax},
    {"avg", AggregateKind::kAvg},       {"bool_and", AggregateKind::kBoolAnd},
    {"every", AggregateKind::kBoolAnd}, {"bool_or", AggregateKind::kBoolOr},
};

}  // namespace

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
  std::vector<Type> types;
  for (const ExprPtr& a : args) types.push_back(a->type);
  const std::vector<Function>& candidates = FunctionsNamed(name);
  const Resolution resolution =
      is_operator ? ResolveOperator(candidates, types) : ResolveFunction(candidates, types);
  const Function* f = resolution.function;
  if (f == nullptr) return NoFunction(name, args, position, is_operator, resolution.ambiguous);
  if (f->asks_catalog && subqueries_ != nullptr) subqueries_->NeedCatalog();
  for (size_t i = 0; i < args.size(); ++i) {
    const Type want = f->args[std::min(i, f->args.size() - 1)];
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
  for (const AggregateName& a : kAggregates) {
    if (name == a.name) return Aggregate(e, a.kind);
  }
  if (e.star || e.distinct || e.filter != nullptr) {
    return SqlError(sqlstate::kWrongObjectType, absl::StrCat(name, " is not an aggregate function"),
                    e.position);
  }
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

absl::Status Binder::Filter(const ast::Expr& e, AggregateCall* call) {
  if (e.filter != nullptr) {
    Binder inner(scope_, params_, nullptr, "FILTER");
    inner.Allow(subqueries_);
    ISO_ASSIGN_OR_RETURN(call->filter, inner.BindAs(*e.filter, Type::kBool, "FILTER"));
  }
  // PostgreSQL counts such an aggregate among the outer query's.
  bool own = false, outer = false;
  for (const ExprPtr* part : {&call->arg, &call->filter}) {
    if (*part != nullptr) Levels(**part, &own, &outer);
  }
  if (outer && !own) {
    return SqlError(sqlstate::kUnsupported,
                    "an aggregate over columns of the outer query alone is not supported yet",
                    e.position);
  }
  return absl::OkStatus();
}

absl::StatusOr<ExprPtr> Binder::Aggregate(const ast::Expr& e, AggregateKind kind) {
  if (aggregates_ == nullptr) {
    return SqlError(sqlstate::kGrouping,
                    absl::StrCat("aggregate functions are not allowed in ", clause_), e.position);
  }
  AggregateCall call;
  call.kind = kind;
  call.distinct = e.distinct;
  if (e.star) {
    if (kind != AggregateKind::kCount) {
      return SqlError(sqlstate::kUndefinedFunction,
                      absl::StrCat("function ", e.names.back(), "(*) does not exist"), e.position);
    }
    call.kind = AggregateKind::kCountStar;
  } else {
    if (e.args.size() != 1) {
      return SqlError(sqlstate::kUndefinedFunction,
                      absl::StrCat("function ", e.names.back(), " takes one argument"), e.position);
    }
    Binder inner(scope_, params_, nullptr, "an aggregate's argument");
    inner.Allow(subqueries_);
    ISO_ASSIGN_OR_RETURN(call.arg, inner.BindOutput(*e.args[0]));
    const Type t = call.arg->type;
    const bool fits =
        kind == AggregateKind::kSum || kind == AggregateKind::kAvg          ? IsNumeric(t)
        : kind == AggregateKind::kBoolAnd || kind == AggregateKind::kBoolOr ? t == Type::kBool
        : kind == AggregateKind::kMin || kind == AggregateKind::kMax        ? t != Type::kBool
                                                                            : true;
    if (!fits) {
      return SqlError(
          sqlstate::kUndefinedFunction,
          absl::StrCat("function ", e.names.back(), "(", TypeName(t), ") does not exist"),
          e.position, "Types may need an explicit cast.");
    }
    call.type = kind == AggregateKind::kCount ? Type::kInt8
                : kind == AggregateKind::kAvg ? (IsFloat(t) ? Type::kFloat8 : Type::kNumeric)
                : kind == AggregateKind::kSum ? SumOf(t)
                                              : t;
  }
  ISO_RETURN_IF_ERROR(Filter(e, &call));
  auto out = std::make_unique<Expr>();
  out->kind = ExprKind::kAggregate;
  out->type = call.type;
  out->position = e.position;
  for (size_t i = 0; i < aggregates_->size(); ++i) {
    const AggregateCall& other = (*aggregates_)[i];
    if (other.kind == call.kind && other.distinct == call.distinct &&
        SameOrNone(other.arg, call.arg) && SameOrNone(other.filter, call.filter)) {
      out->index = static_cast<int>(i);
      return out;
    }
  }
  out->index = static_cast<int>(aggregates_->size());
  aggregates_->push_back(std::move(call));
  return out;
}

absl::StatusOr<ExprPtr> Binder::RowCompare(const std::string& op, std::vector<ExprPtr> left,
                                           const ast::Expr& right, int position) {
  if ((op != "=" && op != "<>") || right.kind != ast::ExprKind::kRow) {
    return SqlError(sqlstate::kUnsupported, "this comparison of row values is not supported yet",
                    position);
  }
  if (left.size() != right.args.size()) {
    return SqlError(sqlstate::kSyntaxError, "unequal number of entries in row expressions",
                    position);
  }
  auto out = std::make_unique<Expr>();
  out->kind = op == "=" ? ExprKind::kAnd : ExprKind::kOr;
  out->type = Type::kBool;
  out->position = position;
  for (size_t i = 0; i < left.size(); ++i) {
    std::vector<ExprPtr> pair;
    ISO_ASSIGN_OR_RETURN(ExprPtr r, Bind(*right.args[i]));
    pair.push_back(std::move(left[i]));
    pair.push_back(std::move(r));
    ISO_ASSIGN_OR_RETURN(ExprPtr test, Operator(op, std::move(pair), position));
    out->args.push_back(std::move(test));
  }
  return out;
}

absl::StatusOr<ExprPtr> Binder::RowIn(const ast::Expr& e) {
  auto out = std::make_unique<Expr>();
  out->kind = e.negated ? ExprKind::kAnd : ExprKind::kOr;
  out->type = Type::kBool;
  out->position = e.position;
  // Bound once: there may be a query in it.
  ISO_ASSIGN_OR_RETURN(const std::vector<ExprPtr> left, BindAll(e.args[0]->args));
  for (size_t i = 1; i < e.args.size(); ++i) {
    std::vector<ExprPtr> copy;
    for (const ExprPtr& l : left) copy.push_back(Clone(*l));
    ISO_ASSIGN_OR_RETURN(
        ExprPtr test, RowCompare(e.negated ? "<>" : "=", std::move(copy), *e.args[i], e.position));
    out->args.push_back(std::move(test));
  }
  return out;
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
  if (e.symmetric) {
    return SqlError(sqlstate::kUnsupported, "BETWEEN SYMMETRIC is not supported yet", e.position);
  }
  auto out = std::make_unique<Expr>();
  out->kind = e.negated ? ExprKind::kOr : ExprKind::kAnd;
  out->type = Type::kBool;
  out->position = e.position;
  ISO_ASSIGN_OR_RETURN(ExprPtr once, Bind(*e.args[0]));
  for (size_t i = 1; i < 3; ++i) {
    std::vector<ExprPtr> pair;
    ExprPtr value = Clone(*once);
    ISO_ASSIGN_OR_RETURN(ExprPtr bound, Bind(*e.args[i]));
    pair.push_back(std::move(value));
    pair.push_back(std::move(bound));
    const char* op = i == 1 ? (e.negated ? "<" : ">=") : (e.negated ? ">" : "<=");
    ISO_ASSIGN_OR_RETURN(ExprPtr test, Operator(op, std::move(pair), e.position));
    out->args.push_back(std::move(test));
  }
  return out;
}

}  // namespace isochron::sql
