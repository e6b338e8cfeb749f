// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_GATEWAY_READ_WRITE_H_
#define ISOCHRON_TXN_GATEWAY_READ_WRITE_H_

// A read-write transaction at the gateway: reads lock at the groups' leaders and see the own
// writes, which stay here until Commit (OSDI 2012, 4.2.1).
//
// States. Open; doomed (a group said that locks are lost: every further call is ABORTED); finished
// (committed, being committed, or rolled back). What the background work must know is in Held,
// which outlives this object.
//
// A group's lock-table epoch is remembered at the first locked read there and named in each later
// message: locks of another epoch are gone (rule 8). From one second of age on a heartbeat each
// second keeps the locks alive while the client thinks.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "txn/api/groups_asked.h"
#include "txn/api/transaction.h"
#include "txn/gateway/commit_driver.h"
#include "txn/gateway/gateway_env.h"
#include "txn/gateway/range_reader.h"
#include "txn/gateway/write_buffer.h"

namespace isochron::txn {

class GatewayTransaction : public ReadWriteTransaction, public AsksGroups, private GroupReader {
 public:
  GatewayTransaction(std::shared_ptr<Gateway> gateway, TxnAttempt id);
  // Rolls back what is still open.
  ~GatewayTransaction() override;

  TxnAttempt id() const override { return held_->id; }
  Timestamp read_timestamp() const override { return Timestamp(); }
  const std::set<GroupId>& groups_asked() const override { return held_->asked; }

  Task<absl::StatusOr<std::optional<std::string>>> Get(Ctx ctx, std::string key,
                                                       LockMode lock) override;
  Task<absl::StatusOr<std::vector<std::optional<std::string>>>> MultiGet(
      Ctx ctx, std::vector<std::string> keys, LockMode lock) override;
  Task<absl::StatusOr<ScanResponse>> Scan(Ctx ctx, ScanRequest request) override;

  absl::Status Put(std::string key, std::string value) override;
  absl::Status Delete(std::string key) override;
  size_t Mark() const override { return buffer_.Mark(); }
  void RollbackToMark(size_t mark) override { buffer_.RollbackTo(mark); }
  bool has_writes() const override { return !buffer_.empty(); }

  Task<absl::StatusOr<CommitResult>> Commit(Ctx ctx, CommitOptions options) override;
  void Rollback() override;

 private:
  // Locks, known to the heartbeats too.
  struct Held {
    TxnAttempt id;
    std::map<GroupId, peer::LockEpoch> epochs;
    std::set<GroupId> asked;  // where locks may be held: a request was sent
    bool finished = false;
    absl::Status doomed;  // ABORTED once locks were lost
  };

  // OK while the transaction can go on: open, not doomed, not too old, ctx alive.
  absl::Status Usable(const Ctx& ctx) const;
  Task<absl::StatusOr<SpanPage>> ReadGroup(Ctx ctx, GroupId group, SpanRead read,
                                           bool several) override;
  Task<absl::StatusOr<CommitPlan>> Plan(Ctx ctx, CommitOptions options);
  static Task<void> Heartbeats(Gateway* gateway, std::shared_ptr<Held> held);
  static Task<void> Beat(Gateway* gateway, std::shared_ptr<Held> held, GroupId group,
                         peer::LockEpoch epoch);
  static Task<void> RunCommit(Gateway* gateway, CommitPlan plan, OneShot<CommitReport> report);

  const std::shared_ptr<Gateway> gateway_;
  const std::shared_ptr<Held> held_;
  const Micros begun_us_;
  WriteBuffer buffer_;
  RangeReader reader_;
};

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_GATEWAY_READ_WRITE_H_
