// SPDX-License-Identifier: Apache-2.0
#include "sim/workloads/sql_file.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace isochron::sim {
namespace {

constexpr char kFile[] = R"(-- Accounts; the sum never changes.
--: setup
CREATE TABLE a (id bigint PRIMARY KEY, n bigint);  -- a comment; with a semicolon
INSERT INTO a VALUES (1, 100),
                     (2, 100);
--: transaction move money weight=3
--: let from = 1..2
--: let amount = 5..5
--: let why = 'rent', 'food'
UPDATE a SET n = n - :amount WHERE id = :from;
INSERT INTO log VALUES (':from; --', :why, 1::bigint);
--: transaction nothing
SELECT 1;
--: invariant the sum
SELECT sum(n) = 200 FROM a;
)";

TEST(SqlFileTest, ReadsSectionsAndDrawsParameters) {
  auto file = ParseSqlFile(kFile);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->setup.size(), 2u);
  EXPECT_EQ(file->setup[0], "CREATE TABLE a (id bigint PRIMARY KEY, n bigint)");
  ASSERT_EQ(file->transactions.size(), 2u);
  EXPECT_EQ(file->transactions[0].name, "move money");
  EXPECT_EQ(file->transactions[0].weight, 3);
  EXPECT_EQ(file->transactions[1].weight, 1);
  ASSERT_EQ(file->invariants.size(), 1u);
  EXPECT_EQ(file->invariants[0].query, "SELECT sum(n) = 200 FROM a");
  Random random(1);
  bool rent = false, food = false;
  for (int i = 0; i < 50; ++i) {
    const auto drawn = DrawStatements(file->transactions[0], &random);
    ASSERT_EQ(drawn.size(), 2u);
    EXPECT_TRUE(drawn[0] == "UPDATE a SET n = n - 5 WHERE id = 1" ||
                drawn[0] == "UPDATE a SET n = n - 5 WHERE id = 2")
        << drawn[0];
    rent |= drawn[1] == "INSERT INTO log VALUES (':from; --', 'rent', 1::bigint)";
    food |= drawn[1] == "INSERT INTO log VALUES (':from; --', 'food', 1::bigint)";
  }
  EXPECT_TRUE(rent && food);
}

TEST(SqlFileTest, ErrorsNameTheLineAndWhatToDo) {
  const auto problem = [](const std::string& text) {
    return std::string(ParseSqlFile(text).status().message());
  };
  const std::string good = "--: transaction t\nSELECT 1;\n--: invariant i\nSELECT true;\n";
  EXPECT_EQ(problem(good), "");
  EXPECT_TRUE(absl::StrContains(problem("SELECT 1;\n" + good), "line 1: a statement before"));
  EXPECT_TRUE(absl::StrContains(problem(good + "--: invariants\n"), "unknown directive"));
  EXPECT_TRUE(absl::StrContains(problem("--: transaction t\nSELECT 1\n" + good), "no semicolon"));
  EXPECT_TRUE(absl::StrContains(problem("--: transaction t\n" + good), "has no statement"));
  EXPECT_TRUE(absl::StrContains(problem("--: transaction t weight=0\n" + good), "weight="));
  EXPECT_TRUE(absl::StrContains(problem("--: let a = 1..2\n" + good), "belongs below"));
  EXPECT_TRUE(absl::StrContains(problem("--: transaction t\n--: let a\n" + good), "let NAME"));
  EXPECT_TRUE(absl::StrContains(problem("--: transaction t\nSELECT 1;\n"), "invariant"));
  EXPECT_TRUE(absl::StrContains(problem("--: invariant i\nSELECT true;\n"), "transaction"));
}

}  // namespace
}  // namespace isochron::sim
