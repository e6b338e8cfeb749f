// SPDX-License-Identifier: Apache-2.0
#include "paxos/lease/node_support.h"

#include <gtest/gtest.h>

#include "common/random.h"

namespace isochron::paxos {
namespace {

class FakeClock : public TrueTime {
 public:
  absl::StatusOr<TTInterval> Now() override {
    if (!vouched) return absl::UnavailableError("no bound");
    return TTInterval{Timestamp(now - bound), Timestamp(now + bound)};
  }
  void Accuse(NodeId peer, TTInterval, TTInterval) override { accused = peer; }

  int64_t now = 1'000'000;
  int64_t bound = 10;
  bool vouched = true;
  NodeId accused;
};

constexpr Micros kLease = 3'000;
const NodeId kL(1);
const NodeId kV(2);

NodeSupport::Options Options(NodeId self, uint64_t incarnation) {
  NodeSupport::Options o;
  o.self = self;
  o.incarnation = incarnation;
  o.lease_us = o.max_lease_us = kLease;
  o.renew_us = 1'000;
  return o;
}

class NodeSupportTest : public ::testing::Test {
 protected:
  NodeSupportTest() {
    leader_.emplace(Options(kL, 1), &leader_clock_);
    voter_.emplace(Options(kV, 1), &voter_clock_);
    leader_->SetPeers({kL, kV});
  }
  // Moves both clocks and the loops.
  void Pass(int64_t us) {
    leader_clock_.now += us;
    voter_clock_.now += us;
    loop_ += us;
  }
  // The leader's heartbeats reach the voter after `there`, its answer comes after `back`.
  void Exchange(int64_t there, int64_t back) {
    leader_->Tick(loop_);
    auto heartbeats = leader_->TakeMessages();
    Pass(there);
    for (auto& [to, m] : heartbeats) ASSERT_TRUE(voter_->Step(kL, m).ok());
    auto answers = voter_->TakeMessages();
    Pass(back);
    for (auto& [to, m] : answers) ASSERT_TRUE(leader_->Step(kV, m).ok());
  }

