// SPDX-License-Identifier: Apache-2.0
#include "truetime/clocks.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace isochron::truetime {
namespace {

// No disciplined clock drifts faster (OSDI 2012, section 3).
constexpr Micros kDriftPpm = 200;
// Slewing never does this to the difference between the clocks; setting the clock does.
constexpr Micros kStepToleranceUs = 200;
// How long the kernel must have been synchronised after a step.
constexpr Micros kSettleUs = 10'000'000;

absl::Status NoBound(absl::string_view why) {
  return absl::UnavailableError(absl::StrCat("this node's clock has no bound: ", why));
}

// Rounded up.
Micros Drift(Micros age_us) { return (age_us * kDriftPpm + 999'999) / 1'000'000; }

}  // namespace

BoundedClock::BoundedClock(SystemClock* clock, Micros step_tolerance_us)
    : clock_(clock), guard_(clock, step_tolerance_us) {
  guard_.Read();
}

absl::StatusOr<TTInterval> BoundedClock::Now() {
  std::lock_guard<std::mutex> lock(mu_);
  const StepGuard::Reading reading = guard_.Read();
  ISO_ASSIGN_OR_RETURN(const Micros bound_us, Bound(reading));
  if (std::optional<std::string> fence = accusations_.Fence(reading.boottime_us)) {
    return NoBound(*fence);
  }
  return TTInterval{Timestamp(reading.realtime_us - bound_us),
                    Timestamp(reading.realtime_us + bound_us)};
}

void BoundedClock::Accuse(NodeId peer, TTInterval theirs, TTInterval ours) {
  std::lock_guard<std::mutex> lock(mu_);
  accusations_.Add(peer, theirs, ours, clock_->BoottimeUs());
}

void BoundedClock::set_peer_count(int n) {
  std::lock_guard<std::mutex> lock(mu_);
  accusations_.set_peer_count(n);
}

FixedBoundClock::FixedBoundClock(SystemClock* clock, Micros bound_us)
    : BoundedClock(clock, bound_us), bound_us_(bound_us) {}

absl::StatusOr<Micros> FixedBoundClock::Bound(const StepGuard::Reading& reading) {
  if (reading.stepped_us != 0) stepped_ = true;
  if (stepped_) {
    return NoBound(absl::StrCat("the system clock was stepped by more than the fixed bound of ",
                                bound_us_, " us; set it right and restart the node"));
  }
  return bound_us_;
}

KernelClock::KernelClock(SystemClock* clock, std::function<KernelTime()> read_kernel,
                         Micros max_bound_us)
    : BoundedClock(clock, kStepToleranceUs),
      read_kernel_(std::move(read_kernel)),
      max_bound_us_(max_bound_us) {}

absl::StatusOr<Micros> KernelClock::Bound(const StepGuard::Reading& reading) {
  if (reading.stepped_us != 0) {
    stepped_at_us_ = reading.boottime_us;
    VouchAnew();
  }
  const KernelTime kernel = read_kernel_();
  if (!kernel.synchronised) {
    if (stepped_at_us_) stepped_at_us_ = reading.boottime_us;
    return NoBound(
        "the kernel says it is not synchronised; run an NTP or PTP daemon that disciplines it");
  }
  if (stepped_at_us_ && reading.boottime_us - *stepped_at_us_ < kSettleUs) {
    return NoBound("the system clock was stepped; waiting for it to settle");
  }
  stepped_at_us_.reset();
  if (kernel.max_error_us > max_bound_us_) {
    return NoBound(absl::StrCat("the kernel's maximum error is ", kernel.max_error_us,
                                " us, beyond the limit of ", max_bound_us_, " us"));
  }
  return kernel.max_error_us;
}

ChronyClock::ChronyClock(SystemClock* clock, ChronyClockOptions options)
    : BoundedClock(clock, kStepToleranceUs), options_(options) {}

void ChronyClock::SetReport(const ChronyReport& report, Micros asked_at_us) {
  std::lock_guard<std::mutex> lock(mu_);
  report_ = report;
  asked_at_us_ = asked_at_us;
  failure_.clear();
}

void ChronyClock::SetFailure(std::string why) {
  std::lock_guard<std::mutex> lock(mu_);
  failure_ = std::move(why);
}

absl::StatusOr<Micros> ChronyClock::Bound(const StepGuard::Reading& reading) {
  if (reading.stepped_us != 0) {
    stepped_at_us_ = reading.boottime_us;
    VouchAnew();
  }
  if (!report_.has_value()) return NoBound(failure_);
  if (!report_->synchronised) {
    return NoBound("chrony is not synchronised to any source; see `chronyc sources`");
  }
  // A report from before the step says nothing about the clock after it.
  if (stepped_at_us_ && asked_at_us_ <= *stepped_at_us_) {
    return NoBound("the system clock was stepped; waiting for chrony's next report");
  }
  stepped_at_us_.reset();
  const Micros age_us = reading.boottime_us + reading.spread_us - asked_at_us_;
  if (age_us > options_.max_report_age_us) {
    return NoBound(absl::StrCat("chrony's last report is ", age_us / 1000, " ms old",
                                failure_.empty() ? "" : ": ", failure_));
  }
  const Micros bound_us = report_->error_us + Drift(age_us);
  if (bound_us > options_.max_bound_us) {
    return NoBound(absl::StrCat("chrony's error bound is ", bound_us, " us, beyond the limit of ",
                                options_.max_bound_us, " us"));
  }
  return bound_us;
}

}  // namespace isochron::truetime
