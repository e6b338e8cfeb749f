// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_DATETIME_PARSE_H_
#define ISOCHRON_SQL_TYPES_DATETIME_PARSE_H_

// Dates, times, timestamps and intervals from text, in every form that PostgreSQL takes.
//
// The same text may mean different times: the session's zone, the order of day and month that it
// asked for, and the current time ("today") come in by TimeContext. The parsers say what of it they
// used, so that whoever keeps a parsed value knows whether it may be kept. Values as
// sql/types/calendar.h says. 22007 for a malformed text, 22008 for one out of range, 22009 for a
// zone's offset, 22015 for an interval. Pure, but for the first look at a named zone.

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sql/types/calendar.h"
#include "sql/types/interval.h"
#include "sql/types/time_zone.h"

namespace isochron::sql {

enum class DateOrder : uint8_t { kMdy, kDmy, kYmd };

struct TimeContext {
  TimeZone zone;
  DateOrder order = DateOrder::kMdy;
  int64_t now_us = 0;  // of the transaction
};
// UTC, month before day, now is the epoch.
const TimeContext& PlainTimeContext();

inline constexpr uint8_t kUsesZone = 1;
inline constexpr uint8_t kUsesNow = 2;
inline constexpr uint8_t kUsesOrder = 4;

// `uses` may be null; bits are added to it, also where an error is the answer.
absl::StatusOr<int64_t> ParseDate(absl::string_view text, const TimeContext& context,
                                  uint8_t* uses = nullptr);
absl::StatusOr<int64_t> ParseTime(absl::string_view text, const TimeContext& context,
                                  uint8_t* uses = nullptr);
// A zone in the text is read and has no effect.
absl::StatusOr<int64_t> ParseTimestamp(absl::string_view text, const TimeContext& context,
                                       uint8_t* uses = nullptr);
absl::StatusOr<int64_t> ParseTimestamptz(absl::string_view text, const TimeContext& context,
                                         uint8_t* uses = nullptr);

// What the rightmost number without a unit counts.
enum class IntervalField : uint8_t { kYear, kMonth, kDay, kHour, kMinute, kSecond };
absl::StatusOr<Interval> ParseInterval(absl::string_view text,
                                       IntervalField rightmost = IntervalField::kSecond,
                                       bool minute_to_second = false);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_DATETIME_PARSE_H_
