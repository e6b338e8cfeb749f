// SPDX-License-Identifier: Apache-2.0
#include "txn/gateway/group_caller.h"

#include <map>
#include <memory>
#include <vector>

#include "common/rpc/test_net.h"
#include "gtest/gtest.h"
#include "txn/api/descriptor.h"

namespace isochron::txn {
namespace {

class MemoryRouter : public Router {
 public:
  const GroupDescriptor* Find(const std::string&) const override { return nullptr; }
  const GroupDescriptor* FindBefore(const std::string&) const override { return nullptr; }
  std::vector<NodeId> Voters(GroupId) const override { return voters; }
  std::vector<NodeId> Nodes() const override { return {NodeId(1), NodeId(2), NodeId(3)}; }
  std::vector<NodeId> Readers(GroupId group) const override { return Voters(group); }
  NodeId LeaderHint(GroupId) const override { return leader; }
  void ReportLeader(GroupId, NodeId n) override { leader = n; }
  void Learn(const GroupDescriptor& d) override { learnt.push_back(d); }
  Task<absl::Status> Refresh(Ctx) override { co_return absl::OkStatus(); }
  std::vector<NodeId> voters = {NodeId(1), NodeId(2), NodeId(3)};
  NodeId leader;
  std::vector<GroupDescriptor> learnt;
};

// Three nodes; one leads; the others name whom they believe to lead.
class GroupCallerTest : public ::testing::Test {
 protected:
  struct Machine {
    MemoryRouter router;
    std::unique_ptr<rpc::PeerRpc> rpc;
    std::unique_ptr<RoutedGroupCaller> caller;
    NodeId believes;
    int asked = 0;
  };

  GroupCallerTest() {
    net_.cut = [this](NodeId a, NodeId b) { return dead_.contains(a) || dead_.contains(b); };
    for (uint32_t n = 1; n <= 3; ++n) {
      Machine& m = machines_[n];
      m.rpc = std::make_unique<rpc::PeerRpc>(&executor_, net_.Node(NodeId(n)), &observer_, 1,
                                             rpc::PeerRpc::Limits{});
      m.caller = std::make_unique<RoutedGroupCaller>(m.rpc.get(), &m.router, &observer_, Random(n));
      m.caller->Serve([this, n](Ctx ctx, NodeId from, peer::GroupRequest request) {
        return Handle(n, std::move(ctx), from, std::move(request));
      });
      m.believes = NodeId(2);
    }
    leader_ = NodeId(2);
  }

