// SPDX-License-Identifier: Apache-2.0
#include "shell/format.h"

#include <sstream>

#include "gtest/gtest.h"

namespace isochron::shell {
namespace {

using client::Value;

std::string Render(Format format) {
  auto columns = std::make_shared<client::Columns>();
  columns->push_back({"id", google::spanner::v1::INT64});
  columns->push_back({"name", google::spanner::v1::STRING});
  columns->push_back({"ok", google::spanner::v1::BOOL});
  std::ostringstream out;
  auto writer = MakeRowWriter(format, &out);
  writer->Begin(*columns);
  writer->Write(client::Row(columns, {Value(1), Value("a,\"b\""), Value(true)}));
  writer->Write(client::Row(columns, {Value(100), Value(), Value(false)}));
  writer->Write(client::Row(columns, {Value(-2), Value("\xc3\xa4"), Value()}));
  writer->End();
  return out.str();
}

TEST(FormatTest, Aligned) {
  EXPECT_EQ(Render(Format::kAligned),
            " id  | name  | ok \n"
            "-----+-------+----\n"
            "   1 | a,\"b\" | t\n"
            " 100 |       | f\n"
            "  -2 | \xc3\xa4     | \n"
            "(3 rows)\n");
}

TEST(FormatTest, Csv) {
  EXPECT_EQ(Render(Format::kCsv), "id,name,ok\n1,\"a,\"\"b\"\"\",t\n100,,f\n-2,\xc3\xa4,\n");
}

TEST(FormatTest, Json) {
  EXPECT_EQ(Render(Format::kJson),
            "{\"id\":1,\"name\":\"a,\\\"b\\\"\",\"ok\":true}\n"
            "{\"id\":100,\"name\":null,\"ok\":false}\n"
            "{\"id\":-2,\"name\":\"\xc3\xa4\",\"ok\":null}\n");
}

TEST(FormatTest, CaretPointsIntoTheRightLine) {
  EXPECT_EQ(Caret("selec 1", 1), "LINE 1: selec 1\n        ^");
  EXPECT_EQ(Caret("select\n  x y", 12), "LINE 2:   x y\n            ^");
  EXPECT_EQ(Caret("'\xc3\xa4' x", 5), "LINE 1: '\xc3\xa4' x\n            ^");
  EXPECT_EQ(Caret("select", 7), "LINE 1: select\n              ^");
  EXPECT_EQ(Caret("select", 0), "");
  EXPECT_EQ(Caret("select", 20), "");
}

}  // namespace
}  // namespace isochron::shell
