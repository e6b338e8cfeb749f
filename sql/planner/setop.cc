// SPDX-License-Identifier: Apache-2.0
//
// UNION, INTERSECT, EXCEPT and VALUES: results whose columns have names and types, and no scope.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/planner/builder.h"
#include "sql/types/error.h"

namespace isochron::sql::planner {
namespace {

// How deep operations of changing kinds may lie in one another.
constexpr size_t kMostLayers = 100;

const char* NameOf(ast::SetOp op) {
  return op == ast::SetOp::kUnion ? "UNION" : op == ast::SetOp::kIntersect ? "INTERSECT" : "EXCEPT";
}

// Branches that are all one operation: UNION, or UNION ALL, of many.
struct Layer {
  ast::SetOp op = ast::SetOp::kUnion;
  bool all = false;
  std::vector<PlanNodePtr> inputs;
  std::vector<std::vector<ColumnInfo>> types;
  std::vector<const ast::Select*> texts;  // null for what is combined already
};

// Where a query says its column, as far as it does.
int PositionOfColumn(const ast::Select* select, size_t column) {
  if (select == nullptr || select->items.size() <= column) return -1;
  for (const ast::SelectItem& item : select->items) {
    if (item.expr->kind == ast::ExprKind::kStar) return -1;
  }
  return select->items[column].expr->position;
}

PlanNodePtr Combined(Layer layer) {
  if (layer.op != ast::SetOp::kUnion) {
    auto node = std::make_unique<SetOpPlan>();
    node->intersect = layer.op == ast::SetOp::kIntersect;
    node->all = layer.all;
    node->child = std::move(layer.inputs[0]);
    node->right = std::move(layer.inputs[1]);
    return node;
  }
  auto append = std::make_unique<AppendPlan>();
  append->children = std::move(layer.inputs);
  if (layer.all) return append;
  auto distinct = std::make_unique<DistinctPlan>();
  distinct->child = std::move(append);
  return distinct;
}

}  // namespace

absl::Status SetColumnType(PlanNode* plan, size_t column, Type to, Binder* binder) {
  switch (plan->kind) {
    case PlanKind::kLimit:
    case PlanKind::kSort:
    case PlanKind::kDistinct:
    case PlanKind::kLet:
      return SetColumnType(plan->child.get(), column, to, binder);
    case PlanKind::kProject: {
      ExprPtr& e = static_cast<ProjectPlan*>(plan)->exprs[column];
      ISO_ASSIGN_OR_RETURN(e, binder->Coerce(std::move(e), to));
      return absl::OkStatus();
    }
    case PlanKind::kValues:
      for (std::vector<ExprPtr>& row : static_cast<ValuesPlan*>(plan)->rows) {
        ISO_ASSIGN_OR_RETURN(row[column], binder->Coerce(std::move(row[column]), to));
      }
      return absl::OkStatus();
    default:
      return SqlError(sqlstate::kInternal, "a column of no known type");
  }
}

namespace {

// Brings the inputs' columns on to common types, which become *columns'.
absl::Status UnifyInputs(Layer* layer, std::vector<Type>* params,
                         std::vector<ColumnInfo>* columns) {
  Scope nothing;
  Binder binder(&nothing, params, nullptr, NameOf(layer->op));
  std::vector<std::unique_ptr<ProjectPlan>> casts(layer->inputs.size());
  for (size_t c = 0; c < columns->size(); ++c) {
    std::vector<ExprPtr> cells;
    for (size_t i = 0; i < layer->types.size(); ++i) {
      const std::vector<ColumnInfo>& types = layer->types[i];
      const int position = PositionOfColumn(layer->texts[i], c);
      // Of unknown type nothing is wanted here: SetColumnType sees to the literal itself.
      cells.push_back(types[c].type == Type::kUnknown
                          ? MakeConst(Type::kUnknown, Datum::Null())
                          : MakeColumn(static_cast<int>(c), types[c].type, position));
    }
    Type common;
    ISO_RETURN_IF_ERROR(binder.Unify(&cells, 0, 1, NameOf(layer->op), &common));
    (*columns)[c].type = common;
    (*columns)[c].table = 0;
    (*columns)[c].column = 0;
    for (size_t i = 0; i < cells.size(); ++i) {
      if (layer->types[i][c].type == Type::kUnknown) {
        ISO_RETURN_IF_ERROR(SetColumnType(layer->inputs[i].get(), c, common, &binder));
        cells[i] = MakeColumn(static_cast<int>(c), common);
      }
      if (cells[i]->kind != ExprKind::kColumn && casts[i] == nullptr) {
        casts[i] = std::make_unique<ProjectPlan>();
        for (size_t before = 0; before < c; ++before) {
          casts[i]->exprs.push_back(MakeColumn(static_cast<int>(before), (*columns)[before].type));
        }
      }
      if (casts[i] != nullptr) casts[i]->exprs.push_back(std::move(cells[i]));
    }
  }
  for (size_t i = 0; i < casts.size(); ++i) {
    if (casts[i] == nullptr) continue;
    casts[i]->child = std::move(layer->inputs[i]);
    layer->inputs[i] = std::move(casts[i]);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PlanNodePtr> Builder::SetOperation(const ast::Select& select, const Around& around) {
  if (select.locks) {
    return SqlError(sqlstate::kUnsupported,
                    "FOR UPDATE and FOR SHARE are not allowed with UNION/INTERSECT/EXCEPT");
  }
  const Around inside{around.outer, true, true};
  Layer layer;
  auto add = [&](const ast::Select& branch) -> absl::Status {
    ISO_ASSIGN_OR_RETURN(PlanNodePtr plan, Select(branch, inside));
    layer.inputs.push_back(std::move(plan));
    layer.types.push_back(columns);
    layer.texts.push_back(&branch);
    return absl::OkStatus();
  };
  ISO_RETURN_IF_ERROR(add(*select.first));
  std::vector<ColumnInfo> result = layer.types[0];
  size_t layers = 1;
  for (size_t i = 0; i < select.branches.size(); ++i) {
    const ast::SetBranch& branch = select.branches[i];
    const bool joins = branch.op == ast::SetOp::kUnion && layer.op == ast::SetOp::kUnion &&
                       (layer.inputs.size() == 1 || layer.all == branch.all);
    if (!joins && layer.inputs.size() > 1) {
      ISO_RETURN_IF_ERROR(UnifyInputs(&layer, &plan_->params, &result));
      Layer next;
      next.inputs.push_back(Combined(std::move(layer)));
      next.types.push_back(result);
      next.texts.push_back(nullptr);
      layer = std::move(next);
      if (++layers > kMostLayers) {
        return SqlError("54001", "the statement is nested too deeply", -1,
                        "Write fewer set operations of changing kinds.");
      }
    }
    layer.op = branch.op;
    layer.all = branch.all;
    ISO_RETURN_IF_ERROR(add(*branch.select));
    if (columns.size() != result.size()) {
      return SqlError(
          sqlstate::kSyntaxError,
          absl::StrCat("each ", NameOf(branch.op), " query must have the same number of columns"),
          branch.select->items.empty() ? -1 : branch.select->items[0].expr->position);
    }
  }
  ISO_RETURN_IF_ERROR(UnifyInputs(&layer, &plan_->params, &result));
  PlanNodePtr plan = Combined(std::move(layer));
  columns = std::move(result);
  return OrderResult(select, around, std::move(plan));
}

absl::StatusOr<PlanNodePtr> Builder::OrderResult(const ast::Select& select, const Around& around,
                                                 PlanNodePtr plan) {
  std::vector<ColumnInfo> result = std::move(columns);
  ExprPtr limit, offset;
  ISO_RETURN_IF_ERROR(BindLimit(select, around, &limit, &offset));
  std::vector<SortKey> keys;
  for (const ast::OrderItem& item : select.order_by) {
    const ast::Expr& e = *item.expr;
    SortKey key{-1, item.descending, item.nulls_first};
    if (e.kind == ast::ExprKind::kInt) {
      if (e.int_value < 1 || e.int_value > static_cast<int64_t>(result.size())) {
        return SqlError(sqlstate::kInvalidColumnReference,
                        absl::StrCat("ORDER BY position ", e.int_value, " is not in select list"),
                        e.position);
      }
      key.slot = static_cast<int>(e.int_value) - 1;
    } else if (e.kind == ast::ExprKind::kColumn && e.names.size() == 1) {
      for (size_t i = 0; i < result.size(); ++i) {
        if (result[i].name != e.names[0]) continue;
        if (key.slot >= 0) {
          return SqlError(sqlstate::kAmbiguousColumn,
                          absl::StrCat("ORDER BY \"", e.names[0], "\" is ambiguous"), e.position);
        }
        key.slot = static_cast<int>(i);
      }
      if (key.slot < 0) {
        return SqlError(sqlstate::kUndefinedColumn,
                        absl::StrCat("column \"", e.names[0], "\" does not exist"), e.position);
      }
    } else {
      return SqlError(sqlstate::kUnsupported,
                      "only the result's column names can be sorted by here, not expressions",
                      e.position, "Put the query into FROM, and sort outside of it.");
    }
    keys.push_back(key);
  }
  const std::vector<SortKey> ties = keys;
  if (!keys.empty()) {
    auto sort = std::make_unique<SortPlan>();
    sort->keys = std::move(keys);
    sort->child = std::move(plan);
    plan = std::move(sort);
  }
  if (limit != nullptr || offset != nullptr) {
    auto node = std::make_unique<LimitPlan>();
    node->limit = std::move(limit);
    node->offset = std::move(offset);
    node->width = result.size();
    node->with_ties = select.with_ties;
    if (select.with_ties) node->ties = ties;
    node->child = std::move(plan);
    plan = std::move(node);
  }
  columns = std::move(result);
  return plan;
}

absl::StatusOr<PlanNodePtr> Builder::ValuesRows(const ast::Select& select, const Around& around) {
  auto values = std::make_unique<ValuesPlan>();
  Scope scope;
  scope.outer = around.outer;
  Binder binder(&scope, &plan_->params, nullptr, "VALUES");
  binder.Allow(this);
  const size_t width = select.values[0].size();
  if (width > kMaxOutputs) {
    return SqlError("54011", absl::StrCat("VALUES can have at most ", kMaxOutputs, " columns"));
  }
  for (const auto& row : select.values) {
    if (row.size() != width) {
      return SqlError(sqlstate::kSyntaxError, "VALUES lists must all be the same length",
                      row.empty() ? -1 : row[0]->position);
    }
    std::vector<ExprPtr> out;
    for (const ast::ExprPtr& cell : row) {
      ISO_ASSIGN_OR_RETURN(ExprPtr e, binder.Bind(*cell));
      out.push_back(std::move(e));
    }
    values->rows.push_back(std::move(out));
  }
  std::vector<ColumnInfo> result;
  for (size_t c = 0; c < width; ++c) {
    std::vector<ExprPtr> cells;
    bool known = false;
    for (auto& row : values->rows) {
      known = known || row[c]->type != Type::kUnknown;
      cells.push_back(std::move(row[c]));
    }
    Type type = Type::kUnknown;
    if (known || !around.keep_unknown) {
      ISO_RETURN_IF_ERROR(binder.Unify(&cells, 0, 1, "VALUES", &type));
    }
    for (size_t r = 0; r < cells.size(); ++r) values->rows[r][c] = std::move(cells[r]);
    result.push_back({absl::StrCat("column", c + 1), type});
  }
  columns = std::move(result);
  return OrderResult(select, around, std::move(values));
}

}  // namespace isochron::sql::planner
