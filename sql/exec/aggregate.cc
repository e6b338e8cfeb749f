// SPDX-License-Identifier: Apache-2.0
//
// Aggregation by hash, over one grouping set or several.
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "common/status_macros.h"
#include "sql/catalog/row_codec.h"
#include "sql/exec/subquery.h"
#include "sql/exec/tablet_aggregate.h"
#include "sql/types/error.h"
#include "sql/types/numeric.h"

namespace isochron::sql {
namespace {

using Seen = absl::flat_hash_set<std::string>;  // lint: no iteration

// Of one call in one group.
struct State {
  std::unique_ptr<Aggregator> aggregator;
  int64_t bytes = 0;  // of the aggregator's, charged
  std::unique_ptr<Seen> seen;
  std::vector<Row> rows;  // arguments, and behind them what they are ordered by
};

class AggregateOperator : public Operator {
 public:
  AggregateOperator(const AggregatePlan& plan, ExecContext* exec)
      : Operator(exec),
        plan_(plan),
        settler_(exec, Exprs(plan)),
        child_(MakeOperator(*plan.child, exec)) {}

  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    if (!consumed_) {
      consumed_ = true;
      for (bool more = true; more;) {
        Batch batch;
        ISO_CO_ASSIGN_OR_RETURN(more, co_await child_->Next(&batch));
        for (const Row& row : batch) {
          if (!settler_.empty()) ISO_CO_RETURN_IF_ERROR(co_await settler_.Settle(&row));
          ISO_CO_RETURN_IF_ERROR(Add(row));
        }
      }
      ISO_CO_RETURN_IF_ERROR(EmptyGroups());
    }
    while (at_ < groups_.size() && out->size() < 512) {
      Group& group = groups_[at_];
      Row row = std::move(group.values);
      for (size_t i = 0; i < plan_.calls.size(); ++i) {
        Datum d;
        if (plan_.calls[i].function == nullptr) {
          d = Grouping(plan_.grouping[i], group.set);
        } else {
          ISO_CO_RETURN_IF_ERROR(Finish(plan_.calls[i], &group.states[i], &d));
        }
        row.push_back(std::move(d));
      }
      group.states.clear();
      out->push_back(std::move(row));
      ++at_;
    }
    co_return at_ < groups_.size();
  }

 private:
  struct Group {
    Row values;
    size_t set = 0;
    std::vector<State> states;
  };

  static std::vector<const Expr*> Exprs(const AggregatePlan& plan) {
    std::vector<const Expr*> out = Pointers(plan.groups);
    for (const AggregateCall& call : plan.calls) {
      out.push_back(call.filter.get());
      for (const ExprPtr& e : call.args) out.push_back(e.get());
      for (const ExprPtr& e : call.direct) out.push_back(e.get());
      for (const OrderExpr& o : call.order) out.push_back(o.expr.get());
    }
    return out;
  }

  absl::StatusOr<size_t> NewGroup(Row values, size_t set) {
    Group group;
    group.values = std::move(values);
    group.set = set;
    group.states.resize(plan_.calls.size());
    for (size_t i = 0; i < plan_.calls.size(); ++i) {
      const AggregateCall& call = plan_.calls[i];
      if (call.function == nullptr) continue;
      State& s = group.states[i];
      s.aggregator = call.function->make(call.args.empty() ? Type::kUnknown : call.args[0]->type);
      if (call.distinct) s.seen = std::make_unique<Seen>();
      if (call.direct.empty()) continue;
      std::vector<Datum> direct(call.direct.size());
      for (size_t d = 0; d < direct.size(); ++d) {
        ISO_RETURN_IF_ERROR(Eval(*call.direct[d], exec_->eval, Row(), &direct[d]));
      }
      ISO_RETURN_IF_ERROR(s.aggregator->Start(direct.data(), direct.size()));
    }
    groups_.push_back(std::move(group));
    return groups_.size() - 1;
  }

  // Without GROUP BY, and for an empty grouping set, there is one group, be it empty.
  absl::Status EmptyGroups() {
    if (plan_.sets.empty()) {
      if (!plan_.groups.empty() || !groups_.empty()) return absl::OkStatus();
      return NewGroup({}, 0).status();
    }
    for (size_t s = 0; s < plan_.sets.size(); ++s) {
      if (!plan_.sets[s].empty()) continue;
      const bool there =
          std::any_of(groups_.begin(), groups_.end(), [s](const Group& g) { return g.set == s; });
      if (!there) ISO_RETURN_IF_ERROR(NewGroup(Row(plan_.groups.size()), s).status());
    }
    return absl::OkStatus();
  }

