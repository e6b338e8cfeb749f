// SPDX-License-Identifier: Apache-2.0
//
// Roots, exponentials, logarithms and powers of numerics: computed in binary fixed point with bits
// to spare, then rounded to the scale that PostgreSQL gives the result.
#include <algorithm>
#include <cmath>

#include "common/status_macros.h"
#include "sql/types/error.h"
#include "sql/types/numeric.h"
#include "sql/types/numeric_value.h"

namespace isochron::sql::numeric {
namespace {

constexpr double kLog10OfE = 0.434294481903252;
constexpr double kLnOf10 = 2.302585092994046;
constexpr double kBitsPerDigit = 3.3219280948873626;
constexpr int64_t kGuardBits = 96;

// A number times 2^bits.
struct Fixed {
  mpz_class v;
  int64_t bits = 0;
};

mpz_class Shifted(const mpz_class& v, int64_t left) {
  mpz_class out;
  if (left >= 0) {
    mpz_mul_2exp(out.get_mpz_t(), v.get_mpz_t(), static_cast<uint64_t>(left));
  } else {
    mpz_fdiv_q_2exp(out.get_mpz_t(), v.get_mpz_t(), static_cast<uint64_t>(-left));
  }
  return out;
}

Fixed ToFixed(const Value& v, int64_t bits) {
  Fixed f;
  f.bits = bits;
  f.v = Shifted(v.whole, bits) / Pow10(v.scale);
  return f;
}

// Rounded to `scale` digits.
Value FromFixed(const Fixed& f, int scale) {
  Value v;
  v.scale = scale;
  v.whole = RoundedQuotient(f.v * Pow10(scale), Shifted(1, f.bits));
  return v;
}

int64_t BitsFor(int64_t digits) {
  return static_cast<int64_t>(static_cast<double>(std::max<int64_t>(digits, 0)) * kBitsPerDigit) +
         kGuardBits;
}

// atanh(p / q) for a small fraction: the sum of (p/q)^(2k+1) / (2k+1).
mpz_class Atanh(const mpz_class& p, const mpz_class& q, int64_t bits) {
  mpz_class power = Shifted(p, bits) / q;
  const mpz_class p2 = p * p, q2 = q * q;
  mpz_class sum = power;
  for (unsigned long k = 3; sgn(power) != 0; k += 2) {  // NOLINT: GMP's own type
    power = power * p2 / q2;
    sum += power / k;
  }
  return sum;
}

mpz_class Ln2(int64_t bits) {
  return 18 * Atanh(1, 26, bits) - 2 * Atanh(1, 4801, bits) + 8 * Atanh(1, 8749, bits);
}

// exp(x); the result has x's bits, and is right but for the last few of them.
Fixed ExpFixed(const Fixed& x) {
  // x = k ln 2 + r; exp(r) by its series, of r halved often.
  const int64_t halvings = 8 + static_cast<int64_t>(std::sqrt(static_cast<double>(x.bits)) / 2);
  const int64_t whole_bits =
      std::max<int64_t>(static_cast<int64_t>(mpz_sizeinbase(x.v.get_mpz_t(), 2)) - x.bits, 0);
  const int64_t bits = x.bits + halvings + whole_bits + 32;
  const mpz_class ln2 = Ln2(bits);
  mpz_class k, r;
  const mpz_class wide = Shifted(x.v, bits - x.bits);
  mpz_fdiv_qr(k.get_mpz_t(), r.get_mpz_t(), wide.get_mpz_t(), ln2.get_mpz_t());
  r = Shifted(r, -halvings);
  mpz_class sum = Shifted(1, bits), term = sum;
  for (unsigned long n = 1; sgn(term) != 0; ++n) {  // NOLINT: GMP's own type
    term = Shifted(term * r, -bits) / n;
    sum += term;
  }
  for (int64_t i = 0; i < halvings; ++i) sum = Shifted(sum * sum, -bits);
  Fixed out;
  out.bits = x.bits;
  out.v = Shifted(sum, k.get_si() + x.bits - bits);
  return out;
}

// ln(v) of a positive value, with `bits` bits behind the point.
Fixed LnFixed(const Value& v, int64_t bits) {
  // v = 2^k z with z near 1; ln z by taking roots, then atanh((z - 1) / (z + 1)).
  const int64_t roots = 4 + static_cast<int64_t>(std::sqrt(static_cast<double>(bits)) / 3);
  const auto k = static_cast<int64_t>(
      std::llround(static_cast<double>(mpz_sizeinbase(v.whole.get_mpz_t(), 2)) -
                   static_cast<double>(v.scale) * kBitsPerDigit - 0.5));
  const int64_t wide = bits + roots * 2 + 64;
  const mpz_class unit = Shifted(1, wide);
  mpz_class z;
  if (k >= 0) {
    z = Shifted(v.whole, wide) / Shifted(Pow10(v.scale), k);
  } else {
    z = Shifted(v.whole, wide - k) / Pow10(v.scale);
  }
  for (int64_t i = 0; i < roots; ++i) z = sqrt(mpz_class(Shifted(z, wide)));
  // atanh of a fraction of full width: divide once, then multiply.
  const mpz_class t = Shifted(z - unit, wide) / (z + unit);
  const mpz_class square = Shifted(t * t, -wide);
  mpz_class power = t, sum = t;
  for (unsigned long n = 3; sgn(power) != 0 && n < 100000; n += 2) {  // NOLINT: GMP's own type
    power = Shifted(power * square, -wide);
    if (power == -1) break;  // rounded down for ever
    sum += power / n;
  }
  Fixed out;
  out.bits = bits;
  out.v = Shifted(sum, roots + 1) + mpz_class(static_cast<long>(k)) * Ln2(wide);  // NOLINT
  out.v = Shifted(out.v, bits - wide);
  return out;
}

// The first digit of ln(v), as PostgreSQL estimates it.
int64_t LnExponent(const Value& v) {
  if (v.sign() <= 0) return 0;
  Value one;
  one.whole = Pow10(v.scale);
  one.scale = v.scale;
  if (v.whole * 10 >= one.whole * 9 && v.whole * 10 <= one.whole * 11) {
    Value less = v;
    less.whole -= one.whole;
    return sgn(less.whole) == 0 ? 0 : Exponent(less);
  }
  // Of its first two digits of base 10000.
  int64_t weight, digit;
  LeadingDigit(v, &weight, &digit);
  int64_t place = weight * 4;
  Value rest = v;
  rest.whole = abs(rest.whole);
  const int64_t shift = place - 4 + v.scale;  // the second digit's last place, in units of `whole`
  mpz_class two =
      shift >= 0 ? mpz_class(rest.whole / Pow10(shift)) : mpz_class(rest.whole * Pow10(-shift));
  const double ln = std::log(two.get_d()) + static_cast<double>(place - 4) * kLnOf10;
  return static_cast<int64_t>(std::log10(std::fabs(ln)));
}

absl::Status NoLogarithm(int sign) {
  return SqlError("2201E", sign == 0 ? "cannot take logarithm of zero"
                                     : "cannot take logarithm of a negative number");
}

absl::Status Zero(int scale, Datum* out) {
  *out = Datum::SmallNumeric(0, static_cast<uint16_t>(scale));
  return absl::OkStatus();
}

}  // namespace

double Approximate(const Value& v) {
  signed long exponent = 0;  // NOLINT: GMP's own type
  const double mantissa = mpz_get_d_2exp(&exponent, v.whole.get_mpz_t());
  if (mantissa == 0) return 0;
  const double digits =
      std::log10(std::fabs(mantissa)) + static_cast<double>(exponent) / kBitsPerDigit - v.scale;
  if (digits > 308) return mantissa > 0 ? HUGE_VAL : -HUGE_VAL;
  if (digits < -307) return 0;
  mpq_class q(v.whole, Pow10(v.scale));
  return q.get_d();
}

Value SqrtTo(const Value& v, int scale) {
  // One digit more than is shown, then rounded: what is beyond it cannot make a five less.
  const int64_t shift = 2 * (int64_t{scale} + 1) - v.scale;
  const mpz_class n =
      shift >= 0 ? mpz_class(v.whole * Pow10(shift)) : mpz_class(v.whole / Pow10(-shift));
  Value r;
  r.whole = sqrt(n);
  r.scale = scale + 1;
  Rescale(scale, &r);
  return r;
}

absl::Status Sqrt(const Datum& a, Datum* out) {
  Value v = Unpack(a);
  if (v.kind == Kind::kNaN || v.kind == Kind::kInfinity) return PackKind(v.kind, out);
  if (v.sign() < 0) return SqlError("2201F", "cannot take square root of a negative number");
  int64_t weight, digit;
  LeadingDigit(v, &weight, &digit);
  const int64_t exponent = weight >= 0 ? weight * 4 / 2 + 1 : 1 - (1 - weight * 4) / 2;
  const int scale = ResultScale(exponent, v.scale, 0);
  return Pack(SqrtTo(v, scale), out);
}

absl::Status Exp(const Datum& a, Datum* out) {
  const Value v = Unpack(a);
  if (v.kind == Kind::kNegativeInfinity) return Zero(0, out);
  if (!v.finite()) return PackKind(v.kind, out);
  const double x = Approximate(v);
  const double limit = kMaxResultScale;
  const double digits = std::min(std::max(x * kLog10OfE, -limit), limit);
  const int scale = ResultScale(static_cast<int64_t>(digits), v.scale, 0);
  if (std::fabs(x) >= kMaxResultScale * 3) return x > 0 ? TooLarge() : Zero(scale, out);
  const int64_t bits = BitsFor(scale + 1) + static_cast<int64_t>(std::max(x, 0.0) * 1.5);
  return Pack(FromFixed(ExpFixed(ToFixed(v, bits)), scale), out);
}

absl::Status Ln(const Datum& a, Datum* out) {
  const Value v = Unpack(a);
  if (v.kind == Kind::kNaN) return PackKind(v.kind, out);
  if (v.sign() <= 0) return NoLogarithm(v.sign());
  if (v.infinite()) return PackKind(v.kind, out);
  const int scale = ResultScale(LnExponent(v), v.scale, 0);
  return Pack(FromFixed(LnFixed(v, BitsFor(scale + 1)), scale), out);
}

absl::Status Log(const Datum& base, const Datum& a, Datum* out) {
  const Value b = Unpack(base), v = Unpack(a);
  if (b.kind == Kind::kNaN || v.kind == Kind::kNaN) return PackKind(Kind::kNaN, out);
  if (b.sign() <= 0) return NoLogarithm(b.sign());
  if (v.sign() <= 0) return NoLogarithm(v.sign());
  if (b.infinite() && v.infinite()) return PackKind(Kind::kNaN, out);
  if (b.infinite()) return Zero(0, out);
  if (v.infinite()) return PackKind(Kind::kInfinity, out);
  const int64_t base_exponent = LnExponent(b);
  const int64_t exponent = LnExponent(v) - base_exponent;
  const int scale = ResultScale(exponent, b.scale, v.scale);
  const int64_t bits = BitsFor(scale + std::abs(base_exponent) + std::abs(exponent) + 8);
  const Fixed below = LnFixed(b, bits);
  if (sgn(below.v) == 0) return SqlError(sqlstate::kDivisionByZero, "division by zero");
  Fixed quotient;
  quotient.bits = bits;
  quotient.v = Shifted(LnFixed(v, bits).v, bits) / below.v;
  return Pack(FromFixed(quotient, scale), out);
}

namespace {

// |base|^exponent by ln and exp, to `scale` digits; `digits` is how many the result has before the
// point, about.
Value PowerByLn(Value base, const Value& exponent, int scale, double digits) {
  base.whole = abs(base.whole);
  const int64_t more = std::max<int64_t>(0, exponent.sign() == 0 ? 0 : Exponent(exponent)) + 10;
  const auto before = static_cast<int64_t>(std::max(digits, 0.0)) + 4;
  const int64_t bits = BitsFor(scale + before + more);
  Fixed ln = LnFixed(base, bits);
  ln.v = ln.v * exponent.whole / Pow10(exponent.scale);
  return FromFixed(ExpFixed(ln), scale);
}

absl::Status WholePower(Value base, int64_t exponent, Datum* out) {
  constexpr int64_t kExactDigits = 200'000;
  double digits = 0;  // log10 of the result
  if (base.sign() != 0) {
    Value magnitude = base;
    magnitude.whole = abs(magnitude.whole);
    const int64_t first = Exponent(magnitude);
    magnitude.scale += static_cast<int>(first);
    const double lead = Approximate(magnitude);
    digits = static_cast<double>(exponent) * (std::log10(lead) + static_cast<double>(first));
  }
  if (digits > kMaxWholeDigits) return TooLarge();
  const int scale = ResultScale(0, base.scale, 0);
  if (digits + 1 < -scale) return Zero(scale, out);
  Value r;
  r.scale = scale;
  if (base.sign() == 0 && exponent != 0) {
    if (exponent < 0) return SqlError(sqlstate::kDivisionByZero, "division by zero");
    return Zero(scale, out);
  }
  const int64_t times = std::abs(exponent);
  if (exponent == 0) {
    r.whole = Pow10(scale);
  } else if (Digits(base.whole) * times <= kExactDigits) {
    mpz_class power;
    mpz_pow_ui(power.get_mpz_t(), base.whole.get_mpz_t(), static_cast<uint64_t>(times));
    const mpz_class unit = Pow10(int64_t{base.scale} * times);
    r.whole = exponent > 0 ? RoundedQuotient(power * Pow10(scale), unit)
                           : RoundedQuotient(unit * Pow10(scale), power);
  } else {
    Value e;
    e.whole = mpz_class(static_cast<long>(exponent));  // NOLINT: GMP's own type
    r = PowerByLn(base, e, scale, digits);
    if (base.sign() < 0 && times % 2 != 0) r.whole = -r.whole;
  }
  return Pack(std::move(r), out);
}

bool IsWhole(const Value& v) {
  return v.scale == 0 || mpz_divisible_p(v.whole.get_mpz_t(), Pow10(v.scale).get_mpz_t()) != 0;
}

// Whether a whole value is odd.
bool IsOdd(const Value& v) {
  return mpz_odd_p(mpz_class(v.whole / Pow10(v.scale)).get_mpz_t()) != 0;
}

absl::Status PowerOfInfinities(const Value& b, const Value& e, Datum* out) {
  const auto is_one = [](const Value& v) { return v.finite() && v.whole == Pow10(v.scale); };
  const bool zero_exponent = e.finite() && sgn(e.whole) == 0;
  if (is_one(b) || zero_exponent) {
    *out = FromInt(1);
    return absl::OkStatus();
  }
  if (b.kind == Kind::kNaN || e.kind == Kind::kNaN) return PackKind(Kind::kNaN, out);
  if (b.sign() == 0) {
    if (e.sign() < 0) {
      return SqlError("2201F", "zero raised to a negative power is undefined");
    }
    return Zero(0, out);
  }
  if (b.sign() < 0 && e.finite() && !IsWhole(e)) {
    return SqlError("2201F",
                    "a negative number raised to a non-integer power yields a complex result");
  }
  if (e.infinite()) {
    // By whether the base's magnitude is above one.
    const bool minus_one = b.finite() && b.whole == -Pow10(b.scale);
    if (minus_one) {
      *out = FromInt(1);
      return absl::OkStatus();
    }
    const bool large =
        b.infinite() || mpz_cmpabs(b.whole.get_mpz_t(), Pow10(b.scale).get_mpz_t()) > 0;
    return large == (e.sign() > 0) ? PackKind(Kind::kInfinity, out) : Zero(0, out);
  }
  if (e.sign() < 0) return Zero(0, out);
  return PackKind(b.sign() < 0 && IsOdd(e) ? Kind::kNegativeInfinity : Kind::kInfinity, out);
}

}  // namespace

absl::Status Power(const Datum& base, const Datum& exponent, Datum* out) {
  const Value b = Unpack(base);
  Value e = Unpack(exponent);
  if (!b.finite() || !e.finite()) return PowerOfInfinities(b, e, out);
  if (b.sign() == 0 && e.sign() < 0) {
    return SqlError("2201F", "zero raised to a negative power is undefined");
  }
  const bool whole = IsWhole(e);
  if (b.sign() < 0 && !whole) {
    return SqlError("2201F",
                    "a negative number raised to a non-integer power yields a complex result");
  }
  if (whole) {
    const mpz_class n = e.whole / Pow10(e.scale);
    if (n.fits_sint_p()) return WholePower(b, n.get_si(), out);
  }
  if (b.sign() == 0) return Zero(ResultScale(0, b.scale, e.scale), out);
  Value magnitude = b;
  magnitude.whole = abs(magnitude.whole);
  const Fixed ln = LnFixed(magnitude, BitsFor(40 + std::max<int64_t>(0, -LnExponent(magnitude))));
  Value estimate;
  estimate.scale = 40;
  estimate.whole = FromFixed(ln, 40).whole * e.whole / Pow10(e.scale);
  const double x = Approximate(estimate);
  if (std::fabs(x) > kMaxResultScale * 3.01) {
    return x > 0 ? TooLarge() : Zero(kMaxDisplayScale, out);
  }
  const double digits = x * kLog10OfE;
  const int scale = ResultScale(static_cast<int64_t>(digits), b.scale, e.scale);
  Value r = PowerByLn(b, e, scale, digits);
  if (b.sign() < 0 && IsOdd(e)) r.whole = -r.whole;
  return Pack(std::move(r), out);
}

}  // namespace isochron::sql::numeric
