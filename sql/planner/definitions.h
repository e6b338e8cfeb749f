// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PLANNER_DEFINITIONS_H_
#define ISOCHRON_SQL_PLANNER_DEFINITIONS_H_

// Expressions that a table's definition keeps: defaults, generated columns, checks. Bound once when
// they are defined, for the errors; their text is what is stored, and bound again with each plan.

#include <string>

#include "absl/status/status.h"
#include "sql/catalog/descriptor.h"
#include "sql/parser/ast.h"

namespace isochron::sql {

// Sets the column's default. 0A000 for columns and subqueries in it, 42804, 22P02.
absl::Status DefineDefault(const ast::Expr& value, const std::string& sql,
                           ColumnDescriptor* column);
// Makes `column` of the table, whose other columns are all there, a generated one. 42P17, 42601.
absl::Status DefineGenerated(const ast::ColumnDef& def, TableDescriptor* table, size_t column);
// Adds a check, with PostgreSQL's name for one that has none. 42710, 42804, 0A000.
absl::Status DefineCheck(const ast::Check& check, TableDescriptor* table);

// `parts` joined by underscores, as long as a name may be: "t_a_check".
std::string ObjectName(const std::string& table, const std::string& column,
                       const std::string& label);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PLANNER_DEFINITIONS_H_
