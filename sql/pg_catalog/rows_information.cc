// SPDX-License-Identifier: Apache-2.0
//
// information_schema.
#include <algorithm>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "sql/catalog/full_name.h"
#include "sql/catalog/system_tables.h"
#include "sql/pg_catalog/describe.h"
#include "sql/pg_catalog/rows.h"
#include "sql/types/array.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

std::string SchemaName(const CatalogContext& context, const CatalogRelation& r) {
  const CatalogSchema* schema = context.snapshot->Schema(r.schema);
  return schema == nullptr ? "" : schema->name;
}

const std::string& DatabaseName(const CatalogContext& context) {
  return context.snapshot->database().name;
}

void CatalogName(const CatalogContext& context, RowMaker* out) {
  out->New().Text("catalog_name", DatabaseName(context));
}

void Schemata(const CatalogContext& context, RowMaker* out) {
  for (const CatalogSchema& s : context.snapshot->schemas()) {
    out->New().Text("catalog_name", DatabaseName(context)).Text("schema_name", s.name);
    out->Text("schema_owner", kOwnerName);
  }
}

void Tables(const CatalogContext& context, RowMaker* out) {
  auto add = [&](const std::string& schema, absl::string_view name, const char* type, bool insert) {
    out->New().Text("table_catalog", DatabaseName(context)).Text("table_schema", schema);
    out->Text("table_name", name).Text("table_type", type).YesNo("is_insertable_into", insert);
    out->YesNo("is_typed", false);
  };
  for (const CatalogRelation& r : context.snapshot->relations()) {
    if (r.kind != 'r' && r.kind != 'v') continue;
    add(SchemaName(context, r), r.name, r.kind == 'v' ? "VIEW" : "BASE TABLE", r.kind == 'r');
  }
  for (const SystemTableDef& def : SystemTableDefs()) {
    add("isochron", def.name, "SYSTEM VIEW", false);
  }
}

// Lengths, precisions: what the type and its modifier say.
void TypeFacts(const CatalogContext& context, Type type, int32_t typmod, RowMaker* out) {
  const Type element = ArrayElement(type);
  const EnumType* made = EnumOf(type);
  out->Text("data_type", element != Type::kUnknown ? "ARRAY"
                         : made != nullptr         ? "USER-DEFINED"
                                                   : TypeName(type));
  out->Text("udt_catalog", DatabaseName(context));
  out->Text("udt_schema", made == nullptr ? "pg_catalog" : SchemaIn(made->full_name));
  out->Text("udt_name", PgTypeName(type));
  auto number = [&](int64_t precision, int64_t radix, int64_t scale) {
    out->Int("numeric_precision", precision).Int("numeric_precision_radix", radix);
    if (scale >= 0) out->Int("numeric_scale", scale);
  };
  switch (type) {
    case Type::kInt2:
      return number(16, 2, 0);
    case Type::kInt4:
      return number(32, 2, 0);
    case Type::kInt8:
      return number(64, 2, 0);
    case Type::kFloat4:
      return number(24, 2, -1);
    case Type::kFloat8:
      return number(53, 2, -1);
    case Type::kNumeric:
      if (typmod >= 0) return number((typmod - 4) >> 16, 10, (typmod - 4) & 0x7ff);
      out->Int("numeric_precision_radix", 10);
      return;
    case Type::kVarchar:
    case Type::kBpchar:
      if (typmod >= 0) out->Int("character_maximum_length", typmod - 4);
      out->Int("character_octet_length",
               typmod >= 0 ? std::min<int64_t>(4 * int64_t{typmod - 4}, 1 << 30) : 1 << 30);
      return;
    case Type::kText:
      out->Int("character_octet_length", 1 << 30);
      return;
    case Type::kDate:
      out->Int("datetime_precision", 0);
      return;
    case Type::kTime:
    case Type::kTimetz:
    case Type::kTimestamp:
    case Type::kTimestamptz:
    case Type::kInterval:
      out->Int("datetime_precision", typmod >= 0 && type != Type::kInterval ? typmod : 6);
      return;
    default:
      return;
  }
}

