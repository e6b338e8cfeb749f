// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TABLET_GROUP_GROUP_HOST_H_
#define ISOCHRON_TABLET_GROUP_GROUP_HOST_H_

// All groups of one node over one log, one store, one stream a peer (design.md section 4).
//
// A loop turn that changes groups marks them dirty; once, at its end, the host takes every dirty
// group's Ready: entries of all groups go into one log flush, messages of all groups into one frame
// a peer, chosen entries of all groups into one store batch. Commands are in the store before any
// message leaves that tells others they are chosen (docs/internals/split.md needs that).
// What gathers while a flush is out shares the next sync; where many entries are under way, a few
// of them wait for others for a millisecond at most.
//
// Checkpoint: when the log has grown, finished attempts are saved, the store is flushed, and each
// group's log is truncated below what the flush covered, less a tail kept for followers that lag
// (rules 30, 31).
//
// group_host.cc has start, splits and stop; group_host_turn.cc the turn; group_host_wakeups.cc what
// makes groups act; group_host_snapshots.cc and group_host_checkpoint.cc what they say;
// group_host_witness.cc what is different for replicas without rows.
//
// Loop-thread only. A failed sync or store write ends the process through on_fatal (rule 34).

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/disk.h"
#include "common/executor.h"
#include "common/observer.h"
#include "common/rpc/peer_rpc.h"
#include "common/sabotage.h"
#include "common/task.h"
#include "common/transport.h"
#include "common/truetime.h"
#include "common/types.h"
#include "paxos/lease/node_support.h"
#include "paxos/log/log.h"
#include "storage/engine/engine.h"
#include "storage/mvcc/mvcc.h"
#include "tablet/group/gc.h"
#include "tablet/group/group.h"
#include "tablet/group/idle_promises.h"
#include "tablet/group/snapshot_transfer.h"
#include "tablet/group/wakeups.h"

namespace isochron::tablet {

class GroupHost : private SnapshotTarget {
 public:
  struct Env {
    Executor* executor;
    TrueTime* truetime;
    Transport* transport;
    rpc::PeerRpc* rpc;
    Disk* disk;
    storage::Engine* engine;
    Observer* observer;
    GroupListener* listener;
    std::function<void(absl::Status)> on_fatal;
    CallLeader call_leader = nullptr;  // for promises; without it replicas only know what comes
    // The voter that should lead a group; may be empty.
    std::function<NodeId(const peer::GroupDescriptor&)> preferred_leader;
    // Whether this disk has room for entries of other leaders; null: always.
    std::function<bool()> may_append;
  };
  struct Options {
    uint64_t incarnation = 0;
    uint64_t first_incarnation = 1;  // of this folder's processes
    uint64_t seed = 1;
    Micros lease_us = 3'000'000;
    Micros tick_us = 50'000;
    uint64_t log_segment_bytes = 16 << 20;
    uint64_t log_limit_bytes = 256 << 20;
    uint64_t checkpoint_entries = 20'000;  // applied since the last checkpoint, over all groups
    uint64_t keep_entries = 4'000;         // per group, for followers that lag
    GarbageCollector::Options gc;
    Micros promise_interval_us = 200'000;  // of promises for groups in which nothing happens
    std::vector<NodeId> nodes;  // all nodes, for what they tell each other; more may be learnt
    // Campaigns under way at a time; as many again for groups that are asked for or hold locks.
    size_t max_campaigns = 128;
    SabotageSet sabotage;
  };

  // Opens the log and the groups that the store knows. Damage that is one group's keeps that group
  // out (quarantined()); other damage is DATA_LOSS. The disk's errors.
  static absl::StatusOr<std::unique_ptr<GroupHost>> Open(Env env, Options options);
  ~GroupHost() override;

  // A new universe's first groups; only into an empty store. Durable when it returns.
  absl::Status Bootstrap(const std::vector<peer::GroupDescriptor>& descriptors);
  bool empty() const { return groups_.empty() && quarantined_.empty(); }
  // Groups whose replica here is damaged and kept out, and why.
  const std::map<GroupId, std::string>& quarantined() const { return quarantined_; }
  // The greatest life that a replica of this node can have had. A group that is kept out has no
  // replica here, so all up to this one are over.
  uint64_t GreatestLife() const;
  // Nothing was ever here.
  bool fresh() const { return empty() && gone_.empty(); }
  // Begins to tick and to answer peers.
  void Start();
  // Hands over what this node leads, as far as it can until the deadline (graceful stop).
  Task<void> Drain(Micros deadline_us);

