// SPDX-License-Identifier: Apache-2.0

// Predicates over ranges, and the rows that are not there. A room is a range of slots over two
// groups; whoever finds a room empty takes any slot of it, whoever finds it taken clears it. So no
// two slots of a room are ever taken: that stands on the locks of the empty range alone.

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "sim/workloads/steps.h"

namespace isochron::sim {
namespace {

class Phantom final : public StepsWorkload {
 public:
  explicit Phantom(Random random) : StepsWorkload("phantom", 0.3) {
    const size_t rooms = static_cast<size_t>(random.Between(1, 3));
    const size_t slots = static_cast<size_t>(random.Between(3, 7));
    std::vector<std::string> keys = {"pha/0"}, splits = {"pha/0"};
    for (size_t i = 0; i < rooms; ++i) {
      std::vector<std::string>& room = rooms_.emplace_back();
      for (size_t j = 0; j < slots; ++j) room.push_back(absl::StrFormat("pha/r%d/%02d", i, j));
      keys.insert(keys.end(), room.begin(), room.end());
      splits.push_back(room[slots / 2]);
    }
    SetKeys(std::move(keys), std::move(splits));
  }

 private:
  absl::Status Load(RecordedTransaction* t) override { return t->Put("pha/0", "loaded"); }

  Task<absl::Status> Turn(Session* session, RecordedTransaction* t,
                          const std::vector<std::string>* room) {
    auto slots = co_await t->ScanAll(*room, AnyLock(session->random));
    if (!slots.ok()) co_return slots.status();
    bool taken = false;
    for (size_t i = 0; i < room->size(); ++i) {
      if (!(*slots)[i]) continue;
      taken = true;
      absl::Status cleared = t->Delete((*room)[i]);
      if (!cleared.ok()) co_return cleared;
    }
    if (taken) co_return absl::OkStatus();
    co_return t->Put((*room)[session->random.Below(room->size())], "taken");
  }

  Task<absl::Status> Change(Session* session, RecordedTransaction* t) override {
    const size_t room = session->random.Below(rooms_.size());
    absl::Status status = co_await Turn(session, t, &rooms_[room]);
    if (status.ok() && room > 0 && session->random.OneIn(0.3)) {
      status = co_await Turn(session, t, &rooms_[0]);
    }
    // A deletion alone leaves no value that names its transaction.
    if (status.ok()) status = t->Put("pha/0", "turn");
    co_return status;
  }

  Task<absl::Status> Look(Session* session, RecordedTransaction* t, bool single) override {
    const auto& room = rooms_[session->random.Below(rooms_.size())];
    co_return (co_await ReadSome(session, t, room, txn::LockMode::kShared, single, true)).status();
  }

  void Seen(const Operation& op) override {
    size_t taken = 0;
    for (const ObservedRead& r : op.reads) taken += r.value && TextOf(*r.value) == "taken" ? 1 : 0;
    if (taken < 2) return;
    Report("taken-twice", absl::StrCat(taken, " slots of one room are taken at ", op.ts.us), op);
  }

  std::vector<std::vector<std::string>> rooms_;
};

}  // namespace

std::unique_ptr<Workload> NewPhantom(Random random) { return std::make_unique<Phantom>(random); }

}  // namespace isochron::sim