  FakeClock leader_clock_;
  FakeClock voter_clock_;
  Micros loop_ = 1;
  std::optional<NodeSupport> leader_;
  std::optional<NodeSupport> voter_;
};

TEST_F(NodeSupportTest, LeaderCountsFromSendingVoterFromReceipt) {
  const int64_t sent = leader_clock_.now;
  Exchange(500, 700);
  auto grant = leader_->GrantedBy(kV);
  ASSERT_TRUE(grant.has_value());
  EXPECT_EQ(grant->end, Timestamp(sent - 10 + kLease));
  EXPECT_EQ(voter_->SupportEnd(kL, 1), Timestamp(sent + 500 + 10 + kLease));
  EXPECT_EQ(grant->epoch, voter_->EpochFor(kL));
  auto own = leader_->GrantedBy(kL);
  ASSERT_TRUE(own.has_value());
  EXPECT_EQ(own->end, Timestamp(sent - 10 + kLease));
}

TEST_F(NodeSupportTest, OneMessageANodePairAndRenewal) {
  Exchange(0, 0);
  Pass(1'000);
  leader_->Tick(loop_);
  EXPECT_EQ(leader_->TakeMessages().size(), 1u);
  leader_->Tick(loop_ + 999);
  EXPECT_TRUE(leader_->TakeMessages().empty());
  leader_->Tick(loop_ + 1'000);
  EXPECT_EQ(leader_->TakeMessages().size(), 1u);
  // Its grant runs out: asked sooner, so that a voter that comes back counts soon.
  Pass(2 * kLease);
  leader_->Tick(loop_);
  EXPECT_EQ(leader_->TakeMessages().size(), 1u);
  leader_->Tick(loop_ + 125);
  EXPECT_EQ(leader_->TakeMessages().size(), 1u);
}

TEST_F(NodeSupportTest, VoteIsFreeOnlyAfterTheEndAndStartsANewEpoch) {
  Exchange(0, 0);
  const uint64_t epoch = voter_->EpochFor(kL);
  EXPECT_FALSE(voter_->MayVoteAgainst(kL, 1));
  EXPECT_FALSE(voter_->Withdraw(kL, 1));
  Pass(kLease + 20);
  EXPECT_FALSE(voter_->MayVoteAgainst(kL, 1));  // earliest is not past the end yet
  Pass(1);
  EXPECT_TRUE(voter_->MayVoteAgainst(kL, 1));
  // Asking alone changes nothing.
  Exchange(0, 0);
  EXPECT_EQ(voter_->EpochFor(kL), epoch);
  Pass(2 * kLease);
  EXPECT_TRUE(voter_->Withdraw(kL, 1));
  Exchange(0, 0);
  EXPECT_EQ(voter_->EpochFor(kL), epoch + 1);
  EXPECT_EQ(leader_->GrantedBy(kV)->epoch, epoch + 1);
}

TEST_F(NodeSupportTest, WithoutABoundThereIsNoVoteAndNoRenewal) {
  Exchange(0, 0);
  Pass(10 * kLease);
  voter_clock_.vouched = false;
  EXPECT_FALSE(voter_->MayVoteAgainst(kL, 1));
  const Timestamp end = voter_->SupportEnd(kL, 1);
  Exchange(0, 0);
  EXPECT_EQ(voter_->SupportEnd(kL, 1), end);
  leader_clock_.vouched = false;
  leader_->Tick(loop_ + 10 * kLease);
  EXPECT_TRUE(leader_->TakeMessages().empty());
}

TEST_F(NodeSupportTest, ARestartedVoterWaitsALeaseOut) {
  Exchange(0, 0);
  voter_.emplace(Options(kV, 2), &voter_clock_);
  EXPECT_FALSE(voter_->MayVoteAgainst(kL, 1));
  EXPECT_EQ(voter_->SupportEnd(kL, 1), Timestamp(voter_clock_.now + 10 + kLease));
  Pass(kLease + 21);
  EXPECT_TRUE(voter_->MayVoteAgainst(kL, 1));
}

TEST_F(NodeSupportTest, ARestartedVoterWithoutAClockNeverVotes) {
  voter_clock_.vouched = false;
  voter_.emplace(Options(kV, 2), &voter_clock_);
  EXPECT_EQ(voter_->SupportEnd(kL, 1), Timestamp::Max());
  Pass(10 * kLease);
  voter_clock_.vouched = true;
  EXPECT_FALSE(voter_->MayVoteAgainst(kL, 1));
  voter_->Tick(loop_);
  Pass(kLease + 21);
  EXPECT_TRUE(voter_->MayVoteAgainst(kL, 1));
}

TEST_F(NodeSupportTest, ARestartedLeaderIsAStrangerToItsOldLease) {
  Exchange(0, 0);
  const Timestamp old_end = voter_->SupportEnd(kL, 1);
  leader_.emplace(Options(kL, 2), &leader_clock_);
  leader_->SetPeers({kV});
  Pass(1'000);
  Exchange(0, 0);
  EXPECT_EQ(voter_->SupportEnd(kL, 1), old_end);  // no longer renewed
  EXPECT_GT(voter_->SupportEnd(kL, 2), old_end);
  EXPECT_GT(leader_->GrantedBy(kV)->epoch, 1u);
  // Its own old promises bind it too.
  EXPECT_FALSE(leader_->MayVoteAgainst(kL, 1));
}

TEST_F(NodeSupportTest, ImpossibleIntervalsAccuse) {
  leader_clock_.now += 10'000;
  Exchange(0, 0);
  EXPECT_EQ(voter_clock_.accused, kL);
  EXPECT_FALSE(leader_->GrantedBy(kV).has_value());
}

TEST_F(NodeSupportTest, LongerLeasesThanAgreedAreNotSupported) {
  NodeSupport::Options o = Options(kL, 1);
  o.lease_us = o.max_lease_us = kLease + 1;
  leader_.emplace(o, &leader_clock_);
  leader_->SetPeers({kV});
  Exchange(0, 0);
  EXPECT_FALSE(leader_->GrantedBy(kV).has_value());
}

TEST_F(NodeSupportTest, GarbageIsRefused) {
  leader_->Tick(loop_);
  const std::string good = leader_->TakeMessages()[0].second;
  Random random(1);
  int refused = 0;
  for (int i = 0; i < 5'000; ++i) {
    std::string bad = good.substr(0, random.Below(good.size() + 1));
    if (!bad.empty()) bad[random.Below(bad.size())] ^= static_cast<char>(1 + random.Below(255));
    refused += voter_->Step(kL, bad).ok() ? 0 : 1;
  }
  EXPECT_GT(refused, 3'000);
}

}  // namespace
}  // namespace isochron::paxos
