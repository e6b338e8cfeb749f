// SPDX-License-Identifier: Apache-2.0
#include "sql/types/time_text.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

constexpr int64_t kDayUs = 86'400'000'000;

// Days since 1970-01-01 of a date in the proleptic Gregorian calendar: years are shifted to begin
// in March, so that the leap day is the last of its year.
int64_t DaysFromCivil(int64_t y, int m, int d) {
  y -= m <= 2;
  const int64_t era = (y >= 0 ? y : y - 399) / 400;
  const int64_t year_of_era = y - era * 400;
  const int64_t day_of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

int DaysInMonth(int64_t year, int month) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

class Cursor {
 public:
  explicit Cursor(absl::string_view in) : in_(in) {}
  bool Number(size_t min_digits, size_t max_digits, int64_t* v) {
    size_t n = 0;
    *v = 0;
    while (n < max_digits && n < in_.size() && absl::ascii_isdigit(in_[n])) {
      *v = *v * 10 + (in_[n++] - '0');
    }
    in_.remove_prefix(n);
    return n >= min_digits;
  }
  bool Eat(char c) {
    if (in_.empty() || in_[0] != c) return false;
    in_.remove_prefix(1);
    return true;
  }
  // A fraction of a second in microseconds, rounded half up.
  bool Fraction(int64_t* us) {
    int64_t scale = 100'000;
    *us = 0;
    size_t n = 0;
    for (; n < in_.size() && absl::ascii_isdigit(in_[n]); ++n) {
      if (n < 6) {
        *us += (in_[n] - '0') * scale;
        scale /= 10;
      } else if (n == 6 && in_[n] >= '5') {
        ++*us;
      }
    }
    in_.remove_prefix(n);
    return n > 0;
  }
  void SkipSpace() {
    while (!in_.empty() && in_[0] == ' ') in_.remove_prefix(1);
  }
  bool AtEnd() const { return in_.empty(); }
  absl::string_view rest() const { return in_; }

 private:
  absl::string_view in_;
};

bool ParseZone(Cursor* c, int64_t* offset_us) {
  *offset_us = 0;
  c->SkipSpace();
  if (c->AtEnd() || ((c->Eat('Z') || c->Eat('z')) && c->AtEnd())) return true;
  if (absl::AsciiStrToUpper(c->rest()) == "UTC" || absl::AsciiStrToUpper(c->rest()) == "GMT") {
    return true;
  }
  int64_t sign = 1;
  if (c->Eat('-')) {
    sign = -1;
  } else if (!c->Eat('+')) {
    return false;
  }
  int64_t hours = 0, minutes = 0;
  if (!c->Number(1, 2, &hours)) return false;
  const bool colon = c->Eat(':');
  if (!c->AtEnd() && !c->Number(2, 2, &minutes)) return false;
  if (colon && c->AtEnd() && minutes == 0 && hours > 15) return false;
  *offset_us = sign * (hours * 60 + minutes) * 60'000'000;
  return c->AtEnd() && hours <= 15 && minutes < 60;
}

}  // namespace

