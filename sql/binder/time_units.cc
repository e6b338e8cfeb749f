// SPDX-License-Identifier: Apache-2.0
#include "sql/binder/time_units.h"

#include "absl/strings/str_cat.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

constexpr struct {
  const char* name;
  TimeUnit unit;
} kNames[] = {
    {"microseconds", TimeUnit::kMicroseconds},
    {"microsecond", TimeUnit::kMicroseconds},
    {"us", TimeUnit::kMicroseconds},
    {"usec", TimeUnit::kMicroseconds},
    {"usecs", TimeUnit::kMicroseconds},
    {"useconds", TimeUnit::kMicroseconds},
    {"milliseconds", TimeUnit::kMilliseconds},
    {"millisecond", TimeUnit::kMilliseconds},
    {"ms", TimeUnit::kMilliseconds},
    {"msec", TimeUnit::kMilliseconds},
    {"msecs", TimeUnit::kMilliseconds},
    {"second", TimeUnit::kSecond},
    {"seconds", TimeUnit::kSecond},
    {"sec", TimeUnit::kSecond},
    {"secs", TimeUnit::kSecond},
    {"s", TimeUnit::kSecond},
    {"minute", TimeUnit::kMinute},
    {"minutes", TimeUnit::kMinute},
    {"min", TimeUnit::kMinute},
    {"mins", TimeUnit::kMinute},
    {"m", TimeUnit::kMinute},
    {"hour", TimeUnit::kHour},
    {"hours", TimeUnit::kHour},
    {"hr", TimeUnit::kHour},
    {"hrs", TimeUnit::kHour},
    {"h", TimeUnit::kHour},
    {"day", TimeUnit::kDay},
    {"days", TimeUnit::kDay},
    {"d", TimeUnit::kDay},
    {"week", TimeUnit::kWeek},
    {"weeks", TimeUnit::kWeek},
    {"w", TimeUnit::kWeek},
    {"month", TimeUnit::kMonth},
    {"months", TimeUnit::kMonth},
    {"mon", TimeUnit::kMonth},
    {"mons", TimeUnit::kMonth},
    {"quarter", TimeUnit::kQuarter},
    {"qtr", TimeUnit::kQuarter},
    {"year", TimeUnit::kYear},
    {"years", TimeUnit::kYear},
    {"yr", TimeUnit::kYear},
    {"yrs", TimeUnit::kYear},
    {"y", TimeUnit::kYear},
    {"decade", TimeUnit::kDecade},
    {"decades", TimeUnit::kDecade},
    {"dec", TimeUnit::kDecade},
    {"decs", TimeUnit::kDecade},
    {"century", TimeUnit::kCentury},
    {"centuries", TimeUnit::kCentury},
    {"cent", TimeUnit::kCentury},
    {"c", TimeUnit::kCentury},
    {"millennium", TimeUnit::kMillennium},
    {"millennia", TimeUnit::kMillennium},
    {"mil", TimeUnit::kMillennium},
    {"mils", TimeUnit::kMillennium},
    {"julian", TimeUnit::kJulian},
    {"j", TimeUnit::kJulian},
    {"jd", TimeUnit::kJulian},
    {"isoyear", TimeUnit::kIsoYear},
    {"dow", TimeUnit::kDayOfWeek},
    {"isodow", TimeUnit::kIsoDayOfWeek},
    {"doy", TimeUnit::kDayOfYear},
    {"epoch", TimeUnit::kEpoch},
    {"timezone", TimeUnit::kTimezone},
    {"timezone_h", TimeUnit::kTimezoneHour},
    {"timezone_hour", TimeUnit::kTimezoneHour},
    {"timezone_m", TimeUnit::kTimezoneMinute},
    {"timezone_minute", TimeUnit::kTimezoneMinute},
};

// Astronomical years to those that people count: there is no year 0.
int64_t Named(int64_t year) { return year > 0 ? year : year - 1; }
int64_t Century(int64_t year, int64_t length) {
  return year > 0 ? (year + length - 1) / length : -((length - 1 - (year - 1)) / length);
}
int64_t Decade(int64_t year) { return year >= 0 ? year / 10 : -((8 - (year - 1)) / 10); }

}  // namespace

