// SPDX-License-Identifier: Apache-2.0
#include "sim/scenarios/first_year.h"

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/check.h"
#include "sim/scenarios/director.h"
#include "sim/scenarios/service_probe.h"
#include "sim/universe/run_universe.h"

namespace isochron::sim {
namespace {

constexpr Micros kSecond = 1'000'000;
constexpr Micros kCalmUs = 5 * kSecond;      // before the event
constexpr Micros kRecoverUs = 60 * kSecond;  // at most, after it
constexpr Micros kAfterUs = 5 * kSecond;     // looked at after the recovery

// ---- the scripts --------------------------------------------------------------------------------

// Most machines go within five minutes, and are back one to two days later.
void Overheating(Director& d) {
  for (size_t rack = 1; rack < d.racks(); ++rack) {
    d.Pass(d.random().Between(3 * kSecond, 10 * kSecond));
    d.PowerOff(rack);
  }
  d.Pass(60 * kSecond);
  for (size_t rack = 1; rack < d.racks(); ++rack) {
    d.PowerOn(rack);
    d.Pass(d.random().Between(kSecond, 5 * kSecond));
  }
}

void PduFailure(Director& d) {
  d.PowerOff(0);
  d.PowerOff(1);
  d.Pass(60 * kSecond);
  d.PowerOn(0);
  d.PowerOn(1);
}

void RackMove(Director& d) {
  d.Drain(0);
  d.Kill(0);
  d.Pass(60 * kSecond);
  d.PowerOn(0);
}

// A part of the machines at a time, one after the other.
void NetworkRewiring(Director& d) {
  for (int round = 0; round < 2; ++round) {
    for (size_t rack = 0; rack < d.racks(); ++rack) {
      d.Cut(rack);
      d.Pass(3 * kSecond);
      d.HealNetwork();
      d.Pass(3 * kSecond);
    }
  }
}

void RackFailure(Director& d) {
  d.PowerOff(0);
  d.Pass(60 * kSecond);
  d.PowerOn(0);
}

void WonkyRack(Director& d) {
  d.Lose(0, 0.5);
  d.Pass(60 * kSecond);
  d.Lose(0, 0);
}

// Random losses of connectivity between pairs.
void NetworkMaintenance(Director& d) {
  for (int i = 0; i < 20; ++i) {
    d.CutPair(d.random().Below(d.racks()), d.random().Below(d.racks()));
    d.CutPair(d.random().Below(d.racks()), d.random().Below(d.racks()));
    d.Pass(d.random().Between(kSecond / 2, 4 * kSecond));
    if (d.random().OneIn(0.7)) d.HealNetwork();
    d.Pass(d.random().Between(0, kSecond));
  }
  d.HealNetwork();
}

// External addresses of two sites are out for minutes; within, all is well.
void RouterReload(Director& d) {
  for (int i = 0; i < 2; ++i) {
    d.Reachable(0, false);
    d.Reachable(1, false);
    d.Pass(30 * kSecond);
    d.Reachable(0, true);
    d.Reachable(1, true);
    d.Pass(2 * kSecond);
  }
}

// All of a site's traffic, at once.
void RouterFailure(Director& d) {
  d.Cut(0);
  d.Reachable(0, false);
  d.Pass(60 * kSecond);
  d.HealNetwork();
  d.Reachable(0, true);
}

// Who has a connection keeps it; a process that starts during one finds nobody, and nobody finds it
// until names resolve again.
void DnsBlips(Director& d) {
  for (size_t blip = 0; blip < 3; ++blip) {
    d.Kill(blip);
    d.Pass(kSecond);
    d.Cut(blip);
    d.Reachable(blip, false);
    d.PowerOn(blip);
    d.Pass(29 * kSecond);
    d.HealNetwork();
    d.Reachable(blip, true);
    d.Pass(5 * kSecond);
  }
}

// One after another, by process and by power.
void MachineFailures(Director& d) {
  for (int i = 0; i < 12; ++i) {
    const size_t rack = d.random().Below(d.racks());
    if (d.random().OneIn(0.5)) {
      d.PowerOff(rack);
    } else {
      d.Kill(rack);
    }
    d.Pass(d.random().Between(kSecond, 6 * kSecond));
    d.PowerOn(rack);
    d.Pass(d.random().Between(kSecond, 3 * kSecond));
  }
}

void ByTheNemesis(Director& d) { d.NemesisFor(60 * kSecond); }

void SlowDisks(Director& d) {
  d.SlowDisk(0, true);
  d.SlowDisk(1, true);
  d.Pass(60 * kSecond);
  d.SlowDisk(0, false);
  d.SlowDisk(1, false);
}

// One machine's clock has no source, another one's is set wrong by an hour.
void Misconfigured(Director& d) {
  d.LoseClock(0, true);
  d.SetClock(1, 3600 * kSecond);
  d.Pass(45 * kSecond);
  d.LoseClock(0, false);
  d.SetClock(1, 0);
}

// One machine, everything in turn.
void Flaky(Director& d) {
  for (int i = 0; i < 4; ++i) {
    d.Pause(0, true);
    d.Pass(d.random().Between(kSecond, 5 * kSecond));
    d.Pause(0, false);
    d.SlowDown(0, 2000);
    d.Pass(d.random().Between(kSecond, 5 * kSecond));
    d.SlowDown(0, 0);
    d.Lose(0, 0.3);
    d.Pass(d.random().Between(kSecond, 3 * kSecond));
    d.Lose(0, 0);
    d.PowerOff(0);
    d.Pass(d.random().Between(kSecond, 3 * kSecond));
    d.PowerOn(0);
    d.Pass(d.random().Between(kSecond, 3 * kSecond));
  }
}

// ---- the list -----------------------------------------------------------------------------------

struct Scenario {
  const char* name;
  const char* what;
  bool sites;    // far from each other, instead of racks in one building
  int replicas;  // of the five machines
  void (*play)(Director&);
  std::map<std::string, double> rates;  // of the nemesis, in a minute
};

const std::vector<Scenario>& Scenarios() {
  static const auto* const kAll = new std::vector<Scenario>{
      {"overheating",
       "4 of 5 racks go off one after another, and are back a minute later",
       false,
       5,
       Overheating,
       {}},
      {"pdu-failure", "2 of 5 racks lose power at once, for 60 s", false, 5, PduFailure, {}},
      {"rack-move", "a rack is drained, goes off for 60 s, comes back", false, 5, RackMove, {}},
      {"network-rewiring",
       "each rack in turn is cut off for 3 s, twice",
       false,
       5,
       NetworkRewiring,
       {}},
      {"rack-failure", "a rack loses power for 60 s", false, 5, RackFailure, {}},
      {"wonky-rack", "a rack loses half of all messages for 60 s", false, 5, WonkyRack, {}},
      {"network-maintenance",
       "random pairs of sites cannot talk, for a minute",
       true,
       5,
       NetworkMaintenance,
       {}},
      {"router-reload",
       "2 of 5 sites cannot be reached from outside, twice 30 s",
       true,
       5,
       RouterReload,
       {}},
      {"router-failure", "a site's traffic is gone for 60 s", true, 5, RouterFailure, {}},
      {"dns-blips",
       "three times a process restarts and names do not resolve for 30 s",
       true,
       5,
       DnsBlips,
       {}},
      {"machine-failures",
       "12 machines, one after another, die and come back",
       false,
       5,
       MachineFailures,
       {}},
      {"disk-failures",
       "disks are lost and replaced, or fail to sync, for a minute",
       false,
       3,
       ByTheNemesis,
       {{"wipe", 4}, {"failed-sync", 6}}},
      {"slow-disks", "2 of 5 disks are a hundred times slower for 60 s", false, 5, SlowDisks, {}},
      {"bad-memory",
       "a bit of one machine's log or store flips; machines crash",
       false,
       5,
       ByTheNemesis,
       {{"bitrot", 4}, {"crash", 6}}},
      {"misconfigured",
       "a clock without a source, and one set wrong by an hour, for 45 s",
       false,
       5,
       Misconfigured,
       {}},
      {"flaky",
       "one machine stalls, is slow, loses messages and power, again and again",
       false,
       5,
       Flaky,
       {}},
  };
  return *kAll;
}

const Scenario& Find(const std::string& name) {
  const auto& all = Scenarios();
  const auto it =
      std::find_if(all.begin(), all.end(), [&](const auto& s) { return s.name == name; });
  ISO_CHECK(it != all.end(), "a scenario that there is");
  return *it;
}

Profile ProfileOf(const Scenario& scenario, const RunOptions& options, Random random) {
  RunOptions calm = options;
  calm.faults = {"none"};
  Profile p = DrawProfile(calm, random.Fork());
  p.nodes = 5;
  p.initial_replicas = scenario.replicas;
  p.initial_groups = 1;
  p.network = NetworkOptions();
  p.network.wan_delay_min_us = scenario.sites ? 2'000 : 50;
  p.network.wan_delay_max_us = scenario.sites ? 30'000 : 300;
  p.clock = ClockOptions{.epsilon_min_us = 500,
                         .epsilon_max_us = 2'000,
                         .poll_us = kSecond,
                         .shipped = true,
                         .peers = 4};
  p.disk = DiskOptions();
  p.lease_us = 3 * kSecond;  // what a served node has
  p.commit_window_us = 15 * kSecond;
  p.retention_us = 3600 * kSecond;
  p.knobs = 0;
  p.timer_jitter_us = 0;
  p.spread_leaders = true;
  p.clients = 4;
  p.hand_off_rate = 0.2;
  p.think_max_us = 100'000;
  p.run_us = 120 * kSecond;  // paces the clients
  p.max_steps = 8000;
  p.faults = {scenario.name};
  if (!scenario.rates.empty()) p.faults.clear();
  for (const auto& [fault, rate] : scenario.rates) p.faults.push_back(fault);
  p.fault_rates = scenario.rates;
  return p;
}

class ScenarioTrouble final : public Trouble {
 public:
  ScenarioTrouble(Universe* universe, const Scenario& scenario)
      : universe_(universe),
        scenario_(scenario),
        probe_(universe),
        director_(universe, &probe_, universe->Fork()) {}

