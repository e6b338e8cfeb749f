// SPDX-License-Identifier: Apache-2.0
//
// Types, and what PostgreSQL hangs on them: casts, collations, access methods, operator classes.
#include <set>

#include "absl/strings/str_cat.h"
#include "sql/binder/cast.h"
#include "sql/pg_catalog/functions.h"
#include "sql/pg_catalog/pg_types.h"
#include "sql/pg_catalog/rows.h"
#include "sql/types/array.h"
#include "sql/types/catalog_types.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

constexpr int64_t kBtree = 403;

Datum One(char c) { return Datum::String(std::string(1, c)); }

Datum Proc(absl::string_view prefix, absl::string_view suffix) {
  const std::string name = absl::StrCat(prefix, suffix);
  return NamedOid(CatalogFunctionOid(name), name);
}

void AddType(Type t, int64_t schema, uint64_t owner, RowMaker* out) {
  const PgTypeFacts& facts = PgFactsOf(t);
  const Type element = ArrayElement(t);
  out->New().Int("oid", OidOf(t)).Text("typname", PgTypeName(t));
  out->Int("typnamespace", schema).Int("typowner", RoleOid(owner)).Int("typlen", SizeOf(t));
  out->Bool("typbyval", facts.by_value)
      .Set("typtype", One(t == Type::kUnknown ? 'p'
                          : IsEnum(t)         ? 'e'
                                              : 'b'));
  out->Set("typcategory", One(CategoryOf(t))).Bool("typispreferred", IsPreferred(t));
  out->Bool("typisdefined", true).Set("typdelim", One(','));
  out->Int("typelem", element == Type::kUnknown ? (t == Type::kName ? 18 : 0) : OidOf(element));
  out->Int("typarray", IsArray(t) ? 0 : OidOf(ArrayOf(t)));
  if (element != Type::kUnknown) {
    out->Set("typsubscript", NamedOid(6179, "array_subscript_handler"));
  }
  out->Set("typinput", Proc(facts.prefix, "in")).Set("typoutput", Proc(facts.prefix, "out"));
  out->Set("typreceive", Proc(facts.prefix, "recv")).Set("typsend", Proc(facts.prefix, "send"));
  out->Set("typalign", One(facts.align)).Set("typstorage", One(facts.storage));
  out->Int("typtypmod", -1).Int("typcollation", CollationOf(t));
  for (const char* none : {"typmodin", "typmodout", "typanalyze"}) out->Set(none, NamedOid(0, "-"));
}

void Types(const CatalogContext& context, RowMaker* out) {
  for (uint8_t i = 0; i < kTypeCount; ++i) {
    const Type t = static_cast<Type>(i);
    if (!IsReady(t)) continue;
    AddType(t, kPgCatalogOid, kBootstrapRole, out);
    if (IsReady(ArrayOf(t))) AddType(ArrayOf(t), kPgCatalogOid, kBootstrapRole, out);
  }
  for (const CatalogType& t : context.snapshot->types()) {
    AddType(t.type, SchemaOid(SchemaOf(*t.description)), t.description->owner, out);
  }
}

void Enums(const CatalogContext& context, RowMaker* out) {
  for (const CatalogType& t : context.snapshot->types()) {
    if (!IsEnum(t.type)) continue;
    int64_t order = 0;
    for (const EnumLabel& label : t.description->labels) {
      out->New().Int("oid", HashedOid(absl::StrCat("label ", t.oid, " ", label.place)));
      out->Int("enumtypid", t.oid).Set("enumsortorder", Datum::Float(static_cast<double>(++order)));
      out->Text("enumlabel", label.name);
    }
  }
}

void Casts(const CatalogContext&, RowMaker* out) {
  int64_t oid = 10100;
  for (uint8_t f = 0; f < kTypeCount; ++f) {
    for (uint8_t t = 0; t < kTypeCount; ++t) {
      const Cast* cast = FindCast(static_cast<Type>(f), static_cast<Type>(t));
      if (cast == nullptr || !IsReady(cast->from) || !IsReady(cast->to)) continue;
      out->New().Int("oid", oid++).Int("castsource", OidOf(cast->from));
      out->Int("casttarget", OidOf(cast->to));
      out->Set("castcontext", One(cast->context == CastContext::kImplicit     ? 'i'
                                  : cast->context == CastContext::kAssignment ? 'a'
                                                                              : 'e'));
      out->Set("castmethod", One(cast->fn == nullptr ? 'b' : 'f'));
    }
  }
}

void Collations(const CatalogContext&, RowMaker* out) {
  for (const auto& [oid, name] :
       {std::pair<int64_t, const char*>{100, "default"}, {950, "C"}, {951, "POSIX"}}) {
    out->New().Int("oid", oid).Text("collname", name).Int("collnamespace", kPgCatalogOid);
    out->Int("collowner", kOwnerOid).Set("collprovider", One(oid == 100 ? 'd' : 'c'));
    out->Bool("collisdeterministic", true).Int("collencoding", -1);
    if (oid == 100) continue;
    out->Text("collcollate", name).Text("collctype", name);
  }
}

void AccessMethods(const CatalogContext&, RowMaker* out) {
  out->New().Int("oid", 2).Text("amname", "heap").Set("amtype", One('t'));
  out->Set("amhandler", NamedOid(3, "heap_tableam_handler"));
  out->New().Int("oid", kBtree).Text("amname", "btree").Set("amtype", One('i'));
  out->Set("amhandler", NamedOid(330, "bthandler"));
}

void OperatorClasses(const CatalogContext&, RowMaker* out) {
  std::set<int32_t> seen;
  for (uint8_t i = 0; i < kTypeCount; ++i) {
    const Type t = static_cast<Type>(i);
    const PgTypeFacts& facts = PgFactsOf(t);
    if (!IsReady(t) || facts.operator_class == 0 || !seen.insert(facts.operator_class).second) {
      continue;
    }
    out->New().Int("oid", facts.operator_class).Int("opcmethod", kBtree);
    out->Text("opcname", facts.operator_class_name).Int("opcnamespace", kPgCatalogOid);
    out->Int("opcowner", kOwnerOid).Int("opcfamily", facts.operator_family);
    out->Int("opcintype", OidOf(t)).Bool("opcdefault", true);
  }
}

void OperatorFamilies(const CatalogContext&, RowMaker* out) {
  std::set<int32_t> seen;
  for (uint8_t i = 0; i < kTypeCount; ++i) {
    const PgTypeFacts& facts = PgFactsOf(static_cast<Type>(i));
    if (!IsReady(static_cast<Type>(i)) || facts.operator_family == 0 ||
        !seen.insert(facts.operator_family).second) {
      continue;
    }
    out->New().Int("oid", facts.operator_family).Int("opfmethod", kBtree);
    out->Text("opfname", facts.operator_class_name).Int("opfnamespace", kPgCatalogOid);
    out->Int("opfowner", kOwnerOid);
  }
}

}  // namespace

namespace catalog_rows {

void AddTypes(Makers* out) {
  (*out)["pg_type"] = Types;
  (*out)["pg_enum"] = Enums;
  (*out)["pg_cast"] = Casts;
  (*out)["pg_collation"] = Collations;
  (*out)["pg_am"] = AccessMethods;
  (*out)["pg_opclass"] = OperatorClasses;
  (*out)["pg_opfamily"] = OperatorFamilies;
}

}  // namespace catalog_rows

}  // namespace isochron::sql
