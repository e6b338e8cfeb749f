// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/random.h"
#include "sql/binder/functions.h"
#include "sql/catalog/row_codec.h"
#include "sql/catalog/row_fields.h"
#include "sql/pushdown/program.h"
#include "sql/pushdown/reduce.h"
#include "sql/types/numeric.h"

namespace isochron::sql {
namespace {

// (k bigint, w text, n int, price numeric, a text), PRIMARY KEY (k, w); `a` was added later.
TableDescriptor Table() {
  TableDescriptor t;
  t.id = TableId(7);
  t.name = "data";
  const std::pair<const char*, Type> columns[] = {{"k", Type::kInt8},
                                                  {"w", Type::kText},
                                                  {"n", Type::kInt4},
                                                  {"price", Type::kNumeric},
                                                  {"a", Type::kText}};
  for (const auto& [name, type] : columns) {
    ColumnDescriptor c;
    c.id = static_cast<uint32_t>(2 * t.columns.size() + 1);
    c.name = name;
    c.type = type;
    t.columns.push_back(c);
  }
  t.columns[4].has_missing = true;
  t.columns[4].missing_value = Datum::String("before");
  t.key = {0, 1};
  return t;
}

// Columns n, w, price, a as slots 0 to 3.
Program Columns() {
  Program p;
  p.table = TableId(7);
  p.key = {Type::kInt8, Type::kText};
  p.columns.resize(4);
  p.columns[0] = {Type::kInt4, -1, 5, Datum()};
  p.columns[1] = {Type::kText, 1, 3, Datum()};
  p.columns[2] = {Type::kNumeric, -1, 7, Datum()};
  p.columns[3] = {Type::kText, -1, 9, Datum::String("before")};
  return p;
}

const Function* Find(absl::string_view name, std::vector<Type> args) {
  for (const Function& f : FunctionsNamed(name)) {
    if (f.args == args) return &f;
  }
  return nullptr;
}

ExprPtr Call(absl::string_view name, ExprPtr a, ExprPtr b) {
  const Function* f = Find(name, {a->type, b->type});
  EXPECT_NE(f, nullptr) << name;
  std::vector<ExprPtr> args;
  args.push_back(std::move(a));
  args.push_back(std::move(b));
  return MakeCall(f, std::move(args), -1);
}

ReduceCall Of(ReduceOp op, ExprPtr arg) {
  ReduceCall c;
  c.op = op;
  c.arg = std::move(arg);
  return c;
}

// SELECT w, count(*), count(n), sum(n), sum(price), min(a), max(n) WHERE n < 5 GROUP BY w
Program Everything() {
  Program p = Columns();
  p.filter = Call("<", MakeColumn(0, Type::kInt4), MakeConst(Type::kInt4, Datum::Int(5)));
  p.groups.push_back(MakeColumn(1, Type::kText));
  p.calls.push_back(Of(ReduceOp::kCountRows, nullptr));
  p.calls.push_back(Of(ReduceOp::kCount, MakeColumn(0, Type::kInt4)));
  p.calls.push_back(Of(ReduceOp::kSum, MakeColumn(0, Type::kInt4)));
  p.calls.push_back(Of(ReduceOp::kSum, MakeColumn(2, Type::kNumeric)));
  p.calls.push_back(Of(ReduceOp::kMin, MakeColumn(3, Type::kText)));
  p.calls.push_back(Of(ReduceOp::kMax, MakeColumn(0, Type::kInt4)));
  return p;
}

Row RandomRow(Random* random, int64_t k) {
  Row row(5);
  row[0] = Datum::Int(k);
  row[1] = Datum::String(absl::StrCat("word", random->Below(4)));
  if (random->Below(4) != 0) row[2] = Datum::Int(random->Between(-9, 9));
  if (random->Below(4) != 0) row[3] = Datum::SmallNumeric(random->Between(-999, 999), 2);
  if (random->Below(4) != 0) row[4] = Datum::String(absl::StrCat("a", random->Below(9)));
  return row;
}

TEST(Pushdown, AnyCutOfTheRowsGivesTheSame) {
  const TableDescriptor table = Table();
  const std::string bytes = EncodeProgram(Everything());
  Random random(5);
  for (int round = 0; round < 50; ++round) {
    struct Want {
      int64_t rows = 0, sum = 0, price = 0, prices = 0;
      std::string least;
      int64_t most = -100;
    };
    std::map<std::string, Want> want;
    Partials whole(6);
    std::unique_ptr<txn::ScanRun> run = *TabletPrograms()->Start(bytes);
    auto finish = [&] {
      std::vector<txn::KeyValue> results;
      ASSERT_TRUE(run->Finish(&results).ok());
      const Program program = Everything();
      for (const txn::KeyValue& kv : results) {
        bool fresh = false;
        ASSERT_TRUE(whole.Merge(program, kv, &fresh).ok());
      }
      run = *TabletPrograms()->Start(bytes);
    };
    for (int64_t k = 0; k < 100; ++k) {
      const Row row = RandomRow(&random, k);
      std::string value = EncodeRowValue(table, row);
      if (random.Below(20) == 0) finish();
      auto more = run->Add(EncodeRowKey(table, row), value);
      ASSERT_TRUE(more.ok()) << more.status();
      if (row[2].is_null() || row[2].int_value() >= 5) continue;
      Want& w = want[row[1].string_value()];
      ++w.rows;
      w.sum += row[2].int_value();
      w.most = std::max(w.most, row[2].int_value());
      if (!row[3].is_null()) {
        w.price += row[3].int_value();
        ++w.prices;
      }
      if (!row[4].is_null() && (w.least.empty() || row[4].string_value() < w.least)) {
        w.least = row[4].string_value();
      }
    }
    finish();
    ASSERT_EQ(whole.groups().size(), want.size());
    for (const Partials::Group& group : whole.groups()) {
      Row values;
      ASSERT_TRUE(GroupValues(Everything(), group.key, &values).ok());
      const Want& w = want[values[0].string_value()];
      EXPECT_EQ(group.calls[0].count, w.rows);
      EXPECT_EQ(group.calls[1].count, w.rows);
      EXPECT_EQ(static_cast<int64_t>(group.calls[2].sum), w.sum);
      EXPECT_EQ(group.calls[3].count, w.prices);
      if (w.prices > 0) {
        EXPECT_EQ(numeric::ToText(group.calls[3].value),
                  numeric::ToText(Datum::SmallNumeric(w.price, 2)));
      }
      if (!w.least.empty()) {
        EXPECT_EQ(group.calls[4].value.string_value(), w.least);
      }
      EXPECT_EQ(group.calls[5].value.int_value(), w.most);
    }
  }
}

TEST(Pushdown, AColumnAddedLaterHasItsMissingValue) {
  Program p = Columns();
  p.groups.push_back(MakeColumn(3, Type::kText));
  p.calls.push_back(Of(ReduceOp::kCountRows, nullptr));
  auto run = *TabletPrograms()->Start(EncodeProgram(p));
  TableDescriptor before = Table();
  before.columns.pop_back();
  Random random(1);
  Row row = RandomRow(&random, 1);
  row.pop_back();
  ASSERT_TRUE(run->Add(EncodeRowKey(before, row), EncodeRowValue(before, row)).ok());
  std::vector<txn::KeyValue> results;
  ASSERT_TRUE(run->Finish(&results).ok());
  ASSERT_EQ(results.size(), 1u);
  Row values;
  ASSERT_TRUE(GroupValues(p, results[0].key, &values).ok());
  EXPECT_EQ(values[0].string_value(), "before");
}

TEST(Pushdown, AFilterGivesRowsAsTheyAre) {
  Program p = Columns();
  p.rows.emplace();
  p.filter = Call("<", MakeColumn(0, Type::kInt4), MakeConst(Type::kInt4, Datum::Int(5)));
  const TableDescriptor table = Table();
  Random random(4);
  auto run = *TabletPrograms()->Start(EncodeProgram(p));
  std::vector<txn::KeyValue> want, got;
  bool more = true;
  for (int64_t k = 0; more; ++k) {
    const Row row = RandomRow(&random, k);
    const txn::KeyValue kv{EncodeRowKey(table, row), EncodeRowValue(table, row)};
    if (!row[2].is_null() && row[2].int_value() < 5) want.push_back(kv);
    more = *run->Add(kv.key, kv.value);
  }
  ASSERT_TRUE(run->Finish(&got).ok());
  ASSERT_EQ(got.size(), want.size());
  EXPECT_EQ(got.size(), 512u) << "the page is full";
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].key, want[i].key);
    EXPECT_EQ(got[i].value, want[i].value);
  }
  p.groups.push_back(MakeColumn(0, Type::kInt4));
  EXPECT_FALSE(DecodeProgram(EncodeProgram(p)).ok()) << "rows are not grouped";
}

