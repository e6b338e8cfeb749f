// SPDX-License-Identifier: Apache-2.0
//
// Transactions by id: BeginTransaction, Commit, Rollback and batches of DML.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/rpc/mutations.h"
#include "server/rpc/slot_use.h"
#include "server/rpc/spanner_service.h"
#include "server/rpc/status_codec.h"
#include "server/rpc/value_codec.h"
#include "sql/types/error.h"

namespace isochron::rpc {

namespace spanner = google::spanner::v1;

void SpannerService::DescribeTransaction(const ApiSession& session, ApiTransaction* txn,
                                         spanner::Transaction* out) {
  out->set_id(txn->id);
  if (!txn->txn) return;
  if (txn->txn->read_only()) {
    if (const Timestamp t = txn->txn->read_timestamp(); t.us != 0) {
      EncodeTime(t, out->mutable_read_timestamp());
    }
  } else if (session.multiplexed) {
    out->mutable_precommit_token()->set_precommit_token(txn->id);
    out->mutable_precommit_token()->set_seq_num(++txn->precommit_seq);
  }
}

absl::Status SpannerService::CheckOpen(const ApiTransaction& txn) {
  if (txn.idle_too_long) {
    return sql::SqlError(sql::sqlstate::kIdleInTransaction,
                         "the transaction was rolled back: its client sent nothing for too long "
                         "(--idle-in-transaction-session-timeout); begin another");
  }
  if (txn.txn == nullptr) return absl::OkStatus();
  switch (txn.txn->state()) {
    case sql::SqlTransaction::State::kAborted:
      return absl::AbortedError("the transaction was aborted; run it again from its start");
    case sql::SqlTransaction::State::kUnknown:
      return absl::UnknownError("the outcome of the transaction's commit is not known");
    case sql::SqlTransaction::State::kCommitted:
      return absl::FailedPreconditionError("the transaction has committed");
    case sql::SqlTransaction::State::kRolledBack:
      return absl::FailedPreconditionError("the transaction was rolled back");
    case sql::SqlTransaction::State::kOpen:
    case sql::SqlTransaction::State::kFailed:
      break;
  }
  return absl::OkStatus();
}

void SpannerService::EndAfterFailure(ApiSession* session, const Target& target,
                                     const absl::Status& status) {
  ApiTransaction* txn = target.txn.get();
  if (txn == nullptr) return;
  if (!target.began && status.code() != absl::StatusCode::kAborted) return;
  if (txn->txn) txn->txn->Rollback();
  sessions_->Finish(session, txn);
}

Task<absl::Status> SpannerService::BeginTransaction(CallInfo* call,
                                                    const spanner::BeginTransactionRequest* request,
                                                    spanner::Transaction* response) {
  ISO_CO_ASSIGN_OR_RETURN(auto session, sessions_->Find(request->session()));
  SessionUse use(session, executor());
  ISO_CO_ASSIGN_OR_RETURN(auto slot, co_await admission_->Enter(call->ctx));
  ISO_CO_ASSIGN_OR_RETURN(auto txn, sessions_->Begin(call->ctx, session.get(), request->options(),
                                                     /*choose_now=*/true));
  SlotUse slot_use(admission_, std::move(slot), &txn->slot);
  DescribeTransaction(*session, txn.get(), response);
  co_return absl::OkStatus();
}

Task<absl::Status> SpannerService::Commit(CallInfo* call, const spanner::CommitRequest* request,
                                          spanner::CommitResponse* response) {
  ISO_CO_ASSIGN_OR_RETURN(auto session, sessions_->Find(request->session()));
  SessionUse use(session, executor());
  std::shared_ptr<ApiTransaction> txn;
  admission::Admission::Slot fresh;
  if (request->has_single_use_transaction()) {
    ISO_CO_ASSIGN_OR_RETURN(fresh, co_await admission_->Enter(call->ctx));
    ISO_CO_ASSIGN_OR_RETURN(
        txn, sessions_->Begin(call->ctx, session.get(), request->single_use_transaction()));
  } else {
    ISO_CO_ASSIGN_OR_RETURN(txn,
                            sessions_->FindTransaction(session.get(), request->transaction_id()));
  }
  ISO_CO_RETURN_IF_ERROR(co_await txn->turn.Enter(call->ctx));
  TurnLeaver leaver(&txn->turn);
  if (txn->committed) {  // the answer got lost, and the client asks again
    *response = txn->commit;
    co_return absl::OkStatus();
  }
  SlotUse slot_use(admission_, std::move(fresh), txn->finished ? nullptr : &txn->slot);
  absl::Status status = CheckOpen(*txn);
  if (status.ok()) status = co_await CommitIn(call, request, session.get(), txn.get(), response);
  if (status.ok()) {
    txn->committed = true;
    txn->commit = *response;
  } else if (txn->txn) {
    txn->txn->Rollback();  // no effect after an outcome, known or unknown
  }
  sessions_->Finish(session.get(), txn.get());
  co_return status;
}

Task<absl::Status> SpannerService::CommitIn(CallInfo* call, const spanner::CommitRequest* request,
                                            ApiSession* session, ApiTransaction* txn,
                                            spanner::CommitResponse* response) {
  if (!txn->txn) {
    co_return request->mutations().empty()
        ? absl::OkStatus()
        : absl::FailedPreconditionError("partitioned DML takes no mutations");
  }
  if (!request->mutations().empty()) {
    std::shared_ptr<sql::Session> lookups = sessions_->Borrow(session);
    ISO_CO_ASSIGN_OR_RETURN(
        const int64_t count,
        co_await ApplyMutations(call->ctx, lookups.get(), txn->txn.get(), &request->mutations()));
    sessions_->GiveBack(std::move(lookups));
    if (request->return_commit_stats()) {
      response->mutable_commit_stats()->set_mutation_count(count);
    }
  }
  ISO_CO_ASSIGN_OR_RETURN(const txn::CommitResult result, co_await txn->txn->Commit(call->ctx));
  if (result.commit_timestamp.us != 0) {
    EncodeTime(result.commit_timestamp, response->mutable_commit_timestamp());
  }
  if (WantsDetails(*call->server)) {
    AddLatency(call->ctx->latency, call->server);
    call->server->AddTrailingMetadata("isochron-groups", absl::StrCat(result.groups));
  }
  co_return absl::OkStatus();
}

Task<absl::Status> SpannerService::Rollback(CallInfo* call, const spanner::RollbackRequest* request,
                                            google::protobuf::Empty*) {
  ISO_CO_ASSIGN_OR_RETURN(auto session, sessions_->Find(request->session()));
  SessionUse use(session, executor());
  auto txn = sessions_->FindTransaction(session.get(), request->transaction_id());
  if (!txn.ok()) co_return absl::OkStatus();  // long over
  ISO_CO_RETURN_IF_ERROR(co_await (*txn)->turn.Enter(call->ctx));
  TurnLeaver leaver(&(*txn)->turn);
  if ((*txn)->committed) {
    co_return absl::FailedPreconditionError("the transaction has committed");
  }
  if ((*txn)->txn) (*txn)->txn->Rollback();
  sessions_->Finish(session.get(), txn->get());
  co_return absl::OkStatus();
}

Task<absl::Status> SpannerService::ExecuteBatchDml(CallInfo* call,
                                                   const spanner::ExecuteBatchDmlRequest* request,
                                                   spanner::ExecuteBatchDmlResponse* response) {
  ISO_CO_ASSIGN_OR_RETURN(auto session, sessions_->Find(request->session()));
  SessionUse use(session, executor());
  if (!request->transaction().has_id() && !request->transaction().has_begin()) {
    co_return absl::InvalidArgumentError("a batch of DML runs in a read-write transaction");
  }
  admission::Admission::Slot fresh;
  if (request->transaction().has_begin()) {
    ISO_CO_ASSIGN_OR_RETURN(fresh, co_await admission_->Enter(call->ctx));
  }
  ISO_CO_ASSIGN_OR_RETURN(const Target target,
                          Choose(call->ctx, session.get(), request->transaction()));
  ApiTransaction* txn = target.txn.get();
  ISO_CO_RETURN_IF_ERROR(co_await txn->turn.Enter(call->ctx));
  TurnLeaver leaver(&txn->turn);
  SlotUse slot_use(admission_, std::move(fresh), txn->finished ? nullptr : &txn->slot);
  ISO_CO_RETURN_IF_ERROR(CheckOpen(*txn));
  if (request->seqno() > 0 && request->seqno() == txn->last_seqno) {
    *response = txn->last_batch;
    co_return absl::OkStatus();
  }
  const absl::Status status =
      co_await RunBatch(call->ctx, session.get(), request, &target, response);
  if (!status.ok()) {
    EndAfterFailure(session.get(), target, status);
    co_return status;
  }
  txn->last_seqno = request->seqno();
  txn->last_batch = *response;
  co_return absl::OkStatus();
}

Task<absl::Status> SpannerService::RunBatch(Ctx ctx, ApiSession* session,
                                            const spanner::ExecuteBatchDmlRequest* request,
                                            const Target* target,
                                            spanner::ExecuteBatchDmlResponse* response) {
  for (int i = 0; i < request->statements_size(); ++i) {
    const auto& statement = request->statements(i);
    sql::CollectingSink sink;
    absl::StatusOr<sql::Params> params = DecodeParams(statement.params(), statement.param_types());
    absl::StatusOr<sql::StatementResult> result = absl::UnknownError("not run");
    if (params.ok()) {
      result = co_await Run(ctx, session, target, statement.sql(), *std::move(params), &sink);
    } else {
      result = params.status();
    }
    if (result.ok() && !result->is_dml) {
      result = absl::InvalidArgumentError(absl::StrCat("statement ", i + 1, " is not DML"));
    }
    if (!result.ok()) {
      // An aborted transaction, or the first statement of a new one, fails the request itself.
      if (absl::IsAborted(result.status()) || (i == 0 && target->began)) co_return result.status();
      response->mutable_status()->set_code(static_cast<int>(result.status().code()));
      response->mutable_status()->set_message(std::string(result.status().message()));
      co_return absl::OkStatus();
    }
    spanner::ResultSet* set = response->add_result_sets();
    if (i == 0) {
      set->mutable_metadata()->mutable_row_type();
      if (target->began) {
        DescribeTransaction(*session, target->txn.get(),
                            set->mutable_metadata()->mutable_transaction());
      }
    }
    set->mutable_stats()->set_row_count_exact(result->rows);
  }
  response->mutable_status();
  co_return absl::OkStatus();
}

}  // namespace isochron::rpc
