// SPDX-License-Identifier: Apache-2.0
//
// A partial index may be used only where the query's conditions imply its own: of every two
// conditions here, what Implied says is held against all rows of a small domain.

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "sql/planner/index_rules.h"

namespace isochron::sql {
namespace {

const std::vector<std::string>& Conditions() {
  static const auto* const conditions = new std::vector<std::string>{
      "a = 3",
      "a = 4",
      "3 = a",
      "a <> 3",
      "a <> 4",
      "a < 3",
      "a <= 3",
      "a > 3",
      "a >= 3",
      "a < 4",
      "a <= 2",
      "4 > a",
      "3 <= a",
      "a >= 4",
      "a IN (3)",
      "a IN (3, 4)",
      "a IN (1, 3, 4)",
      "a IN (3, NULL)",
      "a NOT IN (3, 4)",
      "a IS NULL",
      "a IS NOT NULL",
      "b IS NOT NULL",
      "a > 3 AND b > 1",
      "a > 3 OR b > 1",
      "a > 3 OR a < 1",
      "a = 3 OR a = 4",
      "a BETWEEN 3 AND 4",
      "a + 1 = 4",
      "a + b > 3",
      "abs(a) > 2",
      "coalesce(a, 3) = 3",
      "a = b",
      "a > b",
      "a = ANY ('{3,4}'::int[])",
      "a <> ALL ('{3,4}'::int[])",
      "a <> ALL ('{}'::int[])",
      "NOT (a = 3)",
      "NOT (a > 3)",
      "a::bigint = 3",
      "flag",
      "NOT flag",
      "flag = true",
      "flag = false",
      "flag <> true",
      "flag IS TRUE",
      "flag IS FALSE",
      "flag IS NOT TRUE",
      "flag IS NOT FALSE",
      "flag IS UNKNOWN",
      "flag IS NOT NULL",
      "NOT (flag IS TRUE)",
      "(flag IS TRUE) = false",
      "NOT (flag = true)",
      "(a > 3) IS TRUE",
      "(a > 3) = true",
      "(a > 3) IS NOT FALSE",
      "a IS DISTINCT FROM 3",
      "a IS NOT DISTINCT FROM 3",
      "s = 'x'",
      "s > 'a'",
      "s >= 'x'",
      "s IN ('x', 'y')",
      "s IS NOT NULL",
      "lower(s) = 'x'",
      "s LIKE 'x%'",
      "CASE WHEN a > 3 THEN flag ELSE true END",
      "true",
      "false",
      "NULL::boolean",
  };
  return *conditions;
}

TableDescriptor Table() {
  TableDescriptor table;
  table.name = "t";
  for (const auto& [name, type] : std::vector<std::pair<std::string, Type>>{
           {"a", Type::kInt4}, {"b", Type::kInt4}, {"flag", Type::kBool}, {"s", Type::kText}}) {
    ColumnDescriptor c;
    c.id = table.next_column_id++;
    c.name = name;
    c.type = type;
    table.columns.push_back(c);
  }
  table.key = {0};
  for (const std::string& sql : Conditions()) {
    IndexDescriptor index;
    index.id = table.next_index_id++;
    index.columns.push_back({0, false, false});
    index.predicate_sql = sql;
    table.indexes.push_back(index);
  }
  return table;
}

std::vector<Row> Rows() {
  std::vector<Row> rows;
  const std::vector<Datum> flags = {Datum(), Datum::Bool(true), Datum::Bool(false)};
  std::vector<Datum> numbers = {Datum()}, texts = {Datum()};
  for (int64_t n : {-3, 0, 1, 2, 3, 4, 5}) numbers.push_back(Datum::Int(n));
  for (const char* s : {"", "X", "a", "x", "xy", "y"}) texts.push_back(Datum::String(s));
  for (const Datum& a : numbers) {
    for (const Datum& b : {numbers[0], numbers[1], numbers[5]}) {
      for (const Datum& flag : flags) {
        for (const Datum& s : texts) rows.push_back({a, b, flag, s});
      }
    }
  }
  return rows;
}

bool Holds(const Expr& e, const Row& row) {
  bool out = false;
  EXPECT_TRUE(EvalPredicate(e, EvalContext(), row, &out).ok());
  return out;
}

TEST(ImpliedTest, WhatIsSaidHoldsForEveryRow) {
  const TableDescriptor table = Table();
  const auto rules = BindIndexRules(table);
  ASSERT_TRUE(rules.ok()) << rules.status();
  const std::vector<Row> rows = Rows();
  int implied = 0;
  for (const IndexRules::One& given : rules->indexes) {
    std::vector<ExprPtr> conditions;
    conditions.push_back(Clone(*given.predicate));
    for (const IndexRules::One& wanted : rules->indexes) {
      if (!Implied(conditions, *wanted.predicate)) continue;
      ++implied;
      for (const Row& row : rows) {
        if (!Holds(*given.predicate, row)) continue;
        ASSERT_TRUE(Holds(*wanted.predicate, row))
            << Conditions()[given.index - 1] << " does not imply "
            << Conditions()[wanted.index - 1];
      }
    }
  }
  // Each implies itself, and there is more than that.
  EXPECT_GT(implied, static_cast<int>(3 * Conditions().size()));
}

TEST(ImpliedTest, WhatPeopleWriteIsSeen) {
  const TableDescriptor table = Table();
  const auto rules = BindIndexRules(table);
  ASSERT_TRUE(rules.ok()) << rules.status();
  const auto find = [&](const std::string& sql) -> const Expr& {
    for (size_t i = 0; i < Conditions().size(); ++i) {
      if (Conditions()[i] == sql) return *rules->indexes[i].predicate;
    }
    ADD_FAILURE() << sql;
    return *rules->indexes[0].predicate;
  };
  for (const auto& [given, wanted] : std::vector<std::pair<std::string, std::string>>{
           {"a = 3", "a IS NOT NULL"},
           {"a = 4", "a > 3"},
           {"a >= 4", "a > 3"},
           {"a > 3", "a >= 3"},
           {"a <= 2", "a < 3"},
           {"a IN (3, 4)", "a >= 3"},
           {"a IN (3)", "a IN (1, 3, 4)"},
           {"flag = false", "NOT flag"},
           {"flag IS TRUE", "flag"},
           {"a > 3 AND b > 1", "a > 3"},
           {"a = ANY ('{3,4}'::int[])", "a IS NOT NULL"},
           {"s = 'x'", "s IN ('x', 'y')"}}) {
    std::vector<ExprPtr> conditions;
    conditions.push_back(Clone(find(given)));
    EXPECT_TRUE(Implied(conditions, find(wanted))) << given << " implies " << wanted;
  }
}

}  // namespace
}  // namespace isochron::sql
