// SPDX-License-Identifier: Apache-2.0
//
// Operators, functions and casts of numeric.
#include "common/status_macros.h"
#include "sql/binder/cast.h"
#include "sql/binder/functions.h"
#include "sql/types/number_format.h"
#include "sql/types/numeric.h"

namespace isochron::sql {
namespace {

using Ctx = const EvalContext&;

template <absl::Status (*kFn)(const Datum&, Datum*)>
absl::Status One(Ctx, const Datum* a, size_t, Datum* out) {
  return kFn(a[0], out);
}
template <absl::Status (*kFn)(const Datum&, const Datum&, Datum*)>
absl::Status Two(Ctx, const Datum* a, size_t, Datum* out) {
  return kFn(a[0], a[1], out);
}

absl::Status Same(Ctx, const Datum* a, size_t, Datum* out) {
  *out = a[0];
  return absl::OkStatus();
}
absl::Status RoundTo(Ctx, const Datum* a, size_t n, Datum* out) {
  return numeric::Round(a[0], n > 1 ? a[1].int_value() : 0, out);
}
absl::Status TruncTo(Ctx, const Datum* a, size_t n, Datum* out) {
  return numeric::Trunc(a[0], n > 1 ? a[1].int_value() : 0, out);
}
absl::Status Log10(Ctx, const Datum* a, size_t, Datum* out) {
  return numeric::Log(numeric::FromInt(10), a[0], out);
}
absl::Status Scale(Ctx, const Datum* a, size_t, Datum* out) {
  *out = numeric::IsFinite(a[0]) ? Datum::Int(numeric::ScaleOf(a[0])) : Datum::Null();
  return absl::OkStatus();
}
absl::Status MinScale(Ctx, const Datum* a, size_t, Datum* out) {
  *out = numeric::IsFinite(a[0]) ? Datum::Int(numeric::MinScale(a[0])) : Datum::Null();
  return absl::OkStatus();
}
absl::Status Factorial(Ctx, const Datum* a, size_t, Datum* out) {
  return numeric::Factorial(a[0].int_value(), out);
}
absl::Status WidthBucket(Ctx, const Datum* a, size_t, Datum* out) {
  return numeric::WidthBucket(a[0], a[1], a[2], a[3].int_value(), out);
}

// to_char of a number, brought to numeric.
absl::Status Format(Ctx, const Datum* a, size_t, Datum* out) {
  ISO_ASSIGN_OR_RETURN(std::string text, FormatNumber(a[0], a[1].string_value()));
  *out = Datum::String(std::move(text));
  return absl::OkStatus();
}
absl::Status Parse(Ctx, const Datum* a, size_t, Datum* out) {
  ISO_ASSIGN_OR_RETURN(*out, ParseNumber(a[0].string_value(), a[1].string_value()));
  return absl::OkStatus();
}
absl::Status FormatInt(Ctx ctx, const Datum* a, size_t n, Datum* out) {
  const Datum args[] = {numeric::FromInt(a[0].int_value()), a[1]};
  return Format(ctx, args, n, out);
}
template <int kDigits>
absl::Status FormatFloat(Ctx ctx, const Datum* a, size_t n, Datum* out) {
  Datum args[] = {Datum(), a[1]};
  ISO_ASSIGN_OR_RETURN(args[0], numeric::FromDouble(a[0].float_value(), kDigits));
  return Format(ctx, args, n, out);
}

absl::Status FromInt(const Datum& in, Datum* out) {
  *out = numeric::FromInt(in.int_value());
  return absl::OkStatus();
}
template <int kDigits>
absl::Status FromFloat(const Datum& in, Datum* out) {
  ISO_ASSIGN_OR_RETURN(*out, numeric::FromDouble(in.float_value(), kDigits));
  return absl::OkStatus();
}
template <Type kType>
absl::Status ToInt(const Datum& in, Datum* out) {
  ISO_ASSIGN_OR_RETURN(const int64_t v, numeric::ToInt(in, kType));
  *out = Datum::Int(v);
  return absl::OkStatus();
}
template <Type kType>
absl::Status ToFloat(const Datum& in, Datum* out) {
  ISO_ASSIGN_OR_RETURN(const double v, numeric::ToDouble(in, kType));
  *out = Datum::Float(v);
  return absl::OkStatus();
}

}  // namespace

namespace function_groups {

void AddNumeric(std::vector<Function>* out) {
  constexpr Type kN = Type::kNumeric, k4 = Type::kInt4;
  const std::vector<Function> functions = {
      {"+", {kN, kN}, kN, Two<numeric::Add>},
      {"-", {kN, kN}, kN, Two<numeric::Subtract>},
      {"*", {kN, kN}, kN, Two<numeric::Multiply>},
      {"/", {kN, kN}, kN, Two<numeric::Divide>},
      {"%", {kN, kN}, kN, Two<numeric::Modulo>},
      {"^", {kN, kN}, kN, Two<numeric::Power>},
      {"neg", {kN}, kN, One<numeric::Negate>},
      {"pos", {kN}, kN, Same},
      {"@", {kN}, kN, One<numeric::Absolute>},
      {"abs", {kN}, kN, One<numeric::Absolute>},
      {"sign", {kN}, kN, One<numeric::Sign>},
      {"ceil", {kN}, kN, One<numeric::Ceil>},
      {"ceiling", {kN}, kN, One<numeric::Ceil>},
      {"floor", {kN}, kN, One<numeric::Floor>},
      {"round", {kN}, kN, RoundTo},
      {"round", {kN, k4}, kN, RoundTo},
      {"trunc", {kN}, kN, TruncTo},
      {"trunc", {kN, k4}, kN, TruncTo},
      {"mod", {kN, kN}, kN, Two<numeric::Modulo>},
      {"div", {kN, kN}, kN, Two<numeric::DivideWhole>},
      {"sqrt", {kN}, kN, One<numeric::Sqrt>},
      {"exp", {kN}, kN, One<numeric::Exp>},
      {"ln", {kN}, kN, One<numeric::Ln>},
      {"log", {kN}, kN, Log10},
      {"log10", {kN}, kN, Log10},
      {"log", {kN, kN}, kN, Two<numeric::Log>},
      {"power", {kN, kN}, kN, Two<numeric::Power>},
      {"pow", {kN, kN}, kN, Two<numeric::Power>},
      {"gcd", {kN, kN}, kN, Two<numeric::Gcd>},
      {"lcm", {kN, kN}, kN, Two<numeric::Lcm>},
      {"scale", {kN}, k4, Scale},
      {"min_scale", {kN}, k4, MinScale},
      {"trim_scale", {kN}, kN, One<numeric::TrimScale>},
      {"factorial", {Type::kInt8}, kN, Factorial},
      {"width_bucket", {kN, kN, kN, k4}, k4, WidthBucket},
      {"to_number", {Type::kText, Type::kText}, kN, Parse},
      {"to_char", {k4, Type::kText}, Type::kText, FormatInt},
      {"to_char", {Type::kInt8, Type::kText}, Type::kText, FormatInt},
      {"to_char", {kN, Type::kText}, Type::kText, Format},
      {"to_char", {Type::kFloat4, Type::kText}, Type::kText, FormatFloat<6>},
      {"to_char", {Type::kFloat8, Type::kText}, Type::kText, FormatFloat<15>},
  };
  out->insert(out->end(), functions.begin(), functions.end());
}

}  // namespace function_groups

namespace cast_groups {

void AddNumeric(std::vector<Cast>* out) {
  constexpr CastContext kI = CastContext::kImplicit, kA = CastContext::kAssignment;
  constexpr Type kN = Type::kNumeric;
  const std::vector<Cast> casts = {
      {Type::kInt2, kN, kI, FromInt},
      {Type::kInt4, kN, kI, FromInt},
      {Type::kInt8, kN, kI, FromInt},
      {Type::kFloat4, kN, kA, FromFloat<6>},
      {Type::kFloat8, kN, kA, FromFloat<15>},
      {kN, Type::kInt2, kA, ToInt<Type::kInt2>},
      {kN, Type::kInt4, kA, ToInt<Type::kInt4>},
      {kN, Type::kInt8, kA, ToInt<Type::kInt8>},
      {kN, Type::kFloat4, kI, ToFloat<Type::kFloat4>},
      {kN, Type::kFloat8, kI, ToFloat<Type::kFloat8>},
  };
  out->insert(out->end(), casts.begin(), casts.end());
}

}  // namespace cast_groups

}  // namespace isochron::sql
