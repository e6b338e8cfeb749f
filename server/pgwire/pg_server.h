// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_PGWIRE_PG_SERVER_H_
#define ISOCHRON_SERVER_PGWIRE_PG_SERVER_H_

// The PostgreSQL door of a node: the listener and its connections (docs/internals/pgwire.md).
//
// All on the node's event loop, no thread of its own: SQL runs there, so that a message costs no
// hand-over between threads. Connections that have something to serve wait in a queue behind what
// the loop has to do for requests that are under way, as at the gRPC door (rule 38); how long they
// wait is the delay by which the admission judges the loop.
//
// With a certificate, clients of other machines must encrypt (tls.h); those of this one may.
// With users, each client proves a password (scram.h), wherever it is; without, only clients of the
// same machine are let in.
//
// Loop-thread only, but for construction before the loop runs. The loop and the engine outlive it.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/admission/admission.h"
#include "server/pgwire/connection.h"
#include "server/runtime/address.h"
#include "server/runtime/event_loop.h"
#include "sql/session/session.h"

namespace isochron::pgwire {

class PgServer final : public Host {
 public:
  struct Options {
    runtime::HostPort listen{"127.0.0.1", 0};
    size_t max_connections = 5000;
    size_t max_strangers = 256;  // connections that have not said who they are
    int64_t statement_memory_bytes = RequestContext::kDefaultMemoryBytes;
    std::shared_ptr<MemoryBudget> memory;  // of the node; null: none
    Connection::Options connection;
    std::shared_ptr<const Users> users;  // null: only clients of this machine, without passwords
    // Certificate and key; null: no TLS. With them, clients of other machines must use it.
    std::shared_ptr<TlsFiles> tls;
    // Of the system's entropy.
    std::function<std::string(size_t)> random_bytes;
  };
  PgServer(runtime::EventLoop* loop, sql::Engine* engine, admission::Admission* admission,
           Options options);
  ~PgServer() override;

  // UNAVAILABLE, with what to do, when the port cannot be had.
  absl::Status Start();
  // After Start.
  const runtime::HostPort& address() const { return listener_.address; }

  // No new connections; those at rest end now, others when what they run has ended, all after
  // `drain_us`. `done` is posted when none is left. Once.
  void Drain(Micros drain_us, Executor::Fn done);

  size_t connections() const { return connections_.size(); }

 private:
  runtime::EventLoop* loop() override { return loop_; }
  void Arrived(Connection* connection) override;
  void Closed(Connection* connection) override;
  std::unique_ptr<Conversation> NewConversation(Outlet* outlet, MessageWriter* out) override;
  void CancelRequest(uint32_t process, uint32_t secret) override;
  absl::Status MayStart(const Connection& connection) override;
  void Started(Connection* connection) override;
  char* scratch(size_t* bytes) override;
  MemoryBudget* memory() override { return options_.memory.get(); }
  const Users* users() override { return options_.users.get(); }
  const Users* nobody() override;
  Task<absl::StatusOr<sql::Login>> FindLogin(std::string name) override;
  std::shared_ptr<const TlsIdentity> tls() override;
  std::string RandomBytes(size_t count) override { return options_.random_bytes(count); }

  void OnAccept();
  void Accept(int fd, bool trusted);
  void ServeSome();
  void StopListening();
  void DrainedYet();

  runtime::EventLoop* const loop_;
  sql::Engine* const engine_;
  admission::Admission* const admission_;
  const Options options_;
  // Shared with what is posted, which may outlive this.
  std::shared_ptr<PgServer*> this_ = std::make_shared<PgServer*>(this);
  runtime::Listener listener_;
  bool listening_ = false;
  Executor::TimerId accept_timer_ = 0;
  Executor::TimerId drain_timer_ = 0;
  bool draining_ = false;
  Executor::Fn drained_;
  std::vector<char> scratch_;
  std::unique_ptr<const Users> nobody_;
  uint32_t next_process_ = 1;
  size_t strangers_ = 0;
  std::map<uint32_t, std::unique_ptr<Connection>> connections_;  // by process
  std::deque<std::pair<uint32_t, Micros>> arrived_;              // and when
  bool posted_ = false;                                          // ServeSome
};

}  // namespace isochron::pgwire

#endif  // ISOCHRON_SERVER_PGWIRE_PG_SERVER_H_
