// SPDX-License-Identifier: Apache-2.0
//
// Types that users make come, change and go. All of it runs in a transaction.
//
// The description of a table holds those of its columns' enums, so a change of an enum changes all
// of them at one timestamp. Whoever gives a table a column of an enum holds a shared lock on the
// enum until the commit (SchemaChange::HoldTypes), and here it is locked before the tables are
// listed: so no table is missed.
#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/full_name.h"
#include "sql/parser/ast_types.h"
#include "sql/planner/planner.h"
#include "sql/session/relation_edits.h"
#include "sql/session/schema_transaction.h"
#include "sql/session/session_impl.h"
#include "sql/types/error.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

constexpr size_t kMostLabelBytes = 63;

absl::Status NoType(const ast::TableName& name) {
  const bool plain = name.schema.empty() || name.schema == kPublicSchema;
  return SqlError(sqlstate::kUndefinedObject,
                  absl::StrCat("type \"", plain ? "" : absl::StrCat(name.schema, "."), name.name,
                               "\" does not exist"));
}

absl::Status CheckLabel(const std::string& label) {
  if (label.size() <= kMostLabelBytes) return absl::OkStatus();
  return WithFields(SqlError("42602", absl::StrCat("invalid enum label \"", label, "\"")),
                    {absl::StrCat("Labels must be ", kMostLabelBytes, " bytes or less.")});
}

size_t Find(const std::vector<EnumLabel>& labels, const std::string& name) {
  const auto it = std::find_if(labels.begin(), labels.end(),
                               [&name](const EnumLabel& l) { return l.name == name; });
  return static_cast<size_t>(it - labels.begin());
}

absl::Status NoLabel(const std::string& label) {
  return SqlError(sqlstate::kInvalidParameter,
                  absl::StrCat("\"", label, "\" is not an existing enum label"));
}

absl::Status AddLabel(const ast::AlterEnum& alter, std::vector<EnumLabel>* labels,
                      std::vector<Notice>* notices) {
  ISO_RETURN_IF_ERROR(CheckLabel(alter.label));
  if (Find(*labels, alter.label) < labels->size()) {
    const std::string there = absl::StrCat("enum label \"", alter.label, "\" already exists");
    if (!alter.if_not_exists) return SqlError(sqlstate::kDuplicateObject, there);
    notices->push_back({"NOTICE", sqlstate::kDuplicateObject, absl::StrCat(there, ", skipping")});
    return absl::OkStatus();
  }
  if (labels->size() >= kMostEnumLabels) {
    return SqlError(sqlstate::kProgramLimit,
                    absl::StrCat("an enum may have ", kMostEnumLabels, " labels"));
  }
  size_t at = labels->size();
  if (!alter.neighbour.empty()) {
    at = Find(*labels, alter.neighbour);
    if (at == labels->size()) return NoLabel(alter.neighbour);
    if (alter.after) ++at;
  }
  ISO_ASSIGN_OR_RETURN(const int64_t place, PlaceForLabel(*labels, at));
  labels->insert(labels->begin() + static_cast<std::ptrdiff_t>(at), {place, alter.label});
  return absl::OkStatus();
}

absl::Status RenameLabel(const ast::AlterEnum& alter, std::vector<EnumLabel>* labels) {
  ISO_RETURN_IF_ERROR(CheckLabel(alter.new_name));
  const size_t at = Find(*labels, alter.label);
  if (at == labels->size()) return NoLabel(alter.label);
  if (Find(*labels, alter.new_name) < labels->size()) {
    return SqlError(sqlstate::kDuplicateObject,
                    absl::StrCat("enum label \"", alter.new_name, "\" already exists"));
  }
  (*labels)[at].name = alter.new_name;
  return absl::OkStatus();
}

// Texts of definitions call a type and its labels by their names.
absl::Status CheckUnnamed(const TableDescriptor& t, const std::string& name) {
  std::vector<const std::string*> texts = {&t.view_sql};
  for (const ColumnDescriptor& c : t.columns) {
    texts.push_back(&c.default_sql);
    texts.push_back(&c.generated_sql);
    texts.push_back(&c.computed_sql);
  }
  for (const CheckConstraint& c : t.checks) texts.push_back(&c.sql);
  for (const IndexDescriptor& index : t.indexes) texts.push_back(&index.predicate_sql);
  const bool named = std::any_of(texts.begin(), texts.end(), [&name](const std::string* text) {
    return absl::StrContains(*text, name);
  });
  if (!named) return absl::OkStatus();
  return SqlError(sqlstate::kUnsupported,
                  absl::StrCat("the definition of \"", t.local_name(), "\" has ", name,
                               " in it, which cannot get another name yet"),
                  -1, "Drop what names it: a view, a constraint, an index or a default.");
}

class AlterEnumEdit : public SchemaEdit {
 public:
  using Relations = std::function<Task<absl::StatusOr<std::vector<TablePtr>>>(Ctx)>;
  AlterEnumEdit(const ast::AlterEnum* alter, TableId id, Relations relations)
      : alter_(alter), id_(id), relations_(std::move(relations)) {}

