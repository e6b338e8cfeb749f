// SPDX-License-Identifier: Apache-2.0
#include "sql/catalog/full_name.h"

#include "gtest/gtest.h"

namespace isochron::sql {
namespace {

TEST(FullNameTest, GoesThereAndBack) {
  EXPECT_EQ(FullName("public", "t"), "t");
  EXPECT_EQ(FullName("", "t"), "t");
  EXPECT_EQ(FullName("s", "t"), "s.t");
  for (const char* schema : {"s", "a.b", "a\\", "."}) {
    for (const char* name : {"t", "a.b", ".b", "\\", "b."}) {
      const std::string full = FullName(schema, name);
      EXPECT_EQ(SchemaIn(full), schema);
      EXPECT_EQ(LocalName(full), name);
    }
  }
  EXPECT_EQ(SchemaIn("t"), "public");
  EXPECT_EQ(LocalName("t"), "t");
}

TEST(FullNameTest, NoTwoShareOne) {
  EXPECT_NE(FullName("public", "s.t"), FullName("s", "t"));
  EXPECT_NE(FullName("a.b", "c"), FullName("a", "b.c"));
  EXPECT_NE(FullName("a.", "b"), FullName("a", ".b"));
  EXPECT_NE(SchemaFullName("s"), FullName("public", "s."));
}

TEST(FullNameTest, ReadsAsSql) {
  EXPECT_EQ(SqlName("t"), "\"public\".\"t\"");
  EXPECT_EQ(SqlName("s.T"), "\"s\".\"T\"");
  EXPECT_EQ(PlainSqlName("s.T"), "s.\"T\"");
  EXPECT_EQ(PlainSqlName("t"), "t");
  EXPECT_EQ(IndexFullName("s.t", "i"), "s.i");
  EXPECT_EQ(IndexFullName("t", "i"), "i");
  EXPECT_EQ(SchemaFullName("s"), "s.");
  EXPECT_TRUE(IsSchemaFullName(SchemaFullName("a.b")));
  EXPECT_FALSE(IsSchemaFullName(FullName("s", "t")));
  EXPECT_FALSE(IsSchemaFullName(FullName("public", "s.")));
}

}  // namespace
}  // namespace isochron::sql
