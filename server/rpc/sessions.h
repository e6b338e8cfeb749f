// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RPC_SESSIONS_H_
#define ISOCHRON_SERVER_RPC_SESSIONS_H_

// Sessions and transactions as the Spanner API names them, over sql::Session and
// sql::SqlTransaction.
//
//   - An API session has a sql::Session of its own, for statements that come without a transaction
//     selector: SET and BEGIN last from request to request. A multiplexed session is used by any
//     number of requests at once, and each such statement borrows one from a pool.
//   - A sql::Session and a transaction run one request at a time; others wait for their Turn.
//   - Finished transactions are remembered for a while: a Commit repeated after a lost answer gets
//     the outcome there was (invariant 10), and a retry inherits the age of what it tries anew.
//   - Idle sessions and abandoned transactions go away (Sweep), with their locks. A session inside
//     BEGIN ends as a whole: its next statement fails instead of committing by itself.
//
// Names end in random numbers, so that a name from before a restart finds nothing. Loop thread
// only.

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/executor.h"
#include "common/random.h"
#include "common/task.h"
#include "common/truetime.h"
#include "common/types.h"
#include "google/spanner/v1/spanner.pb.h"
#include "google/spanner/v1/transaction.pb.h"
#include "server/admission/admission.h"
#include "sql/session/session.h"

namespace isochron::rpc {

// One user at a time. Those who wait hold what owns it.
class Turn {
 public:
  explicit Turn(Executor* executor) : executor_(executor), waiters_(executor) {}
  bool taken() const { return taken_; }
  // Each OK is followed by one Leave. DEADLINE_EXCEEDED or CANCELLED, from ctx.
  Task<absl::Status> Enter(Ctx ctx);
  void Leave();

 private:
  Executor* const executor_;
  bool taken_ = false;
  WaitList waiters_;
};

// Leaves at the end of a scope, also when the coroutine is destroyed.
class TurnLeaver {
 public:
  explicit TurnLeaver(Turn* turn) : turn_(turn) {}
  ~TurnLeaver() { turn_->Leave(); }
  TurnLeaver(const TurnLeaver&) = delete;
  TurnLeaver& operator=(const TurnLeaver&) = delete;

 private:
  Turn* const turn_;
};

struct ApiTransaction {
  ApiTransaction(Executor* executor, std::string transaction_id)
      : id(std::move(transaction_id)), turn(executor) {}

  const std::string id;
  std::shared_ptr<sql::Session> session;  // what `txn` was begun on
  // Null for partitioned DML: its statements commit by themselves.
  std::shared_ptr<sql::SqlTransaction> txn;
  Turn turn;
  admission::Admission::Slot slot;  // its place among what runs, until it is finished
  Micros last_use_us = 0;
  int32_t precommit_seq = 0;
  bool finished = false;
  bool committed = false;
  bool idle_too_long = false;                  // why it is finished
  google::spanner::v1::CommitResponse commit;  // when committed
  // The last DML: not run again when its sequence number comes again.
  int64_t last_seqno = 0;
  google::spanner::v1::ResultSet last_dml;
  google::spanner::v1::ExecuteBatchDmlResponse last_batch;
};

struct ApiSession {
  explicit ApiSession(Executor* executor) : turn(executor) {}

  std::string name;
  std::string database;
  std::map<std::string, std::string> labels;
  std::string creator_role;
  bool multiplexed = false;
  Timestamp create_time;  // 0 if there was no clock
  Micros last_use_us = 0;
  int requests = 0;  // under way
  // Of the first database's: made when it is first asked for.
  std::shared_ptr<sql::Session> own;
  Turn turn;                        // of statements on `own`
  admission::Admission::Slot slot;  // of what BEGIN opened there
  std::map<std::string, std::shared_ptr<ApiTransaction>> transactions;
  std::deque<std::string> finished;  // ids in `transactions`, oldest first
};

// A request's hold on a session: counts it as under way, and stamps the last use at both ends.
class SessionUse {
 public:
  SessionUse(std::shared_ptr<ApiSession> session, Executor* executor);
  ~SessionUse();
  SessionUse(const SessionUse&) = delete;
  SessionUse& operator=(const SessionUse&) = delete;
  ApiSession* operator->() const { return session_.get(); }
  ApiSession* get() const { return session_.get(); }

