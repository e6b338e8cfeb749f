// SPDX-License-Identifier: Apache-2.0

// Transfers between accounts that lie in several groups. Their sum is the same in every read-only
// transaction, at whatever timestamp.

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status_macros.h"
#include "sim/workloads/recorder.h"

namespace isochron::sim {
namespace {

constexpr int64_t kOpening = 100;
constexpr int kMaxAttempts = 6;

class Bank final : public Workload {
 public:
  explicit Bank(Random random) {
    accounts_ = static_cast<int>(random.Between(4, 12));
    const int parts = static_cast<int>(random.Between(2, 4));
    for (int i = 0; i < accounts_; ++i) keys_.push_back(absl::StrFormat("bank/%03d", i));
    for (int p = 0; p < parts; ++p) splits_.push_back(keys_[accounts_ * p / parts]);
  }
  std::string name() const override { return "bank"; }
  std::vector<std::string> SplitKeys() const override { return splits_; }
  std::vector<std::string> AllKeys() const override { return keys_; }
  const std::vector<Anomaly>& anomalies() const override { return anomalies_; }

  Task<absl::Status> Setup(Session session) override {
    RecordedTransaction t(&session, nullptr);
    // A former try of unknown outcome may have taken effect.
    auto first = co_await t.Get(keys_[0], txn::LockMode::kExclusive);
    if (!first.ok() || first->has_value()) {
      t.Finish(first.status());
      co_return first.status();
    }
    for (const std::string& key : keys_) {
      absl::Status put = t.Put(key, absl::StrCat(kOpening));
      if (!put.ok()) {
        t.Finish(put);
        co_return put;
      }
    }
    co_return co_await t.Commit();
  }

  Task<void> Step(Session session) override {
    if (session.random.OneIn(0.35)) {
      co_await Sum(std::move(session));
    } else {
      co_await Transfer(std::move(session));
    }
  }

 private:
  Task<void> Transfer(Session session) {
    const size_t from = session.random.Below(keys_.size());
    const size_t to = (from + 1 + session.random.Below(keys_.size() - 1)) % keys_.size();
    const int64_t amount = session.random.Between(1, 20);
    std::unique_ptr<RecordedTransaction> previous;
    for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
      auto t = std::make_unique<RecordedTransaction>(&session, previous.get());
      t->operation().note = "transfer";
      absl::Status status = co_await TransferOnce(&session, t.get(), from, to, amount);
      if (status.code() != absl::StatusCode::kAborted) co_return;
      previous = std::move(t);
    }
  }

  Task<absl::Status> TransferOnce(Session* session, RecordedTransaction* t, size_t from, size_t to,
                                  int64_t amount) {
    const auto lock =
        session->random.OneIn(0.5) ? txn::LockMode::kExclusive : txn::LockMode::kShared;
    int64_t balance[2];
    for (int i = 0; i < 2; ++i) {
      auto value = co_await t->Get(keys_[i == 0 ? from : to], lock);
      if (!value.ok()) {
        t->Finish(value.status());
        co_return value.status();
      }
      if (!Balance(*value, &balance[i])) {
        t->Finish(absl::OkStatus());
        co_return absl::OkStatus();
      }
    }
    if (session->abandon_after_us > 0) {
      co_await SleepFor(session->executor, session->abandon_after_us);
      t->Finish(absl::CancelledError("abandoned"));
      co_return absl::CancelledError("abandoned");
    }
    absl::Status put = t->Put(keys_[from], absl::StrCat(balance[0] - amount));
    if (put.ok()) put = t->Put(keys_[to], absl::StrCat(balance[1] + amount));
    if (!put.ok()) {
      t->Finish(put);
      co_return put;
    }
    absl::Status status = co_await t->Commit();
    if (status.ok()) {
      const Timestamp s = t->operation().ts;
      if (opened_ == Timestamp()) opened_ = s;
      newest_ = std::max(newest_, s);
    }
    co_return status;
  }

  Task<void> Sum(Session session) {
    // The sum is the same at any time since the accounts were made, and at any replica.
    txn::ReadOptions options;
    const double how = opened_ == Timestamp() ? 1 : session.random.NextDouble();
    if (how < 0.3) {
      options.t = std::max(opened_, newest_ - session.random.Between(0, 1'000'000));
    } else if (how < 0.5) {
      options.not_before = std::max(opened_, newest_ - session.random.Between(0, 1'000'000));
    } else if (how < 0.6) {
      options.strong_at_replica = true;
    }
    RecordedTransaction t(&session, options);
    t.operation().note = options.t ? "stale sum" : options.not_before ? "bounded sum" : "sum";
    if (options.not_before) {
      absl::Status settled = co_await t.Settle(keys_.front(), keys_.back());
      if (!settled.ok()) {
        t.Finish(settled);
        co_return;
      }
    }
    auto values = session.random.OneIn(0.5) ? co_await t.MultiGet(keys_, txn::LockMode::kShared)
                                            : co_await t.ScanAll(keys_, txn::LockMode::kShared);
    t.Finish(values.status());
    if (!values.ok()) co_return;
    int64_t sum = 0;
    for (const auto& value : *values) {
      int64_t balance = 0;
      if (!Balance(value, &balance)) co_return;
      sum += balance;
    }
    if (sum != kOpening * accounts_) {
      anomalies_.push_back(
          Anomaly{"sum-changed",
                  absl::StrCat("the accounts hold ", sum, " at ", t.operation().ts.us,
                               " instead of ", kOpening * accounts_),
                  {t.operation().id}});
    }
  }

  // False when there is no account there: itself a finding, since setup made them all.
  bool Balance(const std::optional<std::string>& value, int64_t* balance) {
    if (value && absl::SimpleAtoi(TextOf(*value), balance)) return true;
    anomalies_.push_back(Anomaly{"account-missing", value.value_or("an account has no row"), {}});
    return false;
  }

  int accounts_;
  std::vector<std::string> keys_;
  std::vector<std::string> splits_;
  std::vector<Anomaly> anomalies_;
  Timestamp opened_, newest_;  // the first and the newest transfer known to have committed
};

}  // namespace

std::unique_ptr<Workload> NewBank(Random random) { return std::make_unique<Bank>(random); }

}  // namespace isochron::sim
