// SPDX-License-Identifier: Apache-2.0
#include "sql/session/schema_edits.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/full_name.h"
#include "sql/parser/parser.h"
#include "sql/planner/definitions.h"
#include "sql/planner/index_def.h"
#include "sql/planner/index_rules.h"
#include "sql/planner/planner.h"
#include "sql/session/relation_edits.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

Notice Skipping(absl::string_view what) {
  return {"NOTICE", "00000", absl::StrCat(what, ", skipping")};
}

absl::Status NoColumn(absl::string_view column, const TableDescriptor& table) {
  return SqlError(sqlstate::kUndefinedColumn,
                  absl::StrCat("column \"", column, "\" of relation \"", table.local_name(),
                               "\" does not exist"));
}

absl::Status NotATable(absl::string_view name) {
  return SqlError(sqlstate::kWrongObjectType, absl::StrCat("\"", name, "\" is not a table"));
}

bool Uses(const IndexDescriptor& index, uint32_t column) {
  return std::any_of(index.columns.begin(), index.columns.end(),
                     [column](const IndexColumn& c) { return c.column == column; }) ||
         std::find(index.include.begin(), index.include.end(), column) != index.include.end();
}

// Takes an index out of `table`, with its name and whatever was still to be done for it.
absl::Status Remove(SchemaChange* change, TableDescriptor* table, size_t at) {
  const IndexDescriptor& index = table->indexes[at];
  ISO_RETURN_IF_ERROR(change->ReleaseIndexName(*table, index.name));
  if (index.state == IndexState::kBuilding) {
    ISO_RETURN_IF_ERROR(change->txn()->Delete(SchemaJobKey(table->id, index.id)));
  }
  table->RemoveIndex(at);
  return absl::OkStatus();
}

// Adds an index that is still to be filled.
Task<absl::Status> Begin(Ctx ctx, SchemaChange* change, TableDescriptor* table,
                         IndexDescriptor index, std::vector<SchemaJob>* jobs) {
  index.state = IndexState::kBuilding;
  // A transaction fills it before its next statement.
  if (change->scope() != nullptr) index.state = IndexState::kPublic;
  ISO_CO_RETURN_IF_ERROR(co_await change->ClaimIndexName(ctx, *table, &index));
  index.id = table->next_index_id++;
  SchemaJob job;
  job.table = table->id;
  job.index = index.id;
  job.table_name = table->name;
  job.index_name = index.name;
  if (change->scope() == nullptr) {
    ISO_CO_RETURN_IF_ERROR(
        change->txn()->Put(SchemaJobKey(job.table, job.index), EncodeSchemaJob(job)));
  }
  jobs->push_back(std::move(job));
  table->indexes.push_back(std::move(index));
  co_return absl::OkStatus();
}

// As PostgreSQL does them: what goes, other types, and then the rest.
std::vector<const ast::AlterCommand*> InOrder(const ast::AlterTable& alter) {
  const auto pass = [](ast::AlterKind kind) {
    switch (kind) {
      case ast::AlterKind::kDropColumn:
      case ast::AlterKind::kDropConstraint:
      case ast::AlterKind::kDropDefault:
        return 0;
      case ast::AlterKind::kSetType:
        return 1;
      default:
        return 2;
    }
  };
  std::vector<const ast::AlterCommand*> out;
  for (const ast::AlterCommand& command : alter.commands) out.push_back(&command);
  const bool types = std::any_of(out.begin(), out.end(), [](const ast::AlterCommand* command) {
    return command->kind == ast::AlterKind::kSetType;
  });
  if (!types) return out;
  std::stable_sort(out.begin(), out.end(),
                   [&pass](const auto* a, const auto* b) { return pass(a->kind) < pass(b->kind); });
  return out;
}

}  // namespace

bool NeedsRewrite(const ast::AlterTable& alter) {
  return std::any_of(alter.commands.begin(), alter.commands.end(), [](const auto& command) {
    return command.kind == ast::AlterKind::kAddPrimaryKey ||
           command.kind == ast::AlterKind::kSetType;
  });
}

bool NeedsTransaction(const ast::AlterTable& alter) {
  // A column of a type that users made holds its type as it is: a change of either waits for the
  // other's commit.
  const auto needs = [](const ast::AlterCommand& command) {
    return command.kind == ast::AlterKind::kSetSchema ||
           command.kind == ast::AlterKind::kAddIdentity ||
           command.kind == ast::AlterKind::kDropIdentity ||
           (command.kind == ast::AlterKind::kAddColumn &&
            !TypesMeantBy(command.added.columns[0].type).empty());
  };
  return NeedsRewrite(alter) || std::any_of(alter.commands.begin(), alter.commands.end(), needs);
}

