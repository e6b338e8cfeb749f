// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_CHECK_HISTORY_H_
#define ISOCHRON_SIM_CHECK_HISTORY_H_

// `isochron sim --check-history FILE`: the checkers of the simulator on a history that was recorded
// elsewhere, such as by clients of real processes (sim/checkers/history_io.h is its format).
//
// The dependency-cycle checker always runs; the external consistency checker if every operation
// that took effect has its timestamp. The last line is `N operations, M anomalies`.

#include <string>

namespace isochron::sim {

// The exit status: 0 legal, 1 an anomaly, 2 when the file cannot be read.
int CheckHistoryFile(const std::string& path, bool json);

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_CHECK_HISTORY_H_
