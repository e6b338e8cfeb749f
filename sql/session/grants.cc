// SPDX-License-Identifier: Apache-2.0
//
// GRANT and REVOKE of rights, and whom things belong to.
//
// What an object grants stands in its description: so it changes as the description does, and all
// plans over the object are made anew. Whoever names a role in a description holds the list of
// roles until the commit.
#include <algorithm>
#include <bit>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/databases.h"
#include "sql/catalog/full_name.h"
#include "sql/parser/ast_roles.h"
#include "sql/planner/planner.h"
#include "sql/session/access.h"
#include "sql/session/relation_edits.h"
#include "sql/session/schema_transaction.h"
#include "sql/session/session_impl.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

constexpr char kInvalidGrant[] = "0LP01";

std::string WordOf(ast::GrantOn on) {
  switch (on) {
    case ast::GrantOn::kTable:
      return "table";
    case ast::GrantOn::kSequence:
      return "sequence";
    case ast::GrantOn::kSchema:
      return "schema";
    case ast::GrantOn::kDatabase:
      return "database";
  }
  return "";
}

AclKind KindOf(ast::GrantOn on) {
  switch (on) {
    case ast::GrantOn::kTable:
      return AclKind::kTable;
    case ast::GrantOn::kSequence:
      return AclKind::kSequence;
    case ast::GrantOn::kSchema:
      return AclKind::kSchema;
    case ast::GrantOn::kDatabase:
      return AclKind::kDatabase;
  }
  return AclKind::kTable;
}

// What a GRANT does to one list. Made of the statement, before anything is locked.
struct GrantAction {
  const ast::Grant* grant;
  AccessPtr access;
  uint32_t rights = 0;  // 0: all that there are
  std::vector<uint64_t> grantees;
  std::vector<Notice> notices;

  // Who grants: the owner, where the role acts for it; else one of its roles that may.
  absl::Status Apply(const std::string& word, const std::string& name, AclKind kind, uint64_t owner,
                     Acl* acl) {
    const uint32_t possible = AllRights(kind);
    uint32_t wanted = rights == 0 ? possible : rights;
    if (const uint32_t wrong = wanted & ~possible; wrong != 0 && kind == AclKind::kTable) {
      return SqlError(kInvalidGrant, absl::StrCat("invalid privilege type ",
                                                  NameOfRight(EachRight(wrong)[0]), " for table"));
    }
    if ((wanted & ~possible) != 0) {
      // GRANT ... ON TABLE of a sequence.
      notices.push_back({"WARNING", kInvalidGrant,
                         absl::StrCat("sequence \"", name,
                                      "\" only supports USAGE, SELECT, and UPDATE privileges")});
      wanted &= possible;
    }
    uint64_t grantor = owner;
    uint32_t options = possible;
    if (!access->Owns(owner)) {
      grantor = access->role;
      options = OptionsOf(*acl, access->role) & wanted;
      for (uint64_t role : access->has) {
        const uint32_t more = OptionsOf(*acl, role) & wanted;
        if (std::popcount(more) > std::popcount(options)) {
          grantor = role;
          options = more;
        }
      }
      if (options == 0 && access->Rights(*acl) == 0) return NoPermission(word, name);
    }
    const uint32_t given = wanted & options;
    if (given != wanted && (rights != 0 || given == 0)) {
      notices.push_back({"WARNING", grant->is_grant ? "01007" : "01006",
                         given == 0
                             ? absl::StrCat("no privileges ",
                                            grant->is_grant ? "were granted" : "could be revoked",
                                            " for \"", name, "\"")
                             : absl::StrCat("not all privileges ",
                                            grant->is_grant ? "were granted" : "could be revoked",
                                            " for \"", name, "\"")});
    }
    if (given == 0) return absl::OkStatus();
    for (uint64_t grantee : grantees) {
      if (grant->is_grant) {
        GrantRights(acl, grantee, grantor, given, grant->option);
      } else {
        ISO_RETURN_IF_ERROR(
            RevokeRights(acl, owner, grantee, grantor, given, grant->option, grant->cascade));
      }
    }
    return absl::OkStatus();
  }
};

