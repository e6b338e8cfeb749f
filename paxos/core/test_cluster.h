// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_PAXOS_CORE_TEST_CLUSTER_H_
#define ISOCHRON_PAXOS_CORE_TEST_CLUSTER_H_

// A small world for tests of the core alone: nodes with one replica and one NodeSupport each, in
// virtual time, under faults drawn from one seed, with the checkers of invariants.h always on. (The
// product's simulator, sim/, runs whole universes; this one runs a thousand times faster.)
//
// Durable state is a map that changes when a persist completes; what was not completed is lost at a
// crash. Survivable faults: any number of crashes and restarts, loss, doubling, delay and
// reordering of messages, partitions (one-way too), stalled nodes, clocks anywhere within their
// bound.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/random.h"
#include "common/sabotage.h"
#include "common/truetime.h"
#include "paxos/core/invariants.h"
#include "paxos/core/replica.h"
#include "paxos/lease/node_support.h"

namespace isochron::paxos {

struct ClusterOptions {
  uint64_t seed = 1;
  int nodes = 3;
  Sabotage sabotage = Sabotage::kNone;
  Micros lease_us = 300'000;
  Micros clock_bound_us = 5'000;
  bool faults = true;
  double loss = 0.02;
  // Nodes that are members at first; the others have empty folders. 0: all, and nobody comes or
  // goes. Otherwise replicas are added, promoted, removed, and folders wiped.
  int members = 0;
  bool witnesses = false;  // some replicas are
};

class TestCluster : private Observer {
 public:
  explicit TestCluster(ClusterOptions options);

  void RunFor(Micros duration_us);
  // Ends every fault: all nodes up, clocks vouched, the network whole.
  void Heal();

  // The first thing that a checker found wrong.
  const absl::Status& verdict() const { return verdict_; }
  // The live leader whose lease holds by its own clock, or none.
  Replica* Leader();
  Replica* replica(int i) { return nodes_[i]->replica.get(); }
  LogIndex last_chosen() const { return ledger_.last(); }
  // Of those that are in the newest chosen configuration.
  bool AllApplied(LogIndex index);
  const Config& ChosenConfig() const { return configs_.rbegin()->second; }

  void Crash(int i);
  void Restart(int i);
  void Partition(int i, bool cut);
  Micros now() const { return now_; }

  int elections = 0;
  int transfers = 0;
  int snapshots = 0;
  int restarts = 0;
  int changes = 0;  // of membership, chosen
  int wipes = 0;
  int chosen_by_witness = 0;
  int fetched_from_witness = 0;
  uint64_t digest = 0;  // of everything handed out, in order

 private:
  void Count(absl::string_view, int64_t) override {}
  void Reached(absl::string_view name) override;

  class Clock : public TrueTime {
   public:
    absl::StatusOr<TTInterval> Now() override;
    TestCluster* world = nullptr;
    Micros offset = 0;
    bool vouched = true;
  };
  struct Durable {
    HardState hard;
    LogMark base;
    std::map<LogIndex, Entry> entries;
    uint64_t incarnation = 0;
    LogIndex applied = 0;  // at least base; further at a witness
    Config config;         // as of applied
    uint64_t life = 1;     // the replica id that this folder goes by
    bool member = false;   // it was in a configuration that it applied
    bool witness = false;
    LogIndex settled = 0;
  };
  struct Node : LogReader {
    absl::StatusOr<std::vector<Entry>> ReadEntries(GroupId group, LogIndex lo, LogIndex hi,
                                                   size_t max_bytes) override;
    NodeId id;
    Clock clock;
    Durable disk;
    bool up = false;
    Micros stalled_until = 0;
    uint64_t life = 0;  // events of an earlier one are dropped
    std::deque<Ready> persisting;
    std::unique_ptr<NodeSupport> support;
    std::unique_ptr<Replica> replica;
    ReplicaInvariants invariants;
    std::map<Ballot, Timestamp> won;
    Role last_role = Role::kFollower;
  };

  void After(Micros delay, std::function<void()> fn);
  void OnNode(Node* n, Micros delay, std::function<void()> fn);
  void Deliver(Node* from, NodeId to, bool lease, std::string payload);
  void Pump(Node* n);
  void Persist(Node* n);
  void ApplyToDisk(Node* n, const Ready& r);
  void Install(Node* from, NodeId to);
  void InstallAt(Node* from, Node* target, LogMark mark, bool witness);
  void Observe(Node* n);
  void TickNode(Node* n);
  void Client();
  void Fault();
  void ClockJitter();
  void Transfer();
  void Operator();
  void OperateOn(Replica* leader);
  void Wipe(Node* n);
  void NewLife(Node* n, bool bootstrapped);
  void OnConfig(Node* n, const Entry& entry);
  const Config& ConfigAt(LogIndex index) const;
  bool IsLost(const Member& m) const;
  void CheckWitness(Node* n);
  void Note(const absl::Status& s);
  Node* ById(NodeId id) { return nodes_[id.value - 1].get(); }

  const ClusterOptions options_;
  Random random_;
  Micros now_ = 1'000'000'000;
  uint64_t sequence_ = 0;
  uint64_t next_value_ = 0;
  bool faults_ = true;
  std::map<std::pair<Micros, uint64_t>, std::function<void()>> queue_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::set<std::pair<uint32_t, uint32_t>> cut_;  // from, to
  std::map<LogIndex, Config> configs_;           // chosen
  uint64_t last_life_ = 1;
  ChosenLedger ledger_;
  LeaseLedger leases_;
  absl::Status verdict_;
};

}  // namespace isochron::paxos

#endif  // ISOCHRON_PAXOS_CORE_TEST_CLUSTER_H_
