// SPDX-License-Identifier: Apache-2.0
//
// sum and avg of intervals.
#include "common/status_macros.h"
#include "sql/binder/aggregates.h"
#include "sql/types/time_datum.h"

namespace isochron::sql {
namespace {

template <bool average>
class IntervalSum : public Aggregator {
 public:
  absl::Status Add(const Datum* args, size_t) override {
    ++count_;
    ISO_ASSIGN_OR_RETURN(sum_, AddIntervals(sum_, IntervalOf(args[0])));
    return absl::OkStatus();
  }
  absl::Status Finish(Datum* out) override {
    if (count_ == 0) return absl::OkStatus();
    Interval v = sum_;
    if (average) {
      ISO_ASSIGN_OR_RETURN(v, DivideInterval(sum_, static_cast<double>(count_)));
    }
    *out = IntervalDatum(v);
    return absl::OkStatus();
  }

 private:
  int64_t count_ = 0;
  Interval sum_;
};

template <typename T>
std::unique_ptr<Aggregator> Make(Type) {
  return std::make_unique<T>();
}

}  // namespace

namespace aggregate_groups {

void AddTimes(std::vector<AggregateFunction>* out) {
  constexpr Type kV = Type::kInterval;
  for (bool average : {false, true}) {
    AggregateFunction f;
    f.signature = {average ? "avg" : "sum", {kV}, kV, nullptr};
    f.make = average ? Make<IntervalSum<true>> : Make<IntervalSum<false>>;
    out->push_back(std::move(f));
  }
}

}  // namespace aggregate_groups

}  // namespace isochron::sql
