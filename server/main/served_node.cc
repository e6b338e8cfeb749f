// SPDX-License-Identifier: Apache-2.0
#include "server/main/served_node.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/main/node_identity.h"
#include "server/main/store_check.h"
#include "server/main/version.h"
#include "server/runtime/log.h"
#include "server/runtime/system.h"
#include "sql/catalog/layout.h"
#include "sql/pushdown/reduce.h"
#include "txn/api/system_keys.h"

namespace isochron::server {
namespace {

constexpr int kClockWaitMs = 10'000;
constexpr Micros kReadyPollUs = 50'000;
constexpr Micros kReadyTryUs = 2'000'000;
// Leases are handed over even when statements used the drain timeout up.
constexpr Micros kMinHandOverUs = 2'000'000;
constexpr int kMemtables = 4;

// Blocked before the first thread starts, so that every thread inherits it.
void BlockStopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ServedNode>> ServedNode::Open(StartOptions options) {
  BlockStopSignals();
  std::unique_ptr<ServedNode> node(new ServedNode(std::move(options)));
  ISO_RETURN_IF_ERROR(node->OpenSeams());
  ISO_RETURN_IF_ERROR(node->OpenNode());
  ISO_RETURN_IF_ERROR(node->OpenDoors());
  return node;
}

absl::Status ServedNode::OpenSeams() {
  ISO_ASSIGN_OR_RETURN(clock_, runtime::MakeNodeClock(options_.clock, kClockWaitMs));
  clock_->truetime()->set_peer_count(static_cast<int>(options_.peers.size()) - 1);
  ISO_ASSIGN_OR_RETURN(folder_, runtime::DataFolder::Open(options_.data));
  ISO_ASSIGN_OR_RETURN(disk_, runtime::PosixDisk::Make(options_.data, &loop_));
  ISO_RETURN_IF_ERROR(ClaimFolder(disk_.get(), {.universe = options_.universe,
                                                .node = options_.node,
                                                .region = options_.region,
                                                .zone = options_.zone}));
  ISO_RETURN_IF_ERROR(CheckMarkedStore(options_.data));
  ISO_ASSIGN_OR_RETURN(
      store_,
      storage::RocksEngine::Open(
          absl::StrCat(options_.data, "/store"),
          {.block_cache_bytes = static_cast<uint64_t>(options_.block_cache_bytes),
           .write_buffer_bytes = static_cast<uint64_t>(options_.write_buffer_bytes) / kMemtables,
           .write_buffers = kMemtables,
           .on_failure = [this](const absl::Status& status) { OnFatal(status); }}));
  ISO_ASSIGN_OR_RETURN(transport_,
                       runtime::TcpTransport::Make(&loop_, {.self = options_.node,
                                                            .universe = options_.universe,
                                                            .listen = options_.listen_peers,
                                                            .seed = runtime::SystemSeed()}));
  for (const Peer& p : options_.peers) {
    runtime::LinkProfile profile;
    if (options_.emulate_wan) profile = options_.wan.Link(options_.region, p.region);
    transport_->AddPeer(p.node, p.address, profile);
  }
  return absl::OkStatus();
}

absl::Status ServedNode::OpenNode() {
  Node::Options o;
  for (const Peer& p : options_.peers) {
    o.universe.push_back({p.node, p.region, p.zone, p.address.ToString()});
  }
  o.bootstrap = options_.bootstrap;
  o.join = options_.join;
  o.initial_replicas = options_.initial_replicas;
  o.initial_groups = options_.initial_groups;
  o.self_repair = options_.self_repair;
  o.tell = [](const std::string& what) { runtime::LogWarning(what); };
  o.seed = runtime::SystemSeed();
  o.lease_us = options_.lease_us;
  o.gc.retention_us = options_.version_retention_us;
  o.placement.split_bytes = static_cast<uint64_t>(options_.split_bytes);
  o.merging.after_us = options_.merge_after_us;
  o.space.reserve_bytes = static_cast<uint64_t>(options_.disk_reserve_bytes);
  o.space.on_change = [](SpaceGuard::Level level, uint64_t free_bytes) {
    if (level == SpaceGuard::Level::kPlenty) {
      runtime::LogInfo("the disk has room again: ", free_bytes >> 20, " MiB");
    } else {
      runtime::LogWarning("the disk has ", free_bytes >> 20, " MiB left, ",
                          level == SpaceGuard::Level::kLow
                              ? "less than --disk-reserve: new writes are refused here"
                              : "less than half of --disk-reserve: this node accepts no entries");
    }
  };
  memory_ = std::make_shared<MemoryBudget>(options_.memory_limit_bytes);
  o.programs = sql::TabletPrograms();
  o.index_prefix = sql::IndexPrefixLength;
  o.gateway.writes.total_bytes = static_cast<size_t>(options_.transaction_memory_bytes);
  o.gateway.writes.node = memory_;
  ISO_ASSIGN_OR_RETURN(node_,
                       Node::Open({.executor = &loop_,
                                   .truetime = clock_->truetime(),
                                   .transport = transport_.get(),
                                   .disk = disk_.get(),
                                   .engine = store_.get(),
                                   .observer = &counters_,
                                   .on_fatal = [this](absl::Status status) { OnFatal(status); }},
                                  std::move(o)));
  for (const auto& [group, why] : node_->host()->quarantined()) {
    runtime::LogError("this node's replica of group ", group.value,
                      " is damaged and kept out: ", why,
                      "; other replicas go on, see isochron.replicas");
  }
  return absl::OkStatus();
}

// Any thread: the process ends here (rule 34). Damage is looked for at the next start.
void ServedNode::OnFatal(const absl::Status& status) {
  if (absl::IsDataLoss(status)) {
    runtime::LogError("ending at once, damage was met: ", status.ToString(),
                      "; the next start checks the store, and keeps out what is hurt");
    MarkStoreForCheck(options_.data, status.ToString());
  } else {
    runtime::LogError("ending at once: ", status.ToString());
  }
  _exit(1);
}

absl::Status ServedNode::OpenDoors() {
  system_tables_ = std::make_unique<NodeSystemTables>(NodeSystemTables::Deps{
      .executor = &loop_,
      .self = options_.node,
      .universe = node_->universe(),
      .info_of = [this](Ctx ctx, NodeId node) { return node_->InfoOf(std::move(ctx), node); }});
  checksums_ =
      std::make_unique<PeerChecksums>(node_->rpc(), [this](Ctx ctx, peer::GroupRequest request) {
        return node_->transactions()->Handle(std::move(ctx), options_.node, std::move(request));
      });
  sql_ = sql::Engine::Create(
      {.store = node_->store(),
       .executor = &loop_,
       .truetime = clock_->truetime(),
       .system_tables = system_tables_.get(),
       .checksums = checksums_.get(),
       .observer = &counters_},
      {.statement_timeout_us = options_.statement_timeout_us,
       .lock_timeout_us = options_.lock_timeout_us,
       .idle_in_transaction_timeout_us = options_.idle_in_transaction_timeout_us,
       .version_retention_us = options_.version_retention_us,
       .seed = runtime::SystemSeed(),
       .version = absl::StrCat("Isochron ", kVersion)});
  node_->SetInfoHook([this](peer::NodeInfo* info) { FillInfo(info); });
  rpc::RpcServer::Options o;
  o.listen = options_.listen_grpc.ToString();
  o.observer = &counters_;
  o.can_serve = [this] { return ready_ && !draining_ && clock_->truetime()->Now().ok(); };
  o.statement_memory_bytes = options_.statement_memory_bytes;
  o.memory = memory_;
  o.admission.max_running = options_.max_running;
  o.admission.min_running = std::min(o.admission.min_running, options_.max_running);
  o.admission.max_waiting = static_cast<size_t>(options_.max_waiting);
  o.admission.max_wait_us = options_.max_admission_wait_us;
  if (options_.idle_in_transaction_timeout_us > 0) {
    o.sessions.transaction_idle_us = options_.idle_in_transaction_timeout_us;
  }
  rpc_ = std::make_unique<rpc::RpcServer>(&loop_, sql_.get(), clock_->truetime(), std::move(o));
  ISO_RETURN_IF_ERROR(rpc_->Start().status());
  return options_.serve_pg ? OpenPgDoor() : absl::OkStatus();
}

absl::Status ServedNode::OpenPgDoor() {
  pg_ = std::make_unique<pgwire::PgServer>(
      &loop_, sql_.get(), rpc_->shared_admission(),
      pgwire::PgServer::Options{.listen = options_.listen_pg,
                                .max_connections = static_cast<size_t>(options_.max_pg_connections),
                                .statement_memory_bytes = options_.statement_memory_bytes,
                                .memory = memory_,
                                .connection = {},
                                .users = options_.pg_users,
                                .tls = options_.pg_tls,
                                .random_bytes = runtime::SystemRandomBytes});
  const absl::Status started = pg_->Start();
  if (started.ok()) return started;
  return absl::UnavailableError(
      absl::StrCat(started.message(), " for PostgreSQL clients with --listen-pg, or none"));
}

ServedNode::~ServedNode() {
  scope_.Clear();
  if (signal_fd_ >= 0) {
    loop_.RemoveFd(signal_fd_);
    close(signal_fd_);
  }
}

void ServedNode::FillInfo(peer::NodeInfo* info) {
  info->mutable_clock()->set_source(options_.clock.ToString());
  const auto add = [info](absl::string_view name, int64_t value) {
    peer::CounterInfo* c = info->add_counters();
    c->set_name(std::string(name));
    c->set_value(value);
  };
  for (const auto& [name, value] : counters_.values()) add(name, value);
  const runtime::TransportStats& t = transport_->stats();
  add("transport.messages_sent", static_cast<int64_t>(t.messages_sent));
  add("transport.bytes_sent", static_cast<int64_t>(t.bytes_sent));
  add("transport.sends", static_cast<int64_t>(t.sends));
  add("transport.dropped", static_cast<int64_t>(t.dropped_full + t.dropped_unreachable));
  rusage use = {};
  getrusage(RUSAGE_SELF, &use);
  add("process.cpu_us", (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * int64_t{1'000'000} +
                            use.ru_utime.tv_usec + use.ru_stime.tv_usec);
  add("process.peak_resident_bytes", int64_t{use.ru_maxrss} * 1024);
  add("disk.free_bytes", node_ ? static_cast<int64_t>(node_->space().free_bytes()) : 0);
  add("disk.level", node_ ? static_cast<int64_t>(node_->space().level()) : 0);
  add("memory.used_bytes", memory_->used());
  add("loop.longest_turn_us", loop_.longest_turn_us());
  add("loop.delay_us", rpc_ ? rpc_->admission().delay_us() : 0);
  add("admission.running", rpc_ ? rpc_->admission().running() : 0);
  add("admission.waiting", rpc_ ? static_cast<int64_t>(rpc_->admission().waiting()) : 0);
  add("admission.limit", rpc_ ? rpc_->admission().limit() : 0);
  add("pg.connections", pg_ ? static_cast<int64_t>(pg_->connections()) : 0);
  add("loop.turns", static_cast<int64_t>(loop_.turns()));
  add("loop.wakeups", static_cast<int64_t>(loop_.wakeups()));
  std::map<uint64_t, peer::SessionInfo> sessions;
  for (const sql::Engine::SessionState& state : sql_->Sessions()) {
    peer::SessionInfo& s = sessions[state.id];
    s.set_session(state.id);
    s.set_database(state.database);
    s.set_connected(state.connected);
  }
  const Micros now = loop_.MonotonicNow();
  for (const sql::Engine::ActiveStatement& a : sql_->ActiveStatements()) {
    peer::SessionInfo& s = sessions[a.session];
    s.set_session(a.session);
    s.set_statement(a.sql);
    s.set_elapsed_us(now - a.started_us);
    s.set_transaction(a.transaction);
  }
  for (const auto& [id, s] : sessions) *info->add_sessions() = s;
}

void ServedNode::WatchSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  signal_fd_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  loop_.AddFd(signal_fd_, EPOLLIN, [this](uint32_t) { OnSignal(); });
}

void ServedNode::OnSignal() {
  signalfd_siginfo info;
  while (read(signal_fd_, &info, sizeof(info)) == sizeof(info)) {
    if (draining_) {
      runtime::LogWarning("a second signal: leaving at once");
      _exit(1);
    }
    draining_ = true;
    runtime::LogInfo("stopping: open statements may end within ", options_.drain_timeout_us / 1000,
                     " ms");
    Drain();
  }
}

// Ready when a strong read reaches the leaders of the system group and of data.
Task<void> ServedNode::BecomeReady() {
  const std::vector<std::string> keys = {txn::MapKey(""), txn::SystemRangeEnd()};
  for (;;) {
    auto ctx = std::make_shared<RequestContext>(loop_.MonotonicNow() + kReadyTryUs);
    auto read = node_->store()->BeginReadOnly(ctx, std::nullopt);
    if (read.ok()) {
      auto got = co_await (*read)->MultiGet(ctx, keys, txn::LockMode::kShared);
      if (got.ok()) break;
    }
    co_await SleepFor(&loop_, kReadyPollUs);
  }
  ready_ = true;
  runtime::LogInfo("ready: Spanner API on ", rpc_->address(), ", PostgreSQL on ",
                   pg_ ? pg_->address().ToString() : "none", ", peers on ",
                   transport_->listen_address().ToString());
}

void ServedNode::Drain() {
  const Micros deadline_us = loop_.MonotonicNow() + options_.drain_timeout_us;
  open_doors_ = pg_ ? 2 : 1;
  rpc_->Drain(options_.drain_timeout_us, [this, deadline_us] { DoorDrained(deadline_us); });
  if (pg_) {
    pg_->Drain(options_.drain_timeout_us, [this, deadline_us] { DoorDrained(deadline_us); });
  }
}

void ServedNode::DoorDrained(Micros deadline_us) {
  if (--open_doors_ == 0) scope_.Spawn(HandOver(deadline_us));
}

Task<void> ServedNode::HandOver(Micros deadline_us) {
  co_await node_->Drain(std::max(deadline_us, loop_.MonotonicNow() + kMinHandOverUs));
  loop_.Stop();
}

absl::Status ServedNode::Run() {
  WatchSignals();
  node_->Start();
  loop_.Post([this] { scope_.Spawn(BecomeReady()); });
  loop_.Run();
  scope_.Clear();
  runtime::LogInfo("stopped");
  return absl::OkStatus();
}

int RunStart(const std::vector<std::string>& args) {
  std::vector<config::Setting> table = StartTable();
  table.push_back({"help", config::Kind::kBool, "false", "print this"});
  config::Settings settings(std::move(table));
  const absl::Status loaded = settings.Load(args, config::ProcessEnvironment());
  if (loaded.ok() && settings.Bool("help")) {
    std::cout << "usage: isochron start [FLAGS]\n\n" << settings.Help();
    return 0;
  }
  const auto fail = [](const absl::Status& status, int exit_status) {
    std::cerr << "isochron start: " << status.message() << "\n";
    return exit_status;
  };
  if (!loaded.ok()) return fail(loaded, 2);
  if (!settings.positional().empty()) {
    return fail(absl::InvalidArgumentError(absl::StrCat("what is \"", settings.positional()[0],
                                                        "\"? start takes flags only")),
                2);
  }
  absl::StatusOr<StartOptions> options = MakeStartOptions(settings, true);
  if (!options.ok()) return fail(options.status(), 2);
  if (options->die_with_parent) prctl(PR_SET_PDEATHSIG, SIGTERM);
  runtime::SetLogName(absl::StrCat("node ", options->node.value));
  absl::StatusOr<std::unique_ptr<ServedNode>> node = ServedNode::Open(*std::move(options));
  if (!node.ok()) return fail(node.status(), 1);
  const absl::Status ended = (*node)->Run();
  return ended.ok() ? 0 : fail(ended, 1);
}

}  // namespace isochron::server
