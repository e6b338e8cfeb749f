// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_PLACEMENT_MISSING_VOTERS_H_
#define ISOCHRON_PLACEMENT_MISSING_VOTERS_H_

// Gives a group the voter that it lacks, for the groups that this node leads.
//
// A group with fewer voters than `least` does not survive the loss of one more. It comes to that
// when a group is split while one of its replicas is being replaced (the child is born with the
// others), or when somebody removes a replica and does not add another. A group that lacked a voter
// at each look during after_us, and whose members are not being changed, gets one: on the node that
// has a learner of it already, or a newcomer that is to be a witness (it becomes one), else on one
// that is alive and has no replica of it, of a region that has no voter of it if there is one. One
// group at a time and node, after a failure again after a growing pause. Nothing is ever removed.
//
// Loop-thread only. What it is given outlives it.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/executor.h"
#include "common/observer.h"
#include "common/random.h"
#include "common/task.h"
#include "placement/local_groups.h"
#include "txn/api/transaction.h"

namespace isochron::placement {

struct MissingVotersOptions {
  size_t least = 3;              // 0: nothing is done
  Micros after_us = 60'000'000;  // 0: as above
  Micros again_min_us = 10'000'000;
  Micros again_max_us = 640'000'000;
};

class MissingVoters {
 public:
  struct Place {
    NodeId node;
    std::string region;
  };
  // `alive`: whether a node was heard lately.
  MissingVoters(LocalGroups* groups, txn::Store* store, Observer* observer, Random random,
                std::vector<Place> universe, std::function<bool(NodeId)> alive,
                MissingVotersOptions options);

  // Begins its rounds. Once.
  void Start();
  // No further voter is added (graceful stop).
  void Stop() { stopped_ = true; }

 private:
  struct Watch {
    Micros since = 0;  // it lacked a voter at each look since then
    Micros not_before = 0;
    Micros pause = 0;
  };

  struct Addition {
    GroupId group;
    NodeId node;  // 0: there is none
    txn::ReplicaChange kind = txn::ReplicaChange::kVoter;
  };

  Task<void> Rounds();
  Task<void> Round();
  Addition Choose(const ShortGroup& group) const;
  Task<void> Add(Addition addition);

  LocalGroups* const groups_;
  txn::Store* const store_;
  Executor* const executor_;
  Observer* const observer_;
  Random random_;
  const std::vector<Place> universe_;
  const std::function<bool(NodeId)> alive_;
  const MissingVotersOptions options_;
  const Micros round_us_;
  bool stopped_ = false;
  std::map<GroupId, Watch> watches_;
  TaskScope scope_;
};

}  // namespace isochron::placement

#endif  // ISOCHRON_PLACEMENT_MISSING_VOTERS_H_
