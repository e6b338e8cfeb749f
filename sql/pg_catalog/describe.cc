// SPDX-License-Identifier: Apache-2.0
#include "sql/pg_catalog/describe.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sql/types/quote.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

// `f(...)`, and nothing behind it.
bool LooksLikeCall(absl::string_view sql) {
  size_t at = 0;
  while (at < sql.size() && (absl::ascii_isalnum(static_cast<unsigned char>(sql[at])) ||
                             sql[at] == '_' || sql[at] == '.')) {
    ++at;
  }
  if (at == 0 || at == sql.size() || sql[at] != '(') return false;
  int depth = 0;
  for (char quote = 0; at < sql.size(); ++at) {
    const char c = sql[at];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')' && --depth == 0) {
      return at + 1 == sql.size();
    }
  }
  return false;
}

// A column of an index by itself.
std::string KeyName(const ColumnDescriptor& column, bool pretty) {
  if (column.computed_sql.empty()) return QuoteIfNeeded(column.name);
  if (LooksLikeCall(column.computed_sql)) return column.computed_sql;
  return pretty ? absl::StrCat("(", column.computed_sql, ")")
                : absl::StrCat("((", column.computed_sql, "))");
}

std::string KeyColumn(const TableDescriptor& table, const IndexParts& parts, size_t at,
                      bool pretty) {
  std::string out = KeyName(table.columns[parts.keys[at]], pretty);
  const bool descending = (parts.options[at] & 1) != 0;
  const bool nulls_first = (parts.options[at] & 2) != 0;
  if (descending) out.append(" DESC");
  if (nulls_first != descending) out.append(nulls_first ? " NULLS FIRST" : " NULLS LAST");
  return out;
}

const char* ActionSql(ForeignKeyAction action) {
  switch (action) {
    case ForeignKeyAction::kNoAction:
      return "";
    case ForeignKeyAction::kRestrict:
      return "RESTRICT";
    case ForeignKeyAction::kCascade:
      return "CASCADE";
    case ForeignKeyAction::kSetNull:
      return "SET NULL";
    case ForeignKeyAction::kSetDefault:
      return "SET DEFAULT";
  }
  return "";
}

std::string ForeignKeyDefinition(const CatalogSnapshot& snapshot, const CatalogConstraint& c) {
  const ForeignKey& key = *c.foreign_key;
  std::string out = absl::StrCat("FOREIGN KEY (", ColumnList(*c.table, key.columns), ")");
  if (c.parent != nullptr) {
    std::vector<uint32_t> positions;
    for (uint32_t id : key.parent_columns) {
      const int at = c.parent->FindColumnId(id);
      if (at >= 0) positions.push_back(static_cast<uint32_t>(at));
    }
    const CatalogRelation* parent = snapshot.Relation(TableOid(key.parent));
    absl::StrAppend(
        &out, " REFERENCES ",
        parent == nullptr ? QuoteIfNeeded(c.parent->local_name()) : snapshot.DisplayName(*parent),
        "(", ColumnList(*c.parent, positions), ")");
  }
  if (key.match_full) out.append(" MATCH FULL");
  if (key.on_update != ForeignKeyAction::kNoAction) {
    absl::StrAppend(&out, " ON UPDATE ", ActionSql(key.on_update));
  }
  if (key.on_delete != ForeignKeyAction::kNoAction) {
    absl::StrAppend(&out, " ON DELETE ", ActionSql(key.on_delete));
  }
  if (key.deferrable) out.append(" DEFERRABLE");
  if (key.deferred) out.append(" INITIALLY DEFERRED");
  if (!key.validated) out.append(" NOT VALID");
  return out;
}

}  // namespace

std::string ColumnList(const TableDescriptor& table, const std::vector<uint32_t>& positions) {
  return absl::StrJoin(positions, ", ", [&](std::string* out, uint32_t at) {
    out->append(QuoteIfNeeded(table.columns[at].name));
  });
}

IndexParts PartsOf(const CatalogRelation& index) {
  IndexParts parts;
  if (index.index == nullptr) {
    parts.keys = index.table->key;
    parts.options.assign(parts.keys.size(), 0);
    parts.unique = true;
    return parts;
  }
  for (const IndexColumn& c : index.index->columns) {
    parts.keys.push_back(c.column);
    parts.options.push_back((c.descending ? 1 : 0) | (c.nulls_first ? 2 : 0));
  }
  parts.include = index.index->include;
  parts.unique = index.index->unique;
  parts.ready = index.index->state == IndexState::kPublic;
  return parts;
}

