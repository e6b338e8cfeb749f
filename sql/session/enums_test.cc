// SPDX-License-Identifier: Apache-2.0
//
// Enums over several nodes: what one does to a type while another uses it.
#include <string>

#include <gtest/gtest.h>

#include "sql/session/session.h"
#include "sql/testing/nodes_test_case.h"

namespace isochron::sql {
namespace {

class EnumsTest : public testing::NodesTestCase {
 protected:
  void MakeTable() {
    ASSERT_EQ(Run(0, "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')"), "");
    ASSERT_EQ(Run(0, "CREATE TABLE t (id bigint PRIMARY KEY, m mood)"), "");
    ASSERT_EQ(Run(0, "INSERT INTO t VALUES (1, 'happy'), (2, 'sad')"), "");
    // Both nodes know the table now.
    ASSERT_EQ(Run(1, "SELECT m FROM t ORDER BY m"), "sad,happy");
  }
  std::string Before(Micros age_us, const std::string& sql) {
    CollectingSink sink;
    const ReadBound bound{ReadBound::Kind::kExactStaleness, age_us};
    absl::Status status =
        u_.Run(sessions_[1]->ExecuteReadOnly(u_.NewContext(), sql, {}, bound, &sink)).status();
    return status.ok() ? Render(sink) : SqlStateOf(status);
  }
};

TEST_F(EnumsTest, ATypeIsOfOneNameWhoeverMakesIt) {
  EXPECT_EQ(Run(1, "SELECT 'a'::mood"), "42704");
  EXPECT_EQ(Run(0, "CREATE TYPE mood AS ENUM ('a', 'b')"), "");
  EXPECT_EQ(Run(1, "SELECT 'a'::mood"), "a");
  EXPECT_EQ(Run(1, "CREATE TYPE mood AS ENUM ('c')"), "42710");
  EXPECT_EQ(Run(1, "SELECT 'c'::mood"), "22P02");
}

TEST_F(EnumsTest, OfTwoWhoMakeATypeInTransactionsOneDoes) {
  EXPECT_EQ(Run(0, "BEGIN; CREATE TYPE mood AS ENUM ('a')"), "");
  EXPECT_EQ(Run(1, "BEGIN; CREATE TYPE mood AS ENUM ('b')"), "");
  const std::string one = Run(0, "COMMIT"), other = Run(1, "COMMIT");
  EXPECT_NE(one.empty(), other.empty()) << one << " " << other;
  EXPECT_EQ(Run(0, "SELECT enum_range(NULL::mood)"), one.empty() ? "{a}" : "{b}");
  EXPECT_EQ(Run(1, "SELECT enum_range(NULL::mood)"), one.empty() ? "{a}" : "{b}");
}

TEST_F(EnumsTest, ANewLabelIsEverywhereWhenItsStatementReturns) {
  MakeTable();
  EXPECT_EQ(Run(1, "INSERT INTO t VALUES (3, 'meh')"), "22P02");
  EXPECT_EQ(Run(0, "ALTER TYPE mood ADD VALUE 'meh' BEFORE 'ok'"), "");
  EXPECT_EQ(Run(1, "INSERT INTO t VALUES (3, 'meh')"), "");
  EXPECT_EQ(Run(0, "SELECT m FROM t ORDER BY m"), "sad,meh,happy");
  EXPECT_EQ(Run(1, "SELECT m FROM t WHERE m < 'ok' ORDER BY m"), "sad,meh");
  EXPECT_EQ(Run(0, "ALTER TYPE mood RENAME VALUE 'meh' TO 'so-so'"), "");
  EXPECT_EQ(Run(1, "SELECT m FROM t WHERE id = 3"), "so-so");
  EXPECT_EQ(Run(1, "INSERT INTO t VALUES (4, 'meh')"), "22P02");
  EXPECT_EQ(Run(0, "ALTER TYPE mood RENAME TO feeling"), "");
  EXPECT_EQ(Run(1, "SELECT 'ok'::mood"), "42704");
  EXPECT_EQ(Run(1, "SELECT pg_typeof(m)::text, m = 'ok'::feeling FROM t WHERE id = 1"),
            "feeling,f");
}

TEST_F(EnumsTest, OldRowsAreReadByTheLabelsOfTheirTime) {
  MakeTable();
  u_.executor.Advance(10'000'000);
  EXPECT_EQ(Run(0, "ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'"), "");
  EXPECT_EQ(Run(1, "SELECT m FROM t WHERE id = 2"), "blue");
  EXPECT_EQ(Before(8'000'000, "SELECT m FROM t WHERE m = 'sad'"), "sad");
  EXPECT_EQ(Before(8'000'000, "SELECT m FROM t WHERE m = 'blue'"), "22P02");
}

TEST_F(EnumsTest, WhatIsPreparedFollowsTheType) {
  MakeTable();
  EXPECT_EQ(Run(1, "PREPARE q AS SELECT id FROM t WHERE m >= $1 ORDER BY id"), "");
  EXPECT_EQ(Run(1, "PREPARE i AS INSERT INTO t VALUES ($1, $2)"), "");
  EXPECT_EQ(Run(1, "EXECUTE q('ok')"), "1");
  EXPECT_EQ(Run(0, "ALTER TYPE mood ADD VALUE 'ecstatic'"), "");
  EXPECT_EQ(Run(1, "EXECUTE i(3, 'ecstatic')"), "");
  EXPECT_EQ(Run(1, "EXECUTE q('ok')"), "1,3");
  EXPECT_EQ(Run(1, "EXECUTE q('ecstatic')"), "3");
  EXPECT_EQ(Run(0, "ALTER TYPE mood RENAME VALUE 'ecstatic' TO 'glad'"), "");
  EXPECT_EQ(Run(1, "EXECUTE q('ecstatic')"), "22P02");
  EXPECT_EQ(Run(1, "EXECUTE q('glad')"), "3");
}

TEST_F(EnumsTest, ATransactionThatWritesEndsBeforeTheTypeChangesOrNotAtAll) {
  MakeTable();
  EXPECT_EQ(Run(1, "BEGIN; INSERT INTO t VALUES (3, 'ok')"), "");
  EXPECT_EQ(Run(0, "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'"), "");
  const std::string end = Run(1, "COMMIT");
  EXPECT_TRUE(end.empty() || end == "40001") << end;
  EXPECT_EQ(Run(0, "SELECT m FROM t WHERE id = 3"), end.empty() ? "fine" : "");
  // A label's name belongs to the description, which each statement has as of its own time.
  EXPECT_EQ(Run(1, "BEGIN; SELECT m FROM t WHERE id = 1"), "happy");
  EXPECT_EQ(Run(0, "ALTER TYPE mood RENAME VALUE 'happy' TO 'glad'"), "");
  EXPECT_EQ(Run(1, "SELECT m FROM t WHERE id = 1"), "glad");
  EXPECT_EQ(Run(1, "ROLLBACK; SELECT m FROM t WHERE id = 1"), "glad");
}

TEST_F(EnumsTest, ATableThatComesMeanwhileHasTheTypeAsItIs) {
  MakeTable();
  EXPECT_EQ(Run(1, "BEGIN; CREATE TABLE u (id bigint PRIMARY KEY, m mood, ms mood[])"), "");
  EXPECT_EQ(Run(0, "ALTER TYPE mood ADD VALUE 'glad'"), "");
  const std::string made = Run(1, "COMMIT");
  if (!made.empty()) {
    EXPECT_EQ(made, "40001");
    EXPECT_EQ(Run(1, "CREATE TABLE u (id bigint PRIMARY KEY, m mood, ms mood[])"), "");
  }
  EXPECT_EQ(Run(0, "INSERT INTO u VALUES (1, 'glad', '{sad,glad}')"), "");
  EXPECT_EQ(Run(1, "SELECT m, ms FROM u"), "glad,{sad,glad}");
  EXPECT_EQ(Run(1, "SELECT count(*) FROM t JOIN u ON t.m <> u.m"), "2");
  // And by a column that comes.
  EXPECT_EQ(Run(1, "CREATE TABLE w (id bigint PRIMARY KEY); BEGIN; ALTER TABLE w ADD m mood"), "");
  EXPECT_EQ(Run(0, "ALTER TYPE mood RENAME VALUE 'glad' TO 'merry'"), "");
  const std::string added = Run(1, "COMMIT");
  if (!added.empty()) {
    EXPECT_EQ(added, "40001");
    EXPECT_EQ(Run(1, "ALTER TABLE w ADD m mood"), "");
  }
  EXPECT_EQ(Run(0, "INSERT INTO w VALUES (1, 'merry')"), "");
  EXPECT_EQ(Run(0, "INSERT INTO w VALUES (1, 'glad')"), "22P02");
  EXPECT_EQ(Run(1, "SELECT w.m FROM w JOIN u ON w.m = u.m"), "merry");
}

TEST_F(EnumsTest, NoTableIsOfATypeThatGoes) {
  EXPECT_EQ(Run(0, "CREATE TYPE mood AS ENUM ('a')"), "");
  EXPECT_EQ(Run(1, "BEGIN; CREATE TABLE u (id bigint PRIMARY KEY, m mood)"), "");
  const std::string dropped = Run(0, "DROP TYPE mood");
  const std::string made = Run(1, "COMMIT");
  EXPECT_NE(dropped.empty(), made.empty()) << dropped << " " << made;
  EXPECT_EQ(Run(0, "SELECT 'a'::mood"), dropped.empty() ? "42704" : "a");
  EXPECT_EQ(Run(1, "SELECT m FROM u"), made.empty() ? "" : "42P01");
  // One of the same name is another.
  EXPECT_EQ(Run(0, "DROP TABLE IF EXISTS u; DROP TYPE IF EXISTS mood"), "");
  EXPECT_EQ(Run(0, "CREATE TYPE mood AS ENUM ('b'); CREATE TABLE u (m mood)"), "");
  EXPECT_EQ(Run(1, "INSERT INTO u VALUES ('a')"), "22P02");
  EXPECT_EQ(Run(1, "INSERT INTO u VALUES ('b')"), "");
}

}  // namespace
}  // namespace isochron::sql
