// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_READONLY_READ_ONLY_H_
#define ISOCHRON_TXN_READONLY_READ_ONLY_H_

// A read-only transaction: one timestamp, no locks (OSDI 2012, 4.1.4 and 4.2.2; rule 16).
//
// Given a timestamp, it reads at that. Strong, it fixes one at its first read and keeps it for
// every later one, for pages, reroutes and retries: if that read lies in one group the group's
// leader chooses (a single round, no clock needed here), else TT.now().latest of this gateway.
// Either is at least as great as the commit timestamp of every transaction acknowledged before.
//
// Leaders hold the answer back until TT.after the greatest version in it (rule 2).

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "txn/api/transaction.h"
#include "txn/gateway/gateway_env.h"
#include "txn/gateway/range_reader.h"

namespace isochron::txn {

class ReadOnlyTransaction : public ReadTransaction, private GroupReader {
 public:
  // `t` nullopt: strong.
  ReadOnlyTransaction(std::shared_ptr<Gateway> gateway, std::optional<Timestamp> t);

  Task<absl::StatusOr<std::optional<std::string>>> Get(Ctx ctx, std::string key,
                                                       LockMode lock) override;
  Task<absl::StatusOr<std::vector<std::optional<std::string>>>> MultiGet(
      Ctx ctx, std::vector<std::string> keys, LockMode lock) override;
  Task<absl::StatusOr<ScanResponse>> Scan(Ctx ctx, ScanRequest request) override;
  Timestamp read_timestamp() const override { return t_; }

 private:
  Task<absl::StatusOr<SpanPage>> ReadGroup(Ctx ctx, GroupId group, SpanRead read,
                                           bool several) override;

  const std::shared_ptr<Gateway> gateway_;
  Timestamp t_;  // 0: not fixed yet
  RangeReader reader_;
};

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_READONLY_READ_ONLY_H_
