// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PG_CATALOG_OIDS_H_
#define ISOCHRON_SQL_PG_CATALOG_OIDS_H_

// Numbers of relations as clients of PostgreSQL see them: computed from a table's id, so that they
// stay, the same on all nodes.

#include <cstdint>

#include "absl/strings/string_view.h"
#include "common/types.h"

namespace isochron::sql {

inline constexpr int64_t kOidsOfTable = 1024;
inline constexpr int64_t kMostTables = 1 << 20;

// For what has a name and no number. Above those by id.
int64_t HashedOid(absl::string_view text);
// A relation's in pg_class: a table's, a view's, a sequence's.
int64_t TableOid(TableId id);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PG_CATALOG_OIDS_H_