CivilTime ToCivil(int64_t us) {
  int64_t days = us / kDayUs;
  int64_t rest = us % kDayUs;
  if (rest < 0) {
    rest += kDayUs;
    --days;
  }
  const int64_t z = days + 719468;
  const int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  const int64_t day_of_era = z - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  CivilTime c;
  c.day = static_cast<int>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
  c.month = static_cast<int>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  c.year = year_of_era + era * 400 + (c.month <= 2 ? 1 : 0);
  c.hour = static_cast<int>(rest / 3'600'000'000);
  c.minute = static_cast<int>(rest / 60'000'000 % 60);
  c.second = static_cast<int>(rest / 1'000'000 % 60);
  c.micro = static_cast<int>(rest % 1'000'000);
  return c;
}

int64_t FromCivil(const CivilTime& c) {
  return DaysFromCivil(c.year, c.month, c.day) * kDayUs + c.hour * int64_t{3'600'000'000} +
         c.minute * int64_t{60'000'000} + c.second * int64_t{1'000'000} + c.micro;
}

std::string FormatTimestamp(int64_t us) {
  const CivilTime c = ToCivil(us);
  std::string out = absl::StrFormat("%04d-%02d-%02d %02d:%02d:%02d", c.year, c.month, c.day, c.hour,
                                    c.minute, c.second);
  if (c.micro != 0) {
    std::string fraction = absl::StrFormat("%06d", c.micro);
    while (fraction.back() == '0') fraction.pop_back();
    absl::StrAppend(&out, ".", fraction);
  }
  return out + "+00";
}

std::string FormatRfc3339(int64_t us) {
  const CivilTime c = ToCivil(us);
  return absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", c.year, c.month, c.day, c.hour,
                         c.minute, c.second, c.micro);
}

absl::StatusOr<int64_t> ParseTimestamp(absl::string_view text) {
  const absl::string_view trimmed = absl::StripAsciiWhitespace(text);
  auto malformed = [&] {
    return SqlError(
        sqlstate::kDatetimeFormat,
        absl::StrCat("invalid input syntax for type timestamp with time zone: \"", text, "\""));
  };
  auto out_of_range = [&] {
    return SqlError(sqlstate::kDatetimeOverflow,
                    absl::StrCat("date/time field value out of range: \"", text, "\""));
  };
  Cursor c(trimmed);
  int64_t year, month, day, hour = 0, minute = 0, second = 0, micro = 0, offset = 0;
  if (!c.Number(4, 4, &year) || !c.Eat('-') || !c.Number(1, 2, &month) || !c.Eat('-') ||
      !c.Number(1, 2, &day)) {
    return malformed();
  }
  if (c.Eat('T') || c.Eat('t') || c.Eat(' ')) {
    c.SkipSpace();
    if (!c.Number(1, 2, &hour) || !c.Eat(':') || !c.Number(2, 2, &minute)) return malformed();
    if (c.Eat(':') && !c.Number(2, 2, &second)) return malformed();
    if (c.Eat('.') && !c.Fraction(&micro)) return malformed();
  }
  if (!ParseZone(&c, &offset)) return malformed();
  if (year < 1 || month < 1 || month > 12 || day < 1 ||
      day > DaysInMonth(year, static_cast<int>(month)) || hour > 24 || minute > 59 || second > 60) {
    return out_of_range();
  }
  const int64_t us = FromCivil(CivilTime{year, static_cast<int>(month), static_cast<int>(day),
                                         static_cast<int>(hour), static_cast<int>(minute),
                                         static_cast<int>(second), 0}) +
                     micro - offset;
  if (us < kMinTimestampUs || us > kMaxTimestampUs) return out_of_range();
  return us;
}

absl::StatusOr<int64_t> ParseDuration(absl::string_view text, int64_t default_unit_us) {
  const absl::string_view t = absl::StripAsciiWhitespace(text);
  size_t n = 0;
  while (n < t.size() && (absl::ascii_isdigit(t[n]) || t[n] == '.')) ++n;
  const std::string unit = absl::AsciiStrToLower(absl::StripAsciiWhitespace(t.substr(n)));
  double number = 0;
  double scale = -1;
  if (unit.empty()) scale = static_cast<double>(default_unit_us);
  if (unit == "us") scale = 1;
  if (unit == "ms") scale = 1e3;
  if (unit == "s" || unit == "sec" || unit == "second" || unit == "seconds") scale = 1e6;
  if (unit == "m" || unit == "min" || unit == "minute" || unit == "minutes") scale = 60e6;
  if (unit == "h" || unit == "hour" || unit == "hours") scale = 3600e6;
  if (unit == "d" || unit == "day" || unit == "days") scale = 86400e6;
  if (n == 0 || scale < 0 || !absl::SimpleAtod(t.substr(0, n), &number) || number * scale > 9e15) {
    return SqlError(sqlstate::kInvalidParameter, absl::StrCat("invalid duration \"", text, "\""),
                    -1, "Write a number and a unit, for example 5s, 100ms or 2min.");
  }
  return std::llround(number * scale);
}

}  // namespace isochron::sql
