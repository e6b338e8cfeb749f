// SPDX-License-Identifier: Apache-2.0
//
// Partitioned DML: each row once, in how many transactions, what a failure leaves, what is refused.
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "sql/session/session.h"
#include "sql/testing/fake_universe.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

class PortionsTest : public ::testing::Test {
 protected:
  PortionsTest()
      : engine_(Engine::Create({&u_.store, &u_.executor, &u_.truetime, nullptr}, EngineOptions())),
        session_(engine_->NewSession()) {
    EXPECT_EQ(Run("CREATE TABLE t (a int, b int, n int DEFAULT 0 CHECK (n < 100), s text, PRIMARY "
                  "KEY (a, b)); CREATE INDEX by_n ON t (n)"),
              "CREATE TABLE;CREATE INDEX;");
    EXPECT_EQ(Run("INSERT INTO t SELECT i % 3, i, 0, repeat('x', 50) FROM generate_series(1, 3000) "
                  "i"),
              "INSERT 0 3000;");
    EXPECT_EQ(Run("SET spanner.autocommit_dml_mode = 'partitioned_non_atomic'"), "SET;");
  }
  // "row|row tag;" or the SQLSTATE; the message lies in message_.
  std::string Run(const std::string& sql) {
    CollectingSink sink;
    const auto status = u_.Run(session_->Execute(u_.NewContext(), sql, {}, &sink)).status();
    message_ = std::string(status.message());
    std::string out;
    for (const auto& s : sink.statements) {
      for (const Row& row : s.rows) absl::StrAppend(&out, row[0].int_value(), "|");
      absl::StrAppend(&out, s.result.tag, ";");
    }
    return status.ok() ? out : SqlStateOf(status);
  }

  testing::FakeUniverse u_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Session> session_;
  std::string message_;
};

TEST_F(PortionsTest, EachRowOnceInManyTransactions) {
  // Too much for one transaction.
  u_.store.max_transaction_bytes = 100'000;
  EXPECT_EQ(Run("SET spanner.autocommit_dml_mode = 'TRANSACTIONAL'; UPDATE t SET n = n + 1"),
            "54000");
  EXPECT_EQ(Run("SET spanner.autocommit_dml_mode = 'PARTITIONED_NON_ATOMIC'"), "SET;");
  const int commits = u_.store.counts.commits;
  // Among them some that run again.
  u_.store.abort_commits = 3;
  u_.store.abort_reads = 2;
  EXPECT_EQ(Run("UPDATE t SET n = n + 1 WHERE b % 2 = 0"), "UPDATE 1500;");
  EXPECT_GE(u_.store.counts.commits - commits, 30) << "of 100 rows each";
  EXPECT_EQ(Run("SELECT count(*) FROM t WHERE n = (b + 1) % 2"), "3000|SELECT 1;");
  EXPECT_EQ(Run("SELECT count(*) FROM t WHERE n = 1"), "1500|SELECT 1;") << "by the index";
  // Bounded ranges, one after the other, and single rows.
  EXPECT_EQ(Run("UPDATE t SET n = n + 1 WHERE a IN (0, 2) AND b > 2000"), "UPDATE 667;");
  EXPECT_EQ(Run("UPDATE t SET n = n + 1 WHERE a = 1 AND b IN (1, 4, 5)"), "UPDATE 2;");
  EXPECT_EQ(Run("SELECT sum(n)::int FROM t"), "2169|SELECT 1;");
  EXPECT_EQ(Run("UPDATE t SET n = 7 WHERE a = 9"), "UPDATE 0;");
  EXPECT_EQ(Run("DELETE FROM t WHERE b > (SELECT max(i) FROM generate_series(1, 3) i)"),
            "DELETE 2997;");
  EXPECT_EQ(Run("DELETE FROM t"), "DELETE 3;");
  EXPECT_EQ(Run("SELECT count(*) FROM t"), "0|SELECT 1;");
}

TEST_F(PortionsTest, WhatWasDoneBeforeAFailureStays) {
  EXPECT_EQ(Run("UPDATE t SET n = b - 900 WHERE a = 0"), "23514");
  EXPECT_TRUE(absl::StrContains(message_, " rows had been changed by then, and stay so)"))
      << message_;
  EXPECT_EQ(Run("SELECT (count(*) > 0 AND count(*) < 1000)::int FROM t WHERE n <> 0"),
            "1|SELECT 1;");
  EXPECT_EQ(Run("UPDATE t SET n = 100"), "23514");
  EXPECT_FALSE(absl::StrContains(message_, "by then")) << message_;
  EXPECT_EQ(Run("UPDATE t SET n = 1 / (a - 2) WHERE n = 0"), "22012");
}

TEST_F(PortionsTest, InATransactionItIsAPartOfIt) {
  EXPECT_EQ(Run("BEGIN; UPDATE t SET n = 5; ROLLBACK"), "BEGIN;UPDATE 3000;ROLLBACK;");
  EXPECT_EQ(Run("SELECT count(*) FROM t WHERE n = 5"), "0|SELECT 1;");
}

TEST_F(PortionsTest, OnlyWhatMayBeCutIsTaken) {
  for (const char* sql :
       {"INSERT INTO t VALUES (7, 7)", "UPDATE t SET a = 5", "DELETE FROM t RETURNING a",
        "UPDATE t SET n = u.n FROM t u WHERE u.b = t.b", "DELETE FROM t USING t u WHERE u.a = t.b",
        "WITH x AS (DELETE FROM t RETURNING a) UPDATE t SET n = 1"}) {
    EXPECT_EQ(Run(sql), "0A000") << sql;
  }
  EXPECT_EQ(Run("SET spanner.autocommit_dml_mode = 'sometimes'"), "22023");
  EXPECT_EQ(Run("RESET spanner.autocommit_dml_mode; INSERT INTO t VALUES (7, 7)"),
            "RESET;INSERT 0 1;");
}

}  // namespace
}  // namespace isochron::sql
