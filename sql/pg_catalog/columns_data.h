// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PG_CATALOG_COLUMNS_DATA_H_
#define ISOCHRON_SQL_PG_CATALOG_COLUMNS_DATA_H_

// What columns.h is made of: each table in a line. Private to this package.

#include <cstdint>
#include <vector>

namespace isochron::sql {

struct CatalogTableData {
  int32_t oid;
  const char* name;
  char kind;            // 'r' or 'v'
  const char* columns;  // "name type, name type"
};

const std::vector<CatalogTableData>& PgCatalogColumns();
const std::vector<CatalogTableData>& InformationSchemaColumns();

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PG_CATALOG_COLUMNS_DATA_H_
