// SPDX-License-Identifier: Apache-2.0
//
// How commits end: which messages, which outcome, and what is left behind.
#include <string>
#include <vector>

#include "txn/gateway/fake_universe.h"

namespace isochron::txn {
namespace {

using peer::GroupRequest;

// Three data groups: [2.., g), [g, p), [p, end).
class GatewayCommitTest : public ::testing::Test {
 protected:
  explicit GatewayCommitTest(Sabotage sabotage = Sabotage::kNone) : u(11, sabotage) {
    u.groups.Split("g", GroupId(500));
    u.groups.Split("p", GroupId(501));
    EXPECT_TRUE(u.executor.Run(u.router.Refresh(u.MakeCtx())).ok());
    u.Write({{"a", "1"}, {"h", "1"}, {"q", "1"}});
    u.Settle();
    u.groups.calls.clear();
  }
  int Calls(GroupRequest::BodyCase body) { return u.groups.calls[body]; }
  // Starts a commit and lets it go on beside the test.
  void StartCommit(ReadWriteTransaction* txn, Ctx ctx) { scope.Spawn(Store(txn, ctx, &committed)); }
  static Task<void> Store(ReadWriteTransaction* txn, Ctx ctx,
                          std::optional<absl::StatusOr<CommitResult>>* out) {
    out->emplace(co_await txn->Commit(ctx, CommitOptions{}));
  }

