// SPDX-License-Identifier: Apache-2.0
//
// Roles come, change and go, and become members of each other. All of it changes one description,
// the list of all roles, which its transaction has to itself.
#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status_macros.h"
#include "sql/catalog/databases.h"
#include "sql/catalog/full_name.h"
#include "sql/parser/ast_roles.h"
#include "sql/session/access.h"
#include "sql/session/databases.h"
#include "sql/session/relation_edits.h"
#include "sql/session/schema_transaction.h"
#include "sql/types/error.h"
#include "sql/types/quote.h"
#include "sql/types/scram_verifier.h"

namespace isochron::sql {
namespace {

absl::Status Denied(absl::string_view what) {
  return SqlError(kNoPrivilege, absl::StrCat("permission denied", what));
}

absl::Status RoleThere(absl::string_view name) {
  return SqlError(sqlstate::kDuplicateObject, absl::StrCat("role \"", name, "\" already exists"));
}

absl::Status AlwaysThere(absl::string_view name) {
  return SqlError(sqlstate::kUnsupported,
                  absl::StrCat("role \"", name, "\" is always there as it is"));
}

// Changes the list of roles.
class RolesEdit : public SchemaEdit {
 public:
  using Change = std::function<absl::Status(RoleCatalog*)>;
  explicit RolesEdit(Change change) : change_(std::move(change)) {}
  Task<absl::Status> Apply(Ctx ctx, SchemaChange* change) override {
    ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * t, co_await change->Table(ctx, kRolesName));
    auto roles = std::make_shared<RoleCatalog>(*t->roles);
    ISO_CO_RETURN_IF_ERROR(change_(roles.get()));
    t->roles = std::move(roles);
    co_return absl::OkStatus();
  }

 private:
  const Change change_;
};

// What ties an object to a role; empty for nothing.
std::string TieOf(const TableDescriptor& t, uint64_t role) {
  if (t.kind == RelationKind::kRoles) return "";
  const std::string what = absl::StrCat(
      KindWord(t), " ", t.kind == RelationKind::kSchema ? ShownName(t) : PlainSqlName(t.name));
  if (t.owner == role) return absl::StrCat("owner of ", what);
  if (t.acl.has_value() && Mentions(*t.acl, role)) return absl::StrCat("privileges for ", what);
  if (t.public_acl.has_value() && Mentions(*t.public_acl, role)) {
    return absl::StrCat("privileges for schema public of ", what);
  }
  return "";
}

// Locks the list of roles before it looks what belongs to them: whoever makes or grants something
// holds the list until its commit.
class DropRolesEdit : public SchemaEdit {
 public:
  using Relations = std::function<Task<absl::StatusOr<std::vector<TablePtr>>>(Ctx)>;
  // What stands in the database of that id, 0 for the first one.
  using Elsewhere = std::function<Task<absl::StatusOr<std::vector<TablePtr>>>(Ctx, TableId)>;
  DropRolesEdit(std::vector<uint64_t> roles, TableId here, Relations relations, Elsewhere elsewhere)
      : roles_(std::move(roles)),
        here_(here),
        relations_(std::move(relations)),
        elsewhere_(std::move(elsewhere)) {}

