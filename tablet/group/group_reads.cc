// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/status_macros.h"
#include "tablet/group/convert.h"
#include "tablet/group/group.h"

// When a timestamp is readable here: at the leader, and at the other replicas.

namespace isochron::tablet {
namespace {

constexpr Micros kForever = Micros{1} << 60;
// One question to the leader; asked again while somebody waits.
constexpr Micros kAskTimeoutUs = 2'000'000;
constexpr Micros kCoverPatienceUs = 200'000;
// At most, before a leader looks again whether a timestamp may be read at.
constexpr Micros kFrozenPauseUs = 50'000;

Task<absl::Status> WaitPast(Executor* executor, TrueTime* truetime, Ctx ctx, Timestamp t) {
  for (;;) {
    auto now = truetime->Now();
    if (!now.ok()) co_return now.status();
    if (now->earliest > t) co_return absl::OkStatus();
    const Micros now_us = executor->MonotonicNow();
    Micros left = kForever;
    if (ctx) {
      ISO_CO_RETURN_IF_ERROR(ctx->Check(now_us));
      left = ctx->deadline_us() - now_us;
    }
    co_await SleepFor(executor, std::min(left, t.us - now->earliest.us + 1));
  }
}

// Until `ahead` has passed or the context ends.
Task<void> SleepAhead(Executor* executor, Ctx ctx, Micros ahead) {
  const Micros left = ctx->deadline_us() - executor->MonotonicNow();
  co_await SleepFor(executor, std::max<Micros>(1, std::min(ahead, left)));
}

absl::Status Gone() { return absl::UnavailableError("the replica has left this node"); }

}  // namespace

// ---- any replica ----

Task<absl::Status> Group::WaitAfter(Ctx ctx, Timestamp t) {
  return WaitPast(env_.executor, env_.truetime, std::move(ctx), t);
}

absl::Status Group::CheckReadable(const std::vector<KeyRange>& spans) const {
  const KeyRange own = range();
  for (const KeyRange& span : spans) {
    if (!own.Contains(span) || (!split_at_.empty() && (span.end.empty() || span.end > split_at_))) {
      return absl::OutOfRangeError("a key is not in this group");
    }
    ISO_RETURN_IF_ERROR(CheckUncovered(span));
  }
  return absl::OkStatus();
}

absl::Status Group::CheckUncovered(const KeyRange& span) const {
  if (!state_.Covers(span)) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("this replica of group ", id().value, " is behind a split of these keys"));
}

absl::Status Group::CheckHorizon(Timestamp t) const {
  const Timestamp horizon = state_.horizon();
  if (t >= horizon) return absl::OkStatus();
  env_.observer->Reached("read.below_horizon");
  return absl::FailedPreconditionError(absl::StrCat(
      "the read timestamp ", absl::FormatTime(absl::FromUnixMicros(t.us), absl::UTCTimeZone()),
      " is older than the versions that are kept: the earliest that can be read here is ",
      absl::FormatTime(absl::FromUnixMicros(horizon.us), absl::UTCTimeZone()),
      "; read at a later one, or keep versions for longer (the database's "
      "spanner.version_retention_period)"));
}

bool Group::PendingTouches(const std::vector<KeyRange>& spans, Timestamp t) const {
  return std::any_of(spans.begin(), spans.end(),
                     [&](const auto& r) { return pending_.Touches(r, t); });
}

Timestamp Group::PaxosSafe() {
  const Timestamp safe = safe_.At(state_.index(), state_.assigned());
  if (env_.promises == nullptr) return safe;
  const std::optional<SharedPromise> known = env_.promises->Known(id());
  if (!known) return safe;
  const bool usable =
      known->index <= state_.index() || env_.sabotage.Is(Sabotage::kPromiseWithoutIndex);
  return usable ? std::max(safe, known->t) : safe;
}

void Group::AddPromise(LogIndex index, Timestamp t) {
  safe_.Promise(index, t);
  changed_.NotifyAll();
}

