// SPDX-License-Identifier: Apache-2.0
//
// Schemas over several nodes: what one remembers of names, and what another makes.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "sql/session/session.h"
#include "sql/testing/fake_universe.h"

namespace isochron::sql {
namespace {

class SchemasTest : public ::testing::Test {
 protected:
  SchemasTest() {
    for (uint64_t seed : {1, 2}) {
      EngineOptions options;
      options.seed = seed;
      engines_.push_back(Engine::Create({&u_.store, &u_.executor, &u_.truetime, nullptr}, options));
      sessions_.push_back(engines_.back()->NewSession());
    }
  }
  // Values of the rows, or the SQLSTATE.
  std::string Run(int node, const std::string& sql) {
    CollectingSink sink;
    absl::Status status =
        u_.Run(sessions_[static_cast<size_t>(node)]->Execute(u_.NewContext(), sql, {}, &sink))
            .status();
    if (!status.ok()) return SqlStateOf(status);
    std::string out;
    for (const auto& s : sink.statements) {
      for (const Row& row : s.rows) {
        for (size_t i = 0; i < row.size(); ++i) {
          absl::StrAppend(&out, out.empty() ? "" : ",", DatumToText(s.columns[i].type, row[i]));
        }
      }
    }
    return out;
  }

  testing::FakeUniverse u_;
  std::vector<std::unique_ptr<Engine>> engines_;
  std::vector<std::unique_ptr<Session>> sessions_;
};

TEST_F(SchemasTest, ANewSchemaIsOnEveryPathWhenItsStatementReturns) {
  EXPECT_EQ(Run(0, "CREATE TABLE t (id bigint PRIMARY KEY)"), "");
  EXPECT_EQ(Run(0, "INSERT INTO t VALUES (1)"), "");
  // The other node now remembers that there is no schema s.
  EXPECT_EQ(Run(1, "SET search_path TO s, public"), "");
  EXPECT_EQ(Run(1, "SELECT id FROM t"), "1");
  EXPECT_EQ(Run(0, "CREATE SCHEMA s"), "");
  EXPECT_EQ(Run(0, "CREATE TABLE s.t (id bigint PRIMARY KEY)"), "");
  EXPECT_EQ(Run(0, "INSERT INTO s.t VALUES (2)"), "");
  EXPECT_EQ(Run(1, "SELECT id FROM t"), "2");
}

TEST_F(SchemasTest, ATableThatHidesAnotherIsSeenAtOnce) {
  EXPECT_EQ(Run(0, "CREATE SCHEMA s"), "");
  EXPECT_EQ(Run(0, "CREATE TABLE t (id bigint PRIMARY KEY)"), "");
  EXPECT_EQ(Run(0, "INSERT INTO t VALUES (1)"), "");
  EXPECT_EQ(Run(1, "SET search_path TO s, public"), "");
  EXPECT_EQ(Run(1, "SELECT id FROM t"), "1");
  EXPECT_EQ(Run(1, "SELECT id FROM t"), "1");
  EXPECT_EQ(Run(0, "CREATE TABLE s.t (id bigint PRIMARY KEY)"), "");
  EXPECT_EQ(Run(1, "SELECT count(*) FROM t"), "0");
  EXPECT_EQ(Run(1, "SELECT id FROM public.t"), "1");
}

TEST_F(SchemasTest, APathOfOneSchemaAsksTheCatalogNothing) {
  EXPECT_EQ(Run(0, "CREATE TABLE t (id bigint PRIMARY KEY)"), "");
  EXPECT_EQ(Run(0, "SELECT id FROM t WHERE id = 1"), "");
  u_.store.counts = {};
  EXPECT_EQ(Run(0, "SELECT id FROM t WHERE id = 1"), "");
  EXPECT_EQ(u_.store.counts.gets, 1);
}

TEST_F(SchemasTest, NothingIsMadeInASchemaThatGoes) {
  EXPECT_EQ(Run(0, "CREATE SCHEMA s"), "");
  EXPECT_EQ(Run(1, "BEGIN"), "");
  EXPECT_EQ(Run(1, "CREATE TABLE s.t (id bigint PRIMARY KEY)"), "");
  EXPECT_EQ(Run(1, "COMMIT"), "");
  EXPECT_EQ(Run(0, "DROP SCHEMA s"), "2BP01");
  EXPECT_EQ(Run(0, "DROP SCHEMA s CASCADE"), "");
  EXPECT_EQ(Run(1, "CREATE TABLE s.u (id bigint PRIMARY KEY)"), "3F000");
  EXPECT_EQ(Run(1, "SELECT * FROM s.t"), "42P01");
}

TEST_F(SchemasTest, AStringOfStatementsFollowsItsOwnSet) {
  EXPECT_EQ(Run(0, "CREATE SCHEMA s"), "");
  EXPECT_EQ(Run(0,
                "CREATE TABLE t (id bigint PRIMARY KEY); SET search_path TO s; "
                "CREATE TABLE t (id bigint PRIMARY KEY); INSERT INTO t VALUES (7)"),
            "");
  EXPECT_EQ(Run(1, "SELECT count(*) FROM public.t"), "0");
  EXPECT_EQ(Run(1, "SELECT id FROM s.t"), "7");
}

TEST_F(SchemasTest, WhatIsPreparedIsPreparedForEachPath) {
  EXPECT_EQ(Run(0, "CREATE SCHEMA s"), "");
  EXPECT_EQ(Run(0, "CREATE TABLE s.t (id bigint PRIMARY KEY)"), "");
  EXPECT_EQ(Run(0, "CREATE TABLE t (id bigint PRIMARY KEY)"), "");
  EXPECT_EQ(Run(0, "INSERT INTO s.t VALUES (1)"), "");
  EXPECT_EQ(Run(0, "PREPARE q AS SELECT count(*) FROM t"), "");
  EXPECT_EQ(Run(0, "EXECUTE q"), "0");
  EXPECT_EQ(Run(0, "SET search_path TO s"), "");
  EXPECT_EQ(Run(0, "EXECUTE q"), "1");
}

}  // namespace
}  // namespace isochron::sql
