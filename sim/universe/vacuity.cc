// SPDX-License-Identifier: Apache-2.0
#include "sim/universe/vacuity.h"

#include "absl/strings/str_cat.h"
#include "sim/universe/profile.h"

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
    {"node.not_admitted", 1},
    {"group.quarantined", 5},
    {"group.damaged_dropped", 5},
    {"group.repair_begun", 5},
    {"group.repaired", 5},
    {"node.damage_found", 1},
    {"node.store_damage_met", 4},
    {"nemesis.tail_lost", 1},
    {"nemesis.folder_replaced", 1},
    {"group.witness_installed", 6},
    {"paxos.chosen_by_witness", 5000},
    {"paxos.fetched_from_witness", 4},
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
    {"nemesis.died_at_disk", 5},
    {"nemesis.died_at_recovery", 5},
    {"2pc.decided", 5000},
    {"2pc.outcome_acked", 5000},
    {"2pc.outcome_applied", 5000},
    {"2pc.outcome_sent", 5000},
    {"2pc.read_vote", 2000},
    {"2pc.vote_timeout", 1},
    {"2pc.voted", 5000},
    {"2pc.voted_no", 1000},
    {"2pc.wounded_undecided", 500},
    {"disk.refused_entries", 50},
    {"gateway.outcome-asked-again", 5},
    {"gateway.map-read-again", 2},
    {"gateway.vote-asked-again", 60},
    {"gc.retention_heard", 3000},
    {"gc.retention_unknown", 3000},
    {"gc.swept", 2000},
    {"group.snapshot_installed", 40},
    {"group.split", 200},
    {"group.stopped_sharing", 500},
    {"log.out_of_space", 1},
    {"log.truncated", 300},
    {"merge.frozen", 4},
    {"merge.proposed", 4},
    {"placement.merges_by_size", 4},
    {"placement.splits_by_size", 8},
    {"placement.voter_added", 3},
    {"read.promised", 1000},
    {"txn.attached", 300},
    {"txn.logged_abort", 10},
    {"txn.no_locks_to_decide", 20},
    {"txn.refused_for_space", 50},
};

// Reached in too few seeds to be promised of a hundred, or by something that the mix has not. Each
// name that the code reaches is in one of the two lists: `./dev lint` compares (rule "reached").
struct Unpromised {
  const char* name;
  const char* why;
};

[[maybe_unused]] constexpr Unpromised kUnpromised[] = {
    {"schema.index_published", "by the workload schema, which is run where it is asked for"},
    {"schema.index_undone", "as above"},
    {"schema.job_taken_over", "a node dies within the seconds of a build"},
    {"schema.backfill_met_delete", "a row goes within a round trip; the sabotage's seeds have it"},
    {"schema.backfill_met_update", "as above"},
    {"schema.build_abandoned", "by the workload schema, where it cancels a CREATE INDEX"},
    {"schema.backfill_left_row_out", "by the workload schema's partial indexes"},
    {"group.behind_its_piece",
     "a replica far behind a split, with a piece that is not; group_host_test"},
    {"group.log_behind_store",
     "a crash between a snapshot's rows and its mark in the log; group_host_test"},
    {"group.life_asked_again", "two requests at a time for the same replica"},
    {"group.newcomer_replaced", "a newcomer that was cut off before it heard of its group"},
    {"group.merge_without_right", "damage, or its sabotage: CheckMerge reports it"},
    {"group.merged_away", "a replica slept through its removal and a merge; group_ranges_test"},
    {"group.newborn", "a snapshot of the parent carries a voter past a split; group_host_test"},
    {"group.newborn_recovered", "as above, and a crash before its own snapshot; group_host_test"},
    {"group.snapshot_behind_a_piece", "a snapshot of the parent besides, of before the split"},
    {"group.unborn_quarantined", "a split that is not flushed yet where its parent is damaged"},
    {"log.kept_for_witness", "a checkpoint before the full replicas told what they keep"},
    {"log.unfinished_segment", "a crash between two of a segment's first writes; log_test"},
    {"merge.thawed", "a merge that fails after its freeze"},
    {"merge.thawed_after_asking", "as above, and its leader changed too"},
    {"gateway.straggler", "work at tablets, by the workload schema; gateway_read_test"},
    {"gateway.stand_in_answered", "as above"},
    {"read.program_ran", "by the workload schema, which is run where it is asked for"},
    {"read.program_paged", "as above"},
    {"read.program_unknown", "as above"},
    {"read.program_given_up", "an error of SQL, which no workload makes; equivalence_test"},
    {"read.last_ts_behind_chosen", "a leader whose own disk is the slowest of all"},
    {"txn.lock_not_free_at_once", "by the workload queue, which is run where it is asked for"},
    {"sql.advisory_lease_lost", "by the workload advisory, as above"},
    {"sql.advisory_taken_over", "as above"},
    {"txn.slowed_for_store", "the simulated store never stalls; tests/integration"},
};

// Of every drawn fault; those of which a run sees one at most are rarer.
constexpr double kFaultsPerHundredSeeds = 10;

bool IsRareFault(const std::string& fault) { return fault == "bitrot" || fault == "knobs"; }

}  // namespace

std::vector<std::string> CheckNotVacuous(uint64_t seeds,
                                         const std::map<std::string, int64_t>& counts) {
  std::vector<std::string> missing;
  if (seeds < kVacuityFromSeeds) return missing;
  const auto check = [&](const std::string& name, double per_hundred_seeds) {
    const auto it = counts.find(name);
    const int64_t count = it == counts.end() ? 0 : it->second;
    const int64_t wanted =
        static_cast<int64_t>(per_hundred_seeds * static_cast<double>(seeds) / 100.0);
    if (count >= wanted) return;
    missing.push_back(absl::StrCat(name, ": ", count, " of at least ", wanted));
  };
  for (const Minimum& m : kMinimums) check(m.name, m.per_hundred_seeds);
  for (const std::string& fault : DrawnFaultNames()) {
    check(absl::StrCat("fault.", fault), IsRareFault(fault) ? 1 : kFaultsPerHundredSeeds);
  }
  return missing;
}

}  // namespace isochron::sim
