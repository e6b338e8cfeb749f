// SPDX-License-Identifier: Apache-2.0
#include "bench/bench_main.h"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "bench/workload.h"
#include "common/status_macros.h"

namespace isochron::bench {

int64_t NowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())  // lint: allow(clock): measured
      .count();
}

namespace {

void Sleep(int64_t ms) {
  std::this_thread::sleep_for(  // lint: allow(sleep): a client's own thread
      std::chrono::milliseconds(ms));
}

std::vector<shell::FlagSpec> Specs() {
  return {
      {"target",
       false,
       "localhost:9010",
       "HOST:PORT of nodes' Spanner API, separated by commas",
       't',
       {}},
      {"clients", false, "16", "client threads, each with a connection", 'c', {}},
      {"seconds", false, "10", "how long", 's', {}},
      {"json", true, "", "print one JSON object", 0, {}},
      {"seed", false, "1", "of the random choices", 0, {}},
      {"groups", false, "3", "groups that the table is cut into", 0, {}},
      {"accounts", false, "900", "bank: how many", 0, {}},
      {"keys", false, "10000", "kv: how many", 0, {}},
      {"value-bytes", false, "100", "kv: size of a value", 0, {}},
      {"read-percent", false, "50", "kv: share of reads", 0, {}},
      {"help", true, "", "this", 'h', {}},
  };
}

int Usage(const std::string& why) {
  if (!why.empty()) std::cerr << "isochron bench: " << why << "\n\n";
  (why.empty() ? std::cout : std::cerr)
      << "usage: isochron bench WORKLOAD [FLAGS]\n\n"
      << "  kv      upserts and strong point reads of random keys\n"
      << "  bank    transfers over accounts in several groups, checked while they run and after\n\n"
      << shell::FlagHelp(Specs());
  return why.empty() ? 0 : 2;
}

double PerOp(int64_t us, int64_t ops) {
  return ops == 0 ? 0 : static_cast<double>(us) / static_cast<double>(ops) / 1000;
}

double Round(double v) { return static_cast<double>(static_cast<int64_t>(v * 1000 + 0.5)) / 1000; }

// What all clients measured together.
struct Shared {
  std::mutex mutex;
  int64_t last_success_us = 0;
  int64_t longest_gap_us = 0;
  void Success(int64_t now) {
    std::lock_guard<std::mutex> lock(mutex);
    longest_gap_us = std::max(longest_gap_us, now - last_success_us);
    last_success_us = now;
  }
};

void RunClient(Workload* workload, ClientRun* run, Shared* shared) {
  while (!*run->stop) {
    const int64_t before = run->stats.latency.count();
    workload->Step(run);
    if (run->stats.latency.count() > before) {
      shared->Success(NowUs());
    } else {
      Sleep(20);  // a server that is down refuses at once
    }
  }
}

void RunWatcher(Workload* workload, ClientRun* run) {
  while (!*run->stop) {
    workload->Watch(run);
    Sleep(50);
  }
}

Json Report(const Stats& stats, const Shared& shared, double seconds, const Counters& before,
            const Counters& after) {
  const int64_t ops = stats.latency.count();
  const auto d_ops = static_cast<double>(ops);
  Json r;
  r["ops"] = ops;
  r["ops_s"] = Round(d_ops / seconds);
  r["p50_ms"] = Round(stats.latency.PercentileMs(50));
  r["p99_ms"] = Round(stats.latency.PercentileMs(99));
  r["aborts"] = stats.aborts;
  r["errors"] = stats.errors;
  r["unknown"] = stats.unknown;
  const int64_t cpu = Growth(before, after, "process.cpu_us");
  r["server_cpu_s_per_1000"] = Round(ops == 0 ? 0 : static_cast<double>(cpu) / 1e6 * 1000 / d_ops);
  r["lock_wait_ms"] = Round(PerOp(stats.account.lock_wait, ops));
  r["paxos_ms"] = Round(PerOp(stats.account.paxos, ops));
  r["two_pc_ms"] = Round(PerOp(stats.account.two_pc, ops));
  r["commit_wait_hidden_ms"] = Round(PerOp(stats.account.commit_wait_hidden, ops));
  r["commit_wait_exposed_ms"] = Round(PerOp(stats.account.commit_wait_exposed, ops));
  r["multi_group_share"] = Round(ops == 0 ? 0 : static_cast<double>(stats.multi_group) / d_ops);
  r["longest_gap_ms"] = Round(static_cast<double>(shared.longest_gap_us) / 1000);
  const int64_t commits = Growth(before, after, "gateway.commits");
  r["commits"] = commits;
  r["multi_group_commits"] = Growth(before, after, "gateway.multi_group_commits");
  r["log_syncs"] = Growth(before, after, "log.syncs");
  r["log_syncs_of_busiest_node"] = GreatestGrowth(before, after, "log.syncs");
  r["paxos_proposals"] = Growth(before, after, "paxos.proposals");
  r["commits_per_sync"] =
      Round(static_cast<double>(commits) /
            static_cast<double>(std::max<int64_t>(1, GreatestGrowth(before, after, "log.syncs"))));
  return r;
}

void Print(const std::string& name, const Json& report, bool json) {
  if (json) {
    std::cout << report.dump() << std::endl;
    return;
  }
  std::cout << name << "\n";
  for (const auto& [key, value] : report.items()) {
    std::cout << absl::StrFormat("  %-28s ", key) << value.dump() << "\n";
  }
  std::cout.flush();
}

struct Settings {
  std::vector<std::string> targets;
  int64_t clients = 0;
  int64_t seconds = 0;
  int64_t seed = 0;
};

absl::StatusOr<Settings> ReadSettings(const shell::Flags& flags) {
  Settings s;
  s.targets = absl::StrSplit(flags.Text("target"), ',', absl::SkipEmpty());
  ISO_ASSIGN_OR_RETURN(s.clients, flags.Number("clients", 1, 4096));
  ISO_ASSIGN_OR_RETURN(s.seconds, flags.Number("seconds", 1, 86'400));
  ISO_ASSIGN_OR_RETURN(s.seed, flags.Number("seed", 0, INT64_MAX));
  for (const char* name : {"groups", "accounts", "keys", "value-bytes", "read-percent"}) {
    ISO_RETURN_IF_ERROR(flags.Number(name, 0, 100'000'000).status());
  }
  return s;
}

absl::StatusOr<std::unique_ptr<client::Client>> Connect(const Settings& s, int number) {
  std::vector<std::string> targets = s.targets;
  // Clients begin at different nodes.
  std::rotate(targets.begin(), targets.begin() + number % static_cast<int64_t>(targets.size()),
              targets.end());
  client::Client::Options options;
  options.seed = static_cast<uint64_t>(s.seed + number);
  return client::Client::Connect(std::move(targets), options);
}

// Groups of data by the region that leads them now.
absl::StatusOr<std::map<std::string, int64_t>> LeadersByRegion(client::Client* client) {
  ISO_ASSIGN_OR_RETURN(
      client::Result result,
      ExecutePatiently(client, "SELECT leader_region FROM isochron.groups WHERE group_id > 1"));
  std::map<std::string, int64_t> leaders;
  for (const client::Row& row : result.rows) {
    ISO_ASSIGN_OR_RETURN(const auto region, row.Get<std::optional<std::string>>(0));
    if (region.has_value() && !region->empty()) ++leaders[*region];
  }
  return leaders;
}

// Fresh groups are all led where they were split: waits, for a while, until leaders are spread.
absl::Status AwaitSpread(client::Client* client) {
  ISO_ASSIGN_OR_RETURN(client::Result regions,
                       ExecutePatiently(client, "SELECT region FROM isochron.regions"));
  const size_t wanted = std::min<size_t>(3, regions.rows.size());
  const int64_t until = NowUs() + 20'000'000;
  while (NowUs() < until) {
    ISO_ASSIGN_OR_RETURN(const auto leaders, LeadersByRegion(client));
    if (leaders.size() >= wanted) break;
    Sleep(250);
  }
  return absl::OkStatus();
}

absl::Status Run(const std::string& name, const Settings& s, Workload* workload, bool json) {
  ISO_ASSIGN_OR_RETURN(std::unique_ptr<client::Client> client, Connect(s, 0));
  ISO_RETURN_IF_ERROR(workload->Setup(client.get()));
  ISO_RETURN_IF_ERROR(AwaitSpread(client.get()));

  std::atomic<bool> stop{false};
  Shared shared;
  const int64_t threads = s.clients + workload->watchers();
  std::vector<std::unique_ptr<client::Client>> clients;
  std::vector<ClientRun> runs(static_cast<size_t>(threads));
  for (int64_t i = 0; i < threads; ++i) {
    ISO_ASSIGN_OR_RETURN(std::unique_ptr<client::Client> own, Connect(s, static_cast<int>(i)));
    ClientRun& run = runs[static_cast<size_t>(i)];
    run.number = static_cast<int>(i);
    run.client = own.get();
    run.random = Random(static_cast<uint64_t>(s.seed * 1'000'003 + i));
    run.stop = &stop;
    clients.push_back(std::move(own));
  }
  ISO_ASSIGN_OR_RETURN(const Counters before, ReadCounters(client.get()));
  ISO_ASSIGN_OR_RETURN(const auto leaders, LeadersByRegion(client.get()));
  const int64_t began = NowUs();
  shared.last_success_us = began;
  std::vector<std::thread> workers;  // lint: allow(thread): clients of a load generator
  for (int64_t i = 0; i < threads; ++i) {
    ClientRun* run = &runs[static_cast<size_t>(i)];
    if (i < s.clients) {
      workers.emplace_back([workload, run, &shared] { RunClient(workload, run, &shared); });
    } else {
      workers.emplace_back([workload, run] { RunWatcher(workload, run); });
    }
  }
  while (NowUs() - began < s.seconds * 1'000'000) Sleep(20);
  const int64_t ended = NowUs();
  shared.Success(ended);  // silence at the end is a gap too
  stop = true;
  for (auto& w : workers) w.join();
  ISO_ASSIGN_OR_RETURN(const Counters after, ReadCounters(client.get()));

  Stats stats;
  for (int64_t i = 0; i < s.clients; ++i) stats.Add(runs[static_cast<size_t>(i)].stats);
  Json report = Report(stats, shared, static_cast<double>(ended - began) / 1e6, before, after);
  report["workload"] = name;
  report["leaders_by_region"] = leaders;
  const absl::Status checked = workload->Check(client.get(), &report);
  Print(name, report, json);
  for (const auto& [kind, n] : stats.error_kinds) std::cerr << n << " times: " << kind << "\n";
  if (!checked.ok()) return checked;
  if (stats.latency.count() == 0) return absl::UnavailableError("no operation succeeded");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<client::Result> ExecutePatiently(client::Client* client, const std::string& sql,
                                                const std::vector<client::Value>& params) {
  const int64_t until = NowUs() + 60'000'000;
  while (true) {
    absl::StatusOr<client::Result> result = client->Execute(sql, params);
    const absl::StatusCode code = result.status().code();
    const bool later = code == absl::StatusCode::kUnavailable ||
                       code == absl::StatusCode::kAborted || code == absl::StatusCode::kUnknown ||
                       code == absl::StatusCode::kNotFound ||
                       code == absl::StatusCode::kDeadlineExceeded;
    if (result.ok() || !later || NowUs() > until) return result;
    Sleep(100);
  }
}

absl::StatusOr<Counters> ReadCounters(client::Client* client) {
  ISO_ASSIGN_OR_RETURN(client::Result result,
                       ExecutePatiently(client, "SELECT node, name, value FROM isochron.counters"));
  Counters counters;
  for (const client::Row& row : result.rows) {
    ISO_ASSIGN_OR_RETURN(const int64_t node, row.Get<int64_t>(0));
    ISO_ASSIGN_OR_RETURN(const std::string name, row.Get<std::string>(1));
    ISO_ASSIGN_OR_RETURN(const int64_t value, row.Get<int64_t>(2));
    counters[name][node] = value;
  }
  return counters;
}

int RunBench(const std::vector<std::string>& args) {
  absl::StatusOr<shell::Flags> flags = shell::Flags::Parse(Specs(), args);
  if (!flags.ok()) return Usage(std::string(flags.status().message()));
  if (flags->On("help")) return Usage("");
  if (flags->arguments().size() != 1) return Usage("name one workload");
  const std::string name = flags->arguments()[0];
  absl::StatusOr<Settings> settings = ReadSettings(*flags);
  if (!settings.ok()) return Usage(std::string(settings.status().message()));
  if (settings->targets.empty()) return Usage("--target names no node");
  std::unique_ptr<Workload> workload;
  if (name == "kv") workload = MakeKv(*flags);
  if (name == "bank") workload = MakeBank(*flags);
  if (workload == nullptr) return Usage(absl::StrCat("unknown workload \"", name, "\""));
  const absl::Status status = Run(name, *settings, workload.get(), flags->On("json"));
  if (status.ok()) return 0;
  std::cerr << "isochron bench: " << status.message() << "\n";
  return 1;
}

}  // namespace isochron::bench
