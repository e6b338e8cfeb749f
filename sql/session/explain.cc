// SPDX-License-Identifier: Apache-2.0
//
// EXPLAIN, and EXPLAIN ANALYZE: the statement runs, its rows go nowhere, and what it took is shown.
#include <utility>

#include "common/status_macros.h"
#include "sql/planner/planner.h"
#include "sql/session/explain_analyze.h"
#include "sql/session/session_impl.h"
#include "sql/session/transaction_impl.h"
#include "txn/api/groups_asked.h"

namespace isochron::sql {
namespace {

std::vector<Row> TextRows(std::vector<std::string> lines) {
  std::vector<Row> rows;
  for (std::string& line : lines) rows.emplace_back().push_back(Datum::String(std::move(line)));
  return rows;
}

}  // namespace

ColumnInfo ExplainColumn(const ast::Explain& explain) {
  return {"QUERY PLAN", explain.json ? Type::kJson : Type::kText};
}

Task<absl::StatusOr<StatementResult>> TransactionImpl::RunExplain(Ctx ctx, PreparedPtr text,
                                                                  const Prepared* statement,
                                                                  Params params, Draws* draws,
                                                                  ReplaySink* sink) {
  const auto& explain = std::get<ast::Explain>(statement->ast.node);
  Executor* const executor = engine_->deps().executor;
  const Micros begun = executor->MonotonicNow();
  if (explain.analyze) ISO_CO_RETURN_IF_ERROR(CheckWrites(*statement));
  ISO_CO_ASSIGN_OR_RETURN(
      EngineImpl::TableMap tables,
      co_await engine_->ResolveTablesAt(ctx, statement, Timestamp(), nullptr, relations()));
  ISO_CO_ASSIGN_OR_RETURN(Plan made, MakePlan(*explain.statement, tables, text->param_types));
  const auto plan = std::make_shared<const Plan>(std::move(made));
  if (engine_->NeedsCheck(*plan, *settings_)) {
    std::vector<UsedTable> used;
    ISO_CO_RETURN_IF_ERROR(
        co_await engine_->CheckPlan(ctx, plan, settings_.get(), relations(), false, &used));
  }
  Explained explained;
  explained.planning_us = executor->MonotonicNow() - begun;
  Profile profile;
  if (explain.analyze) {
    if (!options_.read_only) ISO_CO_RETURN_IF_ERROR(Use(plan->tables));
    const LatencyAccount before = ctx->latency;
    const Micros started = executor->MonotonicNow();
    ReplaySink nowhere(nullptr);
    auto ran = co_await RunPlan(ctx, plan, std::move(params), draws, &nowhere, &profile);
    ISO_CO_RETURN_IF_ERROR(ran.status());
    explained.execution_us = executor->MonotonicNow() - started;
    explained.latency = Difference(ctx->latency, before);
    const txn::ReadTransaction* const reads = options_.read_only ? reader_.get() : writer();
    const auto* asks = dynamic_cast<const txn::AsksGroups*>(reads);
    if (asks != nullptr) profile.groups = asks->groups_asked().size();
    explained.profile = &profile;
  }
  StatementResult result;
  result.tag = "EXPLAIN";
  result.returns_rows = true;
  std::vector<Row> rows = TextRows(ExplainRows(*plan, explain, explained));
  result.rows = static_cast<int64_t>(rows.size());
  // What was measured differs when the transaction is replayed.
  ResultSink* const to = explain.analyze ? sink->beside() : sink;
  if (to == nullptr) co_return result;
  to->OnColumns({ExplainColumn(explain)});
  if (!co_await to->OnRows(std::move(rows))) co_return absl::CancelledError("the client left");
  co_return result;
}

Task<SessionImpl::Result> SessionImpl::ExplainAlone(Ctx ctx, PreparedPtr text, size_t index,
                                                    Params params, ResultSink* sink) {
  const Prepared& statement = text->statements[index];
  const auto& explain = std::get<ast::Explain>(statement.ast.node);
  if (statement.writes && settings_->default_read_only()) {
    co_return SqlError(sqlstate::kReadOnlyTransaction,
                       "cannot write: default_transaction_read_only is on");
  }
  auto txn = std::make_shared<TransactionImpl>(engine_, settings_,
                                               TransactionOptions{.read_only = !statement.writes});
  ISO_CO_RETURN_IF_ERROR(txn->Start(ctx));
  if (!statement.writes) {
    co_return co_await txn->ExecuteOne(ctx, text, index, std::move(params), sink);
  }
  BufferSink buffer(ctx);
  Result result = co_await txn->ExecuteOne(ctx, text, index, std::move(params), &buffer);
  if (!result.ok()) {
    txn->Rollback();
    co_return result;
  }
  const LatencyAccount before = ctx->latency;
  auto committed = co_await txn->Commit(ctx);
  if (!committed.ok()) co_return committed.status();
  if (!explain.json) {
    std::vector<Row> more =
        TextRows(CommitRows(Difference(ctx->latency, before), committed->groups));
    result->rows += static_cast<int64_t>(more.size());
    (void)co_await buffer.OnRows(std::move(more));
  }
  if (committed->commit_timestamp.us != 0) result->commit_timestamp = committed->commit_timestamp;
  (void)co_await buffer.Flush(sink);
  co_return result;
}

}  // namespace isochron::sql
