// SPDX-License-Identifier: Apache-2.0
#include "sql/types/datetime_text.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "sql/types/calendar.h"

namespace isochron::sql {
namespace {

constexpr char kBc[] = " BC";

void AppendDate(const CivilTime& c, std::string* out) {
  absl::StrAppendFormat(out, "%04d-%02d-%02d", c.year > 0 ? c.year : 1 - c.year, c.month, c.day);
}

// ".5" for half a second; nothing for none.
void AppendFraction(int64_t us, std::string* out) {
  if (us == 0) return;
  absl::StrAppendFormat(out, ".%06d", us);
  while (out->back() == '0') out->pop_back();
}

void AppendClock(const CivilTime& c, std::string* out) {
  absl::StrAppendFormat(out, "%02d:%02d:%02d", c.hour, c.minute, c.second);
  AppendFraction(c.micro, out);
}

const char* Infinite(int64_t v) { return v > 0 ? "infinity" : "-infinity"; }

uint64_t Magnitude(int64_t v) {
  return v < 0 ? ~static_cast<uint64_t>(v) + 1 : static_cast<uint64_t>(v);
}

}  // namespace

std::string FormatDate(int64_t days) {
  if (IsInfiniteDate(days)) return Infinite(days);
  const CivilTime c = CivilFromDays(days);
  std::string out;
  AppendDate(c, &out);
  if (c.year <= 0) out += kBc;
  return out;
}

std::string FormatTime(int64_t us) {
  std::string out =
      absl::StrFormat("%02d:%02d:%02d", us / kHourUs, us / kMinuteUs % 60, us / kSecondUs % 60);
  AppendFraction(us % kSecondUs, &out);
  return out;
}

std::string FormatTimestamp(int64_t us, char separator) {
  if (IsInfiniteTimestamp(us)) return Infinite(us);
  const CivilTime c = ToCivil(us);
  std::string out;
  AppendDate(c, &out);
  out.push_back(separator);
  AppendClock(c, &out);
  if (c.year <= 0) out += kBc;
  return out;
}

std::string FormatOffset(int offset_s, bool minutes_always) {
  const int abs = std::abs(offset_s);
  std::string out = absl::StrFormat("%c%02d", offset_s < 0 ? '-' : '+', abs / 3600);
  if (minutes_always || abs % 3600 != 0) absl::StrAppendFormat(&out, ":%02d", abs / 60 % 60);
  if (abs % 60 != 0) absl::StrAppendFormat(&out, ":%02d", abs % 60);
  return out;
}

std::string FormatTimestamptz(int64_t us, const TimeZone& zone, char separator) {
  if (IsInfiniteTimestamp(us)) return Infinite(us);
  const int offset_s = zone.OffsetAt(us);
  const CivilTime c = ToCivil(us + offset_s * kSecondUs);
  std::string out;
  AppendDate(c, &out);
  out.push_back(separator);
  AppendClock(c, &out);
  out += FormatOffset(offset_s, separator == 'T');
  if (c.year <= 0) out += kBc;
  return out;
}

std::string FormatInterval(const Interval& v) {
  std::string out;
  bool before = false;  // the part before was negative: a positive one says so
  const auto part = [&](int64_t n, const char* unit) {
    if (n == 0) return;
    absl::StrAppend(&out, out.empty() ? "" : " ", before && n > 0 ? "+" : "", n, " ", unit,
                    n == 1 ? "" : "s");
    before = n < 0;
  };
  part(v.months / 12, "year");
  part(v.months % 12, "mon");
  part(v.days, "day");
  if (!out.empty() && v.us == 0) return out;
  const uint64_t us = Magnitude(v.us);
  absl::StrAppend(&out, out.empty() ? "" : " ", v.us < 0 ? "-" : before ? "+" : "");
  absl::StrAppendFormat(&out, "%02d:%02d:%02d", us / kHourUs, us / kMinuteUs % 60,
                        us / kSecondUs % 60);
  AppendFraction(static_cast<int64_t>(us % kSecondUs), &out);
  return out;
}

std::string FormatIntervalIso(const Interval& v) {
  std::string out = "P";
  const auto part = [&](int64_t n, char unit) {
    if (n != 0) absl::StrAppend(&out, n, std::string(1, unit));
  };
  part(v.months / 12, 'Y');
  part(v.months % 12, 'M');
  part(v.days, 'D');
  if (v.us == 0) return out.size() == 1 ? "P0Y" : out;
  out.push_back('T');
  part(v.us / kHourUs, 'H');
  part(v.us / kMinuteUs % 60, 'M');
  const int64_t rest = v.us % kMinuteUs;
  if (rest != 0) {
    absl::StrAppend(&out, rest < 0 ? "-" : "", std::abs(rest) / kSecondUs);
    AppendFraction(std::abs(rest) % kSecondUs, &out);
    out.push_back('S');
  }
  return out;
}

}  // namespace isochron::sql