TimeUnit TimeUnitFromName(absl::string_view lower_case) {
  for (const auto& n : kNames) {
    if (lower_case == n.name) return n.unit;
  }
  return TimeUnit::kNone;
}

absl::Status UnitRefused(TimeUnit unit, absl::string_view name, Type type) {
  const bool known = unit != TimeUnit::kNone;
  return SqlError(known ? sqlstate::kUnsupported : sqlstate::kInvalidParameter,
                  absl::StrCat("unit \"", name, "\" not ", known ? "supported" : "recognized",
                               " for type ", TypeName(type)));
}

bool GrowsWithTime(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kYear:
    case TimeUnit::kDecade:
    case TimeUnit::kCentury:
    case TimeUnit::kMillennium:
    case TimeUnit::kJulian:
    case TimeUnit::kIsoYear:
    case TimeUnit::kEpoch:
      return true;
    default:
      return false;
  }
}

bool PartOfTime(TimeUnit unit, int64_t us, TimePart* out) {
  switch (unit) {
    case TimeUnit::kMicroseconds:
      *out = {us % kMinuteUs, 0};
      return true;
    case TimeUnit::kMilliseconds:
      *out = {us % kMinuteUs, 3};
      return true;
    case TimeUnit::kSecond:
      *out = {us % kMinuteUs, 6};
      return true;
    case TimeUnit::kMinute:
      *out = {us / kMinuteUs % 60, 0};
      return true;
    case TimeUnit::kHour:
      *out = {us / kHourUs, 0};
      return true;
    case TimeUnit::kEpoch:
      *out = {us, 6};
      return true;
    default:
      return false;
  }
}

bool PartOfDate(TimeUnit unit, int64_t days, TimePart* out) {
  const CivilTime c = CivilFromDays(days);
  switch (unit) {
    case TimeUnit::kDay:
      *out = {c.day, 0};
      return true;
    case TimeUnit::kWeek:
      *out = {IsoWeekOf(days).week, 0};
      return true;
    case TimeUnit::kMonth:
      *out = {c.month, 0};
      return true;
    case TimeUnit::kQuarter:
      *out = {(c.month - 1) / 3 + 1, 0};
      return true;
    case TimeUnit::kYear:
      *out = {Named(c.year), 0};
      return true;
    case TimeUnit::kDecade:
      *out = {Decade(c.year), 0};
      return true;
    case TimeUnit::kCentury:
      *out = {Century(c.year, 100), 0};
      return true;
    case TimeUnit::kMillennium:
      *out = {Century(c.year, 1000), 0};
      return true;
    case TimeUnit::kJulian:
      *out = {days + kUnixJulian, 0};
      return true;
    case TimeUnit::kIsoYear:
      *out = {Named(IsoWeekOf(days).year), 0};
      return true;
    case TimeUnit::kDayOfWeek:
      *out = {DayOfWeek(days), 0};
      return true;
    case TimeUnit::kIsoDayOfWeek:
      *out = {(DayOfWeek(days) + 6) % 7 + 1, 0};
      return true;
    case TimeUnit::kDayOfYear:
      *out = {DayOfYear(days), 0};
      return true;
    case TimeUnit::kEpoch:
      *out = {days * 86400, 0};
      return true;
    default:
      return false;
  }
}

bool PartOfTimestamp(TimeUnit unit, int64_t local_us, TimePart* out) {
  const int64_t days = FloorDiv(local_us, kDayUs);
  if (unit == TimeUnit::kEpoch) {
    *out = {local_us, 6};
    return true;
  }
  return PartOfTime(unit, local_us - days * kDayUs, out) || PartOfDate(unit, days, out);
}

