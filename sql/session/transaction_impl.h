// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_SESSION_TRANSACTION_IMPL_H_
#define ISOCHRON_SQL_SESSION_TRANSACTION_IMPL_H_

// A transaction of several statements: BEGIN's, or one that an API names by id.
//
// A read-write one keeps every statement it ran with a digest of what the client saw. When the
// store says ABORTED, at a statement or at the commit, all of them run again in a new attempt of
// the same age; the client notices nothing unless a digest differs.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sql/session/cursor.h"
#include "sql/session/deferred_keys.h"
#include "sql/session/engine_impl.h"
#include "sql/session/replay.h"
#include "sql/session/schema_transaction.h"

namespace isochron::sql {

class TransactionImpl : public SqlTransaction {
 public:
  TransactionImpl(EngineImpl* engine, std::shared_ptr<Settings> settings,
                  TransactionOptions options);
  ~TransactionImpl() override;

  // Begins the store's transaction. UNAVAILABLE without a clock bound.
  absl::Status Start(Ctx ctx);

  State state() const override { return state_; }
  bool read_only() const override { return options_.read_only; }
  Timestamp read_timestamp() const override;
  Task<absl::StatusOr<StatementResult>> Execute(Ctx ctx, std::string sql, Params params,
                                                ResultSink* sink) override;
  Task<absl::StatusOr<txn::CommitResult>> Commit(Ctx ctx) override;
  void Rollback() override;

  const Cursors& cursors() const { return cursors_; }
  void CloseCursor(const std::string& name) { cursors_.erase(name); }

  // One statement of a prepared text; does not call OnComplete.
  Task<absl::StatusOr<StatementResult>> ExecuteOne(Ctx ctx, PreparedPtr text, size_t index,
                                                   Params params, ResultSink* sink);
  // A plan as the transaction sees the schema.
  Task<absl::StatusOr<std::shared_ptr<const Plan>>> PlanInside(Ctx ctx, PreparedPtr text,
                                                               const Prepared* statement);
  // What names mean here that it has changed; null while it has changed none.
  const EngineImpl::TableMap* relations() const {
    return schema_ != nullptr ? &schema_->relations() : nullptr;
  }
  bool untouched() const { return statements_ == 0; }
  // Only Rollback or ROLLBACK TO is accepted from here.
  void Fail() {
    if (state_ == State::kOpen) state_ = State::kFailed;
  }
  std::string name() const;
  // Of one that has been given up: frees what only a replay needs.
  void KeepAgeOnly();

 private:
  struct Savepoint {
    std::string name;
    size_t mark = 0;
    int cursors = 0;  // that were declared before
  };
  struct Held {
    std::shared_ptr<Cursor> cursor;
    int64_t position = 0;
  };

