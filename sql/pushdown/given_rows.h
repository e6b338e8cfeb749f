// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PUSHDOWN_GIVEN_ROWS_H_
#define ISOCHRON_SQL_PUSHDOWN_GIVEN_ROWS_H_

// Runs of programs that give rows (Program::rows): those for which the filter holds, with the
// columns that are wanted of them; all in their order, or the first in another.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sql/pushdown/program.h"
#include "sql/types/datum.h"
#include "txn/api/scan_program.h"

namespace isochron::sql {

// The program must have rows.
std::unique_ptr<txn::ScanRun> MakeRowsRun(Program program);

// Whether a row with the values `a` in a program's order, and this key, comes before the other.
bool ComesFirst(const std::vector<ProgramOrder>& order, const Row& a, absl::string_view key_a,
                const Row& b, absl::string_view key_b);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PUSHDOWN_GIVEN_ROWS_H_
