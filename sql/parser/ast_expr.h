// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PARSER_AST_EXPR_H_
#define ISOCHRON_SQL_PARSER_AST_EXPR_H_

// Expressions of the syntax tree (ast.h), and what stands within them: types, sort keys, windows.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace isochron::sql::ast {

enum class ExprKind : uint8_t {
  kNull,
  kBool,      // int_value
  kInt,       // int_value
  kFloat,     // text
  kString,    // text
  kParam,     // int_value, from 1
  kColumn,    // names: [schema.][table.]column
  kStar,      // names: table or empty; in select lists only. text "stored": no generated columns
  kOp,        // text, one or two args
  kAnd,       // args
  kOr,        // args
  kNot,       // one arg
  kIsNull,    // one arg; negated
  kBoolTest,  // one arg; text "true", "false" or "unknown"; negated
  kCase,      // has_operand: args[0]; then when/then pairs; has_else: last
  kCoalesce,  // args
  kGreatest,  // args
  kLeast,     // args
  kNullIf,    // two args
  kCast,      // one arg, text the type's name, modifiers
  kFunc,      // names, args, star, distinct
  kIn,        // args[0] in args[1..]; negated
  kLike,      // args[0] like args[1]; negated; text "i" for ILIKE
  kBetween,   // three args; negated; symmetric
  kDistinct,  // args[0] is distinct from args[1]; negated
  kRow,       // args
  kDefault,   // DEFAULT in VALUES or SET
  kArray,     // ARRAY[args]
  kElement,   // args[0], then its subscripts; star: slices, a lower and an upper bound each, where
              // kDefault stands for one that is left out
  kAnyArray,  // args[0] names[0] ANY (args[1]); text "any" or "all"
  kSubquery,  // select; text "scalar", "exists", "array", "any", "all" or "row", then names[0] the
              // operator and args[0] what is compared; "field": the column int_value of a subquery
              // of one row
  kGrouping,  // GROUPING(args)
  kGroupingSet,  // in GROUP BY only: text "empty", "simple", "rollup", "cube" or "sets", args
};

// A type as it is written: its name (pg_type.typname; "_int4" for an array of integers), or, where
// it says the schema or has a dot or a quote in it, as SQL text; and the numbers in parentheses
// behind it.
struct TypeName {
  std::string name;
  std::vector<int32_t> modifiers;
};

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;
struct Select;
using SelectPtr = std::unique_ptr<Select>;
struct OrderItem;
struct Window;

struct Expr {
  ExprKind kind = ExprKind::kNull;
  int position = -1;
  bool negated = false;
  bool star = false;
  bool distinct = false;
  bool symmetric = false;
  bool has_operand = false;
  bool has_else = false;
  int64_t int_value = 0;
  std::string text;
  std::vector<std::string> names;
  std::vector<ExprPtr> args;
  std::vector<int32_t> modifiers;        // of a cast's type
  ExprPtr filter;                        // FILTER (WHERE ...) of an aggregate
  std::shared_ptr<const Select> select;  // of a subquery
  std::vector<OrderItem> order_by;       // of an aggregate: ORDER BY inside, or WITHIN GROUP
  bool within_group = false;
  bool variadic = false;           // the last argument is VARIADIC
  std::shared_ptr<Window> window;  // OVER ...
};

struct OrderItem {
  ExprPtr expr;
  bool descending = false;
  bool nulls_first = false;  // resolved: PostgreSQL's default is last when ascending
};

enum class FrameMode : uint8_t { kRange, kRows, kGroups };
enum class FrameBound : uint8_t {
  kUnboundedPreceding,
  kPreceding,
  kCurrentRow,
  kFollowing,
  kUnboundedFollowing
};
enum class FrameExclusion : uint8_t { kNone, kCurrentRow, kGroup, kTies };

// What follows OVER, or a name of the WINDOW clause.
struct Window {
  std::string name;  // OVER name; of the WINDOW clause: what it defines
  std::string base;  // (name ...): the window that this one adds to
  std::vector<ExprPtr> partition;
  std::vector<OrderItem> order;
  bool has_frame = false;
  FrameMode mode = FrameMode::kRange;
  FrameBound start = FrameBound::kUnboundedPreceding, end = FrameBound::kCurrentRow;
  FrameExclusion exclusion = FrameExclusion::kNone;
  ExprPtr start_offset, end_offset;
  int position = -1;
};
using WindowPtr = std::shared_ptr<Window>;

}  // namespace isochron::sql::ast

#endif  // ISOCHRON_SQL_PARSER_AST_EXPR_H_
