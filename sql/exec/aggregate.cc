// SPDX-License-Identifier: Apache-2.0
#include <limits>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/numeric/int128.h"
#include "common/status_macros.h"
#include "sql/catalog/row_codec.h"
#include "sql/exec/subquery.h"
#include "sql/types/error.h"
#include "sql/types/numeric.h"

namespace isochron::sql {
namespace {

struct State {
  int64_t count = 0;
  absl::int128 sum = 0;
  double float_sum = 0;
  Datum numeric_sum = numeric::FromInt(0);
  Datum extreme;
  absl::flat_hash_set<std::string> seen;  // lint: no iteration
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
      // Without GROUP BY there is one group, be it empty.
      if (plan_.groups.empty() && groups_.empty()) NewGroup({});
    }
    while (at_ < groups_.size() && out->size() < 512) {
      Row row = std::move(groups_[at_].values);
      for (size_t i = 0; i < plan_.calls.size(); ++i) {
        Datum d;
        ISO_CO_RETURN_IF_ERROR(Finish(plan_.calls[i], groups_[at_].states[i], &d));
        row.push_back(std::move(d));
      }
      out->push_back(std::move(row));
      ++at_;
    }
    co_return at_ < groups_.size();
  }

 private:
  struct Group {
    Row values;
    std::vector<State> states;
  };

  static std::vector<const Expr*> Exprs(const AggregatePlan& plan) {
    std::vector<const Expr*> out = Pointers(plan.groups);
    for (const AggregateCall& call : plan.calls) {
      out.push_back(call.filter.get());
      out.push_back(call.arg.get());
    }
    return out;
  }

  size_t NewGroup(Row values) {
    groups_.push_back({std::move(values), std::vector<State>(plan_.calls.size())});
    return groups_.size() - 1;
  }

  absl::Status Add(const Row& row) {
    size_t group = 0;
    if (plan_.groups.empty()) {
      if (groups_.empty()) NewGroup({});
    } else {
      Row values(plan_.groups.size());
      std::string key;
      for (size_t i = 0; i < values.size(); ++i) {
        ISO_RETURN_IF_ERROR(Eval(*plan_.groups[i], exec_->eval, row, &values[i]));
        AppendKeyPart(plan_.groups[i]->type, values[i], &key);
      }
      auto [it, fresh] = by_key_.try_emplace(std::move(key), groups_.size());
      if (fresh) {
        ISO_RETURN_IF_ERROR(Charge(RowBytes(values) + static_cast<int64_t>(it->first.size()) +
                                   static_cast<int64_t>(plan_.calls.size() * sizeof(State))));
        NewGroup(std::move(values));
      }
      group = it->second;
    }
    for (size_t i = 0; i < plan_.calls.size(); ++i) {
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
    if (call.kind == AggregateKind::kCountStar) {
      ++s->count;
      return absl::OkStatus();
    }
    Datum d;
    ISO_RETURN_IF_ERROR(Eval(*call.arg, exec_->eval, row, &d));
    if (d.is_null()) return absl::OkStatus();
    if (call.distinct) {
      std::string key;
      AppendKeyPart(call.arg->type, d, &key);
      ISO_RETURN_IF_ERROR(Charge(static_cast<int64_t>(key.size()) + 48));
      if (!s->seen.insert(std::move(key)).second) return absl::OkStatus();
    }
    ++s->count;
    switch (call.kind) {
      case AggregateKind::kSum:
      case AggregateKind::kAvg:
        if (d.shape() == Datum::Shape::kInt) {
          s->sum += d.int_value();
        } else if (d.shape() == Datum::Shape::kNumeric) {
          const Datum before = std::move(s->numeric_sum);
          return numeric::Add(before, d, &s->numeric_sum);
        } else {
          s->float_sum += d.float_value();
          if (call.type == Type::kFloat4) s->float_sum = static_cast<float>(s->float_sum);
        }
        break;
      case AggregateKind::kMin:
      case AggregateKind::kBoolAnd:
        if (s->extreme.is_null() || CompareDatums(d, s->extreme) < 0) s->extreme = std::move(d);
        break;
      case AggregateKind::kMax:
      case AggregateKind::kBoolOr:
        if (s->extreme.is_null() || CompareDatums(d, s->extreme) > 0) s->extreme = std::move(d);
        break;
      default:
        break;
    }
    return absl::OkStatus();
  }

  absl::Status Finish(const AggregateCall& call, const State& s, Datum* out) {
    switch (call.kind) {
      case AggregateKind::kCountStar:
      case AggregateKind::kCount:
        *out = Datum::Int(s.count);
        return absl::OkStatus();
      case AggregateKind::kSum:
        if (s.count == 0) return absl::OkStatus();
        if (IsFloat(call.type)) {
          *out = Datum::Float(s.float_sum);
          return absl::OkStatus();
        }
        if (call.type == Type::kNumeric) {
          return numeric::Add(numeric::FromWide(s.sum), s.numeric_sum, out);
        }
        if (s.sum > std::numeric_limits<int64_t>::max() ||
            s.sum < std::numeric_limits<int64_t>::min()) {
          return SqlError(sqlstate::kValueOutOfRange, "bigint out of range in sum()");
        }
        *out = Datum::Int(static_cast<int64_t>(s.sum));
        return absl::OkStatus();
      case AggregateKind::kAvg:
        if (s.count == 0) return absl::OkStatus();
        if (call.type == Type::kNumeric) {
          Datum sum;
          ISO_RETURN_IF_ERROR(numeric::Add(numeric::FromWide(s.sum), s.numeric_sum, &sum));
          return numeric::Divide(sum, numeric::FromInt(s.count), out);
        }
        *out = Datum::Float(s.float_sum / static_cast<double>(s.count));
        return absl::OkStatus();
      default:
        *out = s.extreme;
        return absl::OkStatus();
    }
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
  return std::make_unique<AggregateOperator>(plan, exec);
}
}  // namespace operators

}  // namespace isochron::sql
