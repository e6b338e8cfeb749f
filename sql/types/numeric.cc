// SPDX-License-Identifier: Apache-2.0
//
// The forms of a numeric: text, Datum, doubles and integers, keys, PostgreSQL's binary form.
#include "sql/types/numeric.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status_macros.h"
#include "sql/types/error.h"
#include "sql/types/numeric_value.h"
#include "sql/types/type_info.h"

namespace isochron::sql::numeric {
namespace {

constexpr char kPositive = 0, kNegative = 1, kNaNByte = 2, kInfinityByte = 3, kMinusInfinity = 4;
constexpr size_t kHead = 3;

absl::Status BadInput(absl::string_view text) {
  return SqlError(sqlstate::kInvalidText,
                  absl::StrCat("invalid input syntax for type numeric: \"", text, "\""));
}

bool FitsInt64(const mpz_class& v) { return v.fits_slong_p(); }

// Digits of a whole number without sign, with a point before the last `scale` of them.
std::string WithPoint(bool negative, std::string digits, size_t scale) {
  if (scale > 0) {
    if (digits.size() <= scale) digits.insert(0, scale + 1 - digits.size(), '0');
    digits.insert(digits.size() - scale, 1, '.');
  }
  return negative ? absl::StrCat("-", digits) : digits;
}

// "NaN", "Infinity" and their kin, without blanks. False if it is none of them.
bool ParseSpecial(absl::string_view t, Datum* out) {
  if (absl::EqualsIgnoreCase(t, "nan")) {
    *out = NaN();
    return true;
  }
  const bool negative = !t.empty() && t[0] == '-';
  if (!t.empty() && (t[0] == '-' || t[0] == '+')) t.remove_prefix(1);
  if (!absl::EqualsIgnoreCase(t, "infinity") && !absl::EqualsIgnoreCase(t, "inf")) return false;
  return PackKind(negative ? Kind::kNegativeInfinity : Kind::kInfinity, out).ok();
}

}  // namespace

bool IsForm(absl::string_view bytes) {
  if (bytes.empty() || bytes[0] < kPositive || bytes[0] > kMinusInfinity) return false;
  if (bytes[0] > kNegative) return bytes.size() == 1;
  return bytes.size() > kHead && bytes[kHead] != 0 &&
         (static_cast<uint8_t>(bytes[1]) << 8 | static_cast<uint8_t>(bytes[2])) <= kMaxScale;
}

Datum NaN() { return Datum::Encoded(Datum::Shape::kNumeric, std::string(1, kNaNByte)); }
bool IsNaN(const Datum& d) { return !d.is_small_numeric() && d.string_value()[0] == kNaNByte; }
bool IsFinite(const Datum& d) { return d.is_small_numeric() || d.string_value()[0] <= kNegative; }

int SignOf(const Datum& d) {
  if (d.is_small_numeric()) return d.int_value() < 0 ? -1 : d.int_value() > 0;
  const char kind = d.string_value()[0];
  return kind == kNegative || kind == kMinusInfinity ? -1 : 1;
}

int ScaleOf(const Datum& d) {
  if (d.is_small_numeric()) return d.scale();
  const std::string& s = d.string_value();
  if (s.size() < kHead) return 0;
  return static_cast<uint8_t>(s[1]) << 8 | static_cast<uint8_t>(s[2]);
}

absl::Status TooLarge() {
  return SqlError(sqlstate::kValueOutOfRange, "value overflows numeric format");
}

Value Unpack(const Datum& d) {
  Value v;
  if (d.is_small_numeric()) {
    v.whole = mpz_class(static_cast<long>(d.int_value()));  // NOLINT: GMP's own type
    v.scale = d.scale();
    return v;
  }
  const std::string& s = d.string_value();
  if (s[0] == kNaNByte) v.kind = Kind::kNaN;
  if (s[0] == kInfinityByte) v.kind = Kind::kInfinity;
  if (s[0] == kMinusInfinity) v.kind = Kind::kNegativeInfinity;
  if (!v.finite()) return v;
  v.scale = ScaleOf(d);
  if (s.size() > kHead) {
    mpz_import(v.whole.get_mpz_t(), s.size() - kHead, 1, 1, 1, 0, s.data() + kHead);
  }
  if (s[0] == kNegative) v.whole = -v.whole;
  return v;
}

absl::Status PackKind(Kind kind, Datum* out) {
  const char byte = kind == Kind::kNaN        ? kNaNByte
                    : kind == Kind::kInfinity ? kInfinityByte
                                              : kMinusInfinity;
  *out = Datum::Encoded(Datum::Shape::kNumeric, std::string(1, byte));
  return absl::OkStatus();
}

absl::Status Pack(Value v, Datum* out) {
  if (!v.finite()) return PackKind(v.kind, out);
  if (v.scale > kMaxScale) return TooLarge();
  if (FitsInt64(v.whole)) {
    *out = Datum::SmallNumeric(v.whole.get_si(), static_cast<uint16_t>(v.scale));
    return absl::OkStatus();
  }
  // log10(2) < 0.30103: most values need no exact count.
  const size_t bits = mpz_sizeinbase(v.whole.get_mpz_t(), 2);
  if (static_cast<double>(bits) * 0.30103 > kMaxWholeDigits - 1 &&
      Digits(v.whole) - v.scale > kMaxWholeDigits) {
    return TooLarge();
  }
  std::string s;
  s.push_back(sgn(v.whole) < 0 ? kNegative : kPositive);
  s.push_back(static_cast<char>(v.scale >> 8));
  s.push_back(static_cast<char>(v.scale));
  size_t count = 0;
  const size_t size = (bits + 7) / 8;
  s.resize(kHead + size);
  mpz_export(&s[kHead], &count, 1, 1, 1, 0, v.whole.get_mpz_t());
  *out = Datum::Encoded(Datum::Shape::kNumeric, std::move(s));
  return absl::OkStatus();
}

absl::StatusOr<Datum> FromText(absl::string_view text) {
  const absl::string_view t = absl::StripAsciiWhitespace(text);
  Datum out;
  if (ParseSpecial(t, &out)) return out;
  size_t i = 0;
  const bool negative = i < t.size() && t[i] == '-';
  if (i < t.size() && (t[i] == '-' || t[i] == '+')) ++i;
  std::string digits;
  int64_t scale = 0;
  bool point = false;
  for (; i < t.size(); ++i) {
    if (t[i] == '.' && !point) {
      point = true;
    } else if (absl::ascii_isdigit(t[i])) {
      digits.push_back(t[i]);
      scale += point;
    } else {
      break;
    }
  }
  if (digits.empty()) return BadInput(text);
  int64_t exponent = 0;
  if (i < t.size() && (t[i] == 'e' || t[i] == 'E')) {
    const absl::string_view number = t.substr(i + 1);
    const size_t first = !number.empty() && (number[0] == '-' || number[0] == '+') ? 1 : 0;
    if (first == number.size() ||
        number.find_first_not_of("0123456789", first) != absl::string_view::npos ||
        !absl::SimpleAtoi(number, &exponent) || std::abs(exponent) >= INT32_MAX / 2) {
      return BadInput(text);
    }
    i = t.size();
  }
  if (i != t.size()) return BadInput(text);
  // Leading zeros make no number large.
  const size_t first = std::min(digits.find_first_not_of('0'), digits.size() - 1);
  digits.erase(0, first);
  scale -= exponent;
  if (digits == "0") scale = std::max<int64_t>(scale, 0);
  if (scale > kMaxScale) return TooLarge();
  if (static_cast<int64_t>(digits.size()) - scale > kMaxWholeDigits) return TooLarge();
  if (scale < 0) {
    digits.append(static_cast<size_t>(-scale), '0');
    scale = 0;
  }
  int64_t small;
  if (digits.size() <= 18 && absl::SimpleAtoi(digits, &small)) {
    return Datum::SmallNumeric(negative ? -small : small, static_cast<uint16_t>(scale));
  }
  Value v;
  v.whole.set_str(digits, 10);
  if (negative) v.whole = -v.whole;
  v.scale = static_cast<int>(scale);
  ISO_RETURN_IF_ERROR(Pack(std::move(v), &out));
  return out;
}

std::string ToText(const Datum& d) {
  if (d.is_small_numeric()) {
    char digits[24];
    const int64_t m = d.int_value();
    const uint64_t magnitude =
        m < 0 ? uint64_t{0} - static_cast<uint64_t>(m) : static_cast<uint64_t>(m);
    auto end = std::to_chars(digits, digits + sizeof(digits), magnitude);
    return WithPoint(m < 0, std::string(digits, end.ptr), d.scale());
  }
  const Value v = Unpack(d);
  if (v.kind == Kind::kNaN) return "NaN";
  if (v.kind == Kind::kInfinity) return "Infinity";
  if (v.kind == Kind::kNegativeInfinity) return "-Infinity";
  return WithPoint(sgn(v.whole) < 0, mpz_class(abs(v.whole)).get_str(),
                   static_cast<size_t>(v.scale));
}

absl::StatusOr<Datum> FromDouble(double v, int digits) {
  Datum out;
  if (std::isnan(v)) return NaN();
  if (std::isinf(v)) {
    ISO_RETURN_IF_ERROR(PackKind(v > 0 ? Kind::kInfinity : Kind::kNegativeInfinity, &out));
    return out;
  }
  return FromText(absl::StrFormat("%.*g", digits, v));
}

absl::StatusOr<int64_t> ToInt(const Datum& d, Type type) {
  if (!IsFinite(d)) {
    return SqlError(
        sqlstate::kUnsupported,
        absl::StrCat("cannot convert ", IsNaN(d) ? "NaN" : "infinity", " to ", TypeName(type)));
  }
  int64_t v = d.int_value();
  bool fits = d.is_small_numeric() && d.scale() == 0;
  if (!fits) {
    Value value = Unpack(d);
    Rescale(0, &value);
    fits = FitsInt64(value.whole);
    if (fits) v = value.whole.get_si();
  }
  fits = fits && (type != Type::kInt2 || v == static_cast<int16_t>(v)) &&
         (type != Type::kInt4 || v == static_cast<int32_t>(v));
  if (!fits) {
    return SqlError(sqlstate::kValueOutOfRange, absl::StrCat(TypeName(type), " out of range"));
  }
  return v;
}

absl::StatusOr<double> ToDouble(const Datum& d, Type type) {
  if (IsNaN(d)) return std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  if (!IsFinite(d)) return SignOf(d) > 0 ? infinity : -infinity;
  const std::string text = ToText(d);
  double v = 0;
  if (type == Type::kFloat4) {
    float f = 0;
    if (!absl::SimpleAtof(text, &f)) f = 0;
    v = f;
  } else if (!absl::SimpleAtod(text, &v)) {
    v = 0;
  }
  if (std::isinf(v) || (v == 0 && SignOf(d) != 0)) {
    return SqlError(sqlstate::kValueOutOfRange,
                    absl::StrCat("\"", text, "\" is out of range for type ", TypeName(type)));
  }
  return v;
}

namespace {

// The first byte of a key part, in the values' order.
constexpr char kKeyMinusInfinity = 1, kKeyNegative = 2, kKeyZero = 3, kKeyPositive = 4,
               kKeyInfinity = 5, kKeyNaN = 6;
constexpr int64_t kExponentBias = 1 << 23;
constexpr size_t kKeyHead = 4;  // that byte, and three of the exponent

}  // namespace

// The exponent, then the digits two by two, each pair a byte from 1 to 100; for a negative number
// all of it complemented and ended by a byte greater than any pair's.
void AppendToKey(const Datum& d, std::string* key) {
  if (!IsFinite(d)) {
    key->push_back(IsNaN(d) ? kKeyNaN : SignOf(d) > 0 ? kKeyInfinity : kKeyMinusInfinity);
    return;
  }
  const int sign = SignOf(d);
  if (sign == 0) {
    key->push_back(kKeyZero);
    return;
  }
  std::string digits;
  for (char c : ToText(d)) {
    if (absl::ascii_isdigit(c)) digits.push_back(c);
  }
  const int64_t point = static_cast<int64_t>(digits.size()) - ScaleOf(d);
  const size_t first = digits.find_first_not_of('0');
  const int64_t exponent = point - static_cast<int64_t>(first);  // 0.DDD * 10^exponent
  digits = digits.substr(first, digits.find_last_not_of('0') + 1 - first);
  if (digits.size() % 2 != 0) digits.push_back('0');
  const uint8_t flip = sign < 0 ? 0xff : 0;
  key->push_back(sign < 0 ? kKeyNegative : kKeyPositive);
  for (int shift = 16; shift >= 0; shift -= 8) {
    key->push_back(
        static_cast<char>(static_cast<uint8_t>((exponent + kExponentBias) >> shift) ^ flip));
  }
  for (size_t i = 0; i < digits.size(); i += 2) {
    const auto pair = static_cast<uint8_t>((digits[i] - '0') * 10 + (digits[i + 1] - '0') + 1);
    key->push_back(static_cast<char>(pair ^ flip));
  }
  if (sign < 0) key->push_back(static_cast<char>(0xff));
}

bool ReadFromKey(absl::string_view bytes, Datum* d) {
  if (bytes.empty()) return false;
  const char kind = bytes[0];
  if (bytes.size() == 1) {
    if (kind == kKeyZero) *d = FromInt(0);
    if (kind == kKeyNaN) *d = NaN();
    if (kind == kKeyInfinity || kind == kKeyMinusInfinity) {
      return PackKind(kind == kKeyInfinity ? Kind::kInfinity : Kind::kNegativeInfinity, d).ok();
    }
    return kind == kKeyZero || kind == kKeyNaN;
  }
  const bool negative = kind == kKeyNegative;
  if (bytes.size() < kKeyHead + (negative ? 2 : 1) || (!negative && kind != kKeyPositive)) {
    return false;
  }
  const uint8_t flip = negative ? 0xff : 0;
  if (negative) {
    if (bytes.back() != static_cast<char>(0xff)) return false;
    bytes.remove_suffix(1);
  }
  int64_t exponent = 0;
  for (size_t i = 1; i < kKeyHead; ++i) {
    exponent = exponent << 8 | static_cast<uint8_t>(static_cast<uint8_t>(bytes[i]) ^ flip);
  }
  exponent -= kExponentBias;
  std::string digits;
  for (size_t i = kKeyHead; i < bytes.size(); ++i) {
    const int pair = static_cast<uint8_t>(static_cast<uint8_t>(bytes[i]) ^ flip) - 1;
    if (pair < 0 || pair > 99) return false;
    digits.push_back(static_cast<char>('0' + pair / 10));
    digits.push_back(static_cast<char>('0' + pair % 10));
  }
  if (digits.back() == '0') digits.pop_back();
  if (exponent > kMaxWholeDigits || exponent < -kMaxScale) return false;
  auto parsed = FromText(absl::StrCat(negative ? "-" : "", digits, "e",
                                      exponent - static_cast<int64_t>(digits.size())));
  if (!parsed.ok()) return false;
  *d = *std::move(parsed);
  return true;
}

namespace {

constexpr uint16_t kBinaryNegative = 0x4000, kBinaryNaN = 0xC000, kBinaryInfinity = 0xD000,
                   kBinaryMinusInfinity = 0xF000;

void Append16(int64_t v, std::string* out) {
  out->push_back(static_cast<char>(v >> 8));
  out->push_back(static_cast<char>(v));
}

}  // namespace

void AppendBinary(const Datum& d, std::string* out) {
  if (!IsFinite(d)) {
    Append16(0, out);
    Append16(0, out);
    Append16(IsNaN(d) ? kBinaryNaN : SignOf(d) > 0 ? kBinaryInfinity : kBinaryMinusInfinity, out);
    // PostgreSQL's own code for an infinity has a bit of its scale set.
    Append16(IsNaN(d) ? 0 : 0x20, out);
    return;
  }
  std::string text = ToText(d);
  const bool negative = text[0] == '-';
  if (negative) text.erase(0, 1);
  const size_t point = std::min(text.find('.'), text.size());
  std::string whole = text.substr(0, point);
  std::string rest = point < text.size() ? text.substr(point + 1) : "";
  whole.insert(0, (4 - whole.size() % 4) % 4, '0');
  rest.append((4 - rest.size() % 4) % 4, '0');
  int64_t weight = static_cast<int64_t>(whole.size() / 4) - 1;
  const std::string all = whole + rest;
  std::vector<int> digits;
  for (size_t i = 0; i < all.size(); i += 4) {
    digits.push_back((all[i] - '0') * 1000 + (all[i + 1] - '0') * 100 + (all[i + 2] - '0') * 10 +
                     (all[i + 3] - '0'));
  }
  while (!digits.empty() && digits.back() == 0) digits.pop_back();
  size_t first = 0;
  while (first < digits.size() && digits[first] == 0) ++first;
  weight -= static_cast<int64_t>(first);
  if (digits.empty()) weight = 0;
  Append16(static_cast<int64_t>(digits.size() - first), out);
  Append16(weight, out);
  Append16(negative ? kBinaryNegative : 0, out);
  Append16(ScaleOf(d), out);
  for (size_t i = first; i < digits.size(); ++i) Append16(digits[i], out);
}

absl::StatusOr<Datum> FromBinary(absl::string_view bytes) {
  auto bad = [](absl::string_view what) {
    return SqlError("22P03", absl::StrCat("invalid ", what, " in external \"numeric\" value"));
  };
  auto read = [&bytes](size_t i) {
    return static_cast<uint16_t>(static_cast<uint8_t>(bytes[i * 2]) << 8 |
                                 static_cast<uint8_t>(bytes[i * 2 + 1]));
  };
  if (bytes.size() < 8) return bad("length");
  const size_t count = read(0);
  const int64_t weight = static_cast<int16_t>(read(1));
  const uint16_t sign = read(2);
  const int scale = read(3);
  Datum out;
  if (sign == kBinaryNaN) return NaN();
  if (sign == kBinaryInfinity || sign == kBinaryMinusInfinity) {
    ISO_RETURN_IF_ERROR(
        PackKind(sign == kBinaryInfinity ? Kind::kInfinity : Kind::kNegativeInfinity, &out));
    return out;
  }
  if (sign != 0 && sign != kBinaryNegative) return bad("sign");
  if (scale > kMaxScale) return bad("scale");
  if (bytes.size() != 8 + count * 2) return bad("length");
  std::string digits = "0";
  for (size_t i = 0; i < count; ++i) {
    const uint16_t digit = read(4 + i);
    if (digit > 9999) return bad("digit");
    absl::StrAppend(&digits, absl::Dec(digit, absl::kZeroPad4));
  }
  // The last digit stands for units of 10000^(weight + 1 - count).
  Value v;
  v.whole.set_str(digits, 10);
  const int64_t power = 4 * (weight + 1 - static_cast<int64_t>(count));
  if (power > 0) v.whole *= Pow10(power);
  v.scale = static_cast<int>(std::max<int64_t>(0, -power));
  if (sign == kBinaryNegative) v.whole = -v.whole;
  // What lies beyond the scale is cut off, as PostgreSQL does.
  if (v.scale > scale) {
    v.whole /= Pow10(v.scale - scale);
    v.scale = scale;
  }
  Rescale(scale, &v);
  ISO_RETURN_IF_ERROR(Pack(std::move(v), &out));
  return out;
}

}  // namespace isochron::sql::numeric
