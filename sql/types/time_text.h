// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_TIME_TEXT_H_
#define ISOCHRON_SQL_TYPES_TIME_TEXT_H_

// Points in time as the API and settings write them: RFC 3339, and every form of PostgreSQL's input
// that names one moment. All in UTC; a zone in the input is honoured, a missing one means UTC.

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sql/types/calendar.h"

namespace isochron::sql {

// Years 1 to 9999.
inline constexpr int64_t kMinTimestampUs = -62135596800000000;
inline constexpr int64_t kMaxTimestampUs = 253402300799999999;

// "2024-01-02T03:04:05.500000Z".
std::string FormatRfc3339(int64_t us);
// 22007 for a malformed one, 22008 out of range.
absl::StatusOr<int64_t> ParseTimestamp(absl::string_view text);
// "5s", "100ms", "2 min", "1h", "250" (with `default_unit_us`), "1.5 s". 22023 otherwise.
absl::StatusOr<int64_t> ParseDuration(absl::string_view text, int64_t default_unit_us);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_TIME_TEXT_H_
