// SPDX-License-Identifier: Apache-2.0
//
// generate_series of timestamps.
#include <utility>

#include "common/status_macros.h"
#include "sql/binder/set_functions.h"
#include "sql/binder/time_math.h"
#include "sql/types/calendar.h"
#include "sql/types/error.h"
#include "sql/types/time_datum.h"

namespace isochron::sql {
namespace {

// Steps by the session's clocks when `zoned`.
class TimeSeries : public SetSource {
 public:
  TimeSeries(int64_t from, int64_t to, Interval step, bool zoned, TimeZone zone)
      : next_(from),
        last_(to),
        step_(step),
        forward_(IntervalSpan(step) > 0),
        zoned_(zoned),
        zone_(std::move(zone)) {}

  absl::StatusOr<bool> Next(Row* row) override {
    if (forward_ ? next_ > last_ : next_ < last_) return false;
    row->push_back(Datum::Int(next_));
    Datum next;
    if (zoned_) {
      ISO_RETURN_IF_ERROR(AddToTimestamptz(zone_, next_, step_, &next));
      next_ = next.int_value();
    } else {
      ISO_ASSIGN_OR_RETURN(next_, AddToTimestamp(next_, step_));
    }
    return true;
  }

 private:
  int64_t next_;
  const int64_t last_;
  const Interval step_;
  const bool forward_;
  const bool zoned_;
  const TimeZone zone_;
};

template <bool kZoned>
absl::StatusOr<std::unique_ptr<SetSource>> Open(const EvalContext& ctx, const Datum* args, size_t) {
  const Interval step = IntervalOf(args[2]);
  if (IntervalSpan(step) == 0) {
    return SqlError(sqlstate::kInvalidParameter, "step size cannot equal zero");
  }
  if (IsInfiniteTimestamp(args[0].int_value())) {
    return SqlError(sqlstate::kInvalidParameter, "a series cannot begin at infinity");
  }
  return std::unique_ptr<SetSource>(std::make_unique<TimeSeries>(
      args[0].int_value(), args[1].int_value(), step, kZoned, ctx.time.zone));
}

}  // namespace

namespace set_function_groups {

void AddTimes(std::vector<SetFunction>* out) {
  for (Type type : {Type::kTimestamp, Type::kTimestamptz}) {
    SetFunction f;
    f.signature = {"generate_series", {type, type, Type::kInterval}, type, nullptr};
    f.open = type == Type::kTimestamptz ? Open<true> : Open<false>;
    out->push_back(std::move(f));
  }
}

}  // namespace set_function_groups

}  // namespace isochron::sql
