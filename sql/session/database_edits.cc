// SPDX-License-Identifier: Apache-2.0
//
// Databases come, change and go (docs/internals/databases.md).
//
// A database is a description in the catalog of the universe. CREATE DATABASE writes it, and it is
// there. DROP DATABASE ends it at one timestamp, from which on nothing in it is read or written by
// anybody; what lay in it is taken away behind that, by an id that comes never again.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/databases.h"
#include "sql/catalog/full_name.h"
#include "sql/catalog/layout.h"
#include "sql/session/access.h"
#include "sql/session/databases.h"
#include "sql/session/schema_transaction.h"
#include "sql/session/session_impl.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

absl::Status DatabaseThere(absl::string_view name) {
  return SqlError(sqlstate::kDuplicateDatabase,
                  absl::StrCat("database \"", name, "\" already exists"));
}

bool MayCreateDatabases(const Access& access) {
  const Role* role = access.catalog().Find(access.role);
  return access.superuser || (role != nullptr && role->create_db);
}

class DropDatabaseEdit : public SchemaEdit {
 public:
  explicit DropDatabaseEdit(TablePtr database) : database_(std::move(database)) {}

  Task<absl::Status> Apply(Ctx ctx, SchemaChange* change) override {
    ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * t, co_await change->Table(ctx, database_->name));
    if (t->id != database_->id) co_return NoDatabase(database_->local_name());
    // Read by whoever sweeps, whether or not this node is there by then.
    ISO_CO_RETURN_IF_ERROR(change->txn()->Put(DroppedDatabaseKey(t->id), t->name));
    co_return co_await change->Drop(ctx, database_->name);
  }

 private:
  const TablePtr database_;
};

class RenameDatabaseEdit : public SchemaEdit {
 public:
  RenameDatabaseEdit(std::string from, std::string to)
      : from_(std::move(from)), to_(std::move(to)) {}

  Task<absl::Status> Apply(Ctx ctx, SchemaChange* change) override {
    ISO_CO_ASSIGN_OR_RETURN(const bool free, co_await change->IsFree(ctx, to_));
    if (!free) co_return DatabaseThere(LocalName(to_));
    co_return co_await change->Rename(ctx, from_, to_);
  }

 private:
  const std::string from_, to_;
};

// "There are 2 other sessions using the database."
std::string Users(int64_t count) {
  return count == 1 ? "There is 1 other session using the database."
                    : absl::StrCat("There are ", count, " other sessions using the database.");
}

}  // namespace

Task<absl::StatusOr<TablePtr>> SchemaTransaction::Database(Ctx ctx, std::string name) {
  if (IsTemplateDatabase(name)) {
    co_return SqlError(sqlstate::kUnsupported,
                       absl::StrCat("database \"", name, "\" is always there as it is"));
  }
  auto found = co_await Resolve(ctx, DatabaseFullName(name));
  if (SqlStateOf(found.status()) != sqlstate::kUndefinedTable) co_return found;
  co_return co_await engine_->databases().Describe(ctx, std::move(name));
}

Task<SchemaTransaction::Result> SchemaTransaction::CommentOnDatabase(
    Ctx ctx, const ast::CommentOnDatabase* comment) {
  ISO_CO_ASSIGN_OR_RETURN(const AccessPtr access, co_await AccessHere(ctx));
  if (comment->name == kFirstDatabase) {
    if (!access->superuser) co_return NotOwnerOfDatabase(comment->name);
    co_return SqlError(
        sqlstate::kUnsupported,
        absl::StrCat("a comment on database \"", comment->name, "\" is not supported yet"));
  }
  ISO_CO_ASSIGN_OR_RETURN(const TablePtr database, co_await Database(ctx, comment->name));
  if (!access->Owns(*database)) co_return NotOwnerOfDatabase(comment->name);
  OneEdit edit(database->name, [comment](TableDescriptor* t) {
    t->comment = comment->text.value_or("");
    return absl::OkStatus();
  });
  co_return co_await Edit(ctx, &edit, "COMMENT");
}

Task<SessionImpl::Result> SessionImpl::Database(Ctx ctx, const ast::DatabaseStatement* database) {
  if (const auto* create = std::get_if<ast::CreateDatabase>(&database->node)) {
    co_return co_await CreateDatabase(ctx, create);
  }
  if (const auto* drop = std::get_if<ast::DropDatabase>(&database->node)) {
    co_return co_await DropDatabase(ctx, drop);
  }
  if (const auto* rename = std::get_if<ast::RenameDatabase>(&database->node)) {
    co_return co_await RenameDatabase(ctx, rename);
  }
  const std::string& name = std::get<ast::AlterDatabase>(database->node).name;
  if (!IsAlwaysThere(name)) {
    ISO_CO_RETURN_IF_ERROR((co_await OwnDatabase(ctx, name, "altered")).status());
  } else {
    ISO_CO_RETURN_IF_ERROR(co_await engine_->MustBeSuperuser(ctx, settings_.get(), "alter it"));
  }
  StatementResult result;
  result.tag = "ALTER DATABASE";
  co_return result;
}

