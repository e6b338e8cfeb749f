// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_SESSION_SESSION_H_
#define ISOCHRON_SQL_SESSION_SESSION_H_

// The one door to SQL, for the Spanner API, the PostgreSQL protocol, the shell and the simulator.
//
//   Engine          one a node: catalog cache, plan cache, the store. Outlives all it made.
//   Session         one a client connection (or API session): settings, and the transaction that
//                   BEGIN opened. Statements outside BEGIN commit by themselves.
//   SqlTransaction  a transaction as an object, for doors that name transactions by id; many may be
//                   open on one session. Independent of the session's own BEGIN.
//   ResultSink      where rows go; it may suspend the statement (back-pressure).
//
// Retries: a statement that commits by itself is run again inside until its deadline when it is
// wounded; its rows are held back until the commit wait is over. A SqlTransaction that is wounded
// is replayed: its statements run again in a new attempt of the same age, and only if a result
// differs from what the client saw is the answer 40001 (interfaces.md). Reads of a read-only
// transaction are streamed as they come.
//
// Errors carry SQLSTATE, position and hint (sql/types/error.h). Loop-thread only. A Session and a
// SqlTransaction run one statement at a time; both outlive the tasks they returned.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/executor.h"
#include "common/observer.h"
#include "common/request_context.h"
#include "common/sabotage.h"
#include "common/task.h"
#include "common/truetime.h"
#include "common/types.h"
#include "sql/catalog/replica_checksums.h"
#include "sql/catalog/system_tables.h"
#include "sql/types/copy_text.h"
#include "sql/types/datum.h"
#include "sql/types/error.h"
#include "txn/api/transaction.h"

namespace isochron::sql {

// What a statement tells besides its result.
struct Notice {
  std::string severity;   // WARNING, NOTICE
  std::string sql_state;  // five characters
  std::string message;
};

struct StatementResult {
  std::string tag;            // "INSERT 0 2", "SELECT 3", "CREATE TABLE"
  bool returns_rows = false;  // OnColumns was called
  bool is_dml = false;
  int64_t rows = 0;                           // returned, or changed for DML
  std::optional<Timestamp> commit_timestamp;  // of a statement that committed by itself, or COMMIT
  std::optional<Timestamp> read_timestamp;    // of a read-only transaction
  LatencyAccount latency;                     // of this statement alone
  std::vector<Notice> notices;
};

// Calls per statement: OnColumns once if it returns rows, OnRows any number of times, OnComplete
// once at success. After an error nothing more is called. Outlives the task it was given to.
class ResultSink {
 public:
  virtual ~ResultSink() = default;
  virtual void OnColumns(const std::vector<ColumnInfo>& columns) = 0;
  // Called before OnColumns where a BINARY cursor gives the rows.
  virtual void UseBinary() {}
  // Suspends while the client is slow. False ends the statement with CANCELLED.
  virtual Task<bool> OnRows(std::vector<Row> rows) = 0;
  virtual void OnComplete(const StatementResult& result) = 0;
  // Whether COPY ... TO STDOUT may send its rows here.
  virtual bool takes_copy() const { return false; }
};

// Keeps everything in memory: for short results and tests.
class CollectingSink : public ResultSink {
 public:
  struct Statement {
    std::vector<ColumnInfo> columns;
    std::vector<Row> rows;
    StatementResult result;
  };
  void OnColumns(const std::vector<ColumnInfo>& columns) override;
  Task<bool> OnRows(std::vector<Row> rows) override;
  void OnComplete(const StatementResult& result) override;

  std::vector<Statement> statements;  // completed ones

 private:
  Statement current_;
};

// When a read-only transaction, or a read that stands alone, looks. The bounded kinds, those from
// kMinReadTimestamp on, are for reads that stand alone: the newest timestamp that the nearest
// replicas can serve at once, not before the bound.
struct ReadBound {
  enum class Kind {
    kStrong,
    kReadTimestamp,
    kExactStaleness,
    kMinReadTimestamp,
    kMaxStaleness,
    kCausal,  // not before anything that the session has seen; strong while it has seen nothing
  };
  bool bounded() const { return kind >= Kind::kMinReadTimestamp; }
  Kind kind = Kind::kStrong;
  int64_t value_us = 0;  // a timestamp, or a duration
};

struct TransactionOptions {
  bool read_only = false;
  ReadBound bound;  // read-only transactions
  // Whether a failed statement fails the transaction, as PostgreSQL has it. If not, the statement's
  // own writes are undone and the transaction goes on, as the Spanner API has it.
  bool fail_on_error = true;
  // A finished attempt whose age this one inherits (a client's own retry of an aborted
  // transaction).
  std::shared_ptr<class SqlTransaction> previous;
};

class SqlTransaction {
 public:
  enum class State {
    kOpen,
    kFailed,  // a statement failed: only Rollback or ROLLBACK TO is accepted (25P02)
    kCommitted,
    kRolledBack,
    kAborted,  // wounded, and the replay differed: 40001
    kUnknown,  // the outcome of the commit cannot be known: 40003
  };
  virtual ~SqlTransaction() = default;

