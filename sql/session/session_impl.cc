// SPDX-License-Identifier: Apache-2.0
#include "sql/session/session_impl.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/layout.h"
#include "sql/catalog/row_codec.h"
#include "sql/planner/planner.h"
#include "sql/planner/sequence_def.h"
#include "sql/session/schema_edits.h"
#include "sql/types/quote.h"

namespace isochron::sql {
namespace {

// Who begins later is not running the transaction again that was given up.
constexpr Micros kRetryWithinUs = 10'000'000;

// PostgreSQL warns and goes on.
Notice NoTransaction() {
  return {"WARNING", sqlstate::kNoActiveTransaction, "there is no transaction in progress"};
}

bool IsCommentOnDatabase(const decltype(ast::ObjectStatement::node)& node) {
  const auto* database = std::get_if<ast::DatabasePtr>(&node);
  return database != nullptr && std::holds_alternative<ast::CommentOnDatabase>((*database)->node);
}

// One call of the store, over a point or a range, is all that the plan reads.
bool ReadsOnce(const Plan& plan) {
  if (!plan.subqueries.empty() || !plan.ctes.empty() || plan.uses_catalog) return false;
  const PlanNode* node = plan.root.get();
  while (node != nullptr) {
    switch (node->kind) {
      case PlanKind::kFilter:
      case PlanKind::kProject:
      case PlanKind::kSort:
      case PlanKind::kDistinct:
      case PlanKind::kLimit:
      case PlanKind::kAggregate:
      case PlanKind::kSubqueryScan:
        node = node->child.get();
        break;
      case PlanKind::kScan: {
        const auto* scan = static_cast<const ScanPlan*>(node);
        for (const auto& values : scan->bounds.prefix) {
          if (values.size() != 1 || values[0]->kind == ExprKind::kAnyArray) return false;
        }
        return scan->index == nullptr || scan->covering;
      }
      default:
        return false;
    }
  }
  return false;
}

}  // namespace

void CollectingSink::OnColumns(const std::vector<ColumnInfo>& columns) {
  current_.columns = columns;
}

Task<bool> CollectingSink::OnRows(std::vector<Row> rows) {
  for (Row& row : rows) current_.rows.push_back(std::move(row));
  co_return true;
}

void CollectingSink::OnComplete(const StatementResult& result) {
  current_.result = result;
  statements.push_back(std::move(current_));
  current_ = Statement();
}

SessionImpl::SessionImpl(EngineImpl* engine, uint64_t id)
    : engine_(engine),
      id_(id),
      settings_(std::make_shared<Settings>(
          Settings::Timeouts{engine->options().statement_timeout_us,
                             engine->options().lock_timeout_us,
                             engine->options().idle_in_transaction_timeout_us},
          engine->options().version, id, engine->database())) {}

SessionImpl::~SessionImpl() {
  engine_->deps().executor->Cancel(idle_timer_);
  if (transaction_ != nullptr) transaction_->Rollback();
  engine_->advisory().EndSession(id_);
  engine_->Forget(id_);
}

char SessionImpl::transaction_status() const {
  if (transaction_ == nullptr || implicit_) return 'I';
  return transaction_->state() == SqlTransaction::State::kOpen ? 'T' : 'E';
}

std::optional<std::string> SessionImpl::Setting(const std::string& name) const {
  return settings_->Get(name);
}

std::optional<Engine::ActiveStatement> SessionImpl::active() const {
  if (running_.empty()) return std::nullopt;
  return Engine::ActiveStatement{id_, running_, running_since_,
                                 transaction_ != nullptr ? transaction_->name() : ""};
}

absl::StatusOr<std::shared_ptr<SqlTransaction>> SessionImpl::Begin(Ctx ctx,
                                                                   TransactionOptions options) {
  auto txn = std::make_shared<TransactionImpl>(engine_, settings_, std::move(options));
  ISO_RETURN_IF_ERROR(txn->Start(std::move(ctx)));
  return std::shared_ptr<SqlTransaction>(std::move(txn));
}

Task<SessionImpl::Result> SessionImpl::Execute(Ctx ctx, std::string sql, Params params,
                                               ResultSink* sink) {
  auto text = engine_->cache().Get(sql, params, settings_->path());
  if (!text.ok()) {
    absl::Status error = ResolvePosition(text.status(), sql, 0);
    // A statement that cannot be read fails the transaction, too.
    if (transaction_ != nullptr) {
      CollectingSink unused;
      (void)co_await transaction_->Execute(ctx, sql, params, &unused);
    }
    co_return error;
  }
  Running running(this, sql);
  StatementResult last;
  for (size_t i = 0; i < (*text)->statements.size(); ++i) {
    const LatencyAccount before = ctx->latency;
    auto result = co_await One(ctx, *text, i, params, sink);
    if (!result.ok()) co_return ResolvePosition(result.status(), sql, 0);
    last = *std::move(result);
    last.latency = Difference(ctx->latency, before);
    sink->OnComplete(last);
  }
  co_return last;
}

Task<SessionImpl::Result> SessionImpl::One(Ctx ctx, PreparedPtr text, size_t index, Params params,
                                           ResultSink* sink) {
  StatementDeadline deadline(ctx, engine_->deps().executor, settings_->timeouts());
  if (engine_->advisory().Lost(id_)) co_return AdvisoryLocks::LostError();
  if (text->statements[index].verb != Verb::kTransaction) {
    auto found = co_await OnPath(ctx, text);
    if (!found.ok()) FailTransaction();
    if (!found.ok()) co_return found.status();
    text = *std::move(found);
  }
  const Prepared* statement = &text->statements[index];
  if (statement->verb == Verb::kTransaction) {
    const auto* verb = std::get_if<ast::Transaction>(&statement->ast.node);
    const bool savepoint = verb->verb == ast::TxnVerb::kSavepoint ||
                           verb->verb == ast::TxnVerb::kRelease ||
                           verb->verb == ast::TxnVerb::kRollbackTo;
    if (!savepoint) co_return co_await TransactionVerb(ctx, verb);
    if (transaction_ == nullptr) {
      const char* const name = verb->verb == ast::TxnVerb::kSavepoint ? "SAVEPOINT"
                               : verb->verb == ast::TxnVerb::kRelease ? "RELEASE SAVEPOINT"
                                                                      : "ROLLBACK TO SAVEPOINT";
      co_return SqlError(sqlstate::kNoActiveTransaction,
                         absl::StrCat(name, " can only be used in transaction blocks"));
    }
  }
  if (transaction_ != nullptr && !idle_error_.ok()) co_return idle_error_;
  if (statement->verb == Verb::kCopyFrom || (statement->copy && !sink->takes_copy())) {
    co_return CopyMisplaced();
  }
  if (const auto* set = std::get_if<ast::Set>(&statement->ast.node)) {
    if (set->is_transaction && set->database.empty())
      ISO_CO_RETURN_IF_ERROR(SetTransaction(ctx, *set));
  }
  const bool usable =
      transaction_ == nullptr || transaction_->state() == SqlTransaction::State::kOpen;
  if (statement->verb == Verb::kAdvisory && usable) {
    co_return co_await Advisory(ctx, &std::get<ast::Select>(statement->ast.node), std::move(params),
                                sink);
  }
  if (statement->verb == Verb::kSession) {
    co_return co_await Named(ctx, std::move(text), index, std::move(params), sink);
  }
  if (transaction_ == nullptr || (implicit_ && StandsBeside(*statement))) {
    co_return co_await Alone(ctx, std::move(text), index, std::move(params), sink);
  }
  std::shared_ptr<TransactionImpl> txn = transaction_;
  auto result = co_await txn->ExecuteOne(ctx, std::move(text), index, std::move(params), sink);
  if (result.ok() && txn->read_only() && txn->read_timestamp().us != 0) {
    result->read_timestamp = txn->read_timestamp();
    settings_->SetReadTimestamp(txn->read_timestamp());
  }
  co_return result;
}

Task<absl::StatusOr<PreparedPtr>> SessionImpl::OnPath(Ctx ctx, PreparedPtr text) {
  // In a transaction that has failed nothing is looked up.
  if (transaction_ != nullptr && transaction_->state() != SqlTransaction::State::kOpen) {
    co_return text;
  }
  co_return co_await engine_->OnPath(ctx, text, settings_.get(),
                                     transaction_ != nullptr ? transaction_->relations() : nullptr);
}

Task<SessionImpl::Result> SessionImpl::Alone(Ctx ctx, PreparedPtr text, size_t index, Params params,
                                             ResultSink* sink) {
  const Verb verb = text->statements[index].verb;
  if (verb == Verb::kCreateTable || verb == Verb::kDropTable || verb == Verb::kObject ||
      verb == Verb::kSchema) {
    ISO_CO_ASSIGN_OR_RETURN(text, co_await engine_->WithNames(ctx, text, index, nullptr, nullptr));
    ISO_CO_RETURN_IF_ERROR(co_await engine_->CheckStatement(ctx, &text->statements[index].ast,
                                                            settings_.get(), nullptr, nullptr));
  }
  if (verb == Verb::kAlterDatabase || verb == Verb::kSplit || verb == Verb::kMerge ||
      verb == Verb::kChecksum || verb == Verb::kMembers) {
    ISO_CO_RETURN_IF_ERROR(
        co_await engine_->MustBeSuperuser(ctx, settings_.get(), "change how data is kept"));
  }
  const Prepared* statement = &text->statements[index];
  switch (statement->verb) {
    case Verb::kPlanned:
      if (!statement->writes && !statement->draws) {
        co_return co_await ReadOnlyOnce(ctx, text, statement, std::move(params),
                                        settings_->read_bound(), settings_->seen(), sink);
      }
      if (settings_->default_read_only()) {
        co_return SqlError(sqlstate::kReadOnlyTransaction,
                           "cannot write: default_transaction_read_only is on");
      }
      if (settings_->partitioned_dml()) {
        co_return co_await InPortions(ctx, text, statement, std::move(params), sink);
      }
      co_return co_await Autocommit(ctx, text, statement, std::move(params), nullptr, sink);
    case Verb::kExplain:
      co_return co_await ExplainAlone(ctx, text, index, std::move(params), sink);
    case Verb::kSet:
    case Verb::kShow:
      if (const auto* set = std::get_if<ast::Set>(&statement->ast.node);
          set != nullptr && set->is_local) {
        StatementResult result;
        result.tag = "SET";
        result.notices.push_back({"WARNING", sqlstate::kNoActiveTransaction,
                                  "SET LOCAL can only be used in transaction blocks"});
        co_return result;
      }
      if (const auto* set = std::get_if<ast::Set>(&statement->ast.node);
          set != nullptr && ChangesIdentity(*set)) {
        co_return co_await engine_->SetIdentity(ctx, set, settings_.get(), nullptr);
      }
      co_return co_await RunSetting(settings_.get(), &statement->ast, sink);
    case Verb::kCreateTable:
      if (!std::get<ast::CreateTable>(statement->ast.node).foreign_keys.empty()) {
        co_return co_await InOneTransaction(ctx, std::move(text), index, sink);
      }
      co_return co_await CreateTable(ctx, &std::get<ast::CreateTable>(statement->ast.node));
    case Verb::kDropTable:
      co_return co_await DropTable(ctx, &std::get<ast::DropTable>(statement->ast.node));
    case Verb::kObject:
      if (const auto& node = std::get<ast::ObjectPtr>(statement->ast.node)->node;
          std::holds_alternative<ast::Truncate>(node) ||
          std::holds_alternative<ast::NamesPtr>(node) ||
          std::holds_alternative<ast::TypePtr>(node) ||
          std::holds_alternative<ast::RolePtr>(node) || IsCommentOnDatabase(node)) {
        co_return co_await InOneTransaction(ctx, std::move(text), index, sink);
      }
      co_return co_await Object(ctx, std::get<ast::ObjectPtr>(statement->ast.node).get(), sink);
    case Verb::kSchema:
      if (const auto* alter = std::get_if<ast::AlterTable>(&statement->ast.node);
          alter != nullptr && NeedsTransaction(*alter)) {
        co_return co_await InOneTransaction(ctx, std::move(text), index, sink);
      }
      co_return co_await ChangeSchema(ctx, &statement->ast);
    case Verb::kAlterDatabase:
      co_return co_await AlterDatabase(ctx, &std::get<ast::Set>(statement->ast.node));
    case Verb::kSplit:
    case Verb::kMerge:
      co_return co_await Split(ctx, &std::get<ast::Select>(statement->ast.node), std::move(params),
                               statement->verb == Verb::kMerge, sink);
    case Verb::kChecksum:
      co_return co_await Checksum(ctx, &std::get<ast::Select>(statement->ast.node),
                                  std::move(params), sink);
    case Verb::kMembers:
      co_return co_await Members(ctx, &std::get<ast::Select>(statement->ast.node),
                                 std::move(params), sink);
    case Verb::kAdvisory:
    case Verb::kSession:
    case Verb::kTransaction:
    case Verb::kCopyFrom:
      break;
  }
  co_return SqlError(sqlstate::kInternal, "a statement of no known kind");
}

Task<SessionImpl::Result> SessionImpl::AutocommitOnce(
    Ctx ctx, PreparedPtr text, const Prepared* statement, Params params, Timestamp now,
    txn::ReadWriteTransaction* writer, Draws* draws, Portion* portion, BufferSink* buffer) {
  ISO_CO_ASSIGN_OR_RETURN(std::shared_ptr<const Plan> plan,
                          co_await engine_->PlanNow(ctx, text, statement));
  ExecContext exec = engine_->MakeExec(ctx);
  exec.eval.session = settings_.get();
  exec.eval.SetNow(now, settings_->time());
  ISO_CO_ASSIGN_OR_RETURN(exec.eval.params, engine_->BindParams(*plan, params, settings_->time()));
  exec.reader = writer;
  exec.writer = writer;
  exec.portion = portion;
  if (engine_->NeedsCheck(*plan, *settings_)) {
    ISO_CO_RETURN_IF_ERROR(
        co_await engine_->CheckPlan(ctx, plan, settings_.get(), nullptr, false, &exec.used));
  }
  Result result;
  const std::string from = portion != nullptr ? portion->from : "";
  do {
    if (portion != nullptr) portion->from = from;
    result = co_await engine_->RunDrawing(plan, &exec, buffer, draws, false);
    if (draws->again()) buffer->Clear();
  } while (draws->again());
  if (!result.ok()) co_return buffer->status().ok() ? result.status() : buffer->status();
  txn::CommitOptions options;
  exec.used.insert(exec.used.end(), plan->tables.begin(), plan->tables.end());
  if (!engine_->catalog().ValidNow(exec.used, &options.s_max)) {
    ISO_CO_ASSIGN_OR_RETURN(options.s_max,
                            co_await engine_->catalog().Validate(ctx, exec.used, writer));
  }
  auto committed = co_await writer->Commit(ctx, options);
  if (!committed.ok()) co_return CommitError(committed.status());
  if (committed->commit_timestamp.us != 0) result->commit_timestamp = committed->commit_timestamp;
  co_return result;
}

Task<SessionImpl::Result> SessionImpl::Autocommit(Ctx ctx, PreparedPtr text,
                                                  const Prepared* statement, Params params,
                                                  Portion* portion, ResultSink* sink) {
  ISO_CO_ASSIGN_OR_RETURN(Timestamp now, engine_->SqlNow());
  ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ReadWriteTransaction> writer,
                          engine_->deps().store->Begin(ctx));
  BufferSink buffer(ctx);
  Draws draws = engine_->MakeDraws(settings_.get(), false);
  for (int attempt = 0;; ++attempt) {
    buffer.Clear();
    const std::string from = portion != nullptr ? portion->from : "";
    auto result = co_await AutocommitOnce(ctx, text, statement, params, now, writer.get(), &draws,
                                          portion, &buffer);
    if (result.ok()) {
      settings_->SetCommitTimestamp(result->commit_timestamp.value_or(Timestamp()));
      // It is committed, whether or not its client still listens.
      (void)co_await buffer.Flush(sink);
      co_return result;
    }
    if (result.status().code() != absl::StatusCode::kUnknown) writer->Rollback();
    if (result.status().code() != absl::StatusCode::kAborted) co_return result;
    if (portion != nullptr) portion->from = from;
    ISO_CO_RETURN_IF_ERROR(co_await engine_->Backoff(ctx, attempt, result.status()));
    ISO_CO_ASSIGN_OR_RETURN(writer, engine_->deps().store->Retry(ctx, *writer));
  }
}

