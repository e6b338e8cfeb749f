// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PG_CATALOG_PG_TYPES_H_
#define ISOCHRON_SQL_PG_CATALOG_PG_TYPES_H_

// What pg_type says of a type beside type_info.h: how PostgreSQL stores it. Programs read it to
// choose a form of theirs.

#include <cstdint>

#include "sql/types/datum.h"

namespace isochron::sql {

struct PgTypeFacts {
  Type type;
  bool by_value;
  char align, storage;
  const char* prefix;      // of its functions for input, output and the wire
  int32_t operator_class;  // of an index over it by default; 0: it cannot be indexed
  const char* operator_class_name;
  int32_t operator_family;
};

// Of the type itself; an array has those of kText.
const PgTypeFacts& PgFactsOf(Type type);
int64_t CollationOf(Type type);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PG_CATALOG_PG_TYPES_H_
