// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_SESSION_SESSION_IMPL_H_
#define ISOCHRON_SQL_SESSION_SESSION_IMPL_H_

// The Session behind session.h: sorts statements, and runs those that stand alone.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sql/parser/ast_databases.h"
#include "sql/parser/ast_objects.h"
#include "sql/parser/ast_session.h"
#include "sql/session/engine_impl.h"
#include "sql/session/relation_edits.h"
#include "sql/session/transaction_impl.h"

namespace isochron::sql {

// `all` are the relations that stand. 2BP01 where others depend on what would go.
absl::StatusOr<DropSet> WhatToDrop(const std::vector<TablePtr>& all, std::vector<TablePtr> targets,
                                   bool cascade);

// The relations of that kind that a DROP names, with the notices and the tag of its result. 42P01,
// 42809.
absl::StatusOr<std::vector<TablePtr>> NamedToDrop(const std::vector<TablePtr>& all,
                                                  const std::vector<ast::TableName>& names,
                                                  RelationKind kind, bool if_exists,
                                                  StatementResult* result);
// The tables that a TRUNCATE empties. 42P01, 42809, 0A000 for one that others refer to.
absl::StatusOr<std::vector<TablePtr>> WhatToTruncate(const std::vector<TablePtr>& all,
                                                     const ast::Truncate& truncate);
// 42703, 42809
absl::Status SetComment(const ast::Comment& comment, TableDescriptor* t);
// The full name of the relation that holds what the comment is on: for an index, which becomes the
// comment's `part`, its table, of `all` that stand. 42P01.
absl::StatusOr<std::string> CommentedRelation(const std::vector<TablePtr>& all,
                                              ast::Comment* comment);
// OWNED BY; `table` is the one that it names, null for NONE.
absl::Status OwnSequence(const std::vector<std::string>& owner, const TablePtr& table,
                         TableDescriptor* sequence);
// The full name of the table in OWNED BY: in the sequence's schema where it says none.
std::string OwnerName(const std::vector<std::string>& owner, const TableDescriptor& sequence);
absl::Status NotASequence(const std::string& name);
// views.cc
absl::StatusOr<PreparedPtr> PrepareView(const ast::CreateView& create);
// The error of a view's query: its positions are not those of the statement.
absl::Status OfViewQuery(const absl::Status& status);
absl::StatusOr<TableDescriptor> DefineView(const ast::CreateView& create, const Plan& plan);
// Of a table whose keys begin with `column`, which only grows.
Notice MonotoneNotice(const std::string& column);

// What finds a row that breaks a check, and what is said of it.
std::string CheckQuery(const std::string& table, const CheckConstraint& check);
absl::Status CheckBroken(const std::string& table, const CheckConstraint& check);

ColumnInfo ExplainColumn(const ast::Explain& explain);
// Of isochron.checksum.
std::vector<ColumnInfo> ChecksumColumns();

struct NamedStatement;

class SessionImpl : public Session {
 public:
  SessionImpl(EngineImpl* engine, uint64_t id);
  ~SessionImpl() override;

  Task<absl::StatusOr<StatementResult>> Execute(Ctx ctx, std::string sql, Params params,
                                                ResultSink* sink) override;
  Task<absl::StatusOr<StatementResult>> ExecuteString(Ctx ctx, std::string sql,
                                                      ResultSink* sink) override;
  absl::Status BeginImplicit(Ctx ctx) override;
  Task<absl::Status> EndImplicit(Ctx ctx) override;
  void FailTransaction() override;
  bool in_transaction() const override { return transaction_ != nullptr; }
  Task<absl::StatusOr<StatementResult>> ExecuteReadOnly(Ctx ctx, std::string sql, Params params,
                                                        ReadBound bound, ResultSink* sink) override;
  Task<absl::StatusOr<StatementDescription>> Describe(Ctx ctx, std::string sql,
                                                      std::vector<Type> param_types) override;
  Task<absl::Status> LogIn(Ctx ctx, std::string name) override;
  absl::StatusOr<std::shared_ptr<SqlTransaction>> Begin(Ctx ctx,
                                                        TransactionOptions options) override;
  NamedStatements* statements() override;
  Task<absl::Status> OpenPortal(Ctx ctx, std::string name, std::string sql, Params params) override;
  Task<absl::StatusOr<StatementResult>> FetchPortal(Ctx ctx, std::string name, int64_t count,
                                                    ResultSink* sink) override;
  bool HasCursor(const std::string& name) const override;
  void CloseCursor(const std::string& name) override;
  IdleLimits idle_limits() const override {
    return {settings_->timeouts().idle_in_transaction_us, settings_->timeouts().idle_session_us};
  }
  const std::string& database() const override { return engine_->database(); }
  std::unique_ptr<Session> Another() const override { return engine_->NewSession(); }
  char transaction_status() const override;
  uint64_t id() const override { return id_; }
  const TimeContext& time_context() const override { return settings_->time(); }
  std::optional<std::string> Setting(const std::string& name) const override;

