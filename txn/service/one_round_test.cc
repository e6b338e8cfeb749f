// SPDX-License-Identifier: Apache-2.0
//
// Reads, one-round commits, heartbeats, rollback and splits at one group's leader.
#include <map>
#include <string>

#include "gtest/gtest.h"
#include "txn/api/reasons.h"
#include "txn/service/fake_cluster.h"

namespace isochron::txn {
namespace {

class OneRoundTest : public ::testing::Test {
 protected:
  explicit OneRoundTest(SabotageSet sabotage = {}) : c_(1, sabotage) {}

  Answer Read(const TxnAttempt& txn, const std::string& key, bool exclusive = false,
              const peer::LockEpoch* epoch = nullptr) {
    return c_.Send(1, LockedReadOf(txn, {KeyRange::Point(key)}, exclusive, epoch));
  }
  Answer Commit(const TxnAttempt& txn, const std::map<std::string, std::string>& writes,
                const peer::LockEpoch* epoch = nullptr, Micros timeout_us = 60'000'000) {
    peer::GroupRequest r;
    FillCommit(r.mutable_commit(), txn, kEpoch + c_.executor.MonotonicNow(), writes, epoch);
    return c_.Send(1, std::move(r), timeout_us);
  }
  Answer Release(const TxnAttempt& txn) {
    peer::GroupRequest r;
    tablet::ToProto(txn, r.mutable_release()->mutable_txn());
    return c_.Send(1, std::move(r));
  }
  bool Alive(const TxnAttempt& txn) {
    peer::GroupRequest r;
    tablet::ToProto(txn, r.mutable_heartbeat()->mutable_txn());
    Answer a = c_.Send(1, std::move(r));
    c_.executor.RunFor(0);
    return (*a)->heartbeat().alive();
  }
  void Run(Micros us = 100'000) { c_.executor.RunFor(us); }
  peer::LockEpoch Epoch() { return c_.access(1)->epoch(); }

  FakeCluster c_;
};

TEST_F(OneRoundTest, CommitWaitsForReplicationAndItsTimestamp) {
  Answer a = Commit(Txn(1), {{"ak", "v"}});
  Run(2'000);  // replicated, but TT.after(s) has not come
  EXPECT_FALSE(a->has_value());
  Run(2'000);
  ASSERT_TRUE(a->has_value());
  EXPECT_EQ((*a)->error(), peer::GROUP_OK);
  EXPECT_GT((*a)->commit().s(), kEpoch + 1'000);
  EXPECT_GT(c_.state(1).Now().earliest.us, (*a)->commit().s());
  EXPECT_EQ((*a)->latency().paxos_us(), 2'000);
  EXPECT_GT((*a)->latency().commit_wait_hidden_us(), 0);
  EXPECT_FALSE(Alive(Txn(1)));
}

TEST_F(OneRoundTest, LocksStayUntilTheCommitWaitIsOver) {
  c_.state(1).uncertainty_us = 50'000;
  Answer w = Commit(Txn(5), {{"ak", "v"}});
  Run(10'000);
  Answer r = Read(Txn(1), "ak");  // older, but the commit is proposed: waits
  Run(50'000);
  EXPECT_FALSE(r->has_value());
  Run(60'000);
  ASSERT_TRUE(w->has_value());
  ASSERT_TRUE(r->has_value());
  EXPECT_EQ((*r)->read().rows(0).value(), "v");
}

TEST_F(OneRoundTest, ARetryFindsTheOutcome) {
  Answer a = Commit(Txn(1), {{"ak", "v"}});
  Run();
  Answer again = Commit(Txn(1), {{"ak", "v"}});
  Run();
  EXPECT_EQ((*again)->commit().s(), (*a)->commit().s());
  EXPECT_EQ(c_.state(1).log.size(), 1u);
  EXPECT_EQ(c_.observer["txn.dedupe_hit"], 1);
}

TEST_F(OneRoundTest, ARetryAttachesToTheAttemptInFlight) {
  Answer a = Commit(Txn(1), {{"ak", "v"}});
  Answer b = Commit(Txn(1), {{"ak", "v"}});
  Run();
  EXPECT_EQ((*a)->commit().s(), (*b)->commit().s());
  EXPECT_EQ(c_.state(1).log.size(), 1u);
}

TEST_F(OneRoundTest, LostLeadershipIsUnknownAndTheNextLeaderKnows) {
  c_.state(1).hold = true;
  Answer a = Commit(Txn(1), {{"ak", "v"}});
  Run();
  c_.Failover(1, /*apply_held=*/true);
  Run();
  EXPECT_EQ((*a)->error(), peer::TXN_UNKNOWN);
  Answer again = Commit(Txn(1), {{"ak", "v"}});
  Run();
  EXPECT_EQ((*again)->error(), peer::GROUP_OK);
  EXPECT_GT((*again)->commit().s(), 0);
  EXPECT_EQ(c_.state(1).log.size(), 1u);
}

TEST_F(OneRoundTest, LocksAreTiedToTheEpoch) {
  const peer::LockEpoch epoch = Epoch();
  Read(Txn(1), "ak");
  Run();
  c_.Failover(1);
  Answer a = Commit(Txn(1), {{"ak", "v"}}, &epoch);
  Run();
  EXPECT_EQ((*a)->error(), peer::TXN_ABORTED);
  Answer r = Read(Txn(1), "al", false, &epoch);
  Run();
  EXPECT_EQ((*r)->error(), peer::TXN_ABORTED);
}

TEST_F(OneRoundTest, AWoundedAttemptNeverCommits) {
  const peer::LockEpoch epoch = Epoch();
  Read(Txn(5), "ak");
  Run();
  Answer old = Commit(Txn(1), {{"ak", "v"}});
  Run();
  EXPECT_EQ((*old)->error(), peer::GROUP_OK);
  Answer young = Commit(Txn(5), {{"ak", "w"}}, &epoch);
  Run();
  EXPECT_EQ((*young)->error(), peer::TXN_ABORTED);
  EXPECT_EQ(c_.observer["txn.wounded"], 1);
  EXPECT_EQ(c_.state(1).rows["ak"].size(), 1u);
}

TEST_F(OneRoundTest, ABlindCommitThatWasRefusedIsFencedInTheLog) {
  c_.state(1).hold = true;
  Commit(Txn(1), {{"ak", "v"}});
  Answer b = Commit(Txn(5), {{"ak", "w"}}, nullptr, 10'000);  // gives up waiting for the lock
  Run(20'000);
  c_.ReleaseHeld(1);
  Run();
  ASSERT_TRUE(b->has_value());
  EXPECT_NE((*b)->error(), peer::GROUP_OK);
  c_.Failover(1);
  Answer late = Commit(Txn(5), {{"ak", "w"}});  // a late copy, at another leader
  Run();
  EXPECT_EQ((*late)->error(), peer::TXN_ABORTED);
  EXPECT_EQ(c_.state(1).rows["ak"].size(), 1u);
}

TEST_F(OneRoundTest, ACommitThatGetsNoLockHearsOfItsAbortBeforeItsDeadline) {
  const peer::LockEpoch epoch = Epoch();
  Read(Txn(1), "ak");
  Read(Txn(5), "am");
  Run();
  Answer blind = Commit(Txn(6), {{"ak", "w"}}, nullptr, 1'000'000);
  Answer locked = Commit(Txn(5), {{"ak", "w"}}, &epoch, 1'000'000);  // it has a lock elsewhere
  Run(700'000);
  EXPECT_FALSE(blind->has_value());
  Run(200'000);
  for (const Answer& a : {blind, locked}) {
    ASSERT_TRUE(a->has_value());
    EXPECT_EQ((*a)->error(), peer::TXN_ABORTED) << (*a)->message();
  }
  EXPECT_EQ(c_.observer["txn.logged_abort"], 1);
  Release(Txn(1));
  Run();
  Answer late = Commit(Txn(6), {{"ak", "w"}});
  Run();
  EXPECT_EQ((*late)->error(), peer::TXN_ABORTED);
  EXPECT_FALSE(c_.state(1).rows.contains("ak"));
}

TEST_F(OneRoundTest, OldCommitRequestsAreUnknown) {
  peer::GroupRequest r;
  FillCommit(r.mutable_commit(), Txn(1), kEpoch - 30'000'000, {{"ak", "v"}}, nullptr);
  Answer a = c_.Send(1, std::move(r));
  Run();
  EXPECT_EQ((*a)->error(), peer::TXN_UNKNOWN);
  EXPECT_TRUE(c_.state(1).log.empty());
}

TEST_F(OneRoundTest, AFullPipelineIsWaitedOut) {
  c_.state(1).pipeline_full = true;
  Answer a = Commit(Txn(1), {{"ak", "v"}});
  Run(10'000);
  EXPECT_FALSE(a->has_value());
  c_.state(1).pipeline_full = false;
  Run();
  EXPECT_EQ((*a)->error(), peer::GROUP_OK);
}

TEST_F(OneRoundTest, AStoreThatIsCloseToStallSlowsNewWritesDown) {
  c_.close_to_stall = true;
  Answer a = Commit(Txn(1), {{"ak", "v"}});
  Run(10'000);
  EXPECT_FALSE(a->has_value());
  EXPECT_GT(c_.observer["txn.slowed_for_store"], 0);
  c_.close_to_stall = false;
  Run();
  EXPECT_EQ((*a)->error(), peer::GROUP_OK);
}

TEST_F(OneRoundTest, AWaitForLocksEndsWithItsOwnTimeout) {
  Read(Txn(1), "ak", /*exclusive=*/true);
  Run();
  peer::GroupRequest r = LockedReadOf(Txn(5), {KeyRange::Point("ak")}, false);
  r.mutable_locked_read()->set_lock_timeout_us(200'000);
  Answer a = c_.Send(1, std::move(r));
  Run(150'000);
  EXPECT_FALSE(a->has_value());
  Run(60'000);
  ASSERT_TRUE(a->has_value());
  EXPECT_EQ((*a)->error(), peer::LOCK_TIMEOUT);
  EXPECT_NE((*a)->message().find("lock timeout"), std::string::npos) << (*a)->message();
  EXPECT_TRUE(Alive(Txn(1)));
}

// A disk down to its reserve: nothing new, but what holds locks is finished from the reserve.
TEST_F(OneRoundTest, AFullDiskRefusesWhatIsNewAndFinishesWhatWasBegun) {
  const peer::LockEpoch epoch = Epoch();
  Read(Txn(1), "ak", /*exclusive=*/true);
  Run();
  c_.may_write = DiskFull("no room");
  Answer blind = Commit(Txn(5), {{"ab", "w"}});
  Answer lock = Read(Txn(6), "ac", /*exclusive=*/true);
  Answer read = Read(Txn(7), "ad");
  Run();
  EXPECT_NE((*blind)->error(), peer::GROUP_OK);
  EXPECT_EQ((*lock)->error(), peer::DISK_FULL);
  EXPECT_EQ((*read)->error(), peer::GROUP_OK);
  Answer begun = Commit(Txn(1), {{"ak", "v"}}, &epoch);
  Run();
  EXPECT_EQ((*begun)->error(), peer::GROUP_OK);
  EXPECT_EQ(c_.state(1).rows.count("ab"), 0u);
  c_.may_write = absl::OkStatus();
  Answer again = Commit(Txn(8), {{"ak2", "w"}});
  Run();
  EXPECT_EQ((*again)->error(), peer::GROUP_OK);
}

TEST_F(OneRoundTest, AnUpperBoundThatPassedAborts) {
  peer::GroupRequest r;
  FillCommit(r.mutable_commit(), Txn(1), kEpoch, {{"ak", "v"}}, nullptr);
  r.mutable_commit()->set_s_max_us(kEpoch);
  Answer a = c_.Send(1, std::move(r));
  Run();
  EXPECT_EQ((*a)->error(), peer::TXN_ABORTED);
}

TEST_F(OneRoundTest, OtherGroupsKeysAreRefused) {
  Answer a = Commit(Txn(1), {{"zz", "v"}});
  Answer r = Read(Txn(2), "zz");
  Run();
  EXPECT_EQ((*a)->error(), peer::TXN_ABORTED);
  EXPECT_EQ((*a)->descriptors_size(), 1);
  EXPECT_EQ((*r)->error(), peer::WRONG_RANGE);
  EXPECT_EQ((*r)->descriptors_size(), 1);
}

TEST_F(OneRoundTest, WithoutLeadershipOrGroup) {
  c_.Unlead(1);
  Answer a = Commit(Txn(1), {{"ak", "v"}});
  Answer b = c_.Send(9, LockedReadOf(Txn(1), {KeyRange::Point("ak")}, false));
  Run();
  EXPECT_EQ((*a)->error(), peer::UNKNOWN_GROUP);
  EXPECT_EQ((*b)->error(), peer::UNKNOWN_GROUP);
}

TEST_F(OneRoundTest, AClockWithoutABoundRefuses) {
  c_.state(1).clock_lost = true;
  Answer a = Commit(Txn(1), {{"ak", "v"}});
  Run();
  EXPECT_EQ((*a)->error(), peer::NOT_LEADER);
}

TEST_F(OneRoundTest, ReadersSeeRowsGapsAndLimits) {
  Commit(Txn(1), {{"aa", "1"}, {"ab", "2"}, {"ac", "3"}});
  Run();
  peer::GroupRequest r = LockedReadOf(Txn(2), {KeyRange{"a", "b"}}, false);
  r.mutable_locked_read()->set_limit_rows(2);
  Answer a = c_.Send(1, r);
  Run();
  ASSERT_EQ((*a)->read().rows_size(), 2);
  ASSERT_EQ((*a)->read().rest_size(), 1);
  EXPECT_EQ((*a)->read().rest(0).start(), "ac");
  Answer insert = Commit(Txn(3), {{"abx", "9"}});  // a phantom
  Run();
  EXPECT_FALSE(insert->has_value());
  Release(Txn(2));
  Run();
  EXPECT_EQ((*insert)->error(), peer::GROUP_OK);
}

TEST_F(OneRoundTest, SnapshotReadsTakeNoLocksAndWaitOutWhatTheySaw) {
  c_.state(1).uncertainty_us = 20'000;
  Commit(Txn(1), {{"aa", "1"}});
  Run(5'000);  // applied, not yet visible
  peer::GroupRequest r;
  tablet::ToProto(KeyRange{"a", "b"}, r.mutable_snapshot_read()->add_spans());
  Answer a = c_.Send(1, r);
  Run(10'000);
  EXPECT_FALSE(a->has_value());
  Run();
  ASSERT_TRUE(a->has_value());
  EXPECT_EQ((*a)->read().rows_size(), 1);
  EXPECT_GT((*a)->read().timestamp_us(), 0);
}

TEST_F(OneRoundTest, AbandonedLocksExpireUnlessHeartbeatsCome) {
  Read(Txn(1), "ak", true);
  Read(Txn(2), "al", true);
  for (int i = 0; i < 8; ++i) {
    Run(1'000'000);
    EXPECT_TRUE(Alive(Txn(2)));
  }
  EXPECT_FALSE(Alive(Txn(1)));
  EXPECT_EQ(c_.observer["txn.expired"], 2);  // reached and counted
}

TEST_F(OneRoundTest, RollbackReleasesAndLateRequestsAreRefused) {
  Read(Txn(1), "ak", true);
  Run();
  Release(Txn(1));
  Run();
  Answer late = Read(Txn(1), "ak", true);
  Answer other = Read(Txn(2), "ak", true);
  Run();
  EXPECT_EQ((*late)->error(), peer::TXN_ABORTED);
  EXPECT_EQ((*other)->error(), peer::GROUP_OK);
}

TEST_F(OneRoundTest, ALateRollbackOfAttemptOneSparesAttemptTwo) {
  Read(Txn(1, 2), "ak", true);
  Run();
  Release(Txn(1, 1));
  Run();
  EXPECT_TRUE(Alive(Txn(1, 2)));
}

TEST_F(OneRoundTest, ATransactionThatOnlyReadNeedsItsLocksOnly) {
  const peer::LockEpoch epoch = Epoch();
  Read(Txn(1), "ak");
  Run();
  Answer a = Commit(Txn(1), {}, &epoch);
  Run();
  EXPECT_EQ((*a)->error(), peer::GROUP_OK);
  EXPECT_EQ((*a)->commit().s(), 0);
  EXPECT_TRUE(c_.state(1).log.empty());
}

TEST_F(OneRoundTest, ASplitWaitsForCommitsAndWoundsReaders) {
  const peer::LockEpoch epoch = Epoch();
  Read(Txn(5), "ax");
  Read(Txn(6), "ab");
  Run();
  c_.state(1).hold = true;
  Answer w = Commit(Txn(2), {{"ay", "v"}});
  Run();
  peer::GroupRequest r;
  r.mutable_split()->set_key("am");
  r.mutable_split()->set_new_group(77);
  Answer split = c_.Send(1, r);
  Answer after = Commit(Txn(9), {{"az", "v"}});
  Run();
  EXPECT_FALSE(split->has_value());
  c_.ReleaseHeld(1);
  Run();
  EXPECT_EQ((*w)->error(), peer::GROUP_OK);
  ASSERT_EQ((*split)->error(), peer::GROUP_OK);
  EXPECT_EQ((*split)->split().descriptors_size(), 2);
  EXPECT_EQ((*after)->error(), peer::TXN_ABORTED);
  EXPECT_EQ((*after)->descriptors_size(), 2);
  EXPECT_FALSE(Alive(Txn(5)));
  EXPECT_TRUE(Alive(Txn(6)));
  Answer again = c_.Send(1, r);
  Run();
  EXPECT_EQ((*again)->error(), peer::WRONG_RANGE);
  EXPECT_EQ((*again)->descriptors_size(), 2);
}

TEST_F(OneRoundTest, LocksAreDescribed) {
  Read(Txn(1), "ak", true);
  Run();
  EXPECT_EQ(c_.service().DescribeLocks(GroupId(1)).size(), 1u);
  EXPECT_EQ(c_.service().Led().size(), 1u);
}

// ---- sabotages are seen to break their rule ----

class EpochOnlyTest : public OneRoundTest {
 protected:
  EpochOnlyTest() : OneRoundTest(SabotageSet(Sabotage::kEpochOnlyCheck)) {}
};

TEST_F(EpochOnlyTest, AWoundedAttemptCommits) {
  const peer::LockEpoch epoch = Epoch();
  Read(Txn(5), "ak");
  Run();
  Commit(Txn(1), {{"ak", "v"}});
  Run();
  Answer young = Commit(Txn(5), {{"ak", "w"}}, &epoch);
  Run();
  EXPECT_EQ((*young)->error(), peer::GROUP_OK);
}

class ReleaseIgnoresAttemptTest : public OneRoundTest {
 protected:
  ReleaseIgnoresAttemptTest() : OneRoundTest(SabotageSet(Sabotage::kReleaseIgnoresAttempt)) {}
};

TEST_F(ReleaseIgnoresAttemptTest, ALateRollbackTakesTheNextAttemptsLocks) {
  Read(Txn(1, 2), "ak", true);
  Run();
  Release(Txn(1, 1));
  Answer other = Read(Txn(9), "ak", true);
  Run();
  EXPECT_TRUE(other->has_value());
  EXPECT_TRUE(Alive(Txn(1, 2)));
}

class NoCommitWaitTest : public OneRoundTest {
 protected:
  NoCommitWaitTest() : OneRoundTest(SabotageSet(Sabotage::kNoCommitWait)) {}
};

TEST_F(NoCommitWaitTest, AnswersTooEarly) {
  c_.state(1).uncertainty_us = 50'000;
  Answer a = Commit(Txn(1), {{"ak", "v"}});
  Run(3'000);
  EXPECT_TRUE(a->has_value());
}

class AbortOnNotLeaderTest : public OneRoundTest {
 protected:
  AbortOnNotLeaderTest() : OneRoundTest(SabotageSet(Sabotage::kAbortOnNotLeader)) {}
};

TEST_F(AbortOnNotLeaderTest, ClaimsAnAbortThatIsNone) {
  c_.state(1).hold = true;
  Answer a = Commit(Txn(1), {{"ak", "v"}});
  Run();
  c_.Failover(1, /*apply_held=*/true);
  Run();
  EXPECT_EQ((*a)->error(), peer::TXN_ABORTED);
  EXPECT_EQ(c_.state(1).rows["ak"].size(), 1u);
}

}  // namespace
}  // namespace isochron::txn
