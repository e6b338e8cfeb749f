// SPDX-License-Identifier: Apache-2.0
#include "bench/runner.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace isochron::bench {

int64_t NowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())  // lint: allow(clock): measured
      .count();
}

void SleepMs(int64_t ms) {
  std::this_thread::sleep_for(  // lint: allow(sleep): a client's own thread
      std::chrono::milliseconds(ms));
}

double Round(double v) { return static_cast<double>(static_cast<int64_t>(v * 1000 + 0.5)) / 1000; }

namespace {

double PerOp(int64_t us, int64_t ops) {
  return ops == 0 ? 0 : static_cast<double>(us) / static_cast<double>(ops) / 1000;
}

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

// When a client's operations are due.
class Schedule {
 public:
  Schedule(const LoadOptions& options, int client, int64_t began)
      : gap_us_(options.rate == 0 ? 0
                                  : static_cast<double>(options.clients) * 1e6 /
                                        static_cast<double>(options.rate)),
        next_us_(static_cast<double>(began) +
                 gap_us_ * client / static_cast<double>(options.clients)) {}
  bool open() const { return gap_us_ > 0; }
  // Sleeps until the next one is due, or the run ends; the time at which it was.
  int64_t Await(const std::atomic<bool>& stop) {
    const auto due = static_cast<int64_t>(next_us_);
    next_us_ += gap_us_;
    for (int64_t left = due - NowUs(); left > 0 && !stop; left = due - NowUs()) {
      SleepMs(std::clamp<int64_t>(left / 1000, 1, 20));
    }
    return due;
  }

