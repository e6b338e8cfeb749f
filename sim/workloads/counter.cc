// SPDX-License-Identifier: Apache-2.0

// Counters that are counted up, one or several in a transaction. A client that is not told what
// became of its commit counts again. At the end a counter lies between what was acknowledged and
// what may have taken effect: with no outcome unknown it is exact.

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "sim/workloads/steps.h"

namespace isochron::sim {
namespace {

class Counter final : public StepsWorkload {
 public:
  explicit Counter(Random random) : StepsWorkload("counter", 0.25) {
    const size_t n = static_cast<size_t>(random.Between(2, 5));
    std::vector<std::string> splits;
    for (size_t i = 0; i < n; ++i) keys_.push_back(absl::StrFormat("cnt/%02d", i));
    splits = {keys_[0], keys_[n / 2]};
    SetKeys(keys_, splits);
  }

 private:
  struct Tally {
    int64_t acknowledged = 0;
    int64_t in_the_dark = 0;  // sent, and not known to be done or undone
  };

  absl::Status Load(RecordedTransaction* t) override {
    absl::Status put;
    for (const std::string& key : keys_) {
      if (put.ok()) put = t->Put(key, "0");
    }
    return put;
  }

  Task<absl::Status> Change(Session* session, RecordedTransaction* t) override {
    const auto lock = AnyLock(session->random);
    const size_t first = session->random.Below(keys_.size());
    const size_t n = 1 + session->random.Below(2);
    for (size_t i = 0; i < n; ++i) {
      const std::string& key = keys_[(first + i) % keys_.size()];
      auto row = co_await t->Get(key, lock);
      if (!row.ok()) co_return row.status();
      int64_t count = 0;
      if (!*row || !absl::SimpleAtoi(TextOf(**row), &count)) {
        Report("counter-missing", absl::StrCat(key, " has no row"), t->operation());
        co_return absl::FailedPreconditionError("");
      }
      absl::Status put = t->Put(key, absl::StrCat(count + 1));
      if (!put.ok()) co_return put;
    }
    co_return absl::OkStatus();
  }

  void Sending(const Operation& op) override {
    for (const ObservedRead& r : op.reads) ++tally_[r.key].in_the_dark;
  }

  void Ended(const Operation& op) override {
    if (op.outcome == Outcome::kUnknown) return;
    for (const ObservedRead& r : op.reads) {
      --tally_[r.key].in_the_dark;
      tally_[r.key].acknowledged += op.outcome == Outcome::kCommitted ? 1 : 0;
    }
  }

  Task<absl::Status> Look(Session* session, RecordedTransaction* t, bool single) override {
    co_return (co_await ReadSome(session, t, keys_, txn::LockMode::kShared, single, true)).status();
  }

  void CheckEnd(const std::map<std::string, std::optional<std::string>>& rows) override {
    for (const std::string& key : keys_) {
      int64_t count = -1;
      auto row = rows.find(key);
      if (row != rows.end() && row->second) (void)absl::SimpleAtoi(TextOf(*row->second), &count);
      const Tally& tally = tally_[key];
      const int64_t most = tally.acknowledged + tally.in_the_dark;
      if (count >= tally.acknowledged && count <= most) continue;
      Report("miscounted",
             absl::StrCat(key, " counts ", count, "; acknowledged were ", tally.acknowledged,
                          ", at most ", most, " took effect"),
             std::vector<size_t>());
    }
  }

  std::vector<std::string> keys_;
  std::map<std::string, Tally> tally_;
};

}  // namespace

std::unique_ptr<Workload> NewCounter(Random random) { return std::make_unique<Counter>(random); }

}  // namespace isochron::sim
