// SPDX-License-Identifier: Apache-2.0
//
// Relations, their columns, indexes and constraints.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sql/pg_catalog/describe.h"
#include "sql/pg_catalog/pg_types.h"
#include "sql/pg_catalog/rows.h"
#include "sql/types/array.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

constexpr int64_t kHeap = 2, kBtree = 403;
constexpr int64_t kClassOid = 1259, kConstraintOid = 2606, kAttrdefOid = 2604, kNamespaceOid = 2615;
constexpr int64_t kRewriteOid = 2618, kTypeOid = 1247;

Datum One(char c) { return Datum::String(std::string(1, c)); }

// The number of a column within its table. It stays when others are dropped.
int64_t AttributeNumber(const TableDescriptor& table, uint32_t position) {
  return table.columns[position].id;
}

// How many numbers have been given to columns that people see.
int64_t Attributes(const TableDescriptor& table) {
  int64_t most = 0;
  for (const ColumnDescriptor& c : table.columns) {
    if (!c.hidden) most = std::max<int64_t>(most, c.id);
  }
  return most;
}

bool HasForeignKeys(const CatalogRelation& r) {
  return r.table != nullptr && r.kind == 'r' &&
         (!r.table->foreign_keys.empty() || !r.table->referencing.empty());
}

bool HasIndex(const CatalogRelation& r) {
  return r.kind == 'r' && r.table != nullptr &&
         (!r.table->has_hidden_key() || !r.table->indexes.empty());
}

int64_t AttributesOf(const CatalogRelation& r) {
  if (r.system != nullptr) return r.system_columns;
  if (r.kind != 'i') return Attributes(*r.table);
  const IndexParts parts = PartsOf(r);
  return static_cast<int64_t>(parts.keys.size() + parts.include.size());
}

void Classes(const CatalogContext& context, RowMaker* out) {
  for (const CatalogRelation& r : context.snapshot->relations()) {
    out->New().Int("oid", r.oid).Text("relname", r.name).Int("relnamespace", r.schema);
    if (r.table != nullptr && r.table->acl.has_value() && r.kind != 'i') {
      out->Set("relacl", TextArray(AclTexts(context.snapshot->roles(), *r.table->acl)));
    }
    out->Int("relowner", RoleOid(r.table == nullptr ? kBootstrapRole : r.table->owner))
        .Int("relam", r.kind == 'r'   ? kHeap
                      : r.kind == 'i' ? kBtree
                                      : 0);
    out->Set("reltuples", Datum::Float(-1)).Bool("relhasindex", HasIndex(r));
    out->Set("relpersistence", One('p')).Set("relkind", One(r.kind));
    out->Int("relchecks", r.kind == 'r' && r.table != nullptr
                              ? static_cast<int64_t>(r.table->checks.size())
                              : 0);
    out->Int("relnatts", AttributesOf(r)).Bool("relhasrules", r.kind == 'v');
    out->Bool("relhastriggers", HasForeignKeys(r)).Bool("relispopulated", true);
    out->Set("relreplident", One(r.kind == 'r' && r.system == nullptr ? 'd' : 'n'));
  }
}

struct Attribute {
  int64_t relation = 0;
  int64_t number = 0;
  std::string name;
  Type type = Type::kUnknown;
  int32_t typmod = -1;
  bool not_null = false;
  const ColumnDescriptor* column = nullptr;
};

void AddAttribute(const Attribute& a, RowMaker* out) {
  const PgTypeFacts& facts = PgFactsOf(a.type);
  out->New().Int("attrelid", a.relation).Text("attname", a.name).Int("attnum", a.number);
  out->Int("atttypid", OidOf(a.type)).Int("attstattarget", -1).Int("attlen", SizeOf(a.type));
  out->Int("attndims", IsArray(a.type) ? 1 : 0).Int("attcacheoff", -1).Int("atttypmod", a.typmod);
  out->Bool("attbyval", facts.by_value).Set("attalign", One(facts.align));
  out->Set("attstorage", One(facts.storage)).Bool("attnotnull", a.not_null);
  out->Bool("attislocal", true).Int("attcollation", CollationOf(a.type));
  if (a.column == nullptr) return;
  // An identity column has none of its own.
  out->Bool("atthasdef",
            a.column->identity == Identity::kNone &&
                (a.column->default_kind != DefaultKind::kNone || !a.column->generated_sql.empty()));
  if (!a.column->generated_sql.empty()) out->Set("attgenerated", One('s'));
  if (a.column->identity != Identity::kNone) {
    out->Set("attidentity", One(a.column->identity == Identity::kAlways ? 'a' : 'd'));
  }
}

