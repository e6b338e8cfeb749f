// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_SESSION_ADVISORY_H_
#define ISOCHRON_SQL_SESSION_ADVISORY_H_

// Advisory locks (pg_advisory_lock and its kin), over all nodes.
//
// They outlive transactions, so they are no locks of the lock table: a lock is a row of the catalog
// that lists its holders, and is taken and given back by small transactions of its own. A holder is
// a session of a node under the node's lease, another row: when the lease has ended, whoever wants
// the lock passes over the holder. One lease for all locks of a node, renewed in the background
// while it has any.
//
// Why no two holders meet:
//   - A lease is renewed by a commit with a timestamp not after its end (CommitOptions::s_max), so
//     one that has ended is never alive again; a node whose lease ended begins another one, under
//     another name.
//   - A taker counts a lease as ended when TT.after(its end), before its own commit: so its commit
//     timestamp is after the end, and, transactions being serializable, it has seen every renewal.
//   - The node counts its own as ended when its TT.now().latest has reached the end that it knows
//     to be committed. From then on its sessions hold nothing: each is told so, by an error, with
//     its next statement, and ends.
//
// A lock that is not free is waited for by asking again, with growing pauses: whoever asks first
// after it became free gets it. Locks of a transaction go with it, whatever replays it had; those
// of a session with UNLOCK, DISCARD ALL, or its end. Owned by the engine; loop-thread only.

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/executor.h"
#include "common/observer.h"
#include "common/random.h"
#include "common/request_context.h"
#include "common/sabotage.h"
#include "common/task.h"
#include "common/truetime.h"
#include "common/types.h"
#include "txn/api/transaction.h"

namespace isochron::sql {

// One bigint, or two integers: spaces of their own, as PostgreSQL has them.
struct AdvisoryKey {
  bool pair = false;
  int64_t a = 0;
  int64_t b = 0;
  auto operator<=>(const AdvisoryKey&) const = default;
};

class AdvisoryLocks {
 public:
  struct Deps {
    txn::Store* store;
    Executor* executor;
    TrueTime* truetime;
    Random* random;
    Observer* observer;  // may be null
    SabotageSet sabotage;
    Micros lease_us;
  };
  // Of one node.
  static constexpr size_t kMaxHeld = 100'000;

  explicit AdvisoryLocks(Deps deps) : deps_(deps), changed_(deps.executor) {}

  // Whether the session has it now; false only without `wait`. 55P03 after the lock timeout, 57014,
  // 54000 beyond kMaxHeld.
  Task<absl::StatusOr<bool>> Lock(Ctx ctx, uint64_t session, AdvisoryKey key, bool shared,
                                  bool of_transaction, bool wait);
  // False when the session does not hold it as its own.
  Task<absl::StatusOr<bool>> Unlock(Ctx ctx, uint64_t session, AdvisoryKey key, bool shared);
  Task<absl::Status> UnlockAll(Ctx ctx, uint64_t session);
  bool OfTransaction(uint64_t session) const;
  Task<absl::Status> EndTransaction(Ctx ctx, uint64_t session);
  // In the background.
  void EndTransactionSoon(uint64_t session);
  void EndSession(uint64_t session);

  // Nothing is under way in the background.
  bool idle() const { return scope_.size() == 0; }

  static absl::Status LostError();
  // The session held locks, and the node's lease ended. Says so until the session ends.
  bool Lost(uint64_t session);
  // It holds some, and they are its own at this moment.
  bool Vouches(uint64_t session) const;

 private:
  struct Counts {
    // By scope (session, transaction) and mode (exclusive, shared).
    int of[2][2] = {{0, 0}, {0, 0}};
    int in_mode(bool shared) const { return of[0][shared] + of[1][shared]; }
    bool none() const { return in_mode(false) + in_mode(true) == 0; }
  };
  using Held = std::map<AdvisoryKey, Counts>;
  // A line of a lock's row.
  struct Holder {
    std::string lease;
    uint64_t session = 0;
    bool shared = false;
  };
  using Entry = std::tuple<uint64_t, AdvisoryKey, bool>;
  struct Unsettled;

  static std::string LockKey(const AdvisoryKey& key);
  static std::string LeaseKey(const std::string& lease);
  static absl::StatusOr<std::vector<Holder>> Decode(const std::string& row);
  static std::string Encode(const std::vector<Holder>& holders);

  absl::StatusOr<bool> Valid() const;
  void LoseAll();
  Task<absl::Status> EnsureLease(Ctx ctx);
  Task<absl::Status> NewLease(Ctx ctx);
  Task<absl::Status> RenewLease(Ctx ctx);
  Task<void> KeepLease();
  // One transaction that tries.
  Task<absl::StatusOr<bool>> TryOnce(Ctx ctx, uint64_t session, AdvisoryKey key, bool shared);
  // Whether the holder's lease has ended.
  Task<absl::StatusOr<bool>> Dead(Ctx ctx, txn::ReadWriteTransaction* txn, std::string lease);
  Task<absl::Status> Remove(Ctx ctx, Entry entry);
  // Entries that nobody counts any more; until they are gone from their rows.
  Task<void> RemoveSoon(std::vector<Entry> entries);
  Task<absl::Status> RemoveAll(Ctx ctx, std::vector<Entry> entries);
  // Takes the counts of a scope away: what is then to be removed.
  std::vector<Entry> Uncount(uint64_t session, int scope);
  Task<absl::Status> Pause(Ctx ctx, int attempt);
  Ctx OwnContext() const;

  const Deps deps_;
  std::string lease_;  // its name; empty: none
  Timestamp lease_end_;
  bool ensuring_ = false;
  bool keeping_ = false;
  std::map<uint64_t, Held> held_;
  std::set<Entry> leaving_;  // their removal has begun
  WaitList changed_;         // ensuring_ or leaving_ did
  std::set<uint64_t> lost_;
  TaskScope scope_;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_SESSION_ADVISORY_H_