  Task<absl::Status> Apply(Ctx ctx, SchemaChange* change) override {
    notices.clear();
    const std::string name = FullNameOf(alter_->name);
    ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * type, co_await change->Table(ctx, name));
    if (type->id != id_) co_return NoType(alter_->name);
    const std::vector<EnumLabel> before = type->labels;
    ISO_CO_RETURN_IF_ERROR(co_await Alter(ctx, change, type));
    if (type->labels == before && type->name == name) co_return absl::OkStatus();
    ISO_CO_RETURN_IF_ERROR(RoomForAnEnum());
    const Type now = EnumTypeOf(*type);
    if (!IsReady(now)) co_return TooManyEnums();
    // A table that goes, or gets another name, before it is locked is looked for again. One that is
    // locked stays.
    constexpr int kAttempts = 10;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      bool all_found = true;
      ISO_CO_RETURN_IF_ERROR(co_await AlterTables(ctx, change, now, &all_found));
      if (all_found) co_return absl::OkStatus();
    }
    co_return absl::AbortedError("tables with the type come and go");
  }

  std::vector<Notice> notices;

 private:
  Task<absl::Status> AlterTables(Ctx ctx, SchemaChange* change, Type now, bool* all_found) {
    ISO_CO_ASSIGN_OR_RETURN(const std::vector<TablePtr> all, co_await relations_(ctx));
    for (const TablePtr& t : all) {
      const bool reads = std::any_of(t->depends_on.begin(), t->depends_on.end(),
                                     [this](const Dependency& d) { return d.relation == id_; });
      const bool has =
          std::any_of(t->columns.begin(), t->columns.end(),
                      [this](const ColumnDescriptor& c) { return EnumIdOf(c) == id_; });
      if (!has && !reads) continue;
      if (!renamed_.empty()) ISO_CO_RETURN_IF_ERROR(CheckUnnamed(*t, renamed_));
      if (!has) continue;
      auto table = co_await change->Table(ctx, t->name);
      if (SqlStateOf(table.status()) == sqlstate::kUndefinedTable) {
        *all_found = false;
        continue;
      }
      if (!table.ok()) co_return table.status();
      for (ColumnDescriptor& c : (*table)->columns) {
        if (EnumIdOf(c) == id_) c.type = IsArray(c.type) ? ArrayOf(now) : now;
      }
    }
    co_return absl::OkStatus();
  }

  Task<absl::Status> Alter(Ctx ctx, SchemaChange* change, TableDescriptor* type) {
    switch (alter_->kind) {
      case ast::AlterEnumKind::kAddValue:
        co_return AddLabel(*alter_, &type->labels, &notices);
      case ast::AlterEnumKind::kRenameValue:
        renamed_ = QuoteLiteral(alter_->label);
        co_return RenameLabel(*alter_, &type->labels);
      case ast::AlterEnumKind::kRename:
        renamed_ = type->local_name();
        co_return co_await Move(ctx, change, type->name,
                                FullName(SchemaIn(type->name), alter_->new_name));
      case ast::AlterEnumKind::kSetSchema:
        renamed_ = type->local_name();
        co_return co_await Move(ctx, change, type->name,
                                FullName(alter_->new_name, type->local_name()));
    }
    co_return absl::OkStatus();
  }

  Task<absl::Status> Move(Ctx ctx, SchemaChange* change, std::string from, std::string to) {
    if (IsVirtualSchema(SchemaIn(to))) {
      co_return SqlError("42501", absl::StrCat("permission denied for schema ", SchemaIn(to)));
    }
    const bool stays = from == to;
    if (stays && alter_->kind == ast::AlterEnumKind::kSetSchema) co_return absl::OkStatus();
    bool free = false;
    if (!stays) {
      ISO_CO_ASSIGN_OR_RETURN(free, co_await change->IsFree(ctx, to));
    }
    if (!free) {
      const bool moves = alter_->kind == ast::AlterEnumKind::kSetSchema;
      co_return SqlError(
          sqlstate::kDuplicateObject,
          absl::StrCat("type \"", LocalName(to), "\" already exists",
                       moves ? absl::StrCat(" in schema \"", SchemaIn(to), "\"") : ""));
    }
    ISO_CO_RETURN_IF_ERROR(co_await change->HoldSchema(ctx, to));
    co_return co_await change->Rename(ctx, from, to);
  }

  const ast::AlterEnum* const alter_;
  const TableId id_;
  const Relations relations_;
  std::string renamed_;  // what definitions may no longer say
};

// Locks the types before it looks who uses them.
class DropTypesEdit : public SchemaEdit {
 public:
  using Relations = AlterEnumEdit::Relations;
  DropTypesEdit(std::vector<TablePtr> types, bool cascade, Relations relations)
      : types_(std::move(types)), cascade_(cascade), relations_(std::move(relations)) {}

