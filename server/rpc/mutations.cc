// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/mutations.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/status_macros.h"
#include "server/rpc/value_codec.h"
#include "sql/types/type_info.h"

namespace isochron::rpc {
namespace {

namespace spanner = google::spanner::v1;
using google::protobuf::ListValue;
using sql::QuoteIdentifier;
using Statements = absl::StatusOr<std::vector<MutationStatement>>;

constexpr char kColumnsQuery[] =
    "SELECT table_name, column_name, udt_name, key_position, is_nullable, column_default "
    "FROM information_schema.columns WHERE table_schema = 'public' "
    "ORDER BY table_name, ordinal_position";
constexpr char kTableColumnsQuery[] =
    "SELECT table_name, column_name, udt_name, key_position, is_nullable, column_default "
    "FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1 "
    "ORDER BY table_name, ordinal_position";

std::string Placeholder(size_t i) { return absl::StrCat("$", i); }

absl::StatusOr<sql::TypedDatum> Decode(const TableShape& shape, const std::string& column,
                                       const google::protobuf::Value& value) {
  const TableShape::Column* c = shape.Find(column);
  if (c == nullptr) return absl::NotFoundError(absl::StrCat("Column not found: ", column));
  absl::StatusOr<sql::TypedDatum> decoded = DecodeValue(c->type, value);
  if (!decoded.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("column ", column, ": ", decoded.status().message()));
  }
  return decoded;
}

bool IsKey(const TableShape& shape, const std::string& column) {
  return std::find(shape.key.begin(), shape.key.end(), column) != shape.key.end();
}

// One row's values as parameters, in the order of `columns`.
absl::StatusOr<sql::Params> DecodeRow(const spanner::Mutation::Write& write,
                                      const ListValue& values, const TableShape& shape) {
  if (values.values_size() != write.columns_size()) {
    return absl::InvalidArgumentError(absl::StrCat("a row for ", write.table(), " has ",
                                                   values.values_size(), " values for ",
                                                   write.columns_size(), " columns"));
  }
  sql::Params params;
  for (int i = 0; i < write.columns_size(); ++i) {
    ISO_ASSIGN_OR_RETURN(sql::TypedDatum value, Decode(shape, write.columns(i), values.values(i)));
    params.push_back(std::move(value));
  }
  return params;
}

std::string InsertSql(const spanner::Mutation::Write& write, bool or_update,
                      const TableShape& shape) {
  std::vector<std::string> names, places, updates, key;
  for (int i = 0; i < write.columns_size(); ++i) {
    names.push_back(QuoteIdentifier(write.columns(i)));
    places.push_back(Placeholder(static_cast<size_t>(i) + 1));
    if (!IsKey(shape, write.columns(i))) {
      updates.push_back(absl::StrCat(names.back(), " = excluded.", names.back()));
    }
  }
  std::string sql =
      absl::StrCat("INSERT INTO ", QuoteIdentifier(write.table()), " (", absl::StrJoin(names, ", "),
                   ") VALUES (", absl::StrJoin(places, ", "), ")");
  if (!or_update) return sql;
  for (const std::string& k : shape.key) key.push_back(QuoteIdentifier(k));
  absl::StrAppend(
      &sql, " ON CONFLICT (", absl::StrJoin(key, ", "), ") DO ",
      updates.empty() ? "NOTHING" : absl::StrCat("UPDATE SET ", absl::StrJoin(updates, ", ")));
  return sql;
}

absl::StatusOr<std::string> UpdateSql(const spanner::Mutation::Write& write,
                                      const TableShape& shape) {
  std::vector<std::string> sets, conditions;
  for (int i = 0; i < write.columns_size(); ++i) {
    const std::string assignment = absl::StrCat(QuoteIdentifier(write.columns(i)), " = ",
                                                Placeholder(static_cast<size_t>(i) + 1));
    (IsKey(shape, write.columns(i)) ? conditions : sets).push_back(assignment);
  }
  if (conditions.size() != shape.key.size() || shape.key.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("an update of ", write.table(), " names all its key columns"));
  }
  // With nothing to set, it still says whether the row is there.
  if (sets.empty()) sets.push_back(conditions.front());
  return absl::StrCat("UPDATE ", QuoteIdentifier(write.table()), " SET ", absl::StrJoin(sets, ", "),
                      " WHERE ", absl::StrJoin(conditions, " AND "));
}

