// SPDX-License-Identifier: Apache-2.0
#include "placement/missing_voters.h"

#include <gtest/gtest.h>
#include <algorithm>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/rpc/test_net.h"

namespace isochron::placement {
namespace {

constexpr Micros kSecond = 1'000'000;

class FakeGroups : public LocalGroups {
 public:
  NodeId self() const override { return NodeId(1); }
  std::vector<GroupDescriptor> Led() override { return {}; }
  bool CouldLead(GroupId, NodeId) override { return true; }
  bool AllWell(const GroupDescriptor&) override { return true; }
  Task<absl::Status> Transfer(GroupId, NodeId) override { co_return absl::OkStatus(); }
  uint64_t Size(const KeyRange&) override { return 0; }
  absl::StatusOr<std::string> Middle(const KeyRange&) override { return absl::NotFoundError(""); }
  std::vector<ShortGroup> Short(size_t least) override {
    std::vector<ShortGroup> out;
    for (const ShortGroup& g : groups) {
      if (g.voters.size() < least) out.push_back(g);
    }
    return out;
  }

  std::vector<ShortGroup> groups;
};

class ChangingStore : public txn::Store {
 public:
  ChangingStore(Executor* executor, FakeGroups* groups) : executor_(executor), groups_(groups) {}
  absl::StatusOr<std::unique_ptr<txn::ReadWriteTransaction>> Begin(Ctx) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<std::unique_ptr<txn::ReadWriteTransaction>> Retry(
      Ctx, const txn::ReadWriteTransaction&) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<std::unique_ptr<txn::ReadTransaction>> BeginReadOnly(
      Ctx, std::optional<Timestamp>) override {
    return absl::UnimplementedError("");
  }
  Task<absl::Status> SplitAt(Ctx, std::string) override { co_return absl::OkStatus(); }
  Task<absl::Status> MergeAt(Ctx, std::string) override { co_return absl::OkStatus(); }
  Task<absl::Status> ChangeReplica(Ctx, GroupId group, NodeId node,
                                   txn::ReplicaChange change) override {
    const bool witness =
        std::any_of(groups_->groups.begin(), groups_->groups.end(), [&](const ShortGroup& g) {
          return g.group == group && std::find(g.new_witnesses.begin(), g.new_witnesses.end(),
                                               node) != g.new_witnesses.end();
        });
    EXPECT_EQ(change, witness ? txn::ReplicaChange::kWitness : txn::ReplicaChange::kVoter);
    most_running = std::max(most_running, ++running);
    co_await SleepFor(executor_, kSecond);
    --running;
    asked.emplace_back(group, node);
    if (!status.ok()) co_return status;
    for (ShortGroup& g : groups_->groups) {
      if (g.group == group) g.voters.push_back(node);
    }
    co_return absl::OkStatus();
  }
  Executor* executor() override { return executor_; }

  std::vector<std::pair<GroupId, NodeId>> asked;
  absl::Status status;
  int running = 0;
  int most_running = 0;

 private:
  Executor* const executor_;
  FakeGroups* const groups_;
};

class MissingVotersTest : public ::testing::Test {
 protected:
  std::unique_ptr<MissingVoters> Begin() {
    auto made = std::make_unique<MissingVoters>(
        &groups_, &store_, &observer_, Random(1), universe_,
        [this](NodeId n) { return !dead_.contains(n); }, options_);
    made->Start();
    return made;
  }
  static ShortGroup Of(uint64_t group, std::vector<NodeId> voters) {
    return ShortGroup{GroupId(group), std::move(voters), {}, {}, {}};
  }

