// SPDX-License-Identifier: Apache-2.0
//
// FROM: tables, WITH queries, derived tables, functions, joins.
#include <algorithm>
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
    if (std::find(state->open.begin(), state->open.end(), it->get()) != state->open.end()) {
      (*it)->recursive = true;
      item.recursive = it->get();
    } else {
      item.cte = *it;
      ++item.cte->references;
    }
    break;
  }
  return item;
}

absl::StatusOr<ast::FromItem> Derived(State* state, const pg::RangeSubselect& range) {
  ast::FromItem item;
  item.kind = Kind::kSelect;
  item.lateral = range.lateral();
  TakeAlias(range.alias(), &item);
  ISO_ASSIGN_OR_RETURN(ast::Select select, SelectStatement(state, range.subquery().select_stmt()));
  item.select = std::make_unique<ast::Select>(std::move(select));
  return item;
}

// "AS (a bigint, b text)".
absl::StatusOr<std::vector<std::pair<std::string, ast::TypeName>>> ColumnTypes(
    const google::protobuf::RepeatedPtrField<pg::Node>& nodes) {
  std::vector<std::pair<std::string, ast::TypeName>> out;
  for (const pg::Node& node : nodes) {
    ISO_ASSIGN_OR_RETURN(ast::TypeName type, TypeNameOf(node.column_def().type_name()));
    out.emplace_back(node.column_def().colname(), std::move(type));
  }
  return out;
}

const std::vector<std::string> kUnnest = {"unnest"};

absl::StatusOr<ast::FromItem> Function(State* state, const pg::RangeFunction& range) {
  ast::FromItem item;
  item.kind = Kind::kFunction;
  item.lateral = range.lateral();
  item.ordinality = range.ordinality();
  for (const pg::Node& node : range.functions()) {
    // The call, and its column definitions where ROWS FROM has them.
    const auto& pair = node.list().items();
    ISO_ASSIGN_OR_RETURN(ast::ExprPtr call, Expression(state, pair[0]));
    ISO_ASSIGN_OR_RETURN(auto types,
                         ColumnTypes(range.is_rowsfrom() && pair.size() > 1 ? pair[1].list().items()
                                                                            : range.coldeflist()));
    // Several arrays: as if each were unnested by a call of its own.
    const bool arrays = call->kind == ast::ExprKind::kFunc && call->names == kUnnest &&
                        call->args.size() > 1 && !call->variadic;
    while (arrays && call->args.size() > 1) {
      auto one = std::make_unique<ast::Expr>();
      one->kind = ast::ExprKind::kFunc;
      one->position = call->position;
      one->names = call->names;
      one->args.push_back(std::move(call->args.front()));
      call->args.erase(call->args.begin());
      item.functions.push_back(std::move(one));
      item.column_types.emplace_back();
    }
    item.functions.push_back(std::move(call));
    item.column_types.push_back(std::move(types));
  }
  item.table.position = item.functions[0]->position;
  if (range.has_alias()) TakeAlias(range.alias(), &item);
  return item;
}

absl::StatusOr<ast::FromItem> Join(State* state, const pg::JoinExpr& join) {
  ast::FromItem item;
  item.kind = Kind::kJoin;
  if (join.has_alias()) TakeAlias(join.alias(), &item);
  item.using_alias = join.join_using_alias().aliasname();
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