TEST(Pushdown, OnlyWhatIsWantedOfARowIsGiven) {
  const TableDescriptor table = Table();
  Random random(11);
  for (int round = 0; round < 30; ++round) {
    Program p = Columns();
    p.rows.emplace();
    p.rows->keeps_all = false;
    std::vector<bool> wanted(5, false);
    for (uint32_t c : {2u, 3u, 4u}) {
      wanted[c] = random.Below(2) == 0;
      if (wanted[c]) p.rows->kept.push_back(2 * c + 1);
    }
    auto run = *TabletPrograms()->Start(EncodeProgram(p));
    std::vector<Row> rows;
    for (int64_t k = 0; k < 10; ++k) {
      rows.push_back(RandomRow(&random, k));
      ASSERT_TRUE(*run->Add(EncodeRowKey(table, rows.back()), EncodeRowValue(table, rows.back())));
    }
    std::vector<txn::KeyValue> got;
    ASSERT_TRUE(run->Finish(&got).ok());
    ASSERT_EQ(got.size(), rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      Row row;
      ASSERT_TRUE(DecodeRow(table, got[i].key, got[i].value, &row).ok());
      for (size_t c = 0; c < 5; ++c) {
        if (c < 2 || wanted[c]) EXPECT_EQ(OrderDatums(row[c], rows[i][c], false, false), 0);
      }
      const std::string whole = EncodeRowValue(table, rows[i]);
      EXPECT_LE(got[i].value.size(), whole.size());
      if (p.rows->kept.empty()) EXPECT_EQ(got[i].value.size(), 1u);
    }
  }
  auto run = [](std::vector<uint32_t> kept) {
    Program p = Columns();
    p.rows.emplace();
    p.rows->keeps_all = false;
    p.rows->kept = std::move(kept);
    return TabletPrograms()->Start(EncodeProgram(p));
  };
  EXPECT_FALSE(run({5, 5}).ok()) << "not ascending";
  EXPECT_FALSE((*run({5}))->Add("k", "\x01\x05\x05\x7f").ok()) << "a damaged value";
}

