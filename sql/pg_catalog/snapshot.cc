// SPDX-License-Identifier: Apache-2.0
#include "sql/pg_catalog/snapshot.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sql/catalog/databases.h"
#include "sql/catalog/full_name.h"
#include "sql/types/quote.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

// The number at `at` within the table's, where it is one of `most`.
int64_t Within(TableId id, int64_t at, uint64_t number, uint64_t most, int64_t step,
               const char* what) {
  if (id.value >= kMostTables || number >= most) {
    return HashedOid(absl::StrCat(what, " ", id.value, " ", number));
  }
  return TableOid(id) + at + static_cast<int64_t>(number) * step;
}

// The unique index over those columns (ids); the primary key's where none is found.
int64_t ReferencedIndex(const TableDescriptor& parent, const std::vector<uint32_t>& ids) {
  const std::set<uint32_t> wanted(ids.begin(), ids.end());
  for (const IndexDescriptor& index : parent.indexes) {
    std::set<uint32_t> columns;
    for (const IndexColumn& c : index.columns) columns.insert(parent.columns[c.column].id);
    if (parent.IsKey(index) && columns == wanted) return IndexOid(parent.id, index.id);
  }
  return PrimaryIndexOid(parent.id);
}

}  // namespace

int64_t PrimaryIndexOid(TableId id) { return Within(id, 1, 0, 1, 1, "primary"); }
int64_t PrimaryConstraintOid(TableId id) { return Within(id, 2, 0, 1, 1, "primary key"); }
int64_t RuleOid(TableId view) { return Within(view, 3, 0, 1, 1, "rule"); }
int64_t IndexOid(TableId id, uint64_t index) { return Within(id, 16, index, 120, 2, "index"); }
int64_t ConstraintOid(TableId id, uint64_t number) {
  return Within(id, 17, number, 119, 2, "constraint");
}
int64_t DefaultOid(TableId id, uint32_t column) {
  return Within(id, 256, column, 512, 1, "default");
}
int64_t CheckOid(TableId id, size_t number) { return Within(id, 768, number, 256, 1, "check"); }

int64_t SchemaOid(absl::string_view name) {
  if (name.empty() || name == "public") return kPublicOid;
  if (name == "pg_catalog") return kPgCatalogOid;
  if (name == "information_schema") return kInformationSchemaOid;
  return HashedOid(absl::StrCat("schema ", name));
}

int64_t RoleOid(uint64_t role) {
  if (role == kBootstrapRole) return kOwnerOid;
  if (role == kPublicRole) return 0;
  return role == kDatabaseOwnerRole ? kDatabaseOwnerOid : TableOid(TableId(role));
}

std::optional<uint64_t> RoleOfOid(const RoleCatalog& roles, int64_t oid) {
  if (oid == kOwnerOid) return kBootstrapRole;
  if (oid == kDatabaseOwnerOid) return kDatabaseOwnerRole;
  for (const Role& r : roles.roles) {
    if (RoleOid(r.id) == oid) return r.id;
  }
  return std::nullopt;
}

TablePtr CatalogSnapshot::SchemaDescription(int64_t oid) const {
  const auto it = schema_descriptions_.find(oid);
  return it == schema_descriptions_.end() ? nullptr : it->second;
}

std::string SchemaOf(const TableDescriptor& table) {
  return table.schema.empty() ? "public" : table.schema;
}

void CatalogSnapshot::AddDatabases(const std::string& current) {
  databases_.resize(4);
  databases_[0].oid = kFirstDatabaseOid;
  databases_[0].name = kFirstDatabase;
  databases_[0].acl = roles().database_acl;
  databases_[0].public_acl = roles().public_acl;
  databases_[1].oid = kMaintenanceDatabaseOid;
  databases_[1].name = kMaintenanceDatabase;
  databases_[1].comment = kMaintenanceComment;
  databases_[2].oid = kTemplate0Oid;
  databases_[2].name = "template0";
  databases_[3].oid = kTemplate1Oid;
  databases_[3].name = "template1";
  databases_[2].is_template = databases_[3].is_template = true;
  for (const TablePtr& t : tables_) {
    if (t->kind != RelationKind::kDatabase) continue;
    CatalogDatabase made{TableOid(t->id), t->local_name(), t->owner,
                         t->acl,          t->public_acl,   t->comment};
    if (made.name == kMaintenanceDatabase) {
      made.oid = kMaintenanceDatabaseOid;
      databases_[1] = std::move(made);
    } else {
      databases_.push_back(std::move(made));
    }
  }
  for (size_t i = 0; i < databases_.size(); ++i) {
    if (databases_[i].name == current) database_ = i;
  }
}

