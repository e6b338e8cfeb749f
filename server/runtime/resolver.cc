// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/resolver.h"

#include <utility>

namespace isochron::runtime {

Resolver::~Resolver() {
  {
    MutexLock lock(&mu_);
    stop_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
  *alive_ = false;
}

void Resolver::Lookup(const HostPort& address, Done done) {
  absl::StatusOr<SocketAddress> numeric = Resolve(address, /*numeric_only=*/true);
  if (numeric.ok()) {
    executor_->Post(
        [alive = alive_, numeric = *std::move(numeric), done = std::move(done)]() mutable {
          if (*alive) done(numeric);
        });
    return;
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { ThreadMain(); });
  {
    MutexLock lock(&mu_);
    jobs_.push_back({address, std::move(done)});
  }
  changed_.NotifyAll();
}

void Resolver::ThreadMain() {
  for (;;) {
    Job job;
    {
      MutexLock lock(&mu_);
      while (jobs_.empty() && !stop_) changed_.Wait(&mu_);
      if (stop_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    absl::StatusOr<SocketAddress> result = Resolve(job.address, /*numeric_only=*/false);
    executor_->Post(
        [alive = alive_, result = std::move(result), done = std::move(job.done)]() mutable {
          if (*alive) done(std::move(result));
        });
  }
}

}  // namespace isochron::runtime
