// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/event_loop.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "common/check.h"

namespace isochron::runtime {
namespace {

constexpr int kMaxEvents = 256;
// Functions that keep posting more work share a turn this many times before the hooks run, so that
// a chain of short continuations ends in one flush, yet nobody can keep the hooks from running.
constexpr int kRoundsPerTurn = 16;
// And together this long, so that what is queued never keeps descriptors, timers and hooks waiting.
constexpr Micros kPostedPerTurnUs = 5'000;
constexpr size_t kFnsBetweenLooks = 8;  // at the clock

timespec ToTimespec(Micros us) {
  timespec t;
  t.tv_sec = us / 1'000'000;
  t.tv_nsec = (us % 1'000'000) * 1000;
  return t;
}

}  // namespace

EventLoop::EventLoop() {
  epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  ISO_CHECK(epoll_fd_ >= 0, "epoll_create1 failed: out of file descriptors?");
  wake_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  ISO_CHECK(wake_fd_ >= 0, "eventfd failed: out of file descriptors?");
  events_.resize(kMaxEvents);
  AddFd(wake_fd_, EPOLLIN, [this](uint32_t) {
    uint64_t n;
    (void)!read(wake_fd_, &n, sizeof(n));
  });
}

EventLoop::~EventLoop() {
  // What is queued may own objects whose destructors use the loop, so it goes first.
  std::vector<Fn> posted;
  std::vector<NewTimer> timers;
  {
    MutexLock lock(&mu_);
    posted.swap(posted_);
    timers.swap(new_timers_);
  }
  running_.clear();
  posted.clear();
  timers.clear();
  timer_fns_.clear();
  turn_end_.clear();
  watchers_.clear();
  close(wake_fd_);
  close(epoll_fd_);
}

Micros EventLoop::MonotonicNow() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * Micros{1'000'000} + t.tv_nsec / 1000;
}

void EventLoop::WakeIfAsleep(bool asleep) {
  if (!asleep) return;
  wakeups_.fetch_add(1, std::memory_order_relaxed);
  const uint64_t one = 1;
  (void)!write(wake_fd_, &one, sizeof(one));
}

void EventLoop::Post(Fn fn) {
  bool asleep;
  {
    MutexLock lock(&mu_);
    posted_.push_back(std::move(fn));
    asleep = std::exchange(asleep_, false);
  }
  WakeIfAsleep(asleep);
}

EventLoop::TimerId EventLoop::PostAfter(Micros delay_us, Fn fn) {
  const TimerId id = next_timer_.fetch_add(1, std::memory_order_relaxed);
  NewTimer t{{MonotonicNow() + std::max<Micros>(delay_us, 0), id}, std::move(fn)};
  if (OnLoopThread()) {
    AddTimer(std::move(t));
    return id;
  }
  bool asleep;
  {
    MutexLock lock(&mu_);
    new_timers_.push_back(std::move(t));
    asleep = std::exchange(asleep_, false);
  }
  WakeIfAsleep(asleep);
  return id;
}

void EventLoop::AddTimer(NewTimer t) {
  heap_.push_back(t.entry);
  std::push_heap(heap_.begin(), heap_.end(), std::greater<HeapEntry>());
  timer_fns_.emplace(t.entry.id, std::move(t.fn));
}

void EventLoop::Cancel(TimerId id) {
  if (id == 0) return;
  if (timer_fns_.erase(id) != 0) {
    DropStaleHeapEntries();
    return;
  }
  // Possibly set by another thread and not taken over yet.
  MutexLock lock(&mu_);
  std::erase_if(new_timers_, [id](const NewTimer& t) { return t.entry.id == id; });
}

void EventLoop::DropStaleHeapEntries() {
  if (heap_.size() < 2 * timer_fns_.size() + 64) return;
  std::erase_if(heap_, [this](const HeapEntry& e) { return !timer_fns_.contains(e.id); });
  std::make_heap(heap_.begin(), heap_.end(), std::greater<HeapEntry>());
}

Micros EventLoop::NextTimerDelay() {
  while (!heap_.empty() && !timer_fns_.contains(heap_.front().id)) {
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<HeapEntry>());
    heap_.pop_back();
  }
  if (heap_.empty()) return -1;
  return std::max<Micros>(heap_.front().deadline_us - MonotonicNow(), 0);
}

void EventLoop::AddFd(int fd, uint32_t events, FdHandler handler) {
  ISO_CHECK(fd >= 0, "a closed descriptor cannot be watched");
  if (watchers_.size() <= static_cast<size_t>(fd)) watchers_.resize(fd + 1);
  ISO_CHECK(watchers_[fd] == nullptr, "one watcher a descriptor");
  auto w = std::make_shared<Watcher>();
  w->fd = fd;
  w->generation = next_generation_++;
  w->handler = std::move(handler);
  epoll_event ev{};
  ev.events = events;
  ev.data.u64 = (uint64_t{w->generation} << 32) | static_cast<uint32_t>(fd);
  watchers_[fd] = std::move(w);
  ISO_CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &ev) == 0, "epoll_ctl add failed");
}

