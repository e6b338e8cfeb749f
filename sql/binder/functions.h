// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_BINDER_FUNCTIONS_H_
#define ISOCHRON_SQL_BINDER_FUNCTIONS_H_

// The built-in operators and scalar functions, by name and argument types.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sql/binder/expr.h"

namespace isochron::sql {

// Candidates of that name (operators are named by their sign, "neg" for unary minus). In order of
// preference.
const std::vector<Function>& FunctionsNamed(absl::string_view name);
// nextval as the default of an identity column calls it: no name in SQL.
const Function& NextIdentityFunction();

// Names of all functions, for "did you mean" and completion.
std::vector<std::string> FunctionNames();
std::vector<std::string> OperatorNames();

// Of an array of an enum, and two of its labels: those from one to the other.
inline constexpr char kEnumBetween[] = "enum_between";

// LIKE with backslash escapes; characters, not bytes. `fold` ignores ASCII case.
bool LikeMatch(absl::string_view text, absl::string_view pattern, bool fold);

namespace function_groups {
// Each source file adds its part.
void AddOperators(std::vector<Function>* out);
void AddMath(std::vector<Function>* out);
void AddMoreMath(std::vector<Function>* out);
void AddNumeric(std::vector<Function>* out);
void AddStrings(std::vector<Function>* out);
void AddEncodings(std::vector<Function>* out);
void AddMoreStrings(std::vector<Function>* out);
void AddTime(std::vector<Function>* out);
void AddRegex(std::vector<Function>* out);
void AddSequences(std::vector<Function>* out);
void AddJson(std::vector<Function>* out);
void AddJsonPaths(std::vector<Function>* out);
void AddTimeParts(std::vector<Function>* out);
void AddTimeMakers(std::vector<Function>* out);
void AddTimeTemplates(std::vector<Function>* out);
void AddEnums(std::vector<Function>* out);
void AddCatalog(std::vector<Function>* out);
}  // namespace function_groups

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_BINDER_FUNCTIONS_H_
