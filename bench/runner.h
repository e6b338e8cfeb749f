// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_BENCH_RUNNER_H_
#define ISOCHRON_BENCH_RUNNER_H_

// Runs one workload with many clients, each a thread with a connection of its own, and makes the
// report of it: the clients' latencies, and the growth of all nodes' counters beside.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/workload.h"

namespace isochron::bench {

struct LoadOptions {
  std::vector<std::string> targets;
  int64_t clients = 16;
  int64_t seconds = 10;
  int64_t seed = 1;
  // Operations a second that are due, over all clients, whether answers come in time or not; 0:
  // each client's next one begins when its last one ended.
  int64_t rate = 0;
  int64_t timeout_ms = 60'000;  // of each call, and of the tries of one transaction
};

struct LoadResult {
  Json report;
  absl::Status finding;  // of the workload's own check
  std::map<std::string, int64_t> error_kinds;
};

// Client `number` begins at the target of its number.
absl::StatusOr<std::unique_ptr<client::Client>> Connect(const LoadOptions& options, int number);

// Groups that were just made are all led where they were split: waits, for a while, until leaders
// are spread evenly over the nodes that run.
absl::Status AwaitSpread(client::Client* client);

// The workload is set up already.
absl::StatusOr<LoadResult> RunLoad(const std::string& name, const LoadOptions& options,
                                   Workload* workload);

}  // namespace isochron::bench

#endif  // ISOCHRON_BENCH_RUNNER_H_
