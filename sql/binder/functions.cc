// SPDX-License-Identifier: Apache-2.0
#include "sql/binder/functions.h"

#include <cmath>
#include <limits>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

using Ctx = const EvalContext&;
using Registry = std::map<std::string, std::vector<Function>, std::less<>>;

const Registry& AllFunctions() {
  static const Registry* registry = [] {
    std::vector<Function> all;
    function_groups::AddOperators(&all);
    function_groups::AddMath(&all);
    function_groups::AddStrings(&all);
    function_groups::AddTime(&all);
    auto* by_name = new Registry;
    for (Function& f : all) (*by_name)[f.name].push_back(f);
    return by_name;
  }();
  return *registry;
}

absl::Status IntOverflow() { return SqlError(sqlstate::kValueOutOfRange, "bigint out of range"); }
absl::Status FloatOverflow() {
  return SqlError(sqlstate::kValueOutOfRange, "value out of range: overflow");
}
absl::Status DivisionByZero() { return SqlError(sqlstate::kDivisionByZero, "division by zero"); }

absl::Status FloatResult(double v, const Datum* a, size_t n, Datum* out) {
  if (std::isinf(v)) {
    for (size_t i = 0; i < n; ++i) {
      if (std::isinf(a[i].float_value())) {
        *out = Datum::Float(v);
        return absl::OkStatus();
      }
    }
    return FloatOverflow();
  }
  *out = Datum::Float(v);
  return absl::OkStatus();
}

#define ISO_INT_OP(NAME, BUILTIN)                                              \
  absl::Status NAME(Ctx, const Datum* a, size_t, Datum* out) {                 \
    int64_t v;                                                                 \
    if (BUILTIN(a[0].int_value(), a[1].int_value(), &v)) return IntOverflow(); \
    *out = Datum::Int(v);                                                      \
    return absl::OkStatus();                                                   \
  }
ISO_INT_OP(AddInt, __builtin_add_overflow)
ISO_INT_OP(SubInt, __builtin_sub_overflow)
ISO_INT_OP(MulInt, __builtin_mul_overflow)
#undef ISO_INT_OP

absl::Status DivInt(Ctx, const Datum* a, size_t, Datum* out) {
  const int64_t x = a[0].int_value(), y = a[1].int_value();
  if (y == 0) return DivisionByZero();
  if (y == -1 && x == std::numeric_limits<int64_t>::min()) return IntOverflow();
  *out = Datum::Int(x / y);
  return absl::OkStatus();
}

absl::Status ModInt(Ctx, const Datum* a, size_t, Datum* out) {
  const int64_t x = a[0].int_value(), y = a[1].int_value();
  if (y == 0) return DivisionByZero();
  *out = Datum::Int(y == -1 ? 0 : x % y);
  return absl::OkStatus();
}

absl::Status AddFloat(Ctx, const Datum* a, size_t n, Datum* out) {
  return FloatResult(a[0].float_value() + a[1].float_value(), a, n, out);
}
absl::Status SubFloat(Ctx, const Datum* a, size_t n, Datum* out) {
  return FloatResult(a[0].float_value() - a[1].float_value(), a, n, out);
}
absl::Status MulFloat(Ctx, const Datum* a, size_t n, Datum* out) {
  return FloatResult(a[0].float_value() * a[1].float_value(), a, n, out);
}
absl::Status DivFloat(Ctx, const Datum* a, size_t n, Datum* out) {
  if (a[1].float_value() == 0) return DivisionByZero();
  return FloatResult(a[0].float_value() / a[1].float_value(), a, n, out);
}
absl::Status PowFloat(Ctx, const Datum* a, size_t n, Datum* out) {
  const double x = a[0].float_value(), y = a[1].float_value();
  if ((x < 0 && y != std::trunc(y)) || (x == 0 && y < 0)) {
    return SqlError("2201F", "a power that is not a real number");
  }
  return FloatResult(std::pow(x, y), a, n, out);
}
absl::Status NegInt(Ctx, const Datum* a, size_t, Datum* out) {
  if (a[0].int_value() == std::numeric_limits<int64_t>::min()) return IntOverflow();
  *out = Datum::Int(-a[0].int_value());
  return absl::OkStatus();
}
absl::Status NegFloat(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Float(-a[0].float_value());
  return absl::OkStatus();
}
absl::Status Same(Ctx, const Datum* a, size_t, Datum* out) {
  *out = a[0];
  return absl::OkStatus();
}

