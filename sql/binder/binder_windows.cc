// SPDX-License-Identifier: Apache-2.0
//
// Window functions.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/binder.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

constexpr char kWindowing[] = "42P20";

struct WindowName {
  const char* name;
  WindowFunction function;
  size_t least, most;  // arguments
  Type type;           // kUnknown: the first argument's
};
constexpr WindowName kWindowFunctions[] = {
    {"row_number", WindowFunction::kRowNumber, 0, 0, Type::kInt8},
    {"rank", WindowFunction::kRank, 0, 0, Type::kInt8},
    {"dense_rank", WindowFunction::kDenseRank, 0, 0, Type::kInt8},
    {"percent_rank", WindowFunction::kPercentRank, 0, 0, Type::kFloat8},
    {"cume_dist", WindowFunction::kCumeDist, 0, 0, Type::kFloat8},
    {"ntile", WindowFunction::kNtile, 1, 1, Type::kInt4},
    {"lag", WindowFunction::kLag, 1, 3, Type::kUnknown},
    {"lead", WindowFunction::kLead, 1, 3, Type::kUnknown},
    {"first_value", WindowFunction::kFirstValue, 1, 1, Type::kUnknown},
    {"last_value", WindowFunction::kLastValue, 1, 1, Type::kUnknown},
    {"nth_value", WindowFunction::kNthValue, 2, 2, Type::kUnknown},
};

const WindowName* Find(absl::string_view name) {
  for (const WindowName& w : kWindowFunctions) {
    if (name == w.name) return &w;
  }
  return nullptr;
}

bool SameExprs(const ExprPtr& a, const ExprPtr& b) {
  return (a == nullptr) == (b == nullptr) && (a == nullptr || SameExpr(*a, *b));
}

bool SameSpec(const WindowSpec& a, const WindowSpec& b) {
  return a.mode == b.mode && a.start == b.start && a.end == b.end && a.exclusion == b.exclusion &&
         SameExprs(a.start_offset, b.start_offset) && SameExprs(a.end_offset, b.end_offset) &&
         std::equal(a.partition.begin(), a.partition.end(), b.partition.begin(), b.partition.end(),
                    SameExprs) &&
         std::equal(a.order.begin(), a.order.end(), b.order.begin(), b.order.end(),
                    [](const OrderExpr& x, const OrderExpr& y) {
                      return x.descending == y.descending && x.nulls_first == y.nulls_first &&
                             SameExpr(*x.expr, *y.expr);
                    });
}

bool IsOffset(ast::FrameBound b) {
  return b == ast::FrameBound::kPreceding || b == ast::FrameBound::kFollowing;
}

// The parts that make up one window: its own, and those of the window it builds on.
struct Parts {
  const std::vector<ast::ExprPtr>* partition = nullptr;
  const std::vector<ast::OrderItem>* order = nullptr;
  const ast::Window* frame = nullptr;
};

// The first window of that name among the first `before`.
absl::StatusOr<size_t> Named(const Windows& windows, const std::string& name, size_t before,
                             int position) {
  for (size_t i = 0; i < before; ++i) {
    if ((*windows.named)[i]->name == name) return i;
  }
  return SqlError(sqlstate::kUndefinedObject, absl::StrCat("window \"", name, "\" does not exist"),
                  position);
}

absl::StatusOr<Parts> PartsOf(const Windows& windows, const ast::Window& window, size_t before) {
  Parts out{&window.partition, &window.order, &window};
  if (window.base.empty()) return out;
  ISO_ASSIGN_OR_RETURN(const size_t place, Named(windows, window.base, before, window.position));
  const ast::Window& base = *(*windows.named)[place];
  ISO_ASSIGN_OR_RETURN(Parts below, PartsOf(windows, base, place));
  auto refuse = [&](absl::string_view what) {
    return SqlError(kWindowing, absl::StrCat(what, " window \"", window.base, "\""),
                    window.position);
  };
  if (!window.partition.empty()) return refuse("cannot override PARTITION BY clause of");
  if (!window.order.empty() && !below.order->empty()) {
    return refuse("cannot override ORDER BY clause of");
  }
  if (base.has_frame) {
    return SqlError(
        kWindowing,
        absl::StrCat("cannot copy window \"", window.base, "\" because it has a frame clause"),
        window.position);
  }
  out.partition = below.partition;
  if (window.order.empty()) out.order = below.order;
  return out;
}

