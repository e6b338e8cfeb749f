// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PARSER_PARSER_H_
#define ISOCHRON_SQL_PARSER_PARSER_H_

// SQL text to syntax trees, through libpg_query: PostgreSQL 15's own grammar.
//
// What the grammar takes and we do not support is refused here with 0A000 and its position; nothing
// is ignored silently that would change a result. Costs 10 to 50 us a statement: callers cache what
// they make of it. Nothing outside this package sees the parser's protocol buffers.

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sql/parser/ast.h"

namespace isochron::sql {

// All statements of `text`, empty ones left out. 42601 with a position, 0A000, 54001 for nesting
// beyond reason, 54000 for more words than length.h has it.
absl::StatusOr<std::vector<ast::Statement>> Parse(absl::string_view text);

// A query's text in which the tables that it names without a schema, and that stand in `schemas`,
// have that schema.
absl::StatusOr<std::string> QualifyTables(const std::string& query,
                                          const std::map<std::string, std::string>& schemas);

// One expression.
absl::StatusOr<ast::ExprPtr> ParseExpression(absl::string_view text);
// The text of an expression over one table's row, with one of its columns called otherwise.
absl::StatusOr<std::string> RenameColumnIn(const std::string& text, const std::string& from,
                                           const std::string& to);

// Whether a query, as text, names a column so, or all columns of something. True where unsure.
absl::StatusOr<bool> MayNameColumn(const std::string& query, const std::string& column);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PARSER_PARSER_H_
