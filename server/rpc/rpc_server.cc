// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/rpc_server.h"

#include <grpc/support/time.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace isochron::rpc {
namespace {

constexpr int kHotListeners = 16;
constexpr int kListeners = 1;
constexpr int kMaxStreamsOfAConnection = 1024;
constexpr Micros kSweepEveryUs = 5'000'000;

// How to listen for a method of an async service.
#define ISO_LISTEN(service, Method)                                                          \
  [to = &(service)](auto* context, auto* request, auto* responder, auto* queue, void* tag) { \
    to->Request##Method(context, request, responder, queue, queue, tag);                     \
  }

// No two servers, and no two lives of one, choose the same names.
Sessions::Options WithSeed(Sessions::Options options, const std::string& listen) {
  if (options.seed == 0) {
    const gpr_timespec now = gpr_now(GPR_CLOCK_REALTIME);
    options.seed =
        std::hash<std::string>()(listen) ^
        (static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec));
  }
  return options;
}

}  // namespace

RpcServer::RpcServer(Executor* executor, sql::Engine* engine, TrueTime* truetime, Options options)
    : executor_(executor),
      options_(std::move(options)),
      admission_(executor, options_.observer, options_.admission),
      sessions_(engine, executor, truetime, WithSeed(options_.sessions, options_.listen)),
      spanner_(&sessions_, &admission_),
      admin_(&sessions_, options_.can_serve) {}

RpcServer::~RpcServer() {
  if (!door_) return;
  door_->open = false;
  door_->scope.Clear();
  if (closer_.joinable()) {
    closer_.join();
  } else {
    Close(0);
  }
}

absl::StatusOr<int> RpcServer::Start() {
  ISO_CHECK(!door_, "a server starts once");
  const size_t colon = options_.listen.rfind(':');
  int port = 0;
  if (colon == std::string::npos || !absl::SimpleAtoi(options_.listen.substr(colon + 1), &port) ||
      port < 0 || port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", options_.listen, "\" is no address for gRPC; write HOST:PORT"));
  }
  grpc::ServerBuilder builder;
  int bound = 0;
  builder.AddListeningPort(options_.listen, grpc::InsecureServerCredentials(), &bound);
  // Two servers on one port would share its connections in silence.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // A client that vanished without a word: its calls end, and its statements with them.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreamsOfAConnection);
  builder.SetResourceQuota(grpc::ResourceQuota("isochron").Resize(options_.transport_memory_bytes));
  builder.SetMaxReceiveMessageSize(options_.max_message_bytes);
  builder.RegisterService(&spanner_methods_);
  builder.RegisterService(&admin_methods_);
  builder.RegisterService(&operations_methods_);
  builder.RegisterService(&health_methods_);
  queue_ = builder.AddCompletionQueue();
  server_ = builder.BuildAndStart();
  if (!server_ || bound == 0) {
    if (server_) server_->Shutdown();
    queue_->Shutdown();
    void* tag;
    bool ok;
    while (queue_->Next(&tag, &ok)) {
    }
    server_.reset();
    return absl::UnavailableError(absl::StrCat(
        "cannot listen on ", options_.listen,
        " for gRPC: the port is in use or the address is not "
        "this machine's; choose another with --listen-grpc, or port 0 for any free one"));
  }
  address_ = absl::StrCat(options_.listen.substr(0, colon), ":", bound);
  door_ = std::make_shared<Door>(executor_, queue_.get(), &admission_, options_.max_calls);
  door_->statement_memory_bytes = options_.statement_memory_bytes;
  door_->memory = options_.memory;
  ListenSpanner();
  ListenAdmin();
  for (int i = 0; i < std::max(1, options_.pollers); ++i) {
    pollers_.emplace_back([this] { Poll(); });
  }
  ScheduleSweep();
  return bound;
}

template <typename Service, typename Listen, typename Request, typename Response>
void RpcServer::Unary(int times, Service* service, Listen listen,
                      Task<absl::Status> (Service::*handler)(CallInfo*, const Request*, Response*),
                      bool vital) {
  using Call = UnaryCall<Request, Response>;
  auto method = std::make_shared<typename Call::Method>();
  method->listen = std::move(listen);
  method->vital = vital;
  method->handle = [service, handler](CallInfo* call, const Request* request, Response* response) {
    return (service->*handler)(call, request, response);
  };
  for (int i = 0; i < times; ++i) Call::Start(door_, method);
}

