// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_DATETIME_TEXT_H_
#define ISOCHRON_SQL_TYPES_DATETIME_TEXT_H_

// Dates, times, timestamps and intervals in words: PostgreSQL's output with DateStyle ISO and
// IntervalStyle postgres. Values as sql/types/calendar.h says. Pure.

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "sql/types/interval.h"
#include "sql/types/time_zone.h"

namespace isochron::sql {

// "2024-01-02", "0044-03-15 BC", "infinity".
std::string FormatDate(int64_t days);
// "04:05:06.5".
std::string FormatTime(int64_t us);
// "2024-01-02 04:05:06.5". `separator` is 'T' in JSON.
std::string FormatTimestamp(int64_t us, char separator = ' ');
// The same in `zone`, "2024-01-02 05:05:06.5+01". JSON and RFC 3339 write minutes always.
std::string FormatTimestamptz(int64_t us, const TimeZone& zone, char separator = ' ');
// "+01", "-03:30", "-04:56:02".
std::string FormatOffset(int offset_s, bool minutes_always = false);
// "1 year 2 mons -3 days +04:05:06.5".
std::string FormatInterval(const Interval& v);
// "P1Y2M-3DT4H5M6.5S", as the Spanner API writes them.
std::string FormatIntervalIso(const Interval& v);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_DATETIME_TEXT_H_
