// SPDX-License-Identifier: Apache-2.0

// A few keys over several groups, and every kind of transaction on them: read-write, blind writes,
// deletions, read-only ones of every bound at any replica, by point, many points and scan. Old
// timestamps are read at again and again: they give the same rows for ever (invariant 11).

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status_macros.h"
#include "sim/workloads/recorder.h"

namespace isochron::sim {
namespace {

constexpr int kMaxAttempts = 6;
constexpr size_t kMaxOld = 24;

class Register final : public Workload {
 public:
  explicit Register(Random random) {
    const int keys = static_cast<int>(random.Between(3, 8));
    const int parts = static_cast<int>(random.Between(2, 4));
    for (int i = 0; i < keys; ++i) keys_.push_back(absl::StrFormat("reg/%02d", i));
    for (int p = 0; p < std::min(parts, keys); ++p) splits_.push_back(keys_[keys * p / parts]);
    splits_.erase(std::unique(splits_.begin(), splits_.end()), splits_.end());
  }
  std::string name() const override { return "register"; }
  std::vector<std::string> SplitKeys() const override { return splits_; }
  std::vector<std::string> AllKeys() const override { return keys_; }
  const std::vector<Anomaly>& anomalies() const override { return anomalies_; }

  Task<absl::Status> Setup(Session session) override {
    RecordedTransaction t(&session, nullptr);
    absl::Status put = t.Put(keys_[0], "first");
    if (!put.ok()) {
      t.Finish(put);
      co_return put;
    }
    co_return co_await t.Commit();
  }

  Task<void> Step(Session session) override {
    const double kind = session.random.NextDouble();
    if (kind < 0.30) {
      co_await ReadOnly(std::move(session));
    } else {
      co_await ReadWrite(std::move(session), kind < 0.50);
    }
  }

 private:
  // Some distinct keys, in random order.
  std::vector<std::string> Pick(Random& random, size_t at_most) {
    std::vector<std::string> keys = keys_;
    const size_t n = 1 + random.Below(std::min(at_most, keys.size()));
    for (size_t i = 0; i < n; ++i) std::swap(keys[i], keys[i + random.Below(keys.size() - i)]);
    keys.resize(n);
    return keys;
  }

  Task<absl::StatusOr<Values>> Read(Session* session, RecordedTransaction* t, txn::LockMode lock) {
    const double how = session->random.NextDouble();
    if (how < 0.2) {
      // A contiguous piece.
      size_t a = session->random.Below(keys_.size()), b = session->random.Below(keys_.size());
      if (a > b) std::swap(a, b);
      co_return co_await t->ScanAll(
          std::vector<std::string>(keys_.begin() + static_cast<int64_t>(a),
                                   keys_.begin() + static_cast<int64_t>(b) + 1),
          lock);
    }
    std::vector<std::string> keys = Pick(session->random, 3);
    if (how < 0.5) co_return co_await t->MultiGet(std::move(keys), lock);
    Values values;
    for (std::string& key : keys) {
      auto value = co_await t->Get(key, lock);
      if (!value.ok()) co_return value.status();
      values.push_back(std::move(*value));
    }
    co_return values;
  }