const char* NameOf(ast::FrameMode mode) {
  return mode == ast::FrameMode::kRows    ? "ROWS"
         : mode == ast::FrameMode::kRange ? "RANGE"
                                          : "GROUPS";
}

}  // namespace

bool IsWindowFunction(absl::string_view name) { return Find(name) != nullptr; }

// Binds one offset of RANGE: the order value less, or more, than it is where the frame begins.
absl::Status Binder::RangeEdge(const ast::Expr& offset, bool preceding, const OrderExpr& order,
                               ExprPtr* bound, ExprPtr* edge) {
  const Type type = order.expr->type;
  ISO_ASSIGN_OR_RETURN(*bound, Bind(offset));
  std::vector<ExprPtr> pair;
  pair.push_back(MakeColumn(0, type));
  pair.push_back((*bound)->type == Type::kUnknown ? Clone(**bound) : MakeColumn(1, (*bound)->type));
  const char* op = preceding != order.descending ? "-" : "+";
  auto made = Operator(op, std::move(pair), offset.position);
  if (made.ok()) {
    // The operator has decided the offset's type.
    if ((*bound)->type == Type::kUnknown) {
      ISO_ASSIGN_OR_RETURN(*bound, Coerce(std::move(*bound), (*made)->args[1]->type));
      (*made)->args[1] = MakeColumn(1, (*bound)->type);
    }
    if ((*made)->type != type) made = Coerce(*std::move(made), type);
  }
  if (!made.ok()) {
    return SqlError(
        sqlstate::kUnsupported,
        absl::StrCat("RANGE with offset PRECEDING/FOLLOWING is not supported for column type ",
                     TypeName(type), " and offset type ", TypeName((*bound)->type)),
        offset.position);
  }
  *edge = *std::move(made);
  return absl::OkStatus();
}

