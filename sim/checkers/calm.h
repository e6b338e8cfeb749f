// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_CHECKERS_CALM_H_
#define ISOCHRON_SIM_CHECKERS_CALM_H_

// Where nothing is wrong, no request may take long and none may end in the dark.
//
// A transaction that waits for older ones to end (wound-wait, rule 18) is not stuck as long as they
// do end: its clock starts again whenever an operation ends that it conflicts with, or that one of
// those waits for in turn. So it is with changes of one table's schema, which take turns. Starved
// it is all the same when that goes on for too long.

#include <optional>
#include <string>

#include "sim/checkers/history.h"

namespace isochron::sim {

struct CalmBounds {
  Micros patience_us;  // for an operation, since it began or one that it conflicts with ended
  Micros starved_us;   // for an operation altogether
  Micros window_us;    // of a gateway for a commit, after which its outcome is not known
};

struct CalmViolation {
  std::string kind;  // "slow-in-calm" or "unknown-in-calm"
  std::string what;
  size_t op = 0;
};

// The first of the history, if there is one. Operations that never ended are in the dark.
std::optional<CalmViolation> FindUncalm(const History& history, const CalmBounds& bounds);

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_CHECKERS_CALM_H_
