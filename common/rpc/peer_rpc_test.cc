// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/peer_rpc.h"

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/rpc/test_net.h"
#include "gtest/gtest.h"

namespace isochron::rpc {
namespace {

// Counts how often each payload ran; "slow" waits, "fail" fails.
class Echo {
 public:
  explicit Echo(Executor* executor) : executor_(executor) {}
  Task<absl::StatusOr<std::string>> Handle(Ctx ctx, NodeId from, std::string payload) {
    ++runs[payload];
    if (payload == "fail") co_return absl::NotFoundError("no such thing");
    while (payload == "slow" && ctx->Check(executor_->MonotonicNow()).ok()) {
      co_await SleepFor(executor_, 1000);
    }
    if (ctx->cancelled()) ++cancelled;
    co_return absl::StrCat(payload, " from ", from.value);
  }
  std::map<std::string, int> runs;
  int cancelled = 0;

 private:
  Executor* executor_;
};

class PeerRpcTest : public ::testing::Test {
 protected:
  std::unique_ptr<PeerRpc> Make(uint32_t node, uint64_t incarnation, size_t in_progress = 100) {
    auto rpc = std::make_unique<PeerRpc>(&executor_, net_.Node(NodeId(node)), &observer_,
                                         incarnation, PeerRpc::Limits{in_progress});
    rpc->Register(Method::kNodeInfo, [this](Ctx ctx, NodeId from, std::string payload) {
      return echo_.Handle(std::move(ctx), from, std::move(payload));
    });
    return rpc;
  }
  Ctx MakeCtx(Micros timeout_us) {
    return std::make_shared<RequestContext>(executor_.MonotonicNow() + timeout_us);
  }
  absl::StatusOr<std::string> Call(PeerRpc* rpc, uint32_t to, std::string payload,
                                   Micros timeout_us = 1'000'000) {
    return executor_.Run(
        rpc->Call(MakeCtx(timeout_us), NodeId(to), Method::kNodeInfo, std::move(payload)));
  }

