// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/event_loop.h"

#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace isochron::runtime {
namespace {

TEST(EventLoopTest, RunsInOrderPosted) {
  EventLoop loop;
  std::vector<int> seen;
  for (int i = 0; i < 100; ++i) loop.Post([&seen, i] { seen.push_back(i); });
  loop.Post([&] { loop.Stop(); });
  loop.Run();
  ASSERT_EQ(seen.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(seen[i], i);
}

// Rule 38: a queue of any length must not keep the loop from descriptors and timers, by which
// leases come.
TEST(EventLoopTest, WhatIsQueuedDoesNotKeepDescriptorsAndTimersWaiting) {
  EventLoop loop;
  int fds[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  constexpr int kQueued = 400;
  int ran = 0;
  int ran_at_descriptor = -1;
  int ran_at_timer = -1;
  std::vector<int> order;
  for (int i = 0; i < kQueued; ++i) {
    loop.Post([&, i] {
      const Micros until = loop.MonotonicNow() + 500;
      while (loop.MonotonicNow() < until) {
      }
      order.push_back(i);
      if (++ran == 1) {  // what comes while all of them wait
        EXPECT_EQ(write(fds[1], "x", 1), 1);
        loop.PostAfter(1000, [&] { ran_at_timer = ran; });
      }
      if (ran == kQueued) loop.Stop();
    });
  }
  loop.AddFd(fds[0], EPOLLIN, [&](uint32_t) {
    ran_at_descriptor = ran;
    loop.RemoveFd(fds[0]);
  });
  loop.Run();
  EXPECT_GT(ran_at_descriptor, 0);
  EXPECT_LT(ran_at_descriptor, 100);
  EXPECT_GT(ran_at_timer, 0);
  EXPECT_LT(ran_at_timer, 100);
  for (int i = 0; i < kQueued; ++i) EXPECT_EQ(order[i], i);
  EXPECT_GE(loop.longest_turn_us(), 500);
  close(fds[0]);
  close(fds[1]);
}

TEST(EventLoopTest, ManyThreadsPost) {
  EventLoop loop;
  constexpr int kThreads = 4;
  constexpr int kEach = 2000;
  int last[kThreads] = {};
  int total = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 1; i <= kEach; ++i) {
        loop.Post([&, t, i] {
          EXPECT_EQ(last[t], i - 1);
          last[t] = i;
          if (++total == kThreads * kEach) loop.Stop();
        });
      }
    });
  }
  loop.Run();
  for (auto& t : threads) t.join();
  EXPECT_EQ(total, kThreads * kEach);
}

TEST(EventLoopTest, EventFdIsWrittenOnlyWhenTheLoopSleeps) {
  EventLoop loop;
  int left = 1000;
  std::function<void()> next = [&] {
    if (--left == 0) {
      loop.Stop();
    } else {
      loop.Post(next);
    }
  };
  loop.Post(next);
  loop.Run();
  EXPECT_EQ(loop.wakeups(), 0u);
}

TEST(EventLoopTest, TimersRunByDeadlineAndNeverEarly) {
  EventLoop loop;
  std::vector<int> seen;
  const Micros start = loop.MonotonicNow();
  Micros ran_at = 0;
  loop.PostAfter(3000, [&] {
    seen.push_back(3);
    ran_at = loop.MonotonicNow();
    loop.Stop();
  });
  loop.PostAfter(1000, [&] { seen.push_back(1); });
  loop.PostAfter(1000, [&] { seen.push_back(2); });
  auto cancelled = loop.PostAfter(500, [&] { seen.push_back(99); });
  loop.Post([&] { loop.Cancel(cancelled); });
  loop.Run();
  EXPECT_EQ(seen, (std::vector<int>{1, 2, 3}));
  EXPECT_GE(ran_at - start, 3000);
}

TEST(EventLoopTest, TimerFromAnotherThreadWakesASleepingLoop) {
  EventLoop loop;
  bool ran = false;
  std::thread t([&] { loop.PostAfter(100, [&] { ran = true, loop.Stop(); }); });
  loop.Run();
  t.join();
  EXPECT_TRUE(ran);
}

TEST(EventLoopTest, CancelledTimersDoNotPileUp) {
  EventLoop loop;
  loop.Post([&] {
    for (int i = 0; i < 100000; ++i) loop.Cancel(loop.PostAfter(1'000'000'000, [] {}));
    loop.Stop();
  });
  loop.Run();
}

TEST(EventLoopTest, HooksRunOnceATurnForAChainOfPosts) {
  EventLoop loop;
  int hooks = 0;
  int depth = 0;
  loop.OnTurnEnd([&] {
    ++hooks;
    EXPECT_EQ(depth, 3);
    loop.Stop();
  });
  loop.Post([&] {
    ++depth;
    loop.Post([&] {
      ++depth;
      loop.Post([&] { ++depth; });
    });
  });
  loop.Run();
  EXPECT_EQ(hooks, 1);
}

TEST(EventLoopTest, PostsWithoutEndDoNotStarveHooksOrDescriptors) {
  EventLoop loop;
  int fds[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  int hooks = 0;
  loop.OnTurnEnd([&] { ++hooks; });
  loop.AddFd(fds[0], EPOLLIN, [&](uint32_t) { loop.Stop(); });
  int spins = 0;
  std::function<void()> spin = [&] {
    if (++spins == 1000) EXPECT_EQ(write(fds[1], "x", 1), 1);
    loop.Post(spin);
  };
  loop.Post(spin);
  loop.Run();
  EXPECT_GT(hooks, 10);
  loop.RemoveFd(fds[0]);
  close(fds[0]);
  close(fds[1]);
}

TEST(EventLoopTest, HandlerMayRemoveItselfAndOthers) {
  EventLoop loop;
  int a[2];
  int b[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, b), 0);
  ASSERT_EQ(write(a[1], "x", 1), 1);
  ASSERT_EQ(write(b[1], "x", 1), 1);
  int calls = 0;
  auto handler = [&](uint32_t) {
    ++calls;
    loop.RemoveFd(a[0]);
    loop.RemoveFd(b[0]);
    loop.Stop();
  };
  loop.AddFd(a[0], EPOLLIN, handler);
  loop.AddFd(b[0], EPOLLIN, handler);
  loop.Run();
  EXPECT_EQ(calls, 1);
  for (int fd : {a[0], a[1], b[0], b[1]}) close(fd);
}

TEST(EventLoopTest, QueuedWorkIsDroppedNotRunAtDestruction) {
  auto token = std::make_shared<int>(1);
  {
    EventLoop loop;
    loop.Post([token] { ADD_FAILURE(); });
    loop.PostAfter(0, [token] { ADD_FAILURE(); });
  }
  EXPECT_EQ(token.use_count(), 1);
}

}  // namespace
}  // namespace isochron::runtime
