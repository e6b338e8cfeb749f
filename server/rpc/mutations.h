// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RPC_MUTATIONS_H_
#define ISOCHRON_SERVER_RPC_MUTATIONS_H_

// Mutations as statements: what a Commit writes blindly becomes INSERT, UPDATE, INSERT ... ON
// CONFLICT and DELETE in the transaction that it commits, so that constraints, types and locks are
// SQL's own. Columns and keys are looked up in information_schema.
//
// Loop thread only.

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/task.h"
#include "google/protobuf/repeated_field.h"
#include "google/spanner/v1/mutation.pb.h"
#include "sql/session/session.h"

namespace isochron::rpc {

struct TableShape {
  struct Column {
    std::string name;
    sql::Type type = sql::Type::kUnknown;  // that of what users made, too
    std::string type_name;                 // pg_type.typname
    bool not_null = false;
    std::string default_sql;  // empty: none
  };
  std::vector<Column> columns;
  std::vector<std::string> key;  // column names in key order

  const Column* Find(const std::string& column) const;
};

struct MutationStatement {
  std::string sql;
  sql::Params params;
  bool must_change_a_row = false;  // an update: NOT_FOUND otherwise
};

// NOT_FOUND if there is no such table.
Task<absl::StatusOr<TableShape>> LookUpTable(Ctx ctx, sql::Session* session, std::string table);
// All tables by name, or only `table` where it is not empty.
Task<absl::StatusOr<std::map<std::string, TableShape>>> LookUpTables(Ctx ctx, sql::Session* session,
                                                                     std::string table);
// CREATE TABLE, as the shape has it.
std::string TableDdl(const std::string& name, const TableShape& shape);

absl::StatusOr<std::vector<MutationStatement>> StatementsOf(
    const google::spanner::v1::Mutation& mutation, const TableShape& shape);

// All of them, in their order, in `txn`. `lookups` is a session outside the transaction. Returns
// the count of cells written and rows deleted.
Task<absl::StatusOr<int64_t>> ApplyMutations(
    Ctx ctx, sql::Session* lookups, sql::SqlTransaction* txn,
    const google::protobuf::RepeatedPtrField<google::spanner::v1::Mutation>* mutations);

}  // namespace isochron::rpc

#endif  // ISOCHRON_SERVER_RPC_MUTATIONS_H_
