// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/rpc/test_net.h"
#include "gtest/gtest.h"
#include "placement/balancer.h"
#include "placement/publisher.h"
#include "txn/api/descriptor.h"
#include "txn/api/system_keys.h"

namespace isochron::placement {
namespace {

GroupDescriptor D(uint64_t group, std::string start, std::string end, uint64_t generation) {
  return GroupDescriptor{
      GroupId(group), KeyRange{start, end}, generation, {NodeId(1), NodeId(2), NodeId(3)}};
}

// A store of one map, whose commits fail when told.
class MapStore : public txn::Store {
 public:
  explicit MapStore(Executor* executor) : executor_(executor) {}
  class Txn : public txn::ReadWriteTransaction {
   public:
    explicit Txn(MapStore* store) : store_(store) {}
    Task<absl::StatusOr<std::optional<std::string>>> Get(Ctx, std::string key,
                                                         txn::LockMode) override {
      co_await SleepFor(store_->executor_, 1000);
      auto it = store_->rows.find(key);
      if (it == store_->rows.end()) co_return std::nullopt;
      co_return it->second;
    }
    Task<absl::StatusOr<std::vector<std::optional<std::string>>>> MultiGet(
        Ctx ctx, std::vector<std::string> keys, txn::LockMode lock) override {
      std::vector<std::optional<std::string>> out;
      for (const std::string& key : keys) out.push_back(*co_await Get(ctx, key, lock));
      co_return out;
    }
    Task<absl::StatusOr<txn::ScanResponse>> Scan(Ctx, txn::ScanRequest) override {
      co_return absl::UnimplementedError("");
    }
    Timestamp read_timestamp() const override { return Timestamp(); }
    TxnAttempt id() const override { return TxnAttempt(); }
    absl::Status Put(std::string key, std::string value) override {
      writes_[key] = value;
      return absl::OkStatus();
    }
    absl::Status Delete(std::string) override { return absl::OkStatus(); }
    size_t Mark() const override { return 0; }
    void RollbackToMark(size_t) override {}
    bool has_writes() const override { return !writes_.empty(); }
    Task<absl::StatusOr<txn::CommitResult>> Commit(Ctx, txn::CommitOptions) override {
      co_await SleepFor(store_->executor_, 1000);
      if (store_->failures > 0) {
        --store_->failures;
        co_return absl::AbortedError("again");
      }
      for (auto& [k, v] : writes_) store_->rows[k] = v;
      ++store_->commits;
      co_return txn::CommitResult{};
    }
    void Rollback() override {}

   private:
    MapStore* store_;
    std::map<std::string, std::string> writes_;
  };
  absl::StatusOr<std::unique_ptr<txn::ReadWriteTransaction>> Begin(Ctx) override {
    return std::make_unique<Txn>(this);
  }
  absl::StatusOr<std::unique_ptr<txn::ReadWriteTransaction>> Retry(
      Ctx, const txn::ReadWriteTransaction&) override {
    return std::make_unique<Txn>(this);
  }
  absl::StatusOr<std::unique_ptr<txn::ReadTransaction>> BeginReadOnly(
      Ctx, std::optional<Timestamp>) override {
    return absl::UnimplementedError("");
  }
  Task<absl::Status> SplitAt(Ctx, std::string key) override {
    co_await SleepFor(executor_, 1000);
    splits.push_back(key);
    co_return split_status;
  }
  Task<absl::Status> MergeAt(Ctx, std::string) override { co_return absl::OkStatus(); }
  Executor* executor() override { return executor_; }

  std::map<std::string, std::string> rows;
  int failures = 0;
  int commits = 0;
  std::vector<std::string> splits;
  absl::Status split_status;

 private:
  Executor* executor_;
};

class FakeLocal : public LocalGroups {
 public:
  NodeId self() const override { return NodeId(1); }
  std::vector<GroupDescriptor> Led() override { return led; }
  bool CouldLead(GroupId, NodeId voter) override { return well.contains(voter); }
  bool InLongUse(GroupId group) override { return in_long_use.contains(group); }
  bool AllWell(const GroupDescriptor&) override { return true; }
  Task<absl::Status> Transfer(GroupId group, NodeId to) override {
    transfers.emplace_back(group, to);
    if (transfer_status.ok() && !stays) {
      std::erase_if(led, [&](const GroupDescriptor& g) { return g.group == group; });
    }
    co_return transfer_status;
  }
  uint64_t Size(const KeyRange& range) override { return sizes[range.start]; }
  absl::StatusOr<std::string> Middle(const KeyRange& range) override {
    return range.start + "middle";
  }

