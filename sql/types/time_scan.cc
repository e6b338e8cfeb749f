// SPDX-License-Identifier: Apache-2.0
//
// The reading half of templates: to_date and to_timestamp.
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/types/error.h"
#include "sql/types/time_format.h"

namespace isochron::sql {
namespace {

using time_format::Node;
using time_format::Pattern;

constexpr const char* kMonths[] = {"january",   "february", "march",    "april",
                                   "may",       "june",     "july",     "august",
                                   "september", "october",  "november", "december"};
constexpr const char* kDays[] = {"sunday",   "monday", "tuesday", "wednesday",
                                 "thursday", "friday", "saturday"};
constexpr const char* kRoman[] = {"viii", "vii", "iii", "xii", "vi", "iv",
                                  "ix",   "xi",  "ii",  "v",   "x",  "i"};
constexpr int kRomanMonth[] = {8, 7, 3, 12, 6, 4, 9, 11, 2, 5, 10, 1};

absl::Status BadFormat(std::string message, absl::string_view hint = "") {
  return SqlError(sqlstate::kDatetimeFormat, message, -1, hint);
}

// What the fields gave.
struct Parts {
  std::optional<int64_t> year, month, day, day_of_year, hour, minute, second, ms, us, seconds,
      julian, week, week_of_month, weekday, iso_year, iso_week, iso_weekday, iso_day, century,
      zone_hour, zone_minute;
  int year_digits = 0;
  int zone_sign = 1;
  bool twelve = false;
  std::optional<bool> pm, bc;
};

// Years of one to three digits are those nearest to 2020.
int64_t Nearest2020(int64_t year) {
  if (year < 70) return year + 2000;
  if (year < 100) return year + 1900;
  if (year < 520) return year + 2000;
  return year < 1000 ? year + 1000 : year;
}

class Scanner {
 public:
  Scanner(absl::string_view input, std::vector<Node> nodes)
      : in_(input), nodes_(std::move(nodes)) {}

  absl::Status Run(Parts* out) {
    bool fx = false;
    int extra = 0;  // blanks skipped beyond those of the template
    for (size_t i = 0; i < nodes_.size() && !in_.empty(); ++i) {
      const Node& n = nodes_[i];
      if (!fx && (n.kind == Node::Kind::kField || i == 0)) extra += SkipSpace();
      if (n.kind == Node::Kind::kSpace || n.kind == Node::Kind::kSeparator) {
        if (fx) {
          TakeCharacter();
        } else {
          --extra;
          if (!in_.empty() && (absl::ascii_isspace(in_[0]) || absl::ascii_ispunct(in_[0]))) {
            in_.remove_prefix(1);
            ++extra;
          }
        }
        continue;
      }
      if (n.kind == Node::Kind::kText) {
        if (!fx && extra > 0) {
          --extra;
        } else {
          TakeCharacter();
        }
        continue;
      }
      if (n.pattern == Pattern::kFx) {
        fx = true;
        continue;
      }
      fx_ = fx;
      ISO_RETURN_IF_ERROR(Field(i, out));
      if (!fx) extra = SkipSpace();
    }
    return absl::OkStatus();
  }

 private:
  int SkipSpace() {
    int n = 0;
    while (!in_.empty() && absl::ascii_isspace(in_[0])) {
      in_.remove_prefix(1);
      ++n;
    }
    return n;
  }
  void TakeCharacter() {
    if (in_.empty()) return;
    in_.remove_prefix(1);
    while (!in_.empty() && (static_cast<unsigned char>(in_[0]) & 0xC0) == 0x80) {
      in_.remove_prefix(1);
    }
  }

  // What follows cannot be part of a number: the number may have any length.
  bool NumberEndsBy(size_t i) const {
    if (nodes_[i].ordinal != 0) return true;
    if (i + 1 == nodes_.size()) return true;
    const Node& next = nodes_[i + 1];
    if (next.kind == Node::Kind::kField) return !next.is_digit;
    return !(next.text.size() == 1 && absl::ascii_isdigit(next.text[0]));
  }

