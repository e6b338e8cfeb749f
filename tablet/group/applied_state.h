// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TABLET_GROUP_APPLIED_STATE_H_
#define ISOCHRON_TABLET_GROUP_APPLIED_STATE_H_

// The deterministic state machine of a group: what its chosen log prefix means.
//
// Apply() changes the in-memory half here and adds the durable half (row versions, metadata rows,
// applied index) to one engine batch, so that every flushed prefix of batches is consistent (rule
// 30). The durable half may lag behind after a crash: the log is replayed from the applied index.
//
// Finished attempts (the dedupe and presumed-abort records, rules 20-22) are kept in memory for
// kFinishedWindowUs from the first commit request and reach the store in packed rows, written by
// SaveFinished() before the log that they come from is truncated; Load() takes these, and the
// replay of the retained log below the applied index brings the rest back (ReplayFinished).
//
// Metadata rows of group g, all under MetaPrefix(g): 'a' applied {index, ballot, last_ts,
// assigned; the last is absent in rows of older versions, which makes it 0 until the next}, 's'
// GroupState, 'p'+attempt Prepare, 'd'+attempt Decide, 'f'+sequence FinishedAttempts.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "common/sabotage.h"
#include "common/status_macros.h"
#include "common/types.h"
#include "proto/peer.pb.h"
#include "storage/engine/engine.h"

namespace isochron::tablet {

// Commit requests older than this are refused, so their records may go (rule 20).
inline constexpr Micros kCommitWindowUs = 20'000'000;
inline constexpr Micros kFinishedWindowUs = 30'000'000;

std::string MetaPrefix(GroupId group);
// Behind all of them.
std::string MetaEnd(GroupId group);
// The key of the row that stands for a group whose data was damaged (salvage.h). Its value says
// what was: Load fails with it.
std::string DamageRow(GroupId group);
// On the same nodes, of the same kinds.
bool SameReplicas(const peer::GroupDescriptor& a, const peer::GroupDescriptor& b);

class AppliedState {
 public:
  // Holds nothing; waits for a snapshot.
  static AppliedState Blank(GroupId group);
  // A group at its base index, as split or bootstrap makes it.
  static AppliedState Initial(const peer::GroupDescriptor& descriptor, Timestamp last_ts,
                              LogIndex base_index);
  // A split's child: begins at its parent's split, with the parent's horizon and with its finished
  // attempts, so that a retry that is routed to the child is found (rule 36).
  static AppliedState ChildOf(const AppliedState& parent, const peer::GroupDescriptor& child,
                              Timestamp last_ts, LogIndex base_index);
  // NOT_FOUND when the store has no such group; DATA_LOSS when a row cannot be read.
  static absl::StatusOr<AppliedState> Load(storage::Engine* engine, GroupId group);
  // DATA_LOSS when the walk over them meets damage.
  static absl::StatusOr<std::vector<GroupId>> ListGroups(storage::Engine* engine);

  GroupId id() const { return GroupId(state_.group_descriptor().group()); }
  bool initialised() const { return index_ != 0; }
  const peer::GroupDescriptor& descriptor() const { return state_.group_descriptor(); }
  const peer::GroupState& group_state() const { return state_; }
  LogIndex index() const { return index_; }
  Ballot ballot() const { return ballot_; }
  // Greatest timestamp of any applied entry, 2PC outcomes included (rule 9).
  Timestamp last_ts() const { return Timestamp(state_.last_ts_us()); }
  // Greatest timestamp that this group's leaders assigned in the applied prefix: nothing unapplied
  // lies at or below it (invariant 7). An outcome's s is another group's and does not count.
  Timestamp assigned() const { return Timestamp(state_.assigned_us()); }
  // Nothing below it is read any more (rule 32).
  Timestamp horizon() const { return Timestamp(state_.horizon_us()); }
  // A horizon below this frees nothing: nobody wrote between the last one and it. Max: nobody wrote
  // since the last one. A hint, rough after a restart.
  Timestamp garbage_from() const { return garbage_from_; }
  // Bytes written here since the start, roughly.
  uint64_t written_bytes() const { return written_bytes_; }