Task<absl::StatusOr<std::shared_ptr<const Plan>>> SessionImpl::BeginAlone(
    Ctx ctx, PreparedPtr text, const Prepared* statement, txn::ReadOptions options,
    std::unique_ptr<txn::ReadTransaction>* reader) {
  std::shared_ptr<const Plan> plan;
  if (!options.t.has_value() && !options.not_before.has_value()) {
    ISO_CO_ASSIGN_OR_RETURN(plan, co_await engine_->PlanNow(ctx, text, statement));
    options.single_read = ReadsOnce(*plan);
    ISO_CO_ASSIGN_OR_RETURN(*reader, engine_->deps().store->BeginRead(ctx, options));
    co_return plan;
  }
  ISO_CO_ASSIGN_OR_RETURN(*reader, engine_->deps().store->BeginRead(ctx, options));
  if (options.not_before.has_value()) {
    std::vector<KeyRange> ranges = co_await engine_->MayRead(ctx, statement, *options.not_before);
    ISO_CO_RETURN_IF_ERROR(co_await (*reader)->Settle(ctx, std::move(ranges)));
  }
  const Timestamp t = (*reader)->read_timestamp();
  ISO_CO_ASSIGN_OR_RETURN(plan, co_await engine_->PlanAt(ctx, text, statement, t, reader->get()));
  co_return plan;
}