  FakeUniverse u;
  std::optional<absl::StatusOr<CommitResult>> committed;
  TaskScope scope;
};

TEST_F(GatewayCommitTest, OneGroupTakesOneRound) {
  auto txn = u.Begin();
  EXPECT_EQ(u.Get(txn.get(), "a"), "1");
  ASSERT_TRUE(txn->Put("b", "2").ok());
  auto r = u.Commit(txn.get());
  ASSERT_TRUE(r.ok()) << r.status();
  EXPECT_EQ(r->groups, 1);
  EXPECT_GT(r->commit_timestamp, Timestamp());
  EXPECT_EQ(Calls(GroupRequest::kCommit), 1);
  EXPECT_EQ(Calls(GroupRequest::kPrepare), 0);
  EXPECT_EQ(u.groups.Rows()["b"], "2");
  EXPECT_EQ(u.Commit(txn.get()).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(txn->Put("b", "3").code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(GatewayCommitTest, AReadElsewhereMakesItTwoPhase) {
  auto txn = u.Begin();
  EXPECT_EQ(u.Get(txn.get(), "h"), "1");
  ASSERT_TRUE(txn->Put("b", "2").ok());
  ASSERT_TRUE(txn->Put("q", "2").ok());
  u.router.local = GroupId(501);
  GroupId coordinator;
  std::vector<uint64_t> writing;
  u.groups.before = [&](GroupId g, const GroupRequest& r) {
    if (r.has_coordinate()) {
      coordinator = g;
      for (uint64_t p : r.coordinate().writing_participants()) writing.push_back(p);
      EXPECT_EQ(r.coordinate().participants_size(), 2);
    }
    return std::nullopt;
  };
  auto r = u.Commit(txn.get());
  ASSERT_TRUE(r.ok()) << r.status();
  EXPECT_EQ(r->groups, 3);
  EXPECT_EQ(coordinator, GroupId(501));  // the one led here
  EXPECT_EQ(writing, std::vector<uint64_t>{2});
  EXPECT_EQ(Calls(GroupRequest::kPrepare), 2);
  EXPECT_EQ(Calls(GroupRequest::kCommit), 0);
  u.Settle();
  EXPECT_EQ(u.groups.locked(), 0u);
}

TEST_F(GatewayCommitTest, WriteSkewIsRefused) {
  auto one = u.Begin();
  auto two = u.Begin();
  EXPECT_EQ(u.Get(one.get(), "a"), "1");
  EXPECT_EQ(u.Get(two.get(), "h"), "1");
  ASSERT_TRUE(one->Put("h", "0").ok());
  ASSERT_TRUE(two->Put("a", "0").ok());
  const bool first = u.Commit(one.get()).ok();
  const bool second = u.Commit(two.get()).ok();
  EXPECT_FALSE(first && second);
  u.Settle();
  EXPECT_EQ(u.groups.locked(), 0u);
}

// A read vote is its leader's alone: the coordinator, found late, would wait for it in vain.
TEST_F(GatewayCommitTest, AReadVoteThatWasLostIsAskedForAgain) {
  auto txn = u.Begin();
  EXPECT_EQ(u.Get(txn.get(), "h"), "1");
  ASSERT_TRUE(txn->Put("b", "2").ok());
  u.groups.delay = [](const GroupRequest& r) -> Micros {
    return r.has_coordinate() ? 3'000'000 : 0;
  };
  StartCommit(txn.get(), u.MakeCtx());
  EXPECT_TRUE(u.executor.RunUntil([&] { return Calls(GroupRequest::kPrepare) == 1; }));
  u.executor.RunFor(100'000);
  u.groups.NewLeader(GroupId(500));
  u.executor.RunFor(4'000'000);
  ASSERT_TRUE(committed.has_value());
  EXPECT_EQ(committed->status().code(), absl::StatusCode::kAborted);
  u.Settle();
  EXPECT_EQ(u.groups.locked(), 0u);
}

// So is what became of a prepare whose leader was lost over it: its writes may be in no log.
TEST_F(GatewayCommitTest, AnUnknownPrepareIsSentAgain) {
  auto txn = u.Begin();
  ASSERT_TRUE(txn->Put("b", "2").ok());
  ASSERT_TRUE(txn->Put("h", "2").ok());
  u.router.local = kFirstDataGroup;
  u.groups.before = [&](GroupId, const GroupRequest& r) -> std::optional<peer::GroupResponse> {
    if (!r.has_prepare() || Calls(GroupRequest::kPrepare) > 1) return std::nullopt;
    peer::GroupResponse lost;
    lost.set_error(peer::TXN_UNKNOWN);
    return lost;
  };
  StartCommit(txn.get(), u.MakeCtx());
  u.executor.RunFor(2'000'000);
  ASSERT_TRUE(committed.has_value());
  EXPECT_TRUE(committed->ok()) << committed->status();
  EXPECT_EQ(u.groups.Rows()["h"], "2");
  EXPECT_EQ(Calls(GroupRequest::kPrepare), 2);
}

class FastpathSabotageTest : public GatewayCommitTest {
 protected:
  FastpathSabotageTest() : GatewayCommitTest(Sabotage::kFastpathIgnoresReads) {}
};

TEST_F(FastpathSabotageTest, ReadsElsewhereAreForgotten) {
  auto one = u.Begin();
  auto two = u.Begin();
  EXPECT_EQ(u.Get(two.get(), "h"), "1");
  EXPECT_EQ(u.Get(one.get(), "a"), "1");
  ASSERT_TRUE(one->Put("h", "0").ok());
  ASSERT_TRUE(two->Put("a", "0").ok());
  EXPECT_TRUE(u.Commit(one.get()).ok());
  EXPECT_EQ(Calls(GroupRequest::kPrepare), 0);
}

TEST_F(GatewayCommitTest, WithoutWritesOnlyTheLocksAreChecked) {
  auto txn = u.Begin();
  EXPECT_EQ(u.Get(txn.get(), "a"), "1");
  EXPECT_EQ(u.Get(txn.get(), "q"), "1");
  auto r = u.Commit(txn.get());
  ASSERT_TRUE(r.ok()) << r.status();
  EXPECT_EQ(r->commit_timestamp, Timestamp());
  EXPECT_EQ(Calls(GroupRequest::kHeartbeat), 2);
  EXPECT_EQ(Calls(GroupRequest::kCommit), 0);
  u.Settle();
  EXPECT_EQ(u.groups.locked(), 0u);

  auto lost = u.Begin();
  EXPECT_EQ(u.Get(lost.get(), "a"), "1");
  EXPECT_EQ(u.Get(lost.get(), "q"), "1");
  u.groups.NewLeader(GroupId(501));
  EXPECT_EQ(u.Commit(lost.get()).status().code(), absl::StatusCode::kAborted);

  auto nothing = u.Begin();
  EXPECT_TRUE(u.Commit(nothing.get()).ok());
}

TEST_F(GatewayCommitTest, LocksLostWithALeaderAbort) {
  auto txn = u.Begin();
  EXPECT_EQ(u.Get(txn.get(), "a"), "1");
  u.groups.NewLeader(kFirstDataGroup);
  auto again = u.executor.Run(txn->Get(u.MakeCtx(), "b", LockMode::kShared));
  EXPECT_EQ(again.status().code(), absl::StatusCode::kAborted);
  ASSERT_TRUE(txn->Put("b", "2").ok());
  EXPECT_EQ(u.Commit(txn.get()).status().code(), absl::StatusCode::kAborted);
  EXPECT_FALSE(u.groups.Rows().contains("b"));
  auto retry = u.store->Retry(u.MakeCtx(), *txn);
  ASSERT_TRUE(retry.ok());
  EXPECT_EQ((*retry)->id().txn, txn->id().txn);
  EXPECT_EQ((*retry)->id().attempt, 1u);
}

TEST_F(GatewayCommitTest, WhatATransactionWaitsForIsAsOldAsItself) {
  auto parent = u.Begin();
  u.executor.RunFor(1'000'000);
  auto younger = u.Begin();
  auto child = u.store->BeginWithin(u.MakeCtx(), *parent);
  ASSERT_TRUE(child.ok());
  EXPECT_NE((*child)->id().txn, parent->id().txn);
  EXPECT_EQ((*child)->id().txn.start, parent->id().txn.start);
  EXPECT_LT((*child)->id().txn, younger->id().txn);
  ASSERT_TRUE((*child)->Put("a", "by the child").ok());
  EXPECT_TRUE(u.Commit(child->get()).ok());
  // Groups do not remember so long.
  u.executor.RunFor(GatewayLimits().max_age_us);
  child = u.store->BeginWithin(u.MakeCtx(), *parent);
  ASSERT_TRUE(child.ok());
  EXPECT_GT((*child)->id().txn, younger->id().txn);
}

TEST_F(GatewayCommitTest, AHeartbeatFindsLostLocks) {
  auto txn = u.Begin();
  EXPECT_EQ(u.Get(txn.get(), "a"), "1");
  u.executor.RunFor(5'500'000);
  EXPECT_EQ(Calls(GroupRequest::kHeartbeat), 5);
  u.groups.NewLeader(kFirstDataGroup);
  u.executor.RunFor(1'500'000);
  EXPECT_EQ(u.Commit(txn.get()).status().code(), absl::StatusCode::kAborted);
  u.Settle();
  const int beats = Calls(GroupRequest::kHeartbeat);
  u.Settle();
  EXPECT_EQ(Calls(GroupRequest::kHeartbeat), beats);
}

TEST_F(GatewayCommitTest, ALostAnswerIsAskedForAgain) {
  u.groups.lose_answer = 0.7;
  for (int i = 0; i < 20; ++i) {
    auto txn = u.Begin();
    ASSERT_TRUE(txn->Put("b", std::to_string(i)).ok());
    if (i % 2 == 0) ASSERT_TRUE(txn->Put("q", std::to_string(i)).ok());
    auto r = u.Commit(txn.get());
    ASSERT_TRUE(r.ok()) << r.status();
    EXPECT_EQ(u.groups.Rows()["b"], std::to_string(i));
  }
}

TEST_F(GatewayCommitTest, AnOutcomeThatNeverComesIsUnknown) {
  u.groups.lose_answer = 1;
  auto txn = u.Begin();
  ASSERT_TRUE(txn->Put("b", "2").ok());
  auto r = u.Commit(txn.get());
  EXPECT_EQ(r.status().code(), absl::StatusCode::kUnknown);
  EXPECT_EQ(u.groups.Rows()["b"], "2");
}

TEST_F(GatewayCommitTest, ARefusalAfterALostTryIsNoAbort) {
  u.groups.lose_and_refuse = 1;
  auto txn = u.Begin();
  ASSERT_TRUE(txn->Put("b", "2").ok());
  StartCommit(txn.get(), u.MakeCtx());
  u.executor.RunFor(1'000'000);
  EXPECT_FALSE(committed.has_value());
  u.groups.lose_and_refuse = 0;
  EXPECT_TRUE(u.executor.RunUntil([&] { return committed.has_value(); }));
  EXPECT_TRUE(committed->ok()) << committed->status();
}

TEST_F(GatewayCommitTest, ARefusalOfTheOnlyTryIsClean) {
  u.groups.before = [](GroupId, const GroupRequest& r) -> std::optional<peer::GroupResponse> {
    if (!r.has_commit()) return std::nullopt;
    peer::GroupResponse refused;
    refused.set_error(peer::REFUSED);
    refused.set_code(static_cast<int>(absl::StatusCode::kInvalidArgument));
    refused.set_message("no");
    return refused;
  };
  auto txn = u.Begin();
  EXPECT_EQ(u.Get(txn.get(), "b"), std::nullopt);
  ASSERT_TRUE(txn->Put("b", "2").ok());
  EXPECT_EQ(u.Commit(txn.get()).status(), absl::InvalidArgumentError("no"));
  u.Settle();
  EXPECT_EQ(u.groups.locked(), 0u);
}

TEST_F(GatewayCommitTest, AClientThatGivesUpIsToldUnknownAndTheCommitGoesOn) {
  for (const bool cancel : {true, false}) {
    committed.reset();
    Ctx ctx = u.MakeCtx(cancel ? 60'000'000 : 300);
    auto txn = u.Begin();
    ASSERT_TRUE(txn->Put("b", cancel ? "c" : "d").ok());
    ASSERT_TRUE(txn->Put("q", "2").ok());
    StartCommit(txn.get(), ctx);
    if (cancel) ctx->Cancel();
    EXPECT_TRUE(u.executor.RunUntil([&] { return committed.has_value(); }));
    EXPECT_EQ(committed->status().code(), absl::StatusCode::kUnknown);
    u.Settle();
    EXPECT_EQ(u.groups.Rows()["b"], cancel ? "c" : "d");
    EXPECT_EQ(u.groups.locked(), 0u);
  }
  Ctx gone = u.MakeCtx();
  gone->Cancel();
  auto txn = u.Begin();
  ASSERT_TRUE(txn->Put("b", "e").ok());
  auto r = u.executor.Run(txn->Commit(gone, CommitOptions{}));
  EXPECT_EQ(r.status().code(), absl::StatusCode::kCancelled);
}

TEST_F(GatewayCommitTest, AStaleMapAtCommitAbortsCleanly) {
  u.groups.Split("c", GroupId(502));
  for (const bool several : {false, true}) {
    auto txn = u.Begin();
    ASSERT_TRUE(txn->Put("d", "2").ok());
    if (several) ASSERT_TRUE(txn->Put("q", "2").ok());
    auto r = u.Commit(txn.get());
    if (!several) {
      EXPECT_EQ(r.status().code(), absl::StatusCode::kAborted);
      auto again = u.store->Retry(u.MakeCtx(), *txn);
      ASSERT_TRUE((*again)->Put("d", "2").ok());
      EXPECT_TRUE(u.Commit(again->get()).ok());
      u.groups.Split("e", GroupId(503));
    }
    u.Settle();
    EXPECT_EQ(u.groups.locked(), 0u);
  }
}

// Who answers may know nothing of where the key went: the group took in another, long after that
// one had been split.
TEST_F(GatewayCommitTest, AMapThatTheAnswerDoesNotMendIsReadAgain) {
  u.groups.before = [](GroupId g, const GroupRequest& r) -> std::optional<peer::GroupResponse> {
    if (g != kFirstDataGroup || !(r.has_commit() || r.has_coordinate() || r.has_prepare())) {
      return std::nullopt;
    }
    peer::GroupResponse elsewhere;
    elsewhere.set_error(r.has_prepare() ? peer::WRONG_RANGE : peer::TXN_ABORTED);
    elsewhere.set_message("merged");
    elsewhere.add_descriptors()->set_group(999);
    return elsewhere;
  };
  std::string key = "d";
  for (const GroupId local : {GroupId(), kFirstDataGroup, GroupId(501)}) {
    SCOPED_TRACE(local.value);
    u.groups.Split(key, GroupId(600 + u.groups.Descriptors().size()));
    u.router.local = local;
    auto txn = u.Begin();
    ASSERT_TRUE(txn->Put(key, "2").ok());
    if (local) ASSERT_TRUE(txn->Put("q", "2").ok());
    EXPECT_EQ(u.Commit(txn.get()).status().code(), absl::StatusCode::kAborted);
    u.Settle();
    auto again = u.store->Retry(u.MakeCtx(), *txn);
    ASSERT_TRUE((*again)->Put(key, "3").ok());
    EXPECT_TRUE(u.Commit(again->get()).ok());
    EXPECT_EQ(u.groups.Rows()[key], "3");
    key = key == "d" ? "c" : "b";
  }
}

TEST_F(GatewayCommitTest, RollbackAndDestructionGiveLocksBack) {
  {
    auto txn = u.Begin();
    EXPECT_EQ(u.Get(txn.get(), "a"), "1");
    EXPECT_EQ(u.Get(txn.get(), "q", LockMode::kExclusive), "1");
    EXPECT_EQ(u.groups.locked(), 2u);
    EXPECT_EQ(u.store->open(), 1u);
  }
  u.Settle();
  EXPECT_EQ(u.store->open(), 0u);
  EXPECT_EQ(u.groups.locked(), 0u);
  auto outlives = u.Begin();
  EXPECT_EQ(u.Get(outlives.get(), "a"), "1");
  u.store = nullptr;
  auto r = u.executor.Run(outlives->Get(u.MakeCtx(), "a", LockMode::kShared));
  EXPECT_EQ(r.status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(GatewayCommitTest, NoBoundNoTransactionAndNoCommit) {
  u.truetime.lost = true;
  EXPECT_EQ(u.store->Begin(u.MakeCtx()).status().code(), absl::StatusCode::kUnavailable);
  u.truetime.lost = false;
  auto txn = u.Begin();
  ASSERT_TRUE(txn->Put("b", "2").ok());
  u.truetime.lost = true;
  EXPECT_EQ(u.Commit(txn.get()).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(u.groups.Rows().contains("b"));
}

TEST_F(GatewayCommitTest, AnOldTransactionEnds) {
  auto txn = u.Begin();
  EXPECT_EQ(u.Get(txn.get(), "a"), "1");
  u.executor.RunFor(601'000'000);
  EXPECT_EQ(u.Commit(txn.get()).status().code(), absl::StatusCode::kResourceExhausted);
  auto retry = u.store->Retry(u.MakeCtx(), *txn);
  ASSERT_TRUE(retry.ok());
  EXPECT_NE((*retry)->id().txn, txn->id().txn);
}

TEST_F(GatewayCommitTest, SplitAtMakesGroupsWithNewIds) {
  EXPECT_TRUE(u.executor.Run(u.store->SplitAt(u.MakeCtx(), "c")).ok());
  EXPECT_TRUE(u.executor.Run(u.store->SplitAt(u.MakeCtx(), "c")).ok());
  EXPECT_EQ(u.groups.Descriptors().size(), 5u);
  EXPECT_EQ(u.executor.Run(u.store->SplitAt(u.MakeCtx(), "\x01")).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(u.router.Find("c")->range.start, "c");
}

// Transfers side by side over three groups, while leaders change and answers get lost: the sum
// stays, and what was acknowledged is there.
TEST(GatewayBankTest, TheSumNeverChanges) {
  struct Run {
    FakeUniverse* u;
    Random* random;
    int64_t acknowledged = 0;
    int unknown = 0;
    int left = 0;
    static Task<void> Transfers(Run* run, int n) {
      FakeUniverse& u = *run->u;
      for (int i = 0; i < n; ++i) {
        const std::string from = absl::StrCat("k", run->random->Below(9));
        const std::string to = absl::StrCat("k", run->random->Below(9));
        auto txn = *u.store->Begin(u.MakeCtx());
        while (true) {
          absl::Status failed;
          auto a = co_await txn->Get(u.MakeCtx(), from, LockMode::kExclusive);
          auto b = co_await txn->Get(u.MakeCtx(), to, LockMode::kExclusive);
          if (a.ok() && b.ok() && from != to) {
            EXPECT_TRUE(txn->Put(from, std::to_string(std::stoi(**a) - 1)).ok());
            EXPECT_TRUE(txn->Put(to, std::to_string(std::stoi(**b) + 1)).ok());
          }
          absl::StatusOr<CommitResult> done = absl::AbortedError("");
          if (a.ok() && b.ok()) done = co_await txn->Commit(u.MakeCtx(), CommitOptions{});
          if (done.ok()) {
            ++run->acknowledged;
            break;
          }
          if (absl::IsUnknown(done.status())) {
            ++run->unknown;
            break;
          }
          EXPECT_TRUE(absl::IsAborted(done.status())) << done.status();
          co_await SleepFor(&u.executor, run->random->Between(1000, 30000));
          auto previous = std::move(txn);
          txn = *u.store->Retry(u.MakeCtx(), *previous);
        }
      }
      --run->left;
    }
  };
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    FakeUniverse u(seed);
    Random random(seed + 1000);
    std::vector<std::pair<std::string, std::string>> rows;
    for (int i = 0; i < 9; ++i) rows.emplace_back(absl::StrCat("k", i), "100");
    u.Write(rows);
    u.groups.Split("k3", GroupId(500));
    u.groups.Split("k6", GroupId(501));
    u.groups.lose_answer = 0.1;
    Run run{&u, &random};
    TaskScope scope;
    run.left = 4;
    for (int i = 0; i < 4; ++i) scope.Spawn(Run::Transfers(&run, 25));
    int changes = 0;
    while (run.left > 0 && changes < 5000) {
      u.executor.RunFor(50'000);
      if (++changes % 4 == 0) u.groups.NewLeader(GroupId(random.OneIn(0.5) ? 2 : 500));
      if (changes == 20) u.groups.Split("k5", GroupId(502));
    }
    EXPECT_EQ(run.left, 0);
    u.Settle();
    EXPECT_EQ(u.groups.locked(), 0u);
    int64_t sum = 0;
    for (const auto& [k, v] : u.groups.Rows()) sum += std::stoi(v);
    EXPECT_EQ(sum, 900);
    EXPECT_EQ(run.acknowledged + run.unknown, 100);
  }
}

}  // namespace
}  // namespace isochron::txn
