// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_PAXOS_CORE_REPLICA_H_
#define ISOCHRON_PAXOS_CORE_REPLICA_H_

// One replica of one group: multi-Paxos with a stable, leased leader, as a state machine without
// I/O (OSDI 2012 sections 2.1 and 4.1.1; protocol.md rules 7, 14, 15, 27).
//
// The driver's contract:
//
//   Step / Tick / Propose / Campaign / TransferTo ... change the state;
//   while (HasReady()) {
//     Ready r = TakeReady();
//     if (r.token != 0) { log.Append(group, r.hard_state, r.entries); log.Flush([token] {
//         replica.OnPersisted(token); ... look for the next Ready }); }
//     send r.messages; apply r.chosen in order;
//   }
//
// Every message in a Ready may be sent at once: one that states something durable is held back in
// here until OnPersisted was called for what it states. Tokens are persisted in order
// (OnPersisted(t) covers all before t). Entries appear in `chosen` once chosen by a quorum and
// durable here, in index order, without holes, each once since the start.
//
// Leases: this replica may act as leader at an instant when role() is kLeader, Recovered(), and
// LeaseEnd() > TT.now().latest with a clock read at that instant (rule 15). It may choose a
// timestamp s only if LeaseEnd() > s.
//
// Membership: membership.h tells which configurations are in force. A message that is for another
// life of this replica is dropped, and so is one from a life that is over (rule 28).
//
// Invariants: promises never go down; at most one value is chosen an index; the lease intervals of
// different (node, incarnation) never overlap in real time; origins in the chosen log never go
// down. Loop-thread only. Reads the clock only through NodeSupport. `support` and `reader` outlive
// it.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/observer.h"
#include "common/random.h"
#include "common/sabotage.h"
#include "common/types.h"
#include "paxos/core/entry.h"
#include "paxos/core/entry_log.h"
#include "paxos/core/membership.h"
#include "paxos/core/messages.h"
#include "paxos/core/progress.h"
#include "paxos/core/recovery.h"
#include "paxos/lease/node_support.h"

namespace isochron::paxos {

enum class Role : uint8_t { kFollower = 0, kPreCandidate = 1, kCandidate = 2, kLeader = 3 };

// What a replica needs of its driver while nothing arrives.
enum class Rest : uint8_t {
  kTick = 0,      // Tick, every few tens of milliseconds
  kCampaign = 1,  // only Campaign(), some time (auto_campaign off)
  // Nothing, until a message or a call comes; or, a follower, the support of its vote's holder
  // ends; or, a leader, that of another member begins anew (NodeSupport::Renewals).
  kSleep = 2,
};

struct SoftState {
  Role role = Role::kFollower;
  Ballot ballot;  // led or followed
  NodeId leader;  // best guess, zero if none; a hint for routing
  friend bool operator==(const SoftState&, const SoftState&) = default;
};

struct Ready {
  uint64_t token = 0;  // nonzero: hard_state and entries are to be made durable, then OnPersisted
  std::optional<HardState> hard_state;
  std::vector<Entry> entries;  // to append; an index may repeat, the later one wins
  std::vector<Message> messages;
  std::vector<Entry> chosen;            // to apply
  std::vector<NodeId> need_snapshot;    // send one each, then ReportSnapshot
  std::optional<SoftState> soft_state;  // when changed
};

class Replica {
 public:
  struct Options {
    GroupId group;
    uint64_t seed = 1;                    // for jitter
    Micros election_jitter_us = 300'000;  // campaigns start within this after the vote is free
    Micros retry_us = 500'000;            // unanswered messages repeat after it; > a round trip
    Micros campaign_us = 1'500'000;       // a campaign without a quorum is given up after it
    bool auto_campaign = true;            // false: the driver looks at WantsCampaign (rule 31)
    size_t max_message_bytes = 256 << 10;
    size_t max_inflight_bytes = 4 << 20;  // unacknowledged, per follower
    size_t max_pending_bytes = 16 << 20;  // proposed, not yet chosen
    size_t max_apply_bytes = 1 << 20;     // per Ready
    size_t cache_bytes = 1 << 20;         // payloads kept in memory for followers that lag
    SabotageSet sabotage;
    Observer* observer = nullptr;
  };

  Replica(Options options, InitialState initial, NodeSupport* support, LogReader* reader);