// A column that is gone: its number is never another's.
void AddDropped(int64_t relation, int64_t number, RowMaker* out) {
  const std::string name = "........pg.dropped." + std::to_string(number) + "........";
  out->New().Int("attrelid", relation).Text("attname", name).Int("attnum", number);
  out->Bool("attisdropped", true).Int("attstattarget", 0).Int("attcacheoff", -1);
  out->Int("atttypmod", -1).Bool("attislocal", true).Set("attalign", One('i'));
  out->Set("attstorage", One('p'));
}

void TableAttributes(const CatalogRelation& r, RowMaker* out) {
  int64_t next = 1;
  for (const ColumnDescriptor& c : r.table->columns) {
    if (c.hidden) continue;
    for (; next < c.id; ++next) AddDropped(r.oid, next, out);
    next = c.id + 1;
    AddAttribute({r.oid, c.id, c.name, c.type, c.typmod, c.not_null && !c.not_null_pending, &c},
                 out);
  }
}

void Attributes(const CatalogContext& context, RowMaker* out) {
  for (const CatalogRelation& r : context.snapshot->relations()) {
    if (r.system != nullptr) {
      int64_t number = 1;
      for (const SystemColumn& c : r.system->columns) {
        if (number > r.system_columns) break;
        AddAttribute({r.oid, number++, c.name, c.type, -1, false, nullptr}, out);
      }
    } else if (r.kind == 'i') {
      const IndexParts parts = PartsOf(r);
      std::vector<uint32_t> all = parts.keys;
      all.insert(all.end(), parts.include.begin(), parts.include.end());
      int64_t number = 1;
      for (uint32_t position : all) {
        const ColumnDescriptor& c = r.table->columns[position];
        AddAttribute({r.oid, number++, c.name, c.type, c.typmod, false, nullptr}, out);
      }
    } else {
      TableAttributes(r, out);
    }
  }
}

void Defaults(const CatalogContext& context, RowMaker* out) {
  for (const TablePtr& t : context.snapshot->tables()) {
    for (const ColumnDescriptor& c : t->columns) {
      const std::string sql = DefaultSql(*context.snapshot, c);
      if (sql.empty() || c.hidden) continue;
      out->New().Int("oid", DefaultOid(t->id, c.id)).Int("adrelid", TableOid(t->id));
      out->Int("adnum", c.id).Text("adbin", sql);
    }
  }
}

void Indexes(const CatalogContext& context, RowMaker* out) {
  for (const CatalogRelation& r : context.snapshot->relations()) {
    if (r.kind != 'i') continue;
    const IndexParts parts = PartsOf(r);
    std::vector<int64_t> keys, collations, classes;
    std::vector<std::string> expressions;
    for (uint32_t position : parts.keys) {
      const Type type = r.table->columns[position].type;
      const std::string& computed = r.table->columns[position].computed_sql;
      keys.push_back(computed.empty() ? AttributeNumber(*r.table, position) : 0);
      if (!computed.empty()) expressions.push_back(computed);
      collations.push_back(CollationOf(type));
      classes.push_back(PgFactsOf(type).operator_class);
    }
    for (uint32_t position : parts.include) {
      keys.push_back(AttributeNumber(*r.table, position));
    }
    out->New().Int("indexrelid", r.oid).Int("indrelid", TableOid(r.table->id));
    out->Int("indnatts", static_cast<int64_t>(keys.size()));
    out->Int("indnkeyatts", static_cast<int64_t>(parts.keys.size()));
    out->Bool("indisunique", parts.unique).Bool("indisprimary", r.is_primary());
    out->Bool("indimmediate", true).Bool("indisvalid", parts.ready);
    out->Bool("indisready", true).Bool("indislive", true).Set("indkey", VectorOf(keys));
    out->Set("indcollation", VectorOf(collations)).Set("indclass", VectorOf(classes));
    out->Set("indoption", VectorOf(parts.options));
    if (!expressions.empty()) out->Text("indexprs", absl::StrJoin(expressions, ", "));
    if (r.index != nullptr && !r.index->predicate_sql.empty()) {
      out->Text("indpred", absl::StrCat("(", r.index->predicate_sql, ")"));
    }
  }
}

