// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PLANNER_SEQUENCE_DEF_H_
#define ISOCHRON_SQL_PLANNER_SEQUENCE_DEF_H_

// CREATE SEQUENCE, and the columns that count by one.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sql/catalog/descriptor.h"
#include "sql/parser/ast_objects.h"

namespace isochron::sql {

// A sequence without ids, counting over `type` unless the clause says otherwise. 22023.
absl::StatusOr<TableDescriptor> DefineSequence(const std::string& name,
                                               const ast::SequenceClause& clause, Type type);
// What ALTER SEQUENCE changes of the options. 22023.
absl::Status ChangeSequence(const ast::SequenceClause& clause, SequenceOptions* options);

// The sequences of the serial and identity columns of a table that CREATE TABLE made of `create`;
// its columns then draw their defaults from them. Owned by the columns. 42601, 22023.
absl::StatusOr<std::vector<TableDescriptor>> DefineSerials(const ast::CreateTable& create,
                                                           TableDescriptor* table);
// Makes an identity column of `column`, of `table`: the sequence that it then draws from, owned by
// it, but for the table's id. 22023.
absl::StatusOr<TableDescriptor> DefineIdentity(const ast::ColumnDef& def,
                                               const TableDescriptor& table,
                                               ColumnDescriptor* column);
// The default of a column that counts: nextval('t_id_seq'::regclass).
std::string NextValueSql(const std::string& sequence);
// The table's leading key column if its values only grow, so that inserts all go to the table's
// last split; empty if they do not.
std::string MonotoneKey(const TableDescriptor& table,
                        const std::vector<TableDescriptor>& sequences);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PLANNER_SEQUENCE_DEF_H_
