// SPDX-License-Identifier: Apache-2.0
//
// Sums, means and variances that are exact: over integers and numerics. Integers are added up in
// 128 bits.
#include <utility>

#include "absl/numeric/int128.h"
#include "common/status_macros.h"
#include "sql/binder/aggregates.h"
#include "sql/types/numeric.h"

namespace isochron::sql {
namespace {

// Of bigint the sum, of any integer the mean: as numeric.
template <bool average>
class WideSum : public Aggregator {
 public:
  absl::Status Add(const Datum* args, size_t) override {
    ++count_;
    sum_ += args[0].int_value();
    return absl::OkStatus();
  }
  absl::Status Finish(Datum* out) override {
    if (count_ == 0) return absl::OkStatus();
    if (average) return numeric::Divide(numeric::FromWide(sum_), numeric::FromInt(count_), out);
    *out = numeric::FromWide(sum_);
    return absl::OkStatus();
  }

 private:
  int64_t count_ = 0;
  absl::int128 sum_ = 0;
};

template <bool average>
class NumericSum : public Aggregator {
 public:
  absl::Status Add(const Datum* args, size_t) override {
    ++count_;
    const Datum before = std::move(sum_);
    return numeric::Add(before, args[0], &sum_);
  }
  absl::Status Finish(Datum* out) override {
    if (count_ == 0) return absl::OkStatus();
    if (average) return numeric::Divide(sum_, numeric::FromInt(count_), out);
    *out = sum_;
    return absl::OkStatus();
  }
  int64_t MemoryBytes() const override { return sum_.MemoryBytes(); }

 private:
  int64_t count_ = 0;
  Datum sum_ = numeric::FromInt(0);
};

// Variance and standard deviation.
template <bool sample, bool root>
class Spread : public Aggregator {
 public:
  explicit Spread(Type type) : integers_(IsInteger(type)) {}
  absl::Status Add(const Datum* args, size_t) override {
    ++count_;
    const Datum v = integers_ ? numeric::FromInt(args[0].int_value()) : args[0];
    Datum square;
    ISO_RETURN_IF_ERROR(numeric::Multiply(v, v, &square));
    const Datum squares = std::move(squares_), sum = std::move(sum_);
    ISO_RETURN_IF_ERROR(numeric::Add(squares, square, &squares_));
    return numeric::Add(sum, v, &sum_);
  }
  absl::Status Finish(Datum* out) override {
    if (count_ == 0 || (sample && count_ == 1)) return absl::OkStatus();
    return numeric::Spread(count_, sum_, squares_, sample, root, out);
  }
  int64_t MemoryBytes() const override { return sum_.MemoryBytes() + squares_.MemoryBytes(); }

 private:
  const bool integers_;
  int64_t count_ = 0;
  Datum sum_ = numeric::FromInt(0);
  Datum squares_ = numeric::FromInt(0);
};

template <typename T>
std::unique_ptr<Aggregator> Make(Type) {
  return std::make_unique<T>();
}
template <bool sample, bool root>
std::unique_ptr<Aggregator> MakeSpread(Type type) {
  return std::make_unique<Spread<sample, root>>(type);
}

}  // namespace

namespace aggregate_groups {

void AddNumeric(std::vector<AggregateFunction>* out) {
  constexpr Type kN = Type::kNumeric;
  auto add = [out](const char* name, Type arg, std::unique_ptr<Aggregator> (*make)(Type)) {
    AggregateFunction f;
    f.signature = {name, {arg}, Type::kNumeric, nullptr};
    f.make = make;
    out->push_back(std::move(f));
  };
  add("sum", Type::kInt8, Make<WideSum<false>>);
  add("sum", kN, Make<NumericSum<false>>);
  add("avg", kN, Make<NumericSum<true>>);
  for (Type t : {Type::kInt2, Type::kInt4, Type::kInt8}) add("avg", t, Make<WideSum<true>>);
  for (Type t : {Type::kInt2, Type::kInt4, Type::kInt8, kN}) {
    add("variance", t, MakeSpread<true, false>);
    add("var_samp", t, MakeSpread<true, false>);
    add("var_pop", t, MakeSpread<false, false>);
    add("stddev", t, MakeSpread<true, true>);
    add("stddev_samp", t, MakeSpread<true, true>);
    add("stddev_pop", t, MakeSpread<false, true>);
  }
}

}  // namespace aggregate_groups

}  // namespace isochron::sql
