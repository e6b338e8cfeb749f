// SPDX-License-Identifier: Apache-2.0
//
// Operators and functions over integers and floating-point numbers. Each width has its own: their
// results have PostgreSQL's types, and overflow where PostgreSQL's do.
#include <cmath>
#include <limits>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "sql/binder/functions.h"
#include "sql/types/error.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

using Ctx = const EvalContext&;

absl::Status DivisionByZero() { return SqlError(sqlstate::kDivisionByZero, "division by zero"); }

// --- integers ---

template <Type kType>
absl::Status Integer(int64_t v, bool overflow, Datum* out) {
  constexpr int64_t kMax = kType == Type::kInt2   ? std::numeric_limits<int16_t>::max()
                           : kType == Type::kInt4 ? std::numeric_limits<int32_t>::max()
                                                  : std::numeric_limits<int64_t>::max();
  if (overflow || v > kMax || v < -kMax - 1) {
    return SqlError(sqlstate::kValueOutOfRange, absl::StrCat(TypeName(kType), " out of range"));
  }
  *out = Datum::Int(v);
  return absl::OkStatus();
}

template <Type kType>
absl::Status Add(Ctx, const Datum* a, size_t, Datum* out) {
  int64_t v;
  const bool over = __builtin_add_overflow(a[0].int_value(), a[1].int_value(), &v);
  return Integer<kType>(v, over, out);
}
template <Type kType>
absl::Status Sub(Ctx, const Datum* a, size_t, Datum* out) {
  int64_t v;
  const bool over = __builtin_sub_overflow(a[0].int_value(), a[1].int_value(), &v);
  return Integer<kType>(v, over, out);
}
template <Type kType>
absl::Status Mul(Ctx, const Datum* a, size_t, Datum* out) {
  int64_t v;
  const bool over = __builtin_mul_overflow(a[0].int_value(), a[1].int_value(), &v);
  return Integer<kType>(v, over, out);
}
template <Type kType>
absl::Status Div(Ctx, const Datum* a, size_t, Datum* out) {
  const int64_t x = a[0].int_value(), y = a[1].int_value();
  if (y == 0) return DivisionByZero();
  const bool over = y == -1 && x == std::numeric_limits<int64_t>::min();
  return Integer<kType>(over ? 0 : x / y, over, out);
}
absl::Status Mod(Ctx, const Datum* a, size_t, Datum* out) {
  const int64_t x = a[0].int_value(), y = a[1].int_value();
  if (y == 0) return DivisionByZero();
  *out = Datum::Int(y == -1 ? 0 : x % y);
  return absl::OkStatus();
}
template <Type kType>
absl::Status Neg(Ctx, const Datum* a, size_t, Datum* out) {
  const int64_t x = a[0].int_value();
  const bool over = x == std::numeric_limits<int64_t>::min();
  return Integer<kType>(over ? 0 : -x, over, out);
}
template <Type kType>
absl::Status Abs(Ctx ctx, const Datum* a, size_t n, Datum* out) {
  if (a[0].int_value() < 0) return Neg<kType>(ctx, a, n, out);
  *out = a[0];
  return absl::OkStatus();
}
absl::Status Same(Ctx, const Datum* a, size_t, Datum* out) {
  *out = a[0];
  return absl::OkStatus();
}

uint64_t Magnitude(int64_t v) {
  return v < 0 ? uint64_t{0} - static_cast<uint64_t>(v) : static_cast<uint64_t>(v);
}

template <Type kType>
absl::Status Gcd(Ctx, const Datum* a, size_t, Datum* out) {
  const uint64_t g = std::gcd(Magnitude(a[0].int_value()), Magnitude(a[1].int_value()));
  return Integer<kType>(static_cast<int64_t>(g), g > INT64_MAX, out);
}
template <Type kType>
absl::Status Lcm(Ctx, const Datum* a, size_t, Datum* out) {
  const uint64_t x = Magnitude(a[0].int_value()), y = Magnitude(a[1].int_value());
  if (x == 0 || y == 0) return Integer<kType>(0, false, out);
  uint64_t v;
  const bool over = __builtin_mul_overflow(x / std::gcd(x, y), y, &v) || v > INT64_MAX;
  return Integer<kType>(over ? 0 : static_cast<int64_t>(v), over, out);
}

