// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PARSER_AST_ROLES_H_
#define ISOCHRON_SQL_PARSER_AST_ROLES_H_

// Statements about roles, and about what they own and may do. One alternative of
// ast::ObjectStatement.

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sql/parser/ast.h"

namespace isochron::sql::ast {

struct RoleSpec {
  enum class Kind : uint8_t { kNamed, kCurrent, kSession, kPublic };
  Kind kind = Kind::kNamed;
  std::string name;
  int position = -1;
};

// What a statement says of a role; nothing where it says nothing.
struct RoleOptions {
  std::optional<bool> superuser, create_role, create_db, inherit, login;
  bool says_password = false;
  std::optional<std::string> password;  // nullopt: NULL
  std::optional<std::string> valid_until;
  std::vector<RoleSpec> in_roles, members, admins;
};

struct CreateRole {
  std::string name;
  RoleOptions options;
};

struct AlterRole {
  RoleSpec role;
  RoleOptions options;
  bool drops_members = false;  // ALTER GROUP ... DROP USER; the members are among the options
};

struct DropRole {
  std::vector<RoleSpec> roles;
  bool if_exists = false;
};

struct RenameRole {
  std::string name, new_name;
};

struct CommentOnRole {
  std::string name;
  std::optional<std::string> text;
};

// GRANT or REVOKE of roles.
struct GrantRole {
  std::vector<std::string> roles;
  std::vector<RoleSpec> grantees;
  bool is_grant = true;
  bool admin = false;  // WITH ADMIN OPTION, or ADMIN OPTION FOR
};

enum class GrantOn : uint8_t { kTable, kSequence, kSchema, kDatabase };

struct Grant {
  bool is_grant = true;
  bool option = false;  // WITH GRANT OPTION, or GRANT OPTION FOR
  GrantOn on = GrantOn::kTable;
  bool all_in_schema = false;  // `plain` are the schemas
  std::vector<TableName> relations;
  std::vector<std::string> plain;   // schemas, databases
  std::vector<std::string> rights;  // upper case; none: all
  std::vector<RoleSpec> grantees;
  bool cascade = false;
};

enum class OwnedKind : uint8_t { kTable, kView, kSequence, kType, kSchema, kDatabase };

struct AlterOwner {
  OwnedKind kind = OwnedKind::kTable;
  TableName name;  // of a schema or a database, too
  bool if_exists = false;
  RoleSpec owner;
};

struct ReassignOwned {
  std::vector<RoleSpec> roles;
  RoleSpec to;
};

struct DropOwned {
  std::vector<RoleSpec> roles;
  bool cascade = false;
};

struct RoleStatement {
  std::variant<CreateRole, AlterRole, DropRole, RenameRole, CommentOnRole, GrantRole, Grant,
               AlterOwner, ReassignOwned, DropOwned>
      node;
};

}  // namespace isochron::sql::ast

#endif  // ISOCHRON_SQL_PARSER_AST_ROLES_H_
