// SPDX-License-Identifier: Apache-2.0
#include "sim/world/sim_executor.h"

#include <algorithm>
#include <utility>

namespace isochron::sim {

SimExecutor::SimExecutor(SimScheduler* scheduler, SimScheduler::Owner owner,
                         ExecutorOptions options, Random random)
    : scheduler_(scheduler), owner_(owner), options_(options), random_(random) {}

SimScheduler::EventId SimExecutor::At(Micros time, Fn fn) {
  if (!alive_) return 0;
  return scheduler_->At(time, owner_, std::move(fn));
}

void SimExecutor::Post(Fn fn) {
  Micros when = scheduler_->now();
  // Never before what was posted earlier, also when the process has just become quick again.
  if (turn_us_ > 0 || busy_until_ > when) {
    busy_until_ = std::max(when, busy_until_) + turn_us_;
    when = busy_until_;
  }
  At(when, std::move(fn));
}

Executor::TimerId SimExecutor::PostAfter(Micros delay_us, Fn fn) {
  const Micros late =
      options_.timer_jitter_us > 0 ? random_.Between(0, options_.timer_jitter_us) : 0;
  return At(scheduler_->now() + (delay_us > 0 ? delay_us : 0) + late, std::move(fn));
}

void SimExecutor::Cancel(TimerId id) { scheduler_->Cancel(id); }

Micros SimExecutor::MonotonicNow() {
  return scheduler_->now() - SimScheduler::kStartOfTime + options_.monotonic_offset_us;
}

void SimExecutor::Kill() {
  alive_ = false;
  scheduler_->Release(owner_);
  scheduler_->DropOwner(owner_);
}

}  // namespace isochron::sim
