// SPDX-License-Identifier: Apache-2.0
//
// The core under faults drawn from seeds, and the same with the protocol broken on purpose: a
// checker that is never seen to fail proves nothing.

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "paxos/core/test_cluster.h"

namespace isochron::paxos {
namespace {

struct Totals {
  int elections = 0;
  int transfers = 0;
  int snapshots = 0;
  int restarts = 0;
  int changes = 0;
  int wipes = 0;
  int chosen_by_witness = 0;
  int fetched_from_witness = 0;
  LogIndex chosen = 0;
};

// Runs one seed to a quiet end; the verdict of the checkers.
absl::Status RunSeed(ClusterOptions options, Totals* totals, uint64_t* digest = nullptr) {
  TestCluster cluster(options);
  cluster.RunFor(6'000'000);
  cluster.Heal();
  cluster.RunFor(4'000'000);
  if (!cluster.verdict().ok()) return cluster.verdict();
  Replica* leader = cluster.Leader();
  if (leader == nullptr) return absl::InternalError("no leader long after all faults ended");
  const LogIndex target = leader->last_index();
  cluster.RunFor(1'000'000);
  if (!cluster.verdict().ok()) return cluster.verdict();
  if (cluster.last_chosen() < target || !cluster.AllApplied(target)) {
    return absl::InternalError(absl::StrCat("index ", target, " did not reach every replica"));
  }
  totals->elections += cluster.elections;
  totals->transfers += cluster.transfers;
  totals->snapshots += cluster.snapshots;
  totals->restarts += cluster.restarts;
  totals->changes += cluster.changes;
  totals->wipes += cluster.wipes;
  totals->chosen_by_witness += cluster.chosen_by_witness;
  totals->fetched_from_witness += cluster.fetched_from_witness;
  totals->chosen += target;
  if (digest != nullptr) *digest = cluster.digest;
  return absl::OkStatus();
}

ClusterOptions Options(uint64_t seed, int nodes) {
  ClusterOptions o;
  o.seed = seed;
  o.nodes = nodes;
  // Some seeds have a bound above the message delay (rule 39).
  if (seed % 4 == 0) o.clock_bound_us = 25'000;
  if (seed % 4 == 1) o.clock_bound_us = 500;
  return o;
}

void RunSeeds(int nodes, uint64_t seeds) {
  Totals totals;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    const absl::Status s = RunSeed(Options(seed, nodes), &totals);
    ASSERT_TRUE(s.ok()) << "seed " << seed << ": " << s;
  }
  // Or the run was vacuous.
  EXPECT_GT(totals.elections, 3 * static_cast<int>(seeds));
  EXPECT_GT(totals.transfers, static_cast<int>(seeds) / 2);
  EXPECT_GT(totals.snapshots, static_cast<int>(seeds) / 2);
  EXPECT_GT(totals.restarts, 5 * static_cast<int>(seeds));
  EXPECT_GT(totals.chosen, 200 * seeds);
  std::printf(
      "%d nodes, %d seeds: %d elections, %d transfers, %d snapshots, %d starts, %d chosen\n", nodes,
      static_cast<int>(seeds), totals.elections, totals.transfers, totals.snapshots,
      totals.restarts, static_cast<int>(totals.chosen));
}

TEST(ClusterTest, ThreeReplicasKeepTheInvariants) { RunSeeds(3, 60); }
TEST(ClusterTest, FiveReplicasKeepTheInvariants) { RunSeeds(5, 40); }
TEST(ClusterTest, OneReplicaKeepsTheInvariants) {
  Totals totals;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const absl::Status s = RunSeed(Options(seed, 1), &totals);
    ASSERT_TRUE(s.ok()) << "seed " << seed << ": " << s;
  }
}

ClusterOptions MembersOptions(uint64_t seed) {
  ClusterOptions o = Options(seed, 5 + static_cast<int>(seed % 2));
  o.members = 1 + static_cast<int>(seed % 3);
  return o;
}

TEST(ClusterTest, ReplicasThatComeAndGoKeepTheInvariants) {
  Totals totals;
  constexpr int kSeeds = 150;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const absl::Status s = RunSeed(MembersOptions(seed), &totals);
    ASSERT_TRUE(s.ok()) << "seed " << seed << ": " << s;
  }
  std::printf("%d seeds: %d changes, %d wipes, %d elections, %d snapshots, %d chosen\n", kSeeds,
              totals.changes, totals.wipes, totals.elections, totals.snapshots,
              static_cast<int>(totals.chosen));
  EXPECT_GT(totals.changes, 5 * kSeeds);
  EXPECT_GT(totals.wipes, kSeeds);
  EXPECT_GT(totals.elections, 2 * kSeeds);
}

ClusterOptions WitnessOptions(uint64_t seed) {
  ClusterOptions o = MembersOptions(seed);
  o.members = 3;
  o.witnesses = true;
  return o;
}

