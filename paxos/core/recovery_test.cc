// SPDX-License-Identifier: Apache-2.0
#include "paxos/core/recovery.h"

#include <gtest/gtest.h>

namespace isochron::paxos {
namespace {

Ballot B(uint64_t round) { return Ballot{round, NodeId(1)}; }

Entry E(LogIndex index, uint64_t ballot, uint64_t origin, const char* value) {
  return Entry{index, B(ballot), B(origin), EntryKind::kCommand,
               std::make_shared<const std::string>(value)};
}

Promise P(LogIndex chosen, uint64_t chosen_origin, std::vector<Entry> entries) {
  Promise p;
  p.chosen = chosen;
  p.chosen_origin = B(chosen_origin);
  p.last = entries.empty() ? chosen : entries.back().index;
  p.entries = std::move(entries);
  return p;
}

std::string Values(const Recovery& r) {
  std::string out;
  for (const Entry& e : r.Result()) out += *e.payload;
  return out;
}

TEST(RecoveryTest, TheHighestBallotOfASlotWins) {
  Recovery r(11);
  r.Add(NodeId(1), P(10, 1, {E(11, 2, 2, "a"), E(12, 2, 2, "b")}));
  r.Add(NodeId(2), P(10, 1, {E(11, 3, 2, "A")}));
  EXPECT_EQ(r.Complete(), 2u);
  EXPECT_EQ(Values(r), "Ab");
}

TEST(RecoveryTest, EndsAtTheFirstSlotThatNobodyAccepted) {
  Recovery r(11);
  r.Add(NodeId(1), P(10, 1, {}));
  r.Add(NodeId(2), P(10, 1, {E(11, 2, 2, "a")}));
  EXPECT_EQ(Values(r), "a");
}

TEST(RecoveryTest, AForgottenTailIsNotRevivedBehindANewerLeader) {
  // Leader 5 left 11..13 at node 2 only; leader 7 never saw them and had its own 11 chosen.
  Recovery r(11);
  r.Add(NodeId(1), P(10, 5, {E(11, 7, 7, "n")}));
  r.Add(NodeId(2), P(10, 5, {E(11, 5, 5, "x"), E(12, 5, 5, "y"), E(13, 5, 5, "z")}));
  EXPECT_EQ(Values(r), "n");
}

TEST(RecoveryTest, AForgottenTailIsNotRevivedBehindAChosenPrefix) {
  Recovery r(11);
  r.Add(NodeId(1), P(11, 7, {E(11, 7, 7, "n")}));
  r.Add(NodeId(2), P(10, 5, {E(11, 5, 5, "x"), E(12, 5, 5, "y")}));
  EXPECT_EQ(r.MaxChosen(), 11u);
  EXPECT_EQ(Values(r), "n");
}

TEST(RecoveryTest, WhatANewerLeaderWasStillProposingAgainIsKept) {
  // Leader 7 recovered 11 and 12 of leader 5, which may be chosen, and got only 11 out.
  Recovery r(11);
  r.Add(NodeId(1), P(10, 1, {E(11, 7, 5, "x")}));
  r.Add(NodeId(2), P(10, 1, {E(11, 5, 5, "x"), E(12, 5, 5, "y")}));
  EXPECT_EQ(Values(r), "xy");
}

TEST(RecoveryTest, LongAnswersComeInParts) {
  Recovery r(11);
  Promise first = P(10, 1, {E(11, 2, 2, "a"), E(12, 2, 2, "b")});
  first.last = 14;
  r.Add(NodeId(1), first);
  EXPECT_EQ(r.Complete(), 0u);
  EXPECT_EQ(r.WantedFrom(NodeId(1)), 13u);
  r.Add(NodeId(1), first);  // doubled
  Promise rest = P(10, 1, {E(13, 2, 2, "c"), E(14, 2, 2, "d")});
  r.Add(NodeId(1), rest);
  EXPECT_EQ(r.WantedFrom(NodeId(1)), 0u);
  EXPECT_EQ(r.Complete(), 1u);
  EXPECT_EQ(Values(r), "abcd");
  EXPECT_EQ(r.WantedFrom(NodeId(2)), 11u);
}

}  // namespace
}  // namespace isochron::paxos
