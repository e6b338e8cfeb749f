// SPDX-License-Identifier: Apache-2.0
#include "sql/catalog/index_codec.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/coding.h"
#include "common/key_encoding.h"
#include "sql/catalog/layout.h"
#include "sql/catalog/row_codec.h"

namespace isochron::sql {
namespace {

constexpr uint8_t kFormat = 1;

bool InIndexKey(const IndexDescriptor& index, uint32_t column) {
  return std::any_of(index.columns.begin(), index.columns.end(),
                     [column](const IndexColumn& c) { return c.column == column; });
}

bool IsExclusive(const IndexDescriptor& index, const Row& row) {
  return index.unique &&
         std::none_of(index.columns.begin(), index.columns.end(),
                      [&](const IndexColumn& c) { return row[c.column].is_null(); });
}

void Complement(std::string* key, size_t from) {
  for (size_t i = from; i < key->size(); ++i) (*key)[i] = static_cast<char>(~(*key)[i]);
}

absl::Status ReadIndexPart(Type type, const IndexColumn& column, KeyReader* in, Datum* d) {
  if (!column.descending || in->Peek() == KeyPart::kNull) return ReadKeyPart(type, in, d);
  const absl::string_view before = in->rest();
  absl::Status skipped = in->Skip();
  if (!skipped.ok()) return skipped;
  std::string part(before.substr(0, before.size() - in->rest().size()));
  Complement(&part, 0);
  KeyReader ascending(part);
  absl::Status read = ReadKeyPart(type, &ascending, d);
  if (read.ok() && !ascending.AtEnd()) return absl::DataLossError("a key part is too long");
  return read;
}

absl::Status Damaged(const IndexDescriptor& index, absl::string_view key) {
  return absl::DataLossError(
      absl::StrCat("an entry of index ", index.name, " cannot be read: ", ReadableKey(key)));
}

// Columns whose values stand in the value of an entry, by position and so by id.
std::vector<bool> Stored(const TableDescriptor& table, const IndexDescriptor& index,
                         bool exclusive) {
  std::vector<bool> stored(table.columns.size(), false);
  for (const IndexColumn& c : index.columns) {
    stored[c.column] = !KeyPartIsExact(table.columns[c.column].type);
  }
  for (uint32_t c : table.key) {
    if (InIndexKey(index, c)) continue;
    stored[c] = exclusive || !KeyPartIsExact(table.columns[c].type);
  }
  for (uint32_t c : index.include) {
    if (!InIndexKey(index, c) && table.KeyPosition(c) < 0) stored[c] = true;
  }
  return stored;
}

}  // namespace

std::string IndexPrefix(const TableDescriptor& table, const IndexDescriptor& index) {
  return TableDataPrefix(table.id, index.id);
}

void AppendIndexPart(Type type, const Datum& d, const IndexColumn& column, std::string* key) {
  if (d.is_null()) {
    KeyWriter(key).Null(column.nulls_first ? Nulls::kFirst : Nulls::kLast);
    return;
  }
  const size_t from = key->size();
  AppendKeyPart(type, d, key);
  if (column.descending) Complement(key, from);
}

IndexEntry EncodeIndexEntry(const TableDescriptor& table, const IndexDescriptor& index,
                            const Row& row) {
  IndexEntry entry;
  entry.exclusive = IsExclusive(index, row);
  entry.key = IndexPrefix(table, index);
  for (const IndexColumn& c : index.columns) {
    AppendIndexPart(table.columns[c.column].type, row[c.column], c, &entry.key);
  }
  if (!entry.exclusive) {
    for (uint32_t k : table.key) {
      if (!InIndexKey(index, k)) AppendKeyPart(table.columns[k].type, row[k], &entry.key);
    }
  }
  const std::vector<bool> stored = Stored(table, index, entry.exclusive);
  Writer out(&entry.value);
  out.Byte(kFormat);
  for (size_t i = 0; i < stored.size(); ++i) {
    if (!stored[i] || row[i].is_null()) continue;
    out.Varint(table.columns[i].id);
    WriteDatum(row[i], &out);
  }
  return entry;
}

absl::Status DecodeIndexEntry(const TableDescriptor& table, const IndexDescriptor& index,
                              absl::string_view key, absl::string_view value, Row* row) {
  row->assign(table.columns.size(), Datum::Null());
  if (key.empty() || key[0] != kTablePrefix) return Damaged(index, key);
  KeyReader parts(key.substr(1));
  TableId id;
  uint64_t index_id;
  if (!parts.ReadPrefix(&id, &index_id).ok() || id != table.id || index_id != index.id) {
    return Damaged(index, key);
  }
  for (const IndexColumn& c : index.columns) {
    if (!ReadIndexPart(table.columns[c.column].type, c, &parts, &(*row)[c.column]).ok()) {
      return Damaged(index, key);
    }
  }
  if (!IsExclusive(index, *row)) {
    for (uint32_t k : table.key) {
      if (InIndexKey(index, k)) continue;
      if (!ReadKeyPart(table.columns[k].type, &parts, &(*row)[k]).ok()) return Damaged(index, key);
    }
  }
  Reader in(value);
  uint8_t format;
  if (!parts.AtEnd() || !in.Byte(&format) || format != kFormat) return Damaged(index, key);
  size_t at = 0;
  while (!in.AtEnd()) {
    uint64_t column;
    Datum d;
    if (!in.Varint(&column) || !ReadDatum(&in, &d)) return Damaged(index, key);
    while (at < table.columns.size() && table.columns[at].id < column) ++at;
    if (at == table.columns.size() || table.columns[at].id != column) continue;
    if (!HasShapeOf(table.columns[at].type, d)) return Damaged(index, key);
    (*row)[at] = std::move(d);
  }
  return absl::OkStatus();
}

std::vector<bool> IndexedColumns(const TableDescriptor& table, const IndexDescriptor& index) {
  std::vector<bool> out(table.columns.size(), false);
  for (const IndexColumn& c : index.columns) out[c.column] = true;
  for (uint32_t c : table.key) out[c] = true;
  for (uint32_t c : index.include) out[c] = true;
  return out;
}

bool IndexDependsOn(const TableDescriptor& table, const IndexDescriptor& index,
                    const std::vector<bool>& changed) {
  const std::vector<bool> held = IndexedColumns(table, index);
  for (size_t i = 0; i < held.size(); ++i) {
    if (held[i] && changed[i]) return true;
  }
  return false;
}

}  // namespace isochron::sql
