// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/parser/convert.h"
#include "sql/types/datum.h"
#include "sql/types/error.h"

namespace isochron::sql::convert {
namespace {

using ast::ExprKind;
using ast::ExprPtr;

ExprPtr Make(ExprKind kind, int position) {
  auto e = std::make_unique<ast::Expr>();
  e->kind = kind;
  e->position = position;
  return e;
}

absl::StatusOr<ExprPtr> WithArgs(State* state, ExprPtr e,
                                 const google::protobuf::RepeatedPtrField<pg::Node>& nodes) {
  ISO_ASSIGN_OR_RETURN(e->args, Expressions(state, nodes));
  return e;
}

absl::StatusOr<ExprPtr> Constant(const pg::A_Const& c) {
  if (c.isnull()) return Make(ExprKind::kNull, c.location());
  switch (c.val_case()) {
    case pg::A_Const::kIval: {
      auto e = Make(ExprKind::kInt, c.location());
      e->int_value = c.ival().ival();
      return e;
    }
    case pg::A_Const::kFval: {
      // The scanner calls any number beyond 32 bits a float.
      auto e = Make(ExprKind::kFloat, c.location());
      e->text = c.fval().fval();
      if (absl::SimpleAtoi(e->text, &e->int_value)) e->kind = ExprKind::kInt;
      return e;
    }
    case pg::A_Const::kBoolval: {
      auto e = Make(ExprKind::kBool, c.location());
      e->int_value = c.boolval().boolval() ? 1 : 0;
      return e;
    }
    case pg::A_Const::kSval: {
      auto e = Make(ExprKind::kString, c.location());
      e->text = c.sval().sval();
      return e;
    }
    default:
      return Unsupported("a bit string", c.location());
  }
}

absl::StatusOr<ExprPtr> Column(const pg::ColumnRef& ref) {
  auto e = Make(ExprKind::kColumn, ref.location());
  for (const pg::Node& field : ref.fields()) {
    if (field.has_a_star()) {
      e->kind = ExprKind::kStar;
    } else {
      e->names.push_back(field.string().sval());
    }
  }
  return e;
}

absl::StatusOr<ExprPtr> Binary(State* state, ExprKind kind, const pg::A_Expr& x) {
  auto e = Make(kind, x.location());
  ISO_ASSIGN_OR_RETURN(ExprPtr left, Expression(state, x.lexpr()));
  ISO_ASSIGN_OR_RETURN(ExprPtr right, Expression(state, x.rexpr()));
  e->args.push_back(std::move(left));
  e->args.push_back(std::move(right));
  return e;
}

absl::StatusOr<ExprPtr> ListOperator(State* state, ExprKind kind, const pg::A_Expr& x) {
  auto e = Make(kind, x.location());
  ISO_ASSIGN_OR_RETURN(ExprPtr left, Expression(state, x.lexpr()));
  e->args.push_back(std::move(left));
  ISO_ASSIGN_OR_RETURN(std::vector<ExprPtr> items, Expressions(state, x.rexpr().list().items()));
  for (ExprPtr& item : items) e->args.push_back(std::move(item));
  return e;
}

absl::StatusOr<ExprPtr> Operator(State* state, const pg::A_Expr& x) {
  const std::vector<std::string> names = Strings(x.name());
  const std::string op = names.empty() ? "" : names.back();
  switch (x.kind()) {
    case pg::AEXPR_OP: {
      auto e = Make(ExprKind::kOp, x.location());
      e->text = op == "!=" ? "<>" : op;
      if (x.has_lexpr()) {
        ISO_ASSIGN_OR_RETURN(ExprPtr left, Expression(state, x.lexpr()));
        e->args.push_back(std::move(left));
      }
      ISO_ASSIGN_OR_RETURN(ExprPtr right, Expression(state, x.rexpr()));
      e->args.push_back(std::move(right));
      return e;
    }
    case pg::AEXPR_IN: {
      ISO_ASSIGN_OR_RETURN(ExprPtr e, ListOperator(state, ExprKind::kIn, x));
      e->negated = op == "<>";
      return e;
    }
    case pg::AEXPR_LIKE:
    case pg::AEXPR_ILIKE: {
      ISO_ASSIGN_OR_RETURN(ExprPtr e, Binary(state, ExprKind::kLike, x));
      e->negated = op[0] == '!';
      if (x.kind() == pg::AEXPR_ILIKE) e->text = "i";
      return e;
    }
    case pg::AEXPR_BETWEEN:
    case pg::AEXPR_NOT_BETWEEN:
    case pg::AEXPR_BETWEEN_SYM:
    case pg::AEXPR_NOT_BETWEEN_SYM: {
      ISO_ASSIGN_OR_RETURN(ExprPtr e, ListOperator(state, ExprKind::kBetween, x));
      e->negated = x.kind() == pg::AEXPR_NOT_BETWEEN || x.kind() == pg::AEXPR_NOT_BETWEEN_SYM;
      e->symmetric = x.kind() == pg::AEXPR_BETWEEN_SYM || x.kind() == pg::AEXPR_NOT_BETWEEN_SYM;
      return e;
    }
    case pg::AEXPR_DISTINCT:
    case pg::AEXPR_NOT_DISTINCT: {
      ISO_ASSIGN_OR_RETURN(ExprPtr e, Binary(state, ExprKind::kDistinct, x));
      e->negated = x.kind() == pg::AEXPR_NOT_DISTINCT;
      return e;
    }
    case pg::AEXPR_NULLIF:
      return Binary(state, ExprKind::kNullIf, x);
    case pg::AEXPR_OP_ANY:
    case pg::AEXPR_OP_ALL: {
      ISO_ASSIGN_OR_RETURN(ExprPtr e, Binary(state, ExprKind::kAnyArray, x));
      e->text = x.kind() == pg::AEXPR_OP_ANY ? "any" : "all";
      e->names = {op == "!=" ? "<>" : op};
      return e;
    }
    case pg::AEXPR_SIMILAR: {
      ISO_ASSIGN_OR_RETURN(ExprPtr e, Binary(state, ExprKind::kOp, x));
      e->text = op;
      return e;
    }
    default:
      return Unsupported("this operator", x.location());
  }
}

absl::StatusOr<ExprPtr> Function(State* state, const pg::FuncCall& f) {
  auto e = Make(ExprKind::kFunc, f.location());
  e->names = Strings(f.funcname());
  if (e->names.size() > 1 && (e->names[0] == "pg_catalog" || (e->names[0] == "information_schema" &&
                                                              e->names[1] == "_pg_expandarray"))) {
    e->names.erase(e->names.begin());
  }
  e->star = f.agg_star();
  e->distinct = f.agg_distinct();
  if (f.has_agg_filter()) {
    ISO_ASSIGN_OR_RETURN(e->filter, Expression(state, f.agg_filter()));
  }
  e->within_group = f.agg_within_group();
  e->variadic = f.func_variadic();
  ISO_ASSIGN_OR_RETURN(e->order_by, OrderItems(state, f.agg_order()));
  if (f.has_over()) {
    ISO_ASSIGN_OR_RETURN(e->window, WindowDefinition(state, f.over()));
  }
  ISO_ASSIGN_OR_RETURN(e->args, Arguments(state, e->names.back(), f));
  const std::string& name = e->names.back();
  // Sequences are found by their names.
  const bool sequence = name == "nextval" || name == "currval" || name == "setval";
  if (sequence && !e->args.empty() && e->args[0]->kind == ExprKind::kCast &&
      e->args[0]->text == "regclass") {
    e->args[0] = std::move(e->args[0]->args[0]);
  }
  return e;
}

absl::StatusOr<ExprPtr> Case(State* state, const pg::CaseExpr& c) {
  auto e = Make(ExprKind::kCase, c.location());
  if (c.has_arg()) {
    e->has_operand = true;
    ISO_ASSIGN_OR_RETURN(ExprPtr operand, Expression(state, c.arg()));
    e->args.push_back(std::move(operand));
  }
  for (const pg::Node& node : c.args()) {
    ISO_ASSIGN_OR_RETURN(ExprPtr when, Expression(state, node.case_when().expr()));
    ISO_ASSIGN_OR_RETURN(ExprPtr then, Expression(state, node.case_when().result()));
    e->args.push_back(std::move(when));
    e->args.push_back(std::move(then));
  }
  if (c.has_defresult()) {
    e->has_else = true;
    ISO_ASSIGN_OR_RETURN(ExprPtr otherwise, Expression(state, c.defresult()));
    e->args.push_back(std::move(otherwise));
  }
  return e;
}

absl::StatusOr<ExprPtr> BoolTest(State* state, const pg::BooleanTest& t) {
  auto e = Make(ExprKind::kBoolTest, t.location());
  e->negated = t.booltesttype() == pg::IS_NOT_TRUE || t.booltesttype() == pg::IS_NOT_FALSE ||
               t.booltesttype() == pg::IS_NOT_UNKNOWN;
  if (t.booltesttype() == pg::IS_TRUE || t.booltesttype() == pg::IS_NOT_TRUE) {
    e->text = "true";
  } else if (t.booltesttype() == pg::IS_FALSE || t.booltesttype() == pg::IS_NOT_FALSE) {
    e->text = "false";
  } else {
    e->text = "unknown";
  }
  ISO_ASSIGN_OR_RETURN(ExprPtr arg, Expression(state, t.arg()));
  e->args.push_back(std::move(arg));
  return e;
}

// current_timestamp(3) and its like.
ExprPtr WithPrecision(ExprPtr e, const char* type, int32_t digits) {
  if (digits < 0) return e;
  auto cast = Make(ExprKind::kCast, e->position);
  cast->text = type;
  cast->modifiers = {digits};
  cast->args.push_back(std::move(e));
  return cast;
}

absl::StatusOr<ExprPtr> ValueFunction(const pg::SQLValueFunction& f) {
  auto e = Make(ExprKind::kFunc, f.location());
  switch (f.op()) {
    case pg::SVFOP_CURRENT_TIMESTAMP:
      e->names = {"now"};
      return e;
    case pg::SVFOP_CURRENT_TIMESTAMP_N:
      e->names = {"now"};
      return WithPrecision(std::move(e), "timestamptz", f.typmod());
    case pg::SVFOP_CURRENT_DATE:
      e->names = {"current_date"};
      return e;
    case pg::SVFOP_LOCALTIME:
    case pg::SVFOP_LOCALTIME_N:
      e->names = {"localtime"};
      return WithPrecision(std::move(e), "time", f.typmod());
    case pg::SVFOP_LOCALTIMESTAMP:
    case pg::SVFOP_LOCALTIMESTAMP_N:
      e->names = {"localtimestamp"};
      return WithPrecision(std::move(e), "timestamp", f.typmod());
    case pg::SVFOP_CURRENT_USER:
    case pg::SVFOP_CURRENT_ROLE:
    case pg::SVFOP_USER:
      e->names = {"current_user"};
      return e;
    case pg::SVFOP_SESSION_USER:
      e->names = {"session_user"};
      return e;
    case pg::SVFOP_CURRENT_CATALOG:
      e->names = {"current_database"};
      return e;
    case pg::SVFOP_CURRENT_SCHEMA:
      e->names = {"current_schema"};
      return e;
    default:
      return Unsupported("the type time with time zone", f.location());
  }
}

absl::StatusOr<ExprPtr> Subquery(State* state, const pg::SubLink& link) {
  auto e = Make(ExprKind::kSubquery, link.location());
  switch (link.sub_link_type()) {
    case pg::EXISTS_SUBLINK:
      e->text = "exists";
      break;
    case pg::EXPR_SUBLINK:
      e->text = "scalar";
      break;
    case pg::ANY_SUBLINK:
    case pg::ALL_SUBLINK: {
      e->text = link.sub_link_type() == pg::ANY_SUBLINK ? "any" : "all";
      // IN says no operator.
      const std::vector<std::string> names = Strings(link.oper_name());
      e->names = {names.empty() ? "=" : names.back() == "!=" ? "<>" : names.back()};
      ISO_ASSIGN_OR_RETURN(ExprPtr arg, Expression(state, link.testexpr()));
      e->args.push_back(std::move(arg));
      break;
    }
    case pg::ROWCOMPARE_SUBLINK: {
      e->text = "row";
      const std::vector<std::string> names = Strings(link.oper_name());
      e->names = {names.empty() ? "=" : names.back() == "!=" ? "<>" : names.back()};
      ISO_ASSIGN_OR_RETURN(ExprPtr arg, Expression(state, link.testexpr()));
      e->args.push_back(std::move(arg));
      break;
    }
    case pg::ARRAY_SUBLINK:
      e->text = "array";
      break;
    default:
      return Unsupported("this subquery", link.location());
  }
  ISO_ASSIGN_OR_RETURN(ast::Select select, SelectStatement(state, link.subselect().select_stmt()));
  e->select = std::make_shared<const ast::Select>(std::move(select));
  return e;
}

// The one collation, by its names: bytes compare as they are.
absl::StatusOr<ExprPtr> Collate(State* state, const pg::CollateClause& c) {
  const std::vector<std::string> names = Strings(c.collname());
  const std::string name = names.empty() ? "" : names.back();
  if (names.size() > 2 || (names.size() == 2 && names[0] != "pg_catalog") ||
      (name != "C" && name != "POSIX" && name != "default" && name != "ucs_basic")) {
    return Unsupported(absl::StrCat("the collation ", name), c.location());
  }
  return Expression(state, c.arg());
}

// a[1], a[1][2], a[1:2], a[:], (a).field.
absl::StatusOr<ExprPtr> Subscripts(State* state, const pg::A_Indirection& x) {
  auto e = Make(ExprKind::kElement, -1);
  if (x.indirection_size() == 1 && x.indirection(0).has_string()) {
    e->text = x.indirection(0).string().sval();
    ISO_ASSIGN_OR_RETURN(ExprPtr of, Expression(state, x.arg()));
    e->position = of->position;
    e->args.push_back(std::move(of));
    return e;
  }
  for (const pg::Node& node : x.indirection()) {
    if (!node.has_a_indices()) return Unsupported("selecting a field of a value", -1);
    e->star = e->star || node.a_indices().is_slice();
  }
  ISO_ASSIGN_OR_RETURN(ExprPtr base, Expression(state, x.arg()));
  e->position = base->position;
  e->args.push_back(std::move(base));
  for (const pg::Node& node : x.indirection()) {
    const pg::A_Indices& indices = node.a_indices();
    if (e->star) {
      // Beside a slice, a subscript i stands for 1:i.
      ExprPtr lower = Make(indices.is_slice() ? ExprKind::kDefault : ExprKind::kInt, e->position);
      lower->int_value = 1;
      if (indices.has_lidx()) {
        ISO_ASSIGN_OR_RETURN(lower, Expression(state, indices.lidx()));
      }
      e->args.push_back(std::move(lower));
    }
    ExprPtr upper = Make(ExprKind::kDefault, e->position);
    if (indices.has_uidx()) {
      ISO_ASSIGN_OR_RETURN(upper, Expression(state, indices.uidx()));
    }
    e->args.push_back(std::move(upper));
  }
  return e;
}

absl::StatusOr<ExprPtr> Inner(State* state, const pg::Node& node) {
  switch (node.node_case()) {
    case pg::Node::kAConst:
      return Constant(node.a_const());
    case pg::Node::kColumnRef:
      return Column(node.column_ref());
    case pg::Node::kParamRef: {
      auto e = Make(ExprKind::kParam, node.param_ref().location());
      e->int_value = node.param_ref().number();
      if (e->int_value < 1 || e->int_value > 65535) {
        return SqlError(sqlstate::kUndefinedParameter,
                        absl::StrCat("there is no parameter $", e->int_value), e->position);
      }
      state->param_count = std::max(state->param_count, node.param_ref().number());
      return e;
    }
    case pg::Node::kAExpr:
      return Operator(state, node.a_expr());
    case pg::Node::kBoolExpr: {
      const pg::BoolExpr& b = node.bool_expr();
      ExprKind kind = b.boolop() == pg::AND_EXPR  ? ExprKind::kAnd
                      : b.boolop() == pg::OR_EXPR ? ExprKind::kOr
                                                  : ExprKind::kNot;
      return WithArgs(state, Make(kind, b.location()), b.args());
    }
    case pg::Node::kNullTest: {
      auto e = Make(ExprKind::kIsNull, node.null_test().location());
      e->negated = node.null_test().nulltesttype() == pg::IS_NOT_NULL;
      ISO_ASSIGN_OR_RETURN(ExprPtr arg, Expression(state, node.null_test().arg()));
      e->args.push_back(std::move(arg));
      return e;
    }
    case pg::Node::kBooleanTest:
      return BoolTest(state, node.boolean_test());
    case pg::Node::kCaseExpr:
      return Case(state, node.case_expr());
    case pg::Node::kCoalesceExpr:
      return WithArgs(state, Make(ExprKind::kCoalesce, node.coalesce_expr().location()),
                      node.coalesce_expr().args());
    case pg::Node::kMinMaxExpr:
      return WithArgs(
          state,
          Make(node.min_max_expr().op() == pg::IS_GREATEST ? ExprKind::kGreatest : ExprKind::kLeast,
               node.min_max_expr().location()),
          node.min_max_expr().args());
    case pg::Node::kTypeCast: {
      const pg::TypeCast& cast = node.type_cast();
      auto e = Make(ExprKind::kCast, cast.location());
      ISO_ASSIGN_OR_RETURN(ast::TypeName type, TypeNameOf(cast.type_name()));
      e->text = std::move(type.name);
      e->modifiers = std::move(type.modifiers);
      ISO_ASSIGN_OR_RETURN(ExprPtr arg, Expression(state, cast.arg()));
      if (e->position < 0) e->position = arg->position;
      e->args.push_back(std::move(arg));
      return e;
    }
    case pg::Node::kFuncCall:
      return Function(state, node.func_call());
    case pg::Node::kSqlvalueFunction:
      return ValueFunction(node.sqlvalue_function());
    case pg::Node::kSetToDefault:
      return Make(ExprKind::kDefault, -1);
    case pg::Node::kRowExpr:
      return WithArgs(state, Make(ExprKind::kRow, node.row_expr().location()),
                      node.row_expr().args());
    case pg::Node::kGroupingFunc:
      return WithArgs(state, Make(ExprKind::kGrouping, node.grouping_func().location()),
                      node.grouping_func().args());
    case pg::Node::kGroupingSet: {
      const pg::GroupingSet& set = node.grouping_set();
      auto e = Make(ExprKind::kGroupingSet, set.location());
      e->text = set.kind() == pg::GROUPING_SET_EMPTY    ? "empty"
                : set.kind() == pg::GROUPING_SET_ROLLUP ? "rollup"
                : set.kind() == pg::GROUPING_SET_CUBE   ? "cube"
                : set.kind() == pg::GROUPING_SET_SETS   ? "sets"
                                                        : "simple";
      return WithArgs(state, std::move(e), set.content());
    }
    case pg::Node::kSubLink:
      return Subquery(state, node.sub_link());
    case pg::Node::kAArrayExpr:
      return WithArgs(state, Make(ExprKind::kArray, node.a_array_expr().location()),
                      node.a_array_expr().elements());
    case pg::Node::kCollateClause:
      return Collate(state, node.collate_clause());
    case pg::Node::kAIndirection:
      return Subscripts(state, node.a_indirection());
    case pg::Node::NODE_NOT_SET:
      return SqlError(sqlstate::kInternal, "an empty expression");
    default:
      return Unsupported("this expression", -1);
  }
}

}  // namespace

absl::Status Unsupported(absl::string_view what, int position) {
  return SqlError(sqlstate::kUnsupported, absl::StrCat(what, " is not supported yet"), position,
                  "docs/reference/sql.md lists what is.");
}

std::vector<std::string> Strings(const google::protobuf::RepeatedPtrField<pg::Node>& nodes) {
  std::vector<std::string> out;
  for (const pg::Node& node : nodes) out.push_back(node.string().sval());
  return out;
}

absl::StatusOr<ast::TypeName> TypeNameOf(const pg::TypeName& type) {
  const std::vector<std::string> names = Strings(type.names());
  const std::string name = names.empty() ? "" : names.back();
  if (type.setof() || type.pct_type()) return Unsupported("this type", type.location());
  if (names.size() > 2) {
    return SqlError(sqlstate::kUndefinedObject, absl::StrCat("type \"", name, "\" does not exist"),
                    type.location());
  }
  ast::TypeName out;
  out.name = absl::StrCat(type.array_bounds_size() > 0 ? "_" : "", name);
  if (names.size() == 2 && names[0] != "pg_catalog") {
    out.name = absl::StrCat(QuoteIdentifier(names[0]), ".", QuoteIdentifier(out.name));
  } else if (out.name.find_first_of(".\"") != std::string::npos) {
    out.name = QuoteIdentifier(out.name);
  }
  for (const pg::Node& node : type.typmods()) {
    const pg::A_Const& c = node.a_const();
    if (!node.has_a_const() || c.val_case() != pg::A_Const::kIval) {
      return SqlError(sqlstate::kInvalidParameter,
                      "type modifiers must be simple constants or identifiers", type.location());
    }
    out.modifiers.push_back(c.ival().ival());
  }
  return out;
}

absl::StatusOr<ast::ExprPtr> Expression(State* state, const pg::Node& node) {
  ISO_RETURN_IF_ERROR(Deeper(state, 1));
  auto e = Inner(state, node);
  --state->depth;
  return e;
}

absl::StatusOr<std::vector<ast::ExprPtr>> Expressions(
    State* state, const google::protobuf::RepeatedPtrField<pg::Node>& nodes) {
  std::vector<ast::ExprPtr> out;
  out.reserve(static_cast<size_t>(nodes.size()));
  for (const pg::Node& node : nodes) {
    ISO_ASSIGN_OR_RETURN(ast::ExprPtr e, Expression(state, node));
    out.push_back(std::move(e));
  }
  return out;
}

}  // namespace isochron::sql::convert
