// SPDX-License-Identifier: Apache-2.0
//
// Databases, roles, settings, and what PostgreSQL keeps beside them.
#include <algorithm>
#include <utility>
#include <vector>

#include "sql/pg_catalog/rows.h"
#include "sql/types/array.h"
#include "sql/types/catalog_types.h"
#include "sql/types/time_datum.h"
#include "sql/types/time_zone.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

Datum One(char c) { return Datum::String(std::string(1, c)); }

void Databases(const CatalogContext& context, RowMaker* out) {
  const RoleCatalog& roles = context.snapshot->roles();
  for (const CatalogDatabase& d : context.snapshot->databases()) {
    out->New().Int("oid", d.oid).Text("datname", d.name).Int("datdba", RoleOid(d.owner));
    out->Int("encoding", 6).Set("datlocprovider", One('c'));
    out->Bool("datistemplate", d.is_template).Bool("datallowconn", !d.is_template);
    out->Int("datconnlimit", -1).Int("dattablespace", 1663);
    out->Text("datcollate", "C").Text("datctype", "C");
    if (d.acl.has_value()) out->Set("datacl", TextArray(AclTexts(roles, *d.acl)));
  }
}

void SharedDescriptions(const CatalogContext& context, RowMaker* out) {
  constexpr int64_t kPgDatabase = 1262;
  for (const CatalogDatabase& d : context.snapshot->databases()) {
    if (d.comment.empty()) continue;
    out->New().Int("objoid", d.oid).Int("classoid", kPgDatabase).Text("description", d.comment);
  }
}

// Those that are always there come first. pg_database_owner owns the schema public, as in
// PostgreSQL, and nothing else.
std::vector<sql::Role> AllRoles(const CatalogContext& context) {
  std::vector<sql::Role> out(2);
  out[0].id = kBootstrapRole;
  out[0].name = kBootstrapRoleName;
  out[0].superuser = out[0].create_role = out[0].create_db = out[0].login = true;
  out[1].id = kDatabaseOwnerRole;
  out[1].name = kDatabaseOwnerRoleName;
  const std::vector<sql::Role>& made = context.snapshot->roles().roles;
  out.insert(out.end(), made.begin(), made.end());
  return out;
}

void AddRole(const sql::Role& r, RowMaker* out) {
  out->New().Text("rolname", r.name).Int("oid", RoleOid(r.id)).Int("rolconnlimit", -1);
  out->Bool("rolsuper", r.superuser).Bool("rolinherit", r.inherit);
  out->Bool("rolcreaterole", r.create_role).Bool("rolcreatedb", r.create_db);
  out->Bool("rolcanlogin", r.login).Bool("rolreplication", r.id == kBootstrapRole);
  out->Bool("rolbypassrls", r.id == kBootstrapRole);
  if (r.valid_until_us.has_value()) out->Set("rolvaliduntil", Datum::Int(*r.valid_until_us));
}

void Roles(const CatalogContext& context, RowMaker* out) {
  for (const sql::Role& r : AllRoles(context)) {
    AddRole(r, out);
    out->Text("rolpassword", "********");
  }
}

void AuthIds(const CatalogContext& context, RowMaker* out) {
  for (const sql::Role& r : AllRoles(context)) {
    AddRole(r, out);
    if (!r.verifier.empty()) out->Text("rolpassword", r.verifier);
  }
}

void AuthMembers(const CatalogContext& context, RowMaker* out) {
  for (const sql::Role& r : context.snapshot->roles().roles) {
    for (const RoleMembership& m : r.member_of) {
      out->New().Int("roleid", RoleOid(m.role)).Int("member", RoleOid(r.id));
      out->Int("grantor", RoleOid(m.grantor)).Bool("admin_option", m.admin);
    }
  }
}

void AddUser(const sql::Role& r, RowMaker* out) {
  out->New().Text("usename", r.name).Int("usesysid", RoleOid(r.id));
  out->Bool("usecreatedb", r.create_db).Bool("usesuper", r.superuser);
  out->Bool("userepl", r.id == kBootstrapRole).Bool("usebypassrls", r.id == kBootstrapRole);
  if (r.valid_until_us.has_value()) out->Set("valuntil", Datum::Int(*r.valid_until_us));
}

void Users(const CatalogContext& context, RowMaker* out) {
  for (const sql::Role& r : AllRoles(context)) {
    if (!r.login) continue;
    AddUser(r, out);
    out->Text("passwd", "********");
  }
}

void Shadow(const CatalogContext& context, RowMaker* out) {
  for (const sql::Role& r : AllRoles(context)) {
    if (!r.login) continue;
    AddUser(r, out);
    if (!r.verifier.empty()) out->Text("passwd", r.verifier);
  }
}

