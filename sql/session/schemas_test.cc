// SPDX-License-Identifier: Apache-2.0
//
// Schemas over several nodes: what one remembers of names, and what another makes.
#include <string>

#include <gtest/gtest.h>

#include "sql/testing/nodes_test_case.h"

namespace isochron::sql {
namespace {

using SchemasTest = testing::NodesTestCase;

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

TEST_F(SchemasTest, ASchemaAndItsTableComeWithOneCommit) {
  EXPECT_EQ(Run(0, "CREATE TABLE t (id bigint PRIMARY KEY)"), "");
  EXPECT_EQ(Run(0, "INSERT INTO t VALUES (1)"), "");
  EXPECT_EQ(Run(1, "SET search_path TO s, public"), "");
  EXPECT_EQ(Run(1, "SELECT id FROM t"), "1");
  EXPECT_EQ(Run(0,
                "BEGIN; CREATE SCHEMA s; CREATE TABLE s.t (id bigint PRIMARY KEY); "
                "INSERT INTO s.t VALUES (2); COMMIT"),
            "");
  EXPECT_EQ(Run(1, "SELECT id FROM t"), "2");
  EXPECT_EQ(Run(0, "BEGIN; DROP SCHEMA s CASCADE; CREATE SCHEMA s; COMMIT"), "");
  EXPECT_EQ(Run(1, "SELECT id FROM t"), "1");
}

TEST_F(SchemasTest, ASchemaThatWasTakenBackIsForgotten) {
  EXPECT_EQ(Run(0, "CREATE TABLE t (id bigint PRIMARY KEY)"), "");
  EXPECT_EQ(Run(0, "BEGIN; CREATE SCHEMA s; ROLLBACK"), "");
  u_.executor.Advance(5'000'000);
  EXPECT_EQ(Run(1, "SET search_path TO s, public; SELECT id FROM t WHERE id = 1"), "");
  u_.store.counts = {};
  EXPECT_EQ(Run(1, "SELECT id FROM t WHERE id = 1"), "");
  EXPECT_EQ(u_.store.counts.gets, 1) << "no fence is left at its name";
  EXPECT_EQ(Run(0, "BEGIN; SAVEPOINT a; CREATE SCHEMA s; ROLLBACK TO a; CREATE SCHEMA s; COMMIT"),
            "");
  EXPECT_EQ(Run(0, "CREATE SCHEMA s"), "42P06");
  EXPECT_EQ(Run(0, "ALTER SCHEMA s RENAME TO r; CREATE TABLE r.t (id bigint PRIMARY KEY)"), "");
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
