// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_WORKLOADS_SINGLE_STATEMENTS_H_
#define ISOCHRON_SIM_WORKLOADS_SINGLE_STATEMENTS_H_

// Transfers of the workload `merge`: each is one statement that reads, deletes, inserts and updates
// rows of sch (schema.cc), and leaves the sum of all amounts as it is. Every part of a statement
// sees the state before it; a part that saw what another has written, or that ran twice or not at
// all when a transaction is replayed, changes the sum.

#include <cstdint>
#include <string>

#include "common/random.h"

namespace isochron::sim {

// About rows 1 to `rows`, of `owners` owners.
std::string DrawSingleStatement(Random* random, int64_t rows, int64_t owners);

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_WORKLOADS_SINGLE_STATEMENTS_H_
