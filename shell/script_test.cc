// SPDX-License-Identifier: Apache-2.0
#include "shell/script.h"

#include "gtest/gtest.h"

namespace isochron::shell {
namespace {

using Statements = std::vector<std::string>;

TEST(ScriptTest, CutsAtSemicolons) {
  Script s = CutStatements("SELECT 1; SELECT 2 ;\n  SELECT 3");
  EXPECT_EQ(s.statements, (Statements{"SELECT 1", "SELECT 2 "}));
  EXPECT_EQ(s.rest, "\n  SELECT 3");
  EXPECT_TRUE(CutStatements(" ;; -- nothing\n;").statements.empty());
}

TEST(ScriptTest, QuotesAndCommentsHideSemicolons) {
  EXPECT_EQ(CutStatements("SELECT 'a;''b;'; x;").statements, (Statements{"SELECT 'a;''b;'", "x"}));
  EXPECT_EQ(CutStatements("SELECT E'\\';' ; x;").statements, (Statements{"SELECT E'\\';' ", "x"}));
  EXPECT_EQ(CutStatements("SELECT '\\'; x;").statements, (Statements{"SELECT '\\'", "x"}));
  EXPECT_EQ(CutStatements("SELECT \"a;\";").statements, (Statements{"SELECT \"a;\""}));
  EXPECT_EQ(CutStatements("SELECT $$a;$$, $t$;$$;$t$;").statements,
            (Statements{"SELECT $$a;$$, $t$;$$;$t$"}));
  EXPECT_EQ(CutStatements("SELECT $1; SELECT $2;").statements,
            (Statements{"SELECT $1", "SELECT $2"}));
  EXPECT_EQ(CutStatements("SELECT 1 -- a;b\n; /* ; /* ; */ ; */ x;").statements,
            (Statements{"SELECT 1 -- a;b\n", "/* ; /* ; */ ; */ x"}));
}

TEST(ScriptTest, WhatIsOpenWaits) {
  EXPECT_EQ(CutStatements("SELECT 'a;").rest, "SELECT 'a;");
  EXPECT_EQ(CutStatements("x; SELECT $$a;").rest, " SELECT $$a;");
  EXPECT_EQ(CutStatements("/* a;").rest, "/* a;");
  EXPECT_TRUE(IsBlank(" \n-- x"));
  EXPECT_TRUE(IsBlank("/* x */ "));
  EXPECT_FALSE(IsBlank("/* x "));
  EXPECT_FALSE(IsBlank("- 1"));
}

TEST(ScriptTest, WordBeforeTheCursor) {
  EXPECT_EQ(WordStart("SELECT acc"), 7u);
  EXPECT_EQ(WordStart("SELECT "), 7u);
  EXPECT_EQ(WordStart("FROM isochron.no"), 5u);
}

}  // namespace
}  // namespace isochron::shell
