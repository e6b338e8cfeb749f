// SPDX-License-Identifier: Apache-2.0
#include "paxos/log/scan.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/crc32c.h"

namespace isochron::paxos::format {

bool ScannedBatch::whole() const {
  return header_whole && !lost_at &&
         std::all_of(records.begin(), records.end(), [](const auto& r) { return r.whole; });
}

std::string ScannedBatch::LostWhat() const {
  return header_whole ? "record header, group unknown" : "batch header, group unknown";
}

std::string ScannedBatch::Damage() const {
  for (const ScannedRecord& r : records) {
    if (!r.whole) return absl::StrCat("record of group ", ToString(r.header.group));
  }
  return lost_at ? LostWhat() : "";
}

uint64_t ScannedBatch::DamagedAt() const {
  for (const ScannedRecord& r : records) {
    if (!r.whole) return r.offset;
  }
  return lost_at.value_or(offset);
}

ScannedBatch ScanBatch(absl::string_view data, uint64_t sequence, uint64_t offset) {
  ScannedBatch batch;
  batch.offset = offset;
  if (offset >= data.size() || !Decode(data.substr(offset), sequence, offset, &batch.header) ||
      batch.header.bytes > data.size() - offset - kBatchHeaderBytes) {
    batch.lost_at = offset;
    return batch;
  }
  batch.header_whole = true;
  batch.end = offset + RoundUp(kBatchHeaderBytes + batch.header.bytes);
  uint64_t at = offset + kBatchHeaderBytes;
  const uint64_t end = at + batch.header.bytes;
  for (uint32_t i = 0; i < batch.header.records; ++i) {
    ScannedRecord record;
    record.offset = at;
    if (!Decode(data.substr(at, end - at), &record.header) ||
        record.header.bytes > end - at - kRecordHeaderBytes) {
      batch.lost_at = at;
      return batch;
    }
    record.body = data.substr(at + kRecordHeaderBytes, record.header.bytes);
    record.whole = Crc32c(record.body) == record.header.body_crc;
    at += kRecordHeaderBytes + record.header.bytes;
    batch.records.push_back(record);
  }
  return batch;
}

std::optional<uint64_t> SyncedBeyond(absl::string_view data, uint64_t sequence, uint64_t offset) {
  std::optional<uint64_t> synced;
  for (uint64_t at = RoundUp(offset + 1); at < data.size(); at += kBlock) {
    BatchHeader header;
    if (!Decode(data.substr(at), sequence, at, &header)) continue;
    if (header.synced > offset) synced = std::max(synced.value_or(0), header.synced);
  }
  return synced;
}

}  // namespace isochron::paxos::format
