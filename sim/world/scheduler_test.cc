// SPDX-License-Identifier: Apache-2.0
#include "sim/world/scheduler.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "common/task.h"
#include "sim/world/sim_executor.h"

namespace isochron::sim {
namespace {

constexpr Micros kT0 = SimScheduler::kStartOfTime;

TEST(SchedulerTest, RunsByTimeThenSequence) {
  SimScheduler s;
  std::vector<int> ran;
  s.At(kT0 + 20, 0, [&] { ran.push_back(3); });
  s.At(kT0 + 10, 0, [&] { ran.push_back(1); });
  s.At(kT0 + 10, 0, [&] { ran.push_back(2); });
  s.At(kT0 - 5, 0, [&] { ran.push_back(0); });
  s.RunUntil(kT0 + 100);
  EXPECT_EQ(ran, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(s.now(), kT0 + 100);
}

TEST(SchedulerTest, CancelAndReuseOfSlots) {
  SimScheduler s;
  int ran = 0;
  auto id = s.At(kT0 + 1, 0, [&] { ++ran; });
  s.Cancel(id);
  auto second = s.At(kT0 + 2, 0, [&] { ran += 10; });
  s.Cancel(id);  // the slot now belongs to another event
  EXPECT_NE(id, second);
  s.RunUntil(kT0 + 5);
  s.Cancel(second);
  EXPECT_EQ(ran, 10);
}

TEST(SchedulerTest, SameEventsSameDigestOtherEventsOther) {
  auto run = [](Micros second) {
    SimScheduler s;
    s.At(kT0 + 1, 1, [] {});
    s.At(kT0 + second, 2, [] {});
    s.RunUntil(kT0 + 10);
    return s.digest().value();
  };
  EXPECT_EQ(run(2), run(2));
  EXPECT_NE(run(2), run(3));
}

TEST(SchedulerTest, DropOwnerDestroysWhatItHeldAndWhatThatScheduled) {
  SimScheduler s;
  SimExecutor e(&s, 7, {}, Random(1));
  struct Reposter {
    SimExecutor* e;
    explicit Reposter(SimExecutor* executor) : e(executor) {}
    ~Reposter() {
      e->Post([] { FAIL() << "ran after the crash"; });
    }
  };
  auto held = std::make_shared<Reposter>(&e);
  std::weak_ptr<Reposter> watch = held;
  e.PostAfter(10, [held = std::move(held)] { FAIL() << "ran after the crash"; });
  e.Kill();
  EXPECT_TRUE(watch.expired());
  s.RunUntil(kT0 + 100);
}

TEST(SchedulerTest, LivelockIsReported) {
  SimScheduler s;
  struct Spin {
    SimScheduler* s;
    void operator()() const { s->After(0, 0, Spin{s}); }
  };
  s.After(0, 0, Spin{&s});
  s.RunUntil(kT0 + 1);
  EXPECT_TRUE(s.stuck());
  EXPECT_EQ(s.now(), kT0);
}

TEST(SimExecutorTest, PauseHoldsEventsInOrder) {
  SimScheduler s;
  SimExecutor e(&s, 1, {}, Random(1));
  std::vector<int> ran;
  e.PostAfter(10, [&] { ran.push_back(1); });
  auto cancelled = e.PostAfter(15, [&] { ran.push_back(99); });
  e.PostAfter(20, [&] { ran.push_back(2); });
  e.Pause();
  s.RunUntil(kT0 + 50);
  EXPECT_TRUE(ran.empty());
  e.Cancel(cancelled);
  e.Post([&] { ran.push_back(3); });
  e.Resume();
  s.RunUntil(kT0 + 51);
  EXPECT_EQ(ran, (std::vector<int>{1, 2, 3}));
}

TEST(SimExecutorTest, MonotonicClocksDifferByTheirOffset) {
  SimScheduler s;
  SimExecutor a(&s, 1, {.monotonic_offset_us = 5}, Random(1));
  SimExecutor b(&s, 2, {.monotonic_offset_us = 1000}, Random(2));
  s.RunUntil(kT0 + 100);
  EXPECT_EQ(a.MonotonicNow(), 105);
  EXPECT_EQ(b.MonotonicNow(), 1100);
}

Task<void> Sleeper(SimExecutor* e, std::vector<Micros>* woke) {
  for (int i = 0; i < 3; ++i) {
    co_await SleepFor(e, 100);
    woke->push_back(e->MonotonicNow());
  }
}

TEST(SimExecutorTest, CoroutinesRunInVirtualTimeAndDieWithTheirScope) {
  SimScheduler s;
  SimExecutor e(&s, 1, {}, Random(1));
  std::vector<Micros> woke;
  {
    TaskScope scope;
    scope.Spawn(Sleeper(&e, &woke));
    s.RunUntil(kT0 + 250);
    e.Kill();
  }
  s.RunUntil(kT0 + 1000);
  EXPECT_EQ(woke, (std::vector<Micros>{100, 200}));
}

TEST(SimExecutorTest, JitterOnlyDelays) {
  SimScheduler s;
  SimExecutor e(&s, 1, {.timer_jitter_us = 50}, Random(3));
  for (int i = 0; i < 100; ++i) {
    e.PostAfter(100, [&] {
      EXPECT_GE(e.MonotonicNow(), 100);
      EXPECT_LE(e.MonotonicNow(), 150);
    });
  }
  s.RunUntil(kT0 + 1000);
}

}  // namespace
}  // namespace isochron::sim
