// SPDX-License-Identifier: Apache-2.0
#include "sql/catalog/descriptor.h"

#include "absl/strings/str_cat.h"
#include "common/coding.h"
#include "sql/catalog/row_codec.h"

namespace isochron::sql {
namespace {

constexpr uint8_t kFormat = 1;
constexpr uint8_t kNotNull = 1, kHidden = 2;

}  // namespace

int TableDescriptor::FindColumn(absl::string_view column) const {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (!columns[i].hidden && columns[i].name == column) return static_cast<int>(i);
  }
  return -1;
}

int TableDescriptor::KeyPosition(uint32_t column) const {
  for (size_t i = 0; i < key.size(); ++i) {
    if (key[i] == column) return static_cast<int>(i);
  }
  return -1;
}

std::string EncodeDescriptor(const TableDescriptor& table) {
  std::string bytes;
  Writer out(&bytes);
  out.Byte(kFormat);
  out.Varint(table.id.value);
  out.Bytes(table.name);
  out.Varint(table.version);
  out.Varint(table.next_column_id);
  out.Time(table.drop_at);
  out.Varint(table.columns.size());
  for (const ColumnDescriptor& c : table.columns) {
    out.Varint(c.id);
    out.Bytes(c.name);
    out.Byte(static_cast<uint8_t>(c.type));
    out.Byte(static_cast<uint8_t>((c.not_null ? kNotNull : 0) | (c.hidden ? kHidden : 0)));
    out.Byte(static_cast<uint8_t>(c.default_kind));
    if (c.default_kind == DefaultKind::kValue) WriteDatum(c.default_value, &out);
  }
  out.Varint(table.key.size());
  for (uint32_t k : table.key) out.Varint(k);
  return bytes;
}

absl::StatusOr<TableDescriptor> DecodeDescriptor(absl::string_view bytes) {
  const absl::Status damaged = absl::DataLossError("a table descriptor cannot be read");
  Reader in(bytes);
  TableDescriptor t;
  uint8_t format;
  uint64_t count;
  if (!in.Byte(&format) || format != kFormat || !in.Varint(&t.id.value) || !in.Bytes(&t.name) ||
      !in.Varint(&t.version) || !in.Varint32(&t.next_column_id) || !in.Time(&t.drop_at) ||
      !in.Varint(&count)) {
    return damaged;
  }
  for (uint64_t i = 0; i < count; ++i) {
    ColumnDescriptor c;
    uint8_t type, flags, kind;
    if (!in.Varint32(&c.id) || !in.Bytes(&c.name) || !in.Byte(&type) || !in.Byte(&flags) ||
        !in.Byte(&kind) || type > static_cast<uint8_t>(Type::kTimestamptz) ||
        kind > static_cast<uint8_t>(DefaultKind::kNow)) {
      return damaged;
    }
    c.type = static_cast<Type>(type);
    c.not_null = (flags & kNotNull) != 0;
    c.hidden = (flags & kHidden) != 0;
    c.default_kind = static_cast<DefaultKind>(kind);
    if (c.default_kind == DefaultKind::kValue &&
        (!ReadDatum(&in, &c.default_value) || !HasShapeOf(c.type, c.default_value))) {
      return damaged;
    }
    // Rows are read on the strength of it.
    if (!t.columns.empty() && c.id <= t.columns.back().id) return damaged;
    t.columns.push_back(std::move(c));
  }
  if (!in.Varint(&count)) return damaged;
  for (uint64_t i = 0; i < count; ++i) {
    uint32_t k;
    if (!in.Varint32(&k) || k >= t.columns.size()) return damaged;
    t.key.push_back(k);
  }
  if (!in.AtEnd() || t.key.empty()) return damaged;
  return t;
}

}  // namespace isochron::sql
