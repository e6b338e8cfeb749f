// SPDX-License-Identifier: Apache-2.0

// A user's workload file, run through the SQL layer of the gateways: what `--workload-file` brings.
//
// A change is a transaction of the file, run again while it is aborted (40001). A look is one of
// its invariants as one read: strong, at a timestamp in the past, or bounded. At the end all must
// hold once more. A statement that the database cannot make sense of is a finding: a workload that
// does nothing proves nothing.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sim/workloads/recorder.h"
#include "sim/workloads/sql_file.h"
#include "sim/workloads/sql_steps.h"
#include "sim/workloads/workload.h"

namespace isochron::sim {
namespace {

constexpr int kMaxAttempts = 6;
constexpr double kLookShare = 0.25;

class FileWorkload final : public SqlSteps {
 public:
  FileWorkload(SqlFile file, std::string name) : SqlSteps(std::move(name)), file_(std::move(file)) {
    for (const auto& t : file_.transactions) weights_ += t.weight;
  }

  // Goes on where it stopped, after an error. Something that is there already was done by a try of
  // unknown outcome.
  Task<absl::Status> Setup(Session session) override {
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    while (done_ < file_.setup.size()) {
      auto ran = co_await Execute(&session, sql.get(), file_.setup[done_]);
      const std::string state = ran.ok() ? "" : sql::SqlStateOf(ran.status());
      const bool again = tried_ && (state == sql::sqlstate::kDuplicateTable ||
                                    state == sql::sqlstate::kUniqueViolation);
      tried_ = !ran.ok() && !again;
      if (tried_) {
        if (IsMistake(ran.status())) Report("setup-failed", Told(file_.setup[done_], ran.status()));
        co_return ran.status();
      }
      ++done_;
    }
    auto at = co_await Check(&session, sql.get(), file_.invariants[0], sql::ReadBound());
    if (!at.ok()) co_return at.status();
    opened_ = newest_ = *at;
    co_return absl::OkStatus();
  }

  Task<void> Step(Session session) override {
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    if (session.random.OneIn(kLookShare)) {
      const auto& invariant = file_.invariants[session.random.Below(file_.invariants.size())];
      Recorded op(&session, name() + " invariant " + invariant.name);
      auto at = co_await Check(&session, sql.get(), invariant, DrawBound(&session.random));
      op.End(at.status());
    } else {
      co_await Change(&session, sql.get());
    }
  }

  Task<absl::Status> End(Session session) override {
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    for (const auto& invariant : file_.invariants) {
      auto at = co_await Check(&session, sql.get(), invariant, sql::ReadBound());
      if (!at.ok()) co_return at.status();
    }
    co_return absl::OkStatus();
  }

 private:
  const SqlFile::Transaction& Draw(Random* random) const {
    int64_t at = random->Between(1, weights_);
    for (const auto& t : file_.transactions) {
      if ((at -= t.weight) <= 0) return t;
    }
    return file_.transactions.back();
  }

  sql::ReadBound DrawBound(Random* random) const {
    sql::ReadBound bound;
    const double how = random->NextDouble();
    if (how < 0.5) return bound;
    bound.kind =
        how < 0.8 ? sql::ReadBound::Kind::kReadTimestamp : sql::ReadBound::Kind::kMinReadTimestamp;
    bound.value_us = std::max(opened_, newest_ - random->Between(0, 2'000'000)).us;
    return bound;
  }

  Task<void> Change(Session* session, sql::Session* sql) {
    const SqlFile::Transaction& transaction = Draw(&session->random);
    const std::vector<std::string> statements = DrawStatements(transaction, &session->random);
    std::shared_ptr<sql::SqlTransaction> previous;
    for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
      Recorded op(session, name() + " " + transaction.name);
      sql::TransactionOptions options;
      options.previous = previous;
      auto t = sql->Begin(session->NewContext(), options);
      absl::Status status = t.status();
      for (const std::string& statement : statements) {
        if (!status.ok()) break;
        sql::CollectingSink sink;
        status = (co_await (*t)->Execute(session->NewContext(), statement, {}, &sink)).status();
        if (IsMistake(status)) Report("statement-failed", Told(statement, status));
      }
      if (status.ok()) {
        auto committed = co_await (*t)->Commit(session->NewContext());
        status = committed.status();
        if (status.ok()) newest_ = std::max(newest_, committed->commit_timestamp);
      } else if (t.ok()) {
        (*t)->Rollback();
      }
      op.End(status);
      if (status.code() != absl::StatusCode::kAborted || !t.ok()) co_return;
      previous = *t;
    }
  }

  // The timestamp it was read at.
  Task<absl::StatusOr<Timestamp>> Check(Session* session, sql::Session* sql,
                                        const SqlFile::Invariant& invariant, sql::ReadBound bound) {
    sql::CollectingSink sink;
    auto ran =
        co_await sql->ExecuteReadOnly(session->NewContext(), invariant.query, {}, bound, &sink);
    if (!ran.ok()) {
      if (IsMistake(ran.status())) {
        Report("statement-failed", Told(invariant.query, ran.status()));
      }
      co_return ran.status();
    }
    const Timestamp at = ran->read_timestamp.value_or(Timestamp());
    const std::string rows = sink.statements.empty() ? "" : Render(sink.statements.back());
    if (rows != "true") {
      Report("invariant-broken", absl::StrCat("\"", invariant.name, "\" at ", at.us, ": its query ",
                                              "gave ", rows.empty() ? "no row" : rows));
    }
    newest_ = std::max(newest_, at);
    co_return at;
  }

  const SqlFile file_;
  int64_t weights_ = 0;
  size_t done_ = 0;     // statements of the setup
  bool tried_ = false;  // the next one, with an error
  Timestamp opened_, newest_;
};

}  // namespace

std::unique_ptr<Workload> NewSqlFileWorkload(const std::string& text) {
  auto file = ParseSqlFile(text);
  if (!file.ok()) return nullptr;
  return std::make_unique<FileWorkload>(*std::move(file), "file");
}

}  // namespace isochron::sim
