// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PARSER_AST_TYPES_H_
#define ISOCHRON_SQL_PARSER_AST_TYPES_H_

// Statements about types that users make. One alternative of ast::ObjectStatement.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sql/parser/ast.h"

namespace isochron::sql::ast {

struct CreateEnum {
  TableName name;
  std::vector<std::string> labels;
};

enum class AlterEnumKind : uint8_t { kAddValue, kRenameValue, kRename, kSetSchema };

struct AlterEnum {
  AlterEnumKind kind = AlterEnumKind::kAddValue;
  TableName name;
  bool if_not_exists = false;
  std::string label;      // the new one, or the one that gets another name
  std::string neighbour;  // of kAddValue: the label that it stands beside; empty: it is the last
  bool after = false;
  std::string new_name;  // of a label, the type or its schema
};

struct DropType {
  std::vector<TableName> names;
  bool if_exists = false;
  bool cascade = false;
};

struct CommentOnType {
  TableName name;
  std::optional<std::string> text;
};

struct TypeStatement {
  std::variant<CreateEnum, AlterEnum, DropType, CommentOnType> node;
};

}  // namespace isochron::sql::ast

#endif  // ISOCHRON_SQL_PARSER_AST_TYPES_H_
