// SPDX-License-Identifier: Apache-2.0
#include "sql/catalog/table_record.h"

#include "common/coding.h"
#include "common/status_macros.h"

namespace isochron::sql {
namespace {

// A record without a change is a mere descriptor, whose formats count up from 1.
constexpr uint8_t kChanging = 0x80;
constexpr uint8_t kHasNow = 1, kHasNext = 2;

}  // namespace

const TableDescriptor* TableRecord::At(Timestamp t) const {
  const std::optional<TableDescriptor>& table = t < at ? now : next;
  return table.has_value() && t < table->drop_at ? &*table : nullptr;
}

std::string EncodeTableRecord(const TableRecord& record) {
  if (!record.changes() && record.now.has_value()) return EncodeDescriptor(*record.now);
  std::string bytes;
  Writer out(&bytes);
  out.Byte(kChanging);
  out.Time(record.at);
  out.Byte(static_cast<uint8_t>((record.now.has_value() ? kHasNow : 0) |
                                (record.next.has_value() ? kHasNext : 0)));
  if (record.now.has_value()) out.Bytes(EncodeDescriptor(*record.now));
  if (record.next.has_value()) out.Bytes(EncodeDescriptor(*record.next));
  return bytes;
}

absl::StatusOr<TableRecord> DecodeTableRecord(absl::string_view bytes) {
  TableRecord record;
  if (bytes.empty() || static_cast<uint8_t>(bytes[0]) != kChanging) {
    ISO_ASSIGN_OR_RETURN(record.now, DecodeDescriptor(bytes));
    return record;
  }
  Reader in(bytes.substr(1));
  uint8_t flags;
  absl::string_view part;
  if (!in.Time(&record.at) || !record.changes() || !in.Byte(&flags) ||
      flags > (kHasNow | kHasNext)) {
    return absl::DataLossError("a table's record cannot be read");
  }
  for (uint8_t flag : {kHasNow, kHasNext}) {
    if ((flags & flag) == 0) continue;
    if (!in.Bytes(&part)) return absl::DataLossError("a table's record cannot be read");
    ISO_ASSIGN_OR_RETURN((flag == kHasNow ? record.now : record.next), DecodeDescriptor(part));
  }
  if (!in.AtEnd()) return absl::DataLossError("a table's record cannot be read");
  return record;
}

}  // namespace isochron::sql