Task<absl::Status> CreateIndexEdit::Apply(Ctx ctx, SchemaChange* change) {
  jobs.clear();
  notices.clear();
  ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * table,
                          co_await change->Table(ctx, FullNameOf(create_->table)));
  if (!table->is_table()) co_return NotATable(table->local_name());
  if (create_->if_not_exists && !create_->name.empty()) {
    ISO_CO_ASSIGN_OR_RETURN(
        bool free, co_await change->IsFree(ctx, IndexFullName(table->name, create_->name)));
    if (!free) {
      notices.push_back(
          {"NOTICE", sqlstate::kDuplicateTable,
           absl::StrCat("relation \"", create_->name, "\" already exists, skipping")});
      co_return absl::OkStatus();
    }
  }
  ISO_CO_ASSIGN_OR_RETURN(IndexDescriptor index, MakeIndex(*create_, table));
  co_return co_await Begin(ctx, change, table, std::move(index), &jobs);
}

Task<absl::Status> DropIndexEdit::One(Ctx ctx, SchemaChange* change, const ast::TableName* index) {
  const std::string& name = index->name;
  auto table_name = co_await change->TableOfIndex(ctx, FullNameOf(*index));
  if (!table_name.ok()) {
    if (!drop_->if_exists || SqlStateOf(table_name.status()) != sqlstate::kUndefinedObject) {
      co_return table_name.status();
    }
    notices.push_back(Skipping(absl::StrCat("index \"", name, "\" does not exist")));
    co_return absl::OkStatus();
  }
  ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * table, co_await change->Table(ctx, *table_name));
  for (size_t i = 0; i < table->indexes.size(); ++i) {
    if (table->indexes[i].name != name) continue;
    if (table->indexes[i].constraint) {
      co_return SqlError(sqlstate::kDependentObjects,
                         absl::StrCat("cannot drop index ", name, " because constraint ", name,
                                      " on table ", table->local_name(), " requires it"),
                         -1,
                         absl::StrCat("You can drop constraint ", name, " on table ",
                                      table->local_name(), " instead."));
    }
    if (table->IsKey(table->indexes[i])) {
      std::vector<uint32_t> columns;
      for (const IndexColumn& c : table->indexes[i].columns) columns.push_back(c.column);
      ISO_CO_RETURN_IF_ERROR(co_await CheckUnreferenced(ctx, change, table, std::move(columns),
                                                        absl::StrCat("index ", name)));
    }
    co_return Remove(change, table, i);
  }
  co_return SqlError(sqlstate::kUndefinedObject,
                     absl::StrCat("index \"", name, "\" does not exist"));
}

Task<absl::Status> DropIndexEdit::Apply(Ctx ctx, SchemaChange* change) {
  notices.clear();
  for (const ast::TableName& index : drop_->indexes) {
    ISO_CO_RETURN_IF_ERROR(co_await One(ctx, change, &index));
  }
  co_return absl::OkStatus();
}

Task<absl::Status> AlterTableEdit::Apply(Ctx ctx, SchemaChange* change) {
  jobs.clear();
  not_null.clear();
  foreign_keys.clear();
  checks.clear();
  validated_checks.clear();
  notices.clear();
  rewritten = nullptr;
  conversions.clear();
  table.clear();
  std::string name = FullNameOf(alter_->table);
  const bool of_index = alter_->commands[0].kind == ast::AlterKind::kRenameIndex;
  absl::Status found;
  if (of_index) {
    auto table_name = co_await change->TableOfIndex(ctx, name);
    found = table_name.status();
    if (found.ok()) name = *table_name;
  }
  if (found.ok()) {
    auto described = co_await change->Table(ctx, name);
    found = described.status();
    if (found.ok()) table_ = *described;
    const ast::AlterKind kind = alter_->commands[0].kind;
    const bool any = kind == ast::AlterKind::kSetSchema;
    if (found.ok() && !table_->is_table() && !any) co_return NotATable(LocalName(name));
  }
  const std::string state = SqlStateOf(found);
  if (alter_->if_exists &&
      (state == sqlstate::kUndefinedTable || state == sqlstate::kUndefinedObject)) {
    notices.push_back(
        Skipping(absl::StrCat("relation \"", alter_->table.name, "\" does not exist")));
    co_return absl::OkStatus();
  }
  if (of_index && state == sqlstate::kUndefinedObject) {
    co_return SqlError(sqlstate::kUndefinedTable,
                       absl::StrCat("relation \"", alter_->table.name, "\" does not exist"));
  }
  ISO_CO_RETURN_IF_ERROR(found);
  before_ = std::make_shared<const TableDescriptor>(*table_);
  for (const ast::AlterCommand* command : InOrder(*alter_)) {
    ISO_CO_RETURN_IF_ERROR(co_await Command(ctx, change, command));
  }
  table = table_->name;
  if (rewritten == nullptr) co_return absl::OkStatus();
  NewIds ids;
  ids.Add(table_->id, new_id);
  table_->id = new_id;
  change->scope()->made.insert(new_id);
  co_return co_await ids.Apply(ctx, &all, change);
}

