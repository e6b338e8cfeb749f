// SPDX-License-Identifier: Apache-2.0
//
// FROM: tables, WITH queries, derived tables, functions, joins.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/parser/convert.h"
#include "sql/types/error.h"

namespace isochron::sql::convert {
namespace {

using Kind = ast::FromItem::Kind;

void TakeAlias(const pg::Alias& alias, ast::FromItem* item) {
  item->table.alias = alias.aliasname();
  item->columns = Strings(alias.colnames());
}

absl::StatusOr<ast::FromItem> TableOrCte(State* state, const pg::RangeVar& range) {
  ast::FromItem item;
  pg::RangeVar bare = range;
  bare.clear_alias();
  ISO_ASSIGN_OR_RETURN(item.table, Table(bare));
  if (range.has_alias()) TakeAlias(range.alias(), &item);
  if (!item.table.schema.empty()) return item;
  for (auto it = state->ctes.rbegin(); it != state->ctes.rend(); ++it) {
    if ((*it)->name != item.table.name) continue;
    item.kind = Kind::kCte;
    item.cte = *it;
    ++item.cte->references;
    break;
  }
  return item;
}

absl::StatusOr<ast::FromItem> Derived(State* state, const pg::RangeSubselect& range) {
  if (range.lateral()) return Unsupported("LATERAL", -1);
  ast::FromItem item;
  item.kind = Kind::kSelect;
  TakeAlias(range.alias(), &item);
  ISO_ASSIGN_OR_RETURN(ast::Select select, SelectStatement(state, range.subquery().select_stmt()));
  item.select = std::make_unique<ast::Select>(std::move(select));
  return item;
}

absl::StatusOr<ast::FromItem> Function(State* state, const pg::RangeFunction& range) {
  if (range.lateral()) return Unsupported("LATERAL", -1);
  if (range.ordinality()) return Unsupported("WITH ORDINALITY", -1);
  if (range.is_rowsfrom() || range.functions_size() != 1 || range.coldeflist_size() > 0) {
    return Unsupported("ROWS FROM", -1);
  }
  ast::FromItem item;
  item.kind = Kind::kFunction;
  ISO_ASSIGN_OR_RETURN(item.function, Expression(state, range.functions(0).list().items(0)));
  if (item.function->kind != ast::ExprKind::kFunc || item.function->names.size() != 1 ||
      item.function->names[0] != "generate_series") {
    return Unsupported("a function other than generate_series in FROM", item.function->position);
  }
  item.table.position = item.function->position;
  if (range.has_alias()) TakeAlias(range.alias(), &item);
  return item;
}

absl::StatusOr<ast::FromItem> Join(State* state, const pg::JoinExpr& join) {
  if (join.has_alias() || join.has_join_using_alias()) {
    return Unsupported("an alias of a join", -1);
  }
  ast::FromItem item;
  item.kind = Kind::kJoin;
  switch (join.jointype()) {
    case pg::JOIN_INNER:
      break;
    case pg::JOIN_LEFT:
      item.join = ast::JoinKind::kLeft;
      break;
    case pg::JOIN_RIGHT:
      item.join = ast::JoinKind::kRight;
      break;
    case pg::JOIN_FULL:
      item.join = ast::JoinKind::kFull;
      break;
    default:
      return Unsupported("this kind of join", -1);
  }
  ISO_ASSIGN_OR_RETURN(ast::FromItem left, From(state, join.larg()));
  ISO_ASSIGN_OR_RETURN(ast::FromItem right, From(state, join.rarg()));
  item.left = std::make_unique<ast::FromItem>(std::move(left));
  item.right = std::make_unique<ast::FromItem>(std::move(right));
  item.natural = join.is_natural();
  item.using_columns = Strings(join.using_clause());
  if (join.has_quals()) {
    ISO_ASSIGN_OR_RETURN(item.on, Expression(state, join.quals()));
  }
  return item;
}

}  // namespace

absl::StatusOr<ast::FromItem> From(State* state, const pg::Node& node) {
  ISO_RETURN_IF_ERROR(Deeper(state, 1));
  absl::StatusOr<ast::FromItem> item = Unsupported("this FROM item", -1);
  if (node.has_range_var()) {
    item = TableOrCte(state, node.range_var());
  } else if (node.has_join_expr()) {
    item = Join(state, node.join_expr());
  } else if (node.has_range_subselect()) {
    item = Derived(state, node.range_subselect());
  } else if (node.has_range_function()) {
    item = Function(state, node.range_function());
  }
  --state->depth;
  return item;
}

}  // namespace isochron::sql::convert
