// SPDX-License-Identifier: Apache-2.0
#include "sql/catalog/row_codec.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "common/coding.h"
#include "common/random.h"
#include "sql/catalog/layout.h"
#include "sql/catalog/sequence.h"

namespace isochron::sql {
namespace {

TableDescriptor EveryType() {
  TableDescriptor t;
  t.id = TableId(105);
  t.name = "t";
  const Type types[] = {Type::kBool,   Type::kInt2, Type::kInt4,  Type::kInt8,
                        Type::kFloat8, Type::kText, Type::kBytea, Type::kTimestamptz};
  for (bool key : {true, false}) {
    for (Type type : types) {
      ColumnDescriptor c;
      c.id = t.next_column_id++;
      c.name = (key ? "k" : "v") + std::to_string(c.id);
      c.type = type;
      c.not_null = key;
      if (key) t.key.push_back(static_cast<uint32_t>(t.columns.size()));
      t.columns.push_back(std::move(c));
    }
  }
  return t;
}

Datum Some(Type type, Random* random) {
  switch (type) {
    case Type::kBool:
      return Datum::Bool(random->OneIn(0.5));
    case Type::kFloat8:
      return Datum::Float(static_cast<double>(random->Between(-5, 5)) / 2);
    case Type::kText:
    case Type::kBytea: {
      std::string s;
      for (uint64_t n = random->Below(4); n > 0; --n)
        s.push_back(static_cast<char>(random->Below(3)));
      return Datum::String(std::move(s));
    }
    default:
      return Datum::Int(random->Between(-300, 300));
  }
}

TEST(RowCodecTest, RowsComeBackAndSortAsTheirValues) {
  const TableDescriptor t = EveryType();
  Random random(3);
  std::vector<std::pair<std::string, Row>> rows;
  for (int i = 0; i < 300; ++i) {
    Row row;
    for (const ColumnDescriptor& c : t.columns) {
      row.push_back(!c.not_null && random.OneIn(0.3) ? Datum::Null() : Some(c.type, &random));
    }
    const std::string key = EncodeRowKey(t, row);
    Row back;
    ASSERT_TRUE(DecodeRow(t, key, EncodeRowValue(t, row), &back).ok());
    EXPECT_TRUE(back == row);
    rows.emplace_back(key, std::move(row));
  }
  std::sort(rows.begin(), rows.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  for (size_t i = 1; i < rows.size(); ++i) {
    int order = 0;
    for (uint32_t k : t.key) {
      if (order == 0) order = CompareDatums(rows[i - 1].second[k], rows[i].second[k]);
    }
    EXPECT_LE(order, 0);
  }
}

TEST(RowCodecTest, ColumnsMayComeAndGo) {
  TableDescriptor t = EveryType();
  Random random(4);
  Row row;
  for (const ColumnDescriptor& c : t.columns) row.push_back(Some(c.type, &random));
  const std::string key = EncodeRowKey(t, row);
  const std::string value = EncodeRowValue(t, row);
  TableDescriptor fewer = t;
  fewer.columns.erase(fewer.columns.begin() + 9);
  Row back;
  ASSERT_TRUE(DecodeRow(fewer, key, value, &back).ok());
  EXPECT_EQ(back.size(), 15u);
  EXPECT_TRUE(back[9] == row[10]);
  TableDescriptor more = t;
  ColumnDescriptor added;
  added.id = more.next_column_id++;
  added.type = Type::kText;
  more.columns.push_back(added);
  ASSERT_TRUE(DecodeRow(more, key, value, &back).ok());
  EXPECT_TRUE(back[16].is_null());
}

TEST(RowCodecTest, RowsOfBeforeHaveTheValueThatTheColumnCameWith) {
  TableDescriptor t = EveryType();
  Random random(6);
  Row row;
  for (const ColumnDescriptor& c : t.columns) row.push_back(Some(c.type, &random));
  const std::string key = EncodeRowKey(t, row);
  const std::string before = EncodeRowValue(t, row);
  ColumnDescriptor added;
  added.id = t.next_column_id++;
  added.type = Type::kText;
  added.has_missing = true;
  added.missing_value = Datum::String("old");
  t.columns.push_back(added);
  Row back;
  ASSERT_TRUE(DecodeRow(t, key, before, &back).ok());
  EXPECT_EQ(back[16].string_value(), "old");
  row.push_back(Datum::Null());
  ASSERT_TRUE(DecodeRow(t, key, EncodeRowValue(t, row), &back).ok());
  EXPECT_TRUE(back[16].is_null());
}

TEST(RowCodecTest, DamageIsSeen) {
  const TableDescriptor t = EveryType();
  Random random(5);
  Row row;
  for (const ColumnDescriptor& c : t.columns) row.push_back(Some(c.type, &random));
  const std::string key = EncodeRowKey(t, row);
  const std::string value = EncodeRowValue(t, row);
  Row back;
  EXPECT_EQ(DecodeRow(t, key.substr(0, key.size() - 1), value, &back).code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(DecodeRow(t, key, value.substr(0, value.size() - 1), &back).code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(DecodeRow(t, "", value, &back).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(DecodeRow(t, key, "", &back).code(), absl::StatusCode::kDataLoss);
  TableDescriptor other = t;
  other.id = TableId(106);
  EXPECT_EQ(DecodeRow(other, key, value, &back).code(), absl::StatusCode::kDataLoss);
}

TEST(DescriptorTest, ComesBackWhole) {
  TableDescriptor t = EveryType();
  t.drop_at = Timestamp(12345);
  t.version = 3;
  t.columns[9].default_kind = DefaultKind::kValue;
  t.columns[9].default_value = Datum::Int(7);
  t.columns[15].default_kind = DefaultKind::kNow;
  t.columns[10].has_missing = true;
  t.columns[10].missing_value = Datum::Int(8);
  t.columns[11].not_null_pending = true;
  t.next_index_id = 9;
  IndexDescriptor index;
  index.id = 7;
  index.name = "i";
  index.unique = true;
  index.state = IndexState::kBuilding;
  index.columns = {{9, true, true}, {3, false, false}};
  index.include = {12};
  t.indexes.push_back(index);
  ForeignKey f;
  f.id = 8;
  f.name = "f";
  f.columns = {9};
  f.parent = TableId(101);
  f.parent_columns = {4};
  f.on_delete = ForeignKeyAction::kCascade;
  f.validated = false;
  t.foreign_keys.push_back(f);
  t.referencing = {{TableId(106), "r"}};
  t.key_name = "k";
  const std::string bytes = EncodeDescriptor(t);
  auto back = DecodeDescriptor(bytes);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(EncodeDescriptor(*back), bytes);
  EXPECT_EQ(back->drop_at, t.drop_at);
  EXPECT_EQ(back->FindColumn("v10"), 9);
  for (size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_FALSE(DecodeDescriptor(bytes.substr(0, n)).ok()) << n;
  }
}

TEST(DescriptorTest, ExpressionsViewsAndSequencesComeBack) {
  TableDescriptor t = EveryType();
  t.columns[9].default_kind = DefaultKind::kExpression;
  t.columns[9].default_sql = "1 + 1";
  t.columns[10].generated_sql = "v10 * 2";
  t.columns[11].identity = Identity::kByDefault;
  t.columns[12].comment = "a column";
  t.schema = "s";
  t.checks = {{"a_check", "v10 > 0", ""}, {"b_check", "v10 < 9", "below"}};
  t.comment = "a table";
  const std::string bytes = EncodeDescriptor(t);
  auto back = DecodeDescriptor(bytes);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(EncodeDescriptor(*back), bytes);
  EXPECT_EQ(back->columns[9].default_sql, "1 + 1");
  EXPECT_TRUE(back->checks == t.checks);
  for (size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_FALSE(DecodeDescriptor(bytes.substr(0, n)).ok()) << n;
  }

  TableDescriptor sequence = SequenceDescriptor("q");
  sequence.id = TableId(200);
  sequence.sequence.max = 100;
  sequence.sequence.bit_reversed = true;
  sequence.owner_table = t.id;
  sequence.owner_column = 3;
  back = DecodeDescriptor(EncodeDescriptor(sequence));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(EncodeDescriptor(*back), EncodeDescriptor(sequence));
  EXPECT_EQ(back->sequence.max, 100);
  EXPECT_EQ(back->owner_column, 3u);

  TableDescriptor view;
  view.id = TableId(201);
  view.kind = RelationKind::kView;
  view.view_sql = "SELECT 1 AS a";
  view.depends_on = {{t.id, 3}, {sequence.id, 4}};
  back = DecodeDescriptor(EncodeDescriptor(view));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(EncodeDescriptor(*back), EncodeDescriptor(view));
  EXPECT_EQ(back->depends_on.size(), 2u);
}

TEST(DescriptorTest, ColumnsOfAnEnumSayAllOfIt) {
  TableDescriptor type;
  type.id = TableId(40);
  type.name = "s.mood";
  type.schema = "s";
  type.kind = RelationKind::kEnum;
  type.comment = "how it goes";
  type.labels = {{-5, "sad"}, {0, "ok"}, {1 << 20, "it's"}};
  const TableDescriptor read = *DecodeDescriptor(EncodeDescriptor(type));
  EXPECT_TRUE(read.is_enum());
  EXPECT_EQ(read.labels, type.labels);
  EXPECT_EQ(read.comment, type.comment);
  const Type mood = EnumTypeOf(type);
  EXPECT_EQ(EnumTypeOf(read), mood);

  TableDescriptor t;
  t.id = TableId(41);
  t.name = "t";
  for (Type column : {mood, ArrayOf(mood), Type::kInt4}) {
    ColumnDescriptor c;
    c.id = t.next_column_id++;
    c.name = "c" + std::to_string(c.id);
    c.type = column;
    t.columns.push_back(std::move(c));
  }
  t.key = {0};
  t.columns[0].default_kind = DefaultKind::kValue;
  t.columns[0].default_value = Datum::Int(0);
  t.columns[1].has_missing = true;
  t.columns[1].missing_value = *DatumFromText(ArrayOf(mood), "{sad,it's}");
  const std::string bytes = EncodeDescriptor(t);
  const TableDescriptor back = *DecodeDescriptor(bytes);
  EXPECT_EQ(EncodeDescriptor(back), bytes);
  EXPECT_EQ(back.columns[0].type, mood);
  EXPECT_EQ(back.columns[1].type, ArrayOf(mood));
  EXPECT_EQ(EnumIdOf(back.columns[1]), type.id);
  EXPECT_EQ(EnumIdOf(back.columns[2]), TableId());
  // Rows sort by the places of labels, and need no description of the enum.
  std::string before;
  for (const EnumLabel& label : type.labels) {
    const Row row = {Datum::Int(label.place), back.columns[1].missing_value, Datum::Int(1)};
    const std::string key = EncodeRowKey(back, row);
    EXPECT_LT(before, key);
    before = key;
    Row read_row;
    ASSERT_TRUE(DecodeRow(back, key, EncodeRowValue(back, row), &read_row).ok());
    EXPECT_EQ(read_row, row);
    EXPECT_EQ(DatumToText(mood, read_row[0]), label.name);
  }
  // A column that says it is of an enum, and not of which.
  t.columns[0].type = Type::kEnum;
  EXPECT_FALSE(DecodeDescriptor(EncodeDescriptor(t)).ok());
  // Labels that are out of order.
  std::swap(type.labels[0], type.labels[1]);
  EXPECT_FALSE(DecodeDescriptor(EncodeDescriptor(type)).ok());
}

TEST(DescriptorTest, AColumnThatGoesShiftsWhatRefersToOthers) {
  TableDescriptor t = EveryType();
  IndexDescriptor index;
  index.columns = {{9, false, false}, {11, false, false}};
  index.include = {12};
  t.indexes.push_back(index);
  t.RemoveColumn(10);
  EXPECT_EQ(t.columns.size(), 15u);
  EXPECT_EQ(t.indexes[0].columns[0].column, 9u);
  EXPECT_EQ(t.indexes[0].columns[1].column, 10u);
  EXPECT_EQ(t.indexes[0].include[0], 11u);
  EXPECT_EQ(t.columns[10].name, "v12");
}

// What the first released format looks like: it must be read for ever.
TEST(DescriptorTest, TheFirstFormatIsRead) {
  std::string bytes;
  Writer out(&bytes);
  out.Byte(1);
  out.Varint(105);
  out.Bytes("t");
  out.Varint(3);
  out.Varint(2);
  out.Time(Timestamp::Max());
  out.Varint(1);
  out.Varint(1);
  out.Bytes("id");
  out.Byte(static_cast<uint8_t>(Type::kInt8));
  out.Byte(1);
  out.Byte(0);
  out.Varint(1);
  out.Varint(0);
  auto t = DecodeDescriptor(bytes);
  ASSERT_TRUE(t.ok()) << t.status();
  EXPECT_EQ(t->name, "t");
  EXPECT_TRUE(t->columns[0].not_null);
  EXPECT_EQ(t->next_index_id, 1u);
  EXPECT_TRUE(t->indexes.empty());
}

std::vector<int64_t> Runs(TableDescriptor* sequence, SequenceState* state, int64_t count, int n) {
  std::vector<int64_t> out;
  for (int i = 0; i < n; ++i) {
    auto run = TakeRun(*sequence, count, state);
    if (!run.ok()) break;
    out.push_back(run->first);
    out.push_back(run->count);
  }
  return out;
}

TEST(SequenceTest, RunsEndAtTheBounds) {
  TableDescriptor s = SequenceDescriptor("s");
  s.sequence.max = 10;
  SequenceState state;
  EXPECT_EQ(Runs(&s, &state, 4, 5), (std::vector<int64_t>{1, 4, 5, 4, 9, 2}));
  s.sequence.cycle = true;
  EXPECT_EQ(Runs(&s, &state, 20, 1), (std::vector<int64_t>{1, 10}));
  s.sequence = {Type::kInt8, -1, -3, -8, -1, 1, false, false};
  state = {-1, false, 0, 0};
  EXPECT_EQ(Runs(&s, &state, 2, 3), (std::vector<int64_t>{-1, 2, -7, 1}));
  // Nothing overflows at the ends of bigint.
  s.sequence = {Type::kInt8, 1, 1, 1, INT64_MAX, 1, false, false};
  state = {INT64_MAX - 2, true, 0, 0};
  EXPECT_EQ(Runs(&s, &state, INT64_MAX, 3), (std::vector<int64_t>{INT64_MAX - 1, 2}));
}

TEST(SequenceTest, RowsComeBack) {
  TableDescriptor s = SequenceDescriptor("s");
  s.id = TableId(7);
  auto state = DecodeSequenceRow(s, EncodeSequenceRow(s, {5, true, 2, -1}));
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(state->last_value, 5);
  EXPECT_TRUE(state->is_called);
  EXPECT_EQ(state->generation, 2);
  EXPECT_EQ(state->holder, -1);
}

TEST(SequenceTest, ReversedBitsArePositiveAndFarApart) {
  TableDescriptor s = SequenceDescriptor("s");
  s.sequence.bit_reversed = true;
  EXPECT_EQ(SequenceValue(s, 1), int64_t{1} << 62);
  EXPECT_EQ(SequenceValue(s, 2), int64_t{1} << 61);
  EXPECT_EQ(SequenceValue(s, 3), int64_t{3} << 61);
}

TEST(LayoutTest, CatalogSortsBelowTables) {
  EXPECT_LT(DescriptorKey("zzz"), TableDataStart());
  EXPECT_LT(NextTableIdKey(), DescriptorPrefix());
  EXPECT_LT(TableDataStart(), TableDataPrefix(TableId(1)));
  EXPECT_EQ(ReadableKey(TableDataStart()), "tables");
  EXPECT_EQ(ReadableKey(DescriptorKey("a")), "catalog na");
}

TEST(LayoutTest, AnIndexIsNamedByTheBeginningOfItsKeys) {
  const std::string prefix = TableDataPrefix(TableId(100'000), 7);
  EXPECT_EQ(IndexPrefixLength(prefix + "anything"), prefix.size());
  EXPECT_EQ(IndexPrefixLength(prefix), prefix.size());
  for (const std::string& other :
       {std::string(), DescriptorKey("a"), TableDataStart(), prefix.substr(0, 2)}) {
    EXPECT_EQ(IndexPrefixLength(other), 0u) << ReadableKey(other);
  }
}

}  // namespace
}  // namespace isochron::sql
