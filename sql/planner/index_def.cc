// SPDX-License-Identifier: Apache-2.0
#include "sql/planner/index_def.h"

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/types/error.h"

namespace isochron::sql {

absl::StatusOr<IndexDescriptor> MakeUnique(const ast::UniqueConstraint& unique,
                                           const TableDescriptor& table) {
  IndexDescriptor index;
  index.name = unique.name;
  index.unique = true;
  index.constraint = true;
  for (const std::string& name : unique.columns) {
    const int column = table.FindColumn(name);
    if (column < 0) {
      return SqlError(sqlstate::kUndefinedColumn,
                      absl::StrCat("column \"", name, "\" named in key does not exist"),
                      unique.position);
    }
    for (const IndexColumn& other : index.columns) {
      if (other.column != static_cast<uint32_t>(column)) continue;
      return SqlError(sqlstate::kDuplicateColumn,
                      absl::StrCat("column \"", name, "\" appears twice in unique constraint"),
                      unique.position);
    }
    index.columns.push_back({static_cast<uint32_t>(column), false, false});
  }
  for (const std::string& name : unique.include) {
    const int column = table.FindColumn(name);
    if (column < 0) {
      return SqlError(sqlstate::kUndefinedColumn,
                      absl::StrCat("column \"", name, "\" named in key does not exist"),
                      unique.position);
    }
    index.include.push_back(static_cast<uint32_t>(column));
  }
  return index;
}

absl::StatusOr<IndexDescriptor> MakeIndex(const ast::CreateIndex& create,
                                          const TableDescriptor& table) {
  IndexDescriptor index;
  index.name = create.name;
  index.unique = create.unique;
  auto find = [&](const std::string& name) -> absl::StatusOr<uint32_t> {
    const int column = table.FindColumn(name);
    if (column >= 0) return static_cast<uint32_t>(column);
    return SqlError(sqlstate::kUndefinedColumn,
                    absl::StrCat("column \"", name, "\" does not exist"));
  };
  for (const ast::IndexElement& element : create.columns) {
    ISO_ASSIGN_OR_RETURN(uint32_t column, find(element.column));
    index.columns.push_back({column, element.descending, element.nulls_first});
  }
  for (const std::string& name : create.include) {
    ISO_ASSIGN_OR_RETURN(uint32_t column, find(name));
    index.include.push_back(column);
  }
  return index;
}

}  // namespace isochron::sql
