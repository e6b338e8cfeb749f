// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PARSER_AST_H_
#define ISOCHRON_SQL_PARSER_AST_H_

// The syntax tree that the binder reads: PostgreSQL's, cut down to what is supported, without any
// type or catalog knowledge. Positions are 0-based byte offsets into the parsed text, -1 if
// unknown.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sql/parser/ast_expr.h"
#include "sql/types/copy_text.h"
#include "sql/types/datum.h"

namespace isochron::sql::ast {

struct TableName {
  std::string database;  // empty: the session's; no other may be named
  std::string schema;    // empty: the search path decides
  std::string name;
  std::string alias;
  int position = -1;
  bool of_type = false;  // the name of a type, where a list has both
};

struct SelectItem {
  ExprPtr expr;
  std::string alias;
};

struct Statement;

// One query of a WITH clause. Whoever names it in FROM holds it; `references` counts those places.
struct Cte {
  std::string name;
  std::vector<std::string> columns;  // fewer than the query has, or none: the rest keep their names
  std::unique_ptr<Select> select;
  std::shared_ptr<Statement> dml;  // INSERT, UPDATE, DELETE or MERGE: then there is no `select`
  bool materialized = false;       // AS MATERIALIZED
  bool recursive = false;          // its query names it
  int references = 0;              // from outside its own query
  int position = -1;
};
using CtePtr = std::shared_ptr<Cte>;

enum class JoinKind : uint8_t { kInner, kLeft, kRight, kFull };

// What stands in FROM: a leaf, or a join of two.
struct FromItem {
  enum class Kind : uint8_t { kTable, kSelect, kFunction, kCte, kJoin } kind = Kind::kTable;
  TableName table;                   // kTable, kCte; the alias of every leaf
  std::vector<std::string> columns;  // new names of a leaf's first columns
  SelectPtr select;
  bool lateral = false;            // LATERAL was written (functions need it not)
  std::vector<ExprPtr> functions;  // several for ROWS FROM
  // ROWS FROM: the column definitions of each; else of the only one.
  std::vector<std::vector<std::pair<std::string, TypeName>>> column_types;
  bool ordinality = false;
  CtePtr cte;                      // null where `recursive` is set
  const Cte* recursive = nullptr;  // a WITH RECURSIVE query, named within itself
  JoinKind join = JoinKind::kInner;
  std::unique_ptr<FromItem> left, right;
  ExprPtr on;  // null for a cross join
  std::vector<std::string> using_columns;
  std::string using_alias;  // USING (...) AS alias; `table.alias` is that of the whole join
  bool natural = false;
};

enum class SetOp : uint8_t { kUnion, kIntersect, kExcept };

// `left`, a branch before, becomes `left op select`.
struct SetBranch {
  SetOp op = SetOp::kUnion;
  bool all = false;
  SelectPtr select;
};

// Of FOR UPDATE: NOWAIT, SKIP LOCKED.
enum class LockWait : uint8_t { kWait, kFail, kSkip };

// One of three: SELECT, VALUES, or a set operation: then only ctes, order_by, limit and offset say
// anything beside `first` and `branches`.
struct Select {
  std::vector<CtePtr> ctes;
  bool distinct = false;
  std::vector<ExprPtr> distinct_on;
  std::vector<SelectItem> items;
  std::vector<FromItem> from;
  ExprPtr where;
  std::vector<ExprPtr> group_by;
  bool group_distinct = false;  // GROUP BY DISTINCT
  ExprPtr having;
  std::vector<WindowPtr> windows;  // the WINDOW clause
  std::vector<OrderItem> order_by;
  ExprPtr limit;
  ExprPtr offset;
  bool with_ties = false;
  bool for_update = false;
  bool locks = false;  // any FOR UPDATE or FOR SHARE
  LockWait lock_wait = LockWait::kWait;
  std::vector<std::pair<std::string, int>> lock_of;  // FOR UPDATE OF: names, positions
  std::vector<std::vector<ExprPtr>> values;          // VALUES (...), (...)
  SelectPtr first;
  std::vector<SetBranch> branches;
};

struct Assignment {
  std::string column;
  ExprPtr value;
  int position = -1;
};

struct OnConflict {
  bool update = false;
  std::vector<std::string> columns;  // empty: any, or what `constraint` names
  std::vector<ExprPtr> expressions;  // beside `columns`
  ExprPtr predicate;                 // of the partial index that is meant; may be null
  std::string constraint;
  std::vector<Assignment> set;
  ExprPtr where;
  int position = -1;
};

struct Insert {
  std::vector<CtePtr> ctes;
  TableName table;
  std::vector<std::pair<std::string, int>> columns;  // name, position; empty: all in order
  SelectPtr source;                                  // null: DEFAULT VALUES
  // OVERRIDING: of identity columns.
  enum class Overriding : uint8_t { kNone, kSystem, kUser } overriding = Overriding::kNone;
  std::optional<OnConflict> on_conflict;
  std::vector<SelectItem> returning;
};

struct Update {
  std::vector<CtePtr> ctes;
  TableName table;
  std::vector<Assignment> set;
  std::vector<FromItem> from;
  ExprPtr where;
  std::vector<SelectItem> returning;
};

struct Delete {
  std::vector<CtePtr> ctes;
  TableName table;
  std::vector<FromItem> from;  // USING
  ExprPtr where;
  std::vector<SelectItem> returning;
};

enum class MergeAction : uint8_t { kNothing, kInsert, kUpdate, kDelete };

struct MergeWhen {
  bool matched = false;
  MergeAction action = MergeAction::kNothing;
  ExprPtr condition;
  std::vector<Assignment> set;                       // UPDATE
  std::vector<std::pair<std::string, int>> columns;  // INSERT: name, position; empty: all in order
  std::vector<ExprPtr> values;                       // INSERT; empty: DEFAULT VALUES
};

struct Merge {
  std::vector<CtePtr> ctes;
  TableName table;
  std::vector<FromItem> source;  // one
  ExprPtr on;
  std::vector<MergeWhen> whens;
};

struct ColumnDef {
  std::string name;
  std::string type;
  std::vector<int32_t> type_modifiers;
  int position = -1;
  int type_position = -1;
  bool not_null = false;
  bool primary_key = false;
  ExprPtr default_value;
  std::string default_sql;  // the same as text
  ExprPtr generated;        // GENERATED ALWAYS AS (...) STORED
  std::string generated_sql;
  // Counts by a sequence of its own: serial and its kin, or GENERATED ... AS IDENTITY.
  bool serial = false;
  bool identity_always = false, identity_by_default = false;
  std::shared_ptr<const struct SequenceClause> sequence;  // what identity says of it
};

// CHECK (...), a column's or the table's: PostgreSQL makes no difference.
struct Check {
  std::string name;  // empty: it gets one
  ExprPtr condition;
  std::string sql;  // the condition as text
  int position = -1;
  bool validate = true;
};

struct UniqueConstraint {
  std::string name;  // empty: chosen
  std::vector<std::string> columns;
  std::vector<std::string> include;
  int position = -1;
};

struct ForeignKeyConstraint {
  std::string name;  // empty: chosen
  std::vector<std::string> columns;
  TableName parent;
  std::vector<std::string> parent_columns;  // empty: the primary key
  char on_delete = 'a', on_update = 'a';    // PostgreSQL's letters
  bool match_full = false;
  bool validate = true;
  bool deferrable = false, deferred = false;
  int position = -1;
};

struct CreateTable {
  TableName table;
  bool if_not_exists = false;
  std::vector<ColumnDef> columns;
  std::vector<std::pair<std::string, int>> primary_key;  // from a table constraint
  bool has_primary_key_clause = false;
  std::string primary_key_name;  // empty: it gets one
  std::vector<Check> checks;
  std::vector<UniqueConstraint> uniques;
  std::vector<ForeignKeyConstraint> foreign_keys;
  // The types, made by users, that its columns name: by schema, empty where none is written, and
  // name. Whoever runs it looks them up.
  std::map<std::pair<std::string, std::string>, Type> types;
};

struct IndexElement {
  std::string column;  // empty: an expression
  ExprPtr expression;
  std::string sql;  // its text
  bool descending = false;
  bool nulls_first = false;  // resolved: PostgreSQL's default is first when descending
};

struct CreateIndex {
  std::string name;  // empty: chosen
  TableName table;
  bool unique = false;
  bool if_not_exists = false;
  std::vector<IndexElement> columns;
  std::vector<std::string> include;
  ExprPtr predicate;  // may be null
  std::string predicate_sql;
};

struct DropIndex {
  std::vector<TableName> indexes;
  bool if_exists = false;
};

enum class AlterKind : uint8_t {
  kAddColumn,         // name, added
  kDropColumn,        // name
  kSetDefault,        // name, default_value, default_sql
  kDropDefault,       // name
  kSetNotNull,        // name
  kDropNotNull,       // name
  kSetType,           // name, added (a column of that type), default_value and _sql: USING
  kAddIdentity,       // name, added (a column that is one)
  kSetIdentity,       // the same
  kDropIdentity,      // name
  kAddUnique,         // unique
  kAddPrimaryKey,     // unique
  kAddForeignKey,     // foreign_key
  kAddCheck,          // check
  kValidate,          // name
  kDropConstraint,    // name
  kRenameTable,       // new_name
  kRenameColumn,      // name, new_name
  kRenameConstraint,  // name, new_name
  kRenameIndex,       // name, new_name; the statement's table is the index
  kSetSchema,         // new_name; of a view or a sequence, too
};

struct AlterCommand {
  AlterKind kind = AlterKind::kAddColumn;
  std::string name, new_name;
  CreateTable added;  // a table of that column alone
  ExprPtr default_value;
  std::string default_sql;
  UniqueConstraint unique;
  ForeignKeyConstraint foreign_key;
  std::vector<Check> checks;  // one
  bool missing_ok = false;    // IF EXISTS, IF NOT EXISTS
  bool cascade = false;
  int position = -1;
};

struct AlterTable {
  TableName table;
  bool if_exists = false;
  std::vector<AlterCommand> commands;
};

struct DropTable {
  std::vector<TableName> tables;
  bool if_exists = false;
  bool cascade = false;
};

struct Copy {
  bool from = false;
  TableName table;
  std::vector<std::string> columns;  // empty: all
  SelectPtr query;                   // COPY (SELECT ...) TO
  CopyFormat format;
};

enum class TxnVerb : uint8_t { kBegin, kCommit, kRollback, kSavepoint, kRelease, kRollbackTo };
struct Transaction {
  TxnVerb verb = TxnVerb::kBegin;
  std::optional<bool> read_only;
  std::string savepoint;
};

struct Set {
  std::string database;              // ALTER DATABASE ... SET; empty: a setting of the session
  std::string name;                  // lower case, dotted
  std::optional<std::string> value;  // nullopt: RESET or SET ... TO DEFAULT
  bool is_local = false;
  bool reset_all = false;
  // SET TRANSACTION and SET SESSION CHARACTERISTICS
  bool is_transaction = false;
  std::optional<bool> read_only;
};

struct Show {
  std::string name;
};

struct Statement;
struct Explain {
  std::unique_ptr<Statement> statement;
  bool analyze = false;
  bool json = false;
  bool timing = true;
  std::optional<bool> summary;  // with ANALYZE unless it says otherwise
};

// Of sequences, views, comments and the like: sql/parser/ast_objects.h.
struct ObjectStatement;
using ObjectPtr = std::shared_ptr<const ObjectStatement>;

struct Statement {
  std::variant<Select, Insert, Update, Delete, CreateTable, DropTable, Transaction, Set, Show,
               Explain, Copy, CreateIndex, DropIndex, AlterTable, Merge, ObjectPtr>
      node;
  int position = 0;  // of its first byte in the parsed text
  int length = 0;
  int param_count = 0;  // the highest $n
};

}  // namespace isochron::sql::ast

#endif  // ISOCHRON_SQL_PARSER_AST_H_
