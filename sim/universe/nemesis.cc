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
  universe_->OnRefused([this](NodeId node) { OnRefused(node); });
  universe_->OnReached([this](NodeId node, absl::string_view name) { OnReached(node, name); });
}

double Nemesis::RateOf(const std::string& fault, double otherwise) const {
  const auto& rates = universe_->profile().fault_rates;
  const auto it = rates.find(fault);
  return it == rates.end() ? otherwise : it->second;
}

void Nemesis::Start() {
  active_ = true;
  LieSomewhere();
  const Profile& p = universe_->profile();
  if (p.knobs) universe_->events()->Count("fault.knobs", 1);
  for (const std::string& fault : p.faults) {
    if (IsAllAlong(fault)) continue;
    const bool own = !IsShareOfMessages(fault) && p.fault_rates.contains(fault);
    if (own) ScheduleOwn(fault, p.fault_rates.at(fault));
    if (!own) together_.push_back(fault);
  }
  const auto has = [&p](absl::string_view fault) {
    return std::find(p.faults.begin(), p.faults.end(), fault) != p.faults.end();
  };
  if (has("retention") && !has("clock-beyond")) WatchRetention();
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
  if (together_.empty()) return;
  const double mean = static_cast<double>(universe_->profile().fault_gap_us);
  const double gap = -std::log(1.0 - random_.NextDouble()) * mean;
  universe_->scheduler()->After(static_cast<Micros>(gap) + 1000, 0, [this] {
    if (!active_) return;
    Act(together_[random_.Below(together_.size())]);
    ScheduleNext();
  });
}