// The value as its type holds it, from the bits of a wider computation.
template <Type kType>
Datum Narrowed(int64_t v) {
  return Datum::Int(kType == Type::kInt2   ? static_cast<int16_t>(v)
                    : kType == Type::kInt4 ? static_cast<int32_t>(v)
                                           : v);
}
absl::Status BitAnd(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Int(a[0].int_value() & a[1].int_value());
  return absl::OkStatus();
}
absl::Status BitOr(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Int(a[0].int_value() | a[1].int_value());
  return absl::OkStatus();
}
absl::Status BitXor(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Int(a[0].int_value() ^ a[1].int_value());
  return absl::OkStatus();
}
absl::Status BitNot(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Int(~a[0].int_value());
  return absl::OkStatus();
}
// PostgreSQL shifts as its processor does: a smallint is shifted as an integer, and only the low
// bits of the count count.
template <Type kType>
absl::Status ShiftLeft(Ctx, const Datum* a, size_t, Datum* out) {
  const int64_t by = a[1].int_value() & (kType == Type::kInt8 ? 63 : 31);
  *out = Narrowed<kType>(static_cast<int64_t>(static_cast<uint64_t>(a[0].int_value()) << by));
  return absl::OkStatus();
}
template <Type kType>
absl::Status ShiftRight(Ctx, const Datum* a, size_t, Datum* out) {
  const int64_t by = a[1].int_value() & (kType == Type::kInt8 ? 63 : 31);
  *out = Narrowed<kType>(a[0].int_value() >> by);
  return absl::OkStatus();
}

// --- floating point ---

absl::Status Overflow() {
  return SqlError(sqlstate::kValueOutOfRange, "value out of range: overflow");
}
absl::Status Underflow() {
  return SqlError(sqlstate::kValueOutOfRange, "value out of range: underflow");
}

// The result of a computation on finite arguments is finite, and not zero unless it may be.
absl::Status Checked(double v, bool inf_in, bool zero_is_fine, Datum* out) {
  if (std::isinf(v) && !inf_in) return Overflow();
  if (v == 0 && !zero_is_fine) return Underflow();
  *out = Datum::Float(v);
  return absl::OkStatus();
}

template <Type kType>
double Rounded(double v) {
  return kType == Type::kFloat4 ? static_cast<double>(static_cast<float>(v)) : v;
}

template <Type kType>
absl::Status AddFloat(Ctx, const Datum* a, size_t, Datum* out) {
  const double x = a[0].float_value(), y = a[1].float_value();
  return Checked(Rounded<kType>(x + y), std::isinf(x) || std::isinf(y), true, out);
}
template <Type kType>
absl::Status SubFloat(Ctx, const Datum* a, size_t, Datum* out) {
  const double x = a[0].float_value(), y = a[1].float_value();
  return Checked(Rounded<kType>(x - y), std::isinf(x) || std::isinf(y), true, out);
}
template <Type kType>
absl::Status MulFloat(Ctx, const Datum* a, size_t, Datum* out) {
  const double x = a[0].float_value(), y = a[1].float_value();
  return Checked(Rounded<kType>(x * y), std::isinf(x) || std::isinf(y), x == 0 || y == 0, out);
}
template <Type kType>
absl::Status DivFloat(Ctx, const Datum* a, size_t, Datum* out) {
  const double x = a[0].float_value(), y = a[1].float_value();
  if (y == 0 && !std::isnan(x)) return DivisionByZero();
  return Checked(Rounded<kType>(x / y), std::isinf(x), x == 0 || std::isinf(y), out);
}

