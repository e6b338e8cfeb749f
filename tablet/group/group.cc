// SPDX-License-Identifier: Apache-2.0
#include "tablet/group/group.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/crc32c.h"
#include "common/status_macros.h"
#include "tablet/group/convert.h"
#include "tablet/group/membership.h"

namespace isochron::tablet {
namespace {

// A timestamp asked for further ahead of this node's clock than this is a lie (rule 25).
constexpr Micros kMaxLeadUs = 5'000'000;
constexpr Micros kHandOverPatienceUs = 5'000'000;

TxnAttempt AttemptOf(const peer::Command& c) {
  switch (c.kind_case()) {
    case peer::Command::kCommitOneRound:
      return FromProto(c.commit_one_round().txn());
    case peer::Command::kPrepare:
      return FromProto(c.prepare().txn());
    case peer::Command::kDecide:
      return FromProto(c.decide().txn());
    case peer::Command::kOutcome:
      return FromProto(c.outcome().txn());
    default:
      return {};
  }
}

bool HasTimestamp(const peer::Command& c) {
  return c.has_commit_one_round() || c.has_prepare() || c.has_split() || c.has_merge() ||
         (c.has_freeze() && !c.freeze().thaw()) || (c.has_decide() && c.decide().commit());
}

void SetTimestamp(peer::Command* c, Timestamp s) {
  if (c->has_commit_one_round()) c->mutable_commit_one_round()->set_s(s.us);
  if (c->has_prepare()) c->mutable_prepare()->set_s_prepare(s.us);
  if (c->has_decide()) c->mutable_decide()->set_s(s.us);
  if (c->has_split()) c->mutable_split()->set_s(s.us);
  if (c->has_merge()) c->mutable_merge()->set_s(s.us);
  if (c->has_freeze()) c->mutable_freeze()->set_s_max(s.us);
}

const google::protobuf::RepeatedPtrField<peer::Write>* WritesOf(const peer::Command& c) {
  if (c.has_commit_one_round()) return &c.commit_one_round().writes();
  if (c.has_prepare()) return &c.prepare().writes();
  if (c.has_decide()) return &c.decide().writes();
  return nullptr;
}

}  // namespace

Group::Group(GroupEnv env, std::unique_ptr<paxos::Replica> replica, AppliedState state)
    : env_(std::move(env)),
      replica_(std::move(replica)),
      state_(std::move(state)),
      safe_(env_.sabotage),
      changed_(env_.executor) {
  RebuildPending();
}

Group::~Group() {
  if (shares_) env_.promises->Leave(id());
}

KeyRange Group::range() const { return FromProto(state_.descriptor().range()); }

NodeId Group::leader_hint() const { return replica_->leader(); }

peer::LockEpoch Group::epoch() const {
  peer::LockEpoch e;
  e.set_ballot_round(replica_->ballot().round);
  e.set_ballot_node(replica_->ballot().node.value);
  e.set_incarnation(env_.incarnation);
  return e;
}

absl::Status Group::NotLeader(absl::string_view why) const {
  return absl::FailedPreconditionError(
      absl::StrCat("node ", env_.self.value, " does not lead group ", id().value, ": ", why));
}

// ---- leadership ----

absl::StatusOr<LeaderView> Group::Leading() {
  if (freezing_ || state_.frozen()) {
    return absl::UnavailableError(
        absl::StrCat("group ", id().value, " is being merged into its neighbour; try again"));
  }
  return LeadingThoughFrozen();
}

absl::StatusOr<LeaderView> Group::LeadingThoughFrozen() {
  if (!serving_) return NotLeader("another node does, or an election is on");
  if (abdicating_) return NotLeader("leadership is being handed over");
  auto now = env_.truetime->Now();
  if (!now.ok()) return now.status();
  if (env_.sabotage.Is(Sabotage::kCachedLeaseCheck) && tick_clock_) now = *tick_clock_;
  const Timestamp end = replica_->LeaseEnd();
  if (end <= now->latest) {
    env_.mark_dirty(id());  // it may have slept over what its voters' nodes went through
    return NotLeader("its lease has ended");
  }
  return LeaderView{replica_->ballot(), end, *now};
}

bool Group::MayServe() {
  if (replica_->role() != paxos::Role::kLeader) return false;
  if (!replica_->Recovered() && !env_.sabotage.Is(Sabotage::kServeBeforeRecovered)) return false;
  if (serving_) return true;
  auto now = env_.truetime->Now();
  return now.ok() && replica_->LeaseEnd() > now->latest;
}

void Group::UpdateRole() {
  if (env_.sabotage.Is(Sabotage::kCachedLeaseCheck)) {
    auto now = env_.truetime->Now();
    if (now.ok()) tick_clock_ = *now;
  }
  const bool may_serve = MayServe();
  if (serving_ && !may_serve) StopServing();
  if (!serving_ && may_serve) StartServing();
  if (serving_) {
    const Timestamp end = replica_->LeaseEnd();
    if (end > told_lease_end_) {
      told_lease_end_ = end;
      env_.observer->OnLease(env_.self, id(), replica_->ballot(), replica_->LeaseStart(), end);
    }
  }
}

void Group::StartServing() {
  serving_ = true;
  abdicating_ = false;
  transferring_ = false;
  last_assigned_ = state_.last_ts();
  // A process may win again while its own earlier lease still runs (docs/internals/paxos.md): what
  // it served or promised under that one binds it, although the locks are gone.
  min_next_ = std::max(min_next_, held_until_.us == 0 ? Timestamp() : held_until_.Next());
  held_until_ = Timestamp();
  told_lease_end_ = Timestamp();
  proposed_at_us_ = env_.executor->MonotonicNow();
  split_at_.clear();
  RebuildPending();
  env_.observer->Count("group.leaderships", 1);
  if (env_.listener) env_.listener->OnLead(this);
}

void Group::Retire() {
  if (serving_) StopServing();
  alive_.reset();  // who waits for it hears that it is gone
  changed_.NotifyAll();
}

void Group::StopServing() {
  StopSharing();
  serving_ = false;
  freezing_ = false;
  split_at_.clear();
  auto waiting = std::move(waiting_);
  waiting_.clear();
  for (auto& [index, w] : waiting) {
    w.applied.Set(absl::UnknownError("leadership was lost before the command was seen applied"));
  }
  RebuildPending();
  if (env_.listener) env_.listener->OnStopLeading(this);
  changed_.NotifyAll();
}

void Group::RebuildPending() {
  pending_.Clear();
  for (const auto& [attempt, p] : state_.prepared()) {
    pending_.Add(attempt, Timestamp(p.s_prepare()), true, p.writes());
  }
}

Task<absl::Status> Group::TransferTo(NodeId target) {
  ISO_CO_RETURN_IF_ERROR(Leading().status());
  if (!replica_->config().CanLead(target)) {
    co_return absl::InvalidArgumentError(
        absl::StrCat("node ", target.value, " has no replica of group ", id().value,
                     " that can lead: only voters do, not witnesses or read-only replicas"));
  }
  if (!env_.sabotage.Is(Sabotage::kTransferWithoutSmax)) {
    // Read votes bind this leadership for up to a lease: the group is served meanwhile.
    transferring_ = true;
    absl::Status held = co_await WaitAfter(nullptr, held_until_);
    transferring_ = false;
    ISO_CO_RETURN_IF_ERROR(held);
    ISO_CO_RETURN_IF_ERROR(Leading().status());
  }
  StopSharing();
  abdicating_ = true;  // Leading() fails from here on: nothing more is assigned or served
  const Micros patience = env_.executor->MonotonicNow() + kHandOverPatienceUs;
  while (serving_ && !waiting_.empty()) {
    if (!co_await changed_.WaitUntil(patience)) break;
  }
  if (!env_.sabotage.Is(Sabotage::kTransferWithoutSmax)) {
    absl::Status waited = co_await WaitAfter(
        nullptr, std::max({last_assigned_, min_next_, held_until_, state_.last_ts()}));
    if (!waited.ok()) {
      abdicating_ = false;
      co_return waited;
    }
  }
  if (!serving_ || !abdicating_) co_return NotLeader("leadership was lost before the hand-over");
  env_.observer->Reached("group.transfer");
  replica_->SetTime(env_.executor->MonotonicNow());
  absl::Status status = replica_->TransferTo(target);
  if (!status.ok()) abdicating_ = false;
  env_.mark_dirty(id());
  co_return status;
}

// ---- writing ----

absl::StatusOr<Timestamp> Group::Assign(const LeaderView& view, Timestamp min_s, Timestamp s_max) {
  if (min_s > view.now.latest + kMaxLeadUs) {
    return absl::AbortedError(absl::StrCat("a participant's timestamp lies ",
                                           (min_s.us - view.now.latest.us) / 1000,
                                           " ms ahead of this node's clock"));
  }
  Timestamp s =
      env_.sabotage.Is(Sabotage::kStartFromEarliest) ? view.now.earliest : view.now.latest.Next();
  s = std::max({s, last_assigned_.Next(), min_next_, min_s});
  if (s > s_max) return absl::AbortedError("no commit timestamp is left below its upper bound");
  if (s >= view.lease_end) return NotLeader("the lease ends before the next timestamp");
  return s;
}

absl::Status Group::CheckWritable(const peer::Command& command) const {
  const auto* writes = WritesOf(command);
  if (writes == nullptr) return absl::OkStatus();
  const KeyRange own = range();
  for (const peer::Write& w : *writes) {
    if (!own.Contains(w.key()) || (!split_at_.empty() && w.key() >= split_at_)) {
      return absl::OutOfRangeError("a key is not in this group");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Proposal> Group::Propose(peer::Command command, Timestamp min_s, Timestamp s_max) {
  ISO_RETURN_IF_ERROR(CheckWritable(command));
  const bool thaw = command.has_freeze() && command.freeze().thaw();
  ISO_ASSIGN_OR_RETURN(LeaderView view, thaw ? LeadingThoughFrozen() : Leading());
  StopSharing();
  proposed_at_us_ = env_.executor->MonotonicNow();
  Timestamp s;
  if (HasTimestamp(command)) {
    ISO_ASSIGN_OR_RETURN(s, Assign(view, min_s, s_max));
    SetTimestamp(&command, s);
  }
  ISO_ASSIGN_OR_RETURN(
      LogIndex index,
      replica_->Propose(std::make_shared<const std::string>(command.SerializeAsString())));
  if (s.us != 0) {
    last_assigned_ = s;
    env_.observer->OnAssigned(env_.self, id(), view.ballot, s);
  }
  if (command.has_split()) split_at_ = command.split().key();
  if (command.has_freeze() && !thaw) freezing_ = true;
  RegisterPending(command);
  OneShot<absl::Status> applied(env_.executor);
  waiting_.emplace(index, Waiting{view.ballot, AttemptOf(command), applied});
  env_.observer->Count("paxos.proposals", 1);
  env_.mark_dirty(id());
  return Proposal{s, index, applied};
}

void Group::RegisterPending(const peer::Command& c) {
  if (c.has_commit_one_round()) {
    pending_.Add(AttemptOf(c), Timestamp(c.commit_one_round().s()), false,
                 c.commit_one_round().writes());
  } else if (c.has_prepare()) {
    pending_.Add(AttemptOf(c), Timestamp(c.prepare().s_prepare()), true, c.prepare().writes());
  } else if (c.has_decide() && c.decide().commit()) {
    pending_.Add(AttemptOf(c), Timestamp(c.decide().s()), false, c.decide().writes());
  }
}

// ---- applying ----

void Group::Apply(const std::vector<paxos::Entry>& chosen, storage::WriteBatch* batch) {
  const LogIndex before = state_.index();
  for (const paxos::Entry& e : chosen) {
    if (e.index <= state_.index() || stuck_) continue;
    peer::Command command;
    if (e.kind == paxos::EntryKind::kConfig) {
      ApplyConfig(e, batch);
    } else {
      ApplyCommand(e, &command, batch);
      if (stuck_) continue;
    }
    env_.observer->OnApplied(env_.self, id(), e.index, e.payload ? Crc32c(*e.payload) : 0);
    just_applied_.emplace_back(e.index, std::move(command));
    just_applied_origins_.push_back(e.origin);
  }
  if (state_.index() != before) state_.SaveApplied(batch);
}

void Group::ApplyCommand(const paxos::Entry& e, peer::Command* command,
                         storage::WriteBatch* batch) {
  if (e.payload != nullptr) {
    // Checksummed by the log and by the transport: what does not parse was never proposed.
    ISO_CHECK(command->ParseFromString(*e.payload), "a chosen command can be parsed");
  }
  const AppliedState* merged = nullptr;
  if (command->has_merge() && state_.CanAbsorb(command->merge())) {
    merged = env_.on_merge(command->merge(), batch);
    stuck_ = merged == nullptr;
    if (stuck_) return;
  }
  state_.Apply(*command, e.index, e.origin, env_.sabotage, batch);
  if (merged != nullptr) {
    state_.Absorb(command->merge(), *merged, env_.sabotage, batch);
    env_.observer->Reached("group.merged");
  }
  if (command->has_split() && env_.on_split) {
    const auto& children = state_.group_state().children();
    env_.on_split(AppliedState::ChildOf(state_, children[children.size() - 1],
                                        Timestamp(command->split().s()), paxos::kInitialIndex),
                  batch);
  }
  if (command->has_split()) state_.UncoverOutside(batch);
}

void Group::SettlePending(const peer::Command& command) {
  const TxnAttempt attempt = AttemptOf(command);
  if (command.has_prepare()) {
    if (state_.prepared().count(attempt) > 0) {
      pending_.Add(attempt, Timestamp(command.prepare().s_prepare()), true,
                   command.prepare().writes());
    } else {
      pending_.Remove(attempt);
    }
  } else if (command.has_commit_one_round() || command.has_decide() || command.has_outcome()) {
    pending_.Remove(attempt);
  }
}

void Group::AfterWrite() {
  if (just_applied_.empty()) return;
  auto applied = std::move(just_applied_);
  auto origins = std::move(just_applied_origins_);
  just_applied_.clear();
  just_applied_origins_.clear();
  bool split = false;
  for (size_t i = 0; i < applied.size(); ++i) {
    const auto& [index, command] = applied[i];
    SettlePending(command);
    if (command.has_split()) {
      split = true;
      split_at_.clear();
    }
    if (command.has_merge()) split = true;
    if (command.has_freeze() && !command.freeze().thaw()) freezing_ = false;
    auto it = waiting_.find(index);
    if (it != waiting_.end()) {
      const bool ours = it->second.origin == origins[i];
      it->second.applied.Set(ours ? absl::OkStatus()
                                  : absl::UnknownError("another leader's command took the index"));
      waiting_.erase(it);
    }
    if (env_.listener) env_.listener->OnApplied(this, command);
  }
  if ((split || members_changed_) && env_.listener) env_.listener->OnDescriptor(this);
  if (std::exchange(members_changed_, false) && env_.on_members) env_.on_members(id(), removed_);
  // By the log's time: every replica forgets alike.
  const bool forget = env_.sabotage.Is(Sabotage::kForgetFinished);
  state_.ExpireFinished(forget ? Timestamp::Max() : state_.last_ts());
  changed_.NotifyAll();
}

void Group::InstallSnapshot(AppliedState state) {
  const paxos::Config before = ConfigOf(descriptor());
  state_ = std::move(state);
  removed_ |= before.Has(env_.self, replica_->id()) &&
              !ConfigOf(descriptor()).Has(env_.self, replica_->id());
  RebuildPending();
  changed_.NotifyAll();
  if (env_.listener) env_.listener->OnDescriptor(this);
}

}  // namespace isochron::tablet
