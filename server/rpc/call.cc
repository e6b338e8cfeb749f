// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/call.h"

#include <grpc/grpc.h>
#include <grpc/support/time.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace isochron::rpc {
namespace {

// For a call without a deadline; the session's statement timeout is far shorter.
constexpr Micros kNoDeadlineUs = 3'600'000'000;
constexpr Micros kFullRetryUs = 500'000;

}  // namespace

Door::Door(Executor* e, grpc::ServerCompletionQueue* q, admission::Admission* a, size_t limit)
    : executor(e),
      queue(q),
      admission(a),
      max_calls(limit),
      arrivals(std::make_shared<Arrivals>(e)) {
  grpc_init();
}
Door::~Door() { grpc_shutdown(); }

Call::Call(std::shared_ptr<Door> door) : door_(std::move(door)) {
  server_context_.AsyncNotifyWhenDone(&done_);
}

void Call::Arrived(bool ok) {
  if (!ok) {  // the server is shutting down; `done_` does not come
    Unref();
    return;
  }
  if (door_->listening.load(std::memory_order_relaxed)) ListenAgain();
  refs_.fetch_add(1, std::memory_order_relaxed);  // for `done_`
  time_left_us_ = TimeLeft();
  arrived_us_ = door_->executor->MonotonicNow();
  door_->arrivals->Push([self = Ref(this)]() mutable { Admit(std::move(self)); });
}

void Call::Admit(Ref self) {
  Call* call = self.get();
  Door* door = call->door();
  if (!door->open) return;
  const Micros delay_us = door->executor->MonotonicNow() - call->arrived_us_;
  door->admission->NoteDelay(delay_us);
  if (door->scope.size() >= door->max_calls && !call->vital()) {
    return call->Refuse(admission::Overloaded(
        absl::StrCat(door->scope.size(), " requests are under way, its limit"), kFullRetryUs));
  }
  call->info_.ctx = std::make_shared<RequestContext>(call->arrived_us_ + call->time_left_us_);
  call->info_.ctx->memory.Attach(door->statement_memory_bytes, door->memory);
  call->info_.ctx->latency.queue_us = delay_us;
  door->scope.Spawn(Drive(std::move(self)));
}

Task<void> Call::Drive(Ref self) {
  Call* call = self.get();
  co_await call->Serve(std::move(self));
}

void Call::Done(bool) {
  if (!server_context_.IsCancelled()) {
    Unref();
    return;
  }
  door_->executor->Post([self = Ref(this)] {
    if (const Ctx& ctx = self.get()->info_.ctx) ctx->Cancel();
  });
}

void Call::Finished(bool) { Unref(); }

Micros Call::TimeLeft() const {
  const gpr_timespec deadline = server_context_.raw_deadline();
  if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) == 0) return kNoDeadlineUs;
  const gpr_timespec left = gpr_time_sub(deadline, gpr_now(deadline.clock_type));
  return std::clamp<Micros>(left.tv_sec * 1'000'000 + left.tv_nsec / 1000, 0, kNoDeadlineUs);
}

}  // namespace isochron::rpc
