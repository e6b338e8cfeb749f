// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/escaping.h"
#include "common/random.h"
#include "server/pgwire/message_reader.h"
#include "server/pgwire/message_writer.h"
#include "server/pgwire/startup.h"
#include "server/pgwire/value_codec.h"
#include "sql/types/error.h"
#include "sql/types/time_datum.h"

namespace isochron::pgwire {
namespace {

using sql::Datum;
using sql::Type;

std::string Int32(uint32_t v) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(v >> shift));
  return out;
}

std::string Typed(char type, const std::string& body) {
  return type + Int32(static_cast<uint32_t>(body.size() + 4)) + body;
}

MessageReader Started(size_t limit = 1 << 20) {
  MessageReader reader(limit);
  reader.Started();
  return reader;
}

TEST(Startup, PacketsAndWhatIsNone) {
  const auto read = [](const std::string& hex) { return ReadStartup(absl::HexStringToBytes(hex)); };
  auto start = ReadStartup(std::string("\0\3\0\2user\0me\0_pq_.x\0001\0\0", 22));
  ASSERT_TRUE(start.ok()) << start.status();
  EXPECT_EQ(start->minor, 2);
  EXPECT_EQ(start->parameters.size(), 1u);
  EXPECT_EQ(start->unknown_options, std::vector<std::string>{"_pq_.x"});
  EXPECT_EQ(read("04d2162f")->kind, StartupPacket::Kind::kTls);
  EXPECT_EQ(read("04d21630")->kind, StartupPacket::Kind::kGss);
  EXPECT_EQ(read("04d2162e0000000100000002")->secret, 2u);
  for (const char* wrong : {"", "0003", "00030000", "0003000061", "0003000061006200", "04d2162e00",
                            "04d2162f00", "000300000000"}) {
    EXPECT_EQ(sql::SqlStateOf(read(wrong).status()), "08P01") << wrong;
  }
  EXPECT_EQ(sql::SqlStateOf(read("0002000000").status()), "0A000");
}

TEST(MessageReader, ASyncIsSeenWhenItHasComeWhole) {
  MessageReader reader(100);
  reader.Started();
  EXPECT_FALSE(reader.SyncIsNext());
  reader.Append(absl::string_view("S\0\0\0", 4));
  EXPECT_FALSE(reader.SyncIsNext());
  reader.Append(absl::string_view("\4S\0\0\0\5", 6));
  EXPECT_TRUE(reader.SyncIsNext());
  Message message;
  EXPECT_TRUE(*reader.Next(&message));
  EXPECT_FALSE(reader.SyncIsNext());
}

TEST(MessageReader, MessagesComeWholeHoweverTheBytesCome) {
  const std::string bytes =
      Typed('Q', std::string("select 1\0", 9)) + Typed('S', "") + Typed('X', "");
  for (size_t step = 1; step <= bytes.size(); ++step) {
    MessageReader reader = Started();
    std::string types;
    for (size_t at = 0; at < bytes.size(); at += step) {
      reader.Append(absl::string_view(bytes).substr(at, step));
      Message m;
      for (;;) {
        const auto next = reader.Next(&m);
        ASSERT_TRUE(next.ok());
        if (!*next) break;
        types.push_back(m.type);
        if (m.type == 'Q') EXPECT_EQ(m.body, std::string("select 1\0", 9));
      }
    }
    EXPECT_EQ(types, "QSX");
    EXPECT_EQ(reader.buffered(), 0u);
  }
}

