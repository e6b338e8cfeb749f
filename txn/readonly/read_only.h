// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_READONLY_READ_ONLY_H_
#define ISOCHRON_TXN_READONLY_READ_ONLY_H_

// A read-only transaction: one timestamp, no locks (OSDI 2012, 4.1.4 and 4.2.2; rule 16).
//
// Given a timestamp, it reads at that, at the nearest replica of each group. Strong, it fixes one
// at its first read and keeps it for every later one, for pages, reroutes and retries: if that read
// lies in one group the group's leader chooses (a single round, no clock needed here), else
// TT.now().latest of this gateway. Either is at least as great as the commit timestamp of every
// transaction acknowledged before. One that makes a single call lets the leader of a single group
// choose LastTS. Bounded, Settle() asks the nearest replica of every group that will be read how
// far it is and takes the newest timestamp that all of them can serve at once.
//
// Replicas hold the answer back until TT.after the greatest version in it (rule 2). The timestamp
// is known to the gateway as long as the transaction exists, so that version GC spares it.

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "txn/api/groups_asked.h"
#include "txn/api/transaction.h"
#include "txn/gateway/gateway_env.h"
#include "txn/gateway/range_reader.h"

namespace isochron::txn {

class ReadOnlyTransaction : public ReadTransaction,
                            public ReducingTransaction,
                            public AsksGroups,
                            private GroupReader {
 public:
  ReadOnlyTransaction(std::shared_ptr<Gateway> gateway, ReadOptions options);
  ~ReadOnlyTransaction() override;

  Task<absl::Status> Settle(Ctx ctx, std::vector<KeyRange> ranges) override;
  Task<absl::StatusOr<std::optional<std::string>>> Get(Ctx ctx, std::string key,
                                                       LockMode lock) override;
  Task<absl::StatusOr<std::vector<std::optional<std::string>>>> MultiGet(
      Ctx ctx, std::vector<std::string> keys, LockMode lock) override;
  Task<absl::StatusOr<ScanResponse>> Scan(Ctx ctx, ScanRequest request) override;
  Task<absl::StatusOr<ReduceResponse>> Reduce(Ctx ctx, ReduceRequest request) override {
    return reader_.Reduce(std::move(ctx), std::move(request));
  }
  Task<absl::StatusOr<ScanResponse>> Filter(Ctx ctx, ScanRequest request,
                                            std::string program) override;
  Timestamp read_timestamp() const override { return t_; }
  const std::set<GroupId>& groups_asked() const override { return asked_; }

 private:
  Task<absl::StatusOr<SpanPage>> ReadGroup(Ctx ctx, GroupId group, SpanRead read,
                                           bool several) override;
  void Fix(Timestamp t);
  // How far the nearest replicas of the groups of `ranges` are; nullopt when that is not known.
  Task<std::optional<Timestamp>> SafeOf(Ctx ctx, std::vector<KeyRange> ranges);
  Task<std::optional<Timestamp>> SafeAtNearest(Ctx ctx, GroupId group, std::vector<KeyRange> spans);

  const std::shared_ptr<Gateway> gateway_;
  const ReadOptions options_;
  Timestamp t_;  // 0: not fixed yet
  bool any_replica_;
  std::set<GroupId> asked_;
  RangeReader reader_;
};

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_READONLY_READ_ONLY_H_