TEST(Pushdown, TheFirstRowsOfAPageAreGiven) {
  const TableDescriptor table = Table();
  Random random(12);
  for (int round = 0; round < 50; ++round) {
    // ORDER BY n DESC NULLS LAST, a
    Program p = Columns();
    p.rows.emplace();
    p.rows->order.push_back({MakeColumn(0, Type::kInt4), true, false});
    p.rows->order.push_back({MakeColumn(3, Type::kText), false, false});
    p.rows->most = random.Between(1, 12);
    struct One {
      Row row;
      std::string key;
    };
    std::vector<One> rows;
    auto run = *TabletPrograms()->Start(EncodeProgram(p));
    for (uint64_t n = random.Below(60); n > 0; --n) {
      One one{RandomRow(&random, static_cast<int64_t>(n)), ""};
      one.key = EncodeRowKey(table, one.row);
      ASSERT_TRUE(*run->Add(one.key, EncodeRowValue(table, one.row)));
      rows.push_back(std::move(one));
    }
    std::sort(rows.begin(), rows.end(), [](const One& a, const One& b) {
      int by = OrderDatums(a.row[2], b.row[2], true, false);
      if (by == 0) by = OrderDatums(a.row[4], b.row[4], false, false);
      return by != 0 ? by < 0 : a.key < b.key;
    });
    std::set<std::string> want, got;
    for (size_t i = 0; i < rows.size() && i < p.rows->most; ++i) want.insert(rows[i].key);
    std::vector<txn::KeyValue> given;
    ASSERT_TRUE(run->Finish(&given).ok());
    for (const txn::KeyValue& kv : given) got.insert(kv.key);
    EXPECT_EQ(got, want);
    EXPECT_EQ(given.size(), want.size());
  }
  Program p = Columns();
  p.rows.emplace();
  p.rows->most = 3;
  EXPECT_FALSE(DecodeProgram(EncodeProgram(p)).ok()) << "in no order";
  p.rows->order.push_back({MakeColumn(0, Type::kInt4), true, false});
  p.rows->most = kMostOrdered + 1;
  EXPECT_FALSE(DecodeProgram(EncodeProgram(p)).ok()) << "too many";
}

