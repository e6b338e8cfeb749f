// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PG_CATALOG_SNAPSHOT_H_
#define ISOCHRON_SQL_PG_CATALOG_SNAPSHOT_H_

// The objects of the database with the numbers (oids) by which pg_catalog knows them: made of the
// table descriptions of one timestamp, for one statement.
//
// A number follows from the ids in the descriptions, so it stays as long as the object does:
//   table             16384 + 1024 * id, and in the 1024 from there:
//     + 1               its primary key's index, + 2 the constraint
//     + 3               the rule of a view
//     + 16 + 2 * n      index number n, + 1 its constraint; foreign key number n: + 1
//     + 256 + n         the default of column number n
//     + 768 + n         the n-th check constraint
//   type              as a table, + 1 its array
// Ids beyond these ranges, and schemas, take a number from a hash of their names. The tables of
// pg_catalog have PostgreSQL's own numbers. The schema isochron is not shown: pg_dump would write
// its tables down as the user's.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sql/catalog/descriptor.h"
#include "sql/pg_catalog/columns.h"
#include "sql/pg_catalog/oids.h"

namespace isochron::sql {

inline constexpr int64_t kPgCatalogOid = 11;
inline constexpr int64_t kPublicOid = 2200;
inline constexpr int64_t kInformationSchemaOid = 13207;
inline constexpr int64_t kOwnerOid = 10;
inline constexpr int64_t kDatabaseOwnerOid = 6171;  // pg_database_owner, PostgreSQL's own role
inline constexpr int64_t kFirstDatabaseOid = 16384;
inline constexpr int64_t kMaintenanceDatabaseOid = 5;  // as in PostgreSQL, like the templates'
inline constexpr int64_t kTemplate0Oid = 4, kTemplate1Oid = 1;
inline constexpr char kOwnerName[] = "isochron";

struct CatalogDatabase {
  int64_t oid = 0;
  std::string name;
  uint64_t owner = kBootstrapRole;
  std::optional<Acl> acl, public_acl;  // its own, its schema public's
  std::string comment;
  bool is_template = false;
};

struct CatalogSchema {
  int64_t oid = 0;
  std::string name;
};

struct CatalogRelation {
  int64_t oid = 0;
  int64_t schema = 0;
  std::string name;
  char kind = 'r';                         // as pg_class.relkind: r, i, v, S
  TablePtr table;                          // of a stored object, or an index of one
  const IndexDescriptor* index = nullptr;  // null for the primary key's
  const SystemTableDef* system = nullptr;  // what is not stored
  int64_t system_columns = 0;              // of it, that are seen
  bool is_primary() const { return kind == 'i' && index == nullptr; }
};

struct CatalogConstraint {
  int64_t oid = 0;
  std::string name;
  char kind = 'p';  // as pg_constraint.contype: p, u, f, c
  TablePtr table;
  int64_t relation = 0;  // the table's
  int64_t index = 0;     // that it stands on, 0 for a check
  const IndexDescriptor* unique = nullptr;
  const ForeignKey* foreign_key = nullptr;
  TablePtr parent;  // of a foreign key; null if it is gone
  size_t check = 0;
};

// A type that users made, or the array of one.
struct CatalogType {
  int64_t oid = 0;
  Type type = Type::kUnknown;
  TablePtr description;
};

class CatalogSnapshot {
 public:
  // `path`: where names without a schema are looked for, behind pg_catalog; `database`: whose the
  // tables are.
  CatalogSnapshot(std::vector<TablePtr> tables, std::vector<std::string> path,
                  std::string database);

  // All of the universe, and the one whose objects these are.
  const std::vector<CatalogDatabase>& databases() const { return databases_; }
  const CatalogDatabase& database() const { return databases_[database_]; }
  // Null if there is none.
  const CatalogDatabase* Database(int64_t oid) const;
  const CatalogDatabase* Database(absl::string_view name) const;
  // The roles whose privileges `role` has here, itself included.
  std::set<uint64_t> RolesOf(uint64_t role) const;
  const std::vector<CatalogSchema>& schemas() const { return schemas_; }
  // All roles, but for those that are always there.
  const RoleCatalog& roles() const { return roles_ == nullptr ? NoRoles() : *roles_; }
  // The description of a schema that users made; null for any other.
  TablePtr SchemaDescription(int64_t oid) const;
  // Of schemas, by their numbers.
  const std::map<int64_t, std::string>& comments() const { return comments_; }
  const std::vector<CatalogRelation>& relations() const { return relations_; }
  const std::vector<CatalogConstraint>& constraints() const { return constraints_; }
  const std::vector<TablePtr>& tables() const { return tables_; }
  // Each type's array is behind it.
  const std::vector<CatalogType>& types() const { return types_; }

  // Null, or "", if there is none.
  const CatalogRelation* Relation(int64_t oid) const;
  // An empty schema means the search path.
  const CatalogRelation* Relation(absl::string_view schema, absl::string_view name) const;
  const CatalogConstraint* Constraint(int64_t oid) const;
  const CatalogSchema* Schema(int64_t oid) const;
  const CatalogSchema* Schema(absl::string_view name) const;
  const CatalogType* TypeOf(int64_t oid) const;
  // An empty schema means the search path. By PostgreSQL's names: `_t` is the array of `t`.
  const CatalogType* TypeNamed(absl::string_view schema, absl::string_view name) const;
  // As format_type gives it: with its schema where that is not on the path.
  std::string DisplayName(const CatalogType& type) const;
  bool IsVisible(const CatalogType& type) const;
  TablePtr Table(TableId id) const;
  // Found by its name alone.
  bool IsVisible(const CatalogRelation& relation) const;

  // "t", "s.t", quoted where needed: without the schema where it is visible.
  std::string DisplayName(const CatalogRelation& relation) const;
  std::string QualifiedName(const CatalogRelation& relation) const;

 private:
  void AddDatabases(const std::string& current);
  void AddSystem();
  void AddTable(const TablePtr& table);
  void AddType(const TablePtr& description);
  void AddConstraints(const TablePtr& table);

  std::vector<TablePtr> tables_;
  std::vector<CatalogDatabase> databases_;
  size_t database_ = 0;  // among them
  const std::vector<std::string> path_;
  std::vector<CatalogSchema> schemas_;
  std::vector<CatalogRelation> relations_;
  std::vector<CatalogConstraint> constraints_;
  std::vector<CatalogType> types_;
  std::shared_ptr<const RoleCatalog> roles_;
  std::map<int64_t, TablePtr> schema_descriptions_;
  std::map<int64_t, std::string> comments_;
  std::map<int64_t, size_t> by_oid_, constraint_by_oid_;
  std::map<std::pair<int64_t, std::string>, size_t> by_name_;
  std::map<uint64_t, TablePtr> by_id_;
};

// By what ids the objects of a table have their numbers.
int64_t PrimaryIndexOid(TableId id);
int64_t PrimaryConstraintOid(TableId id);
int64_t IndexOid(TableId id, uint64_t index);
int64_t ConstraintOid(TableId id, uint64_t number);
int64_t DefaultOid(TableId id, uint32_t column);
int64_t CheckOid(TableId id, size_t number);
int64_t RuleOid(TableId view);
int64_t SchemaOid(absl::string_view name);
// 0 for PUBLIC.
int64_t RoleOid(uint64_t role);
// The role of that number; nothing where there is none.
std::optional<uint64_t> RoleOfOid(const RoleCatalog& roles, int64_t oid);
// The schema that an object's description names.
std::string SchemaOf(const TableDescriptor& table);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PG_CATALOG_SNAPSHOT_H_
