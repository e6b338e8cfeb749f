// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_BENCH_STATS_H_
#define ISOCHRON_BENCH_STATS_H_

// What a workload's clients measured, added up over them, and its JSON form (interfaces of
// `isochron bench`).

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "client/session.h"

namespace isochron::bench {

// Durations in buckets that grow by a sixteenth: percentiles are right within 6 %.
class Histogram {
 public:
  void Add(int64_t us);
  void Add(const Histogram& o);
  int64_t count() const { return count_; }
  // In milliseconds; 0 when empty.
  double PercentileMs(double p) const;
  double MeanMs() const;

 private:
  static constexpr int kSub = 16;
  static size_t BucketOf(int64_t us);
  static int64_t UpperBound(size_t bucket);
  std::vector<int64_t> buckets_;
  int64_t count_ = 0;
  int64_t sum_us_ = 0;
};

struct Stats {
  Histogram latency;    // of operations that succeeded
  Histogram since_due;  // the same from when they were due, where a rate is kept
  int64_t aborts = 0;   // attempts that were run again
  int64_t errors = 0;   // operations that failed
  int64_t unknown = 0;  // whose outcome is not known
  int64_t multi_group = 0;
  client::Latency account;
  std::map<std::string, int64_t> error_kinds;  // by message, a few
  int64_t last_success_us = 0;
  int64_t longest_gap_us = 0;  // between successes of one client

  void Succeeded(int64_t began_us, int64_t now_us, const client::Latency& l);
  void Failed(const absl::Status& status);
  void Add(const Stats& o);
};

// Named counters of every node (isochron.counters): name -> node -> value.
using Counters = std::map<std::string, std::map<int64_t, int64_t>>;
// Growth of one counter over all nodes, or of the node where it grew most.
int64_t Growth(const Counters& before, const Counters& after, const std::string& name);
int64_t GreatestGrowth(const Counters& before, const Counters& after, const std::string& name);

}  // namespace isochron::bench

#endif  // ISOCHRON_BENCH_STATS_H_