  Task<absl::Status> Apply(Ctx ctx, SchemaChange* change) override {
    ISO_CO_ASSIGN_OR_RETURN(TableDescriptor * t, co_await change->Table(ctx, kRolesName));
    auto roles = std::make_shared<RoleCatalog>(*t->roles);
    ISO_CO_ASSIGN_OR_RETURN(const std::vector<TablePtr> all, co_await relations_(ctx));
    for (uint64_t id : roles_) {
      const Role* role = roles->Find(id);
      if (role == nullptr) co_return NoRole(absl::StrCat(id));
      std::vector<std::string> ties;
      for (const TablePtr& relation : all) {
        std::string tie = TieOf(*relation, id);
        if (!tie.empty()) ties.push_back(std::move(tie));
      }
      if (roles->public_acl.has_value() && Mentions(*roles->public_acl, id)) {
        ties.push_back("privileges for schema public");
      }
      if (roles->database_acl.has_value() && Mentions(*roles->database_acl, id)) {
        ties.push_back(absl::StrCat("privileges for database ", kFirstDatabase));
      }
      ISO_CO_RETURN_IF_ERROR(co_await AddElsewhere(ctx, id, &all, &ties));
      if (ties.empty()) continue;
      co_return WithFields(
          SqlError(sqlstate::kDependentObjects,
                   absl::StrCat("role \"", role->name,
                                "\" cannot be dropped because some objects depend on it")),
          {absl::StrJoin(ties, "\n")});
    }
    for (uint64_t id : roles_) {
      std::erase_if(roles->roles, [id](const Role& r) { return r.id == id; });
      for (Role& r : roles->roles) {
        std::erase_if(r.member_of, [id](const RoleMembership& m) { return m.role == id; });
        for (RoleMembership& m : r.member_of) {
          if (m.grantor == id) m.grantor = kBootstrapRole;
        }
      }
    }
    t->roles = std::move(roles);
    co_return absl::OkStatus();
  }

 private:
  // As PostgreSQL: objects of other databases are counted.
  Task<absl::Status> AddElsewhere(Ctx ctx, uint64_t role, const std::vector<TablePtr>* all,
                                  std::vector<std::string>* ties) {
    std::vector<std::pair<TableId, std::string>> databases = {{TableId(), kFirstDatabase}};
    for (const TablePtr& t : *all) {
      if (t->kind == RelationKind::kDatabase) databases.emplace_back(t->id, t->local_name());
    }
    for (const auto& [id, name] : databases) {
      if (id == here_) continue;
      ISO_CO_ASSIGN_OR_RETURN(const std::vector<TablePtr> there, co_await elsewhere_(ctx, id));
      const auto count = std::count_if(there.begin(), there.end(), [role](const TablePtr& t) {
        return t->kind != RelationKind::kDatabase && !TieOf(*t, role).empty();
      });
      if (count == 0) continue;
      ties->push_back(absl::StrCat(count, count == 1 ? " object" : " objects", " in database ",
                                   QuoteIfNeeded(name)));
    }
    co_return absl::OkStatus();
  }

  const std::vector<uint64_t> roles_;
  const TableId here_;
  const Relations relations_;
  const Elsewhere elsewhere_;
};

absl::Status AddMember(RoleCatalog* roles, uint64_t role, uint64_t member, uint64_t grantor,
                       bool admin, std::vector<Notice>* notices) {
  Role* to = roles->Find(member);
  if (to == nullptr) return AlwaysThere(roles->NameOf(member));
  if (roles->Has(role, true).contains(member)) {
    return SqlError("0LP01", absl::StrCat("role \"", roles->NameOf(role),
                                          "\" is a member of role \"", to->name, "\""));
  }
  for (RoleMembership& m : to->member_of) {
    if (m.role != role) continue;
    if ((!admin || m.admin) && notices != nullptr) {
      notices->push_back({"NOTICE", "00000",
                          absl::StrCat("role \"", to->name, "\" is already a member of role \"",
                                       roles->NameOf(role), "\"")});
    }
    m.admin = m.admin || admin;
    return absl::OkStatus();
  }
  to->member_of.push_back({role, grantor, admin});
  return absl::OkStatus();
}

}  // namespace

Task<absl::StatusOr<AccessPtr>> SchemaTransaction::AccessHere(Ctx ctx) {
  co_return co_await engine_->AccessOf(std::move(ctx), settings_, &relations_);
}

Task<absl::Status> SchemaTransaction::EnsureRoles(Ctx ctx) {
  auto found = co_await Resolve(ctx, kRolesName);
  if (found.ok() || SqlStateOf(found.status()) != sqlstate::kUndefinedTable) {
    co_return found.status();
  }
  TableDescriptor list;
  list.name = kRolesName;
  list.kind = RelationKind::kRoles;
  list.roles = std::make_shared<const RoleCatalog>();
  co_return (co_await Create(ctx, std::move(list), true, {}, "")).status();
}

