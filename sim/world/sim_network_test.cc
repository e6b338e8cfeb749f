// SPDX-License-Identifier: Apache-2.0
#include "sim/world/sim_network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace isochron::sim {
namespace {

constexpr Micros kT0 = SimScheduler::kStartOfTime;

class SimNetworkTest : public testing::Test {
 protected:
  void Start(NetworkOptions options) {
    network_ = std::make_unique<SimNetwork>(&scheduler_, options, 2, Random(5));
    for (uint32_t n = 1; n <= 2; ++n) Attach(n);
  }
  void Attach(uint32_t n) {
    executors_.push_back(
        std::make_unique<SimExecutor>(&scheduler_, n, ExecutorOptions{}, Random(n)));
    transports_[n] = network_->Attach(NodeId(n), static_cast<int>(n - 1), executors_.back().get());
    transports_[n]->SetHandler(Channel::kRpc, [this, n](NodeId, absl::string_view payload) {
      got_[n].push_back(std::string(payload));
      arrived_.push_back(scheduler_.now() - kT0);
    });
  }
  void Send(int count) {
    for (int i = 0; i < count; ++i) {
      transports_[1]->Send(NodeId(2), Channel::kRpc, absl::StrCat(i));
      scheduler_.RunUntil(scheduler_.now() + 10);
    }
  }
  void Drain() { scheduler_.RunUntil(scheduler_.now() + 10'000'000); }
  std::vector<int> Numbers() {
    std::vector<int> out;
    for (const std::string& s : got_[2]) {
      int v = -1;
      EXPECT_TRUE(absl::SimpleAtoi(s, &v));
      out.push_back(v);
    }
    return out;
  }

  SimScheduler scheduler_;
  std::unique_ptr<SimNetwork> network_;
  std::vector<std::unique_ptr<SimExecutor>> executors_;
  std::map<uint32_t, std::unique_ptr<Transport>> transports_;
  std::map<uint32_t, std::vector<std::string>> got_;
  std::vector<Micros> arrived_;
};

TEST_F(SimNetworkTest, WithoutFaultsEverythingArrivesInOrderAfterTheWanDelay) {
  Start({.wan_delay_min_us = 4000, .wan_delay_max_us = 9000, .jitter_us = 500});
  Send(200);
  Drain();
  std::vector<int> n = Numbers();
  ASSERT_EQ(n.size(), 200u);
  EXPECT_TRUE(std::is_sorted(n.begin(), n.end()));
  EXPECT_GE(arrived_[0], 4000);
}

TEST_F(SimNetworkTest, ASelfMessageComesThroughTheLoop) {
  Start({});
  transports_[1]->Send(NodeId(1), Channel::kRpc, "me");
  EXPECT_TRUE(got_[1].empty());
  Drain();
  EXPECT_EQ(got_[1], std::vector<std::string>{"me"});
}

TEST_F(SimNetworkTest, DropsAtTheRate) {
  Start({.drop_rate = 0.3});
  Send(1000);
  Drain();
  EXPECT_GT(got_[2].size(), 620u);
  EXPECT_LT(got_[2].size(), 780u);
}

TEST_F(SimNetworkTest, DuplicatesAtTheRate) {
  Start({.duplicate_rate = 0.2});
  Send(1000);
  Drain();
  EXPECT_GT(got_[2].size(), 1140u);
  EXPECT_LT(got_[2].size(), 1260u);
}

TEST_F(SimNetworkTest, ReordersAtTheRate) {
  Start({.reorder_rate = 0.2, .reorder_max_us = 3000});
  Send(500);
  Drain();
  std::vector<int> n = Numbers();
  EXPECT_EQ(n.size(), 500u);
  EXPECT_FALSE(std::is_sorted(n.begin(), n.end()));
}

TEST_F(SimNetworkTest, ACutLosesOneDirectionOnly) {
  Start({});
  network_->Cut(NodeId(1), NodeId(2));
  Send(3);
  transports_[2]->Send(NodeId(1), Channel::kRpc, "back");
  Drain();
  EXPECT_TRUE(got_[2].empty());
  EXPECT_EQ(got_[1].size(), 1u);
  network_->HealAll();
  Send(2);
  Drain();
  EXPECT_EQ(got_[2].size(), 2u);
}

TEST_F(SimNetworkTest, AClogHoldsAndThenDelivers) {
  Start({});
  network_->Clog(NodeId(1), NodeId(2));
  Send(5);
  Drain();
  EXPECT_TRUE(got_[2].empty());
  network_->HealAll();
  Drain();
  EXPECT_EQ(Numbers(), (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST_F(SimNetworkTest, ACrashedNodeGetsNothingAndARestartedOneGetsWhatWasUnderWay) {
  Start({.wan_delay_min_us = 5000, .wan_delay_max_us = 5000});
  Send(1);
  executors_[1]->Kill();
  transports_.erase(2);
  scheduler_.RunUntil(kT0 + 8000);
  EXPECT_TRUE(got_[2].empty());
  Send(1);
  Attach(2);
  Drain();
  EXPECT_EQ(got_[2].size(), 1u);
}

TEST_F(SimNetworkTest, OneSeedOneTrace) {
  auto run = [] {
    SimScheduler s;
    SimNetwork net(&s, {.jitter_us = 300, .drop_rate = 0.1, .duplicate_rate = 0.1}, 2, Random(9));
    SimExecutor e(&s, 1, {}, Random(1)), f(&s, 2, {}, Random(2));
    auto a = net.Attach(NodeId(1), 0, &e), b = net.Attach(NodeId(2), 1, &f);
    for (int i = 0; i < 50; ++i) a->Send(NodeId(2), Channel::kPaxos, absl::StrCat("m", i));
    s.RunUntil(kT0 + 100000);
    return s.digest().value();
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace isochron::sim
