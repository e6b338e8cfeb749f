// SPDX-License-Identifier: Apache-2.0
//
// What is left idle goes away, and what has ended is remembered for a while; in virtual time.
#include "server/rpc/sessions.h"

#include <gtest/gtest.h>

#include "server/rpc/testing/fake_engine.h"
#include "sql/testing/fake_universe.h"

namespace isochron::rpc {
namespace {

namespace spanner = google::spanner::v1;

constexpr char kDatabase[] = "projects/isochron/instances/default/databases/isochron";
constexpr Micros kSecond = 1'000'000;

class SessionsTest : public testing::Test {
 protected:
  SessionsTest()
      : engine_(&executor_),
        sessions_(&engine_, &executor_, nullptr,
                  {.max_sessions = 3, .finished_transactions = 2, .seed = 7}) {}

  std::shared_ptr<ApiSession> NewSession() {
    auto session = sessions_.Create(kDatabase, engine_.NewSession(), spanner::Session());
    EXPECT_TRUE(session.ok()) << session.status();
    return *session;
  }
  std::shared_ptr<ApiTransaction> Begin(ApiSession* session) {
    spanner::TransactionOptions options;
    options.mutable_read_write();
    auto txn = sessions_.Begin(NewCtx(), session, options);
    EXPECT_TRUE(txn.ok()) << txn.status();
    return *txn;
  }
  Ctx NewCtx() { return std::make_shared<RequestContext>(executor_.MonotonicNow() + 60 * kSecond); }
  Task<void> RunBegin(sql::Session* session) {
    sql::CollectingSink sink;
    auto result = co_await session->Execute(NewCtx(), "BEGIN", {}, &sink);
    EXPECT_TRUE(result.ok()) << result.status();
  }
  absl::Status Check(const std::string& name) {
    absl::Status out = absl::UnknownError("it did not end");
    TaskScope scope;
    scope.Spawn(Put(sessions_.CheckDatabase(NewCtx(), name), &out));
    return out;
  }
  static Task<void> Put(Task<absl::Status> task, absl::Status* out) {
    *out = co_await std::move(task);
  }
  void Pass(Micros us) {
    executor_.Advance(us);
    sessions_.Sweep();
  }

  sql::testing::FakeExecutor executor_;
  FakeEngine engine_;
  Sessions sessions_;
};

TEST_F(SessionsTest, TheirNumberIsBounded) {
  for (int i = 0; i < 3; ++i) NewSession();
  EXPECT_TRUE(
      absl::IsResourceExhausted(sessions_.Create(kDatabase, engine_.NewSession(), {}).status()));
}

TEST_F(SessionsTest, IdleOnesGoAfterAnHour) {
  auto idle = NewSession();
  auto used = NewSession();
  Pass(3500 * kSecond);
  { SessionUse use(used, &executor_); }
  Pass(200 * kSecond);
  EXPECT_FALSE(sessions_.Find(idle->name).ok());
  EXPECT_TRUE(sessions_.Find(used->name).ok());
}

TEST_F(SessionsTest, ARequestUnderWayKeepsItsSession) {
  auto session = NewSession();
  SessionUse use(session, &executor_);
  Pass(7200 * kSecond);
  EXPECT_TRUE(sessions_.Find(session->name).ok());
}

TEST_F(SessionsTest, OneInsideBeginGoesAfterFiveMinutes) {
  auto session = NewSession();
  auto own = sessions_.Own(session.get());
  TaskScope scope;
  scope.Spawn(RunBegin(own.get()));
  EXPECT_EQ(own->transaction_status(), 'T');
  Pass(301 * kSecond);
  EXPECT_FALSE(sessions_.Find(session->name).ok());
}

TEST_F(SessionsTest, AbandonedTransactionsAreRolledBack) {
  auto session = NewSession();
  auto txn = Begin(session.get());
  Pass(200 * kSecond);
  EXPECT_EQ(engine_.counters.rolled_back, 0);
  Pass(200 * kSecond);
  EXPECT_EQ(engine_.counters.rolled_back, 1);
  EXPECT_TRUE(txn->finished);
  EXPECT_TRUE(sessions_.Find(session->name).ok());
}

TEST_F(SessionsTest, TheLastFinishedTransactionsAreRemembered) {
  auto session = NewSession();
  std::vector<std::shared_ptr<ApiTransaction>> all;
  for (int i = 0; i < 4; ++i) {
    all.push_back(Begin(session.get()));
    sessions_.Finish(session.get(), all.back().get());
  }
  EXPECT_FALSE(sessions_.FindTransaction(session.get(), all[1]->id).ok());
  EXPECT_TRUE(sessions_.FindTransaction(session.get(), all[2]->id).ok());
  EXPECT_EQ(session->transactions.size(), 2u);
}

TEST_F(SessionsTest, OtherNamesOfADatabaseAreRefused) {
  EXPECT_TRUE(Check(kDatabase).ok());
  EXPECT_TRUE(Check("projects/p/instances/i/databases/isochron").ok());
  EXPECT_TRUE(absl::IsNotFound(Check("projects/p/instances/i/databases/d")));
  EXPECT_TRUE(absl::IsInvalidArgument(Check("isochron")));
}

TEST_F(SessionsTest, ListingGoesOnWhereItStopped) {
  for (int i = 0; i < 3; ++i) NewSession();
  std::vector<std::shared_ptr<ApiSession>> found;
  std::string token = sessions_.List(kDatabase, "", 2, &found);
  EXPECT_FALSE(token.empty());
  EXPECT_EQ(found.size(), 2u);
  token = sessions_.List(kDatabase, token, 3, &found);  // three at most, with what is there
  EXPECT_EQ(found.size(), 3u);
  EXPECT_EQ(token, "");
}

}  // namespace
}  // namespace isochron::rpc
