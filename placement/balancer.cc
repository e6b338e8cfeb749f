// SPDX-License-Identifier: Apache-2.0
#include "placement/balancer.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "txn/api/system_keys.h"

namespace isochron::placement {
namespace {

constexpr Micros kSplitTimeoutUs = 30'000'000;
// One hand-over a round for every so many groups that are misplaced.
constexpr size_t kMisplacedAHandOver = 50;

}  // namespace

Balancer::Balancer(LocalGroups* groups, txn::Store* store, Observer* observer, Random random,
                   BalancerOptions options)
    : groups_(groups),
      store_(store),
      executor_(store->executor()),
      observer_(observer),
      random_(random),
      options_(options) {}

void Balancer::Start() {
  if (options_.spread_leaders) scope_.Spawn(SpreadRounds());
  if (options_.split_bytes > 0) scope_.Spawn(SplitRounds());
}

NodeId Balancer::Preferred(const GroupDescriptor& group) {
  if (group.voters.empty()) return NodeId();
  return group.voters[PreferredIndex(group.group, group.voters.size())];
}

size_t Balancer::PreferredIndex(GroupId group, size_t voters) {
  // Splits follow the first group of data without a gap, so that a table's pieces, too, are led in
  // as many places as there are.
  uint64_t rank = group.value;
  if (rank >= txn::kFirstSplitGroup) {
    rank = rank - txn::kFirstSplitGroup + txn::kFirstDataGroup.value + 1;
  }
  return rank % voters;
}

Task<void> Balancer::SpreadRounds() {
  while (true) {
    co_await SleepFor(executor_, random_.Between(options_.round_us / 2, options_.round_us * 3 / 2));
    if (stopped_) co_return;
    co_await Spread();
  }
}

Task<void> Balancer::SplitRounds() {
  while (true) {
    co_await SleepFor(executor_,
                      random_.Between(options_.size_round_us / 2, options_.size_round_us * 3 / 2));
    if (stopped_) co_return;
    co_await SplitBig();
  }
}

Task<void> Balancer::Spread() {
  const Micros now = executor_->MonotonicNow();
  std::map<GroupId, Watch> watches;
  std::vector<std::pair<GroupId, NodeId>> chosen;
  const std::vector<GroupDescriptor> misplaced = groups_->Misplaced();
  const size_t at_most = 1 + misplaced.size() / kMisplacedAHandOver;
  for (const GroupDescriptor& g : misplaced) {
    const NodeId preferred = Preferred(g);
    if (!preferred || preferred == groups_->self()) continue;
    Watch watch;
    if (auto it = watches_.find(g.group); it != watches_.end()) watch = it->second;
    if (!groups_->CouldLead(g.group, preferred)) {
      watch.well_since = 0;
    } else if (watch.well_since == 0) {
      watch.well_since = now;
    } else if (chosen.size() < at_most && now - watch.well_since >= options_.steady_us &&
               now >= watch.not_before) {
      if (now - watch.well_since < options_.put_off_us && groups_->InLongUse(g.group)) {
        observer_->Count("placement.put_off", 1);
        watches[g.group] = watch;
        continue;
      }
      chosen.emplace_back(g.group, preferred);
      watch.pause = watch.pause == 0 ? options_.again_min_us
                                     : std::min(watch.pause * 2, options_.again_max_us);
      watch.not_before = now + watch.pause;
    }
    watches[g.group] = watch;
  }
  // Groups that are led elsewhere now are forgotten, but not how often they came back.
  for (const auto& [group, watch] : watches_) {
    if (!watches.contains(group) && watch.not_before > now) {
      Watch kept = watch;
      kept.well_since = 0;
      watches[group] = kept;
    }
  }
  watches_ = std::move(watches);
  for (const auto& [group, to] : chosen) {
    if (stopped_) co_return;
    const absl::Status status = co_await groups_->Transfer(group, to);
    observer_->Count(status.ok() ? "placement.transfers" : "placement.failed_transfers", 1);
  }
}

Task<void> Balancer::SplitBig() {
  for (const GroupDescriptor& g : groups_->Written()) to_measure_.insert_or_assign(g.group, g);
  const std::map<GroupId, GroupDescriptor> candidates = std::exchange(to_measure_, {});
  for (const auto& [group, g] : candidates) {
    if (stopped_) co_return;
    if (g.group == txn::kSystemGroup) continue;
    const Micros now = executor_->MonotonicNow();
    if (auto it = split_not_before_.find(g.group); it != split_not_before_.end()) {
      if (now < it->second) {
        to_measure_.emplace(group, g);
        continue;
      }
      split_not_before_.erase(it);
    }
    if (groups_->Size(g.range) <= options_.split_bytes) continue;
    const absl::StatusOr<std::string> middle = groups_->Middle(g.range);
    absl::Status status = middle.status();
    if (middle.ok()) {
      auto ctx = std::make_shared<RequestContext>(now + kSplitTimeoutUs);
      ctx->priority = Priority::kLow;
      status = co_await store_->SplitBySize(std::move(ctx), *middle);
      if (status.ok()) observer_->Count("placement.splits_by_size", 1);
    }
    if (status.ok()) continue;
    split_not_before_[g.group] = now + options_.again_min_us * 6;
    to_measure_.emplace(group, g);
  }
}

}  // namespace isochron::placement