  // --- the driver's loop -----------------------------------------------------------------------
  // `now` is Executor::MonotonicNow. Repeats, renews vote stamps, starts and ends campaigns.
  void Tick(Micros now);
  // Whether the next Tick can wait. Before it goes on after a rest it is told the time.
  Rest MayRest() const;
  void SetTime(Micros now) { now_ = now; }
  void Step(NodeId from, Message message);
  bool HasReady() const;
  Ready TakeReady();
  void OnPersisted(uint64_t token);

  // --- proposals (leader) ----------------------------------------------------------------------
  // The index under which `payload` will be chosen if this leader stays: watch Ready.chosen for
  // that index with origin == ballot(). FAILED_PRECONDITION when not the leader; RESOURCE_EXHAUSTED
  // when too much is pending. After a step-down the outcome of what was pending is unknown (rule
  // 3).
  absl::StatusOr<LogIndex> Propose(Payload payload);

  // --- membership (leader) ---------------------------------------------------------------------
  // Proposes that `next` is in force from the next entry on. FAILED_PRECONDITION when not the
  // leader, when it has not recovered, or when another change is under way; UNAVAILABLE when the
  // lease is not supported by a quorum of today's replicas at the moment; INVALID_ARGUMENT when
  // `next` differs by more than one replica, or would not let this one lead.
  absl::StatusOr<LogIndex> ProposeConfig(Config next);
  // A quorum of the newest configuration durably knows that it is chosen: what it left behind may
  // be told, and be forgotten.
  bool ConfigKnown() const;

  // --- leadership ------------------------------------------------------------------------------
  // Starts a campaign if the vote is free. No effect on a leader, learner or blank replica.
  void Campaign();
  // A campaign is due; only with auto_campaign off does it wait for Campaign().
  bool WantsCampaign() const { return campaign_at_ != 0 && now_ >= campaign_at_; }
  // When the next campaign should begin at the earliest; 0: no reason to wait.
  Micros campaign_at() const { return campaign_at_; }
  // A member that may be elected.
  bool MayLead() const;
  // A campaign would find this replica's own vote free.
  bool MayCampaign() const {
    return role_ == Role::kFollower && MayLead() && VoteIsFree(self_, incarnation_);
  }
  // Hands leadership over. The caller has stopped assigning and has seen TT.after(greatest
  // timestamp assigned, promised or served): the lease is given up at once. FAILED_PRECONDITION
  // when not the leader, INVALID_ARGUMENT when `to` is not another voter.
  absl::Status TransferTo(NodeId to);
  // As a leader that stops for good: gives the lease up and leaves the vote free for anybody. The
  // same precondition.
  absl::Status Resign();

  Timestamp LeaseStart() const { return lease_start_; }
  // The lease's end as granted by a quorum; zero when not the leader. Never shrinks within a
  // ballot.
  Timestamp LeaseEnd();
  // The new leader's own first entry, and with it all it recovered, was handed out in Ready.chosen.
  bool Recovered() const { return role_ == Role::kLeader && emitted_ >= recovery_index_; }

  // --- log upkeep ------------------------------------------------------------------------------
  // Forgets entries up to `upto`, which must have been handed out and, in a group with a witness,
  // be settled. Tell the log as well.
  void Truncate(LogIndex upto);
  // A snapshot that covers everything up to `mark` was durably installed in the store. `config` is
  // in force after `config_at`: the mark, or a witness's state further on (witness.cc).
  void InstallSnapshot(LogMark mark, Config config, LogIndex config_at = 0);
  // Answers Ready.need_snapshot: `to` has (ok) or has not installed a snapshot up to `index`.
  void ReportSnapshot(NodeId to, bool ok, LogIndex index);

  // A blank replica of a life that accepted nothing, and promised no more than `initial.hard` says:
  // it may promise while it waits for its snapshot. Any other one might have forgotten.
  void BeNewborn() { newborn_ = true; }

  // Asks the other voters whether this replica still is a member: removed() tells. For one that has
  // not heard of its end, and does not campaign because its leader's node is well.
  void AskIfMember();

  // --- witnesses (witness.cc; rule 29) ----------------------------------------------------------
  // Some configuration in force calls that node's replica a witness; the group has one.
  bool IsWitness(NodeId node) const;
  bool HasWitness() const { return configs_.HasWitness(); }
  // In a group with a witness, logs are truncated up to here at most: whatever quorum is left, one
  // of its full replicas has all of that.
  LogIndex Settled() const;
  // Leader: has the full replicas make durable what they know, so that Settled reaches `index`.
  void WantSettled(LogIndex index);
  // All that is taken from a message whose entries find no room on this disk.
  void LearnSettled(NodeId from, const Message& message);

