// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/cast.h"
#include "sql/catalog/databases.h"
#include "sql/catalog/full_name.h"
#include "sql/catalog/index_codec.h"
#include "sql/catalog/layout.h"
#include "sql/catalog/row_codec.h"
#include "sql/exec/subquery.h"
#include "sql/pg_catalog/reader.h"
#include "sql/planner/planner.h"
#include "sql/session/databases.h"
#include "sql/session/engine_impl.h"
#include "sql/session/referential.h"
#include "sql/session/session_impl.h"

namespace isochron::sql {
namespace {

std::string TagOf(const Plan& plan, int64_t rows) {
  switch (plan.kind) {
    case StatementKind::kSelect:
      return absl::StrCat("SELECT ", rows);
    case StatementKind::kInsert:
      return absl::StrCat("INSERT 0 ", rows);
    case StatementKind::kUpdate:
      return absl::StrCat("UPDATE ", rows);
    case StatementKind::kDelete:
      return absl::StrCat("DELETE ", rows);
    case StatementKind::kMerge:
      return absl::StrCat("MERGE ", rows);
  }
  return "";
}

bool SameTables(const Plan& plan, const std::map<std::string, TablePtr>& tables) {
  for (const UsedTable& used : plan.tables) {
    const bool same = std::any_of(tables.begin(), tables.end(), [&used](const auto& named) {
      return named.second->id == used.id && named.second->version == used.version &&
             named.second->name == used.name;
    });
    if (!same) return false;
  }
  return true;
}

// `name` as it is written.
absl::Status NoSuchTable(const ast::TableName& name) {
  const std::string dot = name.schema.empty() ? "" : ".";
  return SqlError(sqlstate::kUndefinedTable,
                  absl::StrCat("relation \"", name.schema, dot, name.name, "\" does not exist"),
                  name.position, "SHOW TABLES lists the tables.");
}

}  // namespace

LatencyAccount Difference(const LatencyAccount& after, const LatencyAccount& before) {
  LatencyAccount d;
  d.queue_us = after.queue_us - before.queue_us;
  d.lock_wait_us = after.lock_wait_us - before.lock_wait_us;
  d.paxos_us = after.paxos_us - before.paxos_us;
  d.two_pc_us = after.two_pc_us - before.two_pc_us;
  d.commit_wait_hidden_us = after.commit_wait_hidden_us - before.commit_wait_hidden_us;
  d.commit_wait_exposed_us = after.commit_wait_exposed_us - before.commit_wait_exposed_us;
  return d;
}

EngineImpl::EngineImpl(Deps deps, EngineOptions options, Databases* databases,
                       std::optional<DatabaseId> id)
    : deps_(deps),
      options_(std::move(options)),
      databases_(databases),
      database_id_(std::move(id)),
      database_(database_id_.has_value() ? LocalName(database_id_->full_name) : kFirstDatabase),
      // What is drawn at random names things in the store: no two databases may draw alike.
      random_(options_.seed ^ (database_id_.has_value() ? database_id_->id.value << 32 : 0)),
      catalog_(deps.store, deps.executor, deps.truetime, &random_,
               Catalog::Options{options_.schema_lease_us, options_.drop_margin_us, deps.sabotage,
                                database_id_}),
      sequences_(deps.store, deps.executor, deps.truetime, &random_, options_.schema_lease_us),
      advisory_({deps.store, deps.executor, deps.truetime, &random_, deps.observer, deps.sabotage,
                 options_.advisory_lease_us}),
      schema_jobs_({deps.store, deps.executor, deps.truetime, &random_, &catalog_, deps.observer,
                    deps.sabotage}),
      cache_(options_.plan_cache_entries, database_) {
  catalog_.SetWatcher([this](const TablePtr& table) { schema_jobs_.Tend(table); });
}

std::unique_ptr<Session> EngineImpl::NewSession() {
  const uint64_t id = databases_->NextSession();
  auto session = std::make_unique<SessionImpl>(this, id);
  sessions_[id] = session.get();
  return session;
}

std::vector<Engine::ActiveStatement> EngineImpl::ActiveStatements() const {
  std::vector<Engine::ActiveStatement> out;
  for (const auto& [id, session] : sessions_) {
    if (auto active = session->active()) out.push_back(*std::move(active));
  }
  return out;
}

std::vector<Engine::SessionState> EngineImpl::Sessions() const {
  std::vector<Engine::SessionState> out;
  for (const auto& [id, session] : sessions_) out.push_back({id, database_, session->connected()});
  return out;
}

absl::Status EngineImpl::CheckDatabaseOf(const ast::TableName& name) const {
  return RefuseOtherDatabase(name, database_);
}

Task<absl::StatusOr<std::vector<Row>>> EngineImpl::Rows(Ctx ctx, std::string schema,
                                                        std::string name,
                                                        txn::ReadTransaction* reader) {
  if (schema == "information_schema") {
    co_return co_await DatabaseOptions(ctx, reader);
  }
  if (deps_.system_tables == nullptr) co_return std::vector<Row>();
  co_return co_await deps_.system_tables->Rows(ctx, name);
}

std::shared_ptr<const Plan> EngineImpl::Kept(const Prepared& statement) {
  const std::shared_ptr<const Plan>& plan = statement.plan;
  if (plan == nullptr || statement.by_several_paths) return nullptr;
  for (const UsedTable& used : plan->tables) {
    const TablePtr table = catalog_.Peek(used.name);
    if (table == nullptr || table->id != used.id || table->version != used.version) return nullptr;
  }
  return plan;
}

Task<absl::StatusOr<TablePtr>> EngineImpl::ResolveName(Ctx ctx, ast::TableName name, PathPtr path,
                                                       Timestamp t, txn::ReadTransaction* reader,
                                                       const TableMap* inside) {
  SearchPath schemas(1, name.schema);
  if (name.schema.empty()) schemas = *path;
  for (const std::string& schema : schemas) {
    const std::string full = FullName(schema, name.name);
    if (inside != nullptr && inside->contains(full)) {
      if (inside->at(full) != nullptr) co_return inside->at(full);
      continue;
    }
    auto table = reader == nullptr ? co_await catalog_.Resolve(ctx, full)
                                   : co_await catalog_.ResolveAt(ctx, full, t, reader);
    if (table.ok() || SqlStateOf(table.status()) != sqlstate::kUndefinedTable) co_return table;
  }
  co_return NoSuchTable(name);
}

namespace {

bool OneVersionOfEach(const EngineImpl::TableMap& tables) {
  std::map<uint64_t, Type> versions;
  for (const auto& [name, table] : tables) {
    if (table->is_enum()) {
      const Type type = EnumTypeOf(*table);
      if (versions.try_emplace(table->id.value, type).first->second != type) return false;
    }
    for (const ColumnDescriptor& c : table->columns) {
      const EnumType* of = EnumOf(c.type);
      if (of == nullptr) continue;
      const Type type = ElementOf(c.type);
      if (versions.try_emplace(of->id, type).first->second != type) return false;
    }
  }
  return true;
}

}  // namespace

Task<absl::StatusOr<EngineImpl::TableMap>> EngineImpl::ResolveTables(Ctx ctx,
                                                                     const Prepared* statement) {
  co_return co_await ResolveTablesAt(std::move(ctx), statement, Timestamp(), nullptr);
}

Task<absl::StatusOr<EngineImpl::TableMap>> EngineImpl::ResolveTablesAt(Ctx ctx,
                                                                       const Prepared* statement,
                                                                       Timestamp t,
                                                                       txn::ReadTransaction* reader,
                                                                       const TableMap* inside) {
  // An enum changes with all its tables at one timestamp. One that passes while the names are
  // looked up, one after the other, is over when they are looked up again.
  constexpr int kAttempts = 5;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    ISO_CO_ASSIGN_OR_RETURN(TableMap tables,
                            co_await ResolveEach(ctx, statement, t, reader, inside));
    if (OneVersionOfEach(tables)) co_return tables;
  }
  co_return SqlError(sqlstate::kSerializationFailure,
                     "a type of the statement's tables changes while it is planned", -1,
                     "Try again.");
}