absl::Status Binder::Frame(const ast::Window& window, WindowSpec* spec) {
  spec->mode = window.mode;
  spec->start = window.start;
  spec->end = window.end;
  spec->exclusion = window.exclusion;
  if (spec->mode == ast::FrameMode::kGroups && spec->order.empty()) {
    return SqlError(kWindowing, "GROUPS mode requires an ORDER BY clause", window.position);
  }
  const bool ranged =
      spec->mode == ast::FrameMode::kRange && (IsOffset(spec->start) || IsOffset(spec->end));
  if (ranged && spec->order.size() != 1) {
    return SqlError(kWindowing,
                    "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column",
                    window.position);
  }
  for (bool start : {true, false}) {
    const ast::ExprPtr& offset = start ? window.start_offset : window.end_offset;
    if (offset == nullptr) continue;
    ExprPtr& bound = start ? spec->start_offset : spec->end_offset;
    if (ranged) {
      const ast::FrameBound kind = start ? spec->start : spec->end;
      ISO_RETURN_IF_ERROR(RangeEdge(*offset, kind == ast::FrameBound::kPreceding, spec->order[0],
                                    &bound, start ? &spec->start_edge : &spec->end_edge));
    } else {
      ISO_ASSIGN_OR_RETURN(bound, BindAs(*offset, Type::kInt8, NameOf(spec->mode)));
    }
    if (!IsConstant(*bound)) {
      return SqlError(
          sqlstate::kInvalidColumnReference,
          absl::StrCat("argument of ", NameOf(spec->mode), " must not contain variables"),
          offset->position);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<int> Binder::WindowSpecOf(const ast::Expr& e, Binder* inner) {
  const ast::Window* window = e.window.get();
  size_t before = windows_->named == nullptr ? 0 : windows_->named->size();
  if (!window->name.empty()) {
    ISO_ASSIGN_OR_RETURN(before, Named(*windows_, window->name, before, window->position));
    window = (*windows_->named)[before].get();
  }
  ISO_ASSIGN_OR_RETURN(Parts parts, PartsOf(*windows_, *window, before));
  WindowSpec spec;
  for (const ast::ExprPtr& p : *parts.partition) {
    ISO_ASSIGN_OR_RETURN(ExprPtr bound, inner->BindOutput(*p));
    spec.partition.push_back(std::move(bound));
  }
  ISO_ASSIGN_OR_RETURN(spec.order, inner->Order(*parts.order));
  ISO_RETURN_IF_ERROR(inner->Frame(*parts.frame, &spec));
  for (size_t i = 0; i < windows_->specs.size(); ++i) {
    if (SameSpec(windows_->specs[i], spec)) return static_cast<int>(i);
  }
  windows_->specs.push_back(std::move(spec));
  return static_cast<int>(windows_->specs.size()) - 1;
}

absl::Status Binder::WindowAggregate(const ast::Expr& e, WindowCall* call) {
  const std::string& name = e.names.back();
  const AggregateSet* set = AggregatesNamed(name);
  if (set == nullptr) {
    return SqlError(sqlstate::kWrongObjectType,
                    absl::StrCat("OVER specified, but ", name,
                                 " is not a window function nor an aggregate function"),
                    e.position);
  }
  AggregateCall aggregate;
  ISO_RETURN_IF_ERROR(AggregateArgs(e, *set, &aggregate));
  if (aggregate.function->within_group || !e.order_by.empty()) {
    return SqlError(sqlstate::kUnsupported,
                    aggregate.function->within_group
                        ? absl::StrCat("OVER is not supported for ordered-set aggregate ", name)
                        : "aggregate ORDER BY is not implemented for window functions",
                    e.position);
  }
  call->aggregate = aggregate.function;
  call->args = std::move(aggregate.args);
  call->type = aggregate.type;
  return absl::OkStatus();
}

absl::Status Binder::WindowArgs(const ast::Expr& e, WindowCall* call) {
  const std::string& name = e.names.back();
  const WindowName* w = Find(name);
  if (w == nullptr) return WindowAggregate(e, call);
  ISO_ASSIGN_OR_RETURN(call->args, BindAll(e.args));
  if (e.star || call->args.size() < w->least || call->args.size() > w->most) {
    return NoFunction(name, call->args, e.position);
  }
  if (e.filter != nullptr) {
    return SqlError(sqlstate::kUnsupported,
                    "FILTER is not implemented for non-aggregate window functions", e.position);
  }
  call->function = w->function;
  call->type = w->type;
  const bool ntile = w->function == WindowFunction::kNtile;
  if (ntile || call->args.size() > 1) {
    ExprPtr& number = call->args[ntile ? 0 : 1];
    if (number->type != Type::kUnknown && !IsInteger(number->type)) {
      return NoFunction(name, call->args, e.position);
    }
    ISO_ASSIGN_OR_RETURN(number, Coerce(std::move(number), Type::kInt8));
  }
  if (w->type != Type::kUnknown) return absl::OkStatus();
  if (call->args.size() == 3) return Unify(&call->args, 0, 2, name.c_str(), &call->type);
  if (call->args[0]->type == Type::kUnknown) {
    ISO_ASSIGN_OR_RETURN(call->args[0], Coerce(std::move(call->args[0]), Type::kText));
  }
  call->type = call->args[0]->type;
  return absl::OkStatus();
}

absl::StatusOr<ExprPtr> Binder::Window(const ast::Expr& e) {
  const std::string& name = e.names.back();
  if (e.window == nullptr) {
    return SqlError(sqlstate::kWrongObjectType,
                    absl::StrCat("window function ", name, " requires an OVER clause"), e.position);
  }
  if (windows_ == nullptr && clause_ == kAggregateArgument) {
    return SqlError(sqlstate::kGrouping,
                    "aggregate function calls cannot contain window function calls", e.position);
  }
  if (windows_ == nullptr) {
    return SqlError(kWindowing,
                    in_window_ ? std::string("window function calls cannot be nested")
                               : absl::StrCat("window functions are not allowed in ", clause_),
                    e.position);
  }
  if (e.distinct) {
    return SqlError(sqlstate::kUnsupported, "DISTINCT is not implemented for window functions",
                    e.position);
  }
  Binder inner(scope_, params_, aggregates_, "a window");
  inner.Allow(subqueries_);
  inner.in_window_ = true;
  WindowCall call;
  ISO_RETURN_IF_ERROR(inner.WindowArgs(e, &call));
  if (e.filter != nullptr) {
    ISO_ASSIGN_OR_RETURN(call.filter, inner.BindAs(*e.filter, Type::kBool, "FILTER"));
  }
  ISO_ASSIGN_OR_RETURN(call.window, WindowSpecOf(e, &inner));
  auto out = std::make_unique<Expr>();
  out->kind = ExprKind::kWindow;
  out->type = call.type;
  out->index = static_cast<int>(windows_->calls.size());
  out->position = e.position;
  windows_->calls.push_back(std::move(call));
  return out;
}

}  // namespace isochron::sql
