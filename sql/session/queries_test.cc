// SPDX-License-Identifier: Apache-2.0
//
// What queries within queries read, hold and survive; what they give is in sql/testdata.
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "sql/session/session.h"
#include "sql/testing/fake_universe.h"

namespace isochron::sql {
namespace {

class QueriesTest : public ::testing::Test {
 protected:
  QueriesTest()
      : engine_(Engine::Create({&u_.store, &u_.executor, &u_.truetime, nullptr}, EngineOptions())),
        session_(engine_->NewSession()) {
    EXPECT_EQ(Run("CREATE TABLE a (id bigint PRIMARY KEY, n bigint)"), "CREATE TABLE;");
    EXPECT_EQ(Run("CREATE TABLE b (id bigint PRIMARY KEY, n bigint)"), "CREATE TABLE;");
    EXPECT_EQ(Run("INSERT INTO a VALUES (1, 10), (2, 10), (3, 30)"), "INSERT 0 3;");
    EXPECT_EQ(Run("INSERT INTO b VALUES (1, 7), (3, 9), (10, 1), (11, 2), (12, 3)"), "INSERT 0 5;");
    u_.store.counts = {};
  }

  // "row|row tag" or "SQLSTATE".
  std::string Run(Session* session, const std::string& sql, Ctx ctx) {
    CollectingSink sink;
    status_ = u_.Run(session->Execute(std::move(ctx), sql, {}, &sink)).status();
    if (!status_.ok()) return SqlStateOf(status_);
    std::string out;
    for (const auto& s : sink.statements) {
      for (const Row& row : s.rows) {
        for (size_t i = 0; i < row.size(); ++i) {
          absl::StrAppend(&out, i > 0 ? "," : "", DatumToText(s.columns[i].type, row[i]));
        }
        out += "|";
      }
      absl::StrAppend(&out, s.result.tag, ";");
    }
    return out;
  }
  std::string Run(const std::string& sql) { return Run(session_.get(), sql, u_.NewContext()); }

