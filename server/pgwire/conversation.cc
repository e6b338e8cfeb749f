// SPDX-License-Identifier: Apache-2.0
#include "server/pgwire/conversation.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status_macros.h"
#include "server/pgwire/row_sink.h"
#include "server/pgwire/startup.h"
#include "server/rpc/slot_use.h"
#include "sql/types/error.h"

namespace isochron::pgwire {
namespace {

// A statement's own timeout is far shorter, unless its client turned it off.
constexpr Micros kNoDeadlineUs = Micros{24} * 3'600'000'000;

// As PostgreSQL spells those that it reports; the session knows them in lower case.
constexpr std::array<const char*, 7> kReported = {
    "application_name", "client_encoding",
    "DateStyle",        "default_transaction_read_only",
    "IntervalStyle",    "standard_conforming_strings",
    "TimeZone"};
constexpr std::array<const char*, 3> kFixed = {"server_version", "server_encoding",
                                               "integer_datetimes"};

// -c name=value and --name=value, blanks escaped by a backslash.
absl::StatusOr<Conversation::Options> ParseOptions(absl::string_view text) {
  std::vector<std::string> words(1);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      words.back().push_back(text[++i]);
    } else if (absl::ascii_isspace(static_cast<unsigned char>(text[i]))) {
      if (!words.back().empty()) words.emplace_back();
    } else {
      words.back().push_back(text[i]);
    }
  }
  Conversation::Options out;
  for (size_t i = 0; i < words.size(); ++i) {
    absl::string_view word = words[i];
    if (word.empty()) continue;
    if (word == "-c" && i + 1 < words.size()) {
      word = words[++i];
    } else if (absl::StartsWith(word, "--") || absl::StartsWith(word, "-c")) {
      word.remove_prefix(2);
    } else {
      return sql::SqlError(sql::sqlstate::kUnsupported,
                           absl::StrCat("the command-line option \"", word, "\" is not supported"),
                           -1, "Only settings may be given: -c name=value.");
    }
    std::pair<std::string, std::string> setting = absl::StrSplit(word, absl::MaxSplits('=', 1));
    std::replace(setting.first.begin(), setting.first.end(), '-', '_');
    out.push_back(std::move(setting));
  }
  return out;
}

absl::Status InPostgresWords(absl::string_view words, const absl::Status& status) {
  sql::ErrorFields fields;
  fields.detail = std::string(status.message());
  return sql::WithFields(sql::SqlError(sql::sqlstate::kQueryCanceled, words), fields);
}

absl::Status AsError(const absl::Status& status) {
  const Micros retry_us = admission::RetryAfter(status);
  const bool plain = sql::HintOf(status).empty() && sql::PositionOf(status) == 0;
  if (retry_us <= 0 && plain && absl::IsDeadlineExceeded(status) &&
      sql::SqlStateOf(status) == sql::sqlstate::kQueryCanceled) {
    return InPostgresWords("canceling statement due to statement timeout", status);
  }
  if (retry_us <= 0 && plain && absl::IsCancelled(status)) {
    return InPostgresWords("canceling statement due to user request", status);
  }
  if (retry_us <= 0) return status;
  return sql::SqlError("53300", status.message(), -1,
                       absl::StrCat("Try again after ", (retry_us + 999) / 1000, " ms."));
}

}  // namespace

Conversation::Conversation(Deps deps, std::unique_ptr<sql::Session> session)
    : deps_(std::move(deps)), session_(std::move(session)) {
  deps_.out->UseTime(&session_->time_context());
}

Ctx Conversation::NewCtx() {
  auto ctx = std::make_shared<RequestContext>(deps_.executor->MonotonicNow() + kNoDeadlineUs);
  ctx->memory.Attach(deps_.statement_memory_bytes, deps_.memory);
  ctx->principal = user_;
  return ctx;
}

Micros Conversation::idle_limit_us() const {
  const sql::Session::IdleLimits limits = session_->idle_limits();
  if (copy_ != nullptr) return 0;
  return session_->in_transaction() ? limits.in_transaction_us : limits.session_us;
}

