// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_UUID_H_
#define ISOCHRON_SQL_TYPES_UUID_H_

// uuid: 16 bytes, in a Datum's string, ordered as bytes. Pure.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace isochron::sql {

inline constexpr size_t kUuidBytes = 16;

// "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11".
std::string UuidToText(absl::string_view bytes);
// Either case, braces round it, a hyphen after any four digits or none. 22P02.
absl::StatusOr<std::string> UuidFromText(absl::string_view text);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_UUID_H_
