// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PG_CATALOG_COLUMNS_H_
#define ISOCHRON_SQL_PG_CATALOG_COLUMNS_H_

// The tables of pg_catalog and information_schema: their names, numbers and columns, as PostgreSQL
// 15 has them. A type that we do not have stands as the one it is written like: pg_node_tree and
// pg_lsn as text, aclitem[] as text[], the domains of information_schema as what they are over.
//
// Those of pg_catalog that are no views have a column `tableoid` behind the others, and
// information_schema.columns has `key_position`: found by name only.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sql/catalog/system_tables.h"

namespace isochron::sql {

struct CatalogTable {
  int32_t oid = 0;
  std::string schema, name;
  bool view = false;
  std::vector<std::string> column_names;  // what `def` points to
  SystemTableDef def;
  size_t visible = 0;  // columns from there on are found by name only
  // -1 if there is none.
  int FindColumn(absl::string_view column) const;
};

// By schema and name.
const std::vector<CatalogTable>& CatalogTables();
// Null if there is none. `schema` may be empty for one of pg_catalog.
const CatalogTable* FindCatalogTable(absl::string_view schema, absl::string_view name);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PG_CATALOG_COLUMNS_H_
