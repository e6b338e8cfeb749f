// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PLANNER_INDEX_DEF_H_
#define ISOCHRON_SQL_PLANNER_INDEX_DEF_H_

// Indexes and constraints as statements describe them, checked against their table.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sql/catalog/descriptor.h"
#include "sql/parser/ast.h"

namespace isochron::sql {

// Without id and, where the statement gives none, without name. 42703, 42701.
absl::StatusOr<IndexDescriptor> MakeUnique(const ast::UniqueConstraint& unique,
                                           const TableDescriptor& table);

// Of `child`, whose rows refer to rows of `parent`; without id, not validated. 42703, 42830, 42804.
absl::StatusOr<ForeignKey> MakeForeignKey(const ast::ForeignKeyConstraint& key,
                                          const TableDescriptor& child,
                                          const TableDescriptor& parent);

// Gives the table the columns that the index's expressions need. 42703, 42P17, 42804, 0A000.
absl::StatusOr<IndexDescriptor> MakeIndex(const ast::CreateIndex& create, TableDescriptor* table);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PLANNER_INDEX_DEF_H_