class GrantEdit : public SchemaEdit {
 public:
  GrantEdit(GrantAction* action, std::vector<std::string> names)
      : action_(action), names_(std::move(names)) {}

  Task<absl::Status> Apply(Ctx ctx, SchemaChange* change) override {
    action_->notices.clear();
    for (const std::string& name : names_) {
      ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * t, co_await change->Table(ctx, name));
      if (t->kind == RelationKind::kDatabase && action_->grant->on == ast::GrantOn::kSchema) {
        // The schema public has no description of its own.
        Acl acl = t->public_acl.value_or(DefaultPublicAcl());
        ISO_CO_RETURN_IF_ERROR(
            action_->Apply("schema", kPublicSchema, AclKind::kSchema, kDatabaseOwnerRole, &acl));
        t->public_acl = std::move(acl);
        continue;
      }
      Acl acl = t->EffectiveAcl();
      const Acl before = acl;
      const AclKind kind = t->kind == RelationKind::kSequence   ? AclKind::kSequence
                           : t->kind == RelationKind::kSchema   ? AclKind::kSchema
                           : t->kind == RelationKind::kDatabase ? AclKind::kDatabase
                                                                : AclKind::kTable;
      ISO_CO_RETURN_IF_ERROR(action_->Apply(KindWord(*t), ShownName(*t), kind, t->owner, &acl));
      if (t->acl.has_value() || acl != before) t->acl = std::move(acl);
    }
    for (uint64_t grantee : action_->grantees) {
      ISO_CO_RETURN_IF_ERROR(co_await change->HoldRole(ctx, grantee));
    }
    co_return absl::OkStatus();
  }

 private:
  GrantAction* const action_;
  const std::vector<std::string> names_;
};

// Objects that get another owner, with the sequences that their columns own.
class OwnerEdit : public SchemaEdit {
 public:
  OwnerEdit(std::vector<std::string> names, uint64_t owner)
      : names_(std::move(names)), owner_(owner) {}

  Task<absl::Status> Apply(Ctx ctx, SchemaChange* change) override {
    for (const std::string& name : names_) {
      ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * t, co_await change->Table(ctx, name));
      if (t->acl.has_value()) ChangeAclOwner(&*t->acl, t->owner, owner_);
      t->owner = owner_;
    }
    co_return co_await change->HoldRole(ctx, owner_);
  }

 private:
  const std::vector<std::string> names_;
  const uint64_t owner_;
};

// Takes all that is granted to roles, or by them, out of descriptions.
class ForgetRolesEdit : public SchemaEdit {
 public:
  ForgetRolesEdit(const std::vector<uint64_t>* roles, std::vector<std::string> names)
      : roles_(roles), names_(std::move(names)) {}

  Task<absl::Status> Apply(Ctx ctx, SchemaChange* change) override {
    for (const std::string& name : names_) {
      ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * t, co_await change->Table(ctx, name));
      for (uint64_t role : *roles_) {
        if (t->acl.has_value()) ForgetRole(&*t->acl, role);
        if (t->public_acl.has_value()) ForgetRole(&*t->public_acl, role);
      }
      if (t->roles == nullptr) continue;
      auto roles = std::make_shared<RoleCatalog>(*t->roles);
      for (uint64_t role : *roles_) {
        if (roles->public_acl.has_value()) ForgetRole(&*roles->public_acl, role);
        if (roles->database_acl.has_value()) ForgetRole(&*roles->database_acl, role);
      }
      t->roles = std::move(roles);
    }
    co_return absl::OkStatus();
  }

 private:
  const std::vector<uint64_t>* const roles_;
  const std::vector<std::string> names_;
};

absl::StatusOr<uint32_t> RightsIn(const ast::Grant& grant) {
  uint32_t out = 0;
  // A sequence may be named as a table.
  const uint32_t possible =
      AllRights(KindOf(grant.on)) |
      (grant.on == ast::GrantOn::kTable && !grant.all_in_schema ? AllRights(AclKind::kSequence)
                                                                : 0);
  for (const std::string& name : grant.rights) {
    const uint32_t right = RightNamed(name);
    if (right == 0 && name != "EXECUTE" && name != "SET" && name != "ALTER SYSTEM") {
      return SqlError(sqlstate::kSyntaxError, absl::StrCat("unrecognized privilege type \"",
                                                           absl::AsciiStrToLower(name), "\""));
    }
    if ((right & possible) == 0) {
      return SqlError(
          kInvalidGrant,
          absl::StrCat("invalid privilege type ", name, " for ",
                       grant.on == ast::GrantOn::kTable ? "relation" : WordOf(grant.on)));
    }
    out |= right;
  }
  return out;
}

