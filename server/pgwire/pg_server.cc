// SPDX-License-Identifier: Apache-2.0
#include "server/pgwire/pg_server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/status_macros.h"
#include "server/runtime/log.h"
#include "sql/types/error.h"

namespace isochron::pgwire {
namespace {

constexpr size_t kScratchBytes = 64 << 10;
constexpr size_t kBatch = 16;  // connections served a round of the loop
constexpr int kAcceptsAtOnce = 16;
constexpr Micros kAcceptPauseUs = 100'000;

bool IsLoopback(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address);
    return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
  }
  if (address.ss_family != AF_INET6) return false;
  const in6_addr& v6 = reinterpret_cast<const sockaddr_in6*>(&address)->sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

absl::Status Shutdown() {
  return sql::SqlError(kAdminShutdown, "terminating connection due to administrator command", -1,
                       "The node is stopping; connect to another.");
}

}  // namespace

PgServer::PgServer(runtime::EventLoop* loop, sql::Engine* engine, admission::Admission* admission,
                   Options options)
    : loop_(loop),
      engine_(engine),
      admission_(admission),
      options_(std::move(options)),
      scratch_(kScratchBytes) {}

PgServer::~PgServer() {
  *this_ = nullptr;
  StopListening();
  loop_->Cancel(drain_timer_);
  connections_.clear();
}

absl::Status PgServer::Start() {
  ISO_ASSIGN_OR_RETURN(listener_, runtime::Listen(options_.listen));
  listening_ = true;
  loop_->AddFd(listener_.fd, EPOLLIN, [this](uint32_t) { OnAccept(); });
  return absl::OkStatus();
}

void PgServer::StopListening() {
  loop_->Cancel(std::exchange(accept_timer_, 0));
  if (listening_) loop_->RemoveFd(listener_.fd);
  listening_ = false;
  if (listener_.fd >= 0) runtime::CloseListener(listener_);
  listener_.fd = -1;
}

void PgServer::OnAccept() {
  for (int i = 0; i < kAcceptsAtOnce; ++i) {
    sockaddr_storage remote{};
    socklen_t size = sizeof(remote);
    const int fd = accept4(listener_.fd, reinterpret_cast<sockaddr*>(&remote), &size,
                           SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      Accept(fd, IsLoopback(remote));
      continue;
    }
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
    runtime::LogError("cannot accept connections of PostgreSQL clients: ", strerror(errno));
    loop_->RemoveFd(listener_.fd);
    listening_ = false;
    accept_timer_ = loop_->PostAfter(kAcceptPauseUs, [this] {
      accept_timer_ = 0;
      listening_ = true;
      loop_->AddFd(listener_.fd, EPOLLIN, [this](uint32_t) { OnAccept(); });
    });
    return;
  }
}

void PgServer::Accept(int fd, bool trusted) {
  // Those that are let in are bounded in MayStart, where an answer can be given.
  if (strangers_ >= options_.max_strangers) {
    close(fd);
    return;
  }
  const int on = 1;
  const int idle_s = 20;
  const int probes = 3;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &idle_s, sizeof(idle_s));
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
  while (next_process_ == 0 || connections_.contains(next_process_)) ++next_process_;
  const uint32_t process = next_process_++;
  uint32_t secret = 0;
  const std::string random = RandomBytes(sizeof(secret));
  memcpy(&secret, random.data(), sizeof(secret));
  ++strangers_;
  connections_[process] =
      std::make_unique<Connection>(this, fd, process, secret, trusted, options_.connection);
}

void PgServer::Arrived(Connection* connection) {
  arrived_.emplace_back(connection->process(), loop_->MonotonicNow());
  if (std::exchange(posted_, true)) return;
  loop_->Post([self = this_] {
    if (*self != nullptr) (*self)->ServeSome();
  });
}

