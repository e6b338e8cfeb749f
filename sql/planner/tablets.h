// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PLANNER_TABLETS_H_
#define ISOCHRON_SQL_PLANNER_TABLETS_H_

// What of a plan runs at the tablets that hold the rows, as a program (sql/pushdown).
//
// An aggregation over a range of a table's primary key, if all that it evaluates is portable and
// its partial aggregates give exactly what one pass gives: count, sum and avg of integers and
// numerics, min and max of values that look alike when equal, bool_and and bool_or. Sums of floats
// depend on the order, DISTINCT on all values. Pure.

#include <optional>
#include <string>
#include <vector>

#include "sql/binder/expr.h"
#include "sql/planner/plan.h"
#include "sql/pushdown/program.h"

namespace isochron::sql {

// What a whole partial aggregate becomes.
enum class Finish : uint8_t { kCount, kBigintSum, kNumericSum, kMean, kExtreme };

struct TabletAggregate {
  const ScanPlan* scan = nullptr;
  Program program;
  std::vector<Finish> finish;  // by call
};

// Whether the aggregation runs there, in a transaction that only reads.
bool RunsAtTablets(const AggregatePlan& plan);
// Its program, with the values that parameters and the like have in `eval`. Nullopt where it does
// not run there after all.
std::optional<TabletAggregate> AtTablets(const AggregatePlan& plan, const EvalContext& eval);

// The program that drops rows of a range of a table for which the scan's filter does not hold, and
// what nobody looks at of the others, as bytes; empty where there is nothing to drop.
std::string RowsAtTablets(const ScanPlan& scan, const EvalContext& eval);
// The program that gives the first rows of each page (ScanPlan::first); nullopt where all must
// come, since their order does not travel or too many of them count.
std::optional<Program> FirstRowsAtTablets(const ScanPlan& scan, const EvalContext& eval);
// As far as the plan tells.
bool MayGiveFirstRows(const ScanPlan& scan);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PLANNER_TABLETS_H_