TEST(ClusterTest, WitnessesKeepTheInvariants) {
  Totals totals;
  constexpr int kSeeds = 150;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const absl::Status s = RunSeed(WitnessOptions(seed), &totals);
    ASSERT_TRUE(s.ok()) << "seed " << seed << ": " << s;
  }
  std::printf("%d seeds: %d changes, %d wipes, %d chosen with a witness, %d fetched from one\n",
              kSeeds, totals.changes, totals.wipes, totals.chosen_by_witness,
              totals.fetched_from_witness);
  EXPECT_GT(totals.changes, 5 * kSeeds);
  EXPECT_GT(totals.wipes, kSeeds / 2);
  EXPECT_GT(totals.chosen_by_witness, 10 * kSeeds);
  EXPECT_GT(totals.fetched_from_witness, kSeeds / 10);
}

TEST(ClusterTest, OneSeedGivesOneRun) {
  Totals totals;
  uint64_t first = 0;
  uint64_t second = 0;
  ASSERT_TRUE(RunSeed(Options(5, 3), &totals, &first).ok());
  ASSERT_TRUE(RunSeed(Options(5, 3), &totals, &second).ok());
  EXPECT_EQ(first, second);
}

uint64_t MembersCaughtAt(Sabotage sabotage) {
  Totals totals;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    const bool witnesses = sabotage == Sabotage::kWitnessTruncatesEarly;
    ClusterOptions o = witnesses ? WitnessOptions(seed) : MembersOptions(seed);
    o.sabotage = sabotage;
    const absl::Status s = RunSeed(o, &totals);
    if (s.ok()) continue;
    std::printf("%s: seed %d: %s\n", std::string(SabotageName(sabotage)).c_str(),
                static_cast<int>(seed), s.ToString().c_str());
    return seed;
  }
  return 0;
}

// The seed at which a broken protocol is caught, 0 if never.
uint64_t CaughtAt(Sabotage sabotage) {
  Totals totals;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    ClusterOptions o = Options(seed, seed % 2 == 0 ? 3 : 5);
    o.sabotage = sabotage;
    const absl::Status s = RunSeed(o, &totals);
    if (s.ok()) continue;
    std::printf("%s: seed %d: %s\n", std::string(SabotageName(sabotage)).c_str(),
                static_cast<int>(seed), s.ToString().c_str());
    return seed;
  }
  return 0;
}

TEST(SabotageTest, LeaseFromReceiptIsCaught) {
  EXPECT_NE(CaughtAt(Sabotage::kLeaseFromReceipt), 0u);
}
TEST(SabotageTest, AckBeforeSyncIsCaught) { EXPECT_NE(CaughtAt(Sabotage::kAckBeforeSync), 0u); }
TEST(SabotageTest, ResumeOwnLeaseIsCaught) { EXPECT_NE(CaughtAt(Sabotage::kResumeOwnLease), 0u); }
TEST(SabotageTest, AmnesiacVoterIsCaught) {
  EXPECT_NE(MembersCaughtAt(Sabotage::kAmnesiacVoter), 0u);
}
TEST(SabotageTest, OverlappingChangesIsCaught) {
  EXPECT_NE(MembersCaughtAt(Sabotage::kOverlappingChanges), 0u);
}
TEST(SabotageTest, WitnessTruncatesEarlyIsCaught) {
  EXPECT_NE(MembersCaughtAt(Sabotage::kWitnessTruncatesEarly), 0u);
}
TEST(SabotageTest, ForgetVoteIsCaught) { EXPECT_NE(CaughtAt(Sabotage::kForgetVote), 0u); }

TEST(ClusterTest, AKilledLeaderIsReplacedWithinLeasePlusTwoSeconds) {
  ClusterOptions o;
  o.faults = false;
  TestCluster cluster(o);
  cluster.RunFor(1'000'000);
  Replica* leader = cluster.Leader();
  ASSERT_NE(leader, nullptr);
  const LogIndex before = cluster.last_chosen();
  cluster.Crash(static_cast<int>(leader->self().value) - 1);
  cluster.RunFor(o.lease_us + 500'000);
  ASSERT_NE(cluster.Leader(), nullptr);
  EXPECT_GT(cluster.last_chosen(), before);
  EXPECT_TRUE(cluster.verdict().ok()) << cluster.verdict();
}

TEST(ClusterTest, AMinorityCutOffDoesNotDisturbTheLeader) {
  ClusterOptions o;
  o.faults = false;
  TestCluster cluster(o);
  cluster.RunFor(1'000'000);
  Replica* leader = cluster.Leader();
  ASSERT_NE(leader, nullptr);
  const Ballot ballot = leader->ballot();
  const int cut = leader->self().value == 1 ? 1 : 0;
  cluster.Partition(cut, true);
  cluster.RunFor(2'000'000);
  cluster.Partition(cut, false);
  cluster.RunFor(1'000'000);
  ASSERT_NE(cluster.Leader(), nullptr);
  EXPECT_EQ(cluster.Leader()->ballot(), ballot);
  EXPECT_EQ(cluster.elections, 1);
  const LogIndex reached = cluster.last_chosen();
  cluster.RunFor(300'000);
  EXPECT_TRUE(cluster.AllApplied(reached));
}

}  // namespace
}  // namespace isochron::paxos
