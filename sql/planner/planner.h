// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PLANNER_PLANNER_H_
#define ISOCHRON_SQL_PLANNER_PLANNER_H_

// Syntax tree and descriptors to a plan. Pure: the session resolves the tables beforehand.
//
// Rules so far: conditions on one table go down to its scan and become key bounds where they can;
// ORDER BY along the primary key costs nothing; LIMIT goes into the scan when nothing above drops
// rows; equalities between two tables make a hash join, in the order of FROM.

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sql/parser/ast.h"
#include "sql/planner/plan.h"

namespace isochron::sql {

// The user tables and the types that a statement names (not those of system schemas). A type may
// not be there: others may be meant, and who binds the name says so.
std::vector<ast::TableName> TablesOf(const ast::Statement& statement);

// What a view's query names, in the same way.
absl::StatusOr<std::vector<ast::TableName>> TablesOfView(const TableDescriptor& view);

// Whether a query calls nextval or setval; *asks also for currval and lastval.
bool DrawsFromSequence(const ast::Select& select, bool* asks);

// 42P01 for a schema that does not exist. "isochron" and "information_schema" are virtual.
bool IsVirtualSchema(const std::string& schema);
// The virtual schema in which the table is; "" for a stored one. pg_catalog is searched first.
std::string VirtualSchemaOf(const ast::TableName& name);

// What a name is called among the tables of a statement: its full name (sql/catalog/full_name.h)
// where it says the schema, ".t" where the search path decides.
std::string WrittenName(const ast::TableName& name);
// One that says its schema, or means public.
std::string FullNameOf(const ast::TableName& name);

// SELECT, INSERT, UPDATE or DELETE. `tables` holds what TablesOf named, by WrittenName; `params`
// the types that the client declared, unknown where it did not.
absl::StatusOr<Plan> MakePlan(const ast::Statement& statement,
                              const std::map<std::string, TablePtr>& tables,
                              std::vector<Type> params);

// CREATE TABLE's descriptor, without ids. 42701, 42P16, 0A000.
absl::StatusOr<TableDescriptor> MakeDescriptor(const ast::CreateTable& create);

// 0A000 for a column that a primary key cannot have.
absl::Status CheckKeyType(const ColumnDescriptor& column, int position = -1);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PLANNER_PLANNER_H_
