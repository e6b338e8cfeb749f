// SPDX-License-Identifier: Apache-2.0
//
// Whether what a query asks for lies within a partial index: the same condition, a comparison that
// says more, a value that is compared where the predicate only wants one.
#include <algorithm>
#include <optional>

#include "sql/planner/index_rules.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

// `subject op constant`.
struct Comparison {
  const Expr* subject = nullptr;
  const Expr* constant = nullptr;
  absl::string_view op;
};

bool IsOperator(absl::string_view op) {
  return op == "=" || op == "<>" || op == "<" || op == "<=" || op == ">" || op == ">=";
}

absl::string_view Turned(absl::string_view op) {
  return op == "<" ? ">" : op == "<=" ? ">=" : op == ">" ? "<" : op == ">=" ? "<=" : op;
}

std::optional<Comparison> ComparisonOf(const Expr& e) {
  if (e.kind != ExprKind::kCall || e.args.size() != 2) return std::nullopt;
  Comparison c;
  c.op = e.function->name;
  if (!IsOperator(c.op)) return std::nullopt;
  c.subject = e.args[0].get();
  c.constant = e.args[1].get();
  if (c.subject->kind == ExprKind::kConst) {
    std::swap(c.subject, c.constant);
    c.op = Turned(c.op);
  }
  if (c.constant->kind != ExprKind::kConst || c.constant->value.is_null()) return std::nullopt;
  return c;
}

// How a constant stands to another, where the two can be compared as they are.
std::optional<int> Order(const Expr& a, const Expr& b) {
  if (a.type != b.type && !(IsInteger(a.type) && IsInteger(b.type))) return std::nullopt;
  return CompareDatums(a.value, b.value);
}

// From `x op k`, where k stands to j as `order` says, follows `x wanted j`.
bool Follows(absl::string_view op, int order, absl::string_view wanted) {
  if (op == "=") {
    return wanted == "="    ? order == 0
           : wanted == "<>" ? order != 0
           : wanted == "<"  ? order < 0
           : wanted == "<=" ? order <= 0
           : wanted == ">"  ? order > 0
                            : order >= 0;
  }
  if (op == "<>") return wanted == "<>" && order == 0;
  const bool up = op[0] == '>', strict = op.size() == 1;
  const int side = up ? order : -order;  // k lies beyond j
  if (wanted == "<>") return side > 0 || (side == 0 && strict);
  if (wanted[0] != op[0]) return false;
  return side > 0 || (side == 0 && (strict || wanted.size() == 2));
}

// `e` is not true where `value` is NULL.
bool NeedsValue(const Expr& e, const Expr& value) {
  if (SameExpr(e, value)) return true;
  switch (e.kind) {
    case ExprKind::kCall:
      if (!e.function->strict) return false;
      break;
    case ExprKind::kCast:
    case ExprKind::kNot:
      break;
    case ExprKind::kIn:
      return NeedsValue(*e.args[0], value);
    case ExprKind::kAnyArray:
      // ALL holds for everything where there is nothing to compare with.
      return !e.negated && e.function->strict && NeedsValue(*e.args[0], value);
    default:
      return false;
  }
  return std::any_of(e.args.begin(), e.args.end(),
                     [&](const ExprPtr& a) { return NeedsValue(*a, value); });
}

// What a condition on a truth value says: of `subject`, that it is true or false.
struct Truth {
  const Expr* subject;
  bool value;
};

// Where the condition is NULL the subject is, and the other way round.
Truth ValueOf(const Expr& e) {
  if (e.kind == ExprKind::kNot) {
    const Truth inner = ValueOf(*e.args[0]);
    return {inner.subject, !inner.value};
  }
  const std::optional<Comparison> c = ComparisonOf(e);
  if (c.has_value() && c->op == "=" && c->constant->type == Type::kBool) {
    const Truth inner = ValueOf(*c->subject);
    return {inner.subject, inner.value == c->constant->value.bool_value()};
  }
  return {&e, true};
}

Truth TruthOf(const Expr& e) {
  if (e.kind != ExprKind::kBoolTest || e.negated || e.value.is_null()) return ValueOf(e);
  const Truth inner = ValueOf(*e.args[0]);
  return {inner.subject, inner.value == e.value.bool_value()};
}

// Every value that `c` allows its subject lies within `p`.
bool InProves(const Expr& c, const Comparison& p) {
  if (!SameExpr(*c.args[0], *p.subject)) return false;
  return std::all_of(c.args.begin() + 1, c.args.end(), [&](const ExprPtr& v) {
    if (v->kind != ExprKind::kConst) return false;
    if (v->value.is_null()) return true;  // makes it true for no row
    const std::optional<int> order = Order(*v, *p.constant);
    return order.has_value() && Follows("=", *order, p.op);
  });
}

bool ProvesIn(const Expr& c, const Expr& p) {
  auto among = [&](const Expr& value) {
    return std::any_of(p.args.begin() + 1, p.args.end(), [&](const ExprPtr& v) {
      if (v->kind != ExprKind::kConst || v->value.is_null()) return false;
      return Order(value, *v) == std::optional<int>(0);
    });
  };
  if (const std::optional<Comparison> is = ComparisonOf(c)) {
    return is->op == "=" && SameExpr(*is->subject, *p.args[0]) && among(*is->constant);
  }
  return c.kind == ExprKind::kIn && !c.negated && SameExpr(*c.args[0], *p.args[0]) &&
         std::all_of(c.args.begin() + 1, c.args.end(), [&](const ExprPtr& v) {
           return v->kind == ExprKind::kConst && (v->value.is_null() || among(*v));
         });
}

bool Proves(const Expr& c, const Expr& p) {
  if (SameExpr(c, p)) return true;
  if (c.kind == ExprKind::kAnd) {
    return std::any_of(c.args.begin(), c.args.end(),
                       [&](const ExprPtr& a) { return Proves(*a, p); });
  }
  if (c.kind == ExprKind::kOr) {
    return std::all_of(c.args.begin(), c.args.end(),
                       [&](const ExprPtr& a) { return Proves(*a, p); });
  }
  if (p.kind == ExprKind::kIsNull) return p.negated && NeedsValue(c, *p.args[0]);
  if (p.kind == ExprKind::kIn && !p.negated) return ProvesIn(c, p);
  const Truth said = TruthOf(c), wanted = TruthOf(p);
  if (said.value == wanted.value && SameExpr(*said.subject, *wanted.subject)) return true;
  const std::optional<Comparison> needed = ComparisonOf(p);
  if (!needed.has_value()) return false;
  if (c.kind == ExprKind::kIn && !c.negated) return InProves(c, *needed);
  const std::optional<Comparison> given = ComparisonOf(c);
  if (!given.has_value() || !SameExpr(*given->subject, *needed->subject)) return false;
  const std::optional<int> order = Order(*given->constant, *needed->constant);
  return order.has_value() && Follows(given->op, *order, needed->op);
}

}  // namespace

bool Implied(const std::vector<ExprPtr>& conditions, const Expr& e) {
  if (e.kind == ExprKind::kAnd) {
    return std::all_of(e.args.begin(), e.args.end(),
                       [&](const ExprPtr& a) { return Implied(conditions, *a); });
  }
  if (e.kind == ExprKind::kConst) return !e.value.is_null() && e.value.bool_value();
  for (const ExprPtr& c : conditions) {
    if (Proves(*c, e)) return true;
  }
  return e.kind == ExprKind::kOr &&
         std::any_of(e.args.begin(), e.args.end(),
                     [&](const ExprPtr& a) { return Implied(conditions, *a); });
}

}  // namespace isochron::sql
