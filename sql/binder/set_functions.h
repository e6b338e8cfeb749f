// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_BINDER_SET_FUNCTIONS_H_
#define ISOCHRON_SQL_BINDER_SET_FUNCTIONS_H_

// Functions that give any number of rows, for FROM and for the select list: a table by name and
// argument types, as that of the scalar functions (functions.h). Each source file adds its part.
//
// A call opens a SetSource, which gives its rows one by one: none is asked to hold them all.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sql/binder/expr.h"
#include "sql/types/datum.h"

namespace isochron::sql {

class SetSource {
 public:
  virtual ~SetSource() = default;
  // Fills *row with as many values as there are columns. False behind the last one.
  virtual absl::StatusOr<bool> Next(Row* row) = 0;
};

struct SetFunction {
  // Its `fn` is null. A strict one gives no rows for a NULL argument.
  Function signature;
  // Null for no rows.
  absl::StatusOr<std::unique_ptr<SetSource>> (*open)(const EvalContext& ctx, const Datum* args,
                                                     size_t count) = nullptr;
  // Of several columns, or of one with a name of its own. Empty: one of signature.result, called as
  // the function is.
  std::vector<ColumnInfo> columns;
  // The one column's type by those of the arguments, where signature.result is kUnknown.
  Type (*result_of)(const std::vector<Type>& args) = nullptr;
  // In the place of `open`: the columns are those that the alias defines, as in FROM f(...) AS
  // t (a bigint, b text).
  absl::StatusOr<std::unique_ptr<SetSource>> (*open_defined)(
      const EvalContext& ctx, const Datum* args, size_t count,
      const std::vector<ColumnInfo>& columns) = nullptr;
};

struct SetFunctions {
  std::vector<Function> signatures;    // beside `functions`
  std::vector<SetFunction> functions;  // in order of preference
};
// Null if no such function is called so.
const SetFunctions* SetFunctionsNamed(absl::string_view name);

// A source of rows that are all there.
std::unique_ptr<SetSource> SourceOf(std::vector<Row> rows);

namespace set_function_groups {
void AddSeries(std::vector<SetFunction>* out);
void AddStrings(std::vector<SetFunction>* out);
void AddArrays(std::vector<SetFunction>* out);
void AddTimes(std::vector<SetFunction>* out);
void AddJson(std::vector<SetFunction>* out);
void AddCatalog(std::vector<SetFunction>* out);
}  // namespace set_function_groups

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_BINDER_SET_FUNCTIONS_H_
