// SPDX-License-Identifier: Apache-2.0
#include "client/value.h"

#include <cmath>
#include <limits>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"

namespace isochron::client {
namespace {

using google::spanner::v1::TypeCode;

std::string DoubleText(double d) {
  if (std::isnan(d)) return "NaN";
  if (std::isinf(d)) return d > 0 ? "Infinity" : "-Infinity";
  // The shortest text that reads back as the same number.
  for (int digits = 15; digits <= 17; ++digits) {
    std::string text = absl::StrFormat("%.*g", digits, d);
    double back = 0;
    if (absl::SimpleAtod(text, &back) && back == d) return text;
  }
  return absl::StrCat(d);
}

absl::Status Malformed(TypeCode code) {
  return absl::InternalError(absl::StrCat("the server sent a malformed value of type ",
                                          google::spanner::v1::TypeCode_Name(code)));
}

}  // namespace

std::string TimeToText(Timestamp t) {
  return absl::FormatTime("%E4Y-%m-%dT%H:%M:%E*SZ", absl::FromUnixMicros(t.us),
                          absl::UTCTimeZone());
}

absl::StatusOr<Timestamp> TimeFromText(absl::string_view text) {
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
    return absl::InvalidArgumentError(error);
  }
  return Timestamp(absl::ToUnixMicros(time));
}

std::string Value::ToText() const {
  struct Visitor {
    std::string operator()(std::monostate) const { return ""; }
    std::string operator()(bool v) const { return v ? "t" : "f"; }
    std::string operator()(int64_t v) const { return absl::StrCat(v); }
    std::string operator()(double v) const { return DoubleText(v); }
    std::string operator()(const std::string& v) const { return v; }
    std::string operator()(const Bytes& v) const {
      return absl::StrCat("\\x", absl::BytesToHexString(v.data));
    }
    std::string operator()(Timestamp v) const {
      return absl::FormatTime("%E4Y-%m-%d %H:%M:%E*S+00", absl::FromUnixMicros(v.us),
                              absl::UTCTimeZone());
    }
  };
  return std::visit(Visitor(), v_);
}

absl::Status Row::WrongType(size_t i) const {
  const Column& column = (*columns_)[i];
  if (values_[i].is_null()) {
    return absl::InvalidArgumentError(
        absl::StrCat("column \"", column.name, "\" is NULL: ask for a std::optional"));
  }
  return absl::InvalidArgumentError(absl::StrCat("column \"", column.name, "\" has type ",
                                                 google::spanner::v1::TypeCode_Name(column.type),
                                                 ", another was wanted"));
}

absl::StatusOr<Value> DecodeValue(const google::spanner::v1::Type& type,
                                  const google::protobuf::Value& value) {
  if (value.kind_case() == google::protobuf::Value::kNullValue) return Value();
  const std::string& text = value.string_value();
  switch (type.code()) {
    case google::spanner::v1::BOOL:
      return Value(value.bool_value());
    case google::spanner::v1::INT64: {
      int64_t n = 0;
      if (!absl::SimpleAtoi(text, &n)) return Malformed(type.code());
      return Value(n);
    }
    case google::spanner::v1::FLOAT32:
    case google::spanner::v1::FLOAT64: {
      if (value.kind_case() == google::protobuf::Value::kNumberValue) {
        return Value(value.number_value());
      }
      if (text == "NaN") return Value(std::numeric_limits<double>::quiet_NaN());
      if (text == "Infinity") return Value(std::numeric_limits<double>::infinity());
      if (text == "-Infinity") return Value(-std::numeric_limits<double>::infinity());
      return Malformed(type.code());
    }
    case google::spanner::v1::BYTES: {
      Bytes bytes;
      if (!absl::Base64Unescape(text, &bytes.data)) return Malformed(type.code());
      return Value(std::move(bytes));
    }
    case google::spanner::v1::TIMESTAMP: {
      absl::StatusOr<Timestamp> t = TimeFromText(text);
      if (!t.ok()) return Malformed(type.code());
      return Value(*t);
    }
    default:
      // Types without a C++ form here keep the API's text.
      if (value.kind_case() == google::protobuf::Value::kStringValue) return Value(text);
      return Value(value.ShortDebugString());
  }
}

void EncodeValue(const Value& value, google::protobuf::Value* out,
                 google::spanner::v1::Type* type) {
  struct Visitor {
    google::protobuf::Value* out;
    google::spanner::v1::Type* type;
    void operator()(std::monostate) const { out->set_null_value(google::protobuf::NULL_VALUE); }
    void operator()(bool v) const {
      type->set_code(google::spanner::v1::BOOL);
      out->set_bool_value(v);
    }
    void operator()(int64_t v) const {
      type->set_code(google::spanner::v1::INT64);
      out->set_string_value(absl::StrCat(v));
    }
    void operator()(double v) const {
      type->set_code(google::spanner::v1::FLOAT64);
      if (std::isfinite(v)) {
        out->set_number_value(v);
      } else {
        out->set_string_value(DoubleText(v));
      }
    }
    void operator()(const std::string& v) const {
      type->set_code(google::spanner::v1::STRING);
      out->set_string_value(v);
    }
    void operator()(const Bytes& v) const {
      type->set_code(google::spanner::v1::BYTES);
      out->set_string_value(absl::Base64Escape(v.data));
    }
    void operator()(Timestamp v) const {
      type->set_code(google::spanner::v1::TIMESTAMP);
      out->set_string_value(TimeToText(v));
    }
  };
  std::visit(Visitor{out, type}, value.variant());
}

}  // namespace isochron::client
