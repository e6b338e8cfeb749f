// SPDX-License-Identifier: Apache-2.0
#include "txn/participant/led_group.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tablet/group/convert.h"
#include "txn/api/reasons.h"
#include "txn/participant/answers.h"

namespace isochron::txn {
namespace {

constexpr Micros kPipelineFullPauseUs = 2'000;
constexpr Micros kClockLostPauseUs = 20'000;
// Of what is left to a request that decides, a quarter is kept to log and tell what was decided.
constexpr Micros kMostToDecideUs = 1'000'000;

std::vector<LockSpan> PreparedSpans(const peer::Prepare& p) {
  std::vector<LockSpan> spans;
  for (const peer::LockSpan& l : p.locks()) {
    spans.push_back(
        {tablet::FromProto(l.span()), l.exclusive() ? LockMode::kExclusive : LockMode::kShared});
  }
  for (const peer::Write& w : p.writes()) {
    spans.push_back({KeyRange::Point(w.key()), LockMode::kExclusive});
  }
  return spans;
}

}  // namespace

LedGroup::LedGroup(const ServerEnv* env, std::unique_ptr<GroupAccess> access)
    : env_(env),
      access_(std::move(access)),
      id_(access_->group_descriptor().group()),
      locks_({.max_waiting = env->options.max_waiting_locks, .sabotage = env->sabotage},
             {[this](const TxnAttempt&) { Reached("txn.wounded"); },
              [this](const TxnAttempt& attempt) { OnPinnedBlocked(attempt); }}) {
  for (const auto& [attempt, p] : access_->prepared()) {
    pins_[attempt] = {PinReason::Kind::kPrepared, GroupId(p.coordinator()), p.commit_start_us()};
    if (!env_->sabotage.Is(Sabotage::kDropPreparedLocks)) {
      locks_.Restore(attempt, PreparedSpans(p));
    }
  }
}

KeyRange LedGroup::range() const { return tablet::FromProto(access_->group_descriptor().range()); }

void LedGroup::Stop() {
  stopped_ = true;
  pins_.clear();
  locks_.FailAll(absl::FailedPreconditionError("leadership of the group ended"));
}

void LedGroup::OnRangeChanged() {
  const KeyRange own = range();
  for (const LockInfo& line : locks_.Describe()) {
    if (line.granted && !own.Contains(line.span.range)) locks_.Wound(line.attempt);
  }
}

void LedGroup::Sweep() {
  if (locks_.attempts() == 0) return;
  const Micros now = now_us();
  for (const TxnAttempt& attempt : locks_.Expire(now - env_->options.lock_expiry_us)) {
    (void)attempt;
    Reached("txn.expired");
    Count("txn.expired");
  }
  locks_.ForgetMarkers(now - env_->options.marker_window_us);
}

// ---- background work ----

Task<void> LedGroup::KeepAlive(std::shared_ptr<LedGroup> self, Task<void> body) {
  (void)self;
  co_await std::move(body);
}

void LedGroup::Spawn(Task<void> task) {
  env_->scope->Spawn(KeepAlive(shared_from_this(), std::move(task)));
}

Task<void> LedGroup::RunFlight(FlightKey key, std::shared_ptr<FlightState> state,
                               Task<peer::GroupResponse> body) {
  state->response = co_await std::move(body);
  flights_.erase(key);
  state->done.NotifyAll();
}

Task<peer::GroupResponse> LedGroup::Join(Ctx ctx, Flight kind, TxnAttempt attempt,
                                         std::function<Task<peer::GroupResponse>()> start) {
  const FlightKey key{kind, attempt};
  std::shared_ptr<FlightState> state;
  auto it = flights_.find(key);
  if (it != flights_.end()) {
    state = it->second;
    Reached("txn.attached");
  } else {
    state = std::make_shared<FlightState>(env_->executor);
    flights_[key] = state;
    Spawn(RunFlight(key, state, start()));
  }
  while (!state->response) {
    const bool woken = co_await state->done.WaitUntil(ctx->deadline_us());
    if (!woken && !state->response) {
      co_return UnknownAnswer("the request's deadline passed before the outcome was known",
                              env_->sabotage);
    }
  }
  co_return *state->response;
}

bool LedGroup::InFlight(Flight kind, const TxnAttempt& attempt) const {
  return flights_.contains({kind, attempt});
}

// ---- locks ----

Task<absl::Status> LedGroup::Lock(Ctx ctx, TxnAttempt attempt, std::vector<LockSpan> spans,
                                  Micros longest_us) {
  if (stopped_) co_return absl::FailedPreconditionError("leadership of the group ended");
  Executor* executor = env_->executor;
  const Micros began = now_us();
  if (longest_us == kNoWaitForLocks) {
    auto taken = locks_.TryAcquire(attempt, std::move(spans), began);
    if (!taken.ok()) co_return taken.status();
    if (*taken) co_return absl::OkStatus();
    Reached("txn.lock_not_free_at_once");
    co_return LockTimeout("could not obtain lock: another transaction holds it or waits for it");
  }
  OneShot<absl::Status> result(executor);
  const LockTable::RequestId id =
      locks_.Acquire(attempt, std::move(spans), began,
                     [result](absl::Status s) mutable { result.Set(std::move(s)); });
  if (id == 0) co_return co_await result;
  Count("txn.lock_waits");
  std::weak_ptr<LedGroup> weak = weak_from_this();
  auto cancel = [weak, id](absl::Status why) {
    if (auto self = weak.lock()) self->locks_.Cancel(id, std::move(why));
  };
  const Micros left = std::max<Micros>(0, ctx->deadline_us() - began);
  const bool by_timeout = longest_us > 0 && longest_us < left;
  const auto timer = executor->PostAfter(by_timeout ? longest_us : left, [cancel, by_timeout,
                                                                          longest_us] {
    cancel(by_timeout ? LockTimeout(absl::StrCat(
                            "canceling statement due to lock timeout: the locks were not free "
                            "within ",
                            longest_us / 1000, " ms"))
                      : absl::DeadlineExceededError("the locks were not free before the deadline"));
  });
  const uint64_t on_cancel = ctx->OnCancel([cancel, executor] {
    executor->Post([cancel] { cancel(absl::CancelledError("cancelled while waiting for locks")); });
  });
  absl::Status status = co_await result;
  executor->Cancel(timer);
  ctx->RemoveOnCancel(on_cancel);
  ctx->latency.lock_wait_us += now_us() - began;
  co_return status;
}

Task<absl::Status> LedGroup::LockToDecide(Ctx ctx, TxnAttempt attempt, std::vector<LockSpan> spans,
                                          Micros longest_us) {
  const Micros left = std::max<Micros>(0, ctx->deadline_us() - now_us());
  const Micros patience_us = std::min(left - std::min(left / 4, kMostToDecideUs), longest_us);
  auto patience = std::make_shared<RequestContext>(now_us() + patience_us);
  absl::Status status = co_await Lock(patience, attempt, std::move(spans));
  ctx->latency.Add(patience->latency);
  if (!absl::IsDeadlineExceeded(status)) co_return status;
  Reached("txn.no_locks_to_decide");
  co_return absl::AbortedError(
      "the locks that the commit needs were not free in time; run the transaction again");
}

absl::Status LedGroup::CheckLocks(const TxnAttempt& attempt, const peer::LockEpoch* epoch) {
  const bool epoch_only = env_->sabotage.Is(Sabotage::kEpochOnlyCheck);
  if (epoch != nullptr) {
    if (!tablet::SameEpoch(*epoch, access_->epoch())) {
      return absl::AbortedError("the locks were lost when the group's leader changed");
    }
    if (!epoch_only && !locks_.Alive(attempt)) {
      return absl::AbortedError("the transaction lost its locks to an older one, or was given up");
    }
  }
  if (!locks_.Ended(attempt)) return absl::OkStatus();
  if (!epoch_only) return absl::AbortedError("the attempt has ended here");
  locks_.Release(attempt, /*marker=*/false);
  return absl::OkStatus();
}

absl::Status LedGroup::CheckRange(
    const google::protobuf::RepeatedPtrField<peer::Write>& writes) const {
  const KeyRange own = range();
  for (const peer::Write& w : writes) {
    if (!own.Contains(w.key())) {
      return absl::OutOfRangeError(absl::StrCat("a key is not in group ", id_.value));
    }
  }
  return absl::OkStatus();
}

absl::Status LedGroup::CheckWindow(int64_t commit_start_us) {
  auto view = access_->Leading();
  if (!view.ok()) return view.status();
  if (commit_start_us + env_->options.commit_window_us >= view->now.earliest.us) {
    return absl::OkStatus();
  }
  return absl::UnknownError(absl::StrCat(
      "the commit was begun more than ", env_->options.commit_window_us / 1'000'000,
      " s ago: its record may be gone, so its outcome cannot be known; read the data to see"));
}

void LedGroup::Pin(const TxnAttempt& attempt, PinReason reason) {
  locks_.Pin(attempt);
  pins_[attempt] = reason;
}

const PinReason* LedGroup::pin(const TxnAttempt& attempt) const {
  auto it = pins_.find(attempt);
  return it == pins_.end() ? nullptr : &it->second;
}

void LedGroup::Release(const TxnAttempt& attempt, bool marker) {
  if (stopped_) return;
  pins_.erase(attempt);
  locks_.Touch(attempt, now_us());
  locks_.Release(attempt, marker);
  locks_.Touch(attempt, now_us());
}

uint64_t LedGroup::NewMergeToken() {
  const peer::LockEpoch epoch = access_->epoch();
  const uint64_t now = static_cast<uint64_t>(now_us()) & ((uint64_t{1} << 40) - 1);
  return (epoch.ballot_round() << 48) | (uint64_t{epoch.ballot_node() & 0xff} << 40) | now;
}

// ---- wounds of pinned attempts (rule 1) ----

void LedGroup::OnPinnedBlocked(const TxnAttempt& attempt) {
  if (env_->sabotage.Is(Sabotage::kNoWoundForward)) return;
  auto it = pins_.find(attempt);
  if (it == pins_.end() || it->second.wounding) return;
  switch (it->second.kind) {
    case PinReason::Kind::kProposed:
      return;  // ends by itself, needs no lock
    case PinReason::Kind::kCoordinating:
      env_->executor->Post([weak = weak_from_this(), attempt] {
        auto self = weak.lock();
        if (self && !self->stopped_ && self->wound_coordinated) self->wound_coordinated(attempt);
      });
      return;
    case PinReason::Kind::kPrepared:
    case PinReason::Kind::kReadVote:
      it->second.wounding = true;
      env_->executor->Post([weak = weak_from_this(), attempt] {
        if (auto self = weak.lock()) self->Spawn(self->ForwardWound(attempt));
      });
  }
}

Task<void> LedGroup::ForwardWound(TxnAttempt attempt) {
  Reached("2pc.wounded_prepared");
  Micros pause = env_->options.backoff_us;
  for (;;) {
    auto it = pins_.find(attempt);
    if (stopped_ || it == pins_.end()) co_return;
    peer::GroupRequest request;
    peer::WoundRequest* wound = request.mutable_wound();
    tablet::ToProto(attempt, wound->mutable_txn());
    wound->set_commit_start_us(it->second.commit_start_us);
    auto ctx = std::make_shared<RequestContext>(now_us() + env_->options.call_timeout_us);
    (void)co_await env_->caller->Call(ctx, it->second.coordinator, std::move(request));
    co_await SleepFor(env_->executor, pause);
    pause = std::min(pause * 2, env_->options.backoff_cap_us);
  }
}

// ---- proposals ----

void LedGroup::NoteWrites(const peer::Command& command) {
  const auto& writes = command.has_commit_one_round() ? command.commit_one_round().writes()
                       : command.has_prepare()        ? command.prepare().writes()
                                                      : command.decide().writes();
  if (writes.empty() || !env_->index_prefix) return;
  const Micros now = now_us();
  trend_.NoteTransaction(now);
  // Writes are in the order of their keys, or nearly so.
  absl::string_view index;
  for (const peer::Write& w : writes) {
    if (!index.empty() && absl::StartsWith(w.key(), index)) continue;
    const size_t prefix = env_->index_prefix(w.key());
    if (prefix == 0) continue;
    index = absl::string_view(w.key()).substr(0, prefix);
    trend_.Note(w.key(), prefix, now);
  }
}

Task<absl::StatusOr<Proposed>> LedGroup::ProposeFor(Ctx ctx, TxnAttempt attempt, PinReason reason,
                                                    peer::Command command, Timestamp min_s,
                                                    Timestamp s_max) {
  for (;;) {
    if (stopped_) co_return absl::FailedPreconditionError("leadership of the group ended");
    if (!locks_.Alive(attempt)) {
      co_return absl::AbortedError("the transaction lost its locks to an older one");
    }
    if (env_->close_to_stall && env_->close_to_stall()) {
      Reached("txn.slowed_for_store");
      absl::Status going_on = ctx->Check(now_us());
      if (!going_on.ok()) co_return going_on;
      co_await SleepFor(env_->executor, kPipelineFullPauseUs);
      continue;
    }
    auto proposed = access_->Propose(command, min_s, s_max);
    if (proposed.ok()) {
      NoteWrites(command);
      Pin(attempt, reason);
      co_return proposed;
    }
    if (!absl::IsResourceExhausted(proposed.status())) co_return proposed.status();
    absl::Status going_on = ctx->Check(now_us());
    if (!going_on.ok()) co_return going_on;
    co_await SleepFor(env_->executor, kPipelineFullPauseUs);
  }
}

Task<absl::Status> LedGroup::ProposeAndApply(Ctx ctx, peer::Command command) {
  for (;;) {
    if (stopped_) co_return absl::FailedPreconditionError("leadership of the group ended");
    auto proposed = access_->Propose(command, Timestamp(), Timestamp::Max());
    if (proposed.ok()) co_return co_await proposed->applied;
    if (!absl::IsResourceExhausted(proposed.status())) co_return proposed.status();
    if (ctx) {
      absl::Status going_on = ctx->Check(now_us());
      if (!going_on.ok()) co_return going_on;
    }
    co_await SleepFor(env_->executor, kPipelineFullPauseUs);
  }
}

Task<absl::Status> LedGroup::LogAbort(Ctx ctx, TxnAttempt attempt, int64_t commit_start_us) {
  peer::Command command;
  peer::Decide* decide = command.mutable_decide();
  tablet::ToProto(attempt, decide->mutable_txn());
  decide->set_commit_start_us(commit_start_us);
  decide->set_commit(false);
  co_return co_await ProposeAndApply(std::move(ctx), std::move(command));
}

Task<bool> LedGroup::WaitOut(Timestamp s) {
  if (env_->sabotage.Is(Sabotage::kNoCommitWait)) co_return true;
  co_return co_await WaitPast(s);
}

Task<bool> LedGroup::WaitPast(Timestamp t) {
  for (;;) {
    absl::Status waited = co_await access_->WaitAfter(nullptr, t);
    if (waited.ok()) co_return true;
    if (stopped_) co_return false;
    co_await SleepFor(env_->executor, kClockLostPauseUs);
  }
}

}  // namespace isochron::txn