#define ISO_COMPARE(NAME, OP)                                  \
  absl::Status NAME(Ctx, const Datum* a, size_t, Datum* out) { \
    *out = Datum::Bool(CompareDatums(a[0], a[1]) OP 0);        \
    return absl::OkStatus();                                   \
  }
ISO_COMPARE(Eq, ==)
ISO_COMPARE(Ne, !=)
ISO_COMPARE(Lt, <)
ISO_COMPARE(Le, <=)
ISO_COMPARE(Gt, >)
ISO_COMPARE(Ge, >=)
#undef ISO_COMPARE

absl::Status Concat(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::String(absl::StrCat(a[0].string_value(), a[1].string_value()));
  return absl::OkStatus();
}
absl::Status Like(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Bool(LikeMatch(a[0].string_value(), a[1].string_value(), false));
  return absl::OkStatus();
}
absl::Status ILike(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Bool(LikeMatch(a[0].string_value(), a[1].string_value(), true));
  return absl::OkStatus();
}

absl::Status AbsInt(Ctx ctx, const Datum* a, size_t n, Datum* out) {
  if (a[0].int_value() < 0) return NegInt(ctx, a, n, out);
  *out = a[0];
  return absl::OkStatus();
}

#define ISO_FLOAT_FN(NAME, EXPR)                                 \
  absl::Status NAME(Ctx, const Datum* a, size_t n, Datum* out) { \
    const double x = a[0].float_value();                         \
    return FloatResult(EXPR, a, n, out);                         \
  }
ISO_FLOAT_FN(AbsFloat, std::fabs(x))
ISO_FLOAT_FN(Ceil, std::ceil(x))
ISO_FLOAT_FN(Floor, std::floor(x))
ISO_FLOAT_FN(Round, std::nearbyint(x))
ISO_FLOAT_FN(Trunc, std::trunc(x))
ISO_FLOAT_FN(ExpFloat, std::exp(x))
ISO_FLOAT_FN(SignFloat, x > 0 ? 1.0 : x < 0 ? -1.0 : x)
#undef ISO_FLOAT_FN

absl::Status Sqrt(Ctx, const Datum* a, size_t n, Datum* out) {
  if (a[0].float_value() < 0) {
    return SqlError("2201F", "cannot take the square root of a negative number");
  }
  return FloatResult(std::sqrt(a[0].float_value()), a, n, out);
}

absl::Status Log(const Datum* a, size_t n, double scale, Datum* out) {
  if (a[0].float_value() <= 0) {
    return SqlError("2201E", "cannot take the logarithm of zero or a negative number");
  }
  return FloatResult(std::log(a[0].float_value()) * scale, a, n, out);
}
absl::Status Ln(Ctx, const Datum* a, size_t n, Datum* out) { return Log(a, n, 1, out); }
absl::Status Log10(Ctx, const Datum* a, size_t n, Datum* out) {
  return Log(a, n, 1 / std::log(10.0), out);
}
absl::Status SignInt(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Int((a[0].int_value() > 0) - (a[0].int_value() < 0));
  return absl::OkStatus();
}

}  // namespace

const std::vector<Function>& FunctionsNamed(absl::string_view name) {
  static const auto* none = new std::vector<Function>;
  auto it = AllFunctions().find(std::string(name));
  return it == AllFunctions().end() ? *none : it->second;
}

std::vector<std::string> FunctionNames() {
  std::vector<std::string> out;
  for (const auto& [name, functions] : AllFunctions()) {
    if (absl::ascii_islower(name[0])) out.push_back(name);
  }
  return out;
}

