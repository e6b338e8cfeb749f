// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RPC_ARRIVALS_H_
#define ISOCHRON_SERVER_RPC_ARRIVALS_H_

// Requests on their way from the poller threads to the loop (rule 38).
//
// They are handed over a few at a time, one batch a round of the loop, behind what the loop has to
// do for requests that are under way: a flood of new ones cannot starve those. How long they lay
// here is the loop's delay, by which the admission judges it.
//
// Threading: Push from any thread; the rest on the loop. The executor and what the functions use
// outlive the last Push; the object itself is kept by what it posts.

#include <deque>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "common/executor.h"
#include "server/runtime/mutex.h"

namespace isochron::rpc {

class Arrivals : public std::enable_shared_from_this<Arrivals> {
 public:
  using Fn = absl::AnyInvocable<void()>;

  explicit Arrivals(Executor* executor) : executor_(executor) {}

  void Push(Fn fn);

 private:
  void Run();

  Executor* const executor_;
  runtime::Mutex mu_;
  std::deque<Fn> queue_ ABSL_GUARDED_BY(mu_);
  bool posted_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace isochron::rpc

#endif  // ISOCHRON_SERVER_RPC_ARRIVALS_H_
