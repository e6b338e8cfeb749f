// SPDX-License-Identifier: Apache-2.0
#include "absl/container/inlined_vector.h"
#include "common/status_macros.h"
#include "sql/binder/array_functions.h"
#include "sql/binder/expr.h"
#include "sql/types/array.h"
#include "sql/types/catalog_types.h"
#include "sql/types/error.h"
#include "sql/types/modifiers.h"

namespace isochron::sql {
namespace {

absl::Status Call(const Expr& e, const EvalContext& ctx, const Row& row, Datum* out) {
  absl::InlinedVector<Datum, 3> args(e.args.size());
  for (size_t i = 0; i < e.args.size(); ++i) {
    ISO_RETURN_IF_ERROR(Eval(*e.args[i], ctx, row, &args[i]));
    if (e.function->strict && args[i].is_null()) {
      *out = Datum::Null();
      return absl::OkStatus();
    }
  }
  return e.function->fn(ctx, args.data(), args.size(), out);
}

// Three-valued AND (`stop` false) and OR (`stop` true).
absl::Status Logic(const Expr& e, const EvalContext& ctx, const Row& row, bool stop, Datum* out) {
  bool unknown = false;
  for (const ExprPtr& a : e.args) {
    Datum d;
    ISO_RETURN_IF_ERROR(Eval(*a, ctx, row, &d));
    if (d.is_null()) {
      unknown = true;
    } else if (d.bool_value() == stop) {
      *out = Datum::Bool(stop);
      return absl::OkStatus();
    }
  }
  *out = unknown ? Datum::Null() : Datum::Bool(!stop);
  return absl::OkStatus();
}

absl::Status In(const Expr& e, const EvalContext& ctx, const Row& row, Datum* out) {
  Datum needle, item;
  ISO_RETURN_IF_ERROR(Eval(*e.args[0], ctx, row, &needle));
  *out = Datum::Null();
  if (needle.is_null()) return absl::OkStatus();
  bool unknown = false;
  for (size_t i = 1; i < e.args.size(); ++i) {
    ISO_RETURN_IF_ERROR(Eval(*e.args[i], ctx, row, &item));
    if (item.is_null()) {
      unknown = true;
    } else if (CompareDatums(needle, item) == 0) {
      *out = Datum::Bool(!e.negated);
      return absl::OkStatus();
    }
  }
  if (!unknown) *out = Datum::Bool(e.negated);
  return absl::OkStatus();
}

absl::Status Case(const Expr& e, const EvalContext& ctx, const Row& row, Datum* out) {
  for (size_t i = 0; i + 1 < e.args.size(); i += 2) {
    bool match = false;
    ISO_RETURN_IF_ERROR(EvalPredicate(*e.args[i], ctx, row, &match));
    if (match) return Eval(*e.args[i + 1], ctx, row, out);
  }
  return Eval(*e.args.back(), ctx, row, out);
}

absl::Status Extreme(const Expr& e, const EvalContext& ctx, const Row& row, Datum* out) {
  *out = Datum::Null();
  for (const ExprPtr& a : e.args) {
    Datum d;
    ISO_RETURN_IF_ERROR(Eval(*a, ctx, row, &d));
    if (d.is_null()) continue;
    if (out->is_null() || (CompareDatums(d, *out) > 0) != e.negated) *out = std::move(d);
  }
  return absl::OkStatus();
}

absl::Status Pair(const Expr& e, const EvalContext& ctx, const Row& row, Datum* out) {
  Datum a, b;
  ISO_RETURN_IF_ERROR(Eval(*e.args[0], ctx, row, &a));
  ISO_RETURN_IF_ERROR(Eval(*e.args[1], ctx, row, &b));
  const bool same = a.is_null() || b.is_null() ? a.is_null() && b.is_null() : a == b;
  if (e.kind == ExprKind::kDistinct) {
    *out = Datum::Bool(same == e.negated);
  } else {
    *out = same ? Datum::Null() : std::move(a);
  }
  return absl::OkStatus();
}

absl::Status Array(const Expr& e, const EvalContext& ctx, const Row& row, Datum* out) {
  std::vector<Datum> members(e.args.size());
  for (size_t i = 0; i < members.size(); ++i) {
    ISO_RETURN_IF_ERROR(Eval(*e.args[i], ctx, row, &members[i]));
  }
  return BuildArray(members, e.negated, out);
}

absl::Status AnyArray(const Expr& e, const EvalContext& ctx, const Row& row, Datum* out) {
  Datum array;
  std::array<Datum, 2> pair;
  ISO_RETURN_IF_ERROR(Eval(*e.args[0], ctx, row, &pair[0]));
  ISO_RETURN_IF_ERROR(Eval(*e.args[1], ctx, row, &array));
  *out = Datum::Null();
  if (array.is_null()) return absl::OkStatus();
  ArrayReader in(array.string_value());
  // A value that ends it: true for ANY, false for ALL.
  const bool stop = !e.negated;
  bool unknown = false;
  while (in.Next(&pair[1])) {
    Datum one;
    if (!pair[0].is_null() && !pair[1].is_null()) {
      ISO_RETURN_IF_ERROR(e.function->fn(ctx, pair.data(), pair.size(), &one));
    }
    unknown = unknown || one.is_null();
    if (!one.is_null() && one.bool_value() == stop) {
      *out = Datum::Bool(stop);
      return absl::OkStatus();
    }
  }
  if (!unknown) *out = Datum::Bool(!stop);
  return absl::OkStatus();
}

absl::Status Subquery(const Expr& e, const EvalContext& ctx, const Row& row, Datum* out) {
  std::vector<Datum> args(e.args.size());
  for (size_t i = 0; i < args.size(); ++i) {
    ISO_RETURN_IF_ERROR(Eval(*e.args[i], ctx, row, &args[i]));
  }
  return ctx.subqueries->Value(e, std::move(args), out);
}

// An error in a literal that was left for now has the literal's place.
absl::Status OfLiteral(const Expr& cast, absl::Status status) {
  const Expr& from = *cast.args[0];
  if (from.kind != ExprKind::kConst || from.position < 0 || PositionOf(status) > 0) return status;
  return SqlError(SqlStateOf(status), status.message(), from.position, HintOf(status));
}

}  // namespace

absl::Status EvalPredicate(const Expr& e, const EvalContext& ctx, const Row& row, bool* out) {
  Datum d;
  ISO_RETURN_IF_ERROR(Eval(e, ctx, row, &d));
  *out = !d.is_null() && d.bool_value();
  return absl::OkStatus();
}

absl::Status Eval(const Expr& e, const EvalContext& ctx, const Row& row, Datum* out) {
  switch (e.kind) {
    case ExprKind::kConst:
      *out = e.value;
      return absl::OkStatus();
    case ExprKind::kParam:
      *out = ctx.params[static_cast<size_t>(e.index)];
      return absl::OkStatus();
    case ExprKind::kColumn:
      *out = row[static_cast<size_t>(e.index)];
      return absl::OkStatus();
    case ExprKind::kCall:
      return Call(e, ctx, row, out);
    case ExprKind::kAnd:
      return Logic(e, ctx, row, false, out);
    case ExprKind::kOr:
      return Logic(e, ctx, row, true, out);
    case ExprKind::kNot: {
      Datum d;
      ISO_RETURN_IF_ERROR(Eval(*e.args[0], ctx, row, &d));
      *out = d.is_null() ? Datum::Null() : Datum::Bool(!d.bool_value());
      return absl::OkStatus();
    }
    case ExprKind::kIsNull: {
      Datum d;
      ISO_RETURN_IF_ERROR(Eval(*e.args[0], ctx, row, &d));
      *out = Datum::Bool(d.is_null() != e.negated);
      return absl::OkStatus();
    }
    case ExprKind::kBoolTest: {
      Datum d;
      ISO_RETURN_IF_ERROR(Eval(*e.args[0], ctx, row, &d));
      *out = Datum::Bool((d == e.value) != e.negated);
      return absl::OkStatus();
    }
    case ExprKind::kCase:
      return Case(e, ctx, row, out);
    case ExprKind::kCoalesce:
      for (const ExprPtr& a : e.args) {
        ISO_RETURN_IF_ERROR(Eval(*a, ctx, row, out));
        if (!out->is_null()) break;
      }
      return absl::OkStatus();
    case ExprKind::kExtreme:
      return Extreme(e, ctx, row, out);
    case ExprKind::kNullIf:
    case ExprKind::kDistinct:
      return Pair(e, ctx, row, out);
    case ExprKind::kCast: {
      Datum d;
      ISO_RETURN_IF_ERROR(Eval(*e.args[0], ctx, row, &d));
      const Type from = e.args[0]->type;
      if (from != e.type && (IsRegType(from) || IsRegType(e.type))) {
        return CastReg(ctx, from, e.type, d, out);
      }
      absl::Status cast = CastDatum(from, e.type, d, out, ctx.time);
      if (!cast.ok()) return OfLiteral(e, std::move(cast));
      if (e.typmod < 0) return absl::OkStatus();
      return ApplyTypmod(e.type, e.typmod, !e.negated, out);
    }
    case ExprKind::kIn:
      return In(e, ctx, row, out);
    case ExprKind::kArray:
      return Array(e, ctx, row, out);
    case ExprKind::kAnyArray:
      return AnyArray(e, ctx, row, out);
    case ExprKind::kOuter:
      *out = (*ctx.outer)[static_cast<size_t>(e.index)];
      return absl::OkStatus();
    case ExprKind::kRegister:
      *out = (*ctx.registers)[static_cast<size_t>(e.index)];
      return absl::OkStatus();
    case ExprKind::kSubquery:
      return Subquery(e, ctx, row, out);
    case ExprKind::kWindow:
    case ExprKind::kSetCall:
      break;
    case ExprKind::kAggregate:
      return SqlError(sqlstate::kInternal, "an aggregate outside an aggregation");
  }
  return SqlError(sqlstate::kInternal, "an expression of no known kind");
}

}  // namespace isochron::sql
