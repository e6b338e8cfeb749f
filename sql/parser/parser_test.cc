// SPDX-License-Identifier: Apache-2.0
#include "sql/parser/parser.h"

#include <string>
#include <variant>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/random.h"
#include "sql/parser/length.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

TEST(ParserTest, StatementsKnowTheirPlace) {
  auto parsed = Parse("SELECT 1;; -- nothing\n  DELETE FROM t WHERE a = $2");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  ASSERT_EQ(parsed->size(), 2u);
  EXPECT_TRUE(std::holds_alternative<ast::Select>((*parsed)[0].node));
  EXPECT_TRUE(std::holds_alternative<ast::Delete>((*parsed)[1].node));
  EXPECT_EQ((*parsed)[0].position, 0);
  EXPECT_EQ((*parsed)[0].length, 8);
  EXPECT_EQ((*parsed)[1].param_count, 2);
  EXPECT_TRUE(Parse("")->empty());
  EXPECT_TRUE(Parse(" ; ;")->empty());
}

TEST(ParserTest, ErrorsKnowTheirPlace) {
  absl::Status s = Parse("SELECT 'h\xc3\xa4', FROM t").status();
  EXPECT_EQ(SqlStateOf(s), "42601");
  EXPECT_EQ(PositionOf(s), 15);  // bytes here: the session counts characters
  EXPECT_EQ(SqlStateOf(Parse("SELECT 'open").status()), "42601");
  EXPECT_EQ(SqlStateOf(Parse(std::string("SELECT 1\0", 9)).status()), "42601");
  EXPECT_EQ(SqlStateOf(Parse("SELECT $0").status()), "42P02");
  EXPECT_EQ(SqlStateOf(Parse("SELECT x'00'").status()), "0A000");
}

TEST(ParserTest, DepthIsBounded) {
  const std::string deep =
      absl::StrCat("SELECT ", std::string(2000, '('), "1", std::string(2000, ')'));
  EXPECT_TRUE(Parse(deep).ok());  // parentheses leave no trace
  std::string minus = "SELECT ";
  for (int i = 0; i < 3000; ++i) minus += "NOT ";
  EXPECT_EQ(SqlStateOf(Parse(minus + "true").status()), "54001");
  std::string sum = "SELECT 1";
  for (int i = 0; i < 300; ++i) sum += " + 1";
  EXPECT_TRUE(Parse(sum).ok());
}

TEST(ParserTest, WordsAreBoundedAndLiteralsAreOneEach) {
  for (const auto& [text, words] : std::vector<std::pair<std::string, size_t>>{
           {"", 0},
           {" -- no words\n/* nor /* here */ 'x */ select", 1},
           {"select a1$, $12 + -3.5", 10},
           {"'it''s', \"a\"\"b\"", 5},
           {R"(E'it\'s (1, 2, 3)' , 'c:\', 1)", 6},
           {"$$a, b, c$$ , $x$ $$ ' $x$ , $1", 6},
           {"'never ends, 1, 2", 1},
           {"/* never ends", 0},
           {"$a$ never ends", 1},
           {"h\xc3\xa4,\xc3\xa4", 3}}) {
    EXPECT_EQ(CountWords(text), words) << text;
  }
  std::string many = "SELECT k FROM t WHERE k IN (0";
  while (CountWords(many) <= kMaxWords) many += many.substr(many.size() / 2) + ",0";
  EXPECT_EQ(SqlStateOf(Parse(many).status()), "54000");
  EXPECT_TRUE(Parse("SELECT '" + std::string(kMaxWords, ',') + "'").ok());
}

TEST(ParserTest, SettingsAndModes) {
  auto set = Parse("SET spanner.read_only_staleness TO 'EXACT_STALENESS 5s'");
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(std::get<ast::Set>((*set)[0].node).name, "spanner.read_only_staleness");
  EXPECT_EQ(*std::get<ast::Set>((*set)[0].node).value, "EXACT_STALENESS 5s");
  auto begin = Parse("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");
  ASSERT_TRUE(begin.ok());
  EXPECT_EQ(std::get<ast::Transaction>((*begin)[0].node).read_only, true);
  EXPECT_FALSE(std::get<ast::Set>((*Parse("RESET timezone"))[0].node).value.has_value());
}

// Whatever comes in, an answer comes out.
TEST(ParserTest, MangledTextNeverBreaks) {
  const std::string texts[] = {
      "INSERT INTO t (a, b) VALUES (1, 'x'), ($1, now()) ON CONFLICT (a) DO UPDATE SET b = "
      "excluded.b WHERE t.a > 1 RETURNING *, a + 1 AS c",
      "SELECT DISTINCT a, count(*) FROM t AS x LEFT JOIN u ON x.a = u.b WHERE a IN (1, 2) OR b "
      "LIKE "
      "'%x' AND NOT c IS NULL GROUP BY 1 HAVING sum(b) > 2 ORDER BY a DESC NULLS LAST LIMIT 3",
      "CREATE TABLE t (a bigint PRIMARY KEY, b text NOT NULL DEFAULT 'x', PRIMARY KEY (a, b))"};
  Random random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string text = texts[random.Below(3)];
    for (uint64_t k = random.Between(1, 4); k > 0; --k) {
      const size_t at = random.Below(text.size());
      switch (random.Below(3)) {
        case 0:
          text[at] = static_cast<char>(random.Between(32, 126));
          break;
        case 1:
          text.erase(at, random.Between(1, 8));
          break;
        default:
          text.insert(at, text.substr(random.Below(text.size()), 6));
      }
      if (text.empty()) text = " ";
    }
    auto parsed = Parse(text);
    if (!parsed.ok()) EXPECT_EQ(SqlStateOf(parsed.status()).size(), 5u) << text;
  }
}

}  // namespace
}  // namespace isochron::sql
