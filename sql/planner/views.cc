// SPDX-License-Identifier: Apache-2.0
//
// Views: their text is planned anew where they are named, as a query in FROM.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/full_name.h"
#include "sql/parser/parser.h"
#include "sql/pg_catalog/oids.h"
#include "sql/planner/builder.h"
#include "sql/types/error.h"
#include "sql/types/type_info.h"

namespace isochron::sql {

absl::StatusOr<std::vector<ast::TableName>> TablesOfView(const TableDescriptor& view) {
  ISO_ASSIGN_OR_RETURN(const std::vector<ast::Statement> parsed, Parse(view.view_sql));
  if (parsed.size() != 1) return absl::DataLossError("the text of a view cannot be read");
  std::vector<ast::TableName> names = TablesOf(parsed[0]);
  for (ast::TableName& name : names) {
    if (name.schema.empty()) name.schema = kPublicSchema;
  }
  return names;
}

namespace planner {

TypeNames TypesAmong(const std::map<std::string, TablePtr>& tables, bool in_view) {
  TypeNames out;
  for (const auto& [written, description] : tables) {
    if (!description->is_enum()) continue;
    const bool bare = written[0] == '.';
    const std::string schema = SchemaIn(written);
    const Type type = EnumTypeOf(*description);
    if (!IsReady(type)) continue;
    if (!bare) out[{schema, LocalName(written)}] = type;
    // A view's text says the schema of all that does not lie in public.
    if (bare && !in_view) out[{"", written.substr(1)}] = type;
    if (!bare && in_view && schema == kPublicSchema) out[{"", LocalName(written)}] = type;
  }
  return out;
}

namespace {

constexpr int kMaxViewDepth = 50;

// Positions within a view's text say nothing about the statement's.
absl::Status InView(const absl::Status& status, const std::string& view, int position) {
  const std::string state = SqlStateOf(status);
  if (state != sqlstate::kUndefinedColumn && state != sqlstate::kUndefinedFunction &&
      state != sqlstate::kDatatypeMismatch) {
    return SqlError(state, status.message(), position, HintOf(status));
  }
  return SqlError(state, absl::StrCat(status.message(), " (in view \"", view, "\")"), position,
                  "What the view reads was changed: replace it by CREATE OR REPLACE VIEW.");
}

}  // namespace

bool Builder::Unseen(const TableDescriptor& table, const ColumnDescriptor& column) const {
  if (column.hidden) return true;
  if (view_ == nullptr) return false;
  for (const Dependency& d : view_->depends_on) {
    if (d.relation == table.id) return column.id >= d.next_column_id;
  }
  return false;
}

absl::StatusOr<PlanNodePtr> Builder::View(const ast::FromItem& item, TablePtr view,
                                          ScopeTable* table) {
  if (view_depth_ >= kMaxViewDepth) {
    return SqlError("54001", absl::StrCat("views lie more than ", kMaxViewDepth, " deep"),
                    item.table.position);
  }
  ISO_ASSIGN_OR_RETURN(std::vector<ast::Statement> parsed, Parse(view->view_sql));
  auto* select = parsed.size() == 1 ? std::get_if<ast::Select>(&parsed[0].node) : nullptr;
  if (select == nullptr) return absl::DataLossError("the text of a view cannot be read");
  view_texts_.push_back(std::make_unique<ast::Select>(std::move(*select)));
  const TableDescriptor* const around = std::exchange(view_, view.get());
  ++view_depth_;
  auto plan = Select(*view_texts_.back(), Around{nullptr, true, false});
  --view_depth_;
  view_ = around;
  if (!plan.ok()) return InView(plan.status(), view->local_name(), item.table.position);
  if (columns.size() < view->columns.size()) {
    return InView(SqlError(sqlstate::kUndefinedColumn, "columns are missing"), view->local_name(),
                  item.table.position);
  }
  table->name = item.table.alias.empty() ? view->local_name() : item.table.alias;
  for (size_t i = 0; i < columns.size(); ++i) {
    ScopeColumn c;
    c.type = columns[i].type;
    c.typmod = columns[i].typmod;
    if (i < view->columns.size()) {
      c.table = TableOid(view->id);
      c.column = view->columns[i].id;
      c.name = view->columns[i].name;
      c.hidden = Unseen(*view, view->columns[i]);
    } else {
      c.hidden = true;
    }
    table->columns.push_back(std::move(c));
  }
  auto node = std::make_unique<SubqueryScanPlan>();
  node->name = table->name;
  node->child = *std::move(plan);
  return PlanNodePtr(std::move(node));
}

}  // namespace planner
}  // namespace isochron::sql