Task<absl::Status> AlterTableEdit::Command(Ctx ctx, SchemaChange* change,
                                           const ast::AlterCommand* command) {
  switch (command->kind) {
    case ast::AlterKind::kAddColumn:
      co_return co_await AddColumn(ctx, change, command);
    case ast::AlterKind::kDropColumn:
      co_return co_await DropColumn(ctx, change, command);
    case ast::AlterKind::kAddForeignKey: {
      ISO_CO_RETURN_IF_ERROR(
          co_await AddForeignKey(ctx, change, table_, &command->foreign_key, false));
      if (command->foreign_key.validate) {
        foreign_keys.emplace_back(table_->foreign_keys.back().name, true);
      }
      co_return absl::OkStatus();
    }
    case ast::AlterKind::kAddCheck: {
      std::vector<std::string> names;
      for (const CheckConstraint& c : table_->checks) names.push_back(c.name);
      ISO_CO_RETURN_IF_ERROR(DefineCheck(command->checks[0], table_));
      for (const CheckConstraint& c : table_->checks) {
        if (std::find(names.begin(), names.end(), c.name) == names.end() && c.validated) {
          checks.push_back(c);
        }
      }
      co_return absl::OkStatus();
    }
    case ast::AlterKind::kSetType:
      co_return co_await SetType(ctx, change, command);
    case ast::AlterKind::kAddIdentity:
    case ast::AlterKind::kSetIdentity:
    case ast::AlterKind::kDropIdentity:
      co_return co_await OfIdentity(ctx, change, command);
    case ast::AlterKind::kValidate:
      co_return Validate(command->name);
    case ast::AlterKind::kAddUnique:
      co_return co_await AddUnique(ctx, change, &command->unique);
    case ast::AlterKind::kAddPrimaryKey:
      if (!table_->has_hidden_key()) {
        co_return SqlError(sqlstate::kInvalidTableDefinition,
                           absl::StrCat("multiple primary keys for table \"", table_->local_name(),
                                        "\" are not allowed"));
      }
      co_return co_await AddPrimaryKey(ctx, change, command);
    case ast::AlterKind::kDropConstraint:
      co_return co_await DropConstraint(ctx, change, command);
    case ast::AlterKind::kRenameTable:
      co_return co_await change->Rename(ctx, table_->name,
                                        FullName(table_->schema, command->new_name));
    case ast::AlterKind::kSetSchema:
      co_return co_await MoveRelation(ctx, change, &all, table_, command->new_name);
    case ast::AlterKind::kRenameConstraint:
    case ast::AlterKind::kRenameIndex:
      co_return co_await RenameConstraint(ctx, change, command);
    default:
      co_return OfColumn(*command);
  }
}

