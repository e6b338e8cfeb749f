// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PARSER_AST_NAMES_H_
#define ISOCHRON_SQL_PARSER_AST_NAMES_H_

// Statements about what relations lie in and belong to: schemas. One alternative of
// ast::ObjectStatement.

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace isochron::sql::ast {

struct CreateSchema {
  std::string name;  // empty: that of the role
  bool if_not_exists = false;
  std::string owner;  // AUTHORIZATION; empty: whoever runs it
};

struct DropSchema {
  std::vector<std::string> names;
  bool if_exists = false;
  bool cascade = false;
};

struct RenameSchema {
  std::string name, new_name;
};

struct CommentOnSchema {
  std::string name;
  std::optional<std::string> text;
};

struct NamesStatement {
  std::variant<CreateSchema, DropSchema, RenameSchema, CommentOnSchema> node;
};

}  // namespace isochron::sql::ast

#endif  // ISOCHRON_SQL_PARSER_AST_NAMES_H_