  absl::StatusOr<std::unique_ptr<txn::ReadTransaction>> BeginReader(const Ctx& ctx);
  // Runs one statement in the current attempt, without any retry.
  Task<absl::StatusOr<StatementResult>> RunOnce(Ctx ctx, PreparedPtr text, size_t index,
                                                Params params, Draws* draws, ReplaySink* sink);
  Task<absl::StatusOr<StatementResult>> RunPlanned(Ctx ctx, PreparedPtr text,
                                                   const Prepared* statement, Params params,
                                                   Draws* draws, ReplaySink* sink);
  // explain.cc
  Task<absl::StatusOr<StatementResult>> RunExplain(Ctx ctx, PreparedPtr text,
                                                   const Prepared* statement, Params params,
                                                   Draws* draws, ReplaySink* sink);
  // Measured, where there is a profile.
  Task<absl::StatusOr<StatementResult>> RunPlan(Ctx ctx, std::shared_ptr<const Plan> plan,
                                                Params params, Draws* draws, ReplaySink* sink,
                                                Profile* profile);
  // 25006 for a statement that a read-only transaction cannot run.
  absl::Status CheckWrites(const Prepared& statement) const;
  Task<absl::StatusOr<std::shared_ptr<const Plan>>> PlanHere(Ctx ctx, PreparedPtr text,
                                                             const Prepared* statement);
  absl::StatusOr<ExecContext> ExecHere(const Ctx& ctx, const Plan& plan, const Params& params);
  // cursors.cc
  Task<absl::StatusOr<StatementResult>> RunCursor(Ctx ctx, PreparedPtr text, size_t index,
                                                  Params params, Draws* draws, ResultSink* sink);
  Task<absl::StatusOr<StatementResult>> Declare(Ctx ctx, PreparedPtr text, size_t index,
                                                Params params, Draws* draws);
  Task<absl::StatusOr<std::shared_ptr<Cursor>>> Open(Ctx ctx, PreparedPtr text, Params params,
                                                     Cursor::About about, Draws* draws);
  absl::StatusOr<StatementResult> Close(const ast::CloseCursor& close);
  // What is about to be written is nothing that a cursor may see.
  Task<absl::Status> FinishCursors(Ctx ctx, bool held_only);
  // ROLLBACK TO takes writes back. One that cannot be finished fails when it is next used.
  Task<absl::Status> FinishFor(Ctx ctx, const Prepared& statement);
  // They outlive the transaction, which has committed.
  void KeepHeld();
  // A replay begins before all of them.
  void ForgetCursors();
  // transaction_constraints.cc: those that wait no longer, or all. 23503.
  Task<absl::Status> CheckDeferred(Ctx ctx, bool all);
  // Before a change of the schema none may be left that does not hold. 55006.
  Task<absl::Status> SettleDeferred(Ctx ctx);
  Task<absl::StatusOr<StatementResult>> SetConstraints(Ctx ctx, const ast::SetConstraints* set);
  Task<absl::StatusOr<StatementResult>> RunSchema(Ctx ctx, PreparedPtr text, size_t index);
  Task<absl::StatusOr<txn::CommitResult>> CommitOnce(Ctx ctx);
  // What SQL reads and writes through.
  txn::ReadWriteTransaction* writer() {
    return schema_ != nullptr ? schema_->writer() : writer_.get();
  }
  void EndSchema(bool committed);
  Task<absl::StatusOr<StatementResult>> RunSavepoint(Ctx ctx, const ast::Transaction* verb);
  absl::Status Use(const std::vector<UsedTable>& tables);
  // What SET does ends with the transaction where it says LOCAL, and is undone with it.
  void RememberSettings(const ast::Set& set);
  void EndSettings(bool committed);
  // A new attempt in which everything so far has happened again. 40001 when it did not.
  Task<absl::Status> Replay(Ctx ctx, absl::Status why);
  absl::Status GiveUp(const absl::Status& why, absl::string_view what);
  void Keep(ReplayEntry entry);

  EngineImpl* const engine_;
  const std::shared_ptr<Settings> settings_;
  TransactionOptions options_;
  const std::string zone_at_begin_;
  const std::string style_at_begin_;
  const Settings::Who who_at_begin_;
  State state_ = State::kOpen;
  Timestamp now_;
  std::unique_ptr<txn::ReadWriteTransaction> writer_;
  std::unique_ptr<SchemaTransaction> schema_;  // from its first change of the schema on
  std::set<std::string> fenced_;               // names, by any attempt
  int schema_attempts_ = 0;
  bool schema_ended_ = false;
  DeferredKeys deferred_;                         // of this attempt
  std::set<TableId> dirty_;                       // tables whose rows it has written
  std::unique_ptr<txn::ReadTransaction> reader_;  // of a read-only transaction
  std::optional<Timestamp> bound_;
  std::vector<Savepoint> savepoints_;
  SequenceMemory sequences_;                 // as it began
  std::optional<Settings> settings_before_;  // from its first SET on
  std::map<std::string, std::optional<std::string>> local_;
  std::map<std::string, UsedTable> used_;
  std::vector<ReplayEntry> log_;
  int64_t log_bytes_ = 0;
  bool log_lost_ = false;  // outgrew its bound: no replay
  int statements_ = 0;
  Cursors cursors_;                      // of this attempt; gone before what they read from
  std::map<std::string, int> declared_;  // in which order
  int next_cursor_ = 0;
  std::map<std::string, Held> held_before_;  // of the session, as they were before they were used
};

// What of ast_objects.h goes inside a transaction.
bool ChangesIdentity(const ast::Set& set);
bool ChangesSchema(const ast::ObjectStatement& object);
absl::StatusOr<StatementResult> RunObjectInside(const ast::ObjectStatement& object);
// SET and SHOW.
Task<absl::StatusOr<StatementResult>> RunSetting(Settings* settings, const ast::Statement* ast,
                                                 ResultSink* sink);
// For a COPY at a door, or at a place, that has no way for its rows.
absl::Status CopyMisplaced();
// 40003 for UNKNOWN, the status itself otherwise.
absl::Status CommitError(const absl::Status& status);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_SESSION_TRANSACTION_IMPL_H_