void ColumnRow(const CatalogContext& context, const std::string& schema, absl::string_view table,
               absl::string_view column, int64_t ordinal, Type type, int32_t typmod,
               RowMaker* out) {
  out->New().Text("table_catalog", DatabaseName(context)).Text("table_schema", schema);
  out->Text("table_name", table).Text("column_name", column).Int("ordinal_position", ordinal);
  out->YesNo("is_nullable", true).YesNo("is_self_referencing", false).YesNo("is_identity", false);
  out->YesNo("identity_cycle", false).Text("is_generated", "NEVER");
  out->Text("dtd_identifier", absl::StrCat(ordinal)).YesNo("is_updatable", true);
  TypeFacts(context, type, typmod, out);
}

void DescribeDefault(const ColumnDescriptor& c, const std::string& sql, RowMaker* out) {
  if (c.generated_sql.empty()) {
    out->Text("column_default", sql);
  } else {
    out->Text("is_generated", "ALWAYS").Text("generation_expression", sql);
  }
}

void Columns(const CatalogContext& context, RowMaker* out) {
  for (const CatalogRelation& r : context.snapshot->relations()) {
    if (r.kind != 'r' && r.kind != 'v') continue;
    const std::string schema = SchemaName(context, r);
    int64_t ordinal = 0;
    if (r.system != nullptr) {
      for (const SystemColumn& c : r.system->columns) {
        if (++ordinal > r.system_columns) break;
        ColumnRow(context, schema, r.name, c.name, ordinal, c.type, -1, out);
      }
      continue;
    }
    for (size_t i = 0; i < r.table->columns.size(); ++i) {
      const ColumnDescriptor& c = r.table->columns[i];
      if (c.hidden) continue;
      ColumnRow(context, schema, r.name, c.name, ++ordinal, c.type, c.typmod, out);
      out->YesNo("is_nullable", !c.not_null);
      if (const std::string sql = DefaultSql(*context.snapshot, c); !sql.empty()) {
        DescribeDefault(c, sql, out);
      }
      if (c.identity != Identity::kNone) {
        out->YesNo("is_identity", true);
        out->Text("identity_generation", c.identity == Identity::kAlways ? "ALWAYS" : "BY DEFAULT");
      }
      const int key = r.table->KeyPosition(static_cast<uint32_t>(i));
      if (key >= 0) out->Int("key_position", key + 1);
    }
  }
}

void Place(const CatalogContext& context, const CatalogConstraint& c, RowMaker* out) {
  out->New().Text("constraint_catalog", DatabaseName(context));
  out->Text("constraint_schema", SchemaOf(*c.table)).Text("constraint_name", c.name);
}
void PlaceOfTable(const CatalogContext& context, const TableDescriptor& t, RowMaker* out) {
  out->Text("table_catalog", DatabaseName(context)).Text("table_schema", SchemaOf(t));
  out->Text("table_name", t.local_name());
}

void TableConstraints(const CatalogContext& context, RowMaker* out) {
  for (const CatalogConstraint& c : context.snapshot->constraints()) {
    Place(context, c, out);
    PlaceOfTable(context, *c.table, out);
    out->Text("constraint_type", c.kind == 'p'   ? "PRIMARY KEY"
                                 : c.kind == 'u' ? "UNIQUE"
                                 : c.kind == 'f' ? "FOREIGN KEY"
                                                 : "CHECK");
    out->YesNo("is_deferrable", c.kind == 'f' && c.foreign_key->deferrable);
    out->YesNo("initially_deferred", c.kind == 'f' && c.foreign_key->deferred);
    out->YesNo("enforced", true);
    if (c.kind == 'u') out->YesNo("nulls_distinct", true);
  }
}

void KeyColumns(const CatalogContext& context, RowMaker* out) {
  for (const CatalogConstraint& c : context.snapshot->constraints()) {
    int64_t ordinal = 0;
    if (c.kind == 'c') continue;
    for (uint32_t position : ConstraintColumns(c)) {
      Place(context, c, out);
      PlaceOfTable(context, *c.table, out);
      out->Text("column_name", c.table->columns[position].name).Int("ordinal_position", ++ordinal);
      if (c.kind == 'f') out->Int("position_in_unique_constraint", ordinal);
    }
  }
}