  rpc::TestExecutor executor_;
  Observer observer_;
  FakeGroups groups_;
  ChangingStore store_{&executor_, &groups_};
  std::vector<MissingVoters::Place> universe_ = {
      {NodeId(1), "a"}, {NodeId(2), "a"}, {NodeId(3), "b"}, {NodeId(4), "b"}, {NodeId(5), "c"}};
  std::set<NodeId> dead_;
  MissingVotersOptions options_;
};

TEST_F(MissingVotersTest, AGroupGetsWhatItLacksAfterAWhileOneAtATime) {
  groups_.groups = {Of(2, {NodeId(1), NodeId(3)}), Of(3, {NodeId(1), NodeId(3), NodeId(4)}),
                    Of(4, {NodeId(1)})};
  auto missing = Begin();
  executor_.RunFor(59 * kSecond);
  EXPECT_TRUE(store_.asked.empty());
  executor_.RunFor(241 * kSecond);
  using Asked = std::vector<std::pair<GroupId, NodeId>>;
  // Regions without a voter first; a group that lacks two gets the second after as long again.
  EXPECT_EQ(store_.asked,
            (Asked{{GroupId(2), NodeId(5)}, {GroupId(4), NodeId(3)}, {GroupId(4), NodeId(5)}}));
  EXPECT_EQ(store_.most_running, 1);
}

TEST_F(MissingVotersTest, OneThatIsShortForAMomentIsLeftAlone) {
  auto missing = Begin();
  for (int i = 0; i < 20; ++i) {
    groups_.groups = {Of(2, {NodeId(1), NodeId(3)})};
    executor_.RunFor(40 * kSecond);
    groups_.groups = {};
    executor_.RunFor(20 * kSecond);
  }
  EXPECT_TRUE(store_.asked.empty());
}

TEST_F(MissingVotersTest, TheDeadAreNotAskedAndLearnersComeFirst) {
  ShortGroup g = Of(2, {NodeId(1), NodeId(3)});
  g.others = {NodeId(5)};  // one that only reads
  dead_ = {NodeId(2), NodeId(4)};
  groups_.groups = {g};
  auto missing = Begin();
  executor_.RunFor(600 * kSecond);
  EXPECT_TRUE(store_.asked.empty());
  groups_.groups[0].learners = {NodeId(4)};
  groups_.groups[0].others = {NodeId(4), NodeId(5)};
  dead_ = {};
  executor_.RunFor(60 * kSecond);
  ASSERT_EQ(store_.asked.size(), 1u);
  EXPECT_EQ(store_.asked[0].second, NodeId(4));
}

// Whoever added it gave up before it voted. No other node is left that could.
TEST_F(MissingVotersTest, ANewcomerThatWasToBeAWitnessBecomesOne) {
  ShortGroup g = Of(2, {NodeId(1), NodeId(3)});
  g.others = g.new_witnesses = {NodeId(2)};
  dead_ = {NodeId(4), NodeId(5)};
  groups_.groups = {g};
  auto missing = Begin();
  executor_.RunFor(120 * kSecond);
  using Asked = std::vector<std::pair<GroupId, NodeId>>;
  EXPECT_EQ(store_.asked, (Asked{{GroupId(2), NodeId(2)}}));
}

TEST_F(MissingVotersTest, ARefusalIsAskedAgainAfterGrowingPauses) {
  groups_.groups = {Of(2, {NodeId(1), NodeId(3)})};
  store_.status = absl::FailedPreconditionError("too few answer");
  auto missing = Begin();
  executor_.RunFor(1800 * kSecond);
  EXPECT_GE(store_.asked.size(), 5u);
  EXPECT_LE(store_.asked.size(), 9u);
  store_.status = absl::OkStatus();
  executor_.RunFor(1800 * kSecond);
  EXPECT_EQ(groups_.groups[0].voters.size(), 3u);
}

TEST_F(MissingVotersTest, NothingIsDoneWhenItIsOff) {
  options_.after_us = 0;
  groups_.groups = {Of(2, {NodeId(1), NodeId(3)})};
  auto missing = Begin();
  executor_.RunFor(3600 * kSecond);
  EXPECT_TRUE(store_.asked.empty());
}

}  // namespace
}  // namespace isochron::placement