Task<SessionImpl::Result> SessionImpl::ReadOnlyOnce(Ctx ctx, PreparedPtr text,
                                                    const Prepared* statement, Params params,
                                                    ReadBound bound, Timestamp seen,
                                                    ResultSink* sink) {
  ISO_CO_ASSIGN_OR_RETURN(Timestamp now, engine_->SqlNow());
  ISO_CO_ASSIGN_OR_RETURN(txn::ReadOptions options, engine_->Resolve(bound, seen));
  const bool strong = !options.t.has_value() && !options.not_before.has_value();
  for (int attempt = 0;; ++attempt) {
    std::unique_ptr<txn::ReadTransaction> reader;
    std::shared_ptr<const Plan> plan;
    ISO_CO_ASSIGN_OR_RETURN(plan, co_await BeginAlone(ctx, text, statement, options, &reader));
    ExecContext exec = engine_->MakeExec(ctx);
    exec.eval.session = settings_.get();
    exec.eval.SetNow(now, settings_->time());
    ISO_CO_ASSIGN_OR_RETURN(exec.eval.params,
                            engine_->BindParams(*plan, params, settings_->time()));
    exec.reader = reader.get();
    if (engine_->NeedsCheck(*plan, *settings_)) {
      ISO_CO_RETURN_IF_ERROR(
          co_await engine_->CheckPlan(ctx, plan, settings_.get(), nullptr, !strong, &exec.used));
    }
    auto result = co_await engine_->Run(plan, &exec, sink, strong);
    if (result.ok()) {
      if (reader->read_timestamp().us != 0) result->read_timestamp = reader->read_timestamp();
      settings_->SetReadTimestamp(reader->read_timestamp());
      co_return result;
    }
    // Only the schema check aborts a read, and before anything was sent.
    if (result.status().code() != absl::StatusCode::kAborted) co_return result;
    ISO_CO_RETURN_IF_ERROR(co_await engine_->Backoff(ctx, attempt, result.status()));
  }
}