  TestExecutor executor_;
  TestNet net_{&executor_, 7};
  Observer observer_;
  Echo echo_{&executor_};
};

TEST_F(PeerRpcTest, AnswersAndErrorsComeBack) {
  auto a = Make(1, 1);
  auto b = Make(2, 1);
  EXPECT_EQ(*Call(a.get(), 2, "x"), "x from 1");
  EXPECT_EQ(Call(a.get(), 2, "fail").status(), absl::NotFoundError("no such thing"));
  EXPECT_EQ(*Call(a.get(), 1, "me"), "me from 1");
  auto nobody = executor_.Run(a->Call(MakeCtx(1'000'000), NodeId(2), Method::kSnapshotChunk, ""));
  EXPECT_EQ(nobody.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(a->waiting(), 0u);
  EXPECT_EQ(b->in_progress(), 0u);
}

TEST_F(PeerRpcTest, LostMessagesEndByTimeoutAndTheHandlerIsCancelled) {
  auto a = Make(1, 1);
  auto b = Make(2, 1);
  auto slow = executor_.Run(a->Call(MakeCtx(10'000'000), NodeId(2), Method::kNodeInfo, "slow",
                                    CallOptions{.timeout_us = 50'000}));
  EXPECT_EQ(slow.status().code(), absl::StatusCode::kUnavailable);
  executor_.RunFor(100'000);
  EXPECT_EQ(echo_.cancelled, 1);
  EXPECT_EQ(b->in_progress(), 0u);
  net_.loss = 1;
  EXPECT_EQ(Call(a.get(), 2, "y").status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(echo_.runs.count("y"), 0u);
}

TEST_F(PeerRpcTest, CancelAndDestructionReachTheHandler) {
  auto a = Make(1, 1);
  auto b = Make(2, 1);
  Ctx ctx = MakeCtx(10'000'000);
  executor_.PostAfter(20'000, [ctx] { ctx->Cancel(); });
  auto r = executor_.Run(a->Call(ctx, NodeId(2), Method::kNodeInfo, "slow"));
  EXPECT_EQ(r.status().code(), absl::StatusCode::kCancelled);
  executor_.RunFor(20'000);
  EXPECT_EQ(echo_.cancelled, 1);
  {
    Task<absl::StatusOr<std::string>> dropped =
        a->Call(MakeCtx(10'000'000), NodeId(1), Method::kNodeInfo, "slow");
    TaskScope scope;
    scope.Spawn([](Task<absl::StatusOr<std::string>> t) -> Task<void> {
      (void)co_await t;
    }(std::move(dropped)));
    executor_.RunFor(20'000);
    EXPECT_EQ(a->in_progress(), 1u);
  }
  executor_.RunFor(20'000);
  EXPECT_EQ(a->in_progress(), 0u);
  EXPECT_EQ(a->waiting(), 0u);
  EXPECT_EQ(echo_.cancelled, 2);
}

TEST_F(PeerRpcTest, AbandonedHandlersGoOn) {
  auto a = Make(1, 1);
  auto b = Make(2, 1);
  auto r = executor_.Run(a->Call(MakeCtx(300'000), NodeId(2), Method::kNodeInfo, "slow",
                                 CallOptions{.timeout_us = 50'000, .abandon = true}));
  EXPECT_EQ(r.status().code(), absl::StatusCode::kUnavailable);
  executor_.RunFor(100'000);
  EXPECT_EQ(b->in_progress(), 1u);
  executor_.RunFor(300'000);
  EXPECT_EQ(b->in_progress(), 0u);
  EXPECT_EQ(echo_.cancelled, 0);
}

TEST_F(PeerRpcTest, EachCallRunsAtMostOnceOverABadNetwork) {
  auto a = Make(1, 1);
  auto b = Make(2, 1);
  net_.doubling = 0.5;
  net_.loss = 0.1;
  net_.delay_us = 5000;
  int answered = 0;
  for (int i = 0; i < 300; ++i) {
    if (Call(a.get(), 2, absl::StrCat("p", i), 30'000).ok()) ++answered;
  }
  EXPECT_GT(answered, 200);
  for (const auto& [payload, runs] : echo_.runs) EXPECT_EQ(runs, 1) << payload;
}

TEST_F(PeerRpcTest, ANewIncarnationStartsOverAndOldMessagesDie) {
  auto a = Make(1, 1);
  auto b = Make(2, 1);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Call(a.get(), 2, "first").ok());
  // A request of incarnation 1 is under way when the process is replaced.
  TaskScope scope;
  scope.Spawn([](PeerRpc* rpc, Ctx ctx) -> Task<void> {
    (void)co_await rpc->Call(ctx, NodeId(2), Method::kNodeInfo, "late");
  }(a.get(), MakeCtx(10'000'000)));
  scope.Clear();
  a = nullptr;
  a = Make(1, 2);
  EXPECT_EQ(*Call(a.get(), 2, "again"), "again from 1");
  executor_.RunFor(100'000);
  EXPECT_EQ(echo_.runs["again"], 1);
  EXPECT_LE(echo_.runs["late"], 1);
}

// Its data folder was lost, and counts from the beginning: it learns that, and does not wait.
TEST_F(PeerRpcTest, AProcessThatWasSupersededIsTold) {
  auto b = Make(2, 1);
  auto a = Make(1, 7);
  EXPECT_TRUE(Call(a.get(), 2, "first").ok());
  a = nullptr;
  a = Make(1, 6);
  EXPECT_EQ(Call(a.get(), 2, "older").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(echo_.runs["older"], 0);
}

TEST_F(PeerRpcTest, WorkInProgressIsBounded) {
  auto a = Make(1, 1);
  auto b = Make(2, 1, 2);
  TaskScope scope;
  for (int i = 0; i < 2; ++i) {
    scope.Spawn([](PeerRpc* rpc, Ctx ctx) -> Task<void> {
      (void)co_await rpc->Call(ctx, NodeId(2), Method::kNodeInfo, "slow");
    }(a.get(), MakeCtx(1'000'000)));
  }
  executor_.RunFor(20'000);
  EXPECT_EQ(Call(a.get(), 2, "x").status().code(), absl::StatusCode::kResourceExhausted);
  Ctx high = MakeCtx(1'000'000);
  high->priority = Priority::kHigh;
  EXPECT_TRUE(executor_.Run(a->Call(high, NodeId(2), Method::kNodeInfo, "x")).ok());
}

TEST_F(PeerRpcTest, GarbageIsIgnored) {
  auto b = Make(2, 1);
  Random random(3);
  Envelope good;
  good.incarnation = 1;
  good.id = 1;
  good.method = Method::kNodeInfo;
  good.payload = "x";
  const std::string bytes = Encode(good);
  for (int i = 0; i < 2000; ++i) {
    std::string m = random.OneIn(0.5) ? bytes : std::string(random.Below(40), '\0');
    for (char& c : m) {
      if (random.OneIn(0.2)) c = static_cast<char>(random.Next());
    }
    if (random.OneIn(0.3)) m.resize(random.Below(m.size() + 1));
    net_.Node(NodeId(1))->Send(NodeId(2), Channel::kRpc, m);
  }
  executor_.RunFor(1'000'000);
  Envelope back;
  EXPECT_TRUE(Decode(bytes, &back));
  EXPECT_EQ(back.payload, "x");
}

}  // namespace
}  // namespace isochron::rpc
