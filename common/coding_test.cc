// SPDX-License-Identifier: Apache-2.0
#include "common/coding.h"

#include <limits>
#include <string>
#include <vector>

#include "common/random.h"
#include "gtest/gtest.h"

namespace isochron {
namespace {

TEST(Coding, NumbersRoundTrip) {
  std::vector<uint64_t> values = {
      0, 1, 127, 128, 16383, 16384, std::numeric_limits<uint64_t>::max()};
  Random random(7);
  for (int i = 0; i < 1000; ++i) values.push_back(random.Next() >> random.Below(64));
  std::string bytes;
  Writer w(&bytes);
  for (uint64_t v : values) {
    w.Varint(v);
    w.Zigzag(static_cast<int64_t>(v));
    w.Fixed64(v);
    w.Fixed32(static_cast<uint32_t>(v));
  }
  Reader r(bytes);
  for (uint64_t v : values) {
    uint64_t u = 0;
    int64_t s = 0;
    uint32_t small = 0;
    ASSERT_TRUE(r.Varint(&u));
    EXPECT_EQ(u, v);
    ASSERT_TRUE(r.Zigzag(&s));
    EXPECT_EQ(s, static_cast<int64_t>(v));
    ASSERT_TRUE(r.Fixed64(&u));
    EXPECT_EQ(u, v);
    ASSERT_TRUE(r.Fixed32(&small));
    EXPECT_EQ(small, static_cast<uint32_t>(v));
  }
  EXPECT_TRUE(r.Finish("numbers").ok());
}

TEST(Coding, BytesBoolsTimesRanges) {
  std::string bytes;
  Writer w(&bytes);
  w.Bytes(std::string("a\0b", 3));
  w.Bytes("");
  w.Bool(true);
  w.Time(Timestamp(-5));
  w.Time(Timestamp::Max());
  w.Range(KeyRange{"a", ""});
  Reader r(bytes);
  std::string s;
  absl::string_view v = "x";
  bool b = false;
  Timestamp t;
  KeyRange range;
  EXPECT_TRUE(r.Bytes(&s) && r.Bytes(&v) && r.Bool(&b));
  EXPECT_EQ(s, std::string("a\0b", 3));
  EXPECT_TRUE(v.empty());
  EXPECT_TRUE(b);
  EXPECT_TRUE(r.Time(&t));
  EXPECT_EQ(t, Timestamp(-5));
  EXPECT_TRUE(r.Time(&t));
  EXPECT_EQ(t, Timestamp::Max());
  EXPECT_TRUE(r.Range(&range));
  EXPECT_EQ(range, (KeyRange{"a", ""}));
  EXPECT_TRUE(r.Finish("record").ok());
}

TEST(Coding, EveryCutIsRefused) {
  std::string bytes;
  Writer w(&bytes);
  w.Varint(300);
  w.Bytes("hello");
  w.Fixed64(9);
  w.Fixed32(9);
  for (size_t n = 0; n < bytes.size(); ++n) {
    Reader r(absl::string_view(bytes).substr(0, n));
    uint64_t u;
    uint32_t f;
    std::string s;
    EXPECT_FALSE(r.Varint(&u) && r.Bytes(&s) && r.Fixed64(&u) && r.Fixed32(&f));
    EXPECT_FALSE(r.ok());
    EXPECT_EQ(r.Finish("record").code(), absl::StatusCode::kDataLoss);
  }
}

TEST(Coding, MalformedIsRefused) {
  uint64_t u;
  uint32_t small;
  bool b;
  absl::string_view v;
  EXPECT_FALSE(Reader(std::string(11, '\xff')).Varint(&u));
  EXPECT_FALSE(Reader(std::string(9, '\xff') + "\x02").Varint(&u));   // a 65th bit
  EXPECT_FALSE(Reader(absl::string_view("\x80\x00", 2)).Varint(&u));  // not the shortest form
  EXPECT_FALSE(Reader("\x02").Bool(&b));
  EXPECT_FALSE(Reader("\x05"
                      "abc")
                   .Bytes(&v));
  EXPECT_FALSE(Reader("\xff\xff\xff\xff\x7f").Varint32(&small));
  // A length of 2^63 must not wrap, and a failed reader stays failed.
  std::string huge;
  Writer(&huge).Varint(uint64_t{1} << 63);
  huge += "abc";
  Reader r(huge);
  EXPECT_FALSE(r.Bytes(&v));
  uint8_t byte;
  EXPECT_FALSE(r.Byte(&byte));
  EXPECT_EQ(Reader("x").Finish("record").code(), absl::StatusCode::kDataLoss);
}

TEST(Coding, GarbageNeverReadsOutside) {
  Random random(3);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    for (uint64_t i = random.Below(40); i > 0; --i)
      bytes.push_back(static_cast<char>(random.Next()));
    Reader r(bytes);
    while (r.ok()) {
      uint64_t u;
      absl::string_view v;
      int64_t s;
      switch (random.Below(4)) {
        case 0:
          r.Varint(&u);
          break;
        case 1:
          r.Bytes(&v);
          break;
        case 2:
          r.Zigzag(&s);
          break;
        default:
          r.Fixed64(&u);
          break;
      }
    }
  }
}

TEST(Coding, BigEndianKeepsOrder) {
  std::string a;
  std::string b;
  AppendBigEndian64(&a, 0x0102030405060708);
  AppendBigEndian64(&b, 0x0102030405060800);
  EXPECT_LT(a, b.replace(6, 1, "\x09"));
  EXPECT_EQ(LoadBigEndian64(a.data()), 0x0102030405060708u);
  std::string c;
  AppendBigEndian32(&c, 0xfffefdfc);
  EXPECT_EQ(LoadBigEndian32(c.data()), 0xfffefdfcu);
}

}  // namespace
}  // namespace isochron
