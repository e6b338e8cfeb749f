// SPDX-License-Identifier: Apache-2.0
//
// array_agg: the values of a group as an array, in the order that is asked for.
#include <memory>
#include <utility>
#include <vector>

#include "common/status_macros.h"
#include "sql/binder/aggregates.h"
#include "sql/binder/array_functions.h"
#include "sql/binder/resolve.h"
#include "sql/types/array.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

class ArrayAgg : public Aggregator {
 public:
  explicit ArrayAgg(bool nested) : nested_(nested) {}
  absl::Status Add(const Datum* args, size_t) override {
    if (nested_) ISO_RETURN_IF_ERROR(CheckMember(args[0]));
    bytes_ += args[0].MemoryBytes();
    members_.push_back(args[0]);
    return absl::OkStatus();
  }
  absl::Status Finish(Datum* out) override {
    return members_.empty() ? absl::OkStatus() : BuildArray(members_, nested_, out);
  }
  int64_t MemoryBytes() const override { return bytes_; }

 private:
  // Arrays become one array only if they are alike.
  absl::Status CheckMember(const Datum& d) {
    if (d.is_null()) return SqlError("22004", "cannot accumulate null arrays");
    const ArrayReader in(d.string_value());
    if (in.dims().empty()) return SqlError("2202E", "cannot accumulate empty arrays");
    if (members_.empty()) dims_ = in.dims();
    if (in.dims() == dims_) return absl::OkStatus();
    return SqlError("2202E", "cannot accumulate arrays of different dimensionality");
  }

  const bool nested_;  // they are arrays, and become the members of one that is deeper
  std::vector<Datum> members_;
  std::vector<ArrayDimension> dims_;  // of the members that are arrays
  int64_t bytes_ = 0;
};

std::unique_ptr<Aggregator> MakeArrayAgg(Type type) {
  return std::make_unique<ArrayAgg>(IsArrayType(type));
}

Type ArrayOfArgument(Type type) {
  return IsArrayType(type) ? ArrayOf(ArrayElement(type)) : ArrayOf(type);
}

}  // namespace

namespace aggregate_groups {

void AddArrays(std::vector<AggregateFunction>* out) {
  AggregateFunction f;
  f.signature = {"array_agg", {kAnyType}, kAnyType, nullptr};
  f.make = MakeArrayAgg;
  f.strict = false;
  f.ordered = true;
  f.result_of = ArrayOfArgument;
  out->push_back(std::move(f));
}

}  // namespace aggregate_groups

}  // namespace isochron::sql
