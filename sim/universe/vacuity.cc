// SPDX-License-Identifier: Apache-2.0
#include "sim/universe/vacuity.h"

#include "absl/strings/str_cat.h"

namespace isochron::sim {
namespace {

struct Minimum {
  const char* name;
  double per_hundred_seeds;
};

// About a fifth of what is usual, so that a change of the seeds' luck does not matter and a branch
// that is gone does.
constexpr Minimum kMinimums[] = {
    {"sim.committed", 5000},
    {"paxos.elections_won", 300},
    {"txn.commits.one_round", 1000},
    {"txn.commits.two_phase", 1000},
    {"read.waited_for_pending", 50},
    {"read.waited_for_safe_time", 200},
    {"read.follower_waited_for_prepared", 5},
    {"read.promise_asked", 100},
    {"read.follower_answered", 500},
    {"read.settled_above_bound", 50},
    {"read.at_last_ts", 100},
    {"gateway.replica_passed_over", 20},
    {"group.transfer", 20},
    {"2pc.prepared", 1000},
    {"2pc.presumed_abort", 5},
    {"2pc.in_doubt_resolved", 5},
    {"2pc.redelivered", 5},
    {"2pc.wounded_prepared", 3},
    {"txn.wounded", 20},
    {"txn.expired", 10},
    {"txn.dedupe_hit", 1},
    {"group.members_proposed", 200},
    {"group.replica_ended", 2},
    {"nemesis.wiped", 3},
    {"nemesis.replaced", 15},
    {"gateway.unknown-outcome", 1},
    {"group.merged", 30},
    {"group.merge_caught_up", 1},
    {"merge.answered_for", 20},
    {"group.orphaned", 100},
    {"group.asked_without_leader", 500},
    {"group.lock_table_dropped", 200},
    {"sim.elections_at_limit", 200},
    {"gc.horizon", 500},
    {"gc.removed", 100},
    {"gc.compaction", 100},
    {"read.below_horizon", 50},
    {"nemesis.died_at.2pc.prepared", 5},
    {"nemesis.died_at.2pc.decided", 3},
    {"nemesis.died_at.2pc.voted", 3},
};

}  // namespace

std::vector<std::string> CheckNotVacuous(uint64_t seeds,
                                         const std::map<std::string, int64_t>& counts) {
  std::vector<std::string> missing;
  if (seeds < kVacuityFromSeeds) return missing;
  for (const Minimum& m : kMinimums) {
    auto it = counts.find(m.name);
    const int64_t count = it == counts.end() ? 0 : it->second;
    const int64_t wanted =
        static_cast<int64_t>(m.per_hundred_seeds * static_cast<double>(seeds) / 100.0);
    if (count >= wanted) continue;
    missing.push_back(absl::StrCat(m.name, ": ", count, " of at least ", wanted));
  }
  return missing;
}

}  // namespace isochron::sim