Task<SessionImpl::Result> SessionImpl::ExecuteReadOnly(Ctx ctx, std::string sql, Params params,
                                                       ReadBound bound, ResultSink* sink) {
  StatementDeadline deadline(ctx, engine_->deps().executor, settings_->timeouts());
  auto text = engine_->cache().Get(sql, params, settings_->path());
  if (text.ok()) text = co_await OnPath(ctx, *text);
  if (!text.ok()) co_return ResolvePosition(text.status(), sql, 0);
  if ((*text)->statements.size() != 1) {
    co_return SqlError(sqlstate::kSyntaxError, "one statement is wanted here");
  }
  const Prepared* statement = &(*text)->statements[0];
  const bool reads = statement->verb == Verb::kShow || statement->verb == Verb::kExplain ||
                     (statement->verb == Verb::kPlanned && !statement->writes);
  if (!reads) {
    co_return SqlError(sqlstate::kReadOnlyTransaction,
                       "cannot execute this statement in a read-only transaction");
  }
  const LatencyAccount before = ctx->latency;
  Result result;
  if (statement->verb == Verb::kPlanned) {
    result =
        co_await ReadOnlyOnce(ctx, *text, statement, std::move(params), bound, Timestamp(), sink);
  } else {
    result = co_await Alone(ctx, *text, 0, std::move(params), sink);
  }
  if (!result.ok()) co_return ResolvePosition(result.status(), sql, 0);
  result->latency = Difference(ctx->latency, before);
  sink->OnComplete(*result);
  co_return result;
}

