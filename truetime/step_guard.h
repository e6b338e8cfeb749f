// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TRUETIME_STEP_GUARD_H_
#define ISOCHRON_TRUETIME_STEP_GUARD_H_

// Reads the system clock, and notices when somebody set it (invariant 1).
//
// The kernel slews CLOCK_REALTIME and CLOCK_BOOTTIME alike, so their difference changes only when
// the real-time clock is stepped. Each Read brackets the real-time clock between two boot-time
// readings: however long the thread was preempted between them, the true difference lies within the
// bracket, and only a bracket that excludes the reference difference by more than the tolerance
// counts as a step.
//
// Not safe from several threads: the clock sources hold their lock.

#include <optional>

#include "truetime/system_clock.h"

namespace isochron::truetime {

class StepGuard {
 public:
  struct Reading {
    Micros realtime_us;
    Micros boottime_us;  // taken before realtime_us
    Micros spread_us;    // how much later the second boot-time reading was
    Micros stepped_us;   // 0, or by how much the clock was stepped since the reference
  };

  StepGuard(SystemClock* clock, Micros tolerance_us) : clock_(clock), tolerance_us_(tolerance_us) {}

  Reading Read() {
    Reading r;
    r.boottime_us = clock_->BoottimeUs();
    r.realtime_us = clock_->RealtimeUs();
    r.spread_us = clock_->BoottimeUs() - r.boottime_us;
    // The difference lies in [high - spread, high].
    const Micros high = r.realtime_us - r.boottime_us;
    const Micros low = high - r.spread_us;
    if (!reference_.has_value()) reference_ = low + r.spread_us / 2;
    r.stepped_us = 0;
    if (low > *reference_ + tolerance_us_) r.stepped_us = low - *reference_;
    if (high < *reference_ - tolerance_us_) r.stepped_us = high - *reference_;
    return r;
  }

  // The next Read sets a new reference: the clock is vouched for anew.
  void Forget() { reference_.reset(); }

 private:
  SystemClock* const clock_;
  const Micros tolerance_us_;
  std::optional<Micros> reference_;
};

}  // namespace isochron::truetime

#endif  // ISOCHRON_TRUETIME_STEP_GUARD_H_