void ConstraintUsage(const CatalogContext& context, RowMaker* out) {
  for (const CatalogConstraint& c : context.snapshot->constraints()) {
    auto add = [&](const TableDescriptor& t, const std::string& column) {
      Place(context, c, out);
      PlaceOfTable(context, t, out);
      out->Text("column_name", column);
    };
    if (c.kind == 'f') {
      if (c.parent == nullptr) continue;
      for (uint32_t id : c.foreign_key->parent_columns) {
        const int at = c.parent->FindColumnId(id);
        if (at >= 0) add(*c.parent, c.parent->columns[static_cast<size_t>(at)].name);
      }
      continue;
    }
    for (uint32_t p : ConstraintColumns(c)) add(*c.table, c.table->columns[p].name);
  }
}

const char* Rule(ForeignKeyAction action) {
  switch (action) {
    case ForeignKeyAction::kNoAction:
      return "NO ACTION";
    case ForeignKeyAction::kRestrict:
      return "RESTRICT";
    case ForeignKeyAction::kCascade:
      return "CASCADE";
    case ForeignKeyAction::kSetNull:
      return "SET NULL";
    case ForeignKeyAction::kSetDefault:
      return "SET DEFAULT";
  }
  return "NO ACTION";
}

void Referential(const CatalogContext& context, RowMaker* out) {
  for (const CatalogConstraint& c : context.snapshot->constraints()) {
    if (c.kind != 'f') continue;
    Place(context, c, out);
    out->Text("match_option", c.foreign_key->match_full ? "FULL" : "NONE");
    out->Text("update_rule", Rule(c.foreign_key->on_update));
    out->Text("delete_rule", Rule(c.foreign_key->on_delete));
    for (const CatalogConstraint& unique : context.snapshot->constraints()) {
      if (unique.index != c.index || unique.kind == 'f' || c.index == 0) continue;
      out->Text("unique_constraint_catalog", DatabaseName(context));
      out->Text("unique_constraint_schema", SchemaOf(*unique.table));
      out->Text("unique_constraint_name", unique.name);
    }
  }
}

void Checks(const CatalogContext& context, RowMaker* out) {
  for (const CatalogConstraint& c : context.snapshot->constraints()) {
    if (c.kind != 'c') continue;
    Place(context, c, out);
    out->Text("check_clause", absl::StrCat("(", CheckSql(c), ")"));
  }
  for (const TablePtr& t : context.snapshot->tables()) {
    for (const ColumnDescriptor& c : t->columns) {
      if (!c.not_null || c.hidden) continue;
      out->New().Text("constraint_catalog", DatabaseName(context));
      out->Text("constraint_schema", SchemaOf(*t));
      out->Text("constraint_name",
                absl::StrCat(kPublicOid, "_", TableOid(t->id), "_", c.id, "_not_null"));
      out->Text("check_clause", absl::StrCat(c.name, " IS NOT NULL"));
    }
  }
}

void Views(const CatalogContext& context, RowMaker* out) {
  for (const CatalogRelation& r : context.snapshot->relations()) {
    if (r.kind != 'v') continue;
    out->New()
        .Text("table_catalog", DatabaseName(context))
        .Text("table_schema", SchemaName(context, r));
    out->Text("table_name", r.name).Text("check_option", "NONE");
    if (r.table != nullptr) out->Text("view_definition", ViewSql(*r.table));
    for (const char* no : {"is_updatable", "is_insertable_into", "is_trigger_updatable",
                           "is_trigger_deletable", "is_trigger_insertable_into"}) {
      out->YesNo(no, false);
    }
  }
}

void Sequences(const CatalogContext& context, RowMaker* out) {
  for (const CatalogRelation& r : context.snapshot->relations()) {
    if (r.kind != 'S') continue;
    const SequenceOptions& s = r.table->sequence;
    out->New().Text("sequence_catalog", DatabaseName(context));
    out->Text("sequence_schema", SchemaName(context, r)).Text("sequence_name", r.name);
    out->Text("data_type", TypeName(s.type)).Int("numeric_precision", 8 * SizeOf(s.type));
    out->Int("numeric_precision_radix", 2).Int("numeric_scale", 0);
    out->Text("start_value", absl::StrCat(s.start)).Text("minimum_value", absl::StrCat(s.min));
    out->Text("maximum_value", absl::StrCat(s.max)).Text("increment", absl::StrCat(s.increment));
    out->YesNo("cycle_option", s.cycle);
  }
}

