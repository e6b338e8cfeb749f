// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_NODE_SELF_REPAIR_H_
#define ISOCHRON_SERVER_NODE_SELF_REPAIR_H_

// Replaces this node's damaged replicas by new ones, from their groups' other replicas (rule 33).
//
// A damaged replica has forgotten what it promised, so it does not come back under its name: it is
// removed from its group, and a new one of this node is added, which starts without state, gets a
// snapshot, and votes once it has caught up (rule 28; docs/internals/membership.md). The group's
// leader refuses while the others are no whole quorum; it is asked again, less and less often,
// until it is done. A few groups at a time. Unless it is `automatic`, only what was begun is ended:
// then somebody has to ask for the change of members.
//
// What is begun is written down (metadata "node.repair.GROUP") before the first request, so that a
// crash between removal and addition leaves no group a replica short. Removals name the lives that
// are over, so that a late one does not meet the new replica. Loop-thread only.

#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "common/executor.h"
#include "common/observer.h"
#include "common/random.h"
#include "common/request_context.h"
#include "common/task.h"
#include "common/types.h"
#include "storage/engine/engine.h"
#include "tablet/group/group_host.h"
#include "txn/api/transaction.h"

namespace isochron::server {

class SelfRepair {
 public:
  struct Env {
    NodeId self;
    Executor* executor;
    Observer* observer;
    storage::Engine* engine;
    tablet::GroupHost* host;
    txn::Store* store;
    tablet::CallLeader call_leader;
    Random random;
    // What this node's replica of a group was, as far as is known.
    std::function<txn::ReplicaChange(GroupId)> kind;
    std::function<void(const std::string&)> tell;  // the operator; may be empty
    std::function<void(absl::Status)> on_fatal;    // the store refuses a write
  };
  SelfRepair(Env env, bool automatic) : env_(std::move(env)), automatic_(automatic) {}

  void Start() { scope_.Spawn(Run()); }
  // Groups whose replica here is being replaced.
  size_t under_way() const { return begun_.size(); }
  // How far it is, for people; empty when the group's replica is not being replaced.
  std::string Progress(GroupId group) const;

 private:
  struct Replacement {
    txn::ReplicaChange kind = txn::ReplicaChange::kVoter;
    bool running = false;
    int tries = 0;
    Micros next_us = 0;   // not to be tried before
    std::string waiting;  // the last reason why it is not done
  };

  Task<void> Run();
  void Load();
  void BeginAll();
  void Begin(GroupId group);
  void Finish(GroupId group);
  Task<void> Try(GroupId group);
  Task<absl::Status> Replace(GroupId group);
  Task<absl::Status> RemoveEnded(Ctx ctx, GroupId group);
  void Save(storage::WriteBatch batch);
  void Tell(GroupId group, const std::string& what);

  Env env_;
  const bool automatic_;
  std::map<GroupId, Replacement> begun_;
  size_t running_ = 0;
  TaskScope scope_;  // goes first
};

}  // namespace isochron::server

#endif  // ISOCHRON_SERVER_NODE_SELF_REPAIR_H_
