// SPDX-License-Identifier: Apache-2.0
#include "server/pgwire/value_codec.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/pgwire/message_reader.h"
#include "sql/types/error.h"
#include "sql/types/time_text.h"

namespace isochron::pgwire {
namespace {

using sql::Datum;
using sql::Type;

// From 1970 to 2000.
constexpr int64_t kEpochUs = 946'684'800'000'000;

int SizeOf(Type type) { return PgTypeOf(type).size; }

void AppendBigEndian(uint64_t v, int bytes, std::string* out) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(v >> shift));
  }
}

absl::StatusOr<Datum> DecodeBinary(Type type, absl::string_view bytes) {
  const int size = SizeOf(type);
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
  }
  return sql::SqlError(sql::sqlstate::kInternal, "a value of no known type");
}

}  // namespace

PgType PgTypeOf(Type type) {
  switch (type) {
    case Type::kBool:
      return {16, 1};
    case Type::kInt2:
      return {21, 2};
    case Type::kInt4:
      return {23, 4};
    case Type::kInt8:
      return {20, 8};
    case Type::kFloat8:
      return {701, 8};
    case Type::kBytea:
      return {17, -1};
    case Type::kTimestamptz:
      return {1184, 8};
    case Type::kText:
    case Type::kUnknown:
      break;
  }
  return {25, -1};
}

Type TypeOfOid(int32_t oid) {
  switch (oid) {
    case 16:
      return Type::kBool;
    case 17:
      return Type::kBytea;
    case 20:
      return Type::kInt8;
    case 21:
      return Type::kInt2;
    case 23:
      return Type::kInt4;
    case 25:
    case 1042:  // char(n)
    case 1043:  // varchar
      return Type::kText;
    case 701:
      return Type::kFloat8;
    case 1184:
      return Type::kTimestamptz;
    default:
      return Type::kUnknown;
  }
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
      return AppendBigEndian(static_cast<uint64_t>(value.int_value()), SizeOf(type), out);
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
    case Type::kUnknown:
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
