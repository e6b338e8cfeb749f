// SPDX-License-Identifier: Apache-2.0
#include "sql/binder/set_functions.h"

#include <map>
#include <utility>

#include "sql/types/error.h"

namespace isochron::sql {
namespace {

using Registry = std::map<std::string, SetFunctions, std::less<>>;

const Registry& AllSetFunctions() {
  static const Registry* registry = [] {
    std::vector<SetFunction> all;
    set_function_groups::AddSeries(&all);
    set_function_groups::AddStrings(&all);
    set_function_groups::AddArrays(&all);
    set_function_groups::AddTimes(&all);
    set_function_groups::AddJson(&all);
    set_function_groups::AddCatalog(&all);
    auto* by_name = new Registry;
    for (SetFunction& f : all) {
      SetFunctions& set = (*by_name)[f.signature.name];
      set.signatures.push_back(f.signature);
      set.functions.push_back(std::move(f));
    }
    return by_name;
  }();
  return *registry;
}

class Rows : public SetSource {
 public:
  explicit Rows(std::vector<Row> rows) : rows_(std::move(rows)) {}
  absl::StatusOr<bool> Next(Row* row) override {
    if (at_ == rows_.size()) return false;
    *row = std::move(rows_[at_++]);
    return true;
  }

 private:
  std::vector<Row> rows_;
  size_t at_ = 0;
};

template <typename Int>
class IntSeries : public SetSource {
 public:
  IntSeries(Int from, Int to, Int step) : next_(from), last_(to), step_(step) { done_ = Beyond(); }
  absl::StatusOr<bool> Next(Row* row) override {
    if (done_) return false;
    row->push_back(Datum::Int(next_));
    done_ = __builtin_add_overflow(next_, step_, &next_) || Beyond();
    return true;
  }

 private:
  bool Beyond() const { return step_ > 0 ? next_ > last_ : next_ < last_; }

  Int next_, last_;
  const Int step_;
  bool done_ = false;
};

template <typename Int>
absl::StatusOr<std::unique_ptr<SetSource>> OpenSeries(const EvalContext&, const Datum* args,
                                                      size_t count) {
  const Int step = count > 2 ? static_cast<Int>(args[2].int_value()) : 1;
  if (step == 0) return SqlError(sqlstate::kInvalidParameter, "step size cannot equal zero");
  return std::unique_ptr<SetSource>(std::make_unique<IntSeries<Int>>(
      static_cast<Int>(args[0].int_value()), static_cast<Int>(args[1].int_value()), step));
}

}  // namespace

const SetFunctions* SetFunctionsNamed(absl::string_view name) {
  auto it = AllSetFunctions().find(name);
  return it == AllSetFunctions().end() ? nullptr : &it->second;
}

std::unique_ptr<SetSource> SourceOf(std::vector<Row> rows) {
  return std::make_unique<Rows>(std::move(rows));
}

namespace set_function_groups {

void AddSeries(std::vector<SetFunction>* out) {
  for (Type type : {Type::kInt4, Type::kInt8}) {
    for (size_t count : {2, 3}) {
      SetFunction f;
      f.signature = {"generate_series", std::vector<Type>(count, type), type, nullptr};
      f.open = type == Type::kInt4 ? OpenSeries<int32_t> : OpenSeries<int64_t>;
      out->push_back(std::move(f));
    }
  }
}

}  // namespace set_function_groups

}  // namespace isochron::sql