  // At the group's leader (Group::ChangeReplica). A leader that is to be removed hands over first,
  // and says so with UNAVAILABLE, as one that does not lead: ask the next one.
  Task<absl::Status> ChangeReplica(Ctx ctx, GroupId id, peer::ReplicasRequest request);
  // Hands the group over to another voter.
  Task<absl::Status> Transfer(GroupId id, NodeId to);

  Group* Find(GroupId id);
  std::vector<Group*> Groups();
  // Those that this node leads as of their last change. `fn` must not change groups.
  void ForEachServing(absl::FunctionRef<void(Group*)> fn) {
    for (const auto& [id, g] : serving_) fn(g);
  }
  std::vector<Group*> Serving();
  // Groups that are ticked; campaigns under way.
  size_t awake() const { return wakeups_.awake().size(); }
  size_t campaigns() const { return campaigning_.size(); }
  // `fn` must not make or remove groups.
  void ForEach(absl::FunctionRef<void(Group*)> fn) {
    for (const auto& [id, g] : groups_) fn(g.get());
  }
  paxos::NodeSupport* support() { return &support_; }
  storage::MvccStore* store() { return &store_; }
  paxos::Log* log() { return log_.get(); }
  GarbageCollector* gc() { return gc_.get(); }
  IdlePromises* promises() { return &promises_; }
  // The group here that `id` was merged into; null if none was.
  Group* Absorber(GroupId id);

 private:
  struct Reachable {  // an unknown group that keeps sending
    Micros since = 0;
  };

  GroupHost(Env env, Options options);
  absl::Status Recover();
  absl::Status CheckOneLife(const std::string& log_folder);
  absl::Status RecoverGroups();
  void Quarantine(GroupId id, std::string reason);
  void QuarantineUnborn();
  Group* Add(AppliedState state, paxos::InitialState initial);
  paxos::InitialState InitialFor(const AppliedState& state);
  void MarkDirty(GroupId id);
  void ProcessDirty();
  void TakeReady(Group* group, storage::WriteBatch* batch);
  void SendFrames();
  void CountInFlight(Group* group);
  bool Gathers();
  void FlushLog();
  void Wake(Group* group);
  void UpdateRole(Group* group);
  void Forget(GroupId id);  // of a group that is gone
  // Takes a replica that ends out of everything here; null when there is none.
  std::unique_ptr<Group> Detach(GroupId id);
  void Tick();
  void Settle(Group* group, Micros now);
  static bool HasPrepared(const Group& group);
  Micros PatienceOf(Group* group) const;
  void WakeLeaders();
  void WakeOrphans();
  bool QuorumLives(Group* group) const;
  void StartCampaigns();
  void CountCampaign(Group* group);
  void OnAsked(GroupId id);
  void OnPaxosFrame(NodeId from, absl::string_view payload);
  void OnUnknownGroup(NodeId from, const paxos::Message& message);
  void AskSleepers();
  void TellMerged(NodeId from, const paxos::Message& message);
  void OnMergedAway(GroupId id, GroupId into);
  void OnSplit(GroupId parent, AppliedState child, storage::WriteBatch* batch);
  void MakeChildren();
  // group_host_overlaps.cc
  void CoverOlder(const peer::GroupDescriptor& newer, storage::WriteBatch* batch);
  std::vector<KeyRange> HeldByNoOther(const KeyRange& range, GroupId owner) const;
  const Group* NewerPiece(const peer::GroupDescriptor& descriptor) const;
  // group_host_newborn.cc
  std::vector<GroupId> BearSkipped(Group* parent, const AppliedState& after,
                                   storage::WriteBatch* batch);
  void MakeNewborn(GroupId id);
  void RecoverNewborn();
  // group_host_merge.cc
  const AppliedState* OnMerge(GroupId left, const peer::Merge& merge, storage::WriteBatch* batch);
  void EndMerged();
  void EndReplica(GroupId id);
  void RemoveLogs(std::vector<GroupId> ids);
  void DropMergedLogs();
  void MaybeCheckpoint();
  void Checkpoint();
  void TruncateLogs(const std::map<GroupId, LogIndex>& durable);
  bool ComesAfterMember(const Group& group, NodeId to) const;
  Task<void> SendSnapshot(GroupId id, NodeId to);
  absl::Status Install(Group* g, AppliedState state, paxos::LogMark mark,
                       storage::WriteBatch batch);
  Task<absl::StatusOr<std::string>> OnSnapshotPiece(NodeId from, std::string piece);
  void AddPeers(const peer::GroupDescriptor& d);
  void RebuildPeers();
  // group_host_witness.cc
  bool IsWitness(const AppliedState& state) const;
  LogIndex MayForget(Group* group, LogIndex upto, storage::WriteBatch* batch);
  Task<bool> PrepareForWitness(GroupId id, NodeId to, peer::GroupSnapshotHeader* header);
  absl::Status InstallWitness(Group* g, const peer::GroupSnapshotHeader& header);
  // group_host_members.cc
  absl::Status LoadLives();
  void DropRemains();
  void SaveLife(GroupId group, uint64_t life, bool witness, storage::WriteBatch* batch);
  void EndLife(GroupId group, uint64_t life, storage::WriteBatch* batch);
  void SaveNewborn(GroupId group, uint64_t life, storage::WriteBatch* batch);
  void DropNewborn(GroupId group, storage::WriteBatch* batch);
  bool MayBegin(GroupId group, uint64_t life) const;
  void MakeBlank(GroupId group, uint64_t life);
  void WatchNewcomer(GroupId group, uint64_t life);
  Task<absl::StatusOr<uint64_t>> NewLife(Ctx ctx, GroupId group, NodeId node);
  Task<absl::StatusOr<std::string>> OnNewReplica(std::string payload);
  absl::Status DropDamaged(GroupId id);
  void OnMembers(GroupId id, bool removed);
  void WakeNonVoters();
  void Retire(GroupId id);
  NodeId Successor(Group* g) const;

