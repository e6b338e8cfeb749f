// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_CATALOG_TYPES_H_
#define ISOCHRON_SQL_TYPES_CATALOG_TYPES_H_

// The types of PostgreSQL's catalog: oid, xid, name, "char", and those that are an oid with a name
// (regclass, regtype, regproc, regnamespace).
//
// A value of the latter is the oid; what was looked up for it may go with it in the Datum's string
// and is what it prints as. It counts in no comparison and is not stored.

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sql/types/datum.h"

namespace isochron::sql {

inline bool IsRegType(Type t) {
  return t == Type::kRegclass || t == Type::kRegtype || t == Type::kRegproc ||
         t == Type::kRegnamespace;
}

Datum NamedOid(int64_t oid, std::string name);
// The name without quotes around it cut to the 63 bytes that a name has.
std::string CutName(absl::string_view name);
// False if `text` is no oid in digits; "-" is 0.
bool OidFromDigits(absl::string_view text, int64_t* oid);

bool IsCatalogType(Type t);
std::string CatalogTypeToText(Type type, const Datum& d);
// 22P02, 22003; 0A000 for a name where only a number is known.
absl::StatusOr<Datum> CatalogTypeFromText(Type type, absl::string_view text);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_CATALOG_TYPES_H_
