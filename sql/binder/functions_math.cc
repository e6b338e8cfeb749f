// SPDX-License-Identifier: Apache-2.0
//
// PostgreSQL's functions over double precision beyond arithmetic: angles, hyperbolic functions,
// chance, and uuids made of it.
#include <cmath>

#include "common/random.h"
#include "sql/binder/functions.h"
#include "sql/types/error.h"
#include "sql/types/numeric.h"

namespace isochron::sql {
namespace {

using Ctx = const EvalContext&;

constexpr double kPi = 3.14159265358979323846;

absl::Status OutOfRange() { return SqlError(sqlstate::kValueOutOfRange, "input is out of range"); }

absl::Status Result(double v, const Datum* a, size_t n, Datum* out) {
  if (std::isinf(v)) {
    bool inf = false;
    for (size_t i = 0; i < n; ++i) inf = inf || std::isinf(a[i].float_value());
    if (!inf) return SqlError(sqlstate::kValueOutOfRange, "value out of range: overflow");
  }
  *out = Datum::Float(v);
  return absl::OkStatus();
}

template <double (*kFn)(double)>
absl::Status Plain(Ctx, const Datum* a, size_t n, Datum* out) {
  return Result(kFn(a[0].float_value()), a, n, out);
}
// Of an angle: infinities have none.
template <double (*kFn)(double)>
absl::Status Angle(Ctx, const Datum* a, size_t n, Datum* out) {
  if (std::isinf(a[0].float_value())) return OutOfRange();
  return Result(kFn(a[0].float_value()), a, n, out);
}
// Of a number from -1 to 1.
template <double (*kFn)(double)>
absl::Status Arc(Ctx, const Datum* a, size_t n, Datum* out) {
  if (std::fabs(a[0].float_value()) > 1) return OutOfRange();
  return Result(kFn(a[0].float_value()), a, n, out);
}

double Degrees(double x) { return x / (kPi / 180); }
double Radians(double x) { return x * (kPi / 180); }
// May be infinite, at multiples of pi.
absl::Status Cot(Ctx, const Datum* a, size_t, Datum* out) {
  if (std::isinf(a[0].float_value())) return OutOfRange();
  *out = Datum::Float(1.0 / std::tan(a[0].float_value()));
  return absl::OkStatus();
}
absl::Status Atan2(Ctx, const Datum* a, size_t n, Datum* out) {
  return Result(std::atan2(a[0].float_value(), a[1].float_value()), a, n, out);
}

// The functions in degrees are exact at the angles of a regular hexagon: the values there are
// divided by what the library makes of them.
double Sin0To30(double x) { return std::sin(Radians(x)) / std::sin(Radians(30.0)) / 2; }
double Cos0To60(double x) {
  return 1 - (1 - std::cos(Radians(x))) / (1 - std::cos(Radians(60.0))) / 2;
}
double SinQuadrant(double x) { return x <= 30 ? Sin0To30(x) : Cos0To60(90 - x); }
double CosQuadrant(double x) { return x <= 60 ? Cos0To60(x) : Sin0To30(90 - x); }

double Sind(double x) {
  if (std::isnan(x)) return x;
  x = std::fmod(x, 360);
  int sign = 1;
  if (x < 0) {
    x = -x;
    sign = -sign;
  }
  if (x > 180) {
    x = 360 - x;
    sign = -sign;
  }
  if (x > 90) x = 180 - x;
  return sign * SinQuadrant(x);
}
double Cosd(double x) {
  if (std::isnan(x)) return x;
  x = std::fabs(std::fmod(x, 360));
  int sign = 1;
  if (x > 180) x = 360 - x;
  if (x > 90) {
    x = 180 - x;
    sign = -sign;
  }
  return sign * CosQuadrant(x);
}
// The quotient in a quadrant, with its sign elsewhere; never -0.
double Quotient(double x, bool tangent) {
  if (std::isnan(x)) return x;
  x = std::fmod(x, 360);
  int sign = 1;
  if (x < 0) {
    x = -x;
    sign = -sign;
  }
  if (x > 180) {
    x = 360 - x;
    sign = -sign;
  }
  if (x > 90) {
    x = 180 - x;
    sign = -sign;
  }
  const double s = SinQuadrant(x), c = CosQuadrant(x);
  const double unit = SinQuadrant(45) / CosQuadrant(45);
  const double v = sign * ((tangent ? s / c : c / s) / (tangent ? unit : 1 / unit));
  return v == 0 ? 0 : v;
}
absl::Status Tand(Ctx, const Datum* a, size_t, Datum* out) {
  if (std::isinf(a[0].float_value())) return OutOfRange();
  *out = Datum::Float(Quotient(a[0].float_value(), true));
  return absl::OkStatus();
}
absl::Status Cotd(Ctx, const Datum* a, size_t, Datum* out) {
  if (std::isinf(a[0].float_value())) return OutOfRange();
  *out = Datum::Float(Quotient(a[0].float_value(), false));
  return absl::OkStatus();
}
double AsinQuadrant(double x) {
  if (x <= 0.5) return std::asin(x) / std::asin(0.5) * 30;
  return 90 - std::acos(x) / std::acos(0.5) * 60;
}
double AcosQuadrant(double x) {
  if (x <= 0.5) return 90 - std::asin(x) / std::asin(0.5) * 30;
  return std::acos(x) / std::acos(0.5) * 60;
}
double Asind(double x) { return x >= 0 ? AsinQuadrant(x) : -AsinQuadrant(-x); }
double Acosd(double x) { return x >= 0 ? AcosQuadrant(x) : 90 + AsinQuadrant(-x); }
double Atand(double x) { return std::atan(x) / std::atan(1.0) * 45; }
absl::Status Atan2d(Ctx, const Datum* a, size_t n, Datum* out) {
  return Result(std::atan2(a[0].float_value(), a[1].float_value()) / std::atan(1.0) * 45, a, n,
                out);
}

absl::Status Acosh(Ctx, const Datum* a, size_t n, Datum* out) {
  if (a[0].float_value() < 1) return OutOfRange();
  return Result(std::acosh(a[0].float_value()), a, n, out);
}
absl::Status Atanh(Ctx, const Datum* a, size_t, Datum* out) {
  const double x = a[0].float_value();
  if (x < -1 || x > 1) return OutOfRange();
  *out = Datum::Float(std::atanh(x));
  return absl::OkStatus();
}
absl::Status Pi(Ctx, const Datum*, size_t, Datum* out) {
  *out = Datum::Float(kPi);
  return absl::OkStatus();
}

absl::Status WidthBucket(Ctx, const Datum* a, size_t, Datum* out) {
  const double v = a[0].float_value(), low = a[1].float_value(), high = a[2].float_value();
  const int64_t count = a[3].int_value();
  if (count <= 0) return SqlError("2201G", "count must be greater than zero");
  if (std::isnan(v) || std::isnan(low) || std::isnan(high)) {
    return SqlError("2201G", "operand, lower bound, and upper bound cannot be NaN");
  }
  if (std::isinf(low) || std::isinf(high)) {
    return SqlError("2201G", "lower and upper bounds must be finite");
  }
  if (low == high) return SqlError("2201G", "lower bound cannot equal upper bound");
  const double from = low < high ? v - low : low - v;
  const double past = low < high ? v - high : high - v;
  int64_t bucket = 0;
  if (from >= 0) {
    bucket =
        past >= 0
            ? count + 1
            : static_cast<int64_t>(from / std::fabs(high - low) * static_cast<double>(count)) + 1;
  }
  if (bucket > INT32_MAX) return SqlError(sqlstate::kValueOutOfRange, "integer out of range");
  *out = Datum::Int(bucket);
  return absl::OkStatus();
}

absl::Status NoRandom() {
  return SqlError(sqlstate::kUnsupported, "a random value is not supported here");
}

absl::Status Chance(Ctx ctx, const Datum*, size_t, Datum* out) {
  if (ctx.random == nullptr) return NoRandom();
  *out = Datum::Float(std::ldexp(static_cast<double>(ctx.random->Next() >> 11), -53));
  return absl::OkStatus();
}
absl::Status SetSeed(Ctx, const Datum*, size_t, Datum*) {
  return SqlError(sqlstate::kUnsupported, "setseed is not supported: random() cannot be repeated");
}
absl::Status RandomUuid(Ctx ctx, const Datum*, size_t, Datum* out) {
  if (ctx.random == nullptr) return NoRandom();
  std::string bytes;
  for (int word = 0; word < 2; ++word) {
    const uint64_t v = ctx.random->Next();
    for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(v >> shift));
  }
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);  // version 4
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  *out = Datum::String(std::move(bytes));
  return absl::OkStatus();
}

}  // namespace