bool PartOfInterval(TimeUnit unit, const Interval& v, TimePart* out) {
  const int64_t years = v.months / 12;
  switch (unit) {
    case TimeUnit::kDay:
      *out = {v.days, 0};
      return true;
    case TimeUnit::kMonth:
      *out = {v.months % 12, 0};
      return true;
    case TimeUnit::kQuarter:
      *out = {v.months % 12 / 3 + 1, 0};
      return true;
    case TimeUnit::kYear:
      *out = {years, 0};
      return true;
    case TimeUnit::kDecade:
      *out = {years / 10, 0};
      return true;
    case TimeUnit::kCentury:
      *out = {years / 100, 0};
      return true;
    case TimeUnit::kMillennium:
      *out = {years / 1000, 0};
      return true;
    case TimeUnit::kEpoch: {
      // A year has 365.25 days here, a month of what is left of it 30.
      const int64_t seconds = years * 31'557'600 + (int64_t{v.months % 12} * 30 + v.days) * 86400;
      int64_t us = 0;
      if (__builtin_mul_overflow(seconds, kSecondUs, &us) ||
          __builtin_add_overflow(us, v.us, &us)) {
        us = v.us > 0 ? kTimestampInfinity : kTimestampMinusInfinity;
      }
      *out = {us, 6};
      return true;
    }
    default:
      return PartOfTime(unit, v.us, out);
  }
}

bool TruncateTimestamp(TimeUnit unit, int64_t* local_us) {
  const int64_t days = FloorDiv(*local_us, kDayUs);
  const auto cut = [&](int64_t to) {
    *local_us = FloorDiv(*local_us, to) * to;
    return true;
  };
  CivilTime c = CivilFromDays(days);
  const int64_t y = c.year;
  c.day = 1;
  switch (unit) {
    case TimeUnit::kMicroseconds:
      return true;
    case TimeUnit::kMilliseconds:
      return cut(1000);
    case TimeUnit::kSecond:
      return cut(kSecondUs);
    case TimeUnit::kMinute:
      return cut(kMinuteUs);
    case TimeUnit::kHour:
      return cut(kHourUs);
    case TimeUnit::kDay:
      return cut(kDayUs);
    case TimeUnit::kWeek:
      *local_us = (days - (DayOfWeek(days) + 6) % 7) * kDayUs;
      return true;
    case TimeUnit::kMonth:
      break;
    case TimeUnit::kQuarter:
      c.month = (c.month - 1) / 3 * 3 + 1;
      break;
    case TimeUnit::kYear:
      c.month = 1;
      break;
    case TimeUnit::kDecade:
      c.month = 1;
      c.year = y > 0 ? y / 10 * 10 : -((8 - (y - 1)) / 10) * 10;
      break;
    case TimeUnit::kCentury:
      c.month = 1;
      c.year = y > 0 ? (y + 99) / 100 * 100 - 99 : -((99 - (y - 1)) / 100) * 100 + 1;
      break;
    case TimeUnit::kMillennium:
      c.month = 1;
      c.year = y > 0 ? (y + 999) / 1000 * 1000 - 999 : -((999 - (y - 1)) / 1000) * 1000 + 1;
      break;
    default:
      return false;
  }
  *local_us = FromCivil(c);
  return true;
}

bool TruncateInterval(TimeUnit unit, Interval* v) {
  const auto months = [v](int32_t to) {
    *v = Interval{v->months / to * to, 0, 0};
    return true;
  };
  const auto time = [v](int64_t to) {
    v->us = v->us / to * to;
    return true;
  };
  switch (unit) {
    case TimeUnit::kMillennium:
      return months(12000);
    case TimeUnit::kCentury:
      return months(1200);
    case TimeUnit::kDecade:
      return months(120);
    case TimeUnit::kYear:
      return months(12);
    case TimeUnit::kQuarter:
      return months(3);
    case TimeUnit::kMonth:
      return months(1);
    case TimeUnit::kDay:
      v->us = 0;
      return true;
    case TimeUnit::kHour:
      return time(kHourUs);
    case TimeUnit::kMinute:
      return time(kMinuteUs);
    case TimeUnit::kSecond:
      return time(kSecondUs);
    case TimeUnit::kMilliseconds:
      return time(1000);
    case TimeUnit::kMicroseconds:
      return true;
    default:
      return false;
  }
}

}  // namespace isochron::sql
