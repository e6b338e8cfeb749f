// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_WORLD_SIM_EXECUTOR_H_
#define ISOCHRON_SIM_WORLD_SIM_EXECUTOR_H_

// The Executor of one process incarnation, a facade on the scheduler.
//
// A crash (Kill) drops everything posted; the object stays, so that late pointers to it are safe,
// and whatever is posted to it from then on is dropped too. A paused process (SIGSTOP, a frozen
// virtual machine) runs nothing until it is resumed; its timers fire late, in order. A slow one
// takes time for each turn of its loop, so that what is posted faster than that queues up.

#include "common/executor.h"
#include "common/random.h"
#include "sim/world/scheduler.h"

namespace isochron::sim {

struct ExecutorOptions {
  // MonotonicNow starts here: processes do not share an origin.
  Micros monotonic_offset_us = 0;
  // Timers fire late by up to this much, uniformly.
  Micros timer_jitter_us = 0;
};

class SimExecutor final : public Executor {
 public:
  SimExecutor(SimScheduler* scheduler, SimScheduler::Owner owner, ExecutorOptions options,
              Random random);
  ~SimExecutor() override { Kill(); }

  void Post(Fn fn) override;
  TimerId PostAfter(Micros delay_us, Fn fn) override;
  void Cancel(TimerId id) override;
  Micros MonotonicNow() override;

  // For the other seams: runs `fn` at `time`, unless the process is dead by then.
  SimScheduler::EventId At(Micros time, Fn fn);

  void Kill();
  bool alive() const { return alive_; }
  void Pause() { scheduler_->Hold(owner_); }
  void Resume() { scheduler_->Release(owner_); }
  // Each turn takes this long from now on; 0: none, as ever.
  void SetTurnCost(Micros us) { turn_us_ = us; }
  bool paused() const { return scheduler_->IsHeld(owner_); }

  SimScheduler* scheduler() { return scheduler_; }
  SimScheduler::Owner owner() const { return owner_; }

 private:
  SimScheduler* scheduler_;
  const SimScheduler::Owner owner_;
  const ExecutorOptions options_;
  Random random_;
  bool alive_ = true;
  Micros turn_us_ = 0;
  Micros busy_until_ = 0;
};

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_WORLD_SIM_EXECUTOR_H_
