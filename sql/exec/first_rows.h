// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_EXEC_FIRST_ROWS_H_
#define ISOCHRON_SQL_EXEC_FIRST_ROWS_H_

// Scans of which only the first rows in some order count (ScanPlan::first): each page of each
// tablet gives its own first ones, and of these the first are kept here.

#include "sql/exec/operator.h"

namespace isochron::sql::operators {

// Null where all rows must come: in a transaction that may write, or for an order that does not
// travel. What it gives is a part of what the scan would give, in the scan's order.
OperatorPtr MakeFirstRows(const ScanPlan& plan, ExecContext* exec);

}  // namespace isochron::sql::operators

#endif  // ISOCHRON_SQL_EXEC_FIRST_ROWS_H_
