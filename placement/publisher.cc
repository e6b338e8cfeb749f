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

}  // namespace

void Publisher::Publish(const GroupDescriptor& descriptor) {
  auto known = published_.find(descriptor.group);
  if (known != published_.end() && known->second >= descriptor.generation) return;
  auto [it, first] = wanted_.try_emplace(descriptor.group, descriptor);
  if (first) {
    scope_.Spawn(Work(descriptor.group));
  } else if (it->second.generation < descriptor.generation) {
    it->second = descriptor;
  }
}

Task<void> Publisher::Work(GroupId group) {
  Micros pause = kPauseMinUs;
  // Not within the call that announced the descriptor: that may come from inside a group's step.
  co_await SleepFor(store_->executor(), random_.Between(0, 20'000));
  while (true) {
    const GroupDescriptor descriptor = wanted_[group];
    const absl::Status status = co_await WriteRow(descriptor);
    if (status.ok()) {
      published_[group] = descriptor.generation;
      observer_->Count("placement.published", 1);
      if (wanted_[group].generation <= descriptor.generation) break;
      pause = kPauseMinUs;
      continue;
    }
    co_await SleepFor(store_->executor(), random_.Between(pause / 2, pause));
    pause = std::min(pause * 2, kPauseMaxUs);
  }
  wanted_.erase(group);
}

Task<absl::Status> Publisher::WriteRow(GroupDescriptor descriptor) {
  auto ctx = std::make_shared<RequestContext>(store_->executor()->MonotonicNow() + kTryUs);
  absl::StatusOr<std::unique_ptr<txn::ReadWriteTransaction>> txn = store_->Begin(ctx);
  if (!txn.ok()) co_return txn.status();
  const std::string key = txn::MapKey(descriptor.range.start);
  absl::StatusOr<std::optional<std::string>> row =
      co_await (*txn)->Get(ctx, key, txn::LockMode::kExclusive);
  if (!row.ok()) co_return row.status();
  if (row->has_value()) {
    peer::GroupDescriptor there;
    if (there.ParseFromString(**row) && there.generation() >= descriptor.generation) {
      co_return absl::OkStatus();
    }
  }
  ISO_CO_RETURN_IF_ERROR((*txn)->Put(key, txn::ToProto(descriptor).SerializeAsString()));
  absl::StatusOr<txn::CommitResult> done = co_await (*txn)->Commit(ctx, txn::CommitOptions{});
  co_return done.status();
}

}  // namespace isochron::placement
