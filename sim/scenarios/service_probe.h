// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_SCENARIOS_SERVICE_PROBE_H_
#define ISOCHRON_SIM_SCENARIOS_SERVICE_PROBE_H_

// How continuous the service is while something happens to a universe, as a client outside sees it.
//
// Every kEvery each group is asked to commit one small write, through the next of the gateways that
// are up and can be reached from outside, and has kDeadline for it. From that: the share that
// succeeded, the longest time in which no write to some group did, and how long after the end of
// the event it took until all groups took writes again. The writes are part of the history that the
// checkers judge.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "sim/runner/run.h"
#include "sim/universe/universe.h"

namespace isochron::sim {

class ServiceProbe {
 public:
  explicit ServiceProbe(Universe* universe);

  void Start();
  // From here on it counts: the event begins, or its after-effects are over.
  void BeginEvent();
  void EndEvent() { event_ended_us_ = Now(); }
  void Stop();
  // From outside.
  void SetReachable(NodeId node, bool reachable);
  // All groups took a write after the event's end.
  bool Recovered() const;

  // Adds scenario.tried, .ok, .event_ms, .gap_ms and .recovery_ms.
  void Count(RunResult* result) const;

 private:
  static constexpr Micros kEvery = 200'000;
  static constexpr Micros kDeadline = 2'000'000;
  static constexpr int kClient = 1002;

  struct Group {
    std::string key;
    Micros last_ok_us = 0;
    Micros recovered_us = 0;  // the first success after the event's end
  };

  Micros Now() const { return universe_->scheduler()->now(); }
  void Round();
  Task<void> Write(Session session, size_t group, bool counted);
  void Succeeded(size_t group, bool counted);

  Universe* universe_;
  std::vector<Group> groups_;
  std::set<NodeId> unreachable_;
  size_t round_ = 0;  // so that each group is asked through each gateway in turn
  bool running_ = false;
  bool counting_ = false;
  int64_t tried_ = 0;
  int64_t ok_ = 0;
  Micros longest_gap_us_ = 0;
  Micros event_began_us_ = 0;
  Micros event_ended_us_ = 0;
};

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_SCENARIOS_SERVICE_PROBE_H_
