// SPDX-License-Identifier: Apache-2.0
#include "sql/catalog/information_schema.h"

#include <string>

namespace isochron::sql {
namespace {

constexpr char kDatabase[] = "isochron";
constexpr char kSchema[] = "public";

Datum Text(absl::string_view s) { return Datum::String(std::string(s)); }

Row TableRow(absl::string_view schema, absl::string_view name, absl::string_view kind) {
  return Row{Text(kDatabase), Text(schema), Text(name), Text(kind)};
}

std::string DefaultText(const ColumnDescriptor& c) {
  if (c.default_kind == DefaultKind::kExpression) return c.default_sql;
  return c.default_kind == DefaultKind::kNow ? "now()" : DatumToSql(c.type, c.default_value);
}

}  // namespace

const SystemTableDef* FindInformationSchemaTable(absl::string_view name) {
  static const auto* tables = new SystemTableDef{"tables",
                                                 {{"table_catalog", Type::kText},
                                                  {"table_schema", Type::kText},
                                                  {"table_name", Type::kText},
                                                  {"table_type", Type::kText}}};
  static const auto* columns = new SystemTableDef{"columns",
                                                  {{"table_catalog", Type::kText},
                                                   {"table_schema", Type::kText},
                                                   {"table_name", Type::kText},
                                                   {"column_name", Type::kText},
                                                   {"ordinal_position", Type::kInt8},
                                                   {"column_default", Type::kText},
                                                   {"is_nullable", Type::kText},
                                                   {"data_type", Type::kText},
                                                   {"key_position", Type::kInt8}}};
  static const auto* options = new SystemTableDef{"database_options",
                                                  {{"catalog_name", Type::kText},
                                                   {"schema_name", Type::kText},
                                                   {"option_name", Type::kText},
                                                   {"option_type", Type::kText},
                                                   {"option_value", Type::kText}}};
  if (name == "tables") return tables;
  if (name == "database_options") return options;
  if (name == "columns") return columns;
  return nullptr;
}

std::vector<Row> InformationSchemaRows(absl::string_view name,
                                       const std::vector<TablePtr>& tables) {
  std::vector<Row> rows;
  if (name == "tables") {
    for (const TablePtr& t : tables) {
      if (t->kind == RelationKind::kSequence) continue;
      rows.push_back(TableRow(kSchema, t->name, t->is_table() ? "BASE TABLE" : "VIEW"));
    }
    for (const SystemTableDef& def : SystemTableDefs()) {
      rows.push_back(TableRow("isochron", def.name, "SYSTEM VIEW"));
    }
    return rows;
  }
  for (const TablePtr& t : tables) {
    if (t->kind == RelationKind::kSequence) continue;
    int64_t ordinal = 0;
    for (size_t i = 0; i < t->columns.size(); ++i) {
      const ColumnDescriptor& c = t->columns[i];
      if (c.hidden) continue;
      const int key = t->KeyPosition(static_cast<uint32_t>(i));
      rows.push_back(
          Row{Text(kDatabase), Text(kSchema), Text(t->name), Text(c.name), Datum::Int(++ordinal),
              c.default_kind == DefaultKind::kNone ? Datum::Null() : Text(DefaultText(c)),
              Text(c.not_null ? "NO" : "YES"), Text(TypeName(c.type)),
              key < 0 ? Datum::Null() : Datum::Int(key + 1)});
    }
  }
  return rows;
}

}  // namespace isochron::sql
