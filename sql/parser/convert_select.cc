// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status_macros.h"
#include "sql/parser/convert.h"
#include "sql/types/error.h"

namespace isochron::sql::convert {
namespace {

absl::Status Locking(const pg::SelectStmt& stmt, ast::Select* out) {
  for (const pg::Node& node : stmt.locking_clause()) {
    const pg::LockingClause& lock = node.locking_clause();
    out->locks = true;
    // The strictest of several counts.
    if (lock.wait_policy() == pg::LockWaitError) {
      out->lock_wait = ast::LockWait::kFail;
    } else if (lock.wait_policy() == pg::LockWaitSkip && out->lock_wait == ast::LockWait::kWait) {
      out->lock_wait = ast::LockWait::kSkip;
    }
    // FOR SHARE is what every read of a read-write transaction does anyway.
    const bool exclusive =
        lock.strength() == pg::LCS_FORUPDATE || lock.strength() == pg::LCS_FORNOKEYUPDATE;
    out->for_update = out->for_update || exclusive;
    if (exclusive || out->lock_wait != ast::LockWait::kWait) {
      for (const pg::Node& of : lock.locked_rels()) {
        out->lock_of.emplace_back(of.range_var().relname(), of.range_var().location());
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Refuse(const pg::SelectStmt& stmt) {
  if (stmt.has_into_clause()) return Unsupported("SELECT INTO", -1);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ast::TableName> QualifiedName(const std::vector<std::string>& parts, int position) {
  if (parts.empty() || parts.size() > 3) {
    return SqlError(sqlstate::kSyntaxError,
                    absl::StrCat("improper qualified name (too many dotted names): ",
                                 absl::StrJoin(parts, ".")),
                    position);
  }
  ast::TableName out;
  if (parts.size() == 3) out.database = parts[0];
  out.name = parts.back();
  if (parts.size() > 1) out.schema = parts[parts.size() - 2];
  out.position = position;
  return out;
}

absl::StatusOr<ast::TableName> Table(const pg::RangeVar& range) {
  std::vector<std::string> parts = {range.catalogname(), range.schemaname(), range.relname()};
  std::erase(parts, "");
  ISO_ASSIGN_OR_RETURN(ast::TableName out, QualifiedName(parts, range.location()));
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

namespace {

// The clauses of a plain SELECT or VALUES.
absl::Status Core(State* state, const pg::SelectStmt& stmt, ast::Select* out) {
  // Plain DISTINCT is a list of one empty node.
  out->distinct = stmt.distinct_clause_size() > 0;
  if (out->distinct && stmt.distinct_clause(0).node_case() != pg::Node::NODE_NOT_SET) {
    ISO_ASSIGN_OR_RETURN(out->distinct_on, Expressions(state, stmt.distinct_clause()));
  }
  ISO_ASSIGN_OR_RETURN(out->items, SelectItems(state, stmt.target_list()));
  for (const pg::Node& node : stmt.from_clause()) {
    ISO_ASSIGN_OR_RETURN(ast::FromItem item, From(state, node));
    out->from.push_back(std::move(item));
  }
  if (stmt.has_where_clause()) {
    ISO_ASSIGN_OR_RETURN(out->where, Expression(state, stmt.where_clause()));
  }
  ISO_ASSIGN_OR_RETURN(out->group_by, Expressions(state, stmt.group_clause()));
  if (stmt.has_having_clause()) {
    ISO_ASSIGN_OR_RETURN(out->having, Expression(state, stmt.having_clause()));
  }
  out->group_distinct = stmt.group_distinct();
  for (const pg::Node& node : stmt.window_clause()) {
    ISO_ASSIGN_OR_RETURN(ast::WindowPtr window, WindowDefinition(state, node.window_def()));
    out->windows.push_back(std::move(window));
  }
  for (const pg::Node& node : stmt.values_lists()) {
    ISO_ASSIGN_OR_RETURN(std::vector<ast::ExprPtr> row, Expressions(state, node.list().items()));
    out->values.push_back(std::move(row));
  }
  return absl::OkStatus();
}

bool IsSetOperation(const pg::SelectStmt& stmt) {
  return stmt.op() != pg::SETOP_NONE && stmt.op() != pg::SET_OPERATION_UNDEFINED;
}

absl::StatusOr<ast::SelectPtr> Branch(State* state, const pg::SelectStmt& stmt) {
  ISO_ASSIGN_OR_RETURN(ast::Select select, SelectStatement(state, stmt));
  return std::make_unique<ast::Select>(std::move(select));
}

// A long chain of set operations leans to the left: it is walked down, not recursed into.
absl::Status SetOperation(State* state, const pg::SelectStmt& stmt, ast::Select* out) {
  std::vector<const pg::SelectStmt*> chain = {&stmt};
  auto plain = [](const pg::SelectStmt& s) {
    return IsSetOperation(s) && s.sort_clause_size() == 0 && !s.has_limit_count() &&
           !s.has_limit_offset() && !s.has_with_clause() && s.locking_clause_size() == 0;
  };
  while (plain(chain.back()->larg())) chain.push_back(&chain.back()->larg());
  ISO_ASSIGN_OR_RETURN(out->first, Branch(state, chain.back()->larg()));
  for (auto it = chain.rbegin(); it != chain.rend(); ++it) {
    ast::SetBranch branch;
    branch.op = (*it)->op() == pg::SETOP_UNION       ? ast::SetOp::kUnion
                : (*it)->op() == pg::SETOP_INTERSECT ? ast::SetOp::kIntersect
                                                     : ast::SetOp::kExcept;
    branch.all = (*it)->all();
    ISO_ASSIGN_OR_RETURN(branch.select, Branch(state, (*it)->rarg()));
    out->branches.push_back(std::move(branch));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Deeper(State* state, int by) {
  constexpr int kMaxDepth = 500;
  state->depth += by;
  if (state->depth <= kMaxDepth) return absl::OkStatus();
  return SqlError("54001", "the statement is nested too deeply", -1,
                  "Queries may lie about 50 deep in one another, expressions 500.");
}

absl::StatusOr<std::vector<ast::CtePtr>> With(State* state, const pg::WithClause& clause) {
  std::vector<ast::CtePtr> out;
  for (const pg::Node& node : clause.ctes()) {
    const pg::CommonTableExpr& cte = node.common_table_expr();
    if (cte.has_search_clause() || cte.has_cycle_clause()) {
      return Unsupported("SEARCH and CYCLE", cte.location());
    }
    for (const ast::CtePtr& other : out) {
      if (other->name != cte.ctename()) continue;
      return SqlError(
          sqlstate::kDuplicateAlias,
          absl::StrCat("WITH query name \"", cte.ctename(), "\" specified more than once"),
          cte.location());
    }
    auto made = std::make_shared<ast::Cte>();
    made->name = cte.ctename();
    made->columns = Strings(cte.aliascolnames());
    made->materialized = cte.ctematerialized() == pg::CTEMaterializeAlways;
    made->position = cte.location();
    if (clause.recursive()) {
      state->ctes.push_back(made);
      state->open.push_back(made.get());
    }
    if (cte.ctequery().has_select_stmt()) {
      ISO_ASSIGN_OR_RETURN(made->select, Branch(state, cte.ctequery().select_stmt()));
    } else {
      made->dml = std::make_shared<ast::Statement>();
      ISO_RETURN_IF_ERROR(StatementNode(state, cte.ctequery(), made->dml.get()));
      if (made->recursive) {
        return SqlError("42P19",
                        absl::StrCat("recursive query \"", made->name,
                                     "\" must not contain data-modifying statements"),
                        made->position);
      }
    }
    if (clause.recursive()) {
      state->open.pop_back();
    } else {
      state->ctes.push_back(made);
    }
    out.push_back(std::move(made));
  }
  return out;
}

absl::StatusOr<ast::Select> SelectStatement(State* state, const pg::SelectStmt& stmt) {
  ISO_RETURN_IF_ERROR(Deeper(state, kSelectDepth));
  ISO_RETURN_IF_ERROR(Refuse(stmt));
  ast::Select out;
  const size_t visible = state->ctes.size();
  if (stmt.has_with_clause()) {
    ISO_ASSIGN_OR_RETURN(out.ctes, With(state, stmt.with_clause()));
  }
  ISO_RETURN_IF_ERROR(IsSetOperation(stmt) ? SetOperation(state, stmt, &out)
                                           : Core(state, stmt, &out));
  ISO_ASSIGN_OR_RETURN(out.order_by, OrderItems(state, stmt.sort_clause()));
  out.with_ties = stmt.limit_option() == pg::LIMIT_OPTION_WITH_TIES;
  if (stmt.has_limit_count()) {
    ISO_ASSIGN_OR_RETURN(out.limit, Expression(state, stmt.limit_count()));
  }
  if (stmt.has_limit_offset()) {
    ISO_ASSIGN_OR_RETURN(out.offset, Expression(state, stmt.limit_offset()));
  }
  ISO_RETURN_IF_ERROR(Locking(stmt, &out));
  state->ctes.resize(visible);
  state->depth -= kSelectDepth;
  return out;
}

}  // namespace isochron::sql::convert