 private:
  const std::shared_ptr<ApiSession> session_;
  Executor* const executor_;
};

class Sessions {
 public:
  struct Options {
    std::string database = "isochron";
    size_t max_sessions = 10'000;
    size_t max_open_transactions = 10'000;  // a session
    size_t finished_transactions = 64;      // remembered, a session
    size_t max_pooled = 256;
    Micros session_idle_us = 3'600'000'000;
    Micros transaction_idle_us = 300'000'000;  // it holds locks
    // Of the names. They must not come again after a restart: 0 lets the server choose by time.
    uint64_t seed = 0;
  };
  // `truetime` may be null: sessions then have no times.
  Sessions(sql::Engine* engine, Executor* executor, TrueTime* truetime, Options options);

  // A session in `name`, projects/P/instances/I/databases/D. NOT_FOUND, INVALID_ARGUMENT.
  Task<absl::StatusOr<std::shared_ptr<sql::Session>>> Open(Ctx ctx, std::string name);
  // OK if there is such a database.
  Task<absl::Status> CheckDatabase(Ctx ctx, std::string name);
  // The first one.
  const std::string& database() const { return options_.database; }

  // `in`: a session in the database. RESOURCE_EXHAUSTED at the limit.
  absl::StatusOr<std::shared_ptr<ApiSession>> Create(const std::string& database,
                                                     std::shared_ptr<sql::Session> in,
                                                     const google::spanner::v1::Session& wanted);
  // SessionNotFound.
  absl::StatusOr<std::shared_ptr<ApiSession>> Find(absl::string_view name);
  // Not finding it is no error.
  void Delete(absl::string_view name);
  // At most `limit` sessions after the token. Returns the next token, empty at the end.
  std::string List(const std::string& database, const std::string& token, int limit,
                   std::vector<std::shared_ptr<ApiSession>>* out) const;
  void Describe(const ApiSession& session, google::spanner::v1::Session* out) const;

  // A strong read-only transaction chooses its timestamp with its first read, or at once where
  // `choose_now` is set and the options ask for the timestamp.
  absl::StatusOr<std::shared_ptr<ApiTransaction>> Begin(
      Ctx ctx, ApiSession* session, const google::spanner::v1::TransactionOptions& options,
      bool choose_now = false);
  // NOT_FOUND.
  absl::StatusOr<std::shared_ptr<ApiTransaction>> FindTransaction(ApiSession* session,
                                                                  const std::string& id);
  // After Commit, Rollback, or a failure that ends it. Idempotent.
  void Finish(ApiSession* session, ApiTransaction* txn);

  // The session's own, made when it is first asked for.
  std::shared_ptr<sql::Session> Own(ApiSession* session);
  // Another one, in the same database.
  std::shared_ptr<sql::Session> Borrow(ApiSession* session);
  // Only what nobody changed (no SET, nothing open) goes back.
  void GiveBack(std::shared_ptr<sql::Session> session);

  // Drops what has been idle for too long. To be called every few seconds.
  void Sweep();
  size_t size() const { return sessions_.size(); }
  Executor* executor() const { return executor_; }

 private:
  std::string NewId();
  // One in the first database: those that are given back are.
  std::shared_ptr<sql::Session> Pooled();
  void SweepTransactions(ApiSession* session, Micros now);

  sql::Engine* const engine_;
  Executor* const executor_;
  TrueTime* const truetime_;
  const Options options_;
  Random random_;
  std::map<std::string, std::shared_ptr<ApiSession>> sessions_;  // by the last part of the name
  std::vector<std::shared_ptr<sql::Session>> pool_;
};

absl::StatusOr<sql::ReadBound> DecodeBound(
    const google::spanner::v1::TransactionOptions::ReadOnly& read_only);

}  // namespace isochron::rpc

#endif  // ISOCHRON_SERVER_RPC_SESSIONS_H_
