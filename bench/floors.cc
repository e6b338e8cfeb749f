// SPDX-License-Identifier: Apache-2.0
//
// Floors that distance sets, and what was measured, side by side: three regions with the emulated
// latencies of the demo, one client at each, groups led in each.
//
//   C  round trip from the client's region to the leader's    Q  leader to its nearest quorum
//   e  clock bound
//
//   strong read         C
//   read in the past    nothing: any replica has it
//   one group           C + max(Q, 2e)
//   two groups          prepared at p, decided at c (the cheaper choice):
//                       max(C_c / 2, C_p / 2 + Q_p + way from p to c) + max(Q_c, 2e) + C_c / 2

#include <algorithm>
#include <iostream>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "bench/experiment.h"
#include "bench/row_table.h"
#include "bench/universe.h"
#include "common/status_macros.h"
#include "server/runtime/wan.h"

namespace isochron::bench {
namespace {

constexpr int kRegions = 3;
constexpr int64_t kGroups = 9;
constexpr int64_t kRowsOfAGroup = 20;
constexpr int64_t kStalenessS = 10;

class Distances {
 public:
  Distances(const Universe& universe, double clock_bound_ms)
      : matrix_(runtime::WanMatrix::Typical()), two_e_(2 * clock_bound_ms) {
    for (const Universe::Node& n : universe.nodes()) regions_.push_back(n.region);
  }
  double RoundTrip(const std::string& a, const std::string& b) const {
    if (a == b) return 0;  // the same node
    return static_cast<double>(matrix_.Link(a, b).one_way_us) * 2 / 1000;
  }
  // To the nearest that makes a majority with the leader itself.
  double Quorum(const std::string& leader) const {
    std::vector<double> trips;
    for (const std::string& r : regions_) trips.push_back(RoundTrip(leader, r));
    std::sort(trips.begin(), trips.end());
    return trips[trips.size() / 2];
  }
  double OneGroup(const std::string& client, const std::string& leader) const {
    return RoundTrip(client, leader) + std::max(Quorum(leader), two_e_);
  }
  double TwoGroups(const std::string& client, const std::string& a, const std::string& b) const {
    return std::min(Decided(client, a, b), Decided(client, b, a));
  }

 private:
  double Decided(const std::string& client, const std::string& p, const std::string& c) const {
    const double request = RoundTrip(client, c) / 2;
    const double vote = RoundTrip(client, p) / 2 + Quorum(p) + RoundTrip(p, c) / 2;
    return std::max(request, vote) + std::max(Quorum(c), two_e_) + RoundTrip(client, c) / 2;
  }

  const runtime::WanMatrix matrix_;
  const double two_e_;
  std::vector<std::string> regions_;
};

// The first key of a group -> the region of its leader.
using Leaders = std::map<int64_t, std::string>;

absl::StatusOr<Leaders> ReadLeaders(client::Client* client, const RowTable& table) {
  ISO_ASSIGN_OR_RETURN(
      client::Result result,
      ExecutePatiently(client, "SELECT start_key, leader_region FROM isochron.splits"));
  Leaders leaders;
  for (const client::Row& row : result.rows) {
    ISO_ASSIGN_OR_RETURN(const std::string start, row.Get<std::string>(0));
    ISO_ASSIGN_OR_RETURN(const auto region, row.Get<std::optional<std::string>>(1));
    for (int64_t g = 0; g < table.groups(); ++g) {
      const int64_t key = table.FirstKeyOfGroup(g);
      if (absl::EndsWith(start, absl::StrCat(" (", key, ")"))) leaders[key] = region.value_or("");
    }
  }
  if (static_cast<int64_t>(leaders.size()) == table.groups()) return leaders;
  return absl::UnavailableError("not every group of the table has a known leader");
}

// The groups that each region leads, by their first keys.
std::map<std::string, std::vector<int64_t>> ByRegion(const Leaders& leaders) {
  std::map<std::string, std::vector<int64_t>> by_region;
  for (const auto& [key, region] : leaders) by_region[region].push_back(key);
  return by_region;
}

class FloorsRun {
 public:
  FloorsRun(const ExperimentOptions& o, const Universe* universe, double bound_ms)
      : options_(o),
        universe_(*universe),
        distances_(*universe, bound_ms),
        table_("floors", kGroups * kRowsOfAGroup, kGroups, o.value_bytes) {}

  absl::StatusOr<Json> Run();

 private:
  absl::Status Prepare(client::Client* client);
  absl::Status AtRegion(const Universe::Node& node);
  // Again, where a leader moved meanwhile.
  absl::Status SettledAtRegion(client::Client* client, const Universe::Node& node);
  absl::Status Add(const Universe::Node& node, const std::string& operation,
                   const std::string& leaders, double floor, OneOperation::Operation run);
  int64_t KeyIn(ClientRun* run, int64_t first) const {
    return first + static_cast<int64_t>(run->random.Below(kRowsOfAGroup));
  }

