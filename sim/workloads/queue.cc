// SPDX-License-Identifier: Apache-2.0

// A queue of jobs in a table, as people build them: workers at all gateways take jobs by FOR UPDATE
// SKIP LOCKED, alone or a few at a time, in one statement or in a transaction, while others add
// jobs, hold rows, and ask for them with NOWAIT. Every job is done once: none twice, and none that
// a worker was told it had done is undone.

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sim/workloads/sql_steps.h"
#include "sql/types/error.h"

namespace isochron::sim {
namespace {

constexpr int64_t kFirstJobs = 40;
constexpr int64_t kWindow = 60;  // of the newest jobs, among which workers look

class Queue final : public SqlSteps {
 public:
  explicit Queue(Random /*random*/) : SqlSteps("queue") {}

  Task<absl::Status> Setup(Session session) override {
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    auto made = co_await Execute(
        &session, sql.get(),
        "CREATE TABLE IF NOT EXISTS jobs (id bigint PRIMARY KEY, done bigint NOT NULL)");
    if (!made.ok()) co_return made.status();
    made = co_await Execute(&session, sql.get(),
                            absl::StrCat("INSERT INTO jobs SELECT i, 0 FROM generate_series(1, ",
                                         kFirstJobs, ") i ON CONFLICT (id) DO NOTHING"));
    co_return made.status();
  }

  Task<void> Step(Session session) override {
    const uint64_t what = session.random.Below(10);
    if (what < 2) {
      co_await Add(std::move(session));
    } else if (what < 5) {
      co_await WorkInOne(std::move(session));
    } else if (what < 9) {
      co_await WorkInMany(std::move(session));
    } else {
      co_await Peek(std::move(session));
    }
  }

  Task<absl::Status> End(Session session) override {
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    sql::CollectingSink sink;
    auto ran = co_await sql->Execute(session.NewContext(),
                                     "SELECT id, done FROM jobs WHERE done <> 0", {}, &sink);
    if (!ran.ok()) co_return ran.status();
    std::set<int64_t> found;
    for (const sql::Row& row : sink.statements.back().rows) {
      found.insert(row[0].int_value());
      if (row[1].int_value() == 1) continue;
      Report("job-done-twice",
             absl::StrCat("job ", row[0].int_value(), " was done ", row[1].int_value(), " times"));
    }
    for (const int64_t id : done_) {
      if (!found.contains(id)) Report("job-undone", absl::StrCat("job ", id, " is not done"));
    }
    co_return absl::OkStatus();
  }

 private:
  void Done(int64_t id) {
    if (!done_.insert(id).second) {
      Report("job-done-twice", absl::StrCat("two workers were told that they did job ", id));
    }
  }
  void Look(const std::string& statement, const absl::Status& status) {
    if (IsMistake(status)) Report("queue-mistake", Told(statement, status));
  }

  Task<void> Add(Session session) {
    next_ += 3;
    const std::string statement = absl::StrCat("INSERT INTO jobs SELECT i, 0 FROM generate_series(",
                                               next_ - 2, ", ", next_, ") i");
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    Recorded op(&session, "queue " + statement);
    auto ran = co_await Execute(&session, sql.get(), statement);
    op.End(ran.status());
    Look(statement, ran.status());
  }

  Task<void> WorkInOne(Session session) {
    const std::string statement = absl::StrCat(
        "UPDATE jobs SET done = done + 1 WHERE id = (SELECT id FROM jobs WHERE id > ",
        next_ - kWindow, " AND done = 0 ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1) RETURNING id");
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    Recorded op(&session, "queue " + statement);
    sql::CollectingSink sink;
    auto ran = co_await sql->Execute(session.NewContext(), statement, {}, &sink);
    op.End(ran.status());
    Look(statement, ran.status());
    if (!ran.ok()) co_return;
    for (const sql::Row& row : sink.statements.back().rows) Done(row[0].int_value());
  }

  Task<void> WorkInMany(Session session) {
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    const std::string take = absl::StrCat("BEGIN; SELECT id FROM jobs WHERE id > ", next_ - kWindow,
                                          " AND done = 0 ORDER BY id LIMIT ",
                                          session.random.Between(1, 3), " FOR UPDATE SKIP LOCKED");
    Recorded op(&session, "queue " + take);
    sql::CollectingSink sink;
    auto ran = co_await sql->Execute(session.NewContext(), take, {}, &sink);
    Look(take, ran.status());
    std::vector<int64_t> ids;
    if (ran.ok()) {
      for (const sql::Row& row : sink.statements.back().rows) ids.push_back(row[0].int_value());
      co_await SleepFor(session.executor, session.random.Between(0, 30'000));
      const std::string work =
          absl::StrCat("UPDATE jobs SET done = done + 1 WHERE id IN (",
                       ids.empty() ? "0" : absl::StrJoin(ids, ", "), "); COMMIT");
      ran = co_await Execute(&session, sql.get(), work);
      Look(work, ran.status());
    }
    op.End(ran.status());
    if (!ran.ok() || ran->tag != "COMMIT") co_return;
    for (const int64_t id : ids) Done(id);
  }

  // Rows that are held, and then not done.
  Task<void> Peek(Session session) {
    std::unique_ptr<sql::Session> sql = session.sql->NewSession();
    const std::string statement = absl::StrCat(
        "BEGIN; SELECT id FROM jobs WHERE id = ", session.random.Between(next_ - kFirstJobs, next_),
        " FOR UPDATE NOWAIT");
    Recorded op(&session, "queue " + statement);
    auto ran = co_await Execute(&session, sql.get(), statement);
    op.End(ran.status());
    Look(statement, ran.status());
    co_await SleepFor(session.executor, session.random.Between(0, 50'000));
    (void)co_await Execute(&session, sql.get(), "ROLLBACK");
  }

  int64_t next_ = kFirstJobs;
  std::set<int64_t> done_;
};

}  // namespace

std::unique_ptr<Workload> NewQueue(Random random) { return std::make_unique<Queue>(random); }

}  // namespace isochron::sim
