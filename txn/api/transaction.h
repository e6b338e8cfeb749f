// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_API_TRANSACTION_H_
#define ISOCHRON_TXN_API_TRANSACTION_H_

// What SQL sees of transactions: a store of encoded keys with read-write transactions (buffered
// writes, two-phase locking, 2PC) and read-only ones (one timestamp, no locks). OSDI 2012, 4.2.
//
// Key and value are opaque bytes. A read-write transaction sees its own buffered writes in every
// read (rule 17). Nothing is sent for a write before Commit. Loop-thread only. A transaction is
// used by one coroutine at a time; dropping one that is still open rolls it back.
//
// Errors: ABORTED = wounded, expired or lock-table epoch lost: nothing took effect, run it again
// with Store::Retry. UNKNOWN = the outcome of a commit cannot be known (invariant 10). UNAVAILABLE
// = no leader or no clock bound in time, nothing took effect. DEADLINE_EXCEEDED, CANCELLED from the
// context (before the commit was sent; nothing took effect). RESOURCE_EXHAUSTED = a size or age
// limit.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/request_context.h"
#include "common/task.h"
#include "common/types.h"

namespace isochron::txn {

enum class LockMode : uint8_t {
  kShared = 0,
  kExclusive =
      1,  // for what the statement will write (rule 17): UPDATE, DELETE, FOR UPDATE, INSERT
};

struct KeyValue {
  std::string key;
  std::string value;
};

struct ScanRequest {
  KeyRange range;
  uint64_t limit_rows = 0;  // 0 = none
  bool reverse = false;
  LockMode lock = LockMode::kShared;  // read-write transactions only
};

struct ScanResponse {
  std::vector<KeyValue> rows;  // in scan order
  // Set when the scan stopped early (row limit or a page's byte limit): continue with this range.
  std::optional<KeyRange> rest;
};

struct CommitOptions {
  // Abort if no commit timestamp <= s_max can be chosen (a cached schema's validity, rule 37).
  Timestamp s_max = Timestamp::Max();
};

struct CommitResult {
  Timestamp commit_timestamp;  // 0 for a transaction that wrote nothing
  int groups = 0;              // participants
};

// When a read-only transaction looks, and where.
struct ReadOptions {
  std::optional<Timestamp> t;  // exactly then; nullopt and no bound: strong
  // Bounded: the newest timestamp that the nearest replicas can serve at once, never before this
  // one (rule 16). Settle() fixes it; without it the bound itself is read at.
  std::optional<Timestamp> not_before;
  // The transaction makes a single call. A strong one of a single group then reads at the group's
  // LastTS and does not wait for writes in flight (OSDI 2012, 4.2.2); its timestamp says nothing
  // about other groups.
  bool single_read = false;
  // Strong, yet at the nearest replica: that asks its leader for a timestamp.
  bool strong_at_replica = false;
};

class ReadTransaction {
 public:
  virtual ~ReadTransaction() = default;

  // Fixes the timestamp of a bounded transaction for reads of `ranges`; nothing for others, or a
  // second time. Never fails for want of an answer: the bound is then the timestamp. Errors of ctx.
  virtual Task<absl::Status> Settle(Ctx /*ctx*/, std::vector<KeyRange> /*ranges*/) {
    co_return absl::OkStatus();
  }

  // Null when the key has no value. Locks the point, present or absent, in a read-write
  // transaction.
  virtual Task<absl::StatusOr<std::optional<std::string>>> Get(Ctx ctx, std::string key,
                                                               LockMode lock) = 0;
  // Many points at once, one message a group; results in the order of `keys`.
  virtual Task<absl::StatusOr<std::vector<std::optional<std::string>>>> MultiGet(
      Ctx ctx, std::vector<std::string> keys, LockMode lock) = 0;
  virtual Task<absl::StatusOr<ScanResponse>> Scan(Ctx ctx, ScanRequest request) = 0;

