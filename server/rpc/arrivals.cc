// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/arrivals.h"

#include <utility>
#include <vector>

namespace isochron::rpc {
namespace {

constexpr size_t kBatch = 16;

}  // namespace

void Arrivals::Push(Fn fn) {
  bool post;
  {
    runtime::MutexLock lock(&mu_);
    queue_.push_back(std::move(fn));
    post = !std::exchange(posted_, true);
  }
  if (post) executor_->Post([self = shared_from_this()] { self->Run(); });
}

void Arrivals::Run() {
  std::vector<Fn> batch;
  bool more;
  {
    runtime::MutexLock lock(&mu_);
    while (batch.size() < kBatch && !queue_.empty()) {
      batch.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    more = !queue_.empty();
    posted_ = more;
  }
  for (Fn& fn : batch) fn();
  if (more) executor_->Post([self = shared_from_this()] { self->Run(); });
}

}  // namespace isochron::rpc
