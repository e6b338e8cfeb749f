// SPDX-License-Identifier: Apache-2.0
//
// More functions over text and bytes: PostgreSQL's chapters 9.4 and 9.5.
#include <openssl/evp.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/functions.h"
#include "sql/binder/set_functions.h"
#include "sql/types/error.h"
#include "sql/types/quote.h"

namespace isochron::sql {
namespace {

using Ctx = const EvalContext&;

constexpr int64_t kMaxString = 64 << 20;

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// The characters of a text, as pieces of it.
std::vector<absl::string_view> Characters(absl::string_view s) {
  std::vector<absl::string_view> out;
  for (size_t i = 0; i < s.size();) {
    size_t end = i + 1;
    while (end < s.size() && IsContinuation(s[end])) ++end;
    out.push_back(s.substr(i, end - i));
    i = end;
  }
  return out;
}

absl::Status Text(std::string v, Datum* out) {
  *out = Datum::String(std::move(v));
  return absl::OkStatus();
}

absl::Status TooLong() { return SqlError(sqlstate::kProgramLimit, "requested length too large"); }

std::vector<absl::string_view> SplitAll(absl::string_view text, absl::string_view delimiter) {
  std::vector<absl::string_view> out;
  size_t from = 0;
  for (;;) {
    const size_t at = delimiter.empty() ? absl::string_view::npos : text.find(delimiter, from);
    out.push_back(text.substr(from, at == absl::string_view::npos ? at : at - from));
    if (at == absl::string_view::npos) return out;
    from = at + delimiter.size();
  }
}

absl::Status SplitPart(Ctx, const Datum* a, size_t, Datum* out) {
  const int64_t n = a[2].int_value();
  if (n == 0) {
    return SqlError(sqlstate::kInvalidParameter, "field position must not be zero");
  }
  const auto parts = a[0].string_value().empty()
                         ? std::vector<absl::string_view>()
                         : SplitAll(a[0].string_value(), a[1].string_value());
  const int64_t count = static_cast<int64_t>(parts.size());
  const int64_t at = n > 0 ? n - 1 : count + n;
  return Text(at < 0 || at >= count ? "" : std::string(parts[static_cast<size_t>(at)]), out);
}

absl::Status ConcatWs(Ctx, const Datum* a, size_t count, Datum* out) {
  if (a[0].is_null()) return absl::OkStatus();
  std::string text;
  bool any = false;
  for (size_t i = 1; i < count; ++i) {
    if (a[i].is_null()) continue;
    absl::StrAppend(&text, any ? a[0].string_value() : "", a[i].string_value());
    any = true;
  }
  return Text(std::move(text), out);
}

absl::Status InitCap(Ctx, const Datum* a, size_t, Datum* out) {
  std::string text = a[0].string_value();
  bool inside = false;
  for (char& c : text) {
    c = inside ? absl::ascii_tolower(c) : absl::ascii_toupper(c);
    inside = absl::ascii_isalnum(c);
  }
  return Text(std::move(text), out);
}

absl::Status Pad(const Datum* a, size_t count, bool left, Datum* out) {
  const auto text = Characters(a[0].string_value());
  const std::string blank = " ";
  const auto fill = Characters(count > 2 ? a[2].string_value() : blank);
  const int64_t wanted = std::max<int64_t>(a[1].int_value(), 0);
  const int64_t most = kMaxString / 4;
  if (wanted > most) return TooLong();
  const size_t n = static_cast<size_t>(wanted);
  std::string kept, padding;
  for (size_t i = 0; i < std::min(n, text.size()); ++i) absl::StrAppend(&kept, text[i]);
  for (size_t i = text.size(); i < n && !fill.empty(); ++i) {
    absl::StrAppend(&padding, fill[(i - text.size()) % fill.size()]);
  }
  return Text(left ? padding + kept : kept + padding, out);
}
absl::Status LPad(Ctx, const Datum* a, size_t count, Datum* out) {
  return Pad(a, count, true, out);
}
absl::Status RPad(Ctx, const Datum* a, size_t count, Datum* out) {
  return Pad(a, count, false, out);
}

absl::Status Translate(Ctx, const Datum* a, size_t, Datum* out) {
  const auto from = Characters(a[1].string_value()), to = Characters(a[2].string_value());
  std::string text;
  for (absl::string_view c : Characters(a[0].string_value())) {
    const size_t at = static_cast<size_t>(std::find(from.begin(), from.end(), c) - from.begin());
    if (at == from.size()) {
      absl::StrAppend(&text, c);
    } else if (at < to.size()) {
      absl::StrAppend(&text, to[at]);
    }
  }
  return Text(std::move(text), out);
}

// overlay(text placing new from start [for count])
absl::Status Overlay(Ctx, const Datum* a, size_t count, Datum* out) {
  const auto text = Characters(a[0].string_value());
  const int64_t start = a[2].int_value();
  const int64_t size = static_cast<int64_t>(text.size());
  const int64_t length =
      count > 3 ? a[3].int_value() : static_cast<int64_t>(Characters(a[1].string_value()).size());
  if (start <= 0) return SqlError("22011", "negative substring length not allowed");
  int64_t rest;
  if (__builtin_add_overflow(start, length, &rest)) {
    return SqlError(sqlstate::kValueOutOfRange, "integer out of range");
  }
  std::string result;
  for (int64_t i = 0; i < std::min(start - 1, size); ++i) {
    absl::StrAppend(&result, text[static_cast<size_t>(i)]);
  }
  absl::StrAppend(&result, a[1].string_value());
  for (int64_t i = std::max<int64_t>(rest - 1, 0); i < size; ++i) {
    absl::StrAppend(&result, text[static_cast<size_t>(i)]);
  }
  return Text(std::move(result), out);
}

absl::Status Ascii(Ctx, const Datum* a, size_t, Datum* out) {
  const auto text = Characters(a[0].string_value());
  if (text.empty()) {
    *out = Datum::Int(0);
    return absl::OkStatus();
  }
  const absl::string_view c = text[0];
  const unsigned char lead = static_cast<unsigned char>(c[0]);
  int64_t code = lead < 0x80 ? lead : lead & (0xFF >> (c.size() + 1));
  for (size_t i = 1; i < c.size(); ++i) code = code * 64 + (c[i] & 0x3F);
  *out = Datum::Int(code);
  return absl::OkStatus();
}

absl::Status Chr(Ctx, const Datum* a, size_t, Datum* out) {
  const int64_t code = a[0].int_value();
  if (code == 0) return SqlError(sqlstate::kProgramLimit, "null character not permitted");
  if (code < 0) return SqlError(sqlstate::kInvalidParameter, "character number must be positive");
  if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
    return SqlError(
        sqlstate::kProgramLimit,
        absl::StrCat("requested character ", code > 0x10FFFF ? "too large" : "not valid",
                     " for encoding: ", code));
  }
  std::string c;
  if (code < 0x80) {
    c.push_back(static_cast<char>(code));
  } else {
    const int tail = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    c.push_back(static_cast<char>((tail == 1   ? 0xC0
                                   : tail == 2 ? 0xE0
                                               : 0xF0) |
                                  (code >> (6 * tail))));
    for (int i = tail - 1; i >= 0; --i) {
      c.push_back(static_cast<char>(0x80 | ((code >> (6 * i)) & 0x3F)));
    }
  }
  return Text(std::move(c), out);
}

std::string Digest(const EVP_MD* kind, const std::string& data) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(data.data(), data.size(), digest, &size, kind, nullptr) != 1) return "";
  return std::string(reinterpret_cast<const char*>(digest), size);
}
absl::Status Md5(Ctx, const Datum* a, size_t, Datum* out) {
  return Text(absl::BytesToHexString(Digest(EVP_md5(), a[0].string_value())), out);
}
absl::Status Sha224(Ctx, const Datum* a, size_t, Datum* out) {
  return Text(Digest(EVP_sha224(), a[0].string_value()), out);
}
absl::Status Sha256(Ctx, const Datum* a, size_t, Datum* out) {
  return Text(Digest(EVP_sha256(), a[0].string_value()), out);
}
absl::Status Sha384(Ctx, const Datum* a, size_t, Datum* out) {
  return Text(Digest(EVP_sha384(), a[0].string_value()), out);
}
absl::Status Sha512(Ctx, const Datum* a, size_t, Datum* out) {
  return Text(Digest(EVP_sha512(), a[0].string_value()), out);
}

