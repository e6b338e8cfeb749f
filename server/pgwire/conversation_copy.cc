// SPDX-License-Identifier: Apache-2.0
//
// COPY: rows in bulk, to the client and from it.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/pgwire/conversation.h"
#include "server/pgwire/row_sink.h"
#include "server/rpc/slot_use.h"
#include "sql/types/error.h"

namespace isochron::pgwire {

Task<absl::Status> Conversation::RunCopy(Ctx ctx, std::string sql) {
  ISO_CO_ASSIGN_OR_RETURN(const sql::StatementDescription described,
                          co_await session_->Describe(ctx, sql, {}));
  if (!described.copy.has_value()) co_return co_await RunString(ctx, std::move(sql));
  ISO_CO_ASSIGN_OR_RETURN(Slot fresh, co_await Admit(ctx));
  rpc::SlotUse use(deps_.admission, std::move(fresh), &slot_,
                   [this] { return session_->in_transaction(); });
  if (session_->transaction_status() == 'E') co_return co_await RefuseInFailed(ctx);
  if (described.copy->from) {
    ISO_CO_RETURN_IF_ERROR(session_->BeginImplicit(ctx));
    co_return BeginCopyIn(ctx, *described.copy, false);
  }
  co_return co_await RunCopyOut(ctx, std::move(sql), &*described.copy);
}

// The session's own words for a statement in a failed transaction.
Task<absl::Status> Conversation::RefuseInFailed(Ctx ctx) {
  sql::CollectingSink unused;
  const auto result = co_await session_->Execute(ctx, "SELECT 1", {}, &unused);
  co_return result.status();
}

Task<absl::Status> Conversation::RunCopyOut(Ctx ctx, std::string sql,
                                            const sql::CopyDescription* copy) {
  RowSink sink(ctx, deps_.outlet, deps_.out, [this](const sql::StatementResult& r) { Notices(r); });
  sink.CopyOut(copy->format);
  const auto result = co_await session_->Execute(ctx, std::move(sql), {}, &sink);
  co_return result.status();
}

absl::Status Conversation::BeginCopyIn(Ctx ctx, const sql::CopyDescription& copy, bool extended) {
  ISO_RETURN_IF_ERROR(ctx->Check(deps_.executor->MonotonicNow()));
  copy_ = std::make_unique<CopyInput>(copy, extended, &session_->time_context());
  deps_.out->CopyResponse('G', copy_->columns());
  deps_.outlet->Flush();
  return absl::OkStatus();
}

Task<void> Conversation::CopyIn(Message message) {
  bool ended = false;
  running_ = NewCtx();
  absl::Status status;
  {
    rpc::SlotUse use(deps_.admission, Slot(), &slot_,
                     [this] { return session_->in_transaction(); });
    status = co_await CopyInMessage(std::move(message), &ended);
  }
  if (ended || !status.ok()) co_await EndCopyIn(std::move(status));
  running_.reset();
}

Task<absl::Status> Conversation::CopyInMessage(Message message, bool* ended) {
  switch (message.type) {
    case 'd':
      copy_->Append(message.body);
      co_return co_await InsertRows(false);
    case 'c':
      *ended = true;
      copy_->Finish();
      co_return co_await InsertRows(true);
    case 'f': {
      BodyReader in(message.body);
      const std::string why(in.CString());
      ISO_CO_RETURN_IF_ERROR(CheckText(why));
      co_return sql::SqlError(sql::sqlstate::kQueryCanceled,
                              absl::StrCat("COPY from stdin failed: ", why));
    }
    case 'H':
    case 'S':
      co_return absl::OkStatus();
    default:
      co_return sql::SqlError(kProtocolViolation, absl::StrCat("unexpected message of type \"",
                                                               std::string(1, message.type),
                                                               "\" during COPY from stdin"));
  }
}

Task<absl::Status> Conversation::InsertRows(bool all) {
  for (;;) {
    ISO_CO_ASSIGN_OR_RETURN(CopyInput::Batch batch, copy_->Next(all));
    if (batch.rows == 0) co_return absl::OkStatus();
    sql::CollectingSink sink;
    const auto result =
        co_await session_->Execute(running_, std::move(batch.sql), std::move(batch.params), &sink);
    if (!result.ok()) {
      // Not its position: that is one in a statement that the client has not written.
      sql::ErrorFields fields = sql::FieldsOf(result.status());
      fields.where = absl::StrCat("COPY ", copy_->table(), ", line ", batch.first_line);
      if (batch.last_line > batch.first_line) {
        fields.where = absl::StrCat("COPY ", copy_->table(), ", lines ", batch.first_line, " to ",
                                    batch.last_line);
      }
      co_return sql::WithFields(
          sql::SqlError(sql::SqlStateOf(result.status()), result.status().message(), -1,
                        sql::HintOf(result.status())),
          fields);
    }
    copy_->rows += batch.rows;
  }
}

Task<void> Conversation::EndCopyIn(absl::Status status) {
  const std::unique_ptr<CopyInput> copy = std::move(copy_);
  if (!status.ok()) session_->FailTransaction();
  if (!copy->extended()) {
    rpc::SlotUse use(deps_.admission, Slot(), &slot_,
                     [this] { return session_->in_transaction(); });
    const absl::Status ended = co_await session_->EndImplicit(running_);
    if (status.ok()) status = ended;
  }
  if (status.ok()) {
    deps_.out->CommandComplete(absl::StrCat("COPY ", copy->rows));
  } else {
    Fail(status);
    skipping_ = copy->extended();
  }
  if (!copy->extended()) Ready();
}

}  // namespace isochron::pgwire