bool Fits(ast::OwnedKind kind, const TableDescriptor& t) {
  switch (kind) {
    case ast::OwnedKind::kTable:
      return t.is_relation();
    case ast::OwnedKind::kView:
      return t.kind == RelationKind::kView;
    case ast::OwnedKind::kSequence:
      return t.kind == RelationKind::kSequence;
    case ast::OwnedKind::kType:
      return t.is_enum();
    case ast::OwnedKind::kSchema:
      return t.kind == RelationKind::kSchema;
    case ast::OwnedKind::kDatabase:
      return t.kind == RelationKind::kDatabase;
  }
  return false;
}

std::string OwnerTag(ast::OwnedKind kind) {
  switch (kind) {
    case ast::OwnedKind::kTable:
      return "ALTER TABLE";
    case ast::OwnedKind::kView:
      return "ALTER VIEW";
    case ast::OwnedKind::kSequence:
      return "ALTER SEQUENCE";
    case ast::OwnedKind::kType:
      return "ALTER TYPE";
    case ast::OwnedKind::kSchema:
      return "ALTER SCHEMA";
    case ast::OwnedKind::kDatabase:
      return "ALTER DATABASE";
  }
  return "";
}

}  // namespace

Task<absl::StatusOr<std::vector<std::string>>> SchemaTransaction::Granted(Ctx ctx,
                                                                          const ast::Grant* grant) {
  std::vector<std::string> names;
  const bool sequences = grant->on == ast::GrantOn::kSequence;
  if (grant->all_in_schema) {
    ISO_CO_ASSIGN_OR_RETURN(const std::vector<TablePtr> all, co_await Relations(ctx));
    for (const std::string& schema : grant->plain) {
      if (schema != kPublicSchema && !IsVirtualSchema(schema)) {
        ISO_CO_RETURN_IF_ERROR((co_await Schema(ctx, schema)).status());
      }
      for (const TablePtr& t : all) {
        const bool is = sequences ? t->kind == RelationKind::kSequence
                                  : t->is_table() || t->kind == RelationKind::kView;
        if (is && SchemaIn(t->name) == schema) names.push_back(t->name);
      }
    }
    co_return names;
  }
  if (grant->on == ast::GrantOn::kSchema) {
    for (const std::string& schema : grant->plain) {
      if (schema == kPublicSchema && engine_->database_id().has_value()) {
        names.push_back(engine_->database_id()->full_name);
      }
      if (schema == kPublicSchema) continue;
      if (IsVirtualSchema(schema)) co_return NoPermission("schema", schema);
      ISO_CO_RETURN_IF_ERROR((co_await Schema(ctx, schema)).status());
      names.push_back(SchemaFullName(schema));
    }
    co_return names;
  }
  if (grant->on == ast::GrantOn::kDatabase) {
    for (const std::string& name : grant->plain) {
      if (name == kFirstDatabase) continue;
      ISO_CO_ASSIGN_OR_RETURN(const TablePtr database, co_await Database(ctx, name));
      names.push_back(database->name);
    }
    co_return names;
  }
  for (const ast::TableName& name : grant->relations) {
    ISO_CO_ASSIGN_OR_RETURN(const TablePtr t, co_await Resolve(ctx, FullNameOf(name)));
    if (!t->is_relation()) {
      co_return SqlError(sqlstate::kUndefinedTable,
                         absl::StrCat("relation \"", name.name, "\" does not exist"));
    }
    if (sequences && t->kind != RelationKind::kSequence) co_return NotASequence(name.name);
    names.push_back(t->name);
  }
  co_return names;
}

