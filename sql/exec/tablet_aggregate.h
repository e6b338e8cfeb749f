// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_EXEC_TABLET_AGGREGATE_H_
#define ISOCHRON_SQL_EXEC_TABLET_AGGREGATE_H_

// Aggregations whose first half runs at the tablets (sql/planner/tablets.h).

#include <string>

#include "sql/exec/operator.h"

namespace isochron::sql::operators {

// The results that a program, as bytes, gives over the scan's rows: each a row of a key and a
// value, both strings. Runs it here over rows that were read without it.
OperatorPtr MakeReduceScan(const ScanPlan& plan, std::string program, ExecContext* exec);

// Null for an aggregation that runs here.
OperatorPtr MakeTabletAggregate(const AggregatePlan& plan, ExecContext* exec);

}  // namespace isochron::sql::operators

#endif  // ISOCHRON_SQL_EXEC_TABLET_AGGREGATE_H_
