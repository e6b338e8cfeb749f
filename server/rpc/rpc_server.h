// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RPC_RPC_SERVER_H_
#define ISOCHRON_SERVER_RPC_RPC_SERVER_H_

// The gRPC door of a node: the Spanner API, its database administration, operations and health.
//
//   poller threads     a completion queue each way: requests in, completions back (call.h)
//   the node's loop    every handler, as a coroutine over sql/session
//
// Nothing of the node is touched from the pollers. The executor and the engine outlive the server;
// the server is made, drained and destroyed on the loop's thread, or while the loop does not run.
//
// Ending: Drain stops taking requests and lets open calls end for as long as it is given, then
// cancels the rest. The destructor does the same without waiting.

#include <grpcpp/server.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "common/executor.h"
#include "common/observer.h"
#include "common/truetime.h"
#include "google/longrunning/operations.grpc.pb.h"
#include "google/spanner/admin/database/v1/spanner_database_admin.grpc.pb.h"
#include "google/spanner/v1/spanner.grpc.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "server/admission/admission.h"
#include "server/rpc/admin_service.h"
#include "server/rpc/call.h"
#include "server/rpc/sessions.h"
#include "server/rpc/spanner_service.h"
#include "server/rpc/stream_call.h"
#include "sql/session/session.h"

namespace isochron::rpc {

class RpcServer {
 public:
  struct Options {
    std::string listen = "127.0.0.1:0";  // host:port; port 0 is any free one
    int pollers = 1;
    int max_message_bytes = 64 << 20;
    size_t max_calls = 16'384;  // under way; beyond them only what ends something is served
    // Of the memory that gRPC holds for requests that are arriving and answers that are leaving.
    size_t transport_memory_bytes = 256 << 20;
    admission::Options admission;
    Sessions::Options sessions;
    Observer* observer = nullptr;  // counts admission.*
    int64_t statement_memory_bytes = RequestContext::kDefaultMemoryBytes;
    std::shared_ptr<MemoryBudget> memory;  // of the node; null: none
    // Whether health says SERVING; null: always. Called on the loop.
    std::function<bool()> can_serve;
  };
  // `truetime` may be null.
  RpcServer(Executor* executor, sql::Engine* engine, TrueTime* truetime, Options options);
  ~RpcServer();
  RpcServer(const RpcServer&) = delete;
  RpcServer& operator=(const RpcServer&) = delete;

  // Listens and serves. Returns the port. INVALID_ARGUMENT for an address without a port,
  // UNAVAILABLE, with what to do, for one that cannot be had.
  absl::StatusOr<int> Start();
  // `host:port` as clients reach it. After Start.
  const std::string& address() const { return address_; }

  // Loop thread. `done` is posted to the loop when the last call has ended, after `drain_us` at the
  // latest. Once.
  void Drain(Micros drain_us, Executor::Fn done);

  size_t session_count() const { return sessions_.size(); }
  const admission::Admission& admission() const { return admission_; }
  // For the node's other doors: what it takes on is one number.
  admission::Admission* shared_admission() { return &admission_; }

 private:
  using Queue = std::unique_ptr<grpc::ServerCompletionQueue>;

  void ListenSpanner();
  void ListenAdmin();
  // Listens for one method, `times` requests at once.
  template <typename Service, typename Listen, typename Request, typename Response>
  void Unary(int times, Service* service, Listen listen,
             Task<absl::Status> (Service::*handler)(CallInfo*, const Request*, Response*),
             bool vital = false);
  void Poll();
  void ScheduleSweep();
  // Ends gRPC's side: from any thread, once.
  void Close(Micros drain_us);

  Executor* const executor_;
  const Options options_;
  admission::Admission admission_;
  Sessions sessions_;
  SpannerService spanner_;
  AdminService admin_;
  google::spanner::v1::Spanner::AsyncService spanner_methods_;
  google::spanner::admin::database::v1::DatabaseAdmin::AsyncService admin_methods_;
  google::longrunning::Operations::AsyncService operations_methods_;
  grpc::health::v1::Health::AsyncService health_methods_;
  std::string address_;
  Queue queue_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<Door> door_;
  std::vector<std::thread> pollers_;  // lint: allow(thread): as above
  std::thread closer_;                // lint: allow(thread): waits while the loop goes on
};

}  // namespace isochron::rpc

#endif  // ISOCHRON_SERVER_RPC_RPC_SERVER_H_
