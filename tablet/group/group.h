// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TABLET_GROUP_GROUP_H_
#define ISOCHRON_TABLET_GROUP_GROUP_H_

// One replica of a group: drives its paxos::Replica, applies chosen commands to the MVCC store,
// assigns timestamps while it leads, and knows which keys may still change at or below a timestamp.
//
// OSDI 2012, sections 2.1, 4.1 and 4.2. Invariants 3, 7, 8, 9 of the design; rules 2, 9, 12,
// 13, 15.
//
// Leading. IsServing() turns true only after the new leader's lease began and everything it
// recovered is applied (rule 2); the listener then hears OnLead, and OnStopLeading exactly once
// after. Every use of leadership goes through Leading(), which asks the clock afresh (rule 15).
//
// Timestamps. Propose() assigns and appends in one step that does not suspend (rule 13): s is
// greater than TT.now().latest, than every timestamp this group assigned, applied (2PC outcomes
// too) or served a read at, and below the lease end (invariant 3).
//
// Visibility. Commands are applied as soon as chosen. Whoever answers a client waits for TT.after
// of the greatest version it examined (rule 2); WaitAfter does that.
//
// Reading away from the leader. WaitSafe serves any replica: it waits until safe time =
// min(t_paxos, t_tm of the keys) has reached the timestamp (safe_time.h), and asks the leader for a
// promise, once for all that wait, when what it has is not enough
// (docs/internals/life_of_a_read.md).
//
// Loop-thread only. Owned by GroupHost. Lost leadership never turns into "aborted": `applied` of a
// proposal then reports UNKNOWN, and the caller looks the outcome up at the next leader (rule 3).

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/executor.h"
#include "common/observer.h"
#include "common/request_context.h"
#include "common/sabotage.h"
#include "common/task.h"
#include "common/truetime.h"
#include "common/types.h"
#include "paxos/core/replica.h"
#include "proto/peer.pb.h"
#include "storage/mvcc/mvcc.h"
#include "tablet/group/applied_state.h"
#include "tablet/group/pending_writes.h"
#include "tablet/group/promise_exchange.h"
#include "tablet/group/safe_time.h"

namespace isochron::tablet {

class Group;

// Told about one node's groups; the transaction layer implements it.
class GroupListener {
 public:
  virtual ~GroupListener() = default;
  // This replica now serves as leader: rebuild the lock table from prepared().
  virtual void OnLead(Group* group) = 0;
  virtual void OnStopLeading(Group* group) = 0;
  // A command took effect on this replica (leader or not), in log order.
  virtual void OnApplied(Group* /*group*/, const peer::Command& /*command*/) {}
  // descriptor() changed, or was made (OnLead announces it too).
  virtual void OnDescriptor(Group* /*group*/) {}
};

// What is true for a leader at one instant.
struct LeaderView {
  Ballot ballot;
  Timestamp lease_end;
  TTInterval now;
};

struct Proposal {
  Timestamp s;  // assigned; 0 for commands without a timestamp
  LogIndex index = 0;
  // OK once applied here; UNKNOWN when leadership was lost first (it may still be chosen).
  OneShot<absl::Status> applied;
};

using CallLeader = std::function<Task<absl::StatusOr<peer::GroupResponse>>(
    Ctx ctx, GroupId group, peer::GroupRequest request)>;

// Where promises for groups in which nothing happens go to and come from (idle_promises.h).
class PromiseSource {
 public:
  virtual ~PromiseSource() = default;
  // The greatest timestamp promised for the groups that this node shares.
  virtual Timestamp LastShared() const = 0;
  virtual void Leave(GroupId group) = 0;
  // The greatest promise that another node has given and not taken back.
  virtual std::optional<SharedPromise> Known(GroupId group) const = 0;
  // Group::OnPromises is wanted when something comes.
  virtual void Await(GroupId group) = 0;
};

// As a read's timestamp: LastTS may do (OSDI 2012, 4.2.2), for a strong read of this group alone.
inline constexpr Timestamp kLastTs = Timestamp(-1);

struct GroupEnv {
  NodeId self;
  Executor* executor;
  TrueTime* truetime;
  Observer* observer;
  storage::MvccStore* store;
  storage::Engine* engine;
  GroupListener* listener;
  SabotageSet sabotage;
  uint64_t incarnation;  // of this process, for lock-table epochs
  // GroupHost's hooks: take this group's Ready in this turn; somebody asks for its leader; make a
  // split's child, its metadata in the batch that applies the split.
  std::function<void(GroupId)> mark_dirty;
  std::function<void(GroupId)> on_asked;
  std::function<void(AppliedState child, storage::WriteBatch*)> on_split;
  // Asks the group's leader, wherever it is; may be empty: then nothing can be asked.
  CallLeader call_leader;
  PromiseSource* promises = nullptr;  // may be null
  // The group has other replicas now; `removed`: this one is none of them any more.
  std::function<void(GroupId, bool removed)> on_members;
  // A number for a replica that is to begin at `node`.
  std::function<Task<absl::StatusOr<uint64_t>>(Ctx, GroupId, NodeId node)> new_life;
  // The state of a merge's right-hand group as it was frozen, for the last time: its replica here
  // ends with the batch. Null when it is not here (its log was damaged): this one ends too.
  std::function<const AppliedState*(const peer::Merge&, storage::WriteBatch*)> on_merge;
};

class Group {
 public:
  Group(GroupEnv env, std::unique_ptr<paxos::Replica> replica, AppliedState state);
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  GroupId id() const { return state_.id(); }
  const peer::GroupDescriptor& descriptor() const { return state_.descriptor(); }
  KeyRange range() const;
  const AppliedState& state() const { return state_; }
  paxos::Replica* replica() { return replica_.get(); }
  NodeId leader_hint() const;
  // False for a blank replica: it holds nothing yet and waits for a snapshot.
  bool initialised() const { return state_.initialised(); }

