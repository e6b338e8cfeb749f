// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_STORAGE_ENGINE_TEST_ENGINE_H_
#define ISOCHRON_STORAGE_ENGINE_TEST_ENGINE_H_

// An engine for a test that must hold with every engine: the same test is linked once with
// test_engine_mem.cc and once with test_engine_rocks.cc.

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "common/executor.h"
#include "common/random.h"
#include "storage/engine/engine.h"

namespace isochron::storage {

class TestEngine {
 public:
  class Impl {
   public:
    virtual ~Impl() = default;
    virtual Engine* get() = 0;
    virtual void Crash(Random* random) = 0;
  };
  explicit TestEngine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

  Engine* get() { return impl_->get(); }
  Engine* operator->() { return impl_->get(); }
  // As the node's crash and restart: a legal prefix of the batches is left.
  void Crash(Random* random) { impl_->Crash(random); }

 private:
  std::unique_ptr<Impl> impl_;
};

// With write buffers so small that the engine also flushes by itself.
TestEngine NewTestEngine();

// Runs what is posted, from any thread, when the test asks for it. Delays are not waited for.
class TestExecutor : public Executor {
 public:
  void Post(Fn fn) override {
    std::lock_guard<std::mutex> lock(mu_);
    queue_.push_back(std::move(fn));
    arrived_.notify_all();
  }
  TimerId PostAfter(Micros, Fn fn) override {
    Post(std::move(fn));
    return 1;
  }
  void Cancel(TimerId) override {}
  Micros MonotonicNow() override { return 0; }

  // Runs posted functions, waiting for them, until `done()`.
  void RunUntil(const std::function<bool()>& done) {
    while (!done()) {
      Fn fn;
      {
        std::unique_lock<std::mutex> lock(mu_);
        arrived_.wait(lock, [this] { return !queue_.empty(); });
        fn = std::move(queue_.front());
        queue_.pop_front();
      }
      fn();
    }
  }

 private:
  std::mutex mu_;
  std::condition_variable arrived_;
  std::deque<Fn> queue_;
};

}  // namespace isochron::storage

#endif  // ISOCHRON_STORAGE_ENGINE_TEST_ENGINE_H_
