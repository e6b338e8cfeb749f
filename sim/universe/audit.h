// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_UNIVERSE_AUDIT_H_
#define ISOCHRON_SIM_UNIVERSE_AUDIT_H_

// What is looked at once the faults have stopped; each finding is reported to the universe.
//
//   liveness   every group takes a write within a stated time
//   repaired   every node runs, and whatever was damaged or lost is replaced
//   calm       without any fault no request takes long, and none ends in the dark
//   leaks      no transaction stays prepared and no lock held once nobody works any more
//   equality   all replicas of a group hold the same at the same applied index
//   history    the external consistency checker over all that clients saw, a last read of every key
//              included, against all versions that the stores hold;
//              the dependency-cycle checker over the same, without timestamps

#include <map>
#include <string>

#include "sim/checkers/calm.h"
#include "sim/universe/clients.h"
#include "sim/universe/universe.h"

namespace isochron::sim {

class Audit {
 public:
  Audit(Universe* universe, Clients* clients) : universe_(universe), clients_(clients) {}

  void Run();

 private:
  // In virtual time, after the last fault: what a group may need to elect, recover and resolve.
  static constexpr Micros kLivenessUs = 30'000'000;
  static constexpr Micros kMeetUs = 1'000'000;
  static constexpr Micros kRepairUs = 90'000'000;
  static constexpr Micros kCalmUs = 6'000'000, kStarvedUs = 18'000'000;
  static constexpr Micros kIdleUs = 40'000'000;
  static constexpr Micros kQuiesceUs = 60'000'000;
  static constexpr Micros kCatchUpUs = 30'000'000;

  std::vector<std::string> ProbedSplits() const;
  // Those of the workloads, and of the probes.
  std::vector<std::string> ProbedKeys() const;
  void CheckLiveness();
  void MeetDamage();
  void CheckRepaired();
  std::string Unrepaired();
  void Quiesce();
  void CheckCalm();
  void CheckLeaks();
  void CheckEquality();
  void ReadBack();
  void CheckHistory();
  // All versions of all keys, from their leaders; false when some group has none just now.
  bool CollectStored(StoredVersions* stored, std::map<std::string, Timestamp>* horizons);
  // One result a group: is the same applied everywhere?
  bool CaughtUp();

  Universe* universe_;
  Clients* clients_;
};

// A key of its own in the group that begins at `split`.
std::string ProbeKey(const std::string& split);

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_UNIVERSE_AUDIT_H_
