// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RUNTIME_RESOLVER_H_
#define ISOCHRON_SERVER_RUNTIME_RESOLVER_H_

// Name lookups off the loop: one thread, started at the first name that is not numeric.
//
// Lookup is for the loop's thread; `done` runs there too, later. The destructor waits for the
// lookup under way and drops the answers that did not arrive.

#include <deque>
#include <memory>
#include <thread>

#include "absl/functional/any_invocable.h"
#include "common/executor.h"
#include "server/runtime/address.h"
#include "server/runtime/mutex.h"

namespace isochron::runtime {

class Resolver {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<SocketAddress>)>;

  explicit Resolver(Executor* executor) : executor_(executor) {}
  ~Resolver();

  void Lookup(const HostPort& address, Done done);

 private:
  struct Job {
    HostPort address;
    Done done;
  };
  void ThreadMain();

  Executor* const executor_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Mutex mu_;
  CondVar changed_;
  std::deque<Job> jobs_ ABSL_GUARDED_BY(mu_);
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace isochron::runtime

#endif  // ISOCHRON_SERVER_RUNTIME_RESOLVER_H_