  Task<absl::Status> Apply(Ctx ctx, SchemaChange* change) override {
    for (const TablePtr& type : types_) {
      ISO_CO_RETURN_IF_ERROR((co_await change->Table(ctx, type->name)).status());
    }
    ISO_CO_ASSIGN_OR_RETURN(const std::vector<TablePtr> all, co_await relations_(ctx));
    ISO_CO_ASSIGN_OR_RETURN(DropSet set, WhatToDrop(all, types_, cascade_));
    notices = std::move(set.notices);
    DropEdit edit(&set);
    co_return co_await edit.Apply(ctx, change);
  }

  std::vector<Notice> notices;

 private:
  const std::vector<TablePtr> types_;
  const bool cascade_;
  const Relations relations_;
};

}  // namespace

Task<SchemaTransaction::Result> SchemaTransaction::Types(Ctx ctx, const ast::TypeStatement* types) {
  if (const auto* create = std::get_if<ast::CreateEnum>(&types->node)) {
    co_return co_await CreateEnum(ctx, create);
  }
  if (const auto* alter = std::get_if<ast::AlterEnum>(&types->node)) {
    co_return co_await AlterEnum(ctx, alter);
  }
  if (const auto* drop = std::get_if<ast::DropType>(&types->node)) {
    co_return co_await DropType(ctx, drop);
  }
  const auto* comment = &std::get<ast::CommentOnType>(types->node);
  ISO_CO_RETURN_IF_ERROR((co_await Enum(ctx, &comment->name)).status());
  OneEdit edit(FullNameOf(comment->name), [comment](TableDescriptor* t) {
    t->comment = comment->text.value_or("");
    return absl::OkStatus();
  });
  co_return co_await Edit(ctx, &edit, "COMMENT");
}

Task<absl::StatusOr<TablePtr>> SchemaTransaction::Enum(Ctx ctx, const ast::TableName* name) {
  auto found = co_await Resolve(ctx, FullNameOf(*name));
  if (found.ok() && (*found)->is_enum()) co_return found;
  if (!found.ok() && SqlStateOf(found.status()) != sqlstate::kUndefinedTable) co_return found;
  co_return NoType(*name);
}

Task<SchemaTransaction::Result> SchemaTransaction::CreateEnum(Ctx ctx,
                                                              const ast::CreateEnum* create) {
  TableDescriptor type;
  type.name = FullNameOf(create->name);
  type.kind = RelationKind::kEnum;
  if (SchemaIn(type.name) != kPublicSchema) type.schema = SchemaIn(type.name);
  if (create->labels.size() > kMostEnumLabels) {
    co_return SqlError(sqlstate::kProgramLimit,
                       absl::StrCat("an enum may have ", kMostEnumLabels, " labels"));
  }
  for (const std::string& label : create->labels) {
    ISO_CO_RETURN_IF_ERROR(CheckLabel(label));
    if (Find(type.labels, label) < type.labels.size()) {
      co_return SqlError(sqlstate::kDuplicateObject,
                         absl::StrCat("enum label \"", label, "\" used more than once"));
    }
    ISO_CO_ASSIGN_OR_RETURN(const int64_t place, PlaceForLabel(type.labels, type.labels.size()));
    type.labels.push_back({place, label});
  }
  ISO_CO_RETURN_IF_ERROR(RoomForAnEnum());
  co_return co_await Create(ctx, std::move(type), false, {}, "CREATE TYPE");
}

Task<SchemaTransaction::Result> SchemaTransaction::AlterEnum(Ctx ctx, const ast::AlterEnum* alter) {
  ISO_CO_ASSIGN_OR_RETURN(const TablePtr type, co_await Enum(ctx, &alter->name));
  AlterEnumEdit edit(alter, type->id, [this](Ctx c) { return Relations(std::move(c)); });
  ISO_CO_ASSIGN_OR_RETURN(StatementResult result, co_await Edit(ctx, &edit, "ALTER TYPE"));
  result.notices = std::move(edit.notices);
  co_return result;
}

Task<SchemaTransaction::Result> SchemaTransaction::DropType(Ctx ctx, const ast::DropType* drop) {
  StatementResult result;
  result.tag = "DROP TYPE";
  std::vector<TablePtr> types;
  for (const ast::TableName& name : drop->names) {
    auto found = co_await Enum(ctx, &name);
    if (!found.ok() && drop->if_exists &&
        SqlStateOf(found.status()) == sqlstate::kUndefinedObject) {
      result.notices.push_back(
          {"NOTICE", "00000", absl::StrCat(found.status().message(), ", skipping")});
      continue;
    }
    if (!found.ok()) co_return found.status();
    types.push_back(*std::move(found));
  }
  if (types.empty()) co_return result;
  DropTypesEdit edit(std::move(types), drop->cascade,
                     [this](Ctx c) { return Relations(std::move(c)); });
  ISO_CO_ASSIGN_OR_RETURN(StatementResult dropped, co_await Edit(ctx, &edit, result.tag));
  dropped.notices = std::move(result.notices);
  for (Notice& notice : edit.notices) dropped.notices.push_back(std::move(notice));
  co_return dropped;
}

}  // namespace isochron::sql
