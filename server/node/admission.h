// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_NODE_ADMISSION_H_
#define ISOCHRON_SERVER_NODE_ADMISSION_H_

// Whether an empty folder that was started with --bootstrap may vote (rule 28).
//
// A voter of a new universe and one whose folder was lost look the same to themselves: both hold
// nothing, and both would vote as replicas in their first life. The others can tell. A new folder
// draws a number, its birth, and says nothing to any group until a majority of the other first
// voters has durably noted that number as its own; who has noted another one refuses, and so does
// who came to the universe itself by --join. Any two such majorities share a node, so of two
// folders of one node at most one is ever admitted. An admitted folder remembers that.
//
// Rows of metadata: "node.birth" (this folder's, and whether it is admitted), "node.met.NODE" (the
// birth that another one told). Loop-thread only.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/executor.h"
#include "common/rpc/peer_rpc.h"
#include "common/task.h"
#include "common/types.h"
#include "storage/engine/engine.h"

namespace isochron::server {

// Beside those of common/rpc/envelope.h: a birth, in decimal digits -> nothing.
inline constexpr rpc::Method kAdmissionMethod = static_cast<rpc::Method>(12);

class Admission {
 public:
  struct Env {
    NodeId self;
    Executor* executor;
    rpc::PeerRpc* rpc;
    storage::Engine* engine;
    std::vector<NodeId> voters;  // those of a new universe
    bool original = true;        // this folder belongs to one of them, from the beginning
    // Whether this process has heard the node at work, which one that asks is not; may be empty.
    std::function<bool(NodeId)> heard;
    std::function<void(const std::string&)> tell;  // the operator; may be empty
  };
  explicit Admission(Env env) : env_(std::move(env)) {}

  // Durably begins a folder with this birth, unless it has begun. Before its groups are made.
  absl::Status Begin(uint64_t birth);
  // Reads what is known. The store's errors.
  absl::Status Load();
  // This folder has begun and is not admitted yet: its groups must be silent.
  bool pending() const { return birth_ != 0 && !admitted_; }

  // Answers those who ask; once, after Load.
  void Serve();
  // Asks until this folder is admitted, durably. FAILED_PRECONDITION when a node refuses; the
  // store's errors.
  Task<absl::Status> Ask();

 private:
  Task<absl::StatusOr<std::string>> Answer(NodeId from, std::string payload);
  absl::Status Judge(NodeId from, uint64_t birth);
  absl::Status Save();

  const Env env_;
  uint64_t birth_ = 0;
  bool admitted_ = false;
};

}  // namespace isochron::server

#endif  // ISOCHRON_SERVER_NODE_ADMISSION_H_
