// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_BINDER_EXPR_H_
#define ISOCHRON_SQL_BINDER_EXPR_H_

// Typed expressions: what the binder makes and the executor evaluates.
//
// Immutable once bound, so one plan may run many times at once. Columns are slots of the input row.
// Every operand has exactly the type its operator wants: conversions are nodes of their own.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/truetime.h"
#include "common/types.h"
#include "sql/types/datetime_parse.h"
#include "sql/types/datum.h"

namespace isochron {
class Random;
}

namespace isochron::sql {

class CatalogReader;
class SessionReader;
struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

// Where kSubquery's values come from. Evaluation never waits: what has not run yet is noted there
// and refused; whoever evaluates sees to it that it has run (sql/exec/subquery.h).
class SubqueryValues {
 public:
  virtual ~SubqueryValues() = default;
  // `args`, the expression's, by value.
  virtual absl::Status Value(const Expr& e, std::vector<Datum> args, Datum* out) = 0;
};

// What an evaluation sees besides the row. Fixed for a statement; `now` for a transaction.
struct EvalContext {
  std::vector<Datum> params;  // of the types the plan states
  Timestamp now;
  TimeContext time;           // the session's zone; its now is `now`
  TrueTime* clock = nullptr;  // null: the time stands still
  std::string version;
  Random* random = nullptr;                   // null where nothing may be drawn
  const std::vector<Datum>* outer = nullptr;  // what a subquery sees of the row around it
  SubqueryValues* subqueries = nullptr;       // null where there can be none
  class SequenceAccess* sequences = nullptr;  // null where none can be asked
  const CatalogReader* catalog = nullptr;     // null unless the plan uses the catalog
  SessionReader* session = nullptr;           // null where there is none
  // The statement's: what one part of its plan has set for another (kRegister).
  const std::vector<Datum>* registers = nullptr;

  void SetNow(Timestamp t, const TimeContext& style) {
    now = t;
    time = style;
    time.now_us = t.us;
  }
};

using EvalFn = absl::Status (*)(const EvalContext& ctx, const Datum* args, size_t count,
                                Datum* out);

struct Function {
  const char* name;
  std::vector<Type> args;
  Type result;
  EvalFn fn;
  bool strict = true;        // a NULL argument makes the result NULL without a call
  bool variadic = false;     // the last argument type repeats
  bool is_volatile = false;  // gives another value each time it is asked
  bool asks_catalog = false;
};

enum class ExprKind : uint8_t {
  kConst,     // value
  kParam,     // index, from 0
  kColumn,    // index
  kCall,      // function, args
  kAnd,       // args
  kOr,        // args
  kNot,       // args[0]
  kIsNull,    // args[0], negated
  kBoolTest,  // args[0], value: NULL, true or false; negated
  kCase,      // when, then pairs; else last (always there)
  kCoalesce,  // args
  kExtreme,   // args: GREATEST, or LEAST when negated
  kNullIf,    // args[0] unless it equals args[1]
  kDistinct,  // args[0] IS DISTINCT FROM args[1], negated
  kCast,      // args[0] to `type` and `typmod`; negated: as for storing, where too long is an error
  kIn,        // args[0] among args[1..], negated
  kArray,     // args make an array; negated: they are arrays themselves
  kAnyArray,  // `function` of args[0] and the elements of args[1]: for one; for all when negated
  kAggregate,  // index into the statement's aggregates; gone after planning
  kOuter,      // index into what the subquery's caller passes; value: its name
  kRegister,   // index into EvalContext::registers: one value while its reader runs
  kWindow,     // index into the query's window calls; gone after planning
  kSetCall,    // index into the query's calls of set-returning functions; gone after planning
  kSubquery,   // index into the plan's subqueries. args: `operands` that `function` compares with
               // the rows (ANY; ALL when negated), then what the subquery sees of this row. Without
               // a function the subquery is a scalar or EXISTS; of a row of several columns
               // `value` is the column.
};

struct Expr {
  ExprKind kind = ExprKind::kConst;
  Type type = Type::kUnknown;
  int32_t typmod = -1;  // what is known of the values' length or scale (sql/types/type_info.h)
  bool negated = false;
  int index = 0;
  int operands = 0;
  int position = -1;
  const Function* function = nullptr;
  Datum value;
  std::vector<ExprPtr> args;
};

ExprPtr MakeConst(Type type, Datum value, int position = -1);
ExprPtr MakeColumn(int index, Type type, int position = -1);
ExprPtr MakeCall(const Function* function, std::vector<ExprPtr> args, int position);
ExprPtr Clone(const Expr& e);

// Same computation, wherever in the text it stands.
bool SameExpr(const Expr& a, const Expr& b);
// No column, no aggregate and nothing volatile inside: one value for a whole statement.
bool IsConstant(const Expr& e);
bool HasSubquery(const Expr& e);
// For EXPLAIN. `names` are the input's columns.
std::string ExprToString(const Expr& e, const std::vector<std::string>& names);

// Evaluates over one row. 22012, 22003, 22P02 and the like.
absl::Status Eval(const Expr& e, const EvalContext& ctx, const Row& row, Datum* out);
// The value is true, neither false nor NULL.
absl::Status EvalPredicate(const Expr& e, const EvalContext& ctx, const Row& row, bool* out);

// Converts a value from one type to another, as CAST does. 22003, 22P02, 42846.
absl::Status CastDatum(Type from, Type to, const Datum& in, Datum* out,
                       const TimeContext& time = PlainTimeContext());
// Where one of the two is regclass or its kin: names are looked up in the catalog.
absl::Status CastReg(const EvalContext& ctx, Type from, Type to, const Datum& in, Datum* out);
// Whether CAST(from AS to) exists.
bool CanCast(Type from, Type to);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_BINDER_EXPR_H_
