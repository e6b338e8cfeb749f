// SPDX-License-Identifier: Apache-2.0
//
// Databases over several nodes: what is made or dropped at one and used at another.
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "sql/catalog/database_store.h"
#include "sql/catalog/full_name.h"
#include "sql/catalog/layout.h"
#include "sql/catalog/schema_job.h"
#include "sql/catalog/table_record.h"
#include "sql/session/databases.h"
#include "sql/session/session.h"
#include "sql/testing/nodes_test_case.h"

namespace isochron::sql {
namespace {

class DatabasesTest : public testing::NodesTestCase {
 protected:
  using SessionPtr = std::unique_ptr<Session>;

  SessionPtr Open(int node, const std::string& database) {
    auto opened = u_.Run(engines_[static_cast<size_t>(node)]->Open(u_.NewContext(), database));
    EXPECT_TRUE(opened.ok()) << opened.status();
    EXPECT_TRUE(u_.Run((*opened)->LogIn(u_.NewContext(), "isochron")).ok());
    return *std::move(opened);
  }
  std::string Refused(int node, const std::string& database) {
    auto opened = u_.Run(engines_[static_cast<size_t>(node)]->Open(u_.NewContext(), database));
    return SqlStateOf(opened.status());
  }
  std::string On(const SessionPtr& session, const std::string& sql) {
    CollectingSink sink;
    absl::Status status = u_.Run(session->Execute(u_.NewContext(), sql, {}, &sink)).status();
    last_ = std::string(status.message());
    return status.ok() ? Render(sink) : SqlStateOf(status);
  }
  // Rows that the store has under the prefix.
  size_t CountUnder(const std::string& prefix) {
    auto reader = u_.store.BeginReadOnly(u_.NewContext(), std::nullopt);
    txn::ScanRequest request;
    request.range = PrefixRange(prefix);
    auto page = u_.Run((*reader)->Scan(u_.NewContext(), request));
    return page.ok() ? page->rows.size() : 999;
  }
  std::string last_;
};

TEST_F(DatabasesTest, WhatIsMadeInOneIsNotInAnother) {
  EXPECT_EQ(Run(0, "CREATE DATABASE a; CREATE DATABASE b"), "");
  const SessionPtr a0 = Open(0, "a"), a1 = Open(1, "a"), b1 = Open(1, "b");
  for (const SessionPtr* s : {&a0, &b1}) {
    EXPECT_EQ(On(*s,
                 "CREATE TABLE t (id int PRIMARY KEY, v text DEFAULT current_database());"
                 "CREATE UNIQUE INDEX i ON t (v); CREATE SEQUENCE q; CREATE SCHEMA s;"
                 "CREATE VIEW w AS SELECT v FROM t; INSERT INTO t VALUES (1)"),
              "");
  }
  EXPECT_EQ(On(a1, "SELECT v FROM w"), "a");
  EXPECT_EQ(On(b1, "SELECT v FROM w"), "b");
  EXPECT_EQ(Run(1, "SELECT v FROM w"), "42P01");
  EXPECT_EQ(On(b1, "DROP VIEW w; DROP INDEX i; ALTER TABLE t RENAME TO u"), "");
  EXPECT_EQ(On(a1, "SELECT v FROM w WHERE v = 'a'"), "a");
  EXPECT_EQ(On(a0, "SELECT count(*) FROM pg_class WHERE relname IN ('t', 'i', 'w', 'u')"), "3");
  EXPECT_EQ(On(b1, "SELECT count(*) FROM pg_class WHERE relname IN ('t', 'i', 'w', 'u')"), "1");
  EXPECT_EQ(On(a0, "SELECT * FROM b.public.u"), "0A000");
  EXPECT_EQ(last_, "cross-database references are not implemented: \"b.public.u\"");
  EXPECT_EQ(On(a0, "SELECT id FROM a.public.t"), "1");
  EXPECT_EQ(On(a0, "INSERT INTO t VALUES (1)"), "23505");
  EXPECT_FALSE(absl::StrContains(last_, "..")) << last_;
}

// One text, prepared and planned at one node, in two databases.
TEST_F(DatabasesTest, APlanBelongsToItsDatabase) {
  EXPECT_EQ(Run(0, "CREATE DATABASE a"), "");
  const SessionPtr a = Open(0, "a");
  EXPECT_EQ(Run(0, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)"), "");
  EXPECT_EQ(On(a, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (2)"), "");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Run(0, "SELECT id FROM t"), "1");
    EXPECT_EQ(On(a, "SELECT id FROM t"), "2");
  }
}

TEST_F(DatabasesTest, ADroppedOneIsGoneAtAllNodes) {
  EXPECT_EQ(Run(0, "CREATE DATABASE d"), "");
  const SessionPtr used = Open(1, "d");
  EXPECT_EQ(On(used, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)"), "");
  EXPECT_EQ(On(used, "PREPARE p AS SELECT id FROM t; EXECUTE p"), "1");
  // Only this node's clients are seen without system tables, and it has none.
  EXPECT_EQ(On(used, "BEGIN; INSERT INTO t VALUES (2)"), "");
  EXPECT_EQ(Run(0, "DROP DATABASE d"), "");
  EXPECT_EQ(On(used, "COMMIT"), "3D000");
  for (const char* statement :
       {"SELECT id FROM t", "EXECUTE p", "INSERT INTO t VALUES (3)", "SELECT 1",
        "CREATE TABLE u (id int)", "SELECT pg_advisory_lock(1)"}) {
    EXPECT_EQ(On(used, statement), "3D000") << statement;
  }
  EXPECT_EQ(last_, "database \"d\" does not exist");
  EXPECT_EQ(Refused(0, "d"), "3D000");
  EXPECT_EQ(Refused(1, "d"), "3D000");
}

TEST_F(DatabasesTest, TheSameNameAgainIsAnother) {
  EXPECT_EQ(Run(0, "CREATE DATABASE d"), "");
  const SessionPtr before = Open(1, "d");
  EXPECT_EQ(
      On(before, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); SELECT id FROM t"),
      "1");
  EXPECT_EQ(Run(0, "DROP DATABASE d; CREATE DATABASE d"), "");
  const SessionPtr after = Open(1, "d");
  EXPECT_EQ(On(after, "SELECT id FROM t"), "42P01");
  EXPECT_EQ(On(after, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (2)"), "");
  EXPECT_EQ(On(before, "SELECT id FROM t"), "3D000");
  EXPECT_EQ(On(before, "INSERT INTO t VALUES (3)"), "3D000");
  EXPECT_EQ(On(after, "SELECT id FROM t"), "2");
}

// A change of the schema that began before the drop and would end after it.
TEST_F(DatabasesTest, NothingIsMadeInOneThatGoes) {
  EXPECT_EQ(Run(0, "CREATE DATABASE d"), "");
  const SessionPtr used = Open(1, "d");
  EXPECT_EQ(On(used, "BEGIN; CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)"), "");
  EXPECT_EQ(Run(0, "DROP DATABASE d"), "");
  EXPECT_EQ(On(used, "COMMIT"), "3D000");
  u_.executor.Advance(5'000'000);
  EXPECT_EQ(CountUnder(std::string("\x01"
                                   "d")),
            0u);
}

// The same, where nothing but the write itself knows of the database.
TEST_F(DatabasesTest, WhoWritesIntoItsCatalogHoldsIt) {
  EXPECT_EQ(Run(0, "CREATE DATABASE d"), "");
  auto reader = u_.store.BeginReadOnly(u_.NewContext(), std::nullopt);
  const std::string name = DatabaseFullName("d");
  auto bytes = u_.Run((*reader)->Get(u_.NewContext(), DescriptorKey(name), txn::LockMode::kShared));
  DatabaseStore store(&u_.store, {DecodeTableRecord(**bytes)->now->id, name});
  for (const bool dropped : {false, true}) {
    if (dropped) {
      EXPECT_EQ(Run(0, "DROP DATABASE d"), "");
    }
    auto writer = store.Begin(u_.NewContext());
    ASSERT_TRUE((*writer)->Put(SchemaJobKey(TableId(7), 1), "written").ok());
    EXPECT_EQ(SqlStateOf(u_.Run((*writer)->Commit(u_.NewContext(), {})).status()),
              dropped ? "3D000" : "00000");
  }
}

TEST_F(DatabasesTest, WhatLayInItIsTakenAway) {
  EXPECT_EQ(Run(0, "CREATE DATABASE d"), "");
  {
    const SessionPtr used = Open(0, "d");
    for (int i = 0; i < 30; ++i) {
      EXPECT_EQ(
          On(used, absl::StrCat("CREATE TABLE t", i, " (id serial PRIMARY KEY, v int UNIQUE)")),
          "");
    }
    EXPECT_GT(CountUnder(std::string("\x01"
                                     "d")),
              60u);
    EXPECT_EQ(Run(0, "DROP DATABASE d"), "55006");
  }
  EXPECT_EQ(Run(0, "DROP DATABASE d"), "");
  u_.executor.Advance(1'000'000);
  EXPECT_EQ(CountUnder(std::string("\x01"
                                   "d")),
            0u);
  EXPECT_EQ(CountUnder(DroppedDatabasePrefix()), 0u);
}

TEST_F(DatabasesTest, ManyInTurnLeaveNothing) {
  for (int i = 0; i < 500; ++i) {
    ASSERT_EQ(Run(0, absl::StrCat("CREATE DATABASE d", i)), "");
    const SessionPtr session = Open(0, absl::StrCat("d", i));
    ASSERT_EQ(On(session, "CREATE TABLE t (id int); INSERT INTO t VALUES (1)"), "");
    if (i < 400) {
      ASSERT_EQ(Run(0, absl::StrCat("DROP DATABASE d", i, " WITH (FORCE)")), "");
    }
  }
  EXPECT_LE(engines_[0]->engines(), Databases::kMaxIdle + 2);
  EXPECT_EQ(Run(1, "SELECT count(*) FROM pg_database"), "104");
}

TEST_F(DatabasesTest, ARenamedOneKeepsWhatItHas) {
  EXPECT_EQ(Run(0, "CREATE DATABASE d"), "");
  SessionPtr used = Open(1, "d");
  EXPECT_EQ(On(used, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)"), "");
  EXPECT_EQ(On(used, "ALTER DATABASE d RENAME TO e"), "0A000");
  EXPECT_EQ(Run(0, "ALTER DATABASE d RENAME TO isochron"), "42P04");
  EXPECT_EQ(Run(0, "ALTER DATABASE d RENAME TO e"), "");
  EXPECT_EQ(On(used, "SELECT id FROM t"), "3D000");
  EXPECT_EQ(Refused(1, "d"), "3D000");
  used = Open(1, "e");
  EXPECT_EQ(On(used, "SELECT id, current_database() FROM t"), "1,e");
}

TEST_F(DatabasesTest, ItsOwnerHasItsSchemaPublic) {
  EXPECT_EQ(Run(0, "CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN"), "");
  EXPECT_EQ(Run(0, "CREATE DATABASE d OWNER alice"), "");
  const SessionPtr a = Open(1, "d"), b = Open(0, "d"), here = Open(1, "d");
  EXPECT_TRUE(u_.Run(a->LogIn(u_.NewContext(), "alice")).ok());
  EXPECT_TRUE(u_.Run(b->LogIn(u_.NewContext(), "bob")).ok());
  EXPECT_EQ(On(a, "CREATE TABLE t (id int); CREATE SCHEMA s"), "");
  EXPECT_EQ(On(b, "CREATE TABLE u (id int)"), "42501");
  EXPECT_EQ(On(b, "CREATE SCHEMA u"), "42501");
  EXPECT_EQ(Run(0, "SET ROLE alice; CREATE TABLE t (id int)"), "42501");
  EXPECT_EQ(Run(0, "RESET ROLE"), "");
  EXPECT_EQ(On(a, "GRANT CREATE ON SCHEMA public TO bob"), "");
  EXPECT_EQ(On(b, "CREATE TABLE u (id int)"), "");
  EXPECT_EQ(Run(0, "SET ROLE bob; CREATE TABLE u (id int)"), "42501");
  EXPECT_EQ(Run(0, "RESET ROLE; DROP ROLE bob"), "2BP01");
  EXPECT_EQ(On(here, "DROP ROLE bob"), "2BP01");
  EXPECT_EQ(On(here, "DROP OWNED BY bob; DROP ROLE bob"), "");
  EXPECT_EQ(Run(0, "DROP ROLE alice"), "2BP01");
  EXPECT_EQ(Run(0, "ALTER DATABASE d OWNER TO isochron"), "");
  EXPECT_EQ(On(a, "CREATE TABLE v (id int)"), "42501");
  EXPECT_EQ(On(a, "DROP DATABASE d"), "42501");
  EXPECT_EQ(On(a, "CREATE DATABASE e"), "42501");
}

}  // namespace
}  // namespace isochron::sql
