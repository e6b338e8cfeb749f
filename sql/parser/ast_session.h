// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PARSER_AST_SESSION_H_
#define ISOCHRON_SQL_PARSER_AST_SESSION_H_

// Statements about what a session keeps by name: prepared statements and cursors. One alternative
// of ast::ObjectStatement.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "sql/parser/ast.h"

namespace isochron::sql::ast {

// A statement within a statement is kept as text, with blanks for all that stands before it: so
// positions in it are positions in what the client sent.
struct PrepareStatement {
  std::string name;
  std::vector<TypeName> types;
  std::string sql;
};

struct ExecuteStatement {
  std::string name;
  std::vector<ExprPtr> args;
};

struct Deallocate {
  bool all = false;
  std::string name;
};

struct DeclareCursor {
  std::string name;
  std::string sql;
  bool binary = false, insensitive = false, hold = false;
  bool scroll = false, no_scroll = false;
  // A portal of the protocol: it takes the place of one of its name.
  bool portal = false;
};

enum class FetchDirection : uint8_t { kForward, kBackward, kAbsolute, kRelative };
struct FetchCursor {
  static constexpr int64_t kAll = INT64_MAX;
  std::string name;
  FetchDirection direction = FetchDirection::kForward;
  int64_t count = 1;
  bool move = false;
};

struct CloseCursor {
  bool all = false;
  std::string name;
};

struct SessionStatement {
  std::variant<PrepareStatement, ExecuteStatement, Deallocate, DeclareCursor, FetchCursor,
               CloseCursor>
      node;
};

}  // namespace isochron::sql::ast

#endif  // ISOCHRON_SQL_PARSER_AST_SESSION_H_
