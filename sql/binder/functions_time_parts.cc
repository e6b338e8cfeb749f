// SPDX-License-Identifier: Apache-2.0
//
// Parts of times: extract, date_part, date_trunc, date_bin, age.
#include <cmath>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status_macros.h"
#include "sql/binder/functions.h"
#include "sql/binder/time_math.h"
#include "sql/binder/time_units.h"
#include "sql/types/calendar.h"
#include "sql/types/error.h"
#include "sql/types/time_datum.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

using Ctx = const EvalContext&;

// extract's numbers are exact, date_part's are double precision.
enum class Form : uint8_t { kExact, kDouble };

Type ResultType(Form form) {
  return form == Form::kExact && IsReady(Type::kNumeric) ? Type::kNumeric : Type::kFloat8;
}

absl::Status Number(const TimePart& part, Form form, Datum* out) {
  if (ResultType(form) == Type::kNumeric) {
    *out = Datum::SmallNumeric(part.mantissa, static_cast<uint16_t>(part.scale));
  } else {
    *out = Datum::Float(static_cast<double>(part.mantissa) / std::pow(10, part.scale));
  }
  return absl::OkStatus();
}

absl::Status OfEndless(bool positive, TimeUnit unit, Form form, Datum* out) {
  *out = Datum::Null();
  if (!GrowsWithTime(unit)) return absl::OkStatus();
  ISO_ASSIGN_OR_RETURN(*out, DatumFromText(ResultType(form), positive ? "Infinity" : "-Infinity"));
  return absl::OkStatus();
}

// The Julian day with its part.
absl::Status Julian(int64_t local_us, Form form, Datum* out) {
  const int64_t days = FloorDiv(local_us, kDayUs);
  const int64_t rest = local_us - days * kDayUs;
  if (ResultType(form) != Type::kNumeric) {
    *out = Datum::Float(static_cast<double>(days + kUnixJulian) +
                        static_cast<double>(rest) / static_cast<double>(kDayUs));
    return absl::OkStatus();
  }
  // Digits of the quotient by hand: as many as PostgreSQL's numeric division gives.
  std::string text = absl::StrCat(days + kUnixJulian, ".");
  absl::int128 left = rest;
  const int digits = rest == 0 ? 28 : 20;
  for (int i = 0; i < digits; ++i) {
    left *= 10;
    text.push_back(static_cast<char>('0' + static_cast<int>(left / kDayUs)));
    left %= kDayUs;
  }
  // Half up; a row of nines does not occur, as the digits are those of a multiple of a microsecond.
  if (left * 2 >= kDayUs && text.back() != '9') ++text.back();
  ISO_ASSIGN_OR_RETURN(*out, DatumFromText(Type::kNumeric, text));
  return absl::OkStatus();
}

absl::Status ZonePart(TimeUnit unit, int offset_s, Form form, Datum* out) {
  const int part = unit == TimeUnit::kTimezone       ? offset_s
                   : unit == TimeUnit::kTimezoneHour ? offset_s / 3600
                                                     : offset_s / 60 % 60;
  return Number({part, 0}, form, out);
}

bool IsZoneUnit(TimeUnit unit) {
  return unit == TimeUnit::kTimezone || unit == TimeUnit::kTimezoneHour ||
         unit == TimeUnit::kTimezoneMinute;
}

absl::Status Extract(Ctx ctx, Type type, Form form, const Datum* a, Datum* out) {
  const std::string name = absl::AsciiStrToLower(a[0].string_value());
  const TimeUnit unit = TimeUnitFromName(name);
  TimePart part;
  bool known = false;
  if (type == Type::kInterval) {
    known = PartOfInterval(unit, IntervalOf(a[1]), &part);
  } else if (type == Type::kTime) {
    known = PartOfTime(unit, a[1].int_value(), &part);
  } else if (type == Type::kDate) {
    const int64_t days = a[1].int_value();
    known = PartOfDate(unit, IsInfiniteDate(days) ? 0 : days, &part);
    if (known && IsInfiniteDate(days)) return OfEndless(days > 0, unit, form, out);
  } else {
    const bool zoned = type == Type::kTimestamptz;
    const int64_t us = a[1].int_value();
    const bool endless = IsInfiniteTimestamp(us);
    const int offset_s = zoned && !endless ? ctx.time.zone.OffsetAt(us) : 0;
    const int64_t local = endless ? 0 : us + offset_s * kSecondUs;
    known = PartOfTimestamp(unit, local, &part) || (zoned && IsZoneUnit(unit));
    if (known && endless) return OfEndless(us > 0, unit, form, out);
    if (known && IsZoneUnit(unit)) return ZonePart(unit, offset_s, form, out);
    if (unit == TimeUnit::kJulian) return Julian(local, form, out);
    if (unit == TimeUnit::kEpoch) part.mantissa = us;
  }
  if (!known) return UnitRefused(unit, name, type);
  return Number(part, form, out);
}

