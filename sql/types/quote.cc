// SPDX-License-Identifier: Apache-2.0
#include "sql/types/quote.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "sql/types/datum.h"
#include "sql/types/error.h"

namespace isochron::sql {

bool IsKeyword(absl::string_view word) {
  static constexpr absl::string_view kWords[] = {"all",
                                                 "analyse",
                                                 "analyze",
                                                 "and",
                                                 "any",
                                                 "array",
                                                 "as",
                                                 "asc",
                                                 "asymmetric",
                                                 "authorization",
                                                 "between",
                                                 "bigint",
                                                 "binary",
                                                 "bit",
                                                 "boolean",
                                                 "both",
                                                 "case",
                                                 "cast",
                                                 "char",
                                                 "character",
                                                 "check",
                                                 "coalesce",
                                                 "collate",
                                                 "collation",
                                                 "column",
                                                 "concurrently",
                                                 "constraint",
                                                 "create",
                                                 "cross",
                                                 "current_catalog",
                                                 "current_date",
                                                 "current_role",
                                                 "current_schema",
                                                 "current_time",
                                                 "current_timestamp",
                                                 "current_user",
                                                 "dec",
                                                 "decimal",
                                                 "default",
                                                 "deferrable",
                                                 "desc",
                                                 "distinct",
                                                 "do",
                                                 "else",
                                                 "end",
                                                 "except",
                                                 "exists",
                                                 "extract",
                                                 "false",
                                                 "fetch",
                                                 "float",
                                                 "for",
                                                 "foreign",
                                                 "freeze",
                                                 "from",
                                                 "full",
                                                 "grant",
                                                 "greatest",
                                                 "group",
                                                 "grouping",
                                                 "having",
                                                 "ilike",
                                                 "in",
                                                 "initially",
                                                 "inner",
                                                 "inout",
                                                 "int",
                                                 "integer",
                                                 "intersect",
                                                 "interval",
                                                 "into",
                                                 "is",
                                                 "isnull",
                                                 "join",
                                                 "lateral",
                                                 "leading",
                                                 "least",
                                                 "left",
                                                 "like",
                                                 "limit",
                                                 "localtime",
                                                 "localtimestamp",
                                                 "national",
                                                 "natural",
                                                 "nchar",
                                                 "none",
                                                 "normalize",
                                                 "not",
                                                 "notnull",
                                                 "null",
                                                 "nullif",
                                                 "numeric",
                                                 "offset",
                                                 "on",
                                                 "only",
                                                 "or",
                                                 "order",
                                                 "out",
                                                 "outer",
                                                 "overlaps",
                                                 "overlay",
                                                 "placing",
                                                 "position",
                                                 "precision",
                                                 "primary",
                                                 "real",
                                                 "references",
                                                 "returning",
                                                 "right",
                                                 "row",
                                                 "select",
                                                 "session_user",
                                                 "setof",
                                                 "similar",
                                                 "smallint",
                                                 "some",
                                                 "substring",
                                                 "symmetric",
                                                 "table",
                                                 "tablesample",
                                                 "then",
                                                 "time",
                                                 "timestamp",
                                                 "to",
                                                 "trailing",
                                                 "treat",
                                                 "trim",
                                                 "true",
                                                 "union",
                                                 "unique",
                                                 "user",
                                                 "using",
                                                 "values",
                                                 "varchar",
                                                 "variadic",
                                                 "verbose",
                                                 "when",
                                                 "where",
                                                 "window",
                                                 "with",
                                                 "xmlattributes",
                                                 "xmlconcat",
                                                 "xmlelement",
                                                 "xmlexists",
                                                 "xmlforest",
                                                 "xmlnamespaces",
                                                 "xmlparse",
                                                 "xmlpi",
                                                 "xmlroot",
                                                 "xmlserialize",
                                                 "xmltable"};
  return std::binary_search(std::begin(kWords), std::end(kWords), word);
}

std::string QuoteIfNeeded(absl::string_view name) {
  bool plain = !name.empty() && (absl::ascii_islower(name[0]) || name[0] == '_');
  for (char c : name) {
    plain = plain && (absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_');
  }
  return plain && !IsKeyword(name) ? std::string(name) : QuoteIdentifier(name);
}

absl::StatusOr<std::vector<std::string>> SplitName(absl::string_view text) {
  const absl::Status invalid = SqlError("42602", "invalid name syntax");
  std::vector<std::string> parts;
  size_t i = 0;
  auto skip = [&] {
    while (i < text.size() && absl::ascii_isspace(text[i])) ++i;
  };
  for (;; ++i) {
    skip();
    std::string part;
    if (i < text.size() && text[i] == '"') {
      for (++i;; ++i) {
        if (i >= text.size()) return invalid;
        if (text[i] == '"') {
          if (i + 1 >= text.size() || text[i + 1] != '"') break;
          ++i;
        }
        part.push_back(text[i]);
      }
      ++i;
    } else {
      while (i < text.size() && text[i] != '.' && !absl::ascii_isspace(text[i])) {
        part.push_back(absl::ascii_tolower(text[i++]));
      }
    }
    if (part.empty()) return invalid;
    parts.push_back(std::move(part));
    skip();
    if (i == text.size()) return parts;
    if (text[i] != '.') return invalid;
  }
}

}  // namespace isochron::sql
