// SPDX-License-Identifier: Apache-2.0
#include "sql/catalog/index_codec.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "common/random.h"
#include "sql/catalog/row_codec.h"

namespace isochron::sql {
namespace {

// id bigint PRIMARY KEY, a text, b bigint, f double precision, c bytea
TableDescriptor SomeTable() {
  TableDescriptor t;
  t.id = TableId(105);
  t.name = "t";
  for (auto [name, type] :
       {std::pair{"id", Type::kInt8}, std::pair{"a", Type::kText}, std::pair{"b", Type::kInt8},
        std::pair{"f", Type::kFloat8}, std::pair{"c", Type::kBytea}}) {
    ColumnDescriptor c;
    c.id = t.next_column_id++;
    c.name = name;
    c.type = type;
    t.columns.push_back(std::move(c));
  }
  t.key = {0};
  return t;
}

IndexDescriptor SomeIndex(bool unique, std::vector<IndexColumn> columns) {
  IndexDescriptor index;
  index.id = 3;
  index.name = "i";
  index.unique = unique;
  index.columns = std::move(columns);
  return index;
}

Row SomeRow(Random* random, int64_t id) {
  Row row = {Datum::Int(id), Datum::Null(), Datum::Null(), Datum::Null(), Datum::Null()};
  if (!random->OneIn(0.2)) {
    row[1] = Datum::String(std::string(random->Below(3), static_cast<char>(random->Below(2))));
  }
  if (!random->OneIn(0.2)) row[2] = Datum::Int(random->Between(-2, 2));
  if (!random->OneIn(0.2)) row[3] = Datum::Float(random->OneIn(0.5) ? -0.0 : 1.5);
  if (!random->OneIn(0.2)) row[4] = Datum::String("\xff");
  return row;
}

int CompareAs(const IndexColumn& c, const Datum& a, const Datum& b) {
  if (a.is_null() || b.is_null()) {
    if (a.is_null() && b.is_null()) return 0;
    return a.is_null() == c.nulls_first ? -1 : 1;
  }
  const int order = CompareDatums(a, b);
  return c.descending ? -order : order;
}

TEST(IndexCodecTest, EntriesComeBackAndSortAsTheIndexSays) {
  const TableDescriptor t = SomeTable();
  Random random(7);
  for (int round = 0; round < 16; ++round) {
    IndexDescriptor index = SomeIndex((round & 1) != 0, {{1, (round & 2) != 0, (round & 4) != 0},
                                                         {2, (round & 8) != 0, (round & 2) != 0},
                                                         {3, (round & 4) != 0, false}});
    index.include = {4};
    std::vector<std::pair<std::string, Row>> entries;
    for (int64_t id = 0; id < 100; ++id) {
      const Row row = SomeRow(&random, id);
      const IndexEntry entry = EncodeIndexEntry(t, index, row);
      Row back;
      ASSERT_TRUE(DecodeIndexEntry(t, index, entry.key, entry.value, &back).ok());
      EXPECT_TRUE(back == row);
      // Minus zero is another value than zero, if an equal one.
      if (!row[3].is_null() && row[3].float_value() == 0) {
        EXPECT_EQ(DatumToText(Type::kFloat8, back[3]), "-0");
      }
      EXPECT_EQ(entry.exclusive,
                index.unique && !row[1].is_null() && !row[2].is_null() && !row[3].is_null());
      entries.emplace_back(entry.key, row);
    }
    std::sort(entries.begin(), entries.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    for (size_t i = 1; i < entries.size(); ++i) {
      int order = 0;
      for (const IndexColumn& c : index.columns) {
        if (order != 0) break;
        order = CompareAs(c, entries[i - 1].second[c.column], entries[i].second[c.column]);
      }
      EXPECT_LE(order, 0);
    }
  }
}

TEST(IndexCodecTest, RowsWithTheSameValuesMeetInAUniqueIndexUnlessOneIsNull) {
  const TableDescriptor t = SomeTable();
  const IndexDescriptor unique = SomeIndex(true, {{2, false, false}});
  Random random(8);
  Row one = SomeRow(&random, 1), two = SomeRow(&random, 2);
  one[2] = two[2] = Datum::Int(5);
  EXPECT_EQ(EncodeIndexEntry(t, unique, one).key, EncodeIndexEntry(t, unique, two).key);
  const IndexDescriptor plain = SomeIndex(false, {{2, false, false}});
  EXPECT_NE(EncodeIndexEntry(t, plain, one).key, EncodeIndexEntry(t, plain, two).key);
  one[2] = two[2] = Datum::Null();
  EXPECT_NE(EncodeIndexEntry(t, unique, one).key, EncodeIndexEntry(t, unique, two).key);
}

TEST(IndexCodecTest, DamageIsSeen) {
  const TableDescriptor t = SomeTable();
  const IndexDescriptor index = SomeIndex(false, {{1, true, true}, {2, false, false}});
  const Row row = {Datum::Int(1), Datum::String("x"), Datum::Int(2), Datum::Null(), Datum::Null()};
  const IndexEntry entry = EncodeIndexEntry(t, index, row);
  Row back;
  for (size_t n = 0; n < entry.key.size(); ++n) {
    EXPECT_EQ(DecodeIndexEntry(t, index, entry.key.substr(0, n), entry.value, &back).code(),
              absl::StatusCode::kDataLoss);
  }
  EXPECT_EQ(DecodeIndexEntry(t, index, entry.key, "", &back).code(), absl::StatusCode::kDataLoss);
  const IndexDescriptor other = SomeIndex(false, {{1, false, true}, {2, false, false}});
  EXPECT_FALSE(DecodeIndexEntry(t, other, entry.key, entry.value, &back).ok());
}

TEST(IndexCodecTest, WhatAnIndexDependsOn) {
  const TableDescriptor t = SomeTable();
  IndexDescriptor index = SomeIndex(false, {{1, false, false}});
  index.include = {3};
  std::vector<bool> changed(t.columns.size(), false);
  changed[2] = true;
  EXPECT_FALSE(IndexDependsOn(t, index, changed));
  for (size_t c : {size_t{0}, size_t{1}, size_t{3}}) {
    std::vector<bool> one(t.columns.size(), false);
    one[c] = true;
    EXPECT_TRUE(IndexDependsOn(t, index, one)) << c;
  }
}

}  // namespace
}  // namespace isochron::sql
