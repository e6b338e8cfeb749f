// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_LOCK_LOCK_TABLE_H_
#define ISOCHRON_TXN_LOCK_LOCK_TABLE_H_

// The lock table of one group's leader (OSDI 2012, section 2.1 and 4.2.1): shared and exclusive
// locks on half-open key ranges, gaps between rows included, with wound-wait.
//
// Order (rule 18). Attempt a precedes b when its transaction is older, or when it is a later
// attempt of the same transaction. A request that meets a conflicting holder it precedes wounds it:
// the holder's locks vanish at once and its own requests fail. A pinned holder (prepared, or with
// its commit proposed) cannot be wounded here: `pinned_blocked` asks for it to be aborted by its
// coordinator (rule 1). In every other case the request waits. Requests wait in the order of
// precedence and a request is not granted before a conflicting one that precedes it. So an
// unpinned attempt waits only for attempts that precede it: no cycle, no deadlock.
//
// A request takes all its spans at once or none. Locks belong to (transaction, attempt) (rule 19).
// A wounded, expired or rolled back attempt leaves a marker, so that it never re-acquires silently
// (rule 8); markers end with ForgetMarkers.
//
// Volatile: a new leader has a new table and a new epoch, and restores prepared locks (invariant
// 9). Loop-thread only. `done` and the callbacks run inside calls of the table and must not call
// it.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/sabotage.h"
#include "common/types.h"
#include "txn/api/transaction.h"

namespace isochron::txn {

struct LockSpan {
  KeyRange range;
  LockMode mode = LockMode::kShared;
};

// One line of isochron.locks.
struct LockInfo {
  TxnAttempt attempt;
  LockSpan span;
  bool granted = false;
  bool pinned = false;
};

class LockTable {
 public:
  struct Options {
    size_t max_waiting = 4096;     // requests
    size_t max_spans = 1'000'000;  // held, over all attempts
    SabotageSet sabotage;
  };
  struct Callbacks {
    std::function<void(const TxnAttempt&)> wounded;
    std::function<void(const TxnAttempt&)> pinned_blocked;
  };
  using Done = absl::AnyInvocable<void(absl::Status)>;
  using RequestId = uint64_t;

  LockTable(Options options, Callbacks callbacks);
  ~LockTable();
  LockTable(const LockTable&) = delete;
  LockTable& operator=(const LockTable&) = delete;

  // Takes all of `spans` for the attempt. `done` hears OK, now or later; ABORTED when the attempt
  // is wounded, expired or was released; RESOURCE_EXHAUSTED when too much waits or is held; or what
  // Cancel or FailAll say. What the attempt already holds is not asked for again. Returns 0 when
  // `done` ran already.
  RequestId Acquire(const TxnAttempt& attempt, std::vector<LockSpan> spans, Micros now, Done done);
  // The same, but never waits and never wounds: false when it would have to, and then nothing has
  // changed. A waiter that precedes it is in the way, too.
  absl::StatusOr<bool> TryAcquire(const TxnAttempt& attempt, std::vector<LockSpan> spans,
                                  Micros now);
  // Ends a waiting request with `status`. No effect when it is not waiting any more.
  void Cancel(RequestId id, absl::Status status);

  // The attempt has locks here, or had its requests granted, and was not wounded since.
  bool Alive(const TxnAttempt& attempt) const;
  // A marker says that the attempt ended here.
  bool Ended(const TxnAttempt& attempt) const;
  bool Pinned(const TxnAttempt& attempt) const;
  // From now on the attempt is not woundable. Makes an entry when there is none.
  void Pin(const TxnAttempt& attempt);
  // Grants without asking and pins: prepared locks at a new leader, before anything else.
  void Restore(const TxnAttempt& attempt, const std::vector<LockSpan>& spans);

  // Ends the attempt's locks and waiting requests (with ABORTED), pinned or not. With `marker` it
  // cannot come back.
  void Release(const TxnAttempt& attempt, bool marker);
  // Sabotage release-ignores-attempt: the locks of every attempt of `txn` go; the attempts stay.
  void DropLocksOfAnyAttempt(const TxnId& txn);
  // As Release with a marker for an unpinned attempt, and says `wounded`. False when there is no
  // such.
  bool Wound(const TxnAttempt& attempt);

