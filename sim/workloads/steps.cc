// SPDX-License-Identifier: Apache-2.0
#include "sim/workloads/steps.h"

#include <algorithm>
#include <utility>

namespace isochron::sim {
namespace {

constexpr int kMaxAttempts = 6;
constexpr size_t kMaxOld = 16;
constexpr size_t kMaxAnomalies = 5;

}  // namespace

void StepsWorkload::SetKeys(std::vector<std::string> keys, std::vector<std::string> splits) {
  keys_ = std::move(keys);
  splits_ = std::move(splits);
}

void StepsWorkload::Report(std::string name, std::string what, std::vector<size_t> operations) {
  if (anomalies_.size() == kMaxAnomalies) return;
  anomalies_.push_back(Anomaly{std::move(name), std::move(what), std::move(operations)});
}

txn::LockMode StepsWorkload::AnyLock(Random& random) {
  return random.OneIn(0.5) ? txn::LockMode::kExclusive : txn::LockMode::kShared;
}

Task<absl::StatusOr<Values>> StepsWorkload::ReadSome(Session* session, RecordedTransaction* t,
                                                     std::vector<std::string> keys,
                                                     txn::LockMode lock, bool single,
                                                     bool adjacent) {
  const double how = session->random.NextDouble();
  if (single || how < 0.4) co_return co_await t->MultiGet(std::move(keys), lock);
  if (adjacent && how < 0.7) co_return co_await t->ScanAll(std::move(keys), lock);
  Values values;
  for (std::string& key : keys) {
    auto value = co_await t->Get(key, lock);
    if (!value.ok()) co_return value.status();
    values.push_back(std::move(*value));
  }
  co_return values;
}

Task<absl::Status> StepsWorkload::Setup(Session session) {
  RecordedTransaction t(&session, nullptr);
  t.operation().note = name_ + " setup";
  // A former try of unknown outcome may have taken effect.
  auto first = co_await t.Get(keys_[0], txn::LockMode::kExclusive);
  absl::Status status = first.status();
  const bool loaded = first.ok() && first->has_value();
  if (status.ok() && !loaded) status = Load(&t);
  if (!status.ok() || loaded) {
    t.Finish(status);
    co_return status;
  }
  co_return co_await t.Commit();
}

Task<void> StepsWorkload::Step(Session session) {
  if (session.random.OneIn(look_share_)) {
    co_await LookStep(std::move(session));
  } else {
    co_await ChangeStep(std::move(session));
  }
}

Task<void> StepsWorkload::ChangeStep(Session session) {
  const Random plan = session.random.Fork();
  std::unique_ptr<RecordedTransaction> previous;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    session.random = plan;  // a retry does the same again
    auto t = std::make_unique<RecordedTransaction>(&session, previous.get());
    t->operation().note = name_;
    absl::Status status = co_await Change(&session, t.get());
    if (status.ok() && session.abandon_after_us > 0) {
      co_await SleepFor(session.executor, session.abandon_after_us);
      status = absl::CancelledError("abandoned");
    }
    if (status.ok()) {
      Sending(t->operation());
      status = co_await t->Commit();
      if (status.ok()) {
        const Timestamp s = t->operation().ts;
        if (opened_ == Timestamp()) opened_ = s;
        newest_ = std::max(newest_, s);
      }
      Ended(t->operation());
    } else {
      t->Finish(status);
    }
    if (status.code() != absl::StatusCode::kAborted) co_return;
    previous = std::move(t);
  }
}

txn::ReadOptions StepsWorkload::DrawOptions(Session* session, std::string* note) {
  txn::ReadOptions options;
  Random& random = session->random;
  const double how = opened_ == Timestamp() ? 1 : random.NextDouble();
  if (how < 0.25) {
    *note = " in the past";
    if (!old_.empty() && random.OneIn(0.5)) {
      options.t = old_[random.Below(old_.size())];
      return options;
    }
    const Micros reach = random.OneIn(0.3) ? 5'000'000 : 500'000;
    options.t = std::max(opened_, newest_ - random.Between(0, reach));
    if (old_.size() == kMaxOld) old_.erase(old_.begin());
    old_.push_back(*options.t);
  } else if (how < 0.45) {
    *note = " with a bound";
    options.not_before = std::max(opened_, newest_ - random.Between(0, 1'000'000));
  } else if (how < 0.55) {
    *note = " at a replica";
    options.strong_at_replica = true;
  } else if (how < 0.70) {
    *note = " alone";
    options.single_read = true;
  }
  return options;
}

Task<void> StepsWorkload::LookStep(Session session) {
  std::string note;
  const txn::ReadOptions options = DrawOptions(&session, &note);
  RecordedTransaction t(&session, options);
  t.operation().note = name_ + " look" + note;
  absl::Status status;
  if (options.not_before) status = co_await t.Settle(keys_.front(), keys_.back());
  if (status.ok()) status = co_await Look(&session, &t, options.single_read);
  t.Finish(status);
  if (status.ok()) Seen(t.operation());
}

}  // namespace isochron::sim
