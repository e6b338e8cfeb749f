// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_UNIVERSE_PROFILE_H_
#define ISOCHRON_SIM_UNIVERSE_PROFILE_H_

// What one seed's universe looks like: its size, delays, clocks, faults and load, all drawn from
// the seed. A sabotage may ask for the circumstances in which its damage shows.
//
// Two kinds of seeds: in "wide" ones messages between regions take longer than the clocks' bound;
// in "tight" ones the bound is at least a message delay, where a missing commit wait shows (rule
// 39).

#include <map>
#include <string>
#include <vector>

#include "common/random.h"
#include "common/sabotage.h"
#include "sim/runner/run.h"
#include "sim/world/sim_disk.h"
#include "sim/world/sim_executor.h"
#include "sim/world/sim_network.h"
#include "sim/world/sim_truetime.h"

namespace isochron::sim {

struct Profile {
  int nodes = 3;              // one a region
  int initial_replicas = 0;   // that the first groups have; 0: all nodes
  int initial_witnesses = 0;  // of these, the last ones
  bool tight = false;
  NetworkOptions network;
  ClockOptions clock;
  DiskOptions disk;
  Micros timer_jitter_us = 0;
  Micros lease_us = 2'000'000;
  Micros commit_window_us = 15'000'000;  // a gateway's patience with a commit in the dark
  int initial_groups = 1;                // of data; all but the first are idle
  size_t max_campaigns = 128;
  bool spread_leaders = true;  // nodes hand groups over by themselves
  uint64_t disk_reserve_bytes = 256 << 20;
  uint64_t log_segment_bytes = 1 << 20;
  uint64_t checkpoint_entries = 20'000;
  uint64_t keep_entries = 4'000;
  Micros retention_us = 3'600'000'000;  // of versions: short ones make version GC work in a run
  // Groups parted by size: how large before they are, how long small before they are one again (0:
  // never).
  uint64_t split_bytes = 64 << 20;
  Micros merge_after_us = 0;
  std::vector<std::string> workloads;
  std::vector<std::string> faults;
  // Of those that were asked for with one: the share of messages that suffer while it lasts, for
  // loss, delay, reorder and duplicate; how often it happens in a minute, for all others.
  std::map<std::string, double> fault_rates;
  Micros fault_gap_us = 1'500'000;  // mean time between faults
  Micros run_us = 60'000'000;       // how long clients run among faults
  uint64_t knobs = 0;               // the seed of small limits and odd timers; 0: the usual ones
  int clients = 5;
  int max_steps = 8000;
  double hand_off_rate = 0.5;  // of steps that begin the instant another ends
  Micros think_max_us = 20'000;
};

// Every fault that can be named, in the order of --list.
std::vector<std::string> FaultNames();
// Those of them that a run draws by itself.
std::vector<std::string> DrawnFaultNames();
// Its rate is a share of messages.
bool IsShareOfMessages(const std::string& fault);
// Nothing that happens at some time.
bool IsAllAlong(const std::string& fault);

Profile DrawProfile(const RunOptions& options, Random random);
// What a run with these options is.
Profile ProfileOf(const RunOptions& options);

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_UNIVERSE_PROFILE_H_