void RpcServer::ListenSpanner() {
  auto& m = spanner_methods_;
  SpannerService* s = &spanner_;
  Unary(kListeners, s, ISO_LISTEN(m, CreateSession), &SpannerService::CreateSession);
  Unary(kListeners, s, ISO_LISTEN(m, BatchCreateSessions), &SpannerService::BatchCreateSessions);
  Unary(kListeners, s, ISO_LISTEN(m, GetSession), &SpannerService::GetSession);
  Unary(kListeners, s, ISO_LISTEN(m, ListSessions), &SpannerService::ListSessions);
  Unary(kListeners, s, ISO_LISTEN(m, DeleteSession), &SpannerService::DeleteSession, true);
  Unary(kHotListeners, s, ISO_LISTEN(m, ExecuteSql), &SpannerService::ExecuteSql);
  Unary(kListeners, s, ISO_LISTEN(m, ExecuteBatchDml), &SpannerService::ExecuteBatchDml);
  Unary(kHotListeners, s, ISO_LISTEN(m, BeginTransaction), &SpannerService::BeginTransaction);
  Unary(kHotListeners, s, ISO_LISTEN(m, Commit), &SpannerService::Commit, true);
  Unary(kListeners, s, ISO_LISTEN(m, Rollback), &SpannerService::Rollback, true);
  auto stream = std::make_shared<StreamMethod>();
  stream->listen = ISO_LISTEN(m, ExecuteStreamingSql);
  stream->handle = [s](CallInfo* call, const StreamMethod::Request* request, PartialStream* out) {
    return s->ExecuteStreamingSql(call, request, out);
  };
  for (int i = 0; i < kHotListeners; ++i) StreamCall::Start(door_, stream);
}

void RpcServer::ListenAdmin() {
  AdminService* s = &admin_;
  auto& a = admin_methods_;
  Unary(kListeners, s, ISO_LISTEN(a, ListDatabases), &AdminService::ListDatabases);
  Unary(kListeners, s, ISO_LISTEN(a, CreateDatabase), &AdminService::CreateDatabase);
  Unary(kListeners, s, ISO_LISTEN(a, GetDatabase), &AdminService::GetDatabase);
  Unary(kListeners, s, ISO_LISTEN(a, UpdateDatabaseDdl), &AdminService::UpdateDatabaseDdl);
  Unary(kListeners, s, ISO_LISTEN(a, GetDatabaseDdl), &AdminService::GetDatabaseDdl);
  auto& o = operations_methods_;
  Unary(kListeners, s, ISO_LISTEN(o, GetOperation), &AdminService::GetOperation);
  Unary(kListeners, s, ISO_LISTEN(o, ListOperations), &AdminService::ListOperations);
  Unary(kListeners, s, ISO_LISTEN(o, DeleteOperation), &AdminService::DeleteOperation);
  Unary(kListeners, s, ISO_LISTEN(o, CancelOperation), &AdminService::CancelOperation);
  Unary(kListeners, s, ISO_LISTEN(health_methods_, Check), &AdminService::Check, true);
}

void RpcServer::Poll() {
  void* tag;
  bool ok;
  while (queue_->Next(&tag, &ok)) static_cast<Tag*>(tag)->Run(ok);
}

void RpcServer::ScheduleSweep() {
  executor_->PostAfter(kSweepEveryUs, [this, door = std::weak_ptr<Door>(door_)] {
    const std::shared_ptr<Door> alive = door.lock();
    if (!alive || !alive->open) return;
    sessions_.Sweep();
    ScheduleSweep();
  });
}

void RpcServer::Drain(Micros drain_us, Executor::Fn done) {
  ISO_CHECK(door_ && !closer_.joinable(), "a running server is drained once");
  // lint: allow(thread): the loop goes on and ends the open calls meanwhile
  closer_ = std::thread([this, drain_us, done = std::move(done)]() mutable {
    Close(drain_us);
    executor_->Post(std::move(done));
  });
}

void RpcServer::Close(Micros drain_us) {
  door_->listening.store(false, std::memory_order_relaxed);
  server_->Shutdown(
      gpr_time_add(gpr_now(GPR_CLOCK_REALTIME), gpr_time_from_micros(drain_us, GPR_TIMESPAN)));
  door_->CloseQueue();
  // lint: allow(thread): as above
  for (std::thread& t : pollers_) t.join();
  pollers_.clear();
}

}  // namespace isochron::rpc
