// SPDX-License-Identifier: Apache-2.0
//
// The extended query protocol: statements and portals by name, up to a Sync.
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/pgwire/conversation.h"
#include "server/pgwire/row_sink.h"
#include "server/pgwire/value_codec.h"
#include "server/rpc/slot_use.h"
#include "sql/types/error.h"

namespace isochron::pgwire {
namespace {

constexpr Micros kPatienceUs = 600'000'000;  // with a client that does not take what a portal keeps

// 'S' and a statement's name, or 'P' and a portal's.
struct Target {
  char kind = 0;
  std::string name;
};

absl::StatusOr<Target> ReadTarget(const std::string& body) {
  BodyReader in(body);
  Target out;
  out.kind = static_cast<char>(in.Byte());
  out.name = std::string(in.CString());
  ISO_RETURN_IF_ERROR(in.Finish());
  ISO_RETURN_IF_ERROR(CheckText(out.name));
  if (out.kind == 'S' || out.kind == 'P') return out;
  return sql::SqlError(kProtocolViolation, "neither a statement nor a portal is named");
}

}  // namespace

Task<absl::Status> Conversation::Extended(char type, std::string body, bool sync_follows) {
  switch (type) {
    case 'P':
      return Parse(std::move(body));
    case 'E':
      return Execute(std::move(body), sync_follows);
    default:
      break;
  }
  return AtOnce(type, std::move(body));
}

Task<absl::Status> Conversation::AtOnce(char type, std::string body) {
  switch (type) {
    case 'B':
      co_return Bind(body);
    case 'D':
      co_return Describe(body);
    case 'C':
      co_return Close(body);
    case 'H':
      deps_.outlet->Flush();
      co_return absl::OkStatus();
    default:
      break;
  }
  co_return sql::SqlError(kProtocolViolation, "a message that does not belong here");
}

Task<absl::Status> Conversation::Parse(std::string body) {
  BodyReader in(body);
  const std::string name(in.CString());
  auto statement = std::make_shared<Statement>();
  statement->sql = std::string(in.CString());
  const int declared = in.Int16();
  std::vector<sql::Type> types;
  for (int i = 0; i < declared && in.ok(); ++i) {
    statement->oids.push_back(in.Int32());
    types.push_back(TypeOfOid(statement->oids.back()));
  }
  ISO_CO_RETURN_IF_ERROR(in.Finish());
  ISO_CO_RETURN_IF_ERROR(CheckText(name));
  ISO_CO_RETURN_IF_ERROR(CheckText(statement->sql));
  ISO_CO_RETURN_IF_ERROR(session_->statements()->CheckName(name));
  if (name.empty()) session_->statements()->Close("");
  running_ = NewCtx();
  ISO_CO_ASSIGN_OR_RETURN(statement->description,
                          co_await session_->Describe(running_, statement->sql, types));
  statement->params = statement->description.params;
  // Declared, but not used in the statement.
  for (size_t i = statement->params.size(); i < types.size(); ++i) {
    statement->params.push_back(types[i]);
  }
  statement->oids.resize(statement->params.size(), 0);
  for (size_t i = 0; i < statement->oids.size(); ++i) {
    if (statement->oids[i] == 0) statement->oids[i] = PgTypeOf(statement->params[i]).oid;
  }
  ISO_CO_RETURN_IF_ERROR(session_->statements()->Add(name, std::move(statement)));
  deps_.out->Bare('1');
  co_return absl::OkStatus();
}

absl::Status Conversation::Bind(const std::string& body) {
  BodyReader in(body);
  const std::string portal_name(in.CString());
  const std::string statement_name(in.CString());
  ISO_RETURN_IF_ERROR(CheckText(portal_name));
  ISO_RETURN_IF_ERROR(CheckText(statement_name));
  ISO_ASSIGN_OR_RETURN(auto statement, session_->statements()->Find(statement_name));
  auto portal = std::make_shared<Portal>();
  ISO_RETURN_IF_ERROR(
      ReadBind(&in, session_->time_context(), statement_name, *statement, portal.get()));
  portal->statement = std::move(statement);
  portal->name = portal_name;
  if (portal_name.empty()) {
    ClosePortal(portal_name);
  } else if (session_->HasCursor(portal_name)) {
    return sql::SqlError("42P03", absl::StrCat("cursor \"", portal_name, "\" already exists"));
  }
  ISO_RETURN_IF_ERROR(portals_.AddPortal(portal_name, std::move(portal)).status());
  deps_.out->Bare('2');
  return absl::OkStatus();
}

absl::Status Conversation::Describe(const std::string& body) {
  ISO_ASSIGN_OR_RETURN(const Target target, ReadTarget(body));
  std::shared_ptr<const Statement> statement;
  Formats formats;
  if (target.kind == 'S') {
    ISO_ASSIGN_OR_RETURN(statement, session_->statements()->Find(target.name));
    deps_.out->ParameterDescription(statement->oids);
  } else {
    ISO_ASSIGN_OR_RETURN(auto portal, portals_.FindPortal(target.name));
    statement = portal->statement;
    formats = portal->formats;
  }
  const auto& columns = statement->description.columns;
  if (columns.empty() || statement->description.copy.has_value()) {
    deps_.out->Bare('n');
  } else {
    deps_.out->RowDescription(columns, formats);
  }
  return absl::OkStatus();
}

absl::Status Conversation::Close(const std::string& body) {
  ISO_ASSIGN_OR_RETURN(const Target target, ReadTarget(body));
  if (target.kind == 'S') {
    session_->statements()->Close(target.name);
  } else {
    ClosePortal(target.name);
  }
  deps_.out->Bare('3');
  return absl::OkStatus();
}

Task<absl::Status> Conversation::Execute(std::string body, bool sync_follows) {
  BodyReader in(body);
  const std::string name(in.CString());
  const int64_t limit = in.Int32();
  ISO_CO_RETURN_IF_ERROR(in.Finish());
  ISO_CO_RETURN_IF_ERROR(CheckText(name));
  ISO_CO_ASSIGN_OR_RETURN(auto portal, portals_.FindPortal(name));
  if (portal->statement->description.is_empty) {
    deps_.out->Bare('I');
    co_return absl::OkStatus();
  }
  if (portal->ran) {
    if (portal->statement->description.columns.empty()) {
      co_return sql::SqlError("55000", absl::StrCat("portal \"", name, "\" cannot be run"));
    }
    if (portal->streams) co_return co_await FetchPart(std::move(portal), limit, false);
    co_return co_await SendKept(NewCtx(), std::move(portal), limit);
  }
  co_return co_await RunPortal(std::move(portal), limit, sync_follows);
}

Task<absl::Status> Conversation::RunPortal(std::shared_ptr<Portal> portal, int64_t limit,
                                           bool sync_follows) {
  const Statement& statement = *portal->statement;
  const bool keeps = limit > 0 && !statement.description.columns.empty() &&
                     !statement.description.copy.has_value();
  if (keeps && statement.description.may_stream) {
    co_return co_await FetchPart(std::move(portal), limit, true);
  }
  running_ = NewCtx();
  const Ctx ctx = running_;
  const auto& copy = statement.description.copy;
  ISO_CO_ASSIGN_OR_RETURN(Slot fresh, co_await Admit(ctx));
  rpc::SlotUse use(deps_.admission, std::move(fresh), &slot_,
                   [this] { return session_->in_transaction(); });
  // With more to come it is a transaction up to the Sync, and so is what its portal still holds.
  const bool copies_in = copy.has_value() && copy->from;
  if (!statement.description.is_transaction && (!sync_follows || keeps || copies_in)) {
    ISO_CO_RETURN_IF_ERROR(session_->BeginImplicit(ctx));
  }
  RowSink sink(ctx, deps_.outlet, deps_.out, [this](const sql::StatementResult& r) { Notices(r); });
  sink.Expect(&statement.description.columns, portal->formats);
  portal->ran = true;
  if (copies_in) {
    if (session_->transaction_status() == 'E') co_return co_await RefuseInFailed(ctx);
    co_return BeginCopyIn(ctx, *copy, true);
  }
  if (copy.has_value()) sink.CopyOut(copy->format);
  if (keeps) {
    portal->ctx = ctx;
    sink.KeepRows(&portal->rows, &portal->charged);
  }
  auto result =
      co_await session_->Execute(ctx, statement.sql, std::exchange(portal->params, {}), &sink);
  if (!sink.status().ok()) co_return sink.status();
  ISO_CO_RETURN_IF_ERROR(result.status());
  portal->tag = result->tag;
  if (!keeps) co_return absl::OkStatus();
  portal->types = sink.types();
  co_return co_await SendKept(ctx, std::move(portal), limit);
}

Task<absl::Status> Conversation::FetchPart(std::shared_ptr<Portal> portal, int64_t limit,
                                           bool opens) {
  running_ = NewCtx();
  const Ctx ctx = running_;
  ISO_CO_ASSIGN_OR_RETURN(Slot fresh, co_await Admit(ctx));
  rpc::SlotUse use(deps_.admission, std::move(fresh), &slot_,
                   [this] { return session_->in_transaction(); });
  if (opens) {
    ISO_CO_RETURN_IF_ERROR(session_->BeginImplicit(ctx));
    portal->ran = true;
    portal->streams = true;
    ISO_CO_RETURN_IF_ERROR(co_await session_->OpenPortal(ctx, portal->name, portal->statement->sql,
                                                         std::exchange(portal->params, {})));
  }
  RowSink sink(ctx, deps_.outlet, deps_.out, [this](const sql::StatementResult& r) { Notices(r); });
  sink.Expect(&portal->statement->description.columns, portal->formats);
  auto result = co_await session_->FetchPortal(ctx, portal->name, limit, &sink);
  if (!sink.status().ok()) co_return sink.status();
  ISO_CO_RETURN_IF_ERROR(result.status());
  Notices(*result);
  if (limit > 0 && result->rows == limit) {
    deps_.out->Bare('s');
  } else {
    deps_.out->CommandComplete(result->tag);
  }
  co_return absl::OkStatus();
}

void Conversation::ClosePortal(const std::string& name) {
  auto portal = portals_.FindPortal(name);
  if (!portal.ok()) return;
  if ((*portal)->streams) session_->CloseCursor(name);
  portals_.ClosePortal(name);
}

Task<absl::Status> Conversation::SendKept(Ctx ctx, std::shared_ptr<Portal> portal, int64_t limit) {
  int64_t sent = 0;
  running_ = ctx;
  ctx->set_deadline_us(deps_.executor->MonotonicNow() + kPatienceUs);
  while (!portal->rows.empty() && (limit <= 0 || sent < limit)) {
    deps_.out->DataRow(portal->types, portal->formats, portal->rows.front());
    portal->rows.pop_front();
    ++sent;
    if (deps_.out->size() < kDrainBytes) continue;
    if (!co_await deps_.outlet->Drain(ctx)) {
      co_return sql::SqlError(sql::sqlstate::kQueryCanceled, "the client stopped reading");
    }
  }
  if (!portal->rows.empty()) {
    deps_.out->Bare('s');
    co_return absl::OkStatus();
  }
  const bool select = absl::StartsWith(portal->tag, "SELECT ");
  deps_.out->CommandComplete(select ? absl::StrCat("SELECT ", sent) : portal->tag);
  co_return absl::OkStatus();
}

}  // namespace isochron::pgwire
