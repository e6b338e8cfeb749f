// SPDX-License-Identifier: Apache-2.0
#include "sql/types/datum.h"

#include <cmath>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/types/array.h"
#include "sql/types/catalog_types.h"
#include "sql/types/enum_type.h"
#include "sql/types/error.h"
#include "sql/types/float_text.h"
#include "sql/types/json.h"
#include "sql/types/numeric.h"
#include "sql/types/time_datum.h"
#include "sql/types/type_info.h"
#include "sql/types/uuid.h"

namespace isochron::sql {
namespace {

absl::Status BadInput(Type type, absl::string_view text) {
  return SqlError(sqlstate::kInvalidText, absl::StrCat("invalid input syntax for type ",
                                                       TypeName(type), ": \"", text, "\""));
}

absl::StatusOr<Datum> IntFromText(Type type, absl::string_view text) {
  const absl::string_view t = absl::StripAsciiWhitespace(text);
  int64_t v = 0;
  if (!absl::SimpleAtoi(t, &v)) {
    absl::string_view digits = t;
    if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) digits.remove_prefix(1);
    if (digits.empty() || digits.find_first_not_of("0123456789") != absl::string_view::npos) {
      return BadInput(type, text);
    }
    v = 0;
  } else if ((type != Type::kInt2 || (v >= -32768 && v <= 32767)) &&
             (type != Type::kInt4 || (v >= std::numeric_limits<int32_t>::min() &&
                                      v <= std::numeric_limits<int32_t>::max()))) {
    return Datum::Int(v);
  }
  return SqlError(sqlstate::kValueOutOfRange,
                  absl::StrCat("value \"", text, "\" is out of range for type ", TypeName(type)));
}

absl::StatusOr<Datum> BoolFromText(absl::string_view text) {
  const std::string t = absl::AsciiStrToLower(absl::StripAsciiWhitespace(text));
  for (const char* yes : {"t", "true", "y", "yes", "on", "1"}) {
    if (t == yes) return Datum::Bool(true);
  }
  for (const char* no : {"f", "false", "n", "no", "off", "0"}) {
    if (t == no) return Datum::Bool(false);
  }
  return BadInput(Type::kBool, text);
}

absl::Status BadHexDigit(absl::string_view rest) {
  size_t end = 1;
  while (end < rest.size() && (static_cast<unsigned char>(rest[end]) & 0xC0) == 0x80) ++end;
  return SqlError(sqlstate::kInvalidParameter,
                  absl::StrCat("invalid hexadecimal digit: \"", rest.substr(0, end), "\""));
}

absl::StatusOr<Datum> ByteaFromText(absl::string_view text) {
  if (text.size() >= 2 && text[0] == '\\' && text[1] == 'x') {
    std::string hex;
    for (size_t i = 2; i < text.size(); ++i) {
      const char c = text[i];
      const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
      // Blanks may stand between bytes.
      if (blank && hex.size() % 2 == 0) continue;
      if (!absl::ascii_isxdigit(c)) return BadHexDigit(text.substr(i));
      hex.push_back(c);
    }
    if (hex.size() % 2 != 0) {
      return SqlError(sqlstate::kInvalidParameter,
                      "invalid hexadecimal data: odd number of digits");
    }
    return Datum::String(absl::HexStringToBytes(hex));
  }
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out.push_back(text[i]);
    } else if (i + 1 < text.size() && text[i + 1] == '\\') {
      out.push_back('\\');
      ++i;
    } else if (i + 3 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '3' &&
               text[i + 2] >= '0' && text[i + 2] <= '7' && text[i + 3] >= '0' &&
               text[i + 3] <= '7') {
      out.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                      (text[i + 3] - '0')));
      i += 3;
    } else {
      return BadInput(Type::kBytea, text);
    }
  }
  return Datum::String(std::move(out));
}

}  // namespace

bool operator==(const Datum& a, const Datum& b) {
  if (a.shape_ != b.shape_) return false;
  return a.is_null() || CompareDatums(a, b) == 0;
}

int CompareDatums(const Datum& a, const Datum& b) {
  switch (a.shape()) {
    case Datum::Shape::kNull:
      return 0;
    case Datum::Shape::kBool:
    case Datum::Shape::kInt:
      return a.int_value() < b.int_value() ? -1 : a.int_value() > b.int_value();
    case Datum::Shape::kFloat: {
      const double x = a.float_value(), y = b.float_value();
      if (std::isnan(x) || std::isnan(y)) {
        return static_cast<int>(std::isnan(x)) - static_cast<int>(std::isnan(y));
      }
      return x < y ? -1 : x > y;
    }
    case Datum::Shape::kBpchar: {
      const auto trimmed = [](const Datum& d) {
        return absl::string_view(d.string_value())
            .substr(0, d.string_value().find_last_not_of(' ') + 1);
      };
      return trimmed(a).compare(trimmed(b));
    }
    case Datum::Shape::kInterval:
      return CompareIntervals(IntervalOf(a), IntervalOf(b));
    case Datum::Shape::kNumeric:
      return numeric::Compare(a, b);
    case Datum::Shape::kString:
      return a.string_value().compare(b.string_value());
    case Datum::Shape::kJsonb:
      return CompareJsonbTexts(a.string_value(), b.string_value());
    case Datum::Shape::kArray:
      return CompareArrays(a.string_value(), b.string_value());
  }
  return 0;
}