  // Entries up to `index`, which the caller knows to be chosen and to be in this log (a merge says
  // so in another group's log): hands out those that were not yet, in order.
  std::vector<Entry> TakeChosenUpTo(LogIndex index);

  // --- looking ---------------------------------------------------------------------------------
  GroupId group() const { return options_.group; }
  NodeId self() const { return self_; }
  Role role() const { return role_; }
  Ballot ballot() const { return role_ == Role::kFollower ? hard_.promised : ballot_; }
  NodeId leader() const;
  // The newest configuration in the log, chosen or not; and the newest that is chosen.
  const Config& config() const { return configs_.latest(); }
  const Config& settled_config() const { return configs_.settled(); }
  LogIndex settled_at() const { return configs_.settled_at(); }  // at or behind its entry
  uint64_t id() const { return id_; }
  // It knows of a chosen configuration that names it.
  bool member() const { return configs_.settled().Has(self_, id_); }
  // When a leader was last heard; 0: never.
  Micros heard_at() const { return heard_at_; }
  // The leader said that this replica is in no configuration any more.
  bool removed() const { return removed_; }
  // Leader: how many voters of `config` have followed, and support this node at the moment.
  size_t Answering(const Config& config) const;
  const HardState& hard_state() const { return hard_; }
  LogIndex chosen_index() const { return chosen_; }
  LogIndex emitted_index() const { return emitted_; }  // handed out to apply
  LogIndex last_index() const { return log_.last(); }
  LogMark base() const { return log_.base(); }
  // The mark of an index in (base, chosen], to truncate or snapshot at; base's own too.
  LogMark MarkAt(LogIndex index) const;
  // Leader: how far `node` has durably followed; 0 unknown.
  LogIndex MatchOf(NodeId node) const;
  bool blank() const { return log_.base().index == 0; }

 private:
  friend class ReplicaInvariants;

  struct Vote {
    uint64_t life = 0;
    VoteStamp stamp;
  };
  struct Held {  // a message that waits for a token
    uint64_t token = 0;
    Message message;
  };
  struct Unstable {  // entries handed to the driver (token) or not yet (token 0 = next Ready)
    uint64_t token = 0;
    LogIndex first = 0;
  };

  // replica.cc
  uint64_t LifeOf(NodeId node) const;
  void Send(NodeId to, Body body);         // at once
  void SendDurably(NodeId to, Body body);  // once all that changed so far is durable
  uint64_t DurableToken() const;           // the token that covers all changes so far, 0: none
  void AppendEntry(Entry entry);           // to the log and the next Ready
  LogIndex Stable() const;                 // all entries up to here are durable
  void SetChosen(LogIndex index);
  void CollectChosen(Ready* ready);
  VoteStamp StampFor(NodeId leader) const;
  void Stamp(NodeId voter, VoteStamp vote);

  // witness.cc
  void PutConfig(const Entry& entry);
  LogIndex KeptSoon() const;
  LogIndex SettledIn(const Config& config) const;
  void UpdateSettled();
  void TickSettled();
  void AddSettled(const Progress& p, Accept* m) const;
  void CountWitnesses(LogIndex chosen);
  void CountFetched(const std::vector<Entry>& recovered, const Recovery& answers);
  absl::Status CheckSettled(const Config& next);

  // members.cc
  bool ForThisLife(NodeId from, const Message& message);
  void SettleConfigs();
  void MaybeAskIfMember();
  LogIndex NamedAt() const;
  LogIndex AcceptedIn(const Config& config);
  Timestamp LeaseIn(const Config& config) const;
  void TellVoters(const Body& body);
  void AddProgress(const Config& config);
  void DropLeavers();
  bool IsOutsider(NodeId node, LogIndex its_config_at) const;
  bool Votes(NodeId node) const {
    const Member* m = config().Find(node);
    return m != nullptr && m->Votes();
  }
  bool IsLeaving(const Progress& p) const { return p.left_at != 0; }

  // acceptor.cc
  void OnPrepare(NodeId from, const Prepare& m);
  void OnAccept(NodeId from, const Accept& m);
  void OnRelease(NodeId from, const Release& m);
  void OnHoldQuery(NodeId from, const HoldQuery& m);
  void OnTimeoutNow(NodeId from, const TimeoutNow& m);
  bool Holds(NodeId node, uint64_t incarnation) const;
  bool VoteIsFree(NodeId candidate, uint64_t incarnation) const;
  bool YieldsCandidacy() const;
  void SetVote(Ballot ballot, uint64_t incarnation);
  void FreeVote();
  void AskHolder();
  void AdoptBallot();
  Promise MakePromise(const Prepare& m) const;

