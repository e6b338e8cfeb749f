// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RUNTIME_EVENT_LOOP_H_
#define ISOCHRON_SERVER_RUNTIME_EVENT_LOOP_H_

// The real Executor: one epoll loop on the thread that calls Run().
//
// A turn: wait for file descriptors (not at all when work is posted), run their handlers, then the
// posted functions, then the timers that are due, then what those posted, for a bounded number of
// rounds; then the turn-end hooks. Layers gather what a turn produced (log entries, messages) and
// hand it on in their hook: one sync and one send a turn, however many groups took part.
//
// Overload (rule 38): posted functions get a few milliseconds of a turn; what is left waits, in
// order, for the next. So however much is queued, leases, which come by descriptor and by timer,
// are served within a turn, and what a turn produced leaves at its end. `longest_turn_us` tells
// whether one function took too long.
//
// A function posted from another thread wakes the loop through an eventfd, which is written only
// when the loop sleeps. MonotonicNow is CLOCK_MONOTONIC in microseconds.
//
// Threading: Post, PostAfter, MonotonicNow and Stop from any thread; the rest on the loop's thread,
// or before Run. The loop outlives all who post to it. Functions still queued at destruction are
// dropped without being run.

#include <sys/epoll.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/executor.h"
#include "server/runtime/mutex.h"

namespace isochron::runtime {

class EventLoop final : public Executor {
 public:
  // `events` are EPOLL* bits.
  using FdHandler = absl::AnyInvocable<void(uint32_t events)>;

  EventLoop();
  ~EventLoop() override;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  void Post(Fn fn) override;
  TimerId PostAfter(Micros delay_us, Fn fn) override;
  void Cancel(TimerId id) override;
  Micros MonotonicNow() override;

  // Runs until Stop. The calling thread becomes the loop's thread. May be called again after it
  // returned; what was posted meanwhile is kept.
  void Run();
  // Makes Run return after the turn it is in.
  void Stop();
  bool OnLoopThread() const {
    return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

  // Watches a descriptor, level-triggered. The handler may add and remove watchers, its own too.
  void AddFd(int fd, uint32_t events, FdHandler handler);
  void ModFd(int fd, uint32_t events);
  // Before closing the descriptor. No handler call follows.
  void RemoveFd(int fd);

  // Runs `fn` at the end of each turn that did any work, in the order added, for the loop's life.
  void OnTurnEnd(Fn fn);

  // How often the loop was woken by a write to its eventfd, and its turns; for tests and metrics.
  uint64_t wakeups() const { return wakeups_.load(std::memory_order_relaxed); }
  uint64_t turns() const { return turns_; }
  Micros longest_turn_us() const { return longest_turn_us_; }

 private:
  struct Watcher {
    int fd;
    uint32_t generation;
    FdHandler handler;
    bool removed = false;
  };
  struct HeapEntry {
    Micros deadline_us;
    TimerId id;
    bool operator>(const HeapEntry& o) const {
      return deadline_us != o.deadline_us ? deadline_us > o.deadline_us : id > o.id;
    }
  };
  struct NewTimer {
    HeapEntry entry;
    Fn fn;
  };

  void WakeIfAsleep(bool asleep);
  // Blocks until something is to be done; returns the number of events in events_.
  int Wait();
  int EpollWait(Micros timeout_us);
  void Dispatch(int count);
  // True if anything ran. Stops after the function that ran past `until_us`.
  bool RunPosted(Micros until_us);
  bool RunTimers();
  void AddTimer(NewTimer t);
  void DropStaleHeapEntries();
  // Microseconds to the first timer; -1 when there is none.
  Micros NextTimerDelay();

  int epoll_fd_ = -1;
  int wake_fd_ = -1;
  bool has_pwait2_ = true;
  std::atomic<std::thread::id> thread_{};
  std::atomic<uint64_t> wakeups_{0};
  std::atomic<uint64_t> next_timer_{1};
  uint64_t turns_ = 0;
  Micros longest_turn_us_ = 0;

  Mutex mu_;
  std::vector<Fn> posted_ ABSL_GUARDED_BY(mu_);
  std::vector<NewTimer> new_timers_ ABSL_GUARDED_BY(mu_);  // from other threads
  bool asleep_ ABSL_GUARDED_BY(mu_) = false;
  bool stop_ ABSL_GUARDED_BY(mu_) = false;

  std::vector<Fn> running_;  // taken from posted_; those before next_running_ have run
  size_t next_running_ = 0;
  std::vector<Fn> turn_end_;
  std::vector<HeapEntry> heap_;                 // smallest deadline first; may hold cancelled ids
  absl::flat_hash_map<TimerId, Fn> timer_fns_;  // lint: no iteration
  std::vector<std::shared_ptr<Watcher>> watchers_;  // by descriptor
  uint32_t next_generation_ = 1;
  std::vector<epoll_event> events_;
};

}  // namespace isochron::runtime

#endif  // ISOCHRON_SERVER_RUNTIME_EVENT_LOOP_H_
