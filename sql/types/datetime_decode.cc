// SPDX-License-Identifier: Apache-2.0
#include "sql/types/datetime_decode.h"

#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace isochron::sql::datetime {
namespace {

#define ISO_DECODE(EXPR) \
  if (DecodeError decode_error = (EXPR); decode_error != DecodeError::kNone) return decode_error

// A whole text of digits; -1 if it is none or does not fit an int.
int64_t AllDigits(absl::string_view text) {
  int64_t v = 0;
  bool overflow = false;
  if (!EatInt(&text, &v, &overflow) || !text.empty() || overflow) return -1;
  return v;
}

int TwoDigits(absl::string_view s, size_t at) { return (s[at] - '0') * 10 + (s[at + 1] - '0'); }

}  // namespace

bool EatInt(absl::string_view* in, int64_t* v, bool* overflow) {
  size_t n = 0;
  *v = 0;
  *overflow = false;
  while (n < in->size() && absl::ascii_isdigit((*in)[n])) {
    *v = *v * 10 + ((*in)[n++] - '0');
    if (*v > std::numeric_limits<int32_t>::max()) {
      *overflow = true;
      *v = std::numeric_limits<int32_t>::max();
    }
  }
  in->remove_prefix(n);
  return n > 0;
}

bool ParseFraction(absl::string_view text, int64_t* us) {
  *us = 0;
  if (text.empty() || text[0] != '.' || text.size() > 64) return false;
  if (text.size() == 1) return true;
  if (text.substr(1).find_first_not_of("0123456789") != absl::string_view::npos) return false;
  double v = 0;
  if (!absl::SimpleAtod(absl::StrCat("0", text), &v)) return false;
  *us = std::llrint(v * 1e6);
  return true;
}

DecodeError ParseOffset(absl::string_view text, int* offset_s) {
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return DecodeError::kFormat;
  const bool west = text[0] == '-';
  absl::string_view rest = text.substr(1);
  int64_t hours = 0, minutes = 0, seconds = 0;
  bool overflow = false, more = false;
  const size_t digits = rest.size();
  if (!EatInt(&rest, &hours, &overflow)) return DecodeError::kFormat;
  if (overflow) return DecodeError::kZoneRange;
  if (!rest.empty() && rest[0] == ':') {
    rest.remove_prefix(1);
    EatInt(&rest, &minutes, &overflow);
    if (!rest.empty() && rest[0] == ':') {
      rest.remove_prefix(1);
      EatInt(&rest, &seconds, &more);
    }
  } else if (rest.empty() && digits > 2) {
    minutes = hours % 100;
    hours /= 100;
  }
  if (overflow || more || hours > 15 || minutes > 59 || seconds > 59) {
    return DecodeError::kZoneRange;
  }
  if (!rest.empty()) return DecodeError::kFormat;
  *offset_s = static_cast<int>((hours * 60 + minutes) * 60 + seconds) * (west ? -1 : 1);
  return DecodeError::kNone;
}

DecodeError Decoder::Run(std::vector<Field> fields) {
  if (fields.empty()) return DecodeError::kFormat;
  // Where a time alone is wanted, a date may stand before it.
  may_be_date_ = !time_only_ || (fields.size() > 1 && (fields[1].kind == FieldKind::kTime ||
                                                       fields.back().kind == FieldKind::kDate));
  for (const Field& field : fields) {
    ISO_DECODE(OnField(field));
    if (time_only_) may_be_date_ = false;
  }
  if (has_prefix_) return DecodeError::kFormat;
  return Finish();
}

DecodeError Decoder::OnField(const Field& field) {
  switch (field.kind) {
    case FieldKind::kDate:
      return OnDateField(field);
    case FieldKind::kTime: {
      if (has_prefix_) {
        if (!iso_time_) return DecodeError::kFormat;
        has_prefix_ = iso_time_ = false;
      }
      return TimeOfDay(field.text);
    }
    case FieldKind::kZone: {
      ISO_DECODE(ParseOffset(field.text, &offset_s_));
      return Add(kZone);
    }
    case FieldKind::kNumber:
      return OnNumberField(field);
    case FieldKind::kWord:
    case FieldKind::kSpecial:
      return OnWord(field.text);
  }
  return DecodeError::kFormat;
}

bool Decoder::NamedZone(const std::string& name) {
  named_zone_ = TimeZone::Find(name, &zone_);
  return named_zone_;
}

