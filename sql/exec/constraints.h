// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_EXEC_CONSTRAINTS_H_
#define ISOCHRON_SQL_EXEC_CONSTRAINTS_H_

// What a row must hold to be stored, and the errors for one that does not: PostgreSQL's words and
// fields. Pure.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "sql/catalog/descriptor.h"
#include "sql/planner/plan.h"
#include "sql/types/datum.h"

namespace isochron::sql {

// "Failing row contains (1, null, x)."
std::string FailingRow(const TableDescriptor& table, const Row& row);

// 23502 for the first NOT NULL column that is NULL.
absl::Status CheckNotNull(const TableDescriptor& table, const Row& row);

// Computes what is generated, and looks at NOT NULL and every check. 23502, 23514, or an error of
// an expression.
absl::Status FinishRow(const TableDescriptor& table, const RowRules& rules, const EvalContext& eval,
                       Row* row);

// 23505: `row` has the values of another in `columns`, the ones of `constraint`.
absl::Status DuplicateKey(const TableDescriptor& table, const std::string& constraint,
                          const std::vector<uint32_t>& columns, const Row& row);

// 23514
absl::Status CheckViolation(const TableDescriptor& table, const std::string& constraint,
                            const Row& row);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_EXEC_CONSTRAINTS_H_
