// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_EXEC_PROFILE_H_
#define ISOCHRON_SQL_EXEC_PROFILE_H_

// What EXPLAIN ANALYZE measures while a statement runs: by plan node, and in all. Times of a node
// include those of what is below it, and the waiting for its rows.

#include <cstdint>
#include <map>
#include <optional>

#include "common/types.h"

namespace isochron::sql {

struct PlanNode;

struct NodeProfile {
  int64_t loops = 0;    // times that it began
  int64_t rows = 0;     // that it gave, over all loops
  Micros first_us = 0;  // until the first rows came, over all loops
  Micros total_us = 0;
  // Of a scan whose rows are aggregated at the tablets; what it gives are partial aggregates.
  int64_t mapped = -1;  // rows that passed the filter there
  int64_t pages = 0;    // each mapped and combined by itself, where it lies
};

struct Profile {
  std::map<const PlanNode*, NodeProfile> nodes;
  int64_t rows_read = 0;  // from the store: rows, and entries of indexes
  int64_t bytes_read = 0;
  std::optional<size_t> groups;  // that were asked
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_EXEC_PROFILE_H_
