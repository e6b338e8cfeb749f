// SPDX-License-Identifier: Apache-2.0
#include "sql/types/time_zone.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "sql/types/calendar.h"

namespace isochron::sql {
namespace {

constexpr char kZoneFolder[] = "/usr/share/zoneinfo";
constexpr int kMaxOffset = 168 * 3600;  // of a POSIX text, as PostgreSQL has it

// Lower case to the name's own spelling.
const std::map<std::string, std::string>& NamesByLower() {
  static const auto* names = [] {
    auto* out = new std::map<std::string, std::string>;
    std::error_code error;
    const std::filesystem::path root(kZoneFolder);
    for (std::filesystem::recursive_directory_iterator it(root, error), end; !error && it != end;
         it.increment(error)) {
      const std::string name = it->path().lexically_relative(root).string();
      // Folders of the same zones in other forms, and files that are no zones.
      if (name == "posix" || name == "right") {
        it.disable_recursion_pending();
        continue;
      }
      const bool plain = name.find('.') == std::string::npos && absl::ascii_isupper(name[0]);
      if (plain && !it->is_directory(error)) (*out)[absl::AsciiStrToLower(name)] = name;
    }
    return out;
  }();
  return *names;
}

bool EatNumber(absl::string_view* in, int limit, int* v) {
  size_t n = 0;
  *v = 0;
  while (n < in->size() && n < 4 && absl::ascii_isdigit((*in)[n])) *v = *v * 10 + (*in)[n++] - '0';
  in->remove_prefix(n);
  return n > 0 && *v <= limit;
}

// "FOO+3", "<-03>3", "+05:30": a name, then hours west.
bool ParsePosix(absl::string_view text, TimeZone* out) {
  absl::string_view rest = text;
  std::string abbreviation;
  if (!rest.empty() && rest[0] == '<') {
    const size_t end = rest.find('>');
    if (end == absl::string_view::npos) return false;
    abbreviation = std::string(rest.substr(1, end - 1));
    rest.remove_prefix(end + 1);
  } else {
    size_t n = 0;
    while (n < rest.size() && absl::ascii_isalpha(rest[n])) ++n;
    abbreviation = std::string(rest.substr(0, n));
    rest.remove_prefix(n);
  }
  int sign = -1;
  if (!rest.empty() && (rest[0] == '+' || rest[0] == '-')) {
    if (rest[0] == '-') sign = 1;
    rest.remove_prefix(1);
  }
  int seconds = 0, part = 0;
  if (!EatNumber(&rest, 167, &part)) return false;
  seconds = part * 3600;
  for (const int unit : {60, 1}) {
    if (rest.empty()) break;
    if (rest[0] != ':') return false;
    rest.remove_prefix(1);
    if (!EatNumber(&rest, 59, &part)) return false;
    seconds += part * unit;
  }
  if (!rest.empty() || seconds >= kMaxOffset) return false;
  *out = TimeZone::Fixed(sign * seconds, std::string(text), std::move(abbreviation));
  return true;
}

}  // namespace

TimeZone TimeZone::Fixed(int offset_s, std::string name, std::string abbreviation) {
  TimeZone zone;
  zone.offset_s_ = offset_s;
  zone.name_ = std::move(name);
  zone.abbreviation_ = std::move(abbreviation);
  return zone;
}

bool TimeZone::Find(absl::string_view name, TimeZone* out) {
  if (name.empty() || name.size() > 255) return false;
  const std::string lower = absl::AsciiStrToLower(name);
  // Known without tzdata, and the fastest.
  for (const char* utc : {"UTC", "GMT", "Etc/UTC", "UCT", "Etc/GMT", "Zulu", "Universal"}) {
    if (lower != absl::AsciiStrToLower(utc)) continue;
    *out = Fixed(0, utc, absl::StrContains(lower, "gmt") ? "GMT" : "UTC");
    return true;
  }
  auto found = NamesByLower().find(lower);
  if (found == NamesByLower().end()) return ParsePosix(name, out);
  TimeZone zone;
  if (!absl::LoadTimeZone(found->second, &zone.zone_)) return false;
  zone.fixed_ = false;
  zone.name_ = found->second;
  *out = std::move(zone);
  return true;
}

TimeZone::Local TimeZone::At(int64_t utc_us) const {
  if (fixed_) return {offset_s_, false, abbreviation_};
  const absl::TimeZone::CivilInfo info = zone_.At(absl::FromUnixMicros(utc_us));
  return {info.offset, info.is_dst, info.zone_abbr};
}

int TimeZone::OffsetAt(int64_t utc_us) const {
  return fixed_ ? offset_s_ : zone_.At(absl::FromUnixMicros(utc_us)).offset;
}

int TimeZone::OffsetOfLocal(int64_t local_us) const {
  if (fixed_) return offset_s_;
  const int64_t second = FloorDiv(local_us, kSecondUs);
  const absl::CivilSecond local = absl::CivilSecond(1970, 1, 1) + second;
  const absl::TimeZone::TimeInfo info = zone_.At(local);
  const absl::Time utc = info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.pre : info.post;
  return static_cast<int>(second - absl::ToUnixSeconds(utc));
}

bool TimeZoneOfHours(absl::string_view text, TimeZone* out) {
  double hours = 0;
  if (text.find_first_not_of("+-0123456789.") != absl::string_view::npos ||
      !absl::SimpleAtod(text, &hours) || !(std::fabs(hours) * 3600 < kMaxOffset)) {
    return false;
  }
  *out = TimeZoneOfOffset(static_cast<int>(hours * 3600));
  return true;
}

TimeZone TimeZoneOfOffset(int offset_s) {
  if (offset_s == 0) return TimeZone::Fixed(0, "UTC", "UTC");
  const int abs = std::abs(offset_s);
  std::string digits = absl::StrFormat("%02d", abs / 3600);
  if (abs % 3600 != 0) absl::StrAppendFormat(&digits, ":%02d", abs / 60 % 60);
  if (abs % 60 != 0) absl::StrAppendFormat(&digits, ":%02d", abs % 60);
  const std::string east = absl::StrCat(offset_s < 0 ? "-" : "+", digits);
  return TimeZone::Fixed(offset_s, absl::StrCat("<", east, ">", offset_s < 0 ? "+" : "-", digits),
                         east);
}

const std::vector<std::string>& TimeZoneNames() {
  static const auto* names = [] {
    auto* out = new std::vector<std::string>;
    for (const auto& [lower, name] : NamesByLower()) out->push_back(name);
    std::sort(out->begin(), out->end());
    return out;
  }();
  return *names;
}

}  // namespace isochron::sql
