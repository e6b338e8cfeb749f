// SPDX-License-Identifier: Apache-2.0
//
// COPY: which way, of what, in which format.
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/parser/convert.h"
#include "sql/types/error.h"

namespace isochron::sql::convert {
namespace {

// The text of an option's value; "" for an option without one.
std::string TextOf(const pg::DefElem& option) {
  const pg::Node& arg = option.arg();
  switch (arg.node_case()) {
    case pg::Node::kString:
      return arg.string().sval();
    case pg::Node::kBoolean:
      return arg.boolean().boolval() ? "true" : "false";
    case pg::Node::kInteger:
      return absl::StrCat(arg.integer().ival());
    default:
      return "";
  }
}

absl::StatusOr<bool> Truth(const pg::DefElem& option) {
  const std::string text = absl::AsciiStrToLower(TextOf(option));
  if (text.empty() || text == "true" || text == "on" || text == "1") return true;
  if (text == "false" || text == "off" || text == "0") return false;
  return SqlError(sqlstate::kSyntaxError,
                  absl::StrCat(option.defname(), " requires a Boolean value"), option.location());
}

absl::Status OneByte(const pg::DefElem& option, char* out) {
  const std::string text = TextOf(option);
  if (text.size() != 1 || text[0] == '\n' || text[0] == '\r') {
    return SqlError(sqlstate::kUnsupported,
                    absl::StrCat("COPY ", option.defname(), " must be a single one-byte character"),
                    option.location());
  }
  *out = text[0];
  return absl::OkStatus();
}

absl::Status Option(const pg::DefElem& option, CopyFormat* out, bool* null_given,
                    bool* delimiter_given, bool* escape_given) {
  const std::string& name = option.defname();
  if (name == "format") {
    const std::string format = TextOf(option);
    if (format == "binary") return Unsupported("COPY in binary", option.location());
    if (format != "csv" && format != "text") {
      return SqlError(sqlstate::kInvalidParameter,
                      absl::StrCat("COPY format \"", format, "\" not recognized"),
                      option.location());
    }
    out->csv = format == "csv";
  } else if (name == "delimiter") {
    *delimiter_given = true;
    return OneByte(option, &out->delimiter);
  } else if (name == "null") {
    *null_given = true;
    out->null_text = TextOf(option);
  } else if (name == "header") {
    if (absl::EqualsIgnoreCase(TextOf(option), "match")) {
      return Unsupported("COPY ... HEADER MATCH", option.location());
    }
    ISO_ASSIGN_OR_RETURN(out->header, Truth(option));
  } else if (name == "quote") {
    return OneByte(option, &out->quote);
  } else if (name == "escape") {
    *escape_given = true;
    return OneByte(option, &out->escape);
  } else if (name == "freeze") {
    // Rows have no age here that could be frozen.
    return Truth(option).status();
  } else if (name == "encoding") {
    const std::string encoding = absl::AsciiStrToUpper(TextOf(option));
    if (encoding != "UTF8" && encoding != "UTF-8") {
      return Unsupported("an encoding other than UTF8", option.location());
    }
  } else {
    return Unsupported(absl::StrCat("COPY with ", name), option.location());
  }
  return absl::OkStatus();
}

absl::StatusOr<CopyFormat> Format(const pg::CopyStmt& stmt) {
  CopyFormat out;
  bool null_given = false;
  bool delimiter_given = false;
  bool escape_given = false;
  for (const pg::Node& node : stmt.options()) {
    ISO_RETURN_IF_ERROR(
        Option(node.def_elem(), &out, &null_given, &delimiter_given, &escape_given));
  }
  if (out.csv && !null_given) out.null_text = "";
  if (out.csv && !delimiter_given) out.delimiter = ',';
  if (!escape_given) out.escape = out.quote;
  if (out.null_text.find(out.delimiter) != std::string::npos) {
    return SqlError(sqlstate::kInvalidParameter,
                    "COPY delimiter must not appear in the NULL specification");
  }
  if (out.csv && out.delimiter == out.quote) {
    return SqlError(sqlstate::kInvalidParameter, "COPY delimiter and quote must be different");
  }
  return out;
}

}  // namespace

absl::StatusOr<ast::Copy> CopyStatement(State* state, const pg::CopyStmt& stmt) {
  if (stmt.is_program()) return Unsupported("COPY ... PROGRAM", -1);
  if (!stmt.filename().empty()) {
    return Unsupported("COPY with a file of the server (use STDIN or STDOUT, or psql's \\copy)",
                       -1);
  }
  if (stmt.has_where_clause()) return Unsupported("COPY ... WHERE", -1);
  ast::Copy out;
  out.from = stmt.is_from();
  if (stmt.has_relation()) {
    ISO_ASSIGN_OR_RETURN(out.table, Table(stmt.relation()));
    out.columns = Strings(stmt.attlist());
  } else {
    if (!stmt.query().has_select_stmt()) return Unsupported("COPY of this statement", -1);
    ISO_ASSIGN_OR_RETURN(ast::Select query, SelectStatement(state, stmt.query().select_stmt()));
    out.query = std::make_unique<ast::Select>(std::move(query));
  }
  ISO_ASSIGN_OR_RETURN(out.format, Format(stmt));
  return out;
}

}  // namespace isochron::sql::convert