Task<absl::StatusOr<StatementDescription>> SessionImpl::Describe(Ctx ctx, std::string sql,
                                                                 std::vector<Type> param_types) {
  Params params;
  for (Type t : param_types) params.push_back({t, Datum::Null()});
  auto text = engine_->cache().Get(sql, params, settings_->path());
  if (text.ok()) text = co_await OnPath(ctx, *text);
  if (!text.ok()) co_return ResolvePosition(text.status(), sql, 0);
  StatementDescription out;
  out.is_empty = (*text)->statements.empty();
  if (out.is_empty) co_return out;
  if ((*text)->statements.size() > 1) {
    co_return SqlError(sqlstate::kSyntaxError,
                       "cannot insert multiple commands into a prepared statement");
  }
  const Prepared* statement = &(*text)->statements[0];
  out.is_ddl = statement->verb == Verb::kCreateTable || statement->verb == Verb::kDropTable ||
               statement->verb == Verb::kObject || statement->verb == Verb::kSchema ||
               statement->verb == Verb::kAlterDatabase;
  out.is_transaction = statement->verb == Verb::kTransaction;
  out.is_dml = statement->verb == Verb::kPlanned && statement->writes &&
               !std::holds_alternative<ast::Select>(statement->ast.node);
  out.is_query = statement->verb == Verb::kShow || statement->verb == Verb::kExplain ||
                 (statement->verb == Verb::kPlanned && !statement->writes);
  if (statement->copy.has_value()) {
    auto copy = co_await DescribeCopy(ctx, statement);
    if (!copy.ok()) co_return ResolvePosition(copy.status(), sql, 0);
    out.copy = *std::move(copy);
  }
  if (statement->verb == Verb::kSession) {
    auto named = co_await DescribeNamed(ctx, *text, std::move(param_types));
    if (!named.ok()) co_return ResolvePosition(named.status(), sql, 0);
    co_return named;
  }
  if (statement->verb == Verb::kPlanned) {
    auto plan = transaction_ != nullptr ? co_await transaction_->PlanInside(ctx, *text, statement)
                                        : co_await engine_->PlanNow(ctx, *text, statement);
    if (!plan.ok()) co_return ResolvePosition(plan.status(), sql, 0);
    out.params = (*plan)->params;
    out.may_stream =
        std::holds_alternative<ast::Select>(statement->ast.node) && !out.copy && !(*plan)->writes();
    out.columns = (*plan)->columns;
  } else if (statement->verb == Verb::kExplain) {
    out.columns = {ExplainColumn(std::get<ast::Explain>(statement->ast.node))};
    out.params = param_types;
  } else if (statement->verb == Verb::kSplit || statement->verb == Verb::kMerge) {
    out.columns = {{statement->verb == Verb::kSplit ? "split" : "merge", Type::kBool}};
  } else if (statement->verb == Verb::kAdvisory) {
    const auto& select = std::get<ast::Select>(statement->ast.node);
    out.columns = AdvisoryColumns(select);
    out.params = std::move(param_types);
    for (const ast::SelectItem& item : select.items) {
      if (item.expr->args.empty()) continue;
      auto key = AdvisoryKeyOf(ctx, *item.expr, {}, &out.params);
      if (!key.ok()) co_return ResolvePosition(key.status(), sql, 0);
    }
  } else if (statement->verb == Verb::kChecksum) {
    out.columns = ChecksumColumns();
  } else if (statement->verb == Verb::kMembers) {
    const auto& select = std::get<ast::Select>(statement->ast.node);
    out.columns = {{select.items[0].expr->names[1], Type::kBool}};
  } else if (const auto* show = std::get_if<ast::Show>(&statement->ast.node)) {
    out.columns = {{show->name, Type::kText}};
    if (show->name == "all") out.columns = {{"name", Type::kText}, {"setting", Type::kText}};
  }
  co_return out;
}

