// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sim/universe/nemesis.h"
#include "txn/api/database_options.h"

// How long versions are kept is changed while the database runs. What a node heard of it holds for
// a while; until then, and while a change is under way, the shorter of two retentions may count. No
// horizon may ever be later than that allows.

namespace isochron::sim {
namespace {

constexpr Micros kTimeoutUs = 5'000'000;
constexpr Micros kLookUs = 20'000;
constexpr Micros kHeardHoldsUs = 3 * kRetentionLookUs + kLookUs;

Task<void> SetTask(SimNode* node, SimScheduler* scheduler,
                   std::shared_ptr<RetentionChange> change) {
  Ctx ctx = std::make_shared<RequestContext>(node->executor()->MonotonicNow() + kTimeoutUs);
  auto txn = node->store()->Begin(ctx);
  if (!txn.ok()) co_return;
  if (!(*txn)->Put(txn::VersionRetentionKey(), absl::StrCat(change->us)).ok()) co_return;
  auto done = co_await (*txn)->Commit(ctx, {});
  if (done.ok()) change->completed = scheduler->now();
}

}  // namespace

bool Nemesis::ChangeRetention() {
  SimNode* node = AnyUp();
  if (node == nullptr) return false;
  auto change = std::make_shared<RetentionChange>();
  change->us = random_.Between(txn::kMinVersionRetentionUs, 6'000'000);
  change->invoked = universe_->scheduler()->now();
  universe_->Log(absl::StrCat(ToString(node->id()), " is asked to keep versions for ",
                              change->us / 1000, " ms"));
  retentions_.push_back(change);
  node->Spawn([node, scheduler = universe_->scheduler(), change] {
    return SetTask(node, scheduler, change);
  });
  return true;
}

// The shortest retention that any node may count with, which has heard of it not too long ago.
Micros Nemesis::ShortestRetention(Micros now) const {
  Micros shortest = txn::kMaxVersionRetentionUs;
  for (const auto& change : retentions_) {
    bool over = false;  // another one took its place, and everybody who asked since knows
    for (const auto& later : retentions_) {
      over =
          over || (change->completed && later->completed && later->invoked > *change->completed &&
                   *later->completed + kHeardHoldsUs < now);
    }
    if (!over) shortest = std::min(shortest, change->us);
  }
  return shortest;
}

void Nemesis::WatchRetention() {
  if (retentions_.empty()) {
    auto initial = std::make_shared<RetentionChange>();
    initial->us = universe_->profile().retention_us;
    initial->completed = 0;
    retentions_.push_back(std::move(initial));
  }
  const Micros now = universe_->scheduler()->now();
  const Timestamp allowed(now - ShortestRetention(now));
  may_be_freed_ = std::max(may_be_freed_, allowed);
  for (auto& node : universe_->nodes()) {
    if (!node->up() || freed_too_early_) continue;
    for (const ReplicaView& r : node->Replicas()) {
      if (r.horizon <= may_be_freed_) continue;
      freed_too_early_ = true;
      universe_->Report(
          "freed-too-early",
          absl::StrCat(ToString(node->id()), " frees what ", ToString(r.group), " holds below ",
                       r.horizon.us, ", ", r.horizon.us - may_be_freed_.us, " us too late"));
    }
  }
  universe_->scheduler()->After(kLookUs, 0, [this] { WatchRetention(); });
}

}  // namespace isochron::sim
