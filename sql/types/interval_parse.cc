// SPDX-License-Identifier: Apache-2.0
//
// Intervals from text: PostgreSQL's own form ("1 year 2 mons -3 days 04:05:06", "@ 1 hour ago"),
// SQL's ("1-2 3 4:05:06") and ISO 8601's ("P1Y2M3DT4H5M6S", "P0001-02-03T04:05:06").
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "sql/types/datetime_decode.h"
#include "sql/types/datetime_parse.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

using datetime::DecodeError;
using datetime::Field;
using datetime::FieldKind;
using datetime::Unit;
using datetime::Word;
using datetime::WordMeaning;

#define ISO_DECODE(EXPR) \
  if (DecodeError decode_error = (EXPR); decode_error != DecodeError::kNone) return decode_error

struct Number {
  int64_t whole = 0;
  double fraction = 0;  // with the sign
  bool negative = false;
};

// Adds fields up, each fraction going down to smaller units.
class Sum {
 public:
  DecodeError Add(Unit unit, const Number& n) {
    switch (unit) {
      case Unit::kMicrosecond:
        return Micros(n, 1);
      case Unit::kMillisecond:
        return Micros(n, 1000);
      case Unit::kSecond:
        return Micros(n, kSecondUs);
      case Unit::kMinute:
        return Micros(n, kMinuteUs);
      case Unit::kHour:
        return Micros(n, kHourUs);
      case Unit::kDay:
        ISO_DECODE(Days(n.whole, 1));
        return FractionMicros(n.fraction, kDayUs);
      case Unit::kWeek:
        ISO_DECODE(Days(n.whole, 7));
        return FractionDays(n.fraction, 7);
      case Unit::kMonth:
        ISO_DECODE(Months(n.whole, 1));
        return FractionDays(n.fraction, 30);
      case Unit::kYear:
        return Years(n, 1);
      case Unit::kDecade:
        return Years(n, 10);
      case Unit::kCentury:
        return Years(n, 100);
      case Unit::kMillennium:
        return Years(n, 1000);
      default:
        return DecodeError::kFormat;
    }
  }

  // A time of day takes the place of what fractions behind it gave, as in PostgreSQL.
  void SetTime(int64_t us) { us_ = us; }

  DecodeError AddTime(int64_t us) {
    return __builtin_add_overflow(us_, us, &us_) ? DecodeError::kRange : DecodeError::kNone;
  }

  DecodeError Negate() {
    const bool overflow = __builtin_sub_overflow(0, years_, &years_) ||
                          __builtin_sub_overflow(0, months_, &months_) ||
                          __builtin_sub_overflow(0, days_, &days_) ||
                          __builtin_sub_overflow(int64_t{0}, us_, &us_);
    return overflow ? DecodeError::kRange : DecodeError::kNone;
  }

  // False if it does not fit.
  bool Finish(Interval* out) const {
    const int64_t months = int64_t{years_} * 12 + months_;
    if (months != static_cast<int32_t>(months)) return false;
    *out = Interval{static_cast<int32_t>(months), days_, us_};
    return true;
  }

 private:
  DecodeError Micros(const Number& n, int64_t scale) {
    int64_t us = 0;
    if (__builtin_mul_overflow(n.whole, scale, &us)) return DecodeError::kRange;
    ISO_DECODE(AddTime(us));
    return FractionMicros(n.fraction, scale);
  }
  DecodeError FractionMicros(double fraction, int64_t scale) {
    double scaled = fraction * static_cast<double>(scale);
    int64_t us = static_cast<int64_t>(scaled);
    scaled -= static_cast<double>(us);
    us += scaled > 0.5 ? 1 : scaled < -0.5 ? -1 : 0;
    return AddTime(us);
  }
  static DecodeError Into(int64_t v, int32_t scale, int32_t* sum) {
    int32_t scaled = 0;
    if (v != static_cast<int32_t>(v) ||
        __builtin_mul_overflow(static_cast<int32_t>(v), scale, &scaled) ||
        __builtin_add_overflow(*sum, scaled, sum)) {
      return DecodeError::kRange;
    }
    return DecodeError::kNone;
  }
  DecodeError Days(int64_t v, int32_t scale) { return Into(v, scale, &days_); }
  DecodeError Months(int64_t v, int32_t scale) { return Into(v, scale, &months_); }
  DecodeError FractionDays(double fraction, int scale) {
    const double scaled = fraction * scale;
    const int whole = static_cast<int>(scaled);
    ISO_DECODE(Days(whole, 1));
    return FractionMicros(scaled - whole, kDayUs);
  }
  DecodeError Years(const Number& n, int32_t scale) {
    ISO_DECODE(Into(n.whole, scale, &years_));
    return Months(static_cast<int64_t>(std::rint(n.fraction * scale * 12)), 1);
  }

