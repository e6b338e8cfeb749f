// SPDX-License-Identifier: Apache-2.0
#include "sim/universe/run_universe.h"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sim/universe/audit.h"
#include "sim/universe/clients.h"
#include "sim/universe/explain.h"
#include "sim/universe/nemesis.h"
#include "sim/universe/universe.h"

namespace isochron::sim {
namespace {

constexpr Micros kSetupUs = 60'000'000;
constexpr int kSetupClient = 999;

Task<void> SetUp(Universe* universe, SimNode* node, std::string* problem, bool* done) {
  Session session{node->store(), node->executor(), universe->history(), universe->scheduler(),
                  kSetupClient,  universe->Fork(), 10'000'000};
  for (auto& workload : universe->workloads()) {
    if (workload->uses_sql()) session.sql = node->sql();
    for (const std::string& key : workload->SplitKeys()) {
      while (true) {
        absl::Status split = co_await session.store->SplitAt(session.NewContext(), key);
        if (split.ok()) break;
        *problem = absl::StrCat("split at ", key, ": ", split.ToString());
        co_await SleepFor(session.executor, 100'000);
      }
    }
    while (true) {
      absl::Status loaded = co_await workload->Setup(session);
      if (loaded.ok()) break;
      *problem = absl::StrCat("load of ", workload->name(), ": ", loaded.ToString());
      co_await SleepFor(session.executor, 100'000);
    }
  }
  *done = true;
}

bool SetUpUniverse(Universe* universe) {
  for (auto& node : universe->nodes()) universe->Start(node->id());
  SimNode* first = universe->nodes()[0].get();
  if (!first->up()) return false;
  std::string problem = "nothing was tried";
  bool done = false;
  first->Spawn([&] { return SetUp(universe, first, &problem, &done); });
  if (!universe->RunUntil([&] { return done; }, kSetupUs)) {
    universe->Report("setup-failed", problem);
    for (auto& node : universe->nodes()) universe->Crash(node->id(), false);
    return false;
  }
  return true;
}

// Groups that were split off one leader stay with it: spreads them over the regions.
void SpreadLeaders(Universe* universe) {
  Random random = universe->Fork();
  const uint32_t n = static_cast<uint32_t>(universe->nodes().size());
  for (const auto& [group, leader] : universe->Leaders()) {
    const NodeId to(static_cast<uint32_t>(1 + random.Below(n)));
    if (leader && leader != to) universe->node(leader)->TransferLeader(group, to);
  }
  universe->RunFor(1'000'000);
}

// Whether what the operations read binds anybody: a read-write transaction that lost its locks half
// way may have seen the one page before and the next one after another's commit. It cannot commit.
bool Binding(const History& history, const Anomaly& anomaly) {
  return std::all_of(anomaly.operations.begin(), anomaly.operations.end(), [&](size_t id) {
    const Operation& op = history.operations()[id];
    return op.kind == OpKind::kReadOnly || op.outcome == Outcome::kCommitted;
  });
}

void CollectAnomalies(Universe* universe) {
  for (const Anomaly& a : universe->events()->anomalies()) universe->Report(a.name, a.what);
  for (auto& workload : universe->workloads()) {
    for (const Anomaly& a : workload->anomalies()) {
      if (!Binding(*universe->history(), a)) continue;
      universe->Report(a.name, a.what, a.operations);
    }
  }
  if (universe->scheduler()->stuck()) {
    universe->Report("livelock", "events follow events without time moving on");
  }
}

// What every replica holds at the end: rows, log, ballot, leadership, locks, members (rule 40).
void MixState(Universe* universe) {
  sim::Digest& digest = universe->scheduler()->digest();
  for (auto& node : universe->nodes()) {
    digest.Mix(node->up());
    if (!node->up()) continue;
    for (const ReplicaView& r : node->Replicas()) {
      digest.Mix(r.group.value);
      digest.MixBytes(r.detail);
      digest.Mix(r.applied);
      digest.Mix(static_cast<uint64_t>(r.horizon.us));
      digest.Mix((static_cast<uint64_t>(r.prepared) << 32) | r.locks);
      for (const MemberView& m : r.members) digest.Mix((m.life << 1) | m.votes);
      digest.Mix(node->Digest(r.range, r.horizon).value_or(0));
    }
  }
}

class NemesisTrouble final : public Trouble {
 public:
  explicit NemesisTrouble(Universe* universe)
      : universe_(universe), nemesis_(universe, universe->Fork()) {}
  void Run() override {
    nemesis_.Start();
    universe_->RunFor(universe_->profile().run_us);
    nemesis_.Stop();
  }

 private:
  Universe* universe_;
  Nemesis nemesis_;
};

}  // namespace

NewTrouble NemesisOf() {
  return [](Universe* universe) { return std::make_unique<NemesisTrouble>(universe); };
}

RunResult RunUniverse(const RunOptions& options) {
  Random random(options.seed);
  Profile profile = DrawProfile(options, random.Fork());
  return RunUniverseWith(options, random, std::move(profile), NemesisOf());
}

RunResult RunUniverseWith(const RunOptions& options, Random random, Profile profile,
                          const NewTrouble& new_trouble) {
  Universe universe(options, std::move(profile), random.Fork());
  const Profile& p = universe.profile();
  universe.Log(
      absl::StrCat(p.nodes, " nodes, ", p.initial_witnesses > 0 ? "one a witness, " : "",
                   p.tight ? "tight" : "wide", ", clock bound ", p.clock.epsilon_min_us, " to ",
                   p.clock.epsilon_max_us, " us, delays ", p.network.wan_delay_min_us, " to ",
                   p.network.wan_delay_max_us, " us, lease ", p.lease_us / 1000, " ms, workloads ",
                   absl::StrJoin(p.workloads, ","), ", faults ", absl::StrJoin(p.faults, ",")));
  Clients clients(&universe, universe.Fork());
  const std::unique_ptr<Trouble> trouble = new_trouble(&universe);
  if (SetUpUniverse(&universe)) {
    SpreadLeaders(&universe);
    if (p.initial_groups > 1) universe.WatchElections();
    if (p.initial_witnesses > 0 || std::count(p.faults.begin(), p.faults.end(), "members") > 0) {
      universe.WatchWitnesses();
    }
    clients.Start();
    trouble->Run();
    Audit(&universe, &clients).Run();
  }
  CollectAnomalies(&universe);
  for (auto& node : universe.nodes()) {
    universe.events()->Count("clock.accused", node->clock()->accusations());
    universe.events()->Count("clock.step_refused", node->clock()->refusals());
  }
  MixState(&universe);
  RunResult result;
  result.seed = options.seed;
  result.trace = universe.scheduler()->digest().value();
  result.events = universe.scheduler()->events_run();
  result.virtual_us = universe.scheduler()->now() - SimScheduler::kStartOfTime;
  result.anomalies = universe.anomalies();
  for (const auto& [name, count] : universe.events()->reached()) result.counts[name] += count;
  for (const auto& [name, count] : universe.events()->counters()) result.counts[name] += count;
  result.counts["sim.steps"] = clients.steps();
  for (const Operation& op : universe.history()->operations()) {
    result.counts["sim.committed"] += op.outcome == Outcome::kCommitted;
    result.counts["sim.aborted"] += op.outcome == Outcome::kAborted;
    result.counts["sim.unknown"] += op.outcome == Outcome::kUnknown || op.outcome == Outcome::kOpen;
  }
  trouble->Count(&result);
  if (options.trace) {
    for (const Operation& op : universe.history()->operations()) {
      std::printf("%s\n", ToString(op).c_str());
    }
  }
  if (options.explain) result.timeline = Explain(&universe);
  return result;
}

}  // namespace isochron::sim