void Nemesis::ScheduleOwn(const std::string& fault, double per_minute) {
  if (per_minute <= 0) return;
  const double gap = -std::log(1.0 - random_.NextDouble()) * 60e6 / per_minute;
  universe_->scheduler()->After(static_cast<Micros>(gap) + 1000, 0, [this, fault, per_minute] {
    if (!active_) return;
    Act(fault);
    ScheduleOwn(fault, per_minute);
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
    node->SetTurnCost(0);
    node->clock()->Heal();
    node->disk()->SetOptions(universe_->profile().disk);
    node->disk()->SetFree(SimDisk::kPlenty);
    node->disk()->DieAt(0, nullptr);
    // Its operator has set its clock right, and does not wait until it trusts itself again.
    if (node->clock()->fenced()) universe_->Bounce(node->id(), false, 100'000);
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
  SimNode* node = AnyUp();
  if (node == nullptr) return;
  if (ActOn(node, fault)) universe_->events()->Count(absl::StrCat("fault.", fault), 1);
}

bool Nemesis::ActOn(SimNode* node, const std::string& fault) {
  if (fault == "all-power") {
    for (auto& n : universe_->nodes()) {
      universe_->Bounce(n->id(), true, random_.Between(1000, 1'000'000));
    }
    return true;
  }
  if (fault == "crash" || fault == "power") {
    universe_->Bounce(node->id(), fault == "power", DownFor());
    return true;
  }
  if (fault == "phase-crash") {
    armed_.clear();  // phases that nobody came to make room for others
    while (armed_.size() < 3) armed_.push_back(kPhases[random_.Below(ABSL_ARRAYSIZE(kPhases))]);
    return true;
  }
  if (fault == "overload") return universe_->AskForClients(40, random_.Between(200'000, 3'000'000));
  if (fault == "disk-crash") return DiskCrash(node);
  if (fault == "transfer") return TransferSome();
  if (fault == "churn") return Churn();
  if (fault == "pause") return Pause(node);
  if (fault == "slow") return Slow(node);
  if (fault == "slow-disk" || fault == "failed-sync") return SlowDisk(node, fault != "slow-disk");
  if (fault == "disk-full") return FillDisk(node);
  if (fault == "bitrot") return RotSome(node);
  if (fault == "split") return SplitSome();
  if (fault == "members") return ChangeMembers();
  if (fault == "wipe") return WipeSome();
  if (fault == "merge") return MergeSome();
  if (fault == "retention") return ChangeRetention();
  if (IsShareOfMessages(fault)) return Disturb(fault);
  if (fault.rfind("clock-", 0) == 0) return ActOnClock(node, fault);
  return Cut(fault);
}

// Short absences, and long ones in which others take over.
Micros Nemesis::DownFor() {
  return random_.OneIn(0.5) ? random_.Between(1000, 300'000) : random_.Between(300'000, 6'000'000);
}

bool Nemesis::Pause(SimNode* node) {
  universe_->Log(absl::StrCat(ToString(node->id()), " is paused"));
  node->Pause();
  Later(100'000, 2 * universe_->profile().lease_us, [this, node] {
    universe_->Log(absl::StrCat(ToString(node->id()), " goes on"));
    node->Resume();
  });
  return true;
}

bool Nemesis::SlowDisk(SimNode* node, bool fails) {
  universe_->Log(
      absl::StrCat(ToString(node->id()), fails ? "'s disk may fail a sync" : "'s disk is slow"));
  DiskOptions options = universe_->profile().disk;
  options.slow_sync_rate = 0.2;
  options.slow_sync_us = 400'000;
  if (fails) options.fail_sync_rate = 0.03;
  node->disk()->SetOptions(options);
  Later(500'000, 3'000'000, [this, node] { node->disk()->SetOptions(universe_->profile().disk); });
  return true;
}

// Down to something below the reserve, to half of it, or to nothing at all.
bool Nemesis::FillDisk(SimNode* node) {
  const uint64_t reserve = universe_->profile().disk_reserve_bytes;
  const uint64_t left = random_.OneIn(0.3) ? random_.Below(4096) : random_.Below(reserve * 9 / 8);
  universe_->Log(absl::StrCat(ToString(node->id()), "'s disk has ", left, " bytes left"));
  node->disk()->SetFree(left);
  Later(1'000'000, 6'000'000, [this, node] {
    universe_->Log(absl::StrCat(ToString(node->id()), "'s disk has room again"));
    node->disk()->SetFree(SimDisk::kPlenty);
  });
  return true;
}

// One node a run, so that a quorum of undamaged logs is left.
bool Nemesis::RotSome(SimNode* node) {
  if (lost_ || (lost_once_ && !AllWhole())) return false;
  for (auto& other : universe_->nodes()) {
    if (other->rotten()) return false;
  }
  universe_->Crash(node->id(), false);
  if (random_.OneIn(0.4)) {
    if (node->RotStore()) {
      universe_->Log(absl::StrCat("a block of ", ToString(node->id()), "'s store rots"));
    }
  } else {
    (void)node->Rot();
  }
  universe_->scheduler()->After(random_.Between(1000, 500'000), 0,
                                [this, id = node->id()] { universe_->Start(id); });
  return node->rotten();
}

bool Nemesis::Cut(const std::string& fault) {
  if (fault == "clog") return Clog();
  const bool done = fault == "isolate-leader" ? IsolateLeader()
                    : fault == "partial"      ? CutPairs()
                                              : Partition(fault == "oneway");
  if (!done) return false;
  Later(100'000, 6'000'000, [this] {
    universe_->Log("the network heals");
    universe_->network()->HealAll();
  });
  return true;
}

bool Nemesis::Clog() {
  SimNetwork* network = universe_->network();
  const size_t n = universe_->nodes().size();
  const NodeId from(static_cast<uint32_t>(1 + random_.Below(n)));
  const NodeId to(static_cast<uint32_t>(1 + random_.Below(n)));
  if (from == to) return false;
  universe_->Log(absl::StrCat("the link ", ToString(from), " -> ", ToString(to), " is clogged"));
  network->Clog(from, to);
  Later(50'000, 3'000'000, [network, from, to] { network->Unclog(from, to); });
  return true;
}

// Some do not hear each other, and no line divides the nodes in two.
bool Nemesis::CutPairs() {
  SimNetwork* network = universe_->network();
  const size_t n = universe_->nodes().size();
  for (size_t pairs = 0; pairs < n / 2; ++pairs) {
    const NodeId a(static_cast<uint32_t>(1 + random_.Below(n)));
    const NodeId b(static_cast<uint32_t>(1 + (a.value + random_.Below(n - 1)) % n));
    universe_->Log(absl::StrCat("partial partition: ", ToString(a), " | ", ToString(b)));
    network->Cut(a, b);
    network->Cut(b, a);
  }
  return true;
}

bool Nemesis::Disturb(const std::string& fault) {
  SimNetwork* network = universe_->network();
  NetworkOptions options = network->options();
  if (fault == "loss") options.drop_rate = RateOf(fault, random_.OneIn(0.2) ? 0.5 : 0.1);
  if (fault == "duplicate") options.duplicate_rate = RateOf(fault, 0.2);
  if (fault == "delay") {
    options.slow_rate = RateOf(fault, 0.1);
    options.slow_max_us = random_.Between(10'000, 1'500'000);
  }
  if (fault == "reorder") {
    options.reorder_rate = RateOf(fault, 0.3);
    options.reorder_max_us = random_.Between(1000, 300'000);
  }
  universe_->Log(absl::StrCat("messages suffer ", fault));
  network->SetOptions(options);
  Later(300'000, 3'000'000, [this, network] {
    universe_->Log("messages are well again");
    network->SetOptions(universe_->profile().network);
  });
  return true;
}

bool Nemesis::Partition(bool one_way) {
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
  return true;
}

bool Nemesis::IsolateLeader() {
  std::vector<NodeId> leaders;
  for (const auto& [group, node] : universe_->Leaders()) {
    if (node) leaders.push_back(node);
  }
  if (leaders.empty()) return false;
  const NodeId node = leaders[random_.Below(leaders.size())];
  universe_->Log(absl::StrCat("partition: ", ToString(node), " | the others"));
  for (auto& other : universe_->nodes()) {
    if (other->id() == node) continue;
    universe_->network()->Cut(node, other->id());
    universe_->network()->Cut(other->id(), node);
  }
  return true;
}

bool Nemesis::TransferSome() {
  std::vector<std::pair<GroupId, NodeId>> led;
  for (const auto& [group, node] : universe_->Leaders()) {
    if (node) led.emplace_back(group, node);
  }
  if (led.empty()) return false;
  const auto [group, from] = led[random_.Below(led.size())];
  const size_t n = universe_->nodes().size();
  const NodeId to(static_cast<uint32_t>(1 + (from.value + random_.Below(n - 1)) % n));
  universe_->Log(
      absl::StrCat(ToString(group), " is handed from ", ToString(from), " to ", ToString(to)));
  universe_->node(from)->TransferLeader(group, to);
  return true;
}

namespace {

Task<void> SplitTask(SimNode* node, std::string key, bool by_size) {
  Ctx ctx = std::make_shared<RequestContext>(node->executor()->MonotonicNow() + 5'000'000);
  (void)co_await (by_size ? node->store()->SplitBySize(ctx, std::move(key))
                          : node->store()->SplitAt(ctx, std::move(key)));
}

}  // namespace

bool Nemesis::SplitSome() {
  SimNode* node = AnyUp();
  if (node == nullptr) return false;
  auto& workloads = universe_->workloads();
  std::vector<std::string> keys = workloads[random_.Below(workloads.size())]->AllKeys();
  if (keys.empty()) return false;  // it works through SQL
  std::string key = keys[random_.Below(keys.size())];
  universe_->Log(absl::StrCat(ToString(node->id()), " is asked to split at ", key));
  // As if the group were large: then its halves are small, and merged again by themselves.
  const bool by_size = universe_->profile().merge_after_us > 0 && random_.OneIn(0.7);
  node->Spawn([node, key, by_size] { return SplitTask(node, key, by_size); });
  return true;
}

namespace {

Task<void> MergeTask(SimNode* node, std::string key) {
  Ctx ctx = std::make_shared<RequestContext>(node->executor()->MonotonicNow() + 8'000'000);
  (void)co_await node->store()->MergeAt(ctx, std::move(key));
}

}  // namespace

bool Nemesis::MergeSome() {
  SimNode* node = AnyUp();
  if (node == nullptr) return false;
  // A group that there is.
  std::vector<std::string> starts;
  for (const ReplicaView& r : node->Replicas()) starts.push_back(r.range.start);
  if (starts.empty()) return false;
  const std::string key = starts[random_.Below(starts.size())];
  universe_->Log(absl::StrCat(ToString(node->id()), " is asked to merge at ", key));
  node->Spawn([node, key] { return MergeTask(node, key); });
  return true;
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