  int32_t years_ = 0;
  int32_t months_ = 0;
  int32_t days_ = 0;
  int64_t us_ = 0;
};

// "12", "-3.5"; what follows stays in *in.
DecodeError ReadNumber(absl::string_view* in, Number* n) {
  *n = {};
  bool sign = false;
  if (!in->empty() && ((*in)[0] == '-' || (*in)[0] == '+')) {
    n->negative = (*in)[0] == '-';
    sign = true;
    in->remove_prefix(1);
  }
  size_t digits = 0;
  while (digits < in->size() && absl::ascii_isdigit((*in)[digits])) {
    const int64_t digit = (*in)[digits++] - '0';
    if (__builtin_mul_overflow(n->whole, 10, &n->whole) ||
        __builtin_add_overflow(n->whole, n->negative ? -digit : digit, &n->whole)) {
      return DecodeError::kRange;
    }
  }
  in->remove_prefix(digits);
  if (in->empty() || (*in)[0] != '.') {
    return digits == 0 && sign ? DecodeError::kFormat : DecodeError::kNone;
  }
  size_t end = 1;
  while (end < in->size() && absl::ascii_isdigit((*in)[end])) ++end;
  if (end > 1 && !absl::SimpleAtod(absl::StrCat("0", in->substr(0, end)), &n->fraction)) {
    return DecodeError::kFormat;
  }
  if (n->negative) n->fraction = -n->fraction;
  in->remove_prefix(end);
  return DecodeError::kNone;
}

// "4:05", "4:05:06.7"; hours of any size. With two parts, and `minute_to_second` or a fraction,
// minutes and seconds.
DecodeError ReadTime(absl::string_view text, bool minute_to_second, int64_t* us) {
  Number hour;
  ISO_DECODE(ReadNumber(&text, &hour));
  if (hour.negative || text.empty() || text[0] != ':') return DecodeError::kFormat;
  text.remove_prefix(1);
  int64_t minutes = 0, seconds = 0, fraction = 0;
  bool overflow = false, more = false;
  datetime::EatInt(&text, &minutes, &overflow);
  if (text.empty() ? minute_to_second : text[0] == '.') {
    if (!text.empty() && !datetime::ParseFraction(text, &fraction)) return DecodeError::kFormat;
    seconds = minutes;
    minutes = hour.whole;
    hour.whole = 0;
  } else if (!text.empty()) {
    if (text[0] != ':') return DecodeError::kFormat;
    text.remove_prefix(1);
    datetime::EatInt(&text, &seconds, &more);
    if (!text.empty() && !datetime::ParseFraction(text, &fraction)) return DecodeError::kFormat;
  }
  if (overflow || more || minutes > 59 || seconds > 60 || fraction > kSecondUs) {
    return DecodeError::kRange;
  }
  if (__builtin_mul_overflow(hour.whole, kHourUs, us) ||
      __builtin_add_overflow(*us, minutes * kMinuteUs + seconds * kSecondUs + fraction, us)) {
    return DecodeError::kRange;
  }
  return DecodeError::kNone;
}

// Bits of what a field gave, to refuse the same twice.
uint32_t PartOf(Unit unit, bool fraction) {
  constexpr auto kBit = [](Unit u) { return uint32_t{1} << static_cast<int>(u); };
  if (unit == Unit::kSecond && fraction) {
    return kBit(Unit::kSecond) | kBit(Unit::kMillisecond) | kBit(Unit::kMicrosecond);
  }
  return kBit(unit);
}

// Fields from the last to the first: units come behind their numbers.
class FieldReader {
 public:
  FieldReader(IntervalField rightmost, bool minute_to_second)
      : rightmost_(rightmost), minute_to_second_(minute_to_second) {}

  DecodeError Run(const std::vector<Field>& fields, Sum* sum) {
    for (size_t i = fields.size(); i-- > 0;) ISO_DECODE(OnField(fields[i], sum));
    if (seen_ == 0 || unit_waits_) return DecodeError::kFormat;
    return ago_ ? sum->Negate() : DecodeError::kNone;
  }

 private:
  DecodeError Note(uint32_t parts) {
    if ((seen_ & parts) != 0) return DecodeError::kFormat;
    seen_ |= parts;
    return DecodeError::kNone;
  }

