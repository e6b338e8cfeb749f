// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_BINDER_BINDER_H_
#define ISOCHRON_SQL_BINDER_BINDER_H_

// Names and operators of the syntax tree to typed expressions.
//
// A literal in quotes and an undeclared parameter have type unknown until a neighbour gives them
// one. Operators and functions are chosen as PostgreSQL chooses them (sql/binder/resolve.h).

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sql/binder/cast.h"
#include "sql/binder/expr.h"
#include "sql/parser/ast.h"
#include "sql/types/datum.h"

namespace isochron::sql {

struct ScopeColumn {
  std::string name;
  Type type = Type::kUnknown;
  bool hidden = false;
  int32_t typmod = -1;
  bool generated = false;
  bool system = false;  // found by name, not among `*`
};

struct ScopeTable {
  std::string name;             // the alias where there is one
  int offset = 0;               // slot of its first column
  bool qualified_only = false;  // `excluded`: found only with its name before the column's
  std::vector<ScopeColumn> columns;
};

struct Scope;

// The query around a subquery. What the subquery uses of its row is collected in `args`: there the
// expressions stand as the outer query evaluates them, in the subquery they are kOuter.
struct OuterFrame {
  const Scope* scope = nullptr;
  std::vector<ExprPtr>* args = nullptr;
  const char* refusal = nullptr;  // set: nothing may be used; what is then 0A000
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
};

enum class AggregateKind : uint8_t {
  kCountStar,
  kCount,
  kSum,
  kMin,
  kMax,
  kAvg,
  kBoolAnd,
  kBoolOr
};

struct AggregateCall {
  AggregateKind kind = AggregateKind::kCountStar;
  ExprPtr arg;     // null for count(*)
  ExprPtr filter;  // null for all rows
  bool distinct = false;
  Type type = Type::kInt8;
};

enum class SubqueryUse : uint8_t { kScalar, kExists, kSet, kArray };

// Plans the subqueries of expressions: the planner behind the binder.
class SubqueryPlanner {
 public:
  virtual ~SubqueryPlanner() = default;
  struct Planned {
    int index = 0;  // in the plan
    std::vector<ColumnInfo> columns;
    std::vector<ExprPtr> args;  // what it sees of the row of `scope`
  };
  virtual absl::StatusOr<Planned> PlanSubquery(const ast::Select& select, const Scope& scope,
                                               SubqueryUse use) = 0;
  // Something of the statement asks the catalog.
  virtual void NeedCatalog() = 0;
  // Its rows become these, over its columns.
  virtual void ProjectSubquery(int index, std::vector<ExprPtr> exprs) = 0;
};

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
  // `left = right`, of whatever types. 42883.
  absl::StatusOr<ExprPtr> Equal(ExprPtr left, ExprPtr right, int position);

 private:
  // Precondition: CanCoerce in that context.
  absl::StatusOr<ExprPtr> Convert(ExprPtr e, Type to, int32_t typmod, CastContext context);
  absl::StatusOr<ExprPtr> Column(const ast::Expr& e);
  absl::StatusOr<ExprPtr> OuterColumn(const ast::Expr& e, absl::Status not_here);
  absl::StatusOr<ExprPtr> Subquery(const ast::Expr& e);
  absl::StatusOr<ExprPtr> Quantified(const ast::Expr& e);
  absl::Status Filter(const ast::Expr& e, AggregateCall* call);
  absl::StatusOr<ExprPtr> Param(const ast::Expr& e);
  absl::StatusOr<ExprPtr> Operator(const std::string& op, std::vector<ExprPtr> args, int position);
  absl::StatusOr<ExprPtr> Call(const std::string& name, std::vector<ExprPtr> args, int position,
                               bool is_operator);
  absl::StatusOr<ExprPtr> Func(const ast::Expr& e);
  // The arguments of json_build_object and its kin as JSON.
  absl::StatusOr<std::vector<ExprPtr>> JsonArguments(const std::string& name,
                                                     std::vector<ExprPtr> args);
  absl::StatusOr<ExprPtr> Aggregate(const ast::Expr& e, AggregateKind kind);
  absl::StatusOr<ExprPtr> Case(const ast::Expr& e);
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
  absl::StatusOr<ExprPtr> RowCompare(const std::string& op, std::vector<ExprPtr> left,
                                     const ast::Expr& right, int position);
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
  bool local_only_ = false;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_BINDER_BINDER_H_
