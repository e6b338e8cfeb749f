// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_QUOTE_H_
#define ISOCHRON_SQL_TYPES_QUOTE_H_

// Names as PostgreSQL writes them: quoted only where they must be. Pure.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace isochron::sql {

// A word of the grammar that cannot stand as a name everywhere.
bool IsKeyword(absl::string_view word);
// quote_ident.
std::string QuoteIfNeeded(absl::string_view name);
// The parts of a name like 'public."My Table"', those without quotes in lower case. 42602.
absl::StatusOr<std::vector<std::string>> SplitName(absl::string_view text);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_QUOTE_H_
