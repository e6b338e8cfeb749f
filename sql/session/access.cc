// SPDX-License-Identifier: Apache-2.0
#include "sql/session/access.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/full_name.h"
#include "sql/planner/planner.h"
#include "sql/session/engine_impl.h"
#include "sql/types/error.h"

namespace isochron::sql {

Acl Access::public_acl() const {
  const std::optional<Acl>& acl = database != nullptr ? database->public_acl : catalog().public_acl;
  return acl.value_or(DefaultPublicAcl());
}

Acl Access::database_acl() const {
  if (database != nullptr) return database->EffectiveAcl();
  return catalog().database_acl.value_or(DefaultAcl(AclKind::kDatabase, kBootstrapRole));
}

bool Access::MayBecome(uint64_t other) const {
  return superuser || catalog().Has(role, true).contains(other);
}

AccessPtr MakeAccess(TablePtr roles, TablePtr database, uint64_t role) {
  auto out = std::make_shared<Access>();
  out->roles = std::move(roles);
  out->database = std::move(database);
  out->role = role;
  out->superuser = out->catalog().IsSuperuser(role);
  out->has = out->catalog().Has(role, false);
  if (out->database != nullptr && out->has.contains(out->database->owner)) {
    out->has.insert(kDatabaseOwnerRole);
  }
  return out;
}

std::string KindWord(const TableDescriptor& object) {
  switch (object.kind) {
    case RelationKind::kView:
      return "view";
    case RelationKind::kSequence:
      return "sequence";
    case RelationKind::kSchema:
      return "schema";
    case RelationKind::kEnum:
      return "type";
    case RelationKind::kDatabase:
      return "database";
    default:
      return "table";
  }
}

std::string ShownName(const TableDescriptor& object) {
  return object.kind == RelationKind::kSchema ? SchemaIn(object.name) : object.local_name();
}

absl::Status NoPermission(absl::string_view word, absl::string_view name) {
  return SqlError(kNoPrivilege, absl::StrCat("permission denied for ", word, " ", name));
}

absl::Status NoPermission(const TableDescriptor& object) {
  return NoPermission(KindWord(object), ShownName(object));
}

absl::Status NotOwner(const TableDescriptor& object) {
  return SqlError(kNoPrivilege,
                  absl::StrCat("must be owner of ", KindWord(object), " ", ShownName(object)));
}

absl::Status NotOwnerOfDatabase(absl::string_view name) {
  return SqlError(kNoPrivilege, absl::StrCat("must be owner of database ", name));
}

absl::Status SuperuserOnly(absl::string_view what) {
  return SqlError(kNoPrivilege, absl::StrCat("must be superuser to ", what));
}

absl::Status NoRole(absl::string_view name) {
  return SqlError(sqlstate::kUndefinedObject, absl::StrCat("role \"", name, "\" does not exist"));
}

std::string WithoutPasswords(const std::string& sql) {
  const std::string lower = absl::AsciiStrToLower(sql);
  const size_t at = lower.find("password");
  if (at == std::string::npos) return sql;
  const bool of_role = absl::StrContains(lower, "role") || absl::StrContains(lower, "user") ||
                       absl::StrContains(lower, "group");
  return of_role ? absl::StrCat(sql.substr(0, at), "PASSWORD ...") : sql;
}

Task<absl::StatusOr<TablePtr>> EngineImpl::FindNow(Ctx ctx, std::string name,
                                                   const TableMap* inside) {
  if (inside != nullptr && inside->contains(name)) co_return inside->at(name);
  TablePtr found = catalog_.Peek(name);
  if (found != nullptr) co_return found;
  auto resolved = co_await catalog_.Resolve(ctx, std::move(name));
  if (SqlStateOf(resolved.status()) == sqlstate::kUndefinedTable) co_return TablePtr();
  co_return resolved;
}

Task<absl::StatusOr<AccessPtr>> EngineImpl::AccessOf(Ctx ctx, Settings* settings,
                                                     const TableMap* inside) {
  ISO_CO_ASSIGN_OR_RETURN(TablePtr roles, co_await FindNow(ctx, kRolesName, inside));
  TablePtr database;
  if (database_id_.has_value()) {
    ISO_CO_ASSIGN_OR_RETURN(database, co_await FindNow(ctx, database_id_->full_name, inside));
    if (database == nullptr || database->id != database_id_->id) {
      co_return DatabaseIsGone(*database_id_);
    }
  }
  const uint64_t role = settings->acting().role;
  const AccessPtr& known = settings->access();
  if (known != nullptr && known->role == role && known->roles == roles &&
      known->database == database) {
    co_return known;
  }
  AccessPtr access = MakeAccess(std::move(roles), std::move(database), role);
  settings->SetAccess(access);
  co_return access;
}

// Of the schemas that relations lie in; each once.
Task<absl::Status> EngineImpl::CheckSchemaUse(Ctx ctx, AccessPtr access, std::string schema,
                                              const TableMap* inside,
                                              std::vector<UsedTable>* used) {
  if (access->superuser) co_return absl::OkStatus();
  Acl acl;
  if (schema == kPublicSchema) {
    acl = access->public_acl();
  } else {
    const std::string full = SchemaFullName(schema);
    ISO_CO_ASSIGN_OR_RETURN(const TablePtr found, co_await FindNow(ctx, full, inside));
    const bool own = inside != nullptr && inside->contains(full);
    if (found != nullptr && used != nullptr && !own) {
      used->push_back({found->name, found->id, found->version});
    }
    if (found == nullptr) co_return absl::OkStatus();  // it went, with what lies in it
    acl = found->EffectiveAcl();
  }
  if ((access->Rights(acl) & kRightUsage) != 0) co_return absl::OkStatus();
  co_return NoPermission("schema", schema);
}

Task<absl::Status> EngineImpl::CheckPlan(Ctx ctx, std::shared_ptr<const Plan> plan,
                                         Settings* settings, const TableMap* inside, bool past,
                                         std::vector<UsedTable>* used) {
  if (!NeedsCheck(*plan, *settings)) co_return absl::OkStatus();
  ISO_CO_ASSIGN_OR_RETURN(const AccessPtr access, co_await AccessOf(ctx, settings, inside));
  if (access->roles != nullptr) {
    used->push_back({access->roles->name, access->roles->id, access->roles->version});
  }
  if (access->database != nullptr) {
    const TableDescriptor& database = *access->database;
    used->push_back({database.name, database.id, database.version});
  }
  if (!plan->superusers_only.empty() && !access->superuser) {
    co_return NoPermission("table", plan->superusers_only);
  }
  std::set<std::string> schemas;
  for (const NeededRight& need : plan->needs) {
    if (!need.as_owner) schemas.insert(SchemaIn(need.relation->name));
  }
  for (const std::string& schema : schemas) {
    ISO_CO_RETURN_IF_ERROR(co_await CheckSchemaUse(ctx, access, schema, inside, used));
  }
  std::map<uint64_t, AccessPtr> owners;
  for (const NeededRight& need : plan->needs) {
    AccessPtr asked = access;
    if (need.as_owner) {
      AccessPtr& owner = owners[need.owner];
      if (owner == nullptr) owner = MakeAccess(access->roles, access->database, need.owner);
      asked = owner;
    }
    if (asked->superuser) continue;
    TablePtr relation = need.relation;
    if (past && (inside == nullptr || !inside->contains(relation->name))) {
      // What was allowed then is not allowed now for that.
      auto now = co_await catalog_.Resolve(ctx, relation->name);
      if (now.ok() && (*now)->id == relation->id) relation = *std::move(now);
      if (!now.ok() && SqlStateOf(now.status()) != sqlstate::kUndefinedTable) {
        co_return now.status();
      }
    }
    if ((need.rights & ~asked->Rights(relation->EffectiveAcl())) != 0) {
      co_return NoPermission(*relation);
    }
  }
  co_return absl::OkStatus();
}

}  // namespace isochron::sql