bool LikeMatch(absl::string_view text, absl::string_view pattern, bool fold) {
  auto same = [fold](char a, char b) {
    return a == b || (fold && absl::ascii_tolower(a) == absl::ascii_tolower(b));
  };
  auto next_char = [&text](size_t i) {
    ++i;
    while (i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) ++i;
    return i;
  };
  // Backtracking to the last % only: linear in practice, quadratic at worst.
  size_t t = 0, p = 0, star = absl::string_view::npos, retry = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '%') {
      star = ++p;
      retry = t;
      continue;
    }
    if (p < pattern.size() && pattern[p] == '_') {
      ++p;
      t = next_char(t);
      continue;
    }
    const bool escaped = p + 1 < pattern.size() && pattern[p] == '\\';
    const size_t at = escaped ? p + 1 : p;
    if (at < pattern.size() && same(pattern[at], text[t])) {
      p = at + 1;
      ++t;
      continue;
    }
    if (star == absl::string_view::npos) return false;
    p = star;
    retry = next_char(retry);
    t = retry;
  }
  while (p < pattern.size() && pattern[p] == '%') ++p;
  return p == pattern.size();
}

namespace function_groups {

void AddOperators(std::vector<Function>* out) {
  constexpr Type kI = Type::kInt8, kF = Type::kFloat8, kB = Type::kBool;
  const std::vector<Function> arithmetic = {
      {"+", {kI, kI}, kI, AddInt},
      {"+", {kF, kF}, kF, AddFloat},
      {"-", {kI, kI}, kI, SubInt},
      {"-", {kF, kF}, kF, SubFloat},
      {"*", {kI, kI}, kI, MulInt},
      {"*", {kF, kF}, kF, MulFloat},
      {"/", {kI, kI}, kI, DivInt},
      {"/", {kF, kF}, kF, DivFloat},
      {"%", {kI, kI}, kI, ModInt},
      {"^", {kF, kF}, kF, PowFloat},
      {"neg", {kI}, kI, NegInt},
      {"neg", {kF}, kF, NegFloat},
      {"pos", {kI}, kI, Same},
      {"pos", {kF}, kF, Same},
      {"||", {Type::kText, Type::kText}, Type::kText, Concat},
      {"||", {Type::kBytea, Type::kBytea}, Type::kBytea, Concat},
      {"~~", {Type::kText, Type::kText}, kB, Like},
      {"~~*", {Type::kText, Type::kText}, kB, ILike}};
  out->insert(out->end(), arithmetic.begin(), arithmetic.end());
  struct Comparison {
    const char* name;
    EvalFn fn;
  };
  for (const Comparison& c : {Comparison{"=", Eq}, Comparison{"<>", Ne}, Comparison{"<", Lt},
                              Comparison{"<=", Le}, Comparison{">", Gt}, Comparison{">=", Ge}}) {
    for (Type t : {kI, kF, Type::kText, kB, Type::kTimestamptz, Type::kBytea}) {
      out->push_back({c.name, {t, t}, kB, c.fn});
    }
  }
}

void AddMath(std::vector<Function>* out) {
  constexpr Type kI = Type::kInt8, kF = Type::kFloat8;
  const std::vector<Function> math = {
      {"abs", {kI}, kI, AbsInt},       {"abs", {kF}, kF, AbsFloat},
      {"ceil", {kF}, kF, Ceil},        {"ceiling", {kF}, kF, Ceil},
      {"floor", {kF}, kF, Floor},      {"round", {kF}, kF, Round},
      {"trunc", {kF}, kF, Trunc},      {"sqrt", {kF}, kF, Sqrt},
      {"exp", {kF}, kF, ExpFloat},     {"ln", {kF}, kF, Ln},
      {"log", {kF}, kF, Log10},        {"log10", {kF}, kF, Log10},
      {"sign", {kI}, kI, SignInt},     {"sign", {kF}, kF, SignFloat},
      {"mod", {kI, kI}, kI, ModInt},   {"power", {kF, kF}, kF, PowFloat},
      {"pow", {kF, kF}, kF, PowFloat}, {"div", {kI, kI}, kI, DivInt}};
  out->insert(out->end(), math.begin(), math.end());
}

}  // namespace function_groups

}  // namespace isochron::sql
