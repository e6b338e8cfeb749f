// SPDX-License-Identifier: Apache-2.0
#include "server/admission/admission.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace isochron::admission {
namespace {

constexpr char kRetryUrl[] = "isochron/retry-after-us";
constexpr Micros kMinRetryUs = 10'000;
constexpr int64_t kRiseBy = 16;  // a sixteenth
constexpr size_t kPriorities = 3;

}  // namespace

absl::Status Overloaded(absl::string_view why, Micros retry_after_us) {
  const Micros retry_us = std::max(retry_after_us, kMinRetryUs);
  absl::Status status = absl::ResourceExhaustedError(
      absl::StrCat("this node is overloaded: ", why, "; nothing was begun, try again in ",
                   (retry_us + 999) / 1000, " ms or at another node"));
  status.SetPayload(kRetryUrl, absl::Cord(absl::StrCat(retry_us)));
  return status;
}

Micros RetryAfter(const absl::Status& status) {
  const auto payload = status.GetPayload(kRetryUrl);
  Micros us = 0;
  if (payload && absl::SimpleAtoi(std::string(*payload), &us)) return us;
  return 0;
}

namespace {

struct Waiter {
  explicit Waiter(Executor* executor) : turn(executor) {}
  OneShot<absl::Status> turn;
  bool let_in = false;  // counted as running, for the slot that it will get
};
using Queue = std::list<Waiter*>;

}  // namespace

// What the admission and its slots share.
struct Admission::State : std::enable_shared_from_this<State> {
  State(Executor* e, Observer* o, Options given) : executor(e), observer(o), options(given) {
    limit = std::clamp(options.first_running, options.min_running, options.max_running);
    interval_ends_us = executor->MonotonicNow() + options.interval_us;
  }

  Micros now() const { return executor->MonotonicNow(); }
  void Count(absl::string_view name) {
    if (observer != nullptr) observer->Count(name, 1);
  }

  // Lets in what there is room for.
  void Admit();
  void Left();
  void Adjust(Micros at);
  // How long one who comes now would wait, by how fast places came free lately.
  Micros ExpectedWait() const;
  void EndRests();
  void ArmRests();

  Executor* const executor;
  Observer* const observer;
  const Options options;
  bool closed = false;

  int64_t limit = 0;
  int64_t running = 0;
  size_t waiting = 0;
  std::array<Queue, kPriorities> queues;
  std::list<std::pair<Micros, Slot*>> resting;  // by the time at which they stop to count
  bool rest_timer = false;

  // This interval.
  Micros interval_ends_us = 0;
  Micros least_delay_us = -1;  // -1: none seen
  bool was_full = false;       // somebody had to wait
  bool full_from_start = false;
  int64_t let_in = 0;
  Micros last_delay_us = 0;   // of the last interval
  double let_in_per_us = -1;  // smoothed over full intervals; -1: none yet
};

void Admission::State::Admit() {
  for (size_t p = kPriorities; p-- > 0;) {
    auto& queue = queues[p];
    while (!queue.empty() && running < limit) {
      Waiter* waiter = queue.front();
      queue.pop_front();
      --waiting;
      waiter->let_in = true;
      ++running;
      ++let_in;
      waiter->turn.Set(absl::OkStatus());
    }
  }
}

void Admission::State::Left() {
  --running;
  ISO_CHECK(running >= 0, "slots are given back once");
  Adjust(now());
  if (!closed) Admit();
}

void Admission::State::Adjust(Micros at) {
  if (at < interval_ends_us) return;
  const Micros length = at - interval_ends_us + options.interval_us;
  if (full_from_start) {
    const double rate = static_cast<double>(let_in) / static_cast<double>(length);
    let_in_per_us = let_in_per_us < 0 ? rate : 0.7 * let_in_per_us + 0.3 * rate;
  }
  last_delay_us = std::max<Micros>(least_delay_us, 0);
  if (least_delay_us > options.delay_target_us) {
    limit = std::max(options.min_running, limit - limit / 8);
    Count("admission.lowered");
  } else if (was_full) {
    limit = std::min(options.max_running, limit + std::max<int64_t>(1, limit / kRiseBy));
  }
  interval_ends_us = at + options.interval_us;
  least_delay_us = -1;
  was_full = full_from_start = waiting > 0;
  let_in = 0;
}

Micros Admission::State::ExpectedWait() const {
  if (let_in_per_us < 0) return 0;
  const double us = static_cast<double>(waiting + 1) / std::max(let_in_per_us, 1e-9);
  return static_cast<Micros>(std::min(us, 60e6));
}

void Admission::State::EndRests() {
  const Micros at = now();
  while (!resting.empty() && resting.front().first <= at) {
    Slot* slot = resting.front().second;
    slot->LeaveRest();
    slot->counts_ = false;
    Left();
  }
  ArmRests();
}

void Admission::State::ArmRests() {
  if (rest_timer || resting.empty()) return;
  rest_timer = true;
  executor->PostAfter(resting.front().first - now(), [weak = weak_from_this()] {
    const std::shared_ptr<State> state = weak.lock();
    if (!state) return;
    state->rest_timer = false;
    state->EndRests();
  });
}

// ---- slots ----

Admission::Slot::Slot(std::shared_ptr<State> state) : state_(std::move(state)), counts_(true) {}

