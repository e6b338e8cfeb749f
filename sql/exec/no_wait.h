// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_EXEC_NO_WAIT_H_
#define ISOCHRON_SQL_EXEC_NO_WAIT_H_

// Reads of a request take their locks at once or not at all, for a scope (NOWAIT, SKIP LOCKED).

#include <utility>

#include "common/request_context.h"
#include "txn/api/reasons.h"

namespace isochron::sql {

class NoWait {
 public:
  explicit NoWait(Ctx ctx, bool on = true) : ctx_(std::move(ctx)), before_(ctx_->lock_timeout_us) {
    if (on) ctx_->lock_timeout_us = txn::kNoWaitForLocks;
  }
  ~NoWait() { ctx_->lock_timeout_us = before_; }
  NoWait(const NoWait&) = delete;
  NoWait& operator=(const NoWait&) = delete;

 private:
  const Ctx ctx_;
  const Micros before_;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_EXEC_NO_WAIT_H_
