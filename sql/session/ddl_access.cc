// SPDX-License-Identifier: Apache-2.0
//
// Who may change the schema: asked of statements about it, with the schemas of their names, before
// anything is done. Statements about roles and rights ask for themselves.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/full_name.h"
#include "sql/catalog/layout.h"
#include "sql/parser/ast_names.h"
#include "sql/parser/ast_objects.h"
#include "sql/parser/ast_types.h"
#include "sql/planner/planner.h"
#include "sql/session/access.h"
#include "sql/session/engine_impl.h"
#include "sql/types/error.h"

namespace isochron::sql {

class DdlCheck {
 public:
  DdlCheck(EngineImpl* engine, Ctx ctx, AccessPtr access, const EngineImpl::TableMap* inside,
           txn::ReadTransaction* reader)
      : engine_(engine),
        ctx_(std::move(ctx)),
        access_(std::move(access)),
        inside_(inside),
        reader_(reader) {}

  Task<absl::Status> Check(const ast::Statement* statement) {
    const auto& node = statement->node;
    if (const auto* create = std::get_if<ast::CreateTable>(&node)) {
      ISO_CO_RETURN_IF_ERROR(co_await MayMakeIn(SchemaIn(FullNameOf(create->table))));
      co_return co_await MayRefer(&create->foreign_keys);
    }
    if (const auto* drop = std::get_if<ast::DropTable>(&node)) {
      co_return co_await MayDrop(&drop->tables);
    }
    if (const auto* create = std::get_if<ast::CreateIndex>(&node)) {
      co_return co_await MustOwn(FullNameOf(create->table));
    }
    if (const auto* drop = std::get_if<ast::DropIndex>(&node)) {
      for (const ast::TableName& index : drop->indexes) {
        ISO_CO_RETURN_IF_ERROR(co_await MustOwnIndex(&index));
      }
      co_return absl::OkStatus();
    }
    if (const auto* alter = std::get_if<ast::AlterTable>(&node)) co_return co_await Alter(alter);
    if (const auto* object = std::get_if<ast::ObjectPtr>(&node)) {
      co_return co_await Object(object->get());
    }
    co_return absl::OkStatus();
  }

 private:
  // Null where there is none: the statement itself says so.
  Task<absl::StatusOr<TablePtr>> Find(std::string full_name) {
    co_return co_await engine_->FindNow(ctx_, std::move(full_name), inside_);
  }

  Task<absl::Status> MustOwn(std::string full_name) {
    ISO_CO_ASSIGN_OR_RETURN(const TablePtr object, co_await Find(full_name));
    if (object == nullptr || access_->Owns(*object)) co_return absl::OkStatus();
    co_return NotOwner(*object);
  }

  Task<absl::Status> MustOwnIndex(const ast::TableName* index) {
    std::unique_ptr<txn::ReadTransaction> one;
    if (reader_ == nullptr) {
      ISO_CO_ASSIGN_OR_RETURN(one, engine_->deps().store->BeginReadOnly(ctx_, std::nullopt));
    }
    auto table = co_await (reader_ != nullptr ? reader_ : one.get())
                     ->Get(ctx_, IndexNameKey(FullNameOf(*index)), txn::LockMode::kShared);
    if (!table.ok()) co_return table.status();
    if (!table->has_value()) co_return absl::OkStatus();
    ISO_CO_ASSIGN_OR_RETURN(const TablePtr object, co_await Find(**table));
    if (object == nullptr || access_->Owns(*object)) co_return absl::OkStatus();
    co_return SqlError(kNoPrivilege, absl::StrCat("must be owner of index ", index->name));
  }

  Task<absl::Status> MayDrop(const std::vector<ast::TableName>* names) {
    for (const ast::TableName& name : *names) {
      const std::string full = FullNameOf(name);
      ISO_CO_ASSIGN_OR_RETURN(const TablePtr object, co_await Find(full));
      if (object == nullptr || access_->Owns(*object)) continue;
      ISO_CO_ASSIGN_OR_RETURN(const TablePtr schema, co_await Find(SchemaFullName(SchemaIn(full))));
      if (schema != nullptr && access_->Owns(*schema)) continue;
      co_return NotOwner(*object);
    }
    co_return absl::OkStatus();
  }

  Task<absl::Status> MayMakeIn(std::string schema) {
    if (schema == kPublicSchema) {
      if ((access_->Rights(access_->public_acl()) & kRightCreate) != 0) co_return absl::OkStatus();
      co_return NoPermission("schema", schema);
    }
    ISO_CO_ASSIGN_OR_RETURN(const TablePtr found, co_await Find(SchemaFullName(schema)));
    if (found == nullptr) co_return absl::OkStatus();
    if ((access_->Rights(found->EffectiveAcl()) & kRightCreate) != 0) co_return absl::OkStatus();
    co_return NoPermission(*found);
  }

