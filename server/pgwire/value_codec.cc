// SPDX-License-Identifier: Apache-2.0
#include "server/pgwire/value_codec.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/pgwire/message_reader.h"
#include "server/pgwire/time_codec.h"
#include "sql/types/array.h"
#include "sql/types/error.h"
#include "sql/types/numeric.h"
#include "sql/types/type_info.h"

namespace isochron::pgwire {
namespace {

using sql::Datum;
using sql::Type;

void AppendBigEndian(uint64_t v, int bytes, std::string* out) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(v >> shift));
  }
}

absl::StatusOr<Datum> DecodeBinary(Type type, absl::string_view bytes);

absl::Status BadArray() {
  return sql::SqlError("22P03", "incorrect binary data format in an array");
}

// Takes a big-endian integer of four bytes from the front.
bool TakeInt32(absl::string_view* in, int32_t* v) {
  if (in->size() < 4) return false;
  uint32_t u = 0;
  for (char c : in->substr(0, 4)) u = u << 8 | static_cast<unsigned char>(c);
  in->remove_prefix(4);
  *v = static_cast<int32_t>(u);
  return true;
}

// Dimensions, whether there are NULLs, the elements' oid; a length and a lower bound a dimension;
// each element with its length, -1 for NULL.
// Elements are read as `read`.
absl::StatusOr<Datum> DecodeArray(Type type, Type read, absl::string_view in) {
  const Type element = sql::ArrayElement(type);
  int32_t dims, has_nulls, oid;
  if (!TakeInt32(&in, &dims) || !TakeInt32(&in, &has_nulls) || !TakeInt32(&in, &oid) || dims < 0 ||
      static_cast<size_t>(dims) > sql::kMaxArrayDimensions) {
    return BadArray();
  }
  if (oid != sql::OidOf(element)) {
    return sql::SqlError(
        sql::sqlstate::kDatatypeMismatch,
        absl::StrCat("wrong element type: oid ", oid, " in an array of ", sql::TypeName(element)));
  }
  sql::ArrayValue value;
  int64_t size = dims == 0 ? 0 : 1;
  for (int32_t i = 0; i < dims; ++i) {
    sql::ArrayDimension d;
    if (!TakeInt32(&in, &d.length) || !TakeInt32(&in, &d.lower) || d.length < 0 ||
        static_cast<int64_t>(d.lower) + d.length > INT32_MAX) {
      return BadArray();
    }
    value.dims.push_back(d);
    ISO_RETURN_IF_ERROR(sql::CheckArraySize(value.dims));
    size *= d.length;
  }
  // Every element takes its length at least.
  if (size > static_cast<int64_t>(in.size() / 4)) return BadArray();
  for (int64_t i = 0; i < size; ++i) {
    int32_t length;
    if (!TakeInt32(&in, &length) || length < -1 ||
        (length > 0 && static_cast<size_t>(length) > in.size())) {
      return BadArray();
    }
    if (length < 0) {
      value.elements.push_back(Datum::Null());
      continue;
    }
    ISO_ASSIGN_OR_RETURN(Datum d, DecodeBinary(read, in.substr(0, static_cast<size_t>(length))));
    in.remove_prefix(static_cast<size_t>(length));
    value.elements.push_back(std::move(d));
  }
  if (!in.empty()) return BadArray();
  if (size == 0) value.dims.clear();
  return sql::ArrayDatum(value);
}

void AppendArray(Type type, const Datum& value, std::string* out) {
  const Type element = sql::ArrayElement(type);
  const sql::ArrayValue array = sql::ArrayOfDatum(value);
  bool nulls = false;
  for (const Datum& d : array.elements) nulls = nulls || d.is_null();
  auto append = [out](int64_t v) { AppendBigEndian(static_cast<uint64_t>(v), 4, out); };
  append(static_cast<int64_t>(array.dims.size()));
  append(nulls ? 1 : 0);
  append(sql::OidOf(element));
  for (const sql::ArrayDimension& d : array.dims) {
    append(d.length);
    append(d.lower);
  }
  for (const Datum& d : array.elements) {
    if (d.is_null()) {
      append(-1);
      continue;
    }
    std::string bytes;
    AppendValue(element, 1, d, sql::PlainTimeContext(), &bytes);
    append(static_cast<int64_t>(bytes.size()));
    out->append(bytes);
  }
}

