// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/value_codec.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status_macros.h"
#include "sql/types/array.h"
#include "sql/types/datetime_text.h"
#include "sql/types/time_datum.h"
#include "sql/types/time_text.h"

namespace isochron::rpc {
namespace {

namespace spanner = google::spanner::v1;
using google::protobuf::Value;
using sql::Datum;
using sql::Type;
using sql::TypedDatum;

constexpr int64_t kMaxParams = 65535;
constexpr int32_t kMaxNanos = 999'999'999;

absl::Status WrongForm(Type type, absl::string_view expected) {
  return absl::InvalidArgumentError(
      absl::StrCat("a value of type ", sql::TypeName(type), " travels as ", expected));
}

absl::StatusOr<TypedDatum> DecodeUntyped(const Value& value) {
  switch (value.kind_case()) {
    case Value::kStringValue:
      return TypedDatum{Type::kUnknown, Datum::String(value.string_value())};
    case Value::kNumberValue: {
      char text[32];
      auto end = std::to_chars(text, text + sizeof(text), value.number_value());
      return TypedDatum{Type::kUnknown, Datum::String(std::string(text, end.ptr))};
    }
    case Value::kBoolValue:
      return TypedDatum{Type::kBool, Datum::Bool(value.bool_value())};
    default:
      return absl::InvalidArgumentError("lists and structures are not parameters");
  }
}

absl::StatusOr<TypedDatum> DecodeFloat(const Value& value) {
  if (value.kind_case() == Value::kNumberValue) {
    return TypedDatum{Type::kFloat8, Datum::Float(value.number_value())};
  }
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::string& text = value.string_value();
  if (text == "NaN") {
    return TypedDatum{Type::kFloat8, Datum::Float(std::numeric_limits<double>::quiet_NaN())};
  }
  if (text == "Infinity") return TypedDatum{Type::kFloat8, Datum::Float(kInfinity)};
  if (text == "-Infinity") return TypedDatum{Type::kFloat8, Datum::Float(-kInfinity)};
  return WrongForm(Type::kFloat8, "a number, or \"NaN\", \"Infinity\" or \"-Infinity\"");
}

// The forms that are strings.
absl::StatusOr<TypedDatum> DecodeString(Type type, const std::string& text) {
  switch (type) {
    case Type::kInt2:
    case Type::kInt4:
    case Type::kInt8: {
      int64_t v = 0;
      if (!absl::SimpleAtoi(text, &v)) return WrongForm(type, "a string of decimal digits");
      return TypedDatum{type, Datum::Int(v)};
    }
    case Type::kBytea: {
      std::string bytes;
      if (!absl::Base64Unescape(text, &bytes)) return WrongForm(type, "a string in base64");
      return TypedDatum{type, Datum::String(std::move(bytes))};
    }
    case Type::kTimestamptz: {
      ISO_ASSIGN_OR_RETURN(int64_t us, sql::ParseTimestamp(text));
      return TypedDatum{type, Datum::Int(us)};
    }
    default: {
      ISO_ASSIGN_OR_RETURN(Datum d, sql::DatumFromText(type, text));
      return TypedDatum{type, std::move(d)};
    }
  }
}

// 1-based; 0 if the name is none.
int64_t ParamNumber(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, "p")) absl::ConsumePrefix(&name, "$");
  int64_t number = 0;
  if (!absl::SimpleAtoi(name, &number) || number < 1 || number > kMaxParams) return 0;
  return number;
}

}  // namespace

namespace {

// An array of several dimensions travels as lists in lists.
void EncodeList(Type element, const sql::ArrayValue& array, size_t depth, size_t* at, Value* out) {
  auto* list = out->mutable_list_value();
  for (int32_t i = 0; i < array.dims[depth].length; ++i) {
    if (depth + 1 < array.dims.size()) {
      EncodeList(element, array, depth + 1, at, list->add_values());
    } else {
      EncodeValue(element, array.elements[(*at)++], list->add_values());
    }
  }
}

void EncodeArray(Type type, const Datum& value, Value* out) {
  const sql::ArrayValue array = sql::ArrayOfDatum(value);
  size_t at = 0;
  out->mutable_list_value();
  if (!array.dims.empty()) EncodeList(sql::ArrayElement(type), array, 0, &at, out);
}

absl::StatusOr<TypedDatum> DecodeArray(Type type, const Value& value) {
  if (value.kind_case() != Value::kListValue) return WrongForm(type, "a list");
  std::vector<Datum> elements;
  for (const Value& v : value.list_value().values()) {
    ISO_ASSIGN_OR_RETURN(TypedDatum d, DecodeValue(sql::ArrayElement(type), v));
    elements.push_back(std::move(d.value));
  }
  return TypedDatum{type, sql::ArrayDatum(sql::MakeVector(std::move(elements)))};
}

}  // namespace