Notice MonotoneNotice(const std::string& column) {
  return {"NOTICE", "00000",
          absl::StrCat("values of \"", column,
                       "\", which the primary key begins with, only grow: "
                       "all inserts go to the table's last split; BIT_REVERSED_POSITIVE spreads "
                       "them")};
}

Task<SessionImpl::Result> SessionImpl::InOneTransaction(Ctx ctx, PreparedPtr text, size_t index,
                                                        ResultSink* sink) {
  TransactionImpl one(engine_, settings_, TransactionOptions());
  ISO_CO_RETURN_IF_ERROR(one.Start(ctx));
  auto result = co_await one.ExecuteOne(ctx, std::move(text), index, Params(), sink);
  if (!result.ok()) {
    one.Rollback();
    co_return result;
  }
  auto committed = co_await one.Commit(ctx);
  if (!committed.ok()) co_return committed.status();
  if (committed->commit_timestamp.us != 0) result->commit_timestamp = committed->commit_timestamp;
  co_return result;
}

Task<SessionImpl::Result> SessionImpl::CreateTable(Ctx ctx, const ast::CreateTable* create) {
  ISO_CO_ASSIGN_OR_RETURN(TableDescriptor table, MakeDescriptor(*create));
  ISO_CO_ASSIGN_OR_RETURN(std::vector<TableDescriptor> sequences, DefineSerials(*create, &table));
  const std::string monotone = MonotoneKey(table, sequences);
  table.owner = settings_->acting().role;
  txn::CommitResult commit;
  ISO_CO_ASSIGN_OR_RETURN(
      bool made, co_await engine_->catalog().Create(ctx, std::move(table), create->if_not_exists,
                                                    &commit, std::move(sequences)));
  StatementResult result;
  result.tag = "CREATE TABLE";
  if (made && !monotone.empty()) {
    result.notices.push_back(MonotoneNotice(monotone));
  }
  if (made) {
    result.commit_timestamp = commit.commit_timestamp;
    settings_->SetCommitTimestamp(commit.commit_timestamp);
  } else {
    result.notices.push_back(
        {"NOTICE", sqlstate::kDuplicateTable,
         absl::StrCat("relation \"", create->table.name, "\" already exists, skipping")});
  }
  co_return result;
}

