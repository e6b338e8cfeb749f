// SPDX-License-Identifier: Apache-2.0
//
// Schemas come, go and are renamed; relations move between them. All of it runs in a transaction:
// several descriptions change at one timestamp.
//
// A schema is a description without columns. Whoever makes a relation in it holds a shared lock on
// it until the commit (SchemaChange::HoldSchema), so none is made in one that goes.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status_macros.h"
#include "sql/catalog/full_name.h"
#include "sql/catalog/layout.h"
#include "sql/catalog/table_record.h"
#include "sql/planner/planner.h"
#include "sql/planner/sequence_def.h"
#include "sql/session/relation_edits.h"
#include "sql/session/schema_transaction.h"
#include "sql/session/session_impl.h"
#include "sql/types/error.h"
#include "sql/types/quote.h"

namespace isochron::sql {
namespace {

absl::Status NoSchema(absl::string_view name) {
  return SqlError(sqlstate::kInvalidSchema, absl::StrCat("schema \"", name, "\" does not exist"));
}

std::string WordFor(RelationKind kind) {
  return kind == RelationKind::kView       ? "view"
         : kind == RelationKind::kSequence ? "sequence"
         : kind == RelationKind::kEnum     ? "type"
                                           : "table";
}

// The schemas that are always there, and what is said of changing them.
absl::Status CheckOwn(const std::string& name) {
  if (IsVirtualSchema(name)) {
    return SqlError("42501", absl::StrCat("permission denied for schema ", name));
  }
  if (name != kPublicSchema) return absl::OkStatus();
  return SqlError(sqlstate::kUnsupported, "the schema public cannot be dropped or renamed");
}

// The text of a view that reads it would name what is there no more.
absl::Status CheckNoViews(const std::vector<TablePtr>& all, const TableDescriptor& relation) {
  for (const TablePtr& t : all) {
    for (const Dependency& d : t->depends_on) {
      if (d.relation != relation.id) continue;
      return WithFields(
          SqlError(sqlstate::kUnsupported,
                   absl::StrCat("moving ", WordFor(relation.kind), " ", PlainSqlName(relation.name),
                                ", which a view reads, is not supported"),
                   -1, "Drop the view, and make it anew."),
          {absl::StrCat("view ", PlainSqlName(t->name), " reads it")});
    }
  }
  return absl::OkStatus();
}

class RenameSchemaEdit : public SchemaEdit {
 public:
  RenameSchemaEdit(const std::vector<TablePtr>* all, const ast::RenameSchema* rename)
      : all_(all), rename_(rename) {}

  Task<absl::Status> Apply(Ctx ctx, SchemaChange* change) override {
    ISO_CO_RETURN_IF_ERROR(co_await change->Rename(ctx, SchemaFullName(rename_->name),
                                                   SchemaFullName(rename_->new_name)));
    for (const TablePtr& t : *all_) {
      if (SchemaIn(t->name) != rename_->name) continue;
      if (t->is_enum()) {
        co_return SqlError(sqlstate::kUnsupported, "renaming a schema with types is not supported",
                           -1, "Move the types to another schema: ALTER TYPE ... SET SCHEMA.");
      }
      if (!t->is_relation()) continue;
      ISO_CO_RETURN_IF_ERROR(co_await MoveRelation(ctx, change, all_, t.get(), rename_->new_name));
    }
    co_return absl::OkStatus();
  }

 private:
  const std::vector<TablePtr>* const all_;
  const ast::RenameSchema* const rename_;
};

}  // namespace

Task<absl::Status> MoveRelation(Ctx ctx, SchemaChange* change, const std::vector<TablePtr>* all,
                                const TableDescriptor* relation, std::string schema) {
  const std::string from = relation->name;
  const std::string to = FullName(schema, LocalName(from));
  if (IsVirtualSchema(schema)) {
    co_return SqlError("42501", absl::StrCat("permission denied for schema ", schema));
  }
  if (from == to || change->Renames(from)) co_return absl::OkStatus();
  ISO_CO_RETURN_IF_ERROR(CheckNoViews(*all, *relation));
  // Defaults that draw from a sequence name it.
  if (relation->kind == RelationKind::kSequence) {
    const std::string before = NextValueSql(from), after = NextValueSql(to);
    for (const TablePtr& t : *all) {
      const bool draws =
          std::any_of(t->columns.begin(), t->columns.end(),
                      [&before](const ColumnDescriptor& c) { return c.default_sql == before; });
      if (!draws) continue;
      ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * table, co_await change->Table(ctx, t->name));
      for (ColumnDescriptor& c : table->columns) {
        if (c.default_sql == before) c.default_sql = after;
      }
    }
  }
  const TableId id = relation->id;
  const bool is_table = relation->is_table();
  ISO_CO_RETURN_IF_ERROR(co_await change->Rename(ctx, from, to));
  if (!is_table) co_return absl::OkStatus();
  for (const TablePtr& t : *all) {
    if (t->owner_table == id) {
      ISO_CO_RETURN_IF_ERROR(co_await MoveRelation(ctx, change, all, t.get(), schema));
    }
  }
  co_return absl::OkStatus();
}