Datum Numbers(const std::vector<int64_t>& numbers) {
  std::vector<Datum> out;
  for (int64_t n : numbers) out.push_back(Datum::Int(n));
  return ArrayDatum(MakeVector(std::move(out)));
}

// The columns that a constraint is about.
std::vector<int64_t> KeyOf(const CatalogConstraint& c) {
  std::vector<int64_t> out;
  for (uint32_t p : ConstraintColumns(c)) out.push_back(AttributeNumber(*c.table, p));
  return out;
}

void Constraints(const CatalogContext& context, RowMaker* out) {
  for (const CatalogConstraint& c : context.snapshot->constraints()) {
    out->New().Int("oid", c.oid).Text("conname", c.name).Set("contype", One(c.kind));
    out->Int("connamespace", SchemaOid(SchemaOf(*c.table))).Bool("convalidated", true);
    out->Int("conrelid", c.relation).Int("conindid", c.index).Bool("conislocal", true);
    out->Bool("connoinherit", c.kind != 'c');
    for (const char* action : {"confupdtype", "confdeltype", "confmatchtype"}) {
      out->Set(action, One(' '));
    }
    if (c.kind == 'c') out->Bool("convalidated", c.table->checks[c.check].validated);
    if (const std::vector<int64_t> key = KeyOf(c); !key.empty()) out->Set("conkey", Numbers(key));
    if (c.kind != 'f') continue;
    const ForeignKey& key = *c.foreign_key;
    std::vector<int64_t> parents(key.parent_columns.begin(), key.parent_columns.end());
    out->Int("confrelid", TableOid(key.parent)).Set("confkey", Numbers(parents));
    out->Set("confupdtype", One(static_cast<char>(key.on_update)));
    out->Set("confdeltype", One(static_cast<char>(key.on_delete)));
    out->Bool("condeferrable", key.deferrable).Bool("condeferred", key.deferred);
    out->Set("confmatchtype", One(key.match_full ? 'f' : 's')).Bool("convalidated", key.validated);
  }
}

void Sequences(const CatalogContext& context, RowMaker* out) {
  for (const CatalogRelation& r : context.snapshot->relations()) {
    if (r.kind != 'S') continue;
    const SequenceOptions& s = r.table->sequence;
    out->New().Int("seqrelid", r.oid).Int("seqtypid", OidOf(s.type)).Int("seqstart", s.start);
    out->Int("seqincrement", s.increment).Int("seqmax", s.max).Int("seqmin", s.min);
    out->Int("seqcache", s.cache).Bool("seqcycle", s.cycle);
  }
}

void Descriptions(const CatalogContext& context, RowMaker* out) {
  auto add = [&](int64_t object, int64_t of, int64_t column, const std::string& text) {
    if (text.empty()) return;
    out->New().Int("objoid", object).Int("classoid", of).Int("objsubid", column);
    out->Text("description", text);
  };
  for (const TablePtr& t : context.snapshot->tables()) {
    for (const ColumnDescriptor& c : t->columns) add(TableOid(t->id), kClassOid, c.id, c.comment);
  }
  for (const CatalogRelation& r : context.snapshot->relations()) {
    add(r.oid, kClassOid, 0, CommentOf(r));
  }
  for (const CatalogConstraint& c : context.snapshot->constraints()) {
    add(c.oid, kConstraintOid, 0, CommentOf(c));
  }
  for (const CatalogType& t : context.snapshot->types()) {
    if (!IsArray(t.type)) add(t.oid, kTypeOid, 0, t.description->comment);
  }
  for (const auto& [schema, comment] : context.snapshot->comments()) {
    add(schema, kNamespaceOid, 0, comment);
  }
}

void Namespaces(const CatalogContext& context, RowMaker* out) {
  for (const CatalogSchema& s : context.snapshot->schemas()) {
    out->New().Int("oid", s.oid).Text("nspname", s.name);
    const TablePtr made = context.snapshot->SchemaDescription(s.oid);
    const RoleCatalog& roles = context.snapshot->roles();
    uint64_t owner = made == nullptr ? kBootstrapRole : made->owner;
    std::optional<Acl> acl = made == nullptr ? std::nullopt : made->acl;
    if (s.oid == kPublicOid) {
      owner = kDatabaseOwnerRole;
      acl = context.snapshot->database().public_acl.value_or(DefaultPublicAcl());
    }
    out->Int("nspowner", RoleOid(owner));
    if (acl.has_value()) out->Set("nspacl", TextArray(AclTexts(roles, *acl)));
  }
}

