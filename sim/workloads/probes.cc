// SPDX-License-Identifier: Apache-2.0

// Small shapes in which a database that is less than serializable goes wrong first:
//
//   write skew    two rows of which one at least is on. Who finds both on switches one off.
//   long fork     two rows in two groups that are counted up by themselves; readers of both agree
//                 which was first. Older counts are never seen after newer ones were.
//   lost update   a row that is read, held for a moment, and written back larger by one.
//
// The shapes' own checks are here; the history checkers see all of it besides.

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "sim/workloads/steps.h"

namespace isochron::sim {
namespace {

constexpr size_t kPairs = 3;
constexpr const char* kNames[kPairs] = {"prb/fork/", "prb/lost/", "prb/skew/"};
constexpr size_t kFork = 0, kLost = 1, kSkew = 2;

class Probes final : public StepsWorkload {
 public:
  explicit Probes(Random /*random*/) : StepsWorkload("probes", 0.35) {
    std::vector<std::string> keys, splits;
    for (const char* name : kNames) {
      std::vector<std::string>& pair = pairs_.emplace_back();
      for (const char* half : {"a", "b"}) pair.push_back(absl::StrCat(name, half));
      keys.insert(keys.end(), pair.begin(), pair.end());
      splits.push_back(pair[1]);
    }
    splits.insert(splits.begin(), keys[0]);
    SetKeys(std::move(keys), std::move(splits));
  }

 private:
  absl::Status Load(RecordedTransaction* t) override {
    absl::Status put;
    for (size_t i = 0; i < kPairs; ++i) {
      for (const std::string& key : pairs_[i]) {
        if (put.ok()) put = t->Put(key, i == kSkew ? "on" : "0");
      }
    }
    return put;
  }

  Task<absl::Status> Change(Session* session, RecordedTransaction* t) override {
    const size_t shape = session->random.Below(kPairs);
    if (shape == kSkew) co_return co_await Switch(session, t);
    co_return co_await CountUp(session, t, pairs_[shape][session->random.Below(2)],
                               shape == kLost ? session->random.Between(0, 30'000) : 0);
  }

  Task<absl::Status> Switch(Session* session, RecordedTransaction* t) {
    const size_t which = session->random.Below(2);
    auto rows = co_await ReadSome(session, t, pairs_[kSkew], txn::LockMode::kShared, false, true);
    if (!rows.ok()) co_return rows.status();
    bool on[2];
    for (size_t i = 0; i < 2; ++i) on[i] = (*rows)[i] && TextOf(*(*rows)[i]) == "on";
    co_return t->Put(pairs_[kSkew][which], on[0] && on[1] ? "off" : "on");
  }

  Task<absl::Status> CountUp(Session* session, RecordedTransaction* t, std::string key,
                             Micros hold_us) {
    auto row = co_await t->Get(key, AnyLock(session->random));
    if (!row.ok()) co_return row.status();
    if (hold_us > 0) co_await SleepFor(session->executor, hold_us);
    int64_t count = 0;
    if (!*row || !absl::SimpleAtoi(TextOf(**row), &count)) {
      Report("probe-missing", absl::StrCat(key, " has no row"), t->operation());
      co_return absl::FailedPreconditionError("");
    }
    co_return t->Put(key, absl::StrCat(count + 1));
  }

  Task<absl::Status> Look(Session* session, RecordedTransaction* t, bool single) override {
    const auto& pair = pairs_[session->random.Below(kPairs)];
    co_return (co_await ReadSome(session, t, pair, txn::LockMode::kShared, single, true)).status();
  }

  void Seen(const Operation& op) override {
    if (op.reads.size() != 2) return;
    if (op.reads[0].key == pairs_[kSkew][0]) {
      bool on = false;
      for (const ObservedRead& r : op.reads) on |= r.value && TextOf(*r.value) == "on";
      if (!on) Report("write-skew", absl::StrCat("both rows are off at ", op.ts.us), op);
    } else if (op.reads[0].key == pairs_[kFork][0]) {
      SeenFork(op);
    }
  }

  // Of any two snapshots, one is before the other in both rows.
  void SeenFork(const Operation& op) {
    int64_t count[2] = {0, 0};
    for (size_t i = 0; i < 2; ++i) {
      if (op.reads[i].value) (void)absl::SimpleAtoi(TextOf(*op.reads[i].value), &count[i]);
    }
    // For each count of the first row, the least and the most of the second that was seen with it.
    auto [it, fresh] = forks_.try_emplace(count[0], count[1], count[1]);
    it->second.first = std::min(it->second.first, count[1]);
    it->second.second = std::max(it->second.second, count[1]);
    const bool before = it != forks_.begin() && std::prev(it)->second.second > count[1];
    const bool after = std::next(it) != forks_.end() && std::next(it)->second.first < count[1];
    if (before || after) {
      Report("long-fork",
             absl::StrCat("saw ", count[0], " and ", count[1], " at ", op.ts.us,
                          "; others saw the two rows change in another order"),
             op);
    }
  }

  std::vector<std::vector<std::string>> pairs_;
  std::map<int64_t, std::pair<int64_t, int64_t>> forks_;
};

}  // namespace

std::unique_ptr<Workload> NewProbes(Random random) { return std::make_unique<Probes>(random); }

}  // namespace isochron::sim
