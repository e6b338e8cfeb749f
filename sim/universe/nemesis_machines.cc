// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sim/universe/nemesis.h"

// Deaths within a disk operation, slow machines, restless leaders, and clocks.

namespace isochron::sim {
namespace {

constexpr Micros kMostTurnUs = 3'000;

}  // namespace

// It dies soon, or much later, or within the recovery after an ordinary crash.
bool Nemesis::DiskCrash(SimNode* node) {
  const bool at_start = random_.OneIn(0.3);
  const uint64_t n = static_cast<uint64_t>(
      random_.OneIn(0.5) ? random_.Between(1, 12) : random_.Between(1, at_start ? 60 : 400));
  const bool power = random_.OneIn(0.5);
  const Micros down = DownFor();
  const NodeId id = node->id();
  node->disk()->DieAt(n, [this, node, power, down, at_start] {
    universe_->events()->Reached(at_start ? "nemesis.died_at_recovery" : "nemesis.died_at_disk");
    // Not at once: the process is in the middle of it.
    universe_->scheduler()->After(0, 0, [this, node, power, down] {
      universe_->Log(absl::StrCat(ToString(node->id()), " dies in a disk operation"));
      universe_->CrashAnyway(node->id(), power);
      universe_->scheduler()->After(down, 0, [this, id = node->id()] { universe_->Start(id); });
    });
  });
  if (at_start) universe_->Bounce(id, random_.OneIn(0.5), random_.Between(1000, 300'000));
  return true;
}

bool Nemesis::Slow(SimNode* node) {
  const Micros turn = random_.Between(20, random_.OneIn(0.3) ? kMostTurnUs : 400);
  universe_->Log(absl::StrCat(ToString(node->id()), " takes ", turn, " us a turn"));
  node->SetTurnCost(turn);
  Later(300'000, 4'000'000, [this, node] {
    universe_->Log(absl::StrCat(ToString(node->id()), " is quick again"));
    node->SetTurnCost(0);
  });
  return true;
}

bool Nemesis::Churn() {
  universe_->Log("leaders are restless");
  HandOverUntil(universe_->scheduler()->now() + random_.Between(500'000, 3'000'000));
  return true;
}

void Nemesis::HandOverUntil(Micros end) {
  if (!active_ || universe_->scheduler()->now() >= end) return;
  TransferSome();
  universe_->scheduler()->After(random_.Between(20'000, 250'000), 0,
                                [this, end] { HandOverUntil(end); });
}

bool Nemesis::ActOnClock(SimNode* node, const std::string& fault) {
  SimTrueTime* clock = node->clock();
  const Micros epsilon = universe_->profile().clock.epsilon_max_us;
  const auto heal = [clock, this, id = node->id()] {
    universe_->Log(absl::StrCat(ToString(id), "'s clock is well again"));
    clock->Heal();
  };
  if (fault == "clock-lost") {
    clock->SetLost(true);
  } else if (fault == "clock-drift") {
    clock->SetDrifting(true);
  } else if (fault == "clock-jump") {
    if (universe_->profile().clock.shipped) return false;
    clock->Jump();
  } else if (fault == "clock-widened") {
    clock->Widen(random_.Between(1, random_.OneIn(0.2) ? 400'000 : 50'000));
  } else if (fault == "clock-set" || fault == "clock-frozen") {
    if (!universe_->profile().clock.shipped) return false;
    const Micros off = random_.Between(1000, random_.OneIn(0.5) ? 100'000 : 100'000'000);
    if (fault == "clock-set") clock->Set(random_.OneIn(0.5) ? off : -off);
    if (fault == "clock-frozen") clock->Freeze(true);
  } else {
    const Micros shift = epsilon * random_.Between(2, 40);
    clock->Lie(random_.OneIn(0.5) ? shift : -shift);
  }
  universe_->Log(absl::StrCat(ToString(node->id()), "'s clock suffers ", fault));
  Later(10'000, 5'000'000, heal);
  return true;
}

}  // namespace isochron::sim