// A view's query stands in a rule of its own, on which pg_dump hangs what the view reads.
void Rules(const CatalogContext& context, RowMaker* out) {
  for (const TablePtr& t : context.snapshot->tables()) {
    if (t->kind != RelationKind::kView) continue;
    out->New().Int("oid", RuleOid(t->id)).Text("rulename", "_RETURN");
    out->Int("ev_class", TableOid(t->id)).Set("ev_type", One('1')).Set("ev_enabled", One('O'));
    out->Bool("is_instead", true);
  }
}

// What goes with what: an index with its constraint, a foreign key with the tables, a default with
// its sequence, a view with what it reads.
void Dependencies(const CatalogContext& context, RowMaker* out) {
  auto add = [&](int64_t class_of, int64_t object, int64_t ref_class, int64_t ref, int64_t column,
                 char type) {
    out->New().Int("classid", class_of).Int("objid", object).Int("refclassid", ref_class);
    out->Int("refobjid", ref).Int("refobjsubid", column).Set("deptype", One(type));
  };
  for (const CatalogConstraint& c : context.snapshot->constraints()) {
    for (int64_t column : KeyOf(c)) {
      add(kConstraintOid, c.oid, kClassOid, c.relation, column, 'a');
    }
    if (c.kind == 'p' || c.kind == 'u') add(kClassOid, c.index, kConstraintOid, c.oid, 0, 'i');
    if (c.kind == 'f') {
      for (uint32_t column : c.foreign_key->parent_columns) {
        add(kConstraintOid, c.oid, kClassOid, TableOid(c.foreign_key->parent), column, 'n');
      }
    }
  }
  for (const TablePtr& t : context.snapshot->tables()) {
    for (const ColumnDescriptor& c : t->columns) {
      const std::string sql = DefaultSql(*context.snapshot, c);
      if (sql.empty()) continue;
      add(kAttrdefOid, DefaultOid(t->id, c.id), kClassOid, TableOid(t->id), c.id, 'a');
      for (const CatalogRelation* sequence : SequencesIn(*context.snapshot, sql)) {
        add(kAttrdefOid, DefaultOid(t->id, c.id), kClassOid, sequence->oid, 0, 'n');
      }
    }
    if (t->kind == RelationKind::kView) {
      add(kRewriteOid, RuleOid(t->id), kClassOid, TableOid(t->id), 0, 'i');
    }
    for (const Dependency& d : t->depends_on) {
      add(kRewriteOid, RuleOid(t->id), kClassOid, TableOid(d.relation), 0, 'n');
    }
    if (t->kind != RelationKind::kSequence || t->owner_table.value == 0) continue;
    const TablePtr owner = context.snapshot->Table(t->owner_table);
    const int at = owner == nullptr ? -1 : owner->FindColumnId(t->owner_column);
    if (at < 0) continue;
    const bool identity = owner->columns[static_cast<size_t>(at)].identity != Identity::kNone;
    add(kClassOid, TableOid(t->id), kClassOid, TableOid(owner->id), t->owner_column,
        identity ? 'i' : 'a');
  }
  for (const CatalogRelation& r : context.snapshot->relations()) {
    if (r.kind != 'i' || r.index == nullptr || r.index->constraint) continue;
    for (const IndexColumn& c : r.index->columns) {
      if (!r.table->columns[c.column].computed_sql.empty()) continue;
      add(kClassOid, r.oid, kClassOid, TableOid(r.table->id), AttributeNumber(*r.table, c.column),
          'a');
    }
  }
}

}  // namespace

namespace catalog_rows {

void AddRelations(Makers* out) {
  (*out)["pg_class"] = Classes;
  (*out)["pg_attribute"] = Attributes;
  (*out)["pg_attrdef"] = Defaults;
  (*out)["pg_index"] = Indexes;
  (*out)["pg_constraint"] = Constraints;
  (*out)["pg_namespace"] = Namespaces;
  (*out)["pg_rewrite"] = Rules;
  (*out)["pg_depend"] = Dependencies;
  (*out)["pg_sequence"] = Sequences;
  (*out)["pg_description"] = Descriptions;
}

}  // namespace catalog_rows

}  // namespace isochron::sql
