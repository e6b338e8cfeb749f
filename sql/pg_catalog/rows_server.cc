// SPDX-License-Identifier: Apache-2.0
//
// The database, its one owner, settings, and what PostgreSQL keeps beside them.
#include <utility>

#include "sql/pg_catalog/rows.h"
#include "sql/types/array.h"
#include "sql/types/catalog_types.h"
#include "sql/types/time_datum.h"
#include "sql/types/time_zone.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

Datum One(char c) { return Datum::String(std::string(1, c)); }

void Databases(const CatalogContext&, RowMaker* out) {
  out->New().Int("oid", kDatabaseOid).Text("datname", kDatabaseName).Int("datdba", kOwnerOid);
  out->Int("encoding", 6).Set("datlocprovider", One('c')).Bool("datallowconn", true);
  out->Int("datconnlimit", -1).Int("dattablespace", 1663);
  out->Text("datcollate", "C").Text("datctype", "C");
}

void Role(RowMaker* out) {
  out->New().Text("rolname", kOwnerName).Int("oid", kOwnerOid).Int("rolconnlimit", -1);
  for (const char* right : {"rolsuper", "rolinherit", "rolcreaterole", "rolcreatedb", "rolcanlogin",
                            "rolreplication", "rolbypassrls"}) {
    out->Bool(right, true);
  }
}
// Owns the schema public, as in PostgreSQL, and nothing else.
void DatabaseOwner(RowMaker* out) {
  out->New().Text("rolname", "pg_database_owner").Int("oid", kDatabaseOwnerOid);
  out->Int("rolconnlimit", -1).Bool("rolinherit", true);
  for (const char* right : {"rolsuper", "rolcreaterole", "rolcreatedb", "rolcanlogin",
                            "rolreplication", "rolbypassrls"}) {
    out->Bool(right, false);
  }
}
void Roles(const CatalogContext&, RowMaker* out) {
  Role(out);
  out->Text("rolpassword", "********");
  DatabaseOwner(out);
  out->Text("rolpassword", "********");
}
void AuthIds(const CatalogContext&, RowMaker* out) {
  Role(out);
  DatabaseOwner(out);
}

void User(RowMaker* out) {
  out->New().Text("usename", kOwnerName).Int("usesysid", kOwnerOid).Bool("usecreatedb", true);
  out->Bool("usesuper", true).Bool("userepl", true).Bool("usebypassrls", true);
}
void Users(const CatalogContext&, RowMaker* out) {
  User(out);
  out->Text("passwd", "********");
}
void Shadow(const CatalogContext&, RowMaker* out) { User(out); }

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
  out->New().Int("datid", kDatabaseOid).Text("datname", kDatabaseName);
  out->Int("pid", static_cast<int64_t>(context.session->id())).Int("usesysid", kOwnerOid);
  out->Text("usename", kOwnerName).Text("state", "active").Text("backend_type", "client backend");
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
  (*out)["pg_roles"] = Roles;
  (*out)["pg_authid"] = AuthIds;
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
