// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_PLACEMENT_SMALL_GROUPS_H_
#define ISOCHRON_PLACEMENT_SMALL_GROUPS_H_

// Merges neighbours that are small and quiet, for the groups that this node leads.
//
// Only borders that a split by size made are taken away: those that somebody asked for stay until
// somebody asks again (isochron.merge). Two neighbours are merged when both together were below
// split_bytes / kMergeShare, and had next to nothing written to them, at each look during after_us.
// So a merge is no reason for a split, nor a split for a merge: in between lies a factor of
// kMergeShare in size and after_us in time. One merge at a time and node; one that failed is tried
// again after a growing pause. Nothing is tried while a replica of the left group is away: a merge
// needs all of them.
//
// The merge itself, leadership of the right-hand group included, is txn/service/merge.h.
//
// Loop-thread only. What it is given outlives it.

#include <cstdint>
#include <map>

#include "common/executor.h"
#include "common/observer.h"
#include "common/random.h"
#include "common/task.h"
#include "placement/local_groups.h"
#include "txn/api/transaction.h"

namespace isochron::placement {

inline constexpr uint64_t kMergeShare = 4;

struct SmallGroupsOptions {
  Micros after_us = 600'000'000;  // 0: never
  uint64_t below_bytes = 16 << 20;
  double quiet_entries = 1;  // a second, in both groups
  Micros again_min_us = 60'000'000;
  Micros again_max_us = 3'600'000'000;
};

class SmallGroups {
 public:
  SmallGroups(LocalGroups* groups, txn::Store* store, Observer* observer, Random random,
              SmallGroupsOptions options);

  // Begins its rounds. Once.
  void Start();
  // No further merge begins (graceful stop).
  void Stop() { stopped_ = true; }

 private:
  // Of a right-hand group.
  struct Watch {
    GroupId left;
    uint64_t entries = 0;
    Micros looked = 0;
    Micros since = 0;  // small and quiet at each look since then; 0: not at the last one
    Micros not_before = 0;
    Micros pause = 0;
  };

  Task<void> Rounds();
  Task<void> Round();
  // Whether the pair is ripe at this look.
  bool Look(const Neighbours& pair, Micros now, Watch* watch);
  Task<void> Merge(Neighbours pair);

  LocalGroups* const groups_;
  txn::Store* const store_;
  Executor* const executor_;
  Observer* const observer_;
  Random random_;
  const SmallGroupsOptions options_;
  const Micros round_us_;
  bool stopped_ = false;
  std::map<GroupId, Watch> watches_;
  TaskScope scope_;
};

}  // namespace isochron::placement

#endif  // ISOCHRON_PLACEMENT_SMALL_GROUPS_H_
