// SPDX-License-Identifier: Apache-2.0
//
// Many sessions at once over a store that aborts, and statements that nobody would write.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/random.h"
#include "sql/session/session.h"
#include "sql/testing/fake_universe.h"

namespace isochron::sql {
namespace {

class StressTest : public ::testing::Test {
 protected:
  StressTest()
      : engine_(Engine::Create({&u_.store, &u_.executor, &u_.truetime, nullptr}, EngineOptions())) {
  }

  Task<std::string> Run(Session* session, std::string sql, Params params = {}) {
    CollectingSink sink;
    auto r = co_await session->Execute(u_.NewContext(), std::move(sql), std::move(params), &sink);
    if (!r.ok()) co_return SqlStateOf(r.status());
    std::string out;
    for (const auto& s : sink.statements) {
      for (const Row& row : s.rows) {
        for (size_t i = 0; i < row.size(); ++i) out += DatumToText(s.columns[i].type, row[i]) + " ";
      }
    }
    co_return out;
  }
  static TypedDatum Int(int64_t v) { return {Type::kInt8, Datum::Int(v)}; }

  // Moves money between two accounts after looking at the first, as clients do.
  Task<void> Transfers(int count, uint64_t seed) {
    Random random(seed);
    auto session = engine_->NewSession();
    for (int i = 0; i < count; ++i) {
      const int64_t from = random.Between(1, 5), to = random.Between(1, 5);
      if (random.OneIn(0.1)) u_.store.abort_reads = 1;
      if (random.OneIn(0.1)) u_.store.abort_commits = 1;
      if (random.OneIn(0.5)) {
        (void)co_await Run(session.get(), "UPDATE bank SET n = n WHERE id = $1", {Int(from)});
      }
      std::string state = co_await Run(session.get(), "BEGIN");
      (void)co_await Run(session.get(), "UPDATE bank SET n = n - 1 WHERE id = $1", {Int(from)});
      co_await SleepFor(&u_.executor, random.Between(0, 3000));
      if (random.OneIn(0.3)) {
        (void)co_await Run(session.get(), "SELECT n FROM bank WHERE id = $1", {Int(to)});
      }
      (void)co_await Run(session.get(), "UPDATE bank SET n = n + 1 WHERE id = $1", {Int(to)});
      if (random.OneIn(0.1)) {
        (void)co_await Run(session.get(), "ROLLBACK");
        continue;
      }
      state = co_await Run(session.get(), "COMMIT");
      EXPECT_TRUE(state.empty() || state == "40001") << state;
      (state.empty() ? committed_ : failed_)++;
    }
    ++finished_;
  }

  Task<void> Audits(int count) {
    auto session = engine_->NewSession();
    for (int i = 0; i < count; ++i) {
      EXPECT_EQ(co_await Run(session.get(), "SELECT sum(n), count(*) FROM bank"), "500 5 ");
      co_await SleepFor(&u_.executor, 1000);
    }
    ++finished_;
  }

