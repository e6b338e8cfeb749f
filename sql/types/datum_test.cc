// SPDX-License-Identifier: Apache-2.0
#include "sql/types/datum.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "sql/types/datetime_text.h"
#include "sql/types/error.h"
#include "sql/types/time_text.h"

namespace isochron::sql {
namespace {

std::string RoundTrip(Type type, absl::string_view text) {
  auto d = DatumFromText(type, text);
  return d.ok() ? DatumToText(type, *d) : SqlStateOf(d.status());
}

TEST(DatumTest, TextForms) {
  EXPECT_EQ(RoundTrip(Type::kBool, " TRUE "), "t");
  EXPECT_EQ(RoundTrip(Type::kBool, "maybe"), "22P02");
  EXPECT_EQ(RoundTrip(Type::kInt8, "-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(RoundTrip(Type::kInt8, "9223372036854775808"), "22003");
  EXPECT_EQ(RoundTrip(Type::kInt2, "40000"), "22003");
  EXPECT_EQ(RoundTrip(Type::kInt4, "2147483647"), "2147483647");
  EXPECT_EQ(RoundTrip(Type::kInt8, "1.5"), "22P02");
  EXPECT_EQ(RoundTrip(Type::kFloat8, "1e400"), "22003");
  EXPECT_EQ(RoundTrip(Type::kFloat8, "0.1"), "0.1");
  EXPECT_EQ(RoundTrip(Type::kFloat8, "-infinity"), "-Infinity");
  EXPECT_EQ(RoundTrip(Type::kBytea, "\\x00fF"), "\\x00ff");
  EXPECT_EQ(RoundTrip(Type::kBytea, "\\x00 fF\n"), "\\x00ff");
  EXPECT_EQ(RoundTrip(Type::kBytea, "\\x0"), "22023");
  EXPECT_EQ(RoundTrip(Type::kBytea, "\\x0g"), "22023");
  EXPECT_EQ(RoundTrip(Type::kBytea, "a\\\\\\101"), "\\x615c41");
}

TEST(DatumTest, Timestamps) {
  EXPECT_EQ(RoundTrip(Type::kTimestamptz, "2024-02-29 12:34:56.5+02"), "2024-02-29 10:34:56.5+00");
  EXPECT_EQ(RoundTrip(Type::kTimestamptz, "2024-02-29T12:34:56.123456Z"),
            "2024-02-29 12:34:56.123456+00");
  EXPECT_EQ(RoundTrip(Type::kTimestamptz, "1969-12-31 23:59:59.999999"),
            "1969-12-31 23:59:59.999999+00");
  EXPECT_EQ(RoundTrip(Type::kTimestamptz, "2023-02-29"), "22008");
  EXPECT_EQ(RoundTrip(Type::kTimestamptz, "noon"), "22007");
  EXPECT_EQ(FormatRfc3339(0), "1970-01-01T00:00:00.000000Z");
  // Rule 11: what is printed reads back as the same microsecond.
  for (int64_t us : {kMinTimestampUs, int64_t{-1}, int64_t{1732147200123457}, kMaxTimestampUs}) {
    EXPECT_EQ(*ParseTimestamp(FormatTimestamptz(us, TimeZone())), us);
    EXPECT_EQ(*ParseTimestamp(FormatRfc3339(us)), us);
  }
}

TEST(DatumTest, Order) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(CompareDatums(Datum::Float(nan), Datum::Float(nan)), 0);
  EXPECT_GT(CompareDatums(Datum::Float(nan), Datum::Float(1e308)), 0);
  EXPECT_LT(CompareDatums(Datum::String("a"), Datum::String("ab")), 0);
  EXPECT_TRUE(Datum::Null() == Datum::Null());
  EXPECT_FALSE(Datum::Null() == Datum::Int(0));
}

TEST(ErrorTest, CarriesStatePositionAndHint) {
  absl::Status s = SqlError(sqlstate::kSyntaxError, "bad", 3, "fix it");
  EXPECT_EQ(s.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(SqlStateOf(s), "42601");
  EXPECT_EQ(HintOf(s), "fix it");
  EXPECT_EQ(PositionOf(s), 4);
  // Positions count characters, not bytes.
  EXPECT_EQ(PositionOf(ResolvePosition(s, "\xc3\xa4\xc3\xb6x", 1)), 3);
  EXPECT_EQ(SqlStateOf(absl::AbortedError("")), "40001");
  EXPECT_EQ(SqlStateOf(absl::UnknownError("")), "40003");
  EXPECT_EQ(SqlStateOf(absl::OkStatus()), "00000");
}

TEST(DatumTest, Quoting) {
  EXPECT_EQ(QuoteLiteral("it's"), "'it''s'");
  EXPECT_EQ(QuoteLiteral("a\\b"), "E'a\\\\b'");
  EXPECT_EQ(QuoteIdentifier("a\"b"), "\"a\"\"b\"");
}

}  // namespace
}  // namespace isochron::sql
