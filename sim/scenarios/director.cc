// SPDX-License-Identifier: Apache-2.0
#include "sim/scenarios/director.h"

#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"

namespace isochron::sim {
namespace {

constexpr Micros kDrainUs = 10'000'000;
constexpr Micros kDrainRoundUs = 200'000;

}  // namespace

Director::Director(Universe* universe, ServiceProbe* probe, Random random)
    : universe_(universe), probe_(probe), random_(random), nemesis_(universe, random_.Fork()) {
  order_.resize(universe_->nodes().size());
  std::iota(order_.begin(), order_.end(), 0);
  for (size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random_.Below(i)]);
}

void Director::PowerOff(size_t rack) { universe_->Crash(IdOf(rack), /*power=*/true); }

void Director::Kill(size_t rack) { universe_->Crash(IdOf(rack), /*power=*/false); }

void Director::PowerOn(size_t rack) { universe_->Start(IdOf(rack)); }

void Director::Drain(size_t rack) {
  const NodeId id = IdOf(rack);
  universe_->Log(absl::StrCat(ToString(id), " is drained"));
  const auto drained = [this, id] {
    for (const auto& [group, leader] : universe_->Leaders()) {
      if (leader == id) return false;
    }
    return true;
  };
  const Micros end = universe_->scheduler()->now() + kDrainUs;
  while (!drained() && universe_->scheduler()->now() < end) {
    for (const auto& [group, leader] : universe_->Leaders()) {
      const NodeId to = IdOf(random_.Below(racks()));
      if (leader == id && to != id) universe_->node(id)->TransferLeader(group, to);
    }
    Pass(kDrainRoundUs);
  }
}

void Director::Cut(size_t rack) {
  universe_->Log(absl::StrCat(ToString(IdOf(rack)), " is cut off"));
  for (size_t other = 0; other < racks(); ++other) {
    if (other == rack) continue;
    universe_->network()->Cut(IdOf(rack), IdOf(other));
    universe_->network()->Cut(IdOf(other), IdOf(rack));
  }
}

void Director::CutPair(size_t a, size_t b) {
  if (a == b) return;
  universe_->Log(absl::StrCat(ToString(IdOf(a)), " | ", ToString(IdOf(b))));
  universe_->network()->Cut(IdOf(a), IdOf(b));
  universe_->network()->Cut(IdOf(b), IdOf(a));
}

void Director::HealNetwork() {
  universe_->Log("the network heals");
  universe_->network()->HealAll();
}

void Director::Lose(size_t rack, double rate) {
  universe_->Log(absl::StrCat(ToString(IdOf(rack)), " loses a share of ", rate));
  universe_->network()->SetLoss(IdOf(rack), rate);
}

void Director::Reachable(size_t rack, bool from_outside) {
  universe_->Log(absl::StrCat(ToString(IdOf(rack)), from_outside ? " is" : " is not",
                              " reachable from outside"));
  probe_->SetReachable(IdOf(rack), from_outside);
}

void Director::SlowDisk(size_t rack, bool slow) {
  DiskOptions options = universe_->profile().disk;
  if (slow) {
    options.sync_min_us = 20'000;
    options.sync_max_us = 100'000;
    options.slow_sync_rate = 0.1;
    options.slow_sync_us = 2'000'000;
  }
  universe_->Log(absl::StrCat(ToString(IdOf(rack)), slow ? "'s disk is slow" : "'s disk is well"));
  At(rack)->disk()->SetOptions(options);
}

void Director::Pause(size_t rack, bool paused) {
  universe_->Log(absl::StrCat(ToString(IdOf(rack)), paused ? " is paused" : " goes on"));
  if (paused) At(rack)->Pause();
  if (!paused) At(rack)->Resume();
}

void Director::SlowDown(size_t rack, Micros turn_us) {
  universe_->Log(absl::StrCat(ToString(IdOf(rack)), " takes ", turn_us, " us a turn"));
  At(rack)->SetTurnCost(turn_us);
}

void Director::LoseClock(size_t rack, bool lost) {
  universe_->Log(
      absl::StrCat(ToString(IdOf(rack)), lost ? "'s clock has no" : "'s clock has a", " bound"));
  At(rack)->clock()->SetLost(lost);
}

void Director::SetClock(size_t rack, Micros off_us) {
  universe_->Log(absl::StrCat(ToString(IdOf(rack)), "'s clock is set wrong by ", off_us, " us"));
  At(rack)->clock()->Set(off_us);
}

void Director::NemesisFor(Micros us) {
  nemesis_.Start();
  Pass(us);
  nemesis_.Stop();
}

// All that the nemesis mends too.
void Director::Mend() { nemesis_.Stop(); }

}  // namespace isochron::sim