  testing::FakeUniverse u_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Session> session_;
  absl::Status status_;
};

TEST_F(QueriesTest, AnInnerQueryByKeyIsALookupForEachRow) {
  EXPECT_EQ(Run("SELECT id, (SELECT n FROM b WHERE b.id = a.id) FROM a"), "1,7|2,|3,9|SELECT 3;");
  EXPECT_EQ(u_.store.counts.scans, 1);
  EXPECT_EQ(u_.store.counts.gets, 3);
}

TEST_F(QueriesTest, WhatSeesNoRowRunsOnce) {
  EXPECT_EQ(Run("SELECT id FROM a WHERE n > (SELECT max(n) FROM b) AND id IN (SELECT id FROM b)"),
            "1|3|SELECT 2;");
  EXPECT_EQ(u_.store.counts.scans, 2);       // of b, twice
  EXPECT_EQ(u_.store.counts.multi_gets, 1);  // of a, by b's keys
}

TEST_F(QueriesTest, EqualOuterValuesShareARun) {
  EXPECT_EQ(Run("SELECT id, (SELECT count(*) FROM b WHERE b.n * 10 <= a.n) FROM a"),
            "1,1|2,1|3,3|SELECT 3;");
  EXPECT_EQ(u_.store.counts.scans, 1 + 2);
}

TEST_F(QueriesTest, ExistsReadsOneRow) {
  EXPECT_EQ(Run("SELECT 1 WHERE EXISTS (SELECT * FROM b)"), "1|SELECT 1;");
  EXPECT_EQ(Run("SELECT id FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.id > a.id * 4)"),
            "1|2|SELECT 2;");
  EXPECT_EQ(u_.store.counts.keys_read, 1 + 3 + 2);
}

TEST_F(QueriesTest, WhatIsNotWantedDoesNotRun) {
  EXPECT_EQ(Run("SELECT CASE WHEN id < 9 THEN n ELSE (SELECT max(n) FROM b) END FROM a"),
            "10|10|30|SELECT 3;");
  EXPECT_EQ(u_.store.counts.scans, 1);
}

TEST_F(QueriesTest, ASubqueryBoundsTheKeysThatAreLocked) {
  EXPECT_EQ(Run("DELETE FROM b WHERE id IN (SELECT id FROM a WHERE id > 1)"), "DELETE 1;");
  EXPECT_EQ(u_.store.counts.keys_read, 2 + 2);
  EXPECT_EQ(Run("UPDATE b SET n = 0 WHERE id = (SELECT max(id) FROM a)"), "UPDATE 0;");
  EXPECT_EQ(Run("SELECT id FROM b"), "1|10|11|12|SELECT 4;");
}

TEST_F(QueriesTest, AKeyGoesIntoADerivedTable) {
  EXPECT_EQ(Run("SELECT * FROM (SELECT n, id AS key FROM b) AS x WHERE key = 3"), "9,3|SELECT 1;");
  EXPECT_EQ(Run("WITH x AS (SELECT * FROM b) SELECT n FROM x WHERE id = 3"), "9|SELECT 1;");
  EXPECT_EQ(u_.store.counts.gets, 2);
  EXPECT_EQ(u_.store.counts.scans, 0);
}

TEST_F(QueriesTest, AWithQueryNamedTwiceRunsOnce) {
  EXPECT_EQ(Run("WITH x AS (SELECT sum(n) AS n FROM b) "
                "SELECT p.n, q.n, (SELECT n FROM x) FROM x AS p, x AS q"),
            "22,22,22|SELECT 1;");
  EXPECT_EQ(u_.store.counts.scans, 1);
}

TEST_F(QueriesTest, MemoryIsCountedAndGivenBack) {
  for (const char* sql :
       {"SELECT 1 IN (SELECT i FROM generate_series(1, 100000) AS i)",
        "WITH x AS MATERIALIZED (SELECT i FROM generate_series(1, 100000) AS i) SELECT 1 FROM x",
        "SELECT i FROM generate_series(1, 100000) AS i UNION SELECT 1",
        "SELECT 1 EXCEPT SELECT i FROM generate_series(1, 100000) AS i",
        "SELECT 1 FROM generate_series(1, 100000) AS j FULL JOIN generate_series(1, 100000) AS i "
        "ON i = j",
        "SELECT DISTINCT ON (i) i FROM generate_series(1, 100000) AS i",
        "SELECT (SELECT repeat('x', 200000))",
        "SELECT id FROM a WHERE id IN (SELECT i FROM generate_series(1, 100000) AS i)"}) {
    Ctx small = u_.NewContext();
    small->memory.Attach(100'000, nullptr);
    EXPECT_EQ(Run(session_.get(), sql, small), "53200") << sql;
    EXPECT_EQ(small->memory.used(), 0) << sql;
  }
  // What each row of the outer query brings is let go again.
  Ctx small = u_.NewContext();
  small->memory.Attach(2 << 20, nullptr);
  EXPECT_EQ(Run(session_.get(),
                "SELECT count(*) FROM generate_series(1, 20000) AS i "
                "WHERE repeat('x', 500) < (SELECT repeat('y', 500) || i)",
                small),
            "20000|SELECT 1;");
  EXPECT_EQ(small->memory.used(), 0);
}

TEST_F(QueriesTest, LongOnesCanBeCancelled) {
  for (const char* sql :
       {"SELECT count(*) FROM generate_series(1, 1000000000000)",
        "SELECT count(*) FROM generate_series(1, 1000000000000) AS i WHERE (SELECT i) < 0",
        "WITH x AS MATERIALIZED (SELECT i FROM generate_series(1, 1000) AS i) "
        "SELECT count(*) FROM x AS a, x AS b, x AS c, x AS d",
        "SELECT 1 WHERE 0 IN (SELECT i % 5 + 1 FROM generate_series(1, 1000000000000) AS i)",
        "SELECT 1 FROM generate_series(1, 1000000000000) AS i INTERSECT SELECT 2"}) {
    Ctx ctx = u_.NewContext();
    u_.executor.Post([ctx] { ctx->Cancel(); });
    EXPECT_EQ(Run(session_.get(), sql, ctx), "57014") << sql;
    EXPECT_EQ(ctx->memory.used(), 0) << sql;
  }
}

TEST_F(QueriesTest, AWoundedTransactionReplaysThem) {
  const char* sql =
      "BEGIN; WITH x AS (SELECT * FROM b) SELECT count(*) FROM x WHERE n IN (SELECT n + 6 FROM b);"
      "UPDATE a SET n = (SELECT n FROM b WHERE b.id = a.id) WHERE EXISTS "
      "(SELECT 1 FROM b WHERE b.id = a.id); INSERT INTO a SELECT id, n FROM b WHERE id > 11";
  EXPECT_EQ(Run(sql), "BEGIN;2|SELECT 1;UPDATE 2;INSERT 0 1;");
  u_.store.abort_commits = 2;
  EXPECT_EQ(Run("COMMIT"), "COMMIT;");
  EXPECT_EQ(u_.store.counts.retries, 2);
  EXPECT_EQ(Run("SELECT id, n FROM a"), "1,7|2,10|3,9|12,3|SELECT 4;");
}

TEST_F(QueriesTest, WhatASubqueryReadIsPartOfTheTransaction) {
  auto other = engine_->NewSession();
  ASSERT_EQ(Run("BEGIN; SELECT id FROM a WHERE n = 3 * (SELECT n + 1 FROM b WHERE id = 3)"),
            "BEGIN;3|SELECT 1;");
  ASSERT_EQ(Run(other.get(), "UPDATE b SET n = 0 WHERE id = 3", u_.NewContext()), "UPDATE 1;");
  ASSERT_EQ(Run("UPDATE a SET n = 1 WHERE id = 1"), "UPDATE 1;");
  EXPECT_EQ(Run("COMMIT"), "40001");
}

TEST_F(QueriesTest, RowsThatNoTableGaveComeFirst) {
  EXPECT_EQ(Run("SELECT 0 UNION ALL SELECT id FROM a"), "0|1|2|3|SELECT 4;");
  EXPECT_EQ(Run("BEGIN READ ONLY; SELECT 0 UNION ALL SELECT id FROM a; COMMIT"),
            "BEGIN;0|1|2|3|SELECT 4;COMMIT;");
}

TEST_F(QueriesTest, DepthIsBounded) {
  std::string deep = "SELECT 1 AS n";
  for (int i = 0; i < 50; ++i) deep = absl::StrCat("SELECT n FROM (", deep, ") AS x");
  EXPECT_EQ(Run(deep), "1|SELECT 1;");
  std::string scalar = "SELECT 1";
  // What is compared with several things is planned once.
  for (int i = 0; i < 40; ++i) {
    scalar = absl::StrCat("SELECT CASE (", scalar, ") WHEN 3 THEN 4 WHEN 1 THEN 1 ELSE 2 END");
  }
  EXPECT_EQ(Run(scalar), "1|SELECT 1;");
  std::string rows = "SELECT true";
  for (int i = 0; i < 35; ++i) {
    rows = absl::StrCat("SELECT ((", rows, "), 1) IN ((false, 1), (true, 2), (true, 1))");
  }
  EXPECT_EQ(Run(rows), "t|SELECT 1;");
  for (int i = 0; i < 20; ++i) deep = absl::StrCat("SELECT n FROM (", deep, ") AS x");
  EXPECT_EQ(Run(deep), "54001");
  std::string exists = "SELECT 1";
  for (int i = 0; i < 70; ++i) exists = absl::StrCat("SELECT EXISTS (", exists, ")");
  EXPECT_EQ(Run(exists), "54001");
  std::string all = "SELECT 1";
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&all, " UNION ALL SELECT 1");
  EXPECT_EQ(Run(absl::StrCat("SELECT count(*) FROM (", all, ") AS x")), "1001|SELECT 1;");
  std::string wide = "WITH x AS (SELECT 1";
  for (int i = 0; i < 1600; ++i) wide += ", 1";
  wide += ") SELECT 1 FROM x";
  for (int i = 0; i < 10; ++i) absl::StrAppend(&wide, ", x AS x", i);
  EXPECT_EQ(Run(wide), "54011");
  auto chain = [](int length) {
    std::string with = "WITH c0 AS (SELECT 1 AS x)";
    for (int i = 1; i < length; ++i) {
      absl::StrAppend(&with, ", c", i, " AS (SELECT x FROM c", i - 1, ")");
    }
    return absl::StrCat(with, " SELECT x FROM c", length - 1);
  };
  EXPECT_EQ(Run(chain(200)), "1|SELECT 1;");
  EXPECT_EQ(Run(chain(20'000)), "54001");
  std::string mixed = "SELECT 1";
  for (int i = 0; i < 150; ++i) absl::StrAppend(&mixed, " EXCEPT SELECT 2");
  EXPECT_EQ(Run(mixed), "54001");
}

}  // namespace
}  // namespace isochron::sql