absl::StatusOr<Datum> DecodeBinary(Type type, absl::string_view bytes) {
  if (sql::IsEnum(type)) {
    ISO_RETURN_IF_ERROR(CheckText(bytes));
    return sql::DatumFromText(type, bytes);
  }
  // Names and single characters travel as texts.
  const int size = type == Type::kName || type == Type::kChar ? -1 : sql::SizeOf(type);
  if (size > 0 && bytes.size() != static_cast<size_t>(size)) {
    return sql::SqlError("22P03", absl::StrCat("incorrect binary data format: ", bytes.size(),
                                               " bytes for a value of type ", sql::TypeName(type)));
  }
  uint64_t v = 0;
  if (size > 0) {
    for (char c : bytes) v = v << 8 | static_cast<unsigned char>(c);
  }
  if (sql::IsArrayType(type)) return DecodeArray(type, sql::ArrayElement(type), bytes);
  switch (type) {
    case Type::kBool:
      return Datum::Bool(v != 0);
    case Type::kInt2:
      return Datum::Int(static_cast<int16_t>(v));
    case Type::kInt4:
      return Datum::Int(static_cast<int32_t>(v));
    case Type::kInt8:
      return Datum::Int(static_cast<int64_t>(v));
    case Type::kFloat8: {
      double d;
      memcpy(&d, &v, sizeof(d));
      return Datum::Float(d);
    }
    case Type::kDate:
    case Type::kTime:
    case Type::kTimestamp:
    case Type::kTimestamptz:
    case Type::kInterval:
      return DecodeBinaryTime(type, bytes);
    case Type::kOid:
    case Type::kXid:
    case Type::kRegclass:
    case Type::kRegtype:
    case Type::kRegproc:
    case Type::kRegnamespace:
      return Datum::Int(static_cast<int64_t>(v));
    case Type::kJsonb:
      // A version, 1, and the text.
      if (bytes.empty() || bytes[0] != 1) {
        return sql::SqlError("22P03", "unsupported jsonb version number");
      }
      bytes.remove_prefix(1);
      ISO_RETURN_IF_ERROR(CheckText(bytes));
      return sql::DatumFromText(type, bytes);
    case Type::kJson:
    case Type::kName:
    case Type::kChar:
      ISO_RETURN_IF_ERROR(CheckText(bytes));
      return sql::DatumFromText(type, bytes);
    case Type::kFloat4: {
      const auto bits = static_cast<uint32_t>(v);
      float f;
      memcpy(&f, &bits, sizeof(f));
      return Datum::Float(f);
    }
    case Type::kNumeric:
      return sql::numeric::FromBinary(bytes);
    case Type::kText:
    case Type::kVarchar:
    case Type::kUnknown:
      ISO_RETURN_IF_ERROR(CheckText(bytes));
      return Datum::String(std::string(bytes));
    case Type::kBpchar:
      ISO_RETURN_IF_ERROR(CheckText(bytes));
      return Datum::Encoded(Datum::Shape::kBpchar, std::string(bytes));
    case Type::kBytea:
    case Type::kUuid:
      return Datum::String(std::string(bytes));
    default:
      return sql::NotReady(type);
  }
}

}  // namespace

PgType PgTypeOf(Type type) {
  if (type == Type::kUnknown) type = Type::kText;
  return {sql::OidOf(type), sql::SizeOf(type)};
}

Type TypeOfOid(int32_t oid) {
  const Type type = sql::TypeFromOid(oid);
  return sql::IsReady(type) ? type : Type::kUnknown;
}

void AppendValue(Type type, int16_t format, const Datum& value, const sql::TimeContext& time,
                 std::string* out) {
  if (format == 0) {
    if (sql::IsInteger(type)) {
      absl::StrAppend(out, value.int_value());
    } else if (type == Type::kText) {
      out->append(value.string_value());
    } else {
      out->append(sql::DatumToText(type, value, time));
    }
    return;
  }
  if (sql::IsArrayType(type)) return AppendArray(type, value, out);
  switch (type) {
    case Type::kBool:
      out->push_back(value.bool_value() ? '\1' : '\0');
      return;
    case Type::kInt2:
    case Type::kInt4:
    case Type::kInt8:
      return AppendBigEndian(static_cast<uint64_t>(value.int_value()), sql::SizeOf(type), out);
    case Type::kFloat8: {
      const double d = value.float_value();
      uint64_t bits;
      memcpy(&bits, &d, sizeof(bits));
      return AppendBigEndian(bits, 8, out);
    }
    case Type::kDate:
    case Type::kTime:
    case Type::kTimestamp:
    case Type::kTimestamptz:
    case Type::kInterval:
      return AppendBinaryTime(type, value, out);
    case Type::kOid:
    case Type::kXid:
    case Type::kRegclass:
    case Type::kRegtype:
    case Type::kRegproc:
    case Type::kRegnamespace:
      return AppendBigEndian(static_cast<uint64_t>(value.int_value()), 4, out);
    case Type::kJsonb:
      out->push_back('\1');
      out->append(value.string_value());
      return;
    case Type::kFloat4: {
      const auto f = static_cast<float>(value.float_value());
      uint32_t bits;
      memcpy(&bits, &f, sizeof(bits));
      return AppendBigEndian(bits, 4, out);
    }
    case Type::kNumeric:
      return sql::numeric::AppendBinary(value, out);
    case Type::kText:
    case Type::kVarchar:
    case Type::kBpchar:
    case Type::kBytea:
    case Type::kUuid:
      out->append(value.string_value());
      return;
    default:
      out->append(sql::DatumToText(type, value));
      return;
  }
}

absl::StatusOr<Datum> DecodeText(Type type, int16_t format, absl::string_view bytes) {
  if (format == 1 && sql::IsArrayType(type)) {
    ISO_ASSIGN_OR_RETURN(const Datum texts, DecodeArray(type, Type::kText, bytes));
    return Datum::String(sql::DatumToText(sql::ArrayOf(Type::kText), texts));
  }
  ISO_RETURN_IF_ERROR(CheckText(bytes));
  return Datum::String(std::string(bytes));
}

absl::StatusOr<Datum> DecodeValue(Type type, int16_t format, absl::string_view bytes,
                                  const sql::TimeContext& time) {
  if (format == 1) return DecodeBinary(type, bytes);
  ISO_RETURN_IF_ERROR(CheckText(bytes));
  if (type == Type::kText || type == Type::kUnknown) return Datum::String(std::string(bytes));
  return sql::DatumFromText(type, bytes, time);
}

}  // namespace isochron::pgwire