DecodeError Decoder::OnDateField(const Field& field) {
  const std::string& text = field.text;
  const size_t dash = text.find_first_of("+-");
  if (has_prefix_ && prefix_ == Unit::kJulian && !iso_time_) {
    // A Julian day with a zone: "j2451187-08".
    has_prefix_ = false;
    if (dash == std::string::npos) return DecodeError::kFormat;
    const int64_t day = AllDigits(absl::string_view(text).substr(0, dash));
    if (day < 0) return DecodeError::kRange;
    t_ = CivilFromDays(day - kUnixJulian);
    julian_ = true;
    ISO_DECODE(ParseOffset(absl::string_view(text).substr(dash), &offset_s_));
    return Add(kDate | kTime | kZone);
  }
  const bool have_month_day = (seen_ & (kMonth | kDay)) == (kMonth | kDay);
  // Of a time alone a date is taken only at its beginning.
  if (!has_prefix_ && !have_month_day && may_be_date_) return Date(text);
  if (!absl::ascii_isdigit(text[0]) && !has_prefix_) {
    if (!NamedZone(text)) {
      bad_zone_ = text;
      return DecodeError::kBadZone;
    }
    return Add(kZone);
  }
  // A time run together with a zone: "040506-08".
  if (has_prefix_ && !iso_time_) return DecodeError::kFormat;
  has_prefix_ = iso_time_ = false;
  if ((seen_ & kHms) == kHms) return DecodeError::kFormat;
  const size_t minus = text.find('-');
  if (minus == std::string::npos) return DecodeError::kFormat;
  ISO_DECODE(ParseOffset(absl::string_view(text).substr(minus), &offset_s_));
  ISO_DECODE(RunTogether(absl::string_view(text).substr(0, minus), true));
  return Add(kZone);
}

DecodeError Decoder::OnNumberField(const Field& field) {
  absl::string_view text = field.text;
  if (has_prefix_) return OnPrefixed(text);
  const size_t point = text.find('.');
  const bool has_point = point != absl::string_view::npos;
  const bool have_date = time_only_ || (seen_ & kDate) != 0;
  if (has_point && !have_date) return Date(text);
  if (has_point && point > 2) return RunTogether(text, (seen_ & kDate) == kDate || time_only_);
  if (text.size() >= 6 && (!have_date || (seen_ & kHms) == 0)) {
    return RunTogether(text, (seen_ & kDate) == kDate || time_only_);
  }
  return Number(text.substr(0, point), text);
}

DecodeError Decoder::OnPrefixed(absl::string_view text) {
  has_prefix_ = false;
  if (iso_time_) {
    iso_time_ = false;
    return RunTogether(text, true);
  }
  absl::string_view rest = text;
  int64_t v = 0;
  bool overflow = false;
  if (!EatInt(&rest, &v, &overflow)) return DecodeError::kFormat;
  if (overflow) return DecodeError::kRange;
  if (!rest.empty() && prefix_ != Unit::kJulian && prefix_ != Unit::kSecond) {
    return DecodeError::kFormat;
  }
  const int small = static_cast<int>(v);
  switch (prefix_) {
    case Unit::kYear:
      t_.year = v;
      return Add(kYear);
    case Unit::kMonth:
      // Behind an hour "m" is minutes.
      if ((seen_ & (kMonth | kHour)) == (kMonth | kHour)) {
        t_.minute = small;
        return Add(kMinute);
      }
      t_.month = small;
      return Add(kMonth);
    case Unit::kDay:
      t_.day = small;
      return Add(kDay);
    case Unit::kHour:
      t_.hour = small;
      return Add(kHour);
    case Unit::kMinute:
      t_.minute = small;
      return Add(kMinute);
    case Unit::kSecond: {
      t_.second = small;
      int64_t us = 0;
      if (!rest.empty() && !ParseFraction(rest, &us)) return DecodeError::kFormat;
      t_.micro = static_cast<int>(us);
      return Add(rest.empty() ? kSecond : kSecond | kFraction);
    }
    case Unit::kJulian: {
      const CivilTime clock = t_;
      t_ = CivilFromDays(v - kUnixJulian);
      t_.hour = clock.hour;
      t_.minute = clock.minute;
      t_.second = clock.second;
      t_.micro = clock.micro;
      julian_ = true;
      if (rest.empty()) return Add(kDate);
      double part = 0;
      if (!absl::SimpleAtod(absl::StrCat("0", rest), &part)) return DecodeError::kFormat;
      const CivilTime time = ToCivil(std::llrint(part * static_cast<double>(kDayUs)));
      t_.hour = time.hour;
      t_.minute = time.minute;
      t_.second = time.second;
      t_.micro = time.micro;
      return Add(kDate | kTime);
    }
    default:
      return DecodeError::kFormat;
  }
}

