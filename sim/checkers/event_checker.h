// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_CHECKERS_EVENT_CHECKER_H_
#define ISOCHRON_SIM_CHECKERS_EVENT_CHECKER_H_

// Checks what the replicas tell through the Observer seam while a run goes on:
//
//   invariant 2   leases of one group never overlap, over nodes, ballots and restarts (a process
//   that
//                 is elected again within its own lease knows what it did in it)
//   invariant 3   timestamps of a group strictly increase over all leaders, and none is assigned at
//                 or after the start of a newer leader's lease
//   replication   every replica applies the same entry at the same index
//
// A leader that gives its lease up early tells so; the interval then ends there.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "common/observer.h"
#include "sim/checkers/history.h"

namespace isochron::sim {

// `node` stands for one process throughout: a restarted node is another one (ProcessOf).
class EventChecker final : public Observer {
 public:
  // Called for every reached branch; may be null.
  using OnReached = absl::AnyInvocable<void(absl::string_view name)>;

  void set_on_reached(OnReached fn) { on_reached_ = std::move(fn); }

  void Count(absl::string_view name, int64_t delta) override;
  void Reached(absl::string_view name) override;
  void OnLease(NodeId node, GroupId group, Ballot ballot, Timestamp start, Timestamp end) override;
  void OnLeaseReleased(NodeId node, GroupId group, Ballot ballot, Timestamp end) override;
  void OnAssigned(NodeId node, GroupId group, Ballot ballot, Timestamp s) override;
  void OnApplied(NodeId node, GroupId group, LogIndex index, uint64_t entry_digest) override;

  const std::vector<Anomaly>& anomalies() const { return anomalies_; }
  const std::map<std::string, int64_t>& counters() const { return counters_; }
  const std::map<std::string, int64_t>& reached() const { return reached_; }
  // Leases of different ballots seen for the group: 1 + failovers.
  size_t Leaderships(GroupId group) const;

 private:
  struct Lease {
    NodeId node;
    Ballot ballot;
    Timestamp start, end;
  };
  struct Group {
    std::vector<Lease> leases;  // by first report
    Timestamp last_assigned;
    Ballot last_assigned_by;
    NodeId last_assigned_at;
    std::map<LogIndex, uint64_t> digests;
  };
  static constexpr size_t kMaxAnomalies = 10;
  void Report(std::string name, std::string what);

  std::map<GroupId, Group> groups_;
  std::map<std::string, int64_t> counters_;
  std::map<std::string, int64_t> reached_;
  std::vector<Anomaly> anomalies_;
  OnReached on_reached_;
};

// The name under which the `start`th process of a node reports: readable, and one of its own.
inline NodeId ProcessOf(NodeId node, uint32_t start) { return NodeId(node.value * 1000 + start); }

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_CHECKERS_EVENT_CHECKER_H_