// With E'' where there are backslashes.
std::string Quoted(const std::string& text) {
  std::string out = text.find('\\') == std::string::npos ? "'" : "E'";
  for (char c : text) {
    if (c == '\'' || c == '\\') out.push_back(c);
    out.push_back(c);
  }
  out.push_back('\'');
  return out;
}
// One %-specifier of format().
struct Specifier {
  int64_t argument = -1;  // -1: the next
  bool left = false;
  bool has_width = false, width_argument = false;
  int64_t width = 0;  // or, with width_argument, which argument says it; -1: the next
  char kind = 0;
};

absl::StatusOr<Specifier> ParseSpecifier(absl::string_view f, size_t* at) {
  const auto unterminated = [] {
    return SqlError(sqlstate::kInvalidParameter, "unterminated format() type specifier", -1,
                    "For a single \"%\" use \"%%\".");
  };
  auto number = [&](int64_t* out) {
    const size_t from = *at;
    *out = 0;
    while (*at < f.size() && absl::ascii_isdigit(f[*at]) && *out < 100'000'000) {
      *out = *out * 10 + (f[(*at)++] - '0');
    }
    return *at > from;
  };
  Specifier s;
  const size_t begin = *at;
  int64_t n = 0;
  if (number(&n)) {
    if (*at < f.size() && f[*at] == '$') {
      ++*at;
      if (n == 0) {
        return SqlError(sqlstate::kInvalidParameter,
                        "format specifies argument 0, but arguments are numbered from 1");
      }
      s.argument = n;
    } else {
      *at = begin;
    }
  }
  while (*at < f.size() && f[*at] == '-') {
    s.left = true;
    ++*at;
  }
  if (*at < f.size() && f[*at] == '*') {
    ++*at;
    s.has_width = s.width_argument = true;
    s.width = -1;
    if (number(&n)) {
      if (*at >= f.size() || f[*at] != '$') {
        return SqlError(sqlstate::kInvalidParameter,
                        "width argument position must be ended by \"$\"");
      }
      ++*at;
      s.width = n;
    }
  } else if (number(&n)) {
    s.has_width = true;
    s.width = n;
  }
  if (*at >= f.size()) return unterminated();
  s.kind = f[(*at)++];
  return s;
}

