// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_PGWIRE_CONNECTION_H_
#define ISOCHRON_SERVER_PGWIRE_CONNECTION_H_

// One client's socket on the node's event loop: bytes in, messages to the conversation one by one,
// answers out.
//
// Bounds: what has come and is not served yet (reading stops while a statement runs and enough is
// there), what is to go out (the conversation waits in Drain), and one message's length. Memory of
// input beyond a first part counts for the node. An idle connection holds no buffers.
//
// A client that goes away has its statement cancelled; the connection ends when that has. Loop
// thread only.

#include <memory>
#include <string>

#include "common/task.h"
#include "server/pgwire/conversation.h"
#include "server/pgwire/message_reader.h"
#include "server/pgwire/message_writer.h"
#include "server/pgwire/outlet.h"
#include "server/pgwire/scram.h"
#include "server/pgwire/startup.h"
#include "server/pgwire/tls.h"
#include "server/runtime/event_loop.h"

namespace isochron::pgwire {

class Connection;

// What the connections of one server share.
class Host {
 public:
  virtual ~Host() = default;
  virtual runtime::EventLoop* loop() = 0;
  // `connection` has messages to serve: Serve is called soon, in its turn.
  virtual void Arrived(Connection* connection) = 0;
  // Deletes it, not before the caller has returned.
  virtual void Closed(Connection* connection) = 0;
  virtual std::unique_ptr<Conversation> NewConversation(Outlet* outlet, MessageWriter* out) = 0;
  virtual void CancelRequest(uint32_t process, uint32_t secret) = 0;
  // Why a startup packet is refused; OK to let it in.
  virtual absl::Status MayStart(const Connection& connection) = 0;
  // Who may come in with which password; null: no passwords are asked for.
  virtual const Users* users() = 0;
  // Knows no name: what is asked of those that are nobody's.
  virtual const Users* nobody() = 0;
  // Whether the name is a role's, and what proves its password.
  virtual Task<absl::StatusOr<sql::Login>> FindLogin(std::string name) = 0;
  // The certificate to show; null: no TLS.
  virtual std::shared_ptr<const TlsIdentity> tls() = 0;
  virtual std::string RandomBytes(size_t count) = 0;
  virtual void Started(Connection* connection) = 0;
  // Room for what is read; `bytes` long and shared by all.
  virtual char* scratch(size_t* bytes) = 0;
  virtual MemoryBudget* memory() = 0;  // may be null
};

class Connection final : public Outlet {
 public:
  struct Options {
    size_t max_message_bytes = 64 << 20;
    Micros startup_timeout_us = 10'000'000;
  };

  // Takes the descriptor over. `trusted`: from this machine.
  Connection(Host* host, int fd, uint32_t process, uint32_t secret, bool trusted, Options options);
  ~Connection() override;

  // Serves the messages that are there.
  void Serve();
  void Cancel();
  // Says why, if anything is said yet, and closes when what runs has ended.
  void Terminate(const absl::Status& why);

  void Flush() override;
  Task<bool> Drain(Ctx ctx) override;

  uint32_t process() const { return process_; }
  uint32_t secret() const { return secret_; }
  bool trusted() const { return trusted_; }
  bool encrypted() const { return tls_ != nullptr; }
  bool started() const { return conversation_ != nullptr; }

 private:
  void OnEvents(uint32_t events);
  void OnReadable();
  // Which events are waited for, by what there is to do.
  void Watch();
  void Unwatch();
  void Gone();
  void CloseSoon();
  // The client is awaited from now on, for as long as its settings say.
  void AwaitClient();
  void OnIdleTimer();
  // Counts what is held for the client: input, the message that is served, what is kept by name.
  absl::Status ChargeHeld();
  Task<void> Run();
  // What came, decrypted where it is, goes to the reader. False when the connection has ended.
  bool Take(absl::string_view bytes);
  // What is to go out next, encrypted where it is. False when the connection has ended.
  bool Fill();
  Task<void> ServeStartup(std::string body);
  void ServeEncryption(bool tls);
  // Asks for a password, or lets in.
  Task<void> Begin(StartupPacket packet);
  Task<void> ServePassword(Message message);
  Task<void> LetIn();
  // Answers an error that ends the connection.
  void Refuse(const absl::Status& status);

  Host* const host_;
  const int fd_;
  const uint32_t process_;
  const uint32_t secret_;
  const bool trusted_;
  const Options options_;
  std::unique_ptr<TlsSession> tls_;  // null: in the clear
  MessageReader reader_;
  MessageWriter out_;
  std::string sending_;  // taken from out_; the first sent_ bytes are gone
  size_t sent_ = 0;
  int64_t charged_ = 0;
  size_t message_bytes_ = 0;  // of the message that is served
  uint32_t watched_ = 0;
  bool watching_ = true;
  bool serving_ = false;  // Run runs, or is about to
  bool gone_ = false;     // nothing can be read or sent any more
  bool ending_ = false;   // closes when all is sent
  bool closing_ = false;  // Closed was called
  absl::Status terminate_;
  Executor::TimerId startup_timer_ = 0;
  Executor::TimerId idle_timer_ = 0;  // looks whether the client has been idle too long
  Micros idle_since_ = 0, idle_until_ = 0;
  StartupPacket packet_;                  // between them
  std::unique_ptr<ScramExchange> scram_;  // while a password is asked for
  bool scram_begun_ = false;
  std::unique_ptr<Conversation> conversation_;  // null before the client is let in
  WaitList writable_;
  TaskScope scope_;  // first to go
};

}  // namespace isochron::pgwire

#endif  // ISOCHRON_SERVER_PGWIRE_CONNECTION_H_