Statements WriteStatements(const spanner::Mutation::Write& write, const std::string& sql,
                           bool must_change_a_row, const TableShape& shape) {
  std::vector<MutationStatement> out;
  for (const ListValue& row : write.values()) {
    ISO_ASSIGN_OR_RETURN(sql::Params params, DecodeRow(write, row, shape));
    out.push_back(MutationStatement{sql, std::move(params), must_change_a_row});
  }
  return out;
}

// (k1, k2) op (v1, v2), spelt out: k1 > v1 OR (k1 = v1 AND k2 > v2). A key may be a prefix.
absl::StatusOr<std::string> BoundCondition(const TableShape& shape, const ListValue& key, char op,
                                           bool closed, sql::Params* params) {
  if (key.values_size() > static_cast<int>(shape.key.size())) {
    return absl::InvalidArgumentError("a key has more parts than the table's key");
  }
  std::string equal, out;
  for (int i = 0; i < key.values_size(); ++i) {
    const std::string column = QuoteIdentifier(shape.key[static_cast<size_t>(i)]);
    ISO_ASSIGN_OR_RETURN(sql::TypedDatum value,
                         Decode(shape, shape.key[static_cast<size_t>(i)], key.values(i)));
    params->push_back(std::move(value));
    const std::string place = Placeholder(params->size());
    absl::StrAppend(&out, out.empty() ? "" : " OR ", "(", equal, column, " ", std::string(1, op),
                    " ", place, ")");
    absl::StrAppend(&equal, column, " = ", place, " AND ");
  }
  if (closed && !equal.empty()) {
    absl::StrAppend(&out, " OR (", equal.substr(0, equal.size() - 5), ")");
  }
  return out.empty() ? std::string("true") : absl::StrCat("(", out, ")");
}

absl::StatusOr<MutationStatement> DeleteKey(const std::string& table, const ListValue& key,
                                            const TableShape& shape) {
  if (key.values_size() != static_cast<int>(shape.key.size()) || shape.key.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("a key of ", table, " has ", shape.key.size(), " parts"));
  }
  MutationStatement out;
  std::vector<std::string> conditions;
  for (size_t i = 0; i < shape.key.size(); ++i) {
    ISO_ASSIGN_OR_RETURN(sql::TypedDatum value,
                         Decode(shape, shape.key[i], key.values(static_cast<int>(i))));
    out.params.push_back(std::move(value));
    conditions.push_back(absl::StrCat(QuoteIdentifier(shape.key[i]), " = ", Placeholder(i + 1)));
  }
  out.sql = absl::StrCat("DELETE FROM ", QuoteIdentifier(table), " WHERE ",
                         absl::StrJoin(conditions, " AND "));
  return out;
}

absl::StatusOr<MutationStatement> DeleteRange(const std::string& table,
                                              const spanner::KeyRange& range,
                                              const TableShape& shape) {
  MutationStatement out;
  const bool start_closed = range.has_start_closed();
  const bool end_closed = range.has_end_closed();
  ISO_ASSIGN_OR_RETURN(
      const std::string low,
      BoundCondition(shape, start_closed ? range.start_closed() : range.start_open(), '>',
                     start_closed, &out.params));
  ISO_ASSIGN_OR_RETURN(const std::string high,
                       BoundCondition(shape, end_closed ? range.end_closed() : range.end_open(),
                                      '<', end_closed, &out.params));
  out.sql = absl::StrCat("DELETE FROM ", QuoteIdentifier(table), " WHERE ", low, " AND ", high);
  return out;
}