  Task<absl::Status> MustHave(std::string full_name, uint32_t right) {
    ISO_CO_ASSIGN_OR_RETURN(const TablePtr object, co_await Find(full_name));
    if (object == nullptr || (access_->Rights(object->EffectiveAcl()) & right) != 0) {
      co_return absl::OkStatus();
    }
    co_return NoPermission(*object);
  }

  Task<absl::Status> MayRefer(const std::vector<ast::ForeignKeyConstraint>* keys) {
    for (const ast::ForeignKeyConstraint& key : *keys) {
      ISO_CO_RETURN_IF_ERROR(co_await MustHave(FullNameOf(key.parent), kRightReferences));
    }
    co_return absl::OkStatus();
  }

  Task<absl::Status> Alter(const ast::AlterTable* alter) {
    if (alter->commands[0].kind == ast::AlterKind::kRenameIndex) {
      co_return co_await MustOwnIndex(&alter->table);
    }
    const std::string full = FullNameOf(alter->table);
    ISO_CO_RETURN_IF_ERROR(co_await MustOwn(full));
    for (const ast::AlterCommand& command : alter->commands) {
      if (command.kind == ast::AlterKind::kRenameTable) {
        ISO_CO_RETURN_IF_ERROR(co_await MayMakeIn(SchemaIn(full)));
      } else if (command.kind == ast::AlterKind::kSetSchema) {
        ISO_CO_RETURN_IF_ERROR(co_await MayMakeIn(command.new_name));
      } else if (command.kind == ast::AlterKind::kAddForeignKey) {
        ISO_CO_RETURN_IF_ERROR(
            co_await MustHave(FullNameOf(command.foreign_key.parent), kRightReferences));
      }
      ISO_CO_RETURN_IF_ERROR(co_await MayRefer(&command.added.foreign_keys));
    }
    co_return absl::OkStatus();
  }

  Task<absl::Status> MayOwnBy(const std::vector<std::string>* owner, std::string sequence) {
    if (owner->size() < 2) co_return absl::OkStatus();
    const std::string schema = owner->size() > 2 ? (*owner)[owner->size() - 3] : SchemaIn(sequence);
    co_return co_await MustOwn(FullName(schema, (*owner)[owner->size() - 2]));
  }

  Task<absl::Status> Object(const ast::ObjectStatement* object) {
    const auto& node = object->node;
    if (const auto* create = std::get_if<ast::CreateSequence>(&node)) {
      const std::string full = FullNameOf(create->name);
      ISO_CO_RETURN_IF_ERROR(co_await MayMakeIn(SchemaIn(full)));
      co_return co_await MayOwnBy(&create->options.owner, full);
    }
    if (const auto* alter = std::get_if<ast::AlterSequence>(&node)) {
      const std::string full = FullNameOf(alter->name);
      ISO_CO_RETURN_IF_ERROR(co_await MustOwn(full));
      co_return co_await MayOwnBy(&alter->options.owner, full);
    }
    if (const auto* drop = std::get_if<ast::DropObjects>(&node)) {
      co_return co_await MayDrop(&drop->names);
    }
    if (const auto* view = std::get_if<ast::CreateView>(&node)) {
      const std::string full = FullNameOf(view->name);
      ISO_CO_RETURN_IF_ERROR(co_await MayMakeIn(SchemaIn(full)));
      if (view->replace) co_return co_await MustOwn(full);
      co_return absl::OkStatus();
    }
    if (const auto* as = std::get_if<ast::CreateTableAs>(&node)) {
      co_return co_await MayMakeIn(SchemaIn(FullNameOf(as->name)));
    }
    if (const auto* truncate = std::get_if<ast::Truncate>(&node))
      co_return co_await Empty(truncate);
    if (const auto* comment = std::get_if<ast::Comment>(&node)) {
      if (comment->kind == ast::ObjectKind::kIndex) {
        co_return co_await MustOwnIndex(&comment->relation);
      }
      co_return co_await MustOwn(FullNameOf(comment->relation));
    }
    if (const auto* names = std::get_if<ast::NamesPtr>(&node)) {
      co_return co_await Schemas(names->get());
    }
    if (const auto* types = std::get_if<ast::TypePtr>(&node)) {
      co_return co_await Types(types->get());
    }
    const auto* accepted = std::get_if<ast::Accepted>(&node);
    if (accepted != nullptr && accepted->tag == ast::kCheckpoint) {
      co_return SuperuserOnly("do CHECKPOINT");
    }
    co_return absl::OkStatus();
  }

