// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_CATALOG_INFORMATION_SCHEMA_H_
#define ISOCHRON_SQL_CATALOG_INFORMATION_SCHEMA_H_

// What information_schema has beside PostgreSQL's tables (sql/pg_catalog): the database's options,
// whose rows are in the store.

#include "absl/strings/string_view.h"
#include "sql/catalog/system_tables.h"

namespace isochron::sql {

// Null if there is none of that name.
const SystemTableDef* FindInformationSchemaTable(absl::string_view name);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_CATALOG_INFORMATION_SCHEMA_H_
