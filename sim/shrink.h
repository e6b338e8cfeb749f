// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_SHRINK_H_
#define ISOCHRON_SIM_SHRINK_H_

// --shrink: the smallest command that still shows a violation.
//
// What the seed drew is written out as flags, and then taken away: clients, faults, workloads, run
// time, in this order and again while something goes. A change is kept when the same violation
// shows up in the seed or in one of a few beside it (a smaller universe is another one, so that its
// luck is too). Bounded in runs.

#include <functional>

#include "sim/runner/run.h"

namespace isochron::sim {

struct Shrunk {
  RunOptions options;  // its seed too
  RunResult result;    // of them
  int runs = 0;
};

// `run` is called for one seed in a process of its own. `first` is the result of `options`.
Shrunk Shrink(const RunOptions& options, const RunResult& first,
              const std::function<RunResult(const RunOptions&)>& run);

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_SHRINK_H_
