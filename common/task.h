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
// All of it is loop-thread only. No exceptions: an escaping one terminates. Coroutine parameters
// are taken by value or outlive the coroutine; lambdas with captures are never coroutines.

#include <coroutine>
#include <exception>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "common/check.h"
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
  template <typename U = T>
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
      ISO_CHECK(h && !h.done() && !h.promise().continuation, "a task is awaited once");
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
      ISO_CHECK(!s->waiter && !s->taken, "a OneShot has one waiter");
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

// Waiters for a condition. The condition itself is the caller's: wake, re-check, wait again. A
// waiter that times out or is destroyed leaves the list, so it holds no more than those that wait.
// The list may be destroyed before its waiters: these then time out.
class WaitList {
 public:
  explicit WaitList(Executor* executor) : executor_(executor) {}
  WaitList(const WaitList&) = delete;
  WaitList& operator=(const WaitList&) = delete;

  // True when woken by NotifyAll, false when `deadline_us` (Executor::MonotonicNow units) passed.
  Task<bool> WaitUntil(Micros deadline_us) { return Wait(executor_, waiters_, deadline_us); }

  // Wakes all that wait now, in the order they came; those that come while these run wait anew.
  void NotifyAll() {
    std::map<uint64_t, OneShot<bool>> woken;
    woken.swap(waiters_->by_id);
    for (auto& [id, w] : woken) w.Set(true);
  }
  size_t size() const { return waiters_->by_id.size(); }

 private:
  struct Waiters {
    std::map<uint64_t, OneShot<bool>> by_id;
    uint64_t next_id = 1;
  };
  // Takes the waiter off the list however its coroutine ends.
  struct Membership {
    std::shared_ptr<Waiters> waiters;
    uint64_t id;
    Membership(std::shared_ptr<Waiters> w, OneShot<bool> woken)
        : waiters(std::move(w)), id(waiters->next_id++) {
      waiters->by_id.emplace(id, std::move(woken));
    }
    Membership(const Membership&) = delete;
    Membership& operator=(const Membership&) = delete;
    ~Membership() { waiters->by_id.erase(id); }
  };
  static Task<bool> Wait(Executor* executor, std::shared_ptr<Waiters> waiters, Micros deadline_us) {
    OneShot<bool> woken(executor);
    Membership membership(std::move(waiters), woken);
    const Micros left = deadline_us - executor->MonotonicNow();
    auto timer = executor->PostAfter(left > 0 ? left : 0, [woken]() mutable { woken.Set(false); });
    const bool result = co_await woken;
    if (result) executor->Cancel(timer);
    co_return result;
  }

  Executor* executor_;
  std::shared_ptr<Waiters> waiters_ = std::make_shared<Waiters>();
};

}  // namespace isochron

#endif  // ISOCHRON_COMMON_TASK_H_
