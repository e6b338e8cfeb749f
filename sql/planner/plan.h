// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PLANNER_PLAN_H_
#define ISOCHRON_SQL_PLANNER_PLAN_H_

// Plan nodes: a tree of what to do, immutable, shared by all executions of a cached statement.
//
// Rows flow from the leaves up in batches. Expressions of a node read slots of its input row; a
// scan's filter reads slots of the table's own columns.

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sql/binder/binder.h"
#include "sql/binder/expr.h"
#include "sql/catalog/catalog.h"
#include "sql/catalog/descriptor.h"
#include "sql/catalog/system_tables.h"
#include "sql/planner/index_rules.h"

namespace isochron::sql {

enum class PlanKind : uint8_t {
  kValues,
  kScan,
  kVirtualScan,
  kFilter,
  kProject,
  kSort,
  kDistinct,
  kLimit,
  kAggregate,
  kJoin,
  kAppend,
  kSetOp,
  kSubqueryScan,
  kCteScan,
  kFunctionScan,
  kProjectSet,
  kWindow,
  kLet,
  kRecursiveUnion,
  kWorkTable,
  kLockRows,
  kInsert,
  kUpdate,
  kDelete,
  kMerge,
};

struct PlanNode {
  explicit PlanNode(PlanKind k) : kind(k) {}
  virtual ~PlanNode() = default;
  const PlanKind kind;
  std::unique_ptr<PlanNode> child;
};
using PlanNodePtr = std::unique_ptr<PlanNode>;

// Constant rows; one row of no columns for a SELECT without FROM.
struct ValuesPlan : PlanNode {
  ValuesPlan() : PlanNode(PlanKind::kValues) {}
  std::vector<std::vector<ExprPtr>> rows;
};

// Which keys a scan touches, from WHERE. The expressions are constants, parameters, columns of the
// query around, or subqueries over such.
struct KeyBounds {
  // For the first columns of the path, in order: the values each may have (one for `=`, several for
  // IN; the comparison itself for IN (SELECT ...) and ANY (array)).
  std::vector<std::vector<ExprPtr>> prefix;
  // A range on the key column behind the prefix.
  ExprPtr lower, upper;
  bool lower_inclusive = false, upper_inclusive = false;
};

// Of rows in an order only the first matter to what is above: as many as both say together.
struct FirstRows {
  ExprPtr limit, offset;  // constants of the statement; offset may be null
  std::vector<OrderExpr> by;
};

struct ScanPlan : PlanNode {
  ScanPlan() : PlanNode(PlanKind::kScan) {}
  TablePtr table;
  const IndexDescriptor* index = nullptr;  // of `table`; null: along the primary key
  bool covering = false;                   // the index tells all that is wanted of a row
  std::vector<IndexColumn> path;           // what the scan is ordered by
  KeyBounds bounds;                        // on the path
  ExprPtr filter;                          // what the bounds do not say; may be null
  bool reverse = false;
  bool exclusive = false;          // the statement will write what it reads
  bool no_wait = false;            // a lock that is not free is an error (NOWAIT)
  ExprPtr limit, offset;           // rows wanted: together, when nothing above drops any
  std::vector<bool> wanted;        // by column, whether something looks at it; empty: all
  std::optional<FirstRows> first;  // in an order that is not the path's
  // Each combination of values is one row at the most.
  bool points() const {
    return bounds.prefix.size() == path.size() && (index == nullptr || index->unique);
  }
};

struct VirtualScanPlan : PlanNode {
  VirtualScanPlan() : PlanNode(PlanKind::kVirtualScan) {}
  std::string schema, name;
  const SystemTableDef* def = nullptr;
  bool in_catalog = false;  // in pg_catalog or information_schema
  // Only rows whose column has this value are wanted; null for all.
  int lookup_column = -1;
  ExprPtr lookup;
};

struct FilterPlan : PlanNode {
  FilterPlan() : PlanNode(PlanKind::kFilter) {}
  ExprPtr predicate;
};

struct ProjectPlan : PlanNode {
  ProjectPlan() : PlanNode(PlanKind::kProject) {}
  std::vector<ExprPtr> exprs;
};

struct SortKey {
  int slot = 0;
  bool descending = false;
  bool nulls_first = false;
};

struct SortPlan : PlanNode {
  SortPlan() : PlanNode(PlanKind::kSort) {}
  std::vector<SortKey> keys;
  ExprPtr limit, offset;  // only so many of its rows are taken: together; null: all
};

// Drops duplicate rows; keeps the first of each.
struct DistinctPlan : PlanNode {
  DistinctPlan() : PlanNode(PlanKind::kDistinct) {}
  std::vector<int> on;  // slots that must differ; empty: any
};

struct LimitPlan : PlanNode {
  LimitPlan() : PlanNode(PlanKind::kLimit) {}
  ExprPtr limit, offset;  // either may be null
  size_t width = 0;       // columns kept: sort keys behind them are dropped
  bool with_ties = false;
  std::vector<SortKey> ties;  // rows equal in these to the last one come, too
};

// Output: the group expressions, then the aggregates.
struct AggregatePlan : PlanNode {
  AggregatePlan() : PlanNode(PlanKind::kAggregate) {}
  std::vector<ExprPtr> groups;
  std::vector<AggregateCall> calls;
  // GROUPING SETS: of each set the places in `groups`; the others are NULL there. Empty: one set,
  // of all of them.
  std::vector<std::vector<int>> sets;
  // By call: of GROUPING(...) the places of its arguments in `groups`.
  std::vector<std::vector<int>> grouping;
};

// Output: the input row, then the value of each call. Held in memory.
struct WindowPlan : PlanNode {
  WindowPlan() : PlanNode(PlanKind::kWindow) {}
  std::vector<WindowSpec> specs;
  std::vector<WindowCall> calls;
};

// Output: the input row, then a value of each call, as often as the longest of them gives one.
struct ProjectSetPlan : PlanNode {
  ProjectSetPlan() : PlanNode(PlanKind::kProjectSet) {}
  std::vector<SetCall> calls;
};

// Sets registers, from what its query sees of the queries around, before its child runs.
struct LetPlan : PlanNode {
  LetPlan() : PlanNode(PlanKind::kLet) {}
  std::vector<Let> lets;
};

// `child` is the left side. The smaller side is held in memory, by key where there are keys; with
// `lets` the right side runs anew for each row of the left side, which sets them.
struct JoinPlan : PlanNode {
  JoinPlan() : PlanNode(PlanKind::kJoin) {}
  PlanNodePtr right;
  std::vector<ExprPtr> left_keys, right_keys;  // of each side's own row; equal types
  ExprPtr condition;                           // over both rows; may be null
  std::vector<Let> lets;                       // over the left row
  // The side whose rows may be read by key, once those of the other are known to be few; that side
  // is a scan of a whole table. Of each column of its primary key the place in the keys.
  enum class Lookup : uint8_t { kNone, kLeft, kRight } lookup = Lookup::kNone;
  std::vector<int> lookup_keys;
  // Not kNone: of the left rows those that match some row of the right side, or none; the right
  // side's columns do not come. `each`, where there is one, says the same of one left row by
  // itself: for few of them that is less work.
  enum class Semi : uint8_t { kNone, kSemi, kAnti } semi = Semi::kNone;
  ExprPtr each;
  bool left_outer = false, right_outer = false;
  size_t left_width = 0, right_width = 0;
  // The slots of each side's rows that something looks at: of rows held the others are not kept.
  bool pruned = false;
  std::vector<int> left_kept, right_kept;
};

// UNION ALL: the rows of each, one after the other.
struct AppendPlan : PlanNode {
  AppendPlan() : PlanNode(PlanKind::kAppend) {}
  std::vector<PlanNodePtr> children;
};

// INTERSECT or EXCEPT: `child` against `right`, which is held in memory.
struct SetOpPlan : PlanNode {
  SetOpPlan() : PlanNode(PlanKind::kSetOp) {}
  PlanNodePtr right;
  bool intersect = false;
  bool all = false;
};

// A query in FROM. Passes its rows on.
struct SubqueryScanPlan : PlanNode {
  SubqueryScanPlan() : PlanNode(PlanKind::kSubqueryScan) {}
  std::string name;
  bool restricted = false;  // by conditions from outside; else they stand above it
};

// SKIP LOCKED: of the child's rows, which are the table's and may have more behind them, those that
// can be locked at once.
struct LockRowsPlan : PlanNode {
  LockRowsPlan() : PlanNode(PlanKind::kLockRows) {}
  TablePtr table;
  bool exclusive = true;
  size_t width = 0;       // of what it passes on: the table's columns
  ExprPtr recheck;        // WHERE, under the lock; may be null
  ExprPtr limit, offset;  // rows wanted: together; either may be null
};

// Rows of a WITH query that is run once and kept.
struct CteScanPlan : PlanNode {
  CteScanPlan() : PlanNode(PlanKind::kCteScan) {}
  std::string name;
  int index = 0;  // in Plan::ctes
};

// WITH RECURSIVE: `child` first, then `recursive` over the rows that the round before gave, until
// there are none.
struct RecursiveUnionPlan : PlanNode {
  RecursiveUnionPlan() : PlanNode(PlanKind::kRecursiveUnion) {}
  PlanNodePtr recursive;
  std::string name;
  int work_table = 0;
  bool distinct = false;  // UNION: a row that came before does not come again
};

struct WorkTablePlan : PlanNode {
  WorkTablePlan() : PlanNode(PlanKind::kWorkTable) {}
  std::string name;
  int index = 0;
};

// Functions in FROM, side by side: the shorter ones are filled up with NULLs.
struct FunctionScanPlan : PlanNode {
  FunctionScanPlan() : PlanNode(PlanKind::kFunctionScan) {}
  struct Part {
    std::string name;
    SetCall call;    // where it has a function
    ExprPtr scalar;  // else: one row of this value
  };
  std::vector<Part> parts;
  bool ordinality = false;  // one column more: the row's number
};

// What holds for every row that a statement leaves in a table.
struct RowRules {
  std::vector<std::pair<int, ExprPtr>> generated;  // columns, computed from the others
  struct Check {
    std::string name;
    ExprPtr condition;
  };
  std::vector<Check> checks;
  IndexRules indexes;
};

struct InsertPlan : PlanNode {
  InsertPlan() : PlanNode(PlanKind::kInsert) {}
  TablePtr table;
  std::vector<int> source;        // by column: slot of the child's row, -1 for the default
  std::vector<ExprPtr> defaults;  // by column; null for NULL or a hidden key
  enum class Conflict : uint8_t { kError, kNothing, kUpdate } conflict = Conflict::kError;
  // Which unique index ON CONFLICT asks about, by id; 0 is the primary key. `any`: all of them.
  bool any_arbiter = true;
  uint64_t arbiter = 0;
  // Over the row that stands and, behind it, the row that was to be inserted.
  std::vector<std::pair<int, ExprPtr>> set;
  ExprPtr where;
  // On conflict, every column becomes the new row's, whatever stands there: nothing is read, and
  // nothing is locked before the commit.
  bool overwrites = false;
  RowRules rules;
  std::vector<ExprPtr> returning;
};

struct UpdatePlan : PlanNode {
  UpdatePlan() : PlanNode(PlanKind::kUpdate) {}
  TablePtr table;
  std::vector<std::pair<int, ExprPtr>> set;
  bool joined = false;  // FROM: its rows stand behind the table's, which may come several times
  bool moves_key = false;
  RowRules rules;
  std::vector<ExprPtr> returning;
};

struct DeletePlan : PlanNode {
  DeletePlan() : PlanNode(PlanKind::kDelete) {}
  TablePtr table;
  bool joined = false;  // USING
  IndexRules indexes;
  std::vector<ExprPtr> returning;
};

// Over rows of the table, NULLs where none matches, and behind them rows of the source.
struct MergePlan : PlanNode {
  MergePlan() : PlanNode(PlanKind::kMerge) {}
  struct When {
    bool matched = false;
    ast::MergeAction action = ast::MergeAction::kNothing;
    ExprPtr condition;  // may be null
    std::vector<std::pair<int, ExprPtr>> set;
    std::vector<ExprPtr> values;  // by column; null for NULL or a hidden key
  };
  TablePtr table;
  RowRules rules;
  std::vector<When> whens;
  const std::vector<ExprPtr> returning;  // none
};

enum class StatementKind : uint8_t { kSelect, kInsert, kUpdate, kDelete, kMerge };

// A subquery of an expression, or a WITH query: run apart from the rest, when first wanted.
struct SubPlan {
  PlanNodePtr root;
  std::string name;                 // of a WITH query
  std::vector<ColumnInfo> columns;  // of a WITH query
  SubqueryUse use = SubqueryUse::kScalar;
  std::vector<Type> types;
  bool correlated = false;     // sees the row around it
  bool joined = false;         // never run: a join stands for it
  bool modifies = false;       // a WITH query that is an INSERT, UPDATE, DELETE or MERGE
  std::vector<int> registers;  // what it gives holds for these values of them
};

// A right that whoever runs the plan must have, or, behind a view, the view's owner.
struct NeededRight {
  TablePtr relation;
  uint32_t rights = 0;
  bool as_owner = false;
  uint64_t owner = 0;
};

struct Plan {
  StatementKind kind = StatementKind::kSelect;
  PlanNodePtr root;
  std::vector<ColumnInfo> columns;  // of the result; empty when no rows are returned
  std::vector<Type> params;
  std::vector<UsedTable> tables;
  std::vector<TablePtr> descriptors;
  std::vector<SubPlan> subqueries, ctes;
  int registers = 0;
  int work_tables = 0;
  bool for_update = false;
  bool uses_catalog = false;  // its tables, or what names stand for
  bool modifies = false;      // some WITH query does
  // Nothing that is read while it runs is of its own writing: they wait for its end.
  bool defers_writes = false;
  std::vector<NeededRight> needs;
  // Some are asked of a view's owner who is not the bootstrap role.
  bool acts_for_others = false;
  // A table of the system that only superusers read; empty: none.
  std::string superusers_only;
  bool writes() const { return kind != StatementKind::kSelect || modifies; }
};

// One line a node, children indented.
// `nodes`, where it is given, gets which line is which node's.
std::vector<std::string> ExplainPlan(const Plan& plan,
                                     std::map<size_t, const PlanNode*>* nodes = nullptr);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PLANNER_PLAN_H_
