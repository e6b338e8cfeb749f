// SPDX-License-Identifier: Apache-2.0
#include "tablet/group/gc.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace isochron::tablet {
namespace {

constexpr Micros kMinRoundUs = 20'000;
constexpr Micros kMaxRoundUs = 60'000'000;
// A group is passed over when this share of its bytes was written since the last pass, and
// compacted when this share of them is shadowed.
constexpr uint64_t kSweepShare = 8;
constexpr uint64_t kCompactShare = 4;

}  // namespace

void GarbageCollector::Start() {
  for (Group* g : env_.groups()) {
    swept_[g->id()] = Swept{g->state().horizon(), g->state().written_bytes(), true};
  }
  scope_.Spawn(Rounds());
}

void GarbageCollector::SetRetention(Micros retention_us, Micros holds_until_us) {
  holds_until_us_ = holds_until_us;
  if (std::exchange(options_.retention_us, retention_us) != retention_us) told_.NotifyAll();
}

Task<void> GarbageCollector::Rounds() {
  for (;;) {
    const Micros pause = std::clamp(options_.retention_us / 16, kMinRoundUs, kMaxRoundUs);
    co_await told_.WaitUntil(env_.executor->MonotonicNow() + pause);
    ProposeHorizons();
    PublishHorizons();
    co_await SweepAll();
  }
}

// ---- horizons ----

Timestamp GarbageCollector::HorizonFor(const Group& group, const TTInterval& now) const {
  Timestamp horizon = now.earliest - options_.retention_us;
  if (oldest_read_) {
    const Timestamp limit = horizon - options_.retention_us;  // no read protects for longer
    horizon = std::min(horizon, std::max(limit, oldest_read_()));
  }
  for (const auto& [attempt, p] : group.prepared()) {
    horizon = std::min(horizon, Timestamp(p.s_prepare()).Prev());
  }
  return horizon;
}

void GarbageCollector::ProposeHorizons() {
  if (env_.executor->MonotonicNow() > holds_until_us_ &&
      !env_.sabotage.Is(Sabotage::kUnheardRetention)) {
    env_.observer->Reached("gc.retention_unknown");
    return;
  }
  auto now = env_.truetime->Now();
  if (!now.ok()) return;
  for (Group* g : env_.groups()) {
    if (!g->IsServing()) continue;
    const Timestamp horizon = HorizonFor(*g, *now);
    if (horizon < g->state().garbage_from() ||
        horizon < g->state().horizon() + options_.retention_us / 8) {
      continue;
    }
    peer::Command command;
    command.mutable_set_horizon()->set_horizon_us(horizon.us);
    if (g->Propose(std::move(command)).ok()) env_.observer->Reached("gc.horizon");
  }
}

void GarbageCollector::PublishHorizons() {
  if (publishing_) return;
  std::map<GroupId, Timestamp> horizons;
  std::vector<storage::VersionHorizon> ranges;
  for (Group* g : env_.groups()) {
    if (!g->initialised() || g->state().horizon() == Timestamp()) continue;
    horizons[g->id()] = g->state().horizon();
    ranges.push_back(storage::MvccStore::EngineHorizon(g->range(), g->state().horizon()));
  }
  if (horizons == published_) return;
  publishing_ = true;
  env_.engine->FlushAsync(env_.executor, [this, horizons, ranges](absl::Status flushed) {
    publishing_ = false;
    if (!flushed.ok()) {
      env_.on_fatal(flushed);
      return;
    }
    published_ = horizons;
    env_.engine->SetHorizons(ranges);
  });
}

// ---- passes ----

bool GarbageCollector::WorthSweeping(const Group& group, const Swept& swept) const {
  const AppliedState& state = group.state();
  if (!group.initialised() || state.horizon() <= swept.horizon) return false;
  if (swept.unknown) return true;
  const uint64_t written = state.written_bytes() - swept.written_bytes;
  return written > 0 && written * kSweepShare >= env_.store->ApproximateSize(group.range());
}

Task<void> GarbageCollector::SweepAll() {
  std::vector<GroupId> worth;
  std::map<GroupId, Swept> swept;
  for (Group* g : env_.groups()) {
    swept[g->id()] = swept_[g->id()];
    if (WorthSweeping(*g, swept[g->id()])) worth.push_back(g->id());
  }
  swept_ = std::move(swept);  // groups that are gone are forgotten
  for (GroupId id : worth) co_await Sweep(id);
}

Task<void> GarbageCollector::Sweep(GroupId id) {
  Group* g = env_.find(id);
  if (g == nullptr) co_return;
  const Swept begun{g->state().horizon(), g->state().written_bytes()};
  storage::GcOptions options{.horizon = begun.horizon, .max_examined = options_.step_versions};
  options.drop_blindly = env_.sabotage.Is(Sabotage::kDropTombstone);
  uint64_t bytes = 0, shadowed = 0;
  std::string cursor;
  for (bool more = true; more;) {
    g = env_.find(id);
    if (g == nullptr || !g->initialised()) co_return;
    storage::WriteBatch batch;
    auto step = env_.store->CollectGarbage(g->range(), cursor, options, &batch);
    absl::Status done = step.status();
    if (done.ok() && !batch.empty()) {
      done = env_.engine->Write(std::move(batch));
      env_.observer->Reached("gc.removed");
      env_.observer->Count("gc.removed_versions", static_cast<int64_t>(step->removed));
    }
    if (!done.ok()) {
      env_.on_fatal(done);
      co_return;
    }
    bytes += step->bytes;
    shadowed += step->shadowed_bytes;
    more = step->next.has_value();
    if (!more) break;
    cursor = *step->next;
    co_await SleepFor(env_.executor, options_.step_pause_us);
  }
  swept_[id] = begun;
  env_.observer->Reached("gc.swept");
  if (shadowed >= options_.compact_min_bytes && shadowed * kCompactShare >= bytes) {
    const storage::VersionHorizon range =
        storage::MvccStore::EngineHorizon(g->range(), begun.horizon);
    env_.engine->CompactAsync(range.lower, range.upper);
    env_.observer->Reached("gc.compaction");
  }
}

}  // namespace isochron::tablet
