// SPDX-License-Identifier: Apache-2.0
//
// Two ways to write one question must give one answer: over random small tables, full of NULLs and
// duplicates, on ways that the planner and the executor go differently.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/random.h"
#include "sql/session/session.h"
#include "sql/testing/fake_universe.h"

namespace isochron::sql {
namespace {

struct Pair {
  const char* one;
  const char* other;
};

// $n stands for small numbers, the same in both.
constexpr Pair kPairs[] = {
    // A set that bounds the key, and one that filters.
    {"SELECT id, a FROM t WHERE id IN (SELECT b FROM u WHERE a < $1)",
     "SELECT id, a FROM t WHERE id + 0 IN (SELECT b FROM u WHERE a < $1)"},
    {"SELECT id FROM t WHERE id IN (SELECT b FROM u WHERE id < $1)",
     "SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.id < $1 AND u.b = t.id)"},
    {"SELECT id FROM t WHERE id = (SELECT max(b) FROM u WHERE id < $1)",
     "SELECT id FROM t WHERE id + 0 = (SELECT max(b) FROM u WHERE id < $1)"},
    {"SELECT id FROM t WHERE id > (SELECT min(b) FROM u)",
     "SELECT id FROM t, (SELECT min(b) AS m FROM u) AS x WHERE id > m"},
    // Three-valued logic: as a value, not only as a filter.
    {"SELECT id, a NOT IN (SELECT b FROM u WHERE id > $1) FROM t",
     "SELECT id, a <> ALL (SELECT b FROM u WHERE id > $1) FROM t"},
    {"SELECT id, a IN (SELECT b FROM u WHERE id > $1) FROM t",
     "SELECT id, CASE WHEN NOT EXISTS (SELECT 1 FROM u WHERE id > $1) THEN false WHEN a IS NULL "
     "THEN NULL WHEN EXISTS (SELECT 1 FROM u WHERE id > $1 AND b = t.a) THEN true WHEN EXISTS "
     "(SELECT 1 FROM u WHERE id > $1 AND b IS NULL) THEN NULL ELSE false END FROM t"},
    {"SELECT id, a > ALL (SELECT b FROM u WHERE id < $1) FROM t",
     "SELECT id, NOT a <= ANY (SELECT b FROM u WHERE id < $1) FROM t"},
    {"SELECT id, a = ALL (SELECT b FROM u WHERE u.id = t.id) FROM t",
     "SELECT id, CASE WHEN NOT EXISTS (SELECT 1 FROM u WHERE u.id = t.id) THEN true ELSE a = "
     "(SELECT b FROM u WHERE u.id = t.id) END FROM t"},
    {"SELECT id, a <> ANY (SELECT b FROM u WHERE id < $1) FROM t",
     "SELECT id, NOT a = ALL (SELECT b FROM u WHERE id < $1) FROM t"},
    {"SELECT id, (a, $2) IN (SELECT b, a FROM u WHERE id <> $1) FROM t",
     "SELECT id, NOT (a, $2) <> ALL (SELECT b, a FROM u WHERE id <> $1) FROM t"},
    {"SELECT id FROM t WHERE (a, id) IN (SELECT b, id FROM u)",
     "SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.b = t.a AND u.id = t.id)"},
    // Joins of the one kind by those of another.
    {"SELECT t.id, u.id FROM t LEFT JOIN u ON t.a = u.b AND u.id > $1 WHERE t.id < $2",
     "SELECT t.id, u.id FROM u RIGHT JOIN t ON t.a = u.b AND u.id > $1 WHERE t.id < $2"},
    {"SELECT t.id, u.id FROM t FULL JOIN u ON t.a = u.b AND t.id < $1",
     "SELECT t.id, u.id FROM t LEFT JOIN u ON t.a = u.b AND t.id < $1 UNION ALL SELECT NULL, id "
     "FROM u WHERE NOT EXISTS (SELECT 1 FROM t WHERE t.a = u.b AND t.id < $1)"},
    {"SELECT t.id, u.id FROM t FULL JOIN u ON t.a < u.b",
     "SELECT t.id, u.id FROM u FULL JOIN t ON u.b > t.a"},
    {"SELECT id, t.a, u.a FROM t FULL JOIN u USING (id) WHERE id > $1",
     "SELECT coalesce(t.id, u.id), t.a, u.a FROM t FULL JOIN u ON t.id = u.id WHERE "
     "coalesce(t.id, u.id) > $1"},
    {"SELECT t.id FROM t JOIN u USING (id, a)",
     "SELECT id FROM t NATURAL JOIN (SELECT id, a FROM u) AS x"},
    {"SELECT id, (SELECT count(*) FROM u WHERE u.b = t.a) FROM t",
     "SELECT t.id, count(u.id) FROM t LEFT JOIN u ON u.b = t.a GROUP BY t.id"},
    // Set operations.
    {"SELECT a FROM t UNION SELECT b FROM u",
     "SELECT DISTINCT x FROM (SELECT a AS x FROM t UNION ALL SELECT b FROM u) AS y"},
    {"SELECT a FROM t EXCEPT SELECT b FROM u",
     "SELECT DISTINCT a FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE b IS NOT DISTINCT FROM "
     "t.a)"},
    {"SELECT a FROM t INTERSECT SELECT b FROM u",
     "SELECT DISTINCT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE b IS NOT DISTINCT FROM t.a)"},
    {"SELECT a FROM t",
     "(SELECT a FROM t EXCEPT ALL SELECT b FROM u) UNION ALL (SELECT a FROM t INTERSECT ALL SELECT "
     "b FROM u)"},
    {"SELECT a FROM t INTERSECT ALL SELECT b FROM u",
     "SELECT b FROM u INTERSECT ALL SELECT a FROM t"},
    // Conditions that go into a derived table, and that cannot; WITH run in place, and once.
    {"SELECT * FROM (SELECT a, id AS key FROM t) AS x WHERE key = $1 OR key > $2",
     "SELECT * FROM (SELECT a, id AS key FROM t OFFSET 0) AS x WHERE key = $1 OR key > $2"},
    {"SELECT * FROM (SELECT a, id AS key FROM t WHERE id > $1) AS x WHERE key IN (1, $2, 3)",
     "SELECT * FROM (SELECT a, id AS key FROM t OFFSET 0) AS x WHERE key IN (1, $2, 3) AND key > "
     "$1"},
    {"WITH x AS (SELECT id, a FROM t) SELECT a FROM x WHERE id = $1",
     "WITH x AS MATERIALIZED (SELECT id, a FROM t) SELECT a FROM x WHERE id = $1"},
    {"WITH x AS (SELECT a, count(*) AS n FROM t GROUP BY a) SELECT p.a, q.n FROM x AS p JOIN x AS "
     "q "
     "ON p.n = q.n",
     "SELECT p.a, q.n FROM (SELECT a, count(*) AS n FROM t GROUP BY a) AS p JOIN (SELECT a, "
     "count(*) "
     "AS n FROM t GROUP BY a) AS q ON p.n = q.n"},
    {"SELECT DISTINCT ON (a) a, id FROM t ORDER BY a, id DESC",
     "SELECT a, max(id) FROM t GROUP BY a"},
    {"SELECT count(*) FILTER (WHERE a > $1), sum(id) FILTER (WHERE a IS NULL) FROM t",
     "SELECT count(CASE WHEN a > $1 THEN 1 END), sum(CASE WHEN a IS NULL THEN id END) "
     "FROM t"},
};

class EquivalenceTest : public ::testing::Test {
 protected:
  std::vector<std::string> Rows(const std::string& sql) {
    CollectingSink sink;
    absl::Status s = u_.Run(session_->Execute(u_.NewContext(), sql, {}, &sink)).status();
    EXPECT_TRUE(s.ok()) << sql << ": " << s;
    std::vector<std::string> out;
    if (!s.ok()) return out;
    for (const Row& row : sink.statements.back().rows) {
      std::vector<std::string> cells;
      for (size_t i = 0; i < row.size(); ++i) {
        cells.push_back(row[i].is_null()
                            ? "NULL"
                            : DatumToText(sink.statements.back().columns[i].type, row[i]));
      }
      out.push_back(absl::StrJoin(cells, ","));
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  testing::FakeUniverse u_;
  std::unique_ptr<Engine> engine_ =
      Engine::Create({&u_.store, &u_.executor, &u_.truetime, nullptr}, EngineOptions());
  std::unique_ptr<Session> session_ = engine_->NewSession();
};

TEST_F(EquivalenceTest, TwoWaysOneAnswer) {
  Random random(20);
  u_.store.page_rows = 3;
  Rows(
      "CREATE TABLE t (id bigint PRIMARY KEY, a bigint); CREATE TABLE u (id bigint PRIMARY KEY, a "
      "bigint, b bigint)");
  auto small = [&random] {
    return random.Below(4) == 0 ? std::string("NULL") : absl::StrCat(random.Below(5));
  };
  for (int round = 0; round < 40; ++round) {
    Rows("DELETE FROM t; DELETE FROM u");
    for (uint64_t i = random.Below(9); i > 0; --i) {
      Rows(absl::StrCat("INSERT INTO t VALUES (", i, ", ", small(), ")"));
    }
    for (uint64_t i = random.Below(9); i > 0; --i) {
      Rows(absl::StrCat("INSERT INTO u VALUES (", i, ", ", small(), ", ", small(), ")"));
    }
    for (const Pair& pair : kPairs) {
      const std::string first = absl::StrCat(random.Below(9)),
                        second = absl::StrCat(random.Below(9));
      auto filled = [&](const char* text) {
        return absl::StrReplaceAll(text, {{"$1", first}, {"$2", second}});
      };
      ASSERT_EQ(Rows(filled(pair.one)), Rows(filled(pair.other)))
          << filled(pair.one) << "\n"
          << filled(pair.other) << "\nin round " << round;
    }
  }
}

}  // namespace
}  // namespace isochron::sql
