// SPDX-License-Identifier: Apache-2.0
//
// Foreign keys as statements describe them, checked against both tables.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status_macros.h"
#include "sql/binder/cast.h"
#include "sql/planner/definitions.h"
#include "sql/planner/index_def.h"
#include "sql/types/error.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

bool IsUniqueKey(const TableDescriptor& table, std::vector<uint32_t> columns) {
  std::sort(columns.begin(), columns.end());
  std::vector<uint32_t> key = table.key;
  std::sort(key.begin(), key.end());
  if (key == columns) return true;
  for (const IndexDescriptor& index : table.indexes) {
    std::vector<uint32_t> unique;
    for (const IndexColumn& c : index.columns) unique.push_back(c.column);
    std::sort(unique.begin(), unique.end());
    if (table.IsKey(index) && index.state == IndexState::kPublic && unique == columns) return true;
  }
  return false;
}

// "t_a_b_fkey", or with a number where the table has it.
std::string ForeignKeyName(const TableDescriptor& child, const std::vector<std::string>& columns) {
  const std::string part = absl::StrJoin(columns, "_");
  std::string name = ObjectName(child.local_name(), part, "fkey");
  for (int n = 1; child.FindForeignKey(name) != nullptr; ++n) {
    name = ObjectName(child.local_name(), part, absl::StrCat("fkey", n));
  }
  return name;
}

}  // namespace

absl::Status CheckKeyTypes(const std::string& name, const ColumnDescriptor& from,
                           const ColumnDescriptor& to) {
  if (from.type == to.type || CanCoerce(from.type, to.type, CastContext::kImplicit) ||
      CanCoerce(to.type, from.type, CastContext::kImplicit)) {
    return absl::OkStatus();
  }
  return WithFields(
      SqlError(sqlstate::kDatatypeMismatch,
               absl::StrCat("foreign key constraint \"", name, "\" cannot be implemented")),
      {absl::StrCat("Key columns \"", from.name, "\" and \"", to.name,
                    "\" are of incompatible types: ", TypeName(from.type), " and ",
                    TypeName(to.type), ".")});
}

absl::StatusOr<ForeignKey> MakeForeignKey(const ast::ForeignKeyConstraint& key,
                                          const TableDescriptor& child,
                                          const TableDescriptor& parent) {
  ForeignKey out;
  out.name = key.name.empty() ? ForeignKeyName(child, key.columns) : key.name;
  if (child.FindForeignKey(out.name) != nullptr) {
    return SqlError(sqlstate::kDuplicateObject,
                    absl::StrCat("constraint \"", out.name, "\" for relation \"",
                                 child.local_name(), "\" already exists"));
  }
  std::vector<uint32_t> referenced;
  auto find = [](const TableDescriptor& table, const std::string& name,
                 std::vector<uint32_t>* to) -> absl::Status {
    const int column = table.FindColumn(name);
    if (column < 0) {
      return SqlError(sqlstate::kUndefinedColumn,
                      absl::StrCat("column \"", name,
                                   "\" referenced in foreign key constraint does not exist"));
    }
    to->push_back(static_cast<uint32_t>(column));
    return absl::OkStatus();
  };
  for (const std::string& name : key.columns) {
    ISO_RETURN_IF_ERROR(find(child, name, &out.columns));
  }
  for (const std::string& name : key.parent_columns) {
    ISO_RETURN_IF_ERROR(find(parent, name, &referenced));
  }
  if (key.parent_columns.empty()) {
    if (parent.has_hidden_key()) {
      return SqlError("42830", absl::StrCat("there is no primary key for referenced table \"",
                                            parent.local_name(), "\""));
    }
    referenced = parent.key;
  }
  if (referenced.size() != out.columns.size()) {
    return SqlError("42830",
                    "number of referencing and referenced columns for foreign key disagree");
  }
  if (!IsUniqueKey(parent, referenced)) {
    return SqlError("42830", absl::StrCat("there is no unique constraint matching given keys for "
                                          "referenced table \"",
                                          parent.local_name(), "\""));
  }
  for (size_t i = 0; i < referenced.size(); ++i) {
    const ColumnDescriptor& from = child.columns[out.columns[i]];
    const ColumnDescriptor& to = parent.columns[referenced[i]];
    ISO_RETURN_IF_ERROR(CheckKeyTypes(out.name, from, to));
    out.parent_columns.push_back(to.id);
  }
  out.parent = parent.id;
  out.parent_name = parent.name;
  out.on_delete = static_cast<ForeignKeyAction>(key.on_delete);
  out.on_update = static_cast<ForeignKeyAction>(key.on_update);
  out.match_full = key.match_full;
  out.deferrable = key.deferrable;
  out.deferred = key.deferred;
  out.validated = false;
  return out;
}

}  // namespace isochron::sql
