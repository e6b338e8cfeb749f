// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_BINDER_TYPE_NAMES_H_
#define ISOCHRON_SQL_BINDER_TYPE_NAMES_H_

// Names of types in SQL text: those that are always there, and those that users made.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "sql/types/type_info.h"

namespace isochron::sql {

// A schema, empty where the search path decides, and the name in it.
using SchemaAndName = std::pair<std::string, std::string>;
// Types that users made, as a statement names them.
using TypeNames = std::map<SchemaAndName, Type>;

// What a name (ast::TypeName) and its modifiers stand for; `types` may be null. PostgreSQL's own
// types come first; the array of a type `t` is called `_t`. 42704, 0A000, 22023, 42601.
absl::StatusOr<ResolvedType> ResolveTypeName(absl::string_view name,
                                             const std::vector<int32_t>& modifiers, int position,
                                             const TypeNames* types);
// What a name may mean among the types that users made: itself, and what it may be an array of.
// Empty for one of PostgreSQL's.
std::vector<SchemaAndName> TypesMeantBy(absl::string_view name);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_BINDER_TYPE_NAMES_H_
