// SPDX-License-Identifier: Apache-2.0
#include "tablet/group/membership.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace isochron::tablet {

paxos::Config ConfigOf(const peer::GroupDescriptor& d) {
  paxos::Config config;
  for (const peer::Replica& r : d.replicas()) {
    config.members.push_back(
        paxos::Member{NodeId(r.node()), static_cast<paxos::ReplicaKind>(r.kind()), r.id()});
  }
  if (!config.members.empty()) return config;
  for (uint32_t v : d.voters()) {
    config.members.push_back(paxos::Member{NodeId(v), paxos::ReplicaKind::kVoter, kFirstLife});
  }
  return config;
}

void SetConfig(const paxos::Config& config, peer::GroupDescriptor* d) {
  d->clear_voters();
  d->clear_replicas();
  for (const paxos::Member& m : config.members) {
    peer::Replica* r = d->add_replicas();
    r->set_node(m.node.value);
    r->set_kind(static_cast<peer::ReplicaKind>(m.kind));
    r->set_id(m.id);
    if (m.kind == paxos::ReplicaKind::kVoter) d->add_voters(m.node.value);
  }
}

bool BelongsTo(uint64_t life, uint64_t first, uint64_t now) {
  if (life == kFirstLife) return first == 1;
  const uint64_t incarnation = life >> kLifeCountBits;
  return incarnation >= first && incarnation <= now;
}

absl::StatusOr<paxos::Config> NextConfig(const paxos::Config& now, const peer::Replica& wanted,
                                         bool remove, uint64_t life, bool caught_up) {
  const NodeId node(wanted.node());
  const auto kind = static_cast<paxos::ReplicaKind>(wanted.kind());
  paxos::Config next = now;
  auto at = std::find_if(next.members.begin(), next.members.end(),
                         [&](const paxos::Member& m) { return m.node == node; });
  const bool there = at != next.members.end();
  if (there && wanted.id() != 0 && at->id != wanted.id()) {
    return absl::FailedPreconditionError(
        absl::StrCat("node ", node.value,
                     " has another replica of the group by now; look at isochron.replicas"));
  }
  if (remove) {
    if (!there) return next;
    if (at->Votes() && now.Voters() == 1) {
      return absl::InvalidArgumentError("the last voter of a group is not removed; add one first");
    }
    next.members.erase(at);
    return next;
  }
  if (kind == paxos::ReplicaKind::kWitness) {
    return absl::UnimplementedError(
        "witnesses are not built yet; add a voter or a read-only replica");
  }
  if (!there) {
    const bool votes = kind == paxos::ReplicaKind::kVoter;
    next.members.push_back(paxos::Member{node, votes ? paxos::ReplicaKind::kLearner : kind, life});
    return next;
  }
  if (at->kind == kind) return next;
  if (kind == paxos::ReplicaKind::kVoter) {
    if (!caught_up) return next;
    at->kind = kind;
    return next;
  }
  if (at->Votes()) {
    return absl::FailedPreconditionError(
        absl::StrCat("node ", node.value,
                     " votes in the group; remove its replica, then add it as another kind"));
  }
  at->kind = kind;
  return next;
}

}  // namespace isochron::tablet
