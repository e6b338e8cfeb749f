// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_SESSION_SCHEMA_EDITS_H_
#define ISOCHRON_SQL_SESSION_SCHEMA_EDITS_H_

// What statements do to the schema, as edits that Catalog::Change makes (rule 37). An edit may be
// applied several times: each begins anew.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "sql/binder/expr.h"
#include "sql/catalog/catalog.h"
#include "sql/catalog/schema_job.h"
#include "sql/parser/ast.h"
#include "sql/session/session.h"

namespace isochron::sql {

// 23502, of a column, by its id, that is to be NOT NULL.
absl::Status NoNullsIn(const TableDescriptor& table, const std::vector<uint32_t>& columns,
                       const Row& row);
// Whether the table's rows must be written anew.
bool NeedsRewrite(const ast::AlterTable& alter);
// Whether it can only be done in a transaction: that, or what concerns other relations as well.
bool NeedsTransaction(const ast::AlterTable& alter);

// name_edits.cc
// A relation moves, with the sequences that its columns own; `all` are those that stand. 0A000
// where a view's text names it.
Task<absl::Status> MoveRelation(Ctx ctx, SchemaChange* change, const std::vector<TablePtr>* all,
                                const TableDescriptor* relation, std::string schema);

// foreign_key_edits.cc. Both tables are changed; the parent is told of its child.
Task<absl::Status> AddForeignKey(Ctx ctx, SchemaChange* change, TableDescriptor* table,
                                 const ast::ForeignKeyConstraint* definition, bool validated);
Task<absl::Status> RemoveForeignKey(Ctx ctx, SchemaChange* change, TableDescriptor* table,
                                    size_t at);
// 2BP01 when a foreign key refers to all of these columns.
Task<absl::Status> CheckUnreferenced(Ctx ctx, SchemaChange* change, const TableDescriptor* table,
                                     std::vector<uint32_t> columns, std::string what);

// Foreign keys of a table that was just made, within its transaction.
class AddForeignKeysEdit : public SchemaEdit {
 public:
  explicit AddForeignKeysEdit(const ast::CreateTable* create) : create_(create) {}
  Task<absl::Status> Apply(Ctx ctx, SchemaChange* change) override;

 private:
  const ast::CreateTable* const create_;
};

// Ends the validation of a foreign key: rows of before have been looked at, or it goes again.
class ForeignKeyEdit : public SchemaEdit {
 public:
  ForeignKeyEdit(std::string table, std::string name, bool valid)
      : table_(std::move(table)), name_(std::move(name)), valid_(valid) {}
  Task<absl::Status> Apply(Ctx ctx, SchemaChange* change) override;

 private:
  const std::string table_, name_;
  const bool valid_;
};

// Takes a CHECK away whose rows of before break it.
// The end of a check whose rows were looked through: it is valid, or goes.
class CheckEdit : public SchemaEdit {
 public:
  CheckEdit(std::string table, std::string name, bool valid)
      : table_(std::move(table)), name_(std::move(name)), valid_(valid) {}
  Task<absl::Status> Apply(Ctx ctx, SchemaChange* change) override;

 private:
  const std::string table_, name_;
  const bool valid_;
};

class CreateIndexEdit : public SchemaEdit {
 public:
  explicit CreateIndexEdit(const ast::CreateIndex* create) : create_(create) {}
  Task<absl::Status> Apply(Ctx ctx, SchemaChange* change) override;

  std::vector<SchemaJob> jobs;  // that were begun
  std::vector<Notice> notices;

 private:
  const ast::CreateIndex* const create_;
};

class DropIndexEdit : public SchemaEdit {
 public:
  explicit DropIndexEdit(const ast::DropIndex* drop) : drop_(drop) {}
  Task<absl::Status> Apply(Ctx ctx, SchemaChange* change) override;

  std::vector<Notice> notices;

