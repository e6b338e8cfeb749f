// SPDX-License-Identifier: Apache-2.0
//
// Cursors: what they read and when, replays with a cursor half way, memory, cancelling.
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "sql/session/session.h"
#include "sql/testing/fake_universe.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

class CursorsTest : public ::testing::Test {
 protected:
  CursorsTest()
      : engine_(Engine::Create({&u_.store, &u_.executor, &u_.truetime, nullptr}, EngineOptions())),
        session_(engine_->NewSession()) {
    EXPECT_EQ(Run("CREATE TABLE t (id bigint PRIMARY KEY, s text)"), "CREATE TABLE;");
    EXPECT_EQ(Run("INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(1, 2000) i"),
              "INSERT 0 2000;");
  }
  // "row|row tag;" or the SQLSTATE.
  std::string Run(Session* session, const std::string& sql, Ctx ctx = nullptr) {
    CollectingSink sink;
    if (ctx == nullptr) ctx = u_.NewContext();
    const auto status = u_.Run(session->Execute(ctx, sql, {}, &sink)).status();
    std::string out;
    for (const auto& s : sink.statements) {
      for (const Row& row : s.rows) absl::StrAppend(&out, row[0].int_value(), "|");
      absl::StrAppend(&out, s.result.tag, ";");
    }
    return status.ok() ? out : SqlStateOf(status);
  }
  std::string Run(const std::string& sql) { return Run(session_.get(), sql); }

  testing::FakeUniverse u_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Session> session_;
};

TEST_F(CursorsTest, ReadsAsItIsAsked) {
  ASSERT_EQ(Run("BEGIN; DECLARE c NO SCROLL CURSOR FOR SELECT id FROM t ORDER BY id"),
            "BEGIN;DECLARE CURSOR;");
  const int64_t before = u_.store.counts.keys_read;
  EXPECT_EQ(Run("FETCH 2 FROM c"), "1|2|FETCH 2;");
  EXPECT_LE(u_.store.counts.keys_read - before, 300);
  EXPECT_EQ(Run("MOVE 1000 IN c; FETCH c"), "MOVE 1000;1003|FETCH 1;");
  EXPECT_LT(u_.store.counts.keys_read - before, 1400);
  EXPECT_EQ(Run("COMMIT"), "COMMIT;");
}

TEST_F(CursorsTest, OneThatOnlyGoesForwardHoldsNoRows) {
  const Ctx ctx = u_.NewContext();
  ASSERT_EQ(Run(session_.get(), "BEGIN; DECLARE c NO SCROLL CURSOR FOR SELECT id, s FROM t", ctx),
            "BEGIN;DECLARE CURSOR;");
  int64_t most = 0;
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(Run("MOVE 100 IN c"), "MOVE 100;");
    most = std::max(most, ctx->memory.used());
  }
  EXPECT_LT(most, 200'000);
  EXPECT_EQ(Run("COMMIT"), "COMMIT;");
  EXPECT_EQ(ctx->memory.used(), 0);
}

TEST_F(CursorsTest, OneThatScrollsIsBoundedByTheStatementsMemory) {
  const Ctx ctx = u_.NewContext();
  ctx->memory.Attach(100'000, nullptr);
  ASSERT_EQ(Run(session_.get(), "BEGIN; DECLARE c SCROLL CURSOR FOR SELECT id, s FROM t", ctx),
            "BEGIN;DECLARE CURSOR;");
  EXPECT_EQ(Run("MOVE 100 IN c"), "MOVE 100;");
  EXPECT_EQ(Run("MOVE LAST IN c"), "53200");
  EXPECT_EQ(Run("ROLLBACK"), "ROLLBACK;");
  EXPECT_EQ(ctx->memory.used(), 0);
}

TEST_F(CursorsTest, AReplayPutsThemWhereTheyWere) {
  ASSERT_EQ(Run("DECLARE h CURSOR WITH HOLD FOR SELECT id FROM t WHERE id < 5 ORDER BY id"),
            "DECLARE CURSOR;");
  ASSERT_EQ(Run("FETCH h"), "1|FETCH 1;");
  ASSERT_EQ(Run("BEGIN; DECLARE c CURSOR FOR SELECT id FROM t ORDER BY id; FETCH 2 FROM c; "
                "FETCH h; CLOSE h"),
            "BEGIN;DECLARE CURSOR;1|2|FETCH 2;2|FETCH 1;CLOSE CURSOR;");
  u_.store.abort_reads = 1;
  EXPECT_EQ(Run("MOVE 1000 IN c; FETCH c"), "MOVE 1000;1003|FETCH 1;");
  EXPECT_EQ(u_.store.counts.retries, 1);
  EXPECT_EQ(Run("UPDATE t SET s = '' WHERE id = 1; FETCH c"), "UPDATE 1;1004|FETCH 1;");
  u_.store.abort_commits = 2;
  EXPECT_EQ(Run("COMMIT"), "COMMIT;");
  EXPECT_EQ(u_.store.counts.retries, 3);
  EXPECT_EQ(Run("FETCH h"), "34000");
}

TEST_F(CursorsTest, AReplayThatShowsOtherRowsIsASerializationFailure) {
  auto other = engine_->NewSession();
  ASSERT_EQ(Run("BEGIN; DECLARE c CURSOR FOR SELECT id FROM t ORDER BY id; FETCH 2 FROM c"),
            "BEGIN;DECLARE CURSOR;1|2|FETCH 2;");
  ASSERT_EQ(Run(other.get(), "DELETE FROM t WHERE id = 1"), "DELETE 1;");
  ASSERT_EQ(Run("UPDATE t SET s = '' WHERE id = 3"), "UPDATE 1;");
  EXPECT_EQ(Run("COMMIT"), "40001");
}

TEST_F(CursorsTest, HeldOnesAreReadToTheEndWithTheCommit) {
  ASSERT_EQ(Run("BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT id FROM t ORDER BY id; FETCH c"),
            "BEGIN;DECLARE CURSOR;1|FETCH 1;");
  ASSERT_EQ(Run("DELETE FROM t WHERE id > 5; COMMIT"), "DELETE 1995;COMMIT;");
  EXPECT_EQ(Run("MOVE 1998 IN c; FETCH ALL FROM c"), "MOVE 1998;2000|FETCH 1;");
  EXPECT_EQ(Run("CLOSE c"), "CLOSE CURSOR;");
}

TEST_F(CursorsTest, ACancelledFetchFailsTheTransaction) {
  ASSERT_EQ(Run("BEGIN; DECLARE c CURSOR FOR SELECT id FROM t ORDER BY id; FETCH c"),
            "BEGIN;DECLARE CURSOR;1|FETCH 1;");
  const Ctx ctx = u_.NewContext();
  ctx->Cancel();
  EXPECT_EQ(Run(session_.get(), "FETCH ALL FROM c", ctx), "57014");
  EXPECT_EQ(Run("FETCH c"), "25P02");
  EXPECT_EQ(Run("ROLLBACK"), "ROLLBACK;");
}

}  // namespace
}  // namespace isochron::sql
