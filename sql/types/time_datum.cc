// SPDX-License-Identifier: Apache-2.0
#include "sql/types/time_datum.h"

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/types/calendar.h"
#include "sql/types/datetime_text.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

constexpr int kMaxPrecision = 6;

struct IntervalRange {
  int32_t bits;
  const char* text;
  IntervalField rightmost;
};
constexpr IntervalRange kRanges[] = {
    {kIntervalYear, " year", IntervalField::kYear},
    {kIntervalMonth, " month", IntervalField::kMonth},
    {kIntervalDay, " day", IntervalField::kDay},
    {kIntervalHour, " hour", IntervalField::kHour},
    {kIntervalMinute, " minute", IntervalField::kMinute},
    {kIntervalSecond, " second", IntervalField::kSecond},
    {kIntervalYear | kIntervalMonth, " year to month", IntervalField::kMonth},
    {kIntervalDay | kIntervalHour, " day to hour", IntervalField::kHour},
    {kIntervalDay | kIntervalHour | kIntervalMinute, " day to minute", IntervalField::kMinute},
    {kIntervalDay | kIntervalHour | kIntervalMinute | kIntervalSecond, " day to second",
     IntervalField::kSecond},
    {kIntervalHour | kIntervalMinute, " hour to minute", IntervalField::kMinute},
    {kIntervalHour | kIntervalMinute | kIntervalSecond, " hour to second", IntervalField::kSecond},
    {kIntervalMinute | kIntervalSecond, " minute to second", IntervalField::kSecond},
};

const IntervalRange* RangeOf(int32_t typmod) {
  const int32_t bits = (typmod >> 16) & kIntervalFullRange;
  for (const IntervalRange& r : kRanges) {
    if (r.bits == bits) return &r;
  }
  return nullptr;
}

// To `digits` behind the point, away from zero at the half.
int64_t RoundMicros(int64_t us, int digits) {
  static constexpr int64_t kUnits[] = {1'000'000, 100'000, 10'000, 1000, 100, 10, 1};
  const int64_t unit = kUnits[digits];
  const int64_t rest = us % unit;
  us -= rest;
  if (rest >= unit - rest) return us + unit;
  if (-rest >= unit + rest) return us - unit;
  return us;
}

absl::Status ApplyToInterval(int32_t typmod, Datum* d) {
  Interval v = IntervalOf(*d);
  switch (const IntervalRange* range = RangeOf(typmod); range == nullptr ? 0 : range->bits) {
    case kIntervalYear:
      v.months = v.months / 12 * 12;
      v.days = 0;
      v.us = 0;
      break;
    case kIntervalMonth:
    case kIntervalYear | kIntervalMonth:
      v.days = 0;
      v.us = 0;
      break;
    case kIntervalDay:
      v.us = 0;
      break;
    case kIntervalHour:
    case kIntervalDay | kIntervalHour:
      v.us = v.us / kHourUs * kHourUs;
      break;
    case kIntervalMinute:
    case kIntervalDay | kIntervalHour | kIntervalMinute:
    case kIntervalHour | kIntervalMinute:
      v.us = v.us / kMinuteUs * kMinuteUs;
      break;
    default:
      break;
  }
  const int32_t precision = typmod & kFullPrecision;
  if (precision < kMaxPrecision) {
    if (v.us > kTimestampInfinity - kSecondUs || v.us < kTimestampMinusInfinity + kSecondUs) {
      return IntervalOutOfRange();
    }
    v.us = RoundMicros(v.us, precision);
  }
  *d = IntervalDatum(v);
  return absl::OkStatus();
}

}  // namespace

bool IsTimeInRange(Type type, const Datum& d) {
  switch (type) {
    case Type::kDate:
      return IsInfiniteDate(d.int_value()) ||
             (d.int_value() >= kMinDate && d.int_value() <= kMaxDate);
    case Type::kTime:
      return d.int_value() >= 0 && d.int_value() <= kDayUs;
    case Type::kInterval:
      return d.string_value().size() == 16;
    default:
      return IsInfiniteTimestamp(d.int_value()) || IsFiniteTimestampInRange(d.int_value());
  }
}