  const ExperimentOptions& options_;
  const Universe& universe_;
  const Distances distances_;
  const RowTable table_;
  std::map<std::string, std::vector<int64_t>> groups_;
  Json rows_ = Json::array();
};

absl::Status FloorsRun::Prepare(client::Client* client) {
  ISO_RETURN_IF_ERROR(table_.Make(client));
  const int64_t until = NowUs() + 60'000'000;
  while (NowUs() < until) {
    const absl::StatusOr<Leaders> leaders = ReadLeaders(client, table_);
    if (leaders.ok()) groups_ = ByRegion(*leaders);
    bool each = leaders.ok();
    for (const Universe::Node& n : universe_.nodes()) each = each && groups_[n.region].size() >= 2;
    if (each) break;
    SleepMs(500);
  }
  SleepMs(kStalenessS * 1000 + 1000);
  return absl::OkStatus();
}

absl::Status FloorsRun::Add(const Universe::Node& node, const std::string& operation,
                            const std::string& leaders, double floor, OneOperation::Operation run) {
  const LoadOptions load{{node.target}, 1, options_.seconds, options_.seed};
  ISO_ASSIGN_OR_RETURN(const Json report, Measure(operation, load, std::move(run)));
  Json row;
  row["client"] = node.region;
  row["operation"] = operation;
  row["leaders"] = leaders;
  row["floor_ms"] = Round(floor);
  row["p50_ms"] = report["p50_ms"];
  row["mean_ms"] = report["mean_ms"];
  row["p99_ms"] = report["p99_ms"];
  row["ops"] = report["ops"];
  rows_.push_back(std::move(row));
  return absl::OkStatus();
}

absl::Status FloorsRun::AtRegion(const Universe::Node& node) {
  for (const auto& [leader, keys] : groups_) {
    const int64_t first = keys[0];
    ISO_RETURN_IF_ERROR(
        Add(node, "strong read", leader, distances_.RoundTrip(node.region, leader),
            [this, first](ClientRun* run) { return table_.Read(run, KeyIn(run, first), 1); }));
    ISO_RETURN_IF_ERROR(Add(node, "read in the past", leader, 0, [this, first](ClientRun* run) {
      ReadBound bound;
      bound.mutable_exact_staleness()->set_seconds(kStalenessS);
      return table_.ReadAt(run, bound, KeyIn(run, first), 1);
    }));
    ISO_RETURN_IF_ERROR(
        Add(node, "one group", leader, distances_.OneGroup(node.region, leader),
            [this, first](ClientRun* run) { return table_.Upsert(run, KeyIn(run, first), 1); }));
    for (const auto& [other, other_keys] : groups_) {
      if (other < leader || other_keys.size() < 2) continue;
      const int64_t second = other_keys[1];
      ISO_RETURN_IF_ERROR(Add(
          node, "two groups", absl::StrCat(leader, ", ", other),
          distances_.TwoGroups(node.region, leader, other), [this, first, second](ClientRun* run) {
            return table_.UpsertKeys(run, {KeyIn(run, first), KeyIn(run, second)});
          }));
    }
  }
  return absl::OkStatus();
}

absl::Status FloorsRun::SettledAtRegion(client::Client* client, const Universe::Node& node) {
  constexpr int kTries = 4;
  for (int i = 0; i < kTries; ++i) {
    const Json before = rows_;
    ISO_RETURN_IF_ERROR(AtRegion(node));
    ISO_ASSIGN_OR_RETURN(const Leaders leaders, ReadLeaders(client, table_));
    const auto now = ByRegion(leaders);
    if (now == groups_) return absl::OkStatus();
    rows_ = before;
    groups_ = now;
  }
  return absl::UnavailableError("leaders keep moving while the floors are measured: run it again");
}

absl::StatusOr<Json> FloorsRun::Run() {
  ISO_ASSIGN_OR_RETURN(const std::unique_ptr<client::Client> client,
                       Connect({universe_.Targets(), 1, 1, options_.seed}, 0));
  ISO_RETURN_IF_ERROR(Prepare(client.get()));
  for (const Universe::Node& node : universe_.nodes()) {
    ISO_RETURN_IF_ERROR(SettledAtRegion(client.get(), node));
  }
  return std::move(rows_);
}

void PrintTable(const Json& rows, const ExperimentOptions& o) {
  std::cout << "Floors: three regions, emulated latencies, clock " << o.clock
            << "; milliseconds, one client\n\n"
            << "client          operation         leaders                             floor      "
               "p50    above\n";
  for (const Json& row : rows) {
    const auto floor = row["floor_ms"].get<double>();
    const auto p50 = row["p50_ms"].get<double>();
    std::cout << absl::StrFormat(
        "%-15s %-17s %-32s %8.1f %8.1f %8s\n", row["client"].get<std::string>(),
        row["operation"].get<std::string>(), row["leaders"].get<std::string>(), floor, p50,
        floor > 0 ? absl::StrFormat("%.1f %%", (p50 / floor - 1) * 100) : "");
  }
  std::cout.flush();
}

}  // namespace

absl::Status RunFloors(const ExperimentOptions& options, bool json) {
  absl::Duration bound;
  if (!absl::ParseDuration(absl::StripPrefix(options.clock, "fixed:"), &bound)) {
    return absl::InvalidArgumentError("--clock: the floors need a fixed bound, such as fixed:1ms");
  }
  ISO_ASSIGN_OR_RETURN(const std::unique_ptr<Universe> universe,
                       Universe::Start({kRegions, true, options.clock}));
  FloorsRun run(options, universe.get(), absl::ToDoubleMilliseconds(bound));
  ISO_ASSIGN_OR_RETURN(Json rows, run.Run());
  if (!json) {
    PrintTable(rows, options);
    return absl::OkStatus();
  }
  Json report;
  report["workload"] = "floors";
  report["clock"] = options.clock;
  report["rows"] = std::move(rows);
  std::cout << report.dump() << std::endl;
  return absl::OkStatus();
}

}  // namespace isochron::bench
