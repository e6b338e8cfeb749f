// SPDX-License-Identifier: Apache-2.0
#include "placement/small_groups.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace isochron::placement {
namespace {

constexpr Micros kMergeTimeoutUs = 30'000'000;
// Looks during after_us.
constexpr Micros kLooks = 8;
constexpr Micros kMinRoundUs = 100'000;
constexpr Micros kMaxRoundUs = 60'000'000;

}  // namespace

SmallGroups::SmallGroups(LocalGroups* groups, txn::Store* store, Observer* observer, Random random,
                         SmallGroupsOptions options)
    : groups_(groups),
      store_(store),
      executor_(store->executor()),
      observer_(observer),
      random_(random),
      options_(options),
      round_us_(std::clamp(options.after_us / kLooks, kMinRoundUs, kMaxRoundUs)) {}

void SmallGroups::Start() {
  if (options_.after_us > 0 && options_.below_bytes > 0) scope_.Spawn(Rounds());
}

Task<void> SmallGroups::Rounds() {
  while (true) {
    co_await SleepFor(executor_, random_.Between(round_us_ / 2, round_us_ * 3 / 2));
    if (stopped_) co_return;
    co_await Round();
  }
}

bool SmallGroups::Look(const Neighbours& pair, Micros now, Watch* watch) {
  const bool same = watch->looked != 0 && watch->left == pair.left.group;
  const double seconds = static_cast<double>(std::max<Micros>(now - watch->looked, 1)) / 1e6;
  const bool quiet =
      same && pair.entries >= watch->entries &&
      static_cast<double>(pair.entries - watch->entries) / seconds <= options_.quiet_entries;
  watch->left = pair.left.group;
  watch->entries = pair.entries;
  watch->looked = now;
  if (!quiet ||
      groups_->Size(pair.left.range) + groups_->Size(pair.right.range) >= options_.below_bytes) {
    watch->since = 0;
    return false;
  }
  if (watch->since == 0) watch->since = now;
  return now - watch->since >= options_.after_us && now >= watch->not_before;
}

Task<void> SmallGroups::Round() {
  const Micros now = executor_->MonotonicNow();
  std::map<GroupId, Watch> watches;
  std::vector<Neighbours> ripe;
  for (Neighbours& pair : groups_->Mergeable()) {
    const GroupId right = pair.right.group;
    Watch watch;
    if (auto it = watches_.find(right); it != watches_.end()) watch = it->second;
    if (Look(pair, now, &watch)) ripe.push_back(std::move(pair));
    watches[right] = watch;
  }
  watches_ = std::move(watches);  // groups that are gone, or led elsewhere, are forgotten
  GroupId merged;
  for (Neighbours& pair : ripe) {
    if (stopped_) co_return;
    // Of three in a row the last waits: its left-hand neighbour has just gone.
    if (pair.left.group == merged || !groups_->AllWell(pair.left)) continue;
    merged = pair.right.group;
    co_await Merge(std::move(pair));
  }
}

Task<void> SmallGroups::Merge(Neighbours pair) {
  auto ctx = std::make_shared<RequestContext>(executor_->MonotonicNow() + kMergeTimeoutUs);
  ctx->priority = Priority::kLow;
  const absl::Status status = co_await store_->MergeAt(std::move(ctx), pair.right.range.start);
  observer_->Count(status.ok() ? "placement.merges_by_size" : "placement.failed_merges", 1);
  auto it = watches_.find(pair.right.group);
  if (status.ok() || it == watches_.end()) co_return;
  Watch& watch = it->second;
  watch.pause =
      watch.pause == 0 ? options_.again_min_us : std::min(watch.pause * 2, options_.again_max_us);
  watch.not_before = executor_->MonotonicNow() + watch.pause;
}

}  // namespace isochron::placement