const CatalogDatabase* CatalogSnapshot::Database(int64_t oid) const {
  auto it = std::find_if(databases_.begin(), databases_.end(),
                         [oid](const CatalogDatabase& d) { return d.oid == oid; });
  return it == databases_.end() ? nullptr : &*it;
}

const CatalogDatabase* CatalogSnapshot::Database(absl::string_view name) const {
  auto it = std::find_if(databases_.begin(), databases_.end(),
                         [name](const CatalogDatabase& d) { return d.name == name; });
  return it == databases_.end() ? nullptr : &*it;
}

std::set<uint64_t> CatalogSnapshot::RolesOf(uint64_t role) const {
  std::set<uint64_t> out = roles().Has(role, false);
  if (out.contains(database().owner)) out.insert(kDatabaseOwnerRole);
  return out;
}

CatalogSnapshot::CatalogSnapshot(std::vector<TablePtr> tables, std::vector<std::string> path,
                                 std::string database)
    : tables_(std::move(tables)), path_(std::move(path)) {
  std::set<std::string> names = {"information_schema", "pg_catalog", "public"};
  comments_ = {{kPgCatalogOid, "system catalog schema"}, {kPublicOid, "standard public schema"}};
  for (const TablePtr& t : tables_) {
    if (t->kind != RelationKind::kDatabase) names.insert(SchemaIn(t->name));
    if (t->is_relation()) by_id_[t->id.value] = t;
    if (t->is_enum()) AddType(t);
    if (t->kind == RelationKind::kRoles) roles_ = t->roles;
    if (t->kind != RelationKind::kSchema) continue;
    comments_[SchemaOid(SchemaIn(t->name))] = t->comment;
    schema_descriptions_[SchemaOid(SchemaIn(t->name))] = t;
  }
  AddDatabases(database);
  std::erase_if(tables_, [](const TablePtr& t) { return !t->is_relation(); });
  for (const std::string& name : names) schemas_.push_back({SchemaOid(name), name});
  AddSystem();
  for (const TablePtr& t : tables_) AddTable(t);
  for (const TablePtr& t : tables_) AddConstraints(t);
  for (size_t i = 0; i < relations_.size(); ++i) {
    by_oid_[relations_[i].oid] = i;
    by_name_[{relations_[i].schema, relations_[i].name}] = i;
  }
  for (size_t i = 0; i < constraints_.size(); ++i) constraint_by_oid_[constraints_[i].oid] = i;
}

void CatalogSnapshot::AddSystem() {
  for (const CatalogTable& t : CatalogTables()) {
    CatalogRelation r;
    r.oid = t.oid;
    r.schema = SchemaOid(t.schema);
    r.name = t.name;
    r.kind = t.view ? 'v' : 'r';
    r.system = &t.def;
    r.system_columns = static_cast<int64_t>(t.visible);
    relations_.push_back(std::move(r));
  }
}

void CatalogSnapshot::AddTable(const TablePtr& table) {
  CatalogRelation r;
  r.oid = TableOid(table->id);
  r.schema = SchemaOid(SchemaOf(*table));
  r.name = table->local_name();
  r.table = table;
  r.kind = table->kind == RelationKind::kView       ? 'v'
           : table->kind == RelationKind::kSequence ? 'S'
                                                    : 'r';
  relations_.push_back(r);
  if (!table->is_table()) return;
  r.kind = 'i';
  if (!table->has_hidden_key()) {
    r.oid = PrimaryIndexOid(table->id);
    r.name = table->primary_key_name();
    relations_.push_back(r);
  }
  for (const IndexDescriptor& index : table->indexes) {
    r.oid = IndexOid(table->id, index.id);
    r.name = index.name;
    r.index = &index;
    relations_.push_back(r);
  }
}

void CatalogSnapshot::AddType(const TablePtr& description) {
  const Type type = EnumTypeOf(*description);
  types_.push_back({TableOid(description->id), type, description});
  types_.push_back({TableOid(description->id) + 1, ArrayOf(type), description});
}

const CatalogType* CatalogSnapshot::TypeOf(int64_t oid) const {
  auto it = std::find_if(types_.begin(), types_.end(),
                         [oid](const CatalogType& t) { return t.oid == oid; });
  return it == types_.end() ? nullptr : &*it;
}

const CatalogType* CatalogSnapshot::TypeNamed(absl::string_view schema,
                                              absl::string_view name) const {
  const auto in = [&](absl::string_view wanted) -> const CatalogType* {
    for (const CatalogType& t : types_) {
      if (SchemaOf(*t.description) == wanted && PgTypeName(t.type) == name) return &t;
    }
    return nullptr;
  };
  if (!schema.empty()) return in(schema);
  for (const std::string& s : path_) {
    if (const CatalogType* t = s.empty() ? nullptr : in(s)) return t;
  }
  return nullptr;
}