  virtual State state() const = 0;
  virtual bool read_only() const = 0;
  // 0 while unset (a strong read-only transaction before its first read, any read-write one).
  virtual Timestamp read_timestamp() const = 0;

  // Runs one statement (or several parted by semicolons; the last one's result is returned).
  // BEGIN, COMMIT and ROLLBACK are refused here; SAVEPOINT is not.
  virtual Task<absl::StatusOr<StatementResult>> Execute(Ctx ctx, std::string sql, Params params,
                                                        ResultSink* sink) = 0;
  // 40001 if it was wounded and a replay differed, 40003 if the outcome is unknown.
  virtual Task<absl::StatusOr<txn::CommitResult>> Commit(Ctx ctx) = 0;
  // Idempotent.
  virtual void Rollback() = 0;
};

// A COPY, for the door that runs it: rows of a COPY TO come by Execute into a sink that takes them;
// those of a COPY FROM are inserted by the door, some at a time.
struct CopyDescription {
  bool from = false;
  CopyFormat format;
  std::string table;                // COPY FROM: as written
  std::vector<ColumnInfo> columns;  // COPY FROM: what a row has
  // "INSERT INTO t (a, b) VALUES ", for parameters in the order of `columns`.
  std::string insert;
};

// What a statement would take and give, without running it.
struct StatementDescription {
  std::vector<Type> params;
  std::vector<ColumnInfo> columns;  // empty when it returns no rows
  bool is_dml = false;
  bool is_ddl = false;
  bool is_query = false;        // a SELECT or SHOW that may run in a read-only transaction
  bool is_transaction = false;  // BEGIN, COMMIT, SAVEPOINT and their like
  bool is_empty = false;        // no statement at all
  bool may_stream = false;      // a SELECT whose rows can be taken in parts (OpenPortal)
  std::optional<CopyDescription> copy;
};

class NamedStatements;

class Session {
 public:
  virtual ~Session() = default;

  // Runs one statement, or several parted by semicolons (each stands alone unless inside BEGIN; the
  // first error ends the string). Returns the last statement's result. An empty string gives an
  // empty tag. `ctx` bounds the whole call; statement_timeout bounds each statement besides.
  virtual Task<absl::StatusOr<StatementResult>> Execute(Ctx ctx, std::string sql, Params params,
                                                        ResultSink* sink) = 0;
  // Like Execute, but several statements are one transaction, as PostgreSQL has a simple query: an
  // error undoes them all, and the last one is complete when they are committed. BEGIN in the
  // string makes the rest, and what ran before it, a block that goes on; COMMIT ends what ran so
  // far. CREATE and DROP TABLE stand alone, and only before anything else of the transaction.
  virtual Task<absl::StatusOr<StatementResult>> ExecuteString(Ctx ctx, std::string sql,
                                                              ResultSink* sink) = 0;
  // A transaction that no BEGIN opened: what PostgreSQL runs the statements up to a Sync in. Does
  // nothing inside a transaction.
  virtual absl::Status BeginImplicit(Ctx ctx) = 0;
  // Commits what BeginImplicit opened, or rolls it back when something of it failed (no error).
  // Does nothing without one.
  virtual Task<absl::Status> EndImplicit(Ctx ctx) = 0;
  // The client was answered an error that no statement gave: the transaction, if any, has failed.
  virtual void FailTransaction() = 0;
  // Inside BEGIN or what BeginImplicit opened.
  virtual bool in_transaction() const = 0;
  // One read at `bound` outside any transaction: the API's single-use read-only transactions.
  virtual Task<absl::StatusOr<StatementResult>> ExecuteReadOnly(Ctx ctx, std::string sql,
                                                                Params params, ReadBound bound,
                                                                ResultSink* sink) = 0;
  virtual Task<absl::StatusOr<StatementDescription>> Describe(Ctx ctx, std::string sql,
                                                              std::vector<Type> param_types) = 0;

  // What PREPARE, EXECUTE and DEALLOCATE know; null for a session that has no such statements.
  virtual NamedStatements* statements() { return nullptr; }
  // A portal of the protocol, as a cursor of the open transaction: what may_stream is said of. It
  // takes the place of one of its name.
  virtual Task<absl::Status> OpenPortal(Ctx /*ctx*/, std::string /*name*/, std::string /*sql*/,
                                        Params /*params*/) {
    co_return absl::UnimplementedError("no portals here");
  }
  // Its next rows, also those of a cursor of DECLARE; fewer than `count` only at its end.
  virtual Task<absl::StatusOr<StatementResult>> FetchPortal(Ctx /*ctx*/, std::string /*name*/,
                                                            int64_t /*count*/,
                                                            ResultSink* /*sink*/) {
    co_return absl::UnimplementedError("no portals here");
  }
  virtual bool HasCursor(const std::string& /*name*/) const { return false; }
  virtual void CloseCursor(const std::string& /*name*/) {}

