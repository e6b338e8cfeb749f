// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_CATALOG_SYSTEM_TABLES_H_
#define ISOCHRON_SQL_CATALOG_SYSTEM_TABLES_H_

// The tables of the schema `isochron`: what a node knows about its universe, as rows.
//
// Their columns are fixed here; the server supplies the rows through SystemTables. Columns are only
// ever added. A column marked `is_key` is supplied as raw key bytes and shown as a readable key.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/request_context.h"
#include "common/task.h"
#include "sql/types/datum.h"

namespace isochron::sql {

struct SystemColumn {
  const char* name;
  Type type;
  bool is_key = false;
};

struct SystemTableDef {
  const char* name;  // without the schema
  std::vector<SystemColumn> columns;
};

// All of them, by name.
const std::vector<SystemTableDef>& SystemTableDefs();
// Null if there is none.
const SystemTableDef* FindSystemTable(absl::string_view name);

class SystemTables {
 public:
  virtual ~SystemTables() = default;
  // Rows of the table `name`, shaped as its definition says. May ask other nodes; bounded by ctx.
  virtual Task<absl::StatusOr<std::vector<Row>>> Rows(Ctx ctx, std::string name) = 0;
  // How many clients are connected to the database, at any node that answers; bounded by ctx.
  virtual Task<absl::StatusOr<int64_t>> Connections(Ctx ctx, std::string database) = 0;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_CATALOG_SYSTEM_TABLES_H_