bool CatalogSnapshot::IsVisible(const CatalogType& type) const {
  const CatalogType* found = TypeNamed("", PgTypeName(type.type));
  return found != nullptr && found->oid == type.oid;
}

std::string CatalogSnapshot::DisplayName(const CatalogType& type) const {
  const std::string name = QuoteIfNeeded(type.description->local_name());
  const CatalogType& plain = *TypeOf(TableOid(type.description->id));
  return absl::StrCat(
      IsVisible(plain) ? "" : absl::StrCat(QuoteIfNeeded(SchemaOf(*type.description)), "."), name,
      IsArray(type.type) ? "[]" : "");
}

void CatalogSnapshot::AddConstraints(const TablePtr& table) {
  if (!table->is_table()) return;
  CatalogConstraint c;
  c.table = table;
  c.relation = TableOid(table->id);
  if (!table->has_hidden_key()) {
    c.oid = PrimaryConstraintOid(table->id);
    c.name = table->primary_key_name();
    c.index = PrimaryIndexOid(table->id);
    constraints_.push_back(c);
  }
  for (const IndexDescriptor& index : table->indexes) {
    if (!index.constraint) continue;
    c.oid = ConstraintOid(table->id, index.id);
    c.name = index.name;
    c.kind = 'u';
    c.unique = &index;
    c.index = IndexOid(table->id, index.id);
    constraints_.push_back(c);
  }
  c.unique = nullptr;
  for (const ForeignKey& key : table->foreign_keys) {
    c.oid = ConstraintOid(table->id, key.id);
    c.name = key.name;
    c.kind = 'f';
    c.foreign_key = &key;
    c.parent = Table(key.parent);
    c.index = c.parent == nullptr ? 0 : ReferencedIndex(*c.parent, key.parent_columns);
    constraints_.push_back(c);
  }
  c.foreign_key = nullptr;
  c.parent = nullptr;
  c.index = 0;
  c.kind = 'c';
  for (size_t i = 0; i < table->checks.size(); ++i) {
    c.oid = CheckOid(table->id, i);
    c.name = table->checks[i].name;
    c.check = i;
    constraints_.push_back(c);
  }
}

const CatalogRelation* CatalogSnapshot::Relation(int64_t oid) const {
  auto it = by_oid_.find(oid);
  return it == by_oid_.end() ? nullptr : &relations_[it->second];
}

const CatalogRelation* CatalogSnapshot::Relation(absl::string_view schema,
                                                 absl::string_view name) const {
  if (schema.empty()) {
    const CatalogRelation* r = Relation("pg_catalog", name);
    for (const std::string& s : path_) {
      if (r == nullptr && !s.empty()) r = Relation(s, name);
    }
    return r;
  }
  auto it = by_name_.find({SchemaOid(schema), std::string(name)});
  return it == by_name_.end() ? nullptr : &relations_[it->second];
}

const CatalogConstraint* CatalogSnapshot::Constraint(int64_t oid) const {
  auto it = constraint_by_oid_.find(oid);
  return it == constraint_by_oid_.end() ? nullptr : &constraints_[it->second];
}

const CatalogSchema* CatalogSnapshot::Schema(int64_t oid) const {
  auto it = std::find_if(schemas_.begin(), schemas_.end(),
                         [&](const CatalogSchema& s) { return s.oid == oid; });
  return it == schemas_.end() ? nullptr : &*it;
}

const CatalogSchema* CatalogSnapshot::Schema(absl::string_view name) const {
  auto it = std::find_if(schemas_.begin(), schemas_.end(),
                         [&](const CatalogSchema& s) { return s.name == name; });
  return it == schemas_.end() ? nullptr : &*it;
}

TablePtr CatalogSnapshot::Table(TableId id) const {
  auto it = by_id_.find(id.value);
  return it == by_id_.end() ? nullptr : it->second;
}

bool CatalogSnapshot::IsVisible(const CatalogRelation& relation) const {
  return Relation("", relation.name) == &relation;
}

std::string CatalogSnapshot::QualifiedName(const CatalogRelation& relation) const {
  const CatalogSchema* schema = Schema(relation.schema);
  return absl::StrCat(schema == nullptr ? "" : QuoteIfNeeded(schema->name), ".",
                      QuoteIfNeeded(relation.name));
}

std::string CatalogSnapshot::DisplayName(const CatalogRelation& relation) const {
  return IsVisible(relation) ? QuoteIfNeeded(relation.name) : QualifiedName(relation);
}

}  // namespace isochron::sql