namespace function_groups {

void AddMoreMath(std::vector<Function>* out) {
  constexpr Type kF = Type::kFloat8;
  struct Alone {
    const char* name;
    EvalFn fn;
  };
  for (const Alone& f : {Alone{"cbrt", Plain<std::cbrt>},
                         Alone{"degrees", Plain<Degrees>},
                         Alone{"radians", Plain<Radians>},
                         Alone{"sin", Angle<std::sin>},
                         Alone{"cos", Angle<std::cos>},
                         Alone{"tan", Angle<std::tan>},
                         Alone{"cot", Cot},
                         Alone{"asin", Arc<std::asin>},
                         Alone{"acos", Arc<std::acos>},
                         Alone{"atan", Plain<std::atan>},
                         Alone{"sind", Angle<Sind>},
                         Alone{"cosd", Angle<Cosd>},
                         Alone{"tand", Tand},
                         Alone{"cotd", Cotd},
                         Alone{"asind", Arc<Asind>},
                         Alone{"acosd", Arc<Acosd>},
                         Alone{"atand", Plain<Atand>},
                         Alone{"sinh", Plain<std::sinh>},
                         Alone{"cosh", Plain<std::cosh>},
                         Alone{"tanh", Plain<std::tanh>},
                         Alone{"asinh", Plain<std::asinh>},
                         Alone{"acosh", Acosh},
                         Alone{"atanh", Atanh}}) {
    out->push_back({f.name, {kF}, kF, f.fn});
  }
  const std::vector<Function> rest = {
      {"pi", {}, kF, Pi},
      {"atan2", {kF, kF}, kF, Atan2},
      {"atan2d", {kF, kF}, kF, Atan2d},
      {"width_bucket", {kF, kF, kF, Type::kInt4}, Type::kInt4, WidthBucket},
      {"random", {}, kF, Chance, true, false, true},
      {"setseed", {kF}, Type::kText, SetSeed, true, false, true},
      {"gen_random_uuid", {}, Type::kUuid, RandomUuid, true, false, true},
  };
  out->insert(out->end(), rest.begin(), rest.end());
}

}  // namespace function_groups

}  // namespace isochron::sql
