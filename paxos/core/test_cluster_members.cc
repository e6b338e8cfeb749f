// SPDX-License-Identifier: Apache-2.0
//
// Replicas that come and go, and folders that are wiped: an operator with a die.

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "paxos/core/membership.h"
#include "paxos/core/test_cluster.h"

namespace isochron::paxos {

const Config& TestCluster::ConfigAt(LogIndex index) const {
  return std::prev(configs_.upper_bound(index))->second;
}

// A member whose folder goes by another id by now.
bool TestCluster::IsLost(const Member& m) const {
  return nodes_[m.node.value - 1]->disk.life != m.id;
}

void TestCluster::OnConfig(Node* n, const Entry& entry) {
  auto config = DecodeConfig(*entry.payload);
  ISO_CHECK(config.ok(), "a configuration can be read");
  if (configs_.try_emplace(entry.index, *config).second) ++changes;
  if (config->Has(n->id, n->disk.life)) {
    n->disk.member = true;
  } else if (n->disk.member) {
    // Removed: the node forgets the group, and may come back in another life.
    n->disk.member = false;
    After(0, [this, n, life = n->disk.life] {
      if (n->disk.life == life) NewLife(n, false);
    });
  }
}

void TestCluster::NewLife(Node* n, bool bootstrapped) {
  const int i = static_cast<int>(n->id.value) - 1;
  if (n->up) Crash(i);
  const uint64_t incarnation = n->disk.incarnation + 1000;
  n->disk = Durable{};
  n->disk.incarnation = incarnation;
  n->disk.life = ++last_life_;
  if (bootstrapped) {  // somebody made a new universe in the empty folder, by mistake
    n->disk.base = LogMark{kInitialIndex, Ballot()};
    n->disk.config = ConfigAt(kInitialIndex);
  }
  Restart(i);
}

void TestCluster::Wipe(Node* n) {
  ++wipes;
  NewLife(n, random_.OneIn(0.5));
}

void TestCluster::Operator() {
  After(random_.Between(20'000, 400'000), [this] { Operator(); });
  const Config& now = ChosenConfig();
  const bool lost = std::any_of(now.members.begin(), now.members.end(),
                                [this](const Member& m) { return IsLost(m); });
  if (!faults_ && !lost) return;
  Node* victim = nodes_[random_.Below(nodes_.size())].get();
  // Not while a change may be under way: a lost voter and a removed one are two failures.
  const bool quiet = std::all_of(nodes_.begin(), nodes_.end(), [&](const auto& n) {
    return !now.Has(n->id, n->disk.life) || (n->up && n->replica->config() == now);
  });
  if (faults_ && !lost && quiet && now.Voters() >= 3 && random_.OneIn(0.25)) {
    Wipe(victim);
    return;
  }
  Replica* leader = Leader();
  if (options_.sabotage == Sabotage::kOverlappingChanges) {
    // Whoever thinks that it leads is asked.
    for (auto& n : nodes_) {
      if (n->up && n->stalled_until <= now_ && n->replica->role() == Role::kLeader) {
        OperateOn(n->replica.get());
      }
    }
  } else if (leader != nullptr && ById(leader->self())->stalled_until <= now_) {
    OperateOn(leader);
  }
}

void TestCluster::OperateOn(Replica* leader) {
  Config next = leader->config();
  auto lost = std::find_if(next.members.begin(), next.members.end(),
                           [this](const Member& m) { return IsLost(m); });
  auto learner = std::find_if(next.members.begin(), next.members.end(), [&](const Member& m) {
    const bool joins = m.kind == ReplicaKind::kLearner ||
                       (m.kind == ReplicaKind::kNewWitness &&
                        next.Count(ReplicaKind::kWitness) < next.Count(ReplicaKind::kVoter));
    return joins && leader->MatchOf(m.node) + 5 > leader->chosen_index();
  });
  Node* n = nodes_[random_.Below(nodes_.size())].get();
  const size_t witnesses = next.Count(ReplicaKind::kWitness);
  const bool room = witnesses < next.Count(ReplicaKind::kVoter);
  if (lost != next.members.end() && lost->kind == ReplicaKind::kVoter && witnesses > 0 && !room) {
    next.members.erase(std::find_if(next.members.begin(), next.members.end(), [](const Member& m) {
      return m.kind == ReplicaKind::kWitness;
    }));
  } else if (lost != next.members.end()) {
    next.members.erase(lost);
  } else if (learner != next.members.end()) {
    const bool rows = HoldsRows(learner->kind);
    learner->kind = !rows                ? ReplicaKind::kWitness
                    : random_.OneIn(0.2) ? ReplicaKind::kReadOnly
                                         : ReplicaKind::kVoter;
  } else if (next.Find(n->id) == nullptr) {
    // What it was given as a newcomer tells what it can be.
    const bool begun = n->disk.base.index != 0;
    const bool witness = options_.witnesses && (begun ? n->disk.witness : random_.OneIn(0.5));
    if (witness && !room) return;
    next.members.push_back(
        Member{n->id, witness ? ReplicaKind::kNewWitness : ReplicaKind::kLearner, n->disk.life});
  } else if (n->id != leader->self() && (next.Voters() > 3 || random_.OneIn(0.2))) {
    std::erase_if(next.members, [&](const Member& m) { return m.node == n->id; });
  } else {
    return;
  }
  (void)leader->ProposeConfig(std::move(next));
  Pump(ById(leader->self()));
}

void TestCluster::Reached(absl::string_view name) {
  chosen_by_witness += name == "paxos.chosen_by_witness" ? 1 : 0;
  fetched_from_witness += name == "paxos.fetched_from_witness" ? 1 : 0;
}

// What a witness forgot, a full replica of every quorum durably knows as chosen (rule 29). One
// whose folder was lost is a failure, of which a quorum is spared so many.
void TestCluster::CheckWitness(Node* n) {
  const Config& config = ChosenConfig();
  const Member* own = config.Find(n->id);
  if (own == nullptr || own->id != n->disk.life || HoldsRows(own->kind)) return;
  size_t keep = 0;
  for (const Member& m : config.members) {
    if (m.kind != ReplicaKind::kVoter) continue;
    const Durable& disk = nodes_[m.node.value - 1]->disk;
    const LogIndex last = disk.entries.empty() ? 0 : disk.entries.rbegin()->first;
    const LogIndex kept = std::max(disk.base.index, std::min(disk.hard.chosen, last));
    keep += IsLost(m) || kept >= n->disk.base.index ? 1 : 0;
  }
  if (keep >= config.Voters() - config.Quorum() + 1) return;
  Note(absl::InternalError(absl::StrCat(ToString(n->id), ", a witness, forgot up to ",
                                        n->disk.base.index, ", which ", keep,
                                        " full replicas keep")));
}

}  // namespace isochron::paxos
