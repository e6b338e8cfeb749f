// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_WORLD_SIM_TRUETIME_H_
#define ISOCHRON_SIM_WORLD_SIM_TRUETIME_H_

// The simulated clock of one node: it outlives the node's crashes, as a machine's clock does.
//
// The bound is a sawtooth: it grows with drift between polls and falls back at each. The clock's
// error wanders within the bound, so [earliest, latest] always contains real time, often only just.
//
// With `shipped` the node asks truetime::ChronyClock, the code that is shipped, over this machine's
// clock and reports written by the simulator: so it is that code which notices that the clock was
// set, and that fences a node whom most of its peers contradict (rules 5, 25).
//
// Faults within the bound (the interval still holds real time, or there is none):
//   lost      no bound
//   drifting  polls fail: the bound and the error grow; a shipped clock's report ages
//   jump      the error goes from one edge of the bound to the other at once
//   widened   the bound is much larger for a while
//   set       a shipped machine's clock is set wrong by more than its bound, or stands still
// Beyond it: Lie shifts every interval unseen; peers or checkers must notice.

#include <memory>
#include <optional>
#include <string>

#include "common/random.h"
#include "common/truetime.h"
#include "sim/world/scheduler.h"

namespace isochron::sim {

struct ClockOptions {
  Micros epsilon_min_us = 500;   // right after a poll
  Micros epsilon_max_us = 2000;  // right before the next
  Micros poll_us = 1'000'000;
  bool shipped = false;
  int peers = 1;  // other nodes, for the shipped clock's accusations
};

class SimTrueTime final : public TrueTime {
 public:
  SimTrueTime(SimScheduler* scheduler, ClockOptions options, Random random);
  ~SimTrueTime() override;

  absl::StatusOr<TTInterval> Now() override;
  void Accuse(NodeId peer, TTInterval theirs, TTInterval ours) override;

  void SetLost(bool lost);
  bool lost() const { return lost_; }
  void SetDrifting(bool drifting) { drifting_ = drifting; }
  void Jump();
  void Widen(Micros more_us) { wider_us_ = more_us; }
  // Shifts every interval by `shift_us`, beyond what the bound vouches for. 0: honest again.
  void Lie(Micros shift_us) { lie_us_ = shift_us; }
  // A shipped machine's clock: off by this much (0: right), or standing still. No effect on others.
  void Set(Micros off_us);
  void Freeze(bool frozen);
  // All is well from now on.
  void Heal();
  // A new process: it knows of no accusations.
  void Restart();

  // Times an accusation reached this clock.
  int accusations() const { return accusations_; }
  // Readings that the shipped clock refused because the clock had been set.
  int refusals() const { return refusals_; }
  // Whether the shipped clock refuses because of accusations.
  bool fenced() const { return fenced_; }

  // What the clock claims at this instant, also while the bound is lost.
  TTInterval Interval();

 private:
  class Machine;
  struct Shipped;

  void Poll();
  // Tells the shipped clock how good this one is; at `asked`.
  void Report(Micros asked);
  // How long ago the last poll was, as a part of the time between two.
  double Age() const;
  Micros Error() const;
  absl::StatusOr<TTInterval> AskShipped();

  SimScheduler* scheduler_;
  const ClockOptions options_;
  Random random_;
  Micros phase_us_;
  Micros last_poll_ = 0;
  // Error as a fraction of the bound, in [-1, 1], moving linearly between polls.
  double skew_from_ = 0;
  double skew_to_ = 0;
  bool lost_ = false;
  bool drifting_ = false;
  Micros wider_us_ = 0;
  Micros lie_us_ = 0;
  Micros set_us_ = 0;
  std::optional<Micros> frozen_us_;  // what the machine's clock stands still at
  int accusations_ = 0;
  int refusals_ = 0;
  bool fenced_ = false;
  std::unique_ptr<Shipped> shipped_;
};

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_WORLD_SIM_TRUETIME_H_