std::vector<uint32_t> ConstraintColumns(const CatalogConstraint& c) {
  std::vector<uint32_t> out;
  if (c.kind == 'p') return c.table->key;
  if (c.kind == 'f') return c.foreign_key->columns;
  if (c.kind != 'u') return out;
  for (const IndexColumn& column : c.unique->columns) out.push_back(column.column);
  return out;
}

std::string ConstraintDefinition(const CatalogSnapshot& snapshot, const CatalogConstraint& c) {
  switch (c.kind) {
    case 'p':
      return absl::StrCat("PRIMARY KEY (", ColumnList(*c.table, c.table->key), ")");
    case 'u': {
      std::vector<uint32_t> columns;
      for (const IndexColumn& column : c.unique->columns) columns.push_back(column.column);
      std::string out = absl::StrCat("UNIQUE (", ColumnList(*c.table, columns), ")");
      if (!c.unique->include.empty()) {
        absl::StrAppend(&out, " INCLUDE (", ColumnList(*c.table, c.unique->include), ")");
      }
      return out;
    }
    case 'f':
      return ForeignKeyDefinition(snapshot, c);
    default:
      return absl::StrCat("CHECK (", CheckSql(c), ")",
                          c.table->checks[c.check].validated ? "" : " NOT VALID");
  }
}

std::string IndexDefinition(const CatalogSnapshot& snapshot, const CatalogRelation& index,
                            int64_t column, bool pretty) {
  const IndexParts parts = PartsOf(index);
  const TableDescriptor& table = *index.table;
  if (column > 0) {
    const size_t at = static_cast<size_t>(column) - 1;
    if (at < parts.keys.size()) return KeyName(table.columns[parts.keys[at]], pretty);
    if (at - parts.keys.size() >= parts.include.size()) return "";
    return QuoteIfNeeded(table.columns[parts.include[at - parts.keys.size()]].name);
  }
  std::vector<std::string> keys;
  for (size_t i = 0; i < parts.keys.size(); ++i) keys.push_back(KeyColumn(table, parts, i, pretty));
  const CatalogRelation* of = snapshot.Relation(TableOid(table.id));
  std::string out =
      absl::StrCat("CREATE ", parts.unique ? "UNIQUE " : "", "INDEX ", QuoteIfNeeded(index.name),
                   " ON ", pretty ? snapshot.DisplayName(*of) : snapshot.QualifiedName(*of),
                   " USING btree (", absl::StrJoin(keys, ", "), ")");
  if (!parts.include.empty()) {
    absl::StrAppend(&out, " INCLUDE (", ColumnList(table, parts.include), ")");
  }
  if (index.index != nullptr && !index.index->predicate_sql.empty()) {
    absl::StrAppend(&out, " WHERE ", pretty ? "" : "(", index.index->predicate_sql,
                    pretty ? "" : ")");
  }
  return out;
}

std::string DefaultSql(const ColumnDescriptor& column) {
  if (!column.generated_sql.empty()) return column.generated_sql;
  switch (column.default_kind) {
    case DefaultKind::kValue: {
      if (column.default_value.is_null()) return "";
      const std::string sql = DatumToSql(column.type, column.default_value);
      // A literal in quotes says its type, as PostgreSQL's deparsed ones do.
      const bool quoted = !sql.empty() && (sql[0] == '\'' || sql[0] == 'E');
      return quoted ? absl::StrCat(sql, "::", TypeNameWithModifier(column.type, -1)) : sql;
    }
    case DefaultKind::kNow:
      return "now()";
    case DefaultKind::kExpression:
      return column.default_sql;
    default:
      return "";
  }
}

std::string CheckSql(const CatalogConstraint& c) {
  return absl::StrCat("(", c.table->checks[c.check].sql, ")");
}

std::string ViewSql(const TableDescriptor& view) {
  const bool ended = absl::EndsWith(view.view_sql, ";");
  return absl::StrCat(" ", view.view_sql, ended ? "" : ";");
}

std::string CommentOf(const TableDescriptor& table) { return table.comment; }
std::string CommentOf(const TableDescriptor& table, uint32_t column) {
  return table.columns[column].comment;
}

std::string SequenceOf(const CatalogSnapshot& snapshot, const TableDescriptor& table,
                       uint32_t column) {
  for (const CatalogRelation& r : snapshot.relations()) {
    if (r.kind != 'S' || r.table->owner_table.value != table.id.value) continue;
    if (r.table->owner_column == table.columns[column].id) return snapshot.QualifiedName(r);
  }
  return "";
}

}  // namespace isochron::sql
