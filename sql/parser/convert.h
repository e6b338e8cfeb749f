// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PARSER_CONVERT_H_
#define ISOCHRON_SQL_PARSER_CONVERT_H_

// libpg_query's protocol buffers to our syntax tree; seen by this package's sources only.

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sql/parser/ast.h"
#include "sql/parser/ast_objects.h"
#include "third_party/sys/pg_query.pb.h"

namespace isochron::sql::convert {

namespace pg = ::pg_query;

// Collects what spans a statement.
struct State {
  int param_count = 0;
  int depth = 0;
  std::vector<ast::CtePtr> ctes;  // visible here, the innermost last
  std::vector<ast::Cte*> open;    // of WITH RECURSIVE: those whose queries are being converted
  absl::string_view text;         // all that is parsed
  size_t begin = 0, length = 0;   // the statement's place in it
};

// What a query within a query counts for in State::depth.
inline constexpr int kSelectDepth = 8;
absl::Status Deeper(State* state, int by);

absl::Status Unsupported(absl::string_view what, int position);

absl::StatusOr<ast::ExprPtr> Expression(State* state, const pg::Node& node);
absl::StatusOr<std::vector<ast::ExprPtr>> Expressions(
    State* state, const google::protobuf::RepeatedPtrField<pg::Node>& nodes);
// Of a function's call; those given by name in their places. 42883, 42601.
absl::StatusOr<std::vector<ast::ExprPtr>> Arguments(State* state, const std::string& function,
                                                    const pg::FuncCall& call);
// "bigint", "text[]" is refused, "varchar(10)" is refused.
absl::StatusOr<ast::TypeName> TypeNameOf(const pg::TypeName& type);
// Its text again, as it may be kept. 0A000 where that fails.
absl::StatusOr<std::string> Deparse(const pg::Node& expression);
absl::StatusOr<std::vector<ast::SelectItem>> SelectItems(
    State* state, const google::protobuf::RepeatedPtrField<pg::Node>& nodes);
// The strings of a list of String nodes.
std::vector<std::string> Strings(const google::protobuf::RepeatedPtrField<pg::Node>& nodes);

absl::StatusOr<std::vector<ast::OrderItem>> OrderItems(
    State* state, const google::protobuf::RepeatedPtrField<pg::Node>& nodes);
absl::StatusOr<ast::WindowPtr> WindowDefinition(State* state, const pg::WindowDef& def);
absl::StatusOr<std::vector<ast::Assignment>> Assignments(
    State* state, const google::protobuf::RepeatedPtrField<pg::Node>& targets);
absl::StatusOr<ast::Merge> MergeStatement(State* state, const pg::MergeStmt& stmt);

absl::StatusOr<ast::Select> SelectStatement(State* state, const pg::SelectStmt& stmt);
// Makes the queries of a WITH clause visible; the caller shrinks state->ctes again.
absl::StatusOr<std::vector<ast::CtePtr>> With(State* state, const pg::WithClause& clause);
// Adds to *out what `node` of a FROM clause is.
absl::StatusOr<ast::FromItem> From(State* state, const pg::Node& node);
// Of a query.
absl::StatusOr<std::string> DeparseQuery(const pg::Node& query);
// WITH (...) of a table or an index. 0A000 for what is not about PostgreSQL's own files.
absl::Status StorageOptions(const google::protobuf::RepeatedPtrField<pg::Node>& options);
absl::StatusOr<ast::SequenceClause> SequenceOptions(
    const google::protobuf::RepeatedPtrField<pg::Node>& nodes);
// Statements of ast_objects.h. 0A000 for any other.
absl::StatusOr<ast::ObjectStatement> ObjectNode(State* state, const pg::Node& node);
// Statements of ast_session.h.
bool IsSessionNode(const pg::Node& node);
absl::StatusOr<ast::ObjectStatement> SessionNode(State* state, const pg::Node& node);
// Statements of ast_names.h.
bool IsNamesNode(const pg::Node& node);
absl::StatusOr<ast::ObjectStatement> NamesNode(const pg::Node& node);
// Statements of ast_types.h.
bool IsTypeNode(const pg::Node& node);
absl::StatusOr<ast::ObjectStatement> TypeNode(const pg::Node& node);
absl::StatusOr<ast::AlterTable> SetSchemaStatement(const pg::AlterObjectSchemaStmt& stmt);
// "t", "s.t", "d.s.t". 0A000 for more parts.
absl::StatusOr<ast::TableName> QualifiedName(const std::vector<std::string>& parts, int position);
absl::StatusOr<ast::ObjectStatement> SelectInto(State* state, const pg::SelectStmt& stmt);
// Statements of ast_databases.h.
bool IsDatabaseNode(const pg::Node& node);
absl::StatusOr<ast::ObjectStatement> DatabaseNode(const pg::Node& node);
// Statements of ast_roles.h.
bool IsRoleNode(const pg::Node& node);
absl::StatusOr<ast::ObjectStatement> RoleNode(const pg::Node& node);
// ALTER TABLE, VIEW or SEQUENCE ... OWNER TO, and nothing else.
bool ChangesOwner(const pg::AlterTableStmt& stmt);
absl::StatusOr<ast::ObjectStatement> OwnerStatement(const pg::AlterTableStmt& stmt);
absl::StatusOr<ast::ObjectStatement> DropObjects(const pg::DropStmt& stmt);
absl::StatusOr<ast::CreateTable> CreateStatement(State* state, const pg::CreateStmt& stmt);
absl::StatusOr<ast::Copy> CopyStatement(State* state, const pg::CopyStmt& stmt);
absl::StatusOr<ast::TableName> Table(const pg::RangeVar& range);
// Adds a column to *out, with the constraints that stand beside it.
absl::Status ConvertColumn(State* state, const pg::ColumnDef& def, ast::CreateTable* out);
// `column`: of a constraint that stands beside one.
absl::StatusOr<ast::ForeignKeyConstraint> ForeignKeyOf(const pg::Constraint& c,
                                                       const std::string& column);
absl::StatusOr<ast::Check> CheckOf(State* state, const pg::Constraint& c);
absl::StatusOr<ast::CreateIndex> IndexStatement(State* state, const pg::IndexStmt& stmt);
absl::StatusOr<ast::AlterTable> AlterStatement(State* state, const pg::AlterTableStmt& stmt);
absl::StatusOr<ast::DropIndex> DropIndexStatement(const pg::DropStmt& stmt);
absl::StatusOr<ast::AlterTable> RenameStatement(const pg::RenameStmt& stmt);
absl::Status StatementNode(State* state, const pg::Node& node, ast::Statement* out);

}  // namespace isochron::sql::convert

#endif  // ISOCHRON_SQL_PARSER_CONVERT_H_
