// SPDX-License-Identifier: Apache-2.0
#include "sql/types/interval.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "common/status_macros.h"
#include "sql/types/calendar.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

absl::Status TimestampOutOfRange() {
  return SqlError(sqlstate::kDatetimeOverflow, "timestamp out of range");
}

bool Fits32(double v) {
  return v >= std::numeric_limits<int32_t>::min() && v <= std::numeric_limits<int32_t>::max();
}

// To six digits behind the point of a second, which hides what a product of doubles adds.
double RoundToMicros(double v) { return std::rint(v * 1e6) / 1e6; }

// Of parts that were scaled: what is left of a month goes to days, of a day to time.
absl::StatusOr<Interval> FromScaled(double months, double days, double us) {
  if (std::isnan(months) || std::isnan(days) || !Fits32(months) || !Fits32(days)) {
    return IntervalOutOfRange();
  }
  Interval out;
  out.months = static_cast<int32_t>(months);
  out.days = static_cast<int32_t>(days);
  double month_rest_days = RoundToMicros((months - out.months) * 30);
  double second_rest =
      RoundToMicros((days - out.days + month_rest_days - std::trunc(month_rest_days)) * 86400);
  // Carried days: the rest of months may hold whole ones.
  if (std::fabs(second_rest) >= 86400) {
    const int carry = static_cast<int>(second_rest / 86400);
    if (__builtin_add_overflow(out.days, carry, &out.days)) return IntervalOutOfRange();
    second_rest -= carry * 86400.0;
  }
  if (__builtin_add_overflow(out.days, static_cast<int32_t>(month_rest_days), &out.days)) {
    return IntervalOutOfRange();
  }
  const double total = std::rint(us + second_rest * 1e6);
  if (std::isnan(total) || !(total >= -0x1p63 && total < 0x1p63)) return IntervalOutOfRange();
  out.us = static_cast<int64_t>(total);
  return out;
}

}  // namespace

absl::Status IntervalOutOfRange() {
  return SqlError(sqlstate::kDatetimeOverflow, "interval out of range");
}

std::string PackInterval(const Interval& v) {
  std::string out(16, '\0');
  std::memcpy(out.data(), &v.months, 4);
  std::memcpy(out.data() + 4, &v.days, 4);
  std::memcpy(out.data() + 8, &v.us, 8);
  return out;
}

Interval UnpackInterval(absl::string_view bytes) {
  Interval v;
  if (bytes.size() != 16) return v;
  std::memcpy(&v.months, bytes.data(), 4);
  std::memcpy(&v.days, bytes.data() + 4, 4);
  std::memcpy(&v.us, bytes.data() + 8, 8);
  return v;
}

absl::int128 IntervalSpan(const Interval& v) {
  return (absl::int128(v.months) * 30 + v.days) * kDayUs + v.us;
}

std::string IntervalSortKey(const Interval& v) {
  const absl::int128 span = IntervalSpan(v);
  uint64_t high = static_cast<uint64_t>(absl::Int128High64(span)) ^ (uint64_t{1} << 63);
  uint64_t low = absl::Int128Low64(span);
  std::string out(16, '\0');
  for (size_t i = 0; i < 8; ++i) {
    out[7 - i] = static_cast<char>(high >> (8 * i));
    out[15 - i] = static_cast<char>(low >> (8 * i));
  }
  return out;
}

bool IntervalFromSortKey(absl::string_view key, Interval* out) {
  if (key.size() != 16) return false;
  uint64_t high = 0, low = 0;
  for (size_t i = 0; i < 8; ++i) {
    high = high << 8 | static_cast<uint8_t>(key[i]);
    low = low << 8 | static_cast<uint8_t>(key[8 + i]);
  }
  const absl::int128 span = absl::MakeInt128(static_cast<int64_t>(high ^ (uint64_t{1} << 63)), low);
  absl::int128 days = span / kDayUs;
  *out = Interval();
  out->us = static_cast<int64_t>(span % kDayUs);
  if (days > std::numeric_limits<int32_t>::max() || days < std::numeric_limits<int32_t>::min()) {
    const absl::int128 months = days / 30;
    // What is beyond months and days together goes to the time.
    const absl::int128 kept = months > std::numeric_limits<int32_t>::max()
                                  ? absl::int128(std::numeric_limits<int32_t>::max())
                              : months < std::numeric_limits<int32_t>::min()
                                  ? absl::int128(std::numeric_limits<int32_t>::min())
                                  : months;
    out->months = static_cast<int32_t>(kept);
    days -= kept * 30;
    if (days > std::numeric_limits<int32_t>::max() || days < std::numeric_limits<int32_t>::min()) {
      const absl::int128 day = days > 0 ? absl::int128(std::numeric_limits<int32_t>::max())
                                        : absl::int128(std::numeric_limits<int32_t>::min());
      const absl::int128 us = (days - day) * kDayUs + out->us;
      if (us > std::numeric_limits<int64_t>::max() || us < std::numeric_limits<int64_t>::min()) {
        return false;
      }
      days = day;
      out->us = static_cast<int64_t>(us);
    }
  }
  out->days = static_cast<int32_t>(days);
  return true;
}

