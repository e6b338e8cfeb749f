// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PARSER_AST_OBJECTS_H_
#define ISOCHRON_SQL_PARSER_AST_OBJECTS_H_

// Statements about what is not a table: sequences, views, comments, and the small ones that drivers
// and pg_dump send. One alternative of ast::Statement, so that whoever does not care about them
// sees one kind.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sql/parser/ast.h"

namespace isochron::sql::ast {

// What a statement says of a sequence; nothing where it says nothing.
struct SequenceClause {
  std::string type;
  std::optional<int64_t> start, increment, min, max, cache;
  bool no_min = false, no_max = false;
  std::optional<bool> cycle;
  bool bit_reversed = false;
  bool restart = false;
  std::optional<int64_t> restart_with;
  bool owned = false;  // OWNED BY; `owner` empty for NONE
  std::vector<std::string> owner;
  std::string name;  // SEQUENCE NAME, of an identity column
  int position = -1;
};

struct CreateSequence {
  TableName name;
  bool if_not_exists = false;
  SequenceClause options;
};

struct AlterSequence {
  TableName name;
  bool if_exists = false;
  SequenceClause options;
};

enum class ObjectKind : uint8_t { kTable, kSequence, kView, kColumn, kConstraint, kIndex };

struct DropObjects {
  ObjectKind kind = ObjectKind::kSequence;
  std::vector<TableName> names;
  bool if_exists = false;
  bool cascade = false;
};

struct CreateView {
  TableName name;
  bool replace = false;
  std::vector<std::string> columns;
  Select query;
  std::string sql;  // the query's text
};

// CREATE TABLE AS, SELECT INTO.
struct CreateTableAs {
  TableName name;
  std::vector<std::string> columns;
  std::string sql;  // the query's text
  bool if_not_exists = false;
  bool with_data = true;
};

struct Truncate {
  std::vector<TableName> tables;
  bool restart_identity = false;
  bool cascade = false;
};

struct Comment {
  ObjectKind kind = ObjectKind::kTable;
  TableName relation;
  std::string part;  // the column's or the constraint's name; an index is the relation
  std::optional<std::string> text;
};

enum class DiscardKind : uint8_t { kAll, kPlans, kSequences, kTemp };
struct Discard {
  DiscardKind kind = DiscardKind::kAll;
};

// LOCK TABLE: what the transaction needs is locked as it is read and written.
struct LockTable {
  std::vector<TableName> tables;
};

// VACUUM, ANALYZE: there is nothing to clean up by hand.
struct Maintain {
  std::string tag;
  std::vector<TableName> tables;
};

// Says what is the case anyway.
// SET CONSTRAINTS ALL where there are no names.
struct SetConstraints {
  std::vector<TableName> names;
  bool deferred = false;
};

// What is committed is durable: there is nothing to do.
inline constexpr char kCheckpoint[] = "CHECKPOINT";

struct Accepted {
  std::string tag;
  std::optional<SetConstraints> constraints = std::nullopt;
};

// Of prepared statements and cursors: sql/parser/ast_session.h.
struct SessionStatement;
using SessionPtr = std::shared_ptr<const SessionStatement>;

// Of schemas: sql/parser/ast_names.h.
struct NamesStatement;
using NamesPtr = std::shared_ptr<const NamesStatement>;

// Of types: sql/parser/ast_types.h.
struct TypeStatement;
using TypePtr = std::shared_ptr<const TypeStatement>;

// Of roles: sql/parser/ast_roles.h.
struct RoleStatement;
using RolePtr = std::shared_ptr<const RoleStatement>;

// Of databases: sql/parser/ast_databases.h.
struct DatabaseStatement;
using DatabasePtr = std::shared_ptr<const DatabaseStatement>;

struct ObjectStatement {
  std::variant<CreateSequence, AlterSequence, DropObjects, CreateView, CreateTableAs, Truncate,
               Comment, Discard, LockTable, Maintain, Accepted, SessionPtr, NamesPtr, TypePtr,
               RolePtr, DatabasePtr>
      node;
};

}  // namespace isochron::sql::ast

#endif  // ISOCHRON_SQL_PARSER_AST_OBJECTS_H_
