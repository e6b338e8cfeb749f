// SPDX-License-Identifier: Apache-2.0
#include "server/pgwire/value_codec.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/pgwire/message_reader.h"
#include "sql/types/error.h"
#include "sql/types/time_text.h"
#include "sql/types/type_info.h"

namespace isochron::pgwire {
namespace {

using sql::Datum;
using sql::Type;

// From 1970 to 2000.
constexpr int64_t kEpochUs = 946'684'800'000'000;

void AppendBigEndian(uint64_t v, int bytes, std::string* out) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(v >> shift));
  }
}

absl::StatusOr<Datum> DecodeBinary(Type type, absl::string_view bytes) {
  const int size = sql::SizeOf(type);
  if (size > 0 && bytes.size() != static_cast<size_t>(size)) {
    return sql::SqlError("22P03", absl::StrCat("incorrect binary data format: ", bytes.size(),
                                               " bytes for a value of type ", sql::TypeName(type)));
  }
  uint64_t v = 0;
  if (size > 0) {
    for (char c : bytes) v = v << 8 | static_cast<unsigned char>(c);
  }
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
    case Type::kTimestamptz: {
      const int64_t us = static_cast<int64_t>(v);
      if (us > sql::kMaxTimestampUs - kEpochUs || us < sql::kMinTimestampUs - kEpochUs) {
        return sql::SqlError(sql::sqlstate::kDatetimeOverflow, "timestamp out of range");
      }
      return Datum::Int(us + kEpochUs);
    }
    case Type::kText:
    case Type::kUnknown:
      ISO_RETURN_IF_ERROR(CheckText(bytes));
      return Datum::String(std::string(bytes));
    case Type::kBytea:
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
  if (sql::IsReady(type)) return type;
  return type == Type::kVarchar || type == Type::kBpchar ? Type::kText : Type::kUnknown;
}

void AppendValue(Type type, int16_t format, const Datum& value, std::string* out) {
  if (format == 0) {
    if (sql::IsInteger(type)) {
      absl::StrAppend(out, value.int_value());
    } else if (type == Type::kText) {
      out->append(value.string_value());
    } else {
      out->append(sql::DatumToText(type, value));
    }
    return;
  }
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
    case Type::kTimestamptz:
      return AppendBigEndian(static_cast<uint64_t>(value.int_value() - kEpochUs), 8, out);
    case Type::kText:
    case Type::kBytea:
      out->append(value.string_value());
      return;
    default:
      out->append(sql::DatumToText(type, value));
      return;
  }
}

absl::StatusOr<Datum> DecodeValue(Type type, int16_t format, absl::string_view bytes) {
  if (format == 1) return DecodeBinary(type, bytes);
  ISO_RETURN_IF_ERROR(CheckText(bytes));
  if (type == Type::kText || type == Type::kUnknown) return Datum::String(std::string(bytes));
  return sql::DatumFromText(type, bytes);
}

}  // namespace isochron::pgwire
