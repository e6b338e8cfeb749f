// SPDX-License-Identifier: Apache-2.0
//
// Functions that give rows, as tools that read the catalog call them.
#include <string>
#include <utility>
#include <vector>

#include "sql/binder/set_functions.h"
#include "sql/parser/keywords.h"
#include "sql/types/array.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

using Source = absl::StatusOr<std::unique_ptr<SetSource>>;

const char* Description(char category) {
  switch (category) {
    case 'C':
      return "unreserved (cannot be function or type name)";
    case 'T':
      return "reserved (can be function or type name)";
    case 'R':
      return "reserved";
    default:
      return "unreserved";
  }
}

Source KeywordRows(const EvalContext&, const Datum*, size_t) {
  std::vector<Row> rows;
  for (const Keyword& k : Keywords()) {
    rows.push_back(Row{Datum::String(k.word), Datum::String(std::string(1, k.category)),
                       Datum::Bool(k.bare_label), Datum::String(Description(k.category)),
                       Datum::String(k.bare_label ? "can be bare label" : "requires AS")});
  }
  return SourceOf(std::move(rows));
}

// Each element and its place, from 1.
Source Numbered(const EvalContext&, const Datum* a, size_t) {
  if (a[0].shape() != Datum::Shape::kArray) {
    return SqlError(sqlstate::kUndefinedFunction, "the function takes an array");
  }
  std::vector<Row> rows;
  ArrayReader in(a[0].string_value());
  for (Datum d; in.Next(&d);) {
    rows.push_back(Row{std::move(d), Datum::Int(static_cast<int64_t>(rows.size()) + 1)});
  }
  return SourceOf(std::move(rows));
}

// No table has partitions, and none is one: as PostgreSQL says of such.
Source NoPartitions(const EvalContext&, const Datum*, size_t) { return SourceOf({}); }

}  // namespace

namespace set_function_groups {

void AddCatalog(std::vector<SetFunction>* out) {
  constexpr Type kT = Type::kText;
  SetFunction keywords;
  keywords.signature = {"pg_get_keywords", {}, kT, nullptr};
  keywords.open = KeywordRows;
  keywords.columns = {{"word", kT},
                      {"catcode", Type::kChar},
                      {"barelabel", Type::kBool},
                      {"catdesc", kT},
                      {"baredesc", kT}};
  out->push_back(std::move(keywords));
  for (Type element : {Type::kInt2, Type::kInt4, Type::kInt8, Type::kText, Type::kOid}) {
    SetFunction f;
    f.signature = {"_pg_expandarray", {ArrayOf(element)}, element, nullptr};
    f.open = Numbered;
    f.columns = {{"x", element}, {"n", Type::kInt4}};
    out->push_back(std::move(f));
  }
  SetFunction ancestors;
  ancestors.signature = {"pg_partition_ancestors", {Type::kRegclass}, Type::kRegclass, nullptr};
  ancestors.open = NoPartitions;
  ancestors.columns = {{"relid", Type::kRegclass}};
  out->push_back(std::move(ancestors));
  SetFunction f;
  f.signature = {"_pg_expandarray", {Type::kInt2Vector}, Type::kInt2, nullptr};
  f.open = Numbered;
  f.columns = {{"x", Type::kInt2}, {"n", Type::kInt4}};
  out->push_back(std::move(f));
}

}  // namespace set_function_groups

}  // namespace isochron::sql