  // The client is the role of that name, if there is one; a name that is no role's stays what a new
  // session is, the bootstrap role. Before anything else. 28000, 42501.
  virtual Task<absl::Status> LogIn(Ctx /*ctx*/, std::string /*name*/) {
    co_return absl::OkStatus();
  }

  // UNAVAILABLE without a clock bound.
  virtual absl::StatusOr<std::shared_ptr<SqlTransaction>> Begin(Ctx ctx,
                                                                TransactionOptions options) = 0;

  // How long its client may send nothing, inside a transaction and outside; 0: for ever.
  struct IdleLimits {
    Micros in_transaction_us = 0;
    Micros session_us = 0;
  };
  virtual IdleLimits idle_limits() const { return {}; }

  // The database that it is in, and a new session in it.
  virtual const std::string& database() const;
  virtual std::unique_ptr<Session> Another() const { return nullptr; }
  // 'I' idle, 'T' inside BEGIN, 'E' inside a failed one: PostgreSQL's ReadyForQuery.
  virtual char transaction_status() const = 0;
  virtual uint64_t id() const = 0;
  // How the session reads and writes times. Changes with SET, stays where it is.
  virtual const TimeContext& time_context() const { return PlainTimeContext(); }
  // The value SHOW would print; nullopt if there is no such setting.
  virtual std::optional<std::string> Setting(const std::string& name) const = 0;
};

struct EngineOptions {
  Micros schema_lease_us = 2'000'000;  // how long a gateway trusts a fetched descriptor
  Micros drop_margin_us = 300'000;     // slack between a DROP's commit and its effect
  // Defaults of the settings; 0: none.
  Micros statement_timeout_us = 60'000'000;
  Micros lock_timeout_us = 0;
  Micros idle_in_transaction_timeout_us = 300'000'000;
  Micros version_retention_us = 3'600'000'000;  // of a database that does not say
  Micros advisory_lease_us = 10'000'000;        // what a node's advisory locks stand under
  size_t plan_cache_entries = 2048;
  int64_t max_value_bytes = 10 << 20;
  int64_t max_replay_bytes = 4 << 20;  // statement text and parameters kept for a replay
  uint64_t seed = 1;                   // jitter, hidden row ids
  std::string version = "Isochron";    // version()
};

// What a door asks before it lets a client in.
struct Login {
  bool known = false;      // there is such a role
  std::string verifier;    // of its password; empty: none, or it is not valid any more
  bool passwords = false;  // some role has one
};

class Engine {
 public:
  struct Deps {
    txn::Store* store;
    Executor* executor;
    TrueTime* truetime;
    SystemTables* system_tables;            // may be null: the system tables are then empty
    ReplicaChecksums* checksums = nullptr;  // may be null: isochron.checksum is then refused
    Observer* observer = nullptr;           // may be null
    SabotageSet sabotage;
  };
  static std::unique_ptr<Engine> Create(Deps deps, EngineOptions options);
  virtual ~Engine() = default;

  // In the first database.
  virtual std::unique_ptr<Session> NewSession() = 0;
  // In the database of that name. 3D000, 55000 for a template.
  virtual Task<absl::StatusOr<std::unique_ptr<Session>>> Open(Ctx ctx, std::string database);
  // Whether sessions may be opened in it.
  virtual Task<absl::StatusOr<bool>> Stands(Ctx ctx, std::string database);
  virtual Task<absl::StatusOr<Login>> FindLogin(Ctx /*ctx*/, std::string /*name*/) {
    co_return Login();
  }

  struct ActiveStatement {
    uint64_t session = 0;
    std::string sql;
    Micros started_us = 0;  // Executor::MonotonicNow
    std::string transaction;
  };
  struct SessionState {
    uint64_t id = 0;
    std::string database;
    bool connected = false;  // a client logged in: the database is not dropped under it
  };
  // For isochron.sessions and isochron.statements of this node.
  virtual std::vector<ActiveStatement> ActiveStatements() const = 0;
  virtual std::vector<SessionState> Sessions() const = 0;
  // Databases that something is kept of.
  virtual size_t engines() const { return 1; }
  // Whether advisory locks of the session, if it has any, are still its own: for checkers.
  virtual bool VouchesForLocks(uint64_t /*session*/) const { return false; }
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_SESSION_SESSION_H_