Task<absl::StatusOr<TablePtr>> SessionImpl::NamedTable(Ctx ctx, std::string text) {
  // As it is, else as SQL would read it.
  ast::TableName name;
  name.name = text;
  if (auto parts = SplitName(text); parts.ok() && parts->size() == 2) {
    name.schema = (*parts)[0];
    name.name = (*parts)[1];
  }
  co_return co_await engine_->ResolveName(ctx, name, settings_->path(), Timestamp(), nullptr,
                                          nullptr);
}

Task<SessionImpl::Result> SessionImpl::Split(Ctx ctx, const ast::Select* select, Params params,
                                             bool merge, ResultSink* sink) {
  const std::string word = merge ? "merge" : "split";
  const std::string function = "isochron." + word;
  const ast::Expr& call = *select->items[0].expr;
  if (call.args.size() < 2) {
    co_return SqlError(sqlstate::kUndefinedFunction,
                       absl::StrCat(function, " takes a table's name and a key"), call.position,
                       absl::StrCat("For example, SELECT ", function, "('accounts', 1000)."));
  }
  std::vector<Type> types;
  for (const TypedDatum& p : params) types.push_back(p.type);
  Scope nothing;
  Binder binder(&nothing, &types, nullptr, function.c_str());
  ISO_CO_ASSIGN_OR_RETURN(ExprPtr name,
                          binder.BindAs(*call.args[0], Type::kText, function.c_str()));
  Plan plan;
  plan.params = types;
  ExecContext exec = engine_->MakeExec(ctx);
  exec.eval.session = settings_.get();
  ISO_CO_ASSIGN_OR_RETURN(const Timestamp now, engine_->SqlNow());
  exec.eval.SetNow(now, settings_->time());
  ISO_CO_ASSIGN_OR_RETURN(exec.eval.params, engine_->BindParams(plan, params, settings_->time()));
  // The table decides the types of the key, so its name is needed first.
  Datum table_name;
  ISO_CO_RETURN_IF_ERROR(Eval(*name, exec.eval, Row(), &table_name));
  if (table_name.is_null()) {
    co_return SqlError(sqlstate::kInvalidParameter, "the table's name is NULL", call.position);
  }
  ISO_CO_ASSIGN_OR_RETURN(TablePtr table, co_await NamedTable(ctx, table_name.string_value()));
  if (call.args.size() - 1 > table->key.size() || table->has_hidden_key()) {
    co_return SqlError(sqlstate::kInvalidParameter,
                       absl::StrCat("the primary key of table \"", table->local_name(), "\" has ",
                                    table->has_hidden_key() ? 0 : table->key.size(), " columns"),
                       call.position);
  }
  std::string key = TableDataPrefix(table->id);
  for (size_t i = 1; i < call.args.size(); ++i) {
    const ColumnDescriptor& column = table->columns[table->key[i - 1]];
    ISO_CO_ASSIGN_OR_RETURN(
        ExprPtr e, binder.BindAssignment(*call.args[i], column.name, column.type, column.typmod));
    plan.params = types;
    ISO_CO_ASSIGN_OR_RETURN(exec.eval.params, engine_->BindParams(plan, params, settings_->time()));
    Datum d;
    ISO_CO_RETURN_IF_ERROR(Eval(*e, exec.eval, Row(), &d));
    if (d.is_null()) {
      co_return SqlError(sqlstate::kInvalidParameter,
                         absl::StrCat("a key to ", word, " at is NULL"), call.position);
    }
    AppendKeyPart(column.type, d, &key);
  }
  txn::Store* const store = engine_->deps().store;
  ISO_CO_RETURN_IF_ERROR(co_await (merge ? store->MergeAt(ctx, key) : store->SplitAt(ctx, key)));
  StatementResult result;
  result.tag = "SELECT 1";
  result.returns_rows = true;
  result.rows = 1;
  sink->OnColumns({{word, Type::kBool}});
  std::vector<Row> rows(1);
  rows[0].push_back(Datum::Bool(true));
  (void)co_await sink->OnRows(std::move(rows));
  co_return result;
}

void SessionImpl::AwaitClient() {
  const Micros limit = settings_->timeouts().idle_in_transaction_us;
  Executor* const executor = engine_->deps().executor;
  executor->Cancel(std::exchange(idle_timer_, 0));
  if (limit <= 0 || transaction_ == nullptr) return;
  idle_timer_ = executor->PostAfter(limit, [this, limit] { OnIdleTooLong(limit); });
}

