// SPDX-License-Identifier: Apache-2.0
#include "sim/world/sim_truetime.h"

#include <algorithm>

namespace isochron::sim {
namespace {

// Extremes are where protocols break: half of the draws lie at an end of the bound.
double DrawSkew(Random& random) {
  const double u = random.NextDouble();
  if (u < 0.25) return -1.0;
  if (u > 0.75) return 1.0;
  return 4.0 * (u - 0.5);
}

}  // namespace

SimTrueTime::SimTrueTime(SimScheduler* scheduler, ClockOptions options, Random random)
    : scheduler_(scheduler), options_(options), random_(random) {
  phase_us_ = random_.Between(0, options_.poll_us - 1);
  last_poll_ = scheduler_->now() - phase_us_;
  skew_from_ = DrawSkew(random_);
  skew_to_ = DrawSkew(random_);
}

void SimTrueTime::Poll() {
  while (scheduler_->now() - last_poll_ >= options_.poll_us) {
    last_poll_ += options_.poll_us;
    skew_from_ = skew_to_;
    skew_to_ = DrawSkew(random_);
  }
}

TTInterval SimTrueTime::Interval() {
  Poll();
  const Micros now = scheduler_->now();
  const double age = static_cast<double>(now - last_poll_) / static_cast<double>(options_.poll_us);
  const Micros epsilon = options_.epsilon_min_us +
                         static_cast<Micros>(age * static_cast<double>(options_.epsilon_max_us -
                                                                       options_.epsilon_min_us));
  const double skew = skew_from_ + age * (skew_to_ - skew_from_);
  // Truncation toward zero keeps |error| <= epsilon.
  const Micros error =
      std::clamp(static_cast<Micros>(skew * static_cast<double>(epsilon)), -epsilon, epsilon);
  const Micros center = now + error + lie_us_;
  return TTInterval{Timestamp(center - epsilon), Timestamp(center + epsilon)};
}

absl::StatusOr<TTInterval> SimTrueTime::Now() {
  if (lost_) {
    return absl::UnavailableError(
        "the clock's error bound is unknown: its source is not synchronised; repair the source");
  }
  return Interval();
}

void SimTrueTime::Accuse(NodeId, TTInterval, TTInterval) { ++accusations_; }

}  // namespace isochron::sim
