// SPDX-License-Identifier: Apache-2.0
//
// CREATE VIEW.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/full_name.h"
#include "sql/planner/planner.h"
#include "sql/session/relation_edits.h"
#include "sql/session/session_impl.h"

namespace isochron::sql {

// A view of the columns that its query gives, under the names that the statement gives them.
absl::StatusOr<TableDescriptor> DefineView(const ast::CreateView& create, const Plan& plan) {
  TableDescriptor view;
  view.name = FullNameOf(create.name);
  if (SchemaIn(view.name) != kPublicSchema) view.schema = SchemaIn(view.name);
  view.kind = RelationKind::kView;
  view.view_sql = create.sql;
  if (create.columns.size() > plan.columns.size()) {
    return SqlError(sqlstate::kSyntaxError, "CREATE VIEW specifies more column names than columns");
  }
  for (size_t i = 0; i < plan.columns.size(); ++i) {
    ColumnDescriptor c;
    c.id = view.next_column_id++;
    c.name = i < create.columns.size() ? create.columns[i] : plan.columns[i].name;
    c.type = plan.columns[i].type;
    c.typmod = plan.columns[i].typmod;
    if (view.FindColumn(c.name) >= 0) {
      return SqlError(sqlstate::kDuplicateColumn,
                      absl::StrCat("column \"", c.name, "\" specified more than once"));
    }
    view.columns.push_back(std::move(c));
  }
  for (const TablePtr& table : plan.descriptors) {
    view.depends_on.push_back({table->id, table->next_column_id});
  }
  return view;
}

absl::StatusOr<PreparedPtr> PrepareView(const ast::CreateView& create) {
  ISO_ASSIGN_OR_RETURN(PreparedPtr text, Prepare(create.sql, {}));
  const Prepared& query = text->statements[0];
  if (query.writes || query.ast.param_count > 0) {
    return SqlError(sqlstate::kUnsupported,
                    "a view's query takes no parameters, locks nothing and draws no values");
  }
  return text;
}

absl::Status OfViewQuery(const absl::Status& status) {
  if (status.code() == absl::StatusCode::kUnavailable ||
      status.code() == absl::StatusCode::kAborted) {
    return status;
  }
  return SqlError(SqlStateOf(status), status.message(), -1, HintOf(status));
}

Task<SessionImpl::Result> SessionImpl::CreateView(Ctx ctx, const ast::CreateView* create) {
  ISO_CO_ASSIGN_OR_RETURN(PreparedPtr text, PrepareView(*create));
  auto planned = co_await engine_->PlanNow(ctx, text, &text->statements[0]);
  if (!planned.ok()) co_return OfViewQuery(planned.status());
  const std::shared_ptr<const Plan> plan = *std::move(planned);
  ISO_CO_ASSIGN_OR_RETURN(TableDescriptor view, DefineView(*create, *plan));
  if (create->replace) {
    auto standing = co_await engine_->catalog().Settled(ctx, view.name);
    if (standing.ok()) {
      ReplaceViewEdit edit(&view);
      co_return co_await Change(ctx, &edit, "CREATE VIEW");
    }
    if (SqlStateOf(standing.status()) != sqlstate::kUndefinedTable) co_return standing.status();
  }
  view.owner = settings_->acting().role;
  txn::CommitResult commit;
  ISO_CO_ASSIGN_OR_RETURN(bool made,
                          co_await engine_->catalog().Create(ctx, std::move(view), false, &commit));
  (void)made;
  StatementResult result;
  result.tag = "CREATE VIEW";
  result.commit_timestamp = commit.commit_timestamp;
  settings_->SetCommitTimestamp(commit.commit_timestamp);
  co_return result;
}

// Two statements: the table, and then its rows. Without the second the first is taken back.
Task<SessionImpl::Result> SessionImpl::CreateTableAs(Ctx ctx, const ast::CreateTableAs* create,
                                                     ResultSink* sink) {
  ISO_CO_ASSIGN_OR_RETURN(PreparedPtr text, Prepare(create->sql, {}));
  const Prepared* query = &text->statements[0];
  if (query->ast.param_count > 0) {
    co_return SqlError(sqlstate::kUnsupported, "CREATE TABLE AS takes no parameters");
  }
  ISO_CO_ASSIGN_OR_RETURN(std::shared_ptr<const Plan> plan,
                          co_await engine_->PlanNow(ctx, text, query));
  ast::CreateView like;
  like.name = create->name;
  like.columns = create->columns;
  ISO_CO_ASSIGN_OR_RETURN(TableDescriptor table, DefineView(like, *plan));
  table.kind = RelationKind::kTable;
  table.depends_on.clear();
  ColumnDescriptor key;
  key.id = table.next_column_id++;
  key.name = "rowid";
  key.type = Type::kInt8;
  key.not_null = true;
  key.hidden = true;
  table.key = {static_cast<uint32_t>(table.columns.size())};
  table.columns.push_back(std::move(key));
  table.owner = settings_->acting().role;
  txn::CommitResult commit;
  ISO_CO_ASSIGN_OR_RETURN(bool made, co_await engine_->catalog().Create(
                                         ctx, std::move(table), create->if_not_exists, &commit));
  StatementResult result;
  result.tag = "CREATE TABLE AS";
  if (!made) {
    result.notices.push_back(
        {"NOTICE", sqlstate::kDuplicateTable,
         absl::StrCat("relation \"", create->name.name, "\" already exists, skipping")});
  }
  if (!made || !create->with_data) co_return result;
  const std::string insert =
      absl::StrCat("INSERT INTO ", SqlName(FullNameOf(create->name)), " ", create->sql);
  ISO_CO_ASSIGN_OR_RETURN(PreparedPtr filling, Prepare(insert, {}));
  auto filled = co_await Autocommit(ctx, filling, &filling->statements[0], Params(), nullptr, sink);
  if (!filled.ok()) {
    (void)co_await Drop(ctx, {create->name}, RelationKind::kTable, true, false);
    co_return filled;
  }
  filled->tag = absl::StrCat("SELECT ", filled->rows);
  filled->is_dml = false;
  co_return filled;
}

}  // namespace isochron::sql
