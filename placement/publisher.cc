// SPDX-License-Identifier: Apache-2.0
#include "placement/publisher.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/status_macros.h"
#include "txn/api/descriptor.h"
#include "txn/api/system_keys.h"

namespace isochron::placement {
namespace {

constexpr Micros kTryUs = 10'000'000;
constexpr Micros kPauseMinUs = 50'000;
constexpr Micros kPauseMaxUs = 5'000'000;
constexpr size_t kRowsAtOnce = 64;

}  // namespace

void Publisher::Publish(const GroupDescriptor& descriptor) {
  auto known = published_.find(descriptor.group);
  if (known != published_.end() && known->second >= descriptor.generation) return;
  auto [it, first] = wanted_.try_emplace(descriptor.group, descriptor);
  if (!first && it->second.generation < descriptor.generation) it->second = descriptor;
  if (std::exchange(working_, true)) return;
  scope_.Spawn(Work());
}

Task<void> Publisher::Work() {
  Micros pause = kPauseMinUs;
  // Not within the call that announced the descriptor: that may come from inside a group's step.
  co_await SleepFor(store_->executor(), random_.Between(0, 20'000));
  while (!wanted_.empty()) {
    std::vector<GroupDescriptor> some;
    for (const auto& [group, descriptor] : wanted_) {
      if (some.size() == kRowsAtOnce) break;
      some.push_back(descriptor);
    }
    // Of two that begin at the same key the newer one is written last.
    std::stable_sort(some.begin(), some.end(),
                     [](const auto& a, const auto& b) { return a.generation < b.generation; });
    const absl::Status status = co_await WriteRows(some);
    if (!status.ok()) {
      co_await SleepFor(store_->executor(), random_.Between(pause / 2, pause));
      pause = std::min(pause * 2, kPauseMaxUs);
      continue;
    }
    pause = kPauseMinUs;
    observer_->Count("placement.published", static_cast<int64_t>(some.size()));
    for (const GroupDescriptor& d : some) {
      published_[d.group] = d.generation;
      if (wanted_[d.group].generation <= d.generation) wanted_.erase(d.group);
    }
  }
  working_ = false;
}

Task<absl::Status> Publisher::WriteRows(std::vector<GroupDescriptor> rows) {
  auto ctx = std::make_shared<RequestContext>(store_->executor()->MonotonicNow() + kTryUs);
  absl::StatusOr<std::unique_ptr<txn::ReadWriteTransaction>> txn = store_->Begin(ctx);
  if (!txn.ok()) co_return txn.status();
  std::vector<std::string> keys;
  for (const GroupDescriptor& d : rows) keys.push_back(txn::MapKey(d.range.start));
  absl::StatusOr<std::vector<std::optional<std::string>>> found =
      co_await (*txn)->MultiGet(ctx, keys, txn::LockMode::kExclusive);
  if (!found.ok()) co_return found.status();
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::optional<std::string>& row = (*found)[i];
    peer::GroupDescriptor there;
    if (row && there.ParseFromString(*row) && there.generation() >= rows[i].generation) continue;
    ISO_CO_RETURN_IF_ERROR((*txn)->Put(keys[i], txn::ToProto(rows[i]).SerializeAsString()));
  }
  if (!(*txn)->has_writes()) co_return absl::OkStatus();
  absl::StatusOr<txn::CommitResult> done = co_await (*txn)->Commit(ctx, txn::CommitOptions{});
  co_return done.status();
}

}  // namespace isochron::placement