  void Run() override {
    probe_.Start();
    universe_->RunFor(kCalmUs);
    probe_.BeginEvent();
    scenario_.play(director_);
    director_.Mend();
    probe_.EndEvent();
    universe_->RunUntil([this] { return probe_.Recovered(); }, kRecoverUs);
    universe_->RunFor(kAfterUs);
    probe_.Stop();
  }
  void Count(RunResult* result) override { probe_.Count(result); }

 private:
  Universe* universe_;
  const Scenario& scenario_;
  ServiceProbe probe_;
  Director director_;
};

int64_t CountOf(const RunResult& result, const std::string& name) {
  const auto it = result.counts.find(name);
  return it == result.counts.end() ? 0 : it->second;
}

}  // namespace

std::vector<std::string> FirstYearNames() {
  std::vector<std::string> names;
  for (const Scenario& s : Scenarios()) names.emplace_back(s.name);
  return names;
}

RunResult RunFirstYear(const RunOptions& options, const std::string& name) {
  const Scenario& scenario = Find(name);
  Random random(options.seed);
  Profile profile = ProfileOf(scenario, options, random.Fork());
  return RunUniverseWith(options, random, std::move(profile), [&scenario](Universe* universe) {
    return std::make_unique<ScenarioTrouble>(universe, scenario);
  });
}

void ScenarioRow::Add(const RunResult& result) {
  tried_ += CountOf(result, "scenario.tried");
  ok_ += CountOf(result, "scenario.ok");
  event_ms_ = std::max(event_ms_, CountOf(result, "scenario.event_ms"));
  gap_ms_ = std::max(gap_ms_, CountOf(result, "scenario.gap_ms"));
  recovery_ms_ = std::max(recovery_ms_, CountOf(result, "scenario.recovery_ms"));
  committed_ += CountOf(result, "sim.committed");
  violations_ += static_cast<int64_t>(result.anomalies.size());
}

double ScenarioRow::availability() const {
  return tried_ == 0 ? 0 : static_cast<double>(ok_) / static_cast<double>(tried_);
}

std::string FirstYearTableHead() {
  return "| scenario | what happens | lasts at most | writes that succeeded | longest gap | all "
         "groups again after | transactions checked | lost or wrong |\n"
         "|---|---|---|---|---|---|---|---|";
}

std::string ScenarioRow::Markdown() const {
  return absl::StrFormat("| %s | %s | %d s | %.1f %% | %.1f s | %.1f s | %d | %d |", name_,
                         Find(name_).what, (event_ms_ + 500) / 1000, 100 * availability(), gap_s(),
                         recovery_s(), committed_, violations_);
}

}  // namespace isochron::sim
