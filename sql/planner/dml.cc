// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/layout.h"
#include "sql/catalog/row_codec.h"
#include "sql/planner/builder.h"
#include "sql/types/error.h"

namespace isochron::sql::planner {
namespace {

absl::Status NoColumn(const std::string& column, const TableDescriptor& table, int position) {
  return SqlError(sqlstate::kUndefinedColumn,
                  absl::StrCat("column \"", column, "\" of relation \"", table.local_name(),
                               "\" does not exist"),
                  position);
}

}  // namespace

absl::StatusOr<std::vector<ExprPtr>> Builder::Returning(const std::vector<ast::SelectItem>& items,
                                                        const Scope& scope) {
  ISO_ASSIGN_OR_RETURN(std::vector<Output> outputs, Outputs(items, scope, nullptr, "RETURNING"));
  std::vector<ExprPtr> exprs;
  columns.clear();
  for (Output& o : outputs) {
    DeferFor(o.expr.get());
    columns.push_back(o.Info());
    exprs.push_back(std::move(o.expr));
  }
  return exprs;
}

void Builder::DeferFor(const Expr* e) {
  plan_->defers_writes = plan_->defers_writes || (e != nullptr && HasSubquery(*e));
}

absl::StatusOr<std::vector<std::pair<int, ExprPtr>>> Builder::Assignments(
    const std::vector<ast::Assignment>& set, const TableDescriptor& table, const Scope& scope,
    bool on_conflict) {
  std::vector<std::pair<int, ExprPtr>> out;
  Binder binder(&scope, &plan_->params, nullptr, on_conflict ? "ON CONFLICT" : "UPDATE");
  binder.Allow(this);
  for (const ast::Assignment& a : set) {
    const int column = table.FindColumn(a.column);
    if (column < 0) return NoColumn(a.column, table, a.position);
    for (const auto& other : out) {
      if (other.first == column) {
        return SqlError(sqlstate::kSyntaxError,
                        absl::StrCat("multiple assignments to same column \"", a.column, "\""),
                        a.position);
      }
    }
    const ColumnDescriptor& c = table.columns[static_cast<size_t>(column)];
    if (a.value->kind == ast::ExprKind::kDefault) {
      ISO_ASSIGN_OR_RETURN(ExprPtr value, DefaultExpr(c));
      out.emplace_back(column, value ? std::move(value) : MakeConst(c.type, Datum::Null()));
      continue;
    }
    ISO_RETURN_IF_ERROR(RefuseGenerated(c, std::nullopt, a.position));
    ISO_ASSIGN_OR_RETURN(ExprPtr value, binder.BindAssignment(*a.value, c.name, c.type, c.typmod));
    if (on_conflict) DeferFor(value.get());
    out.emplace_back(column, std::move(value));
  }
  return out;
}

absl::StatusOr<PlanNodePtr> Builder::InsertSource(const ast::Insert& insert, const TablePtr& table,
                                                  const std::vector<int>& targets) {
  auto width_error = [&](size_t got) {
    return got > targets.size()
               ? SqlError(sqlstate::kSyntaxError, "INSERT has more expressions than target columns",
                          insert.table.position)
               : SqlError(sqlstate::kSyntaxError, "INSERT has more target columns than expressions",
                          insert.table.position);
  };
  const std::vector<std::vector<ast::ExprPtr>>& rows = insert.source->values;
  if (rows.empty() || !insert.source->order_by.empty() || insert.source->limit != nullptr ||
      insert.source->offset != nullptr) {
    ISO_ASSIGN_OR_RETURN(PlanNodePtr source, Select(*insert.source, Around{nullptr, false, true}));
    if (columns.size() > targets.size() ||
        (columns.size() < targets.size() && !insert.columns.empty())) {
      return width_error(columns.size());
    }
    auto project = std::make_unique<ProjectPlan>();
    Scope nothing;
    Binder binder(&nothing, &plan_->params, nullptr, "INSERT");
    for (size_t i = 0; i < columns.size(); ++i) {
      const ColumnDescriptor& c = table->columns[static_cast<size_t>(targets[i])];
      ISO_RETURN_IF_ERROR(RefuseGenerated(c, insert.overriding, -1));
      if (columns[i].type == Type::kUnknown) {
        columns[i].type = c.type;
        ISO_RETURN_IF_ERROR(SetColumnType(source.get(), i, columns[i].type, &binder));
      }
      ISO_ASSIGN_OR_RETURN(
          ExprPtr e, binder.ToAssignment(MakeColumn(static_cast<int>(i), columns[i].type), c.name,
                                         c.type, c.typmod));
      project->exprs.push_back(std::move(e));
    }
    project->child = std::move(source);
    return PlanNodePtr(std::move(project));
  }
  auto values = std::make_unique<ValuesPlan>();
  Scope scope;
  Binder binder(&scope, &plan_->params, nullptr, "VALUES");
  binder.Allow(this);
  const size_t width = rows[0].size();
  if (width > targets.size() || (width < targets.size() && !insert.columns.empty())) {
    return width_error(width);
  }
  for (const auto& row : rows) {
    if (row.size() != width) {
      return SqlError(sqlstate::kSyntaxError, "VALUES lists must all be the same length",
                      row.empty() ? -1 : row[0]->position);
    }
    std::vector<ExprPtr> out;
    for (size_t i = 0; i < width; ++i) {
      const ColumnDescriptor& c = table->columns[static_cast<size_t>(targets[i])];
      ExprPtr e;
      if (row[i]->kind == ast::ExprKind::kDefault) {
        ISO_ASSIGN_OR_RETURN(e, DefaultExpr(c));
        if (e == nullptr) e = MakeConst(c.type, Datum::Null());
      } else {
        ISO_RETURN_IF_ERROR(RefuseGenerated(c, insert.overriding, row[i]->position));
        ISO_ASSIGN_OR_RETURN(e, binder.BindAssignment(*row[i], c.name, c.type, c.typmod));
      }
      out.push_back(std::move(e));
    }
    values->rows.push_back(std::move(out));
  }
  return PlanNodePtr(std::move(values));
}

namespace {

// Whether DO UPDATE leaves nothing of the row that stands: each column outside the key is set to
// the new row's.
bool Overwrites(const InsertPlan& insert) {
  if (insert.conflict != InsertPlan::Conflict::kUpdate || insert.where != nullptr) return false;
  const TableDescriptor& table = *insert.table;
  // Entries of the row that stood would have to go.
  if (!table.indexes.empty() || !table.foreign_keys.empty() || !table.referencing.empty()) {
    return false;
  }
  std::set<int> left;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const bool computed = !table.columns[i].generated_sql.empty();
    if (!computed && table.KeyPosition(static_cast<uint32_t>(i)) < 0) {
      left.insert(static_cast<int>(i));
    }
  }
  for (const auto& [column, value] : insert.set) {
    const int excluded = static_cast<int>(table.columns.size()) + column;
    if (value->kind != ExprKind::kColumn || value->index != excluded) return false;
    left.erase(column);
  }
  return left.empty();
}

}  // namespace

