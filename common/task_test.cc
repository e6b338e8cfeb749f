// SPDX-License-Identifier: Apache-2.0
#include "common/task.h"

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/request_context.h"
#include "common/wait_for.h"
#include "gtest/gtest.h"

namespace isochron {
namespace {

// One queue and a clock that moves when told.
class ManualExecutor : public Executor {
 public:
  void Post(Fn fn) override { ready_.push_back(std::move(fn)); }
  TimerId PostAfter(Micros delay_us, Fn fn) override {
    timers_.emplace(std::pair(now_ + delay_us, ++last_timer_), std::move(fn));
    return last_timer_;
  }
  void Cancel(TimerId id) override {
    for (auto it = timers_.begin(); it != timers_.end(); ++it) {
      if (it->first.second == id) {
        timers_.erase(it);
        return;
      }
    }
  }
  Micros MonotonicNow() override { return now_; }

  void Run() {
    while (!ready_.empty()) {
      Fn fn = std::move(ready_.front());
      ready_.pop_front();
      fn();
    }
  }
  void Advance(Micros us) {
    const Micros end = now_ + us;
    Run();
    while (!timers_.empty() && timers_.begin()->first.first <= end) {
      now_ = timers_.begin()->first.first;
      Fn fn = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
      fn();
      Run();
    }
    now_ = end;
  }
  size_t timers() const { return timers_.size(); }

