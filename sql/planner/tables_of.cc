// SPDX-License-Identifier: Apache-2.0
//
// The tables that a statement names, wherever a query stands in it.
#include "sql/planner/planner.h"

namespace isochron::sql {
namespace {

class Collector {
 public:
  void Table(const ast::TableName& name) {
    if (VirtualSchemaOf(name).empty()) out.push_back(name);
  }

  void Ctes(const std::vector<ast::CtePtr>& ctes) {
    for (const ast::CtePtr& cte : ctes) Select(*cte->select);
  }

  void Expr(const ast::ExprPtr& e) {
    if (e == nullptr) return;
    if (e->kind == ast::ExprKind::kFunc) {
      const std::string& name = e->names.back();
      const bool changes = name == "nextval" || name == "setval";
      draws = draws || changes;
      asks = asks || changes || name == "currval" || name == "lastval";
    }
    for (const ast::ExprPtr& a : e->args) Expr(a);
    Expr(e->filter);
    if (e->select != nullptr) Select(*e->select);
  }
  void Exprs(const std::vector<ast::ExprPtr>& exprs) {
    for (const ast::ExprPtr& e : exprs) Expr(e);
  }
  void Items(const std::vector<ast::SelectItem>& items) {
    for (const ast::SelectItem& item : items) Expr(item.expr);
  }
  void Set(const std::vector<ast::Assignment>& set) {
    for (const ast::Assignment& a : set) Expr(a.value);
  }

  void From(const ast::FromItem& item) {
    using Kind = ast::FromItem::Kind;
    if (item.kind == Kind::kTable) Table(item.table);
    if (item.kind == Kind::kSelect) Select(*item.select);
    if (item.kind == Kind::kFunction) Expr(item.function);
    if (item.kind != Kind::kJoin) return;
    From(*item.left);
    From(*item.right);
    Expr(item.on);
  }

  void Select(const ast::Select& select) {
    Ctes(select.ctes);
    if (select.first != nullptr) Select(*select.first);
    for (const ast::SetBranch& branch : select.branches) Select(*branch.select);
    for (const auto& row : select.values) Exprs(row);
    Items(select.items);
    Exprs(select.distinct_on);
    for (const ast::FromItem& item : select.from) From(item);
    Expr(select.where);
    Exprs(select.group_by);
    Expr(select.having);
    for (const ast::OrderItem& item : select.order_by) Expr(item.expr);
    Expr(select.limit);
    Expr(select.offset);
  }

  std::vector<ast::TableName> out;
  bool draws = false, asks = false;  // sequences
};

}  // namespace

std::vector<ast::TableName> TablesOf(const ast::Statement& statement) {
  Collector c;
  if (const auto* select = std::get_if<ast::Select>(&statement.node)) {
    c.Select(*select);
  } else if (const auto* insert = std::get_if<ast::Insert>(&statement.node)) {
    c.Table(insert->table);
    c.Ctes(insert->ctes);
    if (insert->source != nullptr) c.Select(*insert->source);
    if (insert->on_conflict.has_value()) {
      c.Set(insert->on_conflict->set);
      c.Expr(insert->on_conflict->where);
    }
    c.Items(insert->returning);
  } else if (const auto* update = std::get_if<ast::Update>(&statement.node)) {
    c.Table(update->table);
    c.Ctes(update->ctes);
    c.Set(update->set);
    c.Expr(update->where);
    c.Items(update->returning);
  } else if (const auto* del = std::get_if<ast::Delete>(&statement.node)) {
    c.Table(del->table);
    c.Ctes(del->ctes);
    c.Expr(del->where);
    c.Items(del->returning);
  } else if (const auto* explain = std::get_if<ast::Explain>(&statement.node)) {
    return TablesOf(*explain->statement);
  }
  return std::move(c.out);
}

bool DrawsFromSequence(const ast::Select& select, bool* asks) {
  Collector c;
  c.Select(select);
  *asks = c.asks;
  return c.draws;
}

}  // namespace isochron::sql