absl::StatusOr<Interval> AddIntervals(const Interval& a, const Interval& b) {
  Interval out;
  if (__builtin_add_overflow(a.months, b.months, &out.months) ||
      __builtin_add_overflow(a.days, b.days, &out.days) ||
      __builtin_add_overflow(a.us, b.us, &out.us)) {
    return IntervalOutOfRange();
  }
  return out;
}

absl::StatusOr<Interval> SubtractIntervals(const Interval& a, const Interval& b) {
  Interval out;
  if (__builtin_sub_overflow(a.months, b.months, &out.months) ||
      __builtin_sub_overflow(a.days, b.days, &out.days) ||
      __builtin_sub_overflow(a.us, b.us, &out.us)) {
    return IntervalOutOfRange();
  }
  return out;
}

absl::StatusOr<Interval> NegateInterval(const Interval& v) {
  return SubtractIntervals(Interval(), v);
}

absl::StatusOr<Interval> MultiplyInterval(const Interval& v, double factor) {
  return FromScaled(v.months * factor, v.days * factor, static_cast<double>(v.us) * factor);
}

absl::StatusOr<Interval> DivideInterval(const Interval& v, double divisor) {
  if (divisor == 0) return SqlError(sqlstate::kDivisionByZero, "division by zero");
  return FromScaled(v.months / divisor, v.days / divisor, static_cast<double>(v.us) / divisor);
}

absl::StatusOr<Interval> JustifyHours(Interval v) {
  const int64_t whole = v.us / kDayUs;
  v.us -= whole * kDayUs;
  if (__builtin_add_overflow(v.days, whole, &v.days)) return IntervalOutOfRange();
  if (v.days > 0 && v.us < 0) {
    v.us += kDayUs;
    --v.days;
  } else if (v.days < 0 && v.us > 0) {
    v.us -= kDayUs;
    ++v.days;
  }
  return v;
}

absl::StatusOr<Interval> JustifyDays(Interval v) {
  const int32_t whole = v.days / 30;
  v.days -= whole * 30;
  if (__builtin_add_overflow(v.months, whole, &v.months)) return IntervalOutOfRange();
  if (v.months > 0 && v.days < 0) {
    v.days += 30;
    --v.months;
  } else if (v.months < 0 && v.days > 0) {
    v.days -= 30;
    ++v.months;
  }
  return v;
}

absl::StatusOr<Interval> JustifyInterval(Interval v) {
  // Whole months first where days and time have one sign, so that the days cannot overflow.
  if ((v.days > 0 && v.us > 0) || (v.days < 0 && v.us < 0)) {
    const int32_t whole = v.days / 30;
    v.days -= whole * 30;
    if (__builtin_add_overflow(v.months, whole, &v.months)) return IntervalOutOfRange();
  }
  const int64_t whole_days = v.us / kDayUs;
  v.us -= whole_days * kDayUs;
  if (__builtin_add_overflow(v.days, whole_days, &v.days)) return IntervalOutOfRange();
  const int32_t whole = v.days / 30;
  v.days -= whole * 30;
  if (__builtin_add_overflow(v.months, whole, &v.months)) return IntervalOutOfRange();
  if (v.months > 0 && (v.days < 0 || (v.days == 0 && v.us < 0))) {
    v.days += 30;
    --v.months;
  } else if (v.months < 0 && (v.days > 0 || (v.days == 0 && v.us > 0))) {
    v.days -= 30;
    ++v.months;
  }
  if (v.days > 0 && v.us < 0) {
    v.us += kDayUs;
    --v.days;
  } else if (v.days < 0 && v.us > 0) {
    v.us -= kDayUs;
    ++v.days;
  }
  return v;
}

absl::StatusOr<int64_t> AddToTimestamp(int64_t us, const Interval& v) {
  if (IsInfiniteTimestamp(us)) return us;
  if (v.months != 0) {
    CivilTime c = ToCivil(us);
    const int64_t month = c.year * 12 + (c.month - 1) + v.months;
    c.year = FloorDiv(month, 12);
    c.month = static_cast<int>(month - c.year * 12) + 1;
    if (c.year < -4714 || c.year > 294246) return TimestampOutOfRange();
    const int last = DaysInMonth(c.year, c.month);
    if (c.day > last) c.day = last;
    us = FromCivil(c);
    if (!IsFiniteTimestampInRange(us)) return TimestampOutOfRange();
  }
  int64_t days_us;
  if (__builtin_mul_overflow(int64_t{v.days}, kDayUs, &days_us) ||
      __builtin_add_overflow(us, days_us, &us) || !IsFiniteTimestampInRange(us) ||
      __builtin_add_overflow(us, v.us, &us) || !IsFiniteTimestampInRange(us)) {
    return TimestampOutOfRange();
  }
  return us;
}

}  // namespace isochron::sql
