// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PLANNER_INDEX_RULES_H_
#define ISOCHRON_SQL_PLANNER_INDEX_RULES_H_

// Partial indexes and indexes on expressions.
//
// Both are kept as SQL text in the description and bound when they are needed: with each plan that
// writes the table, and by whoever fills an index. An expression has a hidden column of the table
// for its values, which no row holds: it is there so that all who read entries, bound keys and
// choose indexes need know nothing else than columns. Only what depends on the row alone may stand
// in either, so an entry stays a function of its row, and a row whose expression fails has none.

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sql/binder/expr.h"
#include "sql/catalog/descriptor.h"

namespace isochron::sql {

struct IndexRules {
  struct One {
    uint64_t index = 0;
    ExprPtr predicate;                                 // null: every row has an entry
    std::vector<std::pair<uint32_t, ExprPtr>> values;  // of columns that are its own
    std::vector<uint32_t> reads;                       // columns that these look at
  };
  std::vector<One> indexes;  // those that compute something

  // Null for an index of plain columns.
  const One* Find(uint64_t index) const;
};

// Of all indexes of the table. The SQL errors of an expression that no longer binds.
absl::StatusOr<IndexRules> BindIndexRules(const TableDescriptor& table);
// Whether it gives the same for the same row, whoever asks and whenever.
bool IsImmutable(const Expr& e);
// Whether `e`, over the table's row, holds wherever all of the conditions do. False where unsure.
bool Implied(const std::vector<ExprPtr>& conditions, const Expr& e);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PLANNER_INDEX_RULES_H_
