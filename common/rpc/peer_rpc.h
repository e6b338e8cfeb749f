// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_COMMON_RPC_PEER_RPC_H_
#define ISOCHRON_COMMON_RPC_PEER_RPC_H_

// Requests and answers between nodes, over Transport channel kRpc.
//
// The transport may lose, double, delay and reorder messages; this layer adds an id to each call,
// so that
//   - an answer finds its call, and a late or doubled one finds nothing;
//   - one call runs its handler at most once in a process: a window of ids a peer, kept for a
//   process
//     incarnation, drops doubled requests, finished ones too. Requests that fell out of the window
//     (65536 ids) are dropped as well; who calls as an older process than one that was heard is
//     refused with FAILED_PRECONDITION.
// A lost message is noticed by the caller's timeout only: a retry is a new call, so handlers are
// idempotent by what their payload says.
//
// A call whose timeout or context ends, or whose coroutine is destroyed, sends a cancel, which
// cancels the handler's context (unless CallOptions::abandon). Work in progress is bounded
// (rule 38): beyond the limit a request is refused with RESOURCE_EXHAUSTED before its handler runs;
// kHigh priority has twice the room. A call to oneself skips the transport and the encoding, but
// still goes through the Executor (rule 40).
//
// Loop-thread only. Everything given to the constructor outlives it.

#include <bitset>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/executor.h"
#include "common/observer.h"
#include "common/request_context.h"
#include "common/rpc/envelope.h"
#include "common/task.h"
#include "common/transport.h"
#include "common/types.h"

namespace isochron::rpc {

struct CallOptions {
  Micros timeout_us = 0;  // of this call; 0 = until the context's deadline
  // When this call gives up, let the handler go on, until the context's deadline as it was when the
  // call was made.
  bool abandon = false;
};

class PeerRpc {
 public:
  using Handler =
      std::function<Task<absl::StatusOr<std::string>>(Ctx ctx, NodeId from, std::string payload)>;

  struct Limits {
    size_t in_progress = 20'000;
    size_t in_progress_bytes = 256 << 20;  // of their payloads
  };

  // `incarnation` grows with each start of this process.
  PeerRpc(Executor* executor, Transport* transport, Observer* observer, uint64_t incarnation,
          Limits limits);
  ~PeerRpc();
  PeerRpc(const PeerRpc&) = delete;
  PeerRpc& operator=(const PeerRpc&) = delete;

  // Once a method. A request for a method without a handler is answered with UNAVAILABLE.
  void Register(Method method, Handler handler);

  // What the handler returned, or UNAVAILABLE (timeout of the try: it may or may not have run),
  // DEADLINE_EXCEEDED, CANCELLED (the context's; likewise), RESOURCE_EXHAUSTED (refused there).
  Task<absl::StatusOr<std::string>> Call(Ctx ctx, NodeId to, Method method, std::string payload,
                                         CallOptions options = {});

  NodeId self() const { return transport_->self(); }
  Executor* executor() const { return executor_; }
  size_t in_progress() const { return running_.size(); }
  size_t waiting() const { return waiting_.size(); }

 private:
  using Answer = OneShot<absl::StatusOr<std::string>>;
  class CallGuard;

  // Ids seen from one incarnation of a peer.
  struct Window {
    static constexpr uint64_t kIds = 65536;
    uint64_t incarnation = 0;
    uint64_t greatest = 0;
    std::bitset<kIds> seen;
    // False for an id seen before, or too old to tell.
    bool Admit(uint64_t id);
  };

  void OnMessage(NodeId from, absl::string_view bytes);
  void OnRequest(NodeId from, Envelope request);
  void OnCancel(NodeId from, const Envelope& cancel);
  void OnResponse(uint64_t id, absl::StatusOr<std::string> result);
  Task<void> Serve(NodeId from, Envelope request);
  void Reply(NodeId to, uint64_t incarnation, uint64_t id, absl::StatusOr<std::string> result);
  void Send(NodeId to, Envelope envelope);
  void SendCancel(NodeId to, uint64_t id);

  Executor* const executor_;
  Transport* const transport_;
  Observer* const observer_;
  const uint64_t incarnation_;
  const Limits limits_;
  std::map<Method, Handler> handlers_;
  uint64_t last_id_ = 0;
  std::map<uint64_t, Answer> waiting_;
  std::map<std::pair<NodeId, uint64_t>, Ctx> running_;
  size_t running_bytes_ = 0;  // as they came; handlers may hold them until they end
  std::map<NodeId, std::unique_ptr<Window>> windows_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  TaskScope scope_;
};

}  // namespace isochron::rpc

#endif  // ISOCHRON_COMMON_RPC_PEER_RPC_H_