template <Type kType, Form kForm>
absl::Status ExtractFrom(Ctx ctx, const Datum* a, size_t, Datum* out) {
  return Extract(ctx, kType, kForm, a, out);
}
// date_part of a date is that of its midnight.
absl::Status DatePartOfDate(Ctx ctx, const Datum* a, size_t, Datum* out) {
  Datum args[2] = {a[0], Datum()};
  ISO_RETURN_IF_ERROR(TimestampOfDate(a[1].int_value(), &args[1]));
  return Extract(ctx, Type::kTimestamp, Form::kDouble, args, out);
}

absl::Status TruncTimestamp(Ctx, const Datum* a, size_t, Datum* out) {
  const std::string name = absl::AsciiStrToLower(a[0].string_value());
  const TimeUnit unit = TimeUnitFromName(name);
  const bool endless = IsInfiniteTimestamp(a[1].int_value());
  int64_t us = endless ? 0 : a[1].int_value();
  if (!TruncateTimestamp(unit, &us)) return UnitRefused(unit, name, Type::kTimestamp);
  if (!endless && !IsFiniteTimestampInRange(us)) return TimestampOutOfRange();
  *out = endless ? a[1] : Datum::Int(us);
  return absl::OkStatus();
}

absl::Status TruncTz(const TimeZone& zone, const Datum* a, Datum* out) {
  const std::string name = absl::AsciiStrToLower(a[0].string_value());
  const TimeUnit unit = TimeUnitFromName(name);
  const bool endless = IsInfiniteTimestamp(a[1].int_value());
  const int64_t us = endless ? 0 : a[1].int_value();
  const int offset_s = zone.OffsetAt(us);
  int64_t local = us + offset_s * kSecondUs;
  if (!TruncateTimestamp(unit, &local)) return UnitRefused(unit, name, Type::kTimestamptz);
  *out = a[1];
  if (endless) return absl::OkStatus();
  // Within a day the offset stays; a day's beginning has its own.
  if (unit >= TimeUnit::kDay) return ToUtc(zone, local, out);
  *out = Datum::Int(local - offset_s * kSecondUs);
  return absl::OkStatus();
}
absl::Status TruncTimestamptz(Ctx ctx, const Datum* a, size_t, Datum* out) {
  return TruncTz(ctx.time.zone, a, out);
}
absl::Status TruncInZone(Ctx, const Datum* a, size_t, Datum* out) {
  TimeZone zone;
  ISO_RETURN_IF_ERROR(ZoneFromText(a[2].string_value(), &zone));
  return TruncTz(zone, a, out);
}
absl::Status TruncInterval(Ctx, const Datum* a, size_t, Datum* out) {
  const std::string name = absl::AsciiStrToLower(a[0].string_value());
  const TimeUnit unit = TimeUnitFromName(name);
  Interval v = IntervalOf(a[1]);
  if (!TruncateInterval(unit, &v)) return UnitRefused(unit, name, Type::kInterval);
  *out = IntervalDatum(v);
  return absl::OkStatus();
}

absl::Status DateBin(Ctx, const Datum* a, size_t, Datum* out) {
  const Interval stride = IntervalOf(a[0]);
  const int64_t us = a[1].int_value(), origin = a[2].int_value();
  if (IsInfiniteTimestamp(us)) {
    *out = a[1];
    return absl::OkStatus();
  }
  if (IsInfiniteTimestamp(origin)) {
    return SqlError(sqlstate::kDatetimeOverflow, "origin out of range");
  }
  if (stride.months != 0) {
    return SqlError(sqlstate::kUnsupported,
                    "timestamps cannot be binned into intervals containing months or years");
  }
  int64_t length = 0, distance = 0;
  if (__builtin_mul_overflow(int64_t{stride.days}, kDayUs, &length) ||
      __builtin_add_overflow(length, stride.us, &length) ||
      __builtin_sub_overflow(us, origin, &distance)) {
    return IntervalOutOfRange();
  }
  if (length <= 0) {
    return SqlError(sqlstate::kDatetimeOverflow, "stride must be greater than zero");
  }
  const int64_t rest = distance % length;
  int64_t at = distance - rest;
  if ((rest < 0 && __builtin_sub_overflow(at, length, &at)) ||
      __builtin_add_overflow(at, origin, &at) || !IsFiniteTimestampInRange(at)) {
    return TimestampOutOfRange();
  }
  *out = Datum::Int(at);
  return absl::OkStatus();
}

