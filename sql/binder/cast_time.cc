// SPDX-License-Identifier: Apache-2.0
//
// What dates, times and intervals become: pg_cast's part of them.
#include "sql/binder/cast.h"
#include "sql/binder/time_math.h"
#include "sql/types/calendar.h"
#include "sql/types/error.h"
#include "sql/types/time_datum.h"

namespace isochron::sql {
namespace {

absl::Status TimestampToDate(const Datum& in, Datum* out) {
  *out = Datum::Int(DateOfTimestamp(in.int_value()));
  return absl::OkStatus();
}
absl::Status DateToTimestamp(const Datum& in, Datum* out) {
  return TimestampOfDate(in.int_value(), out);
}
// An endless time has no time of day.
absl::Status TimestampToTime(const Datum& in, Datum* out) {
  const int64_t us = in.int_value();
  *out = IsInfiniteTimestamp(us) ? Datum::Null() : Datum::Int(us - FloorDiv(us, kDayUs) * kDayUs);
  return absl::OkStatus();
}
absl::Status TimeToInterval(const Datum& in, Datum* out) {
  *out = IntervalDatum({0, 0, in.int_value()});
  return absl::OkStatus();
}
absl::Status IntervalToTime(const Datum& in, Datum* out) {
  const int64_t us = IntervalOf(in).us;
  *out = Datum::Int(us - FloorDiv(us, kDayUs) * kDayUs);
  return absl::OkStatus();
}

absl::Status TimestampToTz(const TimeContext& time, const Datum& in, Datum* out) {
  return ToUtc(time.zone, in.int_value(), out);
}
absl::Status TzToTimestamp(const TimeContext& time, const Datum& in, Datum* out) {
  return ToLocal(time.zone, in.int_value(), out);
}
absl::Status DateToTz(const TimeContext& time, const Datum& in, Datum* out) {
  absl::Status local = TimestampOfDate(in.int_value(), out);
  return local.ok() ? ToUtc(time.zone, out->int_value(), out) : local;
}
absl::Status TzToDate(const TimeContext& time, const Datum& in, Datum* out) {
  absl::Status local = ToLocal(time.zone, in.int_value(), out);
  return local.ok() ? TimestampToDate(Datum(*out), out) : local;
}
absl::Status TzToTime(const TimeContext& time, const Datum& in, Datum* out) {
  absl::Status local = ToLocal(time.zone, in.int_value(), out);
  return local.ok() ? TimestampToTime(Datum(*out), out) : local;
}

}  // namespace

namespace cast_groups {

void AddTimes(std::vector<Cast>* out) {
  constexpr CastContext kI = CastContext::kImplicit, kA = CastContext::kAssignment;
  constexpr Type kD = Type::kDate, kT = Type::kTime, kS = Type::kTimestamp, kZ = Type::kTimestamptz,
                 kV = Type::kInterval;
  const std::vector<Cast> casts = {
      {kD, kS, kI, DateToTimestamp},        {kD, kZ, kI, nullptr, DateToTz},
      {kS, kD, kA, TimestampToDate},        {kS, kT, kA, TimestampToTime},
      {kS, kZ, kI, nullptr, TimestampToTz}, {kZ, kD, kA, nullptr, TzToDate},
      {kZ, kT, kA, nullptr, TzToTime},      {kZ, kS, kA, nullptr, TzToTimestamp},
      {kT, kV, kI, TimeToInterval},         {kV, kT, kA, IntervalToTime},
  };
  out->insert(out->end(), casts.begin(), casts.end());
}

}  // namespace cast_groups

}  // namespace isochron::sql
