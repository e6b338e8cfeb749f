// SPDX-License-Identifier: Apache-2.0
//
// to_char of times, to_date and to_timestamp by templates.
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/functions.h"
#include "sql/binder/time_math.h"
#include "sql/types/calendar.h"
#include "sql/types/error.h"
#include "sql/types/time_datum.h"
#include "sql/types/time_format.h"

namespace isochron::sql {
namespace {

using Ctx = const EvalContext&;

absl::Status Write(absl::string_view text, const FormattedTime& time, Datum* out) {
  ISO_ASSIGN_OR_RETURN(std::string written, FormatWithTemplate(text, time));
  *out = Datum::String(std::move(written));
  return absl::OkStatus();
}

FormattedTime Taken(int64_t local_us) {
  FormattedTime t;
  t.c = ToCivil(local_us);
  t.days = FloorDiv(local_us, kDayUs);
  t.hours = t.c.hour;
  return t;
}

// An endless time, or an empty template, gives NULL.
absl::Status TimestampToChar(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Null();
  if (IsInfiniteTimestamp(a[0].int_value()) || a[1].string_value().empty()) return absl::OkStatus();
  return Write(a[1].string_value(), Taken(a[0].int_value()), out);
}
absl::Status TimestamptzToChar(Ctx ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Null();
  const int64_t us = a[0].int_value();
  if (IsInfiniteTimestamp(us) || a[1].string_value().empty()) return absl::OkStatus();
  const TimeZone::Local zone = ctx.time.zone.At(us);
  FormattedTime t = Taken(us + zone.offset_s * kSecondUs);
  t.zoned = true;
  t.zone = zone;
  return Write(a[1].string_value(), t, out);
}
absl::Status IntervalToChar(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Null();
  if (a[1].string_value().empty()) return absl::OkStatus();
  const Interval v = IntervalOf(a[0]);
  FormattedTime t;
  t.interval = true;
  t.c.year = v.months / 12;
  t.c.month = v.months % 12;
  t.c.day = v.days;
  t.hours = v.us / kHourUs;
  t.c.minute = static_cast<int>(v.us / kMinuteUs % 60);
  t.c.second = static_cast<int>(v.us / kSecondUs % 60);
  t.c.micro = static_cast<int>(v.us % kSecondUs);
  t.days = (t.c.year * 12 + t.c.month) * 30 + t.c.day - kUnixJulian;
  return Write(a[1].string_value(), t, out);
}

absl::Status ToDate(Ctx, const Datum* a, size_t, Datum* out) {
  ISO_ASSIGN_OR_RETURN(const ScannedTime t,
                       ScanWithTemplate(a[0].string_value(), a[1].string_value()));
  const int64_t days = DaysFromCivil(t.c.year, t.c.month, t.c.day);
  if (days < kMinDate || days > kMaxDate) {
    return SqlError(sqlstate::kDatetimeOverflow,
                    absl::StrCat("date out of range: \"", a[0].string_value(), "\""));
  }
  *out = Datum::Int(days);
  return absl::OkStatus();
}
absl::Status ToTimestamp(Ctx ctx, const Datum* a, size_t, Datum* out) {
  ISO_ASSIGN_OR_RETURN(const ScannedTime t,
                       ScanWithTemplate(a[0].string_value(), a[1].string_value()));
  ISO_RETURN_IF_ERROR(TimestampOfDate(DaysFromCivil(t.c.year, t.c.month, t.c.day), out));
  const int64_t local = out->int_value() + t.c.hour * kHourUs + t.c.minute * kMinuteUs +
                        t.c.second * kSecondUs + t.c.micro;
  const TimeZone fixed = t.has_zone ? TimeZoneOfOffset(t.offset_s) : TimeZone();
  return ToUtc(t.has_zone ? fixed : ctx.time.zone, local, out);
}

}  // namespace

namespace function_groups {

void AddTimeTemplates(std::vector<Function>* out) {
  constexpr Type kX = Type::kText, kD = Type::kDate, kS = Type::kTimestamp, kZ = Type::kTimestamptz,
                 kV = Type::kInterval;
  const std::vector<Function> functions = {
      {"to_char", {kS, kX}, kX, TimestampToChar},  {"to_char", {kZ, kX}, kX, TimestamptzToChar},
      {"to_char", {kV, kX}, kX, IntervalToChar},   {"to_date", {kX, kX}, kD, ToDate},
      {"to_timestamp", {kX, kX}, kZ, ToTimestamp},
  };
  out->insert(out->end(), functions.begin(), functions.end());
}

}  // namespace function_groups

}  // namespace isochron::sql
