// SPDX-License-Identifier: Apache-2.0
#include "sql/types/copy_text.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

// "a|b;c|NULL;" however the bytes come; the SQLSTATE of an error at the end.
std::string Read(const CopyFormat& format, const std::string& bytes, size_t step,
                 size_t limit = 100) {
  CopyReader reader(format, limit);
  std::string out;
  const auto take = [&] {
    CopyReader::Fields fields;
    for (;;) {
      const auto next = reader.Next(&fields);
      if (!next.ok()) {
        absl::StrAppend(&out, SqlStateOf(next.status()));
        return false;
      }
      if (!*next) return true;
      for (size_t i = 0; i < fields.size(); ++i) {
        absl::StrAppend(&out, i > 0 ? "|" : "", fields[i].value_or("NULL"));
      }
      out += ";";
    }
  };
  for (size_t at = 0; at < bytes.size(); at += step) {
    reader.Append(absl::string_view(bytes).substr(at, step));
    if (!take()) return out;
  }
  reader.Finish();
  take();
  return out;
}

std::string ReadEveryWay(const CopyFormat& format, const std::string& bytes) {
  const std::string whole = Read(format, bytes, bytes.size() + 1);
  for (size_t step = 1; step < bytes.size(); ++step) {
    EXPECT_EQ(Read(format, bytes, step), whole) << "in steps of " << step;
  }
  return whole;
}

CopyFormat Csv() {
  CopyFormat f;
  f.csv = true;
  f.delimiter = ',';
  f.null_text = "";
  return f;
}

TEST(CopyReader, Text) {
  const CopyFormat text;
  EXPECT_EQ(ReadEveryWay(text, "1\ta\n2\t\\N\n"), "1|a;2|NULL;");
  EXPECT_EQ(ReadEveryWay(text, "1\ta"), "1|a;");
  EXPECT_EQ(ReadEveryWay(text, "1\t\r\n\n"), "1|;;");
  EXPECT_EQ(ReadEveryWay(text, "a\\tb\\\\\t\\x41\\101\\q\n"), "a\tb\\|AAq;");
  EXPECT_EQ(ReadEveryWay(text, "a\\\tb\tc\\\nd\n"), "a\tb|c\nd;");
  EXPECT_EQ(ReadEveryWay(text, "1\n\\.\n2\n"), "1;");
  EXPECT_EQ(ReadEveryWay(text, ""), "");
  CopyFormat other = text;
  other.delimiter = '|';
  other.null_text = "nil";
  EXPECT_EQ(ReadEveryWay(other, "1\t2|nil|\\nil\n"), "1\t2|NULL|\nil;");
}

TEST(CopyReader, Csv) {
  EXPECT_EQ(ReadEveryWay(Csv(), "1,a\n2,\n3,\"\"\n"), "1|a;2|NULL;3|;");
  EXPECT_EQ(ReadEveryWay(Csv(), "\"a,\"\"b\"\"\nc\",x\"y\"z\r\n"), "a,\"b\"\nc|xyz;");
  EXPECT_EQ(ReadEveryWay(Csv(), "a\\n,b\n"), "a\\n|b;");
  EXPECT_EQ(ReadEveryWay(Csv(), "a,"), "a|NULL;");
  EXPECT_EQ(ReadEveryWay(Csv(), "\"a\nb"), "22P04");
  CopyFormat odd = Csv();
  odd.header = true;
  odd.quote = '\'';
  odd.escape = '\\';
  EXPECT_EQ(ReadEveryWay(odd, "x,y\n'a\\'b\\\\,',c\n"), "a'b\\,|c;");
}

TEST(CopyReader, AnEndlessLineIsAnError) {
  for (const CopyFormat& format : {CopyFormat(), Csv()}) {
    EXPECT_EQ(Read(format, std::string(150, 'x'), 10), "54000");
    EXPECT_EQ(Read(format, std::string(150, 'x') + "\n", 151), "54000");
    EXPECT_EQ(Read(format, "\"" + std::string(150, '\n'), 10).substr(0, 5),
              format.csv ? "54000" : "\";;;;");
  }
}

TEST(CopyWriter, WhatIsWrittenIsReadBack) {
  const std::vector<Type> types = {Type::kText, Type::kInt8, Type::kText};
  const std::vector<Row> rows = {
      {Datum::String("a\tb\\c\nd,\"e\""), Datum::Int(-1), Datum::Null()},
      {Datum::String(""), Datum::Null(), Datum::String("\\N")},
      {Datum::String("\\."), Datum::Int(5), Datum::String("\r")},
  };
  for (const CopyFormat& format : {CopyFormat(), Csv()}) {
    std::string bytes;
    for (const Row& row : rows) AppendCopyRow(format, types, row, &bytes);
    EXPECT_EQ(ReadEveryWay(format, bytes), "a\tb\\c\nd,\"e\"|-1|NULL;|NULL|\\N;\\.|5|\r;");
  }
  std::string alone;
  AppendCopyRow(Csv(), {Type::kText}, {Datum::String("\\.")}, &alone);
  EXPECT_EQ(alone, "\"\\.\"\n");
  std::string header;
  AppendCopyHeader(Csv(), {{"a", Type::kText}, {"b,c", Type::kText}}, &header);
  EXPECT_EQ(header, "a,\"b,c\"\n");
}

}  // namespace
}  // namespace isochron::sql
