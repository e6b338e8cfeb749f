// SPDX-License-Identifier: Apache-2.0
#include "sim/universe/nemesis.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "absl/base/macros.h"
#include "absl/strings/str_cat.h"

namespace isochron::sim {
namespace {

// Where two-phase commit may be cut: at participants and coordinators, leaders of now and later.
constexpr const char* kPhases[] = {
    "2pc.prepared",       "2pc.prepared",          "2pc.prepared",      "2pc.voted",
    "2pc.voted",          "2pc.read_vote",         "2pc.decided",       "2pc.decided",
    "2pc.outcome_sent",   "2pc.outcome_applied",   "2pc.outcome_acked", "2pc.wounded_prepared",
    "2pc.presumed_abort", "2pc.in_doubt_resolved", "merge.frozen",      "merge.proposed",
    "group.merged",       "group.split",
};

}  // namespace

Nemesis::Nemesis(Universe* universe, Random random) : universe_(universe), random_(random) {
  universe_->OnReached([this](NodeId node, absl::string_view name) { OnReached(node, name); });
}

bool Nemesis::Has(const std::string& fault) const {
  const auto& faults = universe_->profile().faults;
  return std::find(faults.begin(), faults.end(), fault) != faults.end();
}

void Nemesis::Start() {
  active_ = true;
  LieSomewhere();
  ScheduleNext();
}

// The sabotages of the clock: one node's clock leaves its bound, on and off.
void Nemesis::LieSomewhere() {
  const bool forward = universe_->options().sabotage == Sabotage::kClockLiesForward;
  if (!forward && universe_->options().sabotage != Sabotage::kClockLiesBack) return;
  SimNode* liar = universe_->nodes()[random_.Below(universe_->nodes().size())].get();
  const Micros epsilon = universe_->profile().clock.epsilon_max_us;
  const Micros shift = epsilon * random_.Between(2, 8);
  liar->clock()->Lie(forward ? shift : -shift);
  universe_->Log(absl::StrCat(ToString(liar->id()), "'s clock lies by ", forward ? shift : -shift));
}

void Nemesis::ScheduleNext() {
  const Profile& p = universe_->profile();
  if (p.faults.empty()) return;
  const double gap = -std::log(1.0 - random_.NextDouble()) * static_cast<double>(p.fault_gap_us);
  universe_->scheduler()->After(static_cast<Micros>(gap) + 1000, 0, [this] {
    if (!active_) return;
    const auto& faults = universe_->profile().faults;
    Act(faults[random_.Below(faults.size())]);
    ScheduleNext();
  });
}

void Nemesis::Stop() {
  active_ = false;
  armed_.clear();
  universe_->Log("the faults stop");
  universe_->network()->SetOptions(universe_->profile().network);
  universe_->network()->HealAll();
  for (auto& node : universe_->nodes()) {
    node->Resume();
    node->clock()->SetLost(false);
    node->clock()->Lie(0);
    node->disk()->SetOptions(universe_->profile().disk);
    node->disk()->SetFree(SimDisk::kPlenty);
    universe_->Start(node->id());
  }
}

void Nemesis::Later(Micros min_us, Micros max_us, std::function<void()> undo) {
  universe_->scheduler()->After(random_.Between(min_us, max_us), 0, [this, undo = std::move(undo)] {
    if (active_) undo();
  });
}

SimNode* Nemesis::AnyUp() {
  std::vector<SimNode*> up;
  for (auto& node : universe_->nodes()) {
    if (node->up()) up.push_back(node.get());
  }
  return up.empty() ? nullptr : up[random_.Below(up.size())];
}

void Nemesis::Act(const std::string& fault) {
  static const std::vector<std::string> kNetwork = {
      "partition", "oneway", "clog", "isolate-leader", "loss", "delay", "reorder", "duplicate"};
  if (std::find(kNetwork.begin(), kNetwork.end(), fault) != kNetwork.end()) {
    ActOnNetwork(fault);
  } else {
    ActOnProcess(fault);
  }
}

void Nemesis::ActOnProcess(const std::string& fault) {
  SimNode* node = AnyUp();
  if (node == nullptr) return;
  const NodeId id = node->id();
  // Short absences, and long ones in which others take over.
  const Micros down =
      random_.OneIn(0.5) ? random_.Between(1000, 300'000) : random_.Between(300'000, 6'000'000);
  if (fault == "crash" || fault == "power") {
    universe_->Bounce(id, fault == "power", down);
  } else if (fault == "all-power") {
    for (auto& n : universe_->nodes()) {
      universe_->Bounce(n->id(), true, random_.Between(1000, 1'000'000));
    }
  } else if (fault == "phase-crash") {
    armed_.clear();  // phases that nobody came to make room for others
    while (armed_.size() < 3) armed_.push_back(kPhases[random_.Below(ABSL_ARRAYSIZE(kPhases))]);
  } else if (fault == "transfer") {
    TransferSome();
  } else if (fault == "pause") {
    universe_->Log(absl::StrCat(ToString(id), " is paused"));
    node->Pause();
    Later(100'000, 2 * universe_->profile().lease_us, [this, node, id] {
      universe_->Log(absl::StrCat(ToString(id), " goes on"));
      node->Resume();
    });
  } else if (fault == "clock-lost") {
    universe_->Log(absl::StrCat(ToString(id), "'s clock loses its bound"));
    node->clock()->SetLost(true);
    Later(10'000, 5'000'000, [this, node, id] {
      universe_->Log(absl::StrCat(ToString(id), "'s clock has a bound again"));
      node->clock()->SetLost(false);
    });
  } else if (fault == "disk") {
    universe_->Log(absl::StrCat(ToString(id), "'s disk is slow"));
    DiskOptions options = universe_->profile().disk;
    options.slow_sync_rate = 0.2;
    options.slow_sync_us = 400'000;
    if (random_.OneIn(0.3)) options.fail_sync_rate = 0.01;
    node->disk()->SetOptions(options);
    Later(500'000, 3'000'000,
          [this, node] { node->disk()->SetOptions(universe_->profile().disk); });
  } else if (fault == "disk-full") {
    FillDisk(node);
  } else if (fault == "bitrot") {
    RotSome(node);
  } else if (fault == "split") {
    SplitSome();
  } else if (fault == "members") {
    ChangeMembers();
  } else if (fault == "wipe") {
    WipeSome();
  } else if (fault == "merge") {
    MergeSome();
  }
}

