// SPDX-License-Identifier: Apache-2.0
//
// SQL text, from the parser to the rows: statements run in a session over a store in memory, with
// some tables in it. The first byte chooses the parameters and whether the text is run or
// described.
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "sql/session/session.h"
#include "sql/testing/fake_universe.h"
#include "tests/fuzz/target.h"

namespace isochron::fuzz {
namespace {

using sql::Datum;
using sql::Type;

constexpr char kTables[] =
    "CREATE TABLE t (k bigint PRIMARY KEY, v text, f double precision, b boolean, w timestamptz);"
    "CREATE TABLE u (a text, b bytea, i integer NOT NULL DEFAULT 7, s smallint, PRIMARY KEY (a, "
    "i));"
    "CREATE TABLE n (x bigint);"
    "INSERT INTO t VALUES (1, 'one', 1.5, true, '2024-01-01 00:00:00+00'), (2, NULL, 'NaN', false,"
    " NULL), (-3, 'three', -0.0, NULL, '0001-01-01');"
    "INSERT INTO u VALUES ('a', '\\x00ff', 1, 2), ('', NULL, -1, NULL);"
    "INSERT INTO n VALUES (1), (1), (NULL)";

sql::Params Parameters(uint8_t choice) {
  switch (choice % 4) {
    case 0:
      return {};
    case 1:
      return {{Type::kInt8, Datum::Int(2)}, {Type::kText, Datum::String("one")}};
    case 2:
      return {{Type::kUnknown, Datum::String("1")},
              {Type::kUnknown, Datum::Null()},
              {Type::kUnknown, Datum::String("x")}};
    default:
      return {{Type::kFloat8, Datum::Float(1e300)},
              {Type::kTimestamptz, Datum::Int(1)},
              {Type::kBytea, Datum::String(std::string("\0\xff", 2))},
              {Type::kBool, Datum::Bool(true)}};
  }
}

void CheckError(const absl::Status& status, absl::string_view text) {
  ISO_CHECK(!absl::IsInternal(status), "SQL text never breaks an assumption");
  ISO_CHECK(sql::PositionOf(status) <= static_cast<int>(text.size()) + 1,
            "an error's place is in the text");
}

void Check(Input in) {
  sql::testing::FakeUniverse universe;
  auto engine =
      sql::Engine::Create({&universe.store, &universe.executor, &universe.truetime, nullptr}, {});
  auto session = engine->NewSession();
  sql::CollectingSink made;
  ISO_CHECK(universe.Run(session->Execute(universe.NewContext(), kTables, {}, &made)).ok(),
            "the tables can be made");
  const uint8_t choice = in.Byte();
  const std::string text(in.Rest());
  if (choice % 8 == 7) {
    auto described = universe.Run(session->Describe(universe.NewContext(), text, {Type::kInt8}));
    if (!described.ok()) CheckError(described.status(), text);
    return;
  }
  sql::CollectingSink sink;
  auto result =
      universe.Run(session->Execute(universe.NewContext(), text, Parameters(choice), &sink));
  if (!result.ok()) CheckError(result.status(), text);
  for (const auto& statement : sink.statements) {
    for (const sql::Row& row : statement.rows) {
      ISO_CHECK(row.size() == statement.columns.size(), "a row has the columns that were named");
      for (size_t i = 0; i < row.size(); ++i) {
        (void)sql::DatumToText(statement.columns[i].type, row[i]);
      }
    }
  }
}

std::string Many(int n, const std::string& piece) {
  std::string out;
  for (int i = 0; i < n; ++i) out += piece;
  return out;
}

// Nesting and length beyond what libFuzzer tries.
std::vector<std::string> Deep() {
  constexpr int kMany = 20000;
  std::vector<std::string> out;
  for (const char* open : {"(", "NOT ", "- ", "+", "abs(", "CASE WHEN true THEN ", "(SELECT ",
                           "ARRAY[", "(VALUES ((", "EXISTS (SELECT ", "1 IN (", "CAST(", "~ "}) {
    out.push_back(absl::StrCat("SELECT ", Many(kMany, open), "1"));
  }
  out.push_back(absl::StrCat("SELECT ", Many(kMany, "("), "1", Many(kMany, ")")));
  out.push_back(absl::StrCat("SELECT ", Many(3000, "abs("), "1", Many(3000, ")")));
  out.push_back(absl::StrCat("SELECT ", Many(3000, "(SELECT "), "1", Many(3000, ")")));
  out.push_back(absl::StrCat("SELECT 1", Many(kMany, " + 1")));
  out.push_back(absl::StrCat("SELECT 'a'", Many(kMany, " || 'a'")));
  out.push_back(absl::StrCat("SELECT true", Many(kMany, " AND true")));
  out.push_back(absl::StrCat("SELECT true", Many(kMany, " = true")));
  out.push_back(absl::StrCat("SELECT 1", Many(kMany, "::bigint")));
  out.push_back(absl::StrCat("SELECT 1", Many(kMany, ", 1")));
  out.push_back(absl::StrCat("SELECT 1", Many(kMany, " UNION SELECT 1")));
  out.push_back(absl::StrCat("SELECT * FROM ", Many(kMany, "("), "t", Many(kMany, ")")));
  out.push_back(absl::StrCat("SELECT * FROM t", Many(3000, " JOIN t ON true")));
  out.push_back(absl::StrCat("SELECT * FROM t", Many(1000, ", t")));
  out.push_back(absl::StrCat("SELECT k FROM t WHERE k IN (0", Many(kMany, ", 1"), ")"));
  out.push_back(absl::StrCat("INSERT INTO n VALUES (1)", Many(5000, ", (1)")));
  out.push_back(Many(5000, "SELECT 1;"));
  out.push_back(Many(kMany, "EXPLAIN "));
  return out;
}

}  // namespace

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (const char* text :
       {"SELECT k, v FROM t WHERE k = $1 AND v = $2",
        "SELECT count(*), sum(k), avg(f), min(v), max(w) FROM t GROUP BY b HAVING count(*) > 0",
        "SELECT t.k, u.a FROM t JOIN u ON t.k = u.i ORDER BY 1 DESC NULLS LAST LIMIT 2 OFFSET 1",
        "SELECT * FROM t LEFT JOIN u ON t.v = u.a WHERE t.k BETWEEN -5 AND 5",
        "INSERT INTO t (k, v) VALUES ($1, $2) ON CONFLICT (k) DO UPDATE SET v = excluded.v",
        "INSERT INTO n SELECT k FROM t RETURNING x + 1 AS y",
        "UPDATE t SET v = v || 'x', f = f * 2 WHERE v LIKE 'o%' RETURNING *",
        "DELETE FROM u WHERE a IN ('a', 'b') OR i < 0",
        "BEGIN; SAVEPOINT s; INSERT INTO n VALUES (5); ROLLBACK TO s; COMMIT",
        "BEGIN READ ONLY; SELECT * FROM t; ROLLBACK",
        "SET spanner.read_only_staleness TO 'MAX_STALENESS 5s'; SELECT k FROM t; SHOW ALL",
        "CREATE TABLE x (a bigint DEFAULT 1 + 1, b text DEFAULT 'q', PRIMARY KEY (b, a)); DROP "
        "TABLE x",
        "EXPLAIN SELECT * FROM t WHERE k = 1",
        "SELECT CASE WHEN b THEN 'y' ELSE 'n' END, coalesce(v, 'z'), upper(v), length(v) FROM t",
        "SELECT now(), k::text, '1'::bigint, CAST(f AS integer), '\\x00'::bytea FROM t",
        "SELECT DISTINCT x FROM n WHERE x IS NOT NULL; SELECT 1 / 0",
        "WITH x AS (SELECT k, v FROM t), y(a) AS (VALUES (1), (NULL)) SELECT * FROM x JOIN y ON a "
        "= k "
        "WHERE k NOT IN (SELECT x FROM n) OR EXISTS (SELECT 1 FROM u WHERE i = x.k)",
        "SELECT k FROM t UNION ALL SELECT x FROM n EXCEPT SELECT NULL ORDER BY 1 DESC LIMIT 2",
        "SELECT DISTINCT ON (b) b, (SELECT max(x) FROM n WHERE x < k) FROM t FULL JOIN n ON x = k "
        "ORDER BY b, k",
        "UPDATE t SET v = (SELECT a FROM u WHERE i = k) WHERE k > ALL (SELECT x FROM n WHERE x > "
        "$1)",
        "SELECT count(*) FILTER (WHERE b) FROM (SELECT * FROM t NATURAL RIGHT JOIN n) AS z(p, q)",
        "SELECT substr('abc', 2), 5 % 3, -k, NOT b, f > 'NaN' FROM t ORDER BY k",
        "SELECT isochron.split('t', 2); SELECT * FROM information_schema.columns",
        "SELECT isochron.checksum(2, 1, now(), '00ff', $3)",
        "SELECT E'\\u00e4\\n', U&'\\0041', $$dollar$$, x'1F', 1e400, .5, 99999999999999999999"}) {
    for (char choice : {'\x00', '\x01', '\x02', '\x03', '\x07'}) {
      seeds.push_back(std::string(1, choice) + text);
    }
  }
  for (const std::string& text : Deep()) seeds.push_back(std::string(1, '\0') + text);
  return seeds;
}

}  // namespace isochron::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  isochron::fuzz::Check(isochron::fuzz::Input(data, size));
  return 0;
}
