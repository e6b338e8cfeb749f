// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/status_macros.h"
#include "tablet/group/group.h"
#include "tablet/group/membership.h"

// Replicas that come and go: what the leader does, and how every replica applies it.

namespace isochron::tablet {
namespace {

constexpr Micros kLookAgainUs = 20'000;
constexpr Micros kAnswerPatienceUs = 800'000;
// A newcomer that has said nothing for so long may have ended before it heard of anything.
constexpr Micros kNewcomerSilentUs = 1'000'000;
// A learner may vote when it is no further behind than the log moves in a round trip.
constexpr LogIndex kCloseBehind = 200;

bool Reached(const paxos::Config& now, const peer::Replica& wanted, bool remove) {
  const paxos::Member* m = now.Find(NodeId(wanted.node()));
  // One that the node began later is not the one that was meant.
  if (remove) return m == nullptr || (wanted.id() != 0 && m->id > wanted.id());
  return m != nullptr && m->kind == static_cast<paxos::ReplicaKind>(wanted.kind());
}

}  // namespace

void Group::ApplyConfig(const paxos::Entry& entry, storage::WriteBatch* batch) {
  auto config = paxos::DecodeConfig(*entry.payload);
  ISO_CHECK(config.ok(), "a chosen configuration can be read");
  const bool member = ConfigOf(descriptor()).Has(env_.self, replica_->id());
  peer::GroupDescriptor members;
  SetConfig(*config, &members);
  state_.ApplyMembers(members, entry.index, entry.origin, batch);
  members_changed_ = true;
  if (member && !config->Has(env_.self, replica_->id())) removed_ = true;
}

absl::StatusOr<OneShot<absl::Status>> Group::ProposeConfig(paxos::Config next) {
  ISO_ASSIGN_OR_RETURN(LeaderView view, Leading());
  env_.mark_dirty(id());  // a refusal too may have something to ask of the others
  ISO_ASSIGN_OR_RETURN(LogIndex index, replica_->ProposeConfig(std::move(next)));
  OneShot<absl::Status> applied(env_.executor);
  waiting_.emplace(index, Waiting{view.ballot, {}, applied});
  env_.observer->Reached("group.members_proposed");
  return applied;
}

// A change must not leave a group that cannot go on: the replicas that are to be a quorum answer
// today.
absl::Status Group::CheckAlive(const paxos::Config& now, const paxos::Config& next) const {
  const size_t alive = replica_->Answering(next);
  if (alive >= next.Quorum() || next.Voters() > now.Voters()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("only ", alive, " of the ", next.Voters(), " replicas that would vote in group ",
                   id().value, " answer now: bring one back or add one first"));
}

// Takes out a newcomer whose life is over before it voted, so that another one may come.
Task<absl::Status> Group::ForgetNewcomer(NodeId node, uint64_t life) {
  paxos::Config next = replica_->config();
  const paxos::Member* member = next.Find(node);
  if (member == nullptr || member->id != life || member->Votes()) co_return absl::OkStatus();
  std::erase_if(next.members, [&](const paxos::Member& m) { return m.node == node; });
  auto applied = ProposeConfig(std::move(next));
  if (!applied.ok()) co_return absl::OkStatus();  // not now
  absl::Status chosen = co_await *applied;
  if (!chosen.ok() && !absl::IsUnknown(chosen)) co_return chosen;
  co_return absl::OkStatus();
}

Task<absl::Status> Group::ChangeReplica(Ctx ctx, peer::Replica wanted, bool remove) {
  const NodeId node(wanted.node());
  uint64_t life = 0;  // for a new replica, as long as the members are those of life_at
  LogIndex life_at = 0;
  const paxos::Config before = ConfigOf(descriptor());
  peer::Replica next_wanted = wanted;
  if (remove) next_wanted.clear_id();  // Reached looks at it
  const Micros patience = env_.executor->MonotonicNow() + kAnswerPatienceUs;
  Micros ask_whether_it_lives = env_.executor->MonotonicNow() + kNewcomerSilentUs;
  for (;;) {
    ISO_CO_RETURN_IF_ERROR(ctx->Check(env_.executor->MonotonicNow()));
    if (auto leading = Leading(); !leading.ok()) {
      co_return absl::UnavailableError(leading.status().message());
    }
    const bool overlap = env_.sabotage.Is(Sabotage::kOverlappingChanges);
    const paxos::Config now = overlap ? replica_->config() : ConfigOf(descriptor());
    const bool settled = replica_->config() == now;
    if (settled && Reached(now, wanted, remove)) {
      if (replica_->ConfigKnown()) co_return absl::OkStatus();
      co_await SleepFor(env_.executor, kLookAgainUs);
      continue;
    }
    const paxos::Member* member = now.Find(node);
    if (remove && member != nullptr && !before.Has(node, member->id)) {
      co_return absl::OkStatus();  // what was meant is gone, and another has come
    }
    if (settled && !remove && member == nullptr &&
        (life == 0 || life_at != replica_->settled_at())) {
      // Another request may have added and removed the replica that this one was told of. A life
      // that is over never comes back: its group would wait for it for ever.
      if (life != 0) env_.observer->Reached("group.life_asked_again");
      life_at = replica_->settled_at();
      ISO_CO_ASSIGN_OR_RETURN(life, co_await env_.new_life(ctx, id(), node));
      continue;  // things may have changed meanwhile
    }
    const LogIndex match = replica_->MatchOf(node);
    if (settled && !remove && member != nullptr && !member->Votes() && match == 0 &&
        env_.executor->MonotonicNow() >= ask_whether_it_lives) {
      const uint64_t listed = member->id;
      const auto there = co_await env_.new_life(ctx, id(), node);
      ask_whether_it_lives = env_.executor->MonotonicNow() + kNewcomerSilentUs;
      // It names the one that it has, if that still waits to hear from this group.
      if (there.ok() && *there != listed) {
        env_.observer->Reached("group.newcomer_replaced");
        ISO_CO_RETURN_IF_ERROR(co_await ForgetNewcomer(node, listed));
      }
      continue;
    }
    // It has to know that it is a member before it may be needed.
    const bool caught_up =
        match >= replica_->settled_at() && match + kCloseBehind >= replica_->chosen_index();
    ISO_CO_ASSIGN_OR_RETURN(paxos::Config next,
                            NextConfig(now, next_wanted, remove, life, caught_up));
    if (!settled || next == now) {
      co_await SleepFor(env_.executor, kLookAgainUs);
      continue;
    }
    if (absl::Status alive = CheckAlive(now, next); !alive.ok()) {
      // A new leader has yet to hear of some.
      if (env_.executor->MonotonicNow() >= patience) co_return alive;
      co_await SleepFor(env_.executor, kLookAgainUs);
      continue;
    }
    auto applied = ProposeConfig(std::move(next));
    if (absl::IsInvalidArgument(applied.status())) co_return applied.status();
    if (!applied.ok()) {  // not now
      co_await SleepFor(env_.executor, kLookAgainUs);
      continue;
    }
    absl::Status chosen = co_await *applied;
    if (!chosen.ok() && !absl::IsUnknown(chosen)) co_return chosen;
  }
}

}  // namespace isochron::tablet
