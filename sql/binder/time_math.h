// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_BINDER_TIME_MATH_H_
#define ISOCHRON_SQL_BINDER_TIME_MATH_H_

// Sums with dates, timestamps and intervals that several functions and casts share. Values as
// sql/types/calendar.h says; endless ones stay endless. 22008 out of range. Pure.

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "sql/types/datetime_parse.h"
#include "sql/types/datum.h"
#include "sql/types/interval.h"
#include "sql/types/time_zone.h"

namespace isochron::sql {

absl::Status TimestampOutOfRange();

// Local time and points in time.
absl::Status ToLocal(const TimeZone& zone, int64_t utc_us, Datum* out);
absl::Status ToUtc(const TimeZone& zone, int64_t local_us, Datum* out);

int64_t DateOfTimestamp(int64_t us);
absl::Status TimestampOfDate(int64_t days, Datum* out);

// timestamptz + interval: months and days as the zone's clocks show them.
absl::Status AddToTimestamptz(const TimeZone& zone, int64_t us, const Interval& v, Datum* out);
// a - b of timestamps: days and time. 22008 where one is endless.
absl::Status SubtractTimestamps(int64_t a, int64_t b, Datum* out);
// Years, months, days and time from `b` to `a`, both local.
absl::Status Age(int64_t a, int64_t b, Datum* out);

// A zone that a text names: a name of tzdata, an abbreviation (which stands for a fixed offset, or
// for a zone), hours. 22023.
absl::Status ZoneFromText(absl::string_view text, TimeZone* out);
// 22023 if it has months or days.
absl::Status ZoneFromInterval(const Interval& v, TimeZone* out);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_BINDER_TIME_MATH_H_
