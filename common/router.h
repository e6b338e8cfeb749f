// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_COMMON_ROUTER_H_
#define ISOCHRON_COMMON_ROUTER_H_

// The Router seam: which group holds a key, who votes in it and who probably leads it.
//
// It is a cache and may be stale: a group that is asked for a key it does not hold says so and
// sends the descriptors it knows, which are fed back through Learn. At every single key the
// descriptor with the greater generation is the newer one, whatever its group: a split gives both
// halves a generation above their parent's.
//
// Loop-thread only. Pointers returned are valid until the caller suspends or calls Learn.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/request_context.h"
#include "common/task.h"
#include "common/types.h"

namespace isochron {

struct GroupDescriptor {
  GroupId group;
  KeyRange range;
  uint64_t generation = 0;
  std::vector<NodeId> voters;   // that may lead
  std::vector<NodeId> readers;  // that hold the rows: voters, learners and read-only replicas
  std::vector<NodeId> witnesses;

  friend bool operator==(const GroupDescriptor&, const GroupDescriptor&) = default;
};

class Router {
 public:
  virtual ~Router() = default;

  // The entry that holds `key`; null when none is known (then Refresh and ask again).
  virtual const GroupDescriptor* Find(const std::string& key) const = 0;
  // The entry that holds the keys just below `end` ("" = the end of the key space).
  virtual const GroupDescriptor* FindBefore(const std::string& end) const = 0;

  // Nodes to try for `group`, never empty once the router knows any node: those of its descriptor,
  // or of any group while this one is unknown.
  virtual std::vector<NodeId> Voters(GroupId group) const = 0;
  // Every node that a descriptor has named: where to look for a group that has moved away from all
  // of Voters(group).
  virtual std::vector<NodeId> Nodes() const = 0;
  // Nodes that hold the group's rows, for snapshot reads.
  virtual std::vector<NodeId> Readers(GroupId group) const = 0;
  virtual NodeId LeaderHint(GroupId group) const = 0;  // 0 = unknown
  virtual void ReportLeader(GroupId group, NodeId leader) = 0;

  // Takes up a descriptor that somebody sent; an older one than known is ignored.
  virtual void Learn(const GroupDescriptor& descriptor) = 0;
  // Reads the published map again. Concurrent calls share one read. Status of the read or of ctx.
  virtual Task<absl::Status> Refresh(Ctx ctx) = 0;
};

}  // namespace isochron

#endif  // ISOCHRON_COMMON_ROUTER_H_