DecodeError Decoder::OnRelative(Word word) {
  uses_ |= kUsesNow | kUsesZone;
  const int64_t local = context_.zone.ToLocal(context_.now_us);
  if (word == Word::kNow) {
    t_ = ToCivil(local);
    offset_s_ = context_.zone.OffsetAt(context_.now_us);
    return Add(kDate | kTime | kZone);
  }
  const CivilTime clock = t_;
  t_ = CivilFromDays(FloorDiv(local, kDayUs) + (word == Word::kTomorrow    ? 1
                                                : word == Word::kYesterday ? -1
                                                                           : 0));
  t_.hour = clock.hour;
  t_.minute = clock.minute;
  t_.second = clock.second;
  t_.micro = clock.micro;
  return Add(kDate);
}

DecodeError Decoder::OnWord(const std::string& word) {
  if (const ZoneAbbreviation* zone = FindZoneAbbreviation(word); zone != nullptr) {
    if (zone->zone != nullptr) {
      if (!NamedZone(zone->zone)) return DecodeError::kFormat;
      abbreviated_ = true;
    } else {
      offset_s_ = zone->offset_minutes * 60;
    }
    return Add(kZone);
  }
  const WordMeaning meaning = DateWord(word);
  switch (meaning.word) {
    case Word::kIgnored:
      return DecodeError::kNone;
    case Word::kMonth:
      // The number before it was the day, then.
      if ((seen_ & kMonth) != 0 && !text_month_ && (seen_ & kDay) == 0 && t_.month >= 1 &&
          t_.month <= 31) {
        t_.day = t_.month;
        seen_ = (seen_ & ~uint32_t{kMonth}) | kDay;
      }
      text_month_ = true;
      t_.month = meaning.value;
      return Add(kMonth);
    case Word::kDay:
      return Add(kWeekday);
    case Word::kAmPm:
      am_pm_ = meaning.value;
      return Add(kAmPm);
    case Word::kEra:
      bc_ = meaning.value == 1;
      return Add(kEra);
    case Word::kDst:
      offset_s_ += 3600;
      return Add(kDst);
    case Word::kUnit:
      if (has_prefix_) return DecodeError::kFormat;
      has_prefix_ = true;
      prefix_ = static_cast<Unit>(meaning.value);
      return DecodeError::kNone;
    case Word::kIsoTime:
      if (has_prefix_ || (!time_only_ && (seen_ & kDate) != kDate)) return DecodeError::kFormat;
      has_prefix_ = iso_time_ = true;
      return DecodeError::kNone;
    case Word::kNow:
    case Word::kToday:
    case Word::kTomorrow:
    case Word::kYesterday:
      if (time_only_ && meaning.word != Word::kNow) return DecodeError::kFormat;
      return OnRelative(meaning.word);
    case Word::kMidnight:
      return Add(kTime | kZone);
    case Word::kEpoch:
    case Word::kInfinity:
    case Word::kMinusInfinity:
      if (time_only_) return DecodeError::kFormat;
      special_ = meaning.word;
      return Add(kSpecial);
    default:
      if (!NamedZone(word)) return DecodeError::kFormat;
      return Add(kZone);
  }
}

// Month before day, day before month, or year first; a month in letters settles it.
DecodeError Decoder::Date(absl::string_view text) {
  std::vector<absl::string_view> parts;
  for (size_t at = 0; at < text.size();) {
    while (at < text.size() && !absl::ascii_isalnum(text[at])) ++at;
    if (at == text.size()) return DecodeError::kFormat;
    const size_t from = at;
    const bool digits = absl::ascii_isdigit(text[at]);
    while (at < text.size() &&
           (digits ? absl::ascii_isdigit(text[at]) : absl::ascii_isalpha(text[at]))) {
      ++at;
    }
    parts.push_back(text.substr(from, at - from));
    if (at < text.size()) ++at;
  }
  for (absl::string_view& part : parts) {
    if (!absl::ascii_isalpha(part[0])) continue;
    const WordMeaning meaning = DateWord(part);
    if (meaning.word != Word::kIgnored) {
      if (meaning.word != Word::kMonth) return DecodeError::kFormat;
      text_month_ = true;
      t_.month = meaning.value;
      ISO_DECODE(Add(kMonth));
    }
    part = {};
  }
  for (absl::string_view part : parts) {
    if (!part.empty()) ISO_DECODE(Number(part, part));
  }
  // Nothing but a zone may stand before a date.
  return (seen_ & ~(kDayOfYear | kZone)) == kDate ? DecodeError::kNone : DecodeError::kFormat;
}

