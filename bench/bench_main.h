// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_BENCH_BENCH_MAIN_H_
#define ISOCHRON_BENCH_BENCH_MAIN_H_

// The command `isochron bench WORKLOAD --target HOST:PORT[,...] --clients N --seconds S --json`.

#include <string>
#include <vector>

namespace isochron::bench {

// Exit status: 0 good, 1 a finding or nothing worked, 2 usage.
int RunBench(const std::vector<std::string>& args);

}  // namespace isochron::bench

#endif  // ISOCHRON_BENCH_BENCH_MAIN_H_