Task<SchemaTransaction::Result> SchemaTransaction::Grant(Ctx ctx, const ast::Grant* grant) {
  GrantAction action{grant, nullptr, 0, {}, {}};
  ISO_CO_ASSIGN_OR_RETURN(action.rights, RightsIn(*grant));
  const auto names_plainly = [grant](absl::string_view name) {
    return std::find(grant->plain.begin(), grant->plain.end(), name) != grant->plain.end();
  };
  // What the first database grants, and its schema public, stands in the list of roles.
  const bool of_list = (grant->on == ast::GrantOn::kDatabase && names_plainly(kFirstDatabase)) ||
                       (grant->on == ast::GrantOn::kSchema && !grant->all_in_schema &&
                        !engine_->database_id().has_value() && names_plainly(kPublicSchema));
  if (of_list) ISO_CO_RETURN_IF_ERROR(co_await EnsureRoles(ctx));
  ISO_CO_ASSIGN_OR_RETURN(action.access, co_await AccessHere(ctx));
  for (const ast::RoleSpec& spec : grant->grantees) {
    uint64_t id = kPublicRole;
    if (spec.kind != ast::RoleSpec::Kind::kPublic) {
      ISO_CO_ASSIGN_OR_RETURN(id, RoleOf(spec, action.access->catalog()));
    } else if (grant->option && grant->is_grant) {
      co_return SqlError(kInvalidGrant, "grant options can only be granted to roles");
    }
    action.grantees.push_back(id);
  }
  ISO_CO_ASSIGN_OR_RETURN(std::vector<std::string> names, co_await Granted(ctx, grant));
  StatementResult result;
  result.tag = grant->is_grant ? "GRANT" : "REVOKE";
  if (!names.empty()) {
    GrantEdit edit(&action, std::move(names));
    ISO_CO_ASSIGN_OR_RETURN(result, co_await Edit(ctx, &edit, result.tag));
    result.notices = action.notices;
  }
  if (!of_list) co_return result;
  const bool database = grant->on == ast::GrantOn::kDatabase;
  ISO_CO_ASSIGN_OR_RETURN(
      StatementResult edited,
      co_await EditRoles(
          ctx,
          [&](RoleCatalog* roles) -> absl::Status {
            action.notices.clear();
            std::optional<Acl>& acl = database ? roles->database_acl : roles->public_acl;
            Acl changed = acl.value_or(database ? DefaultAcl(AclKind::kDatabase, kBootstrapRole)
                                                : DefaultPublicAcl());
            ISO_RETURN_IF_ERROR(action.Apply(
                database ? "database" : "schema", database ? kFirstDatabase : kPublicSchema,
                database ? AclKind::kDatabase : AclKind::kSchema,
                database ? kBootstrapRole : kDatabaseOwnerRole, &changed));
            acl = std::move(changed);
            return absl::OkStatus();
          },
          result.tag));
  result.notices.insert(result.notices.end(), action.notices.begin(), action.notices.end());
  co_return result;
}

