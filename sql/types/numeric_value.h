// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_NUMERIC_VALUE_H_
#define ISOCHRON_SQL_TYPES_NUMERIC_VALUE_H_

// A numeric taken apart, for computing: what numeric*.cc share. Pure.

#include <gmpxx.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "sql/types/datum.h"

namespace isochron::sql::numeric {

enum class Kind : uint8_t { kFinite, kNaN, kInfinity, kNegativeInfinity };

struct Value {
  Kind kind = Kind::kFinite;
  mpz_class whole;  // the value times 10^scale
  int scale = 0;

  bool finite() const { return kind == Kind::kFinite; }
  bool infinite() const { return kind == Kind::kInfinity || kind == Kind::kNegativeInfinity; }
  // Of a finite value, or an infinity.
  int sign() const {
    return kind == Kind::kFinite ? sgn(whole) : kind == Kind::kNegativeInfinity ? -1 : 1;
  }
};

Value Unpack(const Datum& d);
// 22003 where the value has more digits than a numeric may.
absl::Status Pack(Value v, Datum* out);
absl::Status PackKind(Kind kind, Datum* out);
absl::Status TooLarge();

mpz_class Pow10(int64_t n);
// Decimal digits of a number that is not zero.
int64_t Digits(const mpz_class& v);
// The quotient to the nearest, away from zero in the middle.
mpz_class RoundedQuotient(const mpz_class& a, const mpz_class& b);
// The same value with another scale: digits are added, or rounded away.
void Rescale(int scale, Value* v);
// Where the first digit stands: 0 for 1 to 9, -1 for 0.1 to 0.9. Of a value that is not zero.
int64_t Exponent(const Value& v);
// The weight and the value of the first digit of base 10000; 0 and 0 for zero.
void LeadingDigit(const Value& v, int64_t* weight, int64_t* digit);
// The root of a value that is not negative.
Value SqrtTo(const Value& v, int scale);
// The scale of a quotient of two values that are not zero.
int QuotientScale(const Value& a, const Value& b);
// Infinities and zero where it does not fit.
double Approximate(const Value& v);
// The scale that shows 16 significant digits of a result whose first digit stands at `exponent`,
// no less than `a` and `b`.
int ResultScale(int64_t exponent, int a, int b);

}  // namespace isochron::sql::numeric

#endif  // ISOCHRON_SQL_TYPES_NUMERIC_VALUE_H_
