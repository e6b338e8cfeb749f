// SPDX-License-Identifier: Apache-2.0
#include "sql/session/transaction_impl.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/planner/planner.h"

namespace isochron::sql {
namespace {

absl::Status FailedTransaction() {
  return SqlError(sqlstate::kFailedTransaction,
                  "current transaction is aborted, commands ignored until end of transaction block",
                  -1, "ROLLBACK, or ROLLBACK TO a savepoint.");
}

}  // namespace

absl::Status CommitError(const absl::Status& status) {
  if (status.code() != absl::StatusCode::kUnknown) return status;
  return SqlError(sqlstate::kCompletionUnknown,
                  absl::StrCat("the outcome of the commit cannot be known: ", status.message()), -1,
                  "Read the data to see whether it took effect before running it again.");
}

TransactionImpl::TransactionImpl(EngineImpl* engine, std::shared_ptr<Settings> settings,
                                 TransactionOptions options)
    : engine_(engine),
      settings_(std::move(settings)),
      options_(std::move(options)),
      zone_at_begin_(settings_->time().zone.name()),
      style_at_begin_(settings_->Get("datestyle").value_or("ISO, MDY")),
      who_at_begin_(settings_->who()) {}

absl::StatusOr<std::unique_ptr<txn::ReadTransaction>> TransactionImpl::BeginReader(const Ctx& ctx) {
  return engine_->deps().store->BeginReadOnly(ctx, bound_);
}

absl::Status TransactionImpl::Start(Ctx ctx) {
  sequences_ = settings_->sequences();
  ISO_ASSIGN_OR_RETURN(now_, engine_->SqlNow());
  if (options_.read_only) {
    if (options_.bound.bounded()) {
      return SqlError(sqlstate::kInvalidParameter,
                      "MAX_STALENESS, MIN_READ_TIMESTAMP and CAUSAL are for single statements", -1,
                      "For a transaction use STRONG, EXACT_STALENESS or READ_TIMESTAMP.");
    }
    ISO_ASSIGN_OR_RETURN(txn::ReadOptions read, engine_->Resolve(options_.bound, Timestamp()));
    bound_ = read.t;
    ISO_ASSIGN_OR_RETURN(reader_, BeginReader(ctx));
    return absl::OkStatus();
  }
  auto* previous = dynamic_cast<TransactionImpl*>(options_.previous.get());
  if (previous != nullptr && previous->writer_ != nullptr) {
    ISO_ASSIGN_OR_RETURN(writer_, engine_->deps().store->Retry(ctx, *previous->writer_));
  } else {
    ISO_ASSIGN_OR_RETURN(writer_, engine_->deps().store->Begin(ctx));
  }
  options_.previous.reset();
  return absl::OkStatus();
}

Timestamp TransactionImpl::read_timestamp() const {
  return reader_ != nullptr ? reader_->read_timestamp() : Timestamp();
}

std::string TransactionImpl::name() const {
  if (writer_ != nullptr) return ToString(writer_->id());
  return absl::StrCat("read-only at ", ToString(read_timestamp()));
}

Task<absl::StatusOr<StatementResult>> TransactionImpl::Execute(Ctx ctx, std::string sql,
                                                               Params params, ResultSink* sink) {
  StatementDeadline deadline(ctx, engine_->deps().executor, settings_->timeouts());
  auto text = engine_->cache().Get(sql, params, settings_->path());
  if (!text.ok()) {
    if (state_ == State::kOpen && options_.fail_on_error) state_ = State::kFailed;
    co_return ResolvePosition(text.status(), sql, 0);
  }
  StatementResult last;
  for (size_t i = 0; i < (*text)->statements.size(); ++i) {
    const LatencyAccount before = ctx->latency;
    auto result = co_await ExecuteOne(ctx, *text, i, params, sink);
    if (!result.ok()) co_return ResolvePosition(result.status(), sql, 0);
    last = *std::move(result);
    last.latency = Difference(ctx->latency, before);
    if (reader_ != nullptr && read_timestamp().us != 0) last.read_timestamp = read_timestamp();
    sink->OnComplete(last);
  }
  co_return last;
}

Task<absl::StatusOr<StatementResult>> TransactionImpl::ExecuteOne(Ctx ctx, PreparedPtr text,
                                                                  size_t index, Params params,
                                                                  ResultSink* sink) {
  if (state_ == State::kOpen && text->statements[index].verb != Verb::kTransaction) {
    auto found = co_await engine_->OnPath(ctx, text, settings_.get(), relations());
    if (!found.ok() && options_.fail_on_error) state_ = State::kFailed;
    if (!found.ok()) co_return found.status();
    text = *std::move(found);
  }
  const Prepared& statement = text->statements[index];
  const auto* verb = std::get_if<ast::Transaction>(&statement.ast.node);
  const bool rescues = verb != nullptr && verb->verb == ast::TxnVerb::kRollbackTo;
  if (state_ == State::kFailed ? !rescues : state_ != State::kOpen) co_return FailedTransaction();
  if (statement.copy.has_value() && !sink->takes_copy()) co_return CopyMisplaced();
  ++statements_;
  ReplaySink tracked(sink);
  Draws draws = engine_->MakeDraws(settings_.get(), options_.read_only);
  absl::StatusOr<StatementResult> result;
  for (;;) {
    tracked.NewAttempt();
    result = co_await RunOnce(ctx, text, index, params, &draws, &tracked);
    if (tracked.diverged() && (result.ok() || options_.read_only ||
                               result.status().code() == absl::StatusCode::kCancelled)) {
      co_return GiveUp(absl::AbortedError("wounded by an older transaction"),
                       absl::StrCat("a result already sent cannot be repeated"));
    }
    if (result.ok() || result.status().code() != absl::StatusCode::kAborted) break;
    if (options_.read_only) {
      // The schema check failed before anything was sent: look again at a later timestamp.
      if (statements_ > 1 || tracked.anything_sent() || bound_.has_value()) break;
      ISO_CO_RETURN_IF_ERROR(co_await engine_->Backoff(ctx, 0, result.status()));
      ISO_CO_ASSIGN_OR_RETURN(reader_, BeginReader(ctx));
      continue;
    }
    absl::Status replayed = co_await Replay(ctx, result.status());
    if (!replayed.ok()) co_return replayed;
  }
  if (!options_.read_only) {
    ReplayEntry entry{text,       index, params, SqlStateOf(result.status()), "", tracked.digest(),
                      draws.log()};
    if (result.ok()) entry.tag = result->tag;
    Keep(std::move(entry));
  }
  if (!result.ok()) {
    if (options_.fail_on_error) state_ = State::kFailed;
  } else if (rescues) {
    state_ = State::kOpen;
  }
  co_return result;
}

Task<absl::StatusOr<StatementResult>> TransactionImpl::RunOnce(Ctx ctx, PreparedPtr text,
                                                               size_t index, Params params,
                                                               Draws* draws, ReplaySink* sink) {
  const Prepared* statement = &text->statements[index];
  switch (statement->verb) {
    case Verb::kPlanned:
      co_return co_await RunPlanned(ctx, text, statement, std::move(params), draws, sink);
    case Verb::kExplain:
      co_return co_await RunExplain(ctx, text, statement, std::move(params), draws, sink);
    case Verb::kSession:
      co_return co_await RunCursor(ctx, text, index, std::move(params), draws, sink);
    case Verb::kTransaction:
      if (absl::Status left = co_await FinishFor(ctx, *statement);
          left.code() == absl::StatusCode::kAborted) {
        co_return left;
      }
      co_return co_await RunSavepoint(ctx, &std::get<ast::Transaction>(statement->ast.node));
    case Verb::kSet:
    case Verb::kShow:
      if (const auto* set = std::get_if<ast::Set>(&statement->ast.node)) {
        RememberSettings(*set);
        if (ChangesIdentity(*set)) {
          co_return co_await engine_->SetIdentity(ctx, set, settings_.get(), relations());
        }
      }
      co_return co_await RunSetting(settings_.get(), &statement->ast, sink);
    case Verb::kCreateTable:
    case Verb::kDropTable:
    case Verb::kSchema:
      co_return co_await RunSchema(ctx, text, index);
    case Verb::kSplit:
    case Verb::kMerge:
      co_return SqlError(
          sqlstate::kActiveTransaction,
          absl::StrCat("isochron.", statement->verb == Verb::kSplit ? "split" : "merge",
                       " cannot run inside a transaction block"));
    case Verb::kObject:
      if (ChangesSchema(*std::get<ast::ObjectPtr>(statement->ast.node))) {
        co_return co_await RunSchema(ctx, text, index);
      }
      if (const auto* accepted =
              std::get_if<ast::Accepted>(&std::get<ast::ObjectPtr>(statement->ast.node)->node);
          accepted != nullptr && accepted->constraints.has_value()) {
        co_return co_await SetConstraints(ctx, &*accepted->constraints);
      }
      ISO_CO_RETURN_IF_ERROR(co_await engine_->CheckStatement(ctx, &statement->ast, settings_.get(),
                                                              nullptr, nullptr));
      co_return RunObjectInside(*std::get<ast::ObjectPtr>(statement->ast.node));
    case Verb::kAlterDatabase:
      co_return SqlError(sqlstate::kActiveTransaction,
                         "ALTER DATABASE cannot run inside a transaction block");
    case Verb::kAdvisory:
      co_return SqlError(sqlstate::kUnsupported,
                         "advisory locks belong to a session, and this transaction has none");
    case Verb::kChecksum:
      co_return SqlError(sqlstate::kActiveTransaction,
                         "isochron.checksum cannot run inside a transaction block");
    case Verb::kCopyFrom:
      co_return CopyMisplaced();
    case Verb::kMembers:
      co_return SqlError(sqlstate::kActiveTransaction,
                         "replicas and leaders do not change inside a transaction block");
  }
  co_return SqlError(sqlstate::kInternal, "a statement of no known kind");
}

absl::Status TransactionImpl::CheckWrites(const Prepared& statement) const {
  if (!options_.read_only || !statement.writes) return absl::OkStatus();
  const bool select = std::holds_alternative<ast::Select>(statement.ast.node);
  return SqlError(sqlstate::kReadOnlyTransaction, absl::StrCat("cannot execute ",
                                                               statement.draws ? "nextval()"
                                                               : select        ? "SELECT FOR UPDATE"
                                                                               : "a write",
                                                               " in a read-only transaction"));
}

Task<absl::StatusOr<std::shared_ptr<const Plan>>> TransactionImpl::PlanHere(
    Ctx ctx, PreparedPtr text, const Prepared* statement) {
  const Timestamp t = bound_.value_or(read_timestamp());
  if (options_.read_only && t.us != 0) {
    co_return co_await engine_->PlanAt(ctx, text, statement, t, reader_.get());
  }
  auto plan = co_await PlanInside(ctx, text, statement);
  if (plan.ok() && !options_.read_only) ISO_CO_RETURN_IF_ERROR(Use((*plan)->tables));
  co_return plan;
}

absl::StatusOr<ExecContext> TransactionImpl::ExecHere(const Ctx& ctx, const Plan& plan,
                                                      const Params& params) {
  ExecContext exec = engine_->MakeExec(ctx);
  exec.eval.session = settings_.get();
  exec.eval.SetNow(now_, settings_->time());
  ISO_ASSIGN_OR_RETURN(exec.eval.params, engine_->BindParams(plan, params, settings_->time()));
  if (schema_ != nullptr) ISO_RETURN_IF_ERROR(schema_->writer()->status());
  exec.reader = options_.read_only ? reader_.get() : writer();
  exec.writer = writer();
  exec.inside = relations();
  exec.deferred_keys = &deferred_;
  return exec;
}

Task<absl::StatusOr<StatementResult>> TransactionImpl::RunPlanned(Ctx ctx, PreparedPtr text,
                                                                  const Prepared* statement,
                                                                  Params params, Draws* draws,
                                                                  ReplaySink* sink) {
  ISO_CO_RETURN_IF_ERROR(CheckWrites(*statement));
  ISO_CO_ASSIGN_OR_RETURN(std::shared_ptr<const Plan> plan,
                          co_await PlanHere(ctx, text, statement));
  co_return co_await RunPlan(ctx, std::move(plan), std::move(params), draws, sink, nullptr);
}

Task<absl::StatusOr<StatementResult>> TransactionImpl::RunPlan(Ctx ctx,
                                                               std::shared_ptr<const Plan> plan,
                                                               Params params, Draws* draws,
                                                               ReplaySink* sink, Profile* profile) {
  const bool at = options_.read_only && bound_.value_or(read_timestamp()).us != 0;
  if (plan->writes()) ISO_CO_RETURN_IF_ERROR(co_await FinishCursors(ctx, false));
  ISO_CO_ASSIGN_OR_RETURN(ExecContext exec, ExecHere(ctx, *plan, params));
  exec.profile = profile;
  if (engine_->NeedsCheck(*plan, *settings_)) {
    ISO_CO_RETURN_IF_ERROR(
        co_await engine_->CheckPlan(ctx, plan, settings_.get(), relations(), at, &exec.used));
  }
  if (plan->writes()) {
    for (const UsedTable& table : plan->tables) dirty_.insert(table.id);
  }
  draws->SeeInside(relations());
  const size_t mark = writer_ != nullptr ? writer()->Mark() : 0;
  absl::StatusOr<StatementResult> result;
  do {
    sink->NewAttempt();
    result = co_await engine_->RunDrawing(plan, &exec, sink, draws, options_.read_only && !at);
  } while (draws->again());
  if (!options_.read_only && result.status().code() != absl::StatusCode::kAborted) {
    ISO_CO_RETURN_IF_ERROR(Use(exec.used));
    // What foreign keys brought about may have written any of them.
    if (plan->writes()) {
      for (const UsedTable& table : exec.used) dirty_.insert(table.id);
    }
  }
  // A statement takes effect as a whole or not at all.
  if (!result.ok() && writer_ != nullptr && plan->writes() &&
      result.status().code() != absl::StatusCode::kAborted) {
    writer()->RollbackToMark(mark);
  }
  co_return result;
}

Task<absl::StatusOr<StatementResult>> TransactionImpl::RunSavepoint(Ctx ctx,
                                                                    const ast::Transaction* verb) {
  StatementResult result;
  if (verb->verb == ast::TxnVerb::kSavepoint) {
    savepoints_.push_back(
        {verb->savepoint, writer_ != nullptr ? writer()->Mark() : 0, next_cursor_});
    result.tag = "SAVEPOINT";
    co_return result;
  }
  if (verb->verb != ast::TxnVerb::kRelease && verb->verb != ast::TxnVerb::kRollbackTo) {
    co_return SqlError(sqlstate::kUnsupported,
                       "BEGIN, COMMIT and ROLLBACK are calls of their own in this transaction");
  }
  size_t at = savepoints_.size();
  while (at > 0 && savepoints_[at - 1].name != verb->savepoint) --at;
  if (at == 0) {
    co_return SqlError(sqlstate::kInvalidSavepoint,
                       absl::StrCat("savepoint \"", verb->savepoint, "\" does not exist"));
  }
  if (verb->verb == ast::TxnVerb::kRelease) {
    savepoints_.resize(at - 1);
    result.tag = "RELEASE";
    co_return result;
  }
  if (writer_ != nullptr) writer()->RollbackToMark(savepoints_[at - 1].mark);
  if (schema_ != nullptr) ISO_CO_RETURN_IF_ERROR(co_await schema_->Refresh(ctx));
  std::erase_if(cursors_,
                [&](const auto& c) { return declared_[c.first] >= savepoints_[at - 1].cursors; });
  savepoints_.resize(at);
  result.tag = "ROLLBACK";
  co_return result;
}

void TransactionImpl::RememberSettings(const ast::Set& set) {
  if (set.is_transaction) return;
  if (!settings_before_.has_value()) settings_before_ = *settings_;
  if (set.is_local) local_.emplace(set.name, settings_->Get(set.name));
}

void TransactionImpl::EndSettings(bool committed) {
  if (!settings_before_.has_value()) return;
  if (committed) {
    for (const auto& [name, value] : local_) (void)settings_->Set(name, value);
  } else {
    settings_->GoBackTo(*settings_before_);
  }
  settings_before_.reset();
  local_.clear();
}

absl::Status TransactionImpl::Use(const std::vector<UsedTable>& tables) {
  for (const UsedTable& table : tables) {
    // What it changed itself is locked.
    if (schema_ != nullptr && schema_->scope().names.contains(table.name)) continue;
    auto [it, fresh] = used_.emplace(table.name, table);
    if (!fresh && (it->second.id != table.id || it->second.version != table.version)) {
      return absl::AbortedError(
          absl::StrCat("table ", table.name, " was changed or dropped during the transaction"));
    }
  }
  return absl::OkStatus();
}

void TransactionImpl::Keep(ReplayEntry entry) {
  if (log_lost_) return;
  log_bytes_ += entry.Bytes();
  if (log_bytes_ > engine_->options().max_replay_bytes) {
    log_lost_ = true;
    log_.clear();
    return;
  }
  log_.push_back(std::move(entry));
}

absl::Status TransactionImpl::GiveUp(const absl::Status& why, absl::string_view what) {
  if (writer_ != nullptr) writer_->Rollback();
  state_ = State::kAborted;
  engine_->Count("sql.serialization_failures");
  return SqlError(sqlstate::kSerializationFailure,
                  absl::StrCat("could not serialize access: ", why.message(), "; ", what), -1,
                  "Roll back and run the whole transaction again.");
}

void TransactionImpl::KeepAgeOnly() {
  log_ = {};
  log_bytes_ = 0;
  log_lost_ = true;
  cursors_.clear();
  used_.clear();
  dirty_.clear();
}

Task<absl::Status> TransactionImpl::Replay(Ctx ctx, absl::Status why) {
  if (log_lost_) {
    co_return GiveUp(why, "the transaction is too long to be replayed by the server");
  }
  for (int attempt = 0;; ++attempt) {
    writer_->Rollback();  // its locks go before the wait
    absl::Status waited = co_await engine_->Backoff(ctx, attempt, why);
    if (!waited.ok()) {
      Rollback();
      co_return waited;
    }
    auto next = engine_->deps().store->Retry(ctx, *writer_);
    if (!next.ok()) {
      Rollback();
      co_return next.status();
    }
    ForgetCursors();
    schema_.reset();
    deferred_ = DeferredKeys();
    dirty_.clear();
    writer_ = *std::move(next);
    savepoints_.clear();
    used_.clear();
    settings_->sequences() = sequences_;
    engine_->Count("sql.replays");
    // The statements read times as they did then: SET is among them.
    (void)settings_->Set("timezone", zone_at_begin_);
    (void)settings_->Set("datestyle", style_at_begin_);
    settings_->SetWho(who_at_begin_);
    bool again = false;
    for (size_t i = 0; i < log_.size() && !again; ++i) {
      const ReplayEntry entry = log_[i];
      ReplaySink sink(nullptr);
      Draws draws = engine_->MakeDraws(settings_.get(), false);
      draws.set_log(entry.draws);
      auto result = co_await RunOnce(ctx, entry.text, entry.index, entry.params, &draws, &sink);
      if (result.status().code() == absl::StatusCode::kAborted) {
        why = result.status();
        again = true;
        break;
      }
      const bool same = SqlStateOf(result.status()) == entry.sql_state &&
                        (!result.ok() || result->tag == entry.tag) && sink.digest() == entry.digest;
      if (!same) {
        co_return GiveUp(why, absl::StrCat("when replayed, statement ", i + 1, " (", entry.Sql(),
                                           ") gave another result"));
      }
    }
    if (again) continue;
    if (engine_->deps().sabotage.Is(Sabotage::kDeferredForgotten)) deferred_ = DeferredKeys();
    co_return absl::OkStatus();
  }
}

Task<absl::StatusOr<txn::CommitResult>> TransactionImpl::Commit(Ctx ctx) {
  if (state_ != State::kOpen) co_return FailedTransaction();
  if (options_.read_only) {
    ISO_CO_RETURN_IF_ERROR(co_await FinishCursors(ctx, true));
    KeepHeld();
    state_ = State::kCommitted;
    EndSettings(true);
    settings_->SetReadTimestamp(read_timestamp());
    reader_.reset();
    co_return txn::CommitResult{};
  }
  for (;;) {
    auto committed = co_await CommitOnce(ctx);
    if (committed.ok()) {
      KeepHeld();
      state_ = State::kCommitted;
      EndSchema(true);
      EndSettings(true);
      settings_->SetCommitTimestamp(committed->commit_timestamp);
      co_return committed;
    }
    if (committed.status().code() != absl::StatusCode::kAborted) {
      const bool unknown = committed.status().code() == absl::StatusCode::kUnknown;
      if (!unknown) writer_->Rollback();
      state_ = unknown ? State::kUnknown : State::kRolledBack;
      EndSchema(false);
      EndSettings(false);
      co_return CommitError(committed.status());
    }
    ISO_CO_RETURN_IF_ERROR(co_await Replay(ctx, committed.status()));
  }
}

void TransactionImpl::Rollback() {
  EndSettings(false);
  cursors_.clear();
  if (writer_ != nullptr && state_ != State::kCommitted && state_ != State::kUnknown) {
    writer_->Rollback();
  }
  EndSchema(false);
  reader_.reset();
  if (state_ == State::kOpen || state_ == State::kFailed) state_ = State::kRolledBack;
}

Task<absl::StatusOr<StatementResult>> RunSetting(Settings* settings, const ast::Statement* ast,
                                                 ResultSink* sink) {
  StatementResult result;
  if (const auto* set = std::get_if<ast::Set>(&ast->node)) {
    result.tag = set->value.has_value() ? "SET" : "RESET";
    if (set->is_transaction) {
      result.tag = "SET";
      if (set->read_only.has_value() && set->name == "session characteristics") {
        settings->set_default_read_only(*set->read_only);
      }
      co_return result;
    }
    if (set->reset_all) {
      settings->ResetAll();
    } else {
      ISO_CO_RETURN_IF_ERROR(settings->Set(set->name, set->value));
    }
    co_return result;
  }
  const std::string& name = std::get<ast::Show>(ast->node).name;
  std::vector<Row> rows;
  if (name == "all") {
    sink->OnColumns({{"name", Type::kText}, {"setting", Type::kText}});
    for (auto& [n, v] : settings->All()) {
      Row row;
      row.push_back(Datum::String(n));
      row.push_back(Datum::String(v));
      rows.push_back(std::move(row));
    }
  } else {
    auto value = settings->Get(name);
    if (!value.has_value()) {
      co_return SqlError(sqlstate::kUndefinedObject,
                         absl::StrCat("unrecognized configuration parameter \"", name, "\""), -1,
                         "SHOW ALL lists the settings.");
    }
    sink->OnColumns({{name, Type::kText}});
    Row row;
    row.push_back(Datum::String(*std::move(value)));
    rows.push_back(std::move(row));
  }
  result.tag = "SHOW";
  result.returns_rows = true;
  result.rows = static_cast<int64_t>(rows.size());
  if (!co_await sink->OnRows(std::move(rows))) co_return absl::CancelledError("the client left");
  co_return result;
}

}  // namespace isochron::sql
