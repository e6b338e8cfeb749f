// SPDX-License-Identifier: Apache-2.0
#include "placement/host_groups.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "placement/balancer.h"
#include "txn/api/descriptor.h"

namespace isochron::placement {
namespace {

// Entries that a new leader may have to catch up with.
constexpr LogIndex kCloseBehind = 200;

}  // namespace

NodeId PreferredLeader(const peer::GroupDescriptor& group) {
  const int n = group.voters_size();
  if (n == 0) return NodeId();
  return NodeId(
      group.voters(static_cast<int>(Balancer::PreferredIndex(GroupId(group.group()), n))));
}

std::vector<GroupDescriptor> HostGroups::Led() {
  std::vector<GroupDescriptor> led;
  for (tablet::Group* group : host_->Groups()) {
    if (group->IsServing()) led.push_back(txn::ToDescriptor(group->descriptor()));
  }
  return led;
}

// Both look at all groups led here, so nothing is copied but what is asked for.
std::vector<GroupDescriptor> HostGroups::Misplaced() {
  std::vector<GroupDescriptor> out;
  host_->ForEachServing([&](tablet::Group* group) {
    if (PreferredLeader(group->descriptor()) != self()) {
      out.push_back(txn::ToDescriptor(group->descriptor()));
    }
  });
  return out;
}

std::vector<GroupDescriptor> HostGroups::Written() {
  std::vector<GroupDescriptor> out;
  std::map<GroupId, LogIndex> seen;
  host_->ForEachServing([&](tablet::Group* group) {
    const LogIndex index = group->state().index();
    auto it = looked_at_.find(group->id());
    if (it == looked_at_.end() || it->second != index) {
      out.push_back(txn::ToDescriptor(group->descriptor()));
    }
    seen.emplace_hint(seen.end(), group->id(), index);
  });
  looked_at_ = std::move(seen);
  return out;
}

bool HostGroups::CouldLead(GroupId group, NodeId voter) {
  tablet::Group* g = host_->Find(group);
  if (g == nullptr || !g->Leading().ok()) return false;
  const auto grant = host_->support()->GrantedBy(voter);
  const auto now = truetime_->Now();
  if (!grant.has_value() || !now.ok() || grant->end <= now->latest) return false;
  const LogIndex match = g->replica()->MatchOf(voter);
  // Without a match nobody has answered for this replica: its node may have lost it.
  return match > 0 && match + kCloseBehind >= g->replica()->last_index();
}

std::vector<Neighbours> HostGroups::Mergeable() {
  std::map<absl::string_view, tablet::Group*> begins;
  for (tablet::Group* group : host_->Groups()) {
    if (group->initialised() && group->descriptor().split_by_size()) {
      begins.emplace(group->descriptor().range().start(), group);
    }
  }
  std::vector<Neighbours> out;
  if (begins.empty()) return out;
  host_->ForEachServing([&](tablet::Group* left) {
    const std::string& end = left->descriptor().range().end();
    const auto it = end.empty() ? begins.end() : begins.find(end);
    if (it == begins.end()) return;
    tablet::Group* right = it->second;
    if (left->state().frozen() || right->state().frozen() ||
        !tablet::SameReplicas(left->descriptor(), right->descriptor())) {
      return;
    }
    out.push_back(Neighbours{txn::ToDescriptor(left->descriptor()),
                             txn::ToDescriptor(right->descriptor()),
                             left->state().index() + right->state().index()});
  });
  return out;
}

bool HostGroups::AllWell(const GroupDescriptor& group) {
  return std::all_of(group.readers.begin(), group.readers.end(),
                     [&](NodeId node) { return node == self() || CouldLead(group.group, node); });
}

std::vector<ShortGroup> HostGroups::Short(size_t least) {
  std::vector<ShortGroup> out;
  host_->ForEachServing([&](tablet::Group* group) {
    const paxos::Config& members = group->replica()->config();
    if (members.Voters() >= least || members != group->replica()->settled_config()) return;
    ShortGroup& s = out.emplace_back(ShortGroup{group->id(), {}, {}, {}, {}});
    for (const paxos::Member& m : members.members) {
      (m.Votes() ? s.voters : s.others).push_back(m.node);
      if (m.kind == paxos::ReplicaKind::kLearner) s.learners.push_back(m.node);
      if (m.kind == paxos::ReplicaKind::kNewWitness) s.new_witnesses.push_back(m.node);
    }
  });
  return out;
}

Task<absl::Status> HostGroups::Transfer(GroupId group, NodeId to) {
  if (may_lead_) {
    const bool may = co_await may_lead_(group, to);
    if (!may) {
      co_return absl::UnavailableError(
          absl::StrCat(ToString(to), " has no room or no replica to lead group ", group.value));
    }
  }
  tablet::Group* g = host_->Find(group);
  if (g == nullptr) co_return absl::NotFoundError("no such group here");
  absl::Status status = co_await g->TransferTo(to);
  co_return status;
}

}  // namespace isochron::placement
