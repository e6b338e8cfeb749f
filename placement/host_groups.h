// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_PLACEMENT_HOST_GROUPS_H_
#define ISOCHRON_PLACEMENT_HOST_GROUPS_H_

// LocalGroups over the node's group host.

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/truetime.h"
#include "placement/local_groups.h"
#include "tablet/group/group_host.h"

namespace isochron::placement {

// As Balancer::Preferred, without a copy.
NodeId PreferredLeader(const peer::GroupDescriptor& group);

class HostGroups : public LocalGroups {
 public:
  // `may_lead` is asked before a hand-over; null: everybody may. `in_long_use` as in LocalGroups;
  // null: none is.
  HostGroups(tablet::GroupHost* host, TrueTime* truetime,
             std::function<Task<bool>(GroupId, NodeId)> may_lead = nullptr,
             std::function<bool(GroupId)> in_long_use = nullptr)
      : host_(host),
        truetime_(truetime),
        may_lead_(std::move(may_lead)),
        in_long_use_(std::move(in_long_use)) {}

  NodeId self() const override { return host_->support()->self(); }
  std::vector<GroupDescriptor> Led() override;
  std::vector<GroupDescriptor> Misplaced() override;
  std::vector<GroupDescriptor> Written() override;
  bool CouldLead(GroupId group, NodeId voter) override;
  bool InLongUse(GroupId group) override { return in_long_use_ && in_long_use_(group); }
  std::vector<Neighbours> Mergeable() override;
  bool AllWell(const GroupDescriptor& group) override;
  std::vector<ShortGroup> Short(size_t least) override;
  Task<absl::Status> Transfer(GroupId group, NodeId to) override;
  uint64_t Size(const KeyRange& range) override { return host_->store()->ApproximateSize(range); }
  absl::StatusOr<std::string> Middle(const KeyRange& range) override {
    return host_->store()->MiddleKey(range);
  }

 private:
  tablet::GroupHost* const host_;
  TrueTime* const truetime_;
  const std::function<Task<bool>(GroupId, NodeId)> may_lead_;
  const std::function<bool(GroupId)> in_long_use_;
  std::map<GroupId, LogIndex> looked_at_;  // by Written, of those led here
};

}  // namespace isochron::placement

#endif  // ISOCHRON_PLACEMENT_HOST_GROUPS_H_