  // candidate.cc
  void StartCampaign(bool pre, Ballot released);
  void SendPrepares();
  void OnPromise(NodeId from, const Promise& m);
  void OnNack(NodeId from, const Nack& m);
  void OnRefused(NodeId from, const Nack& m);
  void CountOwnPromise();
  void MaybeWin();
  std::vector<Config> ConfigsToWin() const;
  void Win();
  void GiveUpCampaign();
  void ScheduleCampaign(Micros within);
  void TickElection();
  void MaybeReleaseOwnVote();

  // leader.cc
  void OnAccepted(NodeId from, const Accepted& m);
  void AdvanceChosen();
  void Replicate();
  void SendAccept(NodeId to, Progress* p, bool empty);
  void TickLeader();
  bool LeaderMayRest() const;
  bool VoteIsStale(NodeId voter) const;
  void StepDown(Ballot seen);
  absl::Status GiveUpLease();
  void NeedSnapshot(NodeId node, Progress* p);

  const Options options_;
  const NodeId self_;
  const uint64_t incarnation_;
  NodeSupport* const support_;
  LogReader* const reader_;
  Random random_;
  uint64_t id_ = 0;
  bool removed_ = false;
  bool newborn_ = false;
  Micros ask_at_ = 0;  // whether this replica, which does not campaign, still is a member
  Micros heard_at_ = 0;
  Micros settled_since_ = 0;  // when the newest change was seen chosen
  ConfigHistory configs_;
  std::map<NodeId, uint64_t> lives_;  // the newest life heard of, by node
  Micros now_ = 0;

  // Acceptor.
  HardState hard_;
  EntryLog log_;
  LogIndex chosen_ = 0;
  LogIndex emitted_ = 0;
  Ballot match_ballot_;  // the ballot that match_ is about
  LogIndex match_ = 0;
  Micros asked_holder_at_ = 0;

  // Proposer. ballot_ is this replica's own, meaningless as a follower.
  Role role_ = Role::kFollower;
  Ballot ballot_;
  Ballot released_;         // for Prepare::released
  uint64_t max_round_ = 0;  // highest seen anywhere
  std::optional<Recovery> recovery_;
  Micros campaign_at_ = 0;  // 0: none is due
  Micros campaign_ends_ = 0;
  Micros repeat_at_ = 0;
  std::set<NodeId> refused_;     // this campaign
  std::vector<Config> to_win_;   // configurations that this campaign found: a quorum of each
  size_t complete_answers_ = 0;  // when to_win_ was last computed
  LogIndex recovery_index_ = 0;
  bool replicate_ = false;  // something may be to send to followers
  size_t pending_bytes_ = 0;
  std::map<NodeId, Progress> progress_;

  // Witnesses.
  LogIndex kept_ = 0;     // durable here, and durably known to be chosen
  LogIndex settled_ = 0;  // of a leader: as it told; else as it was told
  std::deque<std::pair<uint64_t, LogIndex>> keeping_;  // (token, kept_ once it is persisted)
  LogIndex given_ = 0;  // the newest snapshot that somebody was given
  LogIndex want_settled_ = 0;
  Micros want_until_ = 0;
  Micros settled_held_until_ = 0;  // not raised before, so that a new full replica can reach it

  // Lease.
  Timestamp lease_start_;
  Timestamp lease_end_;
  Timestamp abandoned_lease_end_;  // of ballots led before in this incarnation
  uint64_t lease_version_ = 0;
  std::map<NodeId, Vote> stamps_;  // votes at ballot_, by voter

  // Ready.
  SoftState told_;
  bool hard_changed_ = false;
  std::vector<Entry> to_append_;
  std::vector<Message> outbox_;
  std::vector<Held> held_;
  std::deque<Unstable> unstable_;
  std::vector<NodeId> need_snapshot_;
  uint64_t last_token_ = 0;
  uint64_t persisted_token_ = 0;
  std::optional<uint64_t> own_promise_token_;
  uint64_t settled_token_ = 0;  // makes it durable that the newest change is chosen
};

}  // namespace isochron::paxos

#endif  // ISOCHRON_PAXOS_CORE_REPLICA_H_
