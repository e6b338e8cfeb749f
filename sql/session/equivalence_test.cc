// SPDX-License-Identifier: Apache-2.0
//
// Two ways to write one question must give one answer: over random small tables, full of NULLs and
// duplicates, on ways that the planner and the executor go differently.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/random.h"
#include "sql/pushdown/reduce.h"
#include "sql/session/session.h"
#include "sql/testing/fake_universe.h"
#include "sql/types/error.h"

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
    // A sort that keeps the first rows alone.
    {"SELECT id, a FROM t ORDER BY a DESC, id LIMIT $1 OFFSET $2",
     "SELECT id, a FROM (SELECT id, a, row_number() OVER (ORDER BY a DESC, id) AS n FROM t) AS x "
     "WHERE n > $2 AND n <= $1 + $2"},
    {"SELECT t.id, u.id FROM t CROSS JOIN u ORDER BY t.a + u.b, t.id, u.id LIMIT $1",
     "SELECT t, u FROM (SELECT t.id AS t, u.id AS u, row_number() OVER (ORDER BY t.a + u.b, t.id, "
     "u.id) AS n FROM t CROSS JOIN u) AS x WHERE n <= $1"},
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
    // EXISTS by a join, and as it is written.
    {"SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a)",
     "SELECT * FROM t WHERE (SELECT count(*) FROM u WHERE u.a = t.a) > 0"},
    {"SELECT * FROM t WHERE NOT EXISTS (SELECT * FROM u WHERE t.a = u.a AND u.b <> t.id)",
     "SELECT * FROM t WHERE (SELECT count(*) FROM u WHERE t.a = u.a AND u.b <> t.id) = 0"},
    {"SELECT * FROM u WHERE a > $1 AND EXISTS (SELECT id FROM t WHERE t.a = u.b AND u.id > $2) AND "
     "NOT EXISTS (SELECT id FROM t WHERE t.id = u.a)",
     "SELECT * FROM u WHERE a > $1 AND (SELECT count(*) FROM t WHERE t.a = u.b AND u.id > $2) > 0 "
     "AND (SELECT count(*) FROM t WHERE t.id = u.a) = 0"},
    {"SELECT t.id, u.id FROM t LEFT JOIN u ON t.a = u.a WHERE NOT EXISTS (SELECT 1 FROM u AS v, t "
     "AS w WHERE v.id = w.id AND v.b = u.b AND w.a = t.a)",
     "SELECT t.id, u.id FROM t LEFT JOIN u ON t.a = u.a WHERE (SELECT count(*) FROM u AS v, t AS w "
     "WHERE v.id = w.id AND v.b = u.b AND w.a = t.a) = 0"},
    {"SELECT a, count(*) FROM t WHERE EXISTS (SELECT FROM u WHERE u.a + $1 = t.a + $2 OR u.b = "
     "t.a) "
     "AND EXISTS (SELECT 1 FROM u WHERE u.a = t.a AND u.b IS NULL) GROUP BY a",
     "SELECT a, count(*) FROM t WHERE (SELECT count(*) FROM u WHERE u.a + $1 = t.a + $2 OR u.b = "
     "t.a) > 0 AND (SELECT count(*) FROM u WHERE u.a = t.a AND u.b IS NULL) > 0 GROUP BY a"},
    {"SELECT id FROM t WHERE (SELECT count(*) FROM u WHERE u.a = t.a AND EXISTS (SELECT 1 FROM t "
     "AS "
     "w WHERE w.a = u.b)) > 0",
     "SELECT id FROM t WHERE (SELECT count(*) FROM u WHERE u.a = t.a AND u.b IN (SELECT a FROM t)) "
     "> 0"},
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

