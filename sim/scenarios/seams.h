// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_SCENARIOS_SEAMS_H_
#define ISOCHRON_SIM_SCENARIOS_SEAMS_H_

// The self test of the seams (`--scenario seams`): no database, only the simulated world. A client
// node sends numbers over a faulty network to a server node, which stores each on its disk and
// acknowledges it once synced; the server crashes, by process and by power. What was acknowledged
// must be there after every restart. The sabotage ack-before-sync must be caught.

#include "sim/runner/run.h"

namespace isochron::sim {

RunResult RunSeams(const RunOptions& options);

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_SCENARIOS_SEAMS_H_
