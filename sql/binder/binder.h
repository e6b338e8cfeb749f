// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_BINDER_BINDER_H_
#define ISOCHRON_SQL_BINDER_BINDER_H_

// Names and operators of the syntax tree to typed expressions.
//
// A literal in quotes and an undeclared parameter have type unknown until a neighbour gives them
// one. Operators and functions are chosen as PostgreSQL chooses them (sql/binder/resolve.h).

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sql/binder/aggregates.h"
#include "sql/binder/cast.h"
#include "sql/binder/expr.h"
#include "sql/binder/set_functions.h"
#include "sql/binder/type_names.h"
#include "sql/parser/ast.h"
#include "sql/types/datum.h"

namespace isochron::sql {

struct ScopeColumn {
  std::string name;
  Type type = Type::kUnknown;
  bool hidden = false;
  int32_t typmod = -1;
  bool generated = false;
  bool system = false;               // found by name, not among `*`
  std::shared_ptr<const Expr> expr;  // of a join's alias: what the column is; null for its slot
  int64_t table = 0;                 // as ColumnInfo's
  uint32_t column = 0;
};

struct ScopeTable {
  std::string name;             // the alias where there is one
  int offset = 0;               // slot of its first column
  bool qualified_only = false;  // `excluded`: found only with its name before the column's
  bool covered = false;         // by the alias of a join: not found by its own name
  bool alias_of_join = false;   // has no slots of its own
  std::vector<int> key;         // positions of the primary key's columns, where there is one
  std::vector<ScopeColumn> columns;
};

struct Scope;
struct AggregateCall;

// What is kept in a register while those run who read it.
struct Let {
  int reg = 0;
  ExprPtr value;
};

// The query around a query.
//
// Around a subquery: what it uses of the row is collected in `args`: there the expressions stand as
// the outer query evaluates them, in the subquery they are kOuter.
// Around a LATERAL item or a WITH query: what it uses is put in registers. An item sees the same
// outer row as the query that it is part of, a WITH query does not.
struct OuterFrame {
  const Scope* scope = nullptr;
  std::vector<ExprPtr>* args = nullptr;
  std::vector<AggregateCall>* aggregates = nullptr;  // of the query around; may be null
  std::vector<Let>* lets = nullptr;
  std::vector<size_t>* registers = nullptr;  // the statement's: of each the level of its frame
  size_t level = 0;
  bool same_outer = false;
  std::vector<int>* reads = nullptr;  // registers of others that pass through; may be null
  // Set: no column of the scope itself may be used; 42P10 with this as the hint.
  const char* refusal = nullptr;
};

// A name that stands for a column without its table's: what a join with USING leaves of two.
struct ScopeName {
  std::string name;
  ExprPtr expr;
  bool system = false;  // not among `*`
};

// What names mean: the columns of the input row.
struct Scope {
  std::vector<ScopeTable> tables;
  // With `named`, names without a table's are looked up here, and `*` is these.
  bool named = false;
  std::vector<ScopeName> names;
  OuterFrame* outer = nullptr;