// What runs at the tablets, and the same here.
constexpr const char* kReduced[] = {
    "SELECT count(*), count(a), sum(a), avg(a), min(a), max(a) FROM v WHERE id > $1",
    "SELECT a, count(*), sum(n), min(w) FROM v GROUP BY a",
    "SELECT w, a + $2, count(*) FROM v WHERE n > $1 OR a IS NULL GROUP BY w, a + $2",
    "SELECT a % 2, max(id) FROM v WHERE w LIKE 'w%' GROUP BY a % 2 HAVING count(*) > $1",
    "SELECT sum(n), avg(n), min(n), max(n), count(n) FILTER (WHERE a > $1) FROM v",
    "SELECT count(*), bool_and(b), bool_or(b) FROM v WHERE b IS NOT FALSE AND id < $2",
    "SELECT b, count(*), sum(CASE WHEN a > $1 THEN a ELSE id END) FROM v GROUP BY b",
    "SELECT count(*), sum(coalesce(a, $2)) FROM v WHERE a IN ($1, $2, 3) OR a IS NULL",
    "SELECT d, count(*), min(d) FROM v WHERE d > ('2024-01-0' || 1 + $1 % 3)::date GROUP BY d",
    "SELECT count(*) FROM v WHERE id BETWEEN $1 AND $2",
    "SELECT length(w), count(*) FROM v GROUP BY length(w)",
    "SELECT u, count(*), max(u) FROM v GROUP BY u",
    "SELECT a::text, sum(a::numeric) FROM v GROUP BY a::text",
    "SELECT count(*) FROM v WHERE a IS DISTINCT FROM $1 AND NOT b",
    "SELECT (SELECT count(*) FROM v WHERE v.a = t.a) FROM t",
    "SELECT sum(f), count(f), count(DISTINCT a) FROM v",
    "SELECT * FROM v WHERE a > $1",
    "SELECT id, w FROM v WHERE n > $1 OR a IS NULL ORDER BY w DESC, id DESC",
    "SELECT id FROM v WHERE a < $1 LIMIT 2",
    "SELECT w, id FROM v WHERE w > 'w0' AND f < $2 ORDER BY w, id LIMIT 3 OFFSET 1",
    "SELECT t.id, (SELECT min(f) FROM v WHERE v.a < t.a) FROM t",
    "SELECT t.id, v.id FROM t JOIN v ON t.a = v.a WHERE v.d > '2024-01-03' ORDER BY 1, 2",
    "SELECT id FROM v WHERE a IN (SELECT a FROM t) OR a = $1",
    // The first rows of each page; equal ones stay in the order of the key.
    "SELECT id, w, a FROM v ORDER BY a LIMIT 2",
    "SELECT id FROM v ORDER BY n DESC NULLS LAST, b LIMIT 3 OFFSET $1",
    "SELECT * FROM v ORDER BY length(w), f LIMIT $2",
    "SELECT d FROM v WHERE a > $1 ORDER BY d, u DESC LIMIT 1",
    "SELECT a, n FROM v WHERE b IS NOT TRUE ORDER BY a + n DESC NULLS FIRST LIMIT 4",
    "SELECT w, id FROM v WHERE w >= 'w1' ORDER BY id DESC FETCH FIRST 2 ROWS ONLY",
    "SELECT a FROM v ORDER BY a FETCH FIRST 2 ROWS WITH TIES",
    "SELECT id, (SELECT w FROM v WHERE v.a >= t.a ORDER BY v.d DESC, v.id LIMIT 1) FROM t",
    "SELECT DISTINCT a FROM v ORDER BY a LIMIT 2",
    "SELECT x.id FROM (SELECT id, a FROM v ORDER BY f LIMIT 5) x JOIN t ON t.a = x.a",
};

TEST_F(EquivalenceTest, WhatTabletsDoIsTheSame) {
  Random random(21);
  u_.store.page_rows = 3;
  u_.store.programs = TabletPrograms();
  Rows(
      "CREATE TABLE t (id bigint PRIMARY KEY, a bigint); CREATE TABLE v (id bigint, w text, a int, "
      "n numeric(8,2), b boolean, d date, f float8, u uuid, PRIMARY KEY (w, id))");
  auto null = [&random](std::string value) { return random.Below(4) == 0 ? "NULL" : value; };
  const auto below = [&random](uint64_t n) { return absl::StrCat(random.Below(n)); };
  for (int round = 0; round < 40; ++round) {
    Rows("DELETE FROM t; DELETE FROM v");
    for (uint64_t i = random.Below(4); i > 0; --i) {
      Rows(absl::StrCat("INSERT INTO t VALUES (", i, ", ", null(below(5)), ")"));
    }
    for (uint64_t i = random.Below(12); i > 0; --i) {
      const std::string uuid = absl::StrCat("00000000-0000-0000-0000-00000000000", below(3));
      Rows(absl::StrCat("INSERT INTO v VALUES (", i, ", 'w", below(3), "', ", null(below(5)), ", ",
                        null(absl::StrCat(below(50), ".", below(9))), ", ",
                        null(random.Below(2) == 0 ? "true" : "false"), ", ",
                        null(absl::StrCat("'2024-01-0", 1 + random.Below(9), "'")), ", ",
                        null(absl::StrCat(below(9), ".5")), ", ", null("'" + uuid + "'"), ")"));
    }
    for (const char* text : kReduced) {
      const std::string sql = absl::StrReplaceAll(
          text, {{"$1", absl::StrCat(random.Below(9))}, {"$2", absl::StrCat(random.Below(9))}});
      Rows("SET isochron.pushdown = off");
      const std::vector<std::string> here = Rows(sql);
      Rows("SET isochron.pushdown = on");
      ASSERT_EQ(Rows(sql), here) << sql << "\nin round " << round;
      // Under locks, on what the transaction itself has written.
      Rows("BEGIN; UPDATE v SET a = 7 WHERE id < 3");
      const std::vector<std::string> locked = Rows(sql);
      Rows("SET isochron.pushdown = off");
      EXPECT_EQ(Rows(sql), locked) << sql;
      Rows("ROLLBACK");
    }
  }
}

