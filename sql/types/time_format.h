// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_TIME_FORMAT_H_
#define ISOCHRON_SQL_TYPES_TIME_FORMAT_H_

// Templates of to_char, to_date and to_timestamp: "YYYY-MM-DD HH24:MI:SS", as PostgreSQL has them.
//
// A template falls into fields (a pattern with FM, TM, TH) and text between them. Pure. Month and
// day names are English.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sql/types/calendar.h"
#include "sql/types/interval.h"
#include "sql/types/time_zone.h"

namespace isochron::sql {

namespace time_format {

enum class Pattern : uint8_t {
  kBcDots,
  kBc,
  kAmDots,
  kAm,
  kCc,
  kDay,
  kDdd,
  kDd,
  kDy,
  kD,
  kFf,
  kFx,
  kHh24,
  kHh12,
  kIddd,
  kId,
  kIw,
  kIyyy,
  kIyy,
  kIy,
  kI,
  kJ,
  kMi,
  kMm,
  kMonth,
  kMon,
  kMs,
  kOf,
  kQ,
  kRm,
  kSssss,
  kSs,
  kTzh,
  kTzm,
  kTz,
  kUs,
  kWw,
  kW,
  kYComma,
  kYyyy,
  kYyy,
  kYy,
  kY,
};
enum class Letters : uint8_t { kUpper, kCapital, kLower };

struct Node {
  enum class Kind : uint8_t { kField, kSpace, kSeparator, kText } kind = Kind::kText;
  std::string text;  // of a field as written; else one character
  Pattern pattern = Pattern::kD;
  Letters letters = Letters::kUpper;
  bool is_digit = false;
  int digits = 0;          // of kFf
  bool fill = false;       // FM
  bool translate = false;  // TM
  char ordinal = 0;        // 'T' for TH, 't' for th
};

std::vector<Node> ParseTemplate(absl::string_view text);

}  // namespace time_format

// What to_char writes of.
struct FormattedTime {
  CivilTime c{};
  int64_t days = 0;   // of the date, since 1970
  int64_t hours = 0;  // of an interval they may be any number
  bool interval = false;
  bool zoned = false;
  TimeZone::Local zone;
};
// 22007 for what an interval does not have.
absl::StatusOr<std::string> FormatWithTemplate(absl::string_view text, const FormattedTime& time);

// What to_date and to_timestamp read.
struct ScannedTime {
  CivilTime c{};
  bool has_zone = false;
  int offset_s = 0;
};
// 22007, 22008.
absl::StatusOr<ScannedTime> ScanWithTemplate(absl::string_view input, absl::string_view text);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_TIME_FORMAT_H_