void EncodeType(Type type, spanner::Type* out) {
  if (sql::IsArrayType(type)) {
    out->set_code(spanner::ARRAY);
    EncodeType(sql::ArrayElement(type), out->mutable_array_element_type());
    return;
  }
  switch (type) {
    case Type::kBool:
      out->set_code(spanner::BOOL);
      return;
    case Type::kInt2:
    case Type::kInt4:
    case Type::kInt8:
      out->set_code(spanner::INT64);
      return;
    case Type::kFloat8:
      out->set_code(spanner::FLOAT64);
      return;
    case Type::kFloat4:
      out->set_code(spanner::FLOAT32);
      return;
    case Type::kNumeric:
      out->set_code(spanner::NUMERIC);
      out->set_type_annotation(spanner::PG_NUMERIC);
      return;
    case Type::kBytea:
      out->set_code(spanner::BYTES);
      return;
    case Type::kTimestamptz:
      out->set_code(spanner::TIMESTAMP);
      return;
    case Type::kDate:
      out->set_code(spanner::DATE);
      return;
    case Type::kJson:
    case Type::kJsonb:
      out->set_code(spanner::JSON);
      out->set_type_annotation(spanner::PG_JSONB);
      return;
    case Type::kInterval:
      out->set_code(spanner::INTERVAL);
      return;
    default:
      out->set_code(spanner::STRING);
      return;
  }
}

absl::StatusOr<Type> DecodeType(const spanner::Type& type) {
  switch (type.code()) {
    case spanner::ARRAY: {
      ISO_ASSIGN_OR_RETURN(const Type element, DecodeType(type.array_element_type()));
      if (element == Type::kUnknown || sql::IsArrayType(element)) {
        return absl::InvalidArgumentError("an array is one of a type that is no array");
      }
      return sql::ArrayOf(element);
    }
    case spanner::TYPE_CODE_UNSPECIFIED:
      return Type::kUnknown;
    case spanner::BOOL:
      return Type::kBool;
    case spanner::INT64:
      return Type::kInt8;
    case spanner::FLOAT32:
      return Type::kFloat4;
    case spanner::FLOAT64:
      return Type::kFloat8;
    case spanner::NUMERIC:
      return Type::kNumeric;
    case spanner::TIMESTAMP:
      return Type::kTimestamptz;
    case spanner::DATE:
      return Type::kDate;
    case spanner::JSON:
      return Type::kJsonb;
    case spanner::INTERVAL:
      return Type::kInterval;
    case spanner::STRING:
      return Type::kText;
    case spanner::BYTES:
      return Type::kBytea;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("the type ", spanner::TypeCode_Name(type.code()),
                       " is not known here; use BOOL, INT64, FLOAT32, FLOAT64, NUMERIC, STRING, "
                       "BYTES, TIMESTAMP, DATE or INTERVAL"));
  }
}

void EncodeColumns(const std::vector<sql::ColumnInfo>& columns, spanner::StructType* out) {
  out->mutable_fields()->Reserve(static_cast<int>(columns.size()));
  for (const sql::ColumnInfo& c : columns) {
    spanner::StructType::Field* field = out->add_fields();
    field->set_name(c.name);
    EncodeType(c.type, field->mutable_type());
  }
}

