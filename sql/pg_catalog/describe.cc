// SPDX-License-Identifier: Apache-2.0
#include "sql/pg_catalog/describe.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "sql/catalog/full_name.h"
#include "sql/catalog/layout.h"
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

// The end of the literal that begins with the quote at `at`, behind its last quote. A quote within
// it is doubled, or, in E'...', behind a backslash.
size_t EndOfLiteral(absl::string_view sql, size_t at, bool escapes) {
  for (++at; at < sql.size(); ++at) {
    if (escapes && sql[at] == '\\') {
      ++at;
    } else if (sql[at] == '\'' && at + 1 < sql.size() && sql[at + 1] == '\'') {
      ++at;
    } else if (sql[at] == '\'') {
      return at + 1;
    }
  }
  return sql.size();
}

bool IsPartOfWord(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// An expression as it is kept, in which a sequence without a schema is one of public, with the
// names by which the search path finds them.
std::string WithSequences(const CatalogSnapshot& snapshot, absl::string_view sql,
                          std::vector<const CatalogRelation*>* found) {
  std::string out;
  for (size_t at = 0; at < sql.size();) {
    if (sql[at] == '"') {
      const size_t end = std::min(sql.find('"', at + 1), sql.size() - 1) + 1;
      absl::StrAppend(&out, sql.substr(at, end - at));
      at = end;
      continue;
    }
    if (sql[at] != '\'') {
      out.push_back(sql[at++]);
      continue;
    }
    const bool escapes = at > 0 && (sql[at - 1] == 'E' || sql[at - 1] == 'e') &&
                         (at == 1 || !IsPartOfWord(sql[at - 2]));
    const size_t end = EndOfLiteral(sql, at, escapes);
    const absl::string_view literal = sql.substr(at, end - at);
    absl::string_view rest = sql.substr(end);
    at = end;
    const bool cast = absl::ConsumePrefix(&rest, "::regclass");
    const CatalogRelation* sequence = nullptr;
    if (!escapes && literal.size() > 2 && (cast || absl::EndsWith(out, "nextval("))) {
      auto parts =
          SplitName(absl::StrReplaceAll(literal.substr(1, literal.size() - 2), {{"\'\'", "\'"}}));
      if (parts.ok()) {
        const bool qualified = parts->size() > 1;
        sequence = snapshot.Relation(qualified ? (*parts)[parts->size() - 2] : kPublicSchema,
                                     parts->back());
      }
    }
    if (sequence == nullptr) {
      absl::StrAppend(&out, literal);
      continue;
    }
    if (found != nullptr) found->push_back(sequence);
    absl::StrAppend(&out, QuoteLiteral(snapshot.DisplayName(*sequence)), "::regclass");
    if (cast) at = sql.size() - rest.size();
  }
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

std::vector<const CatalogRelation*> SequencesIn(const CatalogSnapshot& snapshot,
                                                absl::string_view sql) {
  std::vector<const CatalogRelation*> out;
  WithSequences(snapshot, sql, &out);
  return out;
}

std::string DefaultSql(const CatalogSnapshot& snapshot, const ColumnDescriptor& column) {
  if (column.identity != Identity::kNone) return "";
  if (!column.generated_sql.empty()) return column.generated_sql;
  switch (column.default_kind) {
    case DefaultKind::kValue: {
      if (column.default_value.is_null()) return "";
      const std::string sql = DatumToSql(column.type, column.default_value);
      // A literal in quotes says its type, as PostgreSQL's deparsed ones do.
      const bool quoted = !sql.empty() && (sql[0] == '\'' || sql[0] == 'E');
      if (!quoted) return sql;
      const CatalogType* made = snapshot.TypeOf(OidOf(column.type));
      return absl::StrCat(
          sql, "::",
          made != nullptr ? snapshot.DisplayName(*made) : TypeNameWithModifier(column.type, -1));
    }
    case DefaultKind::kNow:
      return "now()";
    case DefaultKind::kExpression:
      return WithSequences(snapshot, column.default_sql, nullptr);
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

std::string CommentOf(const CatalogRelation& relation) {
  if (relation.table == nullptr) return "";
  if (relation.kind != 'i') return relation.table->comment;
  return relation.table->PartCommentOf(
      true, relation.index == nullptr ? kPrimaryIndex : relation.index->id);
}
std::string CommentOf(const CatalogConstraint& c) {
  if (c.kind == 'c') return c.table->checks[c.check].comment;
  const uint64_t id = c.kind == 'p'   ? kPrimaryIndex
                      : c.kind == 'f' ? c.foreign_key->id
                                      : c.unique->id;
  return c.table->PartCommentOf(false, id);
}
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