std::string DatumToText(Type type, const Datum& d) {
  return DatumToText(type, d, PlainTimeContext());
}

std::string DatumToText(Type type, const Datum& d, const TimeContext& context) {
  switch (d.shape()) {
    case Datum::Shape::kNull:
      return "";
    case Datum::Shape::kBool:
      return d.bool_value() ? "t" : "f";
    case Datum::Shape::kInt:
      if (IsCatalogType(type)) return CatalogTypeToText(type, d);
      if (IsEnum(type)) return EnumToText(type, d);
      return IsTimeType(type) ? TimeDatumToText(type, d, context) : absl::StrCat(d.int_value());
    case Datum::Shape::kInterval:
      return TimeDatumToText(type, d, context);
    case Datum::Shape::kFloat:
      return FloatToText(type, d.float_value());
    case Datum::Shape::kString:
      if (type == Type::kUuid) return UuidToText(d.string_value());
      return type == Type::kBytea ? absl::StrCat("\\x", absl::BytesToHexString(d.string_value()))
                                  : d.string_value();
    case Datum::Shape::kNumeric:
      return numeric::ToText(d);
    case Datum::Shape::kBpchar:
    case Datum::Shape::kJsonb:
      return d.string_value();
    case Datum::Shape::kArray:
      return ArrayToText(type, d, context);
  }
  return "";
}

std::string DatumToSql(Type type, const Datum& d) {
  if (d.is_null()) return "NULL";
  if (d.shape() == Datum::Shape::kBool) return d.bool_value() ? "true" : "false";
  std::string text = DatumToText(type, d);
  const bool bare =
      (d.shape() == Datum::Shape::kInt && !IsTimeType(type) && !IsRegType(type) && !IsEnum(type)) ||
      (d.shape() == Datum::Shape::kFloat && std::isfinite(d.float_value())) ||
      (d.shape() == Datum::Shape::kNumeric && numeric::IsFinite(d));
  return bare ? text : QuoteLiteral(text);
}

absl::StatusOr<Datum> DatumFromText(Type type, absl::string_view text) {
  return DatumFromText(type, text, PlainTimeContext());
}

absl::StatusOr<Datum> DatumFromText(Type type, absl::string_view text, const TimeContext& context,
                                    uint8_t* uses) {
  switch (type) {
    case Type::kBool:
      return BoolFromText(text);
    case Type::kInt2:
    case Type::kInt4:
    case Type::kInt8:
      return IntFromText(type, text);
    case Type::kFloat4:
    case Type::kFloat8: {
      ISO_ASSIGN_OR_RETURN(const double v, FloatFromText(type, text));
      return Datum::Float(v);
    }
    case Type::kNumeric:
      return numeric::FromText(text);
    case Type::kUnknown:
    case Type::kText:
    case Type::kVarchar:
      return Datum::String(std::string(text));
    case Type::kBpchar:
      return Datum::Encoded(Datum::Shape::kBpchar, std::string(text));
    case Type::kUuid: {
      ISO_ASSIGN_OR_RETURN(std::string bytes, UuidFromText(text));
      return Datum::String(std::move(bytes));
    }
    case Type::kBytea:
      return ByteaFromText(text);
    case Type::kDate:
    case Type::kTime:
    case Type::kTimestamp:
    case Type::kTimestamptz:
    case Type::kInterval:
      return TimeDatumFromText(type, text, context, uses);
    case Type::kJson: {
      ISO_RETURN_IF_ERROR(CheckJson(text));
      return Datum::String(std::string(text));
    }
    case Type::kJsonb: {
      ISO_ASSIGN_OR_RETURN(const JsonValue v, ParseJson(text, JsonForm::kJsonb));
      return Datum::Encoded(Datum::Shape::kJsonb, JsonbText(v));
    }
    default:
      if (IsArrayType(type)) return ArrayFromText(type, text, context, uses);
      if (IsCatalogType(type)) return CatalogTypeFromText(type, text);
      if (IsEnum(type)) return EnumFromText(type, text);
      return NotReady(type);
  }
}

std::string QuoteIdentifier(absl::string_view name) {
  std::string out = "\"";
  for (char c : name) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
  return out;
}

std::string QuoteLiteral(absl::string_view text) {
  std::string out;
  bool escape = false;
  for (char c : text) {
    if (c == '\'') out.push_back('\'');
    if (c == '\\') {
      out.push_back('\\');
      escape = true;
    }
    out.push_back(c);
  }
  return absl::StrCat(escape ? "E'" : "'", out, "'");
}

int OrderDatums(const Datum& a, const Datum& b, bool descending, bool nulls_first) {
  if (a.is_null() || b.is_null()) {
    if (a.is_null() == b.is_null()) return 0;
    return a.is_null() == nulls_first ? -1 : 1;
  }
  const int order = CompareDatums(a, b);
  return descending ? -order : order;
}

}  // namespace isochron::sql