void EncodeValue(Type type, const Datum& value, Value* out) {
  if (value.shape() == Datum::Shape::kArray) return EncodeArray(type, value, out);
  switch (value.shape()) {
    case Datum::Shape::kNull:
      out->set_null_value(google::protobuf::NULL_VALUE);
      return;
    case Datum::Shape::kBool:
      out->set_bool_value(value.bool_value());
      return;
    case Datum::Shape::kInt: {
      if (type == Type::kTimestamptz && value.int_value() >= sql::kMinTimestampUs &&
          value.int_value() <= sql::kMaxTimestampUs) {
        out->set_string_value(sql::FormatRfc3339(value.int_value()));
        return;
      }
      if (!sql::IsInteger(type)) {
        out->set_string_value(sql::DatumToText(type, value));
        return;
      }
      char digits[24];
      auto end = std::to_chars(digits, digits + sizeof(digits), value.int_value());
      out->mutable_string_value()->assign(digits, end.ptr);
      return;
    }
    case Datum::Shape::kFloat: {
      const double v = value.float_value();
      if (std::isnan(v)) {
        out->set_string_value("NaN");
      } else if (std::isinf(v)) {
        out->set_string_value(v > 0 ? "Infinity" : "-Infinity");
      } else {
        out->set_number_value(v);
      }
      return;
    }
    case Datum::Shape::kString:
      if (type == Type::kBytea) {
        absl::Base64Escape(value.string_value(), out->mutable_string_value());
      } else {
        out->set_string_value(sql::DatumToText(type, value));
      }
      return;
    case Datum::Shape::kInterval:
      out->set_string_value(sql::FormatIntervalIso(sql::IntervalOf(value)));
      return;
    default:
      out->set_string_value(sql::DatumToText(type, value));
      return;
  }
}

absl::StatusOr<TypedDatum> DecodeValue(Type type, const Value& value) {
  if (value.kind_case() == Value::kNullValue || value.kind_case() == Value::KIND_NOT_SET) {
    return TypedDatum{type, Datum::Null()};
  }
  if (type == Type::kUnknown) return DecodeUntyped(value);
  if (sql::IsArrayType(type)) return DecodeArray(type, value);
  if (sql::IsFloat(type)) return DecodeFloat(value);
  if (type == Type::kBool) {
    if (value.kind_case() != Value::kBoolValue) return WrongForm(type, "a bool");
    return TypedDatum{type, Datum::Bool(value.bool_value())};
  }
  if (value.kind_case() != Value::kStringValue) return WrongForm(type, "a string");
  return DecodeString(type, value.string_value());
}

absl::StatusOr<sql::Params> DecodeParams(const google::protobuf::Struct& params,
                                         const ParamTypes& types) {
  sql::Params out;
  for (const auto& [name, value] : params.fields()) {
    const int64_t number = ParamNumber(name);
    if (number == 0) {
      return absl::InvalidArgumentError(absl::StrCat("parameter \"", name,
                                                     "\" has no place: name them p1, p2, ... for "
                                                     "$1, $2, ..."));
    }
    Type type = Type::kUnknown;
    if (auto declared = types.find(name); declared != types.end()) {
      ISO_ASSIGN_OR_RETURN(type, DecodeType(declared->second));
    }
    absl::StatusOr<TypedDatum> decoded = DecodeValue(type, value);
    if (!decoded.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("parameter \"", name, "\": ", decoded.status().message()));
    }
    if (out.size() < static_cast<size_t>(number)) out.resize(static_cast<size_t>(number));
    out[static_cast<size_t>(number - 1)] = *std::move(decoded);
  }
  return out;
}

void EncodeTime(Timestamp t, google::protobuf::Timestamp* out) {
  int64_t seconds = t.us / 1'000'000;
  int64_t micros = t.us % 1'000'000;
  if (micros < 0) {
    micros += 1'000'000;
    --seconds;
  }
  out->set_seconds(seconds);
  out->set_nanos(static_cast<int32_t>(micros * 1000));
}

absl::StatusOr<Timestamp> DecodeTime(const google::protobuf::Timestamp& t) {
  constexpr int64_t kMinSeconds = sql::kMinTimestampUs / 1'000'000;
  constexpr int64_t kMaxSeconds = sql::kMaxTimestampUs / 1'000'000;
  if (t.seconds() < kMinSeconds || t.seconds() > kMaxSeconds || t.nanos() < 0 ||
      t.nanos() > kMaxNanos) {
    return absl::InvalidArgumentError(
        "a timestamp lies in the years 1 to 9999, with 0 to 999,999,999 nanoseconds");
  }
  return Timestamp(t.seconds() * 1'000'000 + t.nanos() / 1000);
}

absl::StatusOr<Micros> DecodeDuration(const google::protobuf::Duration& d) {
  constexpr int64_t kMaxSeconds = 315'576'000'000;  // the message's own limit: 10000 years
  if (d.seconds() < 0 || d.seconds() > kMaxSeconds || d.nanos() < 0 || d.nanos() > kMaxNanos) {
    return absl::InvalidArgumentError(
        "a staleness is 0 to 315,576,000,000 seconds, with 0 to 999,999,999 nanoseconds");
  }
  return d.seconds() * 1'000'000 + d.nanos() / 1000;
}

}  // namespace isochron::rpc