Statements DeleteStatements(const spanner::Mutation::Delete& del, const TableShape& shape) {
  std::vector<MutationStatement> out;
  if (del.key_set().all()) {
    out.push_back(
        MutationStatement{absl::StrCat("DELETE FROM ", QuoteIdentifier(del.table())), {}, false});
    return out;
  }
  for (const ListValue& key : del.key_set().keys()) {
    ISO_ASSIGN_OR_RETURN(MutationStatement statement, DeleteKey(del.table(), key, shape));
    out.push_back(std::move(statement));
  }
  for (const spanner::KeyRange& range : del.key_set().ranges()) {
    ISO_ASSIGN_OR_RETURN(MutationStatement statement, DeleteRange(del.table(), range, shape));
    out.push_back(std::move(statement));
  }
  return out;
}

// Delete the row that is there, then insert.
Statements ReplaceStatements(const spanner::Mutation::Write& write, const TableShape& shape) {
  std::vector<MutationStatement> out;
  const std::string insert = InsertSql(write, false, shape);
  for (const ListValue& row : write.values()) {
    ISO_ASSIGN_OR_RETURN(sql::Params params, DecodeRow(write, row, shape));
    ListValue key;
    for (const std::string& k : shape.key) {
      for (int i = 0; i < write.columns_size(); ++i) {
        if (write.columns(i) == k) *key.add_values() = row.values(i);
      }
    }
    ISO_ASSIGN_OR_RETURN(MutationStatement del, DeleteKey(write.table(), key, shape));
    out.push_back(std::move(del));
    out.push_back(MutationStatement{insert, std::move(params), false});
  }
  return out;
}

const std::string& TableOf(const spanner::Mutation& mutation) {
  switch (mutation.operation_case()) {
    case spanner::Mutation::kInsert:
      return mutation.insert().table();
    case spanner::Mutation::kUpdate:
      return mutation.update().table();
    case spanner::Mutation::kInsertOrUpdate:
      return mutation.insert_or_update().table();
    case spanner::Mutation::kReplace:
      return mutation.replace().table();
    default:
      return mutation.delete_().table();
  }
}

int64_t CellsOf(const MutationStatement& statement) {
  return std::max<int64_t>(1, static_cast<int64_t>(statement.params.size()));
}

}  // namespace

const TableShape::Column* TableShape::Find(const std::string& column) const {
  for (const Column& c : columns) {
    if (c.name == column) return &c;
  }
  return nullptr;
}

Task<absl::StatusOr<std::map<std::string, TableShape>>> LookUpTables(Ctx ctx, sql::Session* session,
                                                                     std::string table) {
  sql::CollectingSink sink;
  sql::Params params;
  if (!table.empty()) params.push_back({sql::Type::kText, sql::Datum::String(table)});
  auto result = co_await session->ExecuteReadOnly(
      std::move(ctx), table.empty() ? kColumnsQuery : kTableColumnsQuery, std::move(params),
      sql::ReadBound{}, &sink);
  if (!result.ok()) co_return result.status();
  std::map<std::string, TableShape> tables;
  std::map<std::string, std::map<int64_t, std::string>> keys;
  if (sink.statements.empty()) co_return tables;
  for (const sql::Row& row : sink.statements.front().rows) {
    const std::string& name = row[0].string_value();
    TableShape::Column column;
    column.name = row[1].string_value();
    column.type_name = row[2].string_value();
    column.type = sql::TypeFromName(column.type_name);
    column.not_null = row[4].string_value() == "NO";
    if (!row[5].is_null()) column.default_sql = row[5].string_value();
    if (!row[3].is_null()) keys[name][row[3].int_value()] = column.name;
    tables[name].columns.push_back(std::move(column));
  }
  for (const auto& [name, parts] : keys) {
    for (const auto& [position, column] : parts) tables[name].key.push_back(column);
  }
  co_return tables;
}

