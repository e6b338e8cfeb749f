// SPDX-License-Identifier: Apache-2.0
#include "sim/world/sim_truetime.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace isochron::sim {
namespace {

TEST(SimTrueTimeTest, RealTimeLiesWithinTheIntervalAndOftenAtItsEdge) {
  int tight = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SimScheduler s;
    ClockOptions options{.epsilon_min_us = 200, .epsilon_max_us = 5000, .poll_us = 300'000};
    SimTrueTime tt(&s, options, Random(seed));
    for (int i = 0; i < 2000; ++i) {
      s.RunUntil(s.now() + 1777);
      auto now = tt.Now();
      ASSERT_TRUE(now.ok());
      ASSERT_LE(now->earliest.us, s.now());
      ASSERT_GE(now->latest.us, s.now());
      const Micros width = now->latest.us - now->earliest.us;
      ASSERT_GE(width, 400);
      ASSERT_LE(width, 10000);
      tight += std::min(s.now() - now->earliest.us, now->latest.us - s.now()) <= width / 20;
    }
  }
  EXPECT_GT(tight, 5000);
}

TEST(SimTrueTimeTest, TheBoundIsASawtooth) {
  SimScheduler s;
  SimTrueTime tt(&s, {.epsilon_min_us = 100, .epsilon_max_us = 1100, .poll_us = 1000}, Random(4));
  int rises = 0, falls = 0;
  Micros last = 0;
  for (int i = 0; i < 5000; ++i) {
    s.RunUntil(s.now() + 1);
    const TTInterval now = tt.Interval();
    const Micros width = now.latest.us - now.earliest.us;
    rises += width > last;
    falls += width < last;
    last = width;
  }
  EXPECT_GT(rises, 4000);
  EXPECT_GE(falls, 4);
  EXPECT_LE(falls, 6);
}

TEST(SimTrueTimeTest, WithoutABoundThereIsNoTime) {
  SimScheduler s;
  SimTrueTime tt(&s, {}, Random(1));
  tt.SetLost(true);
  EXPECT_EQ(tt.Now().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(tt.After(Timestamp(1)));
  EXPECT_FALSE(tt.Before(Timestamp::Max()));
  tt.SetLost(false);
  EXPECT_TRUE(tt.After(Timestamp(1)));
}

TEST(SimTrueTimeTest, ALyingClockLeavesItsBound) {
  SimScheduler s;
  SimTrueTime tt(&s, {}, Random(1));
  tt.Lie(50'000);
  EXPECT_GT(tt.Interval().earliest.us, s.now());
  tt.Lie(-50'000);
  EXPECT_LT(tt.Interval().latest.us, s.now());
}

// The shipped clock over the simulated machine: honest to the edge, and it notices what was done to
// the machine's clock.
TEST(SimTrueTimeTest, AShippedClockHoldsRealTimeAndRefusesWhenItIsSet) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SimScheduler s;
    const ClockOptions options{.epsilon_min_us = 200,
                               .epsilon_max_us = 5000,
                               .poll_us = 300'000,
                               .shipped = true,
                               .peers = 2};
    SimTrueTime tt(&s, options, Random(seed));
    int refused = 0;
    for (int i = 0; i < 6000; ++i) {
      s.RunUntil(s.now() + 1777);
      if (i == 1000) tt.Set(seed % 2 == 0 ? 50'000'000 : -3'000);
      if (i == 2000) tt.Set(0);
      if (i == 2500) tt.Freeze(true);
      if (i == 3000) tt.Freeze(false);
      if (i == 3300) tt.SetDrifting(true);
      if (i == 5500) tt.Restart();  // chrony goes on, and has not polled for seconds
      const auto now = tt.Now();
      refused += !now.ok();
      if (!now.ok()) continue;
      ASSERT_LE(now->earliest.us, s.now()) << seed << " " << i;
      ASSERT_GE(now->latest.us, s.now()) << seed << " " << i;
    }
    EXPECT_GT(refused, 0) << seed;
    EXPECT_GT(tt.refusals(), 0) << seed;
  }
}

TEST(SimTrueTimeTest, AShippedClockIsFencedByMostOfItsPeers) {
  SimScheduler s;
  SimTrueTime tt(&s, {.shipped = true, .peers = 2}, Random(1));
  const TTInterval now = *tt.Now();
  tt.Accuse(NodeId(2), now, now);
  EXPECT_TRUE(tt.Now().ok());
  tt.Accuse(NodeId(3), now, now);
  EXPECT_FALSE(tt.Now().ok());
  EXPECT_TRUE(tt.fenced());
  tt.Restart();
  EXPECT_TRUE(tt.Now().ok());
}

TEST(SimTrueTimeTest, JumpsWidthsAndDriftsStayWithinTheBound) {
  SimScheduler s;
  SimTrueTime tt(&s, {.epsilon_min_us = 200, .epsilon_max_us = 5000, .poll_us = 300'000},
                 Random(3));
  for (int i = 0; i < 4000; ++i) {
    s.RunUntil(s.now() + 1777);
    if (i % 50 == 0) tt.Jump();
    if (i % 700 == 0) tt.Widen(i * 10);
    if (i % 900 == 0) tt.SetDrifting(i % 1800 == 0);
    const TTInterval now = tt.Interval();
    ASSERT_LE(now.earliest.us, s.now());
    ASSERT_GE(now.latest.us, s.now());
  }
}

}  // namespace
}  // namespace isochron::sim