// The roles that whoever asks acts for.
std::set<uint64_t> Enabled(const CatalogContext& context) {
  const RoleCatalog& roles = context.snapshot->roles();
  const std::string user =
      context.session == nullptr ? kBootstrapRoleName : context.session->current_user();
  const std::optional<uint64_t> id = roles.IdOf(user);
  if (!id.has_value()) return {};
  if (!roles.IsSuperuser(*id)) return roles.Has(*id, true);
  std::set<uint64_t> all = {kBootstrapRole, kDatabaseOwnerRole};
  for (const Role& r : roles.roles) all.insert(r.id);
  return all;
}

void AddPrivileges(const CatalogContext& context, bool with_public, RowMaker* out) {
  const RoleCatalog& roles = context.snapshot->roles();
  const std::set<uint64_t> enabled = Enabled(context);
  for (const CatalogRelation& r : context.snapshot->relations()) {
    if (r.table == nullptr || (r.kind != 'r' && r.kind != 'v')) continue;
    for (const AclItem& item : r.table->EffectiveAcl()) {
      const bool to_all = item.grantee == kPublicRole;
      const bool seen =
          enabled.contains(item.grantor) || (to_all ? with_public : enabled.contains(item.grantee));
      if (!seen || (to_all && !with_public)) continue;
      for (uint32_t right : EachRight(item.rights)) {
        const std::string name = NameOfRight(right);
        const bool option = (item.options & right) != 0 || item.grantee == r.table->owner;
        out->New().Text("grantor", roles.NameOf(item.grantor));
        out->Text("grantee", to_all ? "PUBLIC" : roles.NameOf(item.grantee));
        out->Text("table_catalog", DatabaseName(context))
            .Text("table_schema", SchemaName(context, r));
        out->Text("table_name", r.name).Text("privilege_type", name);
        out->YesNo("is_grantable", option).YesNo("with_hierarchy", name == "SELECT");
      }
    }
  }
}
void TablePrivileges(const CatalogContext& context, RowMaker* out) {
  AddPrivileges(context, true, out);
}
void RoleTableGrants(const CatalogContext& context, RowMaker* out) {
  AddPrivileges(context, false, out);
}

void EnabledRoles(const CatalogContext& context, RowMaker* out) {
  for (uint64_t id : Enabled(context)) {
    out->New().Text("role_name", context.snapshot->roles().NameOf(id));
  }
}

void ApplicableRoles(const CatalogContext& context, RowMaker* out) {
  const std::set<uint64_t> enabled = Enabled(context);
  const RoleCatalog& roles = context.snapshot->roles();
  for (const Role& r : roles.roles) {
    for (const RoleMembership& m : r.member_of) {
      if (!enabled.contains(r.id)) continue;
      out->New().Text("grantee", r.name).Text("role_name", roles.NameOf(m.role));
      out->YesNo("is_grantable", m.admin);
    }
  }
}

}  // namespace

namespace catalog_rows {

void AddInformation(Makers* out) {
  (*out)["information_schema_catalog_name"] = CatalogName;
  (*out)["schemata"] = Schemata;
  (*out)["tables"] = Tables;
  (*out)["columns"] = Columns;
  (*out)["table_constraints"] = TableConstraints;
  (*out)["key_column_usage"] = KeyColumns;
  (*out)["constraint_column_usage"] = ConstraintUsage;
  (*out)["referential_constraints"] = Referential;
  (*out)["check_constraints"] = Checks;
  (*out)["views"] = Views;
  (*out)["sequences"] = Sequences;
  (*out)["table_privileges"] = TablePrivileges;
  (*out)["role_table_grants"] = RoleTableGrants;
  (*out)["applicable_roles"] = ApplicableRoles;
  (*out)["enabled_roles"] = EnabledRoles;
}

}  // namespace catalog_rows

}  // namespace isochron::sql
