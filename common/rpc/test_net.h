// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_COMMON_RPC_TEST_NET_H_
#define ISOCHRON_COMMON_RPC_TEST_NET_H_

// For unit tests: an executor with a hand-driven clock, a network of nodes on it that may lose and
// double messages, and a clock with a fixed bound over it. The simulator proper is in sim/.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/executor.h"
#include "common/random.h"
#include "common/task.h"
#include "common/transport.h"
#include "common/truetime.h"

namespace isochron::rpc {

// One queue and timers in virtual time.
class TestExecutor : public Executor {
 public:
  void Post(Fn fn) override { ready_.push_back(std::move(fn)); }
  TimerId PostAfter(Micros delay_us, Fn fn) override {
    const TimerId id = ++last_timer_;
    timers_.emplace(std::pair(now_ + (delay_us > 0 ? delay_us : 0), id), std::move(fn));
    return id;
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

  // Runs what is ready, without letting time pass.
  void RunReady() {
    while (!ready_.empty()) {
      Fn fn = std::move(ready_.front());
      ready_.pop_front();
      fn();
    }
  }
  void RunFor(Micros us) {
    const Micros end = now_ + us;
    RunReady();
    while (!timers_.empty() && timers_.begin()->first.first <= end) {
      now_ = timers_.begin()->first.first;
      Fn fn = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
      fn();
      RunReady();
    }
    now_ = end;
  }
  // Runs until `done` or until `limit_us` of virtual time passed. True if done.
  bool RunUntil(const std::function<bool()>& done, Micros limit_us = 600'000'000) {
    const Micros end = now_ + limit_us;
    RunReady();
    while (!done()) {
      if (timers_.empty() || timers_.begin()->first.first > end) return false;
      RunFor(timers_.begin()->first.first - now_);
    }
    return true;
  }
  // Runs `task` to its end and returns what it yields.
  template <typename T>
  T Run(Task<T> task) {
    std::optional<T> result;
    TaskScope scope;
    scope.Spawn(Store(std::move(task), &result));
    RunUntil([&] { return result.has_value(); });
    return std::move(result.value());
  }

 private:
  template <typename T>
  static Task<void> Store(Task<T> task, std::optional<T>* result) {
    result->emplace(co_await task);
  }
  std::deque<Fn> ready_;
  std::map<std::pair<Micros, TimerId>, Fn> timers_;
  Micros now_ = 1'000'000;
  TimerId last_timer_ = 0;
};

// Transports of nodes 1..n on one executor.
class TestNet {
 public:
  TestNet(TestExecutor* executor, uint64_t seed) : executor_(executor), random_(seed) {}

  double loss = 0;
  double doubling = 0;
  Micros delay_us = 1000;
  std::function<bool(NodeId from, NodeId to)> cut;  // true: nothing passes

  Transport* Node(NodeId id) {
    auto& node = nodes_[id];
    if (node == nullptr) node = std::make_unique<End>(this, id);
    return node.get();
  }

 private:
  class End : public Transport {
   public:
    End(TestNet* net, NodeId id) : net_(net), id_(id) {}
    NodeId self() const override { return id_; }
    void Send(NodeId to, Channel channel, std::string payload) override {
      net_->Pass(id_, to, channel, std::move(payload));
    }
    void SetHandler(Channel channel, Handler handler) override {
      handlers_[channel] = std::move(handler);
    }
    void Deliver(NodeId from, Channel channel, const std::string& payload) {
      auto it = handlers_.find(channel);
      if (it != handlers_.end()) it->second(from, payload);
    }

   private:
    TestNet* const net_;
    const NodeId id_;
    std::map<Channel, Handler> handlers_;
  };

  void Pass(NodeId from, NodeId to, Channel channel, std::string payload) {
    if (cut && cut(from, to)) return;
    const int copies = random_.OneIn(loss) ? 0 : random_.OneIn(doubling) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      const Micros jitter = static_cast<Micros>(random_.Below(static_cast<uint64_t>(delay_us) + 1));
      executor_->PostAfter(delay_us + jitter, [this, from, to, channel, payload] {
        auto it = nodes_.find(to);
        if (it != nodes_.end()) it->second->Deliver(from, channel, payload);
      });
    }
  }

  TestExecutor* const executor_;
  Random random_;
  std::map<NodeId, std::unique_ptr<End>> nodes_;
};

// The executor's time, give or take a bound; or none.
class TestTrueTime : public TrueTime {
 public:
  explicit TestTrueTime(TestExecutor* executor) : executor_(executor) {}
  absl::StatusOr<TTInterval> Now() override {
    if (lost) return absl::UnavailableError("no clock bound");
    const int64_t now = 1'700'000'000'000'000 + executor_->MonotonicNow();
    return TTInterval{Timestamp(now - 1000), Timestamp(now + 1000)};
  }
  bool lost = false;

 private:
  TestExecutor* const executor_;
};

}  // namespace isochron::rpc

#endif  // ISOCHRON_COMMON_RPC_TEST_NET_H_
