// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_PAXOS_LOG_SCAN_H_
#define ISOCHRON_PAXOS_LOG_SCAN_H_

// Looking at the bytes of a segment, good or bad: what a batch holds, and how far damage reaches
// (rule 33). Recovery decides by it, `isochron admin dump-log` shows it. No I/O, no state.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "paxos/log/format.h"

namespace isochron::paxos::format {

struct ScannedRecord {
  uint64_t offset = 0;  // of its header in the segment
  RecordHeader header;
  absl::string_view body;
  bool whole = false;  // the body's checksum holds
};

struct ScannedBatch {
  uint64_t offset = 0;
  bool header_whole = false;
  BatchHeader header;  // when header_whole
  uint64_t end = 0;    // where the next batch would start, when header_whole
  std::vector<ScannedRecord> records;
  // The first place whose group cannot be told: the batch's header, or a record's.
  std::optional<uint64_t> lost_at;

  // Nothing of it is damaged.
  bool whole() const;
  // What is wrong with it, for people: "batch header, group unknown", "record of group g5".
  std::string Damage() const;
  uint64_t DamagedAt() const;
  std::string LostWhat() const;  // of lost_at
};

// `data` is the whole segment. The views live as long as it does.
ScannedBatch ScanBatch(absl::string_view data, uint64_t sequence, uint64_t offset);

// The greatest end of what a batch header behind `offset` says was synced when it was written, if
// that lies beyond `offset`: damage at `offset` is then no torn write.
std::optional<uint64_t> SyncedBeyond(absl::string_view data, uint64_t sequence, uint64_t offset);

}  // namespace isochron::paxos::format

#endif  // ISOCHRON_PAXOS_LOG_SCAN_H_
