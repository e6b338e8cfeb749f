// SPDX-License-Identifier: Apache-2.0
//
// Times made of numbers, justify_*, isfinite and OVERLAPS.
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status_macros.h"
#include "sql/binder/functions.h"
#include "sql/binder/time_math.h"
#include "sql/types/calendar.h"
#include "sql/types/error.h"
#include "sql/types/time_datum.h"

namespace isochron::sql {
namespace {

using Ctx = const EvalContext&;

absl::Status OutOfRange(absl::string_view message) {
  return SqlError(sqlstate::kDatetimeOverflow, message);
}

absl::Status DateOf(const Datum* a, int64_t* days) {
  const int64_t year = a[0].int_value(), month = a[1].int_value(), day = a[2].int_value();
  // A negative year is one before Christ; there is no year 0.
  const int64_t astronomical = year < 0 ? year + 1 : year;
  if (year == 0 || month < 1 || month > 12 || day < 1 || astronomical < -4713 ||
      astronomical > 5874897 || day > DaysInMonth(astronomical, static_cast<int>(month))) {
    return OutOfRange(
        absl::StrFormat("date field value out of range: %d-%02d-%02d", year, month, day));
  }
  *days = DaysFromCivil(astronomical, static_cast<int>(month), static_cast<int>(day));
  if (*days < kMinDate || *days > kMaxDate) {
    return OutOfRange(absl::StrFormat("date out of range: %d-%02d-%02d", year, month, day));
  }
  return absl::OkStatus();
}

absl::Status TimeOf(const Datum* a, int64_t* us) {
  const int64_t hour = a[0].int_value(), minute = a[1].int_value();
  const double second = a[2].float_value();
  const bool fits =
      hour >= 0 && hour <= 24 && minute >= 0 && minute <= 59 && second >= 0 && second <= 60;
  if (fits) {
    *us = hour * kHourUs + minute * kMinuteUs + std::llrint(second * 1e6);
    if (*us <= kDayUs) return absl::OkStatus();
  }
  return OutOfRange(
      absl::StrFormat("time field value out of range: %d:%02d:%02g", hour, minute, second));
}

absl::Status MakeDate(Ctx, const Datum* a, size_t, Datum* out) {
  int64_t days = 0;
  ISO_RETURN_IF_ERROR(DateOf(a, &days));
  *out = Datum::Int(days);
  return absl::OkStatus();
}
absl::Status MakeTime(Ctx, const Datum* a, size_t, Datum* out) {
  int64_t us = 0;
  ISO_RETURN_IF_ERROR(TimeOf(a, &us));
  *out = Datum::Int(us);
  return absl::OkStatus();
}
absl::Status MakeTimestamp(Ctx, const Datum* a, size_t, Datum* out) {
  int64_t days = 0, us = 0;
  ISO_RETURN_IF_ERROR(DateOf(a, &days));
  ISO_RETURN_IF_ERROR(TimeOf(a + 3, &us));
  ISO_RETURN_IF_ERROR(TimestampOfDate(days, out));
  if (!IsFiniteTimestampInRange(out->int_value() + us)) return TimestampOutOfRange();
  *out = Datum::Int(out->int_value() + us);
  return absl::OkStatus();
}
absl::Status MakeTimestamptz(Ctx ctx, const Datum* a, size_t n, Datum* out) {
  ISO_RETURN_IF_ERROR(MakeTimestamp(ctx, a, n, out));
  TimeZone zone = ctx.time.zone;
  if (n > 6) ISO_RETURN_IF_ERROR(ZoneFromText(a[6].string_value(), &zone));
  return ToUtc(zone, out->int_value(), out);
}

// Years, months, weeks, days, hours, minutes, seconds; those that are not given are 0.
absl::Status MakeInterval(Ctx, const Datum* a, size_t n, Datum* out) {
  const auto part = [&](size_t i) { return i < n ? a[i].int_value() : 0; };
  const double seconds = n > 6 ? a[6].float_value() : 0;
  const int64_t months = part(0) * 12 + part(1);
  const int64_t days = part(2) * 7 + part(3);
  const double us = std::rint(seconds * 1e6);
  if (months != static_cast<int32_t>(months) || days != static_cast<int32_t>(days) ||
      !(us >= -0x1p63 && us < 0x1p63)) {
    return IntervalOutOfRange();
  }
  Interval v{static_cast<int32_t>(months), static_cast<int32_t>(days), static_cast<int64_t>(us)};
  if (__builtin_add_overflow(v.us, part(4) * kHourUs + part(5) * kMinuteUs, &v.us)) {
    return IntervalOutOfRange();
  }
  *out = IntervalDatum(v);
  return absl::OkStatus();
}

absl::Status FromEpoch(Ctx, const Datum* a, size_t, Datum* out) {
  const double seconds = a[0].float_value();
  if (std::isnan(seconds)) return OutOfRange("timestamp cannot be NaN");
  if (std::isinf(seconds)) {
    *out = Datum::Int(seconds > 0 ? kTimestampInfinity : kTimestampMinusInfinity);
    return absl::OkStatus();
  }
  const double us = std::rint(seconds * 1e6);
  if (!(us >= static_cast<double>(kLeastTimestamp) && us < static_cast<double>(kEndTimestamp))) {
    return OutOfRange(absl::StrFormat("timestamp out of range: \"%g\"", seconds));
  }
  *out = Datum::Int(static_cast<int64_t>(us));
  return absl::OkStatus();
}

template <absl::StatusOr<Interval> (*kFn)(Interval)>
absl::Status Justify(Ctx, const Datum* a, size_t, Datum* out) {
  ISO_ASSIGN_OR_RETURN(const Interval v, kFn(IntervalOf(a[0])));
  *out = IntervalDatum(v);
  return absl::OkStatus();
}

absl::Status DateIsFinite(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Bool(!IsInfiniteDate(a[0].int_value()));
  return absl::OkStatus();
}
absl::Status TimestampIsFinite(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Bool(!IsInfiniteTimestamp(a[0].int_value()));
  return absl::OkStatus();
}
absl::Status IntervalIsFinite(Ctx, const Datum*, size_t, Datum* out) {
  *out = Datum::Bool(true);
  return absl::OkStatus();
}

// One side of OVERLAPS: its beginning, and its end or the time that it lasts.
absl::Status EndOf(Ctx ctx, Type type, const Datum* a, Datum* end) {
  *end = Datum::Null();
  if (a[0].is_null() || a[1].is_null()) return absl::OkStatus();
  const Interval v = IntervalOf(a[1]);
  if (type == Type::kTimestamptz) {
    return AddToTimestamptz(ctx.time.zone, a[0].int_value(), v, end);
  }
  if (type == Type::kTime) {
    const int64_t us = a[0].int_value() + v.us % kDayUs;
    *end = Datum::Int(us - FloorDiv(us, kDayUs) * kDayUs);
    return absl::OkStatus();
  }
  ISO_ASSIGN_OR_RETURN(const int64_t us, AddToTimestamp(a[0].int_value(), v));
  *end = Datum::Int(us);
  return absl::OkStatus();
}

// Puts the known, or the earlier, end first. False if none is known.
bool InOrder(Datum* from, Datum* to) {
  if (from->is_null() && to->is_null()) return false;
  if (from->is_null() || (!to->is_null() && from->int_value() > to->int_value())) {
    std::swap(*from, *to);
  }
  return true;
}

void Overlap(Datum a, Datum a_end, Datum b, Datum b_end, Datum* out) {
  *out = Datum::Null();
  if (!InOrder(&a, &a_end) || !InOrder(&b, &b_end)) return;
  if (a.int_value() == b.int_value()) {
    // Two that begin together overlap, be they without length.
    if (!a_end.is_null() && !b_end.is_null()) *out = Datum::Bool(true);
    return;
  }
  if (a.int_value() > b.int_value()) {
    std::swap(a, b);
    std::swap(a_end, b_end);
  }
  if (a_end.is_null()) return;
  if (b.int_value() < a_end.int_value()) {
    *out = Datum::Bool(true);
  } else if (!b_end.is_null()) {
    *out = Datum::Bool(false);
  }
}

template <Type kType, bool kFirstLasts, bool kSecondLasts>
absl::Status Overlaps(Ctx ctx, const Datum* a, size_t, Datum* out) {
  Datum ends[] = {a[1], a[3]};
  if (kFirstLasts) ISO_RETURN_IF_ERROR(EndOf(ctx, kType, a, &ends[0]));
  if (kSecondLasts) ISO_RETURN_IF_ERROR(EndOf(ctx, kType, a + 2, &ends[1]));
  Overlap(a[0], ends[0], a[2], ends[1], out);
  return absl::OkStatus();
}

template <Type kT>
void AddOverlaps(std::vector<Function>* out) {
  constexpr Type kV = Type::kInterval, kB = Type::kBool;
  out->push_back({"overlaps", {kT, kT, kT, kT}, kB, Overlaps<kT, false, false>, false});
  out->push_back({"overlaps", {kT, kV, kT, kV}, kB, Overlaps<kT, true, true>, false});
  out->push_back({"overlaps", {kT, kT, kT, kV}, kB, Overlaps<kT, false, true>, false});
  out->push_back({"overlaps", {kT, kV, kT, kT}, kB, Overlaps<kT, true, false>, false});
}

}  // namespace

namespace function_groups {

void AddTimeMakers(std::vector<Function>* out) {
  constexpr Type kI = Type::kInt4, kF = Type::kFloat8, kX = Type::kText, kD = Type::kDate,
                 kT = Type::kTime, kS = Type::kTimestamp, kZ = Type::kTimestamptz,
                 kV = Type::kInterval, kB = Type::kBool;
  const std::vector<Function> functions = {
      {"make_date", {kI, kI, kI}, kD, MakeDate},
      {"make_time", {kI, kI, kF}, kT, MakeTime},
      {"make_timestamp", {kI, kI, kI, kI, kI, kF}, kS, MakeTimestamp},
      {"make_timestamptz", {kI, kI, kI, kI, kI, kF}, kZ, MakeTimestamptz},
      {"make_timestamptz", {kI, kI, kI, kI, kI, kF, kX}, kZ, MakeTimestamptz},
      {"make_interval", {kI, kI, kI, kI, kI, kI, kF}, kV, MakeInterval},
      {"to_timestamp", {kF}, kZ, FromEpoch},
      {"justify_hours", {kV}, kV, Justify<JustifyHours>},
      {"justify_days", {kV}, kV, Justify<JustifyDays>},
      {"justify_interval", {kV}, kV, Justify<JustifyInterval>},
      {"isfinite", {kD}, kB, DateIsFinite},
      {"isfinite", {kS}, kB, TimestampIsFinite},
      {"isfinite", {kZ}, kB, TimestampIsFinite},
      {"isfinite", {kV}, kB, IntervalIsFinite},
  };
  out->insert(out->end(), functions.begin(), functions.end());
  for (size_t n = 0; n < 7; ++n) {
    out->push_back({"make_interval", std::vector<Type>(n, kI), kV, MakeInterval});
  }
  AddOverlaps<kS>(out);
  AddOverlaps<kZ>(out);
  AddOverlaps<kT>(out);
}

}  // namespace function_groups

}  // namespace isochron::sql
