// SPDX-License-Identifier: Apache-2.0
#include "sim/world/sim_network.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace isochron::sim {

class SimNetwork::Endpoint final : public Transport {
 public:
  Endpoint(SimNetwork* network, NodeId self, int region, SimExecutor* executor)
      : network_(network), self_(self), region_(region), executor_(executor) {}
  ~Endpoint() override {
    auto it = network_->endpoints_.find(self_);
    if (it != network_->endpoints_.end() && it->second == this) network_->endpoints_.erase(it);
  }

  NodeId self() const override { return self_; }
  void Send(NodeId to, Channel channel, std::string payload) override {
    network_->Send(this, to, channel, std::move(payload));
  }
  void SetHandler(Channel channel, Handler handler) override {
    handlers_[static_cast<size_t>(channel)] = std::move(handler);
  }

  // The message waits for the process's loop like any posted function.
  void Receive(Message message) {
    executor_->Post([this, m = std::move(message)] {
      Handler& handler = handlers_[static_cast<size_t>(m.channel)];
      if (handler) handler(m.from, m.payload);
    });
  }

  int region() const { return region_; }

 private:
  SimNetwork* network_;
  const NodeId self_;
  const int region_;
  SimExecutor* executor_;
  std::array<Handler, kNumChannels> handlers_;
};

SimNetwork::SimNetwork(SimScheduler* scheduler, NetworkOptions options, int regions, Random random)
    : scheduler_(scheduler), options_(options), random_(random) {
  region_delay_.assign(regions, std::vector<Micros>(regions, options.local_delay_us));
  for (int a = 0; a < regions; ++a) {
    for (int b = a + 1; b < regions; ++b) {
      const Micros d = random_.Between(options.wan_delay_min_us, options.wan_delay_max_us);
      region_delay_[a][b] = d;
      region_delay_[b][a] = d;
    }
  }
}

Micros SimNetwork::BaseDelay(int from_region, int to_region) const {
  return region_delay_[from_region][to_region];
}

std::unique_ptr<Transport> SimNetwork::Attach(NodeId node, int region, SimExecutor* executor) {
  auto endpoint = std::make_unique<Endpoint>(this, node, region, executor);
  endpoints_[node] = endpoint.get();
  regions_[node] = region;
  return endpoint;
}

void SimNetwork::Send(Endpoint* from, NodeId to, Channel channel, std::string payload) {
  scheduler_->digest().Mix((static_cast<uint64_t>(from->self().value) << 32) | to.value);
  scheduler_->digest().MixBytes(payload);
  Message message{from->self(), to, channel, std::move(payload)};
  if (to == from->self()) {
    from->Receive(std::move(message));
    return;
  }
  ++sent_;
  if (random_.OneIn(options_.drop_rate) || LostAt(from->self()) || LostAt(to)) {
    ++lost_;
    return;
  }
  if (random_.OneIn(options_.duplicate_rate)) Schedule(message, from->region());
  Schedule(std::move(message), from->region());
}

void SimNetwork::Schedule(Message message, int from_region) {
  const Link link{message.from, message.to};
  auto region = regions_.find(message.to);
  if (region == regions_.end()) {
    ++lost_;  // never was up
    return;
  }
  const double tail = -std::log(1.0 - random_.NextDouble());
  Micros delay = BaseDelay(from_region, region->second) +
                 static_cast<Micros>(tail * static_cast<double>(options_.jitter_us));
  if (random_.OneIn(options_.slow_rate)) delay += random_.Between(0, options_.slow_max_us);
  Micros at = scheduler_->now() + delay;
  if (random_.OneIn(options_.reorder_rate)) {
    at += random_.Between(0, options_.reorder_max_us);
  } else {
    Micros& last = last_delivery_[link];
    at = std::max(at, last);
    last = at;
  }
  scheduler_->At(at, 0, [this, m = std::move(message)]() mutable { Deliver(m); });
}

void SimNetwork::Deliver(Message& message) {
  const Link link{message.from, message.to};
  auto to = endpoints_.find(message.to);
  if (cut_.count(link) > 0 || to == endpoints_.end()) {
    ++lost_;
    return;
  }
  if (clogged_.count(link) > 0) {
    auto& held = held_[link];
    if (held.size() < kMaxClogged) {
      held.push_back(std::move(message));
    } else {
      ++lost_;
    }
    return;
  }
  to->second->Receive(std::move(message));
}

void SimNetwork::Unclog(NodeId from, NodeId to) {
  clogged_.erase({from, to});
  auto it = held_.find({from, to});
  if (it == held_.end()) return;
  std::vector<Message> messages = std::move(it->second);
  held_.erase(it);
  for (Message& m : messages) Deliver(m);
}

bool SimNetwork::LostAt(NodeId node) {
  const auto it = loss_.find(node);
  return it != loss_.end() && random_.OneIn(it->second);
}

void SimNetwork::HealAll() {
  loss_.clear();
  cut_.clear();
  while (!clogged_.empty()) Unclog(clogged_.begin()->first.first, clogged_.begin()->first.second);
}

}  // namespace isochron::sim
