// SPDX-License-Identifier: Apache-2.0
//
// Transactions that no BEGIN opened: a string of several statements, and what runs up to a Sync.
#include <utility>

#include "common/status_macros.h"
#include "sql/session/session_impl.h"

namespace isochron::sql {

SessionImpl::Running::Running(SessionImpl* session, const std::string& sql) : session_(session) {
  session_->running_ = WithoutPasswords(sql);
  Executor* const executor = session_->engine_->deps().executor;
  executor->Cancel(std::exchange(session_->idle_timer_, 0));
  session_->running_since_ = executor->MonotonicNow();
}

SessionImpl::Running::~Running() {
  session_->running_.clear();
  session_->AwaitClient();
}

absl::Status SessionImpl::BeginImplicit(Ctx ctx) {
  if (transaction_ != nullptr) return absl::OkStatus();
  TransactionOptions options;
  options.read_only = settings_->default_read_only();
  if (options.read_only) options.bound = settings_->read_bound();
  auto txn = std::make_shared<TransactionImpl>(engine_, settings_, options);
  ISO_RETURN_IF_ERROR(txn->Start(std::move(ctx)));
  transaction_ = std::move(txn);
  implicit_ = true;
  idle_error_ = absl::OkStatus();
  return absl::OkStatus();
}

Task<absl::Status> SessionImpl::EndImplicit(Ctx ctx) {
  if (!implicit_) co_return absl::OkStatus();
  engine_->deps().executor->Cancel(std::exchange(idle_timer_, 0));
  std::shared_ptr<TransactionImpl> txn = transaction_;
  // Gone also when the caller drops the task half way.
  struct Ender {
    ~Ender() {
      session->implicit_ = false;
      session->transaction_ = nullptr;
      session->engine_->advisory().EndTransactionSoon(session->id_);
    }
    SessionImpl* const session;
  } ender{this};
  if (!idle_error_.ok()) co_return std::exchange(idle_error_, absl::OkStatus());
  if (txn->state() != SqlTransaction::State::kOpen) {
    txn->Rollback();
    co_return absl::OkStatus();
  }
  StatementDeadline deadline(ctx, engine_->deps().executor, settings_->timeouts());
  auto committed = co_await txn->Commit(ctx);
  co_return committed.status();
}

void SessionImpl::FailTransaction() {
  if (transaction_ != nullptr) transaction_->Fail();
}

bool SessionImpl::StandsBeside(const Prepared& statement) const {
  const bool settings = statement.verb == Verb::kSet || statement.verb == Verb::kShow;
  const bool ddl = statement.verb == Verb::kCreateTable || statement.verb == Verb::kDropTable ||
                   statement.verb == Verb::kAlterDatabase || statement.verb == Verb::kSplit ||
                   statement.verb == Verb::kMerge || statement.verb == Verb::kMembers ||
                   statement.verb == Verb::kObject || statement.verb == Verb::kSchema;
  return transaction_->state() == SqlTransaction::State::kOpen &&
         (settings || (ddl && transaction_->untouched()));
}

Task<SessionImpl::Result> SessionImpl::OneOfString(Ctx ctx, PreparedPtr text, size_t index,
                                                   ResultSink* sink) {
  const LatencyAccount before = ctx->latency;
  if (text->statements[index].verb != Verb::kTransaction) {
    ISO_CO_RETURN_IF_ERROR(BeginImplicit(ctx));
  }
  ISO_CO_ASSIGN_OR_RETURN(StatementResult result, co_await One(ctx, text, index, Params(), sink));
  if (index + 1 == text->statements.size()) {
    ISO_CO_RETURN_IF_ERROR(co_await EndImplicit(ctx));
  }
  result.latency = Difference(ctx->latency, before);
  co_return result;
}

Task<SessionImpl::Result> SessionImpl::ExecuteString(Ctx ctx, std::string sql, ResultSink* sink) {
  auto text = engine_->cache().Get(sql, Params(), settings_->path());
  if (!text.ok() || (*text)->statements.size() < 2) {
    co_return co_await Execute(ctx, std::move(sql), Params(), sink);
  }
  Running running(this, sql);
  StatementResult last;
  for (size_t i = 0; i < (*text)->statements.size(); ++i) {
    Result result = co_await OneOfString(ctx, *text, i, sink);
    if (!result.ok()) {
      if (implicit_) transaction_->Fail();
      (void)co_await EndImplicit(ctx);
      co_return ResolvePosition(result.status(), sql, 0);
    }
    last = *std::move(result);
    sink->OnComplete(last);
  }
  co_return last;
}

}  // namespace isochron::sql
