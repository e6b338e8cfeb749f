// SPDX-License-Identifier: Apache-2.0
//
// Aggregates.
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/binder.h"
#include "sql/binder/resolve.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

bool SameOrNone(const ExprPtr& a, const ExprPtr& b) {
  return (a == nullptr) == (b == nullptr) && (a == nullptr || SameExpr(*a, *b));
}

bool SameList(const std::vector<ExprPtr>& a, const std::vector<ExprPtr>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const ExprPtr& x, const ExprPtr& y) { return SameExpr(*x, *y); });
}

bool SameCall(const AggregateCall& a, const AggregateCall& b) {
  return a.function == b.function && a.distinct == b.distinct && SameList(a.args, b.args) &&
         SameList(a.direct, b.direct) && SameOrNone(a.filter, b.filter) &&
         std::equal(a.order.begin(), a.order.end(), b.order.begin(), b.order.end(),
                    [](const OrderExpr& x, const OrderExpr& y) {
                      return x.descending == y.descending && x.nulls_first == y.nulls_first &&
                             SameExpr(*x.expr, *y.expr);
                    });
}

void LevelsOf(const AggregateCall& call, bool* own, bool* outer) {
  for (const ExprPtr& a : call.args) Levels(*a, own, outer);
  for (const OrderExpr& o : call.order) Levels(*o.expr, own, outer);
  if (call.filter != nullptr) Levels(*call.filter, own, outer);
}

}  // namespace

void Levels(const Expr& e, bool* own, bool* outer) {
  *own = *own || e.kind == ExprKind::kColumn;
  *outer = *outer || e.kind == ExprKind::kOuter;
  for (const ExprPtr& a : e.args) Levels(*a, own, outer);
}

absl::StatusOr<std::vector<OrderExpr>> Binder::Order(const std::vector<ast::OrderItem>& items) {
  std::vector<OrderExpr> out;
  for (const ast::OrderItem& item : items) {
    ISO_ASSIGN_OR_RETURN(ExprPtr e, BindOutput(*item.expr));
    out.push_back({std::move(e), item.descending, item.nulls_first});
  }
  return out;
}

// Chooses the function, and brings the arguments to its types.
absl::Status Binder::AggregateArgs(const ast::Expr& e, const AggregateSet& set,
                                   AggregateCall* call) {
  const std::string& name = e.names.back();
  if (e.star && name != "count") {
    return SqlError(sqlstate::kUndefinedFunction,
                    absl::StrCat("function ", name, "() does not exist"), e.position);
  }
  ISO_ASSIGN_OR_RETURN(call->args, BindAll(e.args));
  if (name == "count" && !e.star && call->args.empty()) {
    return SqlError(sqlstate::kWrongObjectType,
                    "count(*) must be used to call a parameterless aggregate function", e.position);
  }
  if (absl::EndsWith(name, "_object_agg") && call->args.size() == 2) {
    if (call->args[1]->type == Type::kUnknown) {
      ISO_ASSIGN_OR_RETURN(call->args[1], Coerce(std::move(call->args[1]), Type::kText));
    }
    std::vector<ExprPtr> value;
    value.push_back(std::move(call->args[1]));
    const char* convert = absl::StartsWith(name, "jsonb") ? "to_jsonb" : "to_json";
    ISO_ASSIGN_OR_RETURN(call->args[1], Call(convert, std::move(value), e.position, false));
  }
  ISO_ASSIGN_OR_RETURN(call->order, Order(e.order_by));
  if (e.within_group) {
    for (OrderExpr& o : call->order) call->args.push_back(Clone(*o.expr));
  }
  ISO_ASSIGN_OR_RETURN(const Function* chosen,
                       ChooseFunction(name, set.signatures, call->args, e.position));
  call->function = &set.functions[static_cast<size_t>(chosen - set.signatures.data())];
  call->type = chosen->result;
  for (size_t i = 0; i < call->args.size(); ++i) {
    const Type want = chosen->args[std::min(i, chosen->args.size() - 1)];
    ISO_ASSIGN_OR_RETURN(call->args[i], ToArgument(std::move(call->args[i]), want));
    if (want != kAnyType) continue;
    const Type type = call->args[i]->type;
    if (call->function->accepts != nullptr && !call->function->accepts(type)) {
      return NoFunction(name, call->args, e.position);
    }
    if (call->type != kAnyType) continue;
    call->type = call->function->result_of != nullptr ? call->function->result_of(type) : type;
  }
  if (call->function->within_group != e.within_group) {
    return SqlError(sqlstate::kWrongObjectType,
                    call->function->within_group
                        ? absl::StrCat("WITHIN GROUP is required for ordered-set aggregate ", name)
                        : absl::StrCat(name,
                                       " is not an ordered-set aggregate, so it cannot have "
                                       "WITHIN GROUP"),
                    e.position);
  }
  if (!e.within_group) return absl::OkStatus();
  for (size_t i = 0; i + 1 < call->args.size(); ++i) {
    call->direct.push_back(std::move(call->args[i]));
  }
  call->args.erase(call->args.begin(), call->args.end() - 1);
  call->order[0].expr = Clone(*call->args[0]);
  return absl::OkStatus();
}