absl::Status Conversation::IdleTooLong() const {
  if (session_->in_transaction()) {
    return sql::SqlError(sql::sqlstate::kIdleInTransaction,
                         "terminating connection due to idle-in-transaction timeout");
  }
  return sql::SqlError("57P05", "terminating connection due to idle-session timeout");
}

void Conversation::Cancel() {
  if (running_) running_->Cancel();
}

void Conversation::End(const absl::Status& status) {
  if (std::exchange(ended_, true)) return;
  deps_.out->Error(ReportOf(status, "FATAL"));
}

void Conversation::Fail(const absl::Status& status) {
  // The session has ended.
  if (sql::SqlStateOf(status) == kAdminShutdown) return End(status);
  session_->FailTransaction();
  deps_.out->Error(ReportOf(AsError(status)));
}

void Conversation::Ready() {
  if (!session_->in_transaction()) portals_.ClosePortals();
  if (std::exchange(settings_changed_, false)) ReportSettings(false);
  deps_.out->ReadyForQuery(session_->transaction_status());
  deps_.outlet->Flush();
}

Task<absl::StatusOr<Conversation::Slot>> Conversation::Admit(Ctx ctx) {
  if (session_->in_transaction()) co_return Slot();
  co_return co_await deps_.admission->Enter(ctx);
}

void Conversation::ReportSettings(bool all) {
  reported_.resize(kReported.size());
  for (size_t i = 0; i < kReported.size(); ++i) {
    std::string value = session_->Setting(absl::AsciiStrToLower(kReported[i])).value_or("");
    if (!all && value == reported_[i]) continue;
    deps_.out->ParameterStatus(kReported[i], value);
    reported_[i] = std::move(value);
  }
}

void Conversation::Notices(const sql::StatementResult& result) {
  // Quieter ones stand first.
  constexpr absl::string_view kLevels[] = {"debug", "log", "notice", "warning", "error"};
  const auto level = [&](absl::string_view name) {
    return std::find(std::begin(kLevels), std::end(kLevels), absl::AsciiStrToLower(name));
  };
  const auto* const least =
      result.notices.empty() ? std::begin(kLevels)
                             : level(session_->Setting("client_min_messages").value_or("notice"));
  for (const sql::Notice& n : result.notices) {
    if (least != std::end(kLevels) && level(n.severity) < least) continue;
    deps_.out->Notice({.severity = n.severity, .code = n.sql_state, .message = n.message});
  }
  if (absl::StartsWith(result.tag, "SET") || absl::StartsWith(result.tag, "RESET")) {
    settings_changed_ = true;
  }
}

Task<absl::Status> Conversation::Apply(std::string name, std::string value) {
  const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.';
  });
  if (!plain) {
    co_return sql::SqlError(sql::sqlstate::kUndefinedObject,
                            absl::StrCat("unrecognized configuration parameter \"", name, "\""));
  }
  sql::CollectingSink sink;
  const auto result = co_await session_->Execute(
      NewCtx(), absl::StrCat("SET ", name, " = ", sql::QuoteLiteral(value)), {}, &sink);
  co_return result.status();
}

Task<void> Conversation::Start(Options options, uint32_t process, uint32_t secret) {
  std::string database;
  Options settings;
  for (auto& [name, value] : options) {
    for (const std::string& field : {name, value}) {
      if (absl::Status text = CheckText(field); !text.ok()) co_return End(text);
    }
    if (name == "user") {
      user_ = value;
    } else if (name == "database") {
      database = value;
    } else if (name == "options") {
      auto parsed = ParseOptions(value);
      if (!parsed.ok()) co_return End(parsed.status());
      settings.insert(settings.end(), parsed->begin(), parsed->end());
    } else if (name == "replication") {
      co_return End(sql::SqlError(sql::sqlstate::kUnsupported, "replication is not supported"));
    } else {
      settings.emplace_back(name, value);
    }
  }
  if (user_.empty()) co_return End(NoUser());
  if (database.empty()) database = user_;
  auto session = co_await deps_.engine->Open(NewCtx(), std::move(database));
  if (!session.ok()) co_return End(session.status());
  deps_.out->UseTime(&(*session)->time_context());
  session_ = *std::move(session);
  if (absl::Status in = co_await session_->LogIn(NewCtx(), user_); !in.ok()) co_return End(in);
  for (auto& [name, value] : settings) {
    const absl::Status applied = co_await Apply(name, value);
    if (!applied.ok()) co_return End(applied);
  }
  deps_.out->AuthenticationOk();
  ReportSettings(true);
  for (const char* name : kFixed) {
    deps_.out->ParameterStatus(name, session_->Setting(name).value_or(""));
  }
  deps_.out->ParameterStatus("is_superuser", session_->Setting("is_superuser").value_or("on"));
  deps_.out->ParameterStatus("session_authorization", user_);
  deps_.out->ParameterStatus("in_hot_standby", "off");
  deps_.out->BackendKeyData(process, secret);
  Ready();
}

