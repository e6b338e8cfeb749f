// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PG_CATALOG_ROWS_H_
#define ISOCHRON_SQL_PG_CATALOG_ROWS_H_

// The rows of pg_catalog and information_schema, computed from a snapshot of the objects.
//
// A table without an entry here is empty because the database has no such objects: it cannot have
// triggers, rules, policies, extensions, publications and so on.

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sql/binder/catalog_reader.h"
#include "sql/pg_catalog/columns.h"
#include "sql/pg_catalog/snapshot.h"

namespace isochron::sql {

// What rows are made from.
// An index that is being filled, and how many rows of its table were looked at.
struct IndexProgress {
  TableId table;
  uint64_t index = 0;
  uint64_t rows = 0;
};

struct CatalogContext {
  const CatalogSnapshot* snapshot = nullptr;
  const SessionReader* session = nullptr;  // may be null
  // Of other tables of the catalog, for those that are views of them.
  const CatalogReader* reader = nullptr;
  int64_t now_us = 0;  // the statement's now()
  const std::vector<IndexProgress>* progress = nullptr;
};

// Fills in rows by the columns' names. A column that is not set has what is nothing for its type in
// PostgreSQL's catalog: 0, false, an empty name; NULL for texts, arrays and in views.
class RowMaker {
 public:
  RowMaker(const CatalogTable& table, std::vector<Row>* out);
  RowMaker& New();
  RowMaker& Set(absl::string_view column, Datum value);
  RowMaker& Text(absl::string_view column, absl::string_view value) {
    return Set(column, Datum::String(std::string(value)));
  }
  RowMaker& Int(absl::string_view column, int64_t value) { return Set(column, Datum::Int(value)); }
  RowMaker& Bool(absl::string_view column, bool value) { return Set(column, Datum::Bool(value)); }
  // "YES" or "NO".
  RowMaker& YesNo(absl::string_view column, bool value) {
    return Text(column, value ? "YES" : "NO");
  }

 private:
  const CatalogTable& table_;
  std::vector<Row>* const out_;
  std::map<absl::string_view, size_t> columns_;
  Row nothing_;
};

using MakeRows = void (*)(const CatalogContext& context, RowMaker* out);

// By table; null for one that is always empty.
MakeRows RowsOfPgCatalog(absl::string_view table);
MakeRows RowsOfInformationSchema(absl::string_view table);

namespace catalog_rows {
using Makers = std::map<std::string, MakeRows, std::less<>>;
// Each source file adds its part.
void AddRelations(Makers* out);
void AddTypes(Makers* out);
void AddServer(Makers* out);
void AddViews(Makers* out);
void AddFunctions(Makers* out);
void AddInformation(Makers* out);
}  // namespace catalog_rows

// An array of small integers, or of oids, that begins at 0.
Datum VectorOf(const std::vector<int64_t>& values);
Datum TextArray(const std::vector<std::string>& values);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PG_CATALOG_ROWS_H_