absl::Status FormatArgument(const Specifier& s, const Datum& value, int64_t width, bool left,
                            std::string* text) {
  std::string piece;
  switch (s.kind) {
    case 's':
      if (!value.is_null()) piece = value.string_value();
      break;
    case 'I':
      if (value.is_null()) {
        return SqlError("22004", "null values cannot be formatted as an SQL identifier");
      }
      piece = QuoteIfNeeded(value.string_value());
      break;
    case 'L':
      piece = value.is_null() ? "NULL" : Quoted(value.string_value());
      break;
    default:
      return SqlError(sqlstate::kInvalidParameter,
                      absl::StrCat("unrecognized format() type specifier \"",
                                   absl::string_view(&s.kind, 1), "\""),
                      -1, "For a single \"%\" use \"%%\".");
  }
  const int64_t size = static_cast<int64_t>(Characters(piece).size());
  if (width > kMaxString) return TooLong();
  const std::string padding(static_cast<size_t>(std::max<int64_t>(width - size, 0)), ' ');
  absl::StrAppend(text, left ? piece : padding, left ? padding : piece);
  return absl::OkStatus();
}

absl::Status Format(Ctx, const Datum* a, size_t count, Datum* out) {
  if (a[0].is_null()) return absl::OkStatus();
  const std::string& f = a[0].string_value();
  std::string text;
  int64_t next = 1;
  auto take = [&](int64_t which, const Datum** value) -> absl::Status {
    const int64_t at = which < 0 ? next : which;
    if (at >= static_cast<int64_t>(count)) {
      return SqlError(sqlstate::kInvalidParameter, "too few arguments for format()");
    }
    *value = &a[at];
    next = at + 1;
    return absl::OkStatus();
  };
  for (size_t i = 0; i < f.size();) {
    if (f[i] != '%') {
      text.push_back(f[i++]);
      continue;
    }
    ++i;
    if (i < f.size() && f[i] == '%') {
      text.push_back(f[i++]);
      continue;
    }
    ISO_ASSIGN_OR_RETURN(Specifier s, ParseSpecifier(f, &i));
    int64_t width = s.has_width ? s.width : 0;
    bool left = s.left;
    const Datum* value = nullptr;
    if (s.width_argument) {
      ISO_RETURN_IF_ERROR(take(s.width, &value));
      Datum d;
      if (value->is_null()) d = Datum::Int(0);
      if (!value->is_null()) ISO_RETURN_IF_ERROR(CastDatum(Type::kText, Type::kInt4, *value, &d));
      width = d.int_value();
      left = left || width < 0;
      width = width < 0 ? -width : width;
    }
    ISO_RETURN_IF_ERROR(take(s.argument, &value));
    ISO_RETURN_IF_ERROR(FormatArgument(s, *value, width, left, &text));
  }
  return Text(std::move(text), out);
}

absl::Status BitLength(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Int(static_cast<int64_t>(a[0].string_value().size()) * 8);
  return absl::OkStatus();
}