Task<void> Conversation::Handle(Message message, bool sync_follows) {
  if (copy_ != nullptr && message.type != 'X') {
    co_await CopyIn(std::move(message));
    co_return;
  }
  switch (message.type) {
    case 'X':
      ended_ = true;
      co_return;
    case 'S':
      skipping_ = false;
      co_await EndCommand(absl::OkStatus());
      co_return;
    case 'Q':
      if (!skipping_) co_await SimpleQuery(std::move(message.body));
      co_return;
    case 'd':
    case 'c':
    case 'f':
      co_return;  // what was on its way when a COPY failed
    case 'p':
      co_return End(sql::SqlError(kProtocolViolation, "no password was asked for"));
    case 'F':
      if (!skipping_) {
        co_await EndCommand(sql::SqlError(sql::sqlstate::kUnsupported,
                                          "function calls by number are not supported", -1,
                                          "Call the function in a SELECT."));
      }
      co_return;
    default:
      break;
  }
  if (skipping_) co_return;
  absl::Status status = co_await Extended(message.type, std::move(message.body), sync_follows);
  running_.reset();
  if (status.ok()) co_return;
  Fail(status);
  skipping_ = true;
}

Task<void> Conversation::SimpleQuery(std::string body) {
  ClosePortal("");
  session_->statements()->Close("");
  BodyReader in(body);
  std::string sql(in.CString());
  absl::Status status = in.Finish();
  if (status.ok()) status = CheckText(sql);
  if (status.ok()) {
    running_ = NewCtx();
    status = co_await (BeginsCopy(sql) ? RunCopy(running_, sql) : RunString(running_, sql));
    running_.reset();
  }
  if (copy_ != nullptr) co_return deps_.outlet->Flush();
  co_await EndCommand(std::move(status));
}

Task<void> Conversation::EndCommand(absl::Status status) {
  if (!status.ok()) Fail(status);
  if (session_->in_transaction() && session_->transaction_status() == 'I') {
    running_ = NewCtx();
    rpc::SlotUse use(deps_.admission, Slot(), &slot_,
                     [this] { return session_->in_transaction(); });
    const absl::Status ended = co_await session_->EndImplicit(running_);
    running_.reset();
    if (!ended.ok()) deps_.out->Error(ReportOf(AsError(ended)));
  }
  Ready();
}

Task<absl::Status> Conversation::RunString(Ctx ctx, std::string sql) {
  ISO_CO_ASSIGN_OR_RETURN(Slot fresh, co_await Admit(ctx));
  rpc::SlotUse use(deps_.admission, std::move(fresh), &slot_,
                   [this] { return session_->in_transaction(); });
  RowSink sink(ctx, deps_.outlet, deps_.out, [this](const sql::StatementResult& r) { Notices(r); });
  sink.DescribeRows();
  ISO_CO_ASSIGN_OR_RETURN(const sql::StatementResult result,
                          co_await session_->ExecuteString(ctx, std::move(sql), &sink));
  if (sink.completed() == 0 && result.tag.empty()) deps_.out->Bare('I');
  co_return absl::OkStatus();
}

}  // namespace isochron::pgwire
