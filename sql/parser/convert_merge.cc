// SPDX-License-Identifier: Apache-2.0
//
// SET lists, and MERGE.
#include <utility>

#include "common/status_macros.h"
#include "sql/parser/convert.h"
#include "sql/types/error.h"

namespace isochron::sql::convert {
namespace {

// Of `(a, b) = source`: the values, each once.
absl::StatusOr<std::vector<ast::ExprPtr>> MultipleValues(State* state,
                                                         const pg::MultiAssignRef& ref,
                                                         int position) {
  const size_t columns = static_cast<size_t>(ref.ncolumns());
  std::vector<ast::ExprPtr> out;
  if (ref.source().has_row_expr()) {
    ISO_ASSIGN_OR_RETURN(out, Expressions(state, ref.source().row_expr().args()));
  } else if (ref.source().has_sub_link() &&
             ref.source().sub_link().sub_link_type() == pg::EXPR_SUBLINK) {
    ISO_ASSIGN_OR_RETURN(ast::ExprPtr query, Expression(state, ref.source()));
    for (size_t i = 0; i < columns; ++i) {
      auto field = std::make_unique<ast::Expr>();
      field->kind = ast::ExprKind::kSubquery;
      field->text = "field";
      field->int_value = static_cast<int64_t>(i);
      field->star = true;  // it has as many columns as there are targets
      field->position = query->position;
      field->select = query->select;
      out.push_back(std::move(field));
    }
  } else {
    return SqlError(sqlstate::kUnsupported,
                    "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() "
                    "expression",
                    position);
  }
  if (out.size() != columns) {
    return SqlError(sqlstate::kSyntaxError, "number of columns does not match number of values",
                    position);
  }
  return out;
}

absl::StatusOr<ast::MergeWhen> When(State* state, const pg::MergeWhenClause& clause) {
  ast::MergeWhen out;
  out.matched = clause.matched();
  if (clause.has_condition()) {
    ISO_ASSIGN_OR_RETURN(out.condition, Expression(state, clause.condition()));
  }
  switch (clause.command_type()) {
    case pg::CMD_UPDATE: {
      out.action = ast::MergeAction::kUpdate;
      ISO_ASSIGN_OR_RETURN(out.set, Assignments(state, clause.target_list()));
      break;
    }
    case pg::CMD_DELETE:
      out.action = ast::MergeAction::kDelete;
      break;
    case pg::CMD_INSERT: {
      out.action = ast::MergeAction::kInsert;
      if (clause.override() == pg::OVERRIDING_USER_VALUE ||
          clause.override() == pg::OVERRIDING_SYSTEM_VALUE) {
        return Unsupported("OVERRIDING in MERGE", -1);
      }
      for (const pg::Node& node : clause.target_list()) {
        out.columns.emplace_back(node.res_target().name(), node.res_target().location());
      }
      ISO_ASSIGN_OR_RETURN(out.values, Expressions(state, clause.values()));
      break;
    }
    default:
      break;
  }
  return out;
}

}  // namespace

absl::StatusOr<std::vector<ast::Assignment>> Assignments(
    State* state, const google::protobuf::RepeatedPtrField<pg::Node>& targets) {
  std::vector<ast::Assignment> out;
  std::vector<ast::ExprPtr> several;  // of the multiple assignment that is under way
  for (const pg::Node& node : targets) {
    const pg::ResTarget& target = node.res_target();
    if (target.indirection_size() > 0) {
      return Unsupported("assignment to a part of a column", target.location());
    }
    ast::Assignment a;
    a.column = target.name();
    a.position = target.location();
    if (target.val().has_multi_assign_ref()) {
      const pg::MultiAssignRef& ref = target.val().multi_assign_ref();
      if (ref.colno() == 1) {
        ISO_ASSIGN_OR_RETURN(several, MultipleValues(state, ref, target.location()));
      }
      a.value = std::move(several[static_cast<size_t>(ref.colno()) - 1]);
    } else {
      ISO_ASSIGN_OR_RETURN(a.value, Expression(state, target.val()));
    }
    out.push_back(std::move(a));
  }
  return out;
}

absl::StatusOr<ast::Merge> MergeStatement(State* state, const pg::MergeStmt& stmt) {
  ast::Merge out;
  if (stmt.has_with_clause()) {
    if (stmt.with_clause().recursive()) {
      return SqlError(sqlstate::kUnsupported, "WITH RECURSIVE is not supported for MERGE statement",
                      -1);
    }
    ISO_ASSIGN_OR_RETURN(out.ctes, With(state, stmt.with_clause()));
  }
  ISO_ASSIGN_OR_RETURN(out.table, Table(stmt.relation()));
  ISO_ASSIGN_OR_RETURN(ast::FromItem source, From(state, stmt.source_relation()));
  out.source.push_back(std::move(source));
  ISO_ASSIGN_OR_RETURN(out.on, Expression(state, stmt.join_condition()));
  bool unconditional[2] = {false, false};
  for (const pg::Node& node : stmt.merge_when_clauses()) {
    ISO_ASSIGN_OR_RETURN(ast::MergeWhen when, When(state, node.merge_when_clause()));
    if (unconditional[when.matched ? 1 : 0]) {
      return SqlError(sqlstate::kSyntaxError,
                      "unreachable WHEN clause specified after unconditional WHEN clause");
    }
    if (when.condition == nullptr) unconditional[when.matched ? 1 : 0] = true;
    out.whens.push_back(std::move(when));
  }
  return out;
}

}  // namespace isochron::sql::convert
