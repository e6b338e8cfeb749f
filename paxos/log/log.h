// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_PAXOS_LOG_LOG_H_
#define ISOCHRON_PAXOS_LOG_LOG_H_

// The node's one durable log, shared by all its groups (design.md section 4; rules 31, 33, 34).
//
// Append and TruncatePrefix buffer. Flush writes everything buffered by all groups in one write and
// one sync; while a flush is out the next batch gathers, so the disk sets the batch size by itself.
// Segments are preallocated; format and recovery are told in docs/internals/log.md.
//
// Durability: what a Flush covers is durable when its callback runs, and not before. A failed write
// or sync is final: the fatal handler runs, no callback ever does, and the process must end (rule
// 34).
//
// Damage: a bad batch below the highest synced offset that a later batch or segment records is
// corruption (DATA_LOSS naming file, offset and group); past it, it is a torn write and is dropped.
//
// Space: a segment is removed once nothing in it is live. When the log is larger than its limit,
// the live rest of the oldest segment is copied forward, so that a cold group pins nothing (rule
// 31).
//
// Loop-thread only. Owns its files. `disk` outlives it; destroying it forgets an outstanding flush.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/disk.h"
#include "common/observer.h"
#include "common/sabotage.h"
#include "common/types.h"
#include "paxos/core/entry.h"

namespace isochron::paxos {

// What recovery found of one group.
struct RecoveredGroup {
  HardState hard;
  LogMark base;                // last TruncatePrefix; index 0 if none
  std::vector<Entry> entries;  // consecutive from base.index + 1 on
};

class Log : public LogReader {
 public:
  struct Options {
    std::string folder = "log";
    uint64_t segment_bytes = 16 << 20;
    uint64_t limit_bytes = 256 << 20;  // beyond it, old segments are copied forward
    Observer* observer = nullptr;      // counts log.syncs, log.bytes, log.copied_bytes
    SabotageSet sabotage;
    absl::AnyInvocable<void(absl::Status)> on_fatal;  // aborts the process if absent
  };

  // Recovers what `folder` holds (made if absent), syncs it, and opens a new segment. Synchronous.
  // DATA_LOSS on corruption; FAILED_PRECONDITION on a format of another version.
  static absl::StatusOr<std::unique_ptr<Log>> Open(Disk* disk, Options options);
  ~Log() override;

  // The groups found at Open; each may be taken once.
  std::vector<GroupId> RecoveredGroups() const;
  RecoveredGroup TakeRecovered(GroupId group);

  // Buffers. `hard` may be null. Entries replace those at the same index; the first must not leave
  // a hole after what the group has.
  void Append(GroupId group, const HardState* hard, absl::Span<const Entry> entries);
  // Buffers: everything up to mark.index may be forgotten, and later appends may start after it
  // even if that leaves a hole (a snapshot was installed).
  void TruncatePrefix(GroupId group, LogMark mark);
  // Buffers: forgets the group.
  void RemoveGroup(GroupId group);
  // Makes all that is buffered durable, then runs `done` (never inline). Callbacks run in order.
  void Flush(absl::AnyInvocable<void()> done);
  // Something is buffered that no Flush covers yet.
  bool HasUnflushed() const { return !pending_.empty(); }

  absl::StatusOr<std::vector<Entry>> ReadEntries(GroupId group, LogIndex lo, LogIndex hi,
                                                 size_t max_bytes) override;

  // The group's live entries are larger than its share: it should be flushed and truncated (rule
  // 31).
  std::vector<GroupId> GroupsPinning(size_t max_groups) const;
  uint64_t TotalBytes() const;
  size_t segments() const { return segments_.size(); }

 private:
  struct Location {
    uint64_t segment = 0;  // 0: still in the buffer
    uint64_t offset = 0;   // of the entry within the file
    uint32_t bytes = 0;
  };
  struct Group {
    HardState hard;
    LogMark base;
    uint64_t hard_segment = 0;  // where the newest record of each lies
    uint64_t base_segment = 0;
    std::deque<Location> entries;  // of base.index + 1 and on
  };
  struct Segment {
    std::unique_ptr<File> file;
    uint64_t end = 0;
    uint64_t live = 0;  // records in it that are some group's newest
  };
  struct Placed;  // a record in the buffer, placed when its flush starts
  class Recovery;

  Log(Disk* disk, Options options);

  Disk* const disk_;
  Options options_;
  std::map<uint64_t, Segment> segments_;
  std::map<GroupId, Group> groups_;
  std::map<GroupId, RecoveredGroup> recovered_;
  std::string pending_;
};

}  // namespace isochron::paxos

#endif  // ISOCHRON_PAXOS_LOG_LOG_H_