Task<absl::StatusOr<EngineImpl::TableMap>> EngineImpl::ResolveEach(Ctx ctx,
                                                                   const Prepared* statement,
                                                                   Timestamp t,
                                                                   txn::ReadTransaction* reader,
                                                                   const TableMap* inside) {
  TableMap tables;
  std::vector<ast::TableName> names = statement->tables;
  for (size_t i = 0; i < names.size(); ++i) {
    const ast::TableName name = names[i];
    const std::string written = WrittenName(name);
    if (tables.contains(written)) continue;
    auto found = co_await ResolveName(ctx, name, statement->path, t, reader, inside);
    const bool missing = SqlStateOf(found.status()) == sqlstate::kUndefinedTable;
    if (name.of_type && (missing || (found.ok() && !(*found)->is_enum()))) continue;
    ISO_CO_ASSIGN_OR_RETURN(TablePtr table, std::move(found));
    if (table->kind == RelationKind::kView) {
      ISO_CO_ASSIGN_OR_RETURN(std::vector<ast::TableName> more, TablesOfView(*table));
      for (ast::TableName& one : more) {
        one.position = name.position;
        names.push_back(std::move(one));
      }
    }
    tables[written] = std::move(table);
  }
  co_return tables;
}

Task<absl::StatusOr<std::shared_ptr<const Plan>>> EngineImpl::PlanNow(Ctx ctx, PreparedPtr text,
                                                                      const Prepared* statement) {
  if (auto plan = Kept(*statement)) co_return plan;
  ISO_CO_ASSIGN_OR_RETURN(TableMap tables, co_await ResolveTables(ctx, statement));
  if (statement->plan != nullptr && SameTables(*statement->plan, tables)) co_return statement->plan;
  ISO_CO_ASSIGN_OR_RETURN(Plan plan, MakePlan(statement->ast, tables, text->param_types));
  statement->plan = std::make_shared<const Plan>(std::move(plan));
  co_return statement->plan;
}

