// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_CATALOG_INDEX_CODEC_H_
#define ISOCHRON_SQL_CATALOG_INDEX_CODEC_H_

// Entries of secondary indexes to bytes and back.
//
// Key: TableDataPrefix(table, index), the index's columns, then those columns of the primary key
// that are not among them: except where the index is unique and none of its columns is NULL, so
// that two rows with the same values meet at one key. Value: a format byte, then (column id, tag,
// payload) of what the index stores beside: the rest of the primary key where the key has it not,
// INCLUDE columns, and values that their key part does not give back exactly. NULLs are left out.
//
// An entry is a function of its row alone: who has the row before and after a change knows which
// entries go and which come.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "sql/catalog/descriptor.h"

namespace isochron::sql {

struct IndexEntry {
  std::string key;
  std::string value;
  bool exclusive = false;  // no other row may have an entry with this key
};

std::string IndexPrefix(const TableDescriptor& table, const IndexDescriptor& index);
// A key part in a direction of its own. `d` has the shape of `type`.
void AppendIndexPart(Type type, const Datum& d, const IndexColumn& column, std::string* key);
// The entry of `row`.
IndexEntry EncodeIndexEntry(const TableDescriptor& table, const IndexDescriptor& index,
                            const Row& row);
// Fills the columns that the index holds into *row, which gets the table's width; others are NULL.
// DATA_LOSS if the bytes are not an entry of `index`.
absl::Status DecodeIndexEntry(const TableDescriptor& table, const IndexDescriptor& index,
                              absl::string_view key, absl::string_view value, Row* row);
// By position: whether an entry tells the column's value.
std::vector<bool> IndexedColumns(const TableDescriptor& table, const IndexDescriptor& index);
// Whether a row with new values in the columns that `changed` marks may have another entry.
bool IndexDependsOn(const TableDescriptor& table, const IndexDescriptor& index,
                    const std::vector<bool>& changed);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_CATALOG_INDEX_CODEC_H_
