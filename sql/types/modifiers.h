// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_MODIFIERS_H_
#define ISOCHRON_SQL_TYPES_MODIFIERS_H_

// What a type's modifier does to a value: varchar(n) and char(n) bound its length, numeric(p, s)
// its digits. Pure.

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "sql/types/datum.h"

namespace isochron::sql {

// Brings *value, of type `type`, into what `typmod` allows; NULL stays. A text that is too long is
// cut where CAST says so (`is_explicit`); elsewhere only blanks at its end are. 22001, 22003.
absl::Status ApplyTypmod(Type type, int32_t typmod, bool is_explicit, Datum* value);

// A char(n) without the blanks at its end, which do not count.
inline absl::string_view TrimmedBpchar(absl::string_view text) {
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_MODIFIERS_H_
