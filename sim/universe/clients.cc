// SPDX-License-Identifier: Apache-2.0
#include "sim/universe/clients.h"

#include <algorithm>

namespace isochron::sim {
namespace {

constexpr Micros kNoGateway = 20'000;
constexpr int kStepsAhead = 1000;

}  // namespace

Clients::Clients(Universe* universe, Random random) : universe_(universe), random_(random) {
  universe_->OnCrash([this](NodeId gateway) {
    std::vector<std::pair<int, uint64_t>> lost;
    for (const auto& [client, request] : running_) {
      if (request.gateway == gateway) lost.emplace_back(client, request.serial);
    }
    for (const auto& [client, serial] : lost) Ended(client, serial);
  });
  universe_->OnMoreClients([this](int more, Micros for_us) { Burst(more, for_us); });
}

void Clients::Burst(int more, Micros for_us) {
  const Micros now = universe_->scheduler()->now();
  if (now < burst_until_us_) return;
  burst_until_us_ = now + for_us;
  for (int i = 0; i < more; ++i) {
    if (!running_.contains(kFirstOfBurst + i)) Next(kFirstOfBurst + i);
  }
}

int Clients::Allowed() const {
  const Profile& p = universe_->profile();
  const double part = static_cast<double>(universe_->scheduler()->now() - began_us_) /
                      static_cast<double>(p.run_us);
  return kStepsAhead + static_cast<int>(part * p.max_steps);
}

void Clients::Start() {
  began_us_ = universe_->scheduler()->now();
  for (int client = 0; client < universe_->profile().clients; ++client) Next(client);
}

Session Clients::NewSession(SimNode* gateway, int client) {
  Session session{
      gateway->store(), gateway->executor(), universe_->history(), universe_->scheduler(), client,
      random_.Fork(),   10'000'000};
  const auto& faults = universe_->profile().faults;
  // Impatient clients.
  if (random_.OneIn(0.03) && !faults.empty()) session.timeout_us = random_.Between(1000, 500'000);
  if (std::find(faults.begin(), faults.end(), "abandon") != faults.end() && random_.OneIn(0.02)) {
    session.abandon_after_us = random_.Between(1'000'000, 12'000'000);
    universe_->events()->Count("fault.abandon", 1);
  }
  return session;
}

void Clients::Next(int client) {
  if (stopping_ || running_.contains(client)) return;
  if (client >= kFirstOfBurst && universe_->scheduler()->now() >= burst_until_us_) return;
  if (steps_ >= Allowed()) {
    universe_->scheduler()->After(random_.Between(0, 1'000'000), 0,
                                  [this, client] { Next(client); });
    return;
  }
  auto& nodes = universe_->nodes();
  SimNode* gateway = nodes[random_.Below(nodes.size())].get();
  if (!gateway->up()) {
    universe_->scheduler()->After(kNoGateway, 0, [this, client] { Next(client); });
    return;
  }
  ++steps_;
  const uint64_t serial = ++serial_;
  running_[client] = Request{gateway->id(), serial};
  Workload* workload = universe_->workloads()[random_.Below(universe_->workloads().size())].get();
  Session session = NewSession(gateway, client);
  if (workload->uses_sql()) session.sql = gateway->sql();
  gateway->Spawn([this, client, serial, session, workload] {
    return Serve(client, serial, session, workload);
  });
}

Task<void> Clients::Serve(int client, uint64_t serial, Session session, Workload* workload) {
  SimScheduler* scheduler = session.scheduler;
  co_await workload->Step(std::move(session));
  // Leaves the gateway: the rest happens outside of the node.
  scheduler->After(0, 0, [this, client, serial] { Ended(client, serial); });
}

void Clients::Ended(int client, uint64_t serial) {
  auto it = running_.find(client);
  if (it == running_.end() || it->second.serial != serial) return;
  running_.erase(it);
  const Profile& profile = universe_->profile();
  const Micros think = client >= kFirstOfBurst || random_.OneIn(profile.hand_off_rate)
                           ? 0
                           : random_.Between(0, profile.think_max_us);
  universe_->scheduler()->After(think, 0, [this, client] { Next(client); });
}

}  // namespace isochron::sim
