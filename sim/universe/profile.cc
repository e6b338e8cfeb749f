// SPDX-License-Identifier: Apache-2.0
#include "sim/universe/profile.h"

#include <algorithm>

#include "sim/workloads/workload.h"

namespace isochron::sim {
namespace {

void MakeTight(Profile* p, Random* random) {
  p->tight = true;
  p->network.local_delay_us = 50;
  p->network.wan_delay_min_us = 80;
  p->network.wan_delay_max_us = 600;
  p->network.jitter_us = 60;
  p->clock.epsilon_min_us = random->Between(1000, 4000);
  p->clock.epsilon_max_us = p->clock.epsilon_min_us + random->Between(0, 8000);
}

void MakeWide(Profile* p, Random* random) {
  p->tight = false;
  p->network.local_delay_us = 100;
  p->network.wan_delay_min_us = random->Between(1000, 10'000);
  p->network.wan_delay_max_us = p->network.wan_delay_min_us + random->Between(0, 50'000);
  p->network.jitter_us = random->Between(50, 1000);
  p->clock.epsilon_min_us = random->Between(100, 1000);
  p->clock.epsilon_max_us = p->clock.epsilon_min_us + random->Between(0, 3000);
}

void SetFaults(Profile* p, std::vector<std::string> faults) { p->faults = std::move(faults); }

// The circumstances in which a broken rule shows soonest.
void Tailor(Sabotage sabotage, Profile* p, Random* random) {
  switch (sabotage) {
    case Sabotage::kNoCommitWait:
    case Sabotage::kNoFollowerGate:
    case Sabotage::kStartFromEarliest:
    case Sabotage::kCommitBelowPrepare:
    case Sabotage::kClockLiesForward:
    case Sabotage::kClockLiesBack:
      MakeTight(p, random);
      p->hand_off_rate = 0.9;
      break;
    case Sabotage::kSkipWaitAfterFailover:
      MakeTight(p, random);
      p->clock.epsilon_max_us = 200'000;
      p->clock.epsilon_min_us = 100'000;
      SetFaults(p, {"phase-crash", "crash", "transfer"});
      p->fault_gap_us = 600'000;
      break;
    case Sabotage::kAckBeforeSync:
    case Sabotage::kForgetVote:
    case Sabotage::kTruncateAtMemtable:
      SetFaults(p, {"power", "all-power", "partition", "slow-disk", "failed-sync"});
      p->fault_gap_us = 700'000;
      break;
    case Sabotage::kTruncateAnyBadRecord:
      SetFaults(p, {"bitrot", "power", "crash", "isolate-leader", "partition"});
      p->fault_gap_us = 600'000;
      break;
    case Sabotage::kNoSyncOnOpen:
      SetFaults(p, {"crash", "power", "all-power", "slow-disk", "failed-sync"});
      p->fault_gap_us = 300'000;
      break;
    case Sabotage::kNoWoundForward:
    case Sabotage::kFifoQueue:
      SetFaults(p, {});
      break;
    case Sabotage::kResumeOwnLease:
      SetFaults(p, {"crash", "power", "partition"});
      p->fault_gap_us = 700'000;
      break;
    case Sabotage::kLeaseFromReceipt:
      MakeWide(p, random);
      p->network.wan_delay_min_us = 100'000;
      p->network.wan_delay_max_us = 200'000;
      SetFaults(p, {"partition", "isolate-leader", "clog", "pause", "delay"});
      p->fault_gap_us = 900'000;
      break;
    case Sabotage::kCachedLeaseCheck:
      SetFaults(p, {"pause", "isolate-leader", "partition"});
      p->fault_gap_us = 900'000;
      break;
    case Sabotage::kTransferWithoutSmax:
      MakeTight(p, random);
      SetFaults(p, {"transfer"});
      p->fault_gap_us = 150'000;
      break;
    case Sabotage::kAbortOnNotLeader:
    case Sabotage::kForgetFinished:
    case Sabotage::kNoDedupeOneRound:
      MakeWide(p, random);
      p->lease_us = 1'000'000;
      p->clients = 16;
      p->hand_off_rate = 1;
      SetFaults(p, {"isolate-leader", "oneway", "loss", "crash", "clog"});
      p->fault_gap_us = 400'000;
      break;
    case Sabotage::kPromiseWithoutIndex:
    case Sabotage::kRenegotiateMidRead:
    case Sabotage::kLastTsIgnores2pc:
      MakeWide(p, random);
      p->clients = 16;
      p->hand_off_rate = 1;
      break;
    case Sabotage::kReleaseIgnoresAttempt:
      p->clients = 12;
      p->hand_off_rate = 1;
      SetFaults(p, {"delay", "reorder", "duplicate", "clog"});
      p->fault_gap_us = 300'000;
      break;
    case Sabotage::kAmnesiacVoter:
      SetFaults(p, {"wipe", "isolate-leader", "partition"});
      p->fault_rates = {{"wipe", 30}, {"isolate-leader", 90}, {"partition", 90}};
      break;
    case Sabotage::kSnapshotWithoutPrepared:
      p->log_segment_bytes = 64 << 10;
      p->checkpoint_entries = 20;
      p->keep_entries = 5;
      p->clients = 10;
      SetFaults(p, {"isolate-leader", "partition", "crash", "transfer", "phase-crash", "members"});
      p->fault_gap_us = 400'000;
      break;
    case Sabotage::kOverlappingChanges:
      p->workloads = {"register"};
      SetFaults(p, {"members", "members", "members", "members", "members", "members", "partition"});
      p->fault_gap_us = 60'000;
      break;
    case Sabotage::kReadVoteUnbounded:
      // The group that was only read changes hands between its vote and the decision.
      MakeWide(p, random);
      p->network.wan_delay_min_us = 5'000;
      p->network.wan_delay_max_us = 60'000;
      p->clients = 16;
      p->hand_off_rate = 1;
      SetFaults(p, {"transfer", "transfer", "clog"});
      p->fault_gap_us = 150'000;
      break;
    case Sabotage::kUnboundedElections:
      p->initial_groups = static_cast<int>(random->Between(100, 200));
      p->max_campaigns = static_cast<size_t>(random->Between(2, 4));
      SetFaults(p, {"crash", "isolate-leader"});
      p->fault_gap_us = 2'000'000;
      break;
    case Sabotage::kWitnessTruncatesEarly:
      // One full replica is cut off while the other and the witness go on and forget; then the
      // other is lost.
      p->initial_witnesses = 1;
      p->log_segment_bytes = 64 << 10;
      p->checkpoint_entries = 10;
      p->keep_entries = 0;
      p->clients = 10;
      p->workloads = {"register"};
      SetFaults(p, {"partition", "isolate-leader", "crash", "wipe", "wipe", "wipe"});
      p->fault_gap_us = 300'000;
      break;
    case Sabotage::kSplitDropsPrepared:
      p->clients = 12;
      p->hand_off_rate = 1;
      SetFaults(p, {"split", "merge"});
      p->fault_gap_us = 150'000;
      break;
    case Sabotage::kSnapshotBeforeMember:
      // The leader is behind its log, and replicas come while groups are merged.
      p->disk.slow_sync_rate = 0.5;
      p->disk.slow_sync_us = 200'000;
      p->clients = 12;
      SetFaults(p, {"split", "merge", "merge", "members", "members", "members", "slow"});
      p->fault_gap_us = 60'000;
      break;
    case Sabotage::kMergeWithoutSmax:
      // The bound shrinks often, and with it the latest time that a clock shows.
      MakeTight(p, random);
      p->clock.epsilon_min_us = 2'000;
      p->clock.epsilon_max_us = 200'000;
      p->clock.poll_us = 60'000;
      p->workloads = {"register"};
      p->clients = 12;
      p->hand_off_rate = 1;
      SetFaults(p, {"split", "merge"});
      p->fault_gap_us = 100'000;
      break;
    case Sabotage::kForgetServedRead:
      // A served read binds where the latest time that a clock shows goes back.
      MakeTight(p, random);
      p->clock.epsilon_min_us = 2'000;
      p->clock.epsilon_max_us = 200'000;
      p->clock.poll_us = 60'000;
      p->clients = 12;
      p->hand_off_rate = 1;
      SetFaults(p, {"transfer"});
      break;
    case Sabotage::kVolatileHorizon:
      // The next horizon mends it: long rounds, and everybody forgets at once.
      p->retention_us = random->Between(1'500'000, 3'000'000);
      p->workloads = {"register"};
      p->clients = 12;
      p->hand_off_rate = 1;
      p->lease_us = 1'000'000;
      SetFaults(p, {"all-power"});
      p->fault_gap_us = 2'000'000;
      break;
    case Sabotage::kUnheardRetention:
      p->retention_us = random->Between(200'000, 500'000);
      p->workloads = {"register"};
      SetFaults(p, {"retention", "oneway", "partition", "crash", "clog"});
      p->fault_gap_us = 400'000;
      break;
    case Sabotage::kDropTombstone:
      p->retention_us = random->Between(200'000, 1'000'000);
      p->workloads = {"register"};
      break;
    case Sabotage::kVolatilePresumedAbort:
    case Sabotage::kDropPreparedLocks:
    case Sabotage::kServeBeforeRecovered:
    case Sabotage::kEpochOnlyCheck:
      SetFaults(p, {"phase-crash", "transfer", "isolate-leader", "crash", "loss"});
      p->fault_gap_us = 500'000;
      break;
    case Sabotage::kUnregisteredGroup:
    case Sabotage::kBackfillOverwritesDelete:
      p->workloads = {"schema"};
      p->clients = 12;
      p->hand_off_rate = 0.5;
      break;
    case Sabotage::kForeignKeyUnlocked:
      p->workloads = {"references"};
      p->clients = 12;
      break;
    case Sabotage::kSkipLockedUnchecked:
      p->workloads = {"queue"};
      p->clients = 12;
      break;
    case Sabotage::kAdvisoryRenewsLate:
      SetFaults(p, {"pause", "partition", "isolate-leader", "clog"});
      p->workloads = {"advisory"};
      p->clients = 12;
      break;
    case Sabotage::kFenceAtOnce:
      p->workloads = {"references"};
      p->clients = 12;
      break;
    case Sabotage::kDeferredForgotten:
      // Those who write in disorder meet, and are run again.
      p->workloads = {"references"};
      p->clients = 16;
      break;
    case Sabotage::kYoungFence:
      SetFaults(p, {});
      p->workloads = {"names"};
      p->clients = 12;
      break;
    case Sabotage::kSchemaUnheld:
    case Sabotage::kMissingSchemaRemembered:
      p->workloads = {"names"};
      p->clients = 12;
      break;
    default:
      break;
  }
}

// A mix of all faults would hide what each alone shows.
double ShareOfSeeds(const std::string& fault) {
  if (fault == "knobs") return 0.15;
  return 0.4;
}

}  // namespace

std::vector<std::string> FaultNames() {
  std::vector<std::string> names = DrawnFaultNames();
  names.push_back("clock-beyond");
  return names;
}

std::vector<std::string> DrawnFaultNames() {
  return {
      "crash",        "power",      "all-power",   "phase-crash", "disk-crash",    "transfer",
      "churn",        "partition",  "oneway",      "partial",     "clog",          "isolate-leader",
      "loss",         "delay",      "reorder",     "duplicate",   "pause",         "slow",
      "overload",     "clock-lost", "clock-drift", "clock-jump",  "clock-widened", "clock-set",
      "clock-frozen", "slow-disk",  "failed-sync", "disk-full",   "bitrot",        "abandon",
      "split",        "merge",      "members",     "wipe",        "knobs",         "retention"};
}

bool IsShareOfMessages(const std::string& fault) {
  return fault == "loss" || fault == "delay" || fault == "reorder" || fault == "duplicate";
}

bool IsAllAlong(const std::string& fault) { return fault == "abandon" || fault == "knobs"; }

Profile DrawProfile(const RunOptions& options, Random random) {
  Profile p;
  if (random.OneIn(0.4)) {
    MakeTight(&p, &random);
  } else {
    MakeWide(&p, &random);
  }
  p.nodes = random.OneIn(0.15) ? 5 : 3;
  p.clock.poll_us = random.Between(300'000, 3'000'000);
  p.disk.sync_min_us = random.Between(50, 300);
  p.disk.sync_max_us = p.disk.sync_min_us + random.Between(0, 4000);
  p.timer_jitter_us = random.OneIn(0.3) ? random.Between(0, 3000) : 0;
  p.lease_us = random.Between(1'000'000, 3'000'000);
  if (random.OneIn(0.5)) {
    // Checkpoints, truncated logs and snapshots within a short run.
    p.log_segment_bytes = 64 << 10;
    p.checkpoint_entries = random.Between(30, 500);
    p.keep_entries = random.Between(20, 300);
  }
  p.clients = static_cast<int>(random.Between(3, 8));
  p.hand_off_rate = random.NextDouble();
  p.think_max_us = random.Between(1000, 40'000);
  p.fault_gap_us = random.Between(400'000, 3'000'000);
  // Some seeds are calm: there nothing may be slow either.
  const bool calm = random.OneIn(0.05);
  for (const std::string& fault : DrawnFaultNames()) {
    if (calm) break;
    if (random.OneIn(ShareOfSeeds(fault))) p.faults.push_back(fault);
  }
  if (random.OneIn(0.6)) p.retention_us = random.Between(200'000, 3'000'000);
  // From a stream of its own: the choice moves nothing else of a seed.
  p.workloads = options.sabotage == Sabotage::kNone ? DrawWorkloads(Random(~options.seed))
                                                    : std::vector<std::string>{"bank", "register"};
  if (random.OneIn(0.05)) {
    // Many groups and few turns, so that a dead node's groups wait for theirs.
    p.initial_groups = static_cast<int>(random.Between(50, 200));
    p.max_campaigns = static_cast<size_t>(random.Between(2, 16));
  }
  // Outages that outlast it leave outcomes unknown.
  if (random.OneIn(0.2)) p.commit_window_us = random.Between(1'000'000, 5'000'000);
  const auto has = [&p](absl::string_view fault) {
    return std::find(p.faults.begin(), p.faults.end(), fault) != p.faults.end();
  };
  Tailor(options.sabotage, &p, &random);
  if (!options.sql_file.empty()) p.workloads.clear();
  if (!options.workloads.empty()) p.workloads = options.workloads;
  // Groups that there are from the beginning lie among the tables, and the audit writes into them.
  const auto works = [&p](absl::string_view workload) {
    return std::find(p.workloads.begin(), p.workloads.end(), workload) != p.workloads.end();
  };
  if (!options.sql_file.empty() || works("ddl") || works("schema") || works("references") ||
      works("merge") || works("sequence") || works("queue") || works("advisory") ||
      works("names") || works("rights")) {
    p.initial_groups = Profile().initial_groups;
  }
  if (!options.faults.empty()) {
    p.faults = options.faults;
    p.fault_rates = options.fault_rates;
  }
  std::erase(p.faults, "none");
  if (has("knobs")) p.knobs = random.Next();
  // The shipped clock needs room below the largest bound that it accepts.
  p.clock.shipped = (random.OneIn(0.5) || has("clock-beyond")) && p.clock.epsilon_max_us < 50'000;
  p.clock.peers = p.nodes - 1;
  if (has("members")) {
    // Somewhere to go to.
    p.nodes = static_cast<int>(random.Between(4, 5));
    p.initial_replicas = 3;
    p.clock.peers = p.nodes - 1;
  }
  if (options.sabotage == Sabotage::kNone && !p.faults.empty() && random.OneIn(0.4)) {
    p.merge_after_us = random.Between(300'000, 2'000'000);
    // In half of them only by the nemesis, whatever their size.
    if (random.OneIn(0.5)) p.split_bytes = static_cast<uint64_t>(random.Between(1'000, 10'000));
  }
  // From a stream of its own too.
  if (options.sabotage == Sabotage::kNone && !p.faults.empty() &&
      Random(options.seed * 3 + 1).OneIn(0.2)) {
    p.initial_witnesses = 1;
  }
  if (p.faults.empty()) {
    // Calm and crowded: whatever still takes long waits for something that never comes.
    p.spread_leaders = false;
    p.clients = 12;
    p.hand_off_rate = 1;
  }
  if (options.clients > 0) p.clients = options.clients;
  if (options.run_us > 0) p.run_us = options.run_us;
  return p;
}

Profile ProfileOf(const RunOptions& options) {
  return DrawProfile(options, Random(options.seed).Fork());
}

}  // namespace isochron::sim