TEST_F(EquivalenceTest, ErrorsAreTheGatewaysOwn) {
  u_.store.programs = TabletPrograms();
  Rows("CREATE TABLE v (id bigint PRIMARY KEY, a int); INSERT INTO v VALUES (1, 0), (2, 1)");
  for (const char* how : {"on", "off"}) {
    Rows(absl::StrCat("SET isochron.pushdown = ", how));
    CollectingSink sink;
    auto failed = u_.Run(session_->Execute(u_.NewContext(), "SELECT sum(1 / a) FROM v", {}, &sink));
    EXPECT_EQ(SqlStateOf(failed.status()), "22012") << how;
    auto large = u_.Run(session_->Execute(
        u_.NewContext(), "SELECT count(*) FROM v WHERE a + 2147483647 > 0", {}, &sink));
    EXPECT_EQ(SqlStateOf(large.status()), "22003") << how;
    u_.store.page_rows = 1;
    auto filter = u_.Run(
        session_->Execute(u_.NewContext(), "SELECT * FROM v WHERE 1 / (a - 1) < 3", {}, &sink));
    EXPECT_EQ(SqlStateOf(filter.status()), "22012") << how;
  }
}

TEST_F(EquivalenceTest, ExplainSaysWhatTabletsDo) {
  Rows("CREATE TABLE v (id bigint PRIMARY KEY, a int, f float8)");
  auto at_tablets = [&](const std::string& sql) {
    return absl::StrContains(absl::StrJoin(Rows("EXPLAIN " + sql), "\n"), "at the tablets");
  };
  EXPECT_TRUE(at_tablets("SELECT a, count(*) FROM v WHERE id > 3 GROUP BY a"));
  EXPECT_FALSE(at_tablets("SELECT sum(f) FROM v")) << "depends on the order";
  EXPECT_FALSE(at_tablets("SELECT count(DISTINCT a) FROM v"));
  EXPECT_FALSE(at_tablets("SELECT count(*) FROM v WHERE random() < 0.5"));
  EXPECT_TRUE(at_tablets("SELECT id FROM v ORDER BY f DESC LIMIT 3"));
  EXPECT_TRUE(at_tablets("SELECT id FROM v WHERE a > 1 ORDER BY a + id LIMIT 3 OFFSET 2"));
  EXPECT_FALSE(at_tablets("SELECT id FROM v ORDER BY f DESC")) << "all of them";
  EXPECT_FALSE(at_tablets("SELECT id FROM v ORDER BY random() LIMIT 3"));
  EXPECT_FALSE(at_tablets("SELECT id FROM v ORDER BY f FETCH FIRST 3 ROWS WITH TIES"));
  EXPECT_FALSE(at_tablets("SELECT id FROM v ORDER BY id LIMIT 3")) << "along the key";
  EXPECT_FALSE(at_tablets("SELECT DISTINCT a FROM v ORDER BY a LIMIT 3"));
}

// More rows than are asked one by one.
TEST_F(EquivalenceTest, ManyRowsAreJoined) {
  Rows(
      "CREATE TABLE t (id bigint PRIMARY KEY, a bigint); CREATE TABLE u (id bigint PRIMARY KEY, a "
      "bigint); INSERT INTO t SELECT i, i % 700 FROM generate_series(1, 3000) i; INSERT INTO u "
      "SELECT i * 3, nullif(i % 50, 7) FROM generate_series(1, 2000) i");
  const auto one = [&](const std::string& sql) {
    return Rows("SELECT count(*), sum(id) FROM " + sql);
  };
  const std::string keyed = "(SELECT 1 FROM u WHERE u.id = t.id)";
  EXPECT_EQ(one("t WHERE EXISTS " + keyed), one("t WHERE id % 3 = 0"));
  EXPECT_EQ(one("t WHERE NOT EXISTS " + keyed), one("t WHERE id % 3 <> 0"));
  EXPECT_EQ(one("t WHERE a < 9 AND NOT EXISTS " + keyed), one("t WHERE a < 9 AND id % 3 <> 0"));
  EXPECT_EQ(one("t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a)"),
            one("t WHERE a < 50 AND a <> 7"));
  EXPECT_EQ(one("u WHERE EXISTS (SELECT 1 FROM t WHERE t.a = u.a AND t.id > u.id)"),
            one("u WHERE (SELECT max(t.id) FROM t WHERE t.a = u.a) > u.id"));
  const std::string plan =
      absl::StrJoin(Rows("EXPLAIN SELECT * FROM t WHERE EXISTS " + keyed), " ");
  EXPECT_TRUE(absl::StrContains(plan, "Hash Join (semi)")) << plan;
  EXPECT_TRUE(absl::StrContains(plan, "by itself where the left side is small")) << plan;
  const std::string first =
      absl::StrCat("SELECT * FROM t WHERE EXISTS ", keyed, " ORDER BY id LIMIT 3");
  EXPECT_EQ(Rows(first), (std::vector<std::string>{"3,3", "6,6", "9,9"}));
  const std::string in_order = absl::StrJoin(Rows("EXPLAIN " + first), " ");
  EXPECT_FALSE(absl::StrContains(in_order, "Join") || absl::StrContains(in_order, "Sort"));
}

}  // namespace
}  // namespace isochron::sql
