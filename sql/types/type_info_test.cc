// SPDX-License-Identifier: Apache-2.0
#include "sql/types/type_info.h"

#include <gtest/gtest.h>

#include <set>

#include "sql/types/error.h"

namespace isochron::sql {
namespace {

TEST(TypeInfo, EveryTypeHasItsNumberNamesAndOids) {
  std::set<int32_t> oids;
  for (uint8_t i = 0; i < kTypeCount; ++i) {
    const auto t = static_cast<Type>(i);
    EXPECT_EQ(InfoOf(t).type, t);
    EXPECT_TRUE(oids.insert(OidOf(t)).second) << TypeName(t);
    if (t == Type::kUnknown || t == Type::kEnum) continue;
    EXPECT_TRUE(oids.insert(OidOf(ArrayOf(t))).second) << TypeName(t);
    EXPECT_EQ(TypeFromOid(OidOf(t)), t);
    EXPECT_EQ(TypeFromOid(OidOf(ArrayOf(t))), ArrayOf(t));
    EXPECT_EQ(TypeFromSqlName(TypeName(t)), t);
    EXPECT_EQ(TypeFromSqlName(TypeName(ArrayOf(t))), ArrayOf(t));
    EXPECT_EQ(ElementOf(ArrayOf(t)), t);
    EXPECT_EQ(CategoryOf(ArrayOf(t)), 'A');
    EXPECT_EQ(ShapeOf(ArrayOf(t)), Datum::Shape::kArray);
  }
  EXPECT_EQ(TypeFromOid(0), Type::kUnknown);
  EXPECT_EQ(TypeFromOid(600), Type::kUnknown);
}

TEST(TypeInfo, Names) {
  EXPECT_EQ(TypeFromName("int4"), Type::kInt4);
  EXPECT_EQ(TypeFromName("_int4"), ArrayOf(Type::kInt4));
  EXPECT_EQ(TypeFromName("decimal"), Type::kNumeric);
  EXPECT_EQ(TypeFromName("__int4"), Type::kUnknown);
  EXPECT_EQ(TypeFromName("point"), Type::kUnknown);
  EXPECT_EQ(TypeName(ArrayOf(Type::kInt4)), "integer[]");
  EXPECT_EQ(PgTypeName(ArrayOf(Type::kInt4)), "_int4");
  EXPECT_EQ(TypeName(static_cast<Type>(0x7f)), "unknown");
}

TEST(TypeInfo, Modifiers) {
  const int32_t typmod = *TypmodFrom(Type::kNumeric, {10, 2}, -1);
  EXPECT_EQ(typmod, 655366);
  EXPECT_EQ(TypeNameWithModifier(Type::kNumeric, typmod), "numeric(10,2)");
  EXPECT_EQ(TypeNameWithModifier(Type::kNumeric, *TypmodFrom(Type::kNumeric, {3, -2}, -1)),
            "numeric(3,-2)");
  EXPECT_EQ(TypeNameWithModifier(ArrayOf(Type::kVarchar), 9), "character varying(5)[]");
  EXPECT_EQ(TypeNameWithModifier(Type::kTimestamptz, 3), "timestamp(3) with time zone");
  EXPECT_EQ(TypeNameWithModifier(Type::kText, -1), "text");
  EXPECT_EQ(SqlStateOf(TypmodFrom(Type::kNumeric, {1001}, -1).status()), "22023");
  EXPECT_EQ(SqlStateOf(TypmodFrom(Type::kNumeric, {5, 1001}, -1).status()), "22023");
  EXPECT_EQ(SqlStateOf(TypmodFrom(Type::kVarchar, {0}, -1).status()), "22023");
  EXPECT_EQ(SqlStateOf(TypmodFrom(Type::kInt4, {3}, -1).status()), "0A000");
}

TEST(TypeInfo, ResolvedOrRefused) {
  EXPECT_EQ(ResolveType("int8", {}, -1)->type, Type::kInt8);
  EXPECT_EQ(SqlStateOf(ResolveType("point", {}, -1).status()), "42704");
  EXPECT_EQ(SqlStateOf(ResolveType("timetz", {}, -1).status()), "0A000");
}

}  // namespace
}  // namespace isochron::sql