  DecodeError Time(absl::string_view text, bool negative, Sum* sum) {
    int64_t us = 0;
    ISO_DECODE(ReadTime(text, minute_to_second_, &us));
    has_unit_ = true;
    unit_ = Unit::kDay;
    unit_waits_ = false;
    ISO_DECODE(Note(PartOf(Unit::kHour, false) | PartOf(Unit::kMinute, false) |
                    PartOf(Unit::kSecond, true)));
    sum->SetTime(negative ? -us : us);
    return DecodeError::kNone;
  }

  DecodeError OnField(const Field& field, Sum* sum) {
    switch (field.kind) {
      case FieldKind::kTime:
        return Time(field.text, false, sum);
      case FieldKind::kZone:
        if (field.text.find(':') != std::string::npos) {
          return Time(absl::string_view(field.text).substr(1), field.text[0] == '-', sum);
        }
        return OnNumber(field.text, sum);
      case FieldKind::kDate:
      case FieldKind::kNumber:
        return OnNumber(field.text, sum);
      case FieldKind::kWord:
      case FieldKind::kSpecial:
        break;
    }
    if (unit_waits_) return DecodeError::kFormat;
    const WordMeaning meaning = datetime::IntervalWord(field.text);
    if (meaning.word == Word::kAgo) {
      ago_ = true;
      has_unit_ = true;
      unit_ = Unit::kOther;
      return DecodeError::kNone;
    }
    if (meaning.word != Word::kUnit) return DecodeError::kFormat;
    has_unit_ = true;
    unit_ = static_cast<Unit>(meaning.value);
    unit_waits_ = true;
    return DecodeError::kNone;
  }

  DecodeError OnNumber(absl::string_view text, Sum* sum) {
    if (!has_unit_) {
      static constexpr Unit kUnits[] = {Unit::kYear, Unit::kMonth,  Unit::kDay,
                                        Unit::kHour, Unit::kMinute, Unit::kSecond};
      unit_ = kUnits[static_cast<size_t>(rightmost_)];
      has_unit_ = true;
    }
    Number n;
    ISO_DECODE(ReadNumber(&text, &n));
    if (!text.empty() && text[0] == '-') {
      // SQL's years-months.
      text.remove_prefix(1);
      int64_t months = 0;
      bool overflow = false;
      datetime::EatInt(&text, &months, &overflow);
      if (overflow || months >= 12) return DecodeError::kRange;
      if (__builtin_mul_overflow(n.whole, 12, &n.whole) ||
          __builtin_add_overflow(n.whole, n.negative ? -months : months, &n.whole)) {
        return DecodeError::kRange;
      }
      unit_ = Unit::kMonth;
      n.fraction = 0;
    }
    if (!text.empty()) return DecodeError::kFormat;
    unit_waits_ = false;
    const Unit unit = unit_;
    ISO_DECODE(sum->Add(unit, n));
    if (unit == Unit::kHour) unit_ = Unit::kDay;  // for a number before it
    return Note(PartOf(unit, n.fraction != 0));
  }

  const IntervalField rightmost_;
  const bool minute_to_second_;
  uint32_t seen_ = 0;
  bool has_unit_ = false;
  bool unit_waits_ = false;  // a unit was read, its number not yet
  bool ago_ = false;
  Unit unit_ = Unit::kSecond;
};

// ISO 8601: with designators, or in the form of a date and a time.
class IsoReader {
 public:
  explicit IsoReader(absl::string_view in) : in_(in) {}

  DecodeError Run(Sum* sum) {
    if (in_.size() < 2 || in_[0] != 'P') return DecodeError::kFormat;
    in_.remove_prefix(1);
    bool date_part = true, have_field = false;
    while (!in_.empty()) {
      if (in_[0] == 'T') {
        date_part = have_field = false;
        in_.remove_prefix(1);
        continue;
      }
      const size_t before = in_.size();
      Number n;
      ISO_DECODE(ReadNumber(&in_, &n));
      if (in_.size() == before) return DecodeError::kFormat;
      const size_t length = before - in_.size() - (n.negative ? 1 : 0);
      const char designator = in_.empty() ? '\0' : in_[0];
      if (!in_.empty()) in_.remove_prefix(1);
      bool done = false;
      ISO_DECODE(date_part ? DatePart(designator, n, length, have_field, sum, &done)
                           : TimePart(designator, n, length, have_field, sum, &done));
      if (done) {
        if (in_.empty()) return DecodeError::kNone;
        if (!date_part || in_[0] != 'T') return DecodeError::kFormat;
        continue;
      }
      have_field = true;
    }
    return DecodeError::kNone;
  }

