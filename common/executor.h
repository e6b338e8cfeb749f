// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_COMMON_EXECUTOR_H_
#define ISOCHRON_COMMON_EXECUTOR_H_

// The Executor seam: one event loop. All protocol state of a node lives on one Executor and is
// touched by nothing else, so it needs no locks.
//
// Real: an epoll loop (server/runtime). Simulated: one queue ordered by (virtual time, sequence).
// Post and PostAfter may be called from any thread; functions run one at a time on the loop, in the
// order posted. MonotonicNow never goes back and has no relation to TrueTime.

#include <cstdint>

#include "absl/functional/any_invocable.h"
#include "common/types.h"

namespace isochron {

class Executor {
 public:
  using Fn = absl::AnyInvocable<void()>;
  using TimerId = uint64_t;  // 0 is never a timer

  virtual ~Executor() = default;
  virtual void Post(Fn fn) = 0;
  virtual TimerId PostAfter(Micros delay_us, Fn fn) = 0;
  // No effect on a timer that ran or is unknown. Loop thread only.
  virtual void Cancel(TimerId id) = 0;
  virtual Micros MonotonicNow() = 0;
};

}  // namespace isochron

#endif  // ISOCHRON_COMMON_EXECUTOR_H_
