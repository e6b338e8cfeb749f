// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/spanner_service.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/rpc/slot_use.h"
#include "server/rpc/status_codec.h"
#include "server/rpc/value_codec.h"

namespace isochron::rpc {
namespace {

namespace spanner = google::spanner::v1;
using spanner::ExecuteSqlRequest;

constexpr int kMaxSessionsAtOnce = 100;
constexpr int kMaxListed = 1000;

void SetPriority(const spanner::RequestOptions& options, RequestContext* ctx) {
  if (options.priority() == spanner::RequestOptions::PRIORITY_LOW) ctx->priority = Priority::kLow;
  if (options.priority() == spanner::RequestOptions::PRIORITY_HIGH) ctx->priority = Priority::kHigh;
}

void FillStats(const ExecuteSqlRequest& request, const sql::StatementResult& result,
               bool partitioned, ApiSink* sink) {
  if (result.is_dml) {
    if (partitioned) {
      sink->stats()->set_row_count_lower_bound(result.rows);
    } else {
      sink->stats()->set_row_count_exact(result.rows);
    }
  }
  if (request.query_mode() == ExecuteSqlRequest::NORMAL) return;
  auto& stats = *sink->stats()->mutable_query_stats()->mutable_fields();
  stats["command_tag"].set_string_value(result.tag);
  stats["rows_returned"].set_string_value(absl::StrCat(result.returns_rows ? result.rows : 0));
  stats["lock_wait_us"].set_string_value(absl::StrCat(result.latency.lock_wait_us));
  stats["paxos_us"].set_string_value(absl::StrCat(result.latency.paxos_us));
  stats["commit_wait_exposed_us"].set_string_value(
      absl::StrCat(result.latency.commit_wait_exposed_us));
}

// Null once the transaction is finished: what comes then costs nothing.
admission::Admission::Slot* SlotOf(ApiTransaction* txn) {
  return txn->finished ? nullptr : &txn->slot;
}

bool ChangesSettings(absl::string_view tag) {
  return absl::StartsWith(tag, "SET") || absl::StartsWith(tag, "RESET");
}

}  // namespace

Task<absl::Status> SpannerService::CreateSession(CallInfo* call,
                                                 const spanner::CreateSessionRequest* request,
                                                 spanner::Session* response) {
  ISO_CO_ASSIGN_OR_RETURN(auto in, co_await sessions_->Open(call->ctx, request->database()));
  ISO_CO_ASSIGN_OR_RETURN(
      auto session, sessions_->Create(request->database(), std::move(in), request->session()));
  sessions_->Describe(*session, response);
  co_return absl::OkStatus();
}

Task<absl::Status> SpannerService::BatchCreateSessions(
    CallInfo* call, const spanner::BatchCreateSessionsRequest* request,
    spanner::BatchCreateSessionsResponse* response) {
  const int count = std::min(request->session_count(), kMaxSessionsAtOnce);
  if (count < 1) co_return absl::InvalidArgumentError("session_count is at least 1");
  for (int i = 0; i < count; ++i) {
    ISO_CO_ASSIGN_OR_RETURN(auto in, co_await sessions_->Open(call->ctx, request->database()));
    auto session =
        sessions_->Create(request->database(), std::move(in), request->session_template());
    if (!session.ok() && i > 0) break;  // fewer than asked for may come back
    if (!session.ok()) co_return session.status();
    sessions_->Describe(**session, response->add_session());
  }
  co_return absl::OkStatus();
}

Task<absl::Status> SpannerService::GetSession(CallInfo*, const spanner::GetSessionRequest* request,
                                              spanner::Session* response) {
  ISO_CO_ASSIGN_OR_RETURN(auto session, sessions_->Find(request->name()));
  session->last_use_us = executor()->MonotonicNow();
  sessions_->Describe(*session, response);
  co_return absl::OkStatus();
}

Task<absl::Status> SpannerService::ListSessions(CallInfo* call,
                                                const spanner::ListSessionsRequest* request,
                                                spanner::ListSessionsResponse* response) {
  ISO_CO_RETURN_IF_ERROR(co_await sessions_->CheckDatabase(call->ctx, request->database()));
  const int limit =
      request->page_size() > 0 ? std::min(request->page_size(), kMaxListed) : kMaxListed;
  std::vector<std::shared_ptr<ApiSession>> found;
  response->set_next_page_token(
      sessions_->List(request->database(), request->page_token(), limit, &found));
  for (const auto& session : found) sessions_->Describe(*session, response->add_sessions());
  co_return absl::OkStatus();
}

Task<absl::Status> SpannerService::DeleteSession(CallInfo*,
                                                 const spanner::DeleteSessionRequest* request,
                                                 google::protobuf::Empty*) {
  sessions_->Delete(request->name());
  co_return absl::OkStatus();
}

Task<absl::Status> SpannerService::ExecuteSql(CallInfo* call, const ExecuteSqlRequest* request,
                                              spanner::ResultSet* response) {
  UnarySink sink(response);
  const absl::Status status = co_await RunSql(call, request, &sink);
  co_return sink.status().ok() ? status : sink.status();
}

Task<absl::Status> SpannerService::ExecuteStreamingSql(CallInfo* call,
                                                       const ExecuteSqlRequest* request,
                                                       PartialStream* stream) {
  StreamSink sink(stream);
  const absl::Status status = co_await RunSql(call, request, &sink);
  stream->message()->set_last(true);
  co_return sink.status().ok() ? status : sink.status();
}

bool SpannerService::GoesOn(const ApiSession& session,
                            const spanner::TransactionSelector& selector) {
  switch (selector.selector_case()) {
    case spanner::TransactionSelector::kId:
      return true;
    case spanner::TransactionSelector::SELECTOR_NOT_SET:
      return session.own && session.own->transaction_status() != 'I';
    case spanner::TransactionSelector::kBegin:
    case spanner::TransactionSelector::kSingleUse:
      return false;
  }
  return false;
}

absl::StatusOr<SpannerService::Target> SpannerService::Choose(
    Ctx ctx, ApiSession* session, const spanner::TransactionSelector& selector) {
  Target target;
  switch (selector.selector_case()) {
    case spanner::TransactionSelector::kId: {
      ISO_ASSIGN_OR_RETURN(target.txn, sessions_->FindTransaction(session, selector.id()));
      return target;
    }
    case spanner::TransactionSelector::kBegin: {
      ISO_ASSIGN_OR_RETURN(target.txn, sessions_->Begin(std::move(ctx), session, selector.begin()));
      target.began = true;
      return target;
    }
    case spanner::TransactionSelector::kSingleUse:
      target.read_only = selector.single_use().has_read_only();
      if (target.read_only) {
        ISO_ASSIGN_OR_RETURN(target.bound, DecodeBound(selector.single_use().read_only()));
      }
      return target;
    case spanner::TransactionSelector::SELECTOR_NOT_SET:
      target.own = !session->multiplexed;
      return target;
  }
  return absl::InvalidArgumentError("unknown transaction selector");
}

Task<absl::Status> SpannerService::RunSql(CallInfo* call, const ExecuteSqlRequest* request,
                                          ApiSink* sink) {
  ISO_CO_ASSIGN_OR_RETURN(auto session, sessions_->Find(request->session()));
  SessionUse use(session, executor());
  SetPriority(request->request_options(), call->ctx.get());
  if (!request->resume_token().empty()) {
    co_return absl::UnavailableError(
        "this stream cannot be taken up again: run the statement anew");
  }
  admission::Admission::Slot fresh;
  if (!GoesOn(*session, request->transaction())) {
    ISO_CO_ASSIGN_OR_RETURN(fresh, co_await admission_->Enter(call->ctx));
  }
  if (request->query_mode() == ExecuteSqlRequest::PLAN) {
    co_return co_await Describe(call->ctx, session.get(), request, sink);
  }
  ISO_CO_ASSIGN_OR_RETURN(const Target target,
                          Choose(call->ctx, session.get(), request->transaction()));
  Turn* turn = target.own ? &session->turn : target.txn ? &target.txn->turn : nullptr;
  if (turn == nullptr) {
    SlotUse alone(admission_, std::move(fresh), nullptr);
    co_return co_await RunInTarget(call, session.get(), &target, request, sink);
  }
  ISO_CO_RETURN_IF_ERROR(co_await turn->Enter(call->ctx));
  TurnLeaver leaver(turn);
  ApiSession* own = target.own ? session.get() : nullptr;
  SlotUse slot_use(admission_, std::move(fresh), own ? &own->slot : SlotOf(target.txn.get()),
                   [own] { return !own || (own->own && own->own->transaction_status() != 'I'); });
  co_return co_await RunInTarget(call, session.get(), &target, request, sink);
}

Task<absl::Status> SpannerService::RunInTarget(CallInfo* call, ApiSession* session,
                                               const Target* target,
                                               const ExecuteSqlRequest* request, ApiSink* sink) {
  ApiTransaction* txn = target->txn.get();
  if (txn != nullptr) ISO_CO_RETURN_IF_ERROR(CheckOpen(*txn));
  const bool numbered = txn != nullptr && request->seqno() > 0;
  if (numbered && request->seqno() == txn->last_seqno) {
    *sink->metadata() = txn->last_dml.metadata();
    *sink->stats() = txn->last_dml.stats();
    co_return absl::OkStatus();
  }
  if (target->began) DescribeTransaction(*session, txn, sink->metadata()->mutable_transaction());
  absl::StatusOr<sql::Params> params = DecodeParams(request->params(), request->param_types());
  absl::StatusOr<sql::StatementResult> result = absl::UnknownError("not run");
  if (params.ok()) {
    result = co_await Run(call->ctx, session, target, request->sql(), *std::move(params), sink);
  } else {
    result = params.status();
  }
  if (!result.ok()) {
    EndAfterFailure(session, *target, result.status());
    co_return result.status();
  }
  const bool partitioned = txn != nullptr && txn->txn == nullptr;
  FillStats(*request, *result, partitioned, sink);
  if (!sink->sent()) {
    auto* metadata = sink->metadata();
    const auto& options =
        target->began ? request->transaction().begin() : request->transaction().single_use();
    if (options.read_only().return_read_timestamp() && result->read_timestamp) {
      EncodeTime(*result->read_timestamp,
                 metadata->mutable_transaction()->mutable_read_timestamp());
    }
    if (numbered && result->is_dml && !result->returns_rows) {
      txn->last_seqno = request->seqno();
      *txn->last_dml.mutable_metadata() = *metadata;
      *txn->last_dml.mutable_stats() = *sink->stats();
    }
  }
  if (WantsDetails(*call->server)) {
    AddDetails(*result, call->server);
    if (target->own) {
      call->server->AddTrailingMetadata("isochron-transaction-status",
                                        std::string(1, session->own->transaction_status()));
    }
  }
  co_return absl::OkStatus();
}

Task<absl::StatusOr<sql::StatementResult>> SpannerService::Run(Ctx ctx, ApiSession* session,
                                                               const Target* target,
                                                               std::string sql, sql::Params params,
                                                               sql::ResultSink* sink) {
  if (target->own) {
    return sessions_->Own(session)->Execute(std::move(ctx), std::move(sql), std::move(params),
                                            sink);
  }
  if (target->txn && target->txn->txn) {
    return target->txn->txn->Execute(std::move(ctx), std::move(sql), std::move(params), sink);
  }
  return RunBorrowed(std::move(ctx), session, target, std::move(sql), std::move(params), sink);
}

Task<absl::StatusOr<sql::StatementResult>> SpannerService::RunBorrowed(Ctx ctx, ApiSession* of,
                                                                       const Target* target,
                                                                       std::string sql,
                                                                       sql::Params params,
                                                                       sql::ResultSink* sink) {
  std::shared_ptr<sql::Session> session = sessions_->Borrow(of);
  absl::StatusOr<sql::StatementResult> result = absl::UnknownError("not run");
  if (target->read_only) {
    result = co_await session->ExecuteReadOnly(std::move(ctx), std::move(sql), std::move(params),
                                               target->bound, sink);
  } else {
    result = co_await session->Execute(std::move(ctx), std::move(sql), std::move(params), sink);
  }
  const bool changed =
      session->transaction_status() != 'I' || (result.ok() && ChangesSettings(result->tag));
  if (!changed) {
    sessions_->GiveBack(std::move(session));
  } else if (result.ok()) {
    co_return absl::FailedPreconditionError(
        "BEGIN and SET last from request to request only on a session that is not multiplexed, in "
        "requests without a transaction selector");
  }
  co_return result;
}

Task<absl::Status> SpannerService::Describe(Ctx ctx, ApiSession* session,
                                            const ExecuteSqlRequest* request, ApiSink* sink) {
  ISO_CO_ASSIGN_OR_RETURN(sql::Params params,
                          DecodeParams(request->params(), request->param_types()));
  std::vector<sql::Type> types;
  for (const sql::TypedDatum& p : params) types.push_back(p.type);
  std::shared_ptr<sql::Session> sql_session = sessions_->Borrow(session);
  ISO_CO_ASSIGN_OR_RETURN(sql::StatementDescription description,
                          co_await sql_session->Describe(ctx, request->sql(), std::move(types)));
  sessions_->GiveBack(std::move(sql_session));
  if (!description.columns.empty()) sink->OnColumns(description.columns);
  auto* undeclared = sink->metadata()->mutable_undeclared_parameters();
  for (size_t i = 0; i < description.params.size(); ++i) {
    auto* field = undeclared->add_fields();
    field->set_name(absl::StrCat("p", i + 1));
    EncodeType(description.params[i], field->mutable_type());
  }
  if (request->transaction().has_begin()) {
    ISO_CO_ASSIGN_OR_RETURN(auto txn,
                            sessions_->Begin(ctx, session, request->transaction().begin()));
    DescribeTransaction(*session, txn.get(), sink->metadata()->mutable_transaction());
  }
  co_return absl::OkStatus();
}

}  // namespace isochron::rpc
