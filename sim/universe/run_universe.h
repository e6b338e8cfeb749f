// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_UNIVERSE_RUN_UNIVERSE_H_
#define ISOCHRON_SIM_UNIVERSE_RUN_UNIVERSE_H_

// One seed, from a new universe to the verdict: set up in calm, work among faults, recover, audit.

#include <functional>
#include <memory>

#include "sim/runner/run.h"
#include "sim/universe/universe.h"

namespace isochron::sim {

// What goes wrong while the clients work. It outlives the audit.
class Trouble {
 public:
  virtual ~Trouble() = default;
  // Lets time pass, breaks things and mends them again.
  virtual void Run() = 0;
  // Adds what it measured, once the audit is done.
  virtual void Count(RunResult* /*result*/) {}
};
using NewTrouble = std::function<std::unique_ptr<Trouble>(Universe*)>;

// The nemesis with the profile's faults.
NewTrouble NemesisOf();

RunResult RunUniverseWith(const RunOptions& options, Random random, Profile profile,
                          const NewTrouble& new_trouble);
// With the profile and the faults that the seed draws.
RunResult RunUniverse(const RunOptions& options);

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_UNIVERSE_RUN_UNIVERSE_H_