 private:
  // What follows in the form of a date: "-02-03".
  DecodeError Rest(char mark, Unit second, Unit third, Sum* sum) {
    for (const Unit unit : {second, third}) {
      Number n;
      const size_t before = in_.size();
      ISO_DECODE(ReadNumber(&in_, &n));
      if (in_.size() == before) return DecodeError::kFormat;
      ISO_DECODE(sum->Add(unit, n));
      if (in_.empty() || (mark == '-' && in_[0] == 'T')) return DecodeError::kNone;
      if (unit == third || in_[0] != mark) return DecodeError::kFormat;
      in_.remove_prefix(1);
    }
    return DecodeError::kNone;
  }

  DecodeError DatePart(char designator, const Number& n, size_t length, bool have_field, Sum* sum,
                       bool* done) {
    switch (designator) {
      case 'Y':
        return sum->Add(Unit::kYear, n);
      case 'M':
        return sum->Add(Unit::kMonth, n);
      case 'W':
        return sum->Add(Unit::kWeek, n);
      case 'D':
        return sum->Add(Unit::kDay, n);
      case 'T':
      case '\0':
        *done = true;
        if (designator == 'T') in_ = absl::string_view(in_.data() - 1, in_.size() + 1);
        if (length == 8 && !have_field) {
          // Basic form, 00010203.
          ISO_DECODE(sum->Add(Unit::kYear, {n.whole / 10000, 0, n.negative}));
          ISO_DECODE(sum->Add(Unit::kMonth, {n.whole / 100 % 100, 0, n.negative}));
          ISO_DECODE(sum->Add(Unit::kDay, {n.whole % 100, 0, n.negative}));
          return DecodeError::kNone;
        }
        return have_field ? DecodeError::kFormat : sum->Add(Unit::kYear, n);
      case '-':
        *done = true;
        if (have_field) return DecodeError::kFormat;
        ISO_DECODE(sum->Add(Unit::kYear, n));
        return Rest('-', Unit::kMonth, Unit::kDay, sum);
      default:
        return DecodeError::kFormat;
    }
  }

  DecodeError TimePart(char designator, const Number& n, size_t length, bool have_field, Sum* sum,
                       bool* done) {
    switch (designator) {
      case 'H':
        return sum->Add(Unit::kHour, n);
      case 'M':
        return sum->Add(Unit::kMinute, n);
      case 'S':
        return sum->Add(Unit::kSecond, n);
      case '\0':
        *done = true;
        if (length == 6 && !have_field) {
          ISO_DECODE(sum->Add(Unit::kHour, {n.whole / 10000, 0, n.negative}));
          ISO_DECODE(sum->Add(Unit::kMinute, {n.whole / 100 % 100, 0, n.negative}));
          return sum->Add(Unit::kSecond, {n.whole % 100, n.fraction, n.negative});
        }
        return have_field ? DecodeError::kFormat : sum->Add(Unit::kHour, n);
      case ':':
        *done = true;
        if (have_field) return DecodeError::kFormat;
        ISO_DECODE(sum->Add(Unit::kHour, n));
        return Rest(':', Unit::kMinute, Unit::kSecond, sum);
      default:
        return DecodeError::kFormat;
    }
  }

  absl::string_view in_;
};

}  // namespace

absl::StatusOr<Interval> ParseInterval(absl::string_view text, IntervalField rightmost,
                                       bool minute_to_second) {
  constexpr size_t kMaxText = 1024;
  DecodeError error = DecodeError::kFormat;
  Sum sum;
  std::vector<Field> fields;
  if (text.size() <= kMaxText && datetime::SplitFields(text, &fields)) {
    error = FieldReader(rightmost, minute_to_second).Run(fields, &sum);
  }
  if (error == DecodeError::kFormat && text.size() <= kMaxText) {
    sum = Sum();
    error = IsoReader(text).Run(&sum);
  }
  text = text.substr(0, kMaxText);
  if (error == DecodeError::kRange) {
    return SqlError("22015", absl::StrCat("interval field value out of range: \"", text, "\""));
  }
  if (error != DecodeError::kNone) {
    return SqlError(sqlstate::kDatetimeFormat,
                    absl::StrCat("invalid input syntax for type interval: \"", text, "\""));
  }
  Interval out;
  if (!sum.Finish(&out)) return IntervalOutOfRange();
  return out;
}

}  // namespace isochron::sql