absl::Status Power(Ctx, const Datum* a, size_t, Datum* out) {
  const double x = a[0].float_value(), y = a[1].float_value();
  if (x == 1 || y == 0) return Checked(1, false, true, out);
  if (std::isnan(x) || std::isnan(y)) return Checked(NAN, false, true, out);
  if (x == 0 && y < 0) {
    return SqlError("2201F", "zero raised to a negative power is undefined");
  }
  if (x < 0 && std::isfinite(y) && y != std::floor(y)) {
    return SqlError("2201F",
                    "a negative number raised to a non-integer power yields a complex result");
  }
  const bool inf = std::isinf(x) || std::isinf(y);
  return Checked(std::pow(x, y), inf, inf || x == 0, out);
}

absl::Status NegFloat(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Float(-a[0].float_value());
  return absl::OkStatus();
}
absl::Status AbsFloat(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Float(std::fabs(a[0].float_value()));
  return absl::OkStatus();
}
absl::Status Ceil(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Float(std::ceil(a[0].float_value()));
  return absl::OkStatus();
}
absl::Status Floor(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Float(std::floor(a[0].float_value()));
  return absl::OkStatus();
}
absl::Status Round(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Float(std::nearbyint(a[0].float_value()));
  return absl::OkStatus();
}
absl::Status Trunc(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Float(std::trunc(a[0].float_value()));
  return absl::OkStatus();
}
absl::Status Sign(Ctx, const Datum* a, size_t, Datum* out) {
  const double x = a[0].float_value();
  *out = Datum::Float(x > 0 ? 1 : x < 0 ? -1 : std::isnan(x) ? x : 0);
  return absl::OkStatus();
}

absl::Status Exp(Ctx, const Datum* a, size_t, Datum* out) {
  const double x = a[0].float_value();
  return Checked(std::exp(x), std::isinf(x), std::isinf(x), out);
}
absl::Status Sqrt(Ctx, const Datum* a, size_t, Datum* out) {
  const double x = a[0].float_value();
  if (x < 0) return SqlError("2201F", "cannot take square root of a negative number");
  return Checked(std::sqrt(x), std::isinf(x), x == 0, out);
}
absl::Status Cbrt(Ctx, const Datum* a, size_t, Datum* out) {
  const double x = a[0].float_value();
  return Checked(std::cbrt(x), std::isinf(x), x == 0, out);
}
absl::Status Logarithm(double x, double (*log)(double), Datum* out) {
  if (x == 0) return SqlError("2201E", "cannot take logarithm of zero");
  if (x < 0) return SqlError("2201E", "cannot take logarithm of a negative number");
  return Checked(log(x), std::isinf(x), x == 1, out);
}
absl::Status Ln(Ctx, const Datum* a, size_t, Datum* out) {
  return Logarithm(a[0].float_value(), std::log, out);
}
absl::Status Log10(Ctx, const Datum* a, size_t, Datum* out) {
  return Logarithm(a[0].float_value(), std::log10, out);
}

}  // namespace