Task<SchemaTransaction::Result> SchemaTransaction::AlterOwner(Ctx ctx,
                                                              const ast::AlterOwner* alter) {
  StatementResult result;
  result.tag = OwnerTag(alter->kind);
  ISO_CO_ASSIGN_OR_RETURN(const AccessPtr access, co_await AccessHere(ctx));
  const std::string& name = alter->name.name;
  const bool of_schema = alter->kind == ast::OwnedKind::kSchema;
  ISO_CO_ASSIGN_OR_RETURN(const uint64_t owner, RoleOf(alter->owner, access->catalog()));
  if (of_schema && name == kPublicSchema) {
    if (!access->superuser) co_return SqlError(kNoPrivilege, "must be owner of schema public");
    if (owner == kDatabaseOwnerRole) co_return result;
    co_return SqlError(sqlstate::kUnsupported,
                       "the schema public belongs to pg_database_owner, for good");
  }
  TablePtr object;
  const bool of_database = alter->kind == ast::OwnedKind::kDatabase;
  if (of_database && name == kFirstDatabase) {
    if (!access->superuser) co_return NotOwnerOfDatabase(name);
    if (owner == kBootstrapRole) co_return result;
    co_return SqlError(sqlstate::kUnsupported, absl::StrCat("database \"", name, "\" belongs to ",
                                                            kBootstrapRoleName, ", for good"));
  }
  if (of_schema) {
    ISO_CO_ASSIGN_OR_RETURN(object, co_await Schema(ctx, name));
  } else if (of_database) {
    ISO_CO_ASSIGN_OR_RETURN(object, co_await Database(ctx, name));
  } else if (alter->kind == ast::OwnedKind::kType) {
    ISO_CO_ASSIGN_OR_RETURN(object, co_await Enum(ctx, &alter->name));
  } else {
    auto found = co_await Resolve(ctx, FullNameOf(alter->name));
    if (alter->if_exists && SqlStateOf(found.status()) == sqlstate::kUndefinedTable) {
      result.notices.push_back(
          {"NOTICE", "00000", absl::StrCat("relation \"", name, "\" does not exist, skipping")});
      co_return result;
    }
    ISO_CO_ASSIGN_OR_RETURN(object, std::move(found));
  }
  if (!Fits(alter->kind, *object)) {
    const bool view = alter->kind == ast::OwnedKind::kView;
    co_return SqlError(sqlstate::kWrongObjectType,
                       absl::StrCat("\"", name, "\" is not a ", view ? "view" : "sequence"));
  }
  if (owner == kDatabaseOwnerRole) {
    co_return SqlError(sqlstate::kUnsupported,
                       "pg_database_owner owns nothing but the schema public");
  }
  if (object->owner == owner) co_return result;
  if (object->owner_table.value != 0) {
    co_return WithFields(SqlError(sqlstate::kUnsupported,
                                  absl::StrCat("cannot change owner of sequence \"", name, "\"")),
                         {absl::StrCat("Sequence \"", name, "\" is linked to a table.")});
  }
  if (!access->superuser) {
    if (!access->Owns(*object)) co_return NotOwner(*object);
    if (!access->MayBecome(owner)) {
      co_return SqlError(kNoPrivilege, absl::StrCat("must be member of role \"",
                                                    access->catalog().NameOf(owner), "\""));
    }
    const AccessPtr next = MakeAccess(access->roles, access->database, owner);
    const std::string schema = SchemaIn(object->name);
    Acl acl = next->public_acl();
    if (of_database) {
      const Role* role = access->catalog().Find(access->role);
      if (role == nullptr || !role->create_db) {
        co_return SqlError(kNoPrivilege, "permission denied to change owner of database");
      }
    } else if (of_schema) {
      acl = access->database_acl();
      if ((access->Rights(acl) & kRightCreate) == 0) {
        co_return NoPermission("database", engine_->database());
      }
    } else {
      if (schema != kPublicSchema) {
        ISO_CO_ASSIGN_OR_RETURN(const TablePtr in, co_await Schema(ctx, schema));
        acl = in->EffectiveAcl();
      }
      if ((next->Rights(acl) & kRightCreate) == 0) co_return NoPermission("schema", schema);
    }
  }
  std::vector<std::string> names = {object->name};
  ISO_CO_ASSIGN_OR_RETURN(const std::vector<TablePtr> all, co_await Relations(ctx));
  for (const TablePtr& t : all) {
    if (t->owner_table == object->id && object->is_table()) names.push_back(t->name);
  }
  OwnerEdit edit(std::move(names), owner);
  co_return co_await Edit(ctx, &edit, result.tag);
}

Task<absl::StatusOr<std::vector<uint64_t>>> SchemaTransaction::OwnedRoles(
    Ctx ctx, const std::vector<ast::RoleSpec>* specs, const char* what) {
  ISO_CO_ASSIGN_OR_RETURN(const AccessPtr access, co_await AccessHere(ctx));
  std::vector<uint64_t> out;
  for (const ast::RoleSpec& spec : *specs) {
    ISO_CO_ASSIGN_OR_RETURN(const uint64_t id, RoleOf(spec, access->catalog()));
    if (!access->Owns(id)) {
      co_return SqlError(kNoPrivilege, absl::StrCat("permission denied to ", what, " objects"));
    }
    if (access->catalog().Find(id) == nullptr) {
      co_return SqlError(
          sqlstate::kDependentObjects,
          absl::StrCat("cannot ", what, " objects owned by role ", access->catalog().NameOf(id),
                       " because they are required by the database system"));
    }
    out.push_back(id);
  }
  co_return out;
}

