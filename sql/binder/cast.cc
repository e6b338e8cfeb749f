// SPDX-License-Identifier: Apache-2.0
#include "sql/binder/cast.h"

#include <array>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/array_functions.h"
#include "sql/binder/expr.h"
#include "sql/types/array.h"
#include "sql/types/enum_type.h"
#include "sql/types/error.h"
#include "sql/types/modifiers.h"
#include "sql/types/time_datum.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

using Table = std::array<std::array<Cast, kTypeCount>, kTypeCount>;

const Table& AllCasts() {
  static const Table* table = [] {
    std::vector<Cast> all;
    cast_groups::AddNumbers(&all);
    cast_groups::AddNumeric(&all);
    cast_groups::AddStrings(&all);
    cast_groups::AddTimes(&all);
    cast_groups::AddCatalog(&all);
    cast_groups::AddJson(&all);
    auto* out = new Table;
    for (auto& row : *out) row.fill(Cast{});
    for (const Cast& c : all) {
      (*out)[static_cast<size_t>(c.from)][static_cast<size_t>(c.to)] = c;
    }
    return out;
  }();
  return *table;
}

absl::Status OutOfRange(Type type) {
  return SqlError(sqlstate::kValueOutOfRange, absl::StrCat(TypeName(type), " out of range"));
}

template <typename Int, Type kType>
absl::Status ToInteger(int64_t v, Datum* out) {
  if (v < std::numeric_limits<Int>::min() || v > std::numeric_limits<Int>::max()) {
    return OutOfRange(kType);
  }
  *out = Datum::Int(v);
  return absl::OkStatus();
}

absl::Status IntToInt2(const Datum& in, Datum* out) {
  return ToInteger<int16_t, Type::kInt2>(in.int_value(), out);
}
absl::Status IntToInt4(const Datum& in, Datum* out) {
  return ToInteger<int32_t, Type::kInt4>(in.int_value(), out);
}

// To the nearest, to the even one of two.
template <typename Int, Type kType>
absl::Status FloatToInteger(const Datum& in, Datum* out) {
  const double v = std::nearbyint(in.float_value());
  if (!(v >= -0x1p63 && v < 0x1p63)) return OutOfRange(kType);
  return ToInteger<Int, kType>(static_cast<int64_t>(v), out);
}

absl::Status ToReal(double v, Datum* out) {
  const auto f = static_cast<float>(v);
  if (std::isinf(f) && !std::isinf(v)) {
    return SqlError(sqlstate::kValueOutOfRange, "value out of range: overflow");
  }
  if (f == 0 && v != 0) {
    return SqlError(sqlstate::kValueOutOfRange, "value out of range: underflow");
  }
  *out = Datum::Float(f);
  return absl::OkStatus();
}
absl::Status IntToFloat4(const Datum& in, Datum* out) {
  *out = Datum::Float(static_cast<float>(in.int_value()));
  return absl::OkStatus();
}
absl::Status Float8ToFloat4(const Datum& in, Datum* out) { return ToReal(in.float_value(), out); }
absl::Status IntToFloat8(const Datum& in, Datum* out) {
  *out = Datum::Float(static_cast<double>(in.int_value()));
  return absl::OkStatus();
}
absl::Status IntToBool(const Datum& in, Datum* out) {
  *out = Datum::Bool(in.int_value() != 0);
  return absl::OkStatus();
}
absl::Status BoolToInt(const Datum& in, Datum* out) {
  *out = Datum::Int(in.bool_value() ? 1 : 0);
  return absl::OkStatus();
}
absl::Status BoolToText(const Datum& in, Datum* out) {
  *out = Datum::String(in.bool_value() ? "true" : "false");
  return absl::OkStatus();
}

absl::Status TextToBpchar(const Datum& in, Datum* out) {
  *out = Datum::Encoded(Datum::Shape::kBpchar, in.string_value());
  return absl::OkStatus();
}
absl::Status BpcharToText(const Datum& in, Datum* out) {
  *out = Datum::String(std::string(TrimmedBpchar(in.string_value())));
  return absl::OkStatus();
}
absl::Status BoolToBpchar(const Datum& in, Datum* out) {
  *out = Datum::Encoded(Datum::Shape::kBpchar, in.bool_value() ? "true" : "false");
  return absl::OkStatus();
}

}  // namespace

const Cast* FindCast(Type from, Type to) {
  const auto f = static_cast<size_t>(from), t = static_cast<size_t>(to);
  if (f >= kTypeCount || t >= kTypeCount) return nullptr;
  const Cast& c = AllCasts()[f][t];
  return c.to == Type::kUnknown ? nullptr : &c;
}

bool CanCoerce(Type from, Type to, CastContext context) {
  if (from == to || from == Type::kUnknown) return true;
  if (IsArrayType(from) && IsArrayType(to)) {
    return CanCoerce(ArrayElement(from), ArrayElement(to), context);
  }
  if (const Cast* cast = FindCast(from, to)) return cast->context <= context;
  if (CategoryOf(to) == 'S') return context >= CastContext::kAssignment;
  return CategoryOf(from) == 'S' && context == CastContext::kExplicit;
}

