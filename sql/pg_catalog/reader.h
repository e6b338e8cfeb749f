// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PG_CATALOG_READER_H_
#define ISOCHRON_SQL_PG_CATALOG_READER_H_

// The catalog as one statement sees it. Rows of a table are made when they are first asked for and
// kept; so is an index over a column that is looked up by. Owned by the statement's execution.

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "sql/binder/catalog_reader.h"
#include "sql/pg_catalog/rows.h"
#include "sql/pg_catalog/snapshot.h"

namespace isochron::sql {

class CatalogReaderImpl : public CatalogReader {
 public:
  // `session` outlives it; may be null.
  CatalogReaderImpl(std::vector<TablePtr> tables, const SessionReader* session, int64_t now_us);

  // Before any row is asked for.
  void SetProgress(std::vector<IndexProgress> progress) { progress_ = std::move(progress); }

  absl::StatusOr<int64_t> OidOfName(Type type, absl::string_view text) const override;
  std::string NameOfOid(Type type, int64_t oid) const override;
  absl::Status Call(CatalogCall call, const Datum* args, size_t count, Datum* out) const override;
  const std::vector<Row>& Rows(absl::string_view schema, absl::string_view name) const override;
  std::vector<size_t> RowsWhere(absl::string_view schema, absl::string_view name, size_t column,
                                const Datum& value) const override;

 private:
  using Places = absl::flat_hash_map<std::string, std::vector<size_t>>;  // lint: no iteration
  struct Kept {
    std::vector<Row> rows;
    std::map<size_t, Places> by_column;
  };

  Kept& Of(absl::string_view schema, absl::string_view name) const;
  // As regtype reads it; null if users made none of that name.
  const CatalogType* MadeTypeOf(absl::string_view text) const;
  absl::StatusOr<int64_t> ClassOfName(absl::string_view text) const;
  absl::Status ObjectComment(const Datum* args, size_t count, Datum* out) const;
  absl::Status SerialSequence(const Datum* args, Datum* out) const;
  absl::Status Privilege(CatalogCall call, const Datum* args, size_t count, Datum* out) const;
  absl::StatusOr<uint64_t> RoleArgument(const Datum& role) const;
  absl::Status DefaultRights(const Datum* args, Datum* out) const;

  std::vector<IndexProgress> progress_;
  const CatalogSnapshot snapshot_;
  const CatalogContext context_;
  mutable std::map<std::string, Kept> kept_;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PG_CATALOG_READER_H_
