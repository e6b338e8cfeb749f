// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PG_CATALOG_FUNCTIONS_H_
#define ISOCHRON_SQL_PG_CATALOG_FUNCTIONS_H_

// The functions that there are, with the numbers by which pg_proc knows them. A number is a
// function's place among all: it may be another in another version of the program.

#include <cstdint>
#include <string>
#include <vector>

namespace isochron::sql {

struct CatalogFunction {
  int64_t oid = 0;
  std::string name;
  std::vector<int32_t> args;  // oids of types, pseudo-types too
  int32_t result = 0;
  bool strict = true;
  bool is_volatile = false;
  bool variadic = false;
};

// Those that expressions call, and those by which PostgreSQL reads and writes each type: drivers
// look the latter up in pg_type.
const std::vector<CatalogFunction>& AllCatalogFunctions();
// Of the first of that name; 0 if there is none.
int64_t CatalogFunctionOid(const std::string& name);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PG_CATALOG_FUNCTIONS_H_
