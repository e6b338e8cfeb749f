// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_GATEWAY_GATEWAY_STORE_H_
#define ISOCHRON_TXN_GATEWAY_GATEWAY_STORE_H_

// The Store of one node's gateway: makes transactions and splits groups.
//
// A transaction's identity is its age (rule 18): TT.now().latest here when it began, then this
// node, its incarnation and a sequence number. Without a clock bound none can begin (rule 5).
//
// Loop-thread only. Its destruction ends all that goes on in the background; transactions that are
// still open then fail with UNAVAILABLE, and may be destroyed later.

#include <memory>
#include <string>

#include "txn/api/transaction.h"
#include "txn/gateway/gateway_env.h"

namespace isochron::txn {

class GatewayStore : public Store {
 public:
  GatewayStore(GatewayEnv env, Random random);
  ~GatewayStore() override;

  absl::StatusOr<std::unique_ptr<ReadWriteTransaction>> Begin(Ctx ctx) override;
  absl::StatusOr<std::unique_ptr<ReadWriteTransaction>> Retry(
      Ctx ctx, const ReadWriteTransaction& previous) override;
  absl::StatusOr<std::unique_ptr<ReadWriteTransaction>> BeginWithin(
      Ctx ctx, const ReadWriteTransaction& parent) override;
  absl::StatusOr<std::unique_ptr<ReadTransaction>> BeginReadOnly(
      Ctx ctx, std::optional<Timestamp> t) override;
  absl::StatusOr<std::unique_ptr<ReadTransaction>> BeginRead(Ctx ctx, ReadOptions options) override;
  Task<absl::Status> SplitAt(Ctx ctx, std::string key) override {
    return Split(std::move(ctx), std::move(key), /*by_size=*/false);
  }
  Task<absl::Status> SplitBySize(Ctx ctx, std::string key) override {
    return Split(std::move(ctx), std::move(key), /*by_size=*/true);
  }
  Task<absl::Status> ChangeReplica(Ctx ctx, GroupId group, NodeId node,
                                   ReplicaChange change) override;
  Task<absl::Status> TransferLeader(Ctx ctx, GroupId group, NodeId to) override;
  Task<absl::Status> MergeAt(Ctx ctx, std::string key) override;
  Executor* executor() override { return gateway_->env.executor; }

  // Read-write transactions that exist.
  size_t open() const { return gateway_->open; }
  // The smallest timestamp that an open read-only transaction reads at; Max() when there is none.
  Timestamp OldestRead() const {
    const auto& all = gateway_->read_timestamps;
    return all.empty() ? Timestamp::Max() : *all.begin();
  }

 private:
  Task<absl::Status> Split(Ctx ctx, std::string key, bool by_size);
  absl::Status Admit(const Ctx& ctx) const;
  // A group id that was never given out.
  Task<absl::StatusOr<GroupId>> NewGroupId(Ctx ctx);

  const std::shared_ptr<Gateway> gateway_;
};

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_GATEWAY_GATEWAY_STORE_H_
