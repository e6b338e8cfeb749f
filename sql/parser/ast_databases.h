// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PARSER_AST_DATABASES_H_
#define ISOCHRON_SQL_PARSER_AST_DATABASES_H_

// Statements about databases. One alternative of ast::ObjectStatement. Whom a database belongs to
// and what it grants: ast_roles.h.

#include <optional>
#include <string>
#include <variant>

#include "sql/parser/ast_roles.h"

namespace isochron::sql::ast {

// Its other options say what is the case anyway.
struct CreateDatabase {
  std::string name;
  std::optional<RoleSpec> owner;
};

struct DropDatabase {
  std::string name;
  bool if_exists = false;
  bool force = false;
};

struct RenameDatabase {
  std::string name, new_name;
};

struct CommentOnDatabase {
  std::string name;
  std::optional<std::string> text;
};

// ALTER DATABASE ... WITH options, which say what is the case anyway.
struct AlterDatabase {
  std::string name;
};

struct DatabaseStatement {
  std::variant<CreateDatabase, DropDatabase, RenameDatabase, CommentOnDatabase, AlterDatabase> node;
};

}  // namespace isochron::sql::ast

#endif  // ISOCHRON_SQL_PARSER_AST_DATABASES_H_
