// SPDX-License-Identifier: Apache-2.0
#include "sql/types/time_text.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status_macros.h"
#include "sql/types/datetime_parse.h"
#include "sql/types/error.h"

namespace isochron::sql {
std::string FormatRfc3339(int64_t us) {
  const CivilTime c = ToCivil(us);
  return absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", c.year, c.month, c.day, c.hour,
                         c.minute, c.second, c.micro);
}

absl::StatusOr<int64_t> ParseTimestamp(absl::string_view text) {
  uint8_t uses = 0;
  ISO_ASSIGN_OR_RETURN(const int64_t us, ParseTimestamptz(text, PlainTimeContext(), &uses));
  if ((uses & kUsesNow) != 0 || us < kMinTimestampUs || us > kMaxTimestampUs) {
    return SqlError(sqlstate::kDatetimeOverflow,
                    absl::StrCat("date/time field value out of range: \"", text, "\""));
  }
  return us;
}

absl::StatusOr<int64_t> ParseDuration(absl::string_view text, int64_t default_unit_us) {
  const absl::string_view t = absl::StripAsciiWhitespace(text);
  size_t n = 0;
  while (n < t.size() && (absl::ascii_isdigit(t[n]) || t[n] == '.')) ++n;
  const std::string unit = absl::AsciiStrToLower(absl::StripAsciiWhitespace(t.substr(n)));
  double number = 0;
  double scale = -1;
  if (unit.empty()) scale = static_cast<double>(default_unit_us);
  if (unit == "us") scale = 1;
  if (unit == "ms") scale = 1e3;
  if (unit == "s" || unit == "sec" || unit == "second" || unit == "seconds") scale = 1e6;
  if (unit == "m" || unit == "min" || unit == "minute" || unit == "minutes") scale = 60e6;
  if (unit == "h" || unit == "hour" || unit == "hours") scale = 3600e6;
  if (unit == "d" || unit == "day" || unit == "days") scale = 86400e6;
  if (n == 0 || scale < 0 || !absl::SimpleAtod(t.substr(0, n), &number) || number * scale > 9e15) {
    return SqlError(sqlstate::kInvalidParameter, absl::StrCat("invalid duration \"", text, "\""),
                    -1, "Write a number and a unit, for example 5s, 100ms or 2min.");
  }
  return std::llround(number * scale);
}

}  // namespace isochron::sql
