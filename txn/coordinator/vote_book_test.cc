// SPDX-License-Identifier: Apache-2.0
#include "txn/coordinator/vote_book.h"

#include "gtest/gtest.h"

namespace isochron::txn {
namespace {

using State = VoteBook::State;

Vote Yes(uint64_t group, int64_t s_min, Timestamp s_max = Timestamp::Max()) {
  return {GroupId(group), true, Timestamp(s_min), s_max, ""};
}

TEST(VoteBook, ReadyWhenAllSaidYes) {
  VoteBook book({GroupId(2), GroupId(3)});
  EXPECT_EQ(book.state(), State::kWaiting);
  book.Add(Yes(2, 10));
  book.Add(Yes(2, 10));  // twice is once
  EXPECT_EQ(book.state(), State::kWaiting);
  book.Add(Yes(3, 20, Timestamp(50)));
  EXPECT_EQ(book.state(), State::kReady);
  EXPECT_EQ(book.s_min(), Timestamp(20));
  EXPECT_EQ(book.s_max(), Timestamp(50));
}

TEST(VoteBook, NobodyToAskIsReady) { EXPECT_EQ(VoteBook({}).state(), State::kReady); }

TEST(VoteBook, OneNoAborts) {
  VoteBook book({GroupId(2), GroupId(3)});
  book.Add({GroupId(3), false, Timestamp(), Timestamp::Max(), "locks lost"});
  book.Add(Yes(2, 10));
  book.Add(Yes(3, 10));
  EXPECT_EQ(book.state(), State::kAbort);
  EXPECT_EQ(book.reason(), "locks lost");
}

TEST(VoteBook, BoundsThatDoNotMeetAbort) {
  VoteBook book({GroupId(2), GroupId(3)});
  book.Add(Yes(2, 60));
  book.Add(Yes(3, 10, Timestamp(50)));
  EXPECT_EQ(book.state(), State::kAbort);
}

TEST(VoteBook, StrangersDoNotCount) {
  VoteBook book({GroupId(2)});
  book.Add({GroupId(9), false, Timestamp(), Timestamp::Max(), ""});
  EXPECT_EQ(book.state(), State::kWaiting);
}

TEST(VoteBook, AWoundAbortsWithTheFirstReason) {
  VoteBook book({GroupId(2)});
  book.Abort("an older one waits");
  book.Abort("timeout");
  EXPECT_EQ(book.state(), State::kAbort);
  EXPECT_EQ(book.reason(), "an older one waits");
}

TEST(EarlyVotes, BoundedAndForgetful) {
  EarlyVotes early(1);
  const TxnAttempt a{TxnId{Timestamp(1), NodeId(1), 1, 1}, 0};
  const TxnAttempt b{TxnId{Timestamp(2), NodeId(1), 1, 1}, 0};
  ASSERT_NE(early.Find(a, 5), nullptr);
  early.Find(a, 9)->wounded = true;
  EXPECT_EQ(early.Find(b, 5), nullptr);
  early.ForgetOlderThan(5);
  EXPECT_EQ(early.size(), 1u);
  EXPECT_TRUE(early.Take(a)->wounded);
  EXPECT_FALSE(early.Take(a).has_value());
}

}  // namespace
}  // namespace isochron::txn
