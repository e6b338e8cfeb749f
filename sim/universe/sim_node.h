// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_UNIVERSE_SIM_NODE_H_
#define ISOCHRON_SIM_UNIVERSE_SIM_NODE_H_

// One machine of a universe and the process on it: the shipped node over the simulated seams.
//
// The machine (disk, store content, clock) outlives its processes. A process crash drops all that
// the process had posted and its memory; a power crash also what its disk had not synced. The store
// goes back to a legal flush prefix in both, since it has no log of its own (rule 30).

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/observer.h"
#include "common/task.h"
#include "paxos/core/entry.h"
#include "sim/checkers/history.h"
#include "sim/universe/profile.h"
#include "sim/world/sim_disk.h"
#include "sim/world/sim_executor.h"
#include "sim/world/sim_network.h"
#include "sim/world/sim_truetime.h"
#include "storage/engine/mem_engine.h"
#include "txn/api/transaction.h"

namespace isochron::server {
class Node;
}  // namespace isochron::server

namespace isochron::sql {
class Engine;
}  // namespace isochron::sql

namespace isochron::sim {

struct MemberView {
  NodeId node;
  uint64_t life = 0;
  bool votes = false;
  bool witness = false;
};

// What a replica says of itself.
struct ReplicaView {
  GroupId group;
  KeyRange range;
  bool serving = false;  // leads, and is ready to
  LogIndex applied = 0;
  Timestamp horizon;  // reads below it are refused
  size_t prepared = 0;
  size_t locks = 0;                 // held or waited for; leaders only
  std::vector<MemberView> members;  // of the newest configuration here
  bool witness = false;             // it holds no rows
  bool member = false;              // of a chosen configuration that it knows
  bool changing = false;            // which is not known to be chosen
  std::string detail;               // of its log, for reports
};

// A witness, and what its log has forgotten.
struct WitnessView {
  GroupId group;
  LogIndex forgotten = 0;
  paxos::Config config;  // the newest that it knows to be chosen
};

// How often a node asks for the database's retention.
inline constexpr Micros kRetentionLookUs = 300'000;

class SimNode {
 public:
  struct World {
    SimScheduler* scheduler;
    SimNetwork* network;
    Observer* observer;  // shared by all nodes
    const Profile* profile;
    SabotageSet sabotage;
    SimScheduler::Owner* owners;           // the last one given out
    std::function<void(NodeId)> on_fatal;  // the process wants to die (a failed sync)
    std::function<void(NodeId, absl::string_view)> on_reached;
    std::function<void(NodeId, GroupId, Timestamp)> on_assigned;
    std::function<void(std::string)> log;
    StoredVersions* written;  // every version that any store ever held
  };

  SimNode(World world, NodeId id, int region, Random random);
  ~SimNode();
  SimNode(const SimNode&) = delete;
  SimNode& operator=(const SimNode&) = delete;

  NodeId id() const { return id_; }
  bool up() const { return process_ != nullptr; }
  bool paused() const { return process_ != nullptr && executor()->paused(); }

  // A new process. Any error is the node's refusal to start.
  absl::Status Start();
  // With `power`, what the disk had not synced may be gone. No effect when down.
  void Crash(bool power);
  // It died while it started (SimDisk::died): there is no process yet.
  void CrashInStart(bool power);
  // Turns a bit of the log over, misdirects a sector of it, loses a segment or the end of what was
  // synced last. Down, after a process crash, only: after a power cut that end may not be told from
  // a torn write (rule 33). False when the log is too short.
  bool Rot();
  // Makes a row or a piece of metadata in the store unreadable. Down only. False when it is empty.
  bool RotStore();
  // Reads all of the store, so that damage to it is met. Up only.
  void ReadStore();
  bool rotten() const { return rotten_; }
  // The data folder is lost; the next start joins with an empty one, or, when somebody is mistaken,
  // makes a new universe in it, again and again until it is refused. Down only.
  void Wipe(bool mistaken);
  // A replica of this node that went with a lost folder.
  bool IsLost(uint64_t life) const { return life < lost_before_; }
  void Pause();
  void Resume();
  // Each turn of the process's loop takes this long; a new process is quick again.
  void SetTurnCost(Micros us);
  SimTrueTime* clock() { return &clock_; }
  SimDisk* disk() { return &disk_; }

  // ---- while up ----
  SimExecutor* executor() const;
  txn::Store* store();
  // The gateway's door to SQL, made when it is first asked for.
  sql::Engine* sql();
  // Runs `task` on the node's loop; it is destroyed when the process crashes.
  void Spawn(std::function<Task<void>()> task);
  std::vector<ReplicaView> Replicas();
  // It has a replica of the group, with its state.
  bool Holds(GroupId group);
  std::vector<WitnessView> Witnesses();
  // What this node's replica of that life knows to be chosen; nothing when there is none.
  std::optional<LogIndex> ChosenAt(GroupId group, uint64_t life);
  // Groups that campaign here just now.
  size_t Campaigns();
  // Groups whose replica here is damaged or being replaced.
  size_t Unrepaired() const;
  // Asks for a hand-over of a group it leads; no effect otherwise.
  void TransferLeader(GroupId group, NodeId to);
  absl::StatusOr<uint64_t> Digest(const KeyRange& range, Timestamp horizon);
  // Every version of `key` on this replica, oldest first.
  absl::StatusOr<std::vector<StoredVersion>> Versions(const std::string& key);

 private:
  class NodeObserver;
  class RecordingEngine;
  struct Process;

  absl::Status CheckStore();
  bool RotTail();

  World world_;
  const NodeId id_;
  const int region_;
  Random random_;
  SimTrueTime clock_;
  SimDisk disk_;
  std::unique_ptr<storage::MemEngine> engine_;
  bool check_store_ = false;  // damage was met: it is looked over at the next start
  std::unique_ptr<NodeObserver> observer_;
  uint32_t starts_ = 0;
  bool rotten_ = false;
  bool joins_ = false;        // the folder was lost once
  bool mistaken_ = false;     // and is started as if it belonged to a new universe
  bool refused_ = false;      // which was noticed
  uint64_t lost_before_ = 0;  // lives below were in folders that are lost
  bool born_ = false;         // its data folder holds a universe
  std::unique_ptr<Process> process_;
  // Executors of dead processes: late pointers to them stay valid.
  std::vector<std::unique_ptr<SimExecutor>> graveyard_;
};

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_UNIVERSE_SIM_NODE_H_