Admission::Slot& Admission::Slot::operator=(Slot&& o) noexcept {
  if (this == &o) return *this;
  Release();
  state_ = std::move(o.state_);
  o.state_ = nullptr;
  requests_ = std::exchange(o.requests_, 1);
  counts_ = std::exchange(o.counts_, false);
  resting_ = std::exchange(o.resting_, false);
  place_ = o.place_;
  if (resting_) place_->second = this;
  return *this;
}

void Admission::Slot::LeaveRest() {
  if (!resting_) return;
  resting_ = false;
  state_->resting.erase(place_);
}

void Admission::Slot::Resume() {
  if (!state_) return;
  ++requests_;
  LeaveRest();
  if (counts_) return;
  counts_ = true;
  ++state_->running;
}

void Admission::Slot::Rest() {
  if (!state_ || requests_ == 0 || --requests_ > 0) return;
  resting_ = true;
  state_->resting.emplace_back(state_->now() + state_->options.rest_us, this);
  place_ = std::prev(state_->resting.end());
  state_->ArmRests();
}

void Admission::Slot::Release() {
  if (!state_) return;
  LeaveRest();
  const std::shared_ptr<State> state = std::move(state_);
  state_ = nullptr;
  requests_ = 1;
  if (std::exchange(counts_, false)) state->Left();
}

// ---- entering ----

Admission::Admission(Executor* executor, Observer* observer, Options options)
    : state_(std::make_shared<State>(executor, observer, options)) {}

Admission::~Admission() { state_->closed = true; }

Task<absl::StatusOr<Admission::Slot>> Admission::Enter(Ctx ctx) { return Wait(state_, ctx); }

// One that waits in a queue, until this ends, however its coroutine does.
class Admission::Waiting {
 public:
  Waiting(State* state, Ctx ctx, Micros longest_us)
      : state_(state), ctx_(std::move(ctx)), waiter_(state->executor) {
    const size_t priority = static_cast<size_t>(ctx_->priority);
    queue_ = &state->queues[std::min(priority, kPriorities - 1)];
    place_ = queue_->insert(queue_->end(), &waiter_);
    ++state->waiting;
    OneShot<absl::Status> turn = waiter_.turn;
    timer_ = state->executor->PostAfter(longest_us, [turn]() mutable {
      turn.Set(absl::DeadlineExceededError("the wait for a place was too long"));
    });
    on_cancel_ = ctx_->OnCancel([turn]() mutable {
      turn.Set(absl::CancelledError("canceling statement due to user request"));
    });
  }
  ~Waiting() {
    state_->executor->Cancel(timer_);
    ctx_->RemoveOnCancel(on_cancel_);
    if (!waiter_.let_in) {
      queue_->erase(place_);
      --state_->waiting;
    } else if (!taken_) {
      state_->Left();
    }
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  const OneShot<absl::Status>& turn() const { return waiter_.turn; }
  bool let_in() const { return waiter_.let_in; }
  void Take() { taken_ = true; }

 private:
  State* const state_;
  const Ctx ctx_;
  Waiter waiter_;
  Queue* queue_;
  Queue::iterator place_;
  Executor::TimerId timer_;
  uint64_t on_cancel_;
  bool taken_ = false;
};

Task<absl::StatusOr<Admission::Slot>> Admission::Wait(std::shared_ptr<State> state, Ctx ctx) {
  const Micros began = state->now();
  state->Adjust(began);
  if (absl::Status s = ctx->Check(began); !s.ok()) co_return s;
  if (state->waiting == 0 && state->running < state->limit) {
    ++state->running;
    ++state->let_in;
    co_return Slot(state);
  }
  state->was_full = true;
  const Micros expected = state->ExpectedWait();
  const Micros left = ctx->deadline_us() - began;
  if (state->waiting >= state->options.max_waiting ||
      expected > std::min(state->options.max_wait_us, left)) {
    state->Count("admission.refused");
    co_return Overloaded(absl::StrCat(state->running, " requests run and ", state->waiting,
                                      " wait, for about ", expected / 1000, " ms"),
                         std::min(expected, state->options.max_wait_us));
  }
  state->Count("admission.waited");
  // Estimates err: twice the limit is the end.
  Waiting waiting(state.get(), ctx, std::min(2 * state->options.max_wait_us, left));
  (void)co_await waiting.turn();
  ctx->latency.queue_us += state->now() - began;
  absl::Status status = ctx->Check(state->now());
  if (status.ok() && !waiting.let_in()) {
    status = Overloaded("no place came free in time", state->options.max_wait_us);
  }
  if (!status.ok()) {
    state->Count("admission.gave_up");
    co_return status;
  }
  waiting.Take();
  co_return Slot(state);
}

Admission::Slot Admission::Pass() {
  ++state_->running;
  return Slot(state_);
}

void Admission::NoteDelay(Micros delay_us) {
  State& s = *state_;
  if (s.least_delay_us < 0 || delay_us < s.least_delay_us) s.least_delay_us = delay_us;
  s.Adjust(s.now());
}

int64_t Admission::running() const { return state_->running; }
size_t Admission::waiting() const { return state_->waiting; }
int64_t Admission::limit() const { return state_->limit; }
Micros Admission::delay_us() const { return state_->last_delay_us; }

}  // namespace isochron::admission
