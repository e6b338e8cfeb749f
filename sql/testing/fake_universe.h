// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TESTING_FAKE_UNIVERSE_H_
#define ISOCHRON_SQL_TESTING_FAKE_UNIVERSE_H_

// What SQL's tests run on: an Executor in virtual time, a clock with a bound, and a Store in
// memory.
//
// The store keeps every version. Its read-write transactions are optimistic: a commit is ABORTED
// when something that it read has changed since, which gives tests real conflicts without a lock
// table. Every call is counted, and faults can be ordered.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/executor.h"
#include "common/task.h"
#include "common/truetime.h"
#include "txn/api/scan_program.h"
#include "txn/api/transaction.h"

namespace isochron::sql::testing {

class FakeExecutor : public Executor {
 public:
  void Post(Fn fn) override { (void)PostAfter(0, std::move(fn)); }
  TimerId PostAfter(Micros delay_us, Fn fn) override {
    const TimerId id = ++next_;
    queue_.emplace(std::make_pair(now_ + std::max<Micros>(delay_us, 0), id), std::move(fn));
    times_[id] = now_ + std::max<Micros>(delay_us, 0);
    return id;
  }
  void Cancel(TimerId id) override {
    auto it = times_.find(id);
    if (it == times_.end()) return;
    queue_.erase({it->second, id});
    times_.erase(it);
  }
  Micros MonotonicNow() override { return now_; }

  // Runs the next thing; false when there is none.
  bool Step();
  void Advance(Micros us);

 private:
  Micros now_ = 1'000'000;
  TimerId next_ = 0;
  std::map<std::pair<Micros, TimerId>, Fn> queue_;
  std::map<TimerId, Micros> times_;
};

class FakeTrueTime : public TrueTime {
 public:
  FakeTrueTime(FakeExecutor* executor, Micros epsilon_us)
      : executor_(executor), epsilon_us_(epsilon_us) {}
  absl::StatusOr<TTInterval> Now() override {
    if (!vouches) return absl::UnavailableError("the clock has no bound");
    const int64_t now = kStart + executor_->MonotonicNow();
    return TTInterval{Timestamp(now - epsilon_us_), Timestamp(now + epsilon_us_)};
  }
  // 2024-01-01 00:00:00 UTC.
  static constexpr int64_t kStart = 1'704'067'200'000'000;
  bool vouches = true;

 private:
  FakeExecutor* const executor_;
  const Micros epsilon_us_;
};

class FakeStore : public txn::Store {
 public:
  FakeStore(FakeExecutor* executor, FakeTrueTime* truetime)
      : executor_(executor), truetime_(truetime) {}

  absl::StatusOr<std::unique_ptr<txn::ReadWriteTransaction>> Begin(Ctx ctx) override;
  absl::StatusOr<std::unique_ptr<txn::ReadWriteTransaction>> Retry(
      Ctx ctx, const txn::ReadWriteTransaction& previous) override;
  absl::StatusOr<std::unique_ptr<txn::ReadTransaction>> BeginReadOnly(
      Ctx ctx, std::optional<Timestamp> t) override;
  Task<absl::Status> SplitAt(Ctx ctx, std::string key) override;
  Task<absl::Status> MergeAt(Ctx ctx, std::string key) override;
  Executor* executor() override { return executor_; }

  struct Counts {
    int gets = 0, multi_gets = 0, scans = 0, commits = 0, begins = 0, retries = 0;
    int64_t keys_read = 0;  // by any of them
  };
  Counts counts;
  std::vector<std::string> splits;
  std::vector<std::string> merges;
  absl::Status merge_status;
  // The next so many calls of a kind fail.
  int abort_commits = 0;
  int abort_reads = 0;
  int unknown_commits = 0;
  size_t page_rows = 100;
  // Run over every other page of a read-only transaction's reductions; null: over none.
  const txn::ScanPrograms* programs = nullptr;
  size_t max_transaction_bytes = 64 << 20;
  // Called before each commit applies: a place for another transaction to step in.
  std::function<void()> before_commit;

 private:
  friend class FakeTransaction;
  using Versions = std::map<Timestamp, std::optional<std::string>>;

  std::optional<std::string> ReadAt(const std::string& key, Timestamp t) const;
  bool ChangedSince(const KeyRange& range, Timestamp t) const;

  FakeExecutor* const executor_;
  FakeTrueTime* const truetime_;
  std::map<std::string, Versions> data_;
  Timestamp last_;
  uint64_t sequence_ = 0;
};

// Everything a test needs, wired.
struct FakeUniverse {
  explicit FakeUniverse(Micros epsilon_us = 1000)
      : truetime(&executor, epsilon_us), store(&executor, &truetime) {}

  Ctx NewContext(Micros timeout_us = 60'000'000) {
    return std::make_shared<RequestContext>(executor.MonotonicNow() + timeout_us);
  }
  // Runs a task to its end in virtual time.
  template <typename T>
  T Run(Task<T> task) {
    std::optional<T> out;
    TaskScope scope;
    scope.Spawn(Keep(std::move(task), &out));
    while (!out.has_value() && executor.Step()) {
    }
    return std::move(*out);
  }

  FakeExecutor executor;
  FakeTrueTime truetime;
  FakeStore store;

 private:
  template <typename T>
  static Task<void> Keep(Task<T> task, std::optional<T>* out) {
    out->emplace(co_await std::move(task));
  }
};

}  // namespace isochron::sql::testing

#endif  // ISOCHRON_SQL_TESTING_FAKE_UNIVERSE_H_
