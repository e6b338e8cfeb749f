// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_WORLD_SIM_TRUETIME_H_
#define ISOCHRON_SIM_WORLD_SIM_TRUETIME_H_

// The simulated clock of one node: it outlives the node's crashes, as a machine's clock does.
//
// The bound is a sawtooth: it grows with drift between polls and falls back at each. The clock's
// error wanders within the bound, so [earliest, latest] always contains real time, often only just.
// Faults: the bound is lost for a while (Now fails, rule 5). Sabotage: the clock lies by more than
// its bound, forward or back, which the checkers must catch.

#include <string>

#include "common/random.h"
#include "common/truetime.h"
#include "sim/world/scheduler.h"

namespace isochron::sim {

struct ClockOptions {
  Micros epsilon_min_us = 500;   // right after a poll
  Micros epsilon_max_us = 2000;  // right before the next
  Micros poll_us = 1'000'000;
};

class SimTrueTime final : public TrueTime {
 public:
  SimTrueTime(SimScheduler* scheduler, ClockOptions options, Random random);

  absl::StatusOr<TTInterval> Now() override;
  void Accuse(NodeId peer, TTInterval theirs, TTInterval ours) override;

  void SetLost(bool lost) { lost_ = lost; }
  bool lost() const { return lost_; }
  // Shifts every interval by `shift_us`, beyond what the bound vouches for. 0: honest again.
  void Lie(Micros shift_us) { lie_us_ = shift_us; }
  // Times an accusation reached this clock.
  int accusations() const { return accusations_; }

  // What the clock claims at this instant, also while the bound is lost.
  TTInterval Interval();

 private:
  void Poll();

  SimScheduler* scheduler_;
  const ClockOptions options_;
  Random random_;
  Micros phase_us_;
  Micros last_poll_ = 0;
  // Error as a fraction of the bound, in [-1, 1], moving linearly between polls.
  double skew_from_ = 0;
  double skew_to_ = 0;
  bool lost_ = false;
  Micros lie_us_ = 0;
  int accusations_ = 0;
};

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_WORLD_SIM_TRUETIME_H_
