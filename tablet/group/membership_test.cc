// SPDX-License-Identifier: Apache-2.0
#include "tablet/group/membership.h"

#include <gtest/gtest.h>

namespace isochron::tablet {
namespace {

using paxos::Config;
using paxos::Member;
using paxos::ReplicaKind;

const Config kThree{{{NodeId(1)}, {NodeId(2)}, {NodeId(3)}}};

peer::Replica Wanted(uint32_t node, peer::ReplicaKind kind = peer::VOTER, uint64_t id = 0) {
  peer::Replica r;
  r.set_node(node);
  r.set_kind(kind);
  r.set_id(id);
  return r;
}

TEST(MembershipTest, AVoterJoinsAsALearner) {
  auto next = NextConfig(kThree, Wanted(4), false, 77, false);
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(*next->Find(NodeId(4)), (Member{NodeId(4), ReplicaKind::kLearner, 77}));
  EXPECT_EQ(*NextConfig(*next, Wanted(4), false, 0, false), *next);  // still catching up
  auto promoted = NextConfig(*next, Wanted(4), false, 0, true);
  EXPECT_EQ(promoted->Find(NodeId(4))->kind, ReplicaKind::kVoter);
  EXPECT_EQ(promoted->Find(NodeId(4))->id, 77u);
}

TEST(MembershipTest, RemovalsAndRefusals) {
  EXPECT_EQ(NextConfig(kThree, Wanted(3), true, 0, false)->Voters(), 2u);
  EXPECT_EQ(*NextConfig(kThree, Wanted(9), true, 0, false), kThree);  // has gone already
  EXPECT_TRUE(absl::IsInvalidArgument(
      NextConfig(Config{{{NodeId(1)}}}, Wanted(1), true, 0, false).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(
      NextConfig(kThree, Wanted(3, peer::READ_ONLY), false, 0, false).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(
      NextConfig(kThree, Wanted(3, peer::VOTER, 5), true, 0, false).status()));
}

TEST(MembershipTest, WitnessesJoinAsSuchAndAreNoMoreThanVoters) {
  auto next =
      NextConfig(Config{{{NodeId(1)}, {NodeId(2)}}}, Wanted(3, peer::WITNESS), false, 7, false);
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(*next->Find(NodeId(3)), (Member{NodeId(3), ReplicaKind::kNewWitness, 7}));
  EXPECT_EQ(*NextConfig(*next, Wanted(3, peer::WITNESS), false, 0, false), *next);
  next = NextConfig(*next, Wanted(3, peer::WITNESS), false, 0, true);
  EXPECT_EQ(*next->Find(NodeId(3)), (Member{NodeId(3), ReplicaKind::kWitness, 7}));
  EXPECT_EQ(*NextConfig(*next, Wanted(3, peer::WITNESS), false, 0, true), *next);
  // Never of another kind within its life.
  EXPECT_TRUE(absl::IsFailedPrecondition(NextConfig(*next, Wanted(3), false, 0, true).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(
      NextConfig(*next, Wanted(2, peer::WITNESS), false, 0, true).status()));
  auto one = NextConfig(*next, Wanted(2), true, 0, false);
  ASSERT_TRUE(one.ok());
  EXPECT_TRUE(absl::IsInvalidArgument(
      NextConfig(*one, Wanted(4, peer::WITNESS), false, 9, false).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(NextConfig(*one, Wanted(1), true, 0, false).status()));
  EXPECT_EQ(NextConfig(*one, Wanted(3), true, 0, false)->Voters(), 1u);
}

TEST(MembershipTest, DescriptorsKeepTheConfiguration) {
  const Config c{{{NodeId(1)}, {NodeId(2), ReplicaKind::kReadOnly, 9}}};
  peer::GroupDescriptor d;
  SetConfig(c, &d);
  EXPECT_EQ(ConfigOf(d), c);
  EXPECT_EQ(d.voters_size(), 1);
  // One of an earlier version: voters in their first life.
  peer::GroupDescriptor old;
  for (uint32_t v : {1, 2, 3}) old.add_voters(v);
  EXPECT_EQ(ConfigOf(old), kThree);
}

TEST(MembershipTest, ALifeBelongsToTheFolderThatBeganIt) {
  EXPECT_TRUE(BelongsTo(kFirstLife, 1, 5));
  EXPECT_FALSE(BelongsTo(kFirstLife, 1'700'000'000'000, 1'700'000'000'002));
  const uint64_t life = MakeLife(1'700'000'000'001, 3);
  EXPECT_TRUE(BelongsTo(life, 1'700'000'000'000, 1'700'000'000'002));
  EXPECT_FALSE(BelongsTo(life, 1'700'000'500'000, 1'700'000'500'001));
  EXPECT_GT(MakeLife(1'700'000'500'000, 0), life);
}

}  // namespace
}  // namespace isochron::tablet
