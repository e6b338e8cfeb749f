// SPDX-License-Identifier: Apache-2.0
//
// WITH queries. One that is named once stands where it is named; others are run once and kept.
//
// Whoever names one may be deeper than the query that it belongs to, and sees other rows around it.
// So what a WITH query sees of the queries around its own is put into registers when that one
// begins (LetPlan), and is read from there.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/planner/builder.h"
#include "sql/types/error.h"

namespace isochron::sql::planner {
namespace {

constexpr char kInvalidRecursion[] = "42P19";

PlanNodePtr Wrapped(std::string name, PlanNodePtr child) {
  auto node = std::make_unique<SubqueryScanPlan>();
  node->name = std::move(name);
  node->child = std::move(child);
  return node;
}

absl::Status RenameColumns(const std::vector<std::string>& names, const char* what, int position,
                           const std::string& of, std::vector<ColumnInfo>* columns) {
  if (names.size() > columns->size()) {
    return SqlError(sqlstate::kInvalidColumnReference,
                    absl::StrCat(what, " \"", of, "\" has ", columns->size(),
                                 " columns available but ", names.size(), " columns specified"),
                    position);
  }
  for (size_t i = 0; i < names.size(); ++i) (*columns)[i].name = names[i];
  return absl::OkStatus();
}

absl::Status NotRecursive(const ast::Cte& cte, absl::string_view why) {
  return SqlError(kInvalidRecursion, absl::StrCat("recursive query \"", cte.name, "\" ", why),
                  cte.position);
}

}  // namespace

absl::Status Builder::TopCtes(const std::vector<ast::CtePtr>& ctes) {
  // What is around is nothing: no registers come of it.
  static const Scope* const nothing = new Scope;
  return Ctes(ctes, Around(), *nothing, &top_lets_);
}

absl::Status Builder::Ctes(const std::vector<ast::CtePtr>& ctes, const Around& around,
                           const Scope& nothing, std::vector<Let>* lets) {
  for (const ast::CtePtr& cte : ctes) {
    CteState& state = ctes_[cte.get()];
    state.frame.scope = &nothing;
    state.frame.lets = lets;
    state.frame.registers = &registers_;
    state.frame.level = reading_.size();
  }
  for (const ast::CtePtr& cte : ctes) {
    if (cte->dml != nullptr && around.nested) {
      return SqlError(sqlstate::kUnsupported,
                      "WITH clause containing a data-modifying statement must be at the top level",
                      cte->position);
    }
    if (cte->dml != nullptr) {
      ISO_RETURN_IF_ERROR(KeepCte(*cte).status());
    } else if (cte->references == 0) {
      ISO_RETURN_IF_ERROR(CteQuery(*cte).status());
    }
  }
  return absl::OkStatus();
}

void Builder::Reads(const std::vector<int>& registers) {
  for (size_t i = 0; i < reading_.size(); ++i) {
    for (int r : registers) {
      if (registers_[static_cast<size_t>(r)] <= i) reading_[i]->push_back(r);
    }
  }
}

// Plans the query itself; its columns, renamed, are in `columns`.
absl::StatusOr<PlanNodePtr> Builder::CteQuery(const ast::Cte& cte) {
  CteState& state = ctes_[&cte];
  std::vector<int> reads;
  std::vector<int>* const reads_before = std::exchange(state.frame.reads, &reads);
  reading_.push_back(&reads);
  const Around inside{&state.frame, true, false};
  const std::vector<const FromNode*> left = std::exchange(left_, {});
  const bool refused = std::exchange(left_refused_, false);
  const int nullable = std::exchange(nullable_sides_, 0);
  PlanNodePtr plan;
  if (cte.dml != nullptr) {
    ISO_ASSIGN_OR_RETURN(plan, Dml(*cte.dml));
  } else if (cte.recursive) {
    ISO_ASSIGN_OR_RETURN(plan, Recursive(cte, inside));
  } else {
    ISO_ASSIGN_OR_RETURN(plan, Select(*cte.select, inside));
  }
  left_ = left;
  left_refused_ = refused;
  nullable_sides_ = nullable;
  reading_.pop_back();
  state.frame.reads = reads_before;
  // Another of the same clause may have put there what this one reads, too.
  for (const Let& let : *state.frame.lets) reads.push_back(let.reg);
  std::sort(reads.begin(), reads.end());
  reads.erase(std::unique(reads.begin(), reads.end()), reads.end());
  Reads(reads);
  state.reads = std::move(reads);
  ISO_RETURN_IF_ERROR(RenameColumns(cte.columns, "WITH query", cte.position, cte.name, &columns));
  return plan;
}

absl::StatusOr<PlanNodePtr> Builder::Recursive(const ast::Cte& cte, const Around& around) {
  const ast::Select& select = *cte.select;
  const bool form = select.first != nullptr && select.branches.size() == 1 &&
                    select.branches[0].op == ast::SetOp::kUnion;
  if (!form) {
    return NotRecursive(cte,
                        "does not have the form non-recursive-term UNION [ALL] recursive-term");
  }
  if (!select.order_by.empty()) {
    return SqlError(sqlstate::kUnsupported, "ORDER BY in a recursive query is not implemented",
                    cte.position);
  }
  if (select.limit != nullptr || select.offset != nullptr) {
    return SqlError(sqlstate::kUnsupported,
                    absl::StrCat(select.limit != nullptr ? "LIMIT" : "OFFSET",
                                 " in a recursive query is not implemented"),
                    cte.position);
  }
  CteState& state = ctes_[&cte];
  auto node = std::make_unique<RecursiveUnionPlan>();
  node->name = cte.name;
  node->distinct = !select.branches[0].all;
  // WITH queries of the whole union.
  auto let = std::make_unique<LetPlan>();
  Scope nothing;
  nothing.outer = around.outer;
  ISO_RETURN_IF_ERROR(Ctes(select.ctes, around, nothing, &let->lets));
  ISO_ASSIGN_OR_RETURN(node->child, Select(*select.first, around));
  const std::vector<ColumnInfo> result = columns;
  state.columns = columns;
  ISO_RETURN_IF_ERROR(
      RenameColumns(cte.columns, "WITH query", cte.position, cte.name, &state.columns));
  state.work_table = plan_->work_tables++;
  state.named = false;
  state.subqueries = subqueries_;
  state.kept_around = reading_.size();
  node->work_table = state.work_table;
  ISO_ASSIGN_OR_RETURN(node->recursive,
                       Select(*select.branches[0].select, Around{around.outer, true, true}));
  state.work_table = -1;
  if (columns.size() != result.size()) {
    return SqlError(sqlstate::kSyntaxError, "each UNION query must have the same number of columns",
                    cte.position);
  }
  auto project = std::make_unique<ProjectPlan>();
  Scope none;
  Binder binder(&none, &plan_->params, nullptr, "UNION");
  bool casts = false;
  for (size_t i = 0; i < result.size(); ++i) {
    ExprPtr e = MakeColumn(static_cast<int>(i), columns[i].type);
    if (columns[i].type == Type::kUnknown) {
      ISO_RETURN_IF_ERROR(SetColumnType(node->recursive.get(), i, result[i].type, &binder));
      e->type = result[i].type;
    }
    if (e->type != result[i].type) {
      casts = true;
      const std::string was(TypeName(e->type));
      auto cast = binder.Coerce(std::move(e), result[i].type);
      if (!cast.ok() || (*cast)->type != result[i].type) {
        return SqlError(sqlstate::kDatatypeMismatch,
                        absl::StrCat("recursive query \"", cte.name, "\" column ", i + 1,
                                     " has type ", TypeName(result[i].type),
                                     " in non-recursive term but type ", was, " overall"),
                        cte.position,
                        "Cast the output of the non-recursive term to the correct type.");
      }
      e = *std::move(cast);
    }
    project->exprs.push_back(std::move(e));
  }
  if (casts) {
    project->child = std::move(node->recursive);
    node->recursive = std::move(project);
  }
  columns = result;
  if (let->lets.empty()) return PlanNodePtr(std::move(node));
  let->child = std::move(node);
  return PlanNodePtr(std::move(let));
}

// Its place among those that are run once and kept.
absl::StatusOr<int> Builder::KeepCte(const ast::Cte& cte) {
  if (ctes_[&cte].kept >= 0) return ctes_[&cte].kept;
  std::vector<ColumnInfo> before = std::move(columns);
  ISO_ASSIGN_OR_RETURN(PlanNodePtr root, CteQuery(cte));
  SubPlan sub;
  sub.root = std::move(root);
  sub.name = cte.name;
  sub.modifies = cte.dml != nullptr;
  sub.registers = ctes_[&cte].reads;
  sub.columns = std::move(columns);
  columns = std::move(before);
  plan_->modifies = plan_->modifies || sub.modifies;
  plan_->defers_writes = plan_->defers_writes || sub.modifies;
  ctes_[&cte].kept = static_cast<int>(plan_->ctes.size());
  plan_->ctes.push_back(std::move(sub));
  return ctes_[&cte].kept;
}

absl::StatusOr<PlanNodePtr> Builder::Cte(const ast::FromItem& item, const Around& /*around*/,
                                         ScopeTable* table) {
  const ast::Cte& cte = item.recursive != nullptr ? *item.recursive : *item.cte;
  table->name = item.table.alias.empty() ? cte.name : item.table.alias;
  PlanNodePtr plan;
  std::vector<ColumnInfo> result;
  if (item.recursive != nullptr) {
    CteState& state = ctes_[&cte];
    if (state.work_table >= 0 &&
        (state.named || state.subqueries != subqueries_ || state.kept_around != reading_.size())) {
      return SqlError(
          kInvalidRecursion,
          absl::StrCat("recursive reference to query \"", cte.name,
                       state.subqueries != subqueries_ ? "\" must not appear within a subquery"
                                                       : "\" must not appear more than once"),
          item.table.position);
    }
    if (state.work_table < 0) {
      return SqlError(kInvalidRecursion,
                      absl::StrCat("recursive reference to query \"", cte.name,
                                   "\" must not appear within its non-recursive term"),
                      item.table.position);
    }
    if (nullable_sides_ > 0) {
      return SqlError(kInvalidRecursion,
                      absl::StrCat("recursive reference to query \"", cte.name,
                                   "\" must not appear within an outer join"),
                      item.table.position);
    }
    state.named = true;
    names_itself_ = true;
    auto work = std::make_unique<WorkTablePlan>();
    work->name = cte.name;
    work->index = state.work_table;
    result = state.columns;
    plan = std::move(work);
  } else if (cte.references == 1 && !cte.materialized && cte.dml == nullptr) {
    ISO_ASSIGN_OR_RETURN(plan, CteQuery(cte));
    plan = Wrapped(cte.name, std::move(plan));
    result = columns;
  } else {
    ISO_ASSIGN_OR_RETURN(const int kept, KeepCte(cte));
    const SubPlan& sub = plan_->ctes[static_cast<size_t>(kept)];
    if (cte.dml != nullptr && sub.columns.empty()) {
      return SqlError(
          sqlstate::kUnsupported,
          absl::StrCat("WITH query \"", cte.name, "\" does not have a RETURNING clause"),
          item.table.position);
    }
    Reads(sub.registers);
    auto scan = std::make_unique<CteScanPlan>();
    scan->name = cte.name;
    scan->index = kept;
    result = sub.columns;
    plan = std::move(scan);
  }
  ISO_RETURN_IF_ERROR(
      RenameColumns(item.columns, "table", item.table.position, table->name, &result));
  for (const ColumnInfo& c : result)
    table->columns.push_back(
        {c.name, c.type, false, c.typmod, false, false, nullptr, c.table, c.column});
  return plan;
}

}  // namespace isochron::sql::planner
