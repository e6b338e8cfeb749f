// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PLANNER_DEFINITIONS_H_
#define ISOCHRON_SQL_PLANNER_DEFINITIONS_H_

// Expressions that a table's definition keeps: defaults, generated columns, checks. Bound once when
// they are defined, for the errors; their text is what is stored, and bound again with each plan.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sql/binder/expr.h"
#include "sql/binder/type_names.h"
#include "sql/catalog/descriptor.h"
#include "sql/parser/ast.h"

namespace isochron::sql {

// The types that users made among those of its columns: what the texts of a table's definition may
// name.
TypeNames TypesIn(const TableDescriptor& table);
TypeNames TypesIn(const ColumnDescriptor& column);

// Sets the column's default. 0A000 for columns and subqueries in it, 42804, 22P02.
absl::Status DefineDefault(const ast::Expr& value, const std::string& sql,
                           ColumnDescriptor* column);
// Makes `column` of the table, whose other columns are all there, a generated one. 42P17, 42601.
absl::Status DefineGenerated(const ast::ColumnDef& def, TableDescriptor* table, size_t column);
// Adds a check, with PostgreSQL's name for one that has none. 42710, 42804, 0A000.
absl::Status DefineCheck(const ast::Check& check, TableDescriptor* table);

// What rows of before a column came have in it, where it comes with a default; NULL without one.
// 0A000 for a default that may differ from row to row.
absl::StatusOr<Datum> DefaultOfRowsBefore(const ColumnDescriptor& column, const EvalContext& eval);
// 0A000 where there is one: "cannot use subquery in `where`".
absl::Status RefuseSubquery(const ast::Expr& e, absl::string_view where);
// 42804 unless values of the two can be compared, by one implicit conversion at most: `from` is of
// the foreign key `name`, `to` is what it refers to.
absl::Status CheckKeyTypes(const std::string& name, const ColumnDescriptor& from,
                           const ColumnDescriptor& to);
// The checks that look at a column, by name.
absl::StatusOr<std::vector<std::string>> ChecksOn(const TableDescriptor& table, int column);
// A column that is generated from it; null if there is none.
absl::StatusOr<const ColumnDescriptor*> GeneratedFrom(const TableDescriptor& table, int column);

// `parts` joined by underscores, as long as a name may be: "t_a_check".
std::string ObjectName(const std::string& table, const std::string& column,
                       const std::string& label);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PLANNER_DEFINITIONS_H_