 private:
  Task<absl::Status> One(Ctx ctx, SchemaChange* change, const ast::TableName* index);
  const ast::DropIndex* const drop_;
};

// The commands of an ALTER TABLE, all at one timestamp. What rows of before must be looked at for
// comes out as jobs to wait for and columns to validate.
class AlterTableEdit : public SchemaEdit {
 public:
  AlterTableEdit(const ast::AlterTable* alter, Timestamp now) : alter_(alter), now_(now) {}
  Task<absl::Status> Apply(Ctx ctx, SchemaChange* change) override;

  std::vector<SchemaJob> jobs;
  // Ids of columns that take no NULL from now on, and whether each came with this statement.
  std::vector<std::pair<uint32_t, bool>> not_null;
  // Foreign keys whose rows of before must be looked at, and whether each came with this statement.
  std::vector<std::pair<std::string, bool>> foreign_keys;
  std::vector<CheckConstraint> checks;            // that came with it
  std::vector<CheckConstraint> validated_checks;  // that were there, not valid
  std::string table;                              // its name afterwards
  std::vector<Notice> notices;

  // Of one that needs a transaction: what stands; of one that writes the rows anew the table's new
  // id, and
  // then the table whose rows are to be written.
  TableId new_id;
  std::vector<TablePtr> all;
  TablePtr rewritten;
  // By column id: what becomes of a column, over rows of `rewritten`. Others stay as they are.
  std::vector<std::pair<uint32_t, ExprPtr>> conversions;
  // Makes the sequence of an identity column, whose name is free.
  std::function<Task<absl::Status>(Ctx, TableDescriptor)> make_sequence;

 private:
  Task<absl::Status> Command(Ctx ctx, SchemaChange* change, const ast::AlterCommand* command);
  Task<absl::Status> AddColumn(Ctx ctx, SchemaChange* change, const ast::AlterCommand* command);
  absl::Status Validate(const std::string& constraint);
  Task<absl::Status> DropColumn(Ctx ctx, SchemaChange* change, const ast::AlterCommand* command);
  Task<absl::Status> AddUnique(Ctx ctx, SchemaChange* change, const ast::UniqueConstraint* unique);
  Task<absl::Status> AddPrimaryKey(Ctx ctx, SchemaChange* change, const ast::AlterCommand* command);
  Task<absl::Status> DropConstraint(Ctx ctx, SchemaChange* change,
                                    const ast::AlterCommand* command);
  Task<absl::Status> RenameConstraint(Ctx ctx, SchemaChange* change,
                                      const ast::AlterCommand* command);
  absl::Status OfColumn(const ast::AlterCommand& command);
  // identity.cc
  Task<absl::Status> OfIdentity(Ctx ctx, SchemaChange* change, const ast::AlterCommand* command);
  Task<absl::Status> AddIdentity(Ctx ctx, SchemaChange* change, const ast::AlterCommand* command,
                                 ColumnDescriptor* column);
  // column_type.cc
  Task<absl::Status> SetType(Ctx ctx, SchemaChange* change, const ast::AlterCommand* command);
  absl::Status CheckRetypable(int position) const;
  Task<absl::Status> CheckKeysOf(Ctx ctx, SchemaChange* change, uint32_t position,
                                 bool same_stored);
  absl::Status RetypeComputed(uint32_t position, bool* rewrite);
  absl::StatusOr<ExprPtr> Conversion(const ast::AlterCommand& command,
                                     const ColumnDescriptor& to) const;
  absl::Status RenameColumn(int position, const std::string& name);

  const ast::AlterTable* const alter_;
  const Timestamp now_;
  TableDescriptor* table_ = nullptr;
  TablePtr before_;
};

// Ends the validation of columns: they are NOT NULL now, or, if it failed, as they were (those that
// came with the statement are gone).
class NotNullEdit : public SchemaEdit {
 public:
  NotNullEdit(std::string table, TableId id, std::vector<std::pair<uint32_t, bool>> columns,
              bool valid)
      : table_(std::move(table)), id_(id), columns_(std::move(columns)), valid_(valid) {}
  Task<absl::Status> Apply(Ctx ctx, SchemaChange* change) override;

 private:
  const std::string table_;
  const TableId id_;
  const std::vector<std::pair<uint32_t, bool>> columns_;
  const bool valid_;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_SESSION_SCHEMA_EDITS_H_
