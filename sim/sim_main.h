// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_SIM_MAIN_H_
#define ISOCHRON_SIM_SIM_MAIN_H_

// The command `isochron sim` (docs/internals/simulator.md):
//
//   sim --seed N | --seeds A..B [--workload W[,W]] [--fault F[:RATE][,F]] [--scenario S]
//       [--sabotage X] [--clients N] [--run-seconds N] [--workload-file FILE.sql]
//       [--trace] [--explain [SEED]] [--shrink [SEED]] [--counts] [--json] [--jobs N] [--list]
//   sim --check-history FILE [--json]      the checkers on a recorded history (check_history.h)
//
// The last line is `N seeds, M violations, trace HASH`. With a sabotage it stops at the first
// violation. Returns the exit status: 0 no violation, 1 a violation (or a vacuous range), 2 usage.

#include <string>
#include <vector>

namespace isochron::sim {

int RunSim(const std::vector<std::string>& args);

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_SIM_MAIN_H_
