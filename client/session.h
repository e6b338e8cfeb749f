// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_CLIENT_SESSION_H_
#define ISOCHRON_CLIENT_SESSION_H_

// One session of the google.spanner.v1 API on one server: statements, transactions, DDL. Client
// (client.h) is what most programs want; the shell uses a session directly, so that BEGIN and SET
// last from statement to statement.
//
// Calls block. One thread at a time uses a session; Cancel may come from any thread.
//
// Errors keep the server's code and words. SqlState, Position (1-based, in characters, 0 = none)
// and Hint read what the server said besides. UNKNOWN from Commit: the outcome cannot be known.

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/value.h"
#include "google/spanner/v1/transaction.pb.h"

namespace grpc {
class Channel;
class ClientContext;
}  // namespace grpc

namespace isochron::client {

std::string SqlState(const absl::Status& status);
int Position(const absl::Status& status);
std::string Hint(const absl::Status& status);

// Where a request's time went, in microseconds, by the server's account.
struct Latency {
  int64_t queue = 0;
  int64_t lock_wait = 0;
  int64_t paxos = 0;
  int64_t two_pc = 0;
  int64_t commit_wait_hidden = 0;
  int64_t commit_wait_exposed = 0;
};

struct Result {
  std::shared_ptr<const Columns> columns;  // empty for statements without rows
  std::vector<Row> rows;                   // unless a sink took them
  int64_t row_count = 0;                   // rows that DML changed
  std::string tag;                         // "INSERT 0 2"
  std::optional<Timestamp> commit_timestamp;
  std::optional<Timestamp> read_timestamp;
  std::string transaction_id;  // of a transaction that the statement began
  Latency latency;
};

struct CommitInfo {
  Timestamp commit_timestamp;
  Latency latency;
};

class Session {
 public:
  // Takes rows as they come; false ends the statement (CANCELLED).
  using RowSink = std::function<bool(Row)>;

  struct Options {
    std::string database = "projects/isochron/instances/default/databases/isochron";
    int64_t timeout_ms = 60'000;  // of each call
  };

  static std::shared_ptr<grpc::Channel> Connect(const std::string& target);
  // UNAVAILABLE when the server cannot be reached within the timeout.
  static absl::StatusOr<std::unique_ptr<Session>> Open(std::shared_ptr<grpc::Channel> channel,
                                                       Options options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // $1 is params[0]. Without a selector the statement runs in what BEGIN opened on this session, or
  // by itself.
  absl::StatusOr<Result> Execute(const std::string& sql, const std::vector<Value>& params = {},
                                 const google::spanner::v1::TransactionSelector* selector = nullptr,
                                 const RowSink& sink = nullptr);
  // The transaction with its id, and its read timestamp if it is read-only and has one already.
  absl::StatusOr<google::spanner::v1::Transaction> Begin(
      const google::spanner::v1::TransactionOptions& options);
  absl::StatusOr<CommitInfo> Commit(const std::string& transaction_id);
  void Rollback(const std::string& transaction_id);
  absl::Status UpdateDdl(const std::vector<std::string>& statements);

  // Ends the call that is under way, if any. Any thread.
  void Cancel();
  // False once the server has forgotten the session or could not be reached.
  bool usable() const { return usable_; }

 private:
  struct Stubs;
  class Call;

  Session(std::shared_ptr<grpc::Channel> channel, Options options);
  absl::Status ToStatus(const Call& call, const void* grpc_status);

  const Options options_;
  std::unique_ptr<Stubs> stubs_;
  std::string name_;
  bool usable_ = true;
  std::mutex mutex_;  // of current_
  grpc::ClientContext* current_ = nullptr;
};

}  // namespace isochron::client

#endif  // ISOCHRON_CLIENT_SESSION_H_