absl::Status AgeOf(Ctx, const Datum* a, size_t, Datum* out) {
  return Age(a[0].int_value(), a[1].int_value(), out);
}
absl::Status AgeOfTz(Ctx ctx, const Datum* a, size_t, Datum* out) {
  Datum left, right;
  ISO_RETURN_IF_ERROR(ToLocal(ctx.time.zone, a[0].int_value(), &left));
  ISO_RETURN_IF_ERROR(ToLocal(ctx.time.zone, a[1].int_value(), &right));
  return Age(left.int_value(), right.int_value(), out);
}
// To this day's midnight.
absl::Status Today(Ctx ctx, int64_t* local) {
  Datum now;
  ISO_RETURN_IF_ERROR(ToLocal(ctx.time.zone, ctx.now.us, &now));
  *local = FloorDiv(now.int_value(), kDayUs) * kDayUs;
  return absl::OkStatus();
}
absl::Status AgeToday(Ctx ctx, const Datum* a, size_t, Datum* out) {
  int64_t today = 0;
  ISO_RETURN_IF_ERROR(Today(ctx, &today));
  return Age(today, a[0].int_value(), out);
}
absl::Status AgeTodayTz(Ctx ctx, const Datum* a, size_t, Datum* out) {
  int64_t today = 0;
  Datum then;
  ISO_RETURN_IF_ERROR(Today(ctx, &today));
  ISO_RETURN_IF_ERROR(ToLocal(ctx.time.zone, a[0].int_value(), &then));
  return Age(today, then.int_value(), out);
}

constexpr Type kX = Type::kText, kD = Type::kDate, kT = Type::kTime, kS = Type::kTimestamp,
               kZ = Type::kTimestamptz, kV = Type::kInterval;

}  // namespace

namespace function_groups {

void AddTimeParts(std::vector<Function>* out) {
  const Type exact = ResultType(Form::kExact), dbl = Type::kFloat8;
  const std::vector<Function> functions = {
      {"extract", {kX, kD}, exact, ExtractFrom<kD, Form::kExact>},
      {"extract", {kX, kT}, exact, ExtractFrom<kT, Form::kExact>},
      {"extract", {kX, kS}, exact, ExtractFrom<kS, Form::kExact>},
      {"extract", {kX, kZ}, exact, ExtractFrom<kZ, Form::kExact>},
      {"extract", {kX, kV}, exact, ExtractFrom<kV, Form::kExact>},
      {"date_part", {kX, kD}, dbl, DatePartOfDate},
      {"date_part", {kX, kT}, dbl, ExtractFrom<kT, Form::kDouble>},
      {"date_part", {kX, kS}, dbl, ExtractFrom<kS, Form::kDouble>},
      {"date_part", {kX, kZ}, dbl, ExtractFrom<kZ, Form::kDouble>},
      {"date_part", {kX, kV}, dbl, ExtractFrom<kV, Form::kDouble>},
      {"date_trunc", {kX, kS}, kS, TruncTimestamp},
      {"date_trunc", {kX, kZ}, kZ, TruncTimestamptz},
      {"date_trunc", {kX, kZ, kX}, kZ, TruncInZone},
      {"date_trunc", {kX, kV}, kV, TruncInterval},
      {"date_bin", {kV, kS, kS}, kS, DateBin},
      {"date_bin", {kV, kZ, kZ}, kZ, DateBin},
      {"age", {kS, kS}, kV, AgeOf},
      {"age", {kZ, kZ}, kV, AgeOfTz},
      {"age", {kS}, kV, AgeToday},
      {"age", {kZ}, kV, AgeTodayTz},
  };
  out->insert(out->end(), functions.begin(), functions.end());
}

}  // namespace function_groups

}  // namespace isochron::sql
