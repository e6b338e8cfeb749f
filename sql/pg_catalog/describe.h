// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PG_CATALOG_DESCRIBE_H_
#define ISOCHRON_SQL_PG_CATALOG_DESCRIBE_H_

// Objects as SQL says them: what pg_get_constraintdef and its kin answer. Texts are PostgreSQL's,
// for programs read them.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sql/pg_catalog/snapshot.h"

namespace isochron::sql {

// By position in the table; "id, \"Name\"".
std::string ColumnList(const TableDescriptor& table, const std::vector<uint32_t>& positions);
// "PRIMARY KEY (id)", "FOREIGN KEY (a) REFERENCES t(id) ON DELETE CASCADE".
std::string ConstraintDefinition(const CatalogSnapshot& snapshot, const CatalogConstraint& c);
// "CREATE UNIQUE INDEX i ON public.t USING btree (a, b DESC)"; one key column alone for `column` >
// 0. A pretty one says the schema only where the table is not visible.
std::string IndexDefinition(const CatalogSnapshot& snapshot, const CatalogRelation& index,
                            int64_t column, bool pretty);
// A column's default, or what it is generated from, as an expression; "" without one, and for an
// identity column. Sequences have their schema where the search path does not lead to them.
std::string DefaultSql(const CatalogSnapshot& snapshot, const ColumnDescriptor& column);
// The sequences that an expression draws from or names.
std::vector<const CatalogRelation*> SequencesIn(const CatalogSnapshot& snapshot,
                                                absl::string_view sql);

// Positions of the columns that a constraint is about; none for a check.
std::vector<uint32_t> ConstraintColumns(const CatalogConstraint& c);
// "(n > 0)".
std::string CheckSql(const CatalogConstraint& c);
// The query of a view.
std::string ViewSql(const TableDescriptor& view);
// Of the relation or index, or of its table's column at that position; "" without one.
std::string CommentOf(const CatalogRelation& relation);
std::string CommentOf(const CatalogConstraint& constraint);
std::string CommentOf(const TableDescriptor& table, uint32_t column);
// "public.t_id_seq", the sequence that belongs to a column; "" without one.
std::string SequenceOf(const CatalogSnapshot& snapshot, const TableDescriptor& table,
                       uint32_t column);

struct IndexParts {
  std::vector<uint32_t> keys, include;  // positions
  std::vector<int64_t> options;         // of each key: 1 descending, 2 NULLs first
  bool unique = false;
  bool ready = true;  // holds all rows
};
IndexParts PartsOf(const CatalogRelation& index);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PG_CATALOG_DESCRIBE_H_
