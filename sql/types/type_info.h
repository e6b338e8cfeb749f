// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_TYPE_INFO_H_
#define ISOCHRON_SQL_TYPES_TYPE_INFO_H_

// What is fixed about each type: PostgreSQL's names and numbers for it, and its modifiers.
//
// A modifier (typmod) is kept as PostgreSQL keeps it, -1 for none:
//   varchar(n), char(n)          n + 4
//   numeric(p, s)                ((p << 16) | (s & 0x7ff)) + 4
//   time, timestamp and kin (p)  p
//   interval                     as its own header says
// An array has its elements' modifier. Pure.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sql/types/datum.h"

namespace isochron::sql {

struct TypeInfo {
  Type type;
  const char* sql_name;  // "timestamp with time zone"
  const char* pg_name;   // pg_type.typname: "timestamptz"
  int32_t oid;
  int32_t array_oid;
  int16_t size;        // -1: varies
  Datum::Shape shape;  // of values that are not NULL
  char category;       // pg_type.typcategory
  bool preferred;      // within its category
  bool ready;          // values of it can be made, stored and sent; else it is 0A000
  bool ready_array;
};

// Of the type, of its elements for an array.
const TypeInfo& InfoOf(Type t);

// pg_type.typname: "int4", "_int4".
absl::string_view PgTypeName(Type t);
int32_t OidOf(Type t);
// kUnknown for 0, 705 (unknown) and every other oid that is not one of ours.
Type TypeFromOid(int32_t oid);
int16_t SizeOf(Type t);
// What values of the type have that are not NULL.
Datum::Shape ShapeOf(Type t);
// 'A' for every array.
char CategoryOf(Type t);
bool IsPreferred(Type t);
bool IsReady(Type t);
// 0A000: "type date is not supported yet".
absl::Status NotReady(Type t, int position = -1);
// The type that TypeName names so; kUnknown if none.
Type TypeFromSqlName(absl::string_view name);

// As format_type gives it: "numeric(10,2)", "character varying(5)[]".
std::string TypeNameWithModifier(Type t, int32_t typmod);
// From the numbers in parentheses; none: -1. 22023, 42601.
absl::StatusOr<int32_t> TypmodFrom(Type t, const std::vector<int32_t>& modifiers, int position);

struct ResolvedType {
  Type type = Type::kUnknown;
  int32_t typmod = -1;
};
// What a name and its modifiers, as the parser gives them, stand for. 42704, 0A000, 22023.
absl::StatusOr<ResolvedType> ResolveType(absl::string_view name,
                                         const std::vector<int32_t>& modifiers, int position);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_TYPE_INFO_H_
