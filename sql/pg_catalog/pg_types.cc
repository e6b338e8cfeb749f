// SPDX-License-Identifier: Apache-2.0
#include "sql/pg_catalog/pg_types.h"

#include "sql/types/array.h"

namespace isochron::sql {
namespace {

// By number.
constexpr PgTypeFacts kFacts[kTypeCount] = {
    {Type::kUnknown, false, 'c', 'p', "unknown", 0, "", 0},
    {Type::kBool, true, 'c', 'p', "bool", 10003, "bool_ops", 424},
    {Type::kInt2, true, 's', 'p', "int2", 1979, "int2_ops", 1976},
    {Type::kInt4, true, 'i', 'p', "int4", 1978, "int4_ops", 1976},
    {Type::kInt8, true, 'd', 'p', "int8", 3124, "int8_ops", 1976},
    {Type::kFloat8, true, 'd', 'p', "float8", 3123, "float8_ops", 1970},
    {Type::kText, false, 'i', 'x', "text", 3126, "text_ops", 1994},
    {Type::kBytea, false, 'i', 'x', "bytea", 10006, "bytea_ops", 428},
    {Type::kTimestamptz, true, 'd', 'p', "timestamptz_", 3127, "timestamptz_ops", 434},
    {Type::kFloat4, true, 'i', 'p', "float4", 10012, "float4_ops", 1970},
    {Type::kNumeric, false, 'i', 'm', "numeric_", 3125, "numeric_ops", 1988},
    {Type::kVarchar, false, 'i', 'x', "varchar", 3126, "text_ops", 1994},
    {Type::kBpchar, false, 'i', 'x', "bpchar", 10004, "bpchar_ops", 426},
    {Type::kDate, true, 'i', 'p', "date_", 3122, "date_ops", 434},
    {Type::kTime, true, 'd', 'p', "time_", 10038, "time_ops", 1996},
    {Type::kTimestamp, true, 'd', 'p', "timestamp_", 3128, "timestamp_ops", 434},
    {Type::kInterval, false, 'd', 'p', "interval_", 10022, "interval_ops", 1982},
    {Type::kUuid, false, 'c', 'p', "uuid_", 10065, "uuid_ops", 2968},
    {Type::kJson, false, 'i', 'x', "json_", 0, "", 0},
    {Type::kJsonb, false, 'i', 'x', "jsonb_", 10088, "jsonb_ops", 4033},
    {Type::kOid, true, 'i', 'p', "oid", 1981, "oid_ops", 1989},
    {Type::kName, false, 'c', 'p', "name", 10028, "name_ops", 1994},
    {Type::kChar, true, 'c', 'p', "char", 10007, "char_ops", 429},
    {Type::kRegclass, true, 'i', 'p', "regclass", 1981, "oid_ops", 1989},
    {Type::kRegtype, true, 'i', 'p', "regtype", 1981, "oid_ops", 1989},
    {Type::kRegproc, true, 'i', 'p', "regproc", 1981, "oid_ops", 1989},
    {Type::kRegnamespace, true, 'i', 'p', "regnamespace", 1981, "oid_ops", 1989},
    {Type::kInt2Vector, false, 'i', 'p', "int2vector", 0, "", 0},
    {Type::kOidVector, false, 'i', 'p', "oidvector", 10032, "oidvector_ops", 1991},
    {Type::kTimetz, false, 'd', 'p', "timetz_", 10041, "timetz_ops", 2000},
    {Type::kXid, true, 'i', 'p', "xid", 0, "", 0},
    {Type::kEnum, true, 'i', 'p', "enum_", 10075, "enum_ops", 3522},
};

// Of an array.
constexpr PgTypeFacts kArrayFacts = {Type::kUnknown, false, 'i',         'x',
                                     "array_",       10001, "array_ops", 397};

}  // namespace

const PgTypeFacts& PgFactsOf(Type type) {
  return IsArray(type) ? kArrayFacts : kFacts[static_cast<size_t>(KindOf(type))];
}

int64_t CollationOf(Type type) {
  switch (IsArray(type) ? ElementOf(type) : type) {
    case Type::kText:
    case Type::kVarchar:
    case Type::kBpchar:
      return 100;  // default
    case Type::kName:
      return 950;  // C
    default:
      return 0;
  }
}

}  // namespace isochron::sql
