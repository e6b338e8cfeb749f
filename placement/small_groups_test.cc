// SPDX-License-Identifier: Apache-2.0
#include "placement/small_groups.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/rpc/test_net.h"

namespace isochron::placement {
namespace {

constexpr Micros kSecond = 1'000'000;

GroupDescriptor D(uint64_t group, std::string start, std::string end) {
  return GroupDescriptor{
      GroupId(group), KeyRange{start, end}, 1, {NodeId(1), NodeId(2), NodeId(3)}};
}

// A row of groups that all were parted by size; a merge makes one of two.
class FakeRow : public LocalGroups {
 public:
  NodeId self() const override { return NodeId(1); }
  std::vector<GroupDescriptor> Led() override { return row; }
  bool CouldLead(GroupId, NodeId) override { return all_well; }
  Task<absl::Status> Transfer(GroupId, NodeId) override { co_return absl::OkStatus(); }
  uint64_t Size(const KeyRange& range) override {
    uint64_t sum = 0;
    for (const auto& [key, bytes] : sizes) sum += range.Contains(key) ? bytes : 0;
    return sum;
  }
  absl::StatusOr<std::string> Middle(const KeyRange&) override {
    return absl::NotFoundError("not here");
  }
  bool AllWell(const GroupDescriptor&) override { return all_well; }
  std::vector<Neighbours> Mergeable() override {
    std::vector<Neighbours> out;
    for (size_t i = 1; i < row.size(); ++i) {
      out.push_back({row[i - 1], row[i], entries[row[i - 1].group] + entries[row[i].group]});
    }
    return out;
  }

  std::vector<GroupDescriptor> row;
  std::map<GroupId, uint64_t> entries;
  std::map<std::string, uint64_t> sizes;  // of what lies at a key
  bool all_well = true;
};

class MergingStore : public txn::Store {
 public:
  MergingStore(Executor* executor, FakeRow* row) : executor_(executor), row_(row) {}
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
  Task<absl::Status> MergeAt(Ctx, std::string key) override {
    ++running;
    most_running = std::max(most_running, running);
    co_await SleepFor(executor_, kSecond);
    --running;
    merges.emplace_back(executor_->MonotonicNow(), key);
    if (!status.ok()) co_return status;
    for (size_t i = 1; i < row_->row.size(); ++i) {
      if (row_->row[i].range.start != key) continue;
      row_->row[i - 1].range.end = row_->row[i].range.end;
      row_->row.erase(row_->row.begin() + static_cast<std::ptrdiff_t>(i));
    }
    co_return absl::OkStatus();
  }
  Executor* executor() override { return executor_; }

  std::vector<std::pair<Micros, std::string>> merges;
  absl::Status status;
  int running = 0;
  int most_running = 0;

 private:
  Executor* const executor_;
  FakeRow* const row_;
};

class SmallGroupsTest : public ::testing::Test {
 protected:
  SmallGroupsTest() {
    row_.row = {D(2, "a", "c"), D(100, "c", "f"), D(101, "f", "k"), D(102, "k", "")};
    row_.sizes = {{"a", 100}, {"c", 100}, {"f", 100}, {"k", 100}};
    options_.after_us = 80 * kSecond;
    options_.below_bytes = 250;
  }
  std::unique_ptr<SmallGroups> Begin() {
    auto made = std::make_unique<SmallGroups>(&row_, &store_, &observer_, Random(1), options_);
    made->Start();
    return made;
  }

  rpc::TestExecutor executor_;
  Observer observer_;
  FakeRow row_;
  MergingStore store_{&executor_, &row_};
  SmallGroupsOptions options_;
};

TEST_F(SmallGroupsTest, PairsAreMergedAsLongAsTheyAreSmallTogether) {
  auto small = Begin();
  executor_.RunFor(80 * kSecond);
  EXPECT_TRUE(store_.merges.empty());  // not for long enough yet
  executor_.RunFor(600 * kSecond);
  // Two and two; the two of them would be too large.
  ASSERT_EQ(store_.merges.size(), 2u);
  EXPECT_EQ(store_.merges[0].second, "c");
  EXPECT_EQ(store_.merges[1].second, "k");
  EXPECT_EQ(store_.most_running, 1);
  ASSERT_EQ(row_.row.size(), 2u);
  row_.sizes["f"] = row_.sizes["k"] = 10;  // rows were deleted there
  executor_.RunFor(600 * kSecond);
  EXPECT_EQ(row_.row.size(), 1u);
}

TEST_F(SmallGroupsTest, WhatIsWrittenOrLargeStaysApart) {
  row_.sizes["a"] = 200;
  row_.sizes["k"] = 10;
  auto small = Begin();
  for (int i = 0; i < 600; ++i) {
    row_.entries[GroupId(102)] += 3;  // a second
    executor_.RunFor(kSecond);
  }
  ASSERT_EQ(store_.merges.size(), 1u);
  EXPECT_EQ(store_.merges[0].second, "f");
  executor_.RunFor(600 * kSecond);  // quiet now
  EXPECT_EQ(store_.merges.size(), 2u);
}

// A group that grows and shrinks around the limit is never small for long.
TEST_F(SmallGroupsTest, EachLookCounts) {
  row_.row = {D(2, "a", "c"), D(100, "c", "")};
  auto small = Begin();
  for (int i = 0; i < 40; ++i) {
    row_.sizes["a"] = i % 2 == 0 ? 10 : 200;
    executor_.RunFor(30 * kSecond);
  }
  EXPECT_TRUE(store_.merges.empty());
}

TEST_F(SmallGroupsTest, AMergeThatFailsIsTriedAgainAfterGrowingPauses) {
  row_.row = {D(2, "a", "c"), D(100, "c", "")};
  row_.sizes["f"] = row_.sizes["k"] = 0;
  store_.status = absl::FailedPreconditionError("a replica is down");
  auto small = Begin();
  executor_.RunFor(3600 * kSecond);
  EXPECT_GE(store_.merges.size(), 5u);
  EXPECT_LE(store_.merges.size(), 8u);
  store_.status = absl::OkStatus();
  executor_.RunFor(3600 * kSecond);
  EXPECT_EQ(row_.row.size(), 1u);
}

TEST_F(SmallGroupsTest, NothingIsTriedWhileAReplicaIsAwayAndNothingWhenItIsOff) {
  row_.all_well = false;
  auto small = Begin();
  executor_.RunFor(3600 * kSecond);
  EXPECT_TRUE(store_.merges.empty());
  row_.all_well = true;
  small->Stop();
  executor_.RunFor(3600 * kSecond);
  EXPECT_TRUE(store_.merges.empty());
  options_.after_us = 0;
  auto off = Begin();
  executor_.RunFor(3600 * kSecond);
  EXPECT_TRUE(store_.merges.empty());
}

}  // namespace
}  // namespace isochron::placement
