// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_RUNNER_FLAGS_H_
#define ISOCHRON_SIM_RUNNER_FLAGS_H_

// The command line of `isochron sim`.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sim/runner/run.h"

namespace isochron::sim {

// What may be named on the command line.
struct KnownNames {
  std::vector<std::string> workloads;
  std::vector<std::string> faults;
  std::vector<std::string> scenarios;
};

struct Flags {
  uint64_t first = 1;
  uint64_t last = 1;
  RunOptions run;
  std::string scenario;       // empty: a universe
  std::string check_history;  // a file: nothing is run
  int jobs = 0;               // 0: as many as there are processors
  bool shrink = false;
  bool json = false;
  bool list = false;
  bool counts = false;
};

// INVALID_ARGUMENT says what is wrong and names the nearest known word.
absl::StatusOr<Flags> ParseFlags(const std::vector<std::string>& args, const KnownNames& known);

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_RUNNER_FLAGS_H_
