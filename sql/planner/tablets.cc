// SPDX-License-Identifier: Apache-2.0
#include "sql/planner/tablets.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/string_view.h"
#include "sql/catalog/row_codec.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

// Expressions over a table's row as expressions over the columns that a program decodes.
class Converter {
 public:
  // Without a context the values of constants are left out.
  Converter(const TableDescriptor& table, const EvalContext* eval, Program* out)
      : table_(table), eval_(eval), out_(out), slots_(table.columns.size(), -1) {}

  // Null for what is not portable.
  ExprPtr Convert(const Expr& e) {
    if (e.kind == ExprKind::kColumn) return Column(e);
    auto made = std::make_unique<Expr>();
    made->type = e.type;
    made->typmod = e.typmod;
    if (IsConstant(e)) {
      if (HasSubquery(e)) return nullptr;
      if (eval_ != nullptr && !Eval(e, *eval_, Row(), &made->value).ok()) return nullptr;
      return PortableNode(*made) ? std::move(made) : nullptr;
    }
    made->kind = e.kind;
    made->negated = e.negated;
    made->function = e.function;
    if (e.kind == ExprKind::kBoolTest) made->value = e.value;
    for (const ExprPtr& a : e.args) {
      made->args.push_back(Convert(*a));
      if (made->args.back() == nullptr) return nullptr;
    }
    return PortableNode(*made) ? std::move(made) : nullptr;
  }

 private:
  ExprPtr Column(const Expr& e) {
    if (!PortableNode(e)) return nullptr;
    int& slot = slots_[static_cast<size_t>(e.index)];
    if (slot < 0) {
      slot = static_cast<int>(out_->columns.size());
      out_->columns.push_back(ColumnOf(static_cast<uint32_t>(e.index)));
    }
    return MakeColumn(slot, e.type);
  }

  ProgramColumn ColumnOf(uint32_t at) {
    const ColumnDescriptor& column = table_.columns[at];
    ProgramColumn c;
    c.type = column.type;
    c.id = column.id;
    if (column.has_missing) c.missing = column.missing_value;
    const int part = table_.KeyPosition(at);
    if (part < 0 || !KeyPartIsExact(column.type)) return c;
    c.key_part = part;
    for (size_t i = out_->key.size(); i <= static_cast<size_t>(part); ++i) {
      out_->key.push_back(table_.columns[table_.key[i]].type);
    }
    return c;
  }

  const TableDescriptor& table_;
  const EvalContext* const eval_;
  Program* const out_;
  std::vector<int> slots_;
};

bool IsExact(Type t) { return IsInteger(t) || t == Type::kNumeric; }

// How a call is computed in parts; nullopt if it is not.
std::optional<std::pair<ReduceOp, Finish>> PartsOf(const AggregateCall& call) {
  if (call.function == nullptr || call.distinct || !call.order.empty() || !call.direct.empty()) {
    return std::nullopt;
  }
  const absl::string_view name = call.function->signature.name;
  if (name == "count" && call.args.empty()) return {{ReduceOp::kCountRows, Finish::kCount}};
  if (call.args.size() != 1) return std::nullopt;
  const Expr& arg = *call.args[0];
  if (name == "count") return {{ReduceOp::kCount, Finish::kCount}};
  if (name == "sum" && IsExact(arg.type)) {
    return {
        {ReduceOp::kSum, call.type == Type::kNumeric ? Finish::kNumericSum : Finish::kBigintSum}};
  }
  if (name == "avg" && IsExact(arg.type)) return {{ReduceOp::kSum, Finish::kMean}};
  // Numerics of one scale that are equal look alike.
  const bool alike = PortableType(arg.type) || (arg.type == Type::kNumeric && arg.typmod >= 0);
  if (!alike) return std::nullopt;
  if (name == "min" || name == "bool_and" || name == "every") {
    return {{ReduceOp::kMin, Finish::kExtreme}};
  }
  if (name == "max" || name == "bool_or") return {{ReduceOp::kMax, Finish::kExtreme}};
  return std::nullopt;
}

bool IsRangeOfTable(const PlanNode& node) {
  if (node.kind != PlanKind::kScan) return false;
  const auto& scan = static_cast<const ScanPlan&>(node);
  return scan.index == nullptr && !scan.points() && !scan.exclusive && scan.limit == nullptr &&
         scan.offset == nullptr;
}

