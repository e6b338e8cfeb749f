// SPDX-License-Identifier: Apache-2.0
#include "tablet/group/group_host.h"

// What makes groups act: time, and messages of their peers.

namespace isochron::tablet {
namespace {

// A group that nobody told this node about, but whose leader keeps sending: probably a split behind
// a snapshot. Waiting first lets an ordinary split arrive by the parent's log.
constexpr Micros kUnknownGroupPatienceUs = 3'000'000;
constexpr size_t kMaxUnknownGroups = 1024;

}  // namespace

void GroupHost::Tick() {
  const Micros now = env_.executor->MonotonicNow();
  support_.Tick(now);
  for (auto& [to, message] : support_.TakeMessages()) {
    env_.transport->Send(to, Channel::kLease, std::move(message));
  }
  for (auto& [id, g] : groups_) {
    g->replica()->Tick(now);
    if (g->replica()->HasReady()) MarkDirty(id);
    g->UpdateRole();
  }
  env_.executor->PostAfter(options_.tick_us, [this] { Tick(); });
}

void GroupHost::OnPaxosFrame(NodeId from, absl::string_view payload) {
  auto messages = paxos::DecodeFrame(payload);
  if (!messages.ok()) {
    env_.observer->Count("transport.garbage", 1);
    return;
  }
  for (paxos::Message& m : *messages) {
    Group* g = Find(m.group);
    if (g == nullptr) {
      OnUnknownGroup(from, m);
      continue;
    }
    const GroupId id = m.group;
    g->replica()->Step(from, std::move(m));
    MarkDirty(id);
  }
}

void GroupHost::OnUnknownGroup(NodeId from, const paxos::Message& message) {
  (void)from;
  if (!std::holds_alternative<paxos::Accept>(message.body)) return;
  // A replica that forgot what it promised must not come back under the same name (rule 28).
  if (quarantined_.contains(message.group)) return;
  const Micros now = env_.executor->MonotonicNow();
  if (unknown_.size() >= kMaxUnknownGroups && unknown_.count(message.group) == 0) return;
  auto [it, added] = unknown_.try_emplace(message.group, Reachable{now});
  if (added || now - it->second.since < kUnknownGroupPatienceUs) return;
  // The log knows the group, so the store has only gone back to before its split: the parent's log
  // makes it again, with the votes and entries that a blank replica would forget (invariant 8).
  if (log_->HasRecovered(message.group)) return;
  // A replica that votes only once a snapshot has told it what the group holds.
  AppliedState state = AppliedState::Blank(message.group);
  paxos::InitialState initial = InitialFor(state);
  initial.base = {};
  initial.entries.clear();
  Add(std::move(state), std::move(initial));
}

}  // namespace isochron::tablet