absl::Status AlterTableEdit::OfColumn(const ast::AlterCommand& command) {
  const int position = table_->FindColumn(command.name);
  if (position < 0 && command.kind == ast::AlterKind::kRenameColumn) {
    return SqlError(sqlstate::kUndefinedColumn,
                    absl::StrCat("column \"", command.name, "\" does not exist"));
  }
  if (position < 0) return NoColumn(command.name, *table_);
  ColumnDescriptor& c = table_->columns[static_cast<size_t>(position)];
  switch (command.kind) {
    case ast::AlterKind::kSetDefault:
      return DefineDefault(*command.default_value, command.default_sql, &c);
    case ast::AlterKind::kDropDefault:
      c.default_kind = DefaultKind::kNone;
      c.default_value = Datum::Null();
      c.default_sql.clear();
      return absl::OkStatus();
    case ast::AlterKind::kSetNotNull:
      if (c.not_null) return absl::OkStatus();
      c.not_null_pending = true;
      not_null.emplace_back(c.id, false);
      return absl::OkStatus();
    case ast::AlterKind::kDropNotNull:
      if (table_->KeyPosition(static_cast<uint32_t>(position)) >= 0) {
        return SqlError(sqlstate::kInvalidTableDefinition,
                        absl::StrCat("column \"", c.name, "\" is in a primary key"));
      }
      c.not_null = false;
      c.not_null_pending = false;
      return absl::OkStatus();
    case ast::AlterKind::kRenameColumn:
      if (table_->FindColumn(command.new_name) >= 0) {
        return SqlError(sqlstate::kDuplicateColumn,
                        absl::StrCat("column \"", command.new_name, "\" of relation \"",
                                     table_->local_name(), "\" already exists"));
      }
      return RenameColumn(position, command.new_name);
    default:
      return SqlError(sqlstate::kUnsupported, "this form of ALTER TABLE is not supported yet");
  }
}

absl::Status AlterTableEdit::RenameColumn(int position, const std::string& name) {
  const std::string before = table_->columns[static_cast<size_t>(position)].name;
  std::vector<std::string*> texts;
  for (ColumnDescriptor& c : table_->columns) {
    texts.push_back(&c.generated_sql);
    texts.push_back(&c.computed_sql);
  }
  for (CheckConstraint& c : table_->checks) texts.push_back(&c.sql);
  for (IndexDescriptor& index : table_->indexes) texts.push_back(&index.predicate_sql);
  for (std::string* text : texts) {
    if (text->empty()) continue;
    ISO_ASSIGN_OR_RETURN(*text, RenameColumnIn(*text, before, name));
  }
  table_->columns[static_cast<size_t>(position)].name = name;
  return absl::OkStatus();
}

Task<absl::Status> AlterTableEdit::AddColumn(Ctx ctx, SchemaChange* change,
                                             const ast::AlterCommand* command) {
  if (table_->FindColumn(command->name) >= 0) {
    const std::string what = absl::StrCat("column \"", command->name, "\" of relation \"",
                                          table_->local_name(), "\" already exists");
    if (!command->missing_ok) co_return SqlError(sqlstate::kDuplicateColumn, what);
    notices.push_back({"NOTICE", sqlstate::kDuplicateColumn, absl::StrCat(what, ", skipping")});
    co_return absl::OkStatus();
  }
  ISO_CO_ASSIGN_OR_RETURN(TableDescriptor alone, MakeDescriptor(command->added));
  if (!alone.has_hidden_key()) {
    co_return SqlError(sqlstate::kUnsupported, "PRIMARY KEY in ADD COLUMN is not supported yet");
  }
  ColumnDescriptor c = alone.columns[0];
  if (!c.generated_sql.empty() || !alone.checks.empty()) {
    co_return SqlError(sqlstate::kUnsupported,
                       "a generated column or CHECK in ADD COLUMN is not supported yet");
  }
  c.id = table_->next_column_id++;
  EvalContext eval;
  eval.now = now_;
  ISO_CO_ASSIGN_OR_RETURN(c.missing_value, DefaultOfRowsBefore(c, eval));
  c.has_missing = !c.missing_value.is_null();
  if (!c.has_missing && c.not_null) {
    // Rows of before have NULL there: there must be none.
    c.not_null = false;
    c.not_null_pending = true;
    not_null.emplace_back(c.id, true);
  }
  table_->columns.push_back(std::move(c));
  ISO_CO_RETURN_IF_ERROR(co_await change->HoldTypes(ctx, table_));
  for (const ast::UniqueConstraint& unique : command->added.uniques) {
    ISO_CO_RETURN_IF_ERROR(co_await AddUnique(ctx, change, &unique));
  }
  co_return absl::OkStatus();
}

absl::Status AlterTableEdit::Validate(const std::string& constraint) {
  for (const CheckConstraint& c : table_->checks) {
    if (c.name != constraint) continue;
    if (!c.validated) validated_checks.push_back(c);
    return absl::OkStatus();
  }
  const ForeignKey* key = table_->FindForeignKey(constraint);
  if (key == nullptr) {
    return SqlError(sqlstate::kUndefinedObject,
                    absl::StrCat("constraint \"", constraint, "\" of relation \"",
                                 table_->local_name(), "\" does not exist"));
  }
  if (!key->validated) foreign_keys.emplace_back(constraint, false);
  return absl::OkStatus();
}

