// SPDX-License-Identifier: Apache-2.0
#include "sql/session/session.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "sql/catalog/layout.h"
#include "sql/testing/fake_universe.h"
#include "sql/types/time_text.h"
#include "txn/api/reasons.h"

namespace isochron::sql {
namespace {

class SessionTest : public ::testing::Test {
 protected:
  SessionTest() : engine_(NewEngine()), session_(engine_->NewSession()) {}

  std::unique_ptr<Engine> NewEngine() {
    return Engine::Create({&u_.store, &u_.executor, &u_.truetime, nullptr}, EngineOptions());
  }
  // "row|row tag" or "SQLSTATE".
  std::string Run(Session* session, const std::string& sql, Params params = {}) {
    CollectingSink sink;
    status_ = u_.Run(session->Execute(u_.NewContext(), sql, std::move(params), &sink)).status();
    if (!sink.statements.empty()) last_ = sink.statements.back().result;
    return status_.ok() ? Render(sink) : SqlStateOf(status_);
  }
  std::string Run(const std::string& sql, Params params = {}) {
    return Run(session_.get(), sql, std::move(params));
  }
  std::string In(SqlTransaction* txn, const std::string& sql) {
    CollectingSink sink;
    status_ = u_.Run(txn->Execute(u_.NewContext(), sql, {}, &sink)).status();
    return status_.ok() ? Render(sink) : SqlStateOf(status_);
  }
  static std::string Render(const CollectingSink& sink) {
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
  void Accounts() {
    ASSERT_EQ(Run("CREATE TABLE a (id bigint PRIMARY KEY, n bigint NOT NULL)"), "CREATE TABLE;");
    ASSERT_EQ(Run("INSERT INTO a VALUES (1, 100), (2, 200), (3, 300)"), "INSERT 0 3;");
  }
  static TypedDatum Int(int64_t v) { return {Type::kInt8, Datum::Int(v)}; }

  testing::FakeUniverse u_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Session> session_;
  absl::Status status_;
  StatementResult last_;
};

TEST_F(SessionTest, APointQueryIsOneGetOfOneRow) {
  Accounts();
  for (int round = 0; round < 2; ++round) {  // planned anew, and from the cache
    u_.store.counts = {};
    EXPECT_EQ(Run("SELECT n FROM a WHERE id = $1", {Int(2)}), "200|SELECT 1;");
    EXPECT_EQ(u_.store.counts.gets, 1);
    EXPECT_EQ(u_.store.counts.keys_read, 1);
    EXPECT_EQ(u_.store.counts.scans + u_.store.counts.multi_gets + u_.store.counts.begins, 0);
  }
  u_.store.counts = {};
  EXPECT_EQ(Run("SELECT n FROM a WHERE id IN (3, 1, 7)"), "100|300|SELECT 2;");
  EXPECT_EQ(u_.store.counts.multi_gets, 1);
  EXPECT_EQ(u_.store.counts.gets + u_.store.counts.scans, 0);
}

TEST_F(SessionTest, WritesTouchOnlyTheirRows) {
  Accounts();
  u_.store.counts = {};
  EXPECT_EQ(Run("UPDATE a SET n = n + 1 WHERE id = 2"), "UPDATE 1;");
  EXPECT_EQ(u_.store.counts.keys_read, 1);
  u_.store.counts = {};
  EXPECT_EQ(Run("INSERT INTO a VALUES (9, 9)"), "INSERT 0 1;");
  EXPECT_EQ(u_.store.counts.keys_read, 1);
  u_.store.counts = {};
  EXPECT_EQ(Run("SELECT id FROM a ORDER BY id DESC LIMIT 1"), "9|SELECT 1;");
  EXPECT_EQ(u_.store.counts.keys_read, 1);
}

TEST_F(SessionTest, ScansGoOverPagesBothWays) {
  Accounts();
  u_.store.page_rows = 2;
  EXPECT_EQ(Run("SELECT id FROM a"), "1|2|3|SELECT 3;");
  EXPECT_EQ(Run("SELECT id FROM a ORDER BY id DESC"), "3|2|1|SELECT 3;");
  EXPECT_EQ(Run("SELECT id FROM a ORDER BY id DESC OFFSET 1 LIMIT 1"), "2|SELECT 1;");
  EXPECT_EQ(Run("BEGIN; DELETE FROM a WHERE id = 2; SELECT id FROM a; ROLLBACK"),
            "BEGIN;DELETE 1;1|3|SELECT 2;ROLLBACK;");
}

TEST_F(SessionTest, AutocommitIsRetriedInside) {
  Accounts();
  u_.store.counts = {};
  u_.store.abort_commits = 3;
  u_.store.abort_reads = 2;
  EXPECT_EQ(Run("UPDATE a SET n = n + 1 WHERE id = 1 RETURNING n"), "101|UPDATE 1;");
  EXPECT_EQ(u_.store.counts.begins, 1);
  EXPECT_EQ(u_.store.counts.retries, 5);
  EXPECT_EQ(Run("SELECT n FROM a WHERE id = 1"), "101|SELECT 1;");
}

TEST_F(SessionTest, AutocommitGivesUpAtItsTimeout) {
  Accounts();
  u_.store.abort_commits = 1'000'000;
  EXPECT_EQ(Run("SET statement_timeout = '2s'; UPDATE a SET n = 0"), "57014");
  u_.store.abort_commits = 0;
  EXPECT_EQ(Run("SELECT n FROM a WHERE id = 1"), "100|SELECT 1;");
}

TEST_F(SessionTest, ATransactionWhoseClientIsSilentIsRolledBack) {
  Accounts();
  EXPECT_EQ(Run("SHOW idle_in_transaction_session_timeout"), "300s|SHOW;");
  EXPECT_EQ(Run("SET idle_in_transaction_session_timeout = '2s'"), "SET;");
  EXPECT_EQ(Run("BEGIN; UPDATE a SET n = 0 WHERE id = 1"), "BEGIN;UPDATE 1;");
  u_.executor.Advance(1'500'000);
  EXPECT_EQ(Run("SELECT n FROM a WHERE id = 1"), "0|SELECT 1;");  // it counts anew
  u_.executor.Advance(1'500'000);
  EXPECT_EQ(session_->transaction_status(), 'T');
  u_.executor.Advance(600'000);
  EXPECT_EQ(session_->transaction_status(), 'E');
  EXPECT_EQ(Run("SELECT n FROM a WHERE id = 1"), "25P03");
  EXPECT_EQ(Run("COMMIT"), "ROLLBACK;");
  EXPECT_EQ(Run("SELECT n FROM a WHERE id = 1"), "100|SELECT 1;");
  EXPECT_EQ(Run("BEGIN; SELECT n FROM a WHERE id = 1; COMMIT"), "BEGIN;100|SELECT 1;COMMIT;");
  u_.executor.Advance(5'000'000);
  EXPECT_EQ(session_->transaction_status(), 'I');
  EXPECT_EQ(Run("SET idle_in_transaction_session_timeout = 0; BEGIN; SELECT 1"),
            "SET;BEGIN;1|SELECT 1;");
  u_.executor.Advance(900'000'000);
  EXPECT_EQ(session_->transaction_status(), 'T');
}

TEST_F(SessionTest, LockTimeoutGoesWithEachStatement) {
  Accounts();
  auto ctx = u_.NewContext();
  CollectingSink sink;
  EXPECT_EQ(Run("SET lock_timeout = 250; SHOW lock_timeout"), "SET;250|SHOW;");
  ASSERT_TRUE(u_.Run(session_->Execute(ctx, "SELECT 1", {}, &sink)).ok());
  EXPECT_EQ(ctx->lock_timeout_us, 250'000);
  EXPECT_EQ(SqlStateOf(txn::LockTimeout("late")), "55P03");
  EXPECT_EQ(SqlStateOf(txn::DiskFull("full")), "53100");
  EXPECT_EQ(Run("SET lock_timeout = 'soon'"), "22023");
}

TEST_F(SessionTest, AWoundedTransactionIsReplayed) {
  Accounts();
  EXPECT_EQ(Run("BEGIN; SELECT n FROM a WHERE id = 1; SAVEPOINT x; UPDATE a SET n = 0; "
                "ROLLBACK TO x; UPDATE a SET n = n - 10 WHERE id = 1"),
            "BEGIN;100|SELECT 1;SAVEPOINT;UPDATE 3;ROLLBACK;UPDATE 1;");
  u_.store.abort_reads = 1;  // in the middle of the next statement
  EXPECT_EQ(Run("UPDATE a SET n = n + 10 WHERE id = 2 RETURNING n"), "210|UPDATE 1;");
  u_.store.abort_commits = 2;
  EXPECT_EQ(Run("COMMIT"), "COMMIT;");
  EXPECT_EQ(u_.store.counts.retries, 3);
  EXPECT_EQ(Run("SELECT n FROM a"), "90|210|300|SELECT 3;");
}

TEST_F(SessionTest, AReplayThatDiffersIsASerializationFailure) {
  Accounts();
  auto other = engine_->NewSession();
  ASSERT_EQ(Run("BEGIN; SELECT n FROM a WHERE id = 1"), "BEGIN;100|SELECT 1;");
  ASSERT_EQ(Run(other.get(), "UPDATE a SET n = 7 WHERE id = 1"), "UPDATE 1;");
  ASSERT_EQ(Run("UPDATE a SET n = 1 WHERE id = 2"), "UPDATE 1;");
  EXPECT_EQ(Run("COMMIT"), "40001");
  EXPECT_NE(std::string(status_.message()).find("SELECT n FROM a WHERE id = 1"), std::string::npos);
  EXPECT_EQ(session_->transaction_status(), 'I');
  EXPECT_EQ(Run("SELECT n FROM a WHERE id = 2"), "200|SELECT 1;");
}

TEST_F(SessionTest, WhoRunsAgainAfterASerializationFailureKeepsItsAge) {
  Accounts();
  auto other = engine_->NewSession();
  auto fails = [&] {
    ASSERT_EQ(Run("SELECT n FROM a WHERE id = 1; UPDATE a SET n = 1 WHERE id = 2").back(), ';');
    ASSERT_EQ(Run(other.get(), "UPDATE a SET n = n + 1 WHERE id = 1"), "UPDATE 1;");
    EXPECT_EQ(Run("COMMIT"), "40001");
  };
  const int begun = u_.store.counts.begins;
  ASSERT_EQ(Run("BEGIN"), "BEGIN;");
  fails();
  const int retried = u_.store.counts.retries;
  ASSERT_EQ(Run("BEGIN"), "BEGIN;");
  EXPECT_EQ(u_.store.counts.retries, retried + 1);
  fails();
  ASSERT_EQ(Run("BEGIN; UPDATE a SET n = 1 WHERE id = 2; COMMIT"), "BEGIN;UPDATE 1;COMMIT;");
  EXPECT_EQ(u_.store.counts.begins, begun + 3);  // the block's first, and the other's two
  // It has committed: what comes next is young.
  ASSERT_EQ(Run("BEGIN; COMMIT"), "BEGIN;COMMIT;");
  EXPECT_EQ(u_.store.counts.begins, begun + 4);
  // So is what begins long after.
  ASSERT_EQ(Run("BEGIN"), "BEGIN;");
  fails();
  u_.executor.Advance(11'000'000);
  ASSERT_EQ(Run("BEGIN; COMMIT"), "BEGIN;COMMIT;");
  EXPECT_EQ(u_.store.counts.begins, begun + 7);
}

TEST_F(SessionTest, AReplayGoesOnWhereTheClientSawNothingElse) {
  Accounts();
  auto other = engine_->NewSession();
  ASSERT_EQ(Run("BEGIN; UPDATE a SET n = n + 1 WHERE id = 1"), "BEGIN;UPDATE 1;");
  ASSERT_EQ(Run(other.get(), "UPDATE a SET n = 50 WHERE id = 1"), "UPDATE 1;");
  EXPECT_EQ(Run("COMMIT"), "COMMIT;");
  EXPECT_EQ(Run("SELECT n FROM a WHERE id = 1"), "51|SELECT 1;");
}

TEST_F(SessionTest, AnUnknownOutcomeIsSaidSo) {
  Accounts();
  u_.store.unknown_commits = 1;
  EXPECT_EQ(Run("INSERT INTO a VALUES (4, 4)"), "40003");
  u_.store.unknown_commits = 1;
  EXPECT_EQ(Run("BEGIN; INSERT INTO a VALUES (5, 5); COMMIT"), "40003");
  EXPECT_EQ(status_.code(), absl::StatusCode::kUnknown);
}

TEST_F(SessionTest, DropTableEndsAtATimestampOnEveryGateway) {
  Accounts();
  const Timestamp before = *last_.commit_timestamp;
  auto elsewhere = NewEngine();
  auto other = elsewhere->NewSession();
  ASSERT_EQ(Run(other.get(), "SELECT count(*) FROM a"), "3|SELECT 1;");
  ASSERT_EQ(Run(other.get(), "BEGIN; UPDATE a SET n = 0 WHERE id = 1"), "BEGIN;UPDATE 1;");
  ASSERT_EQ(Run("DROP TABLE a"), "DROP TABLE;");
  // Nobody commits under the table that ended, be it cached or not.
  EXPECT_EQ(Run(other.get(), "COMMIT"), "40001");
  EXPECT_EQ(Run(other.get(), "SELECT count(*) FROM a"), "42P01");
  EXPECT_EQ(Run(other.get(), "INSERT INTO a VALUES (9, 9)"), "42P01");
  ASSERT_EQ(Run("CREATE TABLE a (x text PRIMARY KEY)"), "CREATE TABLE;");
  EXPECT_EQ(Run(other.get(), "SELECT * FROM a"), "SELECT 0;");
  // A read at a timestamp uses the schema of that timestamp.
  EXPECT_EQ(Run(other.get(), absl::StrCat("SET spanner.read_only_staleness = 'READ_TIMESTAMP ",
                                          FormatRfc3339(before.us), "'; SELECT * FROM a")),
            "SET;1,100|2,200|3,300|SELECT 3;");
}

TEST_F(SessionTest, ATimestampReadBackFindsItsOwnWrite) {
  Accounts();
  ASSERT_EQ(Run("INSERT INTO a VALUES (7, 7)"), "INSERT 0 1;");
  const Timestamp s = *last_.commit_timestamp;
  EXPECT_EQ(*session_->Setting("spanner.commit_timestamp"), FormatRfc3339(s.us));
  for (int64_t delta : {0, -1}) {
    CollectingSink sink;
    ReadBound bound{ReadBound::Kind::kReadTimestamp, s.us + delta};
    auto r = u_.Run(session_->ExecuteReadOnly(
        u_.NewContext(), "SELECT count(*) FROM a WHERE id = 7", {}, bound, &sink));
    ASSERT_TRUE(r.ok()) << r.status();
    EXPECT_EQ(sink.statements[0].rows[0][0].int_value(), delta == 0 ? 1 : 0);
    EXPECT_EQ(*r->read_timestamp, bound.value_us == s.us ? s : s.Prev());
  }
}

TEST_F(SessionTest, SizesAreBounded) {
  Accounts();
  std::string outputs = "SELECT 1";
  for (int i = 1; i < 1664; ++i) outputs += ",1";
  EXPECT_EQ(Run(outputs).substr(0, 8), "1,1,1,1,");
  EXPECT_EQ(Run(outputs + ",1"), "54011");
  EXPECT_EQ(Run(outputs + ",* FROM a"), "54011");
  EXPECT_EQ(Run("SELECT 1 WHERE 1 IN (1" + std::string(600'000, ',') + ")"), "54000");
  ASSERT_EQ(Run("CREATE TABLE big (id bigint PRIMARY KEY, v text)"), "CREATE TABLE;");
  EXPECT_EQ(Run("INSERT INTO big VALUES (1, repeat('x', 11000000))"), "54000");
  u_.store.max_transaction_bytes = 1000;
  EXPECT_EQ(Run("INSERT INTO big VALUES (1, repeat('x', 600)), (2, repeat('x', 600))"), "54000");
  u_.store.max_transaction_bytes = 100 << 20;
  ASSERT_EQ(Run("INSERT INTO big VALUES (1, repeat('x', 60000)), (2, repeat('x', 60000))"),
            "INSERT 0 2;");
  Ctx small = u_.NewContext();
  small->memory.Attach(100'000, nullptr);
  CollectingSink sink;
  auto r = u_.Run(session_->Execute(small, "SELECT v FROM big ORDER BY v", {}, &sink));
  EXPECT_EQ(SqlStateOf(r.status()), "53200");
  EXPECT_EQ(small->memory.used(), 0);
  // A sort of which a few rows are taken holds no more than these.
  CollectingSink first;
  r = u_.Run(session_->Execute(
      small, "SELECT i FROM generate_series(1, 100000) AS i ORDER BY -i LIMIT 3", {}, &first));
  EXPECT_TRUE(r.ok()) << r.status();
  EXPECT_EQ(Render(first), "100000|99999|99998|SELECT 3;");
  EXPECT_EQ(small->memory.used(), 0);
}

TEST_F(SessionTest, CancelAndClock) {
  Accounts();
  Ctx cancelled = u_.NewContext();
  cancelled->Cancel();
  CollectingSink sink;
  auto r = u_.Run(session_->Execute(cancelled, "SELECT * FROM a", {}, &sink));
  EXPECT_EQ(SqlStateOf(r.status()), "57014");
  u_.truetime.vouches = false;
  EXPECT_EQ(Run("SELECT * FROM a"), "57P03");
  EXPECT_EQ(Run("INSERT INTO a VALUES (8, 8)"), "57P03");
}

TEST_F(SessionTest, ParametersTakeTheirTypesFromTheStatement) {
  Accounts();
  const TypedDatum untyped{Type::kUnknown, Datum::String("2")};
  EXPECT_EQ(Run("SELECT n FROM a WHERE id = $1", {untyped}), "200|SELECT 1;");
  EXPECT_EQ(Run("SELECT $1 || 'x', $2 + 1.5", {untyped, Int(1)}), "2x,2.5|SELECT 1;");
  EXPECT_EQ(Run("SELECT n FROM a WHERE id = $1", {{Type::kUnknown, Datum::String("x")}}), "22P02");
  EXPECT_EQ(Run("SELECT n FROM a WHERE id = $1"), "42P02");
  EXPECT_EQ(Run("SELECT n FROM a WHERE id = $1", {{Type::kInt8, Datum::Null()}}), "SELECT 0;");
  EXPECT_EQ(Run("INSERT INTO a VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = excluded.n",
                {Int(2), Int(5)}),
            "INSERT 0 1;");
  auto d = u_.Run(
      session_->Describe(u_.NewContext(), "SELECT id AS x, n + $1 FROM a WHERE id > $2", {}));
  ASSERT_TRUE(d.ok());
  EXPECT_EQ(d->params, (std::vector<Type>{Type::kInt8, Type::kInt8}));
  ASSERT_EQ(d->columns.size(), 2u);
  EXPECT_EQ(d->columns[0].name, "x");
  EXPECT_TRUE(d->is_query);
}

TEST_F(SessionTest, SeveralTransactionsOnOneSession) {
  Accounts();
  TransactionOptions options;
  options.fail_on_error = false;
  auto one = *session_->Begin(u_.NewContext(), options);
  auto two = *session_->Begin(u_.NewContext(), TransactionOptions{.read_only = true});
  EXPECT_EQ(In(one.get(), "UPDATE a SET n = 1 WHERE id = 1"), "UPDATE 1;");
  EXPECT_EQ(In(two.get(), "SELECT n FROM a WHERE id = 1"), "100|SELECT 1;");
  EXPECT_EQ(In(two.get(), "UPDATE a SET n = 1"), "25006");
  // The Spanner API goes on after an error; the failed statement left nothing.
  EXPECT_EQ(In(one.get(), "INSERT INTO a VALUES (8, 8), (1, 1)"), "23505");
  EXPECT_EQ(In(one.get(), "SELECT count(*) FROM a"), "3|SELECT 1;");
  auto committed = u_.Run(one->Commit(u_.NewContext()));
  ASSERT_TRUE(committed.ok());
  EXPECT_GT(committed->commit_timestamp.us, 0);
  EXPECT_EQ(one->state(), SqlTransaction::State::kCommitted);
  EXPECT_EQ(In(one.get(), "SELECT 1"), "25P02");
  EXPECT_EQ(In(two.get(), "SELECT n FROM a WHERE id = 1"), "25P02");
  two->Rollback();
  auto retry = *session_->Begin(u_.NewContext(), TransactionOptions{.previous = one});
  EXPECT_EQ(u_.store.counts.retries, 1);
  EXPECT_EQ(In(retry.get(), "BEGIN"), "0A000");
}

class Refusing : public CollectingSink {
 public:
  Task<bool> OnRows(std::vector<Row>) override { co_return false; }
};

TEST_F(SessionTest, AClientThatLeavesEndsItsStatement) {
  Accounts();
  Refusing sink;
  auto r = u_.Run(session_->Execute(u_.NewContext(), "SELECT * FROM a", {}, &sink));
  EXPECT_EQ(r.status().code(), absl::StatusCode::kCancelled);
}

TEST_F(SessionTest, SplitNamesAKeyOfTheTable) {
  Accounts();
  ASSERT_EQ(Run("SELECT isochron.split($1, $2)", {{Type::kText, Datum::String("a")}, Int(1000)}),
            "t|SELECT 1;");
  ASSERT_EQ(u_.store.splits.size(), 1u);
  EXPECT_NE(ReadableKey(u_.store.splits[0]).find("1000"), std::string::npos);
}

TEST_F(SessionTest, ASplitsKeyMayBeNow) {
  EXPECT_EQ(Run("CREATE TABLE w (t timestamptz PRIMARY KEY)"), "CREATE TABLE;");
  ASSERT_EQ(Run("SELECT isochron.split('w', now())"), "t|SELECT 1;");
  ASSERT_EQ(Run("SELECT isochron.split('w', '1970-01-01 00:00:00+00')"), "t|SELECT 1;");
  ASSERT_EQ(u_.store.splits.size(), 2u);
  EXPECT_GT(u_.store.splits[0], u_.store.splits[1]);
}

TEST_F(SessionTest, ASplitsTableMayBeComputed) {
  Accounts();
  ASSERT_EQ(Run("SELECT isochron.split(lower($1), 1000)", {{Type::kUnknown, Datum::String("A")}}),
            "t|SELECT 1;");
  EXPECT_EQ(u_.store.splits.size(), 1u);
  EXPECT_EQ(Run("SELECT isochron.split(lower($1), 1000)"), "42P02");
  EXPECT_EQ(Run("SELECT isochron.split($1, 1000)"), "42P02");
}

TEST_F(SessionTest, ADefaultHasNoParameters) {
  EXPECT_EQ(Run("CREATE TABLE d (k bigint PRIMARY KEY, v bigint DEFAULT 1 + $1)", {Int(1)}),
            "42P02");
  EXPECT_EQ(Run("CREATE TABLE d (k bigint PRIMARY KEY, v bigint DEFAULT $1)"), "42P02");
}

TEST_F(SessionTest, AChecksumIsOfAGroupANodeAndATime) {
  EXPECT_EQ(Run("SELECT isochron.checksum(1, 1)"), "42883");
  EXPECT_EQ(Run("SELECT isochron.checksum(0, 1, now())"), "22023");
  EXPECT_EQ(Run("SELECT isochron.checksum(1, 1, NULL)"), "22023");
  EXPECT_EQ(Run("SELECT isochron.checksum(1, 1, now(), 'AA')"), "22023");
  EXPECT_EQ(Run("SELECT isochron.checksum(1, 1, now(), 'aa')"), "0A000");  // no replicas here
  EXPECT_EQ(Run("SELECT isochron.checksum($1, 1, now())"), "42P02");
  EXPECT_EQ(Run("BEGIN; SELECT isochron.checksum(1, 1, now())"), "25001");
}

TEST_F(SessionTest, MergeNamesAKeyOfTheTable) {
  Accounts();
  ASSERT_EQ(Run("SELECT isochron.merge('a', 1000)"), "t|SELECT 1;");
  ASSERT_EQ(u_.store.merges.size(), 1u);
  EXPECT_NE(ReadableKey(u_.store.merges[0]).find("1000"), std::string::npos);
  EXPECT_TRUE(u_.store.splits.empty());
  EXPECT_EQ(Run("BEGIN; SELECT isochron.merge('a', 1000)"), "25001");
  EXPECT_EQ(Run("ROLLBACK"), "ROLLBACK;");
}

TEST_F(SessionTest, AMergeThatCannotBeSaysWhy) {
  Accounts();
  EXPECT_EQ(Run("SELECT isochron.merge('nowhere', 1)"), "42P01");
  EXPECT_EQ(Run("SELECT isochron.merge('a', 'x')"), "22P02");
  EXPECT_EQ(Run("SELECT isochron.merge('a', NULL)"), "22023");
  EXPECT_EQ(Run("SELECT isochron.merge('a', 1, 2)"), "22023");
  EXPECT_EQ(Run("SELECT isochron.merge('a')"), "42883");
  EXPECT_TRUE(u_.store.merges.empty());
  u_.store.merge_status = absl::FailedPreconditionError("the groups have different replicas");
  EXPECT_EQ(Run("SELECT isochron.merge('a', 1)"), "55000");
  u_.store.merge_status = absl::DeadlineExceededError("a replica of group 100 does not answer");
  EXPECT_EQ(Run("SELECT isochron.merge('a', 1)"), "57014");
}

TEST_F(SessionTest, TheVersionRetentionIsTheDatabases) {
  const std::string show = "SHOW spanner.version_retention_period";
  EXPECT_EQ(Run(show), "1h|SELECT 1;");
  EXPECT_EQ(Run("ALTER DATABASE isochron SET \"spanner.version_retention_period\" = '2h'"),
            "ALTER DATABASE;");
  ASSERT_TRUE(last_.commit_timestamp.has_value());
  const std::string then = FormatRfc3339(last_.commit_timestamp->us);
  auto other = engine_->NewSession();
  EXPECT_EQ(Run(other.get(), show), "2h|SELECT 1;");
  EXPECT_EQ(Run("ALTER DATABASE isochron SET spanner.version_retention_period TO '7d'"),
            "ALTER DATABASE;");
  EXPECT_EQ(Run(show), "7d|SELECT 1;");
  // It is a row like any other: at an earlier timestamp it is what it was.
  EXPECT_EQ(Run(other.get(), "SET spanner.read_only_staleness = 'READ_TIMESTAMP " + then + "'"),
            "SET;");
  EXPECT_EQ(Run(other.get(), show), "2h|SELECT 1;");
  for (const char* bad : {"8d", "999ms", "0", "-1h", "for ever"}) {
    EXPECT_EQ(Run(absl::StrCat("ALTER DATABASE isochron SET spanner.version_retention_period = '",
                               bad, "'")),
              "22023");
  }
  EXPECT_EQ(Run("ALTER DATABASE isochron SET spanner.other = '8d'"), "42704");
  EXPECT_EQ(Run("ALTER DATABASE other SET spanner.version_retention_period = '2h'"), "3D000");
  EXPECT_EQ(Run("SET spanner.version_retention_period = '2h'"), "42704");
  EXPECT_EQ(Run("BEGIN; ALTER DATABASE isochron RESET ALL"), "25001");
  EXPECT_EQ(Run("ROLLBACK"), "ROLLBACK;");
  EXPECT_EQ(Run(show), "7d|SELECT 1;");
  u_.store.abort_commits = 2;
  EXPECT_EQ(Run("ALTER DATABASE isochron RESET spanner.version_retention_period"),
            "ALTER DATABASE;");
  EXPECT_EQ(Run(show), "1h|SELECT 1;");
}

TEST_F(SessionTest, ActiveStatementsAreListed) {
  EXPECT_EQ(engine_->Sessions().size(), 1u);
  {
    auto other = engine_->NewSession();
    EXPECT_EQ(engine_->Sessions().size(), 2u);
  }
  EXPECT_EQ(engine_->Sessions().size(), 1u);
  EXPECT_TRUE(engine_->ActiveStatements().empty());
}

TEST_F(SessionTest, BoundedStalenessIsForSingleStatements) {
  Accounts();
  auto other = engine_->NewSession();
  for (Session* session : {session_.get(), other.get()}) {
    Run(session, "SET spanner.read_only_staleness = 'MAX_STALENESS 10s'");
  }
  EXPECT_EQ(Run("SELECT n FROM a WHERE id = 1"), "100|SELECT 1;") << "never before its own writes";
  EXPECT_EQ(Run(other.get(), "SELECT n FROM a WHERE id = 1"), "42P01") << "there was no table";
  Run("SET spanner.read_only_staleness = 'MAX_STALENESS 0s'");
  EXPECT_EQ(Run("SELECT n FROM a WHERE id = 1"), "100|SELECT 1;");
  EXPECT_TRUE(last_.read_timestamp.has_value());
  EXPECT_EQ(Run("BEGIN READ ONLY"), "22023");
  EXPECT_EQ(session_->transaction_status(), 'I');
  Run("SET spanner.read_only_staleness = 'EXACT_STALENESS 0s'");
  EXPECT_EQ(Run("BEGIN READ ONLY; SELECT n FROM a WHERE id = 1; COMMIT"),
            "BEGIN;100|SELECT 1;COMMIT;");
}

TEST_F(SessionTest, ACausalTokenCarriesWhatASessionHasSeen) {
  Accounts();
  const auto token = session_->Setting("spanner.causal_token");
  ASSERT_TRUE(token.has_value());
  ASSERT_FALSE(token->empty());
  auto other_engine = NewEngine();
  auto other = other_engine->NewSession();
  EXPECT_EQ(other->Setting("spanner.causal_token"), "");
  Run(other.get(), "SET spanner.read_only_staleness = 'CAUSAL'");
  EXPECT_EQ(Run(other.get(), "SELECT n FROM a WHERE id = 2"), "200|SELECT 1;") << "strong";
  auto third = other_engine->NewSession();
  EXPECT_EQ(Run(third.get(), absl::StrCat("SET spanner.causal_token = '", *token, "'")), "SET;");
  EXPECT_EQ(third->Setting("spanner.causal_token"), *token);
  Run(third.get(), "SET spanner.read_only_staleness = 'CAUSAL'");
  EXPECT_EQ(Run(third.get(), "SELECT n FROM a WHERE id = 2"), "200|SELECT 1;");
  // An older token takes nothing back.
  Run("UPDATE a SET n = 7 WHERE id = 2");
  const auto newer = session_->Setting("spanner.causal_token");
  EXPECT_NE(newer, token);
  Run(absl::StrCat("SET spanner.causal_token = '", *token, "'"));
  EXPECT_EQ(session_->Setting("spanner.causal_token"), newer);
  EXPECT_NE(Run("SET spanner.causal_token = 'made up'"), "SET;");
}

}  // namespace
}  // namespace isochron::sql
