// SPDX-License-Identifier: Apache-2.0
#include "sim/scenarios/service_probe.h"

#include <algorithm>
#include <utility>

#include "sim/universe/audit.h"
#include "sim/workloads/recorder.h"

namespace isochron::sim {

ServiceProbe::ServiceProbe(Universe* universe) : universe_(universe) {
  for (auto& workload : universe_->workloads()) {
    for (const std::string& split : workload->SplitKeys()) {
      groups_.push_back(Group{.key = ProbeKey(split)});
    }
  }
}

void ServiceProbe::Start() {
  running_ = true;
  Round();
}

void ServiceProbe::BeginEvent() {
  counting_ = true;
  event_began_us_ = Now();
  for (Group& g : groups_) g.last_ok_us = Now();
}

void ServiceProbe::Stop() {
  running_ = false;
  for (const Group& g : groups_) {
    longest_gap_us_ = std::max(longest_gap_us_, Now() - g.last_ok_us);
  }
}

void ServiceProbe::SetReachable(NodeId node, bool reachable) {
  if (reachable) {
    unreachable_.erase(node);
  } else {
    unreachable_.insert(node);
  }
}

bool ServiceProbe::Recovered() const {
  return std::all_of(groups_.begin(), groups_.end(),
                     [](const Group& g) { return g.recovered_us != 0; });
}

void ServiceProbe::Round() {
  if (!running_) return;
  std::vector<SimNode*> gateways;
  for (auto& node : universe_->nodes()) {
    if (node->up() && !unreachable_.contains(node->id())) gateways.push_back(node.get());
  }
  for (size_t group = 0; group < groups_.size(); ++group) {
    tried_ += counting_;
    if (gateways.empty()) continue;
    SimNode* gateway = gateways[(round_ + group) % gateways.size()];
    Session session{gateway->store(),
                    gateway->executor(),
                    universe_->history(),
                    universe_->scheduler(),
                    kClient,
                    universe_->Fork(),
                    kDeadline};
    gateway->Spawn(
        [this, session, group, counted = counting_] { return Write(session, group, counted); });
  }
  ++round_;
  universe_->scheduler()->After(kEvery, 0, [this] { Round(); });
}

Task<void> ServiceProbe::Write(Session session, size_t group, bool counted) {
  const Micros began = session.scheduler->now();
  RecordedTransaction t(&session, nullptr);
  t.operation().note = "service probe";
  absl::Status status = t.Put(groups_[group].key, "probe");
  if (status.ok()) {
    status = co_await t.Commit();
  } else {
    t.Finish(status);
  }
  if (status.ok() && session.scheduler->now() - began <= kDeadline) Succeeded(group, counted);
}

void ServiceProbe::Succeeded(size_t group, bool counted) {
  Group& g = groups_[group];
  ok_ += counted;
  if (!counting_ || !running_) return;
  longest_gap_us_ = std::max(longest_gap_us_, Now() - g.last_ok_us);
  g.last_ok_us = Now();
  if (event_ended_us_ != 0 && g.recovered_us == 0) g.recovered_us = Now();
}

void ServiceProbe::Count(RunResult* result) const {
  Micros recovered = event_ended_us_;
  for (const Group& g : groups_) recovered = std::max(recovered, g.recovered_us);
  result->counts["scenario.tried"] = tried_;
  result->counts["scenario.ok"] = ok_;
  result->counts["scenario.gap_ms"] = longest_gap_us_ / 1000;
  result->counts["scenario.recovery_ms"] = (recovered - event_ended_us_) / 1000;
  result->counts["scenario.event_ms"] = (event_ended_us_ - event_began_us_) / 1000;
}

}  // namespace isochron::sim