absl::Status Builder::InsertConflict(const ast::Insert& insert, const TablePtr& table,
                                     InsertPlan* node) {
  const ast::OnConflict& conflict = *insert.on_conflict;
  if (!conflict.columns.empty() || !conflict.expressions.empty() || !conflict.constraint.empty()) {
    ISO_ASSIGN_OR_RETURN(node->arbiter, Arbiter(conflict, *table, node->rules.indexes));
    node->any_arbiter = false;
  }
  if (!node->any_arbiter) Need(table, kRightSelect);
  node->conflict = InsertPlan::Conflict::kNothing;
  if (!conflict.update) return absl::OkStatus();
  Need(table, kRightUpdate);
  if (node->any_arbiter) {
    return SqlError(sqlstate::kSyntaxError,
                    "ON CONFLICT DO UPDATE requires inference specification or constraint name",
                    conflict.position, "For example, ON CONFLICT (column_name).");
  }
  node->conflict = InsertPlan::Conflict::kUpdate;
  Scope scope = TableScope(*table, insert.table.alias);
  Scope excluded = TableScope(*table, "excluded");
  excluded.tables[0].offset = static_cast<int>(table->columns.size());
  excluded.tables[0].qualified_only = true;
  scope.tables.push_back(std::move(excluded.tables[0]));
  ISO_ASSIGN_OR_RETURN(node->set, Assignments(conflict.set, *table, scope, true));
  for (const auto& [column, value] : node->set) NeedIfRead(table, value.get());
  // What ORMs say of every column: the row that is met has that key.
  std::erase_if(node->set, [&](const auto& assignment) {
    const auto& [column, value] = assignment;
    return node->arbiter == kPrimaryIndex &&
           table->KeyPosition(static_cast<uint32_t>(column)) >= 0 &&
           value->kind == ExprKind::kColumn &&
           value->index == column + static_cast<int>(table->columns.size()) &&
           KeyPartIsExact(table->columns[static_cast<size_t>(column)].type);
  });
  for (const auto& [column, value] : node->set) {
    if (table->KeyPosition(static_cast<uint32_t>(column)) >= 0) {
      return SqlError(sqlstate::kUnsupported,
                      "ON CONFLICT DO UPDATE of a primary key column is not supported yet",
                      conflict.position);
    }
  }
  if (conflict.where != nullptr) {
    Binder binder(&scope, &plan_->params, nullptr, "ON CONFLICT");
    binder.Allow(this);
    ISO_ASSIGN_OR_RETURN(node->where, binder.BindAs(*conflict.where, Type::kBool, "WHERE"));
    DeferFor(node->where.get());
    NeedIfRead(table, node->where.get());
  }
  return absl::OkStatus();
}

