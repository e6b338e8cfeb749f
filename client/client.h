// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_CLIENT_CLIENT_H_
#define ISOCHRON_CLIENT_CLIENT_H_

// The C++ SDK over the google.spanner.v1 API (worked example: client/examples/transfer.cc).
//
//   auto client = Client::Connect({"localhost:9010"}, {});
//   client->Execute("INSERT INTO t VALUES ($1, $2)", {1, "one"});
//   client->ReadWrite([&](Transaction& txn) -> absl::Status {
//     ISO_ASSIGN_OR_RETURN(Result r, txn.Execute("SELECT ...", {1}));
//     ...                              // an error returned rolls back; ABORTED runs it all again
//     return absl::OkStatus();         // commits
//   });
//   auto snapshot = client->StrongSnapshot();
//   snapshot->Execute("SELECT sum(balance) FROM accounts");  // any number, at one timestamp
//   snapshot->read_timestamp();
//
// Sessions are pooled, and spread over the targets; a server that cannot be reached is passed over
// for the next. A Client may be used from many threads; a Transaction or Snapshot from one at a
// time, and not beyond the Client.
//
// UNKNOWN from ReadWrite or Execute of DML: it may have been committed; nothing is run again then.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/session.h"
#include "client/value.h"
#include "common/random.h"

namespace isochron::client {

class Client;

// Statements of one attempt of Client::ReadWrite.
class Transaction {
 public:
  // INVALID_ARGUMENT, ... as the server says. ABORTED: return it, and the whole is run again.
  absl::StatusOr<Result> Execute(const std::string& sql, const std::vector<Value>& params = {});

 private:
  friend class Client;
  Transaction(Session* session, std::string previous)
      : session_(session), previous_(std::move(previous)) {}

  Session* const session_;
  const std::string previous_;  // the aborted attempt, whose age this one keeps
  std::string id_;              // empty until the first statement began it
  Latency latency_;
};

// Reads at one timestamp, without locks.
class Snapshot {
 public:
  Snapshot(Snapshot&&) = default;
  ~Snapshot();
  absl::StatusOr<Result> Execute(const std::string& sql, const std::vector<Value>& params = {});
  // 0 before the first statement of a strong snapshot.
  Timestamp read_timestamp() const { return timestamp_; }

 private:
  friend class Client;
  Snapshot(Client* client, std::unique_ptr<Session> session,
           google::spanner::v1::TransactionOptions options)
      : client_(client), session_(std::move(session)), options_(std::move(options)) {}

  Client* client_;
  std::unique_ptr<Session> session_;
  google::spanner::v1::TransactionOptions options_;
  std::string id_;
  Timestamp timestamp_;
};

class Client {
 public:
  struct Options {
    Session::Options session;
    int64_t retry_ms = 60'000;  // how long ReadWrite tries while it is aborted or unavailable
    uint64_t seed = 1;          // of the pauses between tries
  };

  // `targets` are HOST:PORT. UNAVAILABLE when none of them answers.
  static absl::StatusOr<std::unique_ptr<Client>> Connect(std::vector<std::string> targets,
                                                         Options options);

  // One statement by itself; aborts are retried by the server.
  absl::StatusOr<Result> Execute(const std::string& sql, const std::vector<Value>& params = {});
  // One query by itself at a timestamp bound (single use): no lock, no transaction to end.
  absl::StatusOr<Result> ReadOnce(const google::spanner::v1::TransactionOptions::ReadOnly& bound,
                                  const std::string& sql, const std::vector<Value>& params = {});
  // Runs `body` in a transaction and commits, anew while it is ABORTED, and elsewhere while it is
  // UNAVAILABLE before the commit. Any other error rolls back and is returned. `aborts`, if given,
  // counts the attempts that were aborted.
  absl::StatusOr<CommitInfo> ReadWrite(const std::function<absl::Status(Transaction&)>& body,
                                       int64_t* aborts = nullptr);
  // Sees every transaction acknowledged before.
  absl::StatusOr<Snapshot> StrongSnapshot();
  // As of a timestamp.
  absl::StatusOr<Snapshot> SnapshotAt(Timestamp t);
  // Exactly so long ago.
  absl::StatusOr<Snapshot> SnapshotAgo(int64_t staleness_us);
  // Stands for all that this client has seen and written; "" before that. Another client, at
  // another gateway, gives it to ReadAfter.
  std::string CausalToken();
  // One read at the nearest replica that sees at least what `token` stands for, and everything that
  // this client has seen. INVALID_ARGUMENT for what is no token.
  absl::StatusOr<Result> ReadAfter(const std::string& token, const std::string& sql,
                                   const std::vector<Value>& params = {});
  absl::Status UpdateDdl(const std::vector<std::string>& statements);

 private:
  friend class Snapshot;
  Client(std::vector<std::string> targets, Options options);

  // A pooled session, or a new one on a target that answers.
  absl::StatusOr<std::unique_ptr<Session>> Take();
  void GiveBack(std::unique_ptr<Session> session);
  absl::Status Attempt(const std::function<absl::Status(Transaction&)>& body, Session* session,
                       std::string* previous, CommitInfo* info);
  void Pause(int tries);
  void See(const std::optional<Timestamp>& t);

  const std::vector<std::string> targets_;
  const Options options_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::vector<std::unique_ptr<Session>> pool_;
  size_t next_target_ = 0;
  Timestamp seen_;
  Random random_;
};

}  // namespace isochron::client

#endif  // ISOCHRON_CLIENT_CLIENT_H_
