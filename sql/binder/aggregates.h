// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_BINDER_AGGREGATES_H_
#define ISOCHRON_SQL_BINDER_AGGREGATES_H_

// The built-in aggregate functions, by name and argument types: a table, as that of the scalar
// functions (functions.h) is one. Each source file adds its part.
//
// An Aggregator is the state of one group. The executor leaves out rows by FILTER, repeated ones by
// DISTINCT, and those with a NULL argument where the function is strict; it brings them in order
// where ORDER BY or WITHIN GROUP asks for it.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "sql/binder/expr.h"
#include "sql/types/datum.h"

namespace isochron::sql {

class Aggregator {
 public:
  virtual ~Aggregator() = default;
  // WITHIN GROUP's direct arguments, before the first row.
  virtual absl::Status Start(const Datum* /*direct*/, size_t /*count*/) { return absl::OkStatus(); }
  virtual absl::Status Add(const Datum* args, size_t count) = 0;
  // The value over what was added so far; windows go on adding behind it. *out is NULL before.
  virtual absl::Status Finish(Datum* out) = 0;
  // What it holds beyond a fixed size.
  virtual int64_t MemoryBytes() const { return 0; }
};

struct AggregateFunction {
  // Its `fn` is null. A result of kAnyType is of the type of the first argument that may be any.
  Function signature;
  // `type` is that of the first argument of Add.
  std::unique_ptr<Aggregator> (*make)(Type type) = nullptr;
  bool strict = true;  // rows with a NULL argument do not count
  // The order of rows shows in the result. With DISTINCT they then come in the arguments' order.
  bool ordered = false;
  // WITHIN GROUP: of the signature's arguments the last is what is ordered by, those before it are
  // the direct ones.
  bool within_group = false;
  bool (*accepts)(Type type) = nullptr;  // of any type: which
  // The result's type by that of the first argument that may be any, where it is not that itself.
  Type (*result_of)(Type type) = nullptr;
};

struct AggregateSet {
  std::vector<Function> signatures;          // beside `functions`
  std::vector<AggregateFunction> functions;  // in order of preference
};
// Null if no aggregate is called so.
const AggregateSet* AggregatesNamed(absl::string_view name);

namespace aggregate_groups {
void AddBasic(std::vector<AggregateFunction>* out);
void AddNumeric(std::vector<AggregateFunction>* out);
void AddStatistics(std::vector<AggregateFunction>* out);
void AddArrays(std::vector<AggregateFunction>* out);
void AddTimes(std::vector<AggregateFunction>* out);
void AddJson(std::vector<AggregateFunction>* out);
}  // namespace aggregate_groups

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_BINDER_AGGREGATES_H_