void SessionImpl::OnIdleTooLong(Micros limit_us) {
  idle_timer_ = 0;
  if (transaction_ == nullptr) return;
  transaction_->Rollback();
  idle_error_ =
      SqlError(sqlstate::kIdleInTransaction,
               absl::StrCat("the transaction was rolled back: its client sent nothing for ",
                            limit_us / 1000, " ms, its idle_in_transaction_session_timeout"),
               -1, "ROLLBACK, then begin again.");
}

absl::Status SessionImpl::SetTransaction(Ctx ctx, const ast::Set& set) {
  if (set.name != "transaction" || !set.read_only.has_value()) return absl::OkStatus();
  if (transaction_ == nullptr) {
    return SqlError(sqlstate::kNoActiveTransaction,
                    "SET TRANSACTION can only be used in transaction blocks");
  }
  if (transaction_->read_only() == *set.read_only) return absl::OkStatus();
  if (!transaction_->untouched()) {
    return SqlError(sqlstate::kActiveTransaction,
                    "SET TRANSACTION must be called before any query");
  }
  transaction_->Rollback();
  auto txn = std::make_shared<TransactionImpl>(
      engine_, settings_,
      TransactionOptions{.read_only = *set.read_only, .bound = settings_->read_bound()});
  ISO_RETURN_IF_ERROR(txn->Start(std::move(ctx)));
  transaction_ = std::move(txn);
  return absl::OkStatus();
}

void SessionImpl::KeepGivenUp(const std::shared_ptr<TransactionImpl>& txn) {
  if (txn->state() != SqlTransaction::State::kAborted) return;
  txn->KeepAgeOnly();
  given_up_ = txn;
  given_up_at_us_ = engine_->deps().executor->MonotonicNow();
}

std::shared_ptr<SqlTransaction> SessionImpl::TakeGivenUp() {
  std::shared_ptr<SqlTransaction> out = std::exchange(given_up_, nullptr);
  if (engine_->deps().executor->MonotonicNow() - given_up_at_us_ > kRetryWithinUs) return nullptr;
  return out;
}

Task<SessionImpl::Result> SessionImpl::TransactionVerb(Ctx ctx, const ast::Transaction* verb) {
  StatementResult result;
  if (verb->verb == ast::TxnVerb::kBegin) {
    result.tag = "BEGIN";
    if (implicit_) {
      implicit_ = false;
      if (!transaction_->untouched() && !verb->read_only.value_or(false)) co_return result;
      if (!transaction_->untouched()) {
        transaction_->Fail();
        co_return SqlError(sqlstate::kActiveTransaction,
                           "transaction read-write mode must be set before any query");
      }
      transaction_->Rollback();
      transaction_ = nullptr;
    }
    if (transaction_ != nullptr) {
      co_return SqlError(sqlstate::kActiveTransaction, "there is already a transaction in progress",
                         -1, "COMMIT or ROLLBACK it first.");
    }
    TransactionOptions options;
    options.read_only = verb->read_only.value_or(settings_->default_read_only());
    options.bound = settings_->read_bound();
    options.previous = TakeGivenUp();
    auto txn = std::make_shared<TransactionImpl>(engine_, settings_, options);
    ISO_CO_RETURN_IF_ERROR(txn->Start(ctx));
    transaction_ = std::move(txn);
    idle_error_ = absl::OkStatus();
    co_return result;
  }
  if (transaction_ == nullptr) {
    result.tag = verb->verb == ast::TxnVerb::kCommit ? "COMMIT" : "ROLLBACK";
    result.notices.push_back(NoTransaction());
    co_return result;
  }
  if (std::exchange(implicit_, false)) result.notices.push_back(NoTransaction());
  std::shared_ptr<TransactionImpl> txn = transaction_;
  if (verb->verb == ast::TxnVerb::kRollback || txn->state() != SqlTransaction::State::kOpen) {
    KeepGivenUp(txn);
    txn->Rollback();
    transaction_ = nullptr;
    result.tag = "ROLLBACK";
    (void)co_await engine_->advisory().EndTransaction(ctx, id_);
    co_return result;
  }
  auto committed = co_await txn->Commit(ctx);
  KeepGivenUp(txn);
  transaction_ = nullptr;
  (void)co_await engine_->advisory().EndTransaction(ctx, id_);
  if (!committed.ok()) co_return committed.status();
  result.tag = "COMMIT";
  if (committed->commit_timestamp.us != 0) result.commit_timestamp = committed->commit_timestamp;
  co_return result;
}

}  // namespace isochron::sql
