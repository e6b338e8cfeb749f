// SPDX-License-Identifier: Apache-2.0
//
// What enum_range(low, high) is made of: the elements of an array from one to another.
#include <utility>

#include "sql/binder/functions.h"
#include "sql/types/array.h"

namespace isochron::sql::function_groups {
namespace {

// A bound that is NULL is none.
absl::Status Between(const EvalContext&, const Datum* a, size_t, Datum* out) {
  std::vector<Datum> found;
  ArrayReader in(a[0].string_value());
  Datum d;
  while (in.Next(&d)) {
    const bool low = a[1].is_null() || CompareDatums(d, a[1]) >= 0;
    const bool high = a[2].is_null() || CompareDatums(d, a[2]) <= 0;
    if (low && high) found.push_back(d);
  }
  *out = ArrayDatum(MakeVector(std::move(found)));
  return absl::OkStatus();
}

}  // namespace

void AddEnums(std::vector<Function>* out) {
  constexpr Type kE = Type::kEnum;
  out->push_back({kEnumBetween, {ArrayOf(kE), kE, kE}, ArrayOf(kE), Between, false});
}

}  // namespace isochron::sql::function_groups
