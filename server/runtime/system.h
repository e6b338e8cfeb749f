// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RUNTIME_SYSTEM_H_
#define ISOCHRON_SERVER_RUNTIME_SYSTEM_H_

// What only a real process needs of its system: a seed, and waiting outside any loop.

#include <chrono>
#include <cstdint>
#include <string>

#include "common/types.h"

namespace isochron::runtime {

// From the system's entropy.
uint64_t SystemSeed();
// From the same: nobody can foretell them.
std::string SystemRandomBytes(size_t count);

// The instant `after_us` from now, as gRPC's client takes deadlines.
std::chrono::system_clock::time_point SystemDeadline(Micros after_us);

// For polling with an end: while (!done()) { if (patience.Over()) give up; patience.Pause(); }
class Patience {
 public:
  explicit Patience(Micros total_us);
  bool Over() const;
  // Blocks the thread for 20 ms.
  void Pause() const;

 private:
  const Micros end_us_;
};

}  // namespace isochron::runtime

#endif  // ISOCHRON_SERVER_RUNTIME_SYSTEM_H_
