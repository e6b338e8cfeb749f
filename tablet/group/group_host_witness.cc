// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tablet/group/group_host.h"
#include "tablet/group/membership.h"

// Witnesses: replicas that vote and keep the log, and hold no rows (rule 29;
// paxos/core/witness.cc). They apply commands like all others, for the sake of splits, merges and
// membership, but for the rows. What they are given when they lag is a state without rows.

namespace isochron::tablet {
namespace {

constexpr Micros kSettlePatienceUs = 3'000'000;
constexpr Micros kLookAgainUs = 20'000;

}  // namespace

// By what was written down when its snapshot came, which its configuration may not show yet; one
// that began with the universe or with a split is in its configuration.
bool GroupHost::IsWitness(const AppliedState& state) const {
  if (auto life = lives_.find(state.id()); life != lives_.end()) {
    auto it = witnesses_.find(state.id());
    return it != witnesses_.end() && it->second == life->second;
  }
  const paxos::Config config = ConfigOf(state.descriptor());
  const paxos::Member* m = config.Find(env_.transport->self());
  return m != nullptr && !HoldsRows(m->kind);
}

// In a group with a witness, how much of what the store has the log may forget. It is written down
// before the log forgets: a full replica that knew it no more after a restart could not give a
// witness its log's beginning, and with the other one lost nobody could.
LogIndex GroupHost::MayForget(Group* group, LogIndex upto, storage::WriteBatch* batch) {
  const paxos::Replica& replica = *group->replica();
  if (!replica.HasWitness()) return upto;
  group->mutable_state()->SaveSettled(replica.Settled(), batch);
  if (upto <= replica.Settled()) return upto;
  env_.observer->Reached("log.kept_for_witness");
  return replica.Settled();
}

// When `to` is a witness, fills `header` with this leader's state less what only a leader needs,
// and with the base of its log, once it is settled. False: not now.
Task<bool> GroupHost::PrepareForWitness(GroupId id, NodeId to, peer::GroupSnapshotHeader* header) {
  const Micros until = env_.executor->MonotonicNow() + kSettlePatienceUs;
  for (;;) {
    Group* g = Find(id);
    if (g == nullptr || g->replica()->role() != paxos::Role::kLeader) co_return false;
    paxos::Replica* replica = g->replica();
    if (!replica->IsWitness(to)) co_return true;
    const paxos::LogMark base = replica->base();
    if (base.index <= replica->Settled()) {
      g->state().ToSnapshot(header);
      for (peer::Prepare& p : *header->mutable_prepared()) {
        p.clear_writes();
        p.clear_locks();
      }
      header->set_witness_base(base.index);
      header->set_witness_base_round(base.origin.round);
      header->set_witness_base_node(base.origin.node.value);
      co_return true;
    }
    if (env_.executor->MonotonicNow() >= until) co_return false;
    replica->SetTime(env_.executor->MonotonicNow());
    replica->WantSettled(base.index);
    MarkDirty(id);
    co_await SleepFor(env_.executor, kLookAgainUs);
  }
}

// The state goes into the store; the log begins anew at the sender's base, and what lies between
// the two comes from the sender's log.
absl::Status GroupHost::InstallWitness(Group* g, const peer::GroupSnapshotHeader& header) {
  const paxos::LogMark base{header.witness_base(), Ballot{header.witness_base_round(),
                                                          NodeId(header.witness_base_node())}};
  if (base.index <= g->replica()->chosen_index()) return absl::OkStatus();  // late
  env_.observer->Reached("group.witness_installed");
  if (header.index() <= g->state().index()) {
    // As it came with the last one: only the log is new.
    log_->TruncatePrefix(g->id(), base);
    g->replica()->InstallSnapshot(base, ConfigOf(g->descriptor()), g->state().index());
    MarkDirty(g->id());
    return absl::OkStatus();
  }
  AppliedState state = AppliedState::FromSnapshot(header);
  state.SetRowless();
  storage::WriteBatch batch;
  batch.DeleteRange(MetaPrefix(g->id()), MetaEnd(g->id()));
  return Install(g, std::move(state), base, std::move(batch));
}

}  // namespace isochron::tablet
