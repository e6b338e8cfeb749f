// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tablet/group/group_host.h"

// What makes groups act: time, their peers' messages, and what becomes of the nodes' support.

namespace isochron::tablet {
namespace {

// A group that nobody told this node about, but whose leader keeps sending: probably a split behind
// a snapshot. Waiting first lets an ordinary split arrive by the parent's log.
constexpr Micros kUnknownGroupPatienceUs = 3'000'000;
constexpr Micros kUnbornPatienceUs = 20'000'000;
constexpr size_t kMaxUnknownGroups = 1024;

// Leaders that look after a node that came back, a tick.
constexpr size_t kLeadersATick = 256;
// Of two voters that could follow a dead leader one goes first, by so much.
constexpr Micros kPatienceARankUs = 600'000;
// Without a quorum of nodes alive nobody is elected; looked at again after it, so many a tick.
constexpr Micros kNoQuorumPauseUs = 200'000;
constexpr size_t kTurnsLookedAt = 256;

}  // namespace

void GroupHost::Wake(Group* group) {
  if (wakeups_.Wake(group->id())) group->replica()->SetTime(env_.executor->MonotonicNow());
}

void GroupHost::Forget(GroupId id) {
  wakeups_.Remove(id);
  campaigning_.erase(id);
  serving_.erase(id);
}

void GroupHost::UpdateRole(Group* group) {
  group->UpdateRole();
  if (group->IsServing()) {
    serving_.try_emplace(group->id(), group);
  } else {
    serving_.erase(group->id());
  }
}

void GroupHost::Tick() {
  const Micros now = env_.executor->MonotonicNow();
  support_.Tick(now);
  for (auto& [to, message] : support_.TakeMessages()) {
    env_.transport->Send(to, Channel::kLease, std::move(message));
  }
  WakeLeaders();
  WakeOrphans();
  const std::vector<GroupId> awake(wakeups_.awake().begin(), wakeups_.awake().end());
  for (GroupId id : awake) {
    Group* g = Find(id);
    if (g == nullptr) {
      Forget(id);
      continue;
    }
    g->replica()->Tick(now);
    if (g->replica()->HasReady()) MarkDirty(id);
    UpdateRole(g);
    Settle(g, now);
  }
  StartCampaigns();
  env_.executor->PostAfter(options_.tick_us, [this] { Tick(); });
}

// Where a group goes that was just ticked.
void GroupHost::Settle(Group* group, Micros now) {
  const paxos::Replica& replica = *group->replica();
  if (replica.WantsCampaign()) {
    wakeups_.WaitForTurn(group->id(), now, HasPrepared(*group));
    return;
  }
  switch (replica.MayRest()) {
    case paxos::Rest::kTick:
      return;
    case paxos::Rest::kCampaign:
      wakeups_.WaitForTurn(group->id(), std::max(now + PatienceOf(group), replica.campaign_at()),
                           HasPrepared(*group));
      return;
    case paxos::Rest::kSleep:
      break;
  }
  if (replica.role() == paxos::Role::kLeader) {
    if (group->IsServing()) wakeups_.SleepLeading(group->id());
    return;
  }
  const paxos::HardState& hard = replica.hard_state();
  if (!replica.MayLead()) {
    wakeups_.SleepFollowing(group->id(), std::nullopt);
  } else {
    wakeups_.SleepFollowing(group->id(), VoteHolder{hard.holder, hard.holder_incarnation});
  }
}

// Somebody may wait for these: locks are held until the group has a leader again (rule 31).
bool GroupHost::HasPrepared(const Group& group) {
  return !group.prepared().empty() || !group.decisions().empty();
}

// Voters go in turns, beginning with the one that should lead, without the one that is lost.
Micros GroupHost::PatienceOf(Group* group) const {
  const auto& voters = group->descriptor().voters();
  const NodeId first =
      env_.preferred_leader ? env_.preferred_leader(group->descriptor()) : NodeId();
  int begin = 0;
  for (int i = 0; i < voters.size(); ++i) {
    if (NodeId(voters[i]) == first) begin = i;
  }
  Micros rank = 0;
  for (int i = 0; i < voters.size(); ++i) {
    const NodeId voter(voters[(begin + i) % voters.size()]);
    if (voter == env_.transport->self()) break;
    if (voter != group->replica()->hard_state().holder) ++rank;
  }
  return rank * kPatienceARankUs;
}

// A node came back, or supports this one anew: groups led here have votes to renew there, and
// entries to send. A few a tick; a request to one of the others wakes that one at once.
void GroupHost::WakeLeaders() {
  for (NodeId peer : support_.peers()) {
    uint64_t& seen = renewals_[peer];
    if (seen == support_.Renewals(peer)) continue;
    seen = support_.Renewals(peer);
    revived_.insert(peer);
    leaders_cursor_ = GroupId();
  }
  if (revived_.empty()) return;
  const std::vector<GroupId> some = wakeups_.LeadersAfter(leaders_cursor_, kLeadersATick);
  for (GroupId id : some) {
    Group* g = Find(id);
    if (g == nullptr) {
      Forget(id);
      continue;
    }
    const bool concerned = std::any_of(revived_.begin(), revived_.end(), [&](NodeId n) {
      return g->replica()->config().Find(n) != nullptr;
    });
    if (concerned) Wake(g);
  }
  if (some.size() < kLeadersATick) {
    revived_.clear();
  } else {
    leaders_cursor_ = some.back();
  }
}

void GroupHost::WakeOrphans() {
  const Micros now = env_.executor->MonotonicNow();
  const auto orphans = wakeups_.Orphans([this](const VoteHolder& holder) {
    return support_.MayVoteAgainst(holder.node, holder.incarnation);
  });
  for (GroupId id : orphans) {
    Group* g = Find(id);
    if (g == nullptr) {
      Forget(id);
      continue;
    }
    wakeups_.WaitForTurn(id, now + PatienceOf(g), HasPrepared(*g));
  }
  if (!orphans.empty()) env_.observer->Reached("group.orphaned");
}

bool GroupHost::QuorumLives(Group* group) const {
  const paxos::Config& config = group->replica()->config();
  size_t live = 0;
  for (const paxos::Member& m : config.members) {
    if (m.Votes() && support_.Live(m.node)) ++live;
  }
  return live >= config.Quorum();
}

// At most so many campaigns at a time: a dead node must not make its groups a storm (rule 31).
void GroupHost::StartCampaigns() {
  const Micros now = env_.executor->MonotonicNow();
  size_t most = options_.max_campaigns;
  if (options_.sabotage.Is(Sabotage::kUnboundedElections)) most = groups_.size() + 1;
  for (size_t looked = 0; looked < kTurnsLookedAt; ++looked) {
    if (campaigning_.size() >= 2 * most) return;
    const bool urgent_only = campaigning_.size() >= most;
    const std::optional<GroupId> id = wakeups_.NextTurn(now, urgent_only);
    if (!id) return;
    Group* g = Find(*id);
    if (g == nullptr) {
      Forget(*id);
      continue;
    }
    paxos::Replica* replica = g->replica();
    replica->SetTime(now);
    if (!replica->MayCampaign()) continue;  // it is awake: the next tick sees to it
    if (!QuorumLives(g)) {
      wakeups_.WaitForTurn(*id, now + kNoQuorumPauseUs, false);
      continue;
    }
    replica->Campaign();
    campaigning_.insert(*id);
    MarkDirty(*id);
  }
}

void GroupHost::CountCampaign(Group* group) {
  const paxos::Role role = group->replica()->role();
  if (role == paxos::Role::kPreCandidate || role == paxos::Role::kCandidate) {
    campaigning_.insert(group->id());
  } else if (campaigning_.erase(group->id()) > 0 && wakeups_.waiting() > 0) {
    env_.executor->Post([this] { StartCampaigns(); });
  }
}

void GroupHost::OnAsked(GroupId id) {
  Group* g = Find(id);
  if (g == nullptr || !g->replica()->MayCampaign()) return;
  env_.observer->Reached("group.asked_without_leader");
  // Not before its time: it may have given the group away.
  wakeups_.WaitForTurn(id, std::max(env_.executor->MonotonicNow(), g->replica()->campaign_at()),
                       true);
  env_.executor->Post([this] { StartCampaigns(); });
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
    if (const auto* accept = std::get_if<paxos::Accept>(&m.body);
        accept != nullptr && !accept->entries.empty() && env_.may_append && !env_.may_append()) {
      env_.observer->Reached("disk.refused_entries");  // as if they were lost on the way
      g->replica()->LearnSettled(from, m);             // which may make room
      continue;
    }
    if (const auto* nack = std::get_if<paxos::Nack>(&m.body);
        nack != nullptr && nack->reason == paxos::NackReason::kMerged) {
      OnMergedAway(m.group, nack->into);
      continue;
    }
    MarkDirty(m.group);
    g->replica()->Step(from, std::move(m));
  }
}