  // The timestamp this transaction reads at; 0 while unset (a strong read fixes it at the first
  // read, a read-write transaction has none).
  virtual Timestamp read_timestamp() const = 0;
};

class ReadWriteTransaction : public ReadTransaction {
 public:
  virtual TxnAttempt id() const = 0;

  // Buffered. RESOURCE_EXHAUSTED past the transaction's size limit.
  virtual absl::Status Put(std::string key, std::string value) = 0;
  virtual absl::Status Delete(std::string key) = 0;

  // Savepoints are marks in the buffer (locks stay).
  virtual size_t Mark() const = 0;
  virtual void RollbackToMark(size_t mark) = 0;
  virtual bool has_writes() const = 0;

  virtual Task<absl::StatusOr<CommitResult>> Commit(Ctx ctx, CommitOptions options) = 0;
  // Idempotent; releases locks in the background.
  virtual void Rollback() = 0;
};

enum class ReplicaChange : uint8_t { kVoter, kReadOnly, kWitness, kNone };

class Store {
 public:
  virtual ~Store() = default;

  // UNAVAILABLE without a clock bound (rule 5). RESOURCE_EXHAUSTED when too many are open.
  virtual absl::StatusOr<std::unique_ptr<ReadWriteTransaction>> Begin(Ctx ctx) = 0;
  // A new attempt of a finished or aborted transaction: keeps its age (rule 19).
  virtual absl::StatusOr<std::unique_ptr<ReadWriteTransaction>> Retry(
      Ctx ctx, const ReadWriteTransaction& previous) = 0;
  // A transaction of its own that `parent` waits for while it holds locks, and as old as that: whom
  // the parent would wound, it wounds (rule 1). A younger one would wait for those who wait for the
  // parent. A store without wounds need not know.
  virtual absl::StatusOr<std::unique_ptr<ReadWriteTransaction>> BeginWithin(
      Ctx ctx, const ReadWriteTransaction& /*parent*/) {
    return Begin(std::move(ctx));
  }
  // At `t`, or strong (one timestamp >= every transaction acknowledged before) when nullopt.
  virtual absl::StatusOr<std::unique_ptr<ReadTransaction>> BeginReadOnly(
      Ctx ctx, std::optional<Timestamp> t) = 0;
  // The same with all options. A store that knows no replicas reads at the bound.
  virtual absl::StatusOr<std::unique_ptr<ReadTransaction>> BeginRead(Ctx ctx, ReadOptions options) {
    return BeginReadOnly(std::move(ctx), options.t.has_value() ? options.t : options.not_before);
  }

  // Splits the group that holds `key` at it, so that `key` begins a new group. OK if it already
  // does.
  virtual Task<absl::Status> SplitAt(Ctx ctx, std::string key) = 0;
  // The same because the group is large: two small neighbours with such a border between them may
  // be merged again (placement/small_groups.h).
  virtual Task<absl::Status> SplitBySize(Ctx ctx, std::string key) {
    return SplitAt(std::move(ctx), std::move(key));
  }

  // Makes the replica of `group` on `node` of that kind; adds one if there is none, and takes it
  // away for kNone. OK when it is so already. FAILED_PRECONDITION says why not now (too few other
  // replicas answer); DEADLINE_EXCEEDED while a new one still catches up: ask again.
  virtual Task<absl::Status> ChangeReplica(Ctx /*ctx*/, GroupId /*group*/, NodeId /*node*/,
                                           ReplicaChange /*change*/) {
    co_return absl::UnimplementedError("replicas do not change here");
  }
  // Hands the leadership of `group` over to `to`.
  virtual Task<absl::Status> TransferLeader(Ctx /*ctx*/, GroupId /*group*/, NodeId /*to*/) {
    co_return absl::UnimplementedError("leaders do not change here");
  }
  // Merges the group that begins at `key` into its left-hand neighbour. OK if none begins there.
  // FAILED_PRECONDITION when their replicas differ or one of them is down.
  virtual Task<absl::Status> MergeAt(Ctx ctx, std::string key) = 0;

  virtual Executor* executor() = 0;
};

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_API_TRANSACTION_H_
