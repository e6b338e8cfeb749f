// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TABLET_GROUP_SAFE_TIME_H_
#define ISOCHRON_TABLET_GROUP_SAFE_TIME_H_

// t_paxos of one replica: the timestamp up to which it misses nothing of its group's log (OSDI
// 2012, 4.1.3; invariant 7).
//
// Two sources, the greater counts. The applied prefix: timestamps that leaders assigned rise along
// the log, so nothing unapplied lies at or below the greatest one applied (never an outcome's s,
// which is another group's: rule 9). And promises of leaders, "beyond `index` nothing will be
// assigned at or below t", usable from when that index is applied (rule 13): entries up to there
// which a later leader put in the place of lost ones lie above the old lease, so above t.
//
// A promise never becomes wrong, so leaders are not told apart. Pure; loop-thread only.

#include <cstddef>
#include <map>

#include "common/sabotage.h"
#include "common/types.h"

namespace isochron::tablet {

class SafeTime {
 public:
  explicit SafeTime(SabotageSet sabotage) : sabotage_(sabotage) {}

  void Promise(LogIndex index, Timestamp t);

  // t_paxos of a replica that applied `applied`, in which `assigned` is the greatest timestamp.
  // `applied` never goes down from call to call.
  Timestamp At(LogIndex applied, Timestamp assigned);
  // A promise that covers t is here and waits only for its index to be applied.
  bool WillCover(Timestamp t) const { return !waiting_.empty() && waiting_.rbegin()->second >= t; }
  size_t waiting() const { return waiting_.size(); }

 private:
  static constexpr size_t kMaxWaiting = 16;

  SabotageSet sabotage_;
  Timestamp usable_;
  std::map<LogIndex, Timestamp> waiting_;  // by index, timestamps rising; all above usable_
};

}  // namespace isochron::tablet

#endif  // ISOCHRON_TABLET_GROUP_SAFE_TIME_H_