  // ---- leadership ----
  bool IsServing() const { return serving_; }
  // Fresh clock. FAILED_PRECONDITION when not the serving leader or the lease is over; UNAVAILABLE
  // when the clock cannot vouch for a bound, and while the group is frozen for a merge (rule 36):
  // nothing is assigned, served or promised then.
  absl::StatusOr<LeaderView> Leading();
  // A request came to this replica, which does not lead: if nobody does, it campaigns now.
  void OnAsked() { env_.on_asked(id()); }
  // (ballot, incarnation) of the current lock table (rule 8). Meaningful while serving.
  peer::LockEpoch epoch() const;

  // ---- writing (leader) ----
  // Fills in the command's own timestamp (commit_one_round.s, prepare.s_prepare, decide.s of a
  // commit, split.s), registers its writes as pending and appends it.
  // s >= min_s. ABORTED when no s <= s_max is possible; FAILED_PRECONDITION as Leading();
  // RESOURCE_EXHAUSTED when the pipeline is full; OUT_OF_RANGE when a key is not in range().
  absl::StatusOr<Proposal> Propose(peer::Command command, Timestamp min_s = Timestamp(),
                                   Timestamp s_max = Timestamp::Max());

  // ---- reading (leader) ----
  // Makes `t` readable for `spans`: raises the group's next timestamp above t (rule 12), then waits
  // until no pending or prepared write <= t touches them. t = 0 chooses TT.now().latest; kLastTs
  // the greatest applied timestamp (outcomes of 2PC included, rule 9) where nothing prepared
  // touches the spans, so that the read waits for nothing in flight. Returns t.
  // FAILED_PRECONDITION, UNAVAILABLE, OUT_OF_RANGE, DEADLINE_EXCEEDED, CANCELLED.
  Task<absl::StatusOr<Timestamp>> WaitReadable(Ctx ctx, std::vector<KeyRange> spans, Timestamp t);
  // Binds the next timestamp above TT.now().latest, which must have reached `t`, and says so
  // (rules 6, 12, 13). Statuses as WaitReadable.
  Task<absl::StatusOr<peer::PromiseResponse>> Promise(Ctx ctx, Timestamp t);

