// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_TIME_TEXT_H_
#define ISOCHRON_SQL_TYPES_TIME_TEXT_H_

// timestamptz in words: PostgreSQL's output form and RFC 3339, and the forms of input that clients
// send. All in UTC; a zone offset in the input is honoured, a missing one means UTC.

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace isochron::sql {

// Years 1 to 9999.
inline constexpr int64_t kMinTimestampUs = -62135596800000000;
inline constexpr int64_t kMaxTimestampUs = 253402300799999999;

// "2024-01-02 03:04:05.5+00".
std::string FormatTimestamp(int64_t us);
// "2024-01-02T03:04:05.500000Z".
std::string FormatRfc3339(int64_t us);
// 22007 for a malformed one, 22008 out of range.
absl::StatusOr<int64_t> ParseTimestamp(absl::string_view text);
// "5s", "100ms", "2 min", "1h", "250" (with `default_unit_us`), "1.5 s". 22023 otherwise.
absl::StatusOr<int64_t> ParseDuration(absl::string_view text, int64_t default_unit_us);

struct CivilTime {
  int64_t year;
  int month, day, hour, minute, second, micro;
};
CivilTime ToCivil(int64_t us);
int64_t FromCivil(const CivilTime& c);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_TIME_TEXT_H_
