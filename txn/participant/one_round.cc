// SPDX-License-Identifier: Apache-2.0
#include "txn/participant/one_round.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "common/status_macros.h"
#include "tablet/group/convert.h"
#include "txn/participant/answers.h"

namespace isochron::txn {
namespace {

using Group = std::shared_ptr<LedGroup>;

// Ends an attempt that was not proposed.
Task<peer::GroupResponse> Refuse(Group group, Ctx ctx, peer::CommitRequest request,
                                 absl::Status why) {
  const TxnAttempt attempt = tablet::FromProto(request.txn());
  if (group->stopped()) why = absl::FailedPreconditionError("leadership of the group ended");
  if (absl::IsFailedPrecondition(why) || absl::IsUnavailable(why)) {
    co_return ErrorAnswer(*group->access(), why);
  }
  if (group->pin(attempt) == nullptr) group->Release(attempt, /*marker=*/true);
  group->Count("txn.aborts");
  if (absl::IsOutOfRange(why) && !group->CheckRange(request.writes()).ok()) {
    // The key never comes back: no copy of the request can succeed.
    peer::GroupResponse response = AbortedAnswer(why.message());
    AddDescriptors(*group->access(), &response);
    co_return response;
  }
  if (!request.has_epoch()) {
    group->Reached("txn.logged_abort");
    absl::Status logged = co_await group->LogAbort(nullptr, attempt, request.commit_start_us());
    if (!logged.ok()) co_return UnknownAnswer(logged.message(), group->env().sabotage);
    auto finished = group->access()->Finished(attempt);
    if (finished && finished->commit()) co_return co_await AnswerFinished(group, *finished);
  }
  co_return ErrorAnswer(*group->access(), why);
}

// A transaction without writes: its locks still being here is all there is to decide.
Task<peer::GroupResponse> EndWithoutWrites(Group group, TxnAttempt attempt) {
  auto view = group->access()->Leading();
  if (!view.ok()) co_return ErrorAnswer(*group->access(), view.status());
  group->Release(attempt, /*marker=*/true);
  group->Count("txn.commits.without_writes");
  co_return CommittedAnswer(Timestamp());
}

Task<absl::StatusOr<Proposed>> LockAndPropose(Group group, Ctx ctx, peer::CommitRequest request) {
  const TxnAttempt attempt = tablet::FromProto(request.txn());
  std::vector<LockSpan> spans;
  for (const peer::Write& w : request.writes()) {
    spans.push_back({KeyRange::Point(w.key()), LockMode::kExclusive});
  }
  absl::Status locked = co_await group->LockToDecide(ctx, attempt, std::move(spans),
                                                     std::numeric_limits<Micros>::max());
  ISO_CO_RETURN_IF_ERROR(locked);
  peer::Command command;
  peer::CommitOneRound* commit = command.mutable_commit_one_round();
  *commit->mutable_txn() = request.txn();
  commit->set_commit_start_us(request.commit_start_us());
  commit->mutable_writes()->Swap(request.mutable_writes());
  const Timestamp s_max = request.s_max_us() > 0 ? Timestamp(request.s_max_us()) : Timestamp::Max();
  co_return co_await group->ProposeFor(ctx, attempt, PinReason{}, std::move(command),
                                       group->locks().max_read(attempt), s_max);
}

Task<peer::GroupResponse> Run(Group group, Ctx ctx, peer::CommitRequest request) {
  const TxnAttempt attempt = tablet::FromProto(request.txn());
  absl::Status may = group->CheckRange(request.writes());
  if (may.ok()) {
    may = group->CheckLocks(attempt, request.has_epoch() ? &request.epoch() : nullptr);
  }
  if (!may.ok()) co_return co_await Refuse(group, ctx, std::move(request), may);
  if (request.writes().empty()) co_return co_await EndWithoutWrites(group, attempt);
  // One that holds locks here was let in when it took them.
  if (!request.has_epoch()) may = group->CheckWrites();
  if (!may.ok()) co_return co_await Refuse(group, ctx, std::move(request), may);

  auto proposed = co_await LockAndPropose(group, ctx, request);
  if (!proposed.ok()) {
    co_return co_await Refuse(group, ctx, std::move(request), proposed.status());
  }
  const Timestamp s = proposed->s;
  absl::Status done = co_await FinishCommit(group, ctx, *proposed);
  if (!done.ok()) co_return UnknownAnswer(done.message(), group->env().sabotage);
  group->Release(attempt, /*marker=*/false);
  auto finished = group->access()->Finished(attempt);
  peer::GroupResponse response;
  if (finished && (!finished->commit() || finished->s() != s.us)) {
    response = co_await AnswerFinished(group, *finished);  // an earlier entry of it came first
  } else {
    group->Count("txn.commits.one_round");
    response = CommittedAnswer(s);
  }
  SetLatency(ctx->latency, &response);
  co_return response;
}

}  // namespace

Task<absl::Status> FinishCommit(Group group, Ctx ctx, Proposed proposed) {
  const Micros began = group->now_us();
  Micros to_wait = 0;
  if (auto view = group->access()->Leading(); view.ok()) {
    to_wait = std::max<Micros>(0, proposed.s.us - view->now.earliest.us);
  }
  absl::Status applied = co_await proposed.applied;
  ISO_CO_RETURN_IF_ERROR(applied);
  const Micros chosen = group->now_us();
  const bool passed = co_await group->WaitOut(proposed.s);
  if (!passed) co_return absl::UnknownError("leadership ended during the commit wait");
  LatencyAccount& account = ctx->latency;
  account.paxos_us += chosen - began;
  account.commit_wait_hidden_us += std::min(to_wait, chosen - began);
  account.commit_wait_exposed_us += group->now_us() - chosen;
  co_return absl::OkStatus();
}

Task<peer::GroupResponse> AnswerFinished(Group group, peer::FinishedAttempt finished) {
  group->Reached("txn.dedupe_hit");
  if (!finished.commit()) co_return AbortedAnswer("the attempt was aborted");
  const bool skip = group->env().sabotage.Is(Sabotage::kSkipWaitAfterFailover);
  const bool passed = skip || co_await group->WaitOut(Timestamp(finished.s()));
  if (!passed) {
    co_return UnknownAnswer("leadership ended during the commit wait", group->env().sabotage);
  }
  co_return CommittedAnswer(Timestamp(finished.s()));
}

Task<peer::GroupResponse> CommitOneRound(Group group, Ctx ctx, peer::CommitRequest request) {
  const TxnAttempt attempt = tablet::FromProto(request.txn());
  auto view = group->access()->Leading();
  if (!view.ok()) co_return ErrorAnswer(*group->access(), view.status());
  auto finished = group->access()->Finished(attempt);
  if (finished && !group->env().sabotage.Is(Sabotage::kNoDedupeOneRound)) {
    co_return co_await AnswerFinished(group, *finished);
  }
  if (!group->InFlight(LedGroup::Flight::kOneRound, attempt)) {
    absl::Status window = group->CheckWindow(request.commit_start_us());
    if (!window.ok()) co_return ErrorAnswer(*group->access(), window);
  }
  group->locks().Touch(attempt, group->now_us());
  co_return co_await group->Join(ctx, LedGroup::Flight::kOneRound, attempt,
                                 [&] { return Run(group, ctx, std::move(request)); });
}

}  // namespace isochron::txn
