// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_NODE_SPACE_GUARD_H_
#define ISOCHRON_SERVER_NODE_SPACE_GUARD_H_

// Keeps a node from running out of disk (rule 38; docs/internals/overload.md).
//
// The free space of the data folder's disk is looked at twice a second and compared with a reserve:
//
//   plenty   everything
//   low      below the reserve. New writes are refused where they ask for their first lock, and
//            leadership goes to voters that have room. What was begun is finished from the reserve.
//   full     below half of it. As a follower this replica accepts no new entries, as if they were
//            lost on the way: the others go on without it, and it catches up when there is room.
//
// Reads go on in all three. Each way back wants an eighth of the reserve more, so that nothing
// flutters. Freeing space is all that recovery takes.
//
// Besides: CloseToStall tells whether the store is about to make its writer wait. New writes are
// slowed down before, because the writer is the loop, on which leases depend.
//
// Loop-thread only. What it is given outlives it; Stop comes before the end of the host.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/disk.h"
#include "common/executor.h"
#include "common/observer.h"
#include "common/rpc/peer_rpc.h"
#include "common/task.h"
#include "common/types.h"
#include "storage/engine/engine.h"
#include "tablet/group/group_host.h"

namespace isochron::server {

class SpaceGuard {
 public:
  enum class Level { kPlenty, kLow, kFull };
  struct Options {
    uint64_t reserve_bytes = 256 << 20;  // 0: the space is not watched
    Micros look_us = 500'000;
    Micros hand_over_us = 2'000'000;  // between tries to give leadership away
    // Told of each change; may be empty.
    std::function<void(Level, uint64_t free_bytes)> on_change;
  };
  struct Env {
    Executor* executor = nullptr;
    Disk* disk = nullptr;
    storage::Engine* engine = nullptr;
    rpc::PeerRpc* rpc = nullptr;
    Observer* observer = nullptr;
  };

  SpaceGuard(Env env, Options options);
  ~SpaceGuard();
  SpaceGuard(const SpaceGuard&) = delete;
  SpaceGuard& operator=(const SpaceGuard&) = delete;

  // Looks at once, and then again and again. Once. Without a host (tests) nothing is handed over.
  void Start(tablet::GroupHost* host);
  void Stop();

  Level level() const { return level_; }
  uint64_t free_bytes() const { return free_bytes_; }
  // txn::DiskFull when new writes are refused here.
  absl::Status CheckWrites() const;
  // Whether entries of another leader may be appended.
  bool MayAppend() const { return level_ != Level::kFull; }
  // The store is about to make its writer wait. Asks the engine every few milliseconds at most.
  bool CloseToStall();
  // The peer says that it has room to lead; false also when it does not answer.
  Task<bool> HasRoom(NodeId peer) { return Ask(peer, ""); }
  // And that a replica of `group` is there that may be elected: one that was lost with its folder
  // is a member until somebody replaces it.
  Task<bool> MayLead(GroupId group, NodeId peer);

 private:
  void Look();
  void Again();
  void Judge(uint64_t free_bytes);
  Task<bool> Ask(NodeId peer, std::string group);
  bool HasReplica(absl::string_view group) const;
  bool HaveLeaders(const std::vector<GroupId>& groups, Micros since) const;
  Task<void> HandOver();

  const Env env_;
  const Options options_;
  tablet::GroupHost* host_ = nullptr;
  Level level_ = Level::kPlenty;
  uint64_t free_bytes_ = 0;
  Executor::TimerId timer_ = 0;
  bool handing_over_ = false;
  Micros hand_over_after_us_ = 0;
  Micros asked_engine_us_ = 0;
  bool close_to_stall_ = false;
  TaskScope scope_;
};

}  // namespace isochron::server

#endif  // ISOCHRON_SERVER_NODE_SPACE_GUARD_H_
