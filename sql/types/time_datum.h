// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_TIME_DATUM_H_
#define ISOCHRON_SQL_TYPES_TIME_DATUM_H_

// Datums of the types date, time, timestamp, timestamptz and interval: their text, and their
// modifiers.
//
// The modifier of interval is PostgreSQL's: the fields it may have (a bit each, by IntervalBits)
// in the high half, the digits of a second in the low one. Pure.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sql/types/datetime_parse.h"
#include "sql/types/datum.h"
#include "sql/types/interval.h"

namespace isochron::sql {

inline bool IsTimeType(Type t) {
  return t == Type::kDate || t == Type::kTime || t == Type::kTimestamp || t == Type::kTimestamptz ||
         t == Type::kInterval;
}

inline Datum IntervalDatum(const Interval& v) {
  return Datum::Encoded(Datum::Shape::kInterval, PackInterval(v));
}
inline Interval IntervalOf(const Datum& d) { return UnpackInterval(d.string_value()); }

// Preconditions: IsTimeType(type), `d` has its shape. Whether a value of such a type can be so.
bool IsTimeInRange(Type type, const Datum& d);

// Preconditions: IsTimeType(type), `d` has its shape and is in range.
std::string TimeDatumToText(Type type, const Datum& d, const TimeContext& context);
absl::StatusOr<Datum> TimeDatumFromText(Type type, absl::string_view text,
                                        const TimeContext& context, uint8_t* uses,
                                        int32_t typmod = -1);

// Rounds to the digits of a second that the modifier allows, and takes away an interval's fields
// that it does not have. 22008.
absl::Status ApplyTimeTypmod(Type type, int32_t typmod, Datum* d);

enum IntervalBits : int32_t {
  kIntervalMonth = 1 << 1,
  kIntervalYear = 1 << 2,
  kIntervalDay = 1 << 3,
  kIntervalHour = 1 << 10,
  kIntervalMinute = 1 << 11,
  kIntervalSecond = 1 << 12,
};
inline constexpr int32_t kIntervalFullRange = 0x7fff;
inline constexpr int32_t kFullPrecision = 0xffff;

// From the numbers in parentheses, as the grammar gives them. 22023.
absl::StatusOr<int32_t> TimeTypmodFrom(Type type, const std::vector<int32_t>& modifiers,
                                       int position);
// "(3)", " day to second(3)": what stands behind "interval"; "(3)" of the others.
std::string TimeTypmodText(Type type, int32_t typmod);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_TIME_DATUM_H_