  Task<peer::GroupResponse> Handle(uint32_t self, Ctx ctx, NodeId from,
                                   peer::GroupRequest request) {
    Machine& m = machines_[self];
    ++m.asked;
    peer::GroupResponse response;
    if (without_.contains(NodeId(self))) {
      response.set_error(peer::UNKNOWN_GROUP);
      co_return response;
    }
    if (NodeId(self) != leader_) {
      response.set_error(peer::NOT_LEADER);
      response.set_leader_hint(m.believes.value);
      co_return response;
    }
    Micros until = executor_.MonotonicNow() + work_us_;
    if (request.has_commit()) {  // a flight, to which later tries attach
      if (flight_until_ == 0) flight_until_ = until;
      until = flight_until_;
    }
    while (executor_.MonotonicNow() < until) {
      if (!ctx->Check(executor_.MonotonicNow()).ok()) {
        response.set_error(peer::REFUSED);
        response.set_code(static_cast<int>(absl::StatusCode::kDeadlineExceeded));
        co_return response;
      }
      co_await SleepFor(&executor_, 10'000);
    }
    ++executed_;
    EXPECT_EQ(request.group(), 7u);
    response.set_message(absl::StrCat("n", self, " asked by n", from.value));
    if (descriptor_) *response.add_descriptors() = ToProto(*descriptor_);
    co_return response;
  }
  CallResult Call(uint32_t from, bool commit = false, Micros timeout_us = 20'000'000) {
    peer::GroupRequest request;
    if (commit) {
      request.mutable_commit();
    } else {
      request.mutable_locked_read();
    }
    auto ctx = std::make_shared<RequestContext>(executor_.MonotonicNow() + timeout_us);
    return executor_.Run(machines_[from].caller->CallTraced(ctx, GroupId(7), request));
  }

  rpc::TestExecutor executor_;
  rpc::TestNet net_{&executor_, 5};
  Observer observer_;
  std::map<uint32_t, Machine> machines_;
  NodeId leader_;
  std::set<NodeId> dead_;
  std::set<NodeId> without_;  // that have no replica of the group
  Micros work_us_ = 0;
  Micros flight_until_ = 0;
  int executed_ = 0;
  std::optional<GroupDescriptor> descriptor_;
};

TEST_F(GroupCallerTest, FollowsHintsAndRemembers) {
  CallResult r = Call(1);
  ASSERT_TRUE(r.response.ok());
  EXPECT_EQ(r.response->message(), "n2 asked by n1");
  EXPECT_FALSE(r.earlier_try_lost);
  EXPECT_EQ(machines_[1].asked, 1);  // its own replica knew
  EXPECT_EQ(machines_[1].router.leader, NodeId(2));
  Call(1);
  EXPECT_EQ(machines_[1].asked, 1);
  EXPECT_EQ(Call(2).response->message(), "n2 asked by n2");  // without a socket
}

TEST_F(GroupCallerTest, ADeadLeaderIsPassedOver) {
  ASSERT_TRUE(Call(1).response.ok());
  dead_ = {NodeId(2)};
  // The others believe in it for two seconds more.
  executor_.PostAfter(2'000'000, [this] {
    leader_ = NodeId(3);
    for (auto& [n, m] : machines_) m.believes = NodeId(3);
  });
  const Micros begun = executor_.MonotonicNow();
  CallResult r = Call(1);
  ASSERT_TRUE(r.response.ok()) << r.response.status();
  EXPECT_EQ(r.response->message(), "n3 asked by n1");
  EXPECT_TRUE(r.earlier_try_lost);
  EXPECT_LT(executor_.MonotonicNow() - begun, 3'500'000);
}

TEST_F(GroupCallerTest, ALeaderThatWorksLongIsNotCancelledIfItIsACommit) {
  work_us_ = 3'500'000;
  CallResult r = Call(1, true);
  ASSERT_TRUE(r.response.ok());
  EXPECT_TRUE(r.earlier_try_lost);
  const int tries = machines_[2].asked;
  EXPECT_GE(tries, 4);
  EXPECT_LE(tries, 5);
  executor_.RunFor(10'000'000);
  EXPECT_EQ(executed_, tries);  // none was cancelled
}

TEST_F(GroupCallerTest, AReadThatTakesLongIsCancelledAndAskedAgain) {
  work_us_ = 2'500'000;
  executor_.PostAfter(3'000'000, [this] { work_us_ = 100'000; });
  CallResult r = Call(3);
  ASSERT_TRUE(r.response.ok());
  executor_.RunFor(10'000'000);
  EXPECT_EQ(executed_, 1);
  work_us_ = 2'500'000;
  EXPECT_TRUE(Call(2).response.ok());  // here there is no reason to give up
  EXPECT_EQ(executed_, 2);
}

TEST_F(GroupCallerTest, NobodyLeadsUntilTheDeadline) {
  leader_ = NodeId(9);
  CallResult r = Call(1, false, 2'000'000);
  EXPECT_EQ(r.response.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_FALSE(r.earlier_try_lost);  // everybody answered: nothing was executed
  EXPECT_LT(machines_[1].asked + machines_[2].asked + machines_[3].asked, 60);
}

// The members that a node started with may all be others by now.
TEST_F(GroupCallerTest, AGroupThatHasMovedAwayIsLookedForEverywhere) {
  machines_[1].router.voters = {NodeId(1)};
  without_ = {NodeId(1)};
  machines_[3].believes = leader_;
  CallResult r = Call(1);
  ASSERT_TRUE(r.response.ok()) << r.response.status();
  EXPECT_EQ(r.response->message(), "n2 asked by n1");
  without_ = {NodeId(1), NodeId(2), NodeId(3)};
  r = Call(1, false, 2'000'000);
  EXPECT_EQ(r.response.status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(GroupCallerTest, DescriptorsAreLearntAndLossIsSurvived) {
  descriptor_ = GroupDescriptor{GroupId(7), KeyRange{"a", "b"}, 4, {NodeId(1)}};
  net_.loss = 0.3;
  net_.doubling = 0.2;
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(Call(1 + static_cast<uint32_t>(i) % 3).response.ok());
  }
  EXPECT_FALSE(machines_[1].router.learnt.empty());
  EXPECT_EQ(machines_[1].router.learnt[0], *descriptor_);
}

}  // namespace
}  // namespace isochron::txn
