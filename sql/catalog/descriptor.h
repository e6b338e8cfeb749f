// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_CATALOG_DESCRIPTOR_H_
#define ISOCHRON_SQL_CATALOG_DESCRIPTOR_H_

// A relation's description: what the catalog stores, one MVCC value a table, view or sequence.
// Expressions of defaults, generated columns and checks are kept as SQL text, and bound when a
// statement is planned.
//
// Table, column, index and constraint ids are never reused. Immutable once shared. A row in memory
// has one Datum a column, in the order of `columns`, hidden ones included. Columns are named by
// their position in `columns`; RemoveColumn keeps all positions right.
//
// Which version of a description holds at which timestamp: sql/catalog/catalog.h.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/types.h"
#include "sql/catalog/roles.h"
#include "sql/types/datum.h"
#include "sql/types/enum_type.h"

namespace isochron::sql {

enum class DefaultKind : uint8_t { kNone = 0, kValue = 1, kNow = 2, kExpression = 3 };
// A schema, a type, a database and the list of all roles are kept like relations, without columns
// or rows.
enum class RelationKind : uint8_t {
  kTable = 0,
  kView = 1,
  kSequence = 2,
  kSchema = 3,
  kEnum = 4,
  kRoles = 5,
  kDatabase = 6,
};
// GENERATED ... AS IDENTITY.
enum class Identity : uint8_t { kNone = 0, kAlways = 1, kByDefault = 2 };

struct ColumnDescriptor {
  uint32_t id = 0;
  std::string name;
  Type type = Type::kUnknown;
  int32_t typmod = -1;  // sql/types/type_info.h
  bool not_null = false;
  bool hidden = false;  // the scattered row id of a table without a primary key
  DefaultKind default_kind = DefaultKind::kNone;
  Datum default_value;
  std::string default_sql;    // of kExpression
  std::string generated_sql;  // GENERATED ALWAYS AS (...) STORED; empty for other columns
  // Of a hidden column that an index on an expression has for its values: the expression. No row
  // holds it; whoever makes an entry computes it (sql/planner/index_rules.h).
  std::string computed_sql;
  Identity identity = Identity::kNone;
  std::string comment;
  // The value of rows that were written before the column was added; in rows written since, NULL is
  // written out.
  bool has_missing = false;
  Datum missing_value;
  // Writers keep NULL out already; rows written before are still being looked at.
  bool not_null_pending = false;
};

// What is kept of an index, at every timestamp at which the description holds (rule 37):
//   kBuilding  every write maintains it; nobody reads it: rows of before are still being filled in
//   kPublic    it holds exactly the table's rows
enum class IndexState : uint8_t { kBuilding = 1, kPublic = 2 };

struct IndexColumn {
  uint32_t column = 0;  // position
  bool descending = false;
  bool nulls_first = false;
};

struct IndexDescriptor {
  uint64_t id = 0;  // kPrimaryIndex is the table itself
  std::string name;
  bool unique = false;
  bool constraint = false;  // stands for a UNIQUE constraint of the same name
  IndexState state = IndexState::kPublic;
  std::vector<IndexColumn> columns;
  std::vector<uint32_t> include;  // positions of columns that are only stored
  std::string predicate_sql;      // of a partial index: only rows for which it is true have entries
};

// A table with foreign keys that point to another.
struct ReferencingTable {
  TableId id;
  std::string name;  // renamed with it
};

// What happens to referencing rows; the letters of PostgreSQL's pg_constraint.
enum class ForeignKeyAction : uint8_t {
  kNoAction = 'a',
  kRestrict = 'r',
  kCascade = 'c',
  kSetNull = 'n',
  kSetDefault = 'd',
};

struct ForeignKey {
  uint64_t id = 0;
  std::string name;
  std::vector<uint32_t> columns;  // positions
  TableId parent;
  std::string parent_name;               // renamed with it
  std::vector<uint32_t> parent_columns;  // column ids of the parent, in the order of `columns`
  ForeignKeyAction on_delete = ForeignKeyAction::kNoAction;
  ForeignKeyAction on_update = ForeignKeyAction::kNoAction;
  bool match_full = false;
  bool validated = true;  // rows of before were looked at
  bool deferrable = false;
  bool deferred = false;  // at first: looked at when the transaction ends
};

struct CheckConstraint {
  std::string name;
  std::string sql;  // the condition, without the parentheses around it
  std::string comment;
  bool validated = true;  // rows of before were looked at
  friend bool operator==(const CheckConstraint&, const CheckConstraint&) = default;
};

// What COMMENT ON says of an index, or of a constraint that is no CHECK.
struct PartComment {
  bool of_index = false;
  uint64_t id = 0;  // the index's or the foreign key's; kPrimaryIndex for the primary key
  std::string text;
};

// What a view reads, and the columns that were there when it was made: it sees no others.
struct Dependency {
  TableId relation;
  uint32_t next_column_id = 0;
};

// What CREATE SEQUENCE said. The next value itself is a row of the sequence's own.
struct SequenceOptions {
  Type type = Type::kInt8;
  int64_t start = 1, increment = 1, min = 1, max = 0;
  int64_t cache = 1;
  bool cycle = false;
  bool bit_reversed = false;
  friend bool operator==(const SequenceOptions&, const SequenceOptions&) = default;
};

struct TableDescriptor {
  TableId id;
  std::string name;  // the full one (full_name.h)
  RelationKind kind = RelationKind::kTable;
  std::string schema;  // empty: public
  uint64_t version = 1;
  uint32_t next_column_id = 1;
  std::vector<ColumnDescriptor> columns;
  std::vector<uint32_t> key;   // positions in `columns`, in key order
  std::string key_name;        // of the primary key's constraint; empty: NAME_pkey
  uint64_t next_index_id = 1;  // also of foreign keys and other constraints
  std::vector<IndexDescriptor> indexes;
  std::vector<ForeignKey> foreign_keys;
  // Tables with foreign keys that point here, each once.
  std::vector<ReferencingTable> referencing;
  // The table ends at this timestamp: no transaction at or after it sees it. Max while it stands.
  Timestamp drop_at = Timestamp::Max();
  std::vector<CheckConstraint> checks;  // by name
  std::string comment;
  std::vector<PartComment> part_comments;
  std::string view_sql;                // of a view: its query
  std::vector<Dependency> depends_on;  // of a view: the relations that it reads
  SequenceOptions sequence;            // of a sequence
  std::vector<EnumLabel> labels;       // of an enum, in their order
  // The role that it belongs to, and who may do what with it; no list: DefaultAcl (roles.h).
  uint64_t owner = kBootstrapRole;
  std::optional<Acl> acl;
  std::optional<Acl> public_acl;  // of a database: of its schema public; no list: DefaultPublicAcl
  std::shared_ptr<const RoleCatalog> roles;  // of the list of all roles; null for all else
  // Of a sequence that a column owns: it goes with the column.
  TableId owner_table;
  uint32_t owner_column = 0;  // its id