Task<SchemaTransaction::Result> SchemaTransaction::ReassignOwned(Ctx ctx,
                                                                 const ast::ReassignOwned* owned) {
  ISO_CO_ASSIGN_OR_RETURN(const std::vector<uint64_t> roles,
                          co_await OwnedRoles(ctx, &owned->roles, "reassign"));
  ISO_CO_ASSIGN_OR_RETURN(const AccessPtr access, co_await AccessHere(ctx));
  ISO_CO_ASSIGN_OR_RETURN(const uint64_t to, RoleOf(owned->to, access->catalog()));
  if (!access->Owns(to)) {
    co_return SqlError(kNoPrivilege, "permission denied to reassign objects");
  }
  ISO_CO_ASSIGN_OR_RETURN(const std::vector<TablePtr> all, co_await Relations(ctx));
  std::vector<std::string> names;
  for (const TablePtr& t : all) {
    if (std::find(roles.begin(), roles.end(), t->owner) != roles.end()) names.push_back(t->name);
  }
  StatementResult result;
  result.tag = "REASSIGN OWNED";
  if (names.empty()) co_return result;
  OwnerEdit edit(std::move(names), to);
  co_return co_await Edit(ctx, &edit, result.tag);
}

Task<SchemaTransaction::Result> SchemaTransaction::DropOwned(Ctx ctx, const ast::DropOwned* owned) {
  StatementResult result;
  result.tag = "DROP OWNED";
  ISO_CO_ASSIGN_OR_RETURN(const std::vector<uint64_t> roles,
                          co_await OwnedRoles(ctx, &owned->roles, "drop"));
  ISO_CO_ASSIGN_OR_RETURN(std::vector<TablePtr> all, co_await Relations(ctx));
  std::vector<TablePtr> targets, schemas;
  for (const TablePtr& t : all) {
    if (std::find(roles.begin(), roles.end(), t->owner) == roles.end()) continue;
    const bool lies = t->is_relation() || t->is_enum();
    if (lies) targets.push_back(t);
    if (t->kind == RelationKind::kSchema) schemas.push_back(t);
  }
  for (const TablePtr& schema : schemas) {
    for (const TablePtr& t : all) {
      const bool lies =
          (t->is_relation() || t->is_enum()) && SchemaFullName(SchemaIn(t->name)) == schema->name;
      const bool goes = std::any_of(targets.begin(), targets.end(),
                                    [&t](const TablePtr& k) { return k->id == t->id; });
      if (!lies || goes) continue;
      if (!owned->cascade) {
        co_return SqlError(sqlstate::kDependentObjects,
                           absl::StrCat("cannot drop schema ", SchemaIn(schema->name),
                                        " because other objects depend on it"),
                           -1, "Use DROP ... CASCADE to drop the dependent objects too.");
      }
      targets.push_back(t);
    }
  }
  if (!targets.empty() || !schemas.empty()) {
    ISO_CO_ASSIGN_OR_RETURN(DropSet set, WhatToDrop(all, std::move(targets), owned->cascade));
    result.notices = set.notices;
    set.relations.insert(set.relations.begin(), schemas.begin(), schemas.end());
    ISO_CO_ASSIGN_OR_RETURN(result, co_await DropAll(ctx, &set, std::move(result)));
    ISO_CO_ASSIGN_OR_RETURN(all, co_await Relations(ctx));
  }
  std::vector<std::string> names;
  for (const TablePtr& t : all) {
    const bool mentioned = std::any_of(roles.begin(), roles.end(), [&t](uint64_t role) {
      return (t->acl.has_value() && Mentions(*t->acl, role)) ||
             (t->public_acl.has_value() && Mentions(*t->public_acl, role)) ||
             (t->roles != nullptr &&
              ((t->roles->public_acl.has_value() && Mentions(*t->roles->public_acl, role)) ||
               (t->roles->database_acl.has_value() && Mentions(*t->roles->database_acl, role))));
    });
    if (mentioned) names.push_back(t->name);
  }
  if (names.empty()) co_return result;
  ForgetRolesEdit edit(&roles, std::move(names));
  ISO_CO_RETURN_IF_ERROR((co_await Edit(ctx, &edit, "")).status());
  co_return result;
}

}  // namespace isochron::sql
