// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_SESSION_SCHEMA_TRANSACTION_H_
#define ISOCHRON_SQL_SESSION_SCHEMA_TRANSACTION_H_

// Changes of the schema inside a transaction: seen by its later statements, in force for everybody
// with its commit, gone with its rollback (rule 37; sql/catalog/catalog.h has the fences).
//
// A statement changes descriptions through the transaction's writer, which locks them exclusively.
// Behind a fence whoever writes a table holds a shared lock on its description at the commit. So
// once the fence stands and the description is locked, no row of the table changes until the
// transaction ends, and whatever a change needs to know of rows is read in a snapshot, without a
// lock a row. What it writes for others to see after the commit alone goes to private keys
// (private_writer.h). Readers are never held up; writers are, as long as the transaction lasts.
//
// One attempt of one transaction; loop thread only.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sql/parser/ast_databases.h"
#include "sql/parser/ast_names.h"
#include "sql/parser/ast_objects.h"
#include "sql/parser/ast_roles.h"
#include "sql/parser/ast_types.h"
#include "sql/session/engine_impl.h"
#include "sql/session/private_writer.h"
#include "sql/session/relation_edits.h"
#include "sql/session/schema_edits.h"

namespace isochron::sql {

class SchemaTransaction {
 public:
  using Result = absl::StatusOr<StatementResult>;

  // All outlive it. `dirty`: tables that the transaction has written rows of; `fenced`: names that
  // earlier attempts, `attempt` in number, put fences on.
  SchemaTransaction(EngineImpl* engine, Settings* settings, txn::ReadWriteTransaction* inner,
                    const std::set<TableId>* dirty, std::set<std::string>* fenced, int attempt);

  // CREATE, ALTER, DROP, TRUNCATE, COMMENT.
  Task<Result> Run(Ctx ctx, const Prepared* statement);

  PrivateWriter* writer() { return &writer_; }
  const SchemaScope& scope() const { return scope_; }
  // What the names that it touched mean here; null for nothing.
  const EngineImpl::TableMap& relations() const { return relations_; }
  // A plan of a statement as things stand here.
  Task<absl::StatusOr<std::shared_ptr<const Plan>>> PlanHere(Ctx ctx, PreparedPtr text,
                                                             const Prepared* statement);
  // After a savepoint took descriptions back.
  Task<absl::Status> Refresh(Ctx ctx);
  // Before the commit: when that may be at the latest.
  Task<absl::StatusOr<Timestamp>> Finish(Ctx ctx);
  // Where the transaction used a table before it changed it, as it found it then. ABORTED.
  absl::Status CheckUsed(const std::map<std::string, UsedTable>& used) const;

 private:
  using EachRow = std::function<absl::Status(const Row&, const std::string& key)>;

