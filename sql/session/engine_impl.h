// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_SESSION_ENGINE_IMPL_H_
#define ISOCHRON_SQL_SESSION_ENGINE_IMPL_H_

// The Engine behind session.h, and what sessions and transactions share: plans, their execution,
// deadlines, waiting before another attempt.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/random.h"
#include "sql/binder/catalog_reader.h"
#include "sql/catalog/catalog.h"
#include "sql/exec/operator.h"
#include "sql/session/access.h"
#include "sql/session/advisory.h"
#include "sql/session/prepared.h"
#include "sql/session/schema_jobs.h"
#include "sql/session/sequences.h"
#include "sql/session/session.h"
#include "sql/session/settings.h"

namespace isochron::sql {

class Databases;
class SessionImpl;

class EngineImpl : public VirtualTables {
 public:
  using Deps = Engine::Deps;
  // `id`: of the database; nothing for the first one. `databases` outlives it.
  EngineImpl(Deps deps, EngineOptions options, Databases* databases, std::optional<DatabaseId> id);

  std::unique_ptr<Session> NewSession();
  std::vector<Engine::ActiveStatement> ActiveStatements() const;
  std::vector<Engine::SessionState> Sessions() const;
  bool VouchesForLocks(uint64_t session) const { return advisory_.Vouches(session); }
  // No session of it is left, and nothing goes on.
  bool idle() const { return sessions_.empty() && schema_jobs_.idle() && advisory_.idle(); }
  Databases& databases() { return *databases_; }
  const std::string& database() const { return database_; }
  // Nothing for the first database.
  const std::optional<DatabaseId>& database_id() const { return database_id_; }
  // 0A000 for a name that says another database.
  absl::Status CheckDatabaseOf(const ast::TableName& name) const;

  Task<absl::StatusOr<std::vector<Row>>> Rows(Ctx ctx, std::string schema, std::string name,
                                              txn::ReadTransaction* reader) override;

  // The tables that a statement names, as they are now, by name. 42P01 with the name's position.
  using TableMap = std::map<std::string, TablePtr>;
  Task<absl::StatusOr<TableMap>> ResolveTables(Ctx ctx, const Prepared* statement);
  // As of t, where there is a reader. What views name is among them. What `inside` names means that
  // instead: null for nothing.
  Task<absl::StatusOr<TableMap>> ResolveTablesAt(Ctx ctx, const Prepared* statement, Timestamp t,
                                                 txn::ReadTransaction* reader,
                                                 const TableMap* inside = nullptr);
  // The same without looking whether all are of one time.
  Task<absl::StatusOr<TableMap>> ResolveEach(Ctx ctx, const Prepared* statement, Timestamp t,
                                             txn::ReadTransaction* reader, const TableMap* inside);
  // search_path.cc: where the session's names are looked for now; what `inside` names means that.
  Task<absl::StatusOr<PathPtr>> PathOf(Ctx ctx, Settings* settings, const TableMap* inside);
  // `text` as prepared for that path.
  Task<absl::StatusOr<PreparedPtr>> OnPath(Ctx ctx, PreparedPtr text, Settings* settings,
                                           const TableMap* inside);
  Task<absl::StatusOr<bool>> SchemaStands(Ctx ctx, std::string schema, const TableMap* inside);
  // resolve_names.cc: the statement at `index` of a text about the schema, with the schema of each
  // relation that it names; all of it is the caller's own. `reader` is the transaction that it runs
  // in, null for none.
  Task<absl::StatusOr<PreparedPtr>> WithNames(Ctx ctx, PreparedPtr text, size_t index,
                                              const TableMap* inside, txn::ReadTransaction* reader);
  // The relation that a name of a statement means; as of t, where there is a reader.
  Task<absl::StatusOr<TablePtr>> ResolveName(Ctx ctx, ast::TableName name, PathPtr path,
                                             Timestamp t, txn::ReadTransaction* reader,
                                             const TableMap* inside);
  // The plan of a statement for transactions that run now.
  Task<absl::StatusOr<std::shared_ptr<const Plan>>> PlanNow(Ctx ctx, PreparedPtr text,
                                                            const Prepared* statement);
  // For a read-only transaction that reads at t.
  Task<absl::StatusOr<std::shared_ptr<const Plan>>> PlanAt(Ctx ctx, PreparedPtr text,
                                                           const Prepared* statement, Timestamp t,
                                                           txn::ReadTransaction* reader);

  // Runs a plan and passes its rows on. `check_schema`: the reader fixes its timestamp with its
  // first read; ABORTED, before any row, when the schema of that timestamp is another.
  Task<absl::StatusOr<StatementResult>> Run(std::shared_ptr<const Plan> plan, ExecContext* exec,
                                            ResultSink* sink, bool check_schema);

  // The same, with sequences; of a statement that lacked a value it makes it ready: `draws` then
  // says so, what was written is undone, and it is to be run again.
  Task<absl::StatusOr<StatementResult>> RunDrawing(std::shared_ptr<const Plan> plan,
                                                   ExecContext* exec, ResultSink* sink,
                                                   Draws* draws, bool check_schema);
  Draws MakeDraws(Settings* settings, bool read_only) {
    return Draws(&catalog_, &sequences_, settings, read_only);
  }
  SequenceBlocks& sequences() { return sequences_; }
  AdvisoryLocks& advisory() { return advisory_; }

