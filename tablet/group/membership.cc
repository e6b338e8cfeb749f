// SPDX-License-Identifier: Apache-2.0
#include "tablet/group/membership.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

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

namespace {

// Every quorum needs a replica that can lead and holds the rows, also of what witnesses forgot.
absl::Status CheckWitnesses(const paxos::Config& next) {
  const size_t witnesses =
      next.Count(paxos::ReplicaKind::kWitness) + next.Count(paxos::ReplicaKind::kNewWitness);
  const size_t full = next.Count(paxos::ReplicaKind::kVoter);
  if (full == 0) {
    return absl::InvalidArgumentError(
        "the last voter that holds rows is not removed; add another one first");
  }
  if (witnesses <= full) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the group would have ", witnesses, " witnesses and ", full,
                   " voters that hold rows; there are to be no more witnesses than these: add a "
                   "voter, or remove a witness, first"));
}

}  // namespace

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
    ISO_RETURN_IF_ERROR(CheckWitnesses(next));
    return next;
  }
  if (!there) {
    paxos::ReplicaKind first = kind;
    if (kind == paxos::ReplicaKind::kVoter) first = paxos::ReplicaKind::kLearner;
    if (kind == paxos::ReplicaKind::kWitness) first = paxos::ReplicaKind::kNewWitness;
    next.members.push_back(paxos::Member{node, first, life});
    ISO_RETURN_IF_ERROR(CheckWitnesses(next));
    return next;
  }
  if (at->kind == kind) return next;
  if (HoldsRows(at->kind) != HoldsRows(kind)) {
    return absl::FailedPreconditionError(
        absl::StrCat("node ", node.value,
                     " has a replica of another kind: a witness has no rows, and rows do not come "
                     "or go within a replica's life; remove it, "
                     "then add it as the other kind"));
  }
  if (kind == paxos::ReplicaKind::kVoter || kind == paxos::ReplicaKind::kWitness) {
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
