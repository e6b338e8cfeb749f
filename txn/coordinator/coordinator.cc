// SPDX-License-Identifier: Apache-2.0
#include "txn/coordinator/coordinator.h"

#include <algorithm>
#include <utility>

#include "common/status_macros.h"
#include "tablet/group/convert.h"
#include "txn/participant/answers.h"
#include "txn/participant/one_round.h"

namespace isochron::txn {
namespace {

std::vector<GroupId> Groups(const google::protobuf::RepeatedField<uint64_t>& in) {
  std::vector<GroupId> out;
  for (uint64_t g : in) out.push_back(GroupId(g));
  return out;
}

struct Vote FromProto(const peer::VoteRequest& v) {
  return {GroupId(v.participant()), v.yes(), Timestamp(v.s_min_us()),
          v.s_max_us() > 0 ? Timestamp(v.s_max_us()) : Timestamp::Max(), v.reason()};
}

}  // namespace

Coordinator::Coordinator(LedGroup* group) : group_(group), early_(group->env().options.max_early) {
  group_->wound_coordinated = [this](const TxnAttempt& attempt) { WoundUndecided(attempt); };
}

void Coordinator::Start() {
  for (const auto& [attempt, d] : group_->access()->decisions()) {
    if (!d.commit() || !delivering_.insert(attempt).second) continue;
    group_->Spawn(Redeliver(attempt, Timestamp(d.s()), Groups(d.participants())));
  }
}

void Coordinator::Stop() {
  for (auto& [attempt, state] : undecided_) state->changed.NotifyAll();
}

void Coordinator::Sweep() {
  early_.ForgetOlderThan(group_->now_us() - group_->env().options.marker_window_us);
}

// ---- coordinate ----

Task<peer::GroupResponse> Coordinator::Coordinate(Ctx ctx, peer::CoordinateRequest request) {
  const TxnAttempt attempt = tablet::FromProto(request.txn());
  auto view = group_->access()->Leading();
  if (!view.ok()) co_return ErrorAnswer(*group_->access(), view.status());
  if (auto f = group_->access()->Finished(attempt)) {
    co_return co_await AnswerFinished(group_->shared_from_this(), *f);
  }
  if (!group_->InFlight(LedGroup::Flight::kCoordinate, attempt)) {
    absl::Status window = group_->CheckWindow(request.commit_start_us());
    if (!window.ok()) co_return ErrorAnswer(*group_->access(), window);
  }
  co_return co_await group_->Join(ctx, LedGroup::Flight::kCoordinate, attempt,
                                  [&] { return Run(ctx, std::move(request)); });
}

Task<peer::GroupResponse> Coordinator::Run(Ctx ctx, peer::CoordinateRequest request) {
  const TxnAttempt attempt = tablet::FromProto(request.txn());
  auto state = std::make_shared<Undecided>(Groups(request.participants()), group_->env().executor);
  undecided_[attempt] = state;
  if (auto early = early_.Take(attempt)) {
    for (const auto& [from, vote] : early->votes) state->book.Add(vote);
    if (early->wounded) state->book.Abort("an older transaction waits for its locks");
  }
  const Micros began = group_->now_us();
  absl::Status ready = co_await Gather(ctx, request, state);
  ctx->latency.two_pc_us += group_->now_us() - began - ctx->latency.lock_wait_us;
  if (!ready.ok()) co_return co_await DecideAbort(std::move(request), ready);
  co_return co_await DecideCommit(ctx, std::move(request), state);
}

Task<absl::Status> Coordinator::LockOwn(Ctx ctx, const peer::CoordinateRequest& request) {
  const TxnAttempt attempt = tablet::FromProto(request.txn());
  ISO_CO_RETURN_IF_ERROR(group_->CheckRange(request.writes()));
  ISO_CO_RETURN_IF_ERROR(
      group_->CheckLocks(attempt, request.has_epoch() ? &request.epoch() : nullptr));
  std::vector<LockSpan> spans;
  for (const peer::Write& w : request.writes()) {
    spans.push_back({KeyRange::Point(w.key()), LockMode::kExclusive});
  }
  absl::Status locked = co_await group_->LockToDecide(ctx, attempt, std::move(spans),
                                                      group_->env().options.vote_timeout_us);
  ISO_CO_RETURN_IF_ERROR(locked);
  if (group_->stopped()) co_return absl::FailedPreconditionError("leadership ended");
  if (!group_->locks().Alive(attempt)) {
    co_return absl::AbortedError("the transaction lost its locks to an older one");
  }
  group_->Pin(attempt,
              PinReason{PinReason::Kind::kCoordinating, group_->id(), request.commit_start_us()});
  co_return absl::OkStatus();
}

Task<absl::Status> Coordinator::Gather(Ctx ctx, const peer::CoordinateRequest& request,
                                       std::shared_ptr<Undecided> state) {
  const Micros limit = group_->now_us() + group_->env().options.vote_timeout_us;
  if (state->book.state() != VoteBook::State::kAbort) {
    absl::Status own = co_await LockOwn(ctx, request);
    ISO_CO_RETURN_IF_ERROR(own);
  }
  while (state->book.state() == VoteBook::State::kWaiting && !group_->stopped()) {
    if (!co_await state->changed.WaitUntil(limit)) {
      group_->Reached("2pc.vote_timeout");
      state->book.Abort("a participant did not answer in time");
    }
  }
  if (group_->stopped()) co_return absl::FailedPreconditionError("leadership ended");
  if (state->book.state() == VoteBook::State::kAbort) {
    co_return absl::AbortedError(state->book.reason());
  }
  co_return absl::OkStatus();
}

Task<peer::GroupResponse> Coordinator::DecideCommit(Ctx ctx, peer::CoordinateRequest request,
                                                    std::shared_ptr<Undecided> state) {
  const TxnAttempt attempt = tablet::FromProto(request.txn());
  peer::Command command;
  peer::Decide* decide = command.mutable_decide();
  *decide->mutable_txn() = request.txn();
  decide->set_commit_start_us(request.commit_start_us());
  decide->set_commit(true);
  *decide->mutable_writes() = request.writes();
  *decide->mutable_participants() = request.writing_participants();
  Timestamp s_min = std::max(state->book.s_min(), group_->locks().max_read(attempt));
  if (group_->env().sabotage.Is(Sabotage::kCommitBelowPrepare)) s_min = Timestamp();
  Timestamp s_max = state->book.s_max();
  if (request.s_max_us() > 0) s_max = std::min(s_max, Timestamp(request.s_max_us()));

  state->proposed = true;
  auto proposed = co_await group_->ProposeFor(
      ctx, attempt, PinReason{PinReason::Kind::kProposed, group_->id(), request.commit_start_us()},
      std::move(command), s_min, s_max);
  if (!proposed.ok()) co_return co_await DecideAbort(std::move(request), proposed.status());
  group_->Reached("2pc.decided");
  const Timestamp s = proposed->s;
  absl::Status done = co_await FinishCommit(group_->shared_from_this(), ctx, *proposed);
  Finish(attempt);
  if (!done.ok()) co_return UnknownAnswer(done.message(), group_->env().sabotage);
  auto finished = group_->access()->Finished(attempt);
  if (finished && !finished->commit()) {  // an abort came first in the log
    co_return co_await DecideAbort(std::move(request), absl::AbortedError("it was aborted"));
  }
  group_->Release(attempt, /*marker=*/false);
  group_->Count("txn.commits.two_phase");
  const std::vector<GroupId> writing = Groups(request.writing_participants());
  if (!writing.empty() && delivering_.insert(attempt).second) {
    group_->Spawn(Deliver(attempt, s, writing));
  }
  peer::OutcomeRequest outcome;
  *outcome.mutable_txn() = request.txn();
  outcome.set_commit(true);
  outcome.set_s(s.us);
  for (GroupId g : Groups(request.participants())) {
    if (std::find(writing.begin(), writing.end(), g) != writing.end()) continue;
    group_->Spawn(TellAndIgnore(g, outcome));
  }
  peer::GroupResponse response = CommittedAnswer(s);
  SetLatency(ctx->latency, &response);
  co_return response;
}

// Nothing of it was proposed, or an abort is in the log already.
Task<peer::GroupResponse> Coordinator::DecideAbort(peer::CoordinateRequest request,
                                                   absl::Status why) {
  const TxnAttempt attempt = tablet::FromProto(request.txn());
  Finish(attempt);
  if (group_->stopped() || absl::IsFailedPrecondition(why) || absl::IsUnavailable(why)) {
    // Asked again, a leader aborts it (its locks are gone), or decides anew (blind writes).
    group_->Release(attempt, /*marker=*/true);
    co_return NotLeaderAnswer(group_->access()->leader_hint(), why.message());
  }
  absl::Status logged = co_await group_->LogAbort(nullptr, attempt, request.commit_start_us());
  group_->Release(attempt, /*marker=*/true);
  if (!logged.ok()) co_return UnknownAnswer(logged.message(), group_->env().sabotage);
  auto finished = group_->access()->Finished(attempt);
  if (finished && finished->commit()) {
    co_return co_await AnswerFinished(group_->shared_from_this(), *finished);
  }
  group_->Count("txn.aborts");
  peer::OutcomeRequest outcome;
  *outcome.mutable_txn() = request.txn();
  outcome.set_commit(false);
  for (GroupId g : Groups(request.participants())) group_->Spawn(TellAndIgnore(g, outcome));
  if (absl::IsOutOfRange(why)) {
    peer::GroupResponse response = AbortedAnswer(why.message());
    AddDescriptors(*group_->access(), &response);
    co_return response;
  }
  co_return AbortedAnswer(why.message());
}

void Coordinator::Finish(const TxnAttempt& attempt) { undecided_.erase(attempt); }

// ---- votes and wounds ----

Task<peer::GroupResponse> Coordinator::AnswerDecided(peer::FinishedAttempt finished) {
  if (finished.commit() && !group_->env().sabotage.Is(Sabotage::kSkipWaitAfterFailover)) {
    const bool passed = co_await group_->WaitOut(Timestamp(finished.s()));
    if (!passed) co_return UnknownAnswer("leadership ended", group_->env().sabotage);
  }
  co_return VoteAnswer(true, finished.commit(), Timestamp(finished.s()));
}

Task<peer::GroupResponse> Coordinator::Vote(Ctx ctx, peer::VoteRequest request) {
  const TxnAttempt attempt = tablet::FromProto(request.txn());
  auto view = group_->access()->Leading();
  if (!view.ok()) co_return ErrorAnswer(*group_->access(), view.status());
  if (auto f = group_->access()->Finished(attempt)) co_return co_await AnswerDecided(*f);
  if (auto it = undecided_.find(attempt); it != undecided_.end()) {
    Undecided& state = *it->second;
    state.book.Add(FromProto(request));
    if (state.book.state() == VoteBook::State::kAbort && !state.proposed) {
      group_->locks().Wound(attempt);  // it need not wait for locks any longer
    }
    state.changed.NotifyAll();
    co_return VoteAnswer(false, false, Timestamp());
  }
  if (group_->InFlight(LedGroup::Flight::kCoordinate, attempt)) {  // being logged
    co_return VoteAnswer(false, false, Timestamp());
  }
  const Timestamp patience(request.commit_start_us() +
                           group_->env().options.presume_abort_after_us);
  if (view->now.earliest > patience &&
      !group_->env().sabotage.Is(Sabotage::kVolatilePresumedAbort)) {
    peer::GroupResponse ended =
        co_await group_->Join(ctx, LedGroup::Flight::kCoordinate, attempt,
                              [&] { return PresumeAbort(attempt, request.commit_start_us()); });
    if (auto f = group_->access()->Finished(attempt)) co_return co_await AnswerDecided(*f);
    co_return UnknownAnswer(ended.message(), group_->env().sabotage);
  }
  if (EarlyVotes::Entry* e = early_.Find(attempt, group_->now_us())) {
    e->votes[GroupId(request.participant())] = FromProto(request);
  }
  const bool volatile_abort = group_->env().sabotage.Is(Sabotage::kVolatilePresumedAbort);
  co_return VoteAnswer(volatile_abort, false, Timestamp());
}

// Rule 20. A CoordinateRequest that comes meanwhile attaches to this flight.
Task<peer::GroupResponse> Coordinator::PresumeAbort(TxnAttempt attempt, int64_t commit_start_us) {
  (void)early_.Take(attempt);
  absl::Status logged = co_await group_->LogAbort(nullptr, attempt, commit_start_us);
  if (!logged.ok()) {
    co_return absl::IsUnknown(logged) ? UnknownAnswer(logged.message(), group_->env().sabotage)
                                      : ErrorAnswer(*group_->access(), logged);
  }
  group_->Reached("2pc.presumed_abort");
  group_->Count("txn.presumed_aborts");
  co_return AbortedAnswer("its votes came without a request to commit it");
}

Task<peer::GroupResponse> Coordinator::Wound(peer::WoundRequest request) {
  const TxnAttempt attempt = tablet::FromProto(request.txn());
  auto view = group_->access()->Leading();
  if (!view.ok()) co_return ErrorAnswer(*group_->access(), view.status());
  if (auto f = group_->access()->Finished(attempt)) co_return co_await AnswerDecided(*f);
  if (undecided_.contains(attempt)) {
    WoundUndecided(attempt);
  } else if (!group_->InFlight(LedGroup::Flight::kCoordinate, attempt)) {
    if (EarlyVotes::Entry* e = early_.Find(attempt, group_->now_us())) e->wounded = true;
  }
  co_return VoteAnswer(false, false, Timestamp());
}

void Coordinator::WoundUndecided(const TxnAttempt& attempt) {
  auto it = undecided_.find(attempt);
  if (it == undecided_.end() || it->second->proposed) return;
  group_->Reached("2pc.wounded_undecided");
  it->second->book.Abort("an older transaction waits for its locks");
  group_->locks().Wound(attempt);  // it may still wait for locks itself
  it->second->changed.NotifyAll();
}

}  // namespace isochron::txn
