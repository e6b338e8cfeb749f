// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_RUNNER_WORKER_POOL_H_
#define ISOCHRON_SIM_RUNNER_WORKER_POOL_H_

// Runs seeds in forked workers, so that a broken invariant (a CHECK that ends the process) is one
// seed's result instead of the end of them all, and so that several processors can be used.
//
// Results arrive in the order of the seeds whatever the number of workers, hence equal output.

#include <functional>

#include "sim/runner/run.h"

namespace isochron::sim {

class WorkerPool {
 public:
  using Run = std::function<RunResult(uint64_t seed)>;
  // False: stop.
  using OnResult = std::function<bool(const RunResult&)>;

  // jobs = 0: as many as there are processors, within reason.
  WorkerPool(Run run, int jobs);

  // A seed whose process died has the anomaly "process-died".
  void RunSeeds(uint64_t first, uint64_t last, const OnResult& on_result);

  // What all workers of this process that have ended took.
  static double CpuSeconds();

 private:
  struct Worker {
    int pid = -1;
    int fd = -1;
  };
  // A process for `first`, `first` + jobs, ... up to `last`.
  Worker Start(uint64_t first, uint64_t last) const;
  // The worker's next result; false when it died before giving one.
  static bool ReadResult(const Worker& worker, RunResult* result);
  static int End(Worker* worker, bool kill_it);

  Run run_;
  int jobs_;
};

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_RUNNER_WORKER_POOL_H_