  // ---- reading (any replica) ----
  // As WaitReadable, at a replica that does not lead: waits until safe time has reached t; for t =
  // 0 (or kLastTs) asks the leader for a timestamp. UNAVAILABLE also when the leader cannot be
  // asked, when this node has no clock bound (rule 5), and when the group has gone meanwhile.
  Task<absl::StatusOr<Timestamp>> WaitSafe(Ctx ctx, std::vector<KeyRange> spans, Timestamp t);
  // The greatest timestamp that is readable here for `spans` without waiting. OUT_OF_RANGE.
  absl::StatusOr<Timestamp> SafeFor(const std::vector<KeyRange>& spans);
  // What a leader promised: nothing at or below t is assigned beyond `index`.
  void AddPromise(LogIndex index, Timestamp t);
  void OnPromises() { changed_.NotifyAll(); }

  // ---- promises while nothing happens (leader; idle_promises.h) ----
  // It leads, all that was appended is applied, and nothing was proposed after `since`
  // (Executor::MonotonicNow).
  bool Quiet(Micros since) const;
  bool shares() const { return shares_; }
  LogIndex shared_index() const { return shared_index_; }
  void StartSharing(LogIndex index) {
    shares_ = true;
    shared_index_ = index;
  }
  // Binds the next timestamp above what was promised (rule 12).
  void StopSharing();

  // Waits until TT.after(t) (commit wait). UNAVAILABLE when the clock cannot vouch (rule 26);
  // DEADLINE_EXCEEDED/CANCELLED from ctx (null: waits as long as it takes). Outlives the group.
  Task<absl::Status> WaitAfter(Ctx ctx, Timestamp t);

  storage::MvccStore* store() { return env_.store; }

  // Rows read at `t` may be told: FAILED_PRECONDITION, with the earliest readable timestamp, when t
  // lies below the horizon. Asked after the rows of each page were read: the horizon only rises, so
  // nothing that the read needed was gone before (rule 32).
  absl::Status CheckHorizon(Timestamp t) const;

  // UNAVAILABLE when a newer group here holds rows of the span: they may lack what this lagging
  // replica would have to show (AppliedState::Cover). Asked as CheckHorizon is.
  absl::Status CheckUncovered(const KeyRange& span) const;

  // Prepared and not yet resolved on this replica, by attempt.
  const std::map<TxnAttempt, peer::Prepare>& prepared() const { return state_.prepared(); }
  // Decisions whose participants have not all acknowledged.
  const std::map<TxnAttempt, peer::Decide>& decisions() const { return state_.decisions(); }
  // What became of an attempt here, while its record is kept (rule 20).
  std::optional<peer::FinishedAttempt> Finished(const TxnAttempt& attempt) const {
    return state_.Finished(attempt);
  }

  // ---- leadership transfer (rule 12: waits TT.after(max assigned, served, held)) ----
  // A promise about timestamps up to `t` was given (a read vote's s_max): no hand-over before
  // TT.after(t).
  // Returns the bound that is kept: t, or less while a hand-over waits for earlier ones.
  Timestamp HoldLeadershipUntil(Timestamp t) {
    if (transferring_) return std::min(t, held_until_);
    held_until_ = std::max(held_until_, t);
    return t;
  }
  // Stops serving, waits, releases the lease and asks `target` to campaign.
  Task<absl::Status> TransferTo(NodeId target);

  // ---- membership (leader; group_members.cc) ----
  // Changes the group to what `wanted` asks for, in as many single changes as it takes: OK when the
  // last one is chosen, applied here, and durably known to a quorum. A voter joins as a learner and
  // is promoted once it is close behind the log. UNAVAILABLE when not the leader
  // (any more); FAILED_PRECONDITION when the change would leave too few replicas that answer;
  // INVALID_ARGUMENT; DEADLINE_EXCEEDED while a learner catches up (repeat the request).
  Task<absl::Status> ChangeReplica(Ctx ctx, peer::Replica wanted, bool remove);
  // The replica ends here, or its group is merged into another one: it leads no more, and whoever
  // waits to read from it hears that it is gone. Its rows are no longer its own.
  void Retire();

