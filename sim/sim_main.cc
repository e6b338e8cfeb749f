// SPDX-License-Identifier: Apache-2.0
#include "sim/sim_main.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "sim/check_history.h"
#include "sim/runner/flags.h"
#include "sim/runner/worker_pool.h"
#include "sim/scenarios/first_year.h"
#include "sim/scenarios/seams.h"
#include "sim/shrink.h"
#include "sim/universe/profile.h"
#include "sim/universe/run_universe.h"
#include "sim/universe/vacuity.h"
#include "sim/workloads/sql_file.h"
#include "sim/workloads/workload.h"
#include "sim/world/digest.h"

namespace isochron::sim {
namespace {

// All of them, as a table.
constexpr char kFirstYear[] = "first-year";

KnownNames Known() {
  std::vector<std::string> faults = FaultNames();
  faults.push_back("none");
  std::vector<std::string> scenarios = FirstYearNames();
  scenarios.push_back(kFirstYear);
  scenarios.push_back("seams");
  return KnownNames{WorkloadNames(), std::move(faults), std::move(scenarios)};
}

void Print(const std::string& line) { std::printf("%s\n", line.c_str()); }

void PrintList() {
  const KnownNames known = Known();
  for (const std::string& name : known.workloads) Print("workload " + name);
  for (const std::string& name : known.faults) Print("fault " + name);
  for (const std::string& name : known.scenarios) Print("scenario " + name);
  for (Sabotage s : AllSabotages()) Print(absl::StrCat("sabotage ", SabotageName(s)));
}

std::string ReplayCommand(const std::string& scenario, const RunOptions& run) {
  std::string command = absl::StrCat("isochron sim --seed ", run.seed);
  if (!scenario.empty()) absl::StrAppend(&command, " --scenario ", scenario);
  auto list = [&](const char* flag, const std::vector<std::string>& words) {
    for (size_t i = 0; i < words.size(); ++i) {
      absl::StrAppend(&command, i == 0 ? absl::StrCat(" --", flag, " ") : ",", words[i]);
      const auto rate = run.fault_rates.find(words[i]);
      if (rate != run.fault_rates.end()) absl::StrAppend(&command, ":", rate->second);
    }
  };
  if (!run.sql_path.empty()) absl::StrAppend(&command, " --workload-file ", run.sql_path);
  list("workload", run.workloads);
  list("fault", run.faults);
  if (run.clients > 0) absl::StrAppend(&command, " --clients ", run.clients);
  if (run.run_us > 0) absl::StrAppend(&command, " --run-seconds ", run.run_us / 1'000'000);
  if (run.sabotage != Sabotage::kNone) {
    absl::StrAppend(&command, " --sabotage ", SabotageName(run.sabotage));
  }
  return command;
}

// Sums over a range of seeds.
struct Totals {
  uint64_t seeds = 0;
  uint64_t violations = 0;
  Micros virtual_us = 0;
  Digest trace;
  std::map<std::string, int64_t> counts;
  std::optional<RunResult> violation;  // the first one
};

void Report(const Flags& flags, const RunResult& result) {
  if (flags.json) {
    nlohmann::json line = {
        {"seed", result.seed},     {"trace", absl::StrFormat("%016x", result.trace)},
        {"events", result.events}, {"virtual_us", result.virtual_us},
        {"counts", result.counts}, {"violations", nlohmann::json::array()}};
    for (const Anomaly& a : result.anomalies) {
      line["violations"].push_back({{"name", a.name}, {"what", a.what}});
    }
    Print(line.dump());
    return;
  }
  for (const Anomaly& a : result.anomalies) {
    Print(absl::StrCat("seed ", result.seed, ": ", a.name, ": ", a.what));
  }
  for (const std::string& line : result.timeline) Print("  " + line);
  if (result.anomalies.empty()) return;
  RunOptions run = flags.run;
  run.seed = result.seed;
  Print("  replay: " + ReplayCommand(flags.scenario, run));
}

double Rate(const Totals& totals, double cpu_s) {
  return cpu_s > 0 ? static_cast<double>(totals.virtual_us) / 1e6 / cpu_s : 0;
}

// What was simulated, at what cost, and how often each fault and branch came.
void Summarize(const Flags& flags, const Totals& totals, double cpu_s) {
  const double hours = static_cast<double>(totals.virtual_us) / 3.6e9;
  if (flags.json) {
    Print(nlohmann::json{{"summary", true},
                         {"seeds", totals.seeds},
                         {"simulated_hours", hours},
                         {"cpu_seconds", cpu_s},
                         {"simulated_hours_per_cpu_hour", Rate(totals, cpu_s)},
                         {"counts", totals.counts}}
              .dump());
    return;
  }
  if (flags.counts) {
    for (const auto& [name, count] : totals.counts) Print(absl::StrCat("  ", name, " ", count));
  }
  const auto faults = std::count_if(totals.counts.begin(), totals.counts.end(), [](const auto& c) {
    return absl::StartsWith(c.first, "fault.") && c.second > 0;
  });
  Print(absl::StrFormat(
      "simulated %.2f hours in %.1f CPU seconds: %.0f simulated hours per CPU hour; %d kinds of "
      "faults%s",
      hours, cpu_s, Rate(totals, cpu_s), faults, flags.counts ? "" : " (--counts: how many)"));
}

// Only the default mix of everything promises to reach everything.
bool IsDefaultMix(const Flags& flags) {
  return flags.scenario.empty() && flags.run.workloads.empty() && flags.run.faults.empty() &&
         flags.run.sabotage == Sabotage::kNone && flags.run.sql_path.empty() &&
         flags.run.clients == 0 && flags.run.run_us == 0;
}

RunResult RunOne(const Flags& flags, const RunOptions& run) {
  return flags.scenario == "seams" ? RunSeams(run) : RunUniverse(run);
}

// In a process of its own: a CHECK may be what fails.
RunResult RunApart(const Flags& flags, const RunOptions& options) {
  RunResult last;
  WorkerPool([&](uint64_t) { return RunOne(flags, options); }, 1)
      .RunSeeds(options.seed, options.seed, [&](const RunResult& result) {
        last = result;
        return false;
      });
  return last;
}

void PrintShrunk(const Flags& flags, const RunResult& violation) {
  RunOptions options = flags.run;
  options.seed = violation.seed;
  const Shrunk shrunk = Shrink(options, violation,
                               [&](const RunOptions& smaller) { return RunApart(flags, smaller); });
  for (const Anomaly& a : shrunk.result.anomalies) Print(absl::StrCat(a.name, ": ", a.what));
  Print(absl::StrCat("shrunk in ", shrunk.runs,
                     " runs: ", ReplayCommand(flags.scenario, shrunk.options)));
}

// A file of the user's own, before anything runs.
absl::Status LoadWorkloadFile(RunOptions* run) {
  if (run->sql_path.empty()) return absl::OkStatus();
  std::ifstream in(run->sql_path);
  if (!in) return absl::NotFoundError(absl::StrCat("cannot read ", run->sql_path));
  run->sql_file.assign(std::istreambuf_iterator<char>(in), {});
  absl::Status parsed = ParseSqlFile(run->sql_file).status();
  if (parsed.ok()) return parsed;
  return absl::InvalidArgumentError(
      absl::StrCat(run->sql_path, " ", std::string(parsed.message())));
}

// The seeds of one scenario; empty: of universes as they are drawn.
void RunRange(Flags flags, const std::string& scenario, Totals* totals) {
  flags.scenario = scenario;
  const bool first_year = !scenario.empty() && scenario != "seams";
  ScenarioRow row(scenario);
  WorkerPool pool(
      [&](uint64_t seed) {
        RunOptions run = flags.run;
        run.seed = seed;
        return first_year ? RunFirstYear(run, scenario) : RunOne(flags, run);
      },
      flags.jobs);
  pool.RunSeeds(flags.first, flags.last, [&](const RunResult& result) {
    ++totals->seeds;
    totals->violations += result.anomalies.empty() ? 0 : 1;
    totals->virtual_us += result.virtual_us;
    totals->trace.Mix(result.trace);
    for (const auto& [name, count] : result.counts) totals->counts[name] += count;
    row.Add(result);
    Report(flags, result);
    if (result.anomalies.empty()) return true;
    if (!totals->violation) totals->violation = result;
    return flags.run.sabotage == Sabotage::kNone && !flags.shrink;
  });
  if (first_year && !flags.json) Print(row.Markdown());
}

}  // namespace

int RunSim(const std::vector<std::string>& args) {
  auto flags = ParseFlags(args, Known());
  absl::Status usable = flags.status();
  if (usable.ok()) usable = LoadWorkloadFile(&flags->run);
  if (usable.ok() && flags->shrink && !flags->scenario.empty()) {
    usable =
        absl::InvalidArgumentError("--shrink wants a universe; it does nothing for a scenario");
  }
  if (!usable.ok()) {
    std::fprintf(stderr, "isochron sim: %s\n", std::string(usable.message()).c_str());
    return 2;
  }
  if (flags->list) {
    PrintList();
    return 0;
  }
  if (!flags->check_history.empty()) {
    return CheckHistoryFile(flags->check_history, flags->json);
  }
  Totals totals;
  if (flags->scenario == kFirstYear) {
    Print(FirstYearTableHead());
    for (const std::string& name : FirstYearNames()) RunRange(*flags, name, &totals);
  } else {
    RunRange(*flags, flags->scenario, &totals);
  }
  if (flags->shrink && totals.violation) PrintShrunk(*flags, *totals.violation);
  if (IsDefaultMix(*flags)) {
    for (const std::string& missing : CheckNotVacuous(totals.seeds, totals.counts)) {
      ++totals.violations;
      Print("vacuous: " + missing);
    }
  }
  Summarize(*flags, totals, WorkerPool::CpuSeconds());
  Print(absl::StrFormat("%d seeds, %d violations, trace %016x", totals.seeds, totals.violations,
                        totals.trace.value()));
  return totals.violations == 0 ? 0 : 1;
}

}  // namespace isochron::sim
