// SPDX-License-Identifier: Apache-2.0
#include "server/pgwire/time_codec.h"

#include "absl/strings/str_cat.h"
#include "sql/types/calendar.h"
#include "sql/types/error.h"
#include "sql/types/time_datum.h"

namespace isochron::pgwire {
namespace {

using sql::Datum;
using sql::Type;

void Append(uint64_t v, int bytes, std::string* out) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(v >> shift));
  }
}

uint64_t Read(absl::string_view bytes) {
  uint64_t v = 0;
  for (char c : bytes) v = v << 8 | static_cast<unsigned char>(c);
  return v;
}

bool IsEndless(Type type, int64_t v) {
  return type == Type::kDate ? sql::IsInfiniteDate(v)
                             : type != Type::kTime && sql::IsInfiniteTimestamp(v);
}

int64_t Epoch(Type type) {
  return type == Type::kDate   ? sql::kPostgresEpochDays
         : type == Type::kTime ? 0
                               : sql::kPostgresEpochUs;
}

}  // namespace

void AppendBinaryTime(Type type, const Datum& value, std::string* out) {
  if (type == Type::kInterval) {
    const sql::Interval v = sql::IntervalOf(value);
    Append(static_cast<uint64_t>(v.us), 8, out);
    Append(static_cast<uint32_t>(v.days), 4, out);
    Append(static_cast<uint32_t>(v.months), 4, out);
    return;
  }
  const int64_t v = value.int_value();
  const int64_t shifted = IsEndless(type, v) ? v : v - Epoch(type);
  Append(static_cast<uint64_t>(shifted), type == Type::kDate ? 4 : 8, out);
}

absl::StatusOr<Datum> DecodeBinaryTime(Type type, absl::string_view bytes) {
  if (type == Type::kInterval) {
    sql::Interval v;
    v.us = static_cast<int64_t>(Read(bytes.substr(0, 8)));
    v.days = static_cast<int32_t>(Read(bytes.substr(8, 4)));
    v.months = static_cast<int32_t>(Read(bytes.substr(12)));
    return sql::IntervalDatum(v);
  }
  int64_t v =
      type == Type::kDate ? static_cast<int32_t>(Read(bytes)) : static_cast<int64_t>(Read(bytes));
  const bool overflow = !IsEndless(type, v) && __builtin_add_overflow(v, Epoch(type), &v);
  if (overflow || !sql::IsTimeInRange(type, Datum::Int(v))) {
    const absl::string_view name = type == Type::kDate   ? "date"
                                   : type == Type::kTime ? "time"
                                                         : "timestamp";
    return sql::SqlError(sql::sqlstate::kDatetimeOverflow, absl::StrCat(name, " out of range"));
  }
  return Datum::Int(v);
}

}  // namespace isochron::pgwire
