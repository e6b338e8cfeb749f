// SPDX-License-Identifier: Apache-2.0

// A ring of rows, each of which names the next one. A change takes one out of its place and puts it
// behind the next. Whoever reads all rows sees one ring of all of them.

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "sim/workloads/steps.h"

namespace isochron::sim {
namespace {

class Cycle final : public StepsWorkload {
 public:
  explicit Cycle(Random random) : StepsWorkload("cycle", 0.35) {
    size_ = static_cast<size_t>(random.Between(4, 9));
    const size_t parts = static_cast<size_t>(random.Between(2, 3));
    std::vector<std::string> splits;
    for (size_t i = 0; i < size_; ++i) keys_.push_back(absl::StrFormat("cyc/%02d", i));
    for (size_t p = 0; p < parts; ++p) splits.push_back(keys_[size_ * p / parts]);
    SetKeys(keys_, splits);
  }

 private:
  absl::Status Load(RecordedTransaction* t) override {
    absl::Status put;
    for (size_t i = 0; i < size_ && put.ok(); ++i) {
      put = t->Put(keys_[i], absl::StrCat((i + 1) % size_));
    }
    return put;
  }

  // False for a row that is not there or names nothing: setup made them all.
  bool Next(const std::optional<std::string>& row, size_t* next, const Operation& op) {
    if (row && absl::SimpleAtoi(TextOf(*row), next) && *next < size_) return true;
    Report("ring-broken", absl::StrCat("a row names no other: ", row.value_or("(none)")), op);
    return false;
  }

  Task<absl::Status> Change(Session* session, RecordedTransaction* t) override {
    const auto lock = AnyLock(session->random);
    size_t at[4] = {session->random.Below(size_)};
    for (int i = 0; i < 3; ++i) {
      auto row = co_await t->Get(keys_[at[i]], lock);
      if (!row.ok()) co_return row.status();
      if (!Next(*row, &at[i + 1], t->operation())) co_return absl::FailedPreconditionError("");
    }
    absl::Status put = t->Put(keys_[at[0]], absl::StrCat(at[2]));
    if (put.ok()) put = t->Put(keys_[at[2]], absl::StrCat(at[1]));
    if (put.ok()) put = t->Put(keys_[at[1]], absl::StrCat(at[3]));
    co_return put;
  }

  Task<absl::Status> Look(Session* session, RecordedTransaction* t, bool single) override {
    co_return (co_await ReadSome(session, t, keys_, txn::LockMode::kShared, single, true)).status();
  }

  void Seen(const Operation& op) override {
    std::map<std::string, std::optional<std::string>> rows;
    for (const ObservedRead& r : op.reads) rows[r.key] = r.value;
    size_t at = 0, steps = 0;
    do {
      if (!Next(rows[keys_[at]], &at, op)) return;
    } while (at != 0 && ++steps <= size_);
    if (steps + 1 == size_) return;
    Report("ring-broken",
           absl::StrCat("the ring has ", steps + 1, " of ", size_, " rows at ", op.ts.us), op);
  }

  size_t size_;
  std::vector<std::string> keys_;
};

}  // namespace

std::unique_ptr<Workload> NewCycle(Random random) { return std::make_unique<Cycle>(random); }

}  // namespace isochron::sim
