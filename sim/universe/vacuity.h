// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_UNIVERSE_VACUITY_H_
#define ISOCHRON_SIM_UNIVERSE_VACUITY_H_

// A range of seeds that never reached the rare branches proves nothing (rule 39): these are the
// least counts that a range of a hundred default seeds or more must show.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace isochron::sim {

inline constexpr uint64_t kVacuityFromSeeds = 100;

// What fell short, a line each; empty when enough was reached.
std::vector<std::string> CheckNotVacuous(uint64_t seeds,
                                         const std::map<std::string, int64_t>& counts);

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_UNIVERSE_VACUITY_H_