  absl::Status Number(size_t i, size_t length, std::optional<int64_t>* to, size_t* used = nullptr) {
    const Node& n = nodes_[i];
    SkipSpace();
    const bool any_length = n.fill || NumberEndsBy(i);
    const absl::string_view copy = in_.substr(0, length);
    if (!any_length && copy.size() < length) {
      return BadFormat(
          absl::StrCat("source string too short for \"", n.text, "\" formatting field"),
          "If your source string is not fixed-width, try using the \"FM\" modifier.");
    }
    const absl::string_view from = any_length ? in_ : copy;
    size_t at = 0;
    bool negative = false;
    if (at < from.size() && (from[at] == '-' || from[at] == '+')) negative = from[at++] == '-';
    const size_t first = at;
    int64_t v = 0;
    bool overflow = false;
    while (at < from.size() && absl::ascii_isdigit(from[at])) {
      v = v * 10 + (from[at++] - '0');
      overflow = overflow || v > std::numeric_limits<int32_t>::max();
      if (overflow) v = std::numeric_limits<int32_t>::max();
    }
    if (at == first || (!any_length && at < length)) {
      return BadFormat(absl::StrCat("invalid value \"", copy, "\" for \"", n.text, "\""));
    }
    if (overflow) {
      return SqlError(sqlstate::kDatetimeOverflow,
                      absl::StrCat("value for \"", n.text, "\" in source string is out of range"));
    }
    in_.remove_prefix(at);
    if (used != nullptr) *used = at;
    if (n.ordinal != 0) in_.remove_prefix(std::min<size_t>(2, in_.size()));
    return Set(n, negative ? -v : v, to);
  }

  static absl::Status Set(const Node& n, int64_t v, std::optional<int64_t>* to) {
    if (to->has_value() && **to != v) {
      return BadFormat(
          absl::StrCat("conflicting values for \"", n.text, "\" field in formatting string"));
    }
    *to = v;
    return absl::OkStatus();
  }

  // A name; the first `letters` of it, or all for 0.
  template <size_t kCount>
  absl::Status Name(const Node& n, const char* const (&names)[kCount], size_t letters,
                    int64_t* index) {
    for (size_t i = 0; i < kCount; ++i) {
      const absl::string_view name = letters == 0 ? absl::string_view(names[i])
                                                  : absl::string_view(names[i]).substr(0, letters);
      if (!absl::StartsWithIgnoreCase(in_, name)) continue;
      in_.remove_prefix(name.size());
      *index = static_cast<int64_t>(i);
      return absl::OkStatus();
    }
    size_t word = 0;
    while (word < in_.size() && !absl::ascii_isspace(in_[word])) ++word;
    return BadFormat(
        absl::StrCat("invalid value \"", in_.substr(0, word), "\" for \"", n.text, "\""));
  }

  absl::Status Fraction(size_t i, int digits, std::optional<int64_t>* to) {
    size_t used = 0;
    ISO_RETURN_IF_ERROR(Number(i, static_cast<size_t>(digits), to, &used));
    // Digits behind a point: "5" is half a second.
    for (size_t d = used; d < static_cast<size_t>(digits); ++d) **to *= 10;
    return absl::OkStatus();
  }

  absl::Status PartialYear(size_t i, size_t length, std::optional<int64_t>* to, Parts* out) {
    size_t used = 0;
    std::optional<int64_t> v;
    ISO_RETURN_IF_ERROR(Number(i, length, &v, &used));
    if (used < 4) *v = Nearest2020(*v);
    out->year_digits = static_cast<int>(length);
    return Set(nodes_[i], *v, to);
  }

  absl::Status Field(size_t i, Parts* out);
  absl::Status Rest(size_t i, Parts* out);