Task<absl::StatusOr<std::shared_ptr<const Plan>>> EngineImpl::PlanAt(Ctx ctx, PreparedPtr text,
                                                                     const Prepared* statement,
                                                                     Timestamp t,
                                                                     txn::ReadTransaction* reader) {
  ISO_CO_ASSIGN_OR_RETURN(TableMap tables, co_await ResolveTablesAt(ctx, statement, t, reader));
  if (statement->plan != nullptr && SameTables(*statement->plan, tables)) co_return statement->plan;
  ISO_CO_ASSIGN_OR_RETURN(Plan plan, MakePlan(statement->ast, tables, text->param_types));
  auto made = std::make_shared<const Plan>(std::move(plan));
  if (statement->plan == nullptr) statement->plan = made;
  co_return made;
}

absl::StatusOr<std::vector<Datum>> EngineImpl::BindParams(const Plan& plan, const Params& params,
                                                          const TimeContext& time) {
  if (params.size() < plan.params.size()) {
    return SqlError(sqlstate::kUndefinedParameter,
                    absl::StrCat("the statement has ", plan.params.size(), " parameters, but ",
                                 params.size(), " were given"));
  }
  std::vector<Datum> out;
  out.reserve(plan.params.size());
  for (size_t i = 0; i < plan.params.size(); ++i) {
    const TypedDatum& p = params[i];
    if (p.value.is_null() || p.type == plan.params[i] || SameForm(p.type, plan.params[i])) {
      out.push_back(p.value);
      continue;
    }
    Datum d;
    ISO_RETURN_IF_ERROR(CastDatum(p.type, plan.params[i], p.value, &d, time));
    out.push_back(std::move(d));
  }
  return out;
}

absl::StatusOr<Timestamp> EngineImpl::SqlNow() {
  ISO_ASSIGN_OR_RETURN(TTInterval now, deps_.truetime->Now());
  return Timestamp(now.earliest.us + (now.latest.us - now.earliest.us) / 2);
}

absl::StatusOr<txn::ReadOptions> EngineImpl::Resolve(const ReadBound& bound, Timestamp seen) {
  using Kind = ReadBound::Kind;
  txn::ReadOptions options;
  Timestamp t(bound.value_us);
  if (bound.kind == Kind::kExactStaleness || bound.kind == Kind::kMaxStaleness) {
    if (bound.value_us < 0) {
      return SqlError(sqlstate::kInvalidParameter, "a staleness cannot be negative");
    }
    // Rule 16: no older than TT.now().latest minus the bound.
    ISO_ASSIGN_OR_RETURN(TTInterval now, deps_.truetime->Now());
    t = now.latest - bound.value_us;
  }
  if (bound.kind == Kind::kStrong || (bound.kind == Kind::kCausal && seen.us == 0)) return options;
  if (bound.bounded()) t = std::max(t, seen);
  if (t.us <= 0) {
    return SqlError(sqlstate::kInvalidParameter, "a read timestamp must be after 1970");
  }
  (bound.bounded() ? options.not_before : options.t) = t;
  return options;
}