 private:
  const double gap_us_;
  double next_us_;
};

void RunClient(Workload* workload, ClientRun* run, Shared* shared, Schedule schedule) {
  while (!*run->stop) {
    const int64_t due = schedule.open() ? schedule.Await(*run->stop) : 0;
    if (*run->stop) break;
    const int64_t before = run->stats.latency.count();
    workload->Step(run);
    if (run->stats.latency.count() > before) {
      const int64_t now = NowUs();
      if (schedule.open()) run->stats.since_due.Add(now - due);
      shared->Success(now);
    } else if (!schedule.open()) {
      SleepMs(20);  // a server that is down refuses at once
    }
  }
}

void RunWatcher(Workload* workload, ClientRun* run) {
  while (!*run->stop) {
    workload->Watch(run);
    SleepMs(50);
  }
}

Json Report(const Stats& stats, const Shared& shared, double seconds, const Counters& before,
            const Counters& after) {
  const int64_t ops = stats.latency.count();
  const auto d_ops = static_cast<double>(ops);
  Json r;
  r["ops"] = ops;
  r["ops_s"] = Round(d_ops / seconds);
  r["mean_ms"] = Round(stats.latency.MeanMs());
  r["p50_ms"] = Round(stats.latency.PercentileMs(50));
  r["p99_ms"] = Round(stats.latency.PercentileMs(99));
  if (stats.since_due.count() > 0) {
    r["p50_since_due_ms"] = Round(stats.since_due.PercentileMs(50));
    r["p99_since_due_ms"] = Round(stats.since_due.PercentileMs(99));
  }
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

absl::StatusOr<std::vector<int64_t>> LeadersByNode(client::Client* client) {
  ISO_ASSIGN_OR_RETURN(
      client::Result result,
      ExecutePatiently(client, "SELECT leaders FROM isochron.nodes WHERE state = 'up'"));
  std::vector<int64_t> leaders;
  for (const client::Row& row : result.rows) {
    ISO_ASSIGN_OR_RETURN(const int64_t n, row.Get<int64_t>(0));
    leaders.push_back(n);
  }
  return leaders;
}

// Runs the clients for the time wanted; their statistics.
struct Running {
  std::vector<std::unique_ptr<client::Client>> clients;
  std::vector<ClientRun> runs;
  std::atomic<bool> stop{false};
  Shared shared;
  int64_t began = 0;
  int64_t ended = 0;
};

absl::Status Prepare(const LoadOptions& options, int64_t threads, Running* r) {
  r->runs = std::vector<ClientRun>(static_cast<size_t>(threads));
  for (int64_t i = 0; i < threads; ++i) {
    ISO_ASSIGN_OR_RETURN(std::unique_ptr<client::Client> own,
                         Connect(options, static_cast<int>(i)));
    ClientRun& run = r->runs[static_cast<size_t>(i)];
    run.number = static_cast<int>(i);
    run.client = own.get();
    run.random = Random(static_cast<uint64_t>(options.seed * 1'000'003 + i));
    run.stop = &r->stop;
    r->clients.push_back(std::move(own));
  }
  return absl::OkStatus();
}

void RunThreads(const LoadOptions& options, Workload* workload, Running* r) {
  r->began = NowUs();
  r->shared.last_success_us = r->began;
  std::vector<std::thread> workers;  // lint: allow(thread): clients of a load generator
  for (ClientRun& run : r->runs) {
    if (run.number < options.clients) {
      workers.emplace_back([workload, &run, r, schedule = Schedule(options, run.number, r->began)] {
        RunClient(workload, &run, &r->shared, schedule);
      });
    } else {
      workers.emplace_back([workload, &run] { RunWatcher(workload, &run); });
    }
  }
  while (NowUs() - r->began < options.seconds * 1'000'000) SleepMs(20);
  r->ended = NowUs();
  r->shared.Success(r->ended);  // silence at the end is a gap too
  r->stop = true;
  for (auto& w : workers) w.join();
}

}  // namespace

absl::StatusOr<std::unique_ptr<client::Client>> Connect(const LoadOptions& options, int number) {
  std::vector<std::string> targets = options.targets;
  std::rotate(targets.begin(), targets.begin() + number % static_cast<int64_t>(targets.size()),
              targets.end());
  client::Client::Options client;
  client.seed = static_cast<uint64_t>(options.seed + number);
  client.session.timeout_ms = options.timeout_ms;
  client.retry_ms = options.timeout_ms;
  return client::Client::Connect(std::move(targets), client);
}

absl::Status AwaitSpread(client::Client* client) {
  constexpr int64_t kPatienceUs = 30'000'000;
  const int64_t until = NowUs() + kPatienceUs;
  while (NowUs() < until) {
    ISO_ASSIGN_OR_RETURN(const std::vector<int64_t> leaders, LeadersByNode(client));
    if (leaders.empty()) break;
    const auto [least, most] = std::minmax_element(leaders.begin(), leaders.end());
    // A group more or less does not matter, nor does a tenth.
    if (*most - *least <= 1 + *most / 10) break;
    SleepMs(250);
  }
  return absl::OkStatus();
}

absl::StatusOr<LoadResult> RunLoad(const std::string& name, const LoadOptions& options,
                                   Workload* workload) {
  ISO_ASSIGN_OR_RETURN(std::unique_ptr<client::Client> client, Connect(options, 0));
  Running running;
  ISO_RETURN_IF_ERROR(Prepare(options, options.clients + workload->watchers(), &running));
  ISO_ASSIGN_OR_RETURN(const Counters before, ReadCounters(client.get()));
  ISO_ASSIGN_OR_RETURN(const auto leaders, LeadersByRegion(client.get()));
  RunThreads(options, workload, &running);
  ISO_ASSIGN_OR_RETURN(const Counters after, ReadCounters(client.get()));

  Stats stats;
  for (int64_t i = 0; i < options.clients; ++i) {
    stats.Add(running.runs[static_cast<size_t>(i)].stats);
  }
  LoadResult result;
  const double seconds = static_cast<double>(running.ended - running.began) / 1e6;
  result.report = Report(stats, running.shared, seconds, before, after);
  result.report["workload"] = name;
  result.report["clients"] = options.clients;
  if (options.rate > 0) result.report["rate"] = options.rate;
  result.report["leaders_by_region"] = leaders;
  result.finding = workload->Check(client.get(), &result.report);
  if (result.finding.ok() && stats.latency.count() == 0) {
    result.finding = absl::UnavailableError("no operation succeeded");
  }
  result.error_kinds = stats.error_kinds;
  return result;
}

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
    SleepMs(100);
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

}  // namespace isochron::bench
