// SPDX-License-Identifier: Apache-2.0
//
// PREPARE and its kin, cursors.
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/parser/ast_session.h"
#include "sql/parser/convert.h"
#include "sql/parser/length.h"
#include "sql/types/error.h"

namespace isochron::sql::convert {
namespace {

// Of DECLARE, as the grammar numbers them.
constexpr int32_t kBinary = 1, kScroll = 2, kNoScroll = 4, kInsensitive = 8, kHold = 32;

// The statement behind the first `word` outside parentheses that stands behind `after`, with blanks
// for what is before it.
std::string Inner(const State& state, absl::string_view after, absl::string_view word) {
  const absl::string_view text = state.text;
  const size_t begin = state.begin, end = state.begin + state.length;
  size_t from = end;
  int depth = 0;
  bool armed = after.empty();
  ForEachWord(text.substr(0, end), begin, [&](size_t at, size_t until) {
    const absl::string_view token = text.substr(at, until - at);
    if (from != end) return;
    if (token == "(") ++depth;
    if (token == ")") --depth;
    if (depth > 0) return;
    if (armed && absl::EqualsIgnoreCase(token, word)) from = until;
    armed = armed || absl::EqualsIgnoreCase(token, after);
  });
  return absl::StrCat(std::string(from, ' '), text.substr(from, end - from));
}

absl::Status CheckDeclare(const ast::DeclareCursor& out, bool for_update) {
  if (out.scroll && out.no_scroll) {
    return SqlError("42P11", "cannot specify both SCROLL and NO SCROLL");
  }
  if (!for_update) return absl::OkStatus();
  const char* what = out.hold          ? "DECLARE CURSOR WITH HOLD ... FOR UPDATE is not supported"
                     : out.scroll      ? "DECLARE SCROLL CURSOR ... FOR UPDATE is not supported"
                     : out.insensitive ? "DECLARE INSENSITIVE CURSOR ... FOR UPDATE is not valid"
                                       : nullptr;
  if (what == nullptr) return absl::OkStatus();
  ErrorFields fields;
  fields.detail = absl::StrCat(out.hold     ? "Holdable"
                               : out.scroll ? "Scrollable"
                                            : "Insensitive",
                               " cursors must be READ ONLY.");
  const bool valid = out.hold || out.scroll;
  return WithFields(SqlError(valid ? sqlstate::kUnsupported : "42P11", what), fields);
}

absl::StatusOr<ast::SessionStatement> Declare(State* state, const pg::DeclareCursorStmt& stmt) {
  ast::DeclareCursor out;
  out.name = stmt.portalname();
  const int32_t options = stmt.options();
  out.binary = (options & kBinary) != 0;
  out.scroll = (options & kScroll) != 0;
  out.no_scroll = (options & kNoScroll) != 0;
  out.insensitive = (options & kInsensitive) != 0;
  out.hold = (options & kHold) != 0;
  // For the errors, and for the parameters.
  ISO_ASSIGN_OR_RETURN(const ast::Select query, SelectStatement(state, stmt.query().select_stmt()));
  ISO_RETURN_IF_ERROR(CheckDeclare(out, query.for_update));
  out.sql = Inner(*state, "CURSOR", "FOR");
  return ast::SessionStatement{std::move(out)};
}

absl::StatusOr<ast::SessionStatement> Fetch(const pg::FetchStmt& stmt) {
  ast::FetchCursor out;
  out.name = stmt.portalname();
  out.count = stmt.how_many();
  out.move = stmt.ismove();
  switch (stmt.direction()) {
    case pg::FETCH_BACKWARD:
      out.direction = ast::FetchDirection::kBackward;
      break;
    case pg::FETCH_ABSOLUTE:
      out.direction = ast::FetchDirection::kAbsolute;
      break;
    case pg::FETCH_RELATIVE:
      out.direction = ast::FetchDirection::kRelative;
      break;
    default:
      break;
  }
  return ast::SessionStatement{std::move(out)};
}

absl::StatusOr<ast::SessionStatement> PrepareNamed(const State& state,
                                                   const pg::PrepareStmt& stmt) {
  ast::PrepareStatement out;
  out.name = stmt.name();
  for (const pg::Node& type : stmt.argtypes()) {
    ISO_ASSIGN_OR_RETURN(ast::TypeName name, TypeNameOf(type.type_name()));
    out.types.push_back(std::move(name));
  }
  out.sql = Inner(state, "", "AS");
  return ast::SessionStatement{std::move(out)};
}

absl::StatusOr<ast::SessionStatement> Convert(State* state, const pg::Node& node) {
  switch (node.node_case()) {
    case pg::Node::kPrepareStmt:
      return PrepareNamed(*state, node.prepare_stmt());
    case pg::Node::kExecuteStmt: {
      ast::ExecuteStatement out;
      out.name = node.execute_stmt().name();
      ISO_ASSIGN_OR_RETURN(out.args, Expressions(state, node.execute_stmt().params()));
      return ast::SessionStatement{std::move(out)};
    }
    case pg::Node::kDeallocateStmt: {
      const std::string& name = node.deallocate_stmt().name();
      return ast::SessionStatement{ast::Deallocate{name.empty(), name}};
    }
    case pg::Node::kDeclareCursorStmt:
      return Declare(state, node.declare_cursor_stmt());
    case pg::Node::kFetchStmt:
      return Fetch(node.fetch_stmt());
    default: {
      const std::string& name = node.close_portal_stmt().portalname();
      return ast::SessionStatement{ast::CloseCursor{name.empty(), name}};
    }
  }
}

}  // namespace

bool IsSessionNode(const pg::Node& node) {
  return node.has_prepare_stmt() || node.has_execute_stmt() || node.has_deallocate_stmt() ||
         node.has_declare_cursor_stmt() || node.has_fetch_stmt() || node.has_close_portal_stmt();
}

absl::StatusOr<ast::ObjectStatement> SessionNode(State* state, const pg::Node& node) {
  ISO_ASSIGN_OR_RETURN(ast::SessionStatement statement, Convert(state, node));
  return ast::ObjectStatement{std::make_shared<const ast::SessionStatement>(std::move(statement))};
}

}  // namespace isochron::sql::convert
