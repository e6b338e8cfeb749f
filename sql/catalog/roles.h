// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_CATALOG_ROLES_H_
#define ISOCHRON_SQL_CATALOG_ROLES_H_

// Roles, and lists of who may do what (docs/internals/roles.md).
//
// All roles are one description, kept under kRolesName from the first CREATE ROLE on: its version
// is the version of everything that follows from roles alone. What an object grants stands in the
// object's own description. Roles are named by numbers that are never given twice, so a new name
// changes nothing else.
//
// Pure; immutable once shared.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/coding.h"

namespace isochron::sql {

// What the catalog knows the description of all roles by: no relation's schema is empty.
inline constexpr char kRolesName[] = ".roles";

// The role that is always there, and may do everything.
inline constexpr uint64_t kBootstrapRole = 0;
inline constexpr char kBootstrapRoleName[] = "isochron";
inline constexpr uint64_t kPublicRole = UINT64_MAX;
// pg_database_owner: owns the schema public, and has no member but the bootstrap role.
inline constexpr uint64_t kDatabaseOwnerRole = UINT64_MAX - 1;
inline constexpr char kDatabaseOwnerRoleName[] = "pg_database_owner";
inline constexpr size_t kMostRoles = 2000;

// In PostgreSQL's order, which is that of the letters in an acl's text. Durable.
enum Right : uint32_t {
  kRightInsert = 1u << 0,      // a
  kRightSelect = 1u << 1,      // r
  kRightUpdate = 1u << 2,      // w
  kRightDelete = 1u << 3,      // d
  kRightTruncate = 1u << 4,    // D
  kRightReferences = 1u << 5,  // x
  kRightTrigger = 1u << 6,     // t
  kRightUsage = 1u << 8,       // U
  kRightCreate = 1u << 9,      // C
  kRightTemporary = 1u << 10,  // T
  kRightConnect = 1u << 11,    // c
};

// What a list is of: decides which rights there are, and what holds while there is no list.
enum class AclKind : uint8_t { kTable, kSequence, kSchema, kDatabase };

struct AclItem {
  uint64_t grantee = 0;
  uint64_t grantor = 0;
  uint32_t rights = 0;
  uint32_t options = 0;  // of the rights: those that may be granted on
  friend bool operator==(const AclItem&, const AclItem&) = default;
};
using Acl = std::vector<AclItem>;

struct RoleMembership {
  uint64_t role = 0;  // that it is a member of
  uint64_t grantor = 0;
  bool admin = false;
};

struct Role {
  uint64_t id = 0;
  std::string name;
  bool superuser = false, create_role = false, create_db = false, inherit = true, login = false;
  std::string verifier;  // of the password; empty: none
  std::optional<int64_t> valid_until_us;
  std::string valid_until;  // as it was written
  std::string comment;
  std::vector<RoleMembership> member_of;
};

struct RoleCatalog {
  std::vector<Role> roles;  // without those that are always there
  std::optional<Acl> database_acl, public_acl;

  // Null if there is none, and for those that are always there.
  const Role* Find(uint64_t id) const;
  const Role* Find(absl::string_view name) const;
  Role* Find(uint64_t id);
  // By name, those that are always there too.
  std::optional<uint64_t> IdOf(absl::string_view name) const;
  std::string NameOf(uint64_t id) const;
  bool IsSuperuser(uint64_t id) const;
  // The roles whose privileges `id` has, itself included; all that it is a member of, directly or
  // not, where `any` also counts what NOINHERIT keeps apart.
  std::set<uint64_t> Has(uint64_t id, bool any) const;
};

// Of one that is null: nobody but the bootstrap role.
const RoleCatalog& NoRoles();

uint32_t AllRights(AclKind kind);
// What holds where nothing was granted or revoked.
Acl DefaultAcl(AclKind kind, uint64_t owner);
Acl DefaultPublicAcl();
// What `roles` are granted together, PUBLIC included.
uint32_t RightsOf(const Acl& acl, const std::set<uint64_t>& roles);
uint32_t OptionsOf(const Acl& acl, uint64_t role);
void GrantRights(Acl* acl, uint64_t grantee, uint64_t grantor, uint32_t rights, bool option);
// Takes rights, or only the option, from what `grantor` gave. 2BP01 where others got theirs from
// the grantee, unless `cascade`.
absl::Status RevokeRights(Acl* acl, uint64_t owner, uint64_t grantee, uint64_t grantor,
                          uint32_t rights, bool option_only, bool cascade);
// What the old owner gave or had, the new one gave or has.
void ChangeAclOwner(Acl* acl, uint64_t from, uint64_t to);
// Takes out all that is given to the role, or by it.
bool ForgetRole(Acl* acl, uint64_t role);
bool Mentions(const Acl& acl, uint64_t role);

// "SELECT" of kRightSelect; 0 for an unknown word.
uint32_t RightNamed(absl::string_view upper_case);
std::string NameOfRight(uint32_t right);
// Rights in the order of their letters.
std::vector<uint32_t> EachRight(uint32_t rights);
// "alice=r*w/isochron" each.
std::vector<std::string> AclTexts(const RoleCatalog& roles, const Acl& acl);

void WriteAcl(const Acl& acl, Writer* out);
bool ReadAcl(Reader* in, Acl* acl);
void WriteRoles(const RoleCatalog& roles, Writer* out);
bool ReadRoles(Reader* in, RoleCatalog* roles);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_CATALOG_ROLES_H_
