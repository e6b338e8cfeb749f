// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_DATUM_H_
#define ISOCHRON_SQL_TYPES_DATUM_H_

// One SQL value, and the types a value may have.
//
// A Datum knows whether it is NULL and which of four shapes it has; the SQL type is known by
// whoever holds it (a column, an expression), so that rows stay small. Shapes: bool; int64
// (smallint, integer, bigint, timestamptz as microseconds since 1970 UTC); double; string (text,
// bytea).

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/types.h"

namespace isochron::sql {

// Stored in descriptors: numbers are never reused. kUnknown is a literal or parameter whose type
// its place decides.
enum class Type : uint8_t {
  kUnknown = 0,
  kBool = 1,
  kInt2 = 2,
  kInt4 = 3,
  kInt8 = 4,
  kFloat8 = 5,
  kText = 6,
  kBytea = 7,
  kTimestamptz = 8,
};

inline bool IsInteger(Type t) { return t == Type::kInt2 || t == Type::kInt4 || t == Type::kInt8; }
inline bool IsNumeric(Type t) { return IsInteger(t) || t == Type::kFloat8; }

// PostgreSQL's name: "bigint", "double precision", "timestamp with time zone".
absl::string_view TypeName(Type t);
// The type of a name in SQL text, lower case ("int8", "varchar", "timestamptz"); kUnknown if none.
Type TypeFromName(absl::string_view name);

class Datum {
 public:
  enum class Shape : uint8_t { kNull, kBool, kInt, kFloat, kString };

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

  Shape shape() const { return shape_; }
  bool is_null() const { return shape_ == Shape::kNull; }
  // Preconditions: the value has that shape.
  bool bool_value() const { return int_ != 0; }
  int64_t int_value() const { return int_; }
  double float_value() const { return float_; }
  const std::string& string_value() const { return string_; }
  std::string& mutable_string() { return string_; }

  // Bytes held, for memory accounts.
  int64_t MemoryBytes() const {
    return static_cast<int64_t>(sizeof(Datum) + (string_.size() > 15 ? string_.size() : 0));
  }

  // NULLs equal each other; for tests and grouping, not SQL's `=`.
  friend bool operator==(const Datum& a, const Datum& b);

 private:
  explicit Datum(Shape s) : shape_(s) {}
  Shape shape_ = Shape::kNull;
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
};

// <0, 0, >0. Both non-NULL and of one shape. NaN equals NaN and is greater than any number.
int CompareDatums(const Datum& a, const Datum& b);

// PostgreSQL's text form ("t", "\x0102", "2024-01-02 03:04:05.5+00"). NULL gives "".
std::string DatumToText(Type type, const Datum& d);
// The form that stands in SQL text: quoted where needed, NULL as NULL.
std::string DatumToSql(Type type, const Datum& d);
// Parses PostgreSQL's input form of `type`. 22P02, 22003, 22007, 22008.
absl::StatusOr<Datum> DatumFromText(Type type, absl::string_view text);

// Two names or literals spelt safely for SQL text made by programs (mutations, pg_dump-like tools).
std::string QuoteIdentifier(absl::string_view name);
std::string QuoteLiteral(absl::string_view text);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_DATUM_H_