  testing::FakeUniverse u_;
  std::unique_ptr<Engine> engine_;
  int committed_ = 0, failed_ = 0, finished_ = 0;
};

TEST_F(StressTest, TheSumNeverChanges) {
  auto session = engine_->NewSession();
  u_.Run(Run(session.get(),
             "CREATE TABLE bank (id bigint PRIMARY KEY, n bigint NOT NULL); INSERT INTO bank "
             "VALUES (1, 100), (2, 100), (3, 100), (4, 100), (5, 100)"));
  TaskScope scope;
  for (uint64_t i = 0; i < 6; ++i) scope.Spawn(Transfers(40, i));
  scope.Spawn(Audits(200));
  while (finished_ < 7) ASSERT_TRUE(u_.executor.Step());
  EXPECT_EQ(u_.Run(Run(session.get(), "SELECT sum(n) FROM bank")), "500 ");
  EXPECT_GT(committed_, 100);
  EXPECT_GT(failed_, 0);
  EXPECT_GT(u_.store.counts.retries, 100);
}

TEST_F(StressTest, OddStatementsGetAnswers) {
  auto session = engine_->NewSession();
  u_.Run(
      Run(session.get(),
          "CREATE TABLE t (a bigint, b text, c double precision, d boolean, e timestamptz, f "
          "bytea, PRIMARY KEY (a, b)); INSERT INTO t VALUES (1, 'x', 1.5, true, now(), '\\x00'), "
          "(2, '', NULL, NULL, NULL, NULL)"));
  const std::vector<std::string> atoms = {"a",
                                          "b",
                                          "c",
                                          "d",
                                          "e",
                                          "f",
                                          "1",
                                          "0",
                                          "-1",
                                          "'x'",
                                          "'1'",
                                          "NULL",
                                          "true",
                                          "2.5",
                                          "now()",
                                          "$1",
                                          "$2",
                                          "t.a",
                                          "'\\x01'::bytea",
                                          "9223372036854775807"};
  const std::vector<std::string> joins = {" + ",  " - ",  " * ",   " / ",  " % ",    " = ",  " < ",
                                          " >= ", " || ", " AND ", " OR ", " LIKE ", " <> ", "^"};
  const std::vector<std::string> wraps = {"abs(%)",
                                          "length(%)",
                                          "(%)::text",
                                          "(%)::bigint",
                                          "(%)::boolean",
                                          "(%)::timestamptz",
                                          "NOT (%)",
                                          "(%) IS NULL",
                                          "-(%)",
                                          "COALESCE(%, a)",
                                          "sum(%)",
                                          "count(DISTINCT %)",
                                          "CASE WHEN % THEN 1 ELSE a END",
                                          "(%) IN (1, 2)",
                                          "(%) BETWEEN 0 AND 2",
                                          "max(%)",
                                          "substr(b, %)",
                                          "GREATEST(%, 1)",
                                          "date_trunc('day', %)",
                                          "concat(%, a)",
                                          "NULLIF(%, b)"};
  Random random(11);
  auto pick = [&](const std::vector<std::string>& of) { return of[random.Below(of.size())]; };
  auto expr = [&] {
    std::string e = pick(atoms);
    for (uint64_t k = random.OneIn(0.6) ? 0 : random.Below(4); k > 0; --k) {
      if (random.OneIn(0.5)) {
        e = absl::StrCat(e, pick(joins), pick(atoms));
      } else {
        std::string w = pick(wraps);
        w.replace(w.find('%'), 1, e);
        e = w;
      }
    }
    return e;
  };
  int good = 0;
  for (int i = 0; i < 4000; ++i) {
    std::string sql;
    switch (random.Below(6)) {
      case 0:
        sql = absl::StrCat("SELECT ", expr(), " FROM t GROUP BY ", expr());
        break;
      case 1:
        sql = absl::StrCat("UPDATE t SET ", random.OneIn(0.5) ? "c = " : "b = ", expr(), " WHERE ",
                           expr(), " RETURNING *");
        break;
      case 2:
        sql = absl::StrCat("INSERT INTO t VALUES (", expr(), ", ", expr(),
                           ") ON CONFLICT (a, b) DO UPDATE SET c = ", expr());
        break;
      case 3:
        sql = absl::StrCat("SELECT x.a, ", expr(), " FROM t JOIN t AS x ON ", expr(), " ORDER BY ",
                           expr(), " LIMIT 5");
        break;
      default:
        sql = absl::StrCat("SELECT ", expr(), ", ", expr(), " FROM t WHERE ", expr(),
                           random.OneIn(0.3) ? " ORDER BY 1 DESC LIMIT 3" : "");
    }
    const std::string out =
        u_.Run(Run(session.get(), sql, {Int(3), {Type::kUnknown, Datum::String("4")}}));
    // Whatever is wrong with it is the statement's fault, never the server's.
    EXPECT_NE(out, "XX000") << sql;
    EXPECT_NE(out, "XX001") << sql;
    good += out.size() != 5;
  }
  EXPECT_GT(good, 100);
}

}  // namespace
}  // namespace isochron::sql
