// SPDX-License-Identifier: Apache-2.0
#include "txn/gateway/gateway_store.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "txn/api/descriptor.h"
#include "txn/api/system_keys.h"
#include "txn/gateway/group_status.h"
#include "txn/gateway/read_write.h"
#include "txn/readonly/read_only.h"

namespace isochron::txn {

GatewayStore::GatewayStore(GatewayEnv env, Random random)
    : gateway_(std::make_shared<Gateway>(std::move(env), random)) {}

GatewayStore::~GatewayStore() {
  gateway_->closed = true;
  gateway_->scope.Clear();
}

absl::Status GatewayStore::Admit(const Ctx& ctx) const {
  ISO_RETURN_IF_ERROR(ctx->Check(gateway_->env.executor->MonotonicNow()));
  if (gateway_->open >= gateway_->env.limits.max_open) {
    return absl::ResourceExhaustedError(
        absl::StrCat("this node has ", gateway_->open,
                     " open transactions, its limit; end some or use another node"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<ReadWriteTransaction>> GatewayStore::Begin(Ctx ctx) {
  ISO_RETURN_IF_ERROR(Admit(ctx));
  absl::StatusOr<Timestamp> start = gateway_->Latest();
  if (!start.ok()) return start.status();
  TxnAttempt id;
  id.txn = TxnId{*start, gateway_->env.self, gateway_->env.incarnation, ++gateway_->last_sequence};
  return std::make_unique<GatewayTransaction>(gateway_, id);
}

absl::StatusOr<std::unique_ptr<ReadWriteTransaction>> GatewayStore::Retry(
    Ctx ctx, const ReadWriteTransaction& previous) {
  ISO_RETURN_IF_ERROR(Admit(ctx));
  absl::StatusOr<Timestamp> now = gateway_->Latest();
  if (!now.ok()) return now.status();
  TxnAttempt id = previous.id();
  // Groups refuse attempts older than they remember (rule 20): the age is then given up.
  if (id.txn.start + gateway_->env.limits.max_age_us / 2 < *now) return Begin(std::move(ctx));
  ++id.attempt;
  return std::make_unique<GatewayTransaction>(gateway_, id);
}

absl::StatusOr<std::unique_ptr<ReadWriteTransaction>> GatewayStore::BeginWithin(
    Ctx ctx, const ReadWriteTransaction& parent) {
  ISO_RETURN_IF_ERROR(Admit(ctx));
  absl::StatusOr<Timestamp> now = gateway_->Latest();
  if (!now.ok()) return now.status();
  TxnAttempt id;
  id.txn = parent.id().txn;
  const bool young = gateway_->env.sabotage.Is(Sabotage::kYoungFence);
  // As in Retry.
  if (young || id.txn.start + gateway_->env.limits.max_age_us / 2 < *now) {
    return Begin(std::move(ctx));
  }
  id.txn.sequence = ++gateway_->last_sequence;
  return std::make_unique<GatewayTransaction>(gateway_, id);
}

absl::StatusOr<std::unique_ptr<ReadTransaction>> GatewayStore::BeginReadOnly(
    Ctx ctx, std::optional<Timestamp> t) {
  return BeginRead(std::move(ctx), ReadOptions{.t = t});
}

absl::StatusOr<std::unique_ptr<ReadTransaction>> GatewayStore::BeginRead(Ctx ctx,
                                                                         ReadOptions options) {
  ISO_RETURN_IF_ERROR(ctx->Check(gateway_->env.executor->MonotonicNow()));
  for (const std::optional<Timestamp>& t : {options.t, options.not_before}) {
    if (t.has_value() && *t <= Timestamp()) {
      return absl::InvalidArgumentError("a read timestamp lies after 1970");
    }
  }
  return std::make_unique<ReadOnlyTransaction>(gateway_, options);
}

Task<absl::StatusOr<GroupId>> GatewayStore::NewGroupId(Ctx ctx) {
  absl::StatusOr<std::unique_ptr<ReadWriteTransaction>> txn = Begin(ctx);
  while (true) {
    if (!txn.ok()) co_return txn.status();
    absl::Status failed;
    absl::StatusOr<std::optional<std::string>> last =
        co_await (*txn)->Get(ctx, GroupCounterKey(), LockMode::kExclusive);
    if (last.ok()) {
      uint64_t id = kFirstSplitGroup - 1;
      if (last->has_value() && !absl::SimpleAtoi(**last, &id)) {
        co_return absl::DataLossError("the counter of group ids is malformed");
      }
      ++id;
      ISO_CO_RETURN_IF_ERROR((*txn)->Put(GroupCounterKey(), absl::StrCat(id)));
      absl::StatusOr<CommitResult> done = co_await (*txn)->Commit(ctx, CommitOptions{});
      if (done.ok()) co_return GroupId(id);
      failed = done.status();
    } else {
      failed = last.status();
      (*txn)->Rollback();
    }
    // An unknown outcome wastes an id at worst.
    if (!absl::IsAborted(failed) && !absl::IsUnknown(failed)) co_return failed;
    co_await SleepFor(executor(), gateway_->random.Between(1'000, 20'000));
    std::unique_ptr<ReadWriteTransaction> previous = *std::move(txn);
    txn = Retry(ctx, *previous);
  }
}

Task<absl::Status> GatewayStore::Split(Ctx ctx, std::string key, bool by_size) {
  if (key <= SystemRangeEnd()) {
    co_return absl::InvalidArgumentError("the system range is not split");
  }
  Router* const router = gateway_->env.router;
  GroupId new_group;
  Micros wait = 5'000;
  while (true) {
    ISO_CO_RETURN_IF_ERROR(ctx->Check(executor()->MonotonicNow()));
    const GroupDescriptor* d = router->Find(key);
    if (d == nullptr) {
      (void)co_await router->Refresh(ctx);
      co_await SleepFor(executor(), wait);
      continue;
    }
    if (d->range.start == key) co_return absl::OkStatus();
    const GroupId group = d->group;
    if (!new_group) {
      absl::StatusOr<GroupId> id = co_await NewGroupId(ctx);
      if (!id.ok()) co_return id.status();
      new_group = *id;
      continue;  // the map may have changed meanwhile
    }
    peer::GroupRequest request;
    request.mutable_split()->set_key(key);
    request.mutable_split()->set_new_group(new_group.value);
    request.mutable_split()->set_by_size(by_size);
    absl::StatusOr<peer::GroupResponse> response =
        co_await gateway_->env.groups->Call(ctx, group, std::move(request));
    if (!response.ok()) co_return response.status();
    for (const peer::GroupDescriptor& c : response->split().descriptors()) {
      router->Learn(ToDescriptor(c));
    }
    if (response->error() == peer::GROUP_OK) {
      gateway_->env.observer->Count("gateway.splits", 1);
      co_return absl::OkStatus();
    }
    const bool again =
        response->error() == peer::WRONG_RANGE || response->error() == peer::TXN_UNKNOWN;
    const absl::Status status = ToStatus(*response);
    if (!again && !absl::IsAborted(status) && !absl::IsUnavailable(status)) co_return status;
    wait = std::min<Micros>(wait * 2, 200'000);
    co_await SleepFor(executor(), gateway_->random.Between(wait / 2, wait));
  }
}

Task<absl::Status> GatewayStore::MergeAt(Ctx ctx, std::string key) {
  if (key <= SystemRangeEnd()) {
    co_return absl::InvalidArgumentError("the system range stays a group of its own");
  }
  Router* const router = gateway_->env.router;
  Micros wait = 5'000;
  for (;;) {
    ISO_CO_RETURN_IF_ERROR(ctx->Check(executor()->MonotonicNow()));
    const GroupDescriptor* right = router->Find(key);
    const GroupDescriptor* left = router->FindBefore(key);
    if (right != nullptr && left != nullptr) {
      if (right->group == left->group) co_return absl::OkStatus();
      const GroupId from = left->group;
      peer::GroupRequest request;
      request.mutable_merge()->set_right(right->group.value);
      absl::StatusOr<peer::GroupResponse> response =
          co_await gateway_->env.groups->Call(ctx, from, std::move(request));
      if (!response.ok()) co_return response.status();
      for (const peer::GroupDescriptor& d : response->descriptors()) {
        router->Learn(ToDescriptor(d));
      }
      if (response->error() == peer::GROUP_OK) continue;  // the map knows it now
      const bool again =
          response->error() == peer::WRONG_RANGE || response->error() == peer::TXN_UNKNOWN;
      const absl::Status status = ToStatus(*response);
      if (!again && !absl::IsAborted(status) && !absl::IsUnavailable(status)) co_return status;
    }
    (void)co_await router->Refresh(ctx);
    wait = std::min<Micros>(wait * 2, 200'000);
    co_await SleepFor(executor(), gateway_->random.Between(wait / 2, wait));
  }
}

}  // namespace isochron::txn