  Task<Result> Edit(Ctx ctx, SchemaEdit* edit, std::string tag);
  Task<Result> Object(Ctx ctx, const ast::ObjectStatement* object);
  Task<Result> CreateTable(Ctx ctx, const ast::CreateTable* create);
  Task<Result> Create(Ctx ctx, TableDescriptor table, bool if_not_exists,
                      std::vector<TableDescriptor> sequences, std::string tag);
  Task<Result> CreateView(Ctx ctx, const ast::CreateView* create);
  Task<Result> CreateSequence(Ctx ctx, const ast::CreateSequence* create);
  Task<Result> AlterSequence(Ctx ctx, const ast::AlterSequence* alter);
  Task<Result> Drop(Ctx ctx, std::vector<ast::TableName> names, RelationKind kind, bool if_exists,
                    bool cascade);
  // With the notices and the tag that there are already.
  Task<Result> DropAll(Ctx ctx, const DropSet* drop, StatementResult told);
  Task<Result> Truncate(Ctx ctx, const ast::Truncate* truncate);
  // name_edits.cc: schemas.
  Task<Result> Names(Ctx ctx, const ast::NamesStatement* names);
  // Puts a fence where a schema is to be made: a lease later, which is before the commit, nobody
  // remembers that there is none.
  Task<absl::Status> FenceName(Ctx ctx, std::string full_name);
  Task<Result> CreateSchema(Ctx ctx, const ast::CreateSchema* create);
  Task<Result> DropSchema(Ctx ctx, const ast::DropSchema* drop);
  Task<Result> RenameSchema(Ctx ctx, const ast::RenameSchema* rename);
  // type_edits.cc
  Task<Result> Types(Ctx ctx, const ast::TypeStatement* types);
  Task<Result> CreateEnum(Ctx ctx, const ast::CreateEnum* create);
  Task<Result> AlterEnum(Ctx ctx, const ast::AlterEnum* alter);
  Task<Result> DropType(Ctx ctx, const ast::DropType* drop);
  // role_edits.cc
  Task<Result> Roles(Ctx ctx, const ast::RoleStatement* role);
  Task<Result> CreateRole(Ctx ctx, const ast::CreateRole* create);
  Task<Result> AlterRole(Ctx ctx, const ast::AlterRole* alter);
  Task<Result> DropRole(Ctx ctx, const ast::DropRole* drop);
  Task<Result> GrantRole(Ctx ctx, const ast::GrantRole* grant);
  Task<Result> EditRoles(Ctx ctx, std::function<absl::Status(RoleCatalog*)> change,
                         std::string tag);
  // Makes the list of roles, where there never was one.
  Task<absl::Status> EnsureRoles(Ctx ctx);
  // What the acting role may do, as the transaction sees the list.
  Task<absl::StatusOr<AccessPtr>> AccessHere(Ctx ctx);
  // 42704
  absl::StatusOr<uint64_t> RoleOf(const ast::RoleSpec& spec, const RoleCatalog& roles) const;
  absl::Status SetOptions(const ast::RoleOptions& options, Role* role) const;
  // What is kept of a password. 0A000, 22023.
  absl::StatusOr<std::string> VerifierOf(const std::string& password) const;
  static bool MayCreateRoles(const Access& access);
  // Whether it may make others members of the role. 42501.
  static absl::Status MayGive(const Access& access, uint64_t role);
  // grants.cc
  Task<Result> Grant(Ctx ctx, const ast::Grant* grant);
  // The full names of what it is about, but for the database and the schema public.
  Task<absl::StatusOr<std::vector<std::string>>> Granted(Ctx ctx, const ast::Grant* grant);
  Task<Result> AlterOwner(Ctx ctx, const ast::AlterOwner* alter);
  Task<Result> ReassignOwned(Ctx ctx, const ast::ReassignOwned* owned);
  Task<Result> DropOwned(Ctx ctx, const ast::DropOwned* owned);
  Task<absl::StatusOr<std::vector<uint64_t>>> OwnedRoles(Ctx ctx,
                                                         const std::vector<ast::RoleSpec>* specs,
                                                         const char* what);
  // 42704
  Task<absl::StatusOr<TablePtr>> Enum(Ctx ctx, const ast::TableName* name);
  // The description of a database other than the first. 3D000, 0A000 for a template.
  Task<absl::StatusOr<TablePtr>> Database(Ctx ctx, std::string name);
  // database_edits.cc
  Task<Result> CommentOnDatabase(Ctx ctx, const ast::CommentOnDatabase* comment);
  // 3F000
  Task<absl::StatusOr<TablePtr>> Schema(Ctx ctx, std::string name);
  Task<absl::Status> SetOwner(Ctx ctx, std::vector<std::string> owner, TableDescriptor* sequence);
  Task<Result> AlterTable(Ctx ctx, const ast::AlterTable* alter);

  // What stands, as the transaction sees it.
  Task<absl::StatusOr<std::vector<TablePtr>>> Relations(Ctx ctx);
  Task<absl::StatusOr<TablePtr>> Resolve(Ctx ctx, std::string name);
  void Made(const Catalog::Made& made);
  void HideRowsOf(const TableDescriptor& table);

  // schema_rows.cc: all rows of a table whose description is locked.
  Task<absl::Status> ForEachRow(Ctx ctx, TablePtr table, EachRow each);
  Task<absl::Status> FillIndexes(Ctx ctx, std::vector<SchemaJob> jobs);
  Task<absl::Status> FillIndex(Ctx ctx, TablePtr table, const IndexDescriptor* index);
  // A row whose key another may have had before it.
  struct Doubtful {
    Row row;
    std::string key, value;
  };
  static absl::Status Doubt(const Row& row, std::string key, std::string value,
                            std::vector<Doubtful>* to);
  // Puts them, or says that one is there already. 23505.
  Task<absl::Status> Settle(Ctx ctx, TablePtr table, const IndexDescriptor* index,
                            std::vector<Doubtful> doubtful);
  Task<absl::Status> CheckNotNull(Ctx ctx, TablePtr table, std::vector<uint32_t> columns);
  Task<absl::Status> ValidateCheck(Ctx ctx, std::string name, CheckConstraint check);
  Task<absl::Status> ValidateForeignKey(Ctx ctx, std::string name, std::string constraint);
  // What reads all rows of both as they will stay: a snapshot, in *snapshot, where that can be.
  Task<absl::StatusOr<txn::ReadTransaction*>> ReaderOf(
      Ctx ctx, TablePtr one, TablePtr two, std::unique_ptr<txn::ReadTransaction>* snapshot);
  using Conversions = std::vector<std::pair<uint32_t, ExprPtr>>;  // by column id
  Task<absl::Status> Rewrite(Ctx ctx, TablePtr before, TablePtr after,
                             const Conversions* conversions);

  EngineImpl* const engine_;
  Settings* const settings_;
  txn::ReadWriteTransaction* const inner_;
  const std::set<TableId>* const dirty_;
  PrivateWriter writer_;
  SchemaScope scope_;
  std::map<std::string, UsedTable> found_;
  EngineImpl::TableMap relations_;
  std::map<const Prepared*, std::pair<PreparedPtr, std::shared_ptr<const Plan>>> plans_;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_SESSION_SCHEMA_TRANSACTION_H_