Task<absl::Status> AlterTableEdit::DropColumn(Ctx ctx, SchemaChange* change,
                                              const ast::AlterCommand* command) {
  const int found = table_->FindColumn(command->name);
  if (found < 0) {
    if (!command->missing_ok) co_return NoColumn(command->name, *table_);
    notices.push_back(Skipping(absl::StrCat("column \"", command->name, "\" of relation \"",
                                            table_->local_name(), "\" does not exist")));
    co_return absl::OkStatus();
  }
  const auto position = static_cast<uint32_t>(found);
  if (table_->KeyPosition(position) >= 0) {
    co_return SqlError(sqlstate::kUnsupported,
                       "dropping a column of the primary key is not supported yet");
  }
  ISO_CO_ASSIGN_OR_RETURN(const ColumnDescriptor* generated, GeneratedFrom(*table_, found));
  if (generated != nullptr) {
    co_return SqlError(sqlstate::kDependentObjects,
                       absl::StrCat("cannot drop column ", command->name, " of table ",
                                    table_->name, " because other objects depend on it"),
                       -1, absl::StrCat("Drop the column ", generated->name, " first."));
  }
  ISO_CO_ASSIGN_OR_RETURN(const std::vector<std::string> checks, ChecksOn(*table_, found));
  std::erase_if(table_->checks, [&checks](const CheckConstraint& c) {
    return std::find(checks.begin(), checks.end(), c.name) != checks.end();
  });
  ISO_CO_RETURN_IF_ERROR(co_await CheckUnreferenced(
      ctx, change, table_, {position},
      absl::StrCat("column ", command->name, " of table ", table_->name)));
  for (size_t i = table_->foreign_keys.size(); i > 0; --i) {
    const std::vector<uint32_t>& columns = table_->foreign_keys[i - 1].columns;
    if (std::find(columns.begin(), columns.end(), position) == columns.end()) continue;
    ISO_CO_RETURN_IF_ERROR(co_await RemoveForeignKey(ctx, change, table_, i - 1));
  }
  ISO_CO_ASSIGN_OR_RETURN(const IndexRules rules, BindIndexRules(*table_));
  std::set<uint64_t> gone;
  for (const IndexDescriptor& index : table_->indexes) {
    const IndexRules::One* rule = rules.Find(index.id);
    const bool reads = rule != nullptr && std::find(rule->reads.begin(), rule->reads.end(),
                                                    position) != rule->reads.end();
    if (reads || Uses(index, position)) gone.insert(index.id);
  }
  for (size_t i = table_->indexes.size(); i > 0; --i) {
    if (!gone.contains(table_->indexes[i - 1].id)) continue;
    ISO_CO_RETURN_IF_ERROR(Remove(change, table_, i - 1));
  }
  // Columns of indexes that went may have stood before it.
  table_->RemoveColumn(static_cast<uint32_t>(table_->FindColumn(command->name)));
  co_return absl::OkStatus();
}

Task<absl::Status> AlterTableEdit::AddUnique(Ctx ctx, SchemaChange* change,
                                             const ast::UniqueConstraint* unique) {
  ISO_CO_ASSIGN_OR_RETURN(IndexDescriptor index, MakeUnique(*unique, *table_));
  co_return co_await Begin(ctx, change, table_, std::move(index), &jobs);
}

Task<absl::Status> AlterTableEdit::AddPrimaryKey(Ctx ctx, SchemaChange* change,
                                                 const ast::AlterCommand* command) {
  for (const IndexDescriptor& index : table_->indexes) {
    if (index.state == IndexState::kPublic) continue;
    co_return SqlError(sqlstate::kObjectInUse,
                       absl::StrCat("index \"", index.name, "\" of table \"", table_->local_name(),
                                    "\" is being built"),
                       -1, "Try again when it is there.");
  }
  ISO_CO_ASSIGN_OR_RETURN(const IndexDescriptor key, MakeUnique(command->unique, *table_));
  if (!key.include.empty()) {
    co_return SqlError(sqlstate::kUnsupported, "INCLUDE in a primary key is not supported");
  }
  const std::string name = key.name.empty() ? table_->primary_key_name() : key.name;
  ISO_CO_ASSIGN_OR_RETURN(bool free,
                          co_await change->IsFree(ctx, IndexFullName(table_->name, name)));
  if (!free) {
    co_return SqlError(sqlstate::kDuplicateTable,
                       absl::StrCat("relation \"", name, "\" already exists"));
  }
  rewritten = before_;
  const uint32_t hidden = table_->key[0];
  table_->key_name = key.name;
  table_->key.clear();
  for (const IndexColumn& c : key.columns) {
    ISO_CO_RETURN_IF_ERROR(CheckKeyType(table_->columns[c.column]));
    table_->columns[c.column].not_null = true;
    table_->columns[c.column].not_null_pending = false;
    table_->key.push_back(c.column);
  }
  table_->RemoveColumn(hidden);
  co_return absl::OkStatus();
}