// A number by itself; `digits` are what stands before its point.
DecodeError Decoder::Number(absl::string_view digits, absl::string_view text) {
  absl::string_view rest = digits;
  int64_t v = 0;
  bool overflow = false;
  if (!EatInt(&rest, &v, &overflow)) return DecodeError::kFormat;
  if (overflow) return DecodeError::kRange;
  if (!rest.empty()) return DecodeError::kFormat;
  if (digits.size() < text.size()) {
    if (digits.size() > 2) return RunTogether(text, true);
    int64_t us = 0;
    if (!ParseFraction(text.substr(digits.size()), &us)) return DecodeError::kFormat;
    t_.micro = static_cast<int>(us);
  }
  if (time_only_ || (seen_ & kDate) == kDate) return RunTogether(text, true);
  return DateNumber(v, text.size());
}

DecodeError Decoder::DateNumber(int64_t v, size_t length) {
  const uint32_t date = seen_ & kDate;
  if (length == 3 && date == kYear && v >= 1 && v <= 366) {
    day_of_year_ = static_cast<int>(v);
    return Add(kDayOfYear | kMonth | kDay);
  }
  uint32_t part = 0;
  const bool year_first = length >= 3 || context_.order == DateOrder::kYmd;
  if (date == 0) {
    part = year_first ? kYear : context_.order == DateOrder::kDmy ? kDay : kMonth;
    if (length < 3) uses_ |= kUsesOrder;
  } else if (date == kYear) {
    part = kMonth;
  } else if (date == kMonth) {
    part = text_month_ && year_first ? kYear : kDay;
    if (text_month_ && length < 3) uses_ |= kUsesOrder;
  } else if (date == (kYear | kMonth)) {
    part = kDay;
    if (text_month_ && length >= 3 && two_digits_) {
      // The first number was the day.
      t_.day = static_cast<int>(t_.year);
      t_.year = v;
      two_digits_ = false;
      return Add(kDay);
    }
  } else if (date == kDay) {
    part = kMonth;
  } else if (date == (kMonth | kDay)) {
    part = kYear;
  } else {
    return DecodeError::kFormat;
  }
  if (part == kYear) {
    t_.year = v;
    two_digits_ = length <= 2;
  } else {
    (part == kMonth ? t_.month : t_.day) = static_cast<int>(v);
  }
  return Add(part);
}

// 20240102, 040506, 0405, 040506.7: without marks between their parts.
DecodeError Decoder::RunTogether(absl::string_view text, bool have_date) {
  const size_t point = text.find('.');
  absl::string_view digits = text.substr(0, point);
  if (digits.empty() || digits.find_first_not_of("0123456789") != absl::string_view::npos) {
    return DecodeError::kFormat;
  }
  if (point != absl::string_view::npos) {
    int64_t us = 0;
    if (!ParseFraction(text.substr(point), &us)) return DecodeError::kFormat;
    t_.micro = static_cast<int>(us);
  } else if (!have_date && (seen_ & kDate) != kDate && digits.size() >= 6) {
    const size_t n = digits.size();
    const int64_t year = AllDigits(digits.substr(0, n - 4));
    if (year < 0) return DecodeError::kRange;
    t_.year = year;
    t_.month = TwoDigits(digits, n - 4);
    t_.day = TwoDigits(digits, n - 2);
    two_digits_ = two_digits_ || n == 6;
    return Add(kDate);
  }
  if ((seen_ & kHms) == kHms || (digits.size() != 6 && digits.size() != 4)) {
    return DecodeError::kFormat;
  }
  t_.hour = TwoDigits(digits, 0);
  t_.minute = TwoDigits(digits, 2);
  t_.second = digits.size() == 6 ? TwoDigits(digits, 4) : 0;
  return Add(kTime);
}