  // LogIn was called.
  bool connected() const { return connected_; }
  // What it is running now.
  std::optional<Engine::ActiveStatement> active() const;

 private:
  using Result = absl::StatusOr<StatementResult>;

  // What the session runs now, for a scope; also when the caller drops the task half way.
  class Running {
   public:
    Running(SessionImpl* session, const std::string& sql);
    ~Running();
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    SessionImpl* const session_;
  };

  Task<Result> One(Ctx ctx, PreparedPtr text, size_t index, Params params, ResultSink* sink);
  Task<absl::StatusOr<CopyDescription>> DescribeCopy(Ctx ctx, const Prepared* statement);
  // One of several of ExecuteString's.
  Task<Result> OneOfString(Ctx ctx, PreparedPtr text, size_t index, ResultSink* sink);
  // Whether a statement of what BeginImplicit opened runs beside it.
  bool StandsBeside(const Prepared& statement) const;
  // As its names mean under the search path of now.
  Task<absl::StatusOr<PreparedPtr>> OnPath(Ctx ctx, PreparedPtr text);
  // The table that a function's argument names.
  Task<absl::StatusOr<TablePtr>> NamedTable(Ctx ctx, std::string text);
  Task<Result> Alone(Ctx ctx, PreparedPtr text, size_t index, Params params, ResultSink* sink);
  // A write that commits by itself: runs until it commits or its time is up.
  Task<Result> Autocommit(Ctx ctx, PreparedPtr text, const Prepared* statement, Params params,
                          Portion* portion, ResultSink* sink);
  Task<Result> AutocommitOnce(Ctx ctx, PreparedPtr text, const Prepared* statement, Params params,
                              Timestamp now, txn::ReadWriteTransaction* writer, Draws* draws,
                              Portion* portion, BufferSink* buffer);
  // A write in parts, each a transaction of its own (SET spanner.autocommit_dml_mode).
  Task<Result> InPortions(Ctx ctx, PreparedPtr text, const Prepared* statement, Params params,
                          ResultSink* sink);
  Task<Result> ReadOnlyOnce(Ctx ctx, PreparedPtr text, const Prepared* statement, Params params,
                            ReadBound bound, Timestamp seen, ResultSink* sink);
  // Begins the transaction of a read that stands alone, and plans it for what it will read at.
  Task<absl::StatusOr<std::shared_ptr<const Plan>>> BeginAlone(
      Ctx ctx, PreparedPtr text, const Prepared* statement, txn::ReadOptions options,
      std::unique_ptr<txn::ReadTransaction>* reader);
  Task<Result> CreateTable(Ctx ctx, const ast::CreateTable* create);
  Task<Result> DropTable(Ctx ctx, const ast::DropTable* drop);
  Task<Result> AlterDatabase(Ctx ctx, const ast::Set* set);
  // database_edits.cc
  Task<Result> Database(Ctx ctx, const ast::DatabaseStatement* database);
  Task<Result> CreateDatabase(Ctx ctx, const ast::CreateDatabase* create);
  Task<Result> DropDatabase(Ctx ctx, const ast::DropDatabase* drop);
  Task<Result> RenameDatabase(Ctx ctx, const ast::RenameDatabase* rename);
  // The description of one that is to be changed by its owner. 3D000, 42501, 0A000.
  Task<absl::StatusOr<TablePtr>> OwnDatabase(Ctx ctx, std::string name, const char* what);
  // 55006
  Task<absl::Status> MustBeUnused(Ctx ctx, std::string database);
  // objects.cc
  Task<Result> Object(Ctx ctx, const ast::ObjectStatement* object, ResultSink* sink);
  Task<absl::Status> SetOwner(Ctx ctx, std::vector<std::string> owner, TableDescriptor* sequence);
  Task<Result> CreateSequence(Ctx ctx, const ast::CreateSequence* create);
  Task<Result> AlterSequence(Ctx ctx, const ast::AlterSequence* alter);
  // views.cc
  Task<Result> CreateView(Ctx ctx, const ast::CreateView* create);
  Task<Result> CreateTableAs(Ctx ctx, const ast::CreateTableAs* create, ResultSink* sink);
  // object_edits.cc
  Task<absl::StatusOr<std::vector<TablePtr>>> Relations(Ctx ctx);
  Task<Result> Comment(Ctx ctx, const ast::Comment* comment);
  // drop_relations.cc
  Task<Result> Drop(Ctx ctx, std::vector<ast::TableName> names, RelationKind kind, bool if_exists,
                    bool cascade);
  // named.cc
  Task<Result> Named(Ctx ctx, PreparedPtr text, size_t index, Params params, ResultSink* sink);
  Task<Result> PrepareNamed(Ctx ctx, PreparedPtr text, size_t index);
  Task<Result> ExecuteNamed(Ctx ctx, PreparedPtr text, size_t index, Params params,
                            ResultSink* sink);
  absl::StatusOr<Params> ExecuteArguments(Ctx ctx, const ast::ExecuteStatement& execute,
                                          const NamedStatement& named, const Params& params);
  Task<Result> CursorAlone(Ctx ctx, PreparedPtr text, size_t index, Params params,
                           ResultSink* sink);
  Task<absl::StatusOr<StatementDescription>> DescribeNamed(Ctx ctx, PreparedPtr text,
                                                           std::vector<Type> param_types);
  Task<Result> RunSynthetic(Ctx ctx, ast::SessionStatement statement, Params params,
                            ResultSink* sink);
  // explain.cc
  Task<Result> ExplainAlone(Ctx ctx, PreparedPtr text, size_t index, Params params,
                            ResultSink* sink);
  // advisory_calls.cc
  absl::StatusOr<AdvisoryKey> AdvisoryKeyOf(Ctx ctx, const ast::Expr& call, const Params& params,
                                            std::vector<Type>* types);
  Task<Result> Advisory(Ctx ctx, const ast::Select* select, Params params, ResultSink* sink);
  // session_ddl.cc
  Task<Result> ChangeSchema(Ctx ctx, const ast::Statement* statement);
  Task<Result> CreateIndex(Ctx ctx, const ast::CreateIndex* create);
  Task<Result> DropIndex(Ctx ctx, const ast::DropIndex* drop);
  Task<Result> AlterTable(Ctx ctx, const ast::AlterTable* alter);
  Task<Result> Change(Ctx ctx, SchemaEdit* edit, std::string tag);
  Task<absl::Status> AwaitJobs(Ctx ctx, std::vector<SchemaJob> jobs);
  // Rows that refer to none: 23503.
  Task<absl::Status> ValidateForeignKey(Ctx ctx, std::string table, std::string constraint);
  Task<absl::Status> ValidateCheck(Ctx ctx, std::string table, CheckConstraint check);
  Task<absl::Status> ValidateNotNull(Ctx ctx, TablePtr table, std::vector<uint32_t> columns);
  // A statement that needs a transaction though it stands alone.
  Task<Result> InOneTransaction(Ctx ctx, PreparedPtr text, size_t index, ResultSink* sink);
  Task<Result> Checksum(Ctx ctx, const ast::Select* select, Params params, ResultSink* sink);
  Task<Result> Members(Ctx ctx, const ast::Select* select, Params params, ResultSink* sink);
  Task<Result> Split(Ctx ctx, const ast::Select* select, Params params, bool merge,
                     ResultSink* sink);
  Task<Result> TransactionVerb(Ctx ctx, const ast::Transaction* verb);
  // A transaction that was told 40001, and begins anew soon, keeps its age, so that in the end it
  // is the oldest and is wounded no more.
  void KeepGivenUp(const std::shared_ptr<TransactionImpl>& txn);
  std::shared_ptr<SqlTransaction> TakeGivenUp();
  absl::Status SetTransaction(Ctx ctx, const ast::Set& set);
  // Inside BEGIN, with no statement running: the client is awaited only so long.
  void AwaitClient();
  void OnIdleTooLong(Micros limit_us);

  EngineImpl* const engine_;
  const uint64_t id_;
  const std::shared_ptr<Settings> settings_;
  std::shared_ptr<TransactionImpl> transaction_;  // of BEGIN or BeginImplicit
  bool connected_ = false;
  bool implicit_ = false;                     // of BeginImplicit
  std::shared_ptr<SqlTransaction> given_up_;  // with 40001, and none was begun since
  Micros given_up_at_us_ = 0;
  absl::Status idle_error_;  // 25P03: it ended because the client was idle
  Executor::TimerId idle_timer_ = 0;
  std::string running_;
  Micros running_since_ = 0;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_SESSION_SESSION_IMPL_H_
