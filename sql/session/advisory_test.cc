// SPDX-License-Identifier: Apache-2.0
//
// Advisory locks of two gateways over one store: modes, scopes, leases that end.
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "sql/session/session.h"
#include "sql/testing/fake_universe.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

class AdvisoryTest : public ::testing::Test {
 protected:
  AdvisoryTest() : a_(NewEngine(1)), b_(NewEngine(2)), one_(a_->NewSession()) {
    two_ = b_->NewSession();
  }
  std::unique_ptr<Engine> NewEngine(uint64_t seed) {
    EngineOptions options;
    options.seed = seed;
    return Engine::Create({&u_.store, &u_.executor, &u_.truetime, nullptr}, options);
  }
  // The values, or the SQLSTATE.
  std::string Run(const std::unique_ptr<Session>& session, const std::string& sql,
                  Micros timeout_us = 60'000'000) {
    CollectingSink sink;
    const auto status =
        u_.Run(session->Execute(u_.NewContext(timeout_us), sql, {}, &sink)).status();
    if (!status.ok()) return SqlStateOf(status);
    std::string out;
    for (const auto& s : sink.statements) {
      for (const Row& row : s.rows) {
        for (size_t i = 0; i < row.size(); ++i) {
          absl::StrAppend(&out, DatumToText(s.columns[i].type, row[i]), ";");
        }
      }
      for (const Notice& n : s.result.notices) absl::StrAppend(&out, n.severity, ";");
    }
    return out;
  }
  std::string Try(const std::unique_ptr<Session>& session, const std::string& key) {
    return Run(session, absl::StrCat("SELECT pg_try_advisory_lock(", key, ")"));
  }
  std::string Unlock(const std::unique_ptr<Session>& session, const std::string& key) {
    return Run(session, absl::StrCat("SELECT pg_advisory_unlock(", key, ")"));
  }

  testing::FakeUniverse u_;
  std::unique_ptr<Engine> a_, b_;
  std::unique_ptr<Session> one_, two_;
};

TEST_F(AdvisoryTest, OneHolderOverAllGateways) {
  EXPECT_EQ(Try(one_, "7"), "t;");
  EXPECT_EQ(Try(two_, "7"), "f;");
  EXPECT_EQ(Try(a_->NewSession(), "7"), "f;");
  EXPECT_EQ(Try(two_, "8"), "t;");
  EXPECT_EQ(Try(two_, "0, 7"), "t;");  // another space
  EXPECT_EQ(Try(one_, "7"), "t;");     // twice: to be given back twice
  EXPECT_EQ(Unlock(one_, "7"), "t;");
  EXPECT_EQ(Try(two_, "7"), "f;");
  EXPECT_EQ(Unlock(one_, "7"), "t;");
  EXPECT_EQ(Try(two_, "7"), "t;");
  EXPECT_EQ(Unlock(one_, "7"), "f;WARNING;");
}

TEST_F(AdvisoryTest, SharedOnesGoTogether) {
  EXPECT_EQ(Run(one_, "SELECT pg_try_advisory_lock_shared(1)"), "t;");
  EXPECT_EQ(Run(two_, "SELECT pg_try_advisory_lock_shared(1)"), "t;");
  EXPECT_EQ(Try(two_, "1"), "f;");
  EXPECT_EQ(Run(one_, "SELECT pg_advisory_unlock_shared(1)"), "t;");
  EXPECT_EQ(Try(two_, "1"), "t;");  // beside its own shared one
  EXPECT_EQ(Run(one_, "SELECT pg_try_advisory_lock_shared(1)"), "f;");
  EXPECT_EQ(Run(two_, "SELECT pg_advisory_unlock_all()"), ";");
  EXPECT_EQ(Try(one_, "1"), "t;");
}

