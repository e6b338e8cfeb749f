// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_CATALOG_DATABASES_H_
#define ISOCHRON_SQL_CATALOG_DATABASES_H_

// Databases that are always there (docs/internals/databases.md).
//
//   isochron    the first one. Its catalog lies where the universe's does, and it has no
//               description: what it grants stands in the list of roles.
//   postgres    empty until somebody makes something in it: tools that make and drop databases
//               connect to it. Described like any other, from its first use on.
//   template0, template1   names that CREATE DATABASE takes for the empty database; nobody connects
//               to them.

#include "absl/strings/string_view.h"

namespace isochron::sql {

inline constexpr char kFirstDatabase[] = "isochron";
inline constexpr char kMaintenanceDatabase[] = "postgres";
inline constexpr char kMaintenanceComment[] = "default administrative connection database";

inline bool IsTemplateDatabase(absl::string_view name) {
  return name == "template0" || name == "template1";
}
inline bool IsAlwaysThere(absl::string_view name) {
  return name == kFirstDatabase || name == kMaintenanceDatabase || IsTemplateDatabase(name);
}

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_CATALOG_DATABASES_H_
