// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_BINDER_RESOLVE_H_
#define ISOCHRON_SQL_BINDER_RESOLVE_H_

// Which of several functions or operators of one name a call means: PostgreSQL's rules (chapter
// 10).
//
// The exact match; else, of those that the arguments can become by themselves, the ones with most
// exact matches, then with most preferred types, then those that take the categories that literals
// of unknown type may be of. Pure.

#include <vector>

#include "sql/binder/expr.h"
#include "sql/types/datum.h"

namespace isochron::sql {

// An argument of this type takes a value of any other as it is.
inline constexpr Type kAnyType = static_cast<Type>(0x7f);

struct Resolution {
  const Function* function = nullptr;
  bool ambiguous = false;  // without a function: there were several, not none
};

Resolution ResolveFunction(const std::vector<Function>& candidates, const std::vector<Type>& args);
// An unknown operand is first taken to be of the other's type.
Resolution ResolveOperator(const std::vector<Function>& candidates, const std::vector<Type>& args);

// The type that values of all of these types become (CASE, UNION, IN ...), as PostgreSQL's
// select_common_type: text when all are unknown. False when two do not fit: *left and *right.
bool CommonType(const std::vector<Type>& types, Type* common, Type* left, Type* right);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_BINDER_RESOLVE_H_