Task<SessionImpl::Result> SessionImpl::CreateDatabase(Ctx ctx, const ast::CreateDatabase* create) {
  ISO_CO_ASSIGN_OR_RETURN(const AccessPtr access,
                          co_await engine_->AccessOf(ctx, settings_.get(), nullptr));
  if (!MayCreateDatabases(*access)) {
    co_return SqlError(kNoPrivilege, "permission denied to create database");
  }
  TableDescriptor made;
  made.name = DatabaseFullName(create->name);
  made.kind = RelationKind::kDatabase;
  made.owner = access->role;
  if (create->owner.has_value()) {
    const std::optional<uint64_t> owner = access->catalog().IdOf(create->owner->name);
    if (!owner.has_value()) co_return NoRole(create->owner->name);
    if (*owner == kDatabaseOwnerRole) {
      co_return SqlError(sqlstate::kUnsupported,
                         "pg_database_owner owns nothing but the schema public");
    }
    if (!access->MayBecome(*owner)) {
      co_return SqlError(kNoPrivilege,
                         absl::StrCat("must be member of role \"", create->owner->name, "\""));
    }
    made.owner = *owner;
  }
  if (IsAlwaysThere(create->name)) co_return DatabaseThere(create->name);
  txn::CommitResult commit;
  ISO_CO_RETURN_IF_ERROR(
      (co_await engine_->catalog().Create(ctx, std::move(made), false, &commit)).status());
  StatementResult result;
  result.tag = "CREATE DATABASE";
  result.commit_timestamp = commit.commit_timestamp;
  settings_->SetCommitTimestamp(commit.commit_timestamp);
  co_return result;
}

Task<absl::StatusOr<TablePtr>> SessionImpl::OwnDatabase(Ctx ctx, std::string name,
                                                        const char* what) {
  ISO_CO_ASSIGN_OR_RETURN(const AccessPtr access,
                          co_await engine_->AccessOf(ctx, settings_.get(), nullptr));
  if (IsAlwaysThere(name)) {
    if (!access->superuser) co_return NotOwnerOfDatabase(name);
    co_return SqlError(
        sqlstate::kUnsupported,
        absl::StrCat("database \"", name, "\" is always there, and cannot be ", what), -1,
        "Databases that CREATE DATABASE made can.");
  }
  ISO_CO_ASSIGN_OR_RETURN(TablePtr found, co_await engine_->databases().Describe(ctx, name));
  if (!access->Owns(*found)) co_return NotOwnerOfDatabase(name);
  co_return found;
}

Task<absl::Status> SessionImpl::MustBeUnused(Ctx ctx, std::string database) {
  ISO_CO_ASSIGN_OR_RETURN(const int64_t others,
                          co_await engine_->databases().Connections(ctx, database));
  if (others == 0) co_return absl::OkStatus();
  co_return WithFields(
      SqlError(sqlstate::kObjectInUse,
               absl::StrCat("database \"", database, "\" is being accessed by other users"), -1,
               "isochron.sessions lists them; DROP DATABASE takes WITH (FORCE)."),
      {Users(others)});
}

Task<SessionImpl::Result> SessionImpl::DropDatabase(Ctx ctx, const ast::DropDatabase* drop) {
  StatementResult result;
  result.tag = "DROP DATABASE";
  auto found = co_await OwnDatabase(ctx, drop->name, "dropped");
  if (drop->if_exists && SqlStateOf(found.status()) == sqlstate::kInvalidCatalog) {
    result.notices.push_back(
        {"NOTICE", "00000",
         absl::StrCat("database \"", drop->name, "\" does not exist, skipping")});
    co_return result;
  }
  ISO_CO_ASSIGN_OR_RETURN(const TablePtr database, std::move(found));
  if (drop->name == engine_->database()) {
    co_return SqlError(sqlstate::kObjectInUse, "cannot drop the currently open database");
  }
  if (!drop->force) ISO_CO_RETURN_IF_ERROR(co_await MustBeUnused(ctx, drop->name));
  DropDatabaseEdit edit(database);
  ISO_CO_ASSIGN_OR_RETURN(result, co_await Change(ctx, &edit, result.tag));
  engine_->databases().SweepSoon();
  co_return result;
}

Task<SessionImpl::Result> SessionImpl::RenameDatabase(Ctx ctx, const ast::RenameDatabase* rename) {
  ISO_CO_ASSIGN_OR_RETURN(const TablePtr database,
                          co_await OwnDatabase(ctx, rename->name, "renamed"));
  ISO_CO_ASSIGN_OR_RETURN(const AccessPtr access,
                          co_await engine_->AccessOf(ctx, settings_.get(), nullptr));
  if (!MayCreateDatabases(*access)) {
    co_return SqlError(kNoPrivilege, "permission denied to rename database");
  }
  if (IsAlwaysThere(rename->new_name)) co_return DatabaseThere(rename->new_name);
  if (rename->name == engine_->database()) {
    co_return SqlError(sqlstate::kUnsupported, "current database cannot be renamed");
  }
  ISO_CO_RETURN_IF_ERROR(co_await MustBeUnused(ctx, rename->name));
  RenameDatabaseEdit edit(database->name, DatabaseFullName(rename->new_name));
  co_return co_await Change(ctx, &edit, "ALTER DATABASE");
}

}  // namespace isochron::sql