  // SnapshotTarget
  absl::Status InstallSnapshot(const peer::GroupSnapshotHeader& header,
                               std::vector<std::string> chunks) override;

  Env env_;
  Options options_;
  storage::MvccStore store_;
  paxos::NodeSupport support_;
  std::unique_ptr<paxos::Log> log_;
  SnapshotReceiver snapshots_;
  IdlePromises promises_;
  std::map<GroupId, std::unique_ptr<Group>> groups_;
  std::map<GroupId, std::string> quarantined_;
  std::map<GroupId, Reachable> unknown_;
  bool rebuild_posted_ = false;
  std::set<NodeId> peers_;  // that share a group with this node, now or before
  std::vector<AppliedState> new_children_;
  std::map<GroupId, uint64_t> lives_;           // of replicas that began with a snapshot
  std::map<GroupId, uint64_t> witnesses_;       // of those, the witnesses' lives
  std::map<GroupId, uint64_t> newborn_;         // of replicas that may vote before theirs came
  std::map<GroupId, uint64_t> gone_;            // the last life of a replica that ended here
  std::set<GroupId> retiring_;                  // ended, their logs not removed yet
  std::deque<std::unique_ptr<Group>> retired_;  // requests may still look at them
  GroupId sleepers_cursor_;                     // who asked last
  uint64_t lives_begun_ = 0;                    // by this process
  std::vector<std::unique_ptr<Group>> merged_;  // by what is applied in this turn
  std::deque<std::unique_ptr<Group>> merged_long_ago_;  // requests may still look at them
  std::set<GroupId> dirty_;
  Wakeups wakeups_;
  absl::btree_map<GroupId, Group*> serving_;
  std::set<GroupId> campaigning_;
  std::map<NodeId, uint64_t> renewals_;  // of each peer's support, as last seen
  std::set<NodeId> revived_;             // peers that the sleeping leaders were not all told of
  GroupId leaders_cursor_;
  bool process_posted_ = false;
  std::map<NodeId, std::string> frames_;
  std::vector<std::pair<GroupId, uint64_t>> tokens_;
  std::map<GroupId, uint64_t> in_flight_;  // entries appended and not chosen, where there are any
  uint64_t total_in_flight_ = 0;
  uint64_t unflushed_ = 0;    // entries that no flush covers yet
  Micros gathers_until_ = 0;  // 0: nothing waits for others
  uint64_t applied_since_checkpoint_ = 0;
  uint64_t log_after_checkpoint_ = 0;  // bytes that the last one had to leave
  bool checkpointing_ = false;
  std::set<std::pair<GroupId, NodeId>> sending_snapshots_;
  std::unique_ptr<GarbageCollector> gc_;
  TaskScope scope_;
};

}  // namespace isochron::tablet

#endif  // ISOCHRON_TABLET_GROUP_GROUP_HOST_H_
