// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_FLOAT_TEXT_H_
#define ISOCHRON_SQL_TYPES_FLOAT_TEXT_H_

// real and double precision in words: the shortest decimal that reads back as the same number, in
// PostgreSQL's layout. Pure.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sql/types/datum.h"

namespace isochron::sql {

// `type`: kFloat4 or kFloat8. A real is a double that a float holds exactly.
std::string FloatToText(Type type, double v);
// 22P02, 22003 for what is too large or too near to zero.
absl::StatusOr<double> FloatFromText(Type type, absl::string_view text);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_FLOAT_TEXT_H_
