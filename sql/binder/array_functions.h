// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_BINDER_ARRAY_FUNCTIONS_H_
#define ISOCHRON_SQL_BINDER_ARRAY_FUNCTIONS_H_

// Operators and functions over arrays of any element type.
//
// Each is written once and stands for one Function an element type, all made at first use and kept.
// The binder finds the common element type of the arguments and asks for that one.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sql/binder/expr.h"

namespace isochron::sql {

// What an argument or result is: 'A' the array, 'E' its element, 'S' any array as text[], 'T'
// text[], 'N' integer[], 'i' integer, 't' text, 'b' boolean.
struct ArraySignature {
  const char* name;
  const char* args;
  char result;
  EvalFn fn;
  bool strict = true;
  bool variadic = false;
};

const std::vector<ArraySignature>& AllArraySignatures();
// Of that name, in order of preference; null if the name is no array function's.
const std::vector<const ArraySignature*>* ArraySignaturesNamed(absl::string_view name);
// For elements of that type, which is no array.
const Function* ArrayFunctionFor(const ArraySignature& signature, Type element);
// What a letter of a signature stands for.
Type ArraySignatureType(char letter, Type element);

// a[1][2]: the array, then its subscripts. a[1:2][:3]: then a lower and an upper bound each, where
// kOmittedBound is one that is not written.
inline constexpr int64_t kOmittedBound = INT64_MIN;
inline constexpr char kSubscriptFunction[] = "subscript";
inline constexpr char kSliceFunction[] = "slice";

// An array of what has one type, or of arrays of one shape (ARRAY[...]). 2202E.
absl::Status BuildArray(const std::vector<Datum>& members, bool nested, Datum* out);
// Element by element. `from` or `to` is an array.
absl::Status CastArray(Type from, Type to, const Datum& in, Datum* out,
                       const TimeContext& time = PlainTimeContext());

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_BINDER_ARRAY_FUNCTIONS_H_
