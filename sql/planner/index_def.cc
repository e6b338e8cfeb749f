// SPDX-License-Identifier: Apache-2.0
#include "sql/planner/index_def.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/binder.h"
#include "sql/planner/builder.h"
#include "sql/planner/definitions.h"
#include "sql/planner/index_rules.h"
#include "sql/types/error.h"
#include "sql/types/type_info.h"

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

namespace {

absl::Status Immutable(const Expr& e, absl::string_view where) {
  if (IsImmutable(e)) return absl::OkStatus();
  return SqlError(sqlstate::kInvalidObjectDefinition,
                  absl::StrCat("functions in ", where, " must be marked IMMUTABLE"));
}

// A hidden column for the values of an expression, called as PostgreSQL calls the index's.
absl::StatusOr<uint32_t> AddComputed(const ast::IndexElement& element,
                                     const std::vector<std::string>& taken,
                                     TableDescriptor* table) {
  ISO_RETURN_IF_ERROR(RefuseSubquery(*element.expression, "index expression"));
  const Scope scope = planner::TableScope(*table, "");
  const TypeNames types = TypesIn(*table);
  Binder binder(&scope, nullptr, nullptr, "index expressions");
  binder.Types(&types);
  ISO_ASSIGN_OR_RETURN(const ExprPtr e, binder.BindOutput(*element.expression));
  ISO_RETURN_IF_ERROR(Immutable(*e, "index expression"));
  ColumnDescriptor column;
  column.type = e->type;
  column.hidden = true;
  column.computed_sql = element.sql;
  const std::string base = planner::OutputName(*element.expression);
  column.name = base == "?column?" ? "expr" : base;
  for (int n = 1; std::find(taken.begin(), taken.end(), column.name) != taken.end(); ++n) {
    column.name = absl::StrCat(base == "?column?" ? "expr" : base, n);
  }
  column.id = table->next_column_id++;
  table->columns.push_back(std::move(column));
  return static_cast<uint32_t>(table->columns.size() - 1);
}

absl::Status CheckIndexed(const ColumnDescriptor& column) {
  if (column.type != Type::kJson) return absl::OkStatus();
  return SqlError(sqlstate::kUndefinedObject,
                  absl::StrCat("data type ", TypeName(column.type),
                               " has no default operator class for access method \"btree\""),
                  -1,
                  "You must specify an operator class for the index or define a default operator "
                  "class for the data type.");
}

}  // namespace

absl::StatusOr<IndexDescriptor> MakeIndex(const ast::CreateIndex& create, TableDescriptor* table) {
  IndexDescriptor index;
  index.name = create.name;
  index.unique = create.unique;
  auto find = [&](const std::string& name) -> absl::StatusOr<uint32_t> {
    const int column = table->FindColumn(name);
    if (column >= 0) return static_cast<uint32_t>(column);
    return SqlError(sqlstate::kUndefinedColumn,
                    absl::StrCat("column \"", name, "\" does not exist"));
  };
  if (create.predicate != nullptr) {
    ISO_RETURN_IF_ERROR(RefuseSubquery(*create.predicate, "index predicate"));
    const Scope scope = planner::TableScope(*table, "");
    const TypeNames types = TypesIn(*table);
    Binder binder(&scope, nullptr, nullptr, "index predicates");
    binder.Types(&types);
    ISO_ASSIGN_OR_RETURN(const ExprPtr e, binder.BindAs(*create.predicate, Type::kBool, "WHERE"));
    ISO_RETURN_IF_ERROR(Immutable(*e, "index predicate"));
    index.predicate_sql = create.predicate_sql;
  }
  std::vector<std::string> names;
  for (const ast::IndexElement& element : create.columns) {
    uint32_t column;
    if (element.expression != nullptr) {
      ISO_ASSIGN_OR_RETURN(column, AddComputed(element, names, table));
    } else {
      ISO_ASSIGN_OR_RETURN(column, find(element.column));
    }
    ISO_RETURN_IF_ERROR(CheckIndexed(table->columns[column]));
    names.push_back(table->columns[column].name);
    index.columns.push_back({column, element.descending, element.nulls_first});
  }
  for (const std::string& name : create.include) {
    ISO_ASSIGN_OR_RETURN(uint32_t column, find(name));
    index.include.push_back(column);
  }
  return index;
}

}  // namespace isochron::sql
