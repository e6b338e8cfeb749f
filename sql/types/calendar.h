// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_CALENDAR_H_
#define ISOCHRON_SQL_TYPES_CALENDAR_H_

// The proleptic Gregorian calendar, and how SQL's times are held.
//
//   date         days since 1970-01-01
//   time         microseconds since midnight, 0 to 24:00:00 inclusive
//   timestamp    microseconds since 1970-01-01 00:00:00, of no zone
//   timestamptz  microseconds since 1970-01-01 00:00:00 UTC
//
// The least and the greatest number of a date or a timestamp stand for -infinity and infinity.
// Years count as astronomers do inside: 0 is 1 BC. Timestamps reach from 4714-11-24 BC to the end
// of 294246 (PostgreSQL, counting from 2000, has 30 years more at that end); dates from there to
// 5874897-12-31. Pure.

#include <cstdint>
#include <limits>

namespace isochron::sql {

inline constexpr int64_t kSecondUs = 1'000'000;
inline constexpr int64_t kMinuteUs = 60 * kSecondUs;
inline constexpr int64_t kHourUs = 60 * kMinuteUs;
inline constexpr int64_t kDayUs = 24 * kHourUs;

inline constexpr int64_t kTimestampInfinity = std::numeric_limits<int64_t>::max();
inline constexpr int64_t kTimestampMinusInfinity = std::numeric_limits<int64_t>::min();
inline constexpr int64_t kDateInfinity = std::numeric_limits<int32_t>::max();
inline constexpr int64_t kDateMinusInfinity = std::numeric_limits<int32_t>::min();

// Days from Julian day 0, 4714-11-24 BC, to 1970-01-01, and to 2000-01-01 from there.
inline constexpr int64_t kUnixJulian = 2440588;
inline constexpr int64_t kPostgresEpochDays = 10957;
inline constexpr int64_t kPostgresEpochUs = kPostgresEpochDays * kDayUs;

inline constexpr int64_t kMinDate = -kUnixJulian;
inline constexpr int64_t kMaxDate = 2145042905;  // 5874897-12-31
inline constexpr int64_t kLeastTimestamp = -kUnixJulian * kDayUs;
inline constexpr int64_t kEndTimestamp = 9223371244800000000;  // 294247-01-01, the first too great

inline bool IsInfiniteTimestamp(int64_t us) {
  return us == kTimestampInfinity || us == kTimestampMinusInfinity;
}
inline bool IsInfiniteDate(int64_t days) {
  return days == kDateInfinity || days == kDateMinusInfinity;
}
inline bool IsFiniteTimestampInRange(int64_t us) {
  return us >= kLeastTimestamp && us < kEndTimestamp;
}

struct CivilTime {
  int64_t year;
  int month, day, hour, minute, second, micro;
};

// Rounded down.
inline int64_t FloorDiv(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

bool IsLeapYear(int64_t year);
// `month` from 1 to 12.
int DaysInMonth(int64_t year, int month);
// Days since 1970-01-01; any month and day of the ranges of int.
int64_t DaysFromCivil(int64_t year, int month, int day);
// Time of day zero.
CivilTime CivilFromDays(int64_t days);
CivilTime ToCivil(int64_t us);
// Without a check for overflow: for years that fit.
int64_t FromCivil(const CivilTime& c);

// 0 is Sunday.
int DayOfWeek(int64_t days);
// 1 to 366.
int DayOfYear(int64_t days);
// The week of ISO 8601 that a day lies in: its year (astronomical) and number, 1 to 53.
struct IsoWeek {
  int64_t year;
  int week;
};
IsoWeek IsoWeekOf(int64_t days);
// The Monday that begins an ISO year's week.
int64_t DaysFromIsoWeek(int64_t year, int week);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_CALENDAR_H_
