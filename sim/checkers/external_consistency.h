// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_CHECKERS_EXTERNAL_CONSISTENCY_H_
#define ISOCHRON_SIM_CHECKERS_EXTERNAL_CONSISTENCY_H_

// The external consistency checker (rule 10): timestamps are the claimed order, so that checking a
// history takes a sort and a sweep instead of a search.
//
//   real-time order   T1 complete before T2 began: s1 < s2. Transaction, then strong read: s <=
//   t_R.
//                     Read, then transaction: s > the greatest version observed (not > t_R, which
//                     would flag legal runs). Read, then strong read: t_R >= that version.
//                     A strong read that may use LastTS is held to the same key by key. A bounded
//                     read: t_R >= its bound.
//   values            a read at t returned the newest version at or below t; the reads of a
//                     read-write transaction the newest below its own s.
//   exposure          s lies after the instant the transaction began and before the instant its
//                     effects were first seen (invariants 4 and 5).
//   outcomes          what was acknowledged is stored at its timestamp, what was aborted is neither
//                     stored nor seen, a transaction took effect wholly or not at all, and nothing
//                     is stored that nobody wrote.
//   timestamps        two transactions that conflict never share one.
//
// Outcomes that the client does not know are "maybe". With `stored` (all versions found at the end
// of the run) they are resolved by what is there. Without it such a transaction's timestamp is
// confined to what its observers allow, and only a contradiction is an anomaly.

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/checkers/history.h"

namespace isochron::sim {

class ExternalConsistencyChecker {
 public:
  // All outlive the checker; all but the history may be null. `written` holds every version that
  // was ever stored: where version GC runs, the stores alone do not tell. `horizons` are those of
  // the keys at the end: what is shadowed at or below them need not be stored any more.
  ExternalConsistencyChecker(const History* history, const StoredVersions* stored,
                             const StoredVersions* written = nullptr,
                             const std::map<std::string, Timestamp>* horizons = nullptr);

  // All anomalies, at most `limit`; empty when the history is legal.
  std::vector<Anomaly> Check(size_t limit = 10);

 private:
  struct Version {
    Timestamp ts;
    std::optional<std::string> value;
    size_t op;
  };
  // Where a written value came from. A transaction that took effect has an index in its timeline.
  struct Source {
    size_t op;
    bool effective;
    Timestamp ts;
  };
  struct Maybe {  // an unknown transaction that was seen: lo < s <= hi
    Timestamp lo;
    Timestamp hi = Timestamp::Max();
    size_t lo_op = 0, hi_op = 0;
  };
  struct Bound {
    Timestamp ts;
    size_t op = 0;
  };

  void Report(std::string name, std::string what, std::vector<size_t> ops);
  void ResolveOutcomes();
  void ResolveUnknown(const Operation& op);
  void CheckStored();
  void BuildTimelines();
  // Version GC may have removed the version `at` of the key's timeline.
  bool MayBeGone(const std::string& key, const std::vector<Version>& timeline, size_t at) const;
  void CheckReads();
  void CheckReadAt(const Operation& op, const ObservedRead& read, Timestamp t, bool inclusive);
  void CheckUntimed(const Operation& op);
  void CheckSeen(const Operation& op, const ObservedRead& read);
  void NarrowMaybes();
  void CheckReadsPastMaybes();
  void CheckRealTime();
  void CheckOrder(const Operation& op, const Bound& committed, const Bound& observed);
  void CheckOrderByKey(const Operation& op);
  // What `op` has shown of each key: no strong read of the key that begins later is older.
  void NoteByKey(const Operation& op);
  // The newest version at or below (inclusive) or below t; null when there is none.
  const Version* Newest(const std::string& key, Timestamp t, bool inclusive) const;
  // Without the store: an unknown transaction may have deleted the key, which leaves no trace.
  bool MaybeDeleted(const std::string& key) const;
  const Source* FindSource(const std::string& key, const std::string& value) const;
  const Operation& op(size_t id) const { return history_->operations()[id]; }

  const History* history_;
  const StoredVersions* stored_;
  const StoredVersions* written_;
  const std::map<std::string, Timestamp>* horizons_;
  size_t limit_ = 10;
  std::vector<bool> effective_;  // by operation
  std::vector<Timestamp> s_;     // by operation: its commit timestamp, if it took effect
  std::map<size_t, Maybe> maybe_;
  std::set<std::string> maybe_deleted_;  // keys that an unknown transaction deletes
  std::map<std::string, Bound> by_key_;  // of the sweep in real-time order
  std::map<std::string, std::vector<Version>> timelines_;
  std::map<std::pair<std::string, std::string>, Source> sources_;
  std::vector<Anomaly> anomalies_;
};

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_CHECKERS_EXTERNAL_CONSISTENCY_H_
