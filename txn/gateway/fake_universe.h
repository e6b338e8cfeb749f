// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_GATEWAY_FAKE_UNIVERSE_H_
#define ISOCHRON_TXN_GATEWAY_FAKE_UNIVERSE_H_

// A gateway over FakeGroups, for tests. The router is a stale one: it knows what it was told.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rpc/test_net.h"
#include "gtest/gtest.h"
#include "txn/api/system_keys.h"
#include "txn/gateway/fake_groups.h"
#include "txn/gateway/gateway_store.h"

namespace isochron::txn {

// Entries of groups as last learnt; Refresh asks the groups.
class FakeRouter : public Router {
 public:
  explicit FakeRouter(FakeGroups* groups) : groups_(groups) {}
  const GroupDescriptor* Find(const std::string& key) const override {
    const GroupDescriptor* best = nullptr;
    for (const auto& [id, d] : known_) {
      if (d.range.Contains(key) && (best == nullptr || d.generation > best->generation)) best = &d;
    }
    return Clip(best, key);
  }
  const GroupDescriptor* FindBefore(const std::string& end) const override {
    const GroupDescriptor* best = nullptr;
    for (const auto& [id, d] : known_) {
      const bool reaches = d.range.end.empty() || (!end.empty() && d.range.end >= end);
      const bool begins_before = end.empty() || d.range.start < end;
      if (!reaches || !begins_before) continue;
      if (best == nullptr || d.range.start > best->range.start) best = &d;
    }
    return best;
  }
  std::vector<NodeId> Voters(GroupId) const override { return {NodeId(1)}; }
  std::vector<NodeId> Nodes() const override { return {NodeId(1)}; }
  std::vector<NodeId> Readers(GroupId group) const override { return Voters(group); }
  NodeId LeaderHint(GroupId group) const override { return group == local ? NodeId(1) : NodeId(2); }
  void ReportLeader(GroupId, NodeId) override {}
  void Learn(const GroupDescriptor& d) override {
    auto [it, first] = known_.try_emplace(d.group, d);
    if (!first && it->second.generation < d.generation) it->second = d;
  }
  Task<absl::Status> Refresh(Ctx) override {
    for (const GroupDescriptor& d : groups_->Descriptors()) Learn(d);
    co_return absl::OkStatus();
  }
  GroupId local;

 private:
  // Up to where another entry begins.
  const GroupDescriptor* Clip(const GroupDescriptor* d, const std::string& key) const {
    if (d == nullptr) return nullptr;
    clipped_ = *d;
    for (const auto& [id, other] : known_) {
      const bool inside = other.range.start > key && clipped_.range.Contains(other.range.start);
      if (inside) clipped_.range.end = other.range.start;
    }
    return &clipped_;
  }
  FakeGroups* const groups_;
  std::map<GroupId, GroupDescriptor> known_;
  mutable GroupDescriptor clipped_;
};

struct FakeUniverse {
  explicit FakeUniverse(uint64_t seed, Sabotage sabotage = Sabotage::kNone)
      : groups(&executor, &truetime, seed), router(&groups) {
    groups.router = &router;
    groups.AddGroup(kSystemGroup, SystemRange());
    groups.AddGroup(kFirstDataGroup, DataRange());
    for (const GroupDescriptor& d : groups.Descriptors()) router.Learn(d);
    GatewayEnv env;
    env.executor = &executor;
    env.truetime = &truetime;
    env.groups = &groups;
    env.router = &router;
    env.observer = &observer;
    env.sabotage = SabotageSet(sabotage);
    env.self = NodeId(1);
    env.incarnation = 1;
    store = std::make_unique<GatewayStore>(std::move(env), Random(seed));
  }
  Ctx MakeCtx(Micros timeout_us = 60'000'000) {
    return std::make_shared<RequestContext>(executor.MonotonicNow() + timeout_us);
  }
  std::unique_ptr<ReadWriteTransaction> Begin() {
    auto txn = store->Begin(MakeCtx());
    EXPECT_TRUE(txn.ok()) << txn.status();
    return *std::move(txn);
  }
  std::optional<std::string> Get(ReadTransaction* txn, std::string key,
                                 LockMode lock = LockMode::kShared) {
    auto r = executor.Run(txn->Get(MakeCtx(), std::move(key), lock));
    EXPECT_TRUE(r.ok()) << r.status();
    return r.ok() ? *r : std::nullopt;
  }
  absl::StatusOr<CommitResult> Commit(ReadWriteTransaction* txn, CommitOptions options = {}) {
    return executor.Run(txn->Commit(MakeCtx(), options));
  }
  // Commits these rows in one transaction, run again while it is aborted.
  void Write(std::vector<std::pair<std::string, std::string>> rows) {
    auto txn = Begin();
    absl::Status last;
    for (int tries = 0; tries < 10; ++tries) {
      for (auto& [k, v] : rows) EXPECT_TRUE(txn->Put(k, v).ok());
      auto r = Commit(txn.get());
      if (r.ok()) return;
      EXPECT_EQ(r.status().code(), absl::StatusCode::kAborted) << r.status();
      last = r.status();
      auto previous = std::move(txn);
      txn = *store->Retry(MakeCtx(), *previous);
    }
    ADD_FAILURE() << "aborted again and again: " << last;
  }
  // Lets releases and the like finish.
  void Settle() { executor.RunFor(20'000'000); }

  rpc::TestExecutor executor;
  rpc::TestTrueTime truetime{&executor};
  Observer observer;
  FakeGroups groups;
  FakeRouter router;
  std::unique_ptr<GatewayStore> store;
};

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_GATEWAY_FAKE_UNIVERSE_H_
