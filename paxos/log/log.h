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
// 34). A segment that cannot be made for want of space is not: nothing was lost, what is buffered
// waits, and RetryFlush tries again.
//
// Damage: what is bad below the highest synced offset that a later batch or segment records is
// corruption; past it, it may be a torn write, and is dropped. Corruption of one group's records
// quarantines that group: Open tells what is damaged, writes it down, and holds nothing else of it
// until RemoveGroup. Corruption that cannot be put down to a group is DATA_LOSS (rule 33).
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
#include "paxos/log/format.h"

namespace isochron::paxos {

// What recovery found of one group.
struct RecoveredGroup {
  HardState hard;
  LogMark base;                // last TruncatePrefix; index 0 if none
  std::vector<Entry> entries;  // consecutive from base.index + 1 on
  std::string damage;          // not empty: quarantined, and why; the rest is empty
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
  // DATA_LOSS, naming file and offset, on corruption of nobody knows which group, or when a file is
  // missing; FAILED_PRECONDITION on a format of another version.
  static absl::StatusOr<std::unique_ptr<Log>> Open(Disk* disk, Options options);
  // Whether a log was ever opened in `folder`: it holds a segment, or the file that names them.
  static absl::StatusOr<bool> Exists(Disk* disk, const std::string& folder);
  ~Log() override;

  // The groups found at Open; each may be taken once.
  std::vector<GroupId> RecoveredGroups() const;
  RecoveredGroup TakeRecovered(GroupId group);
  // TakeRecovered would return something.
  bool HasRecovered(GroupId group) const { return recovered_.count(group) > 0; }

  // Buffers. `hard` may be null. Entries replace those at the same index, are consecutive or start
  // again lower, and never leave a hole after what the group has; those below the mark are skipped.
  // A group's life begins with TruncatePrefix to its base.
  void Append(GroupId group, const HardState* hard, absl::Span<const Entry> entries);
  // Buffers: everything up to mark.index may be forgotten, and later appends may start after it
  // even if that leaves a hole (a snapshot was installed).
  void TruncatePrefix(GroupId group, LogMark mark);
  // Buffers: forgets the group, also a quarantined one.
  void RemoveGroup(GroupId group);
  // Buffers: the group's replica here is not to be trusted any more, for `reason`. All that the log
  // holds of it is forgotten but that. Nothing may be appended for it until RemoveGroup.
  void Quarantine(GroupId group, std::string reason);
  bool IsQuarantined(GroupId group) const;
  // Makes all that is buffered durable, then runs `done` (never inline). Callbacks run in order.
  void Flush(absl::AnyInvocable<void()> done);
  // Goes on after a flush found no space for a segment. No effect otherwise.
  void RetryFlush();
  bool out_of_space() const { return out_of_space_; }
  // Something is buffered that no Flush covers yet.
  bool HasUnflushed() const { return pending_records_ != 0; }

  absl::StatusOr<std::vector<Entry>> ReadEntries(GroupId group, LogIndex lo, LogIndex hi,
                                                 size_t max_bytes) override;

  // Groups whose live entries keep the oldest segment although the log is over half its limit:
  // their stores should be flushed and their logs truncated (rule 31). The smallest ids first.
  std::vector<GroupId> GroupsPinning(size_t max_groups) const;
  // The last of the group's entries before which, and with which, all lie in segments older than
  // `segment`; 0 when there is none. And the oldest of the newest segments of together at most
  // `bytes`: at least the one that is written to.
  LogIndex LastBefore(GroupId group, uint64_t segment) const;
  uint64_t OldestOfNewest(uint64_t bytes) const;
  uint64_t TotalBytes() const;
  size_t segments() const { return segments_.size(); }
  // At Open, bytes after the last whole batch were dropped as a torn write (rule 33).
  bool dropped_torn_tail() const { return dropped_torn_tail_; }

 private:
  struct Location {
    uint64_t segment = 0;  // 0: still in the buffer, `offset` counts from its start
    uint64_t offset = 0;
    uint32_t bytes = 0;
  };
  struct Group {
    HardState hard;
    LogMark base;
    bool has_hard = false;
    Location hard_at;
    Location base_at;
    std::deque<Location> entries;  // of base.index + 1 and on
    std::string quarantine;        // not empty: the reason; then only quarantine_at holds
    Location quarantine_at;
  };
  struct Segment {
    std::unique_ptr<File> file;
    uint64_t size = 0;  // preallocated
    uint64_t end = 0;   // of its batches
    uint64_t live = 0;  // bytes that are some group's newest
  };
  struct Placed {  // something in the buffer that gets its place when its flush starts
    GroupId group;
    format::RecordType type;
    LogIndex first;
    uint32_t count;
  };
  class Recovery;

  Log(Disk* disk, Options options);

  absl::Status NewSegment(uint64_t min_bytes);
  size_t BeginRecord();
  void EndRecord(size_t start, format::RecordType type, GroupId group, LogIndex first,
                 uint32_t count);
  void AppendHardState(GroupId id, Group* g);
  void AppendMark(GroupId id, Group* g);
  void AppendQuarantine(GroupId id, Group* g);
  void Forget(Group* g);
  absl::Status WriteHead(uint64_t first);
  void AppendEntries(GroupId id, Group* g, absl::Span<const Entry> entries);
  void Supersede(Location* at);
  void PlaceAt(Location* at, uint64_t segment, uint64_t batch_start);
  void Place(uint64_t segment, uint64_t batch_start);
  void StartFlush();
  void OnFlushed(absl::Status status);
  void CopyForward();
  bool CopyGroupForward(uint64_t segment, GroupId id, Group* g);
  void RemoveDeadSegments(uint64_t before);
  absl::StatusOr<Entry> ReadEntry(GroupId group, LogIndex index, const Location& at);
  void Fatal(absl::Status status);

  Disk* const disk_;
  Options options_;
  std::map<uint64_t, Segment> segments_;  // by sequence; the last is written to
  std::map<GroupId, Group> groups_;
  std::map<GroupId, RecoveredGroup> recovered_;
  bool dropped_torn_tail_ = false;

  std::string pending_;  // room for the batch header, then records
  uint32_t pending_records_ = 0;
  std::vector<Placed> placed_;
  std::vector<absl::AnyInvocable<void()>> waiting_;  // for the next flush
  std::vector<absl::AnyInvocable<void()>> flushing_;
  bool flush_out_ = false;
  bool out_of_space_ = false;
  bool failed_ = false;
  uint64_t flush_bytes_ = 0;       // of the batch that is out
  uint64_t removable_before_ = 0;  // segments below it are dead once the flush that is out ended
  // A completion holds a weak reference, so that one that comes after the end does nothing.
  std::shared_ptr<bool> alive_;
};

}  // namespace isochron::paxos

#endif  // ISOCHRON_PAXOS_LOG_LOG_H_