absl::StatusOr<PlanNodePtr> Builder::Insert(const ast::Insert& insert) {
  ISO_ASSIGN_OR_RETURN(TablePtr table, FindTable(insert.table));
  ISO_RETURN_IF_ERROR(CheckWritable(*table, "insert into"));
  Need(table, kRightInsert);
  ISO_RETURN_IF_ERROR(TopCtes(insert.ctes));
  std::vector<int> targets;
  for (const auto& [name, position] : insert.columns) {
    const int column = table->FindColumn(name);
    if (column < 0) return NoColumn(name, *table, position);
    if (std::find(targets.begin(), targets.end(), column) != targets.end()) {
      return SqlError(sqlstate::kDuplicateColumn,
                      absl::StrCat("column \"", name, "\" specified more than once"), position);
    }
    targets.push_back(column);
  }
  if (insert.columns.empty()) {
    for (size_t i = 0; i < table->columns.size(); ++i) {
      if (!table->columns[i].hidden) targets.push_back(static_cast<int>(i));
    }
  }
  auto node = std::make_unique<InsertPlan>();
  node->table = table;
  node->source.assign(table->columns.size(), -1);
  if (insert.source != nullptr) {
    ISO_ASSIGN_OR_RETURN(node->child, InsertSource(insert, table, targets));
    const size_t width = node->child->kind == PlanKind::kValues
                             ? static_cast<ValuesPlan&>(*node->child).rows[0].size()
                             : static_cast<ProjectPlan&>(*node->child).exprs.size();
    for (size_t i = 0; i < width; ++i) {
      const auto target = static_cast<size_t>(targets[i]);
      const bool ignored = insert.overriding == ast::Insert::Overriding::kUser &&
                           table->columns[target].identity != Identity::kNone;
      if (!ignored) node->source[target] = static_cast<int>(i);
    }
  } else {
    auto values = std::make_unique<ValuesPlan>();
    values->rows.emplace_back();
    node->child = std::move(values);
  }
  for (size_t i = 0; i < table->columns.size(); ++i) {
    ExprPtr value;
    if (node->source[i] < 0) {
      ISO_ASSIGN_OR_RETURN(value, DefaultExpr(table->columns[i]));
    }
    node->defaults.push_back(std::move(value));
  }
  ISO_ASSIGN_OR_RETURN(node->rules, BindRules(*table));
  if (insert.on_conflict.has_value()) {
    ISO_RETURN_IF_ERROR(InsertConflict(insert, table, node.get()));
    node->overwrites = Overwrites(*node);
  }
  ISO_ASSIGN_OR_RETURN(node->returning,
                       Returning(insert.returning, TableScope(*table, insert.table.alias)));
  NeedIfRead(table, node->returning);
  return PlanNodePtr(std::move(node));
}

absl::StatusOr<PlanNodePtr> Builder::Update(const ast::Update& update) {
  ISO_ASSIGN_OR_RETURN(TablePtr table, FindTable(update.table));
  ISO_RETURN_IF_ERROR(CheckWritable(*table, "update"));
  Need(table, kRightUpdate);
  ISO_RETURN_IF_ERROR(TopCtes(update.ctes));
  auto node = std::make_unique<UpdatePlan>();
  node->table = table;
  node->joined = !update.from.empty();
  Scope scope;
  ISO_ASSIGN_OR_RETURN(node->child, Target(table, update.table, update.from, update.where, &scope));
  ISO_ASSIGN_OR_RETURN(node->set, Assignments(update.set, *table, scope, false));
  for (const auto& [column, value] : node->set) {
    NeedIfRead(table, value.get());
    node->moves_key = node->moves_key || table->KeyPosition(static_cast<uint32_t>(column)) >= 0;
  }
  ISO_ASSIGN_OR_RETURN(node->rules, BindRules(*table));
  for (const auto& [column, value] : node->rules.generated) {
    node->moves_key = node->moves_key || table->KeyPosition(static_cast<uint32_t>(column)) >= 0;
  }
  ISO_ASSIGN_OR_RETURN(node->returning, Returning(update.returning, scope));
  NeedIfRead(table, node->returning);
  return PlanNodePtr(std::move(node));
}

absl::StatusOr<PlanNodePtr> Builder::Delete(const ast::Delete& del) {
  ISO_ASSIGN_OR_RETURN(TablePtr table, FindTable(del.table));
  ISO_RETURN_IF_ERROR(CheckWritable(*table, "delete from"));
  Need(table, kRightDelete);
  ISO_RETURN_IF_ERROR(TopCtes(del.ctes));
  auto node = std::make_unique<DeletePlan>();
  node->table = table;
  ISO_ASSIGN_OR_RETURN(node->indexes, BindIndexRules(*table));
  node->joined = !del.from.empty();
  Scope scope;
  ISO_ASSIGN_OR_RETURN(node->child, Target(table, del.table, del.from, del.where, &scope));
  ISO_ASSIGN_OR_RETURN(node->returning, Returning(del.returning, scope));
  NeedIfRead(table, node->returning);
  return PlanNodePtr(std::move(node));
}

}  // namespace isochron::sql::planner