TEST_F(AdvisoryTest, WaitsUntilItIsFreeOrItsTimeIsUp) {
  EXPECT_EQ(Run(one_, "SELECT pg_advisory_lock(1)"), ";");
  EXPECT_EQ(Run(two_, "SELECT pg_advisory_lock(1)", 300'000), "57014");
  EXPECT_EQ(Run(two_, "SET lock_timeout = '100ms'; SELECT pg_advisory_lock(1)"), "55P03");
  u_.executor.PostAfter(200'000, [this] { one_.reset(); });
  EXPECT_EQ(Run(two_, "SET lock_timeout = 0; SELECT pg_advisory_lock(1)"), ";");
}

TEST_F(AdvisoryTest, ThoseOfATransactionGoWithIt) {
  EXPECT_EQ(Run(one_, "BEGIN; SELECT pg_advisory_xact_lock(1); SELECT pg_try_advisory_lock(2)"),
            ";t;");
  EXPECT_EQ(Try(two_, "1"), "f;");
  EXPECT_EQ(Unlock(one_, "1"), "f;WARNING;");
  EXPECT_EQ(Run(one_, "ROLLBACK"), "");
  EXPECT_EQ(Try(two_, "1"), "t;");
  EXPECT_EQ(Try(two_, "2"), "f;");  // the session's outlives it
  EXPECT_EQ(Run(one_, "SELECT pg_try_advisory_xact_lock(3)"), "t;");
  EXPECT_EQ(Try(two_, "3"), "t;");
  EXPECT_EQ(Run(one_, "DISCARD ALL"), "");
  EXPECT_EQ(Try(two_, "2"), "t;");
}

TEST_F(AdvisoryTest, TheSessionsEndGivesBack) {
  EXPECT_EQ(Try(one_, "1"), "t;");
  one_.reset();
  u_.executor.Advance(100'000);
  EXPECT_EQ(Try(two_, "1"), "t;");
}

TEST_F(AdvisoryTest, WhoeverComesAfterASessionOfTheSameNodeFindsItGone) {
  EXPECT_EQ(Try(one_, "1"), "t;");
  const auto next = a_->NewSession();
  u_.store.abort_commits = 1;  // giving back takes more than one attempt
  one_.reset();                // gives back in the background
  EXPECT_EQ(Try(next, "1"), "t;");
}

TEST_F(AdvisoryTest, ANodesLeaseIsRenewedAndEndsWithIt) {
  EXPECT_EQ(Try(one_, "1"), "t;");
  u_.executor.Advance(60'000'000);
  EXPECT_EQ(Try(two_, "1"), "f;");
  EXPECT_EQ(Run(one_, "SELECT 1"), "1;");
  u_.store.abort_commits = 1000;  // the node goes, and gives nothing back
  one_.reset();
  a_.reset();
  u_.executor.Advance(11'000'000);
  u_.store.abort_commits = 0;
  EXPECT_EQ(Try(two_, "1"), "t;");
}

TEST_F(AdvisoryTest, ASessionThatLostItsLocksIsToldSo) {
  auto other = a_->NewSession();
  EXPECT_EQ(Try(one_, "1"), "t;");
  u_.store.abort_commits = 100;
  u_.executor.Advance(11'000'000);
  u_.store.abort_commits = 0;
  EXPECT_FALSE(a_->VouchesForLocks(one_->id()));
  EXPECT_EQ(Try(two_, "1"), "t;");
  EXPECT_EQ(Run(one_, "SELECT 1"), "57P01");
  EXPECT_EQ(Run(one_, "SELECT 1"), "57P01");
  EXPECT_EQ(Run(other, "SELECT 1"), "1;");
  EXPECT_EQ(Try(other, "2"), "t;");  // under a new lease
  EXPECT_TRUE(a_->VouchesForLocks(other->id()));
}

TEST_F(AdvisoryTest, WhatItTakes) {
  EXPECT_EQ(Try(one_, "NULL"), "22023");
  EXPECT_EQ(Try(one_, "'x'"), "22P02");
  EXPECT_EQ(Try(one_, "1, 2, 3"), "42883");
  EXPECT_EQ(Run(one_, "SELECT 1 WHERE pg_try_advisory_lock(1)"), "0A000");
  EXPECT_EQ(Run(one_, "SELECT pg_try_advisory_lock(1) AS a, pg_try_advisory_lock(2 + 3)"), "t;t;");
  EXPECT_EQ(Run(one_, "BEGIN; SELECT nothing"), "42703");
  EXPECT_EQ(Try(one_, "9"), "25P02");
}

}  // namespace
}  // namespace isochron::sql
