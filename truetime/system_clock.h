// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TRUETIME_SYSTEM_CLOCK_H_
#define ISOCHRON_TRUETIME_SYSTEM_CLOCK_H_

// What the clock sources read: the machine's two clocks. Real: server/runtime; in tests: set by
// hand. Safe from any thread.

#include "common/types.h"

namespace isochron::truetime {

class SystemClock {
 public:
  virtual ~SystemClock() = default;
  // CLOCK_REALTIME: microseconds since 1970 UTC. May be stepped by an administrator.
  virtual Micros RealtimeUs() = 0;
  // CLOCK_BOOTTIME: never stepped, counts through suspension.
  virtual Micros BoottimeUs() = 0;
};

}  // namespace isochron::truetime

#endif  // ISOCHRON_TRUETIME_SYSTEM_CLOCK_H_
