// SPDX-License-Identifier: Apache-2.0
#include "sim/checkers/event_checker.h"

#include <gtest/gtest.h>

namespace isochron::sim {
namespace {

constexpr NodeId kA(1), kB(2);
constexpr GroupId kG(7);

Ballot B(uint64_t round, NodeId node) { return Ballot{round, node}; }

class EventCheckerTest : public testing::Test {
 protected:
  void Lease(NodeId node, uint64_t round, int64_t from, int64_t to, GroupId group = kG) {
    c_.OnLease(node, group, B(round, node), Timestamp(from), Timestamp(to));
  }
  void Assign(NodeId node, uint64_t round, int64_t s) {
    c_.OnAssigned(node, kG, B(round, node), Timestamp(s));
  }
  std::string First() const { return c_.anomalies().empty() ? "" : c_.anomalies()[0].name; }
  EventChecker c_;
};

TEST_F(EventCheckerTest, AcceptsExtensionsAndSuccessors) {
  Lease(kA, 1, 100, 200);
  Assign(kA, 1, 150);
  Lease(kA, 1, 100, 300);
  Assign(kA, 1, 250);
  Lease(kB, 2, 300, 400);
  Assign(kB, 2, 310);
  Lease(kA, 1, 100, 900, GroupId(8));
  EXPECT_EQ(First(), "");
  EXPECT_EQ(c_.Leaderships(kG), 2u);
}

TEST_F(EventCheckerTest, AcceptsALeaseGivenUpEarly) {
  Lease(kA, 1, 100, 300);
  Assign(kA, 1, 120);
  c_.OnLeaseReleased(kA, kG, B(1, kA), Timestamp(130));
  Lease(kB, 2, 140, 400);
  EXPECT_EQ(First(), "");
}

TEST_F(EventCheckerTest, RejectsOverlapsOfNodes) {
  Lease(kA, 1, 100, 200);
  Lease(kB, 2, 199, 300);
  EXPECT_EQ(First(), "lease-overlap");
}

TEST_F(EventCheckerTest, RejectsAnExtensionIntoASuccessor) {
  Lease(kA, 1, 100, 200);
  Lease(kB, 2, 200, 300);
  EXPECT_EQ(First(), "");
  Lease(kA, 1, 100, 201);
  EXPECT_EQ(First(), "lease-overlap");
}

TEST_F(EventCheckerTest, RejectsARestartedLeaderInItsOldLease) {
  Lease(ProcessOf(kA, 1), 1, 100, 200);
  Lease(ProcessOf(kA, 2), 2, 150, 300);
  EXPECT_EQ(First(), "lease-overlap");
}

TEST_F(EventCheckerTest, AcceptsAProcessElectedAgainInItsOwnLease) {
  Lease(kA, 1, 100, 200);
  Assign(kA, 1, 150);
  Lease(kA, 2, 140, 300);
  Assign(kA, 2, 151);
  EXPECT_EQ(First(), "");
}

TEST_F(EventCheckerTest, RejectsTimestampsThatDoNotIncrease) {
  Lease(kA, 1, 100, 200);
  Assign(kA, 1, 150);
  Assign(kA, 1, 150);
  EXPECT_EQ(First(), "timestamp-not-increasing");
}

TEST_F(EventCheckerTest, RejectsAssignmentWithinANewerLease) {
  Lease(kA, 1, 100, 200);
  Lease(kB, 2, 200, 300);
  Assign(kA, 1, 205);
  EXPECT_EQ(First(), "assigned-outside-lease");
}

TEST_F(EventCheckerTest, AnOlderLeaderMayTellOfItsLeaseLate) {
  Lease(kB, 2, 200, 300);
  Assign(kB, 2, 250);
  Lease(kA, 1, 100, 200);
  EXPECT_EQ(First(), "");
  Lease(kA, 1, 100, 220);
  EXPECT_EQ(First(), "lease-overlap");
}

TEST_F(EventCheckerTest, RejectsALeaseThatBeginsBelowAnAssignedTimestamp) {
  Lease(kA, 1, 100, 180);
  Assign(kA, 1, 190);
  Lease(kB, 2, 185, 300);
  EXPECT_EQ(First(), "lease-over-assigned");
}

TEST_F(EventCheckerTest, ReplicasApplyTheSame) {
  c_.OnApplied(kA, kG, 1, 11);
  c_.OnApplied(kB, kG, 1, 11);
  c_.OnApplied(kA, kG, 2, 12);
  c_.OnApplied(kA, kG, 1, 11);  // again after a restart
  EXPECT_EQ(First(), "");
  c_.OnApplied(kB, kG, 2, 13);
  EXPECT_EQ(First(), "replicas-diverge");
}

TEST_F(EventCheckerTest, CountsAndTellsOfReachedBranches) {
  int told = 0;
  c_.set_on_reached([&](absl::string_view name) { told += name == "2pc.prepared"; });
  c_.Reached("2pc.prepared");
  c_.Reached("2pc.prepared");
  c_.Count("txn.commits", 3);
  EXPECT_EQ(told, 2);
  EXPECT_EQ(c_.reached().at("2pc.prepared"), 2);
  EXPECT_EQ(c_.counters().at("txn.commits"), 3);
}

}  // namespace
}  // namespace isochron::sim
