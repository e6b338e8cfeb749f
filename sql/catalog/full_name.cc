// SPDX-License-Identifier: Apache-2.0
#include "sql/catalog/full_name.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "sql/types/datum.h"
#include "sql/types/quote.h"

namespace isochron::sql {
namespace {

std::string Escaped(absl::string_view name) {
  std::string out;
  out.reserve(name.size());
  for (char c : name) {
    if (c == '.' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

// The schema, empty where there is none, and the name.
std::pair<std::string, std::string> Parts(absl::string_view full) {
  std::pair<std::string, std::string> out;
  for (size_t i = 0; i < full.size(); ++i) {
    if (full[i] == '.') {
      out.first = std::exchange(out.second, "");
      continue;
    }
    if (full[i] == '\\' && i + 1 < full.size()) ++i;
    out.second.push_back(full[i]);
  }
  return out;
}

}  // namespace

bool IsSchemaFullName(absl::string_view full_name) {
  const auto [schema, name] = Parts(full_name);
  return !schema.empty() && name.empty();
}

std::string FullName(absl::string_view schema, absl::string_view name) {
  if (schema.empty() || schema == kPublicSchema) return Escaped(name);
  return absl::StrCat(Escaped(schema), ".", Escaped(name));
}

std::string SchemaIn(absl::string_view full_name) {
  std::string schema = Parts(full_name).first;
  return schema.empty() ? kPublicSchema : schema;
}

std::string LocalName(absl::string_view full_name) { return Parts(full_name).second; }

std::string SqlName(absl::string_view full_name) {
  const auto [schema, name] = Parts(full_name);
  return absl::StrCat(QuoteIdentifier(schema.empty() ? kPublicSchema : schema), ".",
                      QuoteIdentifier(name));
}

std::string PlainSqlName(absl::string_view full_name) {
  const auto [schema, name] = Parts(full_name);
  if (schema.empty()) return QuoteIfNeeded(name);
  return absl::StrCat(QuoteIfNeeded(schema), ".", QuoteIfNeeded(name));
}

std::string SchemaFullName(absl::string_view schema) { return absl::StrCat(Escaped(schema), "."); }

std::string DatabaseFullName(absl::string_view database) {
  return absl::StrCat(kDatabases, Escaped(database));
}

bool IsDatabaseFullName(absl::string_view full_name) {
  return absl::StartsWith(full_name, kDatabases);
}

std::string IndexFullName(absl::string_view table_full_name, absl::string_view index) {
  const std::string schema = Parts(table_full_name).first;
  return FullName(schema, index);
}

}  // namespace isochron::sql