absl::StatusOr<ExprPtr> Binder::Aggregate(const ast::Expr& e, const AggregateSet& set) {
  OuterFrame* const outer = scope_->outer;
  const size_t outer_args = outer != nullptr && outer->args != nullptr ? outer->args->size() : 0;
  AggregateCall call;
  call.distinct = e.distinct;
  Binder inner(scope_, params_, nullptr, kAggregateArgument);
  inner.Allow(subqueries_);
  ISO_RETURN_IF_ERROR(inner.AggregateArgs(e, set, &call));
  if (e.filter != nullptr) {
    Binder filter(scope_, params_, nullptr, "FILTER");
    filter.Allow(subqueries_);
    ISO_ASSIGN_OR_RETURN(call.filter, filter.BindAs(*e.filter, Type::kBool, "FILTER"));
  }
  bool own = false, around = false;
  LevelsOf(call, &own, &around);
  if (around && !own && outer != nullptr && outer->args != nullptr && !local_only_) {
    // It is the outer query's: what it aggregates is not seen here, only its value.
    outer->args->resize(outer_args);
    Binder theirs(outer->scope, params_, outer->aggregates, "the query around");
    theirs.Allow(subqueries_);
    ISO_ASSIGN_OR_RETURN(ExprPtr value, theirs.Aggregate(e, set));
    auto out = std::make_unique<Expr>();
    out->kind = ExprKind::kOuter;
    out->type = value->type;
    out->index = static_cast<int>(outer->args->size());
    out->position = e.position;
    out->value = Datum::String(e.names.back());
    outer->args->push_back(std::move(value));
    return out;
  }
  if (call.distinct) {
    for (const OrderExpr& o : call.order) {
      const bool listed = std::any_of(call.args.begin(), call.args.end(),
                                      [&](const ExprPtr& a) { return SameExpr(*a, *o.expr); });
      if (listed) continue;
      return SqlError(sqlstate::kInvalidColumnReference,
                      "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument "
                      "list",
                      o.expr->position);
    }
  }
  // Where the order shows, rows told apart come in order.
  if (call.distinct && call.order.empty() && call.function->ordered) {
    for (const ExprPtr& a : call.args) call.order.push_back({Clone(*a), false, false});
  }
  return AddAggregate(std::move(call), e);
}

absl::StatusOr<ExprPtr> Binder::AddAggregate(AggregateCall call, const ast::Expr& e) {
  if (aggregates_ == nullptr) {
    return SqlError(
        sqlstate::kGrouping,
        absl::StrCat(call.function == nullptr ? "grouping operations" : "aggregate functions",
                     " are not allowed in ", clause_),
        e.position);
  }
  auto out = std::make_unique<Expr>();
  out->kind = ExprKind::kAggregate;
  out->type = call.type;
  out->position = e.position;
  for (size_t i = 0; i < aggregates_->size(); ++i) {
    if (!SameCall((*aggregates_)[i], call)) continue;
    out->index = static_cast<int>(i);
    return out;
  }
  out->index = static_cast<int>(aggregates_->size());
  aggregates_->push_back(std::move(call));
  return out;
}

absl::StatusOr<ExprPtr> Binder::Grouping(const ast::Expr& e) {
  if (e.args.size() > 31) {
    return SqlError("54023", "GROUPING must have fewer than 32 arguments", e.position);
  }
  AggregateCall call;
  call.type = Type::kInt4;
  Binder inner(scope_, params_, nullptr, "GROUPING");
  inner.Types(types_);
  for (const ast::ExprPtr& a : e.args) {
    ISO_ASSIGN_OR_RETURN(ExprPtr arg, inner.BindOutput(*a));
    call.args.push_back(std::move(arg));
  }
  return AddAggregate(std::move(call), e);
}

}  // namespace isochron::sql
