// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_SESSION_ACCESS_H_
#define ISOCHRON_SQL_SESSION_ACCESS_H_

// What a role may do, by one version of the list of roles (docs/internals/roles.md). Pure;
// immutable once made.

#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "sql/catalog/descriptor.h"

namespace isochron::sql {

inline constexpr char kNoPrivilege[] = "42501";

struct Access {
  TablePtr roles;     // null while no role was ever made
  TablePtr database;  // the session's; null for the first one, whose rights are among the roles
  uint64_t role = kBootstrapRole;
  bool superuser = false;
  std::set<uint64_t> has;  // the roles whose privileges it has

  const RoleCatalog& catalog() const { return roles == nullptr ? NoRoles() : *roles->roles; }
  bool Owns(uint64_t owner) const { return superuser || has.contains(owner); }
  bool Owns(const TableDescriptor& object) const { return Owns(object.owner); }
  uint32_t Rights(const Acl& acl) const { return superuser ? ~0u : RightsOf(acl, has); }
  // Of the schema public, and of the database.
  Acl public_acl() const;
  Acl database_acl() const;
  // Whether SET ROLE to `other` is allowed to whoever logged in as this one.
  bool MayBecome(uint64_t other) const;
};
using AccessPtr = std::shared_ptr<const Access>;

AccessPtr MakeAccess(TablePtr roles, TablePtr database, uint64_t role);

// "table" and its kin, of what is kept as a relation.
std::string KindWord(const TableDescriptor& object);
// As it is named to people: a schema's own name.
std::string ShownName(const TableDescriptor& object);
// 42501
absl::Status NoPermission(const TableDescriptor& object);
absl::Status NoPermission(absl::string_view word, absl::string_view name);
absl::Status NotOwner(const TableDescriptor& object);
absl::Status NotOwnerOfDatabase(absl::string_view name);
absl::Status SuperuserOnly(absl::string_view what);
// 42704
absl::Status NoRole(absl::string_view name);

// What people may see of a text: without the passwords in it.
std::string WithoutPasswords(const std::string& sql);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_SESSION_ACCESS_H_
