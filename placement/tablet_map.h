// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_PLACEMENT_TABLET_MAP_H_
#define ISOCHRON_PLACEMENT_TABLET_MAP_H_

// The tablet map as one node knows it: which group holds which keys. Implements Router.
//
// It starts from the descriptors the universe was made with, learns from answers (WRONG_RANGE,
// splits) and, where it has a hole or is told that it is wrong, reads the published rows from the
// system group by a strong snapshot read.
//
// Entries never overlap. Where descriptors disagree about a key the greater generation wins; what
// is left of a cut entry stays, as the best guess there is. A guess costs at most a message: the
// group itself knows what it holds.
//
// Loop-thread only. The caller given to SetCaller outlives it, or is taken back with nullptr.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/router.h"
#include "txn/api/group_caller.h"

namespace isochron::placement {

class TabletMap : public Router {
 public:
  TabletMap(Executor* executor, const std::vector<GroupDescriptor>& initial);

  // How to reach the system group; without it Refresh fails.
  void SetCaller(txn::GroupCaller* caller) { caller_ = caller; }

  const GroupDescriptor* Find(const std::string& key) const override;
  const GroupDescriptor* FindBefore(const std::string& end) const override;
  std::vector<NodeId> Voters(GroupId group) const override;
  std::vector<NodeId> Nodes() const override { return {nodes_.begin(), nodes_.end()}; }
  std::vector<NodeId> Readers(GroupId group) const override;
  std::vector<NodeId> Witnesses(GroupId group) const;
  NodeId LeaderHint(GroupId group) const override;
  void ReportLeader(GroupId group, NodeId leader) override;
  void Learn(const GroupDescriptor& descriptor) override;
  Task<absl::Status> Refresh(Ctx ctx) override;

  // Entries in key order, for the system tables.
  std::vector<GroupDescriptor> Entries() const;

 private:
  using Pieces = std::map<std::string, GroupDescriptor>;

  // The first piece that overlaps `range`, or the first behind it.
  Pieces::iterator FirstIn(const KeyRange& range);
  // Aborts the process when pieces in and next to `range` overlap.
  void CheckAround(const KeyRange& range);
  Task<absl::Status> ReadRows(Ctx ctx);

  Executor* const executor_;
  txn::GroupCaller* caller_ = nullptr;
  std::vector<NodeId> all_nodes_;              // of the initial descriptors
  std::set<NodeId> nodes_;                     // of every descriptor
  Pieces pieces_;                              // by start key; `range` is the piece
  std::map<GroupId, GroupDescriptor> groups_;  // newest of each group
  std::map<GroupId, NodeId> leaders_;
  bool refreshing_ = false;
  uint64_t refreshes_ = 0;  // that ended well
  WaitList refreshed_;
};

}  // namespace isochron::placement

#endif  // ISOCHRON_PLACEMENT_TABLET_MAP_H_
