// SPDX-License-Identifier: Apache-2.0
#include "paxos/core/membership.h"

#include <gtest/gtest.h>

#include <memory>

namespace isochron::paxos {
namespace {

Member M(uint32_t node, ReplicaKind kind = ReplicaKind::kVoter, uint64_t id = 1) {
  return Member{NodeId(node), kind, id};
}

Entry Change(LogIndex index, const Config& config) {
  return Entry{index, Ballot{1, NodeId(1)}, Ballot{1, NodeId(1)}, EntryKind::kConfig,
               std::make_shared<const std::string>(EncodeConfig(config))};
}

TEST(MembershipTest, AConfigurationSurvivesItsEncoding) {
  const Config c{{M(1), M(2, ReplicaKind::kLearner, 1ull << 60), M(3, ReplicaKind::kWitness, 7)}};
  EXPECT_EQ(*DecodeConfig(EncodeConfig(c)), c);
  EXPECT_FALSE(DecodeConfig("").ok());
  EXPECT_FALSE(DecodeConfig(EncodeConfig(c) + "x").ok());
  EXPECT_FALSE(DecodeConfig(EncodeConfig(c).substr(0, 5)).ok());
}

TEST(MembershipTest, OneReplicaAChange) {
  const Config three{{M(1), M(2), M(3)}};
  EXPECT_TRUE(CheckChange(three, Config{{M(1), M(2)}}).ok());
  EXPECT_TRUE(CheckChange(three, Config{{M(1), M(2), M(3), M(4)}}).ok());
  EXPECT_TRUE(CheckChange(three, Config{{M(1), M(2), M(3, ReplicaKind::kLearner)}}).ok());
  EXPECT_FALSE(CheckChange(three, three).ok());
  EXPECT_FALSE(CheckChange(three, Config{{M(1), M(2), M(4)}}).ok());
  EXPECT_FALSE(CheckChange(three, Config{{M(1)}}).ok());
  // A node's next life is another replica.
  EXPECT_FALSE(CheckChange(three, Config{{M(1), M(2), M(3, ReplicaKind::kVoter, 9)}}).ok());
  EXPECT_FALSE(CheckChange(Config{{M(1)}}, Config{}).ok());
}

TEST(MembershipTest, NoMoreWitnessesThanVotersWithRows) {
  const Config two{{M(1), M(2)}};
  const Config one_each{{M(1), M(3, ReplicaKind::kWitness)}};
  const Config with{{M(1), M(2), M(3, ReplicaKind::kWitness)}};
  EXPECT_TRUE(CheckChange(two, with).ok());
  EXPECT_TRUE(CheckChange(with, one_each).ok());
  EXPECT_FALSE(CheckChange(one_each, Config{{one_each.members[0], one_each.members[1],
                                             M(4, ReplicaKind::kWitness)}})
                   .ok());
  EXPECT_FALSE(CheckChange(one_each, Config{{one_each.members[1]}}).ok());
  // Rows do not come, or go, within a life.
  EXPECT_FALSE(CheckChange(with, Config{{M(1), M(2), M(3)}}).ok());
  EXPECT_FALSE(
      CheckChange(with, Config{{M(1), M(2, ReplicaKind::kWitness), with.members[2]}}).ok());
}

TEST(MembershipTest, AChangeIsInForceFromItsEntryAndSettledWhenChosen) {
  const Config two{{M(1), M(2)}};
  const Config three{{M(1), M(2), M(3)}};
  const Config four{{M(1), M(2), M(3), M(4)}};
  ConfigHistory h;
  h.Reset(10, two);
  h.Put(Change(12, three));
  EXPECT_TRUE(h.changing());
  EXPECT_EQ(h.settled(), two);
  EXPECT_EQ(h.latest(), three);
  EXPECT_TRUE(h.Has(NodeId(3), 1));
  EXPECT_FALSE(h.Settle(11));
  EXPECT_TRUE(h.Settle(12));
  EXPECT_EQ(h.settled(), three);
  EXPECT_EQ(h.settled_at(), 12u);
  // Another leader's entry takes the index: the change never was.
  h.Put(Change(15, four));
  h.Put(Entry{15, Ballot{2, NodeId(2)}, Ballot{2, NodeId(2)}, EntryKind::kNoop, nullptr});
  EXPECT_EQ(h.latest(), three);
  h.Put(Change(16, four));
  h.DropAfter(15);
  EXPECT_EQ(h.latest(), three);
}

}  // namespace
}  // namespace isochron::paxos
