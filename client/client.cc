// SPDX-License-Identifier: Apache-2.0
#include "client/client.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "common/causal_token.h"
#include "common/status_macros.h"

namespace isochron::client {
namespace {

namespace v1 = google::spanner::v1;

std::chrono::steady_clock::time_point Now() {
  return std::chrono::steady_clock::now();  // lint: allow(clock): a program's retry deadline
}

void Add(const Latency& from, Latency* to) {
  to->queue += from.queue;
  to->lock_wait += from.lock_wait;
  to->paxos += from.paxos;
  to->two_pc += from.two_pc;
  to->commit_wait_hidden += from.commit_wait_hidden;
  to->commit_wait_exposed += from.commit_wait_exposed;
}

}  // namespace

// ---- transactions ----

absl::StatusOr<Result> Transaction::Execute(const std::string& sql,
                                            const std::vector<Value>& params) {
  v1::TransactionSelector selector;
  if (id_.empty()) {
    auto* read_write = selector.mutable_begin()->mutable_read_write();
    if (!previous_.empty()) {
      read_write->set_multiplexed_session_previous_transaction_id(previous_);
    }
  } else {
    selector.set_id(id_);
  }
  absl::StatusOr<Result> result = session_->Execute(sql, params, &selector);
  if (!result.ok()) return result;
  if (id_.empty()) id_ = result->transaction_id;
  Add(result->latency, &latency_);
  return result;
}

Snapshot::~Snapshot() {
  if (session_ == nullptr) return;
  if (!id_.empty() && session_->usable()) session_->Rollback(id_);
  client_->GiveBack(std::move(session_));
}

absl::StatusOr<Result> Snapshot::Execute(const std::string& sql, const std::vector<Value>& params) {
  v1::TransactionSelector selector;
  if (id_.empty()) {
    *selector.mutable_begin() = options_;
  } else {
    selector.set_id(id_);
  }
  absl::StatusOr<Result> result = session_->Execute(sql, params, &selector);
  if (!result.ok()) return result;
  if (id_.empty()) id_ = result->transaction_id;
  if (result->read_timestamp.has_value()) timestamp_ = *result->read_timestamp;
  client_->See(result->read_timestamp);
  return result;
}

// ---- the client ----

Client::Client(std::vector<std::string> targets, Options options)
    : targets_(std::move(targets)), options_(std::move(options)), random_(options_.seed) {
  channels_.resize(targets_.size());
}

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(std::vector<std::string> targets,
                                                        Options options) {
  if (targets.empty()) return absl::InvalidArgumentError("no target was given");
  auto client = std::unique_ptr<Client>(new Client(std::move(targets), std::move(options)));
  ISO_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, client->Take());
  client->GiveBack(std::move(session));
  return client;
}

absl::StatusOr<std::unique_ptr<Session>> Client::Take() {
  absl::Status failed;
  for (size_t tries = 0; tries < targets_.size(); ++tries) {
    std::shared_ptr<grpc::Channel> channel;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!pool_.empty()) {
        std::unique_ptr<Session> session = std::move(pool_.back());
        pool_.pop_back();
        return session;
      }
      const size_t target = next_target_++ % targets_.size();
      if (channels_[target] == nullptr) channels_[target] = Session::Connect(targets_[target]);
      channel = channels_[target];
    }
    absl::StatusOr<std::unique_ptr<Session>> session =
        Session::Open(std::move(channel), options_.session);
    if (session.ok()) return session;
    failed = session.status();
    if (!absl::IsUnavailable(failed)) return failed;
  }
  return failed;
}

void Client::GiveBack(std::unique_ptr<Session> session) {
  if (!session->usable()) return;
  std::lock_guard<std::mutex> lock(mutex_);
  pool_.push_back(std::move(session));
}

absl::StatusOr<Result> Client::Execute(const std::string& sql, const std::vector<Value>& params) {
  ISO_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, Take());
  absl::StatusOr<Result> result = session->Execute(sql, params);
  GiveBack(std::move(session));
  if (result.ok()) {
    See(result->commit_timestamp);
    See(result->read_timestamp);
  }
  return result;
}

absl::StatusOr<Result> Client::ReadOnce(const v1::TransactionOptions::ReadOnly& bound,
                                        const std::string& sql, const std::vector<Value>& params) {
  v1::TransactionSelector selector;
  *selector.mutable_single_use()->mutable_read_only() = bound;
  ISO_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, Take());
  absl::StatusOr<Result> result = session->Execute(sql, params, &selector);
  GiveBack(std::move(session));
  if (result.ok()) See(result->read_timestamp);
  return result;
}

void Client::Pause(int tries) {
  int64_t ms = 0;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ms = random_.Between(1, int64_t{4} << std::min(tries, 6));
  }
  std::this_thread::sleep_for(  // lint: allow(sleep): the caller's own thread, between tries
      std::chrono::milliseconds(ms));
}