  int width() const;
  std::vector<std::string> ColumnNames() const;  // by slot, for EXPLAIN
  // "t.c": as errors call it.
  std::string FullName(int slot) const;
};

// What an aggregate's rows, or a window's, are ordered by.
struct OrderExpr {
  ExprPtr expr;
  bool descending = false;
  bool nulls_first = false;
};

struct AggregateCall {
  const AggregateFunction* function = nullptr;  // null for GROUPING(args)
  std::vector<ExprPtr> args;
  std::vector<ExprPtr> direct;  // WITHIN GROUP's direct arguments
  std::vector<OrderExpr> order;
  ExprPtr filter;  // null for all rows
  bool distinct = false;
  Type type = Type::kInt8;
};

struct WindowSpec {
  std::vector<ExprPtr> partition;
  std::vector<OrderExpr> order;
  ast::FrameMode mode = ast::FrameMode::kRange;
  ast::FrameBound start = ast::FrameBound::kUnboundedPreceding;
  ast::FrameBound end = ast::FrameBound::kCurrentRow;
  ast::FrameExclusion exclusion = ast::FrameExclusion::kNone;
  ExprPtr start_offset, end_offset;
  // RANGE with an offset: order value minus, and plus, the offset; over a row of the two.
  ExprPtr start_edge, end_edge;
};

enum class WindowFunction : uint8_t {
  kAggregate,
  kRowNumber,
  kRank,
  kDenseRank,
  kPercentRank,
  kCumeDist,
  kNtile,
  kLag,
  kLead,
  kFirstValue,
  kLastValue,
  kNthValue,
};

struct WindowCall {
  WindowFunction function = WindowFunction::kAggregate;
  const AggregateFunction* aggregate = nullptr;
  std::vector<ExprPtr> args;
  ExprPtr filter;
  int window = 0;  // in Windows::specs
  Type type = Type::kInt8;
};

// Of one query.
struct Windows {
  const std::vector<ast::WindowPtr>* named = nullptr;  // the WINDOW clause
  std::vector<WindowSpec> specs;
  std::vector<WindowCall> calls;
};

// A call of a function that gives rows.
struct SetCall {
  const SetFunction* function = nullptr;
  std::vector<ExprPtr> args;
  std::vector<ColumnInfo> columns;
  int field = 0;  // in the select list: which of the function's columns
};

// The column `field` of a value that has several, which a query around it can only take apart.
std::string FieldName(absl::string_view value, absl::string_view field);
bool IsFieldName(absl::string_view name);

enum class SubqueryUse : uint8_t { kScalar, kExists, kSet, kArray, kRow };

// Plans the subqueries of expressions: the planner behind the binder.
class SubqueryPlanner {
 public:
  virtual ~SubqueryPlanner() = default;
  struct Planned {
    int index = 0;  // in the plan
    std::vector<ColumnInfo> columns;
    std::vector<ExprPtr> args;  // what it sees of the row of `scope`
  };
  // `aggregates`, of the query of `scope`, may be null.
  virtual absl::StatusOr<Planned> PlanSubquery(const ast::Select& select, const Scope& scope,
                                               std::vector<AggregateCall>* aggregates,
                                               SubqueryUse use) = 0;
  // Something of the statement asks the catalog.
  virtual void NeedCatalog() = 0;
  // The types that the statement names; null where there is none.
  virtual const TypeNames* types() const { return nullptr; }
  // Its rows become these, over its columns.
  virtual void ProjectSubquery(int index, std::vector<ExprPtr> exprs) = 0;
};

// Where an aggregate's arguments are bound.
inline constexpr char kAggregateArgument[] = "an aggregate's argument";

class Binder {
 public:
  // All outlive the binder. `params` grows and is filled in; it is null where parameters are
  // refused. `aggregates` is null where aggregates are; `clause` names that place in the message.
  Binder(const Scope* scope, std::vector<Type>* params, std::vector<AggregateCall>* aggregates,
         const char* clause)
      : scope_(scope), params_(params), aggregates_(aggregates), clause_(clause) {}
  // Without this, subqueries are refused.
  Binder& Allow(SubqueryPlanner* subqueries) {
    subqueries_ = subqueries;
    if (subqueries != nullptr) types_ = subqueries->types();
    return *this;
  }
  // The types, made by users, that expressions may name; null for none.
  Binder& Types(const TypeNames* types) {
    types_ = types;
    return *this;
  }
  // Without these, window functions, and functions that give sets, are refused.
  Binder& AllowWindows(Windows* windows) {
    windows_ = windows;
    return *this;
  }
  Binder& AllowSets(std::vector<SetCall>* sets) {
    sets_ = sets;
    return *this;
  }
  // Names are not looked for in the queries around.
  Binder& LocalOnly() {
    local_only_ = true;
    return *this;
  }