  absl::Status Add(const Row& row) {
    if (plan_.groups.empty() && plan_.sets.empty()) {
      if (groups_.empty()) ISO_RETURN_IF_ERROR(NewGroup({}, 0).status());
      return AddTo(0, row);
    }
    Row values(plan_.groups.size());
    for (size_t i = 0; i < values.size(); ++i) {
      ISO_RETURN_IF_ERROR(Eval(*plan_.groups[i], exec_->eval, row, &values[i]));
    }
    if (plan_.sets.empty()) {
      ISO_ASSIGN_OR_RETURN(size_t group, Find(std::move(values), 0));
      return AddTo(group, row);
    }
    for (size_t s = 0; s < plan_.sets.size(); ++s) {
      Row of_set(values.size());
      for (int i : plan_.sets[s]) of_set[static_cast<size_t>(i)] = values[static_cast<size_t>(i)];
      ISO_ASSIGN_OR_RETURN(size_t group, Find(std::move(of_set), s));
      ISO_RETURN_IF_ERROR(AddTo(group, row));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<size_t> Find(Row values, size_t set) {
    std::string key;
    if (!plan_.sets.empty()) key = std::to_string(set) + ":";
    key += RowKey(values);
    auto [it, fresh] = by_key_.try_emplace(std::move(key), groups_.size());
    if (!fresh) return it->second;
    ISO_RETURN_IF_ERROR(Charge(RowBytes(values) + static_cast<int64_t>(it->first.size()) +
                               static_cast<int64_t>(plan_.calls.size() * (sizeof(State) + 48))));
    return NewGroup(std::move(values), set);
  }

  absl::Status AddTo(size_t group, const Row& row) {
    for (size_t i = 0; i < plan_.calls.size(); ++i) {
      if (plan_.calls[i].function == nullptr) continue;
      ISO_RETURN_IF_ERROR(Accumulate(plan_.calls[i], row, &groups_[group].states[i]));
    }
    return absl::OkStatus();
  }

  absl::Status Accumulate(const AggregateCall& call, const Row& row, State* s) {
    if (call.filter != nullptr) {
      bool counts = false;
      ISO_RETURN_IF_ERROR(EvalPredicate(*call.filter, exec_->eval, row, &counts));
      if (!counts) return absl::OkStatus();
    }
    absl::InlinedVector<Datum, 2> args(call.args.size());
    for (size_t i = 0; i < args.size(); ++i) {
      ISO_RETURN_IF_ERROR(Eval(*call.args[i], exec_->eval, row, &args[i]));
      if (args[i].is_null() && call.function->strict) return absl::OkStatus();
    }
    if (s->seen != nullptr) {
      std::string key = RowKey(args.data(), args.data() + args.size());
      ISO_RETURN_IF_ERROR(Charge(static_cast<int64_t>(key.size()) + 48));
      if (!s->seen->insert(std::move(key)).second) return absl::OkStatus();
    }
    if (!call.order.empty()) {
      Row kept(args.begin(), args.end());
      for (const OrderExpr& o : call.order) {
        Datum d;
        ISO_RETURN_IF_ERROR(Eval(*o.expr, exec_->eval, row, &d));
        kept.push_back(std::move(d));
      }
      ISO_RETURN_IF_ERROR(ChargeRow(kept));
      s->rows.push_back(std::move(kept));
      return absl::OkStatus();
    }
    ISO_RETURN_IF_ERROR(s->aggregator->Add(args.data(), args.size()));
    return ChargeGrowth(s);
  }

  absl::Status ChargeGrowth(State* s) {
    const int64_t bytes = s->aggregator->MemoryBytes();
    if (bytes <= s->bytes) return absl::OkStatus();
    ISO_RETURN_IF_ERROR(Charge(bytes - s->bytes));
    s->bytes = bytes;
    return absl::OkStatus();
  }

  absl::Status Finish(const AggregateCall& call, State* s, Datum* out) {
    const size_t args = call.args.size();
    std::stable_sort(s->rows.begin(), s->rows.end(), [&](const Row& a, const Row& b) {
      for (size_t i = 0; i < call.order.size(); ++i) {
        const int order = OrderDatums(a[args + i], b[args + i], call.order[i].descending,
                                      call.order[i].nulls_first);
        if (order != 0) return order < 0;
      }
      return false;
    });
    for (const Row& row : s->rows) {
      ISO_RETURN_IF_ERROR(s->aggregator->Add(row.data(), args));
      ISO_RETURN_IF_ERROR(ChargeGrowth(s));
    }
    return s->aggregator->Finish(out);
  }

  // A bit for each argument, the last one's lowest: whether it is not grouped by here.
  Datum Grouping(const std::vector<int>& args, size_t set) const {
    int64_t bits = 0;
    for (int at : args) {
      const bool in =
          plan_.sets.empty() ||
          std::find(plan_.sets[set].begin(), plan_.sets[set].end(), at) != plan_.sets[set].end();
      bits = bits * 2 + (in ? 0 : 1);
    }
    return Datum::Int(bits);
  }

  const AggregatePlan& plan_;
  const Settler settler_;
  OperatorPtr child_;
  bool consumed_ = false;
  absl::flat_hash_map<std::string, size_t> by_key_;  // lint: no iteration
  std::vector<Group> groups_;                        // in the order they were met
  size_t at_ = 0;
};

}  // namespace

namespace operators {
OperatorPtr MakeAggregate(const AggregatePlan& plan, ExecContext* exec) {
  if (OperatorPtr at_tablets = MakeTabletAggregate(plan, exec)) return at_tablets;
  return std::make_unique<AggregateOperator>(plan, exec);
}
}  // namespace operators

}  // namespace isochron::sql
