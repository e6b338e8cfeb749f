// SPDX-License-Identifier: Apache-2.0
#include "sql/types/calendar.h"

namespace isochron::sql {

bool IsLeapYear(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int DaysInMonth(int64_t year, int month) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && IsLeapYear(year) ? 29 : kDays[month - 1];
}

// Years are shifted to begin in March, so that the leap day is the last of its year.
int64_t DaysFromCivil(int64_t y, int m, int d) {
  y -= m <= 2;
  const int64_t era = (y >= 0 ? y : y - 399) / 400;
  const int64_t year_of_era = y - era * 400;
  const int64_t day_of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

CivilTime CivilFromDays(int64_t days) {
  const int64_t z = days + 719468;
  const int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  const int64_t day_of_era = z - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  CivilTime c{};
  c.day = static_cast<int>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
  c.month = static_cast<int>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  c.year = year_of_era + era * 400 + (c.month <= 2 ? 1 : 0);
  return c;
}

CivilTime ToCivil(int64_t us) {
  const int64_t days = FloorDiv(us, kDayUs);
  const int64_t rest = us - days * kDayUs;
  CivilTime c = CivilFromDays(days);
  c.hour = static_cast<int>(rest / kHourUs);
  c.minute = static_cast<int>(rest / kMinuteUs % 60);
  c.second = static_cast<int>(rest / kSecondUs % 60);
  c.micro = static_cast<int>(rest % kSecondUs);
  return c;
}

int64_t FromCivil(const CivilTime& c) {
  return DaysFromCivil(c.year, c.month, c.day) * kDayUs + c.hour * kHourUs + c.minute * kMinuteUs +
         c.second * kSecondUs + c.micro;
}

int DayOfWeek(int64_t days) {
  // 1970-01-01 was a Thursday.
  const int64_t d = (days + 4) % 7;
  return static_cast<int>(d < 0 ? d + 7 : d);
}

int DayOfYear(int64_t days) {
  return static_cast<int>(days - DaysFromCivil(CivilFromDays(days).year, 1, 1) + 1);
}

int64_t DaysFromIsoWeek(int64_t year, int week) {
  // The week that holds January 4th is the first.
  const int64_t fourth = DaysFromCivil(year, 1, 4);
  return fourth - (DayOfWeek(fourth) + 6) % 7 + int64_t{7} * (week - 1);
}

IsoWeek IsoWeekOf(int64_t days) {
  // A week belongs to the year of its Thursday.
  const int64_t thursday = days - (DayOfWeek(days) + 6) % 7 + 3;
  const int64_t year = CivilFromDays(thursday).year;
  return {year, static_cast<int>((thursday - DaysFromCivil(year, 1, 1)) / 7 + 1)};
}

}  // namespace isochron::sql