  // Still wanted by its gateway.
  void Touch(const TxnAttempt& attempt, Micros now);
  // Ends unpinned attempts without a waiting request last touched before `limit`.
  std::vector<TxnAttempt> Expire(Micros limit);
  void ForgetMarkers(Micros limit);

  // Leadership is over: every waiting request ends with `status`, every lock goes.
  void FailAll(const absl::Status& status);

  // Greatest version the attempt read under its locks (a read vote's s_min, rule 4).
  void NoteRead(const TxnAttempt& attempt, Timestamp version);
  Timestamp max_read(const TxnAttempt& attempt) const;

  // Everything the attempt holds.
  std::vector<LockSpan> SpansOf(const TxnAttempt& attempt) const;
  std::vector<LockInfo> Describe() const;
  // Somebody who began before `limit` has locks.
  bool HeldSince(Timestamp limit) const;
  size_t waiting() const { return waiters_.size(); }
  size_t attempts() const { return attempts_.size(); }
  size_t held_spans() const { return held_spans_; }
  // Aborts the process when two conflicting holders overlap. For tests.
  void CheckInvariants() const;

 private:
  struct Attempt {
    bool pinned = false;
    bool ended = false;  // a marker
    Micros touched = 0;
    Timestamp max_read;
    std::vector<LockSpan> spans;
    int waiting = 0;
  };
  using Attempts = std::map<TxnAttempt, Attempt>;
  struct Holder {
    Attempts::value_type* who;
    LockMode mode;
  };
  // Disjoint pieces of the key space with at least one holder each, by start.
  struct Segment {
    std::string end;  // empty: to the end of the key space
    absl::InlinedVector<Holder, 2> holders;
  };
  using Segments = absl::btree_map<std::string, Segment>;
  struct WaiterKey {
    TxnAttempt attempt;
    RequestId id = 0;
  };
  struct InOrder {
    bool fifo;
    bool operator()(const WaiterKey& a, const WaiterKey& b) const;
  };
  struct Waiter {
    std::vector<LockSpan> spans;
    Done done;
  };
  using Waiters = std::map<WaiterKey, Waiter, InOrder>;

  Attempts::value_type* Entry(const TxnAttempt& attempt);
  bool Covered(const Attempts::value_type* who, const LockSpan& span) const;
  // Conflicting holders of other attempts, each once per segment.
  void ForEachConflict(const Attempts::value_type* who, const std::vector<LockSpan>& spans,
                       const std::function<bool(const Holder&)>& fn) const;
  // Wounds what may be wounded; true when something remains in the way.
  bool BlockedByHolders(Attempts::value_type* who, const std::vector<LockSpan>& spans);
  bool BlockedByWaiters(const WaiterKey& key, const std::vector<LockSpan>& spans) const;
  void Grant(Attempts::value_type* who, const std::vector<LockSpan>& spans);
  void Add(Attempts::value_type* who, const LockSpan& span);
  void SplitAt(const std::string& key);
  void Remove(Attempts::value_type* who, const KeyRange& range);
  void MergeAround(const std::string& start, const std::string& end);
  // Drops locks and requests; leaves the entry.
  void Strip(Attempts::value_type* who, const absl::Status& status);
  void End(Attempts::value_type* who, const absl::Status& status, bool marker);
  // Grants what can be granted, in order.
  void GrantWaiters();

  Options options_;
  Callbacks callbacks_;
  Attempts attempts_;
  Segments segments_;
  Waiters waiters_;
  std::map<RequestId, TxnAttempt> waiting_by_id_;
  RequestId next_id_ = 0;
  size_t held_spans_ = 0;
  bool granting_ = false;
};

// a goes before b (see above). A strict total order.
bool Precedes(const TxnAttempt& a, const TxnAttempt& b);

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_LOCK_LOCK_TABLE_H_