TEST(Pushdown, ErrorsAreLeftToWhoeverAsked) {
  Program p = Columns();
  p.filter = Call("=", MakeColumn(0, Type::kInt4),
                  Call("/", MakeConst(Type::kInt4, Datum::Int(1)), MakeColumn(0, Type::kInt4)));
  auto run = *TabletPrograms()->Start(EncodeProgram(p));
  const TableDescriptor table = Table();
  Row row(5);
  row[0] = Datum::Int(1);
  row[1] = Datum::String("");
  row[2] = Datum::Int(0);
  EXPECT_FALSE(run->Add(EncodeRowKey(table, row), EncodeRowValue(table, row)).ok());
}

// Whatever is accepted can be run over any row.
void Damage(const std::string& good) {
  ASSERT_TRUE(DecodeProgram(good).ok());
  std::string newer = good;
  newer[0] = 9;
  EXPECT_EQ(DecodeProgram(newer).status().code(), absl::StatusCode::kUnimplemented);
  for (size_t n = 0; n < good.size(); ++n) {
    EXPECT_FALSE(DecodeProgram(good.substr(0, n)).ok()) << n;
  }
  const TableDescriptor table = Table();
  Random random(3);
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = good;
    for (uint64_t flips = random.Between(1, 4); flips > 0; --flips) {
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Below(256));
    }
    auto run = TabletPrograms()->Start(bytes);
    if (!run.ok()) continue;
    ++accepted;
    for (int64_t k = 0; k < 3; ++k) {
      const Row row = RandomRow(&random, k);
      (void)(*run)->Add(EncodeRowKey(table, row), EncodeRowValue(table, row));
    }
    std::vector<txn::KeyValue> results;
    (void)(*run)->Finish(&results);
  }
  EXPECT_GT(accepted, 100);
}

TEST(Pushdown, UnknownAndDamagedProgramsAreRefused) {
  Damage(EncodeProgram(Everything()));
  Program first = Columns();
  first.filter = std::move(Everything().filter);
  first.rows.emplace();
  first.rows->keeps_all = false;
  first.rows->kept = {5, 9};
  first.rows->order.push_back({MakeColumn(0, Type::kInt4), true, false});
  first.rows->most = 3;
  Damage(EncodeProgram(first));
}

TEST(Pushdown, AColumnMayStandForAWiderInteger) {
  Program p = Columns();
  p.calls.push_back(Of(ReduceOp::kSum, MakeColumn(0, Type::kInt8)));
  EXPECT_TRUE(DecodeProgram(EncodeProgram(p)).ok());
  p.calls.push_back(Of(ReduceOp::kMin, MakeColumn(0, Type::kText)));
  EXPECT_FALSE(DecodeProgram(EncodeProgram(p)).ok());
}

TEST(Pushdown, WhatDependsOnMoreThanTheRowStaysAtTheGateway) {
  Expr param;
  param.kind = ExprKind::kParam;
  param.type = Type::kInt4;
  EXPECT_FALSE(PortableNode(param));
  const Function* random = Find("random", {});
  ASSERT_NE(random, nullptr);
  EXPECT_FALSE(PortableNode(*MakeCall(random, {}, -1)));
  EXPECT_FALSE(PortableType(Type::kNumeric)) << "1.1 and 1.10 are equal and look different";
  EXPECT_TRUE(PortableType(Type::kText));
  Expr cast;
  cast.kind = ExprKind::kCast;
  cast.type = Type::kText;
  cast.args.push_back(MakeColumn(0, Type::kTimestamptz));
  EXPECT_FALSE(PortableNode(cast)) << "depends on the zone";
}

TEST(Pushdown, FieldsAreSteppedOverWhateverTheyHold) {
  const TableDescriptor table = Table();
  Random random(9);
  for (int i = 0; i < 200; ++i) {
    const Row row = RandomRow(&random, i);
    const std::string value = EncodeRowValue(table, row);
    RowFields read(value), skip(value);
    uint64_t a = 0, b = 0;
    while (read.Next(&a)) {
      ASSERT_TRUE(skip.Next(&b));
      EXPECT_EQ(a, b);
      Datum d;
      ASSERT_TRUE(read.Read(&d));
      ASSERT_TRUE(skip.Skip());
    }
    EXPECT_TRUE(read.ok() && skip.ok() && !skip.Next(&b));
    RowFields cut(absl::string_view(value).substr(0, random.Below(value.size())));
    while (cut.Next(&a)) (void)cut.Skip();
  }
}

}  // namespace
}  // namespace isochron::sql
