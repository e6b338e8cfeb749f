// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TESTS_TABLET_UNIVERSE_H_
#define ISOCHRON_TESTS_TABLET_UNIVERSE_H_

// Three nodes with their groups over the simulated seams, and what a test does with them: write
// through a leader, look at one replica, crash and restart a node.

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "common/random.h"
#include "common/rpc/peer_rpc.h"
#include "sim/world/scheduler.h"
#include "sim/world/sim_disk.h"
#include "sim/world/sim_executor.h"
#include "sim/world/sim_network.h"
#include "sim/world/sim_truetime.h"
#include "storage/engine/mem_engine.h"
#include "tablet/group/group_host.h"

namespace isochron::tablet {

constexpr Micros kSecond = 1'000'000;

class CountingObserver : public Observer {
 public:
  void Count(absl::string_view name, int64_t delta) override { counts[std::string(name)] += delta; }
  std::map<std::string, int64_t> counts;
};

class Universe {
 public:
  struct Machine {
    std::unique_ptr<sim::SimTrueTime> clock;
    std::unique_ptr<sim::SimDisk> disk;
    std::unique_ptr<storage::MemEngine> engine;
    // One process incarnation; destroyed from the last to the first.
    std::unique_ptr<sim::SimExecutor> executor;
    std::unique_ptr<Transport> transport;
    std::unique_ptr<Disk> mounted;
    std::unique_ptr<rpc::PeerRpc> rpc;
    std::unique_ptr<GroupHost> host;
  };

  explicit Universe(uint64_t seed, GroupHost::Options options = {}, int groups = 1);
  ~Universe() {
    for (auto& [n, m] : machines_) Destroy(&m);
  }

  void Start(uint32_t n, bool bootstrap = false);

  // Group i begins at StartOf(i).
  static std::string StartOf(int i) { return i == 1 ? "" : absl::StrFormat("g%05d", i); }
  std::vector<peer::GroupDescriptor> Initial() const;

  void Crash(uint32_t n, bool power);

  bool Until(std::function<bool()> done, Micros patience = 30 * kSecond);

  // The serving leader, or null.
  Group* Leader(uint64_t id);
  uint32_t LeaderNode(uint64_t id);

  // Writes through the leader; the commit timestamp, or 0.
  Timestamp Put(uint64_t id, const std::string& key, const std::string& value) {
    return Write(id, key, value);
  }
  Timestamp Remove(uint64_t id, const std::string& key) { return Write(id, key, std::nullopt); }
  Timestamp Write(uint64_t id, const std::string& key, const std::optional<std::string>& value);

  std::string ReadAt(Group* g, const std::string& key, Timestamp t);

  // Counts in `done` when `t` (0: strong) is readable at `g`, at or above `least`.
  Task<void> ReadSafe(Group* g, Timestamp t, Timestamp least, int* done);
  // As the transaction layer would: over no network.
  Task<absl::StatusOr<peer::GroupResponse>> AskLeader(Ctx ctx, GroupId id,
                                                      peer::GroupRequest request);

  void Destroy(Machine* m);
  bool Applied(uint64_t id, Timestamp s);

  const int groups_;
  sim::SimScheduler scheduler_;
  Random random_;
  GroupHost::Options options_;
  sim::SimNetwork network_;
  CountingObserver observer_;
  uint32_t owner_ = 0;
  uint64_t sequence_ = 0;
  bool answer_promises_ = false;
  int asked_ = 0;
  std::set<uint32_t> full_;  // nodes whose disks take no entries
  std::map<uint32_t, Machine> machines_;
};

// Asks the group's leader for a change of its replicas and waits for the outcome in time.
class Change {
 public:
  Change(Universe* u, uint64_t group, uint32_t node, bool remove) {
    peer::Replica replica;
    replica.set_node(node);
    scope_.Spawn(Go(u->Leader(group), u->machines_[u->LeaderNode(group)].executor.get(), replica,
                    remove, &status));
  }
  absl::Status status = absl::UnknownError("under way");

 private:
  static Task<void> Go(Group* g, Executor* executor, peer::Replica r, bool remove,
                       absl::Status* out) {
    auto ctx = std::make_shared<RequestContext>(executor->MonotonicNow() + 5 * kSecond);
    *out = co_await g->ChangeReplica(ctx, r, remove);
  }
  TaskScope scope_;
};

}  // namespace isochron::tablet

#endif  // ISOCHRON_TESTS_TABLET_UNIVERSE_H_