absl::StatusOr<Timestamp> Group::SafeFor(const std::vector<KeyRange>& spans) {
  ISO_RETURN_IF_ERROR(CheckReadable(spans));
  Timestamp safe = PaxosSafe();
  if (auto view = Leading(); view.ok()) {
    safe = MostReadable(*view);
  }
  for (const KeyRange& span : spans) {
    if (auto s = pending_.Smallest(span)) safe = std::min(safe, s->Prev());
  }
  return safe;
}

Task<absl::StatusOr<Timestamp>> Group::WaitSafe(Ctx ctx, std::vector<KeyRange> spans, Timestamp t) {
  const bool ignore_pending = env_.sabotage.Is(Sabotage::kIgnorePrepared);
  const std::weak_ptr<bool> alive = alive_;
  Executor* const executor = env_.executor;
  uint64_t ticket = t.us <= 0 ? Ask(Timestamp()) : 0;
  bool impatient = false;
  for (;;) {
    ISO_CO_RETURN_IF_ERROR(ctx->Check(executor->MonotonicNow()));
    if (alive.expired()) co_return Gone();
    ISO_CO_RETURN_IF_ERROR(CheckReadable(spans));
    ISO_CO_ASSIGN_OR_RETURN(TTInterval now, env_.truetime->Now());
    if (t > now.latest) {
      co_await SleepAhead(executor, ctx, t.us - now.latest.us);
      continue;
    }
    if (ticket != 0 && asked_ >= ticket) {
      // Later answers are at least as great, and as strong.
      if (t.us <= 0 || PaxosSafe() < t) ISO_CO_RETURN_IF_ERROR(ask_answer_.status());
      if (t.us <= 0) t = *ask_answer_;
      ticket = 0;
    }
    if (t.us > 0 && PaxosSafe() >= t) {
      if (ignore_pending || !PendingTouches(spans, t)) co_return t;
      env_.observer->Reached("read.follower_waited_for_prepared");
    } else if (ticket == 0 && (!safe_.WillCover(t) || impatient)) {
      ticket = Ask(t);
    }
    env_.observer->Reached("read.waited_for_safe_time");
    if (env_.promises) env_.promises->Await(id());
    // The index of a promise may never be applied: its leader died with what it had appended.
    const Micros until = executor->MonotonicNow() + kCoverPatienceUs;
    impatient = !co_await changed_.WaitUntil(std::min(until, ctx->deadline_us()));
  }
}

uint64_t Group::Ask(Timestamp t) {
  ask_for_ = std::max(ask_for_, t);
  const uint64_t ticket = ++ask_wanted_;
  if (!asking_) {
    asking_ = true;
    env_.executor->Post([this, alive = std::weak_ptr<bool>(alive_)] {
      if (!alive.expired()) scope_.Spawn(AskLeader());
    });
  }
  return ticket;
}

Task<void> Group::AskLeader() {
  while (asked_ < ask_wanted_) {
    const uint64_t upto = ask_wanted_;
    peer::GroupRequest request;
    request.mutable_promise()->set_t_us(std::exchange(ask_for_, Timestamp()).us);
    absl::StatusOr<peer::GroupResponse> answer =
        absl::UnavailableError("this replica cannot ask its leader");
    env_.observer->Reached("read.promise_asked");
    if (env_.call_leader) {
      auto ctx = std::make_shared<RequestContext>(env_.executor->MonotonicNow() + kAskTimeoutUs);
      answer = co_await env_.call_leader(std::move(ctx), id(), std::move(request));
    }
    asked_ = upto;
    if (answer.ok() && answer->error() == peer::GROUP_OK) {
      const Timestamp t(answer->promise().t_us());
      ask_answer_ = t;
      safe_.Promise(answer->promise().index(), t);
    } else {
      ask_answer_ = absl::UnavailableError(
          absl::StrCat("no promise from the leader of group ", id().value, ": ",
                       answer.ok() ? answer->message() : answer.status().message()));
    }
    changed_.NotifyAll();
  }
  asking_ = false;
}

