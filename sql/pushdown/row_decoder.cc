// SPDX-License-Identifier: Apache-2.0
#include "sql/pushdown/row_decoder.h"

#include <algorithm>

#include "common/key_encoding.h"
#include "common/status_macros.h"
#include "sql/catalog/layout.h"
#include "sql/catalog/row_codec.h"
#include "sql/catalog/row_fields.h"

namespace isochron::sql {
namespace {

absl::Status Damaged() { return absl::DataLossError("a row of a scan is malformed"); }

}  // namespace

RowDecoder::RowDecoder(const Program& program)
    : program_(program), slot_of_part_(program.key.size(), -1) {
  for (size_t i = 0; i < program_.columns.size(); ++i) {
    const ProgramColumn& c = program_.columns[i];
    if (c.key_part >= 0) {
      slot_of_part_[static_cast<size_t>(c.key_part)] = static_cast<int>(i);
    } else {
      from_value_.push_back(i);
    }
  }
  std::sort(from_value_.begin(), from_value_.end(),
            [this](size_t a, size_t b) { return program_.columns[a].id < program_.columns[b].id; });
}

absl::Status RowDecoder::DecodeKey(absl::string_view key, Row* row) const {
  if (key.empty() || key[0] != kTablePrefix) return Damaged();
  KeyReader in(key.substr(1));
  TableId table;
  uint64_t index = 0;
  if (!in.ReadPrefix(&table, &index).ok() || table != program_.table || index != kPrimaryIndex) {
    return Damaged();
  }
  for (size_t i = 0; i < slot_of_part_.size(); ++i) {
    const int slot = slot_of_part_[i];
    if (slot < 0) {
      if (!in.Skip().ok()) return Damaged();
    } else if (!ReadKeyPart(program_.key[i], &in, &(*row)[static_cast<size_t>(slot)]).ok()) {
      return Damaged();
    }
  }
  return absl::OkStatus();
}

absl::Status RowDecoder::DecodeValue(absl::string_view value, Row* row) const {
  RowFields fields(value);
  auto wanted = from_value_.begin();
  for (auto i = wanted; i != from_value_.end(); ++i) (*row)[*i] = program_.columns[*i].missing;
  uint64_t id = 0;
  while (wanted != from_value_.end() && fields.Next(&id)) {
    while (wanted != from_value_.end() && program_.columns[*wanted].id < id) ++wanted;
    if (wanted == from_value_.end()) break;
    const ProgramColumn& column = program_.columns[*wanted];
    if (column.id != id) {
      fields.Skip();
      continue;
    }
    Datum* const d = &(*row)[*wanted];
    if (!fields.Read(d) || !HasShapeOf(column.type, *d)) return Damaged();
    ++wanted;
  }
  return fields.ok() ? absl::OkStatus() : Damaged();
}

absl::Status RowDecoder::Decode(absl::string_view key, absl::string_view value, Row* row) const {
  if (!slot_of_part_.empty()) ISO_RETURN_IF_ERROR(DecodeKey(key, row));
  return from_value_.empty() ? absl::OkStatus() : DecodeValue(value, row);
}

}  // namespace isochron::sql