  // Applies the entry after index(). An empty command (a new leader's no-op) only moves the index.
  void Apply(const peer::Command& command, LogIndex index, Ballot ballot, SabotageSet sabotage,
             storage::WriteBatch* batch);
  // The applied index: once after any number of Apply, into the same batch.
  void SaveApplied(storage::WriteBatch* batch) const;
  // The same for a change of membership: the descriptor takes over `replicas` and `voters`.
  void ApplyMembers(const peer::GroupDescriptor& members, LogIndex index, Ballot ballot,
                    storage::WriteBatch* batch);
  // ---- merges (applied_merge.cc; docs/internals/split.md) ----
  // The merge can take effect: `right` still is the right-hand neighbour with the same replicas.
  // Every replica finds the same; where it cannot, the command does nothing.
  bool CanAbsorb(const peer::Merge& merge) const;
  // Takes over all of `right`, which is frozen for this merge, in the batch that applies it.
  void Absorb(const peer::Merge& merge, const AppliedState& right, SabotageSet sabotage,
              storage::WriteBatch* batch);
  bool frozen() const { return state_.has_frozen(); }
  bool HasAbsorbed(GroupId group) const;

  // ---- pieces that were here first (group_host_overlaps.cc) ----
  // A newer group here holds `range`, part of this one's, with rows that came by a snapshot: this
  // replica is behind the split that parted them. What its log still writes there was in that
  // snapshot, or was garbage by then, and is skipped. Durable: the newer group may leave this node,
  // and what it left does not suffice.
  void Cover(const KeyRange& range, storage::WriteBatch* batch);
  // After the split is applied: only what still lies in the group's range.
  void UncoverOutside(storage::WriteBatch* batch);
  bool Covers(const KeyRange& span) const;

  // For log entries at or below index(), after a restart: their finished attempts only.
  void ReplayFinished(const peer::Command& command);
  // Writes everything (a new or snapshot-installed group).
  void SaveAll(storage::WriteBatch* batch);
  // Packs finished attempts that no saved row holds yet into one row; drops rows out of the window.
  void SaveFinished(storage::WriteBatch* batch);
  // Forgets finished attempts whose window ended before `now`.
  void ExpireFinished(Timestamp now);

  const std::map<TxnAttempt, peer::Prepare>& prepared() const { return prepared_; }
  const std::map<TxnAttempt, peer::Decide>& decisions() const { return decisions_; }
  std::optional<peer::FinishedAttempt> Finished(const TxnAttempt& attempt) const;

  // A witness's: commands change everything but rows, which are not there (rule 29).
  void SetRowless() { rowless_ = true; }
  bool rowless() const { return rowless_; }
  // What a log of a group with a witness may forget, for as long as it has one.
  LogIndex settled() const { return state_.settled(); }
  void SaveSettled(LogIndex settled, storage::WriteBatch* batch);

  void ToSnapshot(peer::GroupSnapshotHeader* header) const;
  static AppliedState FromSnapshot(const peer::GroupSnapshotHeader& header);

 private:
  struct FinishedRecord {
    int64_t commit_start_us = 0;
    bool commit = false;
    Timestamp s;
  };
  void Finish(const peer::TxnRef& txn, int64_t commit_start_us, bool commit, Timestamp s);
  void ApplyWrites(const google::protobuf::RepeatedPtrField<peer::Write>& writes, Timestamp s,
                   storage::WriteBatch* batch);
  void ApplyOutcome(const peer::Outcome& outcome, SabotageSet sabotage, storage::WriteBatch* batch);
  void ApplySplit(const peer::Split& split, storage::WriteBatch* batch);
  void ApplyHorizon(const peer::SetHorizon& command, SabotageSet sabotage,
                    storage::WriteBatch* batch);
  void CoverAsIn(const AppliedState& other);
  void SaveCovered(storage::WriteBatch* batch) const;
  void GuessGarbage();
  void ApplyFreeze(const peer::Freeze& freeze, storage::WriteBatch* batch);
  void RaiseLastTs(Timestamp s);
  // The same of a timestamp that this group assigned.
  void RaiseAssigned(Timestamp s);
  std::string DecisionKey(const TxnAttempt& attempt) const;

  peer::GroupState state_;
  LogIndex index_ = 0;
  Ballot ballot_;
  std::map<TxnAttempt, peer::Prepare> prepared_;
  std::map<TxnAttempt, peer::Decide> decisions_;
  absl::flat_hash_map<TxnAttempt, FinishedRecord> finished_;  // lint: no iteration
  std::deque<TxnAttempt> finished_order_;                     // oldest first
  std::deque<TxnAttempt> unsaved_;
  struct SavedRow {
    uint64_t sequence;
    int64_t newest_commit_start_us;
  };
  std::deque<SavedRow> saved_rows_;
  uint64_t next_row_ = 1;
  Timestamp garbage_from_ = Timestamp::Max();
  uint64_t written_bytes_ = 0;
  std::vector<KeyRange> covered_;
  bool rowless_ = false;
};

}  // namespace isochron::tablet

#endif  // ISOCHRON_TABLET_GROUP_APPLIED_STATE_H_
