// SPDX-License-Identifier: Apache-2.0
#include "sql/catalog/table_record.h"

#include "common/coding.h"
#include "common/status_macros.h"

namespace isochron::sql {
namespace {

// A record without a change is a mere descriptor, whose formats count up from 1.
constexpr uint8_t kChanging = 0x80;
constexpr uint8_t kHasNow = 1, kHasNext = 2, kFenced = 4;

}  // namespace

const TableDescriptor* TableRecord::At(Timestamp t) const {
  const std::optional<TableDescriptor>& table = t < at ? now : next;
  return table.has_value() && t < table->drop_at ? &*table : nullptr;
}

std::string EncodeTableRecord(const TableRecord& record) {
  const bool fenced = record.fence_until.us != 0;
  if (!record.changes() && !fenced && record.now.has_value()) return EncodeDescriptor(*record.now);
  std::string bytes;
  Writer out(&bytes);
  out.Byte(kChanging);
  out.Time(record.at);
  out.Byte(static_cast<uint8_t>((record.now.has_value() ? kHasNow : 0) |
                                (record.next.has_value() ? kHasNext : 0) | (fenced ? kFenced : 0)));
  if (record.now.has_value()) out.Bytes(EncodeDescriptor(*record.now));
  if (record.next.has_value()) out.Bytes(EncodeDescriptor(*record.next));
  if (fenced) {
    out.Time(record.fence_from);
    out.Time(record.fence_until);
  }
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
  if (!in.Time(&record.at) || !in.Byte(&flags) || flags > (kHasNow | kHasNext | kFenced) ||
      (!record.changes() && (flags & kFenced) == 0)) {
    return absl::DataLossError("a table's record cannot be read");
  }
  for (uint8_t flag : {kHasNow, kHasNext}) {
    if ((flags & flag) == 0) continue;
    if (!in.Bytes(&part)) return absl::DataLossError("a table's record cannot be read");
    ISO_ASSIGN_OR_RETURN((flag == kHasNow ? record.now : record.next), DecodeDescriptor(part));
  }
  if ((flags & kFenced) != 0 && (!in.Time(&record.fence_from) || !in.Time(&record.fence_until))) {
    return absl::DataLossError("a table's record cannot be read");
  }
  if (!in.AtEnd()) return absl::DataLossError("a table's record cannot be read");
  return record;
}

}  // namespace isochron::sql
