// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TABLET_GROUP_GC_H_
#define ISOCHRON_TABLET_GROUP_GC_H_

// Version GC of one node's groups (rule 32, invariant 11).
//
// The horizon of a group is replicated. Its leader proposes SetHorizon when TT.now().earliest less
// the retention has moved on by an eighth of the retention and something was written that this may
// free: a group without new writes stays asleep. The horizon lies below every prepared transaction
// and not above what running reads protect, which they do for as long again as the retention.
//
// Removal is each replica's own. Versions that a newer one at or below the horizon shadows are
// dropped by compactions, which are told a horizon only after the store has flushed it: what they
// drop is gone at once, and a horizon that a crash took back would answer reads that miss it.
// How long versions are kept may change while it runs. Whoever tells it (SetRetention) says until
// when that holds; after that no horizon is proposed: a node that has not heard of a longer
// retention must not free what is still promised.
//
// Tombstones are removed by a paced pass over the group's rows, as ordinary deletions behind the
// horizon's own batch. Where the pass finds that much is shadowed it asks for a compaction.
//
// Loop-thread only. What Env points to outlives it.

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "common/executor.h"
#include "common/observer.h"
#include "common/sabotage.h"
#include "common/task.h"
#include "common/truetime.h"
#include "storage/engine/engine.h"
#include "storage/mvcc/mvcc.h"
#include "tablet/group/group.h"

namespace isochron::tablet {

class GarbageCollector {
 public:
  struct Env {
    Executor* executor;
    TrueTime* truetime;
    storage::Engine* engine;
    storage::MvccStore* store;
    Observer* observer;
    SabotageSet sabotage;
    std::function<std::vector<Group*>()> groups;
    std::function<Group*(GroupId)> find;
    std::function<void(absl::Status)> on_fatal;
  };
  struct Options {
    Micros retention_us = 3'600'000'000;
    bool wait_to_be_told = false;   // nothing is freed before SetRetention
    uint64_t step_versions = 1000;  // looked at in one step of a pass
    Micros step_pause_us = 5'000;
    uint64_t compact_min_bytes = 1 << 20;  // of garbage in a group, for a compaction of it
  };

  GarbageCollector(Env env, Options options)
      : env_(std::move(env)),
        options_(options),
        holds_until_us_(options.wait_to_be_told ? 0 : kForever),
        told_(env_.executor) {}

  // Begins its rounds. Once.
  void Start();

  // Holds until then (Executor::MonotonicNow), or until it is told again. Horizons do not go back.
  void SetRetention(Micros retention_us, Micros holds_until_us);
  // The oldest timestamp at which a read runs that may come here; Max when there is none.
  void SetOldestRead(std::function<Timestamp()> oldest_read) {
    oldest_read_ = std::move(oldest_read);
  }

 private:
  struct Swept {
    Timestamp horizon;  // up to here the group was passed over
    uint64_t written_bytes = 0;
    bool unknown = false;  // after a start: what was written since is not known
  };

  Task<void> Rounds();
  void ProposeHorizons();
  // The horizon that `group` may have now; 0: none.
  Timestamp HorizonFor(const Group& group, const TTInterval& now) const;
  // Flushes what horizons there are, then lets compactions use them.
  void PublishHorizons();
  bool WorthSweeping(const Group& group, const Swept& swept) const;
  Task<void> SweepAll();
  Task<void> Sweep(GroupId id);

  static constexpr Micros kForever = Micros{1} << 60;

  const Env env_;
  Options options_;
  Micros holds_until_us_;
  WaitList told_;
  std::function<Timestamp()> oldest_read_;
  std::map<GroupId, Swept> swept_;
  std::map<GroupId, Timestamp> published_;
  bool publishing_ = false;
  TaskScope scope_;
};

}  // namespace isochron::tablet

#endif  // ISOCHRON_TABLET_GROUP_GC_H_
