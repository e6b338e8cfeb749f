// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_COMMON_WAIT_FOR_H_
#define ISOCHRON_COMMON_WAIT_FOR_H_

// A request that waits for a condition behind a WaitList: until it holds, or the request is
// cancelled or too late.

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "common/executor.h"
#include "common/request_context.h"
#include "common/task.h"

namespace isochron {

// Wakes the waiters when the request is cancelled, for as long as this lives. The list must live
// as long.
class WakeOnCancel {
 public:
  WakeOnCancel(Ctx ctx, WaitList* waiters) : ctx_(std::move(ctx)) {
    id_ = ctx_->OnCancel([waiters] { waiters->NotifyAll(); });
  }
  ~WakeOnCancel() { ctx_->RemoveOnCancel(id_); }
  WakeOnCancel(const WakeOnCancel&) = delete;
  WakeOnCancel& operator=(const WakeOnCancel&) = delete;

 private:
  const Ctx ctx_;
  uint64_t id_ = 0;
};

// Until done(); whoever makes it true calls NotifyAll. CANCELLED or DEADLINE_EXCEEDED.
template <typename Done>
Task<absl::Status> WaitFor(Ctx ctx, Executor* executor, WaitList* waiters, Done done) {
  if (done()) co_return absl::OkStatus();
  const WakeOnCancel wake(ctx, waiters);
  while (!done()) {
    if (absl::Status s = ctx->Check(executor->MonotonicNow()); !s.ok()) co_return s;
    co_await waiters->WaitUntil(ctx->deadline_us());
  }
  co_return absl::OkStatus();
}

}  // namespace isochron

#endif  // ISOCHRON_COMMON_WAIT_FOR_H_