  // A timestamp that was read at before, so that what it gave is asked for again elsewhere, or a
  // new one in the past.
  Timestamp OldTimestamp(Random& random) {
    if (!old_.empty() && random.OneIn(0.5)) return old_[random.Below(old_.size())];
    // Some reach back to where versions may have gone (rule 32).
    const Timestamp t = newest_ - random.Between(0, random.OneIn(0.5) ? 5'000'000 : 500'000);
    if (old_.size() == kMaxOld) old_.erase(old_.begin());
    old_.push_back(t);
    return t;
  }

  txn::ReadOptions DrawOptions(Session* session, std::string* note) {
    txn::ReadOptions options;
    const bool past = newest_ > Timestamp();
    const double how = session->random.NextDouble();
    if (how < 0.25 && past) {
      options.t = OldTimestamp(session->random);
      *note = "stale read";
    } else if (how < 0.40 && past) {
      options.not_before = newest_ - session->random.Between(0, 1'000'000);
      *note = "bounded read";
    } else if (how < 0.55) {
      options.strong_at_replica = true;
      *note = "strong read at a replica";
    } else if (how < 0.80) {
      options.single_read = true;
      *note = "single read";
    } else {
      *note = "strong read";
    }
    return options;
  }

  // One call of the store.
  Task<absl::StatusOr<Values>> ReadOnce(Session* session, RecordedTransaction* t) {
    if (session->random.OneIn(0.3)) {
      co_return co_await t->MultiGet(Pick(session->random, 3), txn::LockMode::kShared);
    }
    Values values;
    auto value = co_await t->Get(Pick(session->random, 1)[0], txn::LockMode::kShared);
    if (!value.ok()) co_return value.status();
    values.push_back(std::move(*value));
    co_return values;
  }

  Task<void> ReadOnly(Session session) {
    std::string note;
    const txn::ReadOptions options = DrawOptions(&session, &note);
    RecordedTransaction t(&session, options);
    t.operation().note = note;
    absl::Status status;
    if (options.not_before) status = co_await t.Settle(keys_.front(), keys_.back());
    if (status.ok()) {
      status = options.single_read ? (co_await ReadOnce(&session, &t)).status()
                                   : (co_await Read(&session, &t, txn::LockMode::kShared)).status();
    }
    // More reads of one transaction see the same timestamp (rule 16).
    if (status.ok() && !options.single_read && session.random.OneIn(0.3)) {
      status = (co_await Read(&session, &t, txn::LockMode::kShared)).status();
    }
    t.Finish(status);
  }

  Task<void> ReadWrite(Session session, bool blind) {
    const Random plan = session.random.Fork();
    std::unique_ptr<RecordedTransaction> previous;
    for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
      session.random = plan;  // a retry does the same again
      auto t = std::make_unique<RecordedTransaction>(&session, previous.get());
      t->operation().note = blind ? "blind write" : "read-write";
      absl::Status status = co_await Once(&session, t.get(), blind);
      if (status.code() != absl::StatusCode::kAborted) co_return;
      previous = std::move(t);
    }
  }

  Task<absl::Status> Once(Session* session, RecordedTransaction* t, bool blind) {
    absl::Status status = co_await Work(session, t, blind);
    if (!status.ok()) {
      t->Finish(status);
      co_return status;
    }
    status = co_await t->Commit();
    if (status.ok()) newest_ = std::max(newest_, t->operation().ts);
    co_return status;
  }

  Task<absl::Status> Work(Session* session, RecordedTransaction* t, bool blind) {
    Random& random = session->random;
    if (!blind) {
      const auto lock = random.OneIn(0.3) ? txn::LockMode::kExclusive : txn::LockMode::kShared;
      auto values = co_await Read(session, t, lock);
      if (!values.ok()) co_return values.status();
      if (random.OneIn(0.05)) co_return absl::OkStatus();  // wrote nothing
    }
    if (session->abandon_after_us > 0) {
      co_await SleepFor(session->executor, session->abandon_after_us);
      co_return absl::CancelledError("abandoned");
    }
    std::vector<std::string> keys = Pick(random, 3);
    for (size_t i = 0; i < keys.size(); ++i) {
      // At least one value a transaction, so that it leaves a trace that names it.
      absl::Status put =
          i > 0 && random.OneIn(0.25) ? t->Delete(keys[i]) : t->Put(keys[i], absl::StrCat("v", i));
      if (!put.ok()) co_return put;
    }
    if (!blind && random.OneIn(0.2)) {
      auto again = co_await t->Get(keys[0], txn::LockMode::kShared);  // its own write
      if (!again.ok()) co_return again.status();
    }
    co_return absl::OkStatus();
  }

  std::vector<std::string> keys_;
  std::vector<std::string> splits_;
  std::vector<Anomaly> anomalies_;
  Timestamp newest_;
  std::vector<Timestamp> old_;  // read at before
};

}  // namespace

std::unique_ptr<Workload> NewRegister(Random random) { return std::make_unique<Register>(random); }

}  // namespace isochron::sim
