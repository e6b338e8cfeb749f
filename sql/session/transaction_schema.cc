// SPDX-License-Identifier: Apache-2.0
//
// A transaction that changes the schema: what of that is the transaction's own affair.
#include <utility>

#include "common/status_macros.h"
#include "sql/session/transaction_impl.h"

namespace isochron::sql {

Task<absl::StatusOr<StatementResult>> TransactionImpl::RunSchema(Ctx ctx, PreparedPtr text,
                                                                 size_t index) {
  if (options_.read_only) {
    co_return SqlError(sqlstate::kReadOnlyTransaction,
                       "cannot change the schema in a read-only transaction");
  }
  ISO_CO_ASSIGN_OR_RETURN(text,
                          co_await engine_->WithNames(ctx, text, index, relations(), writer()));
  const Prepared* statement = &text->statements[index];
  ISO_CO_RETURN_IF_ERROR(co_await engine_->CheckStatement(ctx, &statement->ast, settings_.get(),
                                                          relations(), writer()));
  ISO_CO_RETURN_IF_ERROR(co_await FinishCursors(ctx, false));
  ISO_CO_RETURN_IF_ERROR(co_await SettleDeferred(ctx));
  if (schema_ == nullptr) {
    schema_ = std::make_unique<SchemaTransaction>(engine_, settings_.get(), writer_.get(), &dirty_,
                                                  &fenced_, schema_attempts_++);
    for (Savepoint& savepoint : savepoints_) {
      savepoint.mark = schema_->writer()->Adopt(savepoint.mark);
    }
  }
  const size_t mark = schema_->writer()->Mark();
  auto result = co_await schema_->Run(ctx, statement);
  if (result.ok()) {
    ISO_CO_RETURN_IF_ERROR(co_await schema_->writer()->Relieve(ctx));
    co_return result;
  }
  if (result.status().code() == absl::StatusCode::kAborted) co_return result;
  schema_->writer()->RollbackToMark(mark);
  ISO_CO_RETURN_IF_ERROR(co_await schema_->Refresh(ctx));
  co_return result;
}

Task<absl::StatusOr<std::shared_ptr<const Plan>>> TransactionImpl::PlanInside(
    Ctx ctx, PreparedPtr text, const Prepared* statement) {
  if (schema_ == nullptr) co_return co_await engine_->PlanNow(ctx, text, statement);
  co_return co_await schema_->PlanHere(ctx, text, statement);
}

Task<absl::StatusOr<txn::CommitResult>> TransactionImpl::CommitOnce(Ctx ctx) {
  ISO_CO_RETURN_IF_ERROR(co_await CheckDeferred(ctx, true));
  txn::CommitOptions commit_options;
  std::vector<UsedTable> tables;
  for (const auto& [name, table] : used_) {
    if (schema_ == nullptr || !schema_->scope().names.contains(name)) tables.push_back(table);
  }
  Timestamp until = Timestamp::Max();
  if (schema_ != nullptr) {
    ISO_CO_RETURN_IF_ERROR(schema_->CheckUsed(used_));
    ISO_CO_ASSIGN_OR_RETURN(until, co_await schema_->Finish(ctx));
  }
  ISO_CO_ASSIGN_OR_RETURN(commit_options.s_max, co_await engine_->catalog().Validate(
                                                    ctx, std::move(tables), writer_.get()));
  commit_options.s_max = std::min(commit_options.s_max, until);
  ISO_CO_RETURN_IF_ERROR(co_await FinishCursors(ctx, true));
  co_return co_await writer_->Commit(ctx, commit_options);
}

void TransactionImpl::EndSchema(bool committed) {
  // What it was stays: cursors may still point at its writer.
  if (schema_ == nullptr || std::exchange(schema_ended_, true)) return;
  if (committed) {
    engine_->catalog().ForgetAll();
    for (const std::string& name : schema_->scope().written) fenced_.erase(name);
  }
  engine_->catalog().Unfence(std::vector<std::string>(fenced_.begin(), fenced_.end()));
  fenced_.clear();
}

}  // namespace isochron::sql
