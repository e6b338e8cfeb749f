// SPDX-License-Identifier: Apache-2.0
//
// Window functions. All rows are held; for each window they are sorted, and go by partitions: rows
// equal in the order are peers, and each row has its frame. A frame that begins with its partition
// is aggregated as it grows; others are aggregated anew where they differ from the row before's.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/exec/subquery.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

using ast::FrameBound;
using ast::FrameExclusion;
using ast::FrameMode;

constexpr size_t kBatchRows = 512;
constexpr size_t kStepsAtOnce = 20'000;

class WindowOperator : public Operator {
 public:
  WindowOperator(const WindowPlan& plan, ExecContext* exec)
      : Operator(exec),
        plan_(plan),
        settler_(exec, Exprs(plan)),
        child_(MakeOperator(*plan.child, exec)) {}

  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    if (!done_) {
      done_ = true;
      ISO_CO_RETURN_IF_ERROR(co_await TakeIn());
      for (size_t s = 0; s < plan_.specs.size(); ++s) {
        ISO_CO_RETURN_IF_ERROR(co_await RunWindow(s));
      }
    }
    for (; at_ < order_.size() && out->size() < kBatchRows; ++at_) {
      Item& item = items_[order_[at_]];
      for (Datum& d : item.results) item.row.push_back(std::move(d));
      out->push_back(std::move(item.row));
    }
    co_return at_ < order_.size();
  }

 private:
  struct Item {
    Row row;
    Row values;   // what the windows and the calls are of
    Row results;  // by call
  };
  // Offsets of a frame, evaluated.
  struct Bounds {
    int64_t start = 0, end = 0;  // ROWS and GROUPS
    Datum start_value, end_value;
  };
  // Rows [from, to) of order_.
  struct Span {
    size_t from = 0, to = 0;
    bool operator==(const Span& o) const { return from == o.from && to == o.to; }
  };
  struct Partition {
    Span rows;
    std::vector<size_t> group;       // by row of it: which group of peers
    std::vector<size_t> group_from;  // by group; one more at the end
  };

  static std::vector<const Expr*> Exprs(const WindowPlan& plan) {
    std::vector<const Expr*> out;
    for (const WindowSpec& spec : plan.specs) {
      for (const ExprPtr& e : spec.partition) out.push_back(e.get());
      for (const OrderExpr& o : spec.order) out.push_back(o.expr.get());
      out.push_back(spec.start_offset.get());
      out.push_back(spec.end_offset.get());
    }
    for (const WindowCall& call : plan.calls) {
      for (const ExprPtr& e : call.args) out.push_back(e.get());
      out.push_back(call.filter.get());
    }
    return out;
  }

  // Every so many steps others may run, and the statement may end.
  Task<absl::Status> Pause() {
    steps_ = 0;
    co_await SleepFor(exec_->executor, 0);
    co_return Alive();
  }

  absl::Status Values(Item* item) {
    auto add = [&](const Expr& e) -> absl::Status {
      Datum d;
      ISO_RETURN_IF_ERROR(Eval(e, exec_->eval, item->row, &d));
      item->values.push_back(std::move(d));
      return absl::OkStatus();
    };
    spec_places_.clear();
    call_places_.clear();
    for (const WindowSpec& spec : plan_.specs) {
      spec_places_.push_back(item->values.size());
      for (const ExprPtr& e : spec.partition) ISO_RETURN_IF_ERROR(add(*e));
      for (const OrderExpr& o : spec.order) ISO_RETURN_IF_ERROR(add(*o.expr));
    }
    for (const WindowCall& call : plan_.calls) {
      call_places_.push_back(item->values.size());
      for (const ExprPtr& e : call.args) ISO_RETURN_IF_ERROR(add(*e));
      if (call.filter != nullptr) ISO_RETURN_IF_ERROR(add(*call.filter));
    }
    item->results.resize(plan_.calls.size());
    return absl::OkStatus();
  }

  Task<absl::Status> TakeIn() {
    for (bool more = true; more;) {
      Batch batch;
      ISO_CO_ASSIGN_OR_RETURN(more, co_await child_->Next(&batch));
      for (Row& row : batch) {
        if (!settler_.empty()) ISO_CO_RETURN_IF_ERROR(co_await settler_.Settle(&row));
        Item item;
        item.row = std::move(row);
        ISO_CO_RETURN_IF_ERROR(Values(&item));
        ISO_CO_RETURN_IF_ERROR(
            Charge(RowBytes(item.row) + RowBytes(item.values) + RowBytes(item.results)));
        items_.push_back(std::move(item));
      }
    }
    for (size_t i = 0; i < items_.size(); ++i) order_.push_back(i);
    co_return absl::OkStatus();
  }

  const Datum& Value(size_t place, size_t at) const { return items_[order_[at]].values[place]; }

  // How two rows of items_ lie in a window.
  int Compare(size_t s, size_t a, size_t b, bool partition_only) const {
    const WindowSpec& spec = plan_.specs[s];
    size_t place = spec_places_[s];
    for (size_t i = 0; i < spec.partition.size(); ++i, ++place) {
      const int order = OrderDatums(items_[a].values[place], items_[b].values[place], false, false);
      if (order != 0) return order;
    }
    for (size_t i = 0; !partition_only && i < spec.order.size(); ++i, ++place) {
      const int order = OrderDatums(items_[a].values[place], items_[b].values[place],
                                    spec.order[i].descending, spec.order[i].nulls_first);
      if (order != 0) return order;
    }
    return 0;
  }

  absl::StatusOr<Bounds> BoundsOf(const WindowSpec& spec) const {
    Bounds out;
    for (bool start : {true, false}) {
      const ExprPtr& e = start ? spec.start_offset : spec.end_offset;
      if (e == nullptr) continue;
      Datum d;
      ISO_RETURN_IF_ERROR(Eval(*e, exec_->eval, Row(), &d));
      const char* which = start ? "starting" : "ending";
      if (d.is_null()) {
        return SqlError("22004", absl::StrCat("frame ", which, " offset must not be null"));
      }
      const bool ranged = spec.mode == FrameMode::kRange;
      const bool negative =
          ranged ? DatumToText(e->type, d).substr(0, 1) == "-" : d.int_value() < 0;
      if (negative) {
        return SqlError("22013",
                        ranged ? "invalid preceding or following size in window function"
                               : absl::StrCat("frame ", which, " offset must not be negative"));
      }
      if (ranged) {
        (start ? out.start_value : out.end_value) = d;
      } else {
        (start ? out.start : out.end) = d.int_value();
      }
    }
    return out;
  }

  Task<absl::Status> RunWindow(size_t s) {
    std::stable_sort(order_.begin(), order_.end(),
                     [&](size_t a, size_t b) { return Compare(s, a, b, false) < 0; });
    Bounds bounds;
    ISO_CO_ASSIGN_OR_RETURN(bounds, BoundsOf(plan_.specs[s]));
    for (size_t from = 0; from < order_.size();) {
      Partition p;
      size_t to = from;
      for (; to < order_.size() && Compare(s, order_[from], order_[to], true) == 0; ++to) {
        if (to == from || Compare(s, order_[to - 1], order_[to], false) != 0) {
          p.group_from.push_back(to);
        }
        p.group.push_back(p.group_from.size() - 1);
      }
      p.group_from.push_back(to);
      p.rows = {from, to};
      if ((steps_ += to - from) >= kStepsAtOnce) ISO_CO_RETURN_IF_ERROR(co_await Pause());
      for (size_t c = 0; c < plan_.calls.size(); ++c) {
        if (plan_.calls[c].window != static_cast<int>(s)) continue;
        ISO_CO_RETURN_IF_ERROR(co_await RunCall(c, s, p, bounds));
      }
      from = to;
    }
    co_return absl::OkStatus();
  }

  Span Peers(const Partition& p, size_t at) const {
    const size_t group = p.group[at - p.rows.from];
    return {p.group_from[group], p.group_from[group + 1]};
  }

  // A bound of a RANGE with an offset, by search. The edge may lie beyond what its type can say.
  size_t RangeBound(size_t s, const Partition& p, size_t at, bool start, const Datum& offset) {
    const WindowSpec& spec = plan_.specs[s];
    const size_t place = spec_places_[s] + spec.partition.size();
    const OrderExpr& order = spec.order[0];
    const Datum& current = Value(place, at);
    if (current.is_null()) return start ? Peers(p, at).from : Peers(p, at).to;
    const bool preceding = (start ? spec.start : spec.end) == FrameBound::kPreceding;
    Datum edge;
    const bool beyond =
        !Eval(start ? *spec.start_edge : *spec.end_edge, exec_->eval, Row{current, offset}, &edge)
             .ok();
    auto outside = [&](size_t i) {  // before the start; not yet behind the end
      const Datum& v = items_[i].values[place];
      if (v.is_null()) return order.nulls_first;
      if (beyond) return !preceding;
      const int c = CompareDatums(v, edge);
      const int along = order.descending ? -c : c;
      return start ? along < 0 : along <= 0;
    };
    const auto begin = order_.begin() + static_cast<std::ptrdiff_t>(p.rows.from);
    const auto end = order_.begin() + static_cast<std::ptrdiff_t>(p.rows.to);
    return static_cast<size_t>(std::partition_point(begin, end, outside) - order_.begin());
  }

  size_t Bound(size_t s, const Partition& p, size_t at, bool start, const Bounds& bounds) {
    const WindowSpec& spec = plan_.specs[s];
    const FrameBound bound = start ? spec.start : spec.end;
    if (bound == FrameBound::kUnboundedPreceding) return p.rows.from;
    if (bound == FrameBound::kUnboundedFollowing) return p.rows.to;
    const int64_t size = start ? bounds.start : bounds.end;
    const int64_t sign = bound == FrameBound::kPreceding ? -1 : 1;
    if (spec.mode == FrameMode::kRows) {
      if (bound == FrameBound::kCurrentRow) return start ? at : at + 1;
      const int64_t rows = static_cast<int64_t>(p.rows.to - p.rows.from);
      const int64_t to = static_cast<int64_t>(at - p.rows.from) + sign * std::min(size, rows + 1) +
                         (start ? 0 : 1);
      return p.rows.from + static_cast<size_t>(std::clamp<int64_t>(to, 0, rows));
    }
    if (bound == FrameBound::kCurrentRow) return start ? Peers(p, at).from : Peers(p, at).to;
    if (spec.mode == FrameMode::kRange) {
      return RangeBound(s, p, at, start, start ? bounds.start_value : bounds.end_value);
    }
    const int64_t groups = static_cast<int64_t>(p.group_from.size()) - 1;
    const int64_t to = static_cast<int64_t>(p.group[at - p.rows.from]) +
                       sign * std::min(size, groups + 1) + (start ? 0 : 1);
    return p.group_from[static_cast<size_t>(std::clamp<int64_t>(to, 0, groups))];
  }

  Span Frame(size_t s, const Partition& p, size_t at, const Bounds& bounds) {
    Span frame{Bound(s, p, at, true, bounds), Bound(s, p, at, false, bounds)};
    if (frame.to < frame.from) frame.to = frame.from;
    return frame;
  }

  bool Excluded(size_t s, const Partition& p, size_t at, size_t other) const {
    switch (plan_.specs[s].exclusion) {
      case FrameExclusion::kNone:
        return false;
      case FrameExclusion::kCurrentRow:
        return at == other;
      case FrameExclusion::kTies:
        if (at == other) return false;
        [[fallthrough]];
      case FrameExclusion::kGroup:
        return p.group[at - p.rows.from] == p.group[other - p.rows.from];
    }
    return false;
  }

  Task<absl::Status> RunCall(size_t c, size_t s, const Partition& p, const Bounds& bounds) {
    const WindowCall& call = plan_.calls[c];
    if (call.function == WindowFunction::kAggregate)
      co_return co_await RunAggregate(c, s, p, bounds);
    for (size_t at = p.rows.from; at < p.rows.to; ++at) {
      Datum* out = &items_[order_[at]].results[c];
      switch (call.function) {
        case WindowFunction::kLag:
        case WindowFunction::kLead:
          Shifted(c, p, at, out);
          break;
        case WindowFunction::kFirstValue:
        case WindowFunction::kLastValue:
        case WindowFunction::kNthValue: {
          const Span frame = Frame(s, p, at, bounds);
          ISO_CO_RETURN_IF_ERROR(OfFrame(c, s, p, at, frame, out));
          break;
        }
        default:
          ISO_CO_RETURN_IF_ERROR(Ranked(c, p, at, out));
      }
      ISO_CO_RETURN_IF_ERROR(Charge(out->MemoryBytes() - static_cast<int64_t>(sizeof(Datum))));
      if (++steps_ >= kStepsAtOnce) ISO_CO_RETURN_IF_ERROR(co_await Pause());
    }
    co_return absl::OkStatus();
  }

  absl::Status Ranked(size_t c, const Partition& p, size_t at, Datum* out) {
    const int64_t row = static_cast<int64_t>(at - p.rows.from);
    const int64_t rows = static_cast<int64_t>(p.rows.to - p.rows.from);
    const Span peers = Peers(p, at);
    const int64_t rank = static_cast<int64_t>(peers.from - p.rows.from) + 1;
    switch (plan_.calls[c].function) {
      case WindowFunction::kRowNumber:
        *out = Datum::Int(row + 1);
        break;
      case WindowFunction::kRank:
        *out = Datum::Int(rank);
        break;
      case WindowFunction::kDenseRank:
        *out = Datum::Int(static_cast<int64_t>(p.group[at - p.rows.from]) + 1);
        break;
      case WindowFunction::kPercentRank:
        *out = Datum::Float(
            rows <= 1 ? 0.0 : static_cast<double>(rank - 1) / static_cast<double>(rows - 1));
        break;
      case WindowFunction::kCumeDist:
        *out =
            Datum::Float(static_cast<double>(peers.to - p.rows.from) / static_cast<double>(rows));
        break;
      default: {  // ntile: the first row says how many
        const Datum& parts = Value(call_places_[c], p.rows.from);
        if (parts.is_null()) break;
        const int64_t n = parts.int_value();
        if (n <= 0) return SqlError("22014", "argument of ntile must be greater than zero");
        const int64_t least = rows / n, larger = rows % n;
        *out = Datum::Int(row < larger * (least + 1)
                              ? row / (least + 1) + 1
                              : larger + (row - larger * (least + 1)) / least + 1);
      }
    }
    return absl::OkStatus();
  }

  void Shifted(size_t c, const Partition& p, size_t at, Datum* out) {
    const WindowCall& call = plan_.calls[c];
    const size_t place = call_places_[c];
    int64_t by = 1;
    if (call.args.size() > 1) {
      const Datum& offset = Value(place + 1, at);
      if (offset.is_null()) return;
      by = offset.int_value();
    }
    if (call.function == WindowFunction::kLag) by = by == INT64_MIN ? INT64_MAX : -by;
    const int64_t row = static_cast<int64_t>(at - p.rows.from);
    const int64_t rows = static_cast<int64_t>(p.rows.to - p.rows.from);
    if (by >= -row && by < rows - row) {
      *out = Value(place, static_cast<size_t>(static_cast<int64_t>(at) + by));
    } else if (call.args.size() > 2) {
      *out = Value(place + 2, at);
    }
  }

  absl::Status OfFrame(size_t c, size_t s, const Partition& p, size_t at, Span frame, Datum* out) {
    const size_t place = call_places_[c];
    const WindowFunction function = plan_.calls[c].function;
    int64_t nth = 1;
    if (function == WindowFunction::kNthValue) {
      const Datum& n = Value(place + 1, at);
      if (n.is_null()) return absl::OkStatus();
      nth = n.int_value();
      if (nth <= 0) return SqlError("22016", "argument of nth_value must be greater than zero");
    }
    const bool last = function == WindowFunction::kLastValue;
    if (plan_.specs[s].exclusion == FrameExclusion::kNone) {
      const uint64_t size = frame.to - frame.from;
      if (size == 0 || static_cast<uint64_t>(nth) > size) return absl::OkStatus();
      *out = Value(place, last ? frame.to - 1 : frame.from + static_cast<size_t>(nth) - 1);
      return absl::OkStatus();
    }
    for (size_t i = 0; i < frame.to - frame.from; ++i) {
      const size_t other = last ? frame.to - 1 - i : frame.from + i;
      if (Excluded(s, p, at, other) || --nth > 0) continue;
      *out = Value(place, other);
      break;
    }
    return absl::OkStatus();
  }

  absl::Status Add(size_t c, size_t at, Aggregator* to) {
    const WindowCall& call = plan_.calls[c];
    const Datum* args = items_[order_[at]].values.data() + call_places_[c];
    const size_t count = call.args.size();
    if (call.filter != nullptr && (args[count].is_null() || !args[count].bool_value())) {
      return absl::OkStatus();
    }
    for (size_t i = 0; call.aggregate->strict && i < count; ++i) {
      if (args[i].is_null()) return absl::OkStatus();
    }
    return to->Add(args, count);
  }

  Task<absl::Status> RunAggregate(size_t c, size_t s, const Partition& p, const Bounds& bounds) {
    const WindowCall& call = plan_.calls[c];
    const WindowSpec& spec = plan_.specs[s];
    const Type type = call.args.empty() ? Type::kUnknown : call.args[0]->type;
    const bool grows =
        spec.start == FrameBound::kUnboundedPreceding && spec.exclusion == FrameExclusion::kNone;
    std::unique_ptr<Aggregator> state;
    Span before;
    Datum value;
    for (size_t at = p.rows.from; at < p.rows.to; ++at) {
      const Span frame = Frame(s, p, at, bounds);
      const bool same =
          state != nullptr && frame == before && spec.exclusion == FrameExclusion::kNone;
      if (!same) {
        size_t next = before.to;
        if (state == nullptr || !grows) {
          state = call.aggregate->make(type);
          next = frame.from;
        }
        for (; next < frame.to; ++next) {
          if (Excluded(s, p, at, next)) continue;
          ISO_CO_RETURN_IF_ERROR(Add(c, next, state.get()));
          if (++steps_ >= kStepsAtOnce) ISO_CO_RETURN_IF_ERROR(co_await Pause());
        }
        value = Datum();
        ISO_CO_RETURN_IF_ERROR(state->Finish(&value));
        before = frame;
      }
      ISO_CO_RETURN_IF_ERROR(Charge(value.MemoryBytes() - static_cast<int64_t>(sizeof(Datum))));
      items_[order_[at]].results[c] = value;
      if (++steps_ >= kStepsAtOnce) ISO_CO_RETURN_IF_ERROR(co_await Pause());
    }
    co_return absl::OkStatus();
  }

  const WindowPlan& plan_;
  const Settler settler_;
  OperatorPtr child_;
  bool done_ = false;
  std::vector<Item> items_;
  std::vector<size_t> order_;                      // of items_, in the last window's order
  std::vector<size_t> spec_places_, call_places_;  // in Item::values
  size_t at_ = 0;
  size_t steps_ = 0;
};

}  // namespace

namespace operators {
OperatorPtr MakeWindow(const WindowPlan& plan, ExecContext* exec) {
  return std::make_unique<WindowOperator>(plan, exec);
}
}  // namespace operators

}  // namespace isochron::sql
