// SPDX-License-Identifier: Apache-2.0
#include "sim/shrink.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "sim/universe/profile.h"

namespace isochron::sim {
namespace {

constexpr int kMaxRuns = 400;
constexpr uint64_t kSeedsBeside = 6;
constexpr Micros kSecond = 1'000'000;

class Shrinker {
 public:
  Shrinker(Shrunk best, const std::function<RunResult(const RunOptions&)>& run)
      : best_(std::move(best)), run_(run), wanted_(best_.result.anomalies.front().name) {}

  Shrunk Run() {
    bool smaller = true;
    while (smaller && best_.runs < kMaxRuns) {
      smaller = FewerClients();
      smaller |= Fewer(&RunOptions::faults, "none");
      smaller |= Fewer(&RunOptions::workloads, "");
      smaller |= LessTime();
    }
    return std::move(best_);
  }

 private:
  bool Shows(RunOptions options) {
    const uint64_t seed = options.seed;
    for (uint64_t i = 0; i <= kSeedsBeside && best_.runs < kMaxRuns; ++i) {
      options.seed = i == 0 ? seed : i;
      ++best_.runs;
      RunResult result = run_(options);
      const bool same = std::any_of(result.anomalies.begin(), result.anomalies.end(),
                                    [this](const Anomaly& a) { return a.name == wanted_; });
      if (!same) continue;
      best_.options = options;
      best_.result = std::move(result);
      return true;
    }
    return false;
  }

  bool FewerClients() {
    for (int clients = 1; clients < best_.options.clients; clients *= 2) {
      RunOptions options = best_.options;
      options.clients = clients;
      if (Shows(options)) return true;
    }
    return false;
  }

  // All of a list but for one of it, one half of it, or what `nothing` stands for.
  bool Fewer(std::vector<std::string> RunOptions::*list, const std::string& nothing) {
    const std::vector<std::string> all = best_.options.*list;
    if (all.empty() || all[0] == nothing) return false;
    RunOptions options = best_.options;
    if (!nothing.empty()) {
      options.*list = {nothing};
      if (Shows(options)) return true;
    }
    const auto middle = all.begin() + static_cast<int64_t>(all.size() / 2);
    if (all.size() > 3) {
      options.*list = std::vector<std::string>(all.begin(), middle);
      if (Shows(options)) return true;
      options.*list = std::vector<std::string>(middle, all.end());
      if (Shows(options)) return true;
    }
    bool smaller = false;
    for (const std::string& word : all) {
      if ((best_.options.*list).size() == 1) break;
      options = best_.options;
      std::erase(options.*list, word);
      smaller |= Shows(options);
    }
    return smaller;
  }

  bool LessTime() {
    for (Micros run = kSecond; run < best_.options.run_us; run *= 2) {
      RunOptions options = best_.options;
      options.run_us = run;
      if (Shows(options)) return true;
    }
    return false;
  }

  Shrunk best_;
  const std::function<RunResult(const RunOptions&)>& run_;
  const std::string wanted_;
};

}  // namespace

Shrunk Shrink(const RunOptions& options, const RunResult& first,
              const std::function<RunResult(const RunOptions&)>& run) {
  Shrunk start{options, first, 0};
  const Profile drawn = ProfileOf(options);
  start.options.clients = drawn.clients;
  start.options.run_us = (drawn.run_us + kSecond - 1) / kSecond * kSecond;
  start.options.workloads = drawn.workloads;
  start.options.faults = drawn.faults;
  if (start.options.faults.empty()) start.options.faults = {"none"};
  return Shrinker(std::move(start), run).Run();
}

}  // namespace isochron::sim
