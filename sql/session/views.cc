// SPDX-License-Identifier: Apache-2.0
//
// CREATE VIEW.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/session/session_impl.h"

namespace isochron::sql {
namespace {

// A view of the columns that its query gives, under the names that the statement gives them.
absl::StatusOr<TableDescriptor> DefineView(const ast::CreateView& create, const Plan& plan) {
  TableDescriptor view;
  view.name = create.name.name;
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

}  // namespace

Task<SessionImpl::Result> SessionImpl::CreateView(Ctx ctx, const ast::CreateView* create) {
  if (!create->name.schema.empty() && create->name.schema != "public") {
    co_return SqlError(sqlstate::kInvalidSchema,
                       absl::StrCat("schema \"", create->name.schema, "\" does not exist"),
                       create->name.position, "Everything lives in the schema public.");
  }
  if (create->replace) {
    auto standing = co_await engine_->catalog().Resolve(ctx, create->name.name);
    if (!standing.ok() && SqlStateOf(standing.status()) != sqlstate::kUndefinedTable) {
      co_return standing.status();
    }
    if (standing.ok()) {
      co_return SqlError(sqlstate::kUnsupported,
                         absl::StrCat("replacing view \"", create->name.name,
                                      "\", which exists, is not supported yet"),
                         -1, "DROP VIEW it first.");
    }
  }
  ISO_CO_ASSIGN_OR_RETURN(PreparedPtr text, Prepare(create->sql, {}));
  const Prepared* query = &text->statements[0];
  if (query->writes || query->ast.param_count > 0) {
    co_return SqlError(sqlstate::kUnsupported,
                       "a view's query takes no parameters, locks nothing and draws no values");
  }
  auto planned = co_await engine_->PlanNow(ctx, text, query);
  // Its positions are not those of the statement.
  if (!planned.ok() && planned.status().code() != absl::StatusCode::kUnavailable) {
    co_return SqlError(SqlStateOf(planned.status()), planned.status().message(), -1,
                       HintOf(planned.status()));
  }
  if (!planned.ok()) co_return planned.status();
  const std::shared_ptr<const Plan> plan = *std::move(planned);
  ISO_CO_ASSIGN_OR_RETURN(TableDescriptor view, DefineView(*create, *plan));
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

}  // namespace isochron::sql