// Down to something below the reserve, to half of it, or to nothing at all.
void Nemesis::FillDisk(SimNode* node) {
  const uint64_t reserve = universe_->profile().disk_reserve_bytes;
  const uint64_t left = random_.OneIn(0.3) ? random_.Below(4096) : random_.Below(reserve * 9 / 8);
  universe_->Log(absl::StrCat(ToString(node->id()), "'s disk has ", left, " bytes left"));
  node->disk()->SetFree(left);
  Later(1'000'000, 6'000'000, [this, node] {
    universe_->Log(absl::StrCat(ToString(node->id()), "'s disk has room again"));
    node->disk()->SetFree(SimDisk::kPlenty);
  });
}

// One node a run, so that a quorum of undamaged logs is left.
void Nemesis::RotSome(SimNode* node) {
  if (lost_) return;
  for (auto& other : universe_->nodes()) {
    if (other->rotten()) return;
  }
  universe_->Crash(node->id(), false);
  if (random_.OneIn(0.4)) {
    if (node->RotStore()) {
      universe_->Log(absl::StrCat("a block of ", ToString(node->id()), "'s store rots"));
    }
  } else if (node->Rot()) {
    universe_->Log(absl::StrCat("a bit of ", ToString(node->id()), "'s log flips"));
  }
  universe_->scheduler()->After(random_.Between(1000, 500'000), 0,
                                [this, id = node->id()] { universe_->Start(id); });
}

void Nemesis::ActOnNetwork(const std::string& fault) {
  SimNetwork* network = universe_->network();
  if (fault == "partition" || fault == "oneway") {
    Partition(fault == "oneway");
  } else if (fault == "isolate-leader") {
    std::vector<NodeId> leaders;
    for (const auto& [group, node] : universe_->Leaders()) {
      if (node) leaders.push_back(node);
    }
    if (leaders.empty()) return;
    Isolate(leaders[random_.Below(leaders.size())]);
  } else if (fault == "clog") {
    const size_t n = universe_->nodes().size();
    const NodeId from(static_cast<uint32_t>(1 + random_.Below(n)));
    const NodeId to(static_cast<uint32_t>(1 + random_.Below(n)));
    if (from == to) return;
    universe_->Log(absl::StrCat("the link ", ToString(from), " -> ", ToString(to), " is clogged"));
    network->Clog(from, to);
    Later(50'000, 3'000'000, [network, from, to] { network->Unclog(from, to); });
    return;
  } else {
    Disturb(fault);
    return;
  }
  Later(100'000, 6'000'000, [this, network] {
    universe_->Log("the network heals");
    network->HealAll();
  });
}

void Nemesis::Disturb(const std::string& fault) {
  SimNetwork* network = universe_->network();
  NetworkOptions options = network->options();
  if (fault == "loss") options.drop_rate = random_.OneIn(0.2) ? 0.5 : 0.1;
  if (fault == "duplicate") options.duplicate_rate = 0.2;
  if (fault == "delay") {
    options.slow_rate = 0.1;
    options.slow_max_us = random_.Between(10'000, 1'500'000);
  }
  if (fault == "reorder") {
    options.reorder_rate = 0.3;
    options.reorder_max_us = random_.Between(1000, 300'000);
  }
  universe_->Log(absl::StrCat("messages suffer ", fault));
  network->SetOptions(options);
  Later(300'000, 3'000'000, [this, network] {
    universe_->Log("messages are well again");
    network->SetOptions(universe_->profile().network);
  });
}

void Nemesis::Partition(bool one_way) {
  auto& nodes = universe_->nodes();
  std::vector<bool> side;
  for (size_t i = 0; i < nodes.size(); ++i) side.push_back(random_.OneIn(0.5));
  if (std::find(side.begin(), side.end(), !side[0]) == side.end()) side[0] = !side[0];
  std::string what = one_way ? "one-way partition:" : "partition:";
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (side[i]) absl::StrAppend(&what, " ", ToString(nodes[i]->id()));
    for (size_t j = 0; j < nodes.size(); ++j) {
      if (side[i] && !side[j]) {
        universe_->network()->Cut(nodes[i]->id(), nodes[j]->id());
        if (!one_way) universe_->network()->Cut(nodes[j]->id(), nodes[i]->id());
      }
    }
  }
  universe_->Log(absl::StrCat(what, " | the others"));
}

void Nemesis::Isolate(NodeId node) {
  universe_->Log(absl::StrCat("partition: ", ToString(node), " | the others"));
  for (auto& other : universe_->nodes()) {
    if (other->id() == node) continue;
    universe_->network()->Cut(node, other->id());
    universe_->network()->Cut(other->id(), node);
  }
}

void Nemesis::TransferSome() {
  std::vector<std::pair<GroupId, NodeId>> led;
  for (const auto& [group, node] : universe_->Leaders()) {
    if (node) led.emplace_back(group, node);
  }
  if (led.empty()) return;
  const auto [group, from] = led[random_.Below(led.size())];
  const size_t n = universe_->nodes().size();
  const NodeId to(static_cast<uint32_t>(1 + (from.value + random_.Below(n - 1)) % n));
  universe_->Log(
      absl::StrCat(ToString(group), " is handed from ", ToString(from), " to ", ToString(to)));
  universe_->node(from)->TransferLeader(group, to);
}

namespace {

Task<void> SplitTask(SimNode* node, std::string key) {
  Ctx ctx = std::make_shared<RequestContext>(node->executor()->MonotonicNow() + 5'000'000);
  (void)co_await node->store()->SplitAt(ctx, std::move(key));
}

}  // namespace

void Nemesis::SplitSome() {
  SimNode* node = AnyUp();
  if (node == nullptr) return;
  auto& workloads = universe_->workloads();
  std::vector<std::string> keys = workloads[random_.Below(workloads.size())]->AllKeys();
  std::string key = keys[random_.Below(keys.size())];
  universe_->Log(absl::StrCat(ToString(node->id()), " is asked to split at ", key));
  node->Spawn([node, key] { return SplitTask(node, key); });
}

namespace {

Task<void> MergeTask(SimNode* node, std::string key) {
  Ctx ctx = std::make_shared<RequestContext>(node->executor()->MonotonicNow() + 8'000'000);
  (void)co_await node->store()->MergeAt(ctx, std::move(key));
}

}  // namespace

void Nemesis::MergeSome() {
  SimNode* node = AnyUp();
  if (node == nullptr) return;
  // A group that there is.
  std::vector<std::string> starts;
  for (const ReplicaView& r : node->Replicas()) starts.push_back(r.range.start);
  if (starts.empty()) return;
  const std::string key = starts[random_.Below(starts.size())];
  universe_->Log(absl::StrCat(ToString(node->id()), " is asked to merge at ", key));
  node->Spawn([node, key] { return MergeTask(node, key); });
}

// The node is in the middle of a step: it dies within the next instants, when the messages of this
// step are under way or not.
void Nemesis::OnReached(NodeId node, absl::string_view name) {
  auto armed = std::find(armed_.begin(), armed_.end(), name);
  if (!active_ || armed == armed_.end() || !random_.OneIn(0.3)) return;
  armed_.erase(armed);
  const Micros when = random_.OneIn(0.5) ? 0 : random_.Between(0, 20'000);
  const bool power = random_.OneIn(0.4);
  const Micros down =
      random_.OneIn(0.3) ? random_.Between(1000, 200'000) : random_.Between(200'000, 8'000'000);
  universe_->scheduler()->After(when, 0, [this, node, power, down, phase = std::string(name)] {
    if (!active_ || !universe_->node(node)->up()) return;
    universe_->Log(absl::StrCat(ToString(node), " dies at phase ", phase));
    universe_->events()->Count(absl::StrCat("nemesis.died_at.", phase), 1);
    universe_->Bounce(node, power, down);
  });
}

}  // namespace isochron::sim