void PgServer::ServeSome() {
  const Micros now_us = loop_->MonotonicNow();
  for (size_t i = 0; i < kBatch && !arrived_.empty(); ++i) {
    const auto [process, since_us] = arrived_.front();
    arrived_.pop_front();
    auto it = connections_.find(process);
    if (it == connections_.end()) continue;
    admission_->NoteDelay(now_us - since_us);
    it->second->Serve();
  }
  posted_ = !arrived_.empty();
  if (!posted_) return;
  loop_->Post([self = this_] {
    if (*self != nullptr) (*self)->ServeSome();
  });
}

void PgServer::Closed(Connection* connection) {
  if (!connection->started()) --strangers_;
  loop_->Post([self = this_, process = connection->process()] {
    if (*self == nullptr) return;
    (*self)->connections_.erase(process);
    (*self)->DrainedYet();
  });
}

std::unique_ptr<Conversation> PgServer::NewConversation(Outlet* outlet, MessageWriter* out) {
  return std::make_unique<Conversation>(
      Conversation::Deps{.executor = loop_,
                         .admission = admission_,
                         .outlet = outlet,
                         .out = out,
                         .statement_memory_bytes = options_.statement_memory_bytes,
                         .memory = options_.memory,
                         .engine = engine_},
      engine_->NewSession());
}

Task<absl::StatusOr<sql::Login>> PgServer::FindLogin(std::string name) {
  constexpr Micros kPatienceUs = 8'000'000;
  auto ctx = std::make_shared<RequestContext>(loop_->MonotonicNow() + kPatienceUs);
  co_return co_await engine_->FindLogin(std::move(ctx), std::move(name));
}

const Users* PgServer::nobody() {
  if (nobody_ == nullptr) {
    auto none = Users::Parse("", options_.random_bytes(kScramNonceBytes));
    ISO_CHECK(none.ok(), "an empty file of users is one");
    nobody_ = std::make_unique<const Users>(*std::move(none));
  }
  return nobody_.get();
}

void PgServer::CancelRequest(uint32_t process, uint32_t secret) {
  auto it = connections_.find(process);
  if (it != connections_.end() && it->second->secret() == secret) it->second->Cancel();
}

absl::Status PgServer::MayStart(const Connection& connection) {
  if (draining_) return Shutdown();
  if (!connection.trusted() && !connection.encrypted() && options_.tls != nullptr) {
    return sql::SqlError("28000", "clients of other machines must encrypt their connections", -1,
                         "Connect with sslmode=require, or verify-full and the CA's certificate.");
  }
  if (connections_.size() - strangers_ >= options_.max_connections) {
    return sql::SqlError("53300",
                         absl::StrCat("sorry, too many clients already: ",
                                      connections_.size() - strangers_, " are connected"),
                         -1, "Connect to another node, or raise --max-pg-connections.");
  }
  return absl::OkStatus();
}

void PgServer::Started(Connection*) { --strangers_; }

std::shared_ptr<const TlsIdentity> PgServer::tls() {
  return options_.tls == nullptr ? nullptr : options_.tls->Current(loop_->MonotonicNow());
}

char* PgServer::scratch(size_t* bytes) {
  *bytes = scratch_.size();
  return scratch_.data();
}

void PgServer::Drain(Micros drain_us, Executor::Fn done) {
  draining_ = true;
  drained_ = std::move(done);
  StopListening();
  std::vector<Connection*> all;
  for (const auto& [process, connection] : connections_) all.push_back(connection.get());
  for (Connection* connection : all) connection->Terminate(Shutdown());
  drain_timer_ = loop_->PostAfter(drain_us, [this] {
    drain_timer_ = 0;
    connections_.clear();
    DrainedYet();
  });
  DrainedYet();
}

void PgServer::DrainedYet() {
  if (!draining_ || !connections_.empty() || !drained_) return;
  loop_->Cancel(std::exchange(drain_timer_, 0));
  loop_->Post(std::exchange(drained_, nullptr));
}

}  // namespace isochron::pgwire
