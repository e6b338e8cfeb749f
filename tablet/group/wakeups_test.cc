// SPDX-License-Identifier: Apache-2.0
#include "tablet/group/wakeups.h"

#include <gtest/gtest.h>

namespace isochron::tablet {
namespace {

const VoteHolder kOne{NodeId(1), 1};
const VoteHolder kOneAgain{NodeId(1), 2};

TEST(WakeupsTest, OnlyTheAwakeAreTicked) {
  Wakeups w;
  EXPECT_TRUE(w.Wake(GroupId(1)));
  EXPECT_FALSE(w.Wake(GroupId(1)));
  w.Wake(GroupId(2));
  w.Wake(GroupId(3));
  w.SleepLeading(GroupId(1));
  w.SleepFollowing(GroupId(2), kOne);
  w.SleepFollowing(GroupId(3), std::nullopt);
  EXPECT_TRUE(w.awake().empty());
  EXPECT_TRUE(w.Wake(GroupId(3)));
  EXPECT_EQ(w.awake().size(), 1u);
  w.Remove(GroupId(3));
  EXPECT_TRUE(w.awake().empty());
}

TEST(WakeupsTest, FollowersAreFiledByTheProcessThatHoldsTheirVote) {
  Wakeups w;
  w.SleepFollowing(GroupId(1), kOne);
  w.SleepFollowing(GroupId(2), kOneAgain);
  w.SleepFollowing(GroupId(3), kOne);
  const auto over = [](const VoteHolder& h) { return h == kOne; };
  EXPECT_EQ(w.Orphans(over), (std::vector<GroupId>{GroupId(1), GroupId(3)}));
  w.SleepFollowing(GroupId(3), kOneAgain);
  w.Wake(GroupId(1));
  EXPECT_TRUE(w.Orphans(over).empty());
}

TEST(WakeupsTest, UrgentTurnsFirstThenByTime) {
  Wakeups w;
  w.WaitForTurn(GroupId(1), 30, false);
  w.WaitForTurn(GroupId(2), 10, false);
  w.WaitForTurn(GroupId(3), 20, true);
  EXPECT_EQ(w.NextTurn(5, false), std::nullopt);
  EXPECT_EQ(w.NextTurn(15, true), std::nullopt);
  EXPECT_EQ(w.NextTurn(40, true), GroupId(3));
  EXPECT_EQ(w.NextTurn(40, true), std::nullopt);
  EXPECT_EQ(w.NextTurn(40, false), GroupId(2));
  EXPECT_EQ(w.NextTurn(40, false), GroupId(1));
  EXPECT_EQ(w.waiting(), 0u);
  EXPECT_EQ(w.awake().size(), 3u);  // whoever had its turn is looked after
}

TEST(WakeupsTest, AnUrgentOneStaysUrgentUntilItHadItsTurn) {
  Wakeups w;
  w.WaitForTurn(GroupId(1), 10, true);
  w.WaitForTurn(GroupId(1), 90, false);
  EXPECT_EQ(w.NextTurn(10, true), GroupId(1));
  w.WaitForTurn(GroupId(1), 90, false);
  EXPECT_TRUE(w.IsWaiting(GroupId(1)));
  EXPECT_EQ(w.NextTurn(90, true), std::nullopt);
  w.WaitForTurn(GroupId(1), 20, true);
  EXPECT_EQ(w.NextTurn(20, true), GroupId(1));
}

TEST(WakeupsTest, LeadersAreGoneThroughInParts) {
  Wakeups w;
  for (uint64_t i = 1; i <= 5; ++i) w.SleepLeading(GroupId(i));
  EXPECT_EQ(w.LeadersAfter(GroupId(), 2), (std::vector<GroupId>{GroupId(1), GroupId(2)}));
  w.Wake(GroupId(3));
  EXPECT_EQ(w.LeadersAfter(GroupId(2), 9), (std::vector<GroupId>{GroupId(4), GroupId(5)}));
}

}  // namespace
}  // namespace isochron::tablet