Task<absl::StatusOr<TableShape>> LookUpTable(Ctx ctx, sql::Session* session, std::string table) {
  ISO_CO_ASSIGN_OR_RETURN(auto tables, co_await LookUpTables(std::move(ctx), session, table));
  auto it = tables.find(table);
  if (it == tables.end()) co_return absl::NotFoundError(absl::StrCat("Table not found: ", table));
  co_return std::move(it->second);
}

namespace {

// The array of a type `t` that users made is called `_t`.
std::string TypeSql(const TableShape::Column& c) {
  if (c.type != sql::Type::kUnknown) return std::string(sql::TypeName(c.type));
  absl::string_view name = c.type_name;
  const bool array = absl::ConsumePrefix(&name, "_");
  return absl::StrCat(QuoteIdentifier(name), array ? "[]" : "");
}

}  // namespace

std::string TableDdl(const std::string& name, const TableShape& shape) {
  std::vector<std::string> lines, key;
  for (const TableShape::Column& c : shape.columns) {
    std::string line = absl::StrCat("  ", QuoteIdentifier(c.name), " ", TypeSql(c));
    if (!c.default_sql.empty()) absl::StrAppend(&line, " DEFAULT ", c.default_sql);
    if (c.not_null) absl::StrAppend(&line, " NOT NULL");
    lines.push_back(std::move(line));
  }
  for (const std::string& k : shape.key) key.push_back(QuoteIdentifier(k));
  if (!key.empty()) lines.push_back(absl::StrCat("  PRIMARY KEY (", absl::StrJoin(key, ", "), ")"));
  return absl::StrCat("CREATE TABLE ", QuoteIdentifier(name), " (\n", absl::StrJoin(lines, ",\n"),
                      "\n)");
}

Statements StatementsOf(const spanner::Mutation& mutation, const TableShape& shape) {
  switch (mutation.operation_case()) {
    case spanner::Mutation::kInsert:
      return WriteStatements(mutation.insert(), InsertSql(mutation.insert(), false, shape), false,
                             shape);
    case spanner::Mutation::kInsertOrUpdate:
      return WriteStatements(mutation.insert_or_update(),
                             InsertSql(mutation.insert_or_update(), true, shape), false, shape);
    case spanner::Mutation::kUpdate: {
      ISO_ASSIGN_OR_RETURN(const std::string sql, UpdateSql(mutation.update(), shape));
      return WriteStatements(mutation.update(), sql, true, shape);
    }
    case spanner::Mutation::kReplace:
      return ReplaceStatements(mutation.replace(), shape);
    case spanner::Mutation::kDelete:
      return DeleteStatements(mutation.delete_(), shape);
    case spanner::Mutation::OPERATION_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("a mutation without an operation that is known here");
}

Task<absl::StatusOr<int64_t>> ApplyMutations(
    Ctx ctx, sql::Session* lookups, sql::SqlTransaction* txn,
    const google::protobuf::RepeatedPtrField<spanner::Mutation>* mutations) {
  std::map<std::string, TableShape> shapes;
  int64_t cells = 0;
  for (const spanner::Mutation& mutation : *mutations) {
    const std::string& table = TableOf(mutation);
    auto shape = shapes.find(table);
    if (shape == shapes.end()) {
      ISO_CO_ASSIGN_OR_RETURN(TableShape found, co_await LookUpTable(ctx, lookups, table));
      shape = shapes.emplace(table, std::move(found)).first;
    }
    ISO_CO_ASSIGN_OR_RETURN(std::vector<MutationStatement> statements,
                            StatementsOf(mutation, shape->second));
    for (MutationStatement& statement : statements) {
      cells += CellsOf(statement);
      sql::CollectingSink sink;
      ISO_CO_ASSIGN_OR_RETURN(
          const sql::StatementResult result,
          co_await txn->Execute(ctx, std::move(statement.sql), std::move(statement.params), &sink));
      if (statement.must_change_a_row && result.rows == 0) {
        co_return absl::NotFoundError(absl::StrCat("Row not found in table ", table));
      }
    }
  }
  co_return cells;
}

}  // namespace isochron::rpc
