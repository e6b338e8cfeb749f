// SPDX-License-Identifier: Apache-2.0
#include "sql/catalog/row_codec.h"

#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/layout.h"
#include "sql/types/json.h"
#include "sql/types/modifiers.h"
#include "sql/types/numeric.h"
#include "sql/types/time_datum.h"
#include "sql/types/type_info.h"
#include "sql/types/uuid.h"

namespace isochron::sql {
namespace {

constexpr uint8_t kFormat = 1;
enum Tag : uint8_t {
  kNull = 0,
  kFalse = 1,
  kTrue = 2,
  kInt = 3,
  kFloat = 4,
  kString = 5,
  kSmallNumeric = 6,
  kNumeric = 7,
  kBpchar = 8,
  kInterval = 9,
  kArray = 10,
  kJsonb = 11,
};

absl::Status Damaged(const TableDescriptor& table, absl::string_view key) {
  return absl::DataLossError(
      absl::StrCat("a row of table ", table.name, " cannot be read: ", ReadableKey(key)));
}

absl::Status CheckTime(Type type, const Datum& d) {
  return IsTimeInRange(type, d) ? absl::OkStatus()
                                : absl::DataLossError("a key part is no time of its type");
}

}  // namespace

absl::Status ReadKeyPart(Type type, KeyReader* in, Datum* d) {
  if (in->Peek() == KeyPart::kNull) {
    *d = Datum::Null();
    return in->ReadNull();
  }
  switch (type) {
    case Type::kBool: {
      bool v = false;
      ISO_RETURN_IF_ERROR(in->ReadBool(&v));
      *d = Datum::Bool(v);
      return absl::OkStatus();
    }
    case Type::kInt2:
    case Type::kInt4:
    case Type::kInt8: {
      int64_t v = 0;
      ISO_RETURN_IF_ERROR(in->ReadInt64(&v));
      *d = Datum::Int(v);
      return absl::OkStatus();
    }
    case Type::kFloat4:
    case Type::kFloat8: {
      double v = 0;
      ISO_RETURN_IF_ERROR(in->ReadDouble(&v));
      *d = Datum::Float(v);
      return absl::OkStatus();
    }
    case Type::kDate:
    case Type::kTime: {
      int64_t v = 0;
      ISO_RETURN_IF_ERROR(in->ReadInt64(&v));
      *d = Datum::Int(v);
      return CheckTime(type, *d);
    }
    case Type::kTimestamp:
    case Type::kTimestamptz: {
      Timestamp v;
      ISO_RETURN_IF_ERROR(in->ReadTime(&v));
      *d = Datum::Time(v);
      return CheckTime(type, *d);
    }
    case Type::kInterval: {
      std::string bytes;
      ISO_RETURN_IF_ERROR(in->ReadBytea(&bytes));
      Interval v;
      if (!IntervalFromSortKey(bytes, &v)) return absl::DataLossError("a key part is no interval");
      *d = IntervalDatum(v);
      return absl::OkStatus();
    }
    case Type::kNumeric: {
      std::string bytes;
      ISO_RETURN_IF_ERROR(in->ReadBytea(&bytes));
      if (!numeric::ReadFromKey(bytes, d)) return absl::DataLossError("a key part is no numeric");
      return absl::OkStatus();
    }
    case Type::kUuid: {
      std::string bytes;
      ISO_RETURN_IF_ERROR(in->ReadBytea(&bytes));
      if (bytes.size() != kUuidBytes) return absl::DataLossError("a key part is no uuid");
      *d = Datum::String(std::move(bytes));
      return absl::OkStatus();
    }
    case Type::kBpchar: {
      std::string v;
      ISO_RETURN_IF_ERROR(in->ReadText(&v));
      *d = Datum::Encoded(Datum::Shape::kBpchar, std::move(v));
      return absl::OkStatus();
    }
    case Type::kText:
    case Type::kVarchar:
    case Type::kName:
    case Type::kBytea:
    case Type::kUnknown: {
      std::string v;
      ISO_RETURN_IF_ERROR(type == Type::kBytea ? in->ReadBytea(&v) : in->ReadText(&v));
      *d = Datum::String(std::move(v));
      return absl::OkStatus();
    }
    default:
      break;
  }
  if (ShapeOf(type) == Datum::Shape::kInt) {
    int64_t v = 0;
    ISO_RETURN_IF_ERROR(in->ReadInt64(&v));
    *d = Datum::Int(v);
    return absl::OkStatus();
  }
  if (ShapeOf(type) == Datum::Shape::kString) {
    std::string v;
    ISO_RETURN_IF_ERROR(in->ReadBytea(&v));
    *d = Datum::String(std::move(v));
    return absl::OkStatus();
  }
  return absl::DataLossError("a key part of no known type");
}

void AppendKeyPart(Type type, const Datum& d, std::string* key) {
  KeyWriter out(key);
  if (d.is_null()) {
    out.Null(Nulls::kLast);
    return;
  }
  switch (type) {
    case Type::kBool:
      out.Bool(d.bool_value());
      return;
    case Type::kInt2:
    case Type::kInt4:
    case Type::kInt8:
      out.Int64(d.int_value());
      return;
    case Type::kFloat4:
    case Type::kFloat8:
      out.Double(d.float_value());
      return;
    case Type::kDate:
    case Type::kTime:
      out.Int64(d.int_value());
      return;
    case Type::kTimestamp:
    case Type::kTimestamptz:
      out.Time(Timestamp(d.int_value()));
      return;
    case Type::kJsonb:
      // For grouping: no key of a table holds one.
      out.Bytea(JsonbGroupKey(d.string_value()));
      return;
    case Type::kInterval:
      // Equal intervals are one key; the value keeps which it was.
      out.Bytea(IntervalSortKey(IntervalOf(d)));
      return;
    case Type::kBytea:
      out.Bytea(d.string_value());
      return;
    case Type::kNumeric: {
      std::string bytes;
      numeric::AppendToKey(d, &bytes);
      out.Bytea(bytes);
      return;
    }
    case Type::kBpchar:
      out.Text(TrimmedBpchar(d.string_value()));
      return;
    case Type::kText:
    case Type::kVarchar:
    case Type::kName:  // equals a text
    case Type::kUnknown:
      out.Text(d.string_value());
      return;
    default:
      if (d.shape() == Datum::Shape::kInt) return out.Int64(d.int_value());
      out.Bytea(d.string_value());
      return;
  }
}

bool KeyPartIsExact(Type type) {
  if (IsEnum(type)) return true;
  switch (type) {
    case Type::kBool:
    case Type::kInt2:
    case Type::kInt4:
    case Type::kInt8:
    case Type::kText:
    case Type::kVarchar:
    case Type::kBytea:
    case Type::kUuid:
    case Type::kDate:
    case Type::kTime:
    case Type::kTimestamp:
    case Type::kTimestamptz:
      return true;
    default:
      return false;
  }
}

std::string RowPrefix(const TableDescriptor& table) { return TableDataPrefix(table.id); }

std::string EncodeRowKey(const TableDescriptor& table, const Row& row) {
  std::string key = RowPrefix(table);
  for (uint32_t c : table.key) AppendKeyPart(table.columns[c].type, row[c], &key);
  return key;
}

void WriteDatum(const Datum& d, Writer* out) {
  switch (d.shape()) {
    case Datum::Shape::kNull:
      out->Byte(kNull);
      return;
    case Datum::Shape::kBool:
      out->Byte(d.bool_value() ? kTrue : kFalse);
      return;
    case Datum::Shape::kInt:
      out->Byte(kInt);
      out->Zigzag(d.int_value());
      return;
    case Datum::Shape::kFloat: {
      uint64_t bits;
      const double v = d.float_value();
      std::memcpy(&bits, &v, sizeof(bits));
      out->Byte(kFloat);
      out->Fixed64(bits);
      return;
    }
    case Datum::Shape::kString:
      out->Byte(kString);
      out->Bytes(d.string_value());
      return;
    case Datum::Shape::kNumeric:
      if (d.is_small_numeric()) {
        out->Byte(kSmallNumeric);
        out->Varint(d.scale());
        out->Zigzag(d.int_value());
        return;
      }
      out->Byte(kNumeric);
      out->Bytes(d.string_value());
      return;
    case Datum::Shape::kBpchar:
      out->Byte(kBpchar);
      out->Bytes(d.string_value());
      return;
    case Datum::Shape::kInterval:
      out->Byte(kInterval);
      out->Bytes(d.string_value());
      return;
    case Datum::Shape::kArray:
      out->Byte(kArray);
      out->Bytes(d.string_value());
      return;
    case Datum::Shape::kJsonb:
      out->Byte(kJsonb);
      out->Bytes(d.string_value());
      return;
  }
}

namespace {

bool ReadEncoded(Datum::Shape shape, Reader* in, Datum* d) {
  absl::string_view v;
  if (!in->Bytes(&v)) return false;
  *d = Datum::Encoded(shape, std::string(v));
  return true;
}

}  // namespace

bool ReadDatum(Reader* in, Datum* d) {
  uint8_t tag;
  if (!in->Byte(&tag)) return false;
  switch (tag) {
    case kNull:
      *d = Datum::Null();
      return true;
    case kFalse:
    case kTrue:
      *d = Datum::Bool(tag == kTrue);
      return true;
    case kInt: {
      int64_t v;
      if (!in->Zigzag(&v)) return false;
      *d = Datum::Int(v);
      return true;
    }
    case kFloat: {
      uint64_t bits;
      if (!in->Fixed64(&bits)) return false;
      double v;
      std::memcpy(&v, &bits, sizeof(v));
      *d = Datum::Float(v);
      return true;
    }
    case kString: {
      absl::string_view v;
      if (!in->Bytes(&v)) return false;
      *d = Datum::String(std::string(v));
      return true;
    }
    case kSmallNumeric: {
      uint32_t scale;
      int64_t mantissa;
      if (!in->Varint32(&scale) || scale > numeric::kMaxScale || !in->Zigzag(&mantissa)) {
        return false;
      }
      *d = Datum::SmallNumeric(mantissa, static_cast<uint16_t>(scale));
      return true;
    }
    case kNumeric:
      return ReadEncoded(Datum::Shape::kNumeric, in, d) && numeric::IsForm(d->string_value());
    case kBpchar:
      return ReadEncoded(Datum::Shape::kBpchar, in, d);
    case kInterval:
      return ReadEncoded(Datum::Shape::kInterval, in, d);
    case kArray:
      return ReadEncoded(Datum::Shape::kArray, in, d);
    case kJsonb:
      return ReadEncoded(Datum::Shape::kJsonb, in, d);
    default:
      return false;
  }
}

bool HasShapeOf(Type type, const Datum& d) {
  if (d.is_null()) return true;
  return d.shape() == ShapeOf(type) && (!IsTimeType(type) || IsTimeInRange(type, d));
}

std::string EncodeRowValue(const TableDescriptor& table, const Row& row) {
  std::string value;
  Writer out(&value);
  out.Byte(kFormat);
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const ColumnDescriptor& column = table.columns[i];
    if ((row[i].is_null() && !column.has_missing) || !column.computed_sql.empty()) continue;
    if (table.KeyPosition(static_cast<uint32_t>(i)) >= 0 && KeyPartIsExact(column.type)) continue;
    out.Varint(column.id);
    WriteDatum(row[i], &out);
  }
  return value;
}

