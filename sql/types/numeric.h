// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_NUMERIC_H_
#define ISOCHRON_SQL_TYPES_NUMERIC_H_

// numeric: exact decimal numbers, as PostgreSQL computes with them.
//
// A value is a whole number divided by 10^scale; the scale, 0 to 16383, is how many digits are
// shown behind the point, so 1.10 and 1.1 are equal and look different. At most 131072 digits stand
// before the point. NaN equals itself and is greater than all else; there are two infinities.
//
// In a Datum (shape kNumeric) a value whose whole number fits in 64 bits is that number and its
// scale; any other is in the string:
//
//   1 byte   0 positive, 1 negative, 2 NaN, 3 Infinity, 4 -Infinity
//   2 bytes  the scale, big endian; nothing follows NaN and the infinities
//   ...      the whole number without its sign, big endian
//
// Results have PostgreSQL's scales: division, roots and logarithms at least 16 significant digits.
// Pure. Errors: 22003, 22012, 22P02, 2201E, 2201F.

#include <cstdint>
#include <string>

#include "absl/numeric/int128.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sql/types/datum.h"

namespace isochron::sql::numeric {

inline constexpr int kMaxScale = 16383;
inline constexpr int kMaxWholeDigits = 131072;
inline constexpr int kMaxDisplayScale = 1000;
inline constexpr int kMaxResultScale = 2000;

absl::StatusOr<Datum> FromText(absl::string_view text);
std::string ToText(const Datum& d);
inline Datum FromInt(int64_t v) { return Datum::SmallNumeric(v, 0); }
Datum FromWide(absl::int128 v);
// The nearest number of that many significant digits: 15 of a double, 6 of a float.
absl::StatusOr<Datum> FromDouble(double v, int digits);
// To the nearest whole number; `type` is what the result must fit in.
absl::StatusOr<int64_t> ToInt(const Datum& d, Type type);
// `type`: kFloat4 or kFloat8.
absl::StatusOr<double> ToDouble(const Datum& d, Type type);

// Whether these bytes are what a Datum's string holds.
bool IsForm(absl::string_view bytes);

Datum NaN();
bool IsNaN(const Datum& d);
bool IsFinite(const Datum& d);
// -1, 0, 1 as `d` is negative, zero, positive; NaN is positive.
int SignOf(const Datum& d);
int ScaleOf(const Datum& d);

int Compare(const Datum& a, const Datum& b);
absl::Status Add(const Datum& a, const Datum& b, Datum* out);
absl::Status Subtract(const Datum& a, const Datum& b, Datum* out);
absl::Status Multiply(const Datum& a, const Datum& b, Datum* out);
absl::Status Divide(const Datum& a, const Datum& b, Datum* out);
// The whole part of the quotient, and what is left.
absl::Status DivideWhole(const Datum& a, const Datum& b, Datum* out);
absl::Status Modulo(const Datum& a, const Datum& b, Datum* out);
absl::Status Negate(const Datum& a, Datum* out);
absl::Status Absolute(const Datum& a, Datum* out);
absl::Status Sign(const Datum& a, Datum* out);
absl::Status Ceil(const Datum& a, Datum* out);
absl::Status Floor(const Datum& a, Datum* out);
// To `scale` digits behind the point (before it, where negative): to the nearest, away from zero
// in the middle; or cut off.
absl::Status Round(const Datum& a, int64_t scale, Datum* out);
absl::Status Trunc(const Datum& a, int64_t scale, Datum* out);
// The fewest digits behind the point that show all of it.
int MinScale(const Datum& a);
absl::Status TrimScale(const Datum& a, Datum* out);
absl::Status Gcd(const Datum& a, const Datum& b, Datum* out);
absl::Status Lcm(const Datum& a, const Datum& b, Datum* out);
absl::Status Factorial(int64_t n, Datum* out);
// As width_bucket: 0 below, count + 1 above.
absl::Status WidthBucket(const Datum& v, const Datum& low, const Datum& high, int64_t count,
                         Datum* out);
// numeric(p, s) of `typmod`.
absl::Status ApplyTypmod(int32_t typmod, Datum* d);

// Of n values the variance, or its root, from their sum and that of their squares; `sample`:
// divided by n - 1. Precondition: n > 0, n > 1 for a sample.
absl::Status Spread(int64_t n, const Datum& sum, const Datum& squares, bool sample, bool root,
                    Datum* out);

absl::Status Sqrt(const Datum& a, Datum* out);
absl::Status Exp(const Datum& a, Datum* out);
absl::Status Ln(const Datum& a, Datum* out);
absl::Status Log(const Datum& base, const Datum& a, Datum* out);
absl::Status Power(const Datum& base, const Datum& exponent, Datum* out);

// A part of a key (common/key_encoding.h) holds the value without its scale.
void AppendToKey(const Datum& d, std::string* key);
// Its scale is then the least. False if the bytes are none of AppendToKey's.
bool ReadFromKey(absl::string_view digits, Datum* d);

// PostgreSQL's binary form: digits of base 10000.
void AppendBinary(const Datum& d, std::string* out);
// 22P03.
absl::StatusOr<Datum> FromBinary(absl::string_view bytes);

}  // namespace isochron::sql::numeric

#endif  // ISOCHRON_SQL_TYPES_NUMERIC_H_
