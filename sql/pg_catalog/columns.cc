// SPDX-License-Identifier: Apache-2.0
#include "sql/pg_catalog/columns.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_split.h"
#include "common/check.h"
#include "sql/pg_catalog/columns_data.h"

namespace isochron::sql {
namespace {

void Add(const char* schema, const CatalogTableData& data, std::vector<CatalogTable>* out) {
  CatalogTable t;
  t.oid = data.oid;
  t.schema = schema;
  t.name = data.name;
  t.view = data.kind == 'v';
  std::vector<Type> types;
  for (absl::string_view column : absl::StrSplit(data.columns, ", ")) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(column, ' ');
    t.column_names.push_back(parts.first);
    types.push_back(TypeFromName(parts.second));
    ISO_CHECK(types.back() != Type::kUnknown, "a type that there is not");
  }
  t.visible = types.size();
  if (t.schema == "information_schema" && t.name == "columns") {
    t.column_names.push_back("key_position");
    types.push_back(Type::kInt8);
  }
  if (!t.view) {
    t.column_names.push_back("tableoid");
    types.push_back(Type::kOid);
  }
  out->push_back(std::move(t));
  CatalogTable& kept = out->back();
  for (Type type : types) kept.def.columns.push_back({nullptr, type});
}

// The names are pointed to where they have come to lie for good.
void Point(CatalogTable* t) {
  t->def.name = t->name.c_str();
  for (size_t i = 0; i < t->column_names.size(); ++i) {
    t->def.columns[i].name = t->column_names[i].c_str();
  }
}

}  // namespace

int CatalogTable::FindColumn(absl::string_view column) const {
  auto it = std::find(column_names.begin(), column_names.end(), column);
  return it == column_names.end() ? -1 : static_cast<int>(it - column_names.begin());
}

const std::vector<CatalogTable>& CatalogTables() {
  static const auto* all = [] {
    auto* out = new std::vector<CatalogTable>;
    for (const auto& data : InformationSchemaColumns()) Add("information_schema", data, out);
    for (const auto& data : PgCatalogColumns()) Add("pg_catalog", data, out);
    for (CatalogTable& t : *out) Point(&t);
    return out;
  }();
  return *all;
}

const CatalogTable* FindCatalogTable(absl::string_view schema, absl::string_view name) {
  using Key = std::pair<absl::string_view, absl::string_view>;
  static const auto* by_name = [] {
    auto* out = new std::map<Key, const CatalogTable*>;
    for (const CatalogTable& t : CatalogTables()) (*out)[{t.schema, t.name}] = &t;
    return out;
  }();
  auto it = by_name->find({schema.empty() ? "pg_catalog" : schema, name});
  return it == by_name->end() ? nullptr : it->second;
}

}  // namespace isochron::sql
