// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_PGWIRE_OUTLET_H_
#define ISOCHRON_SERVER_PGWIRE_OUTLET_H_

// Where a conversation's answers go: its connection. Loop-thread only.

#include "common/request_context.h"
#include "common/task.h"

namespace isochron::pgwire {

class Outlet {
 public:
  virtual ~Outlet() = default;
  // Sends what the writer holds, as far as the client takes it.
  virtual void Flush() = 0;
  // Flushes, and suspends while the client is slow. False when it is gone, or when the request was
  // cancelled or its time is up.
  virtual Task<bool> Drain(Ctx ctx) = 0;
};

}  // namespace isochron::pgwire

#endif  // ISOCHRON_SERVER_PGWIRE_OUTLET_H_
