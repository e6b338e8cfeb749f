// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_INTERVAL_H_
#define ISOCHRON_SQL_TYPES_INTERVAL_H_

// interval: months, days and microseconds, each with its own sign, as PostgreSQL has it.
//
// A month is not a number of days, nor a day of hours, until something is compared: then a month
// is 30 days and a day 24 hours, and 1 month equals 30 days. In a Datum an interval is 16 bytes.
// Pure. 22008 where a part goes out of its range.

#include <cstdint>
#include <string>

#include "absl/numeric/int128.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace isochron::sql {

struct Interval {
  int32_t months = 0;
  int32_t days = 0;
  int64_t us = 0;

  // Of the parts, not of the length.
  friend bool operator==(const Interval& a, const Interval& b) {
    return a.months == b.months && a.days == b.days && a.us == b.us;
  }
};

std::string PackInterval(const Interval& v);
// `bytes` are PackInterval's; anything that is not 16 bytes long is a zero interval.
Interval UnpackInterval(absl::string_view bytes);

// Microseconds, for comparison.
absl::int128 IntervalSpan(const Interval& v);
inline int CompareIntervals(const Interval& a, const Interval& b) {
  const absl::int128 x = IntervalSpan(a), y = IntervalSpan(b);
  return x < y ? -1 : x > y;
}
// Sixteen bytes that sort as the spans do.
std::string IntervalSortKey(const Interval& v);
// An interval of that span, in days and time where they suffice. False for bytes that no interval
// has.
bool IntervalFromSortKey(absl::string_view key, Interval* out);

absl::Status IntervalOutOfRange();
absl::StatusOr<Interval> AddIntervals(const Interval& a, const Interval& b);
absl::StatusOr<Interval> SubtractIntervals(const Interval& a, const Interval& b);
absl::StatusOr<Interval> NegateInterval(const Interval& v);
absl::StatusOr<Interval> MultiplyInterval(const Interval& v, double factor);
// 22012 for a zero.
absl::StatusOr<Interval> DivideInterval(const Interval& v, double divisor);

// 24 hours to a day; 30 days to a month; both, with equal signs.
absl::StatusOr<Interval> JustifyHours(Interval v);
absl::StatusOr<Interval> JustifyDays(Interval v);
absl::StatusOr<Interval> JustifyInterval(Interval v);

// timestamp + interval: months, then days, then time. Infinite times stay so. 22008.
absl::StatusOr<int64_t> AddToTimestamp(int64_t us, const Interval& v);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_INTERVAL_H_