absl::Status DecodeRow(const TableDescriptor& table, absl::string_view key, absl::string_view value,
                       Row* row) {
  row->assign(table.columns.size(), Datum::Null());
  for (size_t i = 0; i < row->size(); ++i) {
    if (table.columns[i].has_missing) (*row)[i] = table.columns[i].missing_value;
  }
  if (key.empty() || key[0] != kTablePrefix) return Damaged(table, key);
  KeyReader parts(key.substr(1));
  TableId id;
  uint64_t index;
  if (!parts.ReadPrefix(&id, &index).ok() || id != table.id || index != kPrimaryIndex) {
    return Damaged(table, key);
  }
  for (uint32_t c : table.key) {
    if (!ReadKeyPart(table.columns[c].type, &parts, &(*row)[c]).ok()) return Damaged(table, key);
  }
  Reader in(value);
  uint8_t format;
  if (!parts.AtEnd() || !in.Byte(&format) || format != kFormat) return Damaged(table, key);
  size_t at = 0;
  while (!in.AtEnd()) {
    uint64_t column;
    Datum d;
    if (!in.Varint(&column) || !ReadDatum(&in, &d)) return Damaged(table, key);
    // Both sides ascend by id, so one pass finds each column.
    while (at < table.columns.size() && table.columns[at].id < column) ++at;
    if (at == table.columns.size() || table.columns[at].id != column) continue;
    if (!HasShapeOf(table.columns[at].type, d)) return Damaged(table, key);
    const bool in_key = table.KeyPosition(static_cast<uint32_t>(at)) >= 0;
    if (in_key && !(d == (*row)[at])) return Damaged(table, key);
    (*row)[at] = std::move(d);
  }
  return absl::OkStatus();
}

}  // namespace isochron::sql
