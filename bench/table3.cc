// SPDX-License-Identifier: Apache-2.0
//
// Table 3 of the paper: standalone writes, read-only transactions of one read, and snapshot reads,
// 4 KB each, over 50 groups, with 1, 3 and 5 replicas; latency with one client, throughput with
// many. "1D" is one replica without commit wait: here, a clock bound of a microsecond.

#include <algorithm>
#include <iostream>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/experiment.h"
#include "bench/row_table.h"
#include "bench/universe.h"
#include "common/status_macros.h"

namespace isochron::bench {
namespace {

constexpr int64_t kRowsOfAGroup = 20;
// Longer than the safe time lags behind: no read has to wait for it.
constexpr int64_t kStalenessS = 10;

struct PaperCell {
  double ms;
  double kops;
};
struct PaperRow {
  const char* replicas;
  std::optional<PaperCell> write, read_only, snapshot;
};
constexpr PaperRow kPaper[] = {
    {"1D", PaperCell{9.4, 4.0}, std::nullopt, std::nullopt},
    {"1", PaperCell{14.4, 4.1}, PaperCell{1.4, 10.9}, PaperCell{1.3, 13.5}},
    {"3", PaperCell{13.9, 2.2}, PaperCell{1.3, 13.8}, PaperCell{1.2, 38.5}},
    {"5", PaperCell{14.4, 2.8}, PaperCell{1.4, 25.3}, PaperCell{1.3, 50.0}},
};

struct Kind {
  const char* name;
  std::optional<PaperCell> PaperRow::*paper;
  std::function<absl::StatusOr<client::Result>(const RowTable&, ClientRun*, int64_t rows)> run;
};

int64_t AnyKey(const RowTable& table, ClientRun* run, int64_t rows) {
  return table.FirstOf(static_cast<int64_t>(run->random.Below(static_cast<uint64_t>(table.keys()))),
                       rows);
}

ReadBound Stale() {
  ReadBound bound;
  bound.mutable_exact_staleness()->set_seconds(kStalenessS);
  return bound;
}

// The rows must be there, or the read was of nothing.
absl::StatusOr<client::Result> Whole(absl::StatusOr<client::Result> result, int64_t rows) {
  if (result.ok() && static_cast<int64_t>(result->rows.size()) != rows) {
    return absl::DataLossError(
        absl::StrCat("a read found ", result->rows.size(), " rows instead of ", rows));
  }
  return result;
}

std::vector<Kind> Kinds() {
  return {
      {"write", &PaperRow::write,
       [](const RowTable& table, ClientRun* run, int64_t rows) {
         return table.Upsert(run, AnyKey(table, run, rows), rows);
       }},
      {"read_only", &PaperRow::read_only,
       [](const RowTable& table, ClientRun* run, int64_t rows) {
         return Whole(table.Read(run, AnyKey(table, run, rows), rows), rows);
       }},
      {"snapshot", &PaperRow::snapshot,
       [](const RowTable& table, ClientRun* run, int64_t rows) {
         return Whole(table.ReadAt(run, Stale(), AnyKey(table, run, rows), rows), rows);
       }},
  };
}

// Waits until the rows are old enough for reads of kStalenessS ago.
absl::Status AwaitOld(const RowTable& table, client::Client* client) {
  ClientRun run;
  run.client = client;
  const int64_t until = NowUs() + (kStalenessS + 20) * 1'000'000;
  while (NowUs() < until) {
    const absl::StatusOr<client::Result> last = table.ReadAt(&run, Stale(), table.keys() - 1, 1);
    if (last.ok() && last->rows.size() == 1) return absl::OkStatus();
    SleepMs(200);
  }
  return absl::DeadlineExceededError("reads in the past do not find the rows");
}

absl::StatusOr<Json> MeasureKind(const ExperimentOptions& o, const Universe& universe,
                                 const RowTable& table, const Kind& kind) {
  LoadOptions load{universe.Targets(), 1, o.seconds, o.seed};
  ISO_ASSIGN_OR_RETURN(const Json slow, Measure(kind.name, load, [&](ClientRun* run) {
                         return kind.run(table, run, 1);
                       }));
  load.clients = o.clients;
  ISO_ASSIGN_OR_RETURN(const Json fast, Measure(kind.name, load, [&](ClientRun* run) {
                         return kind.run(table, run, o.batch);
                       }));
  Json cell;
  cell["ms"] = slow["mean_ms"];
  cell["p50_ms"] = slow["p50_ms"];
  cell["p99_ms"] = slow["p99_ms"];
  cell["kops_s"] = Round(fast["ops_s"].get<double>() * static_cast<double>(o.batch) / 1000);
  cell["batch"] = o.batch;
  cell["clients"] = o.clients;
  cell["p50_ms_at_load"] = fast["p50_ms"];
  cell["server_cpu_s_per_1000"] =
      Round(fast["server_cpu_s_per_1000"].get<double>() / static_cast<double>(o.batch));
  return cell;
}

absl::StatusOr<Json> MeasureRow(const ExperimentOptions& o, const PaperRow& paper) {
  const bool no_wait = std::string(paper.replicas) == "1D";
  int replicas = 1;
  if (!no_wait && !absl::SimpleAtoi(paper.replicas, &replicas)) return absl::InternalError("row");
  ISO_ASSIGN_OR_RETURN(const std::unique_ptr<Universe> universe,
                       Universe::Start({replicas, false, no_wait ? "fixed:1us" : o.clock}));
  ISO_ASSIGN_OR_RETURN(const std::unique_ptr<client::Client> client,
                       Connect({universe->Targets(), 1, 1, o.seed}, 0));
  const RowTable table("t3", o.groups * kRowsOfAGroup, o.groups, o.value_bytes);
  ISO_RETURN_IF_ERROR(table.Make(client.get()));
  ISO_RETURN_IF_ERROR(AwaitSpread(client.get()));
  ISO_RETURN_IF_ERROR(AwaitOld(table, client.get()));
  Json row;
  row["replicas"] = paper.replicas;
  for (const Kind& kind : Kinds()) {
    const std::optional<PaperCell>& cell = paper.*kind.paper;
    if (!cell.has_value()) continue;
    ISO_ASSIGN_OR_RETURN(row[kind.name], MeasureKind(o, *universe, table, kind));
    row[kind.name]["paper_ms"] = cell->ms;
    row[kind.name]["paper_kops_s"] = cell->kops;
  }
  return row;
}

void PrintTable(const Json& rows, const ExperimentOptions& o) {
  std::cout << "Table 3: " << o.value_bytes << "-byte operations, " << o.groups
            << " groups, all replicas and clients on this machine, clock " << o.clock
            << "\nlatency: mean with 1 client; throughput: " << o.clients << " clients, " << o.batch
            << " rows an operation (thousand rows/s); the paper's beside\n\n";
  std::cout << "replicas  operation   latency ms   paper   thousand/s   paper   "
               "server CPU-s/1000\n";
  for (const Json& row : rows) {
    for (const Kind& kind : Kinds()) {
      if (!row.contains(kind.name)) continue;
      const Json& c = row[kind.name];
      std::cout << absl::StrFormat(
          "%-9s %-11s %10.2f %7.1f %12.2f %7.1f %19.3f\n", row["replicas"].get<std::string>(),
          kind.name, c["ms"].get<double>(), c["paper_ms"].get<double>(), c["kops_s"].get<double>(),
          c["paper_kops_s"].get<double>(), c["server_cpu_s_per_1000"].get<double>());
    }
  }
  std::cout.flush();
}

}  // namespace

absl::Status RunTable3(const ExperimentOptions& options, bool json) {
  Json rows = Json::array();
  for (const PaperRow& paper : kPaper) {
    if (std::find(options.replicas.begin(), options.replicas.end(), paper.replicas) ==
        options.replicas.end()) {
      continue;
    }
    ISO_ASSIGN_OR_RETURN(Json row, MeasureRow(options, paper));
    rows.push_back(std::move(row));
  }
  if (rows.empty()) return absl::InvalidArgumentError("--replicas: some of 1D,1,3,5");
  if (!json) {
    PrintTable(rows, options);
    return absl::OkStatus();
  }
  Json report;
  report["workload"] = "table3";
  report["clock"] = options.clock;
  report["groups"] = options.groups;
  report["value_size"] = options.value_bytes;
  report["rows"] = std::move(rows);
  std::cout << report.dump() << std::endl;
  return absl::OkStatus();
}

}  // namespace isochron::bench
