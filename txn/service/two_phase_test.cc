// SPDX-License-Identifier: Apache-2.0
//
// Two-phase commit over three groups in one process: group 1 coordinates, group 2 writes, group 3
// reads.
#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "txn/service/fake_cluster.h"

namespace isochron::txn {
namespace {

class TwoPhaseTest : public ::testing::Test {
 protected:
  explicit TwoPhaseTest(SabotageSet sabotage = {}) : c_(3, sabotage) {}

  void Run(Micros us = 200'000) { c_.executor.RunFor(us); }
  int64_t Now() { return kEpoch + c_.executor.MonotonicNow(); }

  Answer Read(int g, const TxnAttempt& txn, const std::string& key, bool exclusive = false) {
    return c_.Send(g, LockedReadOf(txn, {KeyRange::Point(key)}, exclusive));
  }
  Answer Prepare(int g, const TxnAttempt& txn, const std::map<std::string, std::string>& writes,
                 const peer::LockEpoch* epoch = nullptr) {
    peer::GroupRequest r;
    FillCommit(r.mutable_prepare(), txn, start_, writes, epoch);
    r.mutable_prepare()->set_coordinator(1);
    return c_.Send(g, std::move(r));
  }
  Answer Coordinate(const TxnAttempt& txn, const std::map<std::string, std::string>& writes,
                    std::vector<uint64_t> readers = {}, Micros timeout_us = 60'000'000) {
    peer::GroupRequest r;
    auto* body = r.mutable_coordinate();
    FillCommit(body, txn, start_, writes, nullptr);
    body->add_participants(2);
    body->add_writing_participants(2);
    for (uint64_t g : readers) body->add_participants(g);
    return c_.Send(1, std::move(r), timeout_us);
  }
  Answer Commit(int g, const TxnAttempt& txn, const std::map<std::string, std::string>& writes) {
    peer::GroupRequest r;
    FillCommit(r.mutable_commit(), txn, Now(), writes, nullptr);
    return c_.Send(g, std::move(r));
  }
  // Everything that drops a kind of message.
  void DropAll(peer::GroupRequest::BodyCase kind) {
    c_.drop = [kind](GroupId, const peer::GroupRequest& r) { return r.body_case() == kind; };
  }
  bool Quiet() {
    return c_.state(1).decisions.empty() && c_.state(2).prepared.empty() &&
           c_.service().DescribeLocks(GroupId(1)).empty() &&
           c_.service().DescribeLocks(GroupId(2)).empty() &&
           c_.service().DescribeLocks(GroupId(3)).empty();
  }
  std::string Value(int g, const std::string& key) {
    auto it = c_.state(g).rows.find(key);
    return it == c_.state(g).rows.end() ? "" : it->second.rbegin()->second.value_or("(none)");
  }
  Timestamp VersionOf(int g, const std::string& key) {
    return c_.state(g).rows.at(key).rbegin()->first;
  }

  FakeCluster c_;
  int64_t start_ = kEpoch;
};

TEST_F(TwoPhaseTest, CommitsAtOneTimestampEverywhere) {
  Read(3, Txn(1), "ck");
  Run();
  const peer::LockEpoch epoch = c_.access(3)->epoch();
  Answer a = Coordinate(Txn(1), {{"ak", "1"}}, {3});
  Answer p2 = Prepare(2, Txn(1), {{"bk", "2"}});
  Answer p3 = Prepare(3, Txn(1), {}, &epoch);
  Run();
  ASSERT_EQ((*a)->error(), peer::GROUP_OK);
  EXPECT_EQ((*p2)->error(), peer::GROUP_OK);
  EXPECT_EQ((*p3)->error(), peer::GROUP_OK);
  const Timestamp s((*a)->commit().s());
  EXPECT_EQ(VersionOf(1, "ak"), s);
  EXPECT_EQ(VersionOf(2, "bk"), s);
  EXPECT_GT(c_.access(3)->held_until, s);
  EXPECT_TRUE(c_.state(3).log.empty());  // a read vote is not logged
  Run(1'000'000);
  EXPECT_TRUE(Quiet());
  EXPECT_EQ(c_.observer["txn.commits.two_phase"], 1);
}

TEST_F(TwoPhaseTest, VotesMayComeFirst) {
  Prepare(2, Txn(1), {{"bk", "2"}});
  Run();
  Answer a = Coordinate(Txn(1), {{"ak", "1"}});
  Run();
  EXPECT_EQ((*a)->error(), peer::GROUP_OK);
}

TEST_F(TwoPhaseTest, TheTimestampIsNotBelowThePrepare) {
  c_.state(2).last = Timestamp(kEpoch + 2'000'000);  // group 2 is ahead
  Prepare(2, Txn(1), {{"bk", "2"}});
  Answer a = Coordinate(Txn(1), {{"ak", "1"}});
  Run(3'000'000);
  ASSERT_EQ((*a)->error(), peer::GROUP_OK);
  EXPECT_GT((*a)->commit().s(), kEpoch + 2'000'000);
}

TEST_F(TwoPhaseTest, RetriesAreDeduped) {
  Prepare(2, Txn(1), {{"bk", "2"}});
  Answer a = Coordinate(Txn(1), {{"ak", "1"}});
  Answer b = Coordinate(Txn(1), {{"ak", "1"}});
  Run();
  Answer c = Coordinate(Txn(1), {{"ak", "1"}});
  Answer p = Prepare(2, Txn(1), {{"bk", "2"}});
  Run();
  EXPECT_EQ((*a)->commit().s(), (*b)->commit().s());
  EXPECT_EQ((*a)->commit().s(), (*c)->commit().s());
  EXPECT_TRUE((*p)->vote().decided());
  EXPECT_TRUE((*p)->vote().commit());
}

TEST_F(TwoPhaseTest, ALostReadLockVotesNo) {
  Read(3, Txn(5), "ck");
  Run();
  const peer::LockEpoch epoch = c_.access(3)->epoch();
  Commit(3, Txn(1), {{"ck", "w"}});  // wounds the reader
  Run();
  Answer a = Coordinate(Txn(5), {{"ak", "1"}}, {3});
  Prepare(2, Txn(5), {{"bk", "2"}});
  Prepare(3, Txn(5), {}, &epoch);
  Run();
  EXPECT_EQ((*a)->error(), peer::TXN_ABORTED);
  Run(3'000'000);
  EXPECT_EQ(Value(1, "ak"), "");
  EXPECT_EQ(Value(2, "bk"), "");
  EXPECT_TRUE(Quiet());
}

TEST_F(TwoPhaseTest, ASilentParticipantMeansALoggedAbort) {
  Answer a = Coordinate(Txn(1), {{"ak", "1"}});
  Run(9'000'000);
  EXPECT_FALSE(a->has_value());
  Run(2'000'000);
  EXPECT_EQ((*a)->error(), peer::TXN_ABORTED);
  EXPECT_TRUE(c_.state(1).finished.contains(Txn(1)));
  Answer late = Prepare(2, Txn(1), {{"bk", "2"}});
  Run(3'000'000);
  EXPECT_TRUE(Quiet());
  EXPECT_EQ(Value(2, "bk"), "");
}

TEST_F(TwoPhaseTest, VotesWithoutACoordinatorArePresumedAbortedInTheLog) {
  Prepare(2, Txn(1), {{"bk", "2"}});
  Run(4'000'000);
  EXPECT_TRUE(c_.state(1).log.empty());
  EXPECT_EQ(c_.state(2).prepared.size(), 1u);
  Run(10'000'000);
  EXPECT_TRUE(c_.state(1).finished.contains(Txn(1)));
  EXPECT_TRUE(Quiet());
  EXPECT_EQ(c_.observer["2pc.presumed_abort"], 1);
  Answer late = Coordinate(Txn(1), {{"ak", "1"}});
  Run();
  EXPECT_EQ((*late)->error(), peer::TXN_ABORTED);
}

TEST_F(TwoPhaseTest, PreparedLocksSurviveAFailoverOfTheParticipant) {
  DropAll(peer::GroupRequest::kVote);
  Prepare(2, Txn(5), {{"bk", "2"}});
  Run();
  c_.Failover(2);
  Answer other = Read(2, Txn(9), "bk");
  Run();
  EXPECT_FALSE(other->has_value());
  c_.drop = nullptr;
  Answer a = Coordinate(Txn(5), {{"ak", "1"}});
  Run(3'000'000);
  EXPECT_EQ((*a)->error(), peer::GROUP_OK);
  ASSERT_TRUE(other->has_value());
  EXPECT_EQ((*other)->read().rows(0).value(), "2");
}

TEST_F(TwoPhaseTest, ThePreparedParticipantAsksWhenTheOutcomeIsLost) {
  DropAll(peer::GroupRequest::kOutcome);
  Prepare(2, Txn(1), {{"bk", "2"}});
  Answer a = Coordinate(Txn(1), {{"ak", "1"}});
  Run();
  EXPECT_EQ((*a)->error(), peer::GROUP_OK);
  Run(3'000'000);
  EXPECT_EQ(Value(2, "bk"), "2");
  EXPECT_EQ(c_.observer["2pc.in_doubt_resolved"], 1);
  EXPECT_FALSE(c_.state(1).decisions.empty());  // not acknowledged yet
  c_.drop = nullptr;
  Run(20'000'000);
  EXPECT_TRUE(Quiet());
}

TEST_F(TwoPhaseTest, ANewCoordinatorDeliversAfterTheCommitWait) {
  DropAll(peer::GroupRequest::kOutcome);
  for (int g = 1; g <= 3; ++g) c_.state(g).uncertainty_us = 100'000;
  c_.state(1).hold = true;
  Prepare(2, Txn(1), {{"bk", "2"}});
  Answer a = Coordinate(Txn(1), {{"ak", "1"}});
  Run(20'000);
  ASSERT_EQ(c_.state(1).held.size(), 1u);
  c_.Failover(1, /*apply_held=*/true);
  c_.drop = nullptr;
  Run(50'000);
  EXPECT_EQ((*a)->error(), peer::TXN_UNKNOWN);
  EXPECT_EQ(Value(2, "bk"), "");  // TT.after(s) has not come
  EXPECT_EQ(c_.observer["2pc.outcome_sent"], 0);
  Answer again = Coordinate(Txn(1), {{"ak", "1"}});
  Run(2'000'000);
  EXPECT_EQ((*again)->error(), peer::GROUP_OK);
  EXPECT_EQ(Value(2, "bk"), "2");
  EXPECT_TRUE(Quiet());
}

TEST_F(TwoPhaseTest, AnUndecidedAttemptOfAFormerCoordinatorCanStillCommitOrEnds) {
  DropAll(peer::GroupRequest::kVote);
  Prepare(2, Txn(1), {{"bk", "2"}});
  Answer a = Coordinate(Txn(1), {{"ak", "1"}});
  Run();
  c_.Failover(1);
  Run();
  EXPECT_EQ((*a)->error(), peer::NOT_LEADER);
  c_.drop = nullptr;
  Answer again = Coordinate(Txn(1), {{"ak", "1"}});
  Run(3'000'000);
  EXPECT_EQ((*again)->error(), peer::GROUP_OK);
  Run(3'000'000);
  EXPECT_TRUE(Quiet());
}

TEST_F(TwoPhaseTest, AnOlderOneWoundsThePreparedThroughTheCoordinator) {
  DropAll(peer::GroupRequest::kVote);  // undecided for now
  Prepare(2, Txn(5), {{"bk", "2"}});
  Answer young = Coordinate(Txn(5), {{"ak", "1"}});
  Run();
  Answer old = Read(2, Txn(1), "bk", true);
  Run(3'000'000);
  EXPECT_EQ((*young)->error(), peer::TXN_ABORTED);
  ASSERT_TRUE(old->has_value());
  EXPECT_EQ((*old)->error(), peer::GROUP_OK);
  EXPECT_EQ((*old)->read().rows_size(), 0);
  EXPECT_GE(c_.observer["2pc.wounded_prepared"], 1);
}

TEST_F(TwoPhaseTest, AWoundMayComeBeforeTheRequestToCoordinate) {
  DropAll(peer::GroupRequest::kVote);
  Prepare(2, Txn(5), {{"bk", "2"}});
  Run();
  Read(2, Txn(1), "bk", true);
  Run();
  Answer young = Coordinate(Txn(5), {{"ak", "1"}});
  Run();
  EXPECT_EQ((*young)->error(), peer::TXN_ABORTED);
}

TEST_F(TwoPhaseTest, TheCoordinatorsOwnLocksAreWoundable) {
  Answer young = Coordinate(Txn(5), {{"ak", "1"}});  // waits for votes
  Run();
  Answer old = Read(1, Txn(1), "ak", true);
  Run();
  EXPECT_EQ((*young)->error(), peer::TXN_ABORTED);
  EXPECT_EQ((*old)->error(), peer::GROUP_OK);
}

TEST_F(TwoPhaseTest, CrossedTransactionsDoNotDeadlock) {
  // The young one is prepared in 2 and wants ak; the old one holds ak and wants bk.
  Read(1, Txn(1), "ak", true);
  Run();
  Prepare(2, Txn(5), {{"bk", "young"}});
  Answer young = Coordinate(Txn(5), {{"ak", "young"}});
  Run();
  Answer old = Read(2, Txn(1), "bk", true);
  Run(3'000'000);
  EXPECT_EQ((*young)->error(), peer::TXN_ABORTED);
  EXPECT_EQ((*old)->error(), peer::GROUP_OK);
}

TEST_F(TwoPhaseTest, AReadVoteHoldsItsLocksUntilItsBound) {
  DropAll(peer::GroupRequest::kVote);
  Read(3, Txn(5), "ck");
  Run();
  const peer::LockEpoch epoch = c_.access(3)->epoch();
  Prepare(3, Txn(5), {}, &epoch);
  Run();
  Answer writer = Commit(3, Txn(9), {{"ck", "w"}});
  Run(1'000'000);
  EXPECT_FALSE(writer->has_value());
  Run(12'000'000);
  EXPECT_EQ((*writer)->error(), peer::GROUP_OK);
}

TEST_F(TwoPhaseTest, ABoundThatPassedAborts) {
  Read(3, Txn(1), "ck");
  Run();
  const peer::LockEpoch epoch = c_.access(3)->epoch();
  Answer a = Coordinate(Txn(1), {{"ak", "1"}}, {3});
  Prepare(3, Txn(1), {}, &epoch);
  Run(5'000'000);  // beyond the read vote's lease
  Prepare(2, Txn(1), {{"bk", "2"}});
  Run();
  EXPECT_EQ((*a)->error(), peer::TXN_ABORTED);
}

TEST_F(TwoPhaseTest, AnAbortReachesAPrepareThatWaitsForLocks) {
  Read(2, Txn(1), "bk", true);
  Run();
  Answer p = Prepare(2, Txn(5), {{"bk", "2"}});
  Run();
  peer::GroupRequest r;
  tablet::ToProto(Txn(5), r.mutable_outcome()->mutable_txn());
  Answer o = c_.Send(2, r);
  Run();
  EXPECT_EQ((*o)->error(), peer::GROUP_OK);
  ASSERT_TRUE(p->has_value());
  EXPECT_TRUE(c_.state(2).prepared.empty());
  Answer late = Prepare(2, Txn(5), {{"bk", "2"}});
  Run();
  EXPECT_TRUE(c_.state(2).prepared.empty());
}

TEST_F(TwoPhaseTest, ParticipantLosesLeadershipWhileThePrepareIsInFlight) {
  c_.state(2).hold = true;
  Answer p = Prepare(2, Txn(1), {{"bk", "2"}});
  Answer a = Coordinate(Txn(1), {{"ak", "1"}});
  Run();
  c_.Failover(2, /*apply_held=*/true);  // chosen after all: the new leader votes for it
  Run();
  EXPECT_EQ((*p)->error(), peer::TXN_UNKNOWN);
  EXPECT_EQ((*a)->error(), peer::GROUP_OK);
  Run(1'000'000);
  EXPECT_EQ(Value(2, "bk"), "2");
  EXPECT_TRUE(Quiet());
}

TEST_F(TwoPhaseTest, AMovedKeyAbortsAndNamesTheDescriptors) {
  Answer a = Coordinate(Txn(1), {{"zz", "1"}});
  Answer p = Prepare(2, Txn(1), {{"zz", "2"}});
  Run();
  EXPECT_EQ((*a)->error(), peer::TXN_ABORTED);
  EXPECT_GE((*a)->descriptors_size(), 1);
  EXPECT_EQ((*p)->error(), peer::WRONG_RANGE);
}

TEST_F(TwoPhaseTest, NothingOutlivesTheService) {
  DropAll(peer::GroupRequest::kVote);
  Prepare(2, Txn(1), {{"bk", "2"}});
  Coordinate(Txn(1), {{"ak", "1"}});
  Read(2, Txn(9), "bk");
  Run(10'000);  // the fixture's destructor ends everything midway
}

// ---- sabotages ----

class VolatileAbortTest : public TwoPhaseTest {
 protected:
  VolatileAbortTest() : TwoPhaseTest(SabotageSet(Sabotage::kVolatilePresumedAbort)) {}
};

TEST_F(VolatileAbortTest, SplitsTheOutcome) {
  Prepare(2, Txn(1), {{"bk", "2"}});
  Run();
  EXPECT_TRUE(c_.state(2).prepared.empty());
  EXPECT_TRUE(c_.state(1).log.empty());
  Answer a = Coordinate(Txn(1), {{"ak", "1"}});
  Run();
  EXPECT_EQ((*a)->error(), peer::GROUP_OK);
  EXPECT_EQ(Value(2, "bk"), "");
}

class NoWoundForwardTest : public TwoPhaseTest {
 protected:
  NoWoundForwardTest() : TwoPhaseTest(SabotageSet(Sabotage::kNoWoundForward)) {}
};

TEST_F(NoWoundForwardTest, CrossedTransactionsDeadlock) {
  Read(1, Txn(1), "ak", true);
  Run();
  Prepare(2, Txn(5), {{"bk", "young"}});
  Answer young = Coordinate(Txn(5), {{"ak", "young"}});
  Run();
  Answer old = Read(2, Txn(1), "bk", true);
  Run(3'000'000);
  EXPECT_FALSE(young->has_value());
  EXPECT_FALSE(old->has_value());
}

class DropPreparedLocksTest : public TwoPhaseTest {
 protected:
  DropPreparedLocksTest() : TwoPhaseTest(SabotageSet(Sabotage::kDropPreparedLocks)) {}
};

TEST_F(DropPreparedLocksTest, LetsAReaderPassAPreparedWrite) {
  DropAll(peer::GroupRequest::kVote);
  Prepare(2, Txn(5), {{"bk", "2"}});
  Run();
  c_.Failover(2);
  Answer other = Read(2, Txn(9), "bk");
  Run();
  EXPECT_TRUE(other->has_value());
}

}  // namespace
}  // namespace isochron::txn
