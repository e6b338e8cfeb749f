// SPDX-License-Identifier: Apache-2.0
#include "client/value.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace isochron::client {
namespace {

TEST(ValueTest, EveryTypeRoundTrips) {
  const std::vector<Value> values = {
      Value(),
      Value(true),
      Value(false),
      Value(int64_t{0}),
      Value(std::numeric_limits<int64_t>::min()),
      Value(std::numeric_limits<int64_t>::max()),
      Value(0.1),
      Value(1e300),
      Value(std::numeric_limits<double>::infinity()),
      Value(-std::numeric_limits<double>::infinity()),
      Value("text"),
      Value(""),
      Value(Bytes{std::string("\0\xff\x10", 3)}),
      Value(Timestamp(1'700'000'000'123'456)),
      Value(Timestamp(-1)),
  };
  for (const Value& v : values) {
    google::protobuf::Value wire;
    google::spanner::v1::Type type;
    EncodeValue(v, &wire, &type);
    absl::StatusOr<Value> back = DecodeValue(type, wire);
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(*back, v) << v.ToText();
  }
  google::protobuf::Value wire;
  google::spanner::v1::Type type;
  EncodeValue(Value(std::nan("")), &wire, &type);
  EXPECT_EQ(DecodeValue(type, wire)->ToText(), "NaN");
  wire.set_string_value("12x");
  type.set_code(google::spanner::v1::INT64);
  EXPECT_EQ(DecodeValue(type, wire).status().code(), absl::StatusCode::kInternal);
}

TEST(ValueTest, TextIsAsInPostgres) {
  EXPECT_EQ(Value(true).ToText(), "t");
  EXPECT_EQ(Value(0.1).ToText(), "0.1");
  EXPECT_EQ(Value(100.0).ToText(), "100");
  EXPECT_EQ(Value(Bytes{"\x01\xab"}).ToText(), "\\x01ab");
  EXPECT_EQ(Value(Timestamp(0)).ToText(), "1970-01-01 00:00:00+00");
  EXPECT_EQ(TimeToText(Timestamp(1'500'000)), "1970-01-01T00:00:01.5Z");
  EXPECT_EQ(TimeFromText("1970-01-01T00:00:01.5Z")->us, 1'500'000);
}

TEST(RowTest, TypedAccess) {
  auto columns = std::make_shared<Columns>();
  columns->push_back({"id", google::spanner::v1::INT64});
  columns->push_back({"name", google::spanner::v1::STRING});
  Row row(columns, {Value(7), Value()});
  EXPECT_EQ(*row.Get<int64_t>("id"), 7);
  EXPECT_EQ(*row.Get<double>(0), 7.0);
  EXPECT_EQ(*row.Get<std::optional<std::string>>("name"), std::nullopt);
  EXPECT_EQ(row.Get<std::string>("name").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(row.Get<std::string>("id").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(row.Get<std::string>("none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(row.Get<int64_t>(2).status().code(), absl::StatusCode::kNotFound);
  auto all = row.As<int64_t, std::optional<std::string>>();
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(std::get<0>(*all), 7);
  EXPECT_EQ(row.As<int64_t>().status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ((row.As<int64_t, std::string>()).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace isochron::client
