// SPDX-License-Identifier: Apache-2.0
#include "sql/binder/aggregates.h"

#include <limits>
#include <map>
#include <utility>

#include "absl/numeric/int128.h"
#include "sql/binder/resolve.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

using Registry = std::map<std::string, AggregateSet, std::less<>>;

const Registry& AllAggregates() {
  static const Registry* registry = [] {
    std::vector<AggregateFunction> all;
    aggregate_groups::AddBasic(&all);
    aggregate_groups::AddNumeric(&all);
    aggregate_groups::AddStatistics(&all);
    aggregate_groups::AddArrays(&all);
    aggregate_groups::AddTimes(&all);
    aggregate_groups::AddJson(&all);
    auto* by_name = new Registry;
    for (AggregateFunction& f : all) {
      AggregateSet& set = (*by_name)[f.signature.name];
      set.signatures.push_back(f.signature);
      set.functions.push_back(std::move(f));
    }
    return by_name;
  }();
  return *registry;
}

class Count : public Aggregator {
 public:
  absl::Status Add(const Datum*, size_t) override {
    ++count_;
    return absl::OkStatus();
  }
  absl::Status Finish(Datum* out) override {
    *out = Datum::Int(count_);
    return absl::OkStatus();
  }

 private:
  int64_t count_ = 0;
};

// Of smallint and integer: bigint.
class IntSum : public Aggregator {
 public:
  absl::Status Add(const Datum* args, size_t) override {
    ++count_;
    sum_ += args[0].int_value();
    return absl::OkStatus();
  }
  absl::Status Finish(Datum* out) override {
    if (count_ == 0) return absl::OkStatus();
    if (sum_ > std::numeric_limits<int64_t>::max() || sum_ < std::numeric_limits<int64_t>::min()) {
      return SqlError(sqlstate::kValueOutOfRange, "bigint out of range");
    }
    *out = Datum::Int(static_cast<int64_t>(sum_));
    return absl::OkStatus();
  }

 private:
  int64_t count_ = 0;
  absl::int128 sum_ = 0;
};

template <bool average>
class FloatSum : public Aggregator {
 public:
  absl::Status Add(const Datum* args, size_t) override {
    ++count_;
    sum_ += args[0].float_value();
    return absl::OkStatus();
  }
  absl::Status Finish(Datum* out) override {
    if (count_ == 0) return absl::OkStatus();
    *out = Datum::Float(average ? sum_ / static_cast<double>(count_) : sum_);
    return absl::OkStatus();
  }

 private:
  int64_t count_ = 0;
  double sum_ = 0;
};

// Of real: each sum is rounded to a real.
class RealSum : public Aggregator {
 public:
  absl::Status Add(const Datum* args, size_t) override {
    any_ = true;
    sum_ += static_cast<float>(args[0].float_value());
    return absl::OkStatus();
  }
  absl::Status Finish(Datum* out) override {
    if (any_) *out = Datum::Float(sum_);
    return absl::OkStatus();
  }

 private:
  bool any_ = false;
  float sum_ = 0;
};

// The least, or the greatest; of booleans AND and OR.
template <bool least>
class Extreme : public Aggregator {
 public:
  absl::Status Add(const Datum* args, size_t) override {
    if (value_.is_null() || (CompareDatums(args[0], value_) < 0) == least) value_ = args[0];
    return absl::OkStatus();
  }
  absl::Status Finish(Datum* out) override {
    *out = value_;
    return absl::OkStatus();
  }
  int64_t MemoryBytes() const override { return value_.MemoryBytes(); }

 private:
  Datum value_;
};

template <char op>
class Bits : public Aggregator {
 public:
  absl::Status Add(const Datum* args, size_t) override {
    const int64_t v = args[0].int_value();
    bits_ = !any_ ? v : op == '&' ? (bits_ & v) : op == '|' ? (bits_ | v) : (bits_ ^ v);
    any_ = true;
    return absl::OkStatus();
  }
  absl::Status Finish(Datum* out) override {
    if (any_) *out = Datum::Int(bits_);
    return absl::OkStatus();
  }

 private:
  bool any_ = false;
  int64_t bits_ = 0;
};

// string_agg(value, delimiter): the first row's delimiter is not used, a NULL one is nothing.
class StringAgg : public Aggregator {
 public:
  absl::Status Add(const Datum* args, size_t) override {
    if (args[0].is_null()) return absl::OkStatus();
    if (any_ && !args[1].is_null()) text_ += args[1].string_value();
    any_ = true;
    text_ += args[0].string_value();
    return absl::OkStatus();
  }
  absl::Status Finish(Datum* out) override {
    if (any_) *out = Datum::String(text_);
    return absl::OkStatus();
  }
  int64_t MemoryBytes() const override { return static_cast<int64_t>(text_.capacity()); }

 private:
  bool any_ = false;
  std::string text_;
};

template <typename T>
std::unique_ptr<Aggregator> Make(Type) {
  return std::make_unique<T>();
}

bool HasLeast(Type t) { return t != Type::kBool; }

}  // namespace

const AggregateSet* AggregatesNamed(absl::string_view name) {
  auto it = AllAggregates().find(name);
  return it == AllAggregates().end() ? nullptr : &it->second;
}

namespace aggregate_groups {

void AddBasic(std::vector<AggregateFunction>* out) {
  constexpr Type kI = Type::kInt8, kF = Type::kFloat8, kB = Type::kBool, kAny = kAnyType;
  auto add = [out](const char* name, std::vector<Type> args, Type result,
                   std::unique_ptr<Aggregator> (*make)(Type)) -> AggregateFunction& {
    AggregateFunction f;
    f.signature = {name, std::move(args), result, nullptr};
    f.make = make;
    out->push_back(std::move(f));
    return out->back();
  };
  add("count", {}, kI, Make<Count>);
  add("count", {kAny}, kI, Make<Count>);
  add("sum", {Type::kInt2}, kI, Make<IntSum>);
  add("sum", {Type::kInt4}, kI, Make<IntSum>);
  add("sum", {Type::kFloat4}, Type::kFloat4, Make<RealSum>);
  add("avg", {Type::kFloat4}, kF, Make<FloatSum<true>>);
  for (Type t : {Type::kInt2, Type::kInt4, kI}) {
    add("bit_and", {t}, t, Make<Bits<'&'>>);
    add("bit_or", {t}, t, Make<Bits<'|'>>);
    add("bit_xor", {t}, t, Make<Bits<'^'>>);
  }
  add("sum", {kF}, kF, Make<FloatSum<false>>);
  add("avg", {kF}, kF, Make<FloatSum<true>>);
  add("min", {kAny}, kAny, Make<Extreme<true>>).accepts = HasLeast;
  add("max", {kAny}, kAny, Make<Extreme<false>>).accepts = HasLeast;
  add("bool_and", {kB}, kB, Make<Extreme<true>>);
  add("every", {kB}, kB, Make<Extreme<true>>);
  add("bool_or", {kB}, kB, Make<Extreme<false>>);
  for (Type t : {Type::kText, Type::kBytea}) {
    AggregateFunction& f = add("string_agg", {t, t}, t, Make<StringAgg>);
    f.strict = false;
    f.ordered = true;
  }
}

}  // namespace aggregate_groups

}  // namespace isochron::sql
