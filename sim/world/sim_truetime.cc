// SPDX-License-Identifier: Apache-2.0
#include "sim/world/sim_truetime.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/match.h"
#include "truetime/clocks.h"

namespace isochron::sim {
namespace {

// No disciplined clock drifts faster (OSDI 2012, section 3); the shipped clock counts on it.
constexpr double kDrift = 200e-6;
// truetime/clocks.cc takes less than this for noise between the machine's two clocks.
constexpr Micros kUnnoticedUs = 200;

// Extremes are where protocols break: half of the draws lie at an end of the bound.
double DrawSkew(Random& random) {
  const double u = random.NextDouble();
  if (u < 0.25) return -1.0;
  if (u > 0.75) return 1.0;
  return 4.0 * (u - 0.5);
}

}  // namespace

// The machine's two clocks. Whatever slews one slews the other; only the first can be set.
class SimTrueTime::Machine final : public truetime::SystemClock {
 public:
  explicit Machine(const SimTrueTime* owner) : owner_(owner) {}
  Micros RealtimeUs() override {
    return owner_->frozen_us_.value_or(owner_->scheduler_->now() + owner_->Error() +
                                       owner_->set_us_);
  }
  Micros BoottimeUs() override {
    return owner_->scheduler_->now() - SimScheduler::kStartOfTime + owner_->Error();
  }

 private:
  const SimTrueTime* const owner_;
};

struct SimTrueTime::Shipped {
  explicit Shipped(const SimTrueTime* owner) : machine(owner), clock(&machine, {}) {
    clock.set_peer_count(owner->options_.peers);
  }
  Machine machine;
  truetime::ChronyClock clock;
};

SimTrueTime::SimTrueTime(SimScheduler* scheduler, ClockOptions options, Random random)
    : scheduler_(scheduler), options_(options), random_(random) {
  phase_us_ = random_.Between(0, options_.poll_us - 1);
  last_poll_ = scheduler_->now() - phase_us_;
  skew_from_ = DrawSkew(random_);
  skew_to_ = DrawSkew(random_);
  Restart();
}

SimTrueTime::~SimTrueTime() = default;

void SimTrueTime::Restart() {
  fenced_ = false;
  if (!options_.shipped) return;
  Poll();
  shipped_ = std::make_unique<Shipped>(this);
  // chrony outlives the process: what it says is as old as its last poll.
  Report(last_poll_);
}

void SimTrueTime::Poll() {
  if (drifting_) return;
  bool polled = false;
  while (scheduler_->now() - last_poll_ >= options_.poll_us) {
    last_poll_ += options_.poll_us;
    skew_from_ = skew_to_;
    skew_to_ = DrawSkew(random_);
    polled = true;
  }
  if (polled && shipped_) Report(last_poll_);
}

void SimTrueTime::Report(Micros asked) {
  if (!shipped_) return;
  // chrony knows by how much the clock is set wrong, if it can see the time at all. A step of less
  // than the guard's tolerance goes unnoticed: the bound has to cover that.
  const Micros off = shipped_->machine.RealtimeUs() - scheduler_->now() - Error();
  const truetime::ChronyReport report{
      .synchronised = !lost_,
      .error_us = options_.epsilon_max_us + kUnnoticedUs + wider_us_ + std::abs(off)};
  shipped_->clock.SetReport(report, shipped_->machine.BoottimeUs() - (scheduler_->now() - asked));
}

double SimTrueTime::Age() const {
  return static_cast<double>(scheduler_->now() - last_poll_) /
         static_cast<double>(options_.poll_us);
}

Micros SimTrueTime::Error() const {
  const double age = Age();
  const double skew = skew_from_ + std::min(age, 1.0) * (skew_to_ - skew_from_);
  const double epsilon = static_cast<double>(options_.epsilon_min_us) +
                         std::min(age, shipped_ ? 1.0 : age) *
                             static_cast<double>(options_.epsilon_max_us - options_.epsilon_min_us);
  double error = skew * epsilon;
  if (shipped_ && age > 1) {
    const double missed = (age - 1) * static_cast<double>(options_.poll_us);
    error += (skew_to_ < 0 ? -1 : 1) * missed * kDrift;
  }
  // Truncation toward zero keeps |error| <= epsilon.
  return static_cast<Micros>(error);
}

void SimTrueTime::SetLost(bool lost) {
  if (lost_ == lost) return;
  lost_ = lost;
  Report(last_poll_);
}

void SimTrueTime::Jump() {
  // A shipped clock would rightly call it a step.
  if (shipped_) return;
  skew_from_ = skew_to_ = skew_to_ > 0 ? -1.0 : 1.0;
}

void SimTrueTime::Set(Micros off_us) { set_us_ = off_us; }

void SimTrueTime::Freeze(bool frozen) {
  if (!shipped_ || frozen == frozen_us_.has_value()) return;
  frozen_us_ = frozen ? std::optional<Micros>(shipped_->machine.RealtimeUs()) : std::nullopt;
}

void SimTrueTime::Heal() {
  SetLost(false);
  drifting_ = false;
  wider_us_ = 0;
  lie_us_ = 0;
  set_us_ = 0;
  frozen_us_.reset();
}

TTInterval SimTrueTime::Interval() {
  Poll();
  const Micros now = scheduler_->now();
  const Micros epsilon = options_.epsilon_min_us + wider_us_ +
                         static_cast<Micros>(Age() * static_cast<double>(options_.epsilon_max_us -
                                                                         options_.epsilon_min_us));
  const Micros center = now + std::clamp(Error(), -epsilon, epsilon) + lie_us_;
  return TTInterval{Timestamp(center - epsilon), Timestamp(center + epsilon)};
}

absl::StatusOr<TTInterval> SimTrueTime::AskShipped() {
  Poll();
  auto now = shipped_->clock.Now();
  if (!now.ok()) {
    fenced_ = absl::StrContains(now.status().message(), "contradict");
    refusals_ += absl::StrContains(now.status().message(), "stepped");
    return now;
  }
  fenced_ = false;
  return TTInterval{Timestamp(now->earliest.us + lie_us_), Timestamp(now->latest.us + lie_us_)};
}

absl::StatusOr<TTInterval> SimTrueTime::Now() {
  if (shipped_) return AskShipped();
  if (lost_) {
    return absl::UnavailableError(
        "the clock's error bound is unknown: its source is not synchronised; repair the source");
  }
  return Interval();
}

void SimTrueTime::Accuse(NodeId peer, TTInterval theirs, TTInterval ours) {
  ++accusations_;
  if (shipped_) shipped_->clock.Accuse(peer, theirs, ours);
}

}  // namespace isochron::sim