void Groups(const CatalogContext& context, RowMaker* out) {
  for (const sql::Role& r : AllRoles(context)) {
    if (r.login) continue;
    std::vector<Datum> members;
    for (const sql::Role& m : context.snapshot->roles().roles) {
      const bool is = std::any_of(m.member_of.begin(), m.member_of.end(),
                                  [&r](const RoleMembership& of) { return of.role == r.id; });
      if (is) members.push_back(Datum::Int(RoleOid(m.id)));
    }
    out->New().Text("groname", r.name).Int("grosysid", RoleOid(r.id));
    out->Set("grolist", ArrayDatum(MakeVector(std::move(members))));
  }
}

void Tablespaces(const CatalogContext&, RowMaker* out) {
  out->New().Int("oid", 1663).Text("spcname", "pg_default").Int("spcowner", kOwnerOid);
  out->New().Int("oid", 1664).Text("spcname", "pg_global").Int("spcowner", kOwnerOid);
}

void Languages(const CatalogContext&, RowMaker* out) {
  for (const auto& [oid, name] : {std::pair<int64_t, const char*>{12, "internal"}, {14, "sql"}}) {
    out->New().Int("oid", oid).Text("lanname", name).Int("lanowner", kOwnerOid);
    out->Bool("lanpltrusted", oid == 14);
  }
}

void Settings(const CatalogContext& context, RowMaker* out) {
  if (context.session == nullptr) return;
  for (const auto& [name, value] : context.session->AllSettings()) {
    out->New().Text("name", name).Text("setting", value).Text("category", "Isochron");
    out->Text("context", "user").Text("vartype", "string").Text("source", "session");
    out->Text("reset_val", value).Text("boot_val", value).Bool("pending_restart", false);
  }
}

void Activity(const CatalogContext& context, RowMaker* out) {
  if (context.session == nullptr) return;
  const CatalogDatabase& database = context.snapshot->database();
  out->New().Int("datid", database.oid).Text("datname", database.name);
  out->Int("pid", static_cast<int64_t>(context.session->id())).Int("usesysid", kOwnerOid);
  out->Text("usename", context.session->session_user())
      .Text("state", "active")
      .Text("backend_type", "client backend");
  out->Text("application_name", context.session->Setting("application_name").value_or(""));
}

void PreparedStatements(const CatalogContext& context, RowMaker* out) {
  if (context.session == nullptr) return;
  for (const PreparedInfo& p : context.session->Prepared()) {
    std::vector<Datum> types;
    for (Type t : p.params) types.push_back(NamedOid(OidOf(t), std::string(TypeName(t))));
    out->New().Text("name", p.name).Text("statement", p.statement);
    out->Int("prepare_time", p.made_us).Bool("from_sql", p.from_sql);
    out->Set("parameter_types", ArrayDatum(MakeVector(std::move(types))));
    // Plans are kept by text, and shared by all sessions of a node.
    out->Int("generic_plans", 0).Int("custom_plans", 0);
  }
}

void OpenCursors(const CatalogContext& context, RowMaker* out) {
  if (context.session == nullptr) return;
  for (const CursorInfo& c : context.session->Cursors()) {
    out->New().Text("name", c.name).Text("statement", c.statement);
    out->Bool("is_holdable", c.holdable).Bool("is_binary", c.binary);
    out->Bool("is_scrollable", c.scrollable).Int("creation_time", c.made_us);
  }
}

void TimeZones(const CatalogContext& context, RowMaker* out) {
  for (const std::string& name : TimeZoneNames()) {
    TimeZone zone;
    if (!TimeZone::Find(name, &zone)) continue;
    const TimeZone::Local local = zone.At(context.now_us);
    Interval offset;
    offset.us = local.offset_s * int64_t{1'000'000};
    out->New().Text("name", name).Text("abbrev", local.abbreviation);
    out->Set("utc_offset", IntervalDatum(offset)).Bool("is_dst", local.is_dst);
  }
}

}  // namespace

namespace catalog_rows {

void AddServer(Makers* out) {
  (*out)["pg_database"] = Databases;
  (*out)["pg_shdescription"] = SharedDescriptions;
  (*out)["pg_roles"] = Roles;
  (*out)["pg_authid"] = AuthIds;
  (*out)["pg_auth_members"] = AuthMembers;
  (*out)["pg_group"] = Groups;
  (*out)["pg_user"] = Users;
  (*out)["pg_shadow"] = Shadow;
  (*out)["pg_tablespace"] = Tablespaces;
  (*out)["pg_language"] = Languages;
  (*out)["pg_settings"] = Settings;
  (*out)["pg_stat_activity"] = Activity;
  (*out)["pg_prepared_statements"] = PreparedStatements;
  (*out)["pg_cursors"] = OpenCursors;
  (*out)["pg_timezone_names"] = TimeZones;
}

}  // namespace catalog_rows

}  // namespace isochron::sql
