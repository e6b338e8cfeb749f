// SPDX-License-Identifier: Apache-2.0
#include "sql/types/float_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "sql/types/error.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

// "d.ddde+xx" with fewer than `plain` digits before the point is written without exponent.
std::string Laid(absl::string_view scientific, int plain) {
  const bool negative = scientific[0] == '-';
  if (negative) scientific.remove_prefix(1);
  const size_t e = scientific.find('e');
  int exponent = 0;
  // SimpleAtoi takes no plus.
  absl::string_view power = scientific.substr(e + 1);
  if (power[0] == '+') power.remove_prefix(1);
  if (!absl::SimpleAtoi(power, &exponent)) exponent = 0;
  std::string digits;
  for (char c : scientific.substr(0, e)) {
    if (c != '.') digits.push_back(c);
  }
  const std::string sign = negative ? "-" : "";
  if (exponent < -4 || exponent >= plain) {
    const std::string rest = digits.size() > 1 ? absl::StrCat(".", digits.substr(1)) : "";
    const int magnitude = std::abs(exponent);
    return absl::StrCat(sign, digits.substr(0, 1), rest, "e", exponent < 0 ? "-" : "+",
                        magnitude < 10 ? "0" : "", magnitude);
  }
  if (exponent < 0) {
    return absl::StrCat(sign, "0.", std::string(static_cast<size_t>(-exponent - 1), '0'), digits);
  }
  const auto whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) {
    return absl::StrCat(sign, digits, std::string(whole - digits.size(), '0'));
  }
  return absl::StrCat(sign, digits.substr(0, whole), ".", digits.substr(whole));
}

// A wider number reads texts of T, and holds what lies half way between two of them.
template <typename T>
struct Wider;
template <>
struct Wider<float> {
  using Type = double;
  static Type Read(const char* text) { return std::strtod(text, nullptr); }
};
template <>
struct Wider<double> {
  using Type = long double;
  static Type Read(const char* text) { return std::strtold(text, nullptr); }
};

// Whether `text`, "d.ddde+xx", is all of what was read from it.
bool IsExactly(absl::string_view text, long double read) {
  constexpr int kDigits = 40;  // more than what lies half way between numbers of few digits has
  char all[kDigits + 16];
  std::snprintf(all, sizeof(all), "%.*Le", kDigits, read);
  const absl::string_view exact = all;
  const auto split = [](absl::string_view s) {
    const size_t e = s.find('e');
    const absl::string_view digits = s.substr(0, e);
    const size_t last = digits.find_last_not_of(digits.find('.') == digits.npos ? "" : "0.");
    return std::make_pair(digits.substr(0, last + 1), s.substr(e));
  };
  return split(exact) == split(text);
}

// Whether `text` lies half way between v and a neighbour: another reader might take that one.
template <typename T>
bool HalfWay(const char* text, T v) {
  const auto read = Wider<T>::Read(text);
  using W = typename Wider<T>::Type;
  for (const T side : {-std::numeric_limits<T>::infinity(), std::numeric_limits<T>::infinity()}) {
    const T next = std::nextafter(v, side);
    if (std::isfinite(next) && read == W{v} + (W{next} - W{v}) / 2 && IsExactly(text, read)) {
      return true;
    }
  }
  return false;
}

// "d.ddde+xx", with the fewest digits that read back as v.
template <typename T>
std::string Shortest(T v) {
  char text[48];
  auto end = std::to_chars(text, text + sizeof(text) - 1, v, std::chars_format::scientific);
  *end.ptr = '\0';
  const auto e = static_cast<int>(absl::string_view(text).find('e'));
  const auto reads_back = [&] {
    T read{};
    std::from_chars(text, end.ptr, read);
    return read == v && !HalfWay(text, v);
  };
  for (int digits = std::max(e - 2, 0);
       !reads_back() && digits < std::numeric_limits<T>::max_digits10; ++digits) {
    end = std::to_chars(text, text + sizeof(text) - 1, v, std::chars_format::scientific, digits);
    *end.ptr = '\0';
  }
  std::string out = text;
  // Digits that were asked for may be zeros.
  const size_t exponent = out.find('e');
  size_t last = out.find_last_not_of('0', exponent - 1);
  if (out.find('.') == std::string::npos) return out;
  if (out[last] == '.') --last;
  return out.erase(last + 1, exponent - last - 1);
}

}  // namespace

std::string FloatToText(Type type, double v) {
  constexpr int kPlainFloat = 6, kPlainDouble = 15;
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "Infinity" : "-Infinity";
  if (v == 0) return std::signbit(v) ? "-0" : "0";
  const std::string text = type == Type::kFloat4 ? Shortest(static_cast<float>(v)) : Shortest(v);
  return Laid(text, type == Type::kFloat4 ? kPlainFloat : kPlainDouble);
}

absl::StatusOr<double> FloatFromText(Type type, absl::string_view text) {
  const std::string t = absl::AsciiStrToLower(absl::StripAsciiWhitespace(text));
  double v = 0;
  bool read = !t.empty() && t.find('x') == std::string::npos && t.find('(') == std::string::npos;
  if (read && type == Type::kFloat4) {
    float f = 0;
    read = absl::SimpleAtof(t, &f);
    v = f;
  } else if (read) {
    read = absl::SimpleAtod(t, &v);
  }
  if (!read) {
    return SqlError(sqlstate::kInvalidText, absl::StrCat("invalid input syntax for type ",
                                                         TypeName(type), ": \"", text, "\""));
  }
  const bool overflow = std::isinf(v) && t.find("inf") == std::string::npos;
  const bool underflow =
      v == 0 && t.substr(0, t.find('e')).find_first_of("123456789") != std::string::npos;
  if (overflow || underflow) {
    return SqlError(sqlstate::kValueOutOfRange,
                    absl::StrCat("\"", text, "\" is out of range for type ", TypeName(type)));
  }
  return v;
}

}  // namespace isochron::sql
