// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_PLACEMENT_LOCAL_GROUPS_H_
#define ISOCHRON_PLACEMENT_LOCAL_GROUPS_H_

// What placement sees of the groups of its node, and does to them. Over tablet::GroupHost in a node
// (host_groups.h), a fake in tests.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/router.h"
#include "common/task.h"
#include "common/types.h"

namespace isochron::placement {

// Two groups of data that may become one: they were parted by size, have the same replicas, and the
// left one is led here.
struct Neighbours {
  GroupDescriptor left, right;
  uint64_t entries = 0;  // applied in both since each began
};

// A group with too few voters, whose members are not being changed.
struct ShortGroup {
  GroupId group;
  std::vector<NodeId> voters;
  std::vector<NodeId> learners;       // which are to vote
  std::vector<NodeId> new_witnesses;  // the same, without rows
  std::vector<NodeId> others;         // all further replicas, those too
};

class LocalGroups {
 public:
  virtual ~LocalGroups() = default;

  virtual NodeId self() const = 0;
  // Those that this node leads now.
  virtual std::vector<GroupDescriptor> Led() = 0;
  // Of those, the ones that another voter should lead; and the ones that were written since the
  // last call. More may be named.
  virtual std::vector<GroupDescriptor> Misplaced() { return Led(); }
  virtual std::vector<GroupDescriptor> Written() { return Led(); }
  // `voter` is alive and close behind in `group`, which this node leads: it could lead.
  virtual bool CouldLead(GroupId group, NodeId voter) = 0;
  // A transaction that is not a short one has locks in `group`, which this node leads. They would
  // be lost with the leadership, and what is too long to be run again by its server would fail.
  virtual bool InLongUse(GroupId /*group*/) { return false; }
  virtual std::vector<Neighbours> Mergeable() { return {}; }
  // All other replicas of `group`, which this node leads, are alive and close behind.
  virtual bool AllWell(const GroupDescriptor& group) = 0;
  // Those led here with fewer than `least` voters.
  virtual std::vector<ShortGroup> Short(size_t /*least*/) { return {}; }
  virtual Task<absl::Status> Transfer(GroupId group, NodeId to) = 0;
  // Bytes stored here, roughly.
  virtual uint64_t Size(const KeyRange& range) = 0;
  // A key that halves the range; NOT_FOUND when there is none.
  virtual absl::StatusOr<std::string> Middle(const KeyRange& range) = 0;
};

}  // namespace isochron::placement

#endif  // ISOCHRON_PLACEMENT_LOCAL_GROUPS_H_
