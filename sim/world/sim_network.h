// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_WORLD_SIM_NETWORK_H_
#define ISOCHRON_SIM_WORLD_SIM_NETWORK_H_

// The network between simulated nodes, and the Transport each of them sees.
//
// Faults, each a named option with a rate:
//   delay      base by region pair, plus an exponential tail; rarely (slow_rate) a very long one
//   drop       a message vanishes
//   duplicate  a message arrives twice
//   reorder    a message leaves the order of its link
//   cut        a link carries nothing in one direction (two cuts make a partition)
//   clog       a link keeps its messages until it is opened again, then delivers them all
// Messages are never altered. Without reordering a link delivers in order, as a stream does. A
// message to a crashed node is lost; one still under way when it restarts reaches the new process.

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/random.h"
#include "common/transport.h"
#include "sim/world/scheduler.h"
#include "sim/world/sim_executor.h"

namespace isochron::sim {

struct NetworkOptions {
  Micros local_delay_us = 100;     // within a region, one way
  Micros wan_delay_min_us = 1000;  // between regions: drawn once per pair from [min, max]
  Micros wan_delay_max_us = 1000;
  Micros jitter_us = 50;  // mean of the exponential part
  double drop_rate = 0;
  double duplicate_rate = 0;
  double reorder_rate = 0;
  Micros reorder_max_us = 0;  // a reordered message is late by up to this
  double slow_rate = 0;
  Micros slow_max_us = 0;
};

class SimNetwork {
 public:
  SimNetwork(SimScheduler* scheduler, NetworkOptions options, int regions, Random random);
  SimNetwork(const SimNetwork&) = delete;
  SimNetwork& operator=(const SimNetwork&) = delete;

  // A process of `node` comes up. The transport is the process's; destroying it takes it down.
  std::unique_ptr<Transport> Attach(NodeId node, int region, SimExecutor* executor);

  // Replaces the fault rates (the delays between regions stay): the nemesis changes and calms it.
  void SetOptions(NetworkOptions options) { options_ = options; }
  const NetworkOptions& options() const { return options_; }

  void Cut(NodeId from, NodeId to) { cut_[{from, to}] = true; }
  void Clog(NodeId from, NodeId to) { clogged_[{from, to}] = true; }
  void Unclog(NodeId from, NodeId to);
  // This share of what the node sends and gets is lost, besides what the options lose.
  void SetLoss(NodeId node, double rate) { loss_[node] = rate; }
  // Ends all cuts, clogs and losses of single nodes.
  void HealAll();
  bool IsCut(NodeId from, NodeId to) const { return cut_.count({from, to}) > 0; }

  Micros BaseDelay(int from_region, int to_region) const;
  uint64_t sent() const { return sent_; }
  uint64_t lost() const { return lost_; }

 private:
  class Endpoint;
  struct Message {
    NodeId from, to;
    Channel channel;
    std::string payload;
  };
  using Link = std::pair<NodeId, NodeId>;
  static constexpr size_t kMaxClogged = 10000;

  void Send(Endpoint* from, NodeId to, Channel channel, std::string payload);
  void Schedule(Message message, int from_region);
  void Deliver(Message& message);
  bool LostAt(NodeId node);

  SimScheduler* scheduler_;
  NetworkOptions options_;
  Random random_;
  std::vector<std::vector<Micros>> region_delay_;
  std::map<NodeId, Endpoint*> endpoints_;
  std::map<NodeId, int> regions_;
  std::map<NodeId, double> loss_;
  std::map<Link, bool> cut_;
  std::map<Link, bool> clogged_;
  std::map<Link, std::vector<Message>> held_;
  std::map<Link, Micros> last_delivery_;
  uint64_t sent_ = 0;
  uint64_t lost_ = 0;
};

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_WORLD_SIM_NETWORK_H_
