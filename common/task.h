// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_COMMON_TASK_H_
#define ISOCHRON_COMMON_TASK_H_

// C++20 coroutines over the Executor seam.
//
//   Task<T>       a lazy coroutine: runs when awaited, yields one T. Owned by whoever holds it;
//                 destroying a suspended Task destroys its frame and everything it awaits.
//   TaskScope     owns detached root coroutines. Its destruction destroys those still suspended, so
//                 a node that stops (or is crashed by the simulator) leaves nothing behind.
//   OneShot<T>    a single-producer single-consumer value. Set() resumes the waiter through the
//                 Executor, never inline, so a setter is never re-entered.
//   WaitList      many waiters, woken together; each wait has a monotonic deadline.
//   SleepFor      resumes after a delay.
//
// All of it is loop-thread only. No exceptions: an escaping one terminates. Coroutine parameters are
// taken by value or outlive the coroutine; lambdas with captures are never coroutines.

#include <coroutine>
#include <exception>
#include <list>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/executor.h"

namespace isochron {

template <typename T>
class Task;

namespace task_internal {

struct FinalAwaiter {
  bool await_ready() const noexcept { return false; }
  template <typename P>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<P> h) const noexcept {
    std::coroutine_handle<> c = h.promise().continuation;
    return c ? c : std::noop_coroutine();
  }
  void await_resume() const noexcept {}
};

struct PromiseBase {
  std::coroutine_handle<> continuation;
  std::suspend_always initial_suspend() noexcept { return {}; }
  FinalAwaiter final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { std::terminate(); }
};

template <typename T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object();
  template <typename U>
  void return_value(U&& v) {
    value.emplace(std::forward<U>(v));
  }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() noexcept {}
};

}  // namespace task_internal

template <typename T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = task_internal::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task() = default;
  explicit Task(Handle h) : handle_(h) {}
  Task(Task&& o) noexcept : handle_(std::exchange(o.handle_, {})) {}
  Task& operator=(Task&& o) noexcept {
    if (this != &o) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(o.handle_, {});
    }
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  struct Awaiter {
    Handle h;
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> c) noexcept {
      h.promise().continuation = c;
      return h;
    }
    T await_resume() {
      if constexpr (!std::is_void_v<T>) return std::move(*h.promise().value);
    }
  };
  Awaiter operator co_await() & noexcept { return Awaiter{handle_}; }
  Awaiter operator co_await() && noexcept { return Awaiter{handle_}; }

 private:
  Handle handle_;
};

namespace task_internal {
template <typename T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}
}  // namespace task_internal

class TaskScope {
 public:
  TaskScope() = default;
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;
  ~TaskScope() { Clear(); }

  // Runs `t` at once, up to its first suspension; keeps it until it ends.
  void Spawn(Task<void> t) {
    roots_.emplace_back();
    auto it = std::prev(roots_.end());
    *it = Drive(this, it, std::move(t)).handle;
    it->resume();
  }
  size_t size() const { return roots_.size(); }

  // Destroys every root that is still suspended. Must not be called from one of them.
  void Clear() {
    while (!roots_.empty()) {
      std::coroutine_handle<> h = roots_.front();
      roots_.pop_front();
      h.destroy();
    }
  }

 private:
  using Roots = std::list<std::coroutine_handle<>>;
  struct Root {
    struct promise_type {
      Root get_return_object() {
        return Root{std::coroutine_handle<promise_type>::from_promise(*this)};
      }
      std::suspend_always initial_suspend() noexcept { return {}; }
      std::suspend_never final_suspend() noexcept { return {}; }
      void return_void() noexcept {}
      void unhandled_exception() noexcept { std::terminate(); }
    };
    std::coroutine_handle<> handle;
  };
  static Root Drive(TaskScope* scope, Roots::iterator it, Task<void> t) {
    co_await t;
    scope->roots_.erase(it);
  }
  Roots roots_;
};

// A value that arrives once. Copies share the slot. The first Set wins; later ones are ignored.
template <typename T>
class OneShot {
 public:
  explicit OneShot(Executor* executor) : state_(std::make_shared<State>()) {
    state_->executor = executor;
  }

  // True if this call set the value.
  bool Set(T v) {
    if (state_->value.has_value() || state_->taken) return false;
    state_->value.emplace(std::move(v));
    if (state_->waiter) {
      state_->executor->Post([s = state_] {
        if (auto h = std::exchange(s->waiter, {})) h.resume();
      });
    }
    return true;
  }
  bool IsSet() const { return state_->value.has_value() || state_->taken; }

  // At most one coroutine waits, once.
  auto operator co_await() const { return Awaiter{state_}; }

 private:
  struct State {
    Executor* executor = nullptr;
    std::optional<T> value;
    bool taken = false;
    std::coroutine_handle<> waiter;
  };
  struct Awaiter {
    std::shared_ptr<State> s;
    bool waiting = false;
    explicit Awaiter(std::shared_ptr<State> state) : s(std::move(state)) {}
    Awaiter(Awaiter&&) = default;
    ~Awaiter() {
      if (s && waiting) s->waiter = {};
    }
    bool await_ready() const noexcept { return s->value.has_value(); }
    void await_suspend(std::coroutine_handle<> h) {
      waiting = true;
      s->waiter = h;
    }
    T await_resume() {
      waiting = false;
      s->taken = true;
      T v = std::move(*s->value);
      s->value.reset();
      return v;
    }
  };
  std::shared_ptr<State> state_;
};

inline Task<void> SleepFor(Executor* executor, Micros delay_us) {
  OneShot<bool> done(executor);
  executor->PostAfter(delay_us, [done]() mutable { done.Set(true); });
  co_await done;
}

// Waiters for a condition. The condition itself is the caller's: wake, re-check, wait again.
class WaitList {
 public:
  explicit WaitList(Executor* executor) : executor_(executor) {}

  // True when woken by NotifyAll, false when `deadline_us` (Executor::MonotonicNow units) passed.
  Task<bool> WaitUntil(Micros deadline_us) {
    OneShot<bool> woken(executor_);
    waiters_.push_back(woken);
    Micros left = deadline_us - executor_->MonotonicNow();
    auto timer = executor_->PostAfter(left > 0 ? left : 0, [woken]() mutable { woken.Set(false); });
    Executor* executor = executor_;
    bool result = co_await woken;
    if (result) executor->Cancel(timer);
    co_return result;
  }
  void NotifyAll() {
    std::vector<OneShot<bool>> waiters;
    waiters.swap(waiters_);
    for (auto& w : waiters) w.Set(true);
  }
  // Waiters, some of which may already have timed out.
  size_t size() const { return waiters_.size(); }

 private:
  Executor* executor_;
  std::vector<OneShot<bool>> waiters_;
};

}  // namespace isochron

#endif  // ISOCHRON_COMMON_TASK_H_
