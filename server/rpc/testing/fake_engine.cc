// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/testing/fake_engine.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "sql/types/error.h"

namespace isochron::rpc {
namespace {

using absl::StatusOr;
using sql::Datum;
using sql::StatementResult;
using sql::Type;

constexpr Timestamp kCommitTime(1'700'000'000'123'456);
constexpr Timestamp kReadTime(1'700'000'000'000'001);

Task<StatusOr<StatementResult>> Rows(FakeCounters* counters, std::vector<std::string> words,
                                     sql::ResultSink* sink) {
  int64_t n = 0, size = 0;
  if (words.size() != 3 || !absl::SimpleAtoi(words[1], &n) || !absl::SimpleAtoi(words[2], &size)) {
    co_return absl::InvalidArgumentError("ROWS n size");
  }
  sink->OnColumns({{"n", Type::kInt8}, {"pad", Type::kText}});
  for (int64_t i = 0; i < n; ++i) {
    std::vector<sql::Row> rows;
    rows.push_back({Datum::Int(i), Datum::String(std::string(static_cast<size_t>(size), 'x'))});
    const bool more = co_await sink->OnRows(std::move(rows));
    if (!more) co_return absl::CancelledError("the client has gone");
    ++counters->rows;
  }
  StatementResult result;
  result.tag = "SELECT " + words[1];
  result.returns_rows = true;
  result.rows = n;
  result.read_timestamp = kReadTime;
  sink->OnComplete(result);
  co_return result;
}

Task<StatusOr<StatementResult>> Wait(FakeCounters* counters, Executor* executor, Ctx ctx) {
  OneShot<bool> over(executor);
  const uint64_t id = ctx->OnCancel([over]() mutable { over.Set(true); });
  auto timer = executor->PostAfter(ctx->deadline_us() - executor->MonotonicNow(),
                                   [over]() mutable { over.Set(false); });
  ++counters->waiting;
  const bool cancelled = co_await over;
  --counters->waiting;
  ctx->RemoveOnCancel(id);
  executor->Cancel(timer);
  if (cancelled) ++counters->cancelled;
  co_return ctx->Check(executor->MonotonicNow());
}

Task<StatusOr<StatementResult>> Run(FakeCounters* counters, Executor* executor, Ctx ctx,
                                    std::string sql, sql::Params params, sql::ResultSink* sink) {
  ++counters->statements;
  const std::vector<std::string> words = absl::StrSplit(sql, ' ');
  if (words[0] == "ROWS") co_return co_await Rows(counters, words, sink);
  if (words[0] == "WAIT") co_return co_await Wait(counters, executor, std::move(ctx));
  if (words[0] == "FAIL") {
    co_return sql::SqlError(sql::sqlstate::kSyntaxError, "syntax error at or near \"FAIL\"", 0,
                            "write 100% SQL");
  }
  if (words[0] == "ABORT") {
    co_return sql::SqlError(sql::sqlstate::kSerializationFailure, "wounded");
  }
  StatementResult result;
  if (words[0] == "ECHO") {
    std::vector<sql::ColumnInfo> columns;
    std::vector<sql::Row> rows(1);
    for (sql::TypedDatum& p : params) {
      columns.push_back({"c", p.type});
      rows[0].push_back(std::move(p.value));
    }
    sink->OnColumns(columns);
    const bool more = co_await sink->OnRows(std::move(rows));
    if (!more) co_return absl::CancelledError("refused");
    result.returns_rows = true;
    result.rows = 1;
    result.tag = "SELECT 1";
    co_return result;
  }
  result.tag = words[0];
  if (words[0] != "SET") {
    result.is_dml = true;
    result.rows = 1;
    result.tag = "INSERT 0 1";
    result.commit_timestamp = kCommitTime;
    result.latency.paxos_us = 7;
  }
  sink->OnComplete(result);
  co_return result;
}

class FakeTransaction final : public sql::SqlTransaction {
 public:
  FakeTransaction(FakeCounters* counters, Executor* executor, bool read_only)
      : counters_(counters), executor_(executor), read_only_(read_only) {
    ++counters_->begun;
  }
  State state() const override { return State::kOpen; }
  bool read_only() const override { return read_only_; }
  Timestamp read_timestamp() const override { return read_only_ ? kReadTime : Timestamp(); }
  Task<StatusOr<StatementResult>> Execute(Ctx ctx, std::string sql, sql::Params params,
                                          sql::ResultSink* sink) override {
    return Run(counters_, executor_, std::move(ctx), std::move(sql), std::move(params), sink);
  }
  Task<StatusOr<txn::CommitResult>> Commit(Ctx) override {
    ++counters_->committed;
    txn::CommitResult result;
    result.commit_timestamp = kCommitTime;
    result.groups = 2;
    co_return result;
  }
  void Rollback() override { ++counters_->rolled_back; }

 private:
  FakeCounters* const counters_;
  Executor* const executor_;
  const bool read_only_;
};

class FakeSession final : public sql::Session {
 public:
  FakeSession(FakeCounters* counters, Executor* executor)
      : counters_(counters), executor_(executor) {
    ++counters_->sessions;
  }
  Task<StatusOr<StatementResult>> Execute(Ctx ctx, std::string sql, sql::Params params,
                                          sql::ResultSink* sink) override {
    if (sql == "BEGIN") status_ = 'T';
    if (sql == "COMMIT") status_ = 'I';
    return Run(counters_, executor_, std::move(ctx), std::move(sql), std::move(params), sink);
  }
  Task<StatusOr<StatementResult>> ExecuteString(Ctx ctx, std::string sql,
                                                sql::ResultSink* sink) override {
    return Execute(std::move(ctx), std::move(sql), {}, sink);
  }
  absl::Status BeginImplicit(Ctx) override { return absl::OkStatus(); }
  Task<absl::Status> EndImplicit(Ctx) override { co_return absl::OkStatus(); }
  void FailTransaction() override {}
  bool in_transaction() const override { return status_ != 'I'; }
  Task<StatusOr<StatementResult>> ExecuteReadOnly(Ctx ctx, std::string sql, sql::Params params,
                                                  sql::ReadBound, sql::ResultSink* sink) override {
    return Run(counters_, executor_, std::move(ctx), std::move(sql), std::move(params), sink);
  }
  Task<StatusOr<sql::StatementDescription>> Describe(Ctx, std::string, std::vector<Type>) override {
    sql::StatementDescription description;
    description.params = {Type::kInt8};
    description.columns = {{"n", Type::kInt8}};
    co_return description;
  }
  StatusOr<std::shared_ptr<sql::SqlTransaction>> Begin(Ctx,
                                                       sql::TransactionOptions options) override {
    return std::make_shared<FakeTransaction>(counters_, executor_, options.read_only);
  }
  char transaction_status() const override { return status_; }
  uint64_t id() const override { return 1; }
  std::optional<std::string> Setting(const std::string&) const override { return std::nullopt; }

 private:
  FakeCounters* const counters_;
  Executor* const executor_;
  char status_ = 'I';
};

}  // namespace

std::unique_ptr<sql::Session> FakeEngine::NewSession() {
  return std::make_unique<FakeSession>(&counters, executor_);
}

}  // namespace isochron::rpc