absl::StatusOr<uint64_t> SchemaTransaction::RoleOf(const ast::RoleSpec& spec,
                                                   const RoleCatalog& roles) const {
  switch (spec.kind) {
    case ast::RoleSpec::Kind::kCurrent:
      return settings_->acting().role;
    case ast::RoleSpec::Kind::kSession:
      return settings_->who().session.role;
    case ast::RoleSpec::Kind::kPublic:
      return NoRole("public");
    case ast::RoleSpec::Kind::kNamed:
      break;
  }
  const std::optional<uint64_t> id = roles.IdOf(spec.name);
  if (!id.has_value()) return NoRole(spec.name);
  return *id;
}

absl::Status SchemaTransaction::SetOptions(const ast::RoleOptions& options, Role* role) const {
  role->superuser = options.superuser.value_or(role->superuser);
  role->create_role = options.create_role.value_or(role->create_role);
  role->create_db = options.create_db.value_or(role->create_db);
  role->inherit = options.inherit.value_or(role->inherit);
  role->login = options.login.value_or(role->login);
  if (options.says_password) {
    role->verifier.clear();
    if (options.password.has_value() && !options.password->empty()) {
      ISO_ASSIGN_OR_RETURN(role->verifier, VerifierOf(*options.password));
    }
  }
  if (options.valid_until.has_value()) {
    Datum until;
    ISO_RETURN_IF_ERROR(CastDatum(Type::kText, Type::kTimestamptz,
                                  Datum::String(*options.valid_until), &until, settings_->time()));
    role->valid_until_us = until.int_value();
    role->valid_until = *options.valid_until;
    if (*options.valid_until == "infinity") role->valid_until_us.reset();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> SchemaTransaction::VerifierOf(const std::string& password) const {
  if (absl::StartsWith(password, "SCRAM-SHA-256$") && ParseVerifier(password).ok()) return password;
  if (absl::StartsWith(password, "md5") && password.size() == 35) {
    return SqlError(sqlstate::kUnsupported, "passwords are not kept as MD5 digests", -1,
                    "Say the password itself, or its SCRAM-SHA-256 verifier.");
  }
  std::string salt;
  for (size_t i = 0; i < kScramSaltBytes; ++i) {
    salt.push_back(static_cast<char>(engine_->random().Next() & 0xff));
  }
  auto verifier = MakeVerifier(password, salt, kScramIterations);
  if (verifier.ok()) return verifier;
  return SqlError(sqlstate::kInvalidParameter, verifier.status().message());
}

Task<SchemaTransaction::Result> SchemaTransaction::EditRoles(
    Ctx ctx, std::function<absl::Status(RoleCatalog*)> change, std::string tag) {
  RolesEdit edit(std::move(change));
  co_return co_await Edit(ctx, &edit, std::move(tag));
}

Task<SchemaTransaction::Result> SchemaTransaction::Roles(Ctx ctx, const ast::RoleStatement* role) {
  if (const auto* grant = std::get_if<ast::Grant>(&role->node)) {
    co_return co_await Grant(ctx, grant);
  }
  if (const auto* owner = std::get_if<ast::AlterOwner>(&role->node)) {
    co_return co_await AlterOwner(ctx, owner);
  }
  if (const auto* owned = std::get_if<ast::ReassignOwned>(&role->node)) {
    co_return co_await ReassignOwned(ctx, owned);
  }
  if (const auto* owned = std::get_if<ast::DropOwned>(&role->node)) {
    co_return co_await DropOwned(ctx, owned);
  }
  ISO_CO_RETURN_IF_ERROR(co_await EnsureRoles(ctx));
  if (const auto* create = std::get_if<ast::CreateRole>(&role->node)) {
    co_return co_await CreateRole(ctx, create);
  }
  if (const auto* alter = std::get_if<ast::AlterRole>(&role->node)) {
    co_return co_await AlterRole(ctx, alter);
  }
  if (const auto* drop = std::get_if<ast::DropRole>(&role->node)) {
    co_return co_await DropRole(ctx, drop);
  }
  if (const auto* grant = std::get_if<ast::GrantRole>(&role->node)) {
    co_return co_await GrantRole(ctx, grant);
  }
  ISO_CO_ASSIGN_OR_RETURN(const AccessPtr access, co_await AccessHere(ctx));
  const bool may_create = access->superuser || MayCreateRoles(*access);
  if (const auto* comment = std::get_if<ast::CommentOnRole>(&role->node)) {
    const Role* known = access->catalog().Find(comment->name);
    if (known == nullptr) co_return NoRole(comment->name);
    if (!may_create || (known->superuser && !access->superuser)) {
      co_return Denied(absl::StrCat(": must have CREATEROLE to comment on role ", comment->name));
    }
    const uint64_t id = known->id;
    co_return co_await EditRoles(
        ctx,
        [comment, id](RoleCatalog* roles) {
          roles->Find(id)->comment = comment->text.value_or("");
          return absl::OkStatus();
        },
        "COMMENT");
  }
  const auto* rename = &std::get<ast::RenameRole>(role->node);
  if (rename->name == kBootstrapRoleName) co_return AlwaysThere(rename->name);
  const Role* known = access->catalog().Find(rename->name);
  if (known == nullptr) co_return NoRole(rename->name);
  const uint64_t id = known->id;
  if (id == settings_->who().session.role) {
    co_return SqlError(sqlstate::kUnsupported, "session user cannot be renamed");
  }
  if (id == settings_->acting().role) {
    co_return SqlError(sqlstate::kUnsupported, "current user cannot be renamed");
  }
  if (access->catalog().IdOf(rename->new_name).has_value()) co_return RoleThere(rename->new_name);
  if (known->superuser && !access->superuser) {
    co_return SqlError(kNoPrivilege, "must be superuser to rename superusers");
  }
  if (!may_create) co_return Denied(" to rename role");
  co_return co_await EditRoles(
      ctx,
      [rename, id](RoleCatalog* roles) {
        if (roles->IdOf(rename->new_name).has_value()) return RoleThere(rename->new_name);
        roles->Find(id)->name = rename->new_name;
        return absl::OkStatus();
      },
      "ALTER ROLE");
}

bool SchemaTransaction::MayCreateRoles(const Access& access) {
  const Role* role = access.catalog().Find(access.role);
  return access.superuser || (role != nullptr && role->create_role);
}

absl::Status SchemaTransaction::MayGive(const Access& access, uint64_t role) {
  if (access.superuser) return absl::OkStatus();
  if (access.catalog().IsSuperuser(role)) {
    return SqlError(kNoPrivilege, "must be superuser to alter superusers");
  }
  if (MayCreateRoles(access)) return absl::OkStatus();
  // As PostgreSQL has it: one that any role it is a member of administers.
  for (uint64_t id : access.catalog().Has(access.role, true)) {
    const Role* member = access.catalog().Find(id);
    if (member == nullptr) continue;
    for (const RoleMembership& m : member->member_of) {
      if (m.role == role && m.admin) return absl::OkStatus();
    }
  }
  return SqlError(kNoPrivilege, absl::StrCat("must have admin option on role \"",
                                             access.catalog().NameOf(role), "\""));
}

Task<SchemaTransaction::Result> SchemaTransaction::CreateRole(Ctx ctx,
                                                              const ast::CreateRole* create) {
  ISO_CO_ASSIGN_OR_RETURN(const AccessPtr access, co_await AccessHere(ctx));
  if (create->options.superuser.value_or(false) && !access->superuser) {
    co_return SqlError(kNoPrivilege, "must be superuser to create superusers");
  }
  if (!MayCreateRoles(*access)) co_return Denied(" to create role");
  const RoleCatalog& known = access->catalog();
  if (known.IdOf(create->name).has_value()) co_return RoleThere(create->name);
  if (known.roles.size() >= kMostRoles) {
    co_return SqlError(sqlstate::kProgramLimit, absl::StrCat("there are ", kMostRoles, " roles"));
  }
  Role role;
  role.name = create->name;
  ISO_CO_RETURN_IF_ERROR(SetOptions(create->options, &role));
  ISO_CO_ASSIGN_OR_RETURN(const TableId id, co_await engine_->catalog().NewTableIds(ctx, 1));
  role.id = id.value;
  std::vector<uint64_t> above, members, admins;
  for (const ast::RoleSpec& spec : create->options.in_roles) {
    ISO_CO_ASSIGN_OR_RETURN(above.emplace_back(), RoleOf(spec, known));
    ISO_CO_RETURN_IF_ERROR(MayGive(*access, above.back()));
  }
  for (const ast::RoleSpec& spec : create->options.members) {
    ISO_CO_ASSIGN_OR_RETURN(members.emplace_back(), RoleOf(spec, known));
  }
  for (const ast::RoleSpec& spec : create->options.admins) {
    ISO_CO_ASSIGN_OR_RETURN(admins.emplace_back(), RoleOf(spec, known));
  }
  const uint64_t grantor = access->role;
  co_return co_await EditRoles(
      ctx,
      [&](RoleCatalog* roles) {
        if (roles->IdOf(role.name).has_value()) return RoleThere(role.name);
        roles->roles.push_back(role);
        for (uint64_t r : above) {
          ISO_RETURN_IF_ERROR(AddMember(roles, r, role.id, grantor, false, nullptr));
        }
        for (uint64_t m : members) {
          ISO_RETURN_IF_ERROR(AddMember(roles, role.id, m, grantor, false, nullptr));
        }
        for (uint64_t m : admins) {
          ISO_RETURN_IF_ERROR(AddMember(roles, role.id, m, grantor, true, nullptr));
        }
        return absl::OkStatus();
      },
      "CREATE ROLE");
}

Task<SchemaTransaction::Result> SchemaTransaction::AlterRole(Ctx ctx, const ast::AlterRole* alter) {
  ISO_CO_ASSIGN_OR_RETURN(const AccessPtr access, co_await AccessHere(ctx));
  const ast::RoleOptions& options = alter->options;
  ISO_CO_ASSIGN_OR_RETURN(const uint64_t id, RoleOf(alter->role, access->catalog()));
  const Role* known = access->catalog().Find(id);
  if (known == nullptr) co_return AlwaysThere(access->catalog().NameOf(id));
  if (!access->superuser && (known->superuser || options.superuser.has_value())) {
    co_return SqlError(kNoPrivilege,
                       "must be superuser to alter superuser roles or change superuser attribute");
  }
  if (!MayCreateRoles(*access)) {
    // Its own password, and nothing else.
    const bool other = options.create_role.has_value() || options.create_db.has_value() ||
                       options.inherit.has_value() || options.login.has_value() ||
                       options.valid_until.has_value() || !options.members.empty() ||
                       !options.says_password;
    if (other || id != access->role) co_return Denied("");
  }
  Role changed = *known;
  ISO_CO_RETURN_IF_ERROR(SetOptions(options, &changed));
  std::vector<uint64_t> members;
  for (const ast::RoleSpec& spec : options.members) {
    ISO_CO_ASSIGN_OR_RETURN(members.emplace_back(), RoleOf(spec, access->catalog()));
  }
  co_return co_await EditRoles(
      ctx,
      [&](RoleCatalog* roles) {
        Role* role = roles->Find(id);
        if (role == nullptr) return NoRole(changed.name);
        const std::vector<RoleMembership> member_of = role->member_of;
        *role = changed;
        role->member_of = member_of;
        for (uint64_t m : members) {
          if (!alter->drops_members) {
            ISO_RETURN_IF_ERROR(AddMember(roles, id, m, access->role, false, nullptr));
          } else if (Role* member = roles->Find(m); member != nullptr) {
            std::erase_if(member->member_of,
                          [id](const RoleMembership& x) { return x.role == id; });
          }
        }
        return absl::OkStatus();
      },
      "ALTER ROLE");
}

Task<SchemaTransaction::Result> SchemaTransaction::DropRole(Ctx ctx, const ast::DropRole* drop) {
  ISO_CO_ASSIGN_OR_RETURN(const AccessPtr access, co_await AccessHere(ctx));
  if (!MayCreateRoles(*access)) co_return Denied(" to drop role");
  StatementResult result;
  result.tag = "DROP ROLE";
  std::vector<uint64_t> ids;
  for (const ast::RoleSpec& spec : drop->roles) {
    if (spec.kind != ast::RoleSpec::Kind::kNamed) {
      co_return SqlError(sqlstate::kInvalidParameter,
                         "cannot use special role specifier in DROP ROLE");
    }
    const std::optional<uint64_t> id = access->catalog().IdOf(spec.name);
    if (!id.has_value() && drop->if_exists) {
      result.notices.push_back(
          {"NOTICE", "00000", absl::StrCat("role \"", spec.name, "\" does not exist, skipping")});
      continue;
    }
    if (!id.has_value()) co_return NoRole(spec.name);
    if (*id == settings_->acting().role) {
      co_return SqlError(sqlstate::kObjectInUse, "current user cannot be dropped");
    }
    if (*id == settings_->who().session.role) {
      co_return SqlError(sqlstate::kObjectInUse, "session user cannot be dropped");
    }
    const Role* role = access->catalog().Find(*id);
    if (role == nullptr) {
      co_return SqlError(sqlstate::kDependentObjects,
                         absl::StrCat("cannot drop role ", spec.name,
                                      " because it is required by the database system"));
    }
    if (role->superuser && !access->superuser) {
      co_return SqlError(kNoPrivilege, "must be superuser to drop superusers");
    }
    ids.push_back(*id);
  }
  if (ids.empty()) co_return result;
  DropRolesEdit edit(
      std::move(ids), engine_->database_id().has_value() ? engine_->database_id()->id : TableId(),
      [this](Ctx c) { return Relations(std::move(c)); },
      [this](Ctx c, TableId database) {
        return engine_->databases().List(std::move(c), database);
      });
  ISO_CO_ASSIGN_OR_RETURN(StatementResult dropped, co_await Edit(ctx, &edit, result.tag));
  dropped.notices = std::move(result.notices);
  co_return dropped;
}

Task<SchemaTransaction::Result> SchemaTransaction::GrantRole(Ctx ctx, const ast::GrantRole* grant) {
  ISO_CO_ASSIGN_OR_RETURN(const AccessPtr access, co_await AccessHere(ctx));
  std::vector<uint64_t> roles, members;
  for (const std::string& name : grant->roles) {
    const std::optional<uint64_t> id = access->catalog().IdOf(name);
    if (!id.has_value()) co_return NoRole(name);
    if (*id == kDatabaseOwnerRole) co_return AlwaysThere(name);
    ISO_CO_RETURN_IF_ERROR(MayGive(*access, *id));
    roles.push_back(*id);
  }
  for (const ast::RoleSpec& spec : grant->grantees) {
    ISO_CO_ASSIGN_OR_RETURN(members.emplace_back(), RoleOf(spec, access->catalog()));
  }
  std::vector<Notice> notices;
  ISO_CO_ASSIGN_OR_RETURN(
      StatementResult result,
      co_await EditRoles(
          ctx,
          [&](RoleCatalog* all) -> absl::Status {
            notices.clear();
            for (uint64_t role : roles) {
              for (uint64_t member : members) {
                if (grant->is_grant) {
                  ISO_RETURN_IF_ERROR(
                      AddMember(all, role, member, access->role, grant->admin, &notices));
                  continue;
                }
                Role* of = all->Find(member);
                const bool is =
                    of != nullptr &&
                    std::any_of(of->member_of.begin(), of->member_of.end(),
                                [role](const RoleMembership& m) { return m.role == role; });
                if (!is) {
                  notices.push_back(
                      {"WARNING", "01000",
                       absl::StrCat("role \"", all->NameOf(member), "\" is not a member of role \"",
                                    all->NameOf(role), "\"")});
                  continue;
                }
                for (RoleMembership& m : of->member_of) {
                  if (m.role == role && grant->admin) m.admin = false;
                }
                if (!grant->admin) {
                  std::erase_if(of->member_of,
                                [role](const RoleMembership& m) { return m.role == role; });
                }
              }
            }
            return absl::OkStatus();
          },
          grant->is_grant ? "GRANT ROLE" : "REVOKE ROLE"));
  result.notices = std::move(notices);
  co_return result;
}

}  // namespace isochron::sql
