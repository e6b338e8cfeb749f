// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_UNIVERSE_EXPLAIN_H_
#define ISOCHRON_SIM_UNIVERSE_EXPLAIN_H_

// --explain: a run told for people.
//
// Of a run with a violation: the transactions that it names, step by step, and what happened around
// them. Of a good run: one transaction over several groups, from its first lock to the first one
// that sees it (OSDI 2012, 4.2.1): locks, the prepare timestamps and s as leaders give them out,
// the wait until s has passed, the answer.

#include <string>
#include <vector>

#include "sim/universe/universe.h"

namespace isochron::sim {

// Lines. The universe was made with RunOptions::explain.
std::vector<std::string> Explain(Universe* universe);

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_UNIVERSE_EXPLAIN_H_