absl::Status OutOfBytes(int64_t at, size_t size) {
  return SqlError("2202E", absl::StrCat("index ", at, " out of valid range, 0..",
                                        static_cast<int64_t>(size) - 1));
}

// get_byte, set_byte, get_bit and set_bit: `bit` counts from the lowest of each byte.
template <bool set, bool bit>
absl::Status ByteAt(Ctx, const Datum* a, size_t, Datum* out) {
  std::string data = a[0].string_value();
  const int64_t at = a[1].int_value();
  const size_t size = data.size() * (bit ? 8 : 1);
  if (at < 0 || at >= static_cast<int64_t>(size)) return OutOfBytes(at, size);
  char& byte = data[static_cast<size_t>(bit ? at / 8 : at)];
  const int shift = static_cast<int>(at % 8);
  if (!set) {
    const int value = static_cast<unsigned char>(byte);
    *out = Datum::Int(bit ? (value >> shift) & 1 : value);
    return absl::OkStatus();
  }
  const int64_t value = a[2].int_value();
  if (bit && value != 0 && value != 1) {
    return SqlError(sqlstate::kInvalidParameter, "new bit must be 0 or 1");
  }
  byte = static_cast<char>(bit ? (byte & ~(1 << shift)) | (static_cast<int>(value) << shift)
                               : static_cast<int>(value & 0xFF));
  return Text(std::move(data), out);
}

absl::StatusOr<std::unique_ptr<SetSource>> StringToTable(const EvalContext&, const Datum* args,
                                                         size_t count) {
  std::vector<Row> rows;
  if (args[0].is_null() || args[0].string_value().empty()) return SourceOf({});
  const std::string& text = args[0].string_value();
  const bool by_character = args[1].is_null();
  const auto parts = by_character                     ? Characters(text)
                     : args[1].string_value().empty() ? std::vector<absl::string_view>{text}
                                                      : SplitAll(text, args[1].string_value());
  for (absl::string_view part : parts) {
    const bool null = count > 2 && !args[2].is_null() && part == args[2].string_value();
    rows.push_back({null ? Datum::Null() : Datum::String(std::string(part))});
  }
  return SourceOf(std::move(rows));
}

}  // namespace

namespace function_groups {

void AddMoreStrings(std::vector<Function>* out) {
  constexpr Type kT = Type::kText, kI = Type::kInt4, kY = Type::kBytea, k4 = Type::kInt4;
  const std::vector<Function> strings = {
      {"split_part", {kT, kT, kI}, kT, SplitPart},
      {"concat_ws", {kT, kT}, kT, ConcatWs, false, true},
      {"initcap", {kT}, kT, InitCap},
      {"lpad", {kT, kI}, kT, LPad},
      {"lpad", {kT, kI, kT}, kT, LPad},
      {"rpad", {kT, kI}, kT, RPad},
      {"rpad", {kT, kI, kT}, kT, RPad},
      {"translate", {kT, kT, kT}, kT, Translate},
      {"overlay", {kT, kT, kI}, kT, Overlay},
      {"overlay", {kT, kT, kI, kI}, kT, Overlay},
      {"ascii", {kT}, k4, Ascii},
      {"chr", {kI}, kT, Chr},
      {"md5", {kT}, kT, Md5},
      {"md5", {kY}, kT, Md5},
      {"sha224", {kY}, kY, Sha224},
      {"sha256", {kY}, kY, Sha256},
      {"sha384", {kY}, kY, Sha384},
      {"sha512", {kY}, kY, Sha512},
      {"format", {kT}, kT, Format, false},
      {"format", {kT, kT}, kT, Format, false, true},
      {"bit_length", {kT}, k4, BitLength},
      {"bit_length", {kY}, k4, BitLength},
      {"get_byte", {kY, kI}, k4, ByteAt<false, false>},
      {"get_bit", {kY, Type::kInt8}, k4, ByteAt<false, true>},
      {"set_byte", {kY, kI, kI}, kY, ByteAt<true, false>},
      {"set_bit", {kY, Type::kInt8, kI}, kY, ByteAt<true, true>},
  };
  out->insert(out->end(), strings.begin(), strings.end());
}

}  // namespace function_groups

namespace set_function_groups {

void AddStrings(std::vector<SetFunction>* out) {
  for (size_t count : {2, 3}) {
    SetFunction f;
    f.signature = {"string_to_table", std::vector<Type>(count, Type::kText), Type::kText, nullptr,
                   false};
    f.open = StringToTable;
    out->push_back(std::move(f));
  }
}

}  // namespace set_function_groups

}  // namespace isochron::sql