void GroupHost::OnUnknownGroup(NodeId from, const paxos::Message& message) {
  if (std::holds_alternative<paxos::Prepare>(message.body)) return TellMerged(from, message);
  if (!std::holds_alternative<paxos::Accept>(message.body)) return;
  // A replica that forgot what it promised must not come back under the same name (rule 28).
  if (quarantined_.contains(message.group)) return;
  if (!MayBegin(message.group, message.to_id)) return;
  const Micros now = env_.executor->MonotonicNow();
  if (unknown_.size() >= kMaxUnknownGroups && unknown_.count(message.group) == 0) return;
  auto [it, added] = unknown_.try_emplace(message.group, Reachable{now});
  if (added || now - it->second.since < kUnknownGroupPatienceUs) return;
  if (Absorber(message.group) != nullptr) return;  // its sender lags behind the merge
  // The log knows the group, so the store has only gone back to before its split: the parent's log
  // makes it again, with the votes and entries that a blank replica would forget (invariant 8).
  if (log_->HasRecovered(message.group)) {
    // Or does not, if what came by a snapshot was behind the split. Then its votes are of no use.
    if (now - it->second.since < kUnbornPatienceUs) return;
    unknown_.erase(it);
    env_.observer->Reached("group.unborn_quarantined");
    return Quarantine(message.group, "the log knows it, but nothing here tells how it began");
  }
  // A replica that votes only once a snapshot has told it what the group holds.
  MakeBlank(message.group, message.to_id);
}

}  // namespace isochron::tablet