// ---- the leader ----

Timestamp Group::MostReadable(const LeaderView& view) const {
  Timestamp most = std::min(view.now.latest, view.lease_end.Prev());
  const peer::GroupState& state = state_.group_state();
  if (state.has_frozen()) most = std::min(most, Timestamp(state.frozen().s_max()));
  return most;
}

bool Group::Quiet(Micros since) const {
  return serving_ && !abdicating_ && !state_.group_state().has_frozen() && waiting_.empty() &&
         proposed_at_us_ <= since && replica_->last_index() == state_.index();
}

void Group::StopSharing() {
  if (!shares_) return;
  shares_ = false;
  min_next_ = std::max(min_next_, env_.promises->LastShared().Next());
  env_.promises->Leave(id());
  env_.observer->Reached("group.stopped_sharing");
}

std::optional<Timestamp> Group::ChooseLastTs(const std::vector<KeyRange>& spans) const {
  // What a quorum without this replica has chosen while its own disk was slow may be read at others
  // before it is applied here.
  if (state_.index() < replica_->chosen_index()) {
    env_.observer->Reached("read.last_ts_behind_chosen");
    return std::nullopt;
  }
  const Timestamp t = state_.last_ts();
  // A prepared transaction may have been acknowledged at a timestamp that this group has not heard
  // of; versions at an old LastTS may be below the horizon.
  if (t.us <= 0 || t <= state_.horizon()) return std::nullopt;
  for (const KeyRange& span : spans) {
    if (pending_.TouchesPrepared(span) || pending_.Touches(span, t)) return std::nullopt;
  }
  return t;
}

Task<absl::StatusOr<Timestamp>> Group::WaitReadable(Ctx ctx, std::vector<KeyRange> spans,
                                                    Timestamp t) {
  const bool ignore_pending = env_.sabotage.Is(Sabotage::kIgnorePrepared);
  for (;;) {
    ISO_CO_RETURN_IF_ERROR(ctx->Check(env_.executor->MonotonicNow()));
    ISO_CO_RETURN_IF_ERROR(CheckReadable(spans));
    ISO_CO_ASSIGN_OR_RETURN(LeaderView view, Leading());
    if (t == kLastTs) {
      const std::optional<Timestamp> last = ChooseLastTs(spans);
      if (last) env_.observer->Reached("read.at_last_ts");
      t = last.value_or(Timestamp());
    }
    if (t.us == 0) t = view.now.latest;
    // A read ahead of the clock, or of the lease, must not poison the group (rule 12): wait.
    const Timestamp most = MostReadable(view);
    if (t > most) {
      co_await SleepAhead(env_.executor, ctx, std::min(t.us - most.us, kFrozenPauseUs));
      continue;
    }
    if (!env_.sabotage.Is(Sabotage::kForgetServedRead)) min_next_ = std::max(min_next_, t.Next());
    if (ignore_pending || !PendingTouches(spans, t)) co_return t;
    env_.observer->Reached("read.waited_for_pending");
    co_await changed_.WaitUntil(ctx->deadline_us());
  }
}

Task<absl::StatusOr<peer::PromiseResponse>> Group::Promise(Ctx ctx, Timestamp t) {
  for (;;) {
    ISO_CO_RETURN_IF_ERROR(ctx->Check(env_.executor->MonotonicNow()));
    ISO_CO_ASSIGN_OR_RETURN(LeaderView view, Leading());
    const Timestamp most = MostReadable(view);
    if (t > most) {
      co_await SleepAhead(env_.executor, ctx, std::min(t.us - most.us, kFrozenPauseUs));
      continue;
    }
    min_next_ = std::max(min_next_, most.Next());
    env_.observer->Reached("read.promised");
    peer::PromiseResponse promise;
    promise.set_ballot_round(view.ballot.round);
    promise.set_ballot_node(view.ballot.node.value);
    promise.set_index(replica_->last_index());
    promise.set_t_us(most.us);
    co_return promise;
  }
}

}  // namespace isochron::tablet
