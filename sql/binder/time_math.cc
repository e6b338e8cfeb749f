// SPDX-License-Identifier: Apache-2.0
#include "sql/binder/time_math.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/types/calendar.h"
#include "sql/types/datetime_text.h"
#include "sql/types/error.h"
#include "sql/types/time_datum.h"

namespace isochron::sql {

absl::Status TimestampOutOfRange() {
  return SqlError(sqlstate::kDatetimeOverflow, "timestamp out of range");
}

absl::Status ToLocal(const TimeZone& zone, int64_t utc_us, Datum* out) {
  const int64_t local = IsInfiniteTimestamp(utc_us) ? utc_us : zone.ToLocal(utc_us);
  if (!IsInfiniteTimestamp(utc_us) && !IsFiniteTimestampInRange(local)) {
    return TimestampOutOfRange();
  }
  *out = Datum::Int(local);
  return absl::OkStatus();
}

absl::Status ToUtc(const TimeZone& zone, int64_t local_us, Datum* out) {
  const int64_t utc = IsInfiniteTimestamp(local_us) ? local_us : zone.ToUtc(local_us);
  if (!IsInfiniteTimestamp(local_us) && !IsFiniteTimestampInRange(utc)) {
    return TimestampOutOfRange();
  }
  *out = Datum::Int(utc);
  return absl::OkStatus();
}

int64_t DateOfTimestamp(int64_t us) {
  if (us == kTimestampInfinity) return kDateInfinity;
  if (us == kTimestampMinusInfinity) return kDateMinusInfinity;
  return FloorDiv(us, kDayUs);
}

absl::Status TimestampOfDate(int64_t days, Datum* out) {
  if (IsInfiniteDate(days)) {
    *out = Datum::Int(days > 0 ? kTimestampInfinity : kTimestampMinusInfinity);
    return absl::OkStatus();
  }
  int64_t us = 0;
  if (__builtin_mul_overflow(days, kDayUs, &us) || !IsFiniteTimestampInRange(us)) {
    return SqlError(sqlstate::kDatetimeOverflow, "date out of range for timestamp");
  }
  *out = Datum::Int(us);
  return absl::OkStatus();
}

absl::Status AddToTimestamptz(const TimeZone& zone, int64_t us, const Interval& v, Datum* out) {
  if (!IsInfiniteTimestamp(us) && (v.months != 0 || v.days != 0)) {
    // Months first, days after them: each lands on the clocks of its own day.
    for (const Interval& step : {Interval{v.months, 0, 0}, Interval{0, v.days, 0}}) {
      if (step == Interval()) continue;
      ISO_ASSIGN_OR_RETURN(const int64_t local, AddToTimestamp(zone.ToLocal(us), step));
      us = zone.ToUtc(local);
      if (!IsFiniteTimestampInRange(us)) return TimestampOutOfRange();
    }
  }
  ISO_ASSIGN_OR_RETURN(us, AddToTimestamp(us, {0, 0, v.us}));
  *out = Datum::Int(us);
  return absl::OkStatus();
}

absl::Status SubtractTimestamps(int64_t a, int64_t b, Datum* out) {
  if (IsInfiniteTimestamp(a) || IsInfiniteTimestamp(b)) {
    return SqlError(sqlstate::kDatetimeOverflow, "cannot subtract infinite timestamps");
  }
  Interval v;
  if (__builtin_sub_overflow(a, b, &v.us)) return IntervalOutOfRange();
  ISO_ASSIGN_OR_RETURN(v, JustifyHours(v));
  *out = IntervalDatum(v);
  return absl::OkStatus();
}

absl::Status Age(int64_t a, int64_t b, Datum* out) {
  if (IsInfiniteTimestamp(a) || IsInfiniteTimestamp(b)) return TimestampOutOfRange();
  const bool negative = a < b;
  const CivilTime late = ToCivil(negative ? b : a);
  const CivilTime early = ToCivil(negative ? a : b);
  int64_t months = (late.year - early.year) * 12 + late.month - early.month;
  int64_t days = late.day - early.day;
  const auto clock = [](const CivilTime& c) {
    return c.hour * kHourUs + c.minute * kMinuteUs + c.second * kSecondUs + c.micro;
  };
  int64_t us = clock(late) - clock(early);
  if (us < 0) {
    us += kDayUs;
    --days;
  }
  // A borrowed month is as long as the one that the earlier day lies in.
  while (days < 0) {
    days += DaysInMonth(early.year, early.month);
    --months;
  }
  Interval v{static_cast<int32_t>(months), static_cast<int32_t>(days), us};
  if (negative) v = Interval{-v.months, -v.days, -v.us};
  *out = IntervalDatum(v);
  return absl::OkStatus();
}

absl::Status ZoneFromText(absl::string_view text, TimeZone* out) {
  if (const ZoneAbbreviation* found = FindZoneAbbreviation(text)) {
    if (found->zone == nullptr) {
      *out = TimeZone::Fixed(found->offset_minutes * 60, std::string(text),
                             absl::AsciiStrToUpper(text));
      return absl::OkStatus();
    }
    text = found->zone;
  }
  if (TimeZone::Find(text, out)) return absl::OkStatus();
  return SqlError(sqlstate::kInvalidParameter,
                  absl::StrCat("time zone \"", text.substr(0, 255), "\" not recognized"));
}

absl::Status ZoneFromInterval(const Interval& v, TimeZone* out) {
  if (v.months != 0 || v.days != 0) {
    return SqlError(sqlstate::kInvalidParameter,
                    absl::StrCat("interval time zone \"", FormatInterval(v),
                                 "\" must not include months or days"));
  }
  // Beyond a week no offset makes sense, and none overflows below it.
  if (v.us > 7 * kDayUs || v.us < -7 * kDayUs) return TimestampOutOfRange();
  *out = TimeZoneOfOffset(static_cast<int>(v.us / kSecondUs));
  return absl::OkStatus();
}

}  // namespace isochron::sql
