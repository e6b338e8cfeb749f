// SPDX-License-Identifier: Apache-2.0
#include "sql/types/type_info.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status_macros.h"
#include "sql/types/enum_type.h"
#include "sql/types/error.h"
#include "sql/types/time_datum.h"

namespace isochron::sql {
namespace {

using S = Datum::Shape;

// By number.
constexpr TypeInfo kTypes[kTypeCount] = {
    {Type::kUnknown, "unknown", "unknown", 705, 0, -2, S::kString, 'X', false, true, false},
    {Type::kBool, "boolean", "bool", 16, 1000, 1, S::kBool, 'B', true, true, false},
    {Type::kInt2, "smallint", "int2", 21, 1005, 2, S::kInt, 'N', false, true, false},
    {Type::kInt4, "integer", "int4", 23, 1007, 4, S::kInt, 'N', false, true, false},
    {Type::kInt8, "bigint", "int8", 20, 1016, 8, S::kInt, 'N', false, true, false},
    {Type::kFloat8, "double precision", "float8", 701, 1022, 8, S::kFloat, 'N', true, true, false},
    {Type::kText, "text", "text", 25, 1009, -1, S::kString, 'S', true, true, false},
    {Type::kBytea, "bytea", "bytea", 17, 1001, -1, S::kString, 'U', false, true, false},
    {Type::kTimestamptz, "timestamp with time zone", "timestamptz", 1184, 1185, 8, S::kInt, 'D',
     true, true, false},
    {Type::kFloat4, "real", "float4", 700, 1021, 4, S::kFloat, 'N', false, true, false},
    {Type::kNumeric, "numeric", "numeric", 1700, 1231, -1, S::kNumeric, 'N', false, true, false},
    {Type::kVarchar, "character varying", "varchar", 1043, 1015, -1, S::kString, 'S', false, true,
     false},
    {Type::kBpchar, "character", "bpchar", 1042, 1014, -1, S::kBpchar, 'S', false, true, false},
    {Type::kDate, "date", "date", 1082, 1182, 4, S::kInt, 'D', false, true, false},
    {Type::kTime, "time without time zone", "time", 1083, 1183, 8, S::kInt, 'D', false, true,
     false},
    {Type::kTimestamp, "timestamp without time zone", "timestamp", 1114, 1115, 8, S::kInt, 'D',
     false, true, false},
    {Type::kInterval, "interval", "interval", 1186, 1187, 16, S::kInterval, 'T', true, true, false},
    {Type::kUuid, "uuid", "uuid", 2950, 2951, 16, S::kString, 'U', false, true, false},
    {Type::kJson, "json", "json", 114, 199, -1, S::kString, 'U', false, true, false},
    {Type::kJsonb, "jsonb", "jsonb", 3802, 3807, -1, S::kJsonb, 'U', false, true, false},
    {Type::kOid, "oid", "oid", 26, 1028, 4, S::kInt, 'N', true, true, false},
    {Type::kName, "name", "name", 19, 1003, 64, S::kString, 'S', false, true, false},
    {Type::kChar, "\"char\"", "char", 18, 1002, 1, S::kString, 'Z', false, true, false},
    {Type::kRegclass, "regclass", "regclass", 2205, 2210, 4, S::kInt, 'N', false, true, false},
    {Type::kRegtype, "regtype", "regtype", 2206, 2211, 4, S::kInt, 'N', false, true, false},
    {Type::kRegproc, "regproc", "regproc", 24, 1008, 4, S::kInt, 'N', false, true, false},
    {Type::kRegnamespace, "regnamespace", "regnamespace", 4089, 4090, 4, S::kInt, 'N', false, true,
     false},
    {Type::kInt2Vector, "int2vector", "int2vector", 22, 1006, -1, S::kArray, 'A', false, true,
     false},
    {Type::kOidVector, "oidvector", "oidvector", 30, 1013, -1, S::kArray, 'A', false, true, false},
    {Type::kTimetz, "time with time zone", "timetz", 1266, 1270, 12, S::kInterval, 'D', false,
     false, false},
    {Type::kXid, "xid", "xid", 28, 1011, 4, S::kInt, 'U', false, true, false},
    {Type::kEnum, "anyenum", "anyenum", 3500, 0, 4, S::kInt, 'E', false, false, false},
};

// Names that lead to a type beside pg_type's.
constexpr struct {
  const char* name;
  Type type;
} kAliases[] = {{"boolean", Type::kBool}, {"smallint", Type::kInt2},  {"integer", Type::kInt4},
                {"int", Type::kInt4},     {"bigint", Type::kInt8},    {"real", Type::kFloat4},
                {"float", Type::kFloat8}, {"decimal", Type::kNumeric}};

struct ArrayNames {
  std::array<std::string, kTypeCount> sql, pg;
};
const ArrayNames& NamesOfArrays() {
  static const ArrayNames* names = [] {
    auto* out = new ArrayNames;
    for (size_t i = 0; i < kTypeCount; ++i) {
      out->sql[i] = absl::StrCat(kTypes[i].sql_name, "[]");
      out->pg[i] = absl::StrCat("_", kTypes[i].pg_name);
    }
    return out;
  }();
  return *names;
}

size_t IndexOf(Type t) {
  const auto i = static_cast<size_t>(KindOf(ElementOf(t)));
  return i < kTypeCount ? i : 0;
}

}  // namespace

const TypeInfo& InfoOf(Type t) { return kTypes[IndexOf(t)]; }

absl::string_view TypeName(Type t) {
  if (const EnumType* e = EnumOf(t)) return IsArray(t) ? e->shown_array : e->shown;
  return IsArray(t) ? absl::string_view(NamesOfArrays().sql[IndexOf(t)]) : InfoOf(t).sql_name;
}

absl::string_view PgTypeName(Type t) {
  if (const EnumType* e = EnumOf(t)) return IsArray(t) ? e->array_name : e->name;
  return IsArray(t) ? absl::string_view(NamesOfArrays().pg[IndexOf(t)]) : InfoOf(t).pg_name;
}

Type TypeFromName(absl::string_view name) {
  if (absl::ConsumePrefix(&name, "_")) {
    const Type element = TypeFromName(name);
    return element == Type::kUnknown || IsArray(element) ? Type::kUnknown : ArrayOf(element);
  }
  for (const TypeInfo& t : kTypes) {
    if (name == t.pg_name) return t.type;
  }
  for (const auto& alias : kAliases) {
    if (name == alias.name) return alias.type;
  }
  return Type::kUnknown;
}

Type TypeFromSqlName(absl::string_view name) {
  const bool array = absl::ConsumeSuffix(&name, "[]");
  for (const TypeInfo& t : kTypes) {
    if (name == t.sql_name) return array ? ArrayOf(t.type) : t.type;
  }
  return Type::kUnknown;
}

int32_t OidOf(Type t) {
  if (const EnumType* e = EnumOf(t)) return static_cast<int32_t>(e->oid + (IsArray(t) ? 1 : 0));
  return IsArray(t) ? InfoOf(t).array_oid : InfoOf(t).oid;
}

Type TypeFromOid(int32_t oid) {
  if (oid == 0) return Type::kUnknown;
  for (const TypeInfo& t : kTypes) {
    if (t.oid == oid) return t.type;
    if (t.array_oid == oid) return ArrayOf(t.type);
  }
  return Type::kUnknown;
}

int16_t SizeOf(Type t) { return IsArray(t) ? int16_t{-1} : InfoOf(t).size; }
Datum::Shape ShapeOf(Type t) { return IsArray(t) ? S::kArray : InfoOf(t).shape; }
char CategoryOf(Type t) { return IsArray(t) ? 'A' : InfoOf(t).category; }
bool IsPreferred(Type t) { return !IsArray(t) && InfoOf(t).preferred; }
bool IsReady(Type t) {
  if (EnumOf(t) != nullptr) return true;
  return InfoOf(t).ready && (!IsArray(t) || InfoOf(t).array_oid != 0);
}

absl::Status NotReady(Type t, int position) {
  return SqlError(sqlstate::kUnsupported,
                  absl::StrCat("type ", TypeName(t), " is not supported yet"), position,
                  "docs/reference/sql.md lists the types.");
}

std::string TypeNameWithModifier(Type t, int32_t typmod) {
  const TypeInfo& info = InfoOf(t);
  std::string out(TypeName(ElementOf(t)));
  if (typmod >= 0) {
    switch (info.type) {
      case Type::kVarchar:
      case Type::kBpchar:
        absl::StrAppend(&out, "(", typmod - 4, ")");
        break;
      case Type::kNumeric: {
        const int32_t scale = (((typmod - 4) & 0x7ff) ^ 1024) - 1024;
        absl::StrAppend(&out, "(", ((typmod - 4) >> 16) & 0xffff, ",", scale, ")");
        break;
      }
      case Type::kTime:
      case Type::kTimetz:
      case Type::kTimestamp:
      case Type::kTimestamptz:
      case Type::kInterval:
        // "time(3) without time zone"
        out.insert(std::min(out.find(' '), out.size()), TimeTypmodText(info.type, typmod));
        break;
      default:
        break;
    }
  }
  return IsArray(t) ? absl::StrCat(out, "[]") : out;
}

namespace {

absl::StatusOr<int32_t> LengthTypmod(Type t, const std::vector<int32_t>& modifiers, int position) {
  constexpr int32_t kMostCharacters = 10'485'760;
  const absl::string_view name = t == Type::kVarchar ? "varchar" : "char";
  if (modifiers.size() > 1) {
    return SqlError(sqlstate::kInvalidParameter, "invalid type modifier", position);
  }
  if (modifiers[0] < 1) {
    return SqlError(sqlstate::kInvalidParameter,
                    absl::StrCat("length for type ", name, " must be at least 1"), position);
  }
  if (modifiers[0] > kMostCharacters) {
    return SqlError(sqlstate::kInvalidParameter,
                    absl::StrCat("length for type ", name, " cannot exceed ", kMostCharacters),
                    position);
  }
  return modifiers[0] + 4;
}

absl::StatusOr<int32_t> NumericTypmod(const std::vector<int32_t>& modifiers, int position) {
  if (modifiers.size() > 2) {
    return SqlError(sqlstate::kInvalidParameter, "invalid NUMERIC type modifier", position);
  }
  const int32_t precision = modifiers[0];
  const int32_t scale = modifiers.size() > 1 ? modifiers[1] : 0;
  if (precision < 1 || precision > 1000) {
    return SqlError(sqlstate::kInvalidParameter,
                    absl::StrCat("NUMERIC precision ", precision, " must be between 1 and 1000"),
                    position);
  }
  if (scale < -1000 || scale > 1000) {
    return SqlError(sqlstate::kInvalidParameter,
                    absl::StrCat("NUMERIC scale ", scale, " must be between -1000 and 1000"),
                    position);
  }
  return ((precision << 16) | (scale & 0x7ff)) + 4;
}

}  // namespace

absl::StatusOr<int32_t> TypmodFrom(Type t, const std::vector<int32_t>& modifiers, int position) {
  if (modifiers.empty()) return -1;
  switch (ElementOf(t)) {
    case Type::kVarchar:
    case Type::kBpchar:
      return LengthTypmod(ElementOf(t), modifiers, position);
    case Type::kNumeric:
      return NumericTypmod(modifiers, position);
    case Type::kTime:
    case Type::kTimestamp:
    case Type::kTimestamptz:
    case Type::kInterval:
      return TimeTypmodFrom(ElementOf(t), modifiers, position);
    default:
      return SqlError(sqlstate::kUnsupported,
                      absl::StrCat("type ", TypeName(ElementOf(t)),
                                   " with a length or precision is not supported yet"),
                      position, "Use the type without a modifier.");
  }
}

absl::StatusOr<ResolvedType> ResolveType(absl::string_view name,
                                         const std::vector<int32_t>& modifiers, int position) {
  ResolvedType out;
  out.type = TypeFromName(name);
  if (out.type == Type::kUnknown && name != "unknown") {
    return SqlError(sqlstate::kUndefinedObject, absl::StrCat("type \"", name, "\" does not exist"),
                    position);
  }
  if (!IsReady(out.type)) return NotReady(out.type, position);
  ISO_ASSIGN_OR_RETURN(out.typmod, TypmodFrom(out.type, modifiers, position));
  return out;
}

}  // namespace isochron::sql