Task<std::vector<KeyRange>> EngineImpl::MayRead(Ctx ctx, const Prepared* statement, Timestamp t) {
  std::vector<KeyRange> ranges;
  std::vector<ast::TableName> names = statement->tables;
  std::set<std::string> seen;
  for (size_t i = 0; i < names.size(); ++i) {
    ast::TableName name = names[i];
    if (!seen.insert(WrittenName(name)).second) continue;
    if (name.schema.empty()) {
      const SearchPath& path = *statement->path;
      for (size_t k = 1; k < path.size(); ++k) {
        ast::TableName other = name;
        other.schema = path[k];
        names.push_back(std::move(other));
      }
      name.schema = path.empty() ? kPublicSchema : path[0];
    }
    const std::string full = FullName(name.schema, name.name);
    ranges.push_back(KeyRange::Point(DescriptorKey(full)));
    TablePtr table = catalog_.Hint(full);
    if (table == nullptr) {
      auto reader = deps_.store->BeginRead(ctx, txn::ReadOptions{.t = t});
      if (!reader.ok()) continue;
      auto then = co_await catalog_.ResolveAt(ctx, full, t, reader->get());
      if (then.ok()) table = *std::move(then);
    }
    if (table != nullptr && table->kind == RelationKind::kView) {
      auto more = TablesOfView(*table);
      if (more.ok()) names.insert(names.end(), more->begin(), more->end());
      continue;
    }
    if (table == nullptr) continue;
    ranges.push_back(PrefixRange(RowPrefix(*table)));
    for (const IndexDescriptor& index : table->indexes) {
      ranges.push_back(PrefixRange(IndexPrefix(*table, index)));
    }
  }
  co_return ranges;
}

