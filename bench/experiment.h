// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_BENCH_EXPERIMENT_H_
#define ISOCHRON_BENCH_EXPERIMENT_H_

// Experiments that start universes of their own on this machine and set their numbers beside
// others': the tables 3 and 4 of Corbett et al., "Spanner: Google's Globally-Distributed Database",
// OSDI 2012, and the floors that distance sets.
//
// All replicas, and the clients, share this machine's cores; the paper gave each replica a server
// of four cores and the clients machines of their own.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/runner.h"
#include "bench/workload.h"

namespace isochron::bench {

struct ExperimentOptions {
  int64_t seconds = 5;   // of each measurement
  int64_t clients = 64;  // where throughput is measured
  int64_t seed = 1;
  int64_t groups = 50;  // table3
  int64_t value_bytes = 4096;
  int64_t batch = 1;                  // table3: rows an operation, where throughput is measured
  std::string clock = "fixed:1ms";    // of the nodes
  std::vector<std::string> replicas;  // table3: "1D", "1", "3", "5"
  std::vector<int64_t> participants;  // table4
};

// Each prints its table, or its JSON object, and returns what went wrong.
absl::Status RunTable3(const ExperimentOptions& options, bool json);
absl::Status RunTable4(const ExperimentOptions& options, bool json);
absl::Status RunFloors(const ExperimentOptions& options, bool json);

// A workload of one kind of operation on a table that is there already.
class OneOperation : public Workload {
 public:
  using Operation = std::function<absl::StatusOr<client::Result>(ClientRun*)>;
  explicit OneOperation(Operation operation) : operation_(std::move(operation)) {}
  absl::Status Setup(client::Client* /*client*/) override { return absl::OkStatus(); }
  void Step(ClientRun* run) override;
  absl::Status Check(client::Client* client, Json* report) override;

 private:
  const Operation operation_;
};

// Measures one kind of operation: the report of RunLoad. Errors of single operations are findings.
absl::StatusOr<Json> Measure(const std::string& name, const LoadOptions& load,
                             OneOperation::Operation operation);

}  // namespace isochron::bench

#endif  // ISOCHRON_BENCH_EXPERIMENT_H_
