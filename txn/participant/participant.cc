// SPDX-License-Identifier: Apache-2.0
#include "txn/participant/participant.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "tablet/group/convert.h"
#include "txn/participant/answers.h"

namespace isochron::txn {
namespace {

peer::VoteRequest MakeVote(const peer::PrepareRequest& request, GroupId participant) {
  peer::VoteRequest vote;
  *vote.mutable_txn() = request.txn();
  vote.set_commit_start_us(request.commit_start_us());
  vote.set_participant(participant.value);
  return vote;
}

}  // namespace

Participant::Participant(LedGroup* group) : group_(group) {}

void Participant::Start() {
  std::vector<TxnAttempt> inherited;
  for (const auto& [attempt, p] : group_->access()->prepared()) inherited.push_back(attempt);
  for (const TxnAttempt& attempt : inherited) StartResolving(attempt);
}

void Participant::Stop() {
  for (auto& [attempt, waiters] : resolving_) waiters->NotifyAll();
}

void Participant::Wake(const TxnAttempt& attempt) {
  auto it = resolving_.find(attempt);
  if (it != resolving_.end()) it->second->NotifyAll();
}

Task<peer::GroupResponse> Participant::Prepare(Ctx ctx, peer::PrepareRequest request) {
  const TxnAttempt attempt = tablet::FromProto(request.txn());
  auto view = group_->access()->Leading();
  if (!view.ok()) co_return ErrorAnswer(*group_->access(), view.status());
  if (auto f = group_->access()->Finished(attempt)) {
    group_->Reached("txn.dedupe_hit");
    co_return VoteAnswer(true, f->commit(), Timestamp(f->s()));
  }
  if (group_->pin(attempt) != nullptr && !group_->InFlight(LedGroup::Flight::kPrepare, attempt)) {
    Wake(attempt);  // votes again at once
    co_return VoteAnswer(false, false, Timestamp());
  }
  if (!group_->InFlight(LedGroup::Flight::kPrepare, attempt)) {
    absl::Status window = group_->CheckWindow(request.commit_start_us());
    if (!window.ok()) co_return Fail(request, window);
  }
  group_->locks().Touch(attempt, group_->now_us());
  co_return co_await group_->Join(ctx, LedGroup::Flight::kPrepare, attempt,
                                  [&] { return RunPrepare(ctx, std::move(request)); });
}

Task<peer::GroupResponse> Participant::RunPrepare(Ctx ctx, peer::PrepareRequest request) {
  const TxnAttempt attempt = tablet::FromProto(request.txn());
  absl::Status may = group_->CheckRange(request.writes());
  if (may.ok()) {
    may = group_->CheckLocks(attempt, request.has_epoch() ? &request.epoch() : nullptr);
  }
  if (!may.ok()) co_return Fail(request, may);
  if (request.writes().empty()) co_return ReadVote(request);
  if (!request.has_epoch()) may = group_->CheckWrites();
  if (!may.ok()) co_return Fail(request, may);

  std::vector<LockSpan> spans;
  for (const peer::Write& w : request.writes()) {
    spans.push_back({KeyRange::Point(w.key()), LockMode::kExclusive});
  }
  absl::Status locked = co_await group_->Lock(ctx, attempt, std::move(spans));
  if (!locked.ok()) co_return Fail(request, locked);
  co_return co_await LogPrepare(ctx, std::move(request));
}

Task<peer::GroupResponse> Participant::LogPrepare(Ctx ctx, peer::PrepareRequest request) {
  const TxnAttempt attempt = tablet::FromProto(request.txn());
  peer::Command command;
  peer::Prepare* prepare = command.mutable_prepare();
  *prepare->mutable_txn() = request.txn();
  prepare->set_commit_start_us(request.commit_start_us());
  prepare->set_coordinator(request.coordinator());
  *prepare->mutable_writes() = request.writes();
  for (const LockSpan& span : group_->locks().SpansOf(attempt)) {
    peer::LockSpan* l = prepare->add_locks();
    tablet::ToProto(span.range, l->mutable_span());
    l->set_exclusive(span.mode == LockMode::kExclusive);
  }
  const PinReason reason{PinReason::Kind::kPrepared, GroupId(request.coordinator()),
                         request.commit_start_us()};
  const Micros began = group_->now_us();
  auto proposed = co_await group_->ProposeFor(ctx, attempt, reason, std::move(command),
                                              group_->locks().max_read(attempt), Timestamp::Max());
  if (!proposed.ok()) co_return Fail(request, proposed.status());
  absl::Status applied = co_await proposed->applied;
  if (!applied.ok()) co_return UnknownAnswer(applied.message(), group_->env().sabotage);
  ctx->latency.paxos_us += group_->now_us() - began;
  if (!group_->access()->prepared().contains(attempt)) {  // it had ended before (rule 22)
    group_->Release(attempt, /*marker=*/true);
    auto f = group_->access()->Finished(attempt);
    co_return VoteAnswer(true, f && f->commit(), f ? Timestamp(f->s()) : Timestamp());
  }
  group_->Reached("2pc.prepared");
  group_->Count("txn.prepares");
  StartResolving(attempt);
  peer::GroupResponse response = VoteAnswer(false, false, Timestamp());
  SetLatency(ctx->latency, &response);
  co_return response;
}

peer::GroupResponse Participant::ReadVote(const peer::PrepareRequest& request) {
  const TxnAttempt attempt = tablet::FromProto(request.txn());
  auto view = group_->access()->Leading();
  if (!view.ok()) return Fail(request, view.status());
  if (!request.has_epoch()) {
    return Fail(request, absl::AbortedError("a read vote names no lock-table epoch"));
  }
  const Timestamp s_max = group_->env().sabotage.Is(Sabotage::kReadVoteUnbounded)
                              ? Timestamp::Max()
                              : group_->access()->HoldLeadershipUntil(view->lease_end);
  if (s_max <= view->now.latest) {
    return Fail(request, absl::AbortedError("leadership of the group is being handed over"));
  }
  group_->Pin(attempt, PinReason{PinReason::Kind::kReadVote, GroupId(request.coordinator()),
                                 request.commit_start_us()});
  peer::VoteRequest vote = MakeVote(request, group_->id());
  vote.set_yes(true);
  vote.set_s_min_us(group_->locks().max_read(attempt).us);
  vote.set_s_max_us(s_max.us);
  group_->Reached("2pc.read_vote");
  group_->Spawn(HoldReadVote(attempt, GroupId(request.coordinator()), std::move(vote)));
  return VoteAnswer(false, false, Timestamp());
}

peer::GroupResponse Participant::Fail(const peer::PrepareRequest& request,
                                      const absl::Status& why) {
  if (group_->stopped() || absl::IsFailedPrecondition(why) || absl::IsUnavailable(why)) {
    return NotLeaderAnswer(group_->access()->leader_hint(), why.message());
  }
  const TxnAttempt attempt = tablet::FromProto(request.txn());
  if (group_->pin(attempt) == nullptr) group_->Release(attempt, /*marker=*/true);
  peer::VoteRequest vote = MakeVote(request, group_->id());
  vote.set_yes(false);
  vote.set_reason(std::string(why.message()));
  group_->Reached("2pc.voted_no");
  group_->Spawn(SendNo(GroupId(request.coordinator()), std::move(vote)));
  if (absl::IsOutOfRange(why)) return ErrorAnswer(*group_->access(), why);
  peer::GroupResponse response = VoteAnswer(false, false, Timestamp());
  response.set_code(static_cast<int>(why.code()));
  response.set_message(std::string(why.message()));
  return response;
}

// ---- votes ----

Task<absl::StatusOr<peer::VoteResponse>> Participant::SendVote(GroupId coordinator,
                                                               peer::VoteRequest vote,
                                                               Micros timeout_us) {
  peer::GroupRequest request;
  *request.mutable_vote() = std::move(vote);
  auto ctx = std::make_shared<RequestContext>(group_->now_us() + timeout_us);
  auto response = co_await group_->env().caller->Call(ctx, coordinator, std::move(request));
  if (!response.ok()) co_return response.status();
  if (response->error() != peer::GROUP_OK) {
    co_return absl::UnavailableError("the coordinator's group gave no answer");
  }
  group_->Reached("2pc.voted");
  co_return std::move(*response->mutable_vote());
}

Task<void> Participant::SendNo(GroupId coordinator, peer::VoteRequest vote) {
  (void)co_await SendVote(coordinator, std::move(vote), group_->env().options.call_timeout_us);
}

void Participant::StartResolving(const TxnAttempt& attempt) {
  auto it = group_->access()->prepared().find(attempt);
  if (it == group_->access()->prepared().end() || resolving_.contains(attempt)) return;
  const peer::Prepare& p = it->second;
  peer::VoteRequest vote;
  *vote.mutable_txn() = p.txn();
  vote.set_commit_start_us(p.commit_start_us());
  vote.set_participant(group_->id().value);
  vote.set_yes(true);
  vote.set_s_min_us(p.s_prepare());
  resolving_[attempt] = std::make_shared<WaitList>(group_->env().executor);
  group_->Spawn(Resolve(attempt, GroupId(p.coordinator()), std::move(vote)));
}

Task<void> Participant::Resolve(TxnAttempt attempt, GroupId coordinator, peer::VoteRequest vote) {
  const ServerOptions& options = group_->env().options;
  std::shared_ptr<WaitList> wake = resolving_.at(attempt);
  Micros pause = options.backoff_us;
  int rounds = 0;
  while (!group_->stopped() && group_->access()->prepared().contains(attempt)) {
    auto answer = co_await SendVote(coordinator, vote, options.call_timeout_us);
    if (group_->stopped() || !group_->access()->prepared().contains(attempt)) break;
    if (answer.ok() && answer->decided()) {
      if (rounds > 0) group_->Reached("2pc.in_doubt_resolved");
      absl::Status learnt = co_await Learn(attempt, answer->commit(), Timestamp(answer->s()));
      if (learnt.ok() || group_->stopped()) break;
    }
    ++rounds;
    co_await wake->WaitUntil(group_->now_us() + pause);
    pause = std::min(pause * 2, options.backoff_cap_us);
  }
  resolving_.erase(attempt);
}

Task<void> Participant::HoldReadVote(TxnAttempt attempt, GroupId coordinator,
                                     peer::VoteRequest vote) {
  const ServerOptions& options = group_->env().options;
  const Timestamp s_max(vote.s_max_us());
  Micros pause = options.backoff_us;
  for (;;) {
    auto answer = co_await SendVote(coordinator, vote, options.backoff_cap_us);
    const PinReason* pin = group_->stopped() ? nullptr : group_->pin(attempt);
    if (pin == nullptr || pin->kind != PinReason::Kind::kReadVote) co_return;
    if (answer.ok() && answer->decided()) break;
    auto view = group_->access()->Leading();
    if (view.ok() && view->now.earliest > s_max) {  // no commit can use it any longer
      vote.set_yes(false);
      vote.set_reason("a read lock's bound passed before the decision");
      group_->Spawn(SendNo(coordinator, std::move(vote)));
      break;
    }
    co_await SleepFor(group_->env().executor, pause);
    pause = std::min(pause * 2, options.backoff_cap_us);
  }
  const PinReason* pin = group_->stopped() ? nullptr : group_->pin(attempt);
  if (pin != nullptr && pin->kind == PinReason::Kind::kReadVote) {
    group_->Release(attempt, /*marker=*/true);
  }
}

// ---- outcomes ----

Task<absl::Status> Participant::Learn(TxnAttempt attempt, bool commit, Timestamp s) {
  peer::OutcomeRequest request;
  tablet::ToProto(attempt, request.mutable_txn());
  request.set_commit(commit);
  request.set_s(s.us);
  auto ctx =
      std::make_shared<RequestContext>(group_->now_us() + group_->env().options.call_timeout_us);
  peer::GroupResponse response = co_await Outcome(ctx, std::move(request));
  if (response.error() == peer::GROUP_OK) co_return absl::OkStatus();
  co_return absl::UnavailableError(response.message());
}

Task<peer::GroupResponse> Participant::Outcome(Ctx ctx, peer::OutcomeRequest request) {
  const TxnAttempt attempt = tablet::FromProto(request.txn());
  auto view = group_->access()->Leading();
  if (!view.ok()) co_return ErrorAnswer(*group_->access(), view.status());
  co_return co_await group_->Join(ctx, LedGroup::Flight::kOutcome, attempt,
                                  [&] { return RunOutcome(std::move(request)); });
}

Task<peer::GroupResponse> Participant::RunOutcome(peer::OutcomeRequest request) {
  const TxnAttempt attempt = tablet::FromProto(request.txn());
  if (!request.commit()) group_->locks().Wound(attempt);  // also a prepare that waits for locks
  // A prepare that is proposed already takes effect first; then there is something to undo.
  while (group_->InFlight(LedGroup::Flight::kPrepare, attempt) && !group_->stopped()) {
    co_await SleepFor(group_->env().executor, 1'000);
  }
  if (group_->stopped()) {
    co_return NotLeaderAnswer(group_->access()->leader_hint(), "leadership of the group ended");
  }
  if (group_->access()->prepared().contains(attempt)) {
    peer::Command command;
    *command.mutable_outcome()->mutable_txn() = request.txn();
    command.mutable_outcome()->set_commit(request.commit());
    command.mutable_outcome()->set_s(request.s());
    absl::Status applied = co_await group_->ProposeAndApply(nullptr, std::move(command));
    if (!applied.ok()) co_return ErrorAnswer(*group_->access(), applied);
    if (request.commit()) {
      const bool passed = co_await group_->WaitOut(Timestamp(request.s()));
      if (!passed) co_return UnknownAnswer("leadership ended", group_->env().sabotage);
    }
    group_->Reached("2pc.outcome_applied");
    group_->Count(request.commit() ? "txn.outcomes.commit" : "txn.outcomes.abort");
  }
  group_->Release(attempt, /*marker=*/!request.commit());
  Wake(attempt);
  co_return VoteAnswer(true, request.commit(), Timestamp(request.s()));
}

// ---- heartbeats and rollback ----

peer::GroupResponse Participant::Heartbeat(const peer::HeartbeatRequest& request) {
  const TxnAttempt attempt = tablet::FromProto(request.txn());
  auto view = group_->access()->Leading();
  if (!view.ok()) return ErrorAnswer(*group_->access(), view.status());
  const bool alive =
      group_->locks().Alive(attempt) &&
      (!request.has_epoch() || tablet::SameEpoch(request.epoch(), group_->access()->epoch()));
  if (alive) group_->locks().Touch(attempt, group_->now_us());
  peer::GroupResponse response;
  response.mutable_heartbeat()->set_alive(alive);
  return response;
}

peer::GroupResponse Participant::Release(const peer::ReleaseRequest& request) {
  const TxnAttempt attempt = tablet::FromProto(request.txn());
  auto view = group_->access()->Leading();
  if (!view.ok()) return ErrorAnswer(*group_->access(), view.status());
  if (group_->env().sabotage.Is(Sabotage::kReleaseIgnoresAttempt)) {
    group_->locks().DropLocksOfAnyAttempt(attempt.txn);
  }
  if (group_->pin(attempt) == nullptr) group_->Release(attempt, /*marker=*/true);
  return peer::GroupResponse();
}

}  // namespace isochron::txn