  // With CASCADE also what refers to the tables.
  Task<absl::Status> Empty(const ast::Truncate* truncate) {
    std::vector<std::string> names;
    for (const ast::TableName& name : truncate->tables) names.push_back(FullNameOf(name));
    for (size_t i = 0; i < names.size(); ++i) {
      ISO_CO_ASSIGN_OR_RETURN(const TablePtr table, co_await Find(names[i]));
      if (table == nullptr) continue;
      if ((access_->Rights(table->EffectiveAcl()) & kRightTruncate) == 0) {
        co_return NoPermission(*table);
      }
      if (truncate->restart_identity && !access_->Owns(*table)) co_return NotOwner(*table);
      for (const ReferencingTable& r : table->referencing) {
        if (truncate->cascade && std::find(names.begin(), names.end(), r.name) == names.end()) {
          names.push_back(r.name);
        }
      }
    }
    co_return absl::OkStatus();
  }

  Task<absl::Status> Schemas(const ast::NamesStatement* names) {
    const bool may_create = (access_->Rights(access_->database_acl()) & kRightCreate) != 0;
    const absl::Status refused = NoPermission("database", engine_->database());
    if (const auto* create = std::get_if<ast::CreateSchema>(&names->node)) {
      if (!may_create) co_return refused;
      if (create->owner.empty()) co_return absl::OkStatus();
      const auto owner = access_->catalog().IdOf(create->owner);
      if (!owner.has_value() || access_->MayBecome(*owner)) co_return absl::OkStatus();
      co_return SqlError(kNoPrivilege,
                         absl::StrCat("must be member of role \"", create->owner, "\""));
    }
    if (const auto* drop = std::get_if<ast::DropSchema>(&names->node)) {
      for (const std::string& name : drop->names) {
        ISO_CO_RETURN_IF_ERROR(co_await MustOwnSchema(name));
      }
      co_return absl::OkStatus();
    }
    if (const auto* rename = std::get_if<ast::RenameSchema>(&names->node)) {
      ISO_CO_RETURN_IF_ERROR(co_await MustOwnSchema(rename->name));
      co_return may_create ? absl::OkStatus() : refused;
    }
    co_return co_await MustOwnSchema(std::get<ast::CommentOnSchema>(names->node).name);
  }

  Task<absl::Status> MustOwnSchema(std::string name) {
    if (name == kPublicSchema) {
      if (access_->Owns(kDatabaseOwnerRole)) co_return absl::OkStatus();
      co_return SqlError(kNoPrivilege, absl::StrCat("must be owner of schema ", name));
    }
    co_return co_await MustOwn(SchemaFullName(name));
  }

  Task<absl::Status> Types(const ast::TypeStatement* types) {
    if (const auto* create = std::get_if<ast::CreateEnum>(&types->node)) {
      co_return co_await MayMakeIn(SchemaIn(FullNameOf(create->name)));
    }
    if (const auto* alter = std::get_if<ast::AlterEnum>(&types->node)) {
      const std::string full = FullNameOf(alter->name);
      ISO_CO_RETURN_IF_ERROR(co_await MustOwn(full));
      if (alter->kind == ast::AlterEnumKind::kRename) {
        co_return co_await MayMakeIn(SchemaIn(full));
      }
      if (alter->kind == ast::AlterEnumKind::kSetSchema) {
        co_return co_await MayMakeIn(alter->new_name);
      }
      co_return absl::OkStatus();
    }
    if (const auto* drop = std::get_if<ast::DropType>(&types->node)) {
      co_return co_await MayDrop(&drop->names);
    }
    co_return co_await MustOwn(FullNameOf(std::get<ast::CommentOnType>(types->node).name));
  }

  EngineImpl* const engine_;
  const Ctx ctx_;
  const AccessPtr access_;
  const EngineImpl::TableMap* const inside_;
  txn::ReadTransaction* const reader_;
};

Task<absl::Status> EngineImpl::CheckStatement(Ctx ctx, const ast::Statement* statement,
                                              Settings* settings, const TableMap* inside,
                                              txn::ReadTransaction* reader) {
  if (settings->acts_as_bootstrap()) co_return absl::OkStatus();
  ISO_CO_ASSIGN_OR_RETURN(AccessPtr access, co_await AccessOf(ctx, settings, inside));
  if (access->superuser) co_return absl::OkStatus();
  DdlCheck check(this, ctx, std::move(access), inside, reader);
  co_return co_await check.Check(statement);
}

Task<absl::Status> EngineImpl::MustBeSuperuser(Ctx ctx, Settings* settings, const char* what) {
  if (settings->acts_as_bootstrap()) co_return absl::OkStatus();
  ISO_CO_ASSIGN_OR_RETURN(const AccessPtr access, co_await AccessOf(ctx, settings, nullptr));
  co_return access->superuser ? absl::OkStatus() : SuperuserOnly(what);
}

}  // namespace isochron::sql