  // ---- GroupHost's side ----
  // Adds the effects of chosen entries to `batch`; AfterWrite once that is in the store.
  void Apply(const std::vector<paxos::Entry>& chosen, storage::WriteBatch* batch);
  void AfterWrite();
  // Role changes and lease progress; call after every Ready and on each tick.
  void UpdateRole();
  // The whole state was replaced by a snapshot already in the store.
  void InstallSnapshot(AppliedState state);
  AppliedState* mutable_state() { return &state_; }
  // This replica is no member any more.
  bool removed() const { return removed_ || replica_->removed(); }

 private:
  struct Waiting {
    Ballot origin;
    TxnAttempt pending;  // its writes leave `pending_` when applied, unless it is a Prepare
    OneShot<absl::Status> applied;
  };
  absl::StatusOr<Timestamp> Assign(const LeaderView& view, Timestamp min_s, Timestamp s_max);
  absl::Status CheckWritable(const peer::Command& command) const;
  absl::Status CheckReadable(const std::vector<KeyRange>& spans) const;
  bool PendingTouches(const std::vector<KeyRange>& spans, Timestamp t) const;
  std::optional<Timestamp> ChooseLastTs(const std::vector<KeyRange>& spans) const;
  Timestamp PaxosSafe();
  // The greatest timestamp that this leader may read at or promise now: neither ahead of the clock
  // nor of the lease, nor above what a freeze for a merge leaves to this group (rules 12, 36).
  Timestamp MostReadable(const LeaderView& view) const;
  // Takes a place in the next question to the leader; answered when `asked_` has reached it.
  uint64_t Ask(Timestamp t);
  Task<void> AskLeader();
  void RegisterPending(const peer::Command& command);
  void SettlePending(const peer::Command& command);
  void RebuildPending();
  bool MayServe();
  absl::StatusOr<OneShot<absl::Status>> ProposeConfig(paxos::Config next);
  Task<absl::Status> ForgetNewcomer(NodeId node, uint64_t life);
  absl::Status CheckAlive(const paxos::Config& now, const paxos::Config& next) const;
  void ApplyCommand(const paxos::Entry& e, peer::Command* command, storage::WriteBatch* batch);
  void ApplyConfig(const paxos::Entry& entry, storage::WriteBatch* batch);
  void StartServing();
  void StopServing();
  absl::Status NotLeader(absl::string_view why) const;
  absl::StatusOr<LeaderView> LeadingThoughFrozen();

  GroupEnv env_;
  std::unique_ptr<paxos::Replica> replica_;
  AppliedState state_;
  PendingWrites pending_;
  SafeTime safe_;
  std::map<LogIndex, Waiting> waiting_;
  std::vector<std::pair<LogIndex, peer::Command>> just_applied_;
  std::vector<Ballot> just_applied_origins_;
  bool members_changed_ = false;  // by what was applied last
  bool removed_ = false;
  bool serving_ = false;
  bool abdicating_ = false;
  bool stuck_ = false;     // it lacks what a merge needs: applies nothing more
  bool freezing_ = false;  // a Freeze is proposed and not applied
  std::string split_at_;   // of a proposed, unapplied split: keys from here on are frozen
  Timestamp last_assigned_;
  Timestamp held_until_;
  bool transferring_ = false;  // a hand-over waits for held_until_, serving on
  Timestamp min_next_;         // greater than every read served (rule 12)
  Timestamp told_lease_end_;
  std::optional<TTInterval> tick_clock_;  // only the cached-lease-check sabotage looks at it
  WaitList changed_;                      // applied, leadership lost, or a promise came
  // Questions to the leader: one at a time, for all that came before it was sent.
  uint64_t ask_wanted_ = 0;
  uint64_t asked_ = 0;
  Timestamp ask_for_;
  absl::StatusOr<Timestamp> ask_answer_ = Timestamp();
  bool asking_ = false;
  bool shares_ = false;
  LogIndex shared_index_ = 0;
  Micros proposed_at_us_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  TaskScope scope_;  // goes first
};

}  // namespace isochron::tablet

#endif  // ISOCHRON_TABLET_GROUP_GROUP_H_
