// SPDX-License-Identifier: Apache-2.0
//
// Operators of dates, times and intervals, and what the time is.
#include <string>

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

absl::Status Result(absl::StatusOr<Interval> v, Datum* out) {
  if (!v.ok()) return v.status();
  *out = IntervalDatum(*v);
  return absl::OkStatus();
}
absl::Status Result(absl::StatusOr<int64_t> v, Datum* out) {
  if (!v.ok()) return v.status();
  *out = Datum::Int(*v);
  return absl::OkStatus();
}

#define ISO_COMPARE(NAME, OP)                                  \
  absl::Status NAME(Ctx, const Datum* a, size_t, Datum* out) { \
    *out = Datum::Bool(CompareDatums(a[0], a[1]) OP 0);        \
    return absl::OkStatus();                                   \
  }
ISO_COMPARE(Eq, ==)
ISO_COMPARE(Ne, !=)
ISO_COMPARE(Lt, <)
ISO_COMPARE(Le, <=)
ISO_COMPARE(Gt, >)
ISO_COMPARE(Ge, >=)
#undef ISO_COMPARE

// The same with its operands the other way round.
template <EvalFn kFn>
absl::Status Swapped(Ctx ctx, const Datum* a, size_t n, Datum* out) {
  const Datum turned[] = {a[1], a[0]};
  return kFn(ctx, turned, n, out);
}

absl::Status DateOutOfRange() { return SqlError(sqlstate::kDatetimeOverflow, "date out of range"); }

absl::Status AddDays(int64_t date, int64_t days, Datum* out) {
  const int64_t sum = date + days;  // both are of 32 bits
  if (!IsInfiniteDate(date) && (sum < kMinDate || sum > kMaxDate)) return DateOutOfRange();
  *out = Datum::Int(IsInfiniteDate(date) ? date : sum);
  return absl::OkStatus();
}
absl::Status DatePlusInt(Ctx, const Datum* a, size_t, Datum* out) {
  return AddDays(a[0].int_value(), a[1].int_value(), out);
}
absl::Status DateMinusInt(Ctx, const Datum* a, size_t, Datum* out) {
  return AddDays(a[0].int_value(), -a[1].int_value(), out);
}
absl::Status DateMinusDate(Ctx, const Datum* a, size_t, Datum* out) {
  if (IsInfiniteDate(a[0].int_value()) || IsInfiniteDate(a[1].int_value())) {
    return SqlError(sqlstate::kDatetimeOverflow, "cannot subtract infinite dates");
  }
  *out = Datum::Int(a[0].int_value() - a[1].int_value());
  return absl::OkStatus();
}
absl::Status DatePlusTime(Ctx, const Datum* a, size_t, Datum* out) {
  ISO_RETURN_IF_ERROR(TimestampOfDate(a[0].int_value(), out));
  if (IsInfiniteTimestamp(out->int_value())) return absl::OkStatus();
  const int64_t us = out->int_value() + a[1].int_value();
  if (!IsFiniteTimestampInRange(us)) return TimestampOutOfRange();
  *out = Datum::Int(us);
  return absl::OkStatus();
}
absl::Status DatePlusInterval(Ctx, const Datum* a, size_t, Datum* out) {
  ISO_RETURN_IF_ERROR(TimestampOfDate(a[0].int_value(), out));
  return Result(AddToTimestamp(out->int_value(), IntervalOf(a[1])), out);
}
absl::Status DateMinusInterval(Ctx, const Datum* a, size_t, Datum* out) {
  ISO_RETURN_IF_ERROR(TimestampOfDate(a[0].int_value(), out));
  ISO_ASSIGN_OR_RETURN(const Interval v, NegateInterval(IntervalOf(a[1])));
  return Result(AddToTimestamp(out->int_value(), v), out);
}

absl::Status TimestampPlus(Ctx, const Datum* a, size_t, Datum* out) {
  return Result(AddToTimestamp(a[0].int_value(), IntervalOf(a[1])), out);
}
absl::Status TimestampMinus(Ctx, const Datum* a, size_t, Datum* out) {
  ISO_ASSIGN_OR_RETURN(const Interval v, NegateInterval(IntervalOf(a[1])));
  return Result(AddToTimestamp(a[0].int_value(), v), out);
}
absl::Status TimestampsBetween(Ctx, const Datum* a, size_t, Datum* out) {
  return SubtractTimestamps(a[0].int_value(), a[1].int_value(), out);
}
absl::Status TzPlus(Ctx ctx, const Datum* a, size_t, Datum* out) {
  return AddToTimestamptz(ctx.time.zone, a[0].int_value(), IntervalOf(a[1]), out);
}
absl::Status TzMinus(Ctx ctx, const Datum* a, size_t, Datum* out) {
  ISO_ASSIGN_OR_RETURN(const Interval v, NegateInterval(IntervalOf(a[1])));
  return AddToTimestamptz(ctx.time.zone, a[0].int_value(), v, out);
}