  // May leave the result's type unknown.
  absl::StatusOr<ExprPtr> Bind(const ast::Expr& e);
  // Of exactly this type (any integer for bigint), by implicit conversion only. 42804.
  absl::StatusOr<ExprPtr> BindAs(const ast::Expr& e, Type type, const char* what);
  // Unknown becomes text.
  absl::StatusOr<ExprPtr> BindOutput(const ast::Expr& e);
  // For storing into a column: assignment conversion. 42804 names the column.
  absl::StatusOr<ExprPtr> BindAssignment(const ast::Expr& e, const std::string& column, Type type,
                                         int32_t typmod = -1);
  absl::StatusOr<ExprPtr> ToAssignment(ExprPtr e, const std::string& column, Type type,
                                       int32_t typmod = -1);

  // Implicit conversion. 42804, 22P02.
  absl::StatusOr<ExprPtr> Coerce(ExprPtr e, Type to);
  // Brings every `step`th from `from` on to one type. 42804, naming `what`.
  absl::Status Unify(std::vector<ExprPtr>* args, size_t from, size_t step, const char* what,
                     Type* type);
  // A function that gives rows, in FROM; nullopt if it is an ordinary one.
  absl::StatusOr<std::optional<SetCall>> BindSet(const ast::Expr& e);
  // A call of one, in the select list; of one with several columns that one.
  absl::StatusOr<ExprPtr> SetReturning(const ast::Expr& e, absl::string_view field = "");
  // `left = right`, of whatever types. 42883.
  absl::StatusOr<ExprPtr> Equal(ExprPtr left, ExprPtr right, int position);

