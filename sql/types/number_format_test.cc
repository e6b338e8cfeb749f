// SPDX-License-Identifier: Apache-2.0
#include "sql/types/number_format.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "sql/types/error.h"
#include "sql/types/numeric.h"

namespace isochron::sql {
namespace {

TEST(NumberFormat, GivesWhatTheVectorsSay) {
  std::ifstream in("sql/types/number_format_vectors.txt");
  int count = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#' || !absl::StrContains(line, '|')) continue;
    const std::vector<std::string> parts = absl::StrSplit(line, '|');
    ASSERT_EQ(parts.size(), 3) << line;
    auto value = numeric::FromText(parts[0]);
    ASSERT_TRUE(value.ok()) << line;
    auto text = FormatNumber(*value, parts[1]);
    EXPECT_EQ(text.ok() ? absl::StrCat("[", *text, "]")
                        : absl::StrCat("ERROR ", SqlStateOf(text.status()), ": ",
                                       absl::string_view(text.status().message())),
              parts[2])
        << line;
    ++count;
  }
  EXPECT_GT(count, 250);
}

TEST(NumberFormat, NumbersAreReadByTemplates) {
  const struct {
    const char* text;
    const char* format;
    const char* want;
  } kCases[] = {{"1.5", "9.99", "1.5"},     {"12345", "99", "12"},
                {"-12", "99", "-12"},       {"12-", "99S", "-12"},
                {"<12>", "99PR", "-12"},    {"1,234", "9G999", "1234"},
                {"1234", "9,999", "1234"},  {" 12", "99", "12"},
                {"$12.5", "L99.9", "12.5"}, {"12", "99V9", "1.2000000000000000"},
                {"12.345", "99.9", "12.3"}, {"1 2", "99", "12"},
                {"a12", "\"a\"99", "12"}};
  for (const auto& c : kCases) {
    auto value = ParseNumber(c.text, c.format);
    ASSERT_TRUE(value.ok()) << c.text;
    EXPECT_EQ(numeric::ToText(*value), c.want) << c.text << " " << c.format;
  }
  EXPECT_EQ(SqlStateOf(ParseNumber("abc", "99").status()), "22P02");
  EXPECT_EQ(SqlStateOf(ParseNumber("XII", "RN").status()), "0A000");
}

TEST(NumberFormat, EmptyAndLongTemplates) {
  const Datum five = numeric::FromInt(5);
  EXPECT_EQ(*FormatNumber(five, ""), "");
  EXPECT_EQ(FormatNumber(five, std::string(1000, '9'))->size(), 1001);
  EXPECT_EQ(*FormatNumber(five, "\"unended"), "unended");
  EXPECT_EQ(SqlStateOf(FormatNumber(five, "9.9V").status()), "42601");
}

}  // namespace
}  // namespace isochron::sql
