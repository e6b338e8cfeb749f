// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_DATUM_H_
#define ISOCHRON_SQL_TYPES_DATUM_H_

// One SQL value, and the types a value may have.
//
// A Datum knows whether it is NULL and which shape it has; the SQL type is known by whoever holds
// it (a column, an expression), so that rows stay small. The shape decides how two values compare:
//
//   bool, int      integers of every width, oids, times as counts of microseconds or days, a label
//                  of an enum as its place in the order
//   float          real and double precision
//   string         text, varchar, name, bytea, json; uuid as its 16 bytes
//   bpchar         char(n), padded; blanks at the end do not count
//   numeric        (sql/types/numeric.h) a small one as mantissa and scale, others in the string
//   interval, array, jsonb    in the string, as their own headers say

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/types.h"

namespace isochron::sql {

// The low byte is stored in descriptors: its numbers are never reused. kUnknown is a literal or
// parameter whose type its place decides. A type that users made is kEnum with a handle above the
// low byte (sql/types/enum_type.h); kEnum itself is that of functions that take any such.
enum class Type : uint32_t {
  kUnknown = 0,
  kBool = 1,
  kInt2 = 2,
  kInt4 = 3,
  kInt8 = 4,
  kFloat8 = 5,
  kText = 6,
  kBytea = 7,
  kTimestamptz = 8,
  kFloat4 = 9,
  kNumeric = 10,
  kVarchar = 11,
  kBpchar = 12,  // char(n)
  kDate = 13,
  kTime = 14,
  kTimestamp = 15,
  kInterval = 16,
  kUuid = 17,
  kJson = 18,
  kJsonb = 19,
  kOid = 20,
  kName = 21,
  kChar = 22,  // "char", of one byte
  kRegclass = 23,
  kRegtype = 24,
  kRegproc = 25,
  kRegnamespace = 26,
  kInt2Vector = 27,
  kOidVector = 28,
  kTimetz = 29,
  kXid = 30,
  kEnum = 31,
};
inline constexpr uint8_t kTypeCount = 32;

// An array of T has T's number and this bit.
inline constexpr uint32_t kArrayBit = 0x80;
inline constexpr uint32_t NumberOf(Type t) { return static_cast<uint32_t>(t); }
inline constexpr bool IsArray(Type t) { return (NumberOf(t) & kArrayBit) != 0; }
inline constexpr Type ArrayOf(Type t) { return static_cast<Type>(NumberOf(t) | kArrayBit); }
inline constexpr Type ElementOf(Type t) { return static_cast<Type>(NumberOf(t) & ~kArrayBit); }
// Without the handle: one of the constants above, or an array of one.
inline constexpr Type KindOf(Type t) { return static_cast<Type>(NumberOf(t) & 0xff); }
// An enum, no array of one.
inline constexpr bool IsEnum(Type t) { return KindOf(t) == Type::kEnum; }

inline bool IsInteger(Type t) { return t == Type::kInt2 || t == Type::kInt4 || t == Type::kInt8; }
inline bool IsFloat(Type t) { return t == Type::kFloat4 || t == Type::kFloat8; }
inline bool IsNumeric(Type t) { return IsInteger(t) || IsFloat(t) || t == Type::kNumeric; }

// PostgreSQL's name: "bigint", "double precision", "integer[]". sql/types/type_info.h has more.
absl::string_view TypeName(Type t);
// The type of a name in SQL text, lower case ("int8", "timestamptz", "_int4" for an array of
// integers); kUnknown if none.
Type TypeFromName(absl::string_view name);

struct TimeContext;  // sql/types/datetime_parse.h

class Datum {
 public:
  enum class Shape : uint8_t {
    kNull,
    kBool,
    kInt,
    kFloat,
    kString,
    kNumeric,
    kBpchar,
    kInterval,
    kArray,
    kJsonb,
  };

