// SPDX-License-Identifier: Apache-2.0
#include "placement/host_groups.h"

#include "txn/api/descriptor.h"

namespace isochron::placement {
namespace {

// Entries that a new leader may have to catch up with.
constexpr LogIndex kCloseBehind = 200;

}  // namespace

std::vector<GroupDescriptor> HostGroups::Led() {
  std::vector<GroupDescriptor> led;
  for (tablet::Group* group : host_->Groups()) {
    if (group->IsServing()) led.push_back(txn::ToDescriptor(group->descriptor()));
  }
  return led;
}

bool HostGroups::CouldLead(GroupId group, NodeId voter) {
  tablet::Group* g = host_->Find(group);
  if (g == nullptr || !g->Leading().ok()) return false;
  const auto grant = host_->support()->GrantedBy(voter);
  const auto now = truetime_->Now();
  if (!grant.has_value() || !now.ok() || grant->end <= now->latest) return false;
  return g->replica()->MatchOf(voter) + kCloseBehind >= g->replica()->last_index();
}

Task<absl::Status> HostGroups::Transfer(GroupId group, NodeId to) {
  tablet::Group* g = host_->Find(group);
  if (g == nullptr) co_return absl::NotFoundError("no such group here");
  absl::Status status = co_await g->TransferTo(to);
  co_return status;
}

}  // namespace isochron::placement
