// SPDX-License-Identifier: Apache-2.0
//
// FROM and WHERE: names are bound first, over slots that count through the whole clause; then each
// condition goes down to where its columns are, but never below the side of an outer join that may
// be empty.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/information_schema.h"
#include "sql/pg_catalog/columns.h"
#include "sql/pg_catalog/oids.h"
#include "sql/planner/builder.h"
#include "sql/types/error.h"

namespace isochron::sql::planner {
namespace {

PlanNodePtr Filtered(std::vector<ExprPtr> conditions, PlanNodePtr child) {
  if (conditions.empty()) return child;
  auto filter = std::make_unique<FilterPlan>();
  filter->predicate = JoinAnd(std::move(conditions));
  filter->child = std::move(child);
  return filter;
}

// Puts the query's own expressions in the place of its columns.
void Substitute(ExprPtr* e, const std::vector<ExprPtr>& columns) {
  if ((*e)->kind == ExprKind::kColumn) {
    *e = Clone(*columns[static_cast<size_t>((*e)->index)]);
    return;
  }
  for (ExprPtr& a : (*e)->args) Substitute(&a, columns);
}

// A derived table that only picks columns of one table is read as the table would be: conditions
// become its own. Leaves them where that is not so.
void PushInto(PlanNode* wrapped, std::vector<ExprPtr>* conditions) {
  if (wrapped->kind != PlanKind::kSubqueryScan || conditions->empty()) return;
  if (wrapped->child->kind != PlanKind::kProject) return;
  auto* project = static_cast<ProjectPlan*>(wrapped->child.get());
  if (project->child->kind != PlanKind::kScan) return;
  auto* scan = static_cast<ScanPlan*>(project->child.get());
  if (scan->limit != nullptr || scan->offset != nullptr) return;
  for (const ExprPtr& e : project->exprs) {
    // What is computed could fail, or be a subquery, more often or in another order than written.
    if (e->kind != ExprKind::kColumn) return;
  }
  std::vector<ExprPtr> all;
  SplitAnd(std::move(scan->filter), &all);
  for (ExprPtr& c : *conditions) {
    Substitute(&c, project->exprs);
    all.push_back(std::move(c));
  }
  conditions->clear();
  static_cast<SubqueryScanPlan*>(wrapped)->restricted = true;
  if (scan->bounds.prefix.empty() && scan->bounds.lower == nullptr &&
      scan->bounds.upper == nullptr) {
    ChoosePath(scan, &all);
  }
  scan->filter = JoinAnd(std::move(all));
}

// One column's value by which the rows of a catalog's table are looked up. The condition stays.
void FindLookup(const std::vector<ExprPtr>& conditions, VirtualScanPlan* scan) {
  for (const ExprPtr& c : conditions) {
    if (c->kind != ExprKind::kCall || absl::string_view(c->function->name) != "=") continue;
    for (size_t k = 0; k < 2; ++k) {
      const Expr& column = *c->args[k];
      const Expr& value = *c->args[1 - k];
      if (column.kind != ExprKind::kColumn || !IsConstant(value) || HasSubquery(value)) continue;
      scan->lookup_column = column.index;
      scan->lookup = Clone(value);
      return;
    }
  }
}

void TakeIf(std::vector<ExprPtr>* from, std::vector<ExprPtr>* to, int first, int end) {
  std::vector<ExprPtr> kept;
  for (ExprPtr& c : *from) (ReadsOnly(*c, first, end) ? *to : kept).push_back(std::move(c));
  *from = std::move(kept);
}

void Append(std::vector<ExprPtr>* to, std::vector<ExprPtr> from) {
  for (ExprPtr& e : from) to->push_back(std::move(e));
}

std::vector<ScopeName> CopyNames(const std::vector<ScopeName>& names) {
  std::vector<ScopeName> out;
  for (const ScopeName& n : names) out.push_back({n.name, Clone(*n.expr), n.system});
  return out;
}

// Of a USING column in one side of the join.
absl::StatusOr<ExprPtr> Common(const std::vector<ScopeName>& names, const std::string& name,
                               const char* side) {
  ExprPtr found;
  for (const ScopeName& n : names) {
    if (n.name != name) continue;
    if (found != nullptr) {
      return SqlError(sqlstate::kAmbiguousColumn,
                      absl::StrCat("common column name \"", name, "\" appears more than once in ",
                                   side, " table"));
    }
    found = Clone(*n.expr);
  }
  if (found == nullptr) {
    return SqlError(
        sqlstate::kUndefinedColumn,
        absl::StrCat("column \"", name, "\" specified in USING clause does not exist in ", side,
                     " table"));
  }
  return found;
}

}  // namespace

absl::Status Builder::Enter(ScopeTable table, int position, FromNode* node, Scope* scope) const {
  for (const ScopeTable& other : scope->tables) {
    if (other.name == table.name && !other.covered) {
      return SqlError(sqlstate::kDuplicateAlias,
                      absl::StrCat("table name \"", table.name, "\" specified more than once"),
                      position, "Give one of them an alias.");
    }
  }
  node->offset = scope->width();
  node->width = static_cast<int>(table.columns.size());
  if (node->offset + node->width > kMaxFromColumns) {
    return SqlError("54011", absl::StrCat("joins can have at most ", kMaxFromColumns, " columns"),
                    position);
  }
  node->source.offset = node->offset;
  node->source.width = node->width;
  table.offset = node->offset;
  for (int i = 0; i < node->width; ++i) {
    const ScopeColumn& c = table.columns[static_cast<size_t>(i)];
    if (!c.hidden) node->names.push_back({c.name, MakeColumn(node->offset + i, c.type), c.system});
  }
  node->first_table = scope->tables.size();
  scope->tables.push_back(std::move(table));
  node->end_table = scope->tables.size();
  return absl::OkStatus();
}

absl::StatusOr<Builder::FromNodePtr> Builder::BindLeaf(const ast::FromItem& item,
                                                       const Around& around, Scope* scope) {
  using Kind = ast::FromItem::Kind;
  auto node = std::make_unique<FromNode>();
  Source& source = node->source;
  ScopeTable t;
  Frames frames;
  if (item.lateral || item.kind == Kind::kFunction) {
    LateralFrame(around, *scope, &node->lets, &frames);
  }
  if (item.kind == Kind::kSelect) {
    const Around inside{item.lateral ? &frames.frame : around.outer, true, false};
    ISO_ASSIGN_OR_RETURN(source.plan, Derived(item, inside, &t));
  } else if (item.kind == Kind::kCte) {
    ISO_ASSIGN_OR_RETURN(source.plan, Cte(item, around, &t));
  } else if (item.kind == Kind::kFunction) {
    ISO_ASSIGN_OR_RETURN(source.plan, Functions(item, Around{&frames.frame, true, false}, &t));
  } else {
    const ast::TableName& name = item.table;
    source.schema = name.schema;
    source.name = name.name;
    t.name = name.alias.empty() ? name.name : name.alias;
    if (const std::string schema = VirtualSchemaOf(name); !schema.empty()) {
      source.schema = schema;
      const CatalogTable* catalog = FindCatalogTable(schema, name.name);
      source.def = catalog != nullptr     ? &catalog->def
                   : schema == "isochron" ? FindSystemTable(name.name)
                                          : FindInformationSchemaTable(name.name);
      if (catalog != nullptr) plan_->uses_catalog = true;
      if (source.def == nullptr) {
        return SqlError(
            sqlstate::kUndefinedTable,
            absl::StrCat("relation \"", name.schema, ".", name.name, "\" does not exist"),
            name.position);
      }
      // Statements and passwords of others are in them.
      if (schema == "isochron" || name.name == "pg_authid" || name.name == "pg_shadow") {
        plan_->superusers_only = name.name;
      }
      for (const SystemColumn& c : source.def->columns) {
        t.columns.push_back({c.name, c.type, false, -1, false, false, nullptr});
        t.columns.back().system = catalog != nullptr && t.columns.size() > catalog->visible;
      }
    } else {
      ISO_ASSIGN_OR_RETURN(source.table, FindTable(name));
      Need(source.table, kRightSelect);
      if (source.table->kind == RelationKind::kView) {
        const TablePtr view = std::move(source.table);
        source.table = nullptr;
        ISO_ASSIGN_OR_RETURN(source.plan, View(item, view, &t));
      }
      for (const ColumnDescriptor& c :
           source.table == nullptr ? std::vector<ColumnDescriptor>() : source.table->columns) {
        t.columns.push_back({c.name, c.type, Unseen(*source.table, c), c.typmod,
                             !c.generated_sql.empty(), false, nullptr, TableOid(source.table->id),
                             c.id});
      }
      if (source.table != nullptr) t.key = KeyOf(*source.table);
    }
    size_t visible = 0;
    for (ScopeColumn& c : t.columns) {
      if (c.hidden || c.system) continue;
      if (visible < item.columns.size()) c.name = item.columns[visible];
      ++visible;
    }
    if (item.columns.size() > visible) {
      return SqlError(
          sqlstate::kInvalidColumnReference,
          absl::StrCat("table \"", t.name, "\" has ", visible, " columns available but ",
                       item.columns.size(), " columns specified"),
          name.position);
    }
  }
  ISO_RETURN_IF_ERROR(Enter(std::move(t), item.table.position, node.get(), scope));
  return node;
}

void Builder::LateralFrame(const Around& around, const Scope& scope, std::vector<Let>* lets,
                           Frames* out) {
  out->scope.tables = scope.tables;
  out->scope.named = true;
  out->scope.names = CopyNames(scope.names);
  for (const FromNode* left : left_) {
    for (ScopeName& n : CopyNames(left->names)) out->scope.names.push_back(std::move(n));
  }
  out->scope.outer = around.outer;
  out->frame.scope = &out->scope;
  out->frame.lets = lets;
  out->frame.registers = &registers_;
  out->frame.level = reading_.size();
  out->frame.same_outer = true;
  if (left_refused_) {
    out->frame.refusal = "The combining JOIN type must be INNER or LEFT for a LATERAL reference.";
  }
}

// The join's columns under its alias; those of its tables are not found any more. USING's alias has
// the columns that were merged.
absl::Status Builder::AliasJoin(const ast::FromItem& item, FromNode* join, Scope* scope) const {
  for (const bool whole : {false, true}) {
    const std::string& alias = whole ? item.table.alias : item.using_alias;
    if (alias.empty()) continue;
    for (size_t i = join->first_table; whole && i < scope->tables.size(); ++i) {
      scope->tables[i].covered = true;
    }
    for (const ScopeTable& other : scope->tables) {
      if (other.name != alias || other.covered) continue;
      return SqlError(sqlstate::kDuplicateAlias,
                      absl::StrCat("table name \"", alias, "\" specified more than once"), -1);
    }
    ScopeTable table;
    table.name = alias;
    table.alias_of_join = true;
    const size_t columns = whole ? join->names.size() : item.using_columns.size();
    if (whole && item.columns.size() > columns) {
      return SqlError(
          sqlstate::kInvalidColumnReference,
          absl::StrCat("join expression \"", alias, "\" has ", columns, " columns available but ",
                       item.columns.size(), " columns specified"));
    }
    for (size_t i = 0; i < columns; ++i) {
      ScopeName& n = join->names[i];
      if (whole && i < item.columns.size()) n.name = item.columns[i];
      ScopeColumn column;
      column.name = n.name;
      column.type = n.expr->type;
      column.typmod = n.expr->typmod;
      column.expr = std::shared_ptr<const Expr>(Clone(*n.expr));
      table.columns.push_back(std::move(column));
    }
    scope->tables.push_back(std::move(table));
  }
  join->end_table = scope->tables.size();
  return absl::OkStatus();
}

absl::Status Builder::BindUsing(const std::vector<std::string>& names, FromNode* join) {
  Scope nothing;
  Binder binder(&nothing, &plan_->params, nullptr, "JOIN/USING");
  std::vector<ScopeName> merged;
  for (const std::string& name : names) {
    ISO_ASSIGN_OR_RETURN(ExprPtr left, Common(join->left->names, name, "left"));
    ISO_ASSIGN_OR_RETURN(ExprPtr right, Common(join->right->names, name, "right"));
    ISO_ASSIGN_OR_RETURN(ExprPtr equal, binder.Equal(Clone(*left), Clone(*right), -1));
    join->on.push_back(std::move(equal));
    std::vector<ExprPtr> both;
    both.push_back(std::move(left));
    both.push_back(std::move(right));
    Type type;
    ISO_RETURN_IF_ERROR(binder.Unify(&both, 0, 1, "JOIN/USING", &type));
    ExprPtr value = std::move(both[join->kind == ast::JoinKind::kRight ? 1 : 0]);
    if (join->kind == ast::JoinKind::kFull) {
      auto coalesce = std::make_unique<Expr>();
      coalesce->kind = ExprKind::kCoalesce;
      coalesce->type = type;
      coalesce->args.push_back(std::move(value));
      coalesce->args.push_back(std::move(both[1]));
      value = std::move(coalesce);
    }
    merged.push_back({name, std::move(value)});
  }
  for (FromNode* side : {join->left.get(), join->right.get()}) {
    for (ScopeName& n : CopyNames(side->names)) {
      if (std::find(names.begin(), names.end(), n.name) == names.end()) {
        merged.push_back(std::move(n));
      }
    }
  }
  join->names = std::move(merged);
  return absl::OkStatus();
}

absl::Status Builder::BindJoin(const ast::FromItem& item, const Around& around, const Scope& scope,
                               FromNode* join) {
  std::vector<std::string> common = item.using_columns;
  if (item.natural) {
    for (const ScopeName& l : join->left->names) {
      if (l.system) continue;
      const bool both = std::any_of(join->right->names.begin(), join->right->names.end(),
                                    [&](const ScopeName& r) { return r.name == l.name; });
      if (both && std::find(common.begin(), common.end(), l.name) == common.end()) {
        common.push_back(l.name);
      }
    }
  }
  if (!common.empty()) return BindUsing(common, join);
  join->names = CopyNames(join->left->names);
  for (ScopeName& n : CopyNames(join->right->names)) join->names.push_back(std::move(n));
  if (item.on == nullptr) return absl::OkStatus();
  // ON sees what it joins, and nothing beside it.
  Scope local;
  local.named = true;
  local.outer = around.outer;
  local.names = CopyNames(join->names);
  local.tables.assign(scope.tables.begin() + static_cast<std::ptrdiff_t>(join->first_table),
                      scope.tables.begin() + static_cast<std::ptrdiff_t>(join->end_table));
  Binder binder(&local, &plan_->params, nullptr, "JOIN conditions");
  binder.Allow(this);
  ISO_ASSIGN_OR_RETURN(ExprPtr condition, binder.BindAs(*item.on, Type::kBool, "JOIN/ON"));
  SplitAnd(std::move(condition), &join->on);
  return absl::OkStatus();
}

absl::StatusOr<Builder::FromNodePtr> Builder::BindFrom(const ast::FromItem& item,
                                                       const Around& around, Scope* scope) {
  if (item.kind != ast::FromItem::Kind::kJoin) return BindLeaf(item, around, scope);
  auto node = std::make_unique<FromNode>();
  node->kind = item.join;
  const bool left_nullable =
      item.join == ast::JoinKind::kRight || item.join == ast::JoinKind::kFull;
  const bool right_nullable =
      item.join == ast::JoinKind::kLeft || item.join == ast::JoinKind::kFull;
  nullable_sides_ += left_nullable ? 1 : 0;
  ISO_ASSIGN_OR_RETURN(node->left, BindFrom(*item.left, around, scope));
  nullable_sides_ -= left_nullable ? 1 : 0;
  const bool refused = left_refused_;
  left_refused_ = refused || left_nullable;
  left_.push_back(node->left.get());
  nullable_sides_ += right_nullable ? 1 : 0;
  ISO_ASSIGN_OR_RETURN(node->right, BindFrom(*item.right, around, scope));
  nullable_sides_ -= right_nullable ? 1 : 0;
  left_.pop_back();
  left_refused_ = refused;
  node->offset = node->left->offset;
  node->width = node->left->width + node->right->width;
  node->first_table = node->left->first_table;
  node->end_table = node->right->end_table;
  ISO_RETURN_IF_ERROR(BindJoin(item, around, *scope, node.get()));
  ISO_RETURN_IF_ERROR(AliasJoin(item, node.get(), scope));
  return node;
}

absl::StatusOr<PlanNodePtr> Builder::SourcePlan(Source* source) {
  for (ExprPtr& c : source->conditions) ShiftColumns(c.get(), -source->offset);
  if (source->plan != nullptr) {
    PushInto(source->plan.get(), &source->conditions);
    return Filtered(std::move(source->conditions), std::move(source->plan));
  }
  if (source->table == nullptr) {
    auto scan = std::make_unique<VirtualScanPlan>();
    scan->schema = source->schema;
    scan->name = source->name;
    scan->def = source->def;
    if (FindCatalogTable(scan->schema, scan->name) != nullptr) {
      scan->in_catalog = true;
      FindLookup(source->conditions, scan.get());
    }
    return Filtered(std::move(source->conditions), std::move(scan));
  }
  auto scan = std::make_unique<ScanPlan>();
  scan->table = source->table;
  scan->exclusive = source->exclusive;
  scan->no_wait = source->no_wait;
  ChoosePath(scan.get(), &source->conditions);
  scan->filter = JoinAnd(std::move(source->conditions));
  return PlanNodePtr(std::move(scan));
}

absl::StatusOr<PlanNodePtr> Builder::Build(FromNode* node, std::vector<ExprPtr> conditions) {
  if (node->left != nullptr) return BuildJoin(node, std::move(conditions));
  node->source.conditions = std::move(conditions);
  return SourcePlan(&node->source);
}

std::vector<ExprPtr> TakeKeys(std::vector<ExprPtr> on, int begin, int middle, int end,
                              JoinPlan* join) {
  std::vector<ExprPtr> others;
  for (ExprPtr& c : on) {
    const bool equality = join->lets.empty() && c->kind == ExprKind::kCall &&
                          absl::string_view(c->function->name) == "=" && !HasSubquery(*c);
    int left_arg = -1;
    for (int k = 0; equality && k < 2; ++k) {
      if (ReadsOnly(*c->args[static_cast<size_t>(k)], begin, middle) &&
          ReadsOnly(*c->args[static_cast<size_t>(1 - k)], middle, end)) {
        left_arg = k;
      }
    }
    if (left_arg < 0) {
      ShiftColumns(c.get(), -begin);
      others.push_back(std::move(c));
      continue;
    }
    ExprPtr left_key = std::move(c->args[static_cast<size_t>(left_arg)]);
    ExprPtr right_key = std::move(c->args[static_cast<size_t>(1 - left_arg)]);
    ShiftColumns(left_key.get(), -begin);
    ShiftColumns(right_key.get(), -middle);
    join->left_keys.push_back(std::move(left_key));
    join->right_keys.push_back(std::move(right_key));
  }
  return others;
}

absl::StatusOr<PlanNodePtr> Builder::BuildJoin(FromNode* node, std::vector<ExprPtr> conditions) {
  const ast::JoinKind kind = node->kind;
  const bool inner = kind == ast::JoinKind::kInner;
  const int middle = node->right->offset, end = node->offset + node->width;
  std::vector<ExprPtr> left, right;
  if (inner) Append(&conditions, std::move(node->on));
  if (inner || kind == ast::JoinKind::kLeft) TakeIf(&conditions, &left, node->offset, middle);
  if (inner || kind == ast::JoinKind::kRight) TakeIf(&conditions, &right, middle, end);
  std::vector<ExprPtr> on, above;
  if (inner) {
    // A subquery is asked about rows that are joined already.
    for (ExprPtr& c : conditions) (HasSubquery(*c) ? above : on).push_back(std::move(c));
  } else {
    on = std::move(node->on);
    if (kind == ast::JoinKind::kLeft) TakeIf(&on, &right, middle, end);
    if (kind == ast::JoinKind::kRight) TakeIf(&on, &left, node->offset, middle);
    above = std::move(conditions);
  }
  auto join = std::make_unique<JoinPlan>();
  join->left_outer = kind == ast::JoinKind::kLeft || kind == ast::JoinKind::kFull;
  join->right_outer = kind == ast::JoinKind::kRight || kind == ast::JoinKind::kFull;
  join->left_width = static_cast<size_t>(node->left->width);
  join->right_width = static_cast<size_t>(node->right->width);
  ISO_ASSIGN_OR_RETURN(join->child, Build(node->left.get(), std::move(left)));
  ISO_ASSIGN_OR_RETURN(join->right, Build(node->right.get(), std::move(right)));
  // What the right side needs of this join's left one is set here; the rest further out.
  for (Let& let : node->right->lets) {
    const bool here = ReadsOnly(*let.value, node->offset, middle);
    if (here) ShiftColumns(let.value.get(), -node->offset);
    (here ? join->lets : node->lets).push_back(std::move(let));
  }
  for (Let& let : node->left->lets) node->lets.push_back(std::move(let));
  join->condition = JoinAnd(TakeKeys(std::move(on), node->offset, middle, end, join.get()));
  ChooseLookup(join.get());
  for (ExprPtr& c : above) ShiftColumns(c.get(), -node->offset);
  return Filtered(std::move(above), std::move(join));
}

absl::StatusOr<Builder::FromNodePtr> Builder::BindItems(const std::vector<ast::FromItem>& items,
                                                        const Around& around, FromNodePtr first,
                                                        Scope* scope) {
  const std::vector<const FromNode*> outside = std::exchange(left_, {});
  const bool refused = std::exchange(left_refused_, false);
  FromNodePtr all = std::move(first);
  for (const ast::FromItem& item : items) {
    ISO_ASSIGN_OR_RETURN(FromNodePtr node, BindFrom(item, around, scope));
    for (ScopeName& n : CopyNames(node->names)) scope->names.push_back(std::move(n));
    if (all == nullptr) {
      all = std::move(node);
      continue;
    }
    auto cross = std::make_unique<FromNode>();
    cross->offset = all->offset;
    cross->width = all->width + node->width;
    cross->left = std::move(all);
    cross->right = std::move(node);
    all = std::move(cross);
  }
  scope->named = true;
  left_ = outside;
  left_refused_ = refused;
  return all;
}

absl::Status Builder::LockSources(const ast::Select& select, const Scope& scope,
                                  FromNode* node) const {
  if (node->left != nullptr) {
    ISO_RETURN_IF_ERROR(LockSources(select, scope, node->left.get()));
    return LockSources(select, scope, node->right.get());
  }
  const std::string& name = scope.tables[node->first_table].name;
  const bool named = std::any_of(select.lock_of.begin(), select.lock_of.end(),
                                 [&](const auto& of) { return of.first == name; });
  if (!select.lock_of.empty() && !named) return absl::OkStatus();
  if (node->source.plan != nullptr && node->source.plan->kind == PlanKind::kSubqueryScan) {
    return SqlError(sqlstate::kUnsupported,
                    "FOR UPDATE with a subquery in FROM is not supported yet", -1,
                    "Lock the rows by a statement of its own, or name the tables: FOR UPDATE OF.");
  }
  if (node->source.table != nullptr) Need(node->source.table, kRightUpdate);
  // What is skipped is locked row by row, above the scan.
  node->source.exclusive = select.for_update || select.lock_wait == ast::LockWait::kSkip;
  node->source.no_wait = select.lock_wait == ast::LockWait::kFail;
  return absl::OkStatus();
}

absl::StatusOr<PlanNodePtr> Builder::From(const ast::Select& select, const Around& around,
                                          Scope* scope) {
  ISO_ASSIGN_OR_RETURN(FromNodePtr all, BindItems(select.from, around, nullptr, scope));
  for (const auto& [name, position] : select.lock_of) {
    const bool there = std::any_of(scope->tables.begin(), scope->tables.end(),
                                   [&name = name](const ScopeTable& t) { return t.name == name; });
    if (there) continue;
    return SqlError(
        sqlstate::kUndefinedTable,
        absl::StrCat("relation \"", name, "\" in FOR UPDATE clause not found in FROM clause"),
        position);
  }
  const bool locks = select.for_update || select.lock_wait != ast::LockWait::kWait;
  if (locks && all != nullptr) {
    ISO_RETURN_IF_ERROR(LockSources(select, *scope, all.get()));
  }
  std::vector<ExprPtr> where;
  if (select.where != nullptr) {
    Binder binder(scope, &plan_->params, nullptr, "WHERE");
    binder.Allow(this);
    ISO_ASSIGN_OR_RETURN(ExprPtr condition, binder.BindAs(*select.where, Type::kBool, "WHERE"));
    SplitAnd(std::move(condition), &where);
  }
  if (all != nullptr) {
    const int width = all->width;
    std::vector<std::unique_ptr<JoinPlan>> joins;
    if (around.outer == nullptr && subqueries_ == 0 && !select.locks && !select.for_update) {
      const bool may_stop = select.limit != nullptr && select.group_by.empty();
      ISO_ASSIGN_OR_RETURN(joins, SemiJoins(*scope, width, may_stop, &where));
    }
    ISO_ASSIGN_OR_RETURN(PlanNodePtr plan, BuildOrdered(std::move(all), *scope, std::move(where)));
    for (std::unique_ptr<JoinPlan>& join : joins) {
      join->child = std::move(plan);
      plan = std::move(join);
    }
    return plan;
  }
  auto values = std::make_unique<ValuesPlan>();
  values->rows.emplace_back();
  return Filtered(std::move(where), std::move(values));
}

absl::StatusOr<Builder::FromNodePtr> Builder::BindTarget(const TablePtr& table,
                                                         const ast::TableName& name, Scope* scope) {
  auto node = std::make_unique<FromNode>();
  node->source.table = table;
  node->source.exclusive = true;
  ScopeTable t = std::move(TableScope(*table, name.alias).tables[0]);
  ISO_RETURN_IF_ERROR(Enter(std::move(t), name.position, node.get(), scope));
  for (ScopeName& n : CopyNames(node->names)) scope->names.push_back(std::move(n));
  return node;
}

absl::StatusOr<PlanNodePtr> Builder::Target(const TablePtr& table, const ast::TableName& name,
                                            const std::vector<ast::FromItem>& items,
                                            const ast::ExprPtr& where, Scope* scope) {
  ISO_ASSIGN_OR_RETURN(FromNodePtr target, BindTarget(table, name, scope));
  ISO_ASSIGN_OR_RETURN(FromNodePtr all, BindItems(items, Around(), std::move(target), scope));
  if (!items.empty()) Need(table, kRightSelect);
  std::vector<ExprPtr> conditions;
  if (where != nullptr) {
    Binder binder(scope, &plan_->params, nullptr, "WHERE");
    binder.Allow(this);
    ISO_ASSIGN_OR_RETURN(ExprPtr condition, binder.BindAs(*where, Type::kBool, "WHERE"));
    NeedIfRead(table, condition.get());
    SplitAnd(std::move(condition), &conditions);
  }
  return BuildOrdered(std::move(all), *scope, std::move(conditions));
}

}  // namespace isochron::sql::planner
