// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_CATALOG_INFORMATION_SCHEMA_H_
#define ISOCHRON_SQL_CATALOG_INFORMATION_SCHEMA_H_

// The little of information_schema that tools ask for first: tables and columns, and the database's
// options, whose rows are in the store.

#include <vector>

#include "absl/strings/string_view.h"
#include "sql/catalog/descriptor.h"
#include "sql/catalog/system_tables.h"

namespace isochron::sql {

// Null if there is none of that name.
const SystemTableDef* FindInformationSchemaTable(absl::string_view name);
// Its rows, made from the tables that stand.
std::vector<Row> InformationSchemaRows(absl::string_view name, const std::vector<TablePtr>& tables);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_CATALOG_INFORMATION_SCHEMA_H_
