// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_RUNNER_RUN_H_
#define ISOCHRON_SIM_RUNNER_RUN_H_

// One run: what a seed is told to do, and what came of it.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/sabotage.h"
#include "sim/checkers/history.h"

namespace isochron::sim {

struct RunOptions {
  uint64_t seed = 1;
  std::vector<std::string> workloads;         // empty: the scenario's own choice
  std::vector<std::string> faults;            // empty: drawn from the seed; "none": a calm run
  std::map<std::string, double> fault_rates;  // of those named with one (profile.h)
  Sabotage sabotage = Sabotage::kNone;
  int clients = 0;    // 0: drawn from the seed
  Micros run_us = 0;  // of clients among faults; 0: drawn from the seed
  // A workload of the user's own (sim/workloads/sql_file.h), and where it was read.
  std::string sql_file;
  std::string sql_path;
  bool trace = false;  // print events as they happen
  bool explain =
      false;  // fill RunResult::timeline around the first anomaly, or with one transaction
};

struct RunResult {
  uint64_t seed = 0;
  uint64_t trace = 0;  // the trace hash
  uint64_t events = 0;
  Micros virtual_us = 0;
  std::vector<Anomaly> anomalies;
  std::vector<std::string> timeline;
  std::map<std::string, int64_t> counts;  // rare branches reached and work done
};

// To and from bytes: results cross from a worker process to its parent.
std::string EncodeResult(const RunResult& result);
bool DecodeResult(absl::string_view bytes, RunResult* result);

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_RUNNER_RUN_H_
