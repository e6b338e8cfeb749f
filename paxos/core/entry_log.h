// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_PAXOS_CORE_ENTRY_LOG_H_
#define ISOCHRON_PAXOS_CORE_ENTRY_LOG_H_

// The acceptor's log in memory: consecutive entries after a truncation mark. Ballots of all are
// kept; payloads of old ones may be dropped and read back from disk.

#include <cstdint>
#include <deque>
#include <vector>

#include "absl/status/statusor.h"
#include "paxos/core/entry.h"

namespace isochron::paxos {

class EntryLog {
 public:
  EntryLog(GroupId group, LogReader* reader) : group_(group), reader_(reader) {}

  LogMark base() const { return base_; }
  LogIndex last() const { return base_.index + entries_.size(); }
  // Ballots of an index in (base, last].
  const Entry& At(LogIndex i) const { return entries_[i - base_.index - 1]; }

  // Sets the mark and drops what it covers; keeps what lies after it if that is consecutive.
  void Reset(LogMark mark);
  // Index base+1 .. last+1. Replaces what is there; later entries stay.
  void Put(Entry entry);
  // Drops entries after `index`.
  void DropAfter(LogIndex index);
  // Entries lo..hi with payloads: at least one, then as many as fit. `lo` is in (base, last].
  absl::StatusOr<std::vector<Entry>> Read(LogIndex lo, LogIndex hi, size_t max_bytes) const;
  // Drops payloads from the front while more than `bytes` are cached, none after `upto`.
  void Shrink(size_t bytes, LogIndex upto);
  size_t cached_bytes() const { return cached_bytes_; }

 private:
  GroupId group_;
  LogReader* reader_;
  LogMark base_;
  std::deque<Entry> entries_;
  LogIndex cached_from_ = 0;  // payloads up to here were dropped
  size_t cached_bytes_ = 0;   // of entries after cached_from_
};

}  // namespace isochron::paxos

#endif  // ISOCHRON_PAXOS_CORE_ENTRY_LOG_H_
