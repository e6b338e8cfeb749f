// SPDX-License-Identifier: Apache-2.0
//
// Comparison, arithmetic and rounding of numerics. Two small values are computed with as they are.
#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/types/error.h"
#include "sql/types/numeric.h"
#include "sql/types/numeric_value.h"

namespace isochron::sql::numeric {
namespace {

using Wide = __int128;

constexpr int kMinSignificantDigits = 16;
constexpr int kSmallPowers = 19;

constexpr std::array<int64_t, kSmallPowers> SmallPowers() {
  std::array<int64_t, kSmallPowers> out{};
  int64_t p = 1;
  for (int64_t& v : out) {
    v = p;
    if (p <= INT64_MAX / 10) p *= 10;
  }
  return out;
}
constexpr std::array<int64_t, kSmallPowers> kPower10 = SmallPowers();

absl::Status DivisionByZero() { return SqlError(sqlstate::kDivisionByZero, "division by zero"); }

// Both small and not far apart in scale: *x and *y are the whole numbers at the greater scale.
bool Aligned(const Datum& a, const Datum& b, Wide* x, Wide* y, int* scale) {
  if (!a.is_small_numeric() || !b.is_small_numeric()) return false;
  const int apart = a.scale() - b.scale();
  if (std::abs(apart) >= kSmallPowers) return false;
  *x = a.int_value();
  *y = b.int_value();
  if (apart < 0) *x *= kPower10[static_cast<size_t>(-apart)];
  if (apart > 0) *y *= kPower10[static_cast<size_t>(apart)];
  *scale = std::max(a.scale(), b.scale());
  return true;
}

bool PackSmall(Wide v, int scale, Datum* out) {
  if (v > INT64_MAX || v < INT64_MIN) return false;
  *out = Datum::SmallNumeric(static_cast<int64_t>(v), static_cast<uint16_t>(scale));
  return true;
}

void Align(Value* a, Value* b) {
  const int scale = std::max(a->scale, b->scale);
  Rescale(scale, a);
  Rescale(scale, b);
}

// Where NaN comes before infinities and these before numbers of their side.
int Rank(const Value& v) {
  switch (v.kind) {
    case Kind::kNaN:
      return 2;
    case Kind::kInfinity:
      return 1;
    case Kind::kNegativeInfinity:
      return -1;
    case Kind::kFinite:
      break;
  }
  return 0;
}

absl::Status AddValues(Value a, Value b, Datum* out) {
  if (a.kind == Kind::kNaN || b.kind == Kind::kNaN) return PackKind(Kind::kNaN, out);
  if (a.infinite() && b.infinite() && a.kind != b.kind) return PackKind(Kind::kNaN, out);
  if (a.infinite()) return PackKind(a.kind, out);
  if (b.infinite()) return PackKind(b.kind, out);
  Align(&a, &b);
  a.whole += b.whole;
  return Pack(std::move(a), out);
}

Value Negated(Value v) {
  v.whole = -v.whole;
  if (v.infinite()) {
    v.kind = v.kind == Kind::kInfinity ? Kind::kNegativeInfinity : Kind::kInfinity;
  }
  return v;
}

// (a / 10^as) / (b / 10^bs), to the scale that a quotient has.
Value Quotient(Value a, Value b) {
  const int scale = QuotientScale(a, b);
  const int64_t shift = int64_t{scale} - a.scale + b.scale;
  if (shift >= 0) {
    a.whole *= Pow10(shift);
  } else {
    b.whole *= Pow10(-shift);
  }
  a.whole = RoundedQuotient(a.whole, b.whole);
  a.scale = scale;
  return a;
}

Kind InfinityOf(int sign) { return sign < 0 ? Kind::kNegativeInfinity : Kind::kInfinity; }

}  // namespace

mpz_class Pow10(int64_t n) {
  mpz_class out;
  mpz_ui_pow_ui(out.get_mpz_t(), 10, static_cast<uint64_t>(n));
  return out;
}

int64_t Digits(const mpz_class& v) {
  auto n = static_cast<int64_t>(mpz_sizeinbase(v.get_mpz_t(), 10));
  // It may be one too many.
  return mpz_cmpabs(v.get_mpz_t(), Pow10(n - 1).get_mpz_t()) < 0 ? n - 1 : n;
}

mpz_class RoundedQuotient(const mpz_class& a, const mpz_class& b) {
  mpz_class q, r;
  mpz_tdiv_qr(q.get_mpz_t(), r.get_mpz_t(), a.get_mpz_t(), b.get_mpz_t());
  r *= 2;
  if (mpz_cmpabs(r.get_mpz_t(), b.get_mpz_t()) >= 0) q += sgn(a) * sgn(b);
  return q;
}

void Rescale(int scale, Value* v) {
  if (!v->finite() || scale == v->scale) return;
  if (scale > v->scale) {
    v->whole *= Pow10(scale - v->scale);
  } else {
    v->whole = RoundedQuotient(v->whole, Pow10(v->scale - scale));
  }
  v->scale = scale;
}

int64_t Exponent(const Value& v) { return Digits(v.whole) - 1 - v.scale; }

void LeadingDigit(const Value& v, int64_t* weight, int64_t* digit) {
  *weight = *digit = 0;
  if (sgn(v.whole) == 0) return;
  const int64_t count = Digits(v.whole);
  const int64_t exponent = count - 1 - v.scale;
  *weight = exponent >= 0 ? exponent / 4 : -((3 - exponent) / 4);
  const int64_t want = exponent - *weight * 4 + 1;
  mpz_class lead = abs(v.whole);
  if (count > want) {
    lead /= Pow10(count - want);
  } else {
    lead *= Pow10(want - count);
  }
  *digit = lead.get_si();
}

int QuotientScale(const Value& a, const Value& b) {
  int64_t weight, divisor_weight, digit, divisor_digit;
  LeadingDigit(a, &weight, &digit);
  LeadingDigit(b, &divisor_weight, &divisor_digit);
  const int64_t quotient = weight - divisor_weight - (digit <= divisor_digit ? 1 : 0);
  return ResultScale(quotient * 4, a.scale, b.scale);
}

int ResultScale(int64_t exponent, int a, int b) {
  const int64_t scale =
      std::max<int64_t>({kMinSignificantDigits - exponent, int64_t{a}, int64_t{b}, 0});
  return static_cast<int>(std::min<int64_t>(scale, kMaxDisplayScale));
}

int Compare(const Datum& a, const Datum& b) {
  Wide x, y;
  int scale;
  if (Aligned(a, b, &x, &y, &scale)) return x < y ? -1 : x > y;
  Value u = Unpack(a), v = Unpack(b);
  if (!u.finite() || !v.finite()) {
    const int p = Rank(u), q = Rank(v);
    return p < q ? -1 : p > q;
  }
  if (sgn(u.whole) != sgn(v.whole)) return sgn(u.whole) < sgn(v.whole) ? -1 : 1;
  if (sgn(u.whole) == 0) return 0;
  const int64_t p = Exponent(u), q = Exponent(v);
  if (p != q) return (p < q) == (sgn(u.whole) > 0) ? -1 : 1;
  Align(&u, &v);
  const int c = cmp(u.whole, v.whole);
  return c < 0 ? -1 : c > 0;
}

absl::Status Add(const Datum& a, const Datum& b, Datum* out) {
  Wide x, y;
  int scale;
  if (Aligned(a, b, &x, &y, &scale) && PackSmall(x + y, scale, out)) return absl::OkStatus();
  return AddValues(Unpack(a), Unpack(b), out);
}

absl::Status Subtract(const Datum& a, const Datum& b, Datum* out) {
  Wide x, y;
  int scale;
  if (Aligned(a, b, &x, &y, &scale) && PackSmall(x - y, scale, out)) return absl::OkStatus();
  return AddValues(Unpack(a), Negated(Unpack(b)), out);
}

absl::Status Multiply(const Datum& a, const Datum& b, Datum* out) {
  if (a.is_small_numeric() && b.is_small_numeric() && a.scale() + b.scale() <= kMaxScale &&
      PackSmall(Wide{a.int_value()} * b.int_value(), a.scale() + b.scale(), out)) {
    return absl::OkStatus();
  }
  Value u = Unpack(a), v = Unpack(b);
  if (u.kind == Kind::kNaN || v.kind == Kind::kNaN) return PackKind(Kind::kNaN, out);
  if (u.infinite() || v.infinite()) {
    const int sign = u.sign() * v.sign();
    return PackKind(sign == 0 ? Kind::kNaN : InfinityOf(sign), out);
  }
  u.whole *= v.whole;
  u.scale += v.scale;
  if (u.scale > kMaxScale) Rescale(kMaxScale, &u);
  return Pack(std::move(u), out);
}

absl::Status Divide(const Datum& a, const Datum& b, Datum* out) {
  Value u = Unpack(a), v = Unpack(b);
  if (u.kind == Kind::kNaN || v.kind == Kind::kNaN) return PackKind(Kind::kNaN, out);
  if (v.finite() && sgn(v.whole) == 0) return DivisionByZero();
  if (u.infinite() && v.infinite()) return PackKind(Kind::kNaN, out);
  if (u.infinite()) return PackKind(InfinityOf(u.sign() * v.sign()), out);
  if (v.infinite()) {
    *out = FromInt(0);
    return absl::OkStatus();
  }
  return Pack(Quotient(std::move(u), std::move(v)), out);
}

absl::Status DivideWhole(const Datum& a, const Datum& b, Datum* out) {
  Value u = Unpack(a), v = Unpack(b);
  if (u.kind == Kind::kNaN || v.kind == Kind::kNaN) return PackKind(Kind::kNaN, out);
  if (v.finite() && sgn(v.whole) == 0) return DivisionByZero();
  if (u.infinite() && v.infinite()) return PackKind(Kind::kNaN, out);
  if (u.infinite()) return PackKind(InfinityOf(u.sign() * v.sign()), out);
  if (v.infinite()) {
    *out = FromInt(0);
    return absl::OkStatus();
  }
  Align(&u, &v);
  u.whole /= v.whole;
  u.scale = 0;
  return Pack(std::move(u), out);
}

absl::Status Modulo(const Datum& a, const Datum& b, Datum* out) {
  Value u = Unpack(a), v = Unpack(b);
  if (u.kind == Kind::kNaN || v.kind == Kind::kNaN) return PackKind(Kind::kNaN, out);
  if (v.finite() && sgn(v.whole) == 0) return DivisionByZero();
  if (u.infinite()) return PackKind(Kind::kNaN, out);
  if (v.infinite()) {
    *out = a;
    return absl::OkStatus();
  }
  Align(&u, &v);
  u.whole %= v.whole;
  return Pack(std::move(u), out);
}

absl::Status Negate(const Datum& a, Datum* out) {
  if (a.is_small_numeric() && a.int_value() != INT64_MIN) {
    *out = Datum::SmallNumeric(-a.int_value(), a.scale());
    return absl::OkStatus();
  }
  return Pack(Negated(Unpack(a)), out);
}

absl::Status Absolute(const Datum& a, Datum* out) {
  if (SignOf(a) < 0) return Negate(a, out);
  *out = a;
  return absl::OkStatus();
}

absl::Status Sign(const Datum& a, Datum* out) {
  *out = IsNaN(a) ? a : FromInt(SignOf(a));
  return absl::OkStatus();
}

namespace {

// To a whole number, in the direction of `towards`.
absl::Status ToWhole(const Datum& a, int towards, Datum* out) {
  Value v = Unpack(a);
  if (!v.finite()) {
    *out = a;
    return absl::OkStatus();
  }
  const mpz_class unit = Pow10(v.scale);
  if (towards > 0) {
    mpz_cdiv_q(v.whole.get_mpz_t(), v.whole.get_mpz_t(), unit.get_mpz_t());
  } else {
    mpz_fdiv_q(v.whole.get_mpz_t(), v.whole.get_mpz_t(), unit.get_mpz_t());
  }
  v.scale = 0;
  return Pack(std::move(v), out);
}

absl::Status RoundOrTrunc(const Datum& a, int64_t scale, bool round, Datum* out) {
  if (!IsFinite(a)) {
    *out = a;
    return absl::OkStatus();
  }
  scale = std::min<int64_t>(std::max<int64_t>(scale, -kMaxResultScale), kMaxResultScale);
  Value v = Unpack(a);
  if (scale >= v.scale) {
    Rescale(static_cast<int>(scale), &v);
    return Pack(std::move(v), out);
  }
  const mpz_class unit = Pow10(v.scale - scale);
  v.whole = round ? RoundedQuotient(v.whole, unit) : mpz_class(v.whole / unit);
  v.scale = static_cast<int>(std::max<int64_t>(scale, 0));
  if (scale < 0) v.whole *= Pow10(-scale);
  return Pack(std::move(v), out);
}

}  // namespace

absl::Status Ceil(const Datum& a, Datum* out) { return ToWhole(a, 1, out); }
absl::Status Floor(const Datum& a, Datum* out) { return ToWhole(a, -1, out); }
absl::Status Round(const Datum& a, int64_t scale, Datum* out) {
  return RoundOrTrunc(a, scale, true, out);
}
absl::Status Trunc(const Datum& a, int64_t scale, Datum* out) {
  return RoundOrTrunc(a, scale, false, out);
}

int MinScale(const Datum& a) {
  Value v = Unpack(a);
  if (sgn(v.whole) == 0) return 0;
  // The number of factors ten: no more than its factors two.
  const auto twos = static_cast<int>(mpz_scan1(v.whole.get_mpz_t(), 0));
  int low = 0, high = std::min(twos, v.scale);
  while (low < high) {
    const int middle = (low + high + 1) / 2;
    if (mpz_divisible_p(v.whole.get_mpz_t(), Pow10(middle).get_mpz_t()) != 0) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return v.scale - low;
}

absl::Status TrimScale(const Datum& a, Datum* out) {
  if (!IsFinite(a)) {
    *out = a;
    return absl::OkStatus();
  }
  Value v = Unpack(a);
  Rescale(MinScale(a), &v);
  return Pack(std::move(v), out);
}

absl::Status Gcd(const Datum& a, const Datum& b, Datum* out) {
  Value u = Unpack(a), v = Unpack(b);
  if (!u.finite() || !v.finite()) return PackKind(Kind::kNaN, out);
  Align(&u, &v);
  u.whole = gcd(u.whole, v.whole);
  return Pack(std::move(u), out);
}

absl::Status Lcm(const Datum& a, const Datum& b, Datum* out) {
  Value u = Unpack(a), v = Unpack(b);
  if (!u.finite() || !v.finite()) return PackKind(Kind::kNaN, out);
  Align(&u, &v);
  u.whole = lcm(u.whole, v.whole);
  return Pack(std::move(u), out);
}

Datum FromWide(absl::int128 v) {
  if (v >= INT64_MIN && v <= INT64_MAX) return FromInt(static_cast<int64_t>(v));
  const bool negative = v < 0;
  const absl::uint128 magnitude =
      negative ? -static_cast<absl::uint128>(v) : static_cast<absl::uint128>(v);
  Value value;
  value.whole = mpz_class(static_cast<unsigned long>(absl::Uint128High64(magnitude)));  // NOLINT
  value.whole <<= 64;
  value.whole += static_cast<unsigned long>(absl::Uint128Low64(magnitude));  // NOLINT
  if (negative) value.whole = -value.whole;
  Datum out;
  // 39 digits at most.
  return Pack(std::move(value), &out).ok() ? out : NaN();
}

absl::Status Spread(int64_t n, const Datum& sum, const Datum& squares, bool sample, bool root,
                    Datum* out) {
  Value s = Unpack(sum), q = Unpack(squares);
  if (!s.finite() || !q.finite()) return PackKind(Kind::kNaN, out);
  const mpz_class count(static_cast<long>(n));  // NOLINT: GMP's own type
  s.whole *= s.whole;
  s.scale *= 2;
  if (s.scale > kMaxScale) Rescale(kMaxScale, &s);
  q.whole *= count;
  Align(&q, &s);
  q.whole -= s.whole;
  if (sgn(q.whole) <= 0) {
    *out = FromInt(0);
    return absl::OkStatus();
  }
  Value by;
  by.whole = count * (sample ? mpz_class(count - 1) : count);
  Value variance = Quotient(std::move(q), std::move(by));
  if (root) variance = SqrtTo(variance, variance.scale);
  return Pack(std::move(variance), out);
}

absl::Status Factorial(int64_t n, Datum* out) {
  constexpr int64_t kMost = 32177;
  if (n < 0) {
    return SqlError(sqlstate::kValueOutOfRange, "factorial of a negative number is undefined");
  }
  if (n > kMost) return TooLarge();
  Value v;
  mpz_fac_ui(v.whole.get_mpz_t(), static_cast<uint64_t>(n));
  return Pack(std::move(v), out);
}

absl::Status WidthBucket(const Datum& v, const Datum& low, const Datum& high, int64_t count,
                         Datum* out) {
  constexpr char kInvalidBuckets[] = "2201G";
  if (count <= 0) return SqlError(kInvalidBuckets, "count must be greater than zero");
  if (IsNaN(v) || IsNaN(low) || IsNaN(high)) {
    return SqlError(kInvalidBuckets, "operand, lower bound, and upper bound cannot be NaN");
  }
  if (!IsFinite(low) || !IsFinite(high)) {
    return SqlError(kInvalidBuckets, "lower and upper bounds must be finite");
  }
  const int order = Compare(low, high);
  if (order == 0) return SqlError(kInvalidBuckets, "lower bound cannot equal upper bound");
  const int from_low = Compare(v, low) * -order;
  const int from_high = Compare(v, high) * -order;
  int64_t bucket;
  if (from_low < 0) {
    bucket = 0;
  } else if (from_high >= 0) {
    bucket = count + 1;
  } else {
    Value x = Unpack(v), l = Unpack(low), h = Unpack(high);
    const int scale = std::max({x.scale, l.scale, h.scale});
    for (Value* each : {&x, &l, &h}) Rescale(scale, each);
    const mpz_class n = (x.whole - l.whole) * mpz_class(static_cast<long>(count));  // NOLINT
    bucket = mpz_class(n / (h.whole - l.whole)).get_si() + 1;
  }
  if (bucket > INT32_MAX) {
    return SqlError(sqlstate::kValueOutOfRange, "integer out of range");
  }
  *out = Datum::Int(bucket);
  return absl::OkStatus();
}

absl::Status ApplyTypmod(int32_t typmod, Datum* d) {
  const int precision = ((typmod - 4) >> 16) & 0xffff;
  const int scale = (((typmod - 4) & 0x7ff) ^ 1024) - 1024;
  if (IsNaN(*d)) return absl::OkStatus();
  const auto overflow = [] {
    return SqlError(sqlstate::kValueOutOfRange, "numeric field overflow");
  };
  if (!IsFinite(*d)) return overflow();
  if (!(d->is_small_numeric() && d->scale() == scale)) {
    ISO_RETURN_IF_ERROR(Round(Datum(*d), scale, d));
  }
  if (SignOf(*d) == 0) return absl::OkStatus();
  const int most = precision - scale;  // digits before the point
  if (d->is_small_numeric() && precision < kSmallPowers && scale >= 0) {
    return std::abs(d->int_value()) < kPower10[static_cast<size_t>(precision)] ? absl::OkStatus()
                                                                               : overflow();
  }
  return Exponent(Unpack(*d)) < most ? absl::OkStatus() : overflow();
}

}  // namespace isochron::sql::numeric
