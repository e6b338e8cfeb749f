// SPDX-License-Identifier: Apache-2.0
//
// Roles over several nodes: what is granted at one and asked at another.
#include <string>

#include <gtest/gtest.h>

#include "sql/session/access.h"
#include "sql/session/session.h"
#include "sql/testing/nodes_test_case.h"

namespace isochron::sql {
namespace {

class RolesTest : public testing::NodesTestCase {
 protected:
  void MakeRoles() {
    ASSERT_EQ(Run(0, "CREATE ROLE alice LOGIN PASSWORD 'secret'; CREATE ROLE bob"), "");
    ASSERT_EQ(Run(0, "CREATE TABLE t (id bigint PRIMARY KEY, v text)"), "");
    ASSERT_EQ(Run(0, "INSERT INTO t VALUES (1, 'a')"), "");
  }
  std::string LogIn(int node, const std::string& name) {
    absl::Status in = u_.Run(sessions_[static_cast<size_t>(node)]->LogIn(u_.NewContext(), name));
    return in.ok() ? "" : SqlStateOf(in);
  }
  std::string Message(int node, const std::string& sql) {
    CollectingSink sink;
    return std::string(
        u_.Run(sessions_[static_cast<size_t>(node)]->Execute(u_.NewContext(), sql, {}, &sink))
            .status()
            .message());
  }
};

TEST_F(RolesTest, WhoLogsIn) {
  MakeRoles();
  EXPECT_EQ(LogIn(1, "bob"), "28000");
  EXPECT_EQ(Run(1, "SELECT current_user, session_user"), "isochron,isochron");
  EXPECT_EQ(LogIn(1, "nobody"), "");
  EXPECT_EQ(Run(1, "SELECT current_user, session_user"), "isochron,isochron");
  EXPECT_EQ(LogIn(1, "alice"), "");
  EXPECT_EQ(Run(1, "SELECT current_user, session_user"), "alice,alice");
  EXPECT_EQ(Run(1, "SELECT * FROM t"), "42501");
  EXPECT_EQ(Run(1, "CHECKPOINT"), "42501");
  EXPECT_EQ(Run(1, "BEGIN"), "");
  EXPECT_EQ(Run(1, "CHECKPOINT"), "42501");
  EXPECT_EQ(Run(1, "ROLLBACK"), "");
  EXPECT_EQ(Run(1, "SET ROLE bob"), "42501");
  EXPECT_EQ(Run(1, "SET SESSION AUTHORIZATION bob"), "42501");
  EXPECT_EQ(Run(0, "REVOKE CONNECT ON DATABASE isochron FROM public"), "");
  EXPECT_EQ(LogIn(1, "alice"), "42501");
  auto login = u_.Run(engines_[1]->FindLogin(u_.NewContext(), "alice"));
  ASSERT_TRUE(login.ok());
  EXPECT_TRUE(login->known && login->passwords);
  EXPECT_EQ(login->verifier.substr(0, 14), "SCRAM-SHA-256$");
  EXPECT_EQ(Run(0, "ALTER ROLE alice VALID UNTIL '2001-01-01'"), "");
  login = u_.Run(engines_[1]->FindLogin(u_.NewContext(), "alice"));
  ASSERT_TRUE(login.ok());
  EXPECT_EQ(login->verifier, "");
}

// A plan that was made, and prepared, under a right does not outlive it, on no node.
TEST_F(RolesTest, ARightEndsWithItsRevokeEverywhere) {
  MakeRoles();
  EXPECT_EQ(Run(0, "GRANT SELECT, INSERT ON t TO alice"), "");
  EXPECT_EQ(LogIn(1, "alice"), "");
  EXPECT_EQ(Run(1, "PREPARE p AS SELECT v FROM t WHERE id = 1"), "");
  EXPECT_EQ(Run(1, "EXECUTE p"), "a");
  EXPECT_EQ(Run(1, "INSERT INTO t VALUES (2, 'b')"), "");
  EXPECT_EQ(Run(1, "INSERT INTO t VALUES (2, 'b') ON CONFLICT (id) DO NOTHING"), "");
  EXPECT_EQ(Run(1, "INSERT INTO t VALUES (2, 'b') ON CONFLICT (id) DO UPDATE SET v = 'c'"),
            "42501");
  EXPECT_EQ(Run(1, "UPDATE t SET v = 'c'"), "42501");
  EXPECT_EQ(Run(1, "SELECT v FROM t WHERE id = 1 FOR UPDATE"), "42501");
  EXPECT_EQ(Run(1, "DELETE FROM t"), "42501");
  EXPECT_EQ(Run(0, "REVOKE SELECT ON t FROM alice"), "");
  EXPECT_EQ(Run(1, "EXECUTE p"), "42501");
  EXPECT_EQ(Message(1, "SELECT v FROM t WHERE id = 1"), "permission denied for table t");
  EXPECT_EQ(Run(1, "INSERT INTO t VALUES (3, 'c')"), "");
  EXPECT_EQ(Run(1, "INSERT INTO t VALUES (4, 'c') RETURNING v"), "42501");
  EXPECT_EQ(Run(1, "SET spanner.read_only_staleness = 'EXACT_STALENESS 10s'"), "");
  u_.executor.Advance(9'000'000);
  // As it was then it was allowed.
  EXPECT_EQ(Run(1, "SELECT v FROM t WHERE id = 1"), "42501");
}

TEST_F(RolesTest, AMembershipIsARightAsLongAsItStands) {
  MakeRoles();
  EXPECT_EQ(Run(0, "GRANT SELECT ON t TO bob"), "");
  EXPECT_EQ(LogIn(1, "alice"), "");
  EXPECT_EQ(Run(1, "SELECT v FROM t"), "42501");
  EXPECT_EQ(Run(0, "GRANT bob TO alice"), "");
  EXPECT_EQ(Run(1, "SELECT v FROM t"), "a");
  EXPECT_EQ(Run(1, "BEGIN; SELECT v FROM t"), "a");
  EXPECT_EQ(Run(0, "REVOKE bob FROM alice"), "");
  EXPECT_EQ(Run(1, "SELECT v FROM t"), "42501");
  EXPECT_EQ(Run(1, "ROLLBACK"), "");
  EXPECT_EQ(Run(1, "SELECT v FROM t"), "42501");
  EXPECT_EQ(Run(0, "GRANT bob TO alice; ALTER ROLE alice NOINHERIT"), "");
  EXPECT_EQ(Run(1, "SELECT v FROM t"), "42501");
  EXPECT_EQ(Run(1, "SET ROLE bob; SELECT v FROM t"), "a");
  EXPECT_EQ(Run(1, "RESET ROLE; SELECT v FROM t"), "42501");
  EXPECT_EQ(Run(0, "GRANT alice TO bob"), "0LP01");
}

TEST_F(RolesTest, AViewReadsForItsOwner) {
  MakeRoles();
  EXPECT_EQ(Run(0, "CREATE VIEW w AS SELECT v FROM t; GRANT SELECT ON w TO bob"), "");
  EXPECT_EQ(Run(0, "SET ROLE bob; SELECT v FROM w"), "a");
  EXPECT_EQ(Run(0, "SELECT v FROM t"), "42501");
  EXPECT_EQ(Run(0, "RESET ROLE; ALTER VIEW w OWNER TO alice; SELECT v FROM w"), "42501");
  EXPECT_EQ(Message(0, "SELECT v FROM w"), "permission denied for table t");
  EXPECT_EQ(Run(0, "GRANT SELECT ON t TO alice; SELECT v FROM w"), "a");
}

TEST_F(RolesTest, ARoleGoesWhenNothingIsItsOwn) {
  MakeRoles();
  EXPECT_EQ(Run(0, "ALTER TABLE t OWNER TO alice"), "");
  EXPECT_EQ(Run(1, "DROP ROLE alice"), "2BP01");
  EXPECT_EQ(Run(1, "REASSIGN OWNED BY alice TO bob; DROP ROLE alice"), "");
  EXPECT_EQ(Run(0, "GRANT SELECT ON t TO alice"), "42704");
  EXPECT_EQ(Run(0, "DROP ROLE bob"), "2BP01");
  EXPECT_EQ(Run(0, "DROP OWNED BY bob; DROP ROLE bob"), "");
  EXPECT_EQ(Run(1, "SELECT * FROM t"), "42P01");
  EXPECT_EQ(Run(0, "DROP ROLE isochron"), "55006");
}

// A role that goes while somebody makes a table as it: one of the two does not happen.
TEST_F(RolesTest, NothingBelongsToARoleThatWent) {
  MakeRoles();
  EXPECT_EQ(Run(0, "GRANT CREATE ON SCHEMA public TO bob"), "");
  EXPECT_EQ(Run(1, "BEGIN; SET LOCAL ROLE bob; CREATE TABLE u (id bigint PRIMARY KEY)"), "");
  EXPECT_EQ(Run(0, "REVOKE CREATE ON SCHEMA public FROM bob"), "");
  const std::string dropped = Run(0, "DROP ROLE bob");
  const std::string made = Run(1, "COMMIT");
  EXPECT_NE(dropped.empty(), made.empty()) << dropped << " " << made;
}

TEST_F(RolesTest, ASequenceIsDrawnFromByRight) {
  MakeRoles();
  EXPECT_EQ(Run(0,
                "CREATE SEQUENCE s; CREATE TABLE i (id bigint GENERATED ALWAYS AS IDENTITY "
                "PRIMARY KEY, v text); CREATE TABLE k (id serial PRIMARY KEY, v text)"),
            "");
  EXPECT_EQ(Run(0, "GRANT INSERT ON i, k TO bob; SET ROLE bob"), "");
  EXPECT_EQ(Message(0, "SELECT nextval('s')"), "permission denied for sequence s");
  EXPECT_EQ(Run(0, "INSERT INTO i (v) VALUES ('x')"), "");
  EXPECT_EQ(Run(0, "INSERT INTO k (v) VALUES ('x')"), "42501");
  EXPECT_EQ(Run(0, "RESET ROLE; GRANT USAGE ON SEQUENCE s, k_id_seq TO bob; SET ROLE bob"), "");
  EXPECT_EQ(Run(0, "SELECT nextval('s')"), "1");
  EXPECT_EQ(Run(0, "INSERT INTO k (v) VALUES ('x')"), "");
  EXPECT_EQ(Run(0, "SELECT setval('s', 7)"), "42501");
}

TEST_F(RolesTest, PasswordsAreNotShown) {
  EXPECT_EQ(WithoutPasswords("CREATE USER a PASSWORD 'secret'"), "CREATE USER a PASSWORD ...");
  EXPECT_EQ(WithoutPasswords("SELECT 1"), "SELECT 1");
  EXPECT_EQ(Run(0, "CREATE ROLE a PASSWORD 'md5aabbccddeeff00112233445566778899'"), "0A000");
}

}  // namespace
}  // namespace isochron::sql
