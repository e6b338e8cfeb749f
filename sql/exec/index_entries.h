// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_EXEC_INDEX_ENTRIES_H_
#define ISOCHRON_SQL_EXEC_INDEX_ENTRIES_H_

// The entry of a row in an index, computed values and predicates included. Pure: writers, whoever
// fills an index and whoever checks one get the same for the same row.

#include <optional>

#include "absl/status/statusor.h"
#include "sql/catalog/index_codec.h"
#include "sql/planner/index_rules.h"

namespace isochron::sql {

// Nothing where a partial index leaves the row out. With `full`, the row goes there, with what the
// index computes of it. The error of an expression.
absl::StatusOr<std::optional<IndexEntry>> MakeEntry(const TableDescriptor& table,
                                                    const IndexDescriptor& index,
                                                    const IndexRules& rules, const Row& row,
                                                    Row* full = nullptr);

// Of a row that stands: one for which an expression fails can have none.
std::optional<IndexEntry> StandingEntry(const TableDescriptor& table, const IndexDescriptor& index,
                                        const IndexRules& rules, const Row& row);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_EXEC_INDEX_ENTRIES_H_