  // access.cc: what the acting role may do now; kept in the settings as long as the roles stay as
  // they are. What `inside` names means that.
  Task<absl::StatusOr<AccessPtr>> AccessOf(Ctx ctx, Settings* settings, const TableMap* inside);
  // Whether CheckPlan has anything to look at: not for the bootstrap role, but where a view reads
  // for an owner that is another.
  static bool NeedsCheck(const Plan& plan, const Settings& settings) {
    return !settings.acts_as_bootstrap() || plan.acts_for_others;
  }
  // Whether the plan may be run. `past`: it reads at an older timestamp; what counts is what is
  // allowed now. *used gets the descriptions that the answer follows from, beside the plan's.
  // 42501.
  Task<absl::Status> CheckPlan(Ctx ctx, std::shared_ptr<const Plan> plan, Settings* settings,
                               const TableMap* inside, bool past, std::vector<UsedTable>* used);
  // ddl_access.cc: whether a statement about the schema may be, its names resolved. 42501.
  Task<absl::Status> CheckStatement(Ctx ctx, const ast::Statement* statement, Settings* settings,
                                    const TableMap* inside, txn::ReadTransaction* reader);
  Task<absl::Status> MustBeSuperuser(Ctx ctx, Settings* settings, const char* what);
  // What stands under that name; null for nothing. What `inside` names means that.
  Task<absl::StatusOr<TablePtr>> FindNow(Ctx ctx, std::string name, const TableMap* inside);
  // login.cc: SET ROLE, SET SESSION AUTHORIZATION. 42704, 42501.
  Task<absl::StatusOr<StatementResult>> SetIdentity(Ctx ctx, const ast::Set* set,
                                                    Settings* settings, const TableMap* inside);
  Task<absl::StatusOr<Login>> FindLogin(Ctx ctx, std::string name);
  Task<absl::Status> LogIn(Ctx ctx, std::string name, Settings* settings);

  // Parameters in the types that the plan wants. 22P02, 42P02, 42804.
  absl::StatusOr<std::vector<Datum>> BindParams(const Plan& plan, const Params& params,
                                                const TimeContext& time);
  // TT.now() as SQL's now(): the middle of the interval.
  absl::StatusOr<Timestamp> SqlNow();
  // What a bound asks of the store. Bounded ones look no earlier than `seen`.
  absl::StatusOr<txn::ReadOptions> Resolve(const ReadBound& bound, Timestamp seen);
  // The keys that a statement may read: those of its tables as last known here, or else as of t.
  Task<std::vector<KeyRange>> MayRead(Ctx ctx, const Prepared* statement, Timestamp t);
  // Waits before attempt `attempt` + 1; the request's own error when its time is up.
  Task<absl::Status> Backoff(Ctx ctx, int attempt, absl::Status last);
  ExecContext MakeExec(const Ctx& ctx);
  // PostgreSQL's catalog for a statement: as of its timestamp; in a transaction that may write as
  // of the moment, with what the transaction has changed, without locks, as PostgreSQL reads its
  // own.
  Task<absl::StatusOr<std::unique_ptr<CatalogReader>>> ReadCatalog(const ExecContext* exec);

  const Deps& deps() const { return deps_; }
  const EngineOptions& options() const { return options_; }
  Catalog& catalog() { return catalog_; }
  SchemaJobs& schema_jobs() { return schema_jobs_; }
  PreparedCache& cache() { return cache_; }
  Random& random() { return random_; }
  void Forget(uint64_t session) { sessions_.erase(session); }
  void Count(absl::string_view name) {
    if (deps_.observer != nullptr) deps_.observer->Count(name, 1);
  }

 private:
  Task<absl::Status> CheckSchemaUse(Ctx ctx, AccessPtr access, std::string schema,
                                    const TableMap* inside, std::vector<UsedTable>* used);
  // database_options.cc
  Task<absl::StatusOr<std::vector<Row>>> DatabaseOptions(Ctx ctx, txn::ReadTransaction* reader);
  // The kept plan if every table is as it was; null otherwise.
  std::shared_ptr<const Plan> Kept(const Prepared& statement);

  const Deps deps_;
  const EngineOptions options_;
  Databases* const databases_;
  const std::optional<DatabaseId> database_id_;
  const std::string database_;  // its name
  Random random_;
  Catalog catalog_;
  SequenceBlocks sequences_;
  AdvisoryLocks advisory_;
  SchemaJobs schema_jobs_;
  PreparedCache cache_;
  std::map<uint64_t, SessionImpl*> sessions_;
  std::map<std::string, Timestamp> missing_schemas_;  // and until when that is sure
};

// Bounds a statement, and its waits for locks, by its timeouts for a scope.
class StatementDeadline {
 public:
  StatementDeadline(Ctx ctx, Executor* executor, const Settings::Timeouts& timeouts)
      : ctx_(std::move(ctx)), before_(ctx_->deadline_us()) {
    ctx_->lock_timeout_us = timeouts.lock_us;
    if (timeouts.statement_us <= 0) return;
    const Micros deadline = executor->MonotonicNow() + timeouts.statement_us;
    if (deadline < before_) ctx_->set_deadline_us(deadline);
  }
  ~StatementDeadline() { ctx_->set_deadline_us(before_); }
  StatementDeadline(const StatementDeadline&) = delete;
  StatementDeadline& operator=(const StatementDeadline&) = delete;

 private:
  const Ctx ctx_;
  const Micros before_;
};

// What `after` has more than `before`.
LatencyAccount Difference(const LatencyAccount& after, const LatencyAccount& before);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_SESSION_ENGINE_IMPL_H_
