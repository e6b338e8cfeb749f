// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_EXEC_TABLET_AGGREGATE_H_
#define ISOCHRON_SQL_EXEC_TABLET_AGGREGATE_H_

// Aggregations whose first half runs at the tablets (sql/planner/tablets.h).
//
// `SET isochron.pushdown = off` keeps all work at the gateway.

#include <string>

#include "sql/exec/operator.h"

namespace isochron::sql {

bool MayUseTablets(const ExecContext& exec);

namespace operators {

// The results that a program, as bytes, gives over the scan's rows: each a row of a key and a
// value, both strings. Runs it here over rows that were read without it.
OperatorPtr MakeProgramScan(const ScanPlan& plan, std::string program, ExecContext* exec);

// Null for an aggregation that runs here.
OperatorPtr MakeTabletAggregate(const AggregatePlan& plan, ExecContext* exec);

}  // namespace operators
}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_EXEC_TABLET_AGGREGATE_H_