TEST(MessageReader, AStartupPacketHasNoTypeAndIsShort) {
  MessageReader reader(1 << 20);
  reader.Append(Int32(8) + Int32(80877103));
  Message m;
  ASSERT_TRUE(*reader.Next(&m));
  EXPECT_EQ(m.type, '\0');
  EXPECT_EQ(m.body, Int32(80877103));
  for (uint32_t length : {0u, 4u, 7u, 10'005u, 0x47455420u /* "GET " */}) {
    MessageReader bad(1 << 20);
    bad.Append(Int32(length));
    EXPECT_EQ(sql::SqlStateOf(bad.Next(&m).status()), "08P01") << length;
  }
}

TEST(MessageReader, ALengthThatNoMessageHasIsRefusedBeforeItsBytesCome) {
  Message m;
  for (uint32_t length : {0u, 3u, 0x7FFFFFFFu, 0xFFFFFFFFu, (1u << 20) + 5}) {
    MessageReader reader = Started();
    reader.Append("Q" + Int32(length));
    EXPECT_EQ(sql::SqlStateOf(reader.Next(&m).status()), "08P01") << length;
  }
  MessageReader small = Started();
  small.Append("E" + Int32(20'000));
  EXPECT_FALSE(small.Next(&m).ok());
  MessageReader unknown = Started();
  unknown.Append("?" + Int32(4));
  EXPECT_FALSE(unknown.Next(&m).ok());
}

TEST(MessageReader, MemoryGrowsWithWhatComesAndGoesAgain) {
  MessageReader reader = Started(64 << 20);
  reader.Append("d" + Int32(32 << 20));
  Message m;
  EXPECT_FALSE(*reader.Next(&m));
  EXPECT_LT(reader.capacity(), 4096u);
  reader.Append(std::string((32 << 20) - 4, 'x'));
  EXPECT_TRUE(*reader.Next(&m));
  EXPECT_EQ(m.body.size(), (32u << 20) - 4);
  EXPECT_LT(reader.capacity(), 16u << 10);
}

TEST(MessageReader, GarbageNeverBreaksIt) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    MessageReader reader(4096);
    if (seed % 3 != 0) reader.Started();
    for (int i = 0; i < 50; ++i) {
      std::string bytes;
      for (int64_t n = random.Between(1, 40); n > 0; --n) {
        bytes.push_back("QPBDECHSXd\0\0\0\0\5\xff"[random.Between(0, 15)]);
      }
      reader.Append(bytes);
      Message m;
      auto next = reader.Next(&m);
      if (!next.ok()) break;
      if (!*next) continue;
      BodyReader body(m.body);
      (void)body.CString();
      (void)body.Int16();
      (void)body.Bytes(body.Int32());
      (void)body.Finish();
    }
  }
}

TEST(MessageReader, AStrangerSaysLittle) {
  MessageReader reader(1 << 20);
  reader.Started(true);
  reader.Append(Typed('p', std::string(10'000, 'x')));
  Message m;
  EXPECT_TRUE(*reader.Next(&m));
  reader.Append("Q" + Int32(20'000));
  EXPECT_EQ(sql::SqlStateOf(reader.Next(&m).status()), "08P01");
  MessageReader friendly = Started();
  friendly.Append("Q" + Int32(20'000));
  EXPECT_FALSE(*friendly.Next(&m));
}

TEST(BodyReader, AFieldTooMuchOrTooLittleIsInvalid) {
  BodyReader short_one(absl::string_view("\0\1\0", 3));
  EXPECT_EQ(short_one.Int16(), 1);
  EXPECT_EQ(short_one.Int32(), 0);
  EXPECT_FALSE(short_one.Finish().ok());
  BodyReader unterminated("abc");
  EXPECT_EQ(unterminated.CString(), "");
  EXPECT_FALSE(unterminated.ok());
  BodyReader negative("abc");
  EXPECT_EQ(negative.Bytes(-1), "");
  EXPECT_FALSE(negative.ok());
  BodyReader rest(absl::string_view("a\0b", 3));
  EXPECT_EQ(rest.CString(), "a");
  EXPECT_FALSE(rest.Finish().ok());
  EXPECT_EQ(rest.Rest(), "b");
  EXPECT_TRUE(rest.Finish().ok());
}

TEST(CheckText, IsStrictUtf8WithoutZeroBytes) {
  for (const char* good :
       {"", "abc", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(CheckText(good).ok()) << good;
  }
  for (const char* bad : {"\x80", "\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80",
                          "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xFF", "a\xE2\x82"}) {
    EXPECT_EQ(sql::SqlStateOf(CheckText(bad)), "22021");
  }
  EXPECT_FALSE(CheckText(absl::string_view("a\0b", 3)).ok());
}

const sql::TimeContext& kPlain = sql::PlainTimeContext();

TEST(ValueCodec, EveryTypeGoesThereAndBackInBothFormats) {
  const struct {
    Type type;
    Datum value;
    const char* text;
    size_t binary_bytes;
  } cases[] = {
      {Type::kBool, Datum::Bool(true), "t", 1},
      {Type::kBool, Datum::Bool(false), "f", 1},
      {Type::kInt2, Datum::Int(-32768), "-32768", 2},
      {Type::kInt4, Datum::Int(-5), "-5", 4},
      {Type::kInt8, Datum::Int(INT64_MIN), "-9223372036854775808", 8},
      {Type::kFloat8, Datum::Float(-0.1), "-0.1", 8},
      {Type::kText, Datum::String("\xC3\xA4'\\"), "\xC3\xA4'\\", 4},
      {Type::kBytea, Datum::String(std::string("\0\xff", 2)), "\\x00ff", 2},
      {Type::kTimestamptz, Datum::Int(946'684'800'500'000), "2000-01-01 00:00:00.5+00", 8},
      {Type::kTimestamptz, Datum::Int(-1), "1969-12-31 23:59:59.999999+00", 8},
      {Type::kTimestamptz, Datum::Int(INT64_MAX), "infinity", 8},
      {Type::kTimestamp, Datum::Int(-1), "1969-12-31 23:59:59.999999", 8},
      {Type::kTimestamp, Datum::Int(INT64_MIN), "-infinity", 8},
      {Type::kDate, Datum::Int(-1), "1969-12-31", 4},
      {Type::kDate, Datum::Int(INT32_MAX), "infinity", 4},
      {Type::kTime, Datum::Int(86'400'000'000), "24:00:00", 8},
      {Type::kInterval, sql::IntervalDatum({14, -3, 3'600'000'000}),
       "1 year 2 mons -3 days +01:00:00", 16},
  };
  for (const auto& c : cases) {
    std::string text;
    AppendValue(c.type, 0, c.value, kPlain, &text);
    EXPECT_EQ(text, c.text);
    std::string binary;
    AppendValue(c.type, 1, c.value, kPlain, &binary);
    EXPECT_EQ(binary.size(), c.binary_bytes) << c.text;
    EXPECT_EQ(*DecodeValue(c.type, 0, text, kPlain), c.value) << c.text;
    EXPECT_EQ(*DecodeValue(c.type, 1, binary, kPlain), c.value) << c.text;
    EXPECT_EQ(TypeOfOid(PgTypeOf(c.type).oid), c.type);
    binary.push_back('x');
    if (PgTypeOf(c.type).size > 0) {
      EXPECT_EQ(sql::SqlStateOf(DecodeValue(c.type, 1, binary, kPlain).status()), "22P03")
          << c.text;
    }
  }
  std::string half;
  AppendValue(Type::kTimestamptz, 1, Datum::Int(946'684'800'500'000), kPlain, &half);
  EXPECT_EQ(half, std::string(5, '\0') + std::string("\x07\xA1\x20", 3));
  EXPECT_EQ(sql::SqlStateOf(DecodeValue(Type::kInt8, 0, "12x", kPlain).status()), "22P02");
  EXPECT_EQ(sql::SqlStateOf(DecodeValue(Type::kText, 0, "\xff", kPlain).status()), "22021");
  EXPECT_EQ(sql::SqlStateOf(DecodeValue(Type::kText, 1, "\xff", kPlain).status()), "22021");
  EXPECT_EQ(sql::SqlStateOf(DecodeValue(Type::kTimestamptz, 1,
                                        std::string("\x7f\xff\xff\xff\xff\xff\xff\xfe"), kPlain)
                                .status()),
            "22008");
}

TEST(ValueCodec, ArraysAreSentWithTheirDimensions) {
  constexpr Type kType = sql::ArrayOf(Type::kInt4);
  auto array = DecodeValue(kType, 0, "[2:3]={7,NULL}", kPlain);
  ASSERT_TRUE(array.ok());
  std::string bytes;
  AppendValue(kType, 1, *array, kPlain, &bytes);
  const std::string expected(
      "\0\0\0\1\0\0\0\1\0\0\0\x17\0\0\0\2\0\0\0\2\0\0\0\4\0\0\0\7\xff\xff\xff\xff", 32);
  EXPECT_EQ(bytes, expected);
  auto back = DecodeValue(kType, 1, bytes, kPlain);
  ASSERT_TRUE(back.ok());
  std::string text;
  AppendValue(kType, 0, *back, kPlain, &text);
  EXPECT_EQ(text, "[2:3]={7,NULL}");
  // Cut off anywhere, or with more elements than bytes, it is refused.
  for (size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_FALSE(DecodeValue(kType, 1, bytes.substr(0, n), kPlain).ok()) << n;
  }
  std::string many = bytes;
  many[13] = '\x7f';
  EXPECT_FALSE(DecodeValue(kType, 1, many, kPlain).ok());
  EXPECT_EQ(sql::SqlStateOf(DecodeValue(sql::ArrayOf(Type::kText), 1, bytes, kPlain).status()),
            "42804");
}

TEST(MessageWriter, MessagesAreAsTheProtocolHasThem) {
  MessageWriter out;
  out.ReadyForQuery('T');
  EXPECT_EQ(out.Take(), "Z" + Int32(5) + "T");
  out.DataRow({Type::kInt4, Type::kText}, {1, 0}, {Datum::Int(258), Datum::Null()});
  EXPECT_EQ(out.Take(),
            "D" + Int32(18) + std::string("\0\2", 2) + Int32(4) + Int32(258) + Int32(0xFFFFFFFFu));
  out.RowDescription({{"n", Type::kInt8}}, {});
  EXPECT_EQ(out.Take(), "T" + Int32(26) + std::string("\0\1n\0", 4) + Int32(0) +
                            std::string("\0\0", 2) + Int32(20) + std::string("\0\x8", 2) +
                            Int32(0xFFFFFFFFu) + std::string("\0\0", 2));
  out.Error(ReportOf(sql::ResolvePosition(
      sql::SqlError("42601", "no such thing", 7, "write another"), "select x", 0)));
  // Its last zero byte, the literal's own, ends the fields.
  constexpr char kError[] = "SERROR\0VERROR\0C42601\0Mno such thing\0Hwrite another\0P8\0";
  EXPECT_EQ(out.Take(), Typed('E', std::string(kError, sizeof(kError))));
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace isochron::pgwire
