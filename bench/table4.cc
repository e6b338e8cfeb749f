// SPDX-License-Identifier: Apache-2.0
//
// Table 4 of the paper: the latency of two-phase commit as participants grow. Each transaction
// writes one row in each of N groups, in one statement; three replicas, one client.

#include <iostream>

#include "absl/strings/str_format.h"
#include "bench/experiment.h"
#include "bench/row_table.h"
#include "bench/universe.h"
#include "common/status_macros.h"

namespace isochron::bench {
namespace {

constexpr int kReplicas = 3;
constexpr int64_t kRowsOfAGroup = 4;

struct PaperRow {
  int64_t participants;
  double mean_ms, p99_ms;
};
constexpr PaperRow kPaper[] = {
    {1, 17.0, 75.0},   {2, 24.5, 87.6},  {5, 31.5, 104.5},   {10, 30.0, 95.6},
    {25, 35.5, 100.4}, {50, 42.7, 93.7}, {100, 71.4, 131.2}, {200, 150.5, 320.3},
};

// One row in each of `n` groups that follow one another, from a random one on.
std::vector<int64_t> OneOfEach(const RowTable& table, Random* random, int64_t n) {
  std::vector<int64_t> keys;
  const auto from = static_cast<int64_t>(random->Below(static_cast<uint64_t>(table.groups())));
  for (int64_t i = 0; i < n; ++i) {
    keys.push_back(table.FirstKeyOfGroup((from + i) % table.groups()) +
                   static_cast<int64_t>(random->Below(kRowsOfAGroup)));
  }
  return keys;
}

void PrintTable(const Json& rows, const ExperimentOptions& o) {
  std::cout << "Table 4: two-phase commit by participants, " << kReplicas
            << " replicas, 1 client, all on this machine, clock " << o.clock << "\n\n"
            << "participants   mean ms   paper    p99 ms   paper   server CPU ms   ratio to 1\n";
  double one = 0;
  for (const Json& row : rows) {
    const auto mean = row["mean_ms"].get<double>();
    if (one == 0) one = mean;
    std::cout << absl::StrFormat(
        "%12d %9.2f %7.1f %9.2f %7.1f %15.2f %12.2f\n", row["participants"].get<int64_t>(), mean,
        row["paper_mean_ms"].get<double>(), row["p99_ms"].get<double>(),
        row["paper_p99_ms"].get<double>(), row["server_cpu_ms"].get<double>(), mean / one);
  }
  std::cout.flush();
}

absl::StatusOr<Json> MeasureAll(const ExperimentOptions& o, const Universe& universe,
                                const RowTable& table) {
  Json rows = Json::array();
  for (const PaperRow& paper : kPaper) {
    const int64_t n = paper.participants;
    if (std::find(o.participants.begin(), o.participants.end(), n) == o.participants.end()) {
      continue;
    }
    const LoadOptions load{universe.Targets(), 1, o.seconds, o.seed};
    ISO_ASSIGN_OR_RETURN(const Json report, Measure("table4", load, [&](ClientRun* run) {
                           return table.UpsertKeys(run, OneOfEach(table, &run->random, n));
                         }));
    Json row;
    row["participants"] = n;
    row["mean_ms"] = report["mean_ms"];
    row["p50_ms"] = report["p50_ms"];
    row["p99_ms"] = report["p99_ms"];
    row["paper_mean_ms"] = paper.mean_ms;
    row["paper_p99_ms"] = paper.p99_ms;
    row["ops"] = report["ops"];
    row["server_cpu_ms"] = report["server_cpu_s_per_1000"];
    row["two_pc_ms"] = report["two_pc_ms"];
    row["commit_wait_exposed_ms"] = report["commit_wait_exposed_ms"];
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

absl::Status RunTable4(const ExperimentOptions& options, bool json) {
  int64_t most = 0;
  for (const PaperRow& paper : kPaper) {
    for (const int64_t n : options.participants)
      most = std::max(most, n == paper.participants ? n : 0);
  }
  if (most == 0) {
    return absl::InvalidArgumentError("--participants: some of 1,2,5,10,25,50,100,200");
  }
  ISO_ASSIGN_OR_RETURN(const std::unique_ptr<Universe> universe,
                       Universe::Start({kReplicas, false, options.clock}));
  ISO_ASSIGN_OR_RETURN(const std::unique_ptr<client::Client> client,
                       Connect({universe->Targets(), 1, 1, options.seed}, 0));
  const RowTable table("t4", most * kRowsOfAGroup, most, options.value_bytes);
  ISO_RETURN_IF_ERROR(table.Make(client.get()));
  ISO_RETURN_IF_ERROR(AwaitSpread(client.get()));
  ISO_ASSIGN_OR_RETURN(Json rows, MeasureAll(options, *universe, table));
  if (!json) {
    PrintTable(rows, options);
    return absl::OkStatus();
  }
  Json report;
  report["workload"] = "table4";
  report["clock"] = options.clock;
  report["value_size"] = options.value_bytes;
  report["rows"] = std::move(rows);
  std::cout << report.dump() << std::endl;
  return absl::OkStatus();
}

}  // namespace isochron::bench