Task<SchemaTransaction::Result> SchemaTransaction::Names(Ctx ctx,
                                                         const ast::NamesStatement* names) {
  if (const auto* create = std::get_if<ast::CreateSchema>(&names->node)) {
    co_return co_await CreateSchema(ctx, create);
  }
  if (const auto* drop = std::get_if<ast::DropSchema>(&names->node)) {
    co_return co_await DropSchema(ctx, drop);
  }
  if (const auto* rename = std::get_if<ast::RenameSchema>(&names->node)) {
    co_return co_await RenameSchema(ctx, rename);
  }
  const auto& comment = std::get<ast::CommentOnSchema>(names->node);
  StatementResult result;
  result.tag = "COMMENT";
  // What PostgreSQL says of it, and pg_dump writes down.
  const bool standard = comment.text.value_or("") == "standard public schema";
  if (comment.name == kPublicSchema && standard) co_return result;
  ISO_CO_RETURN_IF_ERROR(CheckOwn(comment.name));
  ISO_CO_RETURN_IF_ERROR((co_await Schema(ctx, comment.name)).status());
  OneEdit edit(SchemaFullName(comment.name), [&comment](TableDescriptor* t) {
    t->comment = comment.text.value_or("");
    return absl::OkStatus();
  });
  co_return co_await Edit(ctx, &edit, "COMMENT");
}

Task<absl::StatusOr<TablePtr>> SchemaTransaction::Schema(Ctx ctx, std::string name) {
  auto found = co_await Resolve(ctx, SchemaFullName(name));
  if (SqlStateOf(found.status()) == sqlstate::kUndefinedTable) co_return NoSchema(name);
  co_return found;
}

Task<absl::Status> SchemaTransaction::FenceName(Ctx ctx, std::string full_name) {
  // One that this transaction took away was there before.
  if (scope_.names.contains(full_name)) co_return absl::OkStatus();
  bool may_come = false;
  ISO_CO_ASSIGN_OR_RETURN(const bool stands,
                          co_await engine_->catalog().Stands(ctx, full_name, &may_come));
  if (stands) co_return absl::OkStatus();  // whoever makes it is told so
  ISO_CO_RETURN_IF_ERROR(co_await scope_.fence(ctx, full_name));
  auto value = co_await inner_->Get(ctx, DescriptorKey(full_name), txn::LockMode::kExclusive);
  if (!value.ok()) co_return value.status();
  TableRecord record;
  if (value->has_value()) {
    ISO_CO_ASSIGN_OR_RETURN(record, DecodeTableRecord(**value));
  }
  if (record.fence_until.us == 0) {
    scope_.fenced->erase(full_name);
    co_return absl::AbortedError(absl::StrCat("another change of ", full_name, " came in between"));
  }
  scope_.from = std::max(scope_.from, record.fence_from);
  scope_.until = std::min(scope_.until, record.fence_until);
  co_return absl::OkStatus();
}

Task<SchemaTransaction::Result> SchemaTransaction::CreateSchema(Ctx ctx,
                                                                const ast::CreateSchema* create) {
  TableDescriptor schema;
  const std::string name = create->name.empty() ? create->owner : create->name;
  schema.name = SchemaFullName(name.empty() ? settings_->current_user() : name);
  schema.kind = RelationKind::kSchema;
  if (SchemaIn(schema.name) == kPublicSchema || IsVirtualSchema(SchemaIn(schema.name))) {
    const std::string there = absl::StrCat("schema \"", SchemaIn(schema.name), "\" already exists");
    if (!create->if_not_exists) co_return SqlError("42P06", there);
    StatementResult result;
    result.tag = "CREATE SCHEMA";
    result.notices.push_back({"NOTICE", "42P06", absl::StrCat(there, ", skipping")});
    co_return result;
  }
  if (!create->owner.empty()) {
    ISO_CO_ASSIGN_OR_RETURN(const AccessPtr access, co_await AccessHere(ctx));
    const std::optional<uint64_t> owner = access->catalog().IdOf(create->owner);
    if (!owner.has_value()) co_return NoRole(create->owner);
    schema.owner = *owner;
  }
  ISO_CO_RETURN_IF_ERROR(co_await FenceName(ctx, schema.name));
  co_return co_await Create(ctx, std::move(schema), create->if_not_exists, {}, "CREATE SCHEMA");
}

