// SPDX-License-Identifier: Apache-2.0
#include "sql/planner/planner.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/full_name.h"
#include "sql/pg_catalog/columns.h"
#include "sql/planner/builder.h"
#include "sql/planner/definitions.h"
#include "sql/planner/index_def.h"
#include "sql/types/array.h"
#include "sql/types/error.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
bool IsVirtualSchema(const std::string& schema) {
  return schema == "isochron" || schema == "information_schema" || schema == "pg_catalog";
}

std::string VirtualSchemaOf(const ast::TableName& name) {
  if (IsVirtualSchema(name.schema)) return name.schema;
  const bool catalog = name.schema.empty() && FindCatalogTable("", name.name) != nullptr;
  return catalog ? "pg_catalog" : "";
}

std::string WrittenName(const ast::TableName& name) {
  return name.schema.empty() ? absl::StrCat(".", name.name) : FullName(name.schema, name.name);
}

std::string FullNameOf(const ast::TableName& name) { return FullName(name.schema, name.name); }

absl::StatusOr<Plan> MakePlan(const ast::Statement& statement,
                              const std::map<std::string, TablePtr>& tables,
                              std::vector<Type> params) {
  Plan plan;
  plan.params = std::move(params);
  plan.params.resize(std::max(plan.params.size(), static_cast<size_t>(statement.param_count)),
                     Type::kUnknown);
  std::set<TableId> known;
  for (const auto& [written, table] : tables) {
    if (!known.insert(table->id).second) continue;
    plan.tables.push_back({table->name, table->id, table->version});
    plan.descriptors.push_back(table);
  }
  planner::Builder builder(tables, &plan);
  absl::StatusOr<PlanNodePtr> root;
  if (const auto* select = std::get_if<ast::Select>(&statement.node)) {
    plan.kind = StatementKind::kSelect;
    plan.for_update = select->for_update;
    root = builder.Select(*select, planner::Around());
  } else if (const auto* insert = std::get_if<ast::Insert>(&statement.node)) {
    plan.kind = StatementKind::kInsert;
    root = builder.Insert(*insert);
  } else if (const auto* update = std::get_if<ast::Update>(&statement.node)) {
    plan.kind = StatementKind::kUpdate;
    root = builder.Update(*update);
  } else if (const auto* del = std::get_if<ast::Delete>(&statement.node)) {
    plan.kind = StatementKind::kDelete;
    root = builder.Delete(*del);
  } else if (const auto* merge = std::get_if<ast::Merge>(&statement.node)) {
    plan.kind = StatementKind::kMerge;
    root = builder.Merge(*merge);
  } else {
    return SqlError(sqlstate::kUnsupported, "this statement has no plan");
  }
  if (!root.ok()) return root.status();
  plan.root = *std::move(root);
  planner::CoverByIndexes(plan.root.get());
  for (SubPlan& sub : plan.subqueries) planner::CoverByIndexes(sub.root.get());
  for (SubPlan& cte : plan.ctes) planner::CoverByIndexes(cte.root.get());
  plan.registers = builder.registers();
  plan.columns = std::move(builder.columns);
  for (Type& t : plan.params) {
    if (t == Type::kUnknown) t = Type::kText;
  }
  return plan;
}

absl::Status CheckKeyType(const ColumnDescriptor& column, int position) {
  const Type type = column.type;
  if (!IsArrayType(type) && type != Type::kJson && type != Type::kJsonb) return absl::OkStatus();
  return SqlError(
      sqlstate::kUnsupported,
      absl::StrCat("a primary key over a column of type ", TypeName(type), " is not supported yet"),
      position);
}

absl::StatusOr<TableDescriptor> MakeDescriptor(const ast::CreateTable& create) {
  TableDescriptor table;
  table.name = FullName(create.table.schema, create.table.name);
  if (SchemaIn(table.name) != kPublicSchema) table.schema = SchemaIn(table.name);
  std::vector<std::pair<std::string, int>> key = create.primary_key;
  for (const ast::ColumnDef& def : create.columns) {
    if (table.FindColumn(def.name) >= 0) {
      return SqlError(sqlstate::kDuplicateColumn,
                      absl::StrCat("column \"", def.name, "\" specified more than once"),
                      def.position);
    }
    ColumnDescriptor c;
    c.id = table.next_column_id++;
    c.name = def.name;
    ISO_ASSIGN_OR_RETURN(
        const ResolvedType type,
        ResolveTypeName(def.type, def.type_modifiers, def.type_position, &create.types));
    c.type = type.type;
    c.typmod = type.typmod;
    c.not_null = def.not_null;
    if (c.type == Type::kUnknown) {
      return SqlError(sqlstate::kInvalidTableDefinition,
                      absl::StrCat("column \"", c.name, "\" has pseudo-type unknown"),
                      def.type_position);
    }
    if (def.default_value != nullptr) {
      ISO_RETURN_IF_ERROR(DefineDefault(*def.default_value, def.default_sql, &c));
    }
    if (def.primary_key) {
      if (!key.empty()) {
        return SqlError(sqlstate::kInvalidTableDefinition,
                        absl::StrCat("multiple primary keys for table \"", create.table.name,
                                     "\" are not allowed"),
                        def.position);
      }
      key.emplace_back(def.name, def.position);
    }
    table.columns.push_back(std::move(c));
  }
  // Those that come from others may come from any, before or behind them.
  for (size_t i = 0; i < create.columns.size(); ++i) {
    if (create.columns[i].generated != nullptr) {
      table.columns[i].generated_sql = create.columns[i].generated_sql;
    }
  }
  for (size_t i = 0; i < create.columns.size(); ++i) {
    if (create.columns[i].generated == nullptr) continue;
    ISO_RETURN_IF_ERROR(DefineGenerated(create.columns[i], &table, i));
  }
  for (const ast::Check& check : create.checks) {
    ISO_RETURN_IF_ERROR(DefineCheck(check, &table));
  }
  table.key_name = create.primary_key_name;
  for (const auto& [name, position] : key) {
    const int column = table.FindColumn(name);
    if (column < 0) {
      return SqlError(sqlstate::kUndefinedColumn,
                      absl::StrCat("column \"", name, "\" named in key does not exist"), position);
    }
    if (table.KeyPosition(static_cast<uint32_t>(column)) >= 0) {
      return SqlError(sqlstate::kDuplicateColumn,
                      absl::StrCat("column \"", name, "\" appears twice in primary key constraint"),
                      position);
    }
    ISO_RETURN_IF_ERROR(CheckKeyType(table.columns[static_cast<size_t>(column)], position));
    table.columns[static_cast<size_t>(column)].not_null = true;
    table.key.push_back(static_cast<uint32_t>(column));
  }
  if (table.key.empty()) {
    ColumnDescriptor c;
    c.id = table.next_column_id++;
    c.name = "rowid";
    c.type = Type::kInt8;
    c.not_null = true;
    c.hidden = true;
    table.key.push_back(static_cast<uint32_t>(table.columns.size()));
    table.columns.push_back(std::move(c));
  }
  for (const ast::UniqueConstraint& unique : create.uniques) {
    ISO_ASSIGN_OR_RETURN(IndexDescriptor index, MakeUnique(unique, table));
    index.id = table.next_index_id++;
    table.indexes.push_back(std::move(index));
  }
  return table;
}

}  // namespace isochron::sql