 private:
  // Precondition: CanCoerce in that context.
  absl::StatusOr<ExprPtr> Convert(ExprPtr e, Type to, int32_t typmod, CastContext context);
  absl::StatusOr<ExprPtr> Column(const ast::Expr& e);
  absl::StatusOr<ExprPtr> OuterColumn(const ast::Expr& e, absl::Status not_here);
  // What a query around gives a LATERAL item or a WITH query, by a register.
  absl::StatusOr<ExprPtr> Register(const ast::Expr& e, ExprPtr theirs);
  absl::StatusOr<ExprPtr> Subquery(const ast::Expr& e);
  absl::StatusOr<ExprPtr> Quantified(const ast::Expr& e);
  // The columns of a subquery that gives one row.
  absl::StatusOr<std::vector<ExprPtr>> RowOf(const ast::Expr& e);
  absl::StatusOr<ExprPtr> Field(const ast::Expr& e);
  // 42601 for a subquery of `columns` where `wanted` are.
  static absl::Status SameWidth(size_t wanted, size_t columns, int position);
  absl::StatusOr<ExprPtr> Param(const ast::Expr& e);
  absl::StatusOr<ExprPtr> Operator(const std::string& op, std::vector<ExprPtr> args, int position);
  absl::StatusOr<ExprPtr> Call(const std::string& name, std::vector<ExprPtr> args, int position,
                               bool is_operator);
  absl::StatusOr<ExprPtr> Func(const ast::Expr& e);
  // The arguments of json_build_object and its kin as JSON.
  absl::StatusOr<std::vector<ExprPtr>> JsonArguments(const std::string& name,
                                                     std::vector<ExprPtr> args);
  // As an argument of type `want`, which may be kAnyType.
  absl::StatusOr<ExprPtr> ToArgument(ExprPtr e, Type want);
  absl::StatusOr<ExprPtr> Aggregate(const ast::Expr& e, const AggregateSet& set);
  absl::Status AggregateArgs(const ast::Expr& e, const AggregateSet& set, AggregateCall* call);
  absl::StatusOr<ExprPtr> AddAggregate(AggregateCall call, const ast::Expr& e);
  absl::StatusOr<ExprPtr> Grouping(const ast::Expr& e);
  absl::StatusOr<std::vector<OrderExpr>> Order(const std::vector<ast::OrderItem>& items);
  absl::StatusOr<ExprPtr> Window(const ast::Expr& e);
  absl::Status WindowArgs(const ast::Expr& e, WindowCall* call);
  absl::Status WindowAggregate(const ast::Expr& e, WindowCall* call);
  absl::StatusOr<int> WindowSpecOf(const ast::Expr& e, Binder* inner);
  absl::Status Frame(const ast::Window& window, WindowSpec* spec);
  absl::Status RangeEdge(const ast::Expr& offset, bool preceding, const OrderExpr& order,
                         ExprPtr* bound, ExprPtr* edge);
  absl::StatusOr<ExprPtr> PartOf(const ast::Expr& e);
  absl::StatusOr<ExprPtr> Case(const ast::Expr& e);
  // binder_enums.cc
  absl::StatusOr<ExprPtr> EnumCall(const std::string& name, std::vector<ExprPtr> args,
                                   int position);
  // binder_arrays.cc
  absl::StatusOr<ExprPtr> Array(const ast::Expr& e);
  absl::StatusOr<ExprPtr> Subscript(const ast::Expr& e);
  absl::StatusOr<ExprPtr> AnyArray(const ast::Expr& e);
  // A function of any array's elements; `to` is an array's type.
  absl::StatusOr<ExprPtr> ArrayCall(const std::string& name, std::vector<ExprPtr> args,
                                    int position, bool is_operator);
  absl::StatusOr<ExprPtr> CoerceArray(ExprPtr e, Type to);
  absl::StatusOr<Type> CommonElement(const char* letters, const std::vector<ExprPtr>& args,
                                     int position);
  static bool WantsArrayCall(const std::string& op, const std::vector<ExprPtr>& args);
  absl::StatusOr<ExprPtr> In(const ast::Expr& e);
  absl::StatusOr<ExprPtr> RowIn(const ast::Expr& e);
  // The parts of a row: ROW(...), (a, b) or a subquery that gives one.
  absl::StatusOr<std::vector<ExprPtr>> RowParts(const ast::Expr& e);
  absl::StatusOr<ExprPtr> RowCompare(const std::string& op, std::vector<ExprPtr> left,
                                     std::vector<ExprPtr> right, int position);
  absl::StatusOr<ExprPtr> Between(const ast::Expr& e);
  absl::StatusOr<ExprPtr> Cast(const ast::Expr& e);
  // Binds args to one common type.
  absl::StatusOr<ExprPtr> Unified(ExprKind kind, const ast::Expr& e, const char* what);
  absl::StatusOr<std::vector<ExprPtr>> BindAll(const std::vector<ast::ExprPtr>& args);
  absl::StatusOr<ExprPtr> Logic(ExprKind kind, const ast::Expr& e, const char* what);

  const Scope* scope_;
  std::vector<Type>* params_;
  std::vector<AggregateCall>* aggregates_;
  const char* clause_;
  SubqueryPlanner* subqueries_ = nullptr;
  const TypeNames* types_ = nullptr;
  Windows* windows_ = nullptr;
  std::vector<SetCall>* sets_ = nullptr;
  bool in_window_ = false;
  const char* conditional_ = nullptr;  // within CASE or COALESCE, where no set may be returned
  // Subqueries of which Field has given columns.
  std::vector<std::pair<const ast::Select*, std::vector<ExprPtr>>> rows_;
  bool local_only_ = false;
};

bool IsWindowFunction(absl::string_view name);
bool IsEnumFunction(absl::string_view name);
// The one enum that arguments are of, beside what is none; false where there are several, or none.
bool OneEnum(const std::vector<ExprPtr>& args, Type* type);
// The one of `candidates` that takes these best. 42883, 42725.
absl::StatusOr<const Function*> ChooseFunction(const std::string& name,
                                               const std::vector<Function>& candidates,
                                               const std::vector<ExprPtr>& args, int position);
// 42883.
absl::Status NoFunction(const std::string& name, const std::vector<ExprPtr>& args, int position);
// Whether an expression reads its own query's row, and a query's around it.
void Levels(const Expr& e, bool* own, bool* outer);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_BINDER_BINDER_H_
