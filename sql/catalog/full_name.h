// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_CATALOG_FULL_NAME_H_
#define ISOCHRON_SQL_CATALOG_FULL_NAME_H_

// The name by which the catalog knows a relation, one string: "t" for one of the schema public,
// "s.t" for one of another. A dot or backslash that is part of a name has a backslash before it, so
// no two relations share a full name.
//
// A schema itself is known as "s.", all roles as ".roles", a database as "..d": no relation's name
// is empty. What begins with a dot is the universe's; all other names are those of one database,
// which they do not say: each has a part of the key space for them (database_store.h). Pure.

#include <string>

#include "absl/strings/string_view.h"

namespace isochron::sql {

inline constexpr char kPublicSchema[] = "public";

std::string FullName(absl::string_view schema, absl::string_view name);
// The schema in a full name; "public" where there is none.
std::string SchemaIn(absl::string_view full_name);
// The name without the schema.
std::string LocalName(absl::string_view full_name);
// As SQL text: "s"."t", quoted, so that it means the same under every search_path.
std::string SqlName(absl::string_view full_name);
// As SQL text, quoted only where that must be, and with the schema only where it is not public.
std::string PlainSqlName(absl::string_view full_name);

// The name under which the catalog keeps a schema.
std::string SchemaFullName(absl::string_view schema);
bool IsSchemaFullName(absl::string_view full_name);
// The name under which the catalog keeps a database, and the beginning of all of them.
inline constexpr char kDatabases[] = "..";
std::string DatabaseFullName(absl::string_view database);
bool IsDatabaseFullName(absl::string_view full_name);
// The name that the index has in the catalog: it lies in its table's schema.
std::string IndexFullName(absl::string_view table_full_name, absl::string_view index);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_CATALOG_FULL_NAME_H_