bool CanCast(Type from, Type to) { return CanCoerce(from, to, CastContext::kExplicit); }

bool SameForm(Type from, Type to) {
  if (from == to || SameEnum(from, to)) return true;
  if (IsArrayType(from) && IsArrayType(to)) return SameForm(ArrayElement(from), ArrayElement(to));
  const Cast* cast = FindCast(from, to);
  return cast != nullptr && cast->fn == nullptr && cast->time_fn == nullptr;
}

bool DependsOnSession(Type from, Type to) {
  if (IsArrayType(from) && IsArrayType(to)) {
    return DependsOnSession(ArrayElement(from), ArrayElement(to));
  }
  if (const Cast* cast = FindCast(from, to)) return cast->time_fn != nullptr;
  if (CategoryOf(to) == 'S') return ElementOf(from) == Type::kTimestamptz;
  return CategoryOf(from) == 'S' && IsTimeType(ElementOf(to));
}

absl::Status CastDatum(Type from, Type to, const Datum& in, Datum* out, const TimeContext& time) {
  if (in.is_null() || from == to) {
    *out = in;
    return absl::OkStatus();
  }
  if (IsArrayType(from) || IsArrayType(to)) return CastArray(from, to, in, out, time);
  if (const Cast* cast = FindCast(from, to)) {
    if (cast->fn != nullptr) return cast->fn(in, out);
    if (cast->time_fn != nullptr) return cast->time_fn(time, in, out);
    *out = in;
    return absl::OkStatus();
  }
  if (from == Type::kUnknown || CategoryOf(from) == 'S') {
    ISO_ASSIGN_OR_RETURN(*out, DatumFromText(to, in.string_value(), time));
    return absl::OkStatus();
  }
  if (CategoryOf(to) == 'S') {
    ISO_ASSIGN_OR_RETURN(*out, DatumFromText(to, DatumToText(from, in, time)));
    return absl::OkStatus();
  }
  return SqlError(sqlstate::kCannotCoerce,
                  absl::StrCat("cannot cast type ", TypeName(from), " to ", TypeName(to)));
}

namespace cast_groups {

void AddNumbers(std::vector<Cast>* out) {
  constexpr CastContext kI = CastContext::kImplicit, kA = CastContext::kAssignment,
                        kE = CastContext::kExplicit;
  constexpr Type k2 = Type::kInt2, k4 = Type::kInt4, k8 = Type::kInt8, kF4 = Type::kFloat4,
                 kF8 = Type::kFloat8;
  const std::vector<Cast> casts = {
      {k2, k4, kI, nullptr},
      {k2, k8, kI, nullptr},
      {k4, k8, kI, nullptr},
      {k4, k2, kA, IntToInt2},
      {k8, k2, kA, IntToInt2},
      {k8, k4, kA, IntToInt4},
      {k2, kF4, kI, IntToFloat4},
      {k4, kF4, kI, IntToFloat4},
      {k8, kF4, kI, IntToFloat4},
      {kF4, kF8, kI, nullptr},
      {kF8, kF4, kA, Float8ToFloat4},
      {kF4, k2, kA, FloatToInteger<int16_t, Type::kInt2>},
      {kF4, k4, kA, FloatToInteger<int32_t, Type::kInt4>},
      {kF4, k8, kA, FloatToInteger<int64_t, Type::kInt8>},
      {k2, kF8, kI, IntToFloat8},
      {k4, kF8, kI, IntToFloat8},
      {k8, kF8, kI, IntToFloat8},
      {kF8, k2, kA, FloatToInteger<int16_t, Type::kInt2>},
      {kF8, k4, kA, FloatToInteger<int32_t, Type::kInt4>},
      {kF8, k8, kA, FloatToInteger<int64_t, Type::kInt8>},
      {k4, Type::kBool, kE, IntToBool},
      {Type::kBool, k4, kE, BoolToInt},
  };
  out->insert(out->end(), casts.begin(), casts.end());
}

void AddStrings(std::vector<Cast>* out) {
  constexpr CastContext kI = CastContext::kImplicit, kA = CastContext::kAssignment;
  constexpr Type kT = Type::kText, kV = Type::kVarchar, kC = Type::kBpchar, kB = Type::kBool;
  const std::vector<Cast> casts = {
      {kT, kV, kI, nullptr},      {kV, kT, kI, nullptr},      {kT, kC, kI, TextToBpchar},
      {kV, kC, kI, TextToBpchar}, {kC, kT, kI, BpcharToText}, {kC, kV, kI, BpcharToText},
      {kB, kT, kA, BoolToText},   {kB, kV, kA, BoolToText},   {kB, kC, kA, BoolToBpchar},
  };
  out->insert(out->end(), casts.begin(), casts.end());
}

}  // namespace cast_groups

}  // namespace isochron::sql
