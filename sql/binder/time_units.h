// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_BINDER_TIME_UNITS_H_
#define ISOCHRON_SQL_BINDER_TIME_UNITS_H_

// The units that extract, date_part and date_trunc know, and what of a time they are. Pure.

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "sql/types/calendar.h"
#include "sql/types/datum.h"
#include "sql/types/interval.h"

namespace isochron::sql {

enum class TimeUnit : uint8_t {
  kMicroseconds,
  kMilliseconds,
  kSecond,
  kMinute,
  kHour,
  kDay,
  kWeek,
  kMonth,
  kQuarter,
  kYear,
  kDecade,
  kCentury,
  kMillennium,
  kJulian,
  kIsoYear,
  kDayOfWeek,
  kIsoDayOfWeek,
  kDayOfYear,
  kEpoch,
  kTimezone,
  kTimezoneHour,
  kTimezoneMinute,
  kNone,
};

// kNone if it is no unit.
TimeUnit TimeUnitFromName(absl::string_view lower_case);
// 22023 for kNone, 0A000 for a unit that values of `type` do not have.
absl::Status UnitRefused(TimeUnit unit, absl::string_view name, Type type);

// A number with `scale` digits behind its point.
struct TimePart {
  int64_t mantissa = 0;
  int scale = 0;
};
// Whether the unit exists, for a date and a time of day, `offset_s` east of UTC.
bool PartOfTimestamp(TimeUnit unit, int64_t local_us, TimePart* out);
bool PartOfDate(TimeUnit unit, int64_t days, TimePart* out);
bool PartOfTime(TimeUnit unit, int64_t us, TimePart* out);
bool PartOfInterval(TimeUnit unit, const Interval& v, TimePart* out);
// Whether it grows with time, so that an endless time has it: the others are then NULL.
bool GrowsWithTime(TimeUnit unit);

// False if it cannot be cut to that.
bool TruncateTimestamp(TimeUnit unit, int64_t* local_us);
bool TruncateInterval(TimeUnit unit, Interval* v);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_BINDER_TIME_UNITS_H_
