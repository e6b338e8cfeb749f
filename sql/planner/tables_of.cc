// SPDX-License-Identifier: Apache-2.0
//
// The tables and types that a statement names, wherever a query stands in it.
#include "sql/binder/type_names.h"
#include "sql/planner/planner.h"

namespace isochron::sql {
namespace {

class Collector {
 public:
  void Table(const ast::TableName& name) {
    if (VirtualSchemaOf(name).empty()) out.push_back(name);
  }

  void Ctes(const std::vector<ast::CtePtr>& ctes) {
    for (const ast::CtePtr& cte : ctes) {
      if (cte->select != nullptr) Select(*cte->select);
      if (cte->dml != nullptr) Dml(*cte->dml);
    }
  }

  void Type(const std::string& name, int position) {
    for (const auto& [schema, local] : TypesMeantBy(name)) {
      ast::TableName type;
      type.schema = schema;
      type.name = local;
      type.position = position;
      type.of_type = true;
      if (!IsVirtualSchema(schema)) out.push_back(std::move(type));
    }
  }

  void Expr(const ast::ExprPtr& e) {
    if (e == nullptr) return;
    if (e->kind == ast::ExprKind::kCast) Type(e->text, e->position);
    if (e->kind == ast::ExprKind::kFunc) {
      const std::string& name = e->names.back();
      const bool changes = name == "nextval" || name == "setval";
      draws = draws || changes;
      asks = asks || changes || name == "currval" || name == "lastval";
    }
    for (const ast::ExprPtr& a : e->args) Expr(a);
    Expr(e->filter);
    Order(e->order_by);
    if (e->window != nullptr) Window(*e->window);
    if (e->select != nullptr) Select(*e->select);
  }
  void Order(const std::vector<ast::OrderItem>& items) {
    for (const ast::OrderItem& item : items) Expr(item.expr);
  }
  void Window(const ast::Window& window) {
    Exprs(window.partition);
    Order(window.order);
    Expr(window.start_offset);
    Expr(window.end_offset);
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
    Exprs(item.functions);
    for (const auto& columns : item.column_types) {
      for (const auto& [name, type] : columns) Type(type.name, -1);
    }
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
    for (const ast::WindowPtr& window : select.windows) Window(*window);
    Order(select.order_by);
    Expr(select.limit);
    Expr(select.offset);
  }

  // INSERT, UPDATE, DELETE or MERGE; nothing for what is none of them.
  void Dml(const ast::Statement& statement) {
    if (const auto* insert = std::get_if<ast::Insert>(&statement.node)) {
      Table(insert->table);
      Ctes(insert->ctes);
      if (insert->source != nullptr) Select(*insert->source);
      if (insert->on_conflict.has_value()) {
        Set(insert->on_conflict->set);
        Expr(insert->on_conflict->where);
      }
      Items(insert->returning);
    } else if (const auto* update = std::get_if<ast::Update>(&statement.node)) {
      Table(update->table);
      Ctes(update->ctes);
      Set(update->set);
      for (const ast::FromItem& item : update->from) From(item);
      Expr(update->where);
      Items(update->returning);
    } else if (const auto* del = std::get_if<ast::Delete>(&statement.node)) {
      Table(del->table);
      Ctes(del->ctes);
      for (const ast::FromItem& item : del->from) From(item);
      Expr(del->where);
      Items(del->returning);
    } else if (const auto* merge = std::get_if<ast::Merge>(&statement.node)) {
      Table(merge->table);
      Ctes(merge->ctes);
      for (const ast::FromItem& item : merge->source) From(item);
      Expr(merge->on);
      for (const ast::MergeWhen& when : merge->whens) {
        Expr(when.condition);
        Set(when.set);
        Exprs(when.values);
      }
    }
  }

  std::vector<ast::TableName> out;
  bool draws = false, asks = false;  // sequences
};

}  // namespace

std::vector<ast::TableName> TablesOf(const ast::Statement& statement) {
  Collector c;
  if (const auto* select = std::get_if<ast::Select>(&statement.node)) {
    c.Select(*select);
  } else if (const auto* explain = std::get_if<ast::Explain>(&statement.node)) {
    return TablesOf(*explain->statement);
  } else {
    c.Dml(statement);
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
