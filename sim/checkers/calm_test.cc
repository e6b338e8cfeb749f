// SPDX-License-Identifier: Apache-2.0
#include "sim/checkers/calm.h"

#include <gtest/gtest.h>

namespace isochron::sim {
namespace {

constexpr CalmBounds kBounds{6'000'000, 18'000'000, 15'000'000};
constexpr Micros kSecond = 1'000'000;

// One at a time: each ends before the next is made, whatever their times are.
Operation& Write(History* h, Micros from, Micros to, const std::string& key,
                 Outcome outcome = Outcome::kCommitted) {
  Operation& op = h->Invoke(OpKind::kReadWrite, 1, from);
  op.writes.push_back({key, "x"});
  h->Complete(op, outcome, to);
  return op;
}

TEST(CalmTest, QuickOnesAreCalm) {
  History h;
  Write(&h, 0, 6 * kSecond, "a");
  EXPECT_FALSE(FindUncalm(h, kBounds));
}

TEST(CalmTest, ASlowOneIsFound) {
  History h;
  Write(&h, 0, kSecond, "a");
  const size_t slow = Write(&h, 0, 7 * kSecond + 1, "a").id;
  const auto found = FindUncalm(h, kBounds);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, "slow-in-calm");
  EXPECT_EQ(found->op, slow);
}

TEST(CalmTest, WhatEndsOnOtherKeysIsNoExcuse) {
  History h;
  Write(&h, 0, 4 * kSecond, "b");
  Write(&h, 0, 8 * kSecond, "a");
  EXPECT_TRUE(FindUncalm(h, kBounds));
}

TEST(CalmTest, WaitingForOlderOnesIsCalmWhileTheyEnd) {
  History h;
  Write(&h, 0, 4 * kSecond, "a", Outcome::kAborted);
  Operation& op = Write(&h, 0, 8 * kSecond, "b");
  op.reads.push_back({"a", std::nullopt});
  EXPECT_FALSE(FindUncalm(h, kBounds));
  op.reads.clear();
  EXPECT_TRUE(FindUncalm(h, kBounds));
}

TEST(CalmTest, WaitingForItsTurnIsCalm) {
  History h;
  Operation& first = Write(&h, 0, 4 * kSecond, "a");
  Operation& second = Write(&h, 0, 8 * kSecond, "b");
  second.turn = "t";
  EXPECT_TRUE(FindUncalm(h, kBounds));
  first.turn = "t";
  EXPECT_FALSE(FindUncalm(h, kBounds));
  first.turn = "u";
  EXPECT_TRUE(FindUncalm(h, kBounds));
}

TEST(CalmTest, ASnapshotReadWaitsForNoReader) {
  History h;
  Operation& reader = h.Invoke(OpKind::kReadOnly, 1, 0);
  reader.reads.push_back({"a", std::nullopt});
  h.Complete(reader, Outcome::kCommitted, 4 * kSecond);
  Write(&h, 0, 8 * kSecond, "a");
  EXPECT_TRUE(FindUncalm(h, kBounds));
}

TEST(CalmTest, StarvedIsNotCalm) {
  History h;
  for (int i = 1; i < 7; ++i) Write(&h, 0, 3 * i * kSecond, "a");
  EXPECT_TRUE(FindUncalm(h, {2 * kSecond, 18 * kSecond, kSecond}));
  EXPECT_FALSE(FindUncalm(h, {4 * kSecond, 18 * kSecond, kSecond}));
  Write(&h, 0, 18 * kSecond + 1, "a");
  EXPECT_TRUE(FindUncalm(h, {4 * kSecond, 18 * kSecond, kSecond}));
}

// Whoever reads under an exclusive lock keeps readers waiting, too, and readers it.
TEST(CalmTest, AnExclusiveReadIsLikeAWrite) {
  for (const bool first_alone : {true, false}) {
    History h;
    Operation& first = h.Invoke(OpKind::kReadWrite, 1, 0);
    h.Complete(first, Outcome::kAborted, 4 * kSecond);
    Operation& second = h.Invoke(OpKind::kReadWrite, 2, 0);
    h.Complete(second, Outcome::kCommitted, 8 * kSecond);
    (first_alone ? second : first).reads.push_back({"a", std::nullopt});
    EXPECT_TRUE(FindUncalm(h, kBounds));
    (first_alone ? first : second).exclusive = {"a"};
    EXPECT_FALSE(FindUncalm(h, kBounds));
  }
}

// One that was wounded before it had its locks has read nothing; it waited all the same.
TEST(CalmTest, WhatItAskedForCounts) {
  History h;
  Write(&h, 0, 4 * kSecond, "a");
  Operation& op = h.Invoke(OpKind::kReadWrite, 1, 0);
  h.Complete(op, Outcome::kAborted, 8 * kSecond);
  EXPECT_TRUE(FindUncalm(h, kBounds));
  op.shared = {"a"};
  EXPECT_FALSE(FindUncalm(h, kBounds));
}

TEST(CalmTest, WaitingForOneThatWaitsIsCalm) {
  for (const Micros until : {3 * kSecond, 9 * kSecond}) {
    History h;
    Write(&h, 0, 4 * kSecond, "a");
    Operation& between = Write(&h, 0, until, "b", Outcome::kAborted);
    between.shared = {"a"};
    Write(&h, kSecond, kSecond + 8 * kSecond, "b");
    Write(&h, 0, 7 * kSecond, "a");  // so that the one between has waited in turn
    // Without it nobody waited for what ended at 4 s.
    EXPECT_EQ(FindUncalm(h, {5 * kSecond, 18 * kSecond, kSecond}).has_value(), until < 4 * kSecond);
  }
}

TEST(CalmTest, AGatewayGivesUpAfterItsWindow) {
  History h;
  Write(&h, 0, 2 * kSecond, "a", Outcome::kUnknown);
  EXPECT_FALSE(FindUncalm(h, {6 * kSecond, 18 * kSecond, 2 * kSecond}));
  EXPECT_TRUE(FindUncalm(h, {6 * kSecond, 18 * kSecond, 2 * kSecond + 1}));
}

TEST(CalmTest, NothingEndsInTheDark) {
  for (const Outcome outcome : {Outcome::kUnknown, Outcome::kOpen}) {
    History h;
    if (outcome == Outcome::kOpen) {
      h.Invoke(OpKind::kReadWrite, 1, 0);
    } else {
      Write(&h, 0, kSecond, "a", outcome);
    }
    const auto found = FindUncalm(h, kBounds);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->kind, "unknown-in-calm");
  }
}

}  // namespace
}  // namespace isochron::sim
