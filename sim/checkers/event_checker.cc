// SPDX-License-Identifier: Apache-2.0
#include "sim/checkers/event_checker.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace isochron::sim {
namespace {

std::string Show(NodeId node, Ballot ballot, Timestamp start, Timestamp end) {
  return absl::StrCat(ToString(node), " ballot ", ToString(ballot), " [", start.us, ", ", end.us,
                      ")");
}

}  // namespace

void EventChecker::Report(std::string name, std::string what) {
  if (anomalies_.size() < kMaxAnomalies) {
    anomalies_.push_back(Anomaly{std::move(name), std::move(what), {}});
  }
}

void EventChecker::Count(absl::string_view name, int64_t delta) {
  counters_[std::string(name)] += delta;
}

void EventChecker::Reached(absl::string_view name) {
  ++reached_[std::string(name)];
  if (on_reached_) on_reached_(name);
}

void EventChecker::OnLease(NodeId node, GroupId group, Ballot ballot, Timestamp start,
                           Timestamp end) {
  Group& g = groups_[group];
  auto mine = std::find_if(g.leases.begin(), g.leases.end(),
                           [&](const Lease& l) { return l.ballot == ballot && l.node == node; });
  if (mine == g.leases.end()) {
    // An older leader may tell of its lease late: that one must not overlap the newer leader's.
    if (start <= g.last_assigned && g.last_assigned_at != node && ballot > g.last_assigned_by) {
      Report("lease-over-assigned",
             absl::StrCat(ToString(group), ": ", Show(node, ballot, start, end),
                          " begins at or before timestamp ", g.last_assigned.us, " of ballot ",
                          ToString(g.last_assigned_by)));
    }
    g.leases.push_back(Lease{node, ballot, start, end});
    mine = std::prev(g.leases.end());
  } else {
    mine->start = std::min(mine->start, start);
    mine->end = std::max(mine->end, end);
  }
  for (const Lease& other : g.leases) {
    if (other.node == node) continue;
    if (std::max(other.start, mine->start) >= std::min(other.end, mine->end)) continue;
    Report("lease-overlap", absl::StrCat(ToString(group), ": ",
                                         Show(other.node, other.ballot, other.start, other.end),
                                         " and ", Show(node, ballot, mine->start, mine->end)));
  }
}

void EventChecker::OnLeaseReleased(NodeId node, GroupId group, Ballot ballot, Timestamp end) {
  for (Lease& l : groups_[group].leases) {
    if (l.node == node && l.ballot == ballot) l.end = std::min(l.end, end);
  }
}

void EventChecker::OnAssigned(NodeId node, GroupId group, Ballot ballot, Timestamp s) {
  Group& g = groups_[group];
  if (s <= g.last_assigned) {
    Report("timestamp-not-increasing",
           absl::StrCat(ToString(group), ": ", ToString(node), " ballot ", ToString(ballot),
                        " assigned ", s.us, " after ", g.last_assigned.us, " of ballot ",
                        ToString(g.last_assigned_by)));
  }
  for (const Lease& l : g.leases) {
    if (l.ballot > ballot && l.node != node && s >= l.start) {
      Report("assigned-outside-lease",
             absl::StrCat(ToString(group), ": ", ToString(node), " ballot ", ToString(ballot),
                          " assigned ", s.us, " within the lease of ",
                          Show(l.node, l.ballot, l.start, l.end)));
    }
  }
  g.last_assigned = std::max(g.last_assigned, s);
  g.last_assigned_by = ballot;
  g.last_assigned_at = node;
}

void EventChecker::OnApplied(NodeId node, GroupId group, LogIndex index, uint64_t entry_digest) {
  auto [it, fresh] = groups_[group].digests.try_emplace(index, entry_digest);
  if (fresh || it->second == entry_digest) return;
  Report("replicas-diverge",
         absl::StrCat(ToString(group), ": ", ToString(node), " applied at index ", index,
                      " another entry than its peers"));
}

size_t EventChecker::Leaderships(GroupId group) const {
  auto it = groups_.find(group);
  return it == groups_.end() ? 0 : it->second.leases.size();
}

}  // namespace isochron::sim