// Of a time of day only an interval's time counts, round the clock.
absl::Status Clock(int64_t us, int64_t by, Datum* out) {
  us += by % kDayUs;
  *out = Datum::Int(us - FloorDiv(us, kDayUs) * kDayUs);
  return absl::OkStatus();
}
absl::Status TimePlus(Ctx, const Datum* a, size_t, Datum* out) {
  return Clock(a[0].int_value(), IntervalOf(a[1]).us, out);
}
absl::Status TimeMinus(Ctx, const Datum* a, size_t, Datum* out) {
  return Clock(a[0].int_value(), -(IntervalOf(a[1]).us % kDayUs), out);
}
absl::Status TimesBetween(Ctx, const Datum* a, size_t, Datum* out) {
  *out = IntervalDatum({0, 0, a[0].int_value() - a[1].int_value()});
  return absl::OkStatus();
}

absl::Status IntervalPlus(Ctx, const Datum* a, size_t, Datum* out) {
  return Result(AddIntervals(IntervalOf(a[0]), IntervalOf(a[1])), out);
}
absl::Status IntervalMinus(Ctx, const Datum* a, size_t, Datum* out) {
  return Result(SubtractIntervals(IntervalOf(a[0]), IntervalOf(a[1])), out);
}
absl::Status IntervalNegate(Ctx, const Datum* a, size_t, Datum* out) {
  return Result(NegateInterval(IntervalOf(a[0])), out);
}
absl::Status IntervalTimes(Ctx, const Datum* a, size_t, Datum* out) {
  return Result(MultiplyInterval(IntervalOf(a[0]), a[1].float_value()), out);
}
absl::Status IntervalBy(Ctx, const Datum* a, size_t, Datum* out) {
  return Result(DivideInterval(IntervalOf(a[0]), a[1].float_value()), out);
}

absl::Status AtZone(const TimeZone& zone, bool to_utc, int64_t us, Datum* out) {
  return to_utc ? ToUtc(zone, us, out) : ToLocal(zone, us, out);
}
// AT TIME ZONE: a timestamptz as that zone's clocks show it, or the moment when they show it.
template <bool kToUtc>
absl::Status AtNamedZone(Ctx, const Datum* a, size_t, Datum* out) {
  TimeZone zone;
  ISO_RETURN_IF_ERROR(ZoneFromText(a[0].string_value(), &zone));
  return AtZone(zone, kToUtc, a[1].int_value(), out);
}
template <bool kToUtc>
absl::Status AtOffset(Ctx, const Datum* a, size_t, Datum* out) {
  TimeZone zone;
  ISO_RETURN_IF_ERROR(ZoneFromInterval(IntervalOf(a[0]), &zone));
  return AtZone(zone, kToUtc, a[1].int_value(), out);
}

absl::Status Now(Ctx ctx, const Datum*, size_t, Datum* out) {
  *out = Datum::Int(ctx.now.us);
  return absl::OkStatus();
}
absl::Status LocalTimestamp(Ctx ctx, const Datum*, size_t, Datum* out) {
  return ToLocal(ctx.time.zone, ctx.now.us, out);
}
absl::Status LocalTime(Ctx ctx, const Datum* a, size_t n, Datum* out) {
  ISO_RETURN_IF_ERROR(LocalTimestamp(ctx, a, n, out));
  *out = Datum::Int(out->int_value() - FloorDiv(out->int_value(), kDayUs) * kDayUs);
  return absl::OkStatus();
}
absl::Status CurrentDate(Ctx ctx, const Datum* a, size_t n, Datum* out) {
  ISO_RETURN_IF_ERROR(LocalTimestamp(ctx, a, n, out));
  *out = Datum::Int(DateOfTimestamp(out->int_value()));
  return absl::OkStatus();
}
// The middle of the TrueTime interval of this moment.
absl::Status ClockTimestamp(Ctx ctx, const Datum*, size_t, Datum* out) {
  if (ctx.clock == nullptr) {
    *out = Datum::Int(ctx.now.us);
    return absl::OkStatus();
  }
  ISO_ASSIGN_OR_RETURN(const TTInterval now, ctx.clock->Now());
  *out = Datum::Int(now.earliest.us + (now.latest.us - now.earliest.us) / 2);
  return absl::OkStatus();
}
absl::Status TimeOfDay(Ctx ctx, const Datum* a, size_t n, Datum* out) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  ISO_RETURN_IF_ERROR(ClockTimestamp(ctx, a, n, out));
  const TimeZone::Local local = ctx.time.zone.At(out->int_value());
  const int64_t us = out->int_value() + local.offset_s * kSecondUs;
  const CivilTime c = ToCivil(us);
  *out = Datum::String(absl::StrFormat("%s %s %02d %02d:%02d:%02d.%06d %d %s",
                                       kDays[DayOfWeek(FloorDiv(us, kDayUs))], kMonths[c.month - 1],
                                       c.day, c.hour, c.minute, c.second, c.micro, c.year,
                                       local.abbreviation));
  return absl::OkStatus();
}

