// SPDX-License-Identifier: Apache-2.0
#include "common/key_encoding.h"

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "common/random.h"
#include "gtest/gtest.h"

namespace isochron {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Every pair's encodings compare as the values do, in both directions.
template <typename T>
void ExpectOrder(const std::vector<T>& values,
                 const std::function<int(const T&, const T&)>& compare,
                 const std::function<void(KeyWriter*, const T&, Order)>& write) {
  for (Order order : {Order::kAscending, Order::kDescending}) {
    std::vector<std::string> keys;
    for (const T& v : values) {
      std::string key;
      KeyWriter w(&key);
      write(&w, v, order);
      keys.push_back(key);
    }
    for (size_t i = 0; i < values.size(); ++i) {
      for (size_t j = 0; j < values.size(); ++j) {
        int want = compare(values[i], values[j]);
        if (order == Order::kDescending) want = -want;
        const int got = keys[i].compare(keys[j]);
        ASSERT_EQ(got < 0, want < 0) << i << " " << j;
        ASSERT_EQ(got == 0, want == 0) << i << " " << j;
        // Self-delimiting: no key is a proper prefix of another, so whatever follows cannot matter.
        if (want != 0) {
          ASSERT_NE(keys[i].compare(0, keys[j].size(), keys[j]), 0) << i << " " << j;
        }
      }
    }
  }
}

template <typename T>
int Plain(const T& a, const T& b) {
  return a < b ? -1 : (b < a ? 1 : 0);
}

std::string RandomBytes(Random* random, uint64_t max) {
  static const char kFew[] = {'\x00', '\x01', '\xff', '\xfe', 'a'};
  std::string s;
  for (uint64_t n = random->Below(max + 1); n > 0; --n) s.push_back(kFew[random->Below(5)]);
  return s;
}

std::vector<int64_t> SampleInts() {
  std::vector<int64_t> v = {0, -1, 1, std::numeric_limits<int64_t>::min(),
                            std::numeric_limits<int64_t>::max()};
  for (int bits = 7; bits < 63; ++bits) {
    for (int64_t d : {-1, 0, 1}) {
      v.push_back((int64_t{1} << bits) + d);
      v.push_back(-(int64_t{1} << bits) + d);
    }
  }
  Random random(1);
  for (int i = 0; i < 200; ++i)
    v.push_back(static_cast<int64_t>(random.Next()) >> random.Below(64));
  return v;
}

TEST(KeyEncoding, Int64) {
  ExpectOrder<int64_t>(SampleInts(), Plain<int64_t>,
                       [](KeyWriter* w, const int64_t& v, Order o) { w->Int64(v, o); });
  for (Order order : {Order::kAscending, Order::kDescending}) {
    for (int64_t v : SampleInts()) {
      std::string key;
      KeyWriter(&key).Int64(v, order);
      KeyReader r(key);
      EXPECT_EQ(r.Peek(), KeyPart::kInt64);
      EXPECT_EQ(r.PeekOrder(), order);
      int64_t back = 0;
      ASSERT_TRUE(r.ReadInt64(&back, order).ok()) << v;
      EXPECT_EQ(back, v);
      EXPECT_TRUE(r.AtEnd());
    }
  }
}

TEST(KeyEncoding, Time) {
  std::vector<Timestamp> times;
  for (int64_t v : SampleInts()) times.push_back(Timestamp(v));
  ExpectOrder<Timestamp>(times, Plain<Timestamp>,
                         [](KeyWriter* w, const Timestamp& v, Order o) { w->Time(v, o); });
  for (Order order : {Order::kAscending, Order::kDescending}) {
    for (Timestamp v : times) {
      std::string key;
      KeyWriter(&key).Time(v, order);
      KeyReader r(key);
      Timestamp back;
      ASSERT_TRUE(r.ReadTime(&back, order).ok());
      EXPECT_EQ(back, v);
    }
  }
}

TEST(KeyEncoding, DoubleOrdersAsPostgres) {
  std::vector<double> values = {0.0,
                                -0.0,
                                1,
                                -1,
                                kInf,
                                -kInf,
                                kNaN,
                                -kNaN,
                                5e-324,
                                -5e-324,
                                std::numeric_limits<double>::max()};
  Random random(2);
  for (int i = 0; i < 200; ++i) {
    values.push_back(
        std::ldexp(random.NextDouble() - 0.5, static_cast<int>(random.Below(200)) - 100));
  }
  auto compare = [](const double& a, const double& b) {
    if (std::isnan(a) || std::isnan(b)) return (std::isnan(a) ? 1 : 0) - (std::isnan(b) ? 1 : 0);
    return Plain(a, b);
  };
  ExpectOrder<double>(values, compare,
                      [](KeyWriter* w, const double& v, Order o) { w->Double(v, o); });
  for (Order order : {Order::kAscending, Order::kDescending}) {
    for (double v : values) {
      std::string key;
      KeyWriter(&key).Double(v, order);
      KeyReader r(key);
      double back = 0;
      ASSERT_TRUE(r.ReadDouble(&back, order).ok());
      EXPECT_TRUE(back == v || (std::isnan(back) && std::isnan(v)));
      if (v == 0) {
        EXPECT_FALSE(std::signbit(back));
      }
    }
  }
}

TEST(KeyEncoding, TextAndBytea) {
  Random random(3);
  std::vector<std::string> values = {"", std::string(1, '\0'), "a", "ab", "b"};
  for (int i = 0; i < 200; ++i) values.push_back(RandomBytes(&random, 6));
  ExpectOrder<std::string>(values, Plain<std::string>,
                           [](KeyWriter* w, const std::string& v, Order o) { w->Text(v, o); });
  ExpectOrder<std::string>(values, Plain<std::string>,
                           [](KeyWriter* w, const std::string& v, Order o) { w->Bytea(v, o); });
  for (Order order : {Order::kAscending, Order::kDescending}) {
    for (const std::string& v : values) {
      std::string key;
      KeyWriter w(&key);
      w.Text(v, order);
      w.Bytea(v, order);
      KeyReader r(key);
      std::string text;
      std::string bytes;
      ASSERT_TRUE(r.ReadText(&text, order).ok());
      ASSERT_TRUE(r.ReadBytea(&bytes, order).ok());
      EXPECT_EQ(text, v);
      EXPECT_EQ(bytes, v);
      EXPECT_TRUE(r.AtEnd());
    }
  }
}

TEST(KeyEncoding, BoolAndNull) {
  ExpectOrder<bool>({false, true}, Plain<bool>,
                    [](KeyWriter* w, const bool& v, Order o) { w->Bool(v, o); });
  for (Order order : {Order::kAscending, Order::kDescending}) {
    std::string first;
    std::string last;
    KeyWriter(&first).Null(Nulls::kFirst);
    KeyWriter(&last).Null(Nulls::kLast);
    std::vector<std::string> values(7);
    KeyWriter(&values[0]).Bool(false, order);
    KeyWriter(&values[1]).Int64(std::numeric_limits<int64_t>::min(), order);
    KeyWriter(&values[2]).Int64(std::numeric_limits<int64_t>::max(), order);
    KeyWriter(&values[3]).Double(kNaN, order);
    KeyWriter(&values[4]).Text("\xff\xff", order);
    KeyWriter(&values[5]).Bytea("", order);
    KeyWriter(&values[6]).Time(Timestamp::Max(), order);
    for (const std::string& v : values) {
      EXPECT_LT(first, v);
      EXPECT_LT(v, last);
    }
    KeyReader r(first);
    EXPECT_EQ(r.Peek(), KeyPart::kNull);
    EXPECT_TRUE(r.ReadNull().ok());
  }
}

TEST(KeyEncoding, PrefixesBoundTablesAndIndexes) {
  std::vector<uint64_t> ids = {0, 1, 2, 255, 256, 65535, 1u << 20, ~uint64_t{0}};
  std::vector<std::string> prefixes;
  for (uint64_t table : ids) {
    for (uint64_t index : ids) {
      prefixes.push_back(TablePrefix(TableId(table), index));
      const std::string& p = prefixes.back();
      KeyReader r(p);
      TableId t;
      uint64_t i = 0;
      ASSERT_TRUE(r.ReadPrefix(&t, &i).ok());
      EXPECT_EQ(t.value, table);
      EXPECT_EQ(i, index);
      EXPECT_TRUE(TableRange(TableId(table)).Contains(p));
      EXPECT_TRUE(TableRange(TableId(table)).Contains(PrefixRange(p)));
      EXPECT_TRUE(PrefixRange(p).Contains(p + "\xff\xff\xff"));
    }
  }
  for (size_t i = 1; i < prefixes.size(); ++i) {
    EXPECT_LT(prefixes[i - 1], prefixes[i]);
    EXPECT_LE(PrefixEnd(prefixes[i - 1]), prefixes[i]);
  }
  EXPECT_EQ(PrefixEnd("a\xff"), "b");
  EXPECT_EQ(PrefixEnd("\xff\xff"), "");
  EXPECT_EQ(PrefixEnd(""), "");
}

TEST(KeyEncoding, ChildrenSortBehindTheirParent) {
  auto parent = [](int64_t id) {
    std::string key;
    KeyWriter w(&key);
    w.Prefix(TableId(5));
    w.Int64(id);
    return key;
  };
  auto child = [&](int64_t id, TableId table, const std::string& name) {
    std::string key = parent(id);
    KeyWriter w(&key);
    w.Interleave(table);
    w.Text(name, Order::kDescending);
    return key;
  };
  std::vector<std::string> keys = {parent(-3),
                                   child(-3, TableId(6), "z"),
                                   child(-3, TableId(6), "a"),
                                   child(-3, TableId(7), ""),
                                   parent(1),
                                   child(1, TableId(6), "x"),
                                   parent(256)};
  for (size_t i = 1; i < keys.size(); ++i) EXPECT_LT(keys[i - 1], keys[i]) << i;
  EXPECT_EQ(DebugKey(keys[1]), "table 5 index 0 (-3) table 6 index 0 ('z')");
  EXPECT_EQ(DebugKey(parent(256)), "table 5 index 0 (256)");
  EXPECT_EQ(DebugKey(""), "(empty)");
  EXPECT_EQ(DebugKey("\xee"), "\\xee");
}

// Composite keys of random schemas: order of rows is the order of keys, column by column.
TEST(KeyEncoding, CompositeRowsKeepOrder) {
  Random random(11);
  for (int schema = 0; schema < 30; ++schema) {
    struct Column {
      bool text;
      Order order;
      Nulls nulls;
    };
    std::vector<Column> columns(1 + random.Below(3));
    for (Column& c : columns) {
      c = {random.OneIn(0.5), random.OneIn(0.5) ? Order::kAscending : Order::kDescending,
           random.OneIn(0.5) ? Nulls::kFirst : Nulls::kLast};
    }
    struct Value {
      bool null;
      std::string text;
      int64_t number;
    };
    std::vector<std::vector<Value>> rows;
    std::vector<std::string> keys;
    for (int i = 0; i < 40; ++i) {
      std::vector<Value> row;
      std::string key;
      KeyWriter w(&key);
      for (const Column& c : columns) {
        Value v{random.OneIn(0.2), RandomBytes(&random, 2), random.Between(-3, 3)};
        if (v.null) {
          w.Null(c.nulls);
        } else if (c.text) {
          w.Text(v.text, c.order);
        } else {
          w.Int64(v.number, c.order);
        }
        row.push_back(v);
      }
      rows.push_back(row);
      keys.push_back(key);
    }
    auto compare = [&](const std::vector<Value>& a, const std::vector<Value>& b) {
      for (size_t i = 0; i < columns.size(); ++i) {
        const Column& c = columns[i];
        if (a[i].null || b[i].null) {
          if (a[i].null == b[i].null) continue;
          return a[i].null == (c.nulls == Nulls::kFirst) ? -1 : 1;
        }
        const int d = c.text ? Plain(a[i].text, b[i].text) : Plain(a[i].number, b[i].number);
        if (d != 0) return c.order == Order::kAscending ? d : -d;
      }
      return 0;
    };
    for (size_t i = 0; i < rows.size(); ++i) {
      for (size_t j = 0; j < rows.size(); ++j) {
        EXPECT_EQ(Plain(keys[i], keys[j]), compare(rows[i], rows[j]));
      }
    }
  }
}

// Stored data is ordered by these bytes: they never change.
TEST(KeyEncoding, BytesAreAsEverBefore) {
  auto bytes = [](auto write) {
    std::string key;
    KeyWriter w(&key);
    write(&w);
    return absl::BytesToHexString(key);
  };
  EXPECT_EQ(bytes([](KeyWriter* w) { w->Prefix(TableId(7)); }), "010700");
  EXPECT_EQ(bytes([](KeyWriter* w) { w->Prefix(TableId(300), 2); }), "02012c0102");
  EXPECT_EQ(bytes([](KeyWriter* w) { w->Interleave(TableId(8)); }), "fe010800");
  EXPECT_EQ(bytes([](KeyWriter* w) { w->Null(Nulls::kFirst); }), "02");
  EXPECT_EQ(bytes([](KeyWriter* w) { w->Null(Nulls::kLast); }), "fb");
  EXPECT_EQ(bytes([](KeyWriter* w) { w->Bool(true); }), "11");
  EXPECT_EQ(bytes([](KeyWriter* w) { w->Bool(true, Order::kDescending); }), "ee");
  EXPECT_EQ(bytes([](KeyWriter* w) { w->Int64(0); }), "48");
  EXPECT_EQ(bytes([](KeyWriter* w) { w->Int64(300); }), "4a012c");
  EXPECT_EQ(bytes([](KeyWriter* w) { w->Int64(-1); }), "47");
  EXPECT_EQ(bytes([](KeyWriter* w) { w->Int64(-300); }), "45fed4");
  EXPECT_EQ(bytes([](KeyWriter* w) { w->Int64(300, Order::kDescending); }), "b5fed3");
  EXPECT_EQ(bytes([](KeyWriter* w) { w->Double(1.5); }), "21bff8000000000000");
  EXPECT_EQ(bytes([](KeyWriter* w) { w->Double(-1.5); }), "214007ffffffffffff");
  EXPECT_EQ(bytes([](KeyWriter* w) { w->Time(Timestamp(1)); }), "208000000000000001");
  EXPECT_EQ(bytes([](KeyWriter* w) { w->Text(absl::string_view("a\0b", 3)); }), "286100ff620001");
  EXPECT_EQ(bytes([](KeyWriter* w) { w->Bytea("", Order::kDescending); }), "d6fffe");
}

TEST(KeyEncoding, CutAndForeignKeysAreRefused) {
  std::string key;
  KeyWriter w(&key);
  w.Prefix(TableId(300), 2);
  w.Int64(-70000);
  w.Text(std::string("x\0y", 3));
  w.Double(1.5, Order::kDescending);
  w.Time(Timestamp(9));
  w.Bytea("q", Order::kDescending);
  auto walk = [](absl::string_view k) {
    KeyReader r(k);
    TableId table;
    uint64_t index;
    absl::Status s = r.ReadPrefix(&table, &index);
    for (int parts = 0; s.ok() && parts < 5; ++parts) s = r.Skip();
    return s;
  };
  EXPECT_TRUE(walk(key).ok());
  for (size_t n = 0; n < key.size(); ++n) {
    EXPECT_EQ(walk(absl::string_view(key).substr(0, n)).code(), absl::StatusCode::kDataLoss) << n;
    DebugKey(key.substr(0, n));
  }
  int64_t number;
  std::string text;
  std::string one;
  KeyWriter(&one).Int64(1);
  KeyReader r(one);
  EXPECT_FALSE(r.ReadText(&text).ok());
  EXPECT_FALSE(r.ReadInt64(&number, Order::kDescending).ok());
  EXPECT_TRUE(r.ReadInt64(&number).ok());  // a refused read does not move
  EXPECT_FALSE(KeyReader("\x49").ReadInt64(&number).ok());
  EXPECT_FALSE(
      KeyReader(absl::string_view("\x49\x00", 2)).ReadInt64(&number).ok());  // not shortest
  EXPECT_FALSE(KeyReader("\x28"
                         "abc")
                   .ReadText(&text)
                   .ok());
}

TEST(KeyEncoding, GarbageNeverReadsOutside) {
  Random random(13);
  for (int round = 0; round < 5000; ++round) {
    std::string key;
    for (uint64_t i = random.Below(24); i > 0; --i) {
      key.push_back(static_cast<char>(random.OneIn(0.3) ? random.Below(3) : random.Next()));
    }
    KeyReader r(key);
    while (r.Skip().ok()) {
    }
    DebugKey(key);
  }
}

}  // namespace
}  // namespace isochron
