// SPDX-License-Identifier: Apache-2.0
//
// Relations that come, go and are emptied inside a transaction.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/full_name.h"
#include "sql/planner/planner.h"
#include "sql/planner/sequence_def.h"
#include "sql/session/relation_edits.h"
#include "sql/session/schema_transaction.h"
#include "sql/session/session_impl.h"
#include "sql/types/error.h"

namespace isochron::sql {

Task<SchemaTransaction::Result> SchemaTransaction::Object(Ctx ctx,
                                                          const ast::ObjectStatement* object) {
  if (const auto* truncate = std::get_if<ast::Truncate>(&object->node)) {
    co_return co_await Truncate(ctx, truncate);
  }
  if (const auto* drop = std::get_if<ast::DropObjects>(&object->node)) {
    const bool view = drop->kind == ast::ObjectKind::kView;
    co_return co_await Drop(ctx, drop->names, view ? RelationKind::kView : RelationKind::kSequence,
                            drop->if_exists, drop->cascade);
  }
  if (const auto* comment = std::get_if<ast::Comment>(&object->node)) {
    ast::Comment one = *comment;
    std::vector<TablePtr> all;
    if (one.kind == ast::ObjectKind::kIndex) {
      ISO_CO_ASSIGN_OR_RETURN(all, co_await Relations(ctx));
    }
    ISO_CO_ASSIGN_OR_RETURN(const std::string relation, CommentedRelation(all, &one));
    OneEdit edit(relation, [&one](TableDescriptor* t) { return SetComment(one, t); });
    co_return co_await Edit(ctx, &edit, "COMMENT");
  }
  if (const auto* view = std::get_if<ast::CreateView>(&object->node)) {
    co_return co_await CreateView(ctx, view);
  }
  if (const auto* names = std::get_if<ast::NamesPtr>(&object->node)) {
    co_return co_await Names(ctx, names->get());
  }
  if (const auto* type = std::get_if<ast::TypePtr>(&object->node)) {
    co_return co_await Types(ctx, type->get());
  }
  if (const auto* role = std::get_if<ast::RolePtr>(&object->node)) {
    co_return co_await Roles(ctx, role->get());
  }
  if (const auto* database = std::get_if<ast::DatabasePtr>(&object->node)) {
    if (const auto* comment = std::get_if<ast::CommentOnDatabase>(&(*database)->node)) {
      co_return co_await CommentOnDatabase(ctx, comment);
    }
  }
  if (const auto* create = std::get_if<ast::CreateSequence>(&object->node)) {
    co_return co_await CreateSequence(ctx, create);
  }
  if (const auto* alter = std::get_if<ast::AlterSequence>(&object->node)) {
    co_return co_await AlterSequence(ctx, alter);
  }
  co_return RunObjectInside(*object);
}

Task<SchemaTransaction::Result> SchemaTransaction::Create(Ctx ctx, TableDescriptor table,
                                                          bool if_not_exists,
                                                          std::vector<TableDescriptor> sequences,
                                                          std::string tag) {
  StatementResult result;
  result.tag = std::move(tag);
  const std::string name = table.name;
  const bool has_owner = table.kind != RelationKind::kRoles && table.owner == kBootstrapRole;
  if (has_owner) table.owner = settings_->acting().role;
  // One that stands may be changed later in the transaction, whose lock then keeps fences out.
  if (!scope_.names.contains(name)) {
    ISO_CO_RETURN_IF_ERROR(co_await scope_.fence(ctx, name));
    scope_.names.insert(name);
    ISO_CO_RETURN_IF_ERROR(co_await Refresh(ctx));
  }
  Catalog::Made made;
  ISO_CO_ASSIGN_OR_RETURN(const bool is_new, co_await engine_->catalog().CreateIn(
                                                 ctx, inner_, std::move(table), if_not_exists,
                                                 std::move(sequences), &made));
  if (!is_new) {
    const bool schema = LocalName(name).empty();
    result.notices.push_back(
        {"NOTICE", schema ? "42P06" : sqlstate::kDuplicateTable,
         absl::StrCat(schema ? "schema \"" : "relation \"",
                      schema ? SchemaIn(name) : LocalName(name), "\" already exists, skipping")});
    co_return result;
  }
  Made(made);
  ISO_CO_RETURN_IF_ERROR(co_await Refresh(ctx));
  co_return result;
}

Task<SchemaTransaction::Result> SchemaTransaction::CreateTable(Ctx ctx,
                                                               const ast::CreateTable* create) {
  ISO_CO_ASSIGN_OR_RETURN(TableDescriptor table, MakeDescriptor(*create));
  ISO_CO_ASSIGN_OR_RETURN(std::vector<TableDescriptor> sequences, DefineSerials(*create, &table));
  const std::string monotone = MonotoneKey(table, sequences);
  ISO_CO_ASSIGN_OR_RETURN(StatementResult result,
                          co_await Create(ctx, std::move(table), create->if_not_exists,
                                          std::move(sequences), "CREATE TABLE"));
  if (result.notices.empty() && !create->foreign_keys.empty()) {
    AddForeignKeysEdit edit(create);
    ISO_CO_RETURN_IF_ERROR((co_await Edit(ctx, &edit, "")).status());
  }
  if (result.notices.empty() && !monotone.empty())
    result.notices.push_back(MonotoneNotice(monotone));
  co_return result;
}

Task<SchemaTransaction::Result> SchemaTransaction::CreateView(Ctx ctx,
                                                              const ast::CreateView* create) {
  ISO_CO_ASSIGN_OR_RETURN(PreparedPtr text, PrepareView(*create));
  auto plan = co_await PlanHere(ctx, text, &text->statements[0]);
  if (!plan.ok()) co_return OfViewQuery(plan.status());
  ISO_CO_ASSIGN_OR_RETURN(TableDescriptor view, DefineView(*create, **plan));
  if (create->replace) {
    auto standing = co_await Resolve(ctx, view.name);
    if (standing.ok()) {
      ReplaceViewEdit edit(&view);
      co_return co_await Edit(ctx, &edit, "CREATE VIEW");
    }
    if (SqlStateOf(standing.status()) != sqlstate::kUndefinedTable) co_return standing.status();
  }
  co_return co_await Create(ctx, std::move(view), false, {}, "CREATE VIEW");
}

Task<SchemaTransaction::Result> SchemaTransaction::CreateSequence(
    Ctx ctx, const ast::CreateSequence* create) {
  ISO_CO_ASSIGN_OR_RETURN(TableDescriptor sequence,
                          DefineSequence(FullNameOf(create->name), create->options, Type::kInt8));
  ISO_CO_RETURN_IF_ERROR(co_await SetOwner(ctx, create->options.owner, &sequence));
  co_return co_await Create(ctx, std::move(sequence), create->if_not_exists, {}, "CREATE SEQUENCE");
}

Task<absl::Status> SchemaTransaction::SetOwner(Ctx ctx, std::vector<std::string> owner,
                                               TableDescriptor* sequence) {
  TablePtr table;
  if (owner.size() >= 2) {
    ISO_CO_ASSIGN_OR_RETURN(table, co_await Resolve(ctx, OwnerName(owner, *sequence)));
  }
  co_return OwnSequence(owner, table, sequence);
}

Task<SchemaTransaction::Result> SchemaTransaction::AlterSequence(Ctx ctx,
                                                                 const ast::AlterSequence* alter) {
  StatementResult result;
  result.tag = "ALTER SEQUENCE";
  auto found = co_await Resolve(ctx, FullNameOf(alter->name));
  if (SqlStateOf(found.status()) == sqlstate::kUndefinedTable && alter->if_exists) {
    result.notices.push_back(
        {"NOTICE", "00000",
         absl::StrCat("relation \"", alter->name.name, "\" does not exist, skipping")});
    co_return result;
  }
  if (!found.ok()) co_return found.status();
  const TablePtr sequence = *std::move(found);
  if (sequence->kind != RelationKind::kSequence) co_return NotASequence(alter->name.name);
  SequenceOptions options = sequence->sequence;
  ISO_CO_RETURN_IF_ERROR(ChangeSequence(alter->options, &options));
  if (!(options == sequence->sequence)) {
    co_return SqlError(sqlstate::kUnsupported,
                       "ALTER SEQUENCE is not supported yet, but for RESTART and OWNED BY");
  }
  if (alter->options.restart) {
    co_return SqlError(sqlstate::kUnsupported,
                       "ALTER SEQUENCE ... RESTART inside a transaction block is not supported", -1,
                       "Run it before or after the transaction, or use setval().");
  }
  TableDescriptor owned = *sequence;
  if (!alter->options.owned) co_return result;
  ISO_CO_RETURN_IF_ERROR(co_await SetOwner(ctx, alter->options.owner, &owned));
  OneEdit edit(sequence->name, [&owned](TableDescriptor* t) {
    t->owner_table = owned.owner_table;
    t->owner_column = owned.owner_column;
    return absl::OkStatus();
  });
  co_return co_await Edit(ctx, &edit, "ALTER SEQUENCE");
}

Task<SchemaTransaction::Result> SchemaTransaction::Drop(Ctx ctx, std::vector<ast::TableName> names,
                                                        RelationKind kind, bool if_exists,
                                                        bool cascade) {
  ISO_CO_ASSIGN_OR_RETURN(const std::vector<TablePtr> all, co_await Relations(ctx));
  StatementResult result;
  ISO_CO_ASSIGN_OR_RETURN(std::vector<TablePtr> targets,
                          NamedToDrop(all, names, kind, if_exists, &result));
  ISO_CO_ASSIGN_OR_RETURN(DropSet drop, WhatToDrop(all, std::move(targets), cascade));
  for (Notice& notice : drop.notices) result.notices.push_back(std::move(notice));
  if (drop.relations.empty()) co_return result;
  co_return co_await DropAll(ctx, &drop, std::move(result));
}

Task<SchemaTransaction::Result> SchemaTransaction::DropAll(Ctx ctx, const DropSet* drop,
                                                           StatementResult told) {
  DropEdit edit(drop);
  ISO_CO_ASSIGN_OR_RETURN(StatementResult dropped, co_await Edit(ctx, &edit, told.tag));
  dropped.notices = std::move(told.notices);
  co_return dropped;
}

Task<SchemaTransaction::Result> SchemaTransaction::Truncate(Ctx ctx,
                                                            const ast::Truncate* truncate) {
  ISO_CO_ASSIGN_OR_RETURN(const std::vector<TablePtr> all, co_await Relations(ctx));
  ISO_CO_ASSIGN_OR_RETURN(std::vector<TablePtr> targets, WhatToTruncate(all, *truncate));
  const size_t tables = targets.size();
  if (truncate->restart_identity) {
    for (const TablePtr& t : all) {
      const bool owned =
          std::any_of(targets.begin(), targets.begin() + static_cast<std::ptrdiff_t>(tables),
                      [&](const TablePtr& k) { return t->owner_table == k->id; });
      if (owned) targets.push_back(t);
    }
  }
  // A sequence under a new id begins anew.
  ISO_CO_ASSIGN_OR_RETURN(const TableId first,
                          co_await engine_->catalog().NewTableIds(ctx, targets.size()));
  for (size_t i = tables; i < targets.size(); ++i) {
    TableDescriptor fresh = *targets[i];
    fresh.id = TableId(first.value + i);
    ISO_CO_RETURN_IF_ERROR(co_await engine_->catalog().StartSequence(ctx, std::move(fresh)));
  }
  TruncateEdit edit(&all, &targets, first);
  co_return co_await Edit(ctx, &edit, "TRUNCATE TABLE");
}

}  // namespace isochron::sql
