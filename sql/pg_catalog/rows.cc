// SPDX-License-Identifier: Apache-2.0
#include "sql/pg_catalog/rows.h"

#include "common/check.h"
#include "sql/types/array.h"

namespace isochron::sql {
namespace {

Datum NothingOf(Type type) {
  switch (type) {
    case Type::kBool:
      return Datum::Bool(false);
    case Type::kInt2:
    case Type::kInt4:
    case Type::kInt8:
    case Type::kOid:
    case Type::kXid:
    case Type::kRegclass:
    case Type::kRegtype:
    case Type::kRegnamespace:
    case Type::kRegproc:
      return Datum::Int(0);
    case Type::kFloat4:
    case Type::kFloat8:
      return Datum::Float(0);
    case Type::kName:
    case Type::kChar:
      return Datum::String("");
    default:
      return Datum::Null();
  }
}

MakeRows Find(const catalog_rows::Makers& makers, absl::string_view table) {
  auto it = makers.find(table);
  return it == makers.end() ? nullptr : it->second;
}

}  // namespace

RowMaker::RowMaker(const CatalogTable& table, std::vector<Row>* out) : table_(table), out_(out) {
  for (size_t i = 0; i < table.column_names.size(); ++i) {
    columns_[table.column_names[i]] = i;
    nothing_.push_back(table.view ? Datum::Null() : NothingOf(table.def.columns[i].type));
  }
  if (!table.view) nothing_.back() = Datum::Int(table.oid);
}

RowMaker& RowMaker::New() {
  out_->push_back(nothing_);
  return *this;
}

RowMaker& RowMaker::Set(absl::string_view column, Datum value) {
  auto it = columns_.find(column);
  ISO_CHECK(it != columns_.end(), "a column that the table does not have");
  out_->back()[it->second] = std::move(value);
  return *this;
}

MakeRows RowsOfPgCatalog(absl::string_view table) {
  static const auto* makers = [] {
    auto* out = new catalog_rows::Makers;
    catalog_rows::AddRelations(out);
    catalog_rows::AddTypes(out);
    catalog_rows::AddServer(out);
    catalog_rows::AddViews(out);
    catalog_rows::AddFunctions(out);
    return out;
  }();
  return Find(*makers, table);
}

MakeRows RowsOfInformationSchema(absl::string_view table) {
  static const auto* makers = [] {
    auto* out = new catalog_rows::Makers;
    catalog_rows::AddInformation(out);
    return out;
  }();
  return Find(*makers, table);
}

Datum VectorOf(const std::vector<int64_t>& values) {
  ArrayValue out;
  for (int64_t v : values) out.elements.push_back(Datum::Int(v));
  if (!values.empty()) out.dims = {{static_cast<int32_t>(values.size()), 0}};
  return ArrayDatum(out);
}

Datum TextArray(const std::vector<std::string>& values) {
  std::vector<Datum> out;
  for (const std::string& v : values) out.push_back(Datum::String(v));
  return ArrayDatum(MakeVector(std::move(out)));
}

}  // namespace isochron::sql