constexpr Type kI4 = Type::kInt4, kF = Type::kFloat8, kB = Type::kBool, kX = Type::kText,
               kD = Type::kDate, kT = Type::kTime, kS = Type::kTimestamp, kZ = Type::kTimestamptz,
               kV = Type::kInterval;

void AddComparisons(std::vector<Function>* out) {
  struct Comparison {
    const char* name;
    EvalFn fn;
  };
  for (const Comparison& c : {Comparison{"=", Eq}, Comparison{"<>", Ne}, Comparison{"<", Lt},
                              Comparison{"<=", Le}, Comparison{">", Gt}, Comparison{">=", Ge}}) {
    for (Type t : {kD, kT, kS, kV}) out->push_back({c.name, {t, t}, kB, c.fn});
  }
}

}  // namespace

namespace function_groups {

void AddTime(std::vector<Function>* out) {
  AddComparisons(out);
  const std::vector<Function> functions = {
      {"+", {kD, kI4}, kD, DatePlusInt},
      {"+", {kI4, kD}, kD, Swapped<DatePlusInt>},
      {"+", {kD, kT}, kS, DatePlusTime},
      {"+", {kT, kD}, kS, Swapped<DatePlusTime>},
      {"+", {kD, kV}, kS, DatePlusInterval},
      {"+", {kV, kD}, kS, Swapped<DatePlusInterval>},
      {"-", {kD, kI4}, kD, DateMinusInt},
      {"-", {kD, kD}, kI4, DateMinusDate},
      {"-", {kD, kV}, kS, DateMinusInterval},
      {"+", {kS, kV}, kS, TimestampPlus},
      {"+", {kV, kS}, kS, Swapped<TimestampPlus>},
      {"-", {kS, kV}, kS, TimestampMinus},
      {"-", {kS, kS}, kV, TimestampsBetween},
      {"+", {kZ, kV}, kZ, TzPlus},
      {"+", {kV, kZ}, kZ, Swapped<TzPlus>},
      {"-", {kZ, kV}, kZ, TzMinus},
      {"-", {kZ, kZ}, kV, TimestampsBetween},
      {"+", {kT, kV}, kT, TimePlus},
      {"+", {kV, kT}, kT, Swapped<TimePlus>},
      {"-", {kT, kV}, kT, TimeMinus},
      {"-", {kT, kT}, kV, TimesBetween},
      {"+", {kV, kV}, kV, IntervalPlus},
      {"-", {kV, kV}, kV, IntervalMinus},
      {"neg", {kV}, kV, IntervalNegate},
      {"*", {kV, kF}, kV, IntervalTimes},
      {"*", {kF, kV}, kV, Swapped<IntervalTimes>},
      {"/", {kV, kF}, kV, IntervalBy},
      {"timezone", {kX, kZ}, kS, AtNamedZone<false>},
      {"timezone", {kX, kS}, kZ, AtNamedZone<true>},
      {"timezone", {kV, kZ}, kS, AtOffset<false>},
      {"timezone", {kV, kS}, kZ, AtOffset<true>},
      {"now", {}, kZ, Now},
      {"transaction_timestamp", {}, kZ, Now},
      {"statement_timestamp", {}, kZ, Now},
      {"localtimestamp", {}, kS, LocalTimestamp},
      {"localtime", {}, kT, LocalTime},
      {"current_date", {}, kD, CurrentDate},
      {.name = "clock_timestamp",
       .args = {},
       .result = kZ,
       .fn = ClockTimestamp,
       .is_volatile = true},
      {.name = "timeofday", .args = {}, .result = kX, .fn = TimeOfDay, .is_volatile = true},
  };
  out->insert(out->end(), functions.begin(), functions.end());
  AddTimeParts(out);
  AddTimeMakers(out);
  AddTimeTemplates(out);
}

}  // namespace function_groups

}  // namespace isochron::sql