  Datum() = default;  // NULL
  static Datum Null() { return Datum(); }
  static Datum Bool(bool v) {
    Datum d(Shape::kBool);
    d.int_ = v ? 1 : 0;
    return d;
  }
  static Datum Int(int64_t v) {
    Datum d(Shape::kInt);
    d.int_ = v;
    return d;
  }
  static Datum Float(double v) {
    Datum d(Shape::kFloat);
    d.float_ = v;
    return d;
  }
  static Datum String(std::string v) {
    Datum d(Shape::kString);
    d.string_ = std::move(v);
    return d;
  }
  static Datum Time(Timestamp t) { return Int(t.us); }
  // A value whose form, held in the string, is its type's own.
  static Datum Encoded(Shape shape, std::string v) {
    Datum d(shape);
    d.string_ = std::move(v);
    return d;
  }
  // The numeric mantissa / 10^scale, with `scale` digits behind its point.
  static Datum SmallNumeric(int64_t mantissa, uint16_t scale) {
    Datum d(Shape::kNumeric);
    d.int_ = mantissa;
    d.scale_ = scale;
    return d;
  }

  Shape shape() const { return shape_; }
  bool is_null() const { return shape_ == Shape::kNull; }
  // Preconditions: the value has that shape.
  bool bool_value() const { return int_ != 0; }
  int64_t int_value() const { return int_; }
  double float_value() const { return float_; }
  const std::string& string_value() const { return string_; }
  std::string& mutable_string() { return string_; }
  // Of a numeric: whether mantissa (int_value) and scale are all of it.
  bool is_small_numeric() const { return string_.empty(); }
  uint16_t scale() const { return scale_; }

  // Bytes held, for memory accounts.
  int64_t MemoryBytes() const {
    return static_cast<int64_t>(sizeof(Datum) + (string_.size() > 15 ? string_.size() : 0));
  }

  // NULLs equal each other; for tests and grouping, not SQL's `=`.
  friend bool operator==(const Datum& a, const Datum& b);

 private:
  explicit Datum(Shape s) : shape_(s) {}
  Shape shape_ = Shape::kNull;
  uint16_t scale_ = 0;
  union {
    int64_t int_ = 0;
    double float_;
  };
  std::string string_;
};

using Row = std::vector<Datum>;

// A parameter: kUnknown with a string value means "text whose type the statement decides".
struct TypedDatum {
  Type type = Type::kUnknown;
  Datum value;
};
using Params = std::vector<TypedDatum>;

struct ColumnInfo {
  std::string name;
  Type type = Type::kUnknown;
  int32_t typmod = -1;  // PostgreSQL's: the n of varchar(n) + 4, ... (sql/types/type_info.h)
  // The relation whose column it shows as it is, by PostgreSQL's oid, and the column's number; 0
  // for none.
  int64_t table = 0;
  uint32_t column = 0;
};

// <0, 0, >0. Both non-NULL and of one shape. NaN equals NaN and is greater than any number.
int CompareDatums(const Datum& a, const Datum& b);
// How two values lie in an ORDER BY; NULLs are equal.
int OrderDatums(const Datum& a, const Datum& b, bool descending, bool nulls_first);

// PostgreSQL's text form ("t", "\x0102", "2024-01-02 03:04:05.5+00"). NULL gives "". With a
// context, in the session's time zone; without one, in UTC.
std::string DatumToText(Type type, const Datum& d);
std::string DatumToText(Type type, const Datum& d, const TimeContext& context);
// The form that stands in SQL text: quoted where needed, NULL as NULL.
std::string DatumToSql(Type type, const Datum& d);
// Parses PostgreSQL's input form of `type`. 22P02, 22003, 22007, 22008. `uses` tells what of the
// context the value depends on (kUsesZone and so on, sql/types/datetime_parse.h), and may be null.
// Without a context: UTC, and the epoch is now.
absl::StatusOr<Datum> DatumFromText(Type type, absl::string_view text);
absl::StatusOr<Datum> DatumFromText(Type type, absl::string_view text, const TimeContext& context,
                                    uint8_t* uses = nullptr);

// Two names or literals spelt safely for SQL text made by programs (mutations, pg_dump-like tools).
std::string QuoteIdentifier(absl::string_view name);
std::string QuoteLiteral(absl::string_view text);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_DATUM_H_
