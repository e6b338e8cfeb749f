// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_UNIVERSE_RUN_UNIVERSE_H_
#define ISOCHRON_SIM_UNIVERSE_RUN_UNIVERSE_H_

// One seed, from a new universe to the verdict: set up in calm, work among faults, recover, audit.

#include "sim/runner/run.h"

namespace isochron::sim {

RunResult RunUniverse(const RunOptions& options);

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_UNIVERSE_RUN_UNIVERSE_H_
