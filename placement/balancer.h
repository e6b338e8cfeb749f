// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_PLACEMENT_BALANCER_H_
#define ISOCHRON_PLACEMENT_BALANCER_H_

// Keeps leaders spread and groups small, for the groups that this node leads.
//
// Leaders: the groups, counted in the order they were made, are preferably led by the voters in
// turn, so that consecutive splits are led in different places. A leader that is not the preferred
// one hands over when that voter is alive and close behind, and was so for a while; one hand-over
// at a time (where many groups are misplaced a few a round), and after one that did not help the
// group is left alone for a growing time.
//
// Sizes: a group of data that holds more than split_bytes is split in its middle.
//
// Loop-thread only. What it is given outlives it.

#include <cstdint>
#include <map>
#include <memory>

#include "common/executor.h"
#include "common/observer.h"
#include "common/random.h"
#include "common/task.h"
#include "placement/local_groups.h"
#include "txn/api/transaction.h"

namespace isochron::placement {

struct BalancerOptions {
  bool spread_leaders = true;
  uint64_t split_bytes = 64 << 20;  // 0: never split by size
  Micros round_us = 1'000'000;
  Micros size_round_us = 5'000'000;
  Micros steady_us = 3'000'000;      // a preferred voter must have looked well for so long
  Micros put_off_us = 120'000'000;   // a hand-over, at most, for a transaction that has locks there
  Micros again_min_us = 10'000'000;  // before the next try for the same group
  Micros again_max_us = 160'000'000;
};

class Balancer {
 public:
  Balancer(LocalGroups* groups, txn::Store* store, Observer* observer, Random random,
           BalancerOptions options);

  // Begins its rounds. Once.
  void Start();
  // No further hand-overs or splits begin (graceful stop).
  void Stop() { stopped_ = true; }

  static NodeId Preferred(const GroupDescriptor& group);
  // Of the voters in the descriptor's order.
  static size_t PreferredIndex(GroupId group, size_t voters);

 private:
  struct Watch {
    Micros well_since = 0;  // 0: the preferred voter did not look well at the last round
    Micros not_before = 0;
    Micros pause = 0;
  };

  Task<void> SpreadRounds();
  Task<void> SplitRounds();
  Task<void> Spread();
  Task<void> SplitBig();

  LocalGroups* const groups_;
  txn::Store* const store_;
  Executor* const executor_;
  Observer* const observer_;
  Random random_;
  const BalancerOptions options_;
  bool stopped_ = false;
  std::map<GroupId, Watch> watches_;
  std::map<GroupId, Micros> split_not_before_;
  std::map<GroupId, GroupDescriptor> to_measure_;  // written, or too big and not split yet
  TaskScope scope_;
};

}  // namespace isochron::placement

#endif  // ISOCHRON_PLACEMENT_BALANCER_H_