std::optional<TabletAggregate> Build(const AggregatePlan& plan, const EvalContext* eval) {
  if (!plan.sets.empty() || plan.child == nullptr || !IsRangeOfTable(*plan.child)) {
    return std::nullopt;
  }
  TabletAggregate out;
  out.scan = static_cast<const ScanPlan*>(plan.child.get());
  out.program.table = out.scan->table->id;
  Converter converter(*out.scan->table, eval, &out.program);
  if (out.scan->filter != nullptr) {
    out.program.filter = converter.Convert(*out.scan->filter);
    if (out.program.filter == nullptr) return std::nullopt;
  }
  for (const ExprPtr& g : plan.groups) {
    out.program.groups.push_back(converter.Convert(*g));
    if (out.program.groups.back() == nullptr || !PortableType(g->type)) return std::nullopt;
  }
  for (const AggregateCall& call : plan.calls) {
    const auto parts = PartsOf(call);
    if (!parts.has_value()) return std::nullopt;
    ReduceCall reduce;
    reduce.op = parts->first;
    if (!call.args.empty()) {
      reduce.arg = converter.Convert(*call.args[0]);
      if (reduce.arg == nullptr) return std::nullopt;
    }
    if (call.filter != nullptr) {
      reduce.filter = converter.Convert(*call.filter);
      if (reduce.filter == nullptr) return std::nullopt;
    }
    out.program.calls.push_back(std::move(reduce));
    out.finish.push_back(parts->second);
  }
  return out;
}

// What stays of the rows that a scan gives. Values of constant size are left out only with others:
// they are not worth a copy.
GivenRows Kept(const ScanPlan& scan) {
  GivenRows out;
  if (scan.wanted.empty()) return out;
  for (size_t i = 0; i < scan.table->columns.size(); ++i) {
    const ColumnDescriptor& column = scan.table->columns[i];
    const int part = scan.table->KeyPosition(static_cast<uint32_t>(i));
    if (part >= 0 && KeyPartIsExact(column.type)) continue;
    if (i < scan.wanted.size() && !scan.wanted[i]) {
      out.keeps_all = false;
    } else {
      out.kept.push_back(column.id);
    }
  }
  if (out.keeps_all) out.kept.clear();
  std::sort(out.kept.begin(), out.kept.end());
  return out;
}

// Without a context the values of constants are left out.
std::optional<Program> BuildFirst(const ScanPlan& scan, const EvalContext* eval) {
  if (!IsRangeOfTable(scan)) return std::nullopt;
  Program program;
  program.table = scan.table->id;
  program.rows = Kept(scan);
  Converter converter(*scan.table, eval, &program);
  if (scan.filter != nullptr) {
    program.filter = converter.Convert(*scan.filter);
    if (program.filter == nullptr) return std::nullopt;
  }
  for (const OrderExpr& o : scan.first->by) {
    ProgramOrder& by = program.rows->order.emplace_back();
    by.expr = converter.Convert(*o.expr);
    if (by.expr == nullptr) return std::nullopt;
    by.descending = o.descending;
    by.nulls_first = o.nulls_first;
  }
  return program;
}

}  // namespace

bool RunsAtTablets(const AggregatePlan& plan) { return Build(plan, nullptr).has_value(); }

std::optional<TabletAggregate> AtTablets(const AggregatePlan& plan, const EvalContext& eval) {
  std::optional<TabletAggregate> out = Build(plan, &eval);
  // What travels must be what can be read: too deep or too long is not.
  if (out.has_value() && !DecodeProgram(EncodeProgram(out->program)).ok()) return std::nullopt;
  return out;
}

std::string RowsAtTablets(const ScanPlan& scan, const EvalContext& eval) {
  if (!IsRangeOfTable(scan)) return "";
  Program program;
  program.table = scan.table->id;
  program.rows = Kept(scan);
  Converter converter(*scan.table, &eval, &program);
  if (scan.filter != nullptr) program.filter = converter.Convert(*scan.filter);
  if (program.filter == nullptr) {
    program.columns.clear();
    program.key.clear();
    if (program.rows->keeps_all) return "";
  }
  std::string bytes = EncodeProgram(program);
  return DecodeProgram(bytes).ok() ? bytes : "";
}

std::optional<Program> FirstRowsAtTablets(const ScanPlan& scan, const EvalContext& eval) {
  std::optional<Program> program = BuildFirst(scan, &eval);
  if (!program.has_value()) return std::nullopt;
  for (const ExprPtr* e : {&scan.first->limit, &scan.first->offset}) {
    Datum d;
    if (*e == nullptr) continue;
    if (!Eval(**e, eval, Row(), &d).ok()) return std::nullopt;
    const bool offset = e == &scan.first->offset;
    if (d.is_null() && offset) continue;
    // Whoever takes them says what is wrong with a number.
    if (d.is_null() || d.int_value() < 0) return std::nullopt;
    if (static_cast<uint64_t>(d.int_value()) > kMostOrdered) return std::nullopt;
    program->rows->most += static_cast<uint64_t>(d.int_value());
  }
  const uint64_t most = program->rows->most;
  if (most == 0 || most > kMostOrdered) return std::nullopt;
  return DecodeProgram(EncodeProgram(*program)).ok() ? std::move(program) : std::nullopt;
}

bool MayGiveFirstRows(const ScanPlan& scan) {
  return scan.first.has_value() && BuildFirst(scan, nullptr).has_value();
}

}  // namespace isochron::sql
