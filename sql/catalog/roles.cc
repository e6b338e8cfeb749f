// SPDX-License-Identifier: Apache-2.0
#include "sql/catalog/roles.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sql/types/error.h"
#include "sql/types/quote.h"

namespace isochron::sql {
namespace {

struct RightName {
  uint32_t right;
  const char* name;
  char letter;
};
constexpr std::array<RightName, 11> kRights = {{{kRightInsert, "INSERT", 'a'},
                                                {kRightSelect, "SELECT", 'r'},
                                                {kRightUpdate, "UPDATE", 'w'},
                                                {kRightDelete, "DELETE", 'd'},
                                                {kRightTruncate, "TRUNCATE", 'D'},
                                                {kRightReferences, "REFERENCES", 'x'},
                                                {kRightTrigger, "TRIGGER", 't'},
                                                {kRightUsage, "USAGE", 'U'},
                                                {kRightCreate, "CREATE", 'C'},
                                                {kRightTemporary, "TEMPORARY", 'T'},
                                                {kRightConnect, "CONNECT", 'c'}}};

AclItem* ItemOf(Acl* acl, uint64_t grantee, uint64_t grantor) {
  for (AclItem& item : *acl) {
    if (item.grantee == grantee && item.grantor == grantor) return &item;
  }
  return nullptr;
}

void Prune(Acl* acl) {
  std::erase_if(*acl, [](const AclItem& item) { return item.rights == 0; });
}

constexpr uint64_t kFormat = 1;

}  // namespace

const RoleCatalog& NoRoles() {
  static const auto* none = new RoleCatalog();
  return *none;
}

const Role* RoleCatalog::Find(uint64_t id) const {
  const auto it =
      std::find_if(roles.begin(), roles.end(), [id](const Role& r) { return r.id == id; });
  return it == roles.end() ? nullptr : &*it;
}

Role* RoleCatalog::Find(uint64_t id) {
  const auto it =
      std::find_if(roles.begin(), roles.end(), [id](const Role& r) { return r.id == id; });
  return it == roles.end() ? nullptr : &*it;
}

const Role* RoleCatalog::Find(absl::string_view name) const {
  const auto it =
      std::find_if(roles.begin(), roles.end(), [name](const Role& r) { return r.name == name; });
  return it == roles.end() ? nullptr : &*it;
}

std::optional<uint64_t> RoleCatalog::IdOf(absl::string_view name) const {
  if (name == kBootstrapRoleName) return kBootstrapRole;
  if (name == kDatabaseOwnerRoleName) return kDatabaseOwnerRole;
  const Role* role = Find(name);
  if (role == nullptr) return std::nullopt;
  return role->id;
}

std::string RoleCatalog::NameOf(uint64_t id) const {
  if (id == kBootstrapRole) return kBootstrapRoleName;
  if (id == kDatabaseOwnerRole) return kDatabaseOwnerRoleName;
  if (id == kPublicRole) return "public";
  const Role* role = Find(id);
  return role == nullptr ? absl::StrCat("unknown (OID=", id, ")") : role->name;
}

bool RoleCatalog::IsSuperuser(uint64_t id) const {
  if (id == kBootstrapRole) return true;
  const Role* role = Find(id);
  return role != nullptr && role->superuser;
}

std::set<uint64_t> RoleCatalog::Has(uint64_t id, bool any) const {
  std::set<uint64_t> out;
  if (id != kBootstrapRole && Find(id) == nullptr) return out;
  std::vector<uint64_t> left = {id};
  while (!left.empty()) {
    const uint64_t one = left.back();
    left.pop_back();
    if (!out.insert(one).second) continue;
    if (one == kBootstrapRole) out.insert(kDatabaseOwnerRole);
    const Role* role = Find(one);
    if (role == nullptr || (!role->inherit && !any)) continue;
    for (const RoleMembership& m : role->member_of) left.push_back(m.role);
  }
  return out;
}

uint32_t AllRights(AclKind kind) {
  switch (kind) {
    case AclKind::kTable:
      return kRightInsert | kRightSelect | kRightUpdate | kRightDelete | kRightTruncate |
             kRightReferences | kRightTrigger;
    case AclKind::kSequence:
      return kRightSelect | kRightUpdate | kRightUsage;
    case AclKind::kSchema:
      return kRightUsage | kRightCreate;
    case AclKind::kDatabase:
      return kRightCreate | kRightTemporary | kRightConnect;
  }
  return 0;
}

Acl DefaultAcl(AclKind kind, uint64_t owner) {
  Acl out;
  if (kind == AclKind::kDatabase) {
    out.push_back({kPublicRole, owner, kRightTemporary | kRightConnect, 0});
  }
  out.push_back({owner, owner, AllRights(kind), 0});
  return out;
}

Acl DefaultPublicAcl() {
  return {{kDatabaseOwnerRole, kDatabaseOwnerRole, kRightUsage | kRightCreate, 0},
          {kPublicRole, kDatabaseOwnerRole, kRightUsage, 0}};
}

uint32_t RightsOf(const Acl& acl, const std::set<uint64_t>& roles) {
  uint32_t out = 0;
  for (const AclItem& item : acl) {
    if (item.grantee == kPublicRole || roles.contains(item.grantee)) out |= item.rights;
  }
  return out;
}

uint32_t OptionsOf(const Acl& acl, uint64_t role) {
  uint32_t out = 0;
  for (const AclItem& item : acl) {
    if (item.grantee == role) out |= item.options;
  }
  return out;
}

void GrantRights(Acl* acl, uint64_t grantee, uint64_t grantor, uint32_t rights, bool option) {
  AclItem* item = ItemOf(acl, grantee, grantor);
  if (item == nullptr) {
    acl->push_back({grantee, grantor, 0, 0});
    item = &acl->back();
  }
  item->rights |= rights;
  if (option) item->options |= rights;
}

absl::Status RevokeRights(Acl* acl, uint64_t owner, uint64_t grantee, uint64_t grantor,
                          uint32_t rights, bool option_only, bool cascade) {
  AclItem* item = ItemOf(acl, grantee, grantor);
  if (item == nullptr) return absl::OkStatus();
  const uint32_t options_before = OptionsOf(*acl, grantee);
  item->options &= ~rights;
  if (!option_only) item->rights &= ~rights;
  const uint32_t lost = options_before & ~OptionsOf(*acl, grantee);
  Prune(acl);
  // The owner may grant whatever the list says.
  if (lost == 0 || grantee == owner) return absl::OkStatus();
  const Acl before = *acl;
  for (const AclItem& given : before) {
    if (given.grantor != grantee || (given.rights & lost) == 0) continue;
    if (!cascade) {
      return SqlError(sqlstate::kDependentObjects, "dependent privileges exist", -1,
                      "Use CASCADE to revoke them too.");
    }
    absl::Status revoked =
        RevokeRights(acl, owner, given.grantee, grantee, given.rights & lost, false, true);
    if (!revoked.ok()) return revoked;
  }
  return absl::OkStatus();
}

void ChangeAclOwner(Acl* acl, uint64_t from, uint64_t to) {
  Acl out;
  for (const AclItem& item : *acl) {
    const uint64_t grantee = item.grantee == from ? to : item.grantee;
    const uint64_t grantor = item.grantor == from ? to : item.grantor;
    if (AclItem* known = ItemOf(&out, grantee, grantor); known != nullptr) {
      known->rights |= item.rights;
      known->options |= item.options;
    } else {
      out.push_back({grantee, grantor, item.rights, item.options});
    }
  }
  *acl = std::move(out);
}

bool ForgetRole(Acl* acl, uint64_t role) {
  return std::erase_if(*acl, [role](const AclItem& item) {
           return item.grantee == role || item.grantor == role;
         }) > 0;
}

bool Mentions(const Acl& acl, uint64_t role) {
  return std::any_of(acl.begin(), acl.end(), [role](const AclItem& item) {
    return item.grantee == role || item.grantor == role;
  });
}

uint32_t RightNamed(absl::string_view upper_case) {
  if (upper_case == "TEMP") return kRightTemporary;
  for (const RightName& r : kRights) {
    if (upper_case == r.name) return r.right;
  }
  return 0;
}

std::string NameOfRight(uint32_t right) {
  for (const RightName& r : kRights) {
    if (r.right == right) return r.name;
  }
  return "";
}

std::vector<uint32_t> EachRight(uint32_t rights) {
  std::vector<uint32_t> out;
  for (const RightName& r : kRights) {
    if ((rights & r.right) != 0) out.push_back(r.right);
  }
  return out;
}

std::vector<std::string> AclTexts(const RoleCatalog& roles, const Acl& acl) {
  const auto name = [&roles](uint64_t id) { return QuoteIfNeeded(roles.NameOf(id)); };
  std::vector<std::string> out;
  for (const AclItem& item : acl) {
    std::string text = item.grantee == kPublicRole ? "=" : absl::StrCat(name(item.grantee), "=");
    for (const RightName& r : kRights) {
      if ((item.rights & r.right) == 0) continue;
      text.push_back(r.letter);
      if ((item.options & r.right) != 0) text.push_back('*');
    }
    out.push_back(absl::StrCat(text, "/", name(item.grantor)));
  }
  return out;
}

void WriteAcl(const Acl& acl, Writer* out) {
  out->Varint(acl.size());
  for (const AclItem& item : acl) {
    out->Varint(item.grantee);
    out->Varint(item.grantor);
    out->Varint(item.rights);
    out->Varint(item.options);
  }
}

bool ReadAcl(Reader* in, Acl* acl) {
  uint64_t count;
  if (!in->Varint(&count)) return false;
  for (uint64_t i = 0; i < count; ++i) {
    AclItem item;
    if (!in->Varint(&item.grantee) || !in->Varint(&item.grantor) || !in->Varint32(&item.rights) ||
        !in->Varint32(&item.options) || item.rights == 0) {
      return false;
    }
    acl->push_back(item);
  }
  return true;
}

void WriteRoles(const RoleCatalog& roles, Writer* out) {
  out->Varint(kFormat);
  for (const std::optional<Acl>* acl : {&roles.database_acl, &roles.public_acl}) {
    out->Bool(acl->has_value());
    if (acl->has_value()) WriteAcl(**acl, out);
  }
  out->Varint(roles.roles.size());
  for (const Role& r : roles.roles) {
    out->Varint(r.id);
    out->Bytes(r.name);
    for (bool flag : {r.superuser, r.create_role, r.create_db, r.inherit, r.login}) out->Bool(flag);
    out->Bytes(r.verifier);
    out->Bool(r.valid_until_us.has_value());
    if (r.valid_until_us.has_value()) out->Zigzag(*r.valid_until_us);
    out->Bytes(r.valid_until);
    out->Bytes(r.comment);
    out->Varint(r.member_of.size());
    for (const RoleMembership& m : r.member_of) {
      out->Varint(m.role);
      out->Varint(m.grantor);
      out->Bool(m.admin);
    }
  }
}

bool ReadRoles(Reader* in, RoleCatalog* roles) {
  uint64_t format, count;
  if (!in->Varint(&format) || format != kFormat) return false;
  for (std::optional<Acl>* acl : {&roles->database_acl, &roles->public_acl}) {
    bool has;
    if (!in->Bool(&has)) return false;
    if (has && !ReadAcl(in, &acl->emplace())) return false;
  }
  if (!in->Varint(&count) || count > kMostRoles) return false;
  for (uint64_t i = 0; i < count; ++i) {
    Role r;
    bool valid;
    uint64_t memberships;
    if (!in->Varint(&r.id) || !in->Bytes(&r.name) || !in->Bool(&r.superuser) ||
        !in->Bool(&r.create_role) || !in->Bool(&r.create_db) || !in->Bool(&r.inherit) ||
        !in->Bool(&r.login) || !in->Bytes(&r.verifier) || !in->Bool(&valid)) {
      return false;
    }
    if (valid && !in->Zigzag(&r.valid_until_us.emplace())) return false;
    if (!in->Bytes(&r.valid_until) || !in->Bytes(&r.comment) || !in->Varint(&memberships)) {
      return false;
    }
    for (uint64_t k = 0; k < memberships; ++k) {
      RoleMembership m;
      if (!in->Varint(&m.role) || !in->Varint(&m.grantor) || !in->Bool(&m.admin)) return false;
      r.member_of.push_back(m);
    }
    roles->roles.push_back(std::move(r));
  }
  return true;
}

}  // namespace isochron::sql