  absl::string_view in_;
  const std::vector<Node> nodes_;
  bool fx_ = false;
};

absl::Status Scanner::Field(size_t i, Parts* out) {
  const Node& n = nodes_[i];
  int64_t index = 0;
  switch (n.pattern) {
    case Pattern::kAm:
    case Pattern::kAmDots: {
      static constexpr const char* kPlain[] = {"am", "pm"};
      static constexpr const char* kDots[] = {"a.m.", "p.m."};
      ISO_RETURN_IF_ERROR(n.pattern == Pattern::kAm ? Name(n, kPlain, 0, &index)
                                                    : Name(n, kDots, 0, &index));
      out->pm = index == 1;
      out->twelve = true;
      return absl::OkStatus();
    }
    case Pattern::kBc:
    case Pattern::kBcDots: {
      static constexpr const char* kPlain[] = {"ad", "bc"};
      static constexpr const char* kDots[] = {"a.d.", "b.c."};
      ISO_RETURN_IF_ERROR(n.pattern == Pattern::kBc ? Name(n, kPlain, 0, &index)
                                                    : Name(n, kDots, 0, &index));
      out->bc = index == 1;
      return absl::OkStatus();
    }
    case Pattern::kHh12:
      out->twelve = true;
      return Number(i, 2, &out->hour);
    case Pattern::kHh24:
      return Number(i, 2, &out->hour);
    case Pattern::kMi:
      return Number(i, 2, &out->minute);
    case Pattern::kSs:
      return Number(i, 2, &out->second);
    case Pattern::kMs:
      return Fraction(i, 3, &out->ms);
    case Pattern::kUs:
      return Fraction(i, 6, &out->us);
    case Pattern::kFf: {
      ISO_RETURN_IF_ERROR(Fraction(i, n.digits, &out->us));
      for (int d = n.digits; d < 6; ++d) *out->us *= 10;
      return absl::OkStatus();
    }
    case Pattern::kSssss:
      return Number(i, 5, &out->seconds);
    case Pattern::kMonth:
      ISO_RETURN_IF_ERROR(Name(n, kMonths, 0, &index));
      return Set(n, index + 1, &out->month);
    case Pattern::kMon:
      ISO_RETURN_IF_ERROR(Name(n, kMonths, 3, &index));
      return Set(n, index + 1, &out->month);
    case Pattern::kMm:
      return Number(i, 2, &out->month);
    case Pattern::kRm:
      ISO_RETURN_IF_ERROR(Name(n, kRoman, 0, &index));
      return Set(n, kRomanMonth[index], &out->month);
    case Pattern::kDay:
      ISO_RETURN_IF_ERROR(Name(n, kDays, 0, &index));
      return Set(n, index, &out->weekday);
    case Pattern::kDy:
      ISO_RETURN_IF_ERROR(Name(n, kDays, 3, &index));
      return Set(n, index, &out->weekday);
    default:
      return Rest(i, out);
  }
}

absl::Status Scanner::Rest(size_t i, Parts* out) {
  const Node& n = nodes_[i];
  switch (n.pattern) {
    case Pattern::kTz:
    case Pattern::kOf:
      return SqlError(sqlstate::kUnsupported, absl::StrCat("formatting field \"", n.text,
                                                           "\" is only supported in to_char"));
    case Pattern::kTzh:
      // "+2", "-08"; a sign is expected, a blank stands for plus.
      if (!in_.empty() && (in_[0] == '+' || in_[0] == '-' || in_[0] == ' ')) {
        out->zone_sign = in_[0] == '-' ? -1 : 1;
        in_.remove_prefix(1);
      }
      return Number(i, 2, &out->zone_hour);
    case Pattern::kTzm:
      if (!out->zone_hour.has_value()) out->zone_hour = 0;
      return Number(i, 2, &out->zone_minute);
    case Pattern::kDdd:
      return Number(i, 3, &out->day_of_year);
    case Pattern::kIddd:
      return Number(i, 3, &out->iso_day);
    case Pattern::kDd:
      return Number(i, 2, &out->day);
    case Pattern::kD:
      ISO_RETURN_IF_ERROR(Number(i, 1, &out->weekday));
      return absl::OkStatus();
    case Pattern::kId:
      return Number(i, 1, &out->iso_weekday);
    case Pattern::kWw:
      return Number(i, 2, &out->week);
    case Pattern::kIw:
      return Number(i, 2, &out->iso_week);
    case Pattern::kW:
      return Number(i, 1, &out->week_of_month);
    case Pattern::kQ: {
      // Read and left out of account, as in PostgreSQL.
      std::optional<int64_t> quarter;
      return Number(i, 1, &quarter);
    }
    case Pattern::kCc:
      return Number(i, 2, &out->century);
    case Pattern::kJ:
      return Number(i, 10, &out->julian);
    case Pattern::kYComma: {
      std::optional<int64_t> thousands, rest;
      ISO_RETURN_IF_ERROR(Number(i, 20, &thousands));
      if (in_.empty() || in_[0] != ',') {
        return BadFormat(absl::StrCat("invalid input string for \"", n.text, "\""));
      }
      in_.remove_prefix(1);
      ISO_RETURN_IF_ERROR(Number(i, 3, &rest));
      out->year_digits = 4;
      return Set(n, *thousands * 1000 + *rest, &out->year);
    }
    case Pattern::kYyyy:
      out->year_digits = 4;
      return Number(i, 4, &out->year);
    case Pattern::kYyy:
      return PartialYear(i, 3, &out->year, out);
    case Pattern::kYy:
      return PartialYear(i, 2, &out->year, out);
    case Pattern::kY:
      return PartialYear(i, 1, &out->year, out);
    case Pattern::kIyyy:
      return Number(i, 4, &out->iso_year);
    case Pattern::kIyy:
      return PartialYear(i, 3, &out->iso_year, out);
    case Pattern::kIy:
      return PartialYear(i, 2, &out->iso_year, out);
    case Pattern::kI:
      return PartialYear(i, 1, &out->iso_year, out);
    default:
      return absl::OkStatus();
  }
}

absl::Status FieldOutOfRange(absl::string_view input) {
  return SqlError(sqlstate::kDatetimeOverflow,
                  absl::StrCat("date/time field value out of range: \"", input, "\""));
}

absl::Status ClockOf(const Parts& p, absl::string_view input, CivilTime* c) {
  int64_t hour = p.hour.value_or(0), minute = p.minute.value_or(0), second = p.second.value_or(0);
  if (p.seconds.has_value()) {
    hour = *p.seconds / 3600;
    minute = *p.seconds % 3600 / 60;
    second = *p.seconds % 60;
  }
  if (p.twelve) {
    if (hour < 1 || hour > 12) {
      return BadFormat(absl::StrCat("hour \"", hour, "\" is invalid for the 12-hour clock"),
                       "Use the 24-hour clock, or give an hour between 1 and 12.");
    }
    if (p.pm.value_or(false) && hour < 12) hour += 12;
    if (!p.pm.value_or(false) && hour == 12) hour = 0;
  }
  const int64_t us = p.ms.value_or(0) * 1000 + p.us.value_or(0);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 || us < 0 ||
      us >= kSecondUs) {
    return FieldOutOfRange(input);
  }
  c->hour = static_cast<int>(hour);
  c->minute = static_cast<int>(minute);
  c->second = static_cast<int>(second);
  c->micro = static_cast<int>(us);
  return absl::OkStatus();
}

int64_t YearOf(const Parts& p) {
  const bool bc = p.bc.value_or(false);
  if (!p.year.has_value()) {
    if (!p.century.has_value()) return bc ? 1 : 0;
    const int64_t century = bc ? -*p.century : *p.century;
    return century >= 0 ? (century - 1) * 100 + 1 : century * 100 + 1;
  }
  int64_t year = *p.year;
  if (p.century.has_value() && p.year_digits <= 2) {
    const int64_t century = bc ? -*p.century : *p.century;
    year %= 100;
    if (year == 0) return century >= 0 ? century * 100 : (century + 1) * 100 - 1;
    return century >= 0 ? year + (century - 1) * 100 : year + century * 100 + 1;
  }
  if (bc) year = -year;
  // Negative years are those before Christ.
  return year < 0 ? year + 1 : year;
}

absl::Status DateOf(const Parts& p, absl::string_view input, CivilTime* c) {
  const bool iso = p.iso_year.has_value() || p.iso_week.has_value() || p.iso_day.has_value() ||
                   p.iso_weekday.has_value();
  const bool plain =
      p.year.has_value() || p.month.has_value() || p.day.has_value() || p.day_of_year.has_value();
  if (iso && plain) {
    return BadFormat(
        "invalid combination of date conventions",
        "Do not mix Gregorian and ISO week date conventions in a formatting template.");
  }
  std::optional<int64_t> days;
  if (p.julian.has_value()) days = *p.julian - kUnixJulian;
  if (iso && !days.has_value()) {
    const int64_t year = p.iso_year.value_or(0);
    const int64_t begin = DaysFromIsoWeek(year, static_cast<int>(p.iso_week.value_or(1)));
    days = p.iso_day.has_value() ? DaysFromIsoWeek(year, 1) + *p.iso_day - 1
                                 : begin + p.iso_weekday.value_or(1) - 1;
  }
  const int64_t year = YearOf(p);
  if (year < -4714 || year > 5874897) return FieldOutOfRange(input);
  if (!days.has_value() && p.week.has_value() && !p.day_of_year.has_value()) {
    if (*p.week < 1 || *p.week > 53) return FieldOutOfRange(input);
    days = DaysFromCivil(year, 1, 1) + (*p.week - 1) * 7;
  }
  if (!days.has_value() && p.day_of_year.has_value() && !p.day.has_value()) {
    if (!p.year.has_value() && !p.bc.has_value()) {
      return BadFormat("cannot calculate day of year without year information");
    }
    if (*p.day_of_year < 1 || *p.day_of_year > (IsLeapYear(year) ? 366 : 365)) {
      return FieldOutOfRange(input);
    }
    days = DaysFromCivil(year, 1, 1) + *p.day_of_year - 1;
  }
  if (days.has_value()) {
    if (*days < kMinDate || *days > kMaxDate) return FieldOutOfRange(input);
    *c = CivilFromDays(*days);
    return absl::OkStatus();
  }
  const int64_t month = p.month.value_or(1);
  int64_t day = p.day.value_or(1);
  if (p.week_of_month.has_value() && !p.day.has_value()) day = (*p.week_of_month - 1) * 7 + 1;
  if (month < 1 || month > 12 || day < 1 || day > DaysInMonth(year, static_cast<int>(month))) {
    return FieldOutOfRange(input);
  }
  c->year = year;
  c->month = static_cast<int>(month);
  c->day = static_cast<int>(day);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ScannedTime> ScanWithTemplate(absl::string_view input, absl::string_view text) {
  Parts parts;
  ISO_RETURN_IF_ERROR(Scanner(input, time_format::ParseTemplate(text)).Run(&parts));
  ScannedTime out;
  ISO_RETURN_IF_ERROR(DateOf(parts, input, &out.c));
  ISO_RETURN_IF_ERROR(ClockOf(parts, input, &out.c));
  if (parts.zone_hour.has_value()) {
    const int64_t hour = *parts.zone_hour, minute = parts.zone_minute.value_or(0);
    if (hour < 0 || hour > 15 || minute < 0 || minute > 59) return FieldOutOfRange(input);
    out.has_zone = true;
    out.offset_s = parts.zone_sign * static_cast<int>(hour * 3600 + minute * 60);
  }
  return out;
}

}  // namespace isochron::sql