 private:
  std::deque<Fn> ready_;
  std::map<std::pair<Micros, TimerId>, Fn> timers_;
  Micros now_ = 0;
  TimerId last_timer_ = 0;
};

// Counts the objects alive, to see that frames are destroyed.
struct Counted {
  static int alive;
  Counted() { ++alive; }
  Counted(const Counted&) { ++alive; }
  Counted(Counted&&) noexcept { ++alive; }
  ~Counted() { --alive; }
};
int Counted::alive = 0;

Task<int> Add(int a, int b) { co_return a + b; }

Task<std::unique_ptr<std::string>> Text(std::string s) {
  co_return std::make_unique<std::string>(std::move(s));
}

Task<void> Compute(int* out, std::string* text) {
  *out = co_await Add(1, 2) + co_await Add(3, 4);
  *text = *co_await Text("moved");
}

TEST(Task, RunsAndReturnsValues) {
  TaskScope scope;
  int out = 0;
  std::string text;
  scope.Spawn(Compute(&out, &text));
  EXPECT_EQ(out, 10);
  EXPECT_EQ(text, "moved");
  EXPECT_EQ(scope.size(), 0u);
}

TEST(Task, IsLazyAndMayNeverRun) {
  int out = 0;
  std::string text;
  { Task<void> never = Compute(&out, &text); }
  EXPECT_EQ(out, 0);
}

Task<void> Loop(int n, int64_t* sum) {
  for (int i = 0; i < n; ++i) *sum += co_await Add(i, 0);
}

TEST(Task, ManyTasksThatNeverSuspendUseNoStack) {
  TaskScope scope;
  int64_t sum = 0;
  scope.Spawn(Loop(200'000, &sum));
  EXPECT_EQ(sum, int64_t{200'000} * 199'999 / 2);
}

Task<int> WaitFor(OneShot<int> shot, Counted) {
  Counted local;
  co_return co_await shot;
}

Task<void> Outer(OneShot<int> shot, std::vector<int>* got) {
  Counted local;
  got->push_back(co_await WaitFor(shot, Counted()));
}

TEST(TaskScope, DestroysWhatIsSuspended) {
  ManualExecutor executor;
  std::vector<int> got;
  OneShot<int> shot(&executor);
  {
    TaskScope scope;
    scope.Spawn(Outer(shot, &got));
    scope.Spawn(Outer(OneShot<int>(&executor), &got));
    EXPECT_EQ(scope.size(), 2u);
    EXPECT_GT(Counted::alive, 0);
  }
  EXPECT_EQ(Counted::alive, 0);
  EXPECT_TRUE(shot.Set(5));  // nobody waits any more: nothing is resumed
  executor.Run();
  EXPECT_TRUE(got.empty());
}

TEST(TaskScope, DestroyedBetweenSetAndResumption) {
  ManualExecutor executor;
  std::vector<int> got;
  OneShot<int> shot(&executor);
  {
    TaskScope scope;
    scope.Spawn(Outer(shot, &got));
    shot.Set(5);  // the resumption is posted, and must find its waiter gone
  }
  executor.Run();
  EXPECT_TRUE(got.empty());
  EXPECT_EQ(Counted::alive, 0);
}

Task<void> SpawnMore(TaskScope* scope, OneShot<int> shot, std::vector<int>* got) {
  scope->Spawn(Outer(shot, got));
  got->push_back(-1);
  co_return;
}

TEST(TaskScope, RootsMaySpawnIntoTheirScope) {
  ManualExecutor executor;
  std::vector<int> got;
  TaskScope scope;
  OneShot<int> shot(&executor);
  scope.Spawn(SpawnMore(&scope, shot, &got));
  EXPECT_EQ(scope.size(), 1u);
  shot.Set(9);
  EXPECT_EQ(got, std::vector<int>({-1}));  // never inline
  executor.Run();
  EXPECT_EQ(got, std::vector<int>({-1, 9}));
  EXPECT_EQ(scope.size(), 0u);
}

TEST(OneShot, FirstSetWinsAndSetBeforeAwaitIsKept) {
  ManualExecutor executor;
  std::vector<int> got;
  TaskScope scope;
  OneShot<int> shot(&executor);
  EXPECT_FALSE(shot.IsSet());
  EXPECT_TRUE(shot.Set(1));
  EXPECT_FALSE(shot.Set(2));
  scope.Spawn(Outer(shot, &got));
  EXPECT_EQ(got, std::vector<int>({1}));
  EXPECT_TRUE(shot.IsSet());
  EXPECT_FALSE(shot.Set(3));  // also after it was taken
}

Task<void> Sleeper(ManualExecutor* executor, Micros us, std::vector<Micros>* woke) {
  co_await SleepFor(executor, us);
  woke->push_back(executor->MonotonicNow());
}

TEST(SleepFor, WakesOnTimeOrNeverWhenDestroyed) {
  ManualExecutor executor;
  std::vector<Micros> woke;
  {
    TaskScope scope;
    scope.Spawn(Sleeper(&executor, 100, &woke));
    scope.Spawn(Sleeper(&executor, 50, &woke));
    executor.Advance(60);
    EXPECT_EQ(woke, std::vector<Micros>({50}));
  }
  executor.Advance(100);
  EXPECT_EQ(woke, std::vector<Micros>({50}));
}

Task<void> Waiter(WaitList* list, Micros deadline, int id, std::vector<std::pair<int, bool>>* log) {
  Counted local;
  const bool woken = co_await list->WaitUntil(deadline);
  log->push_back({id, woken});
}

using Log = std::vector<std::pair<int, bool>>;

TEST(WaitList, WakesAllInOrderAndTimesOut) {
  ManualExecutor executor;
  WaitList list(&executor);
  Log log;
  TaskScope scope;
  scope.Spawn(Waiter(&list, 100, 1, &log));
  scope.Spawn(Waiter(&list, 20, 2, &log));
  scope.Spawn(Waiter(&list, 100, 3, &log));
  EXPECT_EQ(list.size(), 3u);
  executor.Advance(20);
  EXPECT_EQ(log, Log({{2, false}}));
  EXPECT_EQ(list.size(), 2u);
  list.NotifyAll();
  EXPECT_EQ(log.size(), 1u);
  executor.Run();
  EXPECT_EQ(log, Log({{2, false}, {1, true}, {3, true}}));
  EXPECT_EQ(list.size(), 0u);
  EXPECT_EQ(executor.timers(), 0u);  // woken waiters leave no timer behind
  list.NotifyAll();
  scope.Spawn(Waiter(&list, 0, 4, &log));  // a deadline that has passed
  executor.Advance(0);
  EXPECT_EQ(log.back(), (std::pair<int, bool>{4, false}));
}

TEST(WaitList, HoldsOnlyThoseThatWait) {
  ManualExecutor executor;
  WaitList list(&executor);
  Log log;
  for (int i = 0; i < 100; ++i) {
    TaskScope scope;
    scope.Spawn(Waiter(&list, executor.MonotonicNow() + 10, i, &log));
    scope.Spawn(Waiter(&list, executor.MonotonicNow() + 1000, i, &log));
    executor.Advance(20);  // the first times out, the second is destroyed
  }
  EXPECT_EQ(list.size(), 0u);
  EXPECT_EQ(log.size(), 100u);
  EXPECT_EQ(Counted::alive, 0);
}

TEST(WaitList, MayDieBeforeItsWaitersAndTheReverse) {
  ManualExecutor executor;
  Log log;
  auto scope = std::make_unique<TaskScope>();
  auto list = std::make_unique<WaitList>(&executor);
  scope->Spawn(Waiter(list.get(), 10, 1, &log));
  list.reset();
  executor.Advance(10);
  EXPECT_EQ(log, Log({{1, false}}));
  list = std::make_unique<WaitList>(&executor);
  scope->Spawn(Waiter(list.get(), 100, 2, &log));
  list->NotifyAll();
  scope.reset();
  executor.Advance(200);
  EXPECT_EQ(log.size(), 1u);
  EXPECT_EQ(Counted::alive, 0);
}

Task<void> WaitsFor(Ctx ctx, Executor* executor, WaitList* list, const bool* flag,
                    std::vector<absl::Status>* log) {
  log->push_back(co_await WaitFor(ctx, executor, list, [flag] { return *flag; }));
}

TEST(WaitFor, EndsByItsConditionByCancelAndByDeadline) {
  ManualExecutor executor;
  WaitList list(&executor);
  TaskScope scope;
  std::vector<absl::Status> log;
  bool flag = false;
  auto patient = std::make_shared<RequestContext>(1000);
  auto cancelled = std::make_shared<RequestContext>(1000);
  auto hasty = std::make_shared<RequestContext>(10);
  for (const Ctx& ctx : {Ctx(patient), Ctx(cancelled), Ctx(hasty)}) {
    scope.Spawn(WaitsFor(ctx, &executor, &list, &flag, &log));
  }
  list.NotifyAll();  // for nothing
  executor.Run();
  EXPECT_TRUE(log.empty());
  cancelled->Cancel();
  executor.Run();
  ASSERT_EQ(log.size(), 1u);
  EXPECT_EQ(log[0].code(), absl::StatusCode::kCancelled);
  executor.Advance(10);
  ASSERT_EQ(log.size(), 2u);
  EXPECT_EQ(log[1].code(), absl::StatusCode::kDeadlineExceeded);
  flag = true;
  list.NotifyAll();
  executor.Run();
  ASSERT_EQ(log.size(), 3u);
  EXPECT_TRUE(log[2].ok());
  EXPECT_EQ(list.size(), 0u);
}

TEST(TaskDeath, AwaitedTwice) {
  ManualExecutor executor;
  std::vector<int> got;
  TaskScope scope;
  OneShot<int> shot(&executor);
  scope.Spawn(Outer(shot, &got));
  EXPECT_DEATH(scope.Spawn(Outer(shot, &got)), "a OneShot has one waiter");
}

}  // namespace
}  // namespace isochron
