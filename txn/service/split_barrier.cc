// SPDX-License-Identifier: Apache-2.0
#include "txn/service/split_barrier.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "txn/participant/answers.h"

namespace isochron::txn {
namespace {

using Group = std::shared_ptr<LedGroup>;

// The child's number tells the barriers of one group apart.
TxnAttempt Barrier(uint64_t new_group) {
  return TxnAttempt{TxnId{Timestamp(), NodeId(), 0, new_group}, 0};
}

// OK(true): `key` begins a group already.
absl::StatusOr<bool> CheckKey(const LedGroup& group, const std::string& key) {
  const KeyRange own = group.range();
  if (own.start == key) return true;
  if (!own.Contains(key)) {
    return absl::OutOfRangeError(absl::StrCat("the key is not in group ", group.id().value));
  }
  return false;
}

Task<absl::Status> SplitBehindBarrier(Group group, Ctx ctx, peer::SplitRequest request) {
  const TxnAttempt barrier = Barrier(request.new_group());
  const KeyRange moving{request.key(), group->range().end};
  const bool drop = group->env().sabotage.Is(Sabotage::kSplitDropsPrepared);
  const KeyRange behind = drop ? KeyRange::Point(request.key() + "~") : moving;
  absl::Status locked = co_await group->Lock(ctx, barrier, {{behind, LockMode::kExclusive}});
  ISO_CO_RETURN_IF_ERROR(locked);
  if (group->stopped()) co_return absl::FailedPreconditionError("leadership ended");
  auto done = CheckKey(*group, request.key());
  ISO_CO_RETURN_IF_ERROR(done.status());
  if (*done) co_return absl::OkStatus();
  if (group->range().end != moving.end) co_return absl::AbortedError("the range has changed");
  peer::Command command;
  command.mutable_split()->set_key(request.key());
  command.mutable_split()->set_new_group(request.new_group());
  command.mutable_split()->set_by_size(request.by_size());
  auto proposed = co_await group->ProposeFor(ctx, barrier, PinReason{}, std::move(command),
                                             Timestamp(), Timestamp::Max());
  ISO_CO_RETURN_IF_ERROR(proposed.status());
  absl::Status applied = co_await proposed->applied;
  co_return applied;
}

Task<peer::GroupResponse> Run(Group group, Ctx ctx, peer::SplitRequest request) {
  const uint64_t new_group = request.new_group();
  absl::Status status = co_await SplitBehindBarrier(group, ctx, std::move(request));
  if (!group->stopped()) {
    group->OnRangeChanged();
    group->Release(Barrier(new_group), /*marker=*/false);
  }
  if (!status.ok()) co_return ErrorAnswer(*group->access(), status);
  group->Count("group.splits");
  peer::GroupResponse response;
  AddDescriptors(*group->access(), &response);
  *response.mutable_split()->mutable_descriptors() = response.descriptors();
  co_return response;
}

}  // namespace

Task<peer::GroupResponse> SplitGroup(Group group, Ctx ctx, peer::SplitRequest request) {
  auto view = group->access()->Leading();
  if (!view.ok()) co_return ErrorAnswer(*group->access(), view.status());
  auto done = CheckKey(*group, request.key());
  if (!done.ok()) co_return ErrorAnswer(*group->access(), done.status());
  if (*done) {
    peer::GroupResponse response;
    AddDescriptors(*group->access(), &response);
    *response.mutable_split()->mutable_descriptors() = response.descriptors();
    co_return response;
  }
  const TxnAttempt barrier = Barrier(request.new_group());
  co_return co_await group->Join(ctx, LedGroup::Flight::kOneRound, barrier,
                                 [&] { return Run(group, ctx, std::move(request)); });
}

}  // namespace isochron::txn
