// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/parser/convert.h"
#include "sql/types/error.h"

namespace isochron::sql::convert {
namespace {

absl::Status From(State* state, const pg::Node& node, ast::Select* out);

absl::Status Join(State* state, const pg::JoinExpr& join, ast::Select* out) {
  if (join.is_natural() || join.using_clause_size() > 0) {
    return Unsupported("NATURAL JOIN and JOIN ... USING", -1);
  }
  if (join.jointype() != pg::JOIN_INNER && join.jointype() != pg::JOIN_LEFT) {
    return Unsupported("a RIGHT or FULL join", -1);
  }
  if (join.has_alias()) return Unsupported("an alias of a join", -1);
  if (!join.rarg().has_range_var()) return Unsupported("a join whose right side is no table", -1);
  ISO_RETURN_IF_ERROR(From(state, join.larg(), out));
  ast::FromItem item;
  ISO_ASSIGN_OR_RETURN(item.table, Table(join.rarg().range_var()));
  item.left = join.jointype() == pg::JOIN_LEFT;
  if (join.has_quals()) {
    ISO_ASSIGN_OR_RETURN(item.on, Expression(state, join.quals()));
  }
  out->from.push_back(std::move(item));
  return absl::OkStatus();
}

absl::Status From(State* state, const pg::Node& node, ast::Select* out) {
  if (node.has_range_var()) {
    ast::FromItem item;
    ISO_ASSIGN_OR_RETURN(item.table, Table(node.range_var()));
    out->from.push_back(std::move(item));
    return absl::OkStatus();
  }
  if (node.has_join_expr()) {
    if (!out->from.empty()) return Unsupported("a join after a comma", -1);
    return Join(state, node.join_expr(), out);
  }
  if (node.has_range_subselect()) return Unsupported("a subquery in FROM", -1);
  if (node.has_range_function()) return Unsupported("a function in FROM", -1);
  return Unsupported("this FROM item", -1);
}

absl::Status OrderBy(State* state, const pg::SelectStmt& stmt, ast::Select* out) {
  for (const pg::Node& node : stmt.sort_clause()) {
    const pg::SortBy& sort = node.sort_by();
    if (sort.sortby_dir() == pg::SORTBY_USING) {
      return Unsupported("ORDER BY ... USING", sort.location());
    }
    ast::OrderItem item;
    ISO_ASSIGN_OR_RETURN(item.expr, Expression(state, sort.node()));
    item.descending = sort.sortby_dir() == pg::SORTBY_DESC;
    item.nulls_first = sort.sortby_nulls() == pg::SORTBY_NULLS_FIRST ||
                       (sort.sortby_nulls() != pg::SORTBY_NULLS_LAST && item.descending);
    out->order_by.push_back(std::move(item));
  }
  return absl::OkStatus();
}

absl::Status Locking(const pg::SelectStmt& stmt, ast::Select* out) {
  for (const pg::Node& node : stmt.locking_clause()) {
    const pg::LockingClause& lock = node.locking_clause();
    if (lock.wait_policy() != pg::LockWaitBlock &&
        lock.wait_policy() != pg::LOCK_WAIT_POLICY_UNDEFINED) {
      return Unsupported("NOWAIT and SKIP LOCKED", -1);
    }
    // FOR SHARE is what every read of a read-write transaction does anyway.
    if (lock.strength() == pg::LCS_FORUPDATE || lock.strength() == pg::LCS_FORNOKEYUPDATE) {
      out->for_update = true;
    }
  }
  return absl::OkStatus();
}

absl::Status Refuse(const pg::SelectStmt& stmt) {
  if (stmt.has_with_clause()) return Unsupported("WITH", stmt.with_clause().location());
  if (stmt.has_into_clause()) return Unsupported("SELECT INTO", -1);
  if (stmt.op() != pg::SETOP_NONE && stmt.op() != pg::SET_OPERATION_UNDEFINED) {
    return Unsupported("UNION, INTERSECT and EXCEPT", -1);
  }
  if (stmt.window_clause_size() > 0) return Unsupported("WINDOW", -1);
  if (stmt.limit_option() == pg::LIMIT_OPTION_WITH_TIES) return Unsupported("WITH TIES", -1);
  for (const pg::Node& node : stmt.group_clause()) {
    if (node.has_grouping_set()) return Unsupported("GROUPING SETS, CUBE and ROLLUP", -1);
  }
  // Plain DISTINCT is a list of one empty node.
  if (stmt.distinct_clause_size() > 0 &&
      stmt.distinct_clause(0).node_case() != pg::Node::NODE_NOT_SET) {
    return Unsupported("DISTINCT ON", -1);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ast::TableName> Table(const pg::RangeVar& range) {
  if (!range.catalogname().empty()) return Unsupported("a database in a name", range.location());
  ast::TableName out;
  out.schema = range.schemaname();
  out.name = range.relname();
  out.position = range.location();
  if (range.has_alias()) {
    out.alias = range.alias().aliasname();
    if (range.alias().colnames_size() > 0) {
      return Unsupported("column names in a table's alias", range.location());
    }
  }
  return out;
}

absl::StatusOr<std::vector<ast::SelectItem>> SelectItems(
    State* state, const google::protobuf::RepeatedPtrField<pg::Node>& nodes) {
  std::vector<ast::SelectItem> out;
  for (const pg::Node& node : nodes) {
    ast::SelectItem item;
    item.alias = node.res_target().name();
    ISO_ASSIGN_OR_RETURN(item.expr, Expression(state, node.res_target().val()));
    out.push_back(std::move(item));
  }
  return out;
}

absl::StatusOr<ast::Select> SelectStatement(State* state, const pg::SelectStmt& stmt) {
  ISO_RETURN_IF_ERROR(Refuse(stmt));
  ast::Select out;
  out.distinct = stmt.distinct_clause_size() > 0;
  ISO_ASSIGN_OR_RETURN(out.items, SelectItems(state, stmt.target_list()));
  for (const pg::Node& node : stmt.from_clause()) {
    ISO_RETURN_IF_ERROR(From(state, node, &out));
  }
  if (stmt.has_where_clause()) {
    ISO_ASSIGN_OR_RETURN(out.where, Expression(state, stmt.where_clause()));
  }
  ISO_ASSIGN_OR_RETURN(out.group_by, Expressions(state, stmt.group_clause()));
  if (stmt.has_having_clause()) {
    ISO_ASSIGN_OR_RETURN(out.having, Expression(state, stmt.having_clause()));
  }
  ISO_RETURN_IF_ERROR(OrderBy(state, stmt, &out));
  if (stmt.has_limit_count()) {
    ISO_ASSIGN_OR_RETURN(out.limit, Expression(state, stmt.limit_count()));
  }
  if (stmt.has_limit_offset()) {
    ISO_ASSIGN_OR_RETURN(out.offset, Expression(state, stmt.limit_offset()));
  }
  ISO_RETURN_IF_ERROR(Locking(stmt, &out));
  for (const pg::Node& node : stmt.values_lists()) {
    ISO_ASSIGN_OR_RETURN(std::vector<ast::ExprPtr> row, Expressions(state, node.list().items()));
    out.values.push_back(std::move(row));
  }
  return out;
}

}  // namespace isochron::sql::convert