  bool is_table() const { return kind == RelationKind::kTable; }
  bool is_enum() const { return kind == RelationKind::kEnum; }
  // What is in force: the default where nothing was granted or revoked.
  Acl EffectiveAcl() const;
  // One that stands in FROM.
  bool is_relation() const { return kind <= RelationKind::kSequence; }
  std::string local_name() const;
  // -1 if there is none. Hidden columns are not found by name.
  int FindColumn(absl::string_view column) const;
  // Position of `column` in `key`, -1 if it is no key column.
  int KeyPosition(uint32_t column) const;
  bool has_hidden_key() const { return key.size() == 1 && columns[key[0]].hidden; }
  std::string primary_key_name() const {
    return key_name.empty() ? local_name() + "_pkey" : key_name;
  }
  // Null if there is none.
  const IndexDescriptor* FindIndex(absl::string_view index) const;
  const IndexDescriptor* FindIndex(uint64_t index_id) const;
  const ForeignKey* FindForeignKey(absl::string_view constraint) const;
  // Its entries do not follow from a row's stored columns alone: it has a predicate or expressions.
  bool Computes(const IndexDescriptor& index) const;
  // No two rows have the same values in its columns.
  bool IsKey(const IndexDescriptor& index) const { return index.unique && !Computes(index); }
  // Comments on an index, or on a constraint; an empty text is none.
  void SetPartComment(bool of_index, uint64_t id_of_part, std::string text);
  std::string PartCommentOf(bool of_index, uint64_t id_of_part) const;
  // Takes an index out, with the columns that are there for it alone.
  void RemoveIndex(size_t at);
  // Position of the column with that id, -1 if it is gone.
  int FindColumnId(uint32_t column_id) const;
  // Takes the column at `position`, which nothing refers to any more, out.
  void RemoveColumn(uint32_t position);
};

// The type that the description of one defines, as it is by that description.
Type EnumTypeOf(const TableDescriptor& description);
// The id of the enum of which a column's type is one, or an array; none for other columns.
TableId EnumIdOf(const ColumnDescriptor& column);

using TablePtr = std::shared_ptr<const TableDescriptor>;

std::string EncodeDescriptor(const TableDescriptor& table);
// DATA_LOSS if malformed.
absl::StatusOr<TableDescriptor> DecodeDescriptor(absl::string_view bytes);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_CATALOG_DESCRIPTOR_H_