Task<absl::Status> AlterTableEdit::DropConstraint(Ctx ctx, SchemaChange* change,
                                                  const ast::AlterCommand* command) {
  for (size_t i = 0; i < table_->indexes.size(); ++i) {
    if (!table_->indexes[i].constraint || table_->indexes[i].name != command->name) continue;
    std::vector<uint32_t> columns;
    for (const IndexColumn& c : table_->indexes[i].columns) columns.push_back(c.column);
    ISO_CO_RETURN_IF_ERROR(co_await CheckUnreferenced(
        ctx, change, table_, std::move(columns),
        absl::StrCat("constraint ", command->name, " on table ", table_->local_name())));
    co_return Remove(change, table_, i);
  }
  for (size_t i = 0; i < table_->foreign_keys.size(); ++i) {
    if (table_->foreign_keys[i].name != command->name) continue;
    co_return co_await RemoveForeignKey(ctx, change, table_, i);
  }
  if (std::erase_if(table_->checks,
                    [command](const CheckConstraint& c) { return c.name == command->name; }) > 0) {
    co_return absl::OkStatus();
  }
  if (!table_->has_hidden_key() && command->name == table_->primary_key_name()) {
    co_return SqlError(sqlstate::kUnsupported, "dropping the primary key is not supported yet");
  }
  const std::string what = absl::StrCat("constraint \"", command->name, "\" of relation \"",
                                        table_->local_name(), "\" does not exist");
  if (!command->missing_ok) co_return SqlError(sqlstate::kUndefinedObject, what);
  notices.push_back(Skipping(what));
  co_return absl::OkStatus();
}

Task<absl::Status> AlterTableEdit::RenameConstraint(Ctx ctx, SchemaChange* change,
                                                    const ast::AlterCommand* command) {
  if (!table_->has_hidden_key() && command->name == table_->primary_key_name()) {
    table_->key_name = command->new_name;
    co_return absl::OkStatus();
  }
  const bool index_only = command->kind == ast::AlterKind::kRenameIndex;
  for (ForeignKey& key : table_->foreign_keys) {
    if (index_only || key.name != command->name) continue;
    key.name = command->new_name;
    co_return absl::OkStatus();
  }
  for (CheckConstraint& check : table_->checks) {
    if (index_only || check.name != command->name) continue;
    check.name = command->new_name;
    co_return absl::OkStatus();
  }
  for (IndexDescriptor& index : table_->indexes) {
    if (index.name != command->name) continue;
    if (index.state == IndexState::kBuilding) {
      co_return SqlError(sqlstate::kObjectInUse,
                         absl::StrCat("index \"", index.name, "\" is being built"));
    }
    ISO_CO_RETURN_IF_ERROR(change->ReleaseIndexName(*table_, index.name));
    index.name = command->new_name;
    co_return co_await change->ClaimIndexName(ctx, *table_, &index);
  }
  co_return SqlError(sqlstate::kUndefinedObject,
                     absl::StrCat("constraint \"", command->name, "\" for table \"", table_->name,
                                  "\" does not exist"));
}

Task<absl::Status> NotNullEdit::Apply(Ctx ctx, SchemaChange* change) {
  ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * table, co_await change->Table(ctx, table_));
  if (table->id != id_) co_return absl::OkStatus();
  for (const auto& [id, added] : columns_) {
    const int position = table->FindColumnId(id);
    if (position < 0) continue;
    ColumnDescriptor& c = table->columns[static_cast<size_t>(position)];
    if (!c.not_null_pending) continue;
    c.not_null_pending = false;
    c.not_null = valid_;
    if (!valid_ && added) table->RemoveColumn(static_cast<uint32_t>(position));
  }
  co_return absl::OkStatus();
}

}  // namespace isochron::sql