void EventLoop::ModFd(int fd, uint32_t events) {
  Watcher* w = watchers_.at(fd).get();
  ISO_CHECK(w != nullptr, "the descriptor is not watched");
  epoll_event ev{};
  ev.events = events;
  ev.data.u64 = (uint64_t{w->generation} << 32) | static_cast<uint32_t>(fd);
  ISO_CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, fd, &ev) == 0, "epoll_ctl mod failed");
}

void EventLoop::RemoveFd(int fd) {
  std::shared_ptr<Watcher> w = std::move(watchers_.at(fd));
  ISO_CHECK(w != nullptr, "the descriptor is not watched");
  w->removed = true;
  watchers_[fd] = nullptr;
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
}

void EventLoop::OnTurnEnd(Fn fn) { turn_end_.push_back(std::move(fn)); }

int EventLoop::EpollWait(Micros timeout_us) {
  if (has_pwait2_ && timeout_us > 0) {
    const timespec t = ToTimespec(timeout_us);
    int n = epoll_pwait2(epoll_fd_, events_.data(), kMaxEvents, &t, nullptr);
    if (n >= 0 || errno == EINTR) return std::max(n, 0);
    ISO_CHECK(errno == ENOSYS || errno == EPERM, "epoll_pwait2 failed");
    has_pwait2_ = false;  // a kernel before 5.11, or a sandbox that does not know the call
  }
  if (timeout_us > 0) {
    pollfd p{epoll_fd_, POLLIN, 0};
    const timespec t = ToTimespec(timeout_us);
    ppoll(&p, 1, &t, nullptr);
    timeout_us = 0;
  }
  int n = epoll_wait(epoll_fd_, events_.data(), kMaxEvents, timeout_us < 0 ? -1 : 0);
  ISO_CHECK(n >= 0 || errno == EINTR, "epoll_wait failed");
  return std::max(n, 0);
}

int EventLoop::Wait() {
  Micros timeout_us = NextTimerDelay();
  {
    MutexLock lock(&mu_);
    const bool posted = !posted_.empty() || !running_.empty();
    if (posted || !new_timers_.empty() || stop_) timeout_us = 0;
    asleep_ = timeout_us != 0;
  }
  int n = EpollWait(timeout_us);
  if (timeout_us != 0) {
    MutexLock lock(&mu_);
    asleep_ = false;
  }
  return n;
}

void EventLoop::Dispatch(int count) {
  for (int i = 0; i < count; ++i) {
    const uint32_t fd = static_cast<uint32_t>(events_[i].data.u64);
    const uint32_t generation = static_cast<uint32_t>(events_[i].data.u64 >> 32);
    // Held while it runs: the handler may remove its own watcher.
    std::shared_ptr<Watcher> w = fd < watchers_.size() ? watchers_[fd] : nullptr;
    if (w == nullptr || w->generation != generation || w->removed) continue;
    w->handler(events_[i].events);
  }
}

bool EventLoop::RunPosted(Micros until_us) {
  if (running_.empty()) {
    std::vector<NewTimer> timers;
    {
      MutexLock lock(&mu_);
      if (posted_.empty() && new_timers_.empty()) return false;
      running_.swap(posted_);
      timers.swap(new_timers_);
    }
    for (NewTimer& t : timers) AddTimer(std::move(t));
    next_running_ = 0;
  }
  while (next_running_ < running_.size()) {
    Fn& fn = running_[next_running_++];
    fn();
    fn = nullptr;  // what it captured dies now, not with the batch
    if (next_running_ % kFnsBetweenLooks == 0 && MonotonicNow() >= until_us) break;
  }
  if (next_running_ == running_.size()) running_.clear();
  return true;
}

bool EventLoop::RunTimers() {
  if (heap_.empty()) return false;
  const Micros now = MonotonicNow();
  bool ran = false;
  while (!heap_.empty() && heap_.front().deadline_us <= now) {
    const TimerId id = heap_.front().id;
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<HeapEntry>());
    heap_.pop_back();
    auto it = timer_fns_.find(id);
    if (it == timer_fns_.end()) continue;
    Fn fn = std::move(it->second);
    timer_fns_.erase(it);
    fn();
    ran = true;
  }
  return ran;
}

void EventLoop::Run() {
  thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  for (;;) {
    {
      MutexLock lock(&mu_);
      if (std::exchange(stop_, false)) break;
    }
    const int count = Wait();
    const Micros began_us = MonotonicNow();
    Dispatch(count);
    bool worked = count > 0;
    // Counted from here: descriptors that take long do not keep the rest from its share.
    const Micros until_us = MonotonicNow() + kPostedPerTurnUs;
    for (int round = 0; round < kRoundsPerTurn; ++round) {
      const bool posted = RunPosted(until_us);
      const bool timers = RunTimers();
      if (!posted && !timers) break;
      worked = true;
      if (MonotonicNow() >= until_us) break;
    }
    if (!worked) continue;
    ++turns_;
    for (Fn& fn : turn_end_) fn();
    longest_turn_us_ = std::max(longest_turn_us_, MonotonicNow() - began_us);
  }
  thread_.store(std::thread::id(), std::memory_order_relaxed);
}

void EventLoop::Stop() {
  bool asleep;
  {
    MutexLock lock(&mu_);
    stop_ = true;
    asleep = std::exchange(asleep_, false);
  }
  WakeIfAsleep(asleep);
}

}  // namespace isochron::runtime