DecodeError Decoder::TimeOfDay(absl::string_view text) {
  int64_t parts[3] = {0, 0, 0};
  int64_t us = 0;
  bool overflow = false;
  if (!EatInt(&text, &parts[0], &overflow) || text.empty() || text[0] != ':') {
    return DecodeError::kFormat;
  }
  if (overflow) return DecodeError::kRange;
  text.remove_prefix(1);
  EatInt(&text, &parts[1], &overflow);
  if (overflow) return DecodeError::kRange;
  if (!text.empty() && text[0] == '.') {
    // Minutes and seconds.
    if (!ParseFraction(text, &us)) return DecodeError::kFormat;
    parts[2] = parts[1];
    parts[1] = parts[0];
    parts[0] = 0;
  } else if (!text.empty()) {
    if (text[0] != ':') return DecodeError::kFormat;
    text.remove_prefix(1);
    EatInt(&text, &parts[2], &overflow);
    if (overflow) return DecodeError::kRange;
    if (!text.empty() && !ParseFraction(text, &us)) return DecodeError::kFormat;
  }
  if (parts[1] > 59 || parts[2] > 60 || us > kSecondUs) return DecodeError::kRange;
  t_.hour = static_cast<int>(parts[0]);
  t_.minute = static_cast<int>(parts[1]);
  t_.second = static_cast<int>(parts[2]);
  t_.micro = static_cast<int>(us);
  return !time_only_ && ClockUs() > kDayUs ? DecodeError::kRange : Add(kTime);
}

DecodeError Decoder::FinishDate() {
  if ((seen_ & kYear) != 0 && !julian_) {
    if (bc_) {
      if (t_.year <= 0) return DecodeError::kRange;
      t_.year = -(t_.year - 1);
    } else if (two_digits_) {
      if (t_.year < 70) {
        t_.year += 2000;
      } else if (t_.year < 100) {
        t_.year += 1900;
      }
    } else if (t_.year <= 0) {
      return DecodeError::kRange;
    }
  }
  if ((seen_ & kDayOfYear) != 0) {
    const CivilTime day = CivilFromDays(DaysFromCivil(t_.year, 1, 1) + day_of_year_ - 1);
    t_.year = day.year;
    t_.month = day.month;
    t_.day = day.day;
  }
  if ((seen_ & kMonth) != 0 && (t_.month < 1 || t_.month > 12)) return DecodeError::kMonthOrDay;
  if ((seen_ & kDay) != 0 && (t_.day < 1 || t_.day > 31)) return DecodeError::kMonthOrDay;
  if ((seen_ & kDate) == kDate && t_.day > DaysInMonth(t_.year, t_.month)) {
    return DecodeError::kRange;
  }
  return DecodeError::kNone;
}

DecodeError Decoder::Finish() {
  if (special_ != Word::kNone) return DecodeError::kNone;
  ISO_DECODE(FinishDate());
  if (am_pm_ >= 0 && t_.hour > 12) return DecodeError::kRange;
  if (am_pm_ == 0 && t_.hour == 12) t_.hour = 0;
  if (am_pm_ == 1 && t_.hour != 12) t_.hour += 12;
  if (t_.minute > 59 || t_.second > 60 || ClockUs() > kDayUs) return DecodeError::kRange;
  if (time_only_) {
    if ((seen_ & kHms) != kHms) return DecodeError::kFormat;
    // What the zone's offset is a date must say.
    const bool date = (seen_ & kDate) == kDate;
    return named_zone_ && !date && !abbreviated_ && !zone_.is_fixed() ? DecodeError::kFormat
                                                                      : DecodeError::kNone;
  }
  if ((seen_ & kDate) != kDate) return DecodeError::kFormat;
  if ((seen_ & kZone) == 0 || named_zone_) {
    if ((seen_ & kDst) != 0) return DecodeError::kFormat;
    ResolveZone();
  }
  return DecodeError::kNone;
}

void Decoder::ResolveZone() {
  if (!named_zone_) uses_ |= kUsesZone;
  const TimeZone& zone = named_zone_ ? zone_ : context_.zone;
  // Beyond what a timestamp holds no zone is asked; the caller refuses such a time, or needs none.
  if (t_.year < -5000 || t_.year > 294246) return;
  offset_s_ = zone.OffsetOfLocal(FromCivil(t_));
}

}  // namespace isochron::sql::datetime