Task<SchemaTransaction::Result> SchemaTransaction::DropSchema(Ctx ctx,
                                                              const ast::DropSchema* drop) {
  StatementResult result;
  result.tag = "DROP SCHEMA";
  ISO_CO_ASSIGN_OR_RETURN(const std::vector<TablePtr> all, co_await Relations(ctx));
  std::vector<TablePtr> schemas, targets;
  for (const std::string& name : drop->names) {
    ISO_CO_RETURN_IF_ERROR(CheckOwn(name));
    auto schema = co_await Schema(ctx, name);
    if (!schema.ok() && drop->if_exists &&
        SqlStateOf(schema.status()) == sqlstate::kInvalidSchema) {
      result.notices.push_back(
          {"NOTICE", "00000", absl::StrCat("schema \"", name, "\" does not exist, skipping")});
      continue;
    }
    if (!schema.ok()) co_return schema.status();
    schemas.push_back(*schema);
    for (const TablePtr& t : all) {
      const bool lies = t->is_relation() || t->is_enum();
      if (lies && SchemaIn(t->name) == name) targets.push_back(t);
    }
  }
  if (schemas.empty()) co_return result;
  std::vector<std::string> uses;
  for (const TablePtr& t : targets) {
    if (t->owner_table.value != 0) continue;  // it goes with its table
    uses.push_back(absl::StrCat(WordFor(t->kind), " ", PlainSqlName(t->name)));
  }
  if (!uses.empty() && !drop->cascade) {
    const std::string schema = QuoteIfNeeded(SchemaIn(targets[0]->name));
    for (std::string& line : uses) absl::StrAppend(&line, " depends on schema ", schema);
    co_return WithFields(
        SqlError(sqlstate::kDependentObjects,
                 absl::StrCat("cannot drop schema ", schema, " because other objects depend on it"),
                 -1, "Use DROP ... CASCADE to drop the dependent objects too."),
        {absl::StrJoin(uses, "\n")});
  }
  ISO_CO_ASSIGN_OR_RETURN(DropSet set, WhatToDrop(all, std::move(targets), true));
  if (uses.size() + set.notices.size() > 1) {
    result.notices.push_back(
        {"NOTICE", "00000",
         absl::StrCat("drop cascades to ", uses.size() + set.notices.size(), " other objects")});
  } else if (!uses.empty()) {
    result.notices.push_back({"NOTICE", "00000", absl::StrCat("drop cascades to ", uses[0])});
  }
  // They come first: from then on nothing is made in them.
  set.relations.insert(set.relations.begin(), schemas.begin(), schemas.end());
  co_return co_await DropAll(ctx, &set, std::move(result));
}

Task<SchemaTransaction::Result> SchemaTransaction::RenameSchema(Ctx ctx,
                                                                const ast::RenameSchema* rename) {
  ISO_CO_RETURN_IF_ERROR(CheckOwn(rename->name));
  ISO_CO_RETURN_IF_ERROR((co_await Schema(ctx, rename->name)).status());
  const bool taken = rename->new_name == kPublicSchema || IsVirtualSchema(rename->new_name) ||
                     (co_await Schema(ctx, rename->new_name)).ok();
  if (taken) {
    co_return SqlError("42P06", absl::StrCat("schema \"", rename->new_name, "\" already exists"));
  }
  ISO_CO_ASSIGN_OR_RETURN(const std::vector<TablePtr> all, co_await Relations(ctx));
  ISO_CO_RETURN_IF_ERROR(co_await FenceName(ctx, SchemaFullName(rename->new_name)));
  RenameSchemaEdit edit(&all, rename);
  co_return co_await Edit(ctx, &edit, "ALTER SCHEMA");
}

}  // namespace isochron::sql