absl::Status Client::Attempt(const std::function<absl::Status(Transaction&)>& body,
                             Session* session, std::string* previous, CommitInfo* info) {
  Transaction txn(session, *previous);
  absl::Status status = body(txn);
  if (!txn.id_.empty()) *previous = txn.id_;
  if (!status.ok()) {
    if (!txn.id_.empty() && session->usable()) session->Rollback(txn.id_);
    return status;
  }
  if (txn.id_.empty()) return absl::OkStatus();  // no statement was run
  absl::StatusOr<CommitInfo> committed = session->Commit(txn.id_);
  if (!committed.ok()) return committed.status();
  *info = *committed;
  Add(txn.latency_, &info->latency);
  return absl::OkStatus();
}

absl::StatusOr<CommitInfo> Client::ReadWrite(const std::function<absl::Status(Transaction&)>& body,
                                             int64_t* aborts) {
  const auto until = Now() + std::chrono::milliseconds(options_.retry_ms);
  std::string previous;
  std::unique_ptr<Session> session;  // kept over the attempts: the age is known to it alone
  for (int tries = 0;; ++tries) {
    CommitInfo info;
    absl::Status status;
    if (session == nullptr || !session->usable()) {
      previous.clear();
      absl::StatusOr<std::unique_ptr<Session>> taken = Take();
      status = taken.status();
      if (taken.ok()) session = *std::move(taken);
    }
    if (status.ok()) status = Attempt(body, session.get(), &previous, &info);
    // UNAVAILABLE: nothing took effect either; a commit whose answer was lost is UNKNOWN.
    const bool aborted = absl::IsAborted(status);
    if ((aborted || absl::IsUnavailable(status)) && Now() < until) {
      if (aborted && aborts != nullptr) ++*aborts;
      Pause(tries);
      continue;
    }
    if (session != nullptr) GiveBack(std::move(session));
    if (!status.ok()) return status;
    See(info.commit_timestamp);
    return info;
  }
}

absl::StatusOr<Snapshot> Client::StrongSnapshot() {
  ISO_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, Take());
  v1::TransactionOptions options;
  options.mutable_read_only()->set_strong(true);
  options.mutable_read_only()->set_return_read_timestamp(true);
  return Snapshot(this, std::move(session), std::move(options));
}

void Client::See(const std::optional<Timestamp>& t) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (t.has_value() && *t > seen_) seen_ = *t;
}

std::string Client::CausalToken() {
  std::lock_guard<std::mutex> lock(mutex_);
  return seen_ == Timestamp() ? "" : EncodeCausalToken(seen_);
}

absl::StatusOr<Result> Client::ReadAfter(const std::string& token, const std::string& sql,
                                         const std::vector<Value>& params) {
  if (!token.empty()) {
    ISO_ASSIGN_OR_RETURN(const Timestamp t, DecodeCausalToken(token));
    See(t);
  }
  Timestamp seen;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    seen = seen_;
  }
  v1::TransactionOptions::ReadOnly bound;
  if (seen == Timestamp()) {
    bound.set_strong(true);
  } else {
    bound.mutable_min_read_timestamp()->set_seconds(seen.us / 1'000'000);
    bound.mutable_min_read_timestamp()->set_nanos(static_cast<int32_t>(seen.us % 1'000'000) * 1000);
  }
  bound.set_return_read_timestamp(true);
  return ReadOnce(bound, sql, params);
}

absl::StatusOr<Snapshot> Client::SnapshotAgo(int64_t staleness_us) {
  ISO_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, Take());
  v1::TransactionOptions options;
  auto* ago = options.mutable_read_only()->mutable_exact_staleness();
  ago->set_seconds(staleness_us / 1'000'000);
  ago->set_nanos(static_cast<int32_t>(staleness_us % 1'000'000) * 1000);
  options.mutable_read_only()->set_return_read_timestamp(true);
  return Snapshot(this, std::move(session), std::move(options));
}

absl::StatusOr<Snapshot> Client::SnapshotAt(Timestamp t) {
  ISO_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, Take());
  v1::TransactionOptions options;
  auto* at = options.mutable_read_only()->mutable_read_timestamp();
  at->set_seconds(t.us / 1'000'000);
  at->set_nanos(static_cast<int32_t>(t.us % 1'000'000) * 1000);
  options.mutable_read_only()->set_return_read_timestamp(true);
  return Snapshot(this, std::move(session), std::move(options));
}

absl::Status Client::UpdateDdl(const std::vector<std::string>& statements) {
  ISO_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, Take());
  const absl::Status status = session->UpdateDdl(statements);
  GiveBack(std::move(session));
  return status;
}

}  // namespace isochron::client
