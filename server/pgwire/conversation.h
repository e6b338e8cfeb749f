// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_PGWIRE_CONVERSATION_H_
#define ISOCHRON_SERVER_PGWIRE_CONVERSATION_H_

// One client's conversation in PostgreSQL's protocol, from the startup packet on: messages in,
// answers into a MessageWriter, statements through a sql::Session. Knows nothing of sockets.
//
//   simple query      a string of statements is one transaction (Session::ExecuteString)
//   extended query    Parse, Bind, Describe, Execute, Close, Flush; after an error everything is
//                     skipped up to Sync. What runs up to a Sync is one transaction; an Execute
//                     with the Sync right behind it commits by itself, which is the same and saves
//                     the round trips of a transaction.
//   COPY              rows of COPY FROM are inserted some at a time in one transaction (copy_in.h)
//
// Admission (rule 38): new work enters before anything is spent on it; a transaction keeps its
// place, which rests between its messages.
//
// Loop-thread only. One message at a time. The session and all in Deps outlive the tasks.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/executor.h"
#include "common/task.h"
#include "server/admission/admission.h"
#include "server/pgwire/copy_in.h"
#include "server/pgwire/message_reader.h"
#include "server/pgwire/message_writer.h"
#include "server/pgwire/outlet.h"
#include "server/pgwire/statements.h"
#include "sql/session/session.h"

namespace isochron::pgwire {

inline constexpr char kAdminShutdown[] = "57P01";

class Conversation {
 public:
  struct Deps {
    Executor* executor;
    admission::Admission* admission;
    Outlet* outlet;
    MessageWriter* out;
    int64_t statement_memory_bytes = RequestContext::kDefaultMemoryBytes;
    std::shared_ptr<MemoryBudget> memory;  // of the node; may be null
    sql::Engine* engine;                   // of sessions in other databases than the first
  };
  // `session`: one in the first database, which Start may change for another.
  // The parameters of a startup packet.
  using Options = std::vector<std::pair<std::string, std::string>>;

  Conversation(Deps deps, std::unique_ptr<sql::Session> session);

  // Answers a startup packet: the session's settings, and all up to the first ReadyForQuery.
  Task<void> Start(Options options, uint32_t process, uint32_t secret);
  // Answers one message. `sync_follows`: a Sync comes next.
  Task<void> Handle(Message message, bool sync_follows);
  // The statement that runs now, if any, ends with an error.
  void Cancel();
  // A FATAL error: after it the connection is to be closed.
  void End(const absl::Status& status);

  // How long its client may send nothing now, and what it is told when that is over; 0: for ever.
  Micros idle_limit_us() const;
  absl::Status IdleTooLong() const;

  // Terminate came, or End was called.
  bool ended() const { return ended_; }
  bool in_transaction() const { return session_->in_transaction(); }
  // Between messages, beyond what statements count themselves.
  size_t held_bytes() const {
    return session_->statements()->held_bytes() + portals_.held_bytes() +
           (copy_ ? copy_->held_bytes() : 0);
  }

 private:
  using Slot = admission::Admission::Slot;

  Ctx NewCtx();
  void Fail(const absl::Status& status);
  void Ready();
  // Ends what no BEGIN opened, for better or worse, and answers that the next command may come.
  Task<void> EndCommand(absl::Status status);
  // Lets new work in; empty for work that goes on.
  Task<absl::StatusOr<Slot>> Admit(Ctx ctx);
  void ReportSettings(bool all);
  void Notices(const sql::StatementResult& result);
  Task<absl::Status> Apply(std::string name, std::string value);

  Task<void> SimpleQuery(std::string body);
  Task<absl::Status> RunString(Ctx ctx, std::string sql);
  // A string that is one COPY.
  Task<absl::Status> RunCopy(Ctx ctx, std::string sql);
  Task<absl::Status> RefuseInFailed(Ctx ctx);
  Task<absl::Status> RunCopyOut(Ctx ctx, std::string sql, const sql::CopyDescription* copy);
  absl::Status BeginCopyIn(Ctx ctx, const sql::CopyDescription& copy, bool extended);
  // Messages while a COPY FROM takes rows.
  Task<void> CopyIn(Message message);
  Task<absl::Status> CopyInMessage(Message message, bool* ended);
  Task<absl::Status> InsertRows(bool all);
  // How the transaction of a simple COPY ends, for better or worse.
  Task<void> EndCopyIn(absl::Status status);
  Task<absl::Status> Extended(char type, std::string body, bool sync_follows);
  // Messages that are answered without waiting.
  Task<absl::Status> AtOnce(char type, std::string body);
  Task<absl::Status> Parse(std::string body);
  absl::Status Bind(const std::string& body);
  absl::Status Describe(const std::string& body);
  Task<absl::Status> Execute(std::string body, bool sync_follows);
  Task<absl::Status> RunPortal(std::shared_ptr<Portal> portal, int64_t limit, bool sync_follows);
  Task<absl::Status> SendKept(Ctx ctx, std::shared_ptr<Portal> portal, int64_t limit);
  // Rows of a portal that is a cursor of the session.
  Task<absl::Status> FetchPart(std::shared_ptr<Portal> portal, int64_t limit, bool opens);
  absl::Status Close(const std::string& body);
  void ClosePortal(const std::string& name);

  const Deps deps_;
  std::unique_ptr<sql::Session> session_;
  Portals portals_;
  std::unique_ptr<CopyInput> copy_;  // while a COPY FROM takes rows
  Slot slot_;                        // of the open transaction, or of what runs
  Ctx running_;                      // what Cancel cancels
  bool skipping_ = false;            // up to Sync
  bool ended_ = false;
  bool settings_changed_ = false;
  std::string user_;
  std::vector<std::string> reported_;  // values of the settings that the client is told
};

}  // namespace isochron::pgwire

#endif  // ISOCHRON_SERVER_PGWIRE_CONVERSATION_H_
