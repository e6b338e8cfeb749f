// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_UNIVERSE_UNIVERSE_H_
#define ISOCHRON_SIM_UNIVERSE_UNIVERSE_H_

// The nodes of one run with the world around them: what clients, nemesis and audit act upon.
//
// Everything happens in virtual time on the scheduler's one queue; everything random comes from
// forks of the run's seed. The log keeps notable events for --trace and --explain.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/checkers/event_checker.h"
#include "sim/checkers/history.h"
#include "sim/universe/profile.h"
#include "sim/universe/sim_node.h"
#include "sim/workloads/workload.h"
#include "sim/world/scheduler.h"

namespace isochron::sim {

class Universe {
 public:
  Universe(const RunOptions& options, Profile profile, Random random);
  ~Universe();

  const RunOptions& options() const { return options_; }
  const Profile& profile() const { return profile_; }
  SimScheduler* scheduler() { return &scheduler_; }
  SimNetwork* network() { return &network_; }
  History* history() { return &history_; }
  EventChecker* events() { return &events_; }
  // Every version that any store ever held.
  const StoredVersions* written() const { return &written_; }
  std::vector<std::unique_ptr<Workload>>& workloads() { return workloads_; }
  std::vector<std::unique_ptr<SimNode>>& nodes() { return nodes_; }
  SimNode* node(NodeId id) { return nodes_[id.value - 1].get(); }
  int up_count() const;

  // A start that its clock or its disk refuses just now is tried again later.
  void Start(NodeId id);
  void Crash(NodeId id, bool power);
  // Crashes, and starts again after `down_us`.
  void Bounce(NodeId id, bool power, Micros down_us);
  // Also when it was about to start and its disk killed it.
  void CrashAnyway(NodeId id, bool power);
  // More clients for a while. True: somebody provides them.
  bool AskForClients(int more, Micros for_us);
  void OnMoreClients(std::function<void(int, Micros)> fn) { on_more_clients_ = std::move(fn); }
  // Subscribers of crashes (clients lose their connections) and of reached branches.
  void OnCrash(std::function<void(NodeId)> fn) { on_crash_.push_back(std::move(fn)); }
  // A node found what makes it refuse to start, after its data was damaged.
  void OnRefused(std::function<void(NodeId)> fn) { on_refused_.push_back(std::move(fn)); }
  void OnReached(std::function<void(NodeId, absl::string_view)> fn) {
    on_reached_.push_back(std::move(fn));
  }

  // The serving leader of each group, zero when there is none, by group. All groups any node knows.
  std::map<GroupId, NodeId> Leaders();

  // Reports when more groups of a node campaign at a time than may (rule 31). From now on.
  void WatchElections();
  // Reports when a witness's log has forgotten what some quorum has no full replica for (rule 29).
  void WatchWitnesses();
  // Reports a merge that a node applies without its replica of the right-hand group (rule 36).
  void CheckMerge(NodeId id, absl::string_view reached);

  void RunFor(Micros us) { scheduler_.RunUntil(scheduler_.now() + us); }
  // Runs until `done` holds, looked at every few milliseconds; false when it does not in time.
  bool RunUntil(const std::function<bool()>& done, Micros at_most_us);

  void Log(std::string what);
  const std::deque<std::pair<Micros, std::string>>& log() const { return log_; }
  // Timestamps as they were given out; kept for --explain alone.
  struct Assigned {
    Micros at;
    NodeId node;
    GroupId group;
    Timestamp s;
  };
  const std::deque<Assigned>& assigned() const { return assigned_; }
  void Report(std::string name, std::string what, std::vector<size_t> operations = {});
  std::vector<Anomaly>& anomalies() { return anomalies_; }
  // Another independent stream.
  Random Fork() { return random_.Fork(); }

 private:
  const RunOptions options_;
  const Profile profile_;
  Random random_;
  SimScheduler scheduler_;
  SimNetwork network_;
  History history_;
  EventChecker events_;
  StoredVersions written_;
  SimScheduler::Owner owners_ = 0;
  std::vector<std::unique_ptr<Workload>> workloads_;
  std::vector<std::function<void(NodeId)>> on_crash_;
  std::vector<std::function<void(NodeId)>> on_refused_;
  std::vector<std::function<void(NodeId, absl::string_view)>> on_reached_;
  std::function<void(int, Micros)> on_more_clients_;
  std::deque<std::pair<Micros, std::string>> log_;
  std::deque<Assigned> assigned_;
  std::vector<Anomaly> anomalies_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
};

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_UNIVERSE_UNIVERSE_H_
