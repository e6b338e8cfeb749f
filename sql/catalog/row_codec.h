// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_CATALOG_ROW_CODEC_H_
#define ISOCHRON_SQL_CATALOG_ROW_CODEC_H_

// Rows to bytes and back.
//
// Key: TableDataPrefix, then the key columns, memcomparable. Value: a format byte, then
// (column id, tag, payload) for every other column that is not NULL, by ascending id. Key columns
// are repeated in the value only where the key does not give them back exactly. Unknown column ids
// in a value are skipped, absent ones are NULL or what the descriptor says of rows that were
// written before the column was added (then NULL is written out), so that adding and dropping a
// column rewrites nothing.

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/coding.h"
#include "common/key_encoding.h"
#include "sql/catalog/descriptor.h"

namespace isochron::sql {

// Appends one key column's value. `d` has the shape of `type`; NULL sorts last, as PostgreSQL has
// it.
void AppendKeyPart(Type type, const Datum& d, std::string* key);
// Takes one key column's value off.
absl::Status ReadKeyPart(Type type, KeyReader* in, Datum* d);
// Whether a key part gives back the very value that went in, not only an equal one: 1.10 comes back
// as 1.1. What does not is also in the row's value.
bool KeyPartIsExact(Type type);
// What the keys of all rows begin with.
std::string RowPrefix(const TableDescriptor& table);
// The key of `row`.
std::string EncodeRowKey(const TableDescriptor& table, const Row& row);
std::string EncodeRowValue(const TableDescriptor& table, const Row& row);
// Fills *row to the table's width. DATA_LOSS if the bytes are not a row of `table`.
absl::Status DecodeRow(const TableDescriptor& table, absl::string_view key, absl::string_view value,
                       Row* row);

// A tagged value: also used by descriptors.
void WriteDatum(const Datum& d, Writer* out);
bool ReadDatum(Reader* in, Datum* d);
// NULL, or of the shape that values of `type` have.
bool HasShapeOf(Type type, const Datum& d);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_CATALOG_ROW_CODEC_H_
