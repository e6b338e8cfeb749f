// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TRUETIME_CLOCKS_H_
#define ISOCHRON_TRUETIME_CLOCKS_H_

// The TrueTime sources over a machine's clock (OSDI 2012, section 3; design.md invariant 1, rules
// 5, 25, 26). Each answers Now() with system time plus or minus a bound that something vouches for:
//
//   FixedBoundClock  the operator ("fixed:5ms"). Sound where all processes share one kernel's
//   clock. KernelClock      adjtimex: the kernel's own maximum error, kept by whatever disciplines
//   the clock. ChronyClock      chrony's tracking report; the bound grows with the report's age.
//
// All refuse when the clock was stepped since it was vouched for, or when peers' clocks contradict
// it (accusations.h). Now() and Accuse are safe from any thread and never block: the lock is held
// for a few clock readings.

#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "common/truetime.h"
#include "truetime/accusations.h"
#include "truetime/chrony_report.h"
#include "truetime/step_guard.h"
#include "truetime/system_clock.h"

namespace isochron::truetime {

// What the sources share: the guard, the accusations, the making of the interval.
class BoundedClock : public TrueTime {
 public:
  absl::StatusOr<TTInterval> Now() final;
  void Accuse(NodeId peer, TTInterval theirs, TTInterval ours) final;
  // The number of other nodes, which accusations are weighed against.
  void set_peer_count(int n);

 protected:
  BoundedClock(SystemClock* clock, Micros step_tolerance_us);

  // The bound at this reading, or why there is none. Called under the lock.
  virtual absl::StatusOr<Micros> Bound(const StepGuard::Reading& reading) = 0;
  // Lets the next reading become the guard's reference. Under the lock.
  void VouchAnew() { guard_.Forget(); }

  std::mutex mu_;

 private:
  SystemClock* const clock_;
  StepGuard guard_;
  Accusations accusations_;
};

// A step of more than the bound shows that the bound was wrong: Now() then fails until a restart.
class FixedBoundClock final : public BoundedClock {
 public:
  FixedBoundClock(SystemClock* clock, Micros bound_us);

 private:
  absl::StatusOr<Micros> Bound(const StepGuard::Reading& reading) override;
  const Micros bound_us_;
  bool stepped_ = false;
};

// What adjtimex said, in microseconds.
struct KernelTime {
  bool synchronised = false;  // neither TIME_ERROR nor STA_UNSYNC
  Micros max_error_us = 0;
};

// After a step it waits until the kernel has been synchronised for a while.
class KernelClock final : public BoundedClock {
 public:
  // A bound beyond `max_bound_us` is as good as none.
  KernelClock(SystemClock* clock, std::function<KernelTime()> read_kernel, Micros max_bound_us);

 private:
  absl::StatusOr<Micros> Bound(const StepGuard::Reading& reading) override;
  const std::function<KernelTime()> read_kernel_;
  const Micros max_bound_us_;
  std::optional<Micros> stepped_at_us_;  // boot time
};

struct ChronyClockOptions {
  Micros max_bound_us = 100'000;
  Micros max_report_age_us = 30'000'000;
};

// bound = |system offset| + root dispersion + root delay / 2 + report age x 200 ppm. Reports arrive
// from a poller on another thread; after a step a newer report must come.
class ChronyClock final : public BoundedClock {
 public:
  ChronyClock(SystemClock* clock, ChronyClockOptions options);

  // `asked_at_us`: boot time just before chrony was asked.
  void SetReport(const ChronyReport& report, Micros asked_at_us);
  // Chrony could not be asked; `why` is told when no report is left that is young enough.
  void SetFailure(std::string why);

 private:
  absl::StatusOr<Micros> Bound(const StepGuard::Reading& reading) override;
  const ChronyClockOptions options_;
  std::optional<ChronyReport> report_;
  Micros asked_at_us_ = 0;
  std::string failure_ = "chrony has not answered yet";
  std::optional<Micros> stepped_at_us_;  // boot time
};

}  // namespace isochron::truetime

#endif  // ISOCHRON_TRUETIME_CLOCKS_H_
