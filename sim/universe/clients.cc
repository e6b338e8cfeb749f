// SPDX-License-Identifier: Apache-2.0
#include "sim/universe/clients.h"

#include <algorithm>

namespace isochron::sim {
namespace {

constexpr Micros kNoGateway = 20'000;

}  // namespace

Clients::Clients(Universe* universe, Random random) : universe_(universe), random_(random) {
  universe_->OnCrash([this](NodeId gateway) {
    std::vector<std::pair<int, uint64_t>> lost;
    for (const auto& [client, request] : running_) {
      if (request.gateway == gateway) lost.emplace_back(client, request.serial);
    }
    for (const auto& [client, serial] : lost) Ended(client, serial);
  });
}

void Clients::Start() {
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
  }
  return session;
}

void Clients::Next(int client) {
  if (stopping_ || steps_ >= universe_->profile().max_steps) return;
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
  const Micros think =
      random_.OneIn(profile.hand_off_rate) ? 0 : random_.Between(0, profile.think_max_us);
  universe_->scheduler()->After(think, 0, [this, client] { Next(client); });
}

}  // namespace isochron::sim
