// SPDX-License-Identifier: Apache-2.0
#include "server/node/retention.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "txn/api/database_options.h"

namespace isochron::server {

Task<void> RetentionWatcher::Watch() {
  for (;;) {
    co_await Look();
    co_await SleepFor(store_->executor(), options_.look_us);
  }
}

Task<void> RetentionWatcher::Look() {
  const Micros asked = store_->executor()->MonotonicNow();
  auto ctx = std::make_shared<RequestContext>(asked + options_.look_us);
  auto txn = store_->BeginReadOnly(ctx, std::nullopt);
  if (!txn.ok()) co_return;
  auto stored = co_await (*txn)->Get(ctx, txn::VersionRetentionKey(), txn::LockMode::kShared);
  if (!stored.ok()) co_return;
  std::optional<Micros> us;
  if (stored->has_value()) us = txn::ParseVersionRetention(**stored);
  if (us) observer_->Reached("gc.retention_heard");
  gc_->SetRetention(us.value_or(options_.default_us), asked + kLooksAnswered * options_.look_us);
}

}  // namespace isochron::server