Task<absl::Status> EngineImpl::Backoff(Ctx ctx, int attempt, absl::Status last) {
  absl::Status alive = ctx->Check(deps_.executor->MonotonicNow());
  if (!alive.ok()) {
    co_return absl::Status(alive.code(),
                           absl::StrCat(alive.message(), "; it was refused ", attempt + 1,
                                        " times, last because: ", last.message()));
  }
  const Micros ceiling = std::min<Micros>(200'000, Micros{1000} << std::min(attempt, 8));
  const Micros left = ctx->deadline_us() - deps_.executor->MonotonicNow();
  co_await SleepFor(deps_.executor, std::min(left, random_.Between(ceiling / 2, ceiling)));
  co_return absl::OkStatus();
}

ExecContext EngineImpl::MakeExec(const Ctx& ctx) {
  ExecContext exec;
  exec.ctx = ctx;
  exec.executor = deps_.executor;
  exec.store = deps_.store;
  exec.sabotage = deps_.sabotage;
  exec.virtual_tables = this;
  exec.random = &random_;
  exec.max_value_bytes = options_.max_value_bytes;
  exec.eval.clock = deps_.truetime;
  exec.eval.version = options_.version;
  exec.eval.random = &random_;
  return exec;
}

Task<absl::StatusOr<StatementResult>> EngineImpl::RunDrawing(std::shared_ptr<const Plan> plan,
                                                             ExecContext* exec, ResultSink* sink,
                                                             Draws* draws, bool check_schema) {
  draws->NewAttempt();
  exec->eval.sequences = draws;
  exec->rows_changed = 0;
  const size_t mark = exec->writer != nullptr ? exec->writer->Mark() : 0;
  auto result = co_await Run(std::move(plan), exec, sink, check_schema);
  if (!draws->wanting()) co_return result;
  if (result.status().code() == absl::StatusCode::kAborted) {
    draws->NewAttempt();
    co_return result;
  }
  if (exec->writer != nullptr) exec->writer->RollbackToMark(mark);
  ISO_CO_RETURN_IF_ERROR(co_await draws->Supply(exec->ctx));
  co_return result;
}

Task<absl::StatusOr<std::unique_ptr<CatalogReader>>> EngineImpl::ReadCatalog(
    const ExecContext* exec) {
  txn::ReadTransaction* reader = exec->reader;
  std::unique_ptr<txn::ReadTransaction> snapshot;
  if (exec->writer != nullptr) {
    // A lock on all names would hold up everybody's changes of the schema, and the transaction's
    // own, whose fences are put up beside it.
    ISO_CO_ASSIGN_OR_RETURN(snapshot, deps_.store->BeginReadOnly(exec->ctx, std::nullopt));
    reader = snapshot.get();
  }
  ISO_CO_ASSIGN_OR_RETURN(std::vector<TablePtr> tables, co_await catalog_.List(exec->ctx, reader));
  if (exec->inside != nullptr) {
    std::erase_if(tables, [exec](const TablePtr& t) { return exec->inside->contains(t->name); });
    for (const auto& [name, table] : *exec->inside) {
      if (table != nullptr) tables.push_back(table);
    }
  }
  ISO_CO_ASSIGN_OR_RETURN(std::vector<IndexProgress> progress,
                          co_await schema_jobs_.Progress(exec->ctx, &tables, reader));
  auto catalog =
      std::make_unique<CatalogReaderImpl>(std::move(tables), exec->eval.session, exec->eval.now.us);
  catalog->SetProgress(std::move(progress));
  co_return catalog;
}

Task<absl::StatusOr<StatementResult>> EngineImpl::Run(std::shared_ptr<const Plan> plan,
                                                      ExecContext* exec, ResultSink* sink,
                                                      bool check_schema) {
  StatementResult result;
  result.returns_rows = !plan->columns.empty() || plan->kind == StatementKind::kSelect;
  result.is_dml = plan->kind != StatementKind::kSelect;
  std::vector<Datum> registers(static_cast<size_t>(plan->registers));
  std::vector<std::shared_ptr<const Batch>> work_tables(static_cast<size_t>(plan->work_tables));
  DeferredWrites deferred(exec->ctx);
  ReferentialNotes references(exec->ctx);
  exec->references = &references;
  exec->registers = &registers;
  exec->eval.registers = &registers;
  exec->work_tables = &work_tables;
  if (plan->defers_writes) exec->deferred = &deferred;
  Subqueries subqueries(*plan, exec);
  if (!plan->subqueries.empty() || !plan->ctes.empty()) {
    exec->subqueries = &subqueries;
    exec->eval.subqueries = &subqueries;
  }
  std::unique_ptr<CatalogReader> catalog;
  if (plan->uses_catalog) {
    ISO_CO_ASSIGN_OR_RETURN(catalog, co_await ReadCatalog(exec));
    exec->eval.catalog = catalog.get();
  }
  if (plan->modifies && exec->writer == nullptr) {
    co_return SqlError(sqlstate::kReadOnlyTransaction, "cannot write in a read-only transaction");
  }
  OperatorPtr root = MakeOperator(*plan->root, exec);
  bool columns_sent = false;
  int64_t rows = 0;
  for (bool more = true; more;) {
    Batch batch;
    ISO_CO_ASSIGN_OR_RETURN(more, co_await root->Next(&batch));
    if (check_schema && !batch.empty() && more && !plan->descriptors.empty() &&
        exec->reader->read_timestamp().us == 0) {
      // Rows that no table gave come before those that one gives. The schema is checked before any
      // is sent, so the timestamp is chosen now.
      auto none = co_await exec->reader->Get(exec->ctx, TableDataPrefix(plan->descriptors[0]->id),
                                             txn::LockMode::kShared);
      if (!none.ok()) co_return none.status();
    }
    if (check_schema && exec->reader->read_timestamp().us != 0) {
      check_schema = false;
      std::vector<UsedTable> more;
      if (!exec->used.empty()) {
        more = exec->used;
        more.insert(more.end(), plan->tables.begin(), plan->tables.end());
      }
      const std::vector<UsedTable>& tables = more.empty() ? plan->tables : more;
      Timestamp until;
      if (!catalog_.ValidNow(tables, &until)) {
        ISO_CO_ASSIGN_OR_RETURN(until, co_await catalog_.Validate(exec->ctx, tables));
      }
      if (exec->reader->read_timestamp() > until) {
        co_return absl::AbortedError("a table was changed or dropped during the read");
      }
    }
    if (result.returns_rows && !columns_sent) {
      columns_sent = true;
      sink->OnColumns(plan->columns);
    }
    if (batch.empty()) continue;
    rows += static_cast<int64_t>(batch.size());
    if (!co_await sink->OnRows(std::move(batch))) {
      co_return absl::CancelledError("the client stopped reading");
    }
  }
  if (plan->modifies) ISO_CO_RETURN_IF_ERROR(co_await subqueries.RunModifying());
  if (plan->defers_writes) ISO_CO_RETURN_IF_ERROR(deferred.Flush(exec->writer));
  if (!references.tables().empty()) {
    ISO_CO_RETURN_IF_ERROR(co_await Referential(this, exec).Check(&references));
  }
  result.rows = plan->kind == StatementKind::kSelect ? rows : exec->rows_changed;
  result.tag = TagOf(*plan, result.rows);
  co_return result;
}

}  // namespace isochron::sql