namespace function_groups {
namespace {

void AddIntegerOperators(std::vector<Function>* out) {
  constexpr Type k2 = Type::kInt2, k4 = Type::kInt4, k8 = Type::kInt8;
  struct ByResult {
    const char* name;
    EvalFn small, middle, large;
  };
  const ByResult arithmetic[] = {{"+", Add<k2>, Add<k4>, Add<k8>},
                                 {"-", Sub<k2>, Sub<k4>, Sub<k8>},
                                 {"*", Mul<k2>, Mul<k4>, Mul<k8>},
                                 {"/", Div<k2>, Div<k4>, Div<k8>}};
  for (const ByResult& op : arithmetic) {
    for (Type left : {k2, k4, k8}) {
      for (Type right : {k2, k4, k8}) {
        const Type wider = std::max(left, right);
        out->push_back({op.name,
                        {left, right},
                        wider,
                        wider == k2   ? op.small
                        : wider == k4 ? op.middle
                                      : op.large});
      }
    }
  }
  const ByResult alone[] = {{"neg", Neg<k2>, Neg<k4>, Neg<k8>},
                            {"@", Abs<k2>, Abs<k4>, Abs<k8>},
                            {"abs", Abs<k2>, Abs<k4>, Abs<k8>},
                            {"pos", Same, Same, Same},
                            {"~", BitNot, BitNot, BitNot}};
  for (const ByResult& op : alone) {
    out->push_back({op.name, {k2}, k2, op.small});
    out->push_back({op.name, {k4}, k4, op.middle});
    out->push_back({op.name, {k8}, k8, op.large});
  }
  const ByResult same[] = {{"%", Mod, Mod, Mod},
                           {"mod", Mod, Mod, Mod},
                           {"&", BitAnd, BitAnd, BitAnd},
                           {"|", BitOr, BitOr, BitOr},
                           {"#", BitXor, BitXor, BitXor}};
  for (const ByResult& op : same) {
    out->push_back({op.name, {k2, k2}, k2, op.small});
    out->push_back({op.name, {k4, k4}, k4, op.middle});
    out->push_back({op.name, {k8, k8}, k8, op.large});
  }
  const std::vector<Function> rest = {
      {"<<", {k2, k4}, k2, ShiftLeft<k2>},  {"<<", {k4, k4}, k4, ShiftLeft<k4>},
      {"<<", {k8, k4}, k8, ShiftLeft<k8>},  {">>", {k2, k4}, k2, ShiftRight<k2>},
      {">>", {k4, k4}, k4, ShiftRight<k4>}, {">>", {k8, k4}, k8, ShiftRight<k8>},
      {"gcd", {k4, k4}, k4, Gcd<k4>},       {"gcd", {k8, k8}, k8, Gcd<k8>},
      {"lcm", {k4, k4}, k4, Lcm<k4>},       {"lcm", {k8, k8}, k8, Lcm<k8>}};
  out->insert(out->end(), rest.begin(), rest.end());
}

void AddFloatOperators(std::vector<Function>* out) {
  constexpr Type k4 = Type::kFloat4, k8 = Type::kFloat8;
  struct ByResult {
    const char* name;
    EvalFn single, full;
  };
  const ByResult arithmetic[] = {{"+", AddFloat<k4>, AddFloat<k8>},
                                 {"-", SubFloat<k4>, SubFloat<k8>},
                                 {"*", MulFloat<k4>, MulFloat<k8>},
                                 {"/", DivFloat<k4>, DivFloat<k8>}};
  for (const ByResult& op : arithmetic) {
    out->push_back({op.name, {k4, k4}, k4, op.single});
    out->push_back({op.name, {k4, k8}, k8, op.full});
    out->push_back({op.name, {k8, k4}, k8, op.full});
    out->push_back({op.name, {k8, k8}, k8, op.full});
  }
  for (Type t : {k4, k8}) {
    out->push_back({"neg", {t}, t, NegFloat});
    out->push_back({"pos", {t}, t, Same});
    out->push_back({"abs", {t}, t, AbsFloat});
    out->push_back({"@", {t}, t, AbsFloat});
  }
  out->push_back({"^", {k8, k8}, k8, Power});
  out->push_back({"|/", {k8}, k8, Sqrt});
  out->push_back({"||/", {k8}, k8, Cbrt});
}

}  // namespace

void AddMath(std::vector<Function>* out) {
  AddIntegerOperators(out);
  AddFloatOperators(out);
  constexpr Type kF = Type::kFloat8;
  const std::vector<Function> math = {
      {"ceil", {kF}, kF, Ceil},    {"ceiling", {kF}, kF, Ceil}, {"floor", {kF}, kF, Floor},
      {"round", {kF}, kF, Round},  {"trunc", {kF}, kF, Trunc},  {"sqrt", {kF}, kF, Sqrt},
      {"exp", {kF}, kF, Exp},      {"ln", {kF}, kF, Ln},        {"log", {kF}, kF, Log10},
      {"log10", {kF}, kF, Log10},  {"sign", {kF}, kF, Sign},    {"power", {kF, kF}, kF, Power},
      {"pow", {kF, kF}, kF, Power}};
  out->insert(out->end(), math.begin(), math.end());
}

}  // namespace function_groups

}  // namespace isochron::sql