std::string TimeDatumToText(Type type, const Datum& d, const TimeContext& context) {
  switch (type) {
    case Type::kDate:
      return FormatDate(d.int_value());
    case Type::kTime:
      return FormatTime(d.int_value());
    case Type::kTimestamp:
      return FormatTimestamp(d.int_value());
    case Type::kTimestamptz:
      return FormatTimestamptz(d.int_value(), context.zone);
    default:
      return FormatInterval(IntervalOf(d));
  }
}

absl::StatusOr<Datum> TimeDatumFromText(Type type, absl::string_view text,
                                        const TimeContext& context, uint8_t* uses, int32_t typmod) {
  int64_t v = 0;
  switch (type) {
    case Type::kDate: {
      ISO_ASSIGN_OR_RETURN(v, ParseDate(text, context, uses));
      break;
    }
    case Type::kTime: {
      ISO_ASSIGN_OR_RETURN(v, ParseTime(text, context, uses));
      break;
    }
    case Type::kTimestamp: {
      ISO_ASSIGN_OR_RETURN(v, ParseTimestamp(text, context, uses));
      break;
    }
    case Type::kTimestamptz: {
      ISO_ASSIGN_OR_RETURN(v, ParseTimestamptz(text, context, uses));
      break;
    }
    default: {
      const IntervalRange* range = typmod < 0 ? nullptr : RangeOf(typmod);
      ISO_ASSIGN_OR_RETURN(
          const Interval interval,
          ParseInterval(text, range == nullptr ? IntervalField::kSecond : range->rightmost,
                        range != nullptr && range->bits == (kIntervalMinute | kIntervalSecond)));
      return IntervalDatum(interval);
    }
  }
  return Datum::Int(v);
}

absl::Status ApplyTimeTypmod(Type type, int32_t typmod, Datum* d) {
  if (typmod < 0 || d->is_null()) return absl::OkStatus();
  if (type == Type::kInterval) return ApplyToInterval(typmod, d);
  if (type == Type::kDate || typmod >= kMaxPrecision) return absl::OkStatus();
  const bool clock = type == Type::kTime;
  if (!clock && IsInfiniteTimestamp(d->int_value())) return absl::OkStatus();
  const int64_t rounded = RoundMicros(d->int_value(), typmod);
  if (!clock && !IsFiniteTimestampInRange(rounded)) {
    return SqlError(sqlstate::kDatetimeOverflow, "timestamp out of range");
  }
  *d = Datum::Int(rounded);
  return absl::OkStatus();
}

absl::StatusOr<int32_t> TimeTypmodFrom(Type type, const std::vector<int32_t>& modifiers,
                                       int position) {
  const bool interval = type == Type::kInterval;
  if (modifiers.empty()) return -1;
  if (modifiers.size() > (interval ? 2 : 1)) {
    return SqlError(sqlstate::kInvalidParameter, "invalid type modifier", position);
  }
  const int32_t range = interval ? modifiers[0] : 0;
  const int32_t precision = interval && modifiers.size() == 1 ? kFullPrecision : modifiers.back();
  if (precision < 0) {
    return SqlError(
        sqlstate::kInvalidParameter,
        absl::StrCat(TypeName(type), "(", precision, ") precision must not be negative"), position);
  }
  // More digits than there are count as all of them, as PostgreSQL does with a warning.
  const int32_t kept =
      precision > kMaxPrecision && precision != kFullPrecision ? kMaxPrecision : precision;
  if (!interval) return kept;
  if (range == kIntervalFullRange && kept == kFullPrecision) return -1;
  if (range != kIntervalFullRange && RangeOf(range << 16) == nullptr) {
    return SqlError(sqlstate::kInvalidParameter, "invalid INTERVAL type modifier", position);
  }
  return static_cast<int32_t>((static_cast<uint32_t>(range & kIntervalFullRange) << 16) |
                              static_cast<uint32_t>(kept));
}

std::string TimeTypmodText(Type type, int32_t typmod) {
  if (typmod < 0) return "";
  if (type != Type::kInterval) return absl::StrCat("(", typmod, ")");
  const IntervalRange* range = RangeOf(typmod);
  const int32_t precision = typmod & kFullPrecision;
  return absl::StrCat(range == nullptr ? "" : range->text,
                      precision == kFullPrecision ? "" : absl::StrCat("(", precision, ")"));
}

}  // namespace isochron::sql
