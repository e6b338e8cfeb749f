// SPDX-License-Identifier: Apache-2.0
#include "placement/missing_voters.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

namespace isochron::placement {
namespace {

constexpr Micros kChangeTimeoutUs = 30'000'000;
// Looks during after_us.
constexpr Micros kLooks = 8;
constexpr Micros kMinRoundUs = 100'000;
constexpr Micros kMaxRoundUs = 10'000'000;

bool Has(const std::vector<NodeId>& nodes, NodeId node) {
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

}  // namespace

MissingVoters::MissingVoters(LocalGroups* groups, txn::Store* store, Observer* observer,
                             Random random, std::vector<Place> universe,
                             std::function<bool(NodeId)> alive, MissingVotersOptions options)
    : groups_(groups),
      store_(store),
      executor_(store->executor()),
      observer_(observer),
      random_(random),
      universe_(std::move(universe)),
      alive_(std::move(alive)),
      options_(options),
      round_us_(std::clamp(options.after_us / kLooks, kMinRoundUs, kMaxRoundUs)) {}

void MissingVoters::Start() {
  if (options_.after_us > 0 && options_.least > 0) scope_.Spawn(Rounds());
}

Task<void> MissingVoters::Rounds() {
  while (true) {
    co_await SleepFor(executor_, random_.Between(round_us_ / 2, round_us_ * 3 / 2));
    if (stopped_) co_return;
    co_await Round();
  }
}

Task<void> MissingVoters::Round() {
  const Micros now = executor_->MonotonicNow();
  std::map<GroupId, Watch> watches;
  std::vector<Addition> ripe;
  for (const ShortGroup& g : groups_->Short(options_.least)) {
    Watch watch{.since = now};
    if (auto it = watches_.find(g.group); it != watches_.end()) watch = it->second;
    if (now - watch.since >= options_.after_us && now >= watch.not_before) {
      if (const Addition a = Choose(g); a.node) ripe.push_back(a);
    }
    watches[g.group] = watch;
  }
  watches_ = std::move(watches);  // groups that are whole, or led elsewhere, are forgotten
  for (const Addition& a : ripe) {
    if (stopped_) co_return;
    co_await Add(a);
  }
}

MissingVoters::Addition MissingVoters::Choose(const ShortGroup& group) const {
  for (NodeId learner : group.learners) {
    if (alive_(learner)) return {group.group, learner};
  }
  for (NodeId witness : group.new_witnesses) {
    if (alive_(witness)) return {group.group, witness, txn::ReplicaChange::kWitness};
  }
  std::set<std::string> regions;
  for (const Place& p : universe_) {
    if (Has(group.voters, p.node)) regions.insert(p.region);
  }
  NodeId other;
  for (const Place& p : universe_) {
    if (Has(group.voters, p.node) || Has(group.others, p.node) || !alive_(p.node)) continue;
    if (!regions.contains(p.region)) return {group.group, p.node};
    if (!other) other = p.node;
  }
  return {group.group, other};
}

Task<void> MissingVoters::Add(Addition addition) {
  const GroupId group = addition.group;
  auto ctx = std::make_shared<RequestContext>(executor_->MonotonicNow() + kChangeTimeoutUs);
  ctx->priority = Priority::kLow;
  const absl::Status status =
      co_await store_->ChangeReplica(std::move(ctx), group, addition.node, addition.kind);
  if (status.ok()) {
    observer_->Reached("placement.voter_added");
    watches_.erase(group);  // if it lacks another one, that comes after as long again
    co_return;
  }
  observer_->Count("placement.failed_voters", 1);
  auto it = watches_.find(group);
  if (it == watches_.end()) co_return;
  Watch& watch = it->second;
  watch.pause =
      watch.pause == 0 ? options_.again_min_us : std::min(watch.pause * 2, options_.again_max_us);
  watch.not_before = executor_->MonotonicNow() + watch.pause;
}

}  // namespace isochron::placement