  std::vector<GroupDescriptor> led;
  std::set<NodeId> well;
  std::set<GroupId> in_long_use;
  std::vector<std::pair<GroupId, NodeId>> transfers;
  absl::Status transfer_status;
  bool stays = false;  // or leadership comes back at once
  std::map<std::string, uint64_t> sizes;
};

class PlacementTest : public ::testing::Test {
 protected:
  uint64_t Published(const std::string& start) {
    peer::GroupDescriptor d;
    d.ParseFromString(store_.rows[txn::MapKey(start)]);
    return d.generation();
  }
  rpc::TestExecutor executor_;
  Observer observer_;
  MapStore store_{&executor_};
  FakeLocal local_;
};

TEST_F(PlacementTest, PublishesWhatIsNewerAndTriesUntilItIsThere) {
  Publisher publisher(&store_, &observer_, Random(1));
  store_.failures = 5;
  publisher.Publish(D(2, "b", "", 3));
  executor_.RunFor(10'000);
  publisher.Publish(D(2, "b", "", 4));  // while the first is under way
  publisher.Publish(D(100, "q", "", 4));
  executor_.RunFor(60'000'000);
  EXPECT_EQ(publisher.pending(), 0u);
  EXPECT_EQ(Published("b"), 4u);
  EXPECT_EQ(Published("q"), 4u);
  const int commits = store_.commits;
  publisher.Publish(D(2, "b", "", 4));  // known
  Publisher other(&store_, &observer_, Random(2));
  other.Publish(D(2, "b", "", 2));  // an old leader's
  executor_.RunFor(60'000'000);
  EXPECT_EQ(store_.commits, commits);
  EXPECT_EQ(Published("b"), 4u);
}

TEST_F(PlacementTest, LeadersMoveToTheirPreferredVoterWhenItIsWell) {
  BalancerOptions options;
  options.split_bytes = 0;
  Balancer balancer(&local_, &store_, &observer_, Random(1), options);
  // 100 belongs here, 101 on node 2, 102 on node 3.
  local_.led = {D(100, "a", "b", 1), D(101, "b", "c", 1), D(102, "c", "", 1)};
  local_.well = {NodeId(2)};
  balancer.Start();
  executor_.RunFor(2'000'000);
  EXPECT_TRUE(local_.transfers.empty());  // not steady yet
  executor_.RunFor(10'000'000);
  ASSERT_EQ(local_.transfers.size(), 1u);
  EXPECT_EQ(local_.transfers[0], std::pair(GroupId(101), NodeId(2)));
  local_.well.insert(NodeId(3));
  executor_.RunFor(10'000'000);
  ASSERT_EQ(local_.transfers.size(), 2u);
  EXPECT_EQ(local_.transfers[1], std::pair(GroupId(102), NodeId(3)));
  balancer.Stop();
}

TEST_F(PlacementTest, AHandOverWaitsForLongTransactionsButNotForEver) {
  BalancerOptions options;
  options.split_bytes = 0;
  Balancer balancer(&local_, &store_, &observer_, Random(1), options);
  local_.led = {D(101, "b", "c", 1), D(102, "c", "", 1)};
  local_.well = {NodeId(2), NodeId(3)};
  local_.in_long_use = {GroupId(101), GroupId(102)};
  balancer.Start();
  executor_.RunFor(30'000'000);
  EXPECT_TRUE(local_.transfers.empty());
  local_.in_long_use.erase(GroupId(102));
  executor_.RunFor(3'000'000);
  ASSERT_EQ(local_.transfers.size(), 1u);
  EXPECT_EQ(local_.transfers[0].first, GroupId(102));
  executor_.RunFor(100'000'000);
  ASSERT_EQ(local_.transfers.size(), 2u);
  EXPECT_EQ(local_.transfers[1].first, GroupId(101));
}

TEST_F(PlacementTest, AHandOverThatDoesNotHelpIsNotRepeatedAllTheTime) {
  BalancerOptions options;
  Balancer balancer(&local_, &store_, &observer_, Random(1), options);
  local_.led = {D(101, "b", "c", 1)};
  local_.well = {NodeId(2)};
  local_.stays = true;
  balancer.Start();
  executor_.RunFor(300'000'000);
  EXPECT_GE(local_.transfers.size(), 3u);
  EXPECT_LE(local_.transfers.size(), 6u);
}

TEST_F(PlacementTest, BigGroupsAreSplitInTheMiddle) {
  BalancerOptions options;
  options.split_bytes = 1000;
  Balancer balancer(&local_, &store_, &observer_, Random(1), options);
  local_.led = {D(1, "", "\x02", 1), D(3, "b", "c", 1), D(6, "c", "", 1)};
  local_.sizes = {{"", 5000}, {"b", 1001}, {"c", 999}};
  store_.split_status = absl::UnavailableError("later");
  balancer.Start();
  executor_.RunFor(30'000'000);
  EXPECT_EQ(store_.splits, std::vector<std::string>{"bmiddle"});
  store_.split_status = absl::OkStatus();
  executor_.RunFor(60'000'000);
  EXPECT_GE(store_.splits.size(), 2u);
  EXPECT_EQ(store_.splits.back(), "bmiddle");
}

}  // namespace
}  // namespace isochron::placement
