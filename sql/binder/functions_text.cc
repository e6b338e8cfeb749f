// SPDX-License-Identifier: Apache-2.0
//
// Functions over text and bytes.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "common/status_macros.h"
#include "sql/binder/catalog_reader.h"
#include "sql/binder/functions.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

using Ctx = const EvalContext&;

constexpr size_t kMaxString = 64 << 20;

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

int64_t Characters(absl::string_view s) {
  return std::count_if(s.begin(), s.end(), [](char c) { return !IsContinuation(c); });
}

// Byte offset of the n-th character (from 0), or the size.
size_t Offset(absl::string_view s, int64_t n) {
  size_t i = 0;
  while (i < s.size() && n > 0) {
    ++i;
    while (i < s.size() && IsContinuation(s[i])) ++i;
    --n;
  }
  return i;
}

absl::Status Text(std::string v, Datum* out) {
  *out = Datum::String(std::move(v));
  return absl::OkStatus();
}
absl::Status Int(int64_t v, Datum* out) {
  *out = Datum::Int(v);
  return absl::OkStatus();
}

absl::Status Length(Ctx, const Datum* a, size_t, Datum* out) {
  return Int(Characters(a[0].string_value()), out);
}
absl::Status OctetLength(Ctx, const Datum* a, size_t, Datum* out) {
  return Int(static_cast<int64_t>(a[0].string_value().size()), out);
}
absl::Status Lower(Ctx, const Datum* a, size_t, Datum* out) {
  return Text(absl::AsciiStrToLower(a[0].string_value()), out);
}
absl::Status Upper(Ctx, const Datum* a, size_t, Datum* out) {
  return Text(absl::AsciiStrToUpper(a[0].string_value()), out);
}

absl::Status Trim(const Datum* a, size_t n, bool left, bool right, Datum* out) {
  const std::string chars = n > 1 ? a[1].string_value() : " ";
  absl::string_view s = a[0].string_value();
  if (left) s.remove_prefix(std::min(s.find_first_not_of(chars), s.size()));
  if (right) {
    const size_t last = s.find_last_not_of(chars);
    s = last == absl::string_view::npos ? "" : s.substr(0, last + 1);
  }
  return Text(std::string(s), out);
}
absl::Status BTrim(Ctx, const Datum* a, size_t n, Datum* out) {
  return Trim(a, n, true, true, out);
}
absl::Status LTrim(Ctx, const Datum* a, size_t n, Datum* out) {
  return Trim(a, n, true, false, out);
}
absl::Status RTrim(Ctx, const Datum* a, size_t n, Datum* out) {
  return Trim(a, n, false, true, out);
}

absl::Status Substr(Ctx, const Datum* a, size_t n, Datum* out) {
  const absl::string_view s = a[0].string_value();
  // Positions count from 1; a start before the text eats into the length.
  const int64_t start = a[1].int_value();
  int64_t end = static_cast<int64_t>(s.size()) + 1;
  if (n > 2) {
    if (a[2].int_value() < 0) return SqlError("22011", "negative substring length not allowed");
    if (__builtin_add_overflow(start, a[2].int_value(), &end)) end = kMaxString;
  }
  const size_t from = Offset(s, std::max<int64_t>(start, 1) - 1);
  const size_t to = Offset(s, std::max<int64_t>(end, 1) - 1);
  return Text(std::string(to > from ? s.substr(from, to - from) : ""), out);
}

absl::Status Left(Ctx, const Datum* a, size_t, Datum* out) {
  const absl::string_view s = a[0].string_value();
  int64_t n = a[1].int_value();
  if (n < 0) n = std::max<int64_t>(0, Characters(s) + n);
  return Text(std::string(s.substr(0, Offset(s, n))), out);
}
absl::Status Right(Ctx, const Datum* a, size_t, Datum* out) {
  const absl::string_view s = a[0].string_value();
  const int64_t n = a[1].int_value();
  const int64_t skip = n < 0 ? -n : std::max<int64_t>(0, Characters(s) - n);
  return Text(std::string(s.substr(Offset(s, skip))), out);
}
absl::Status Replace(Ctx, const Datum* a, size_t, Datum* out) {
  if (a[1].string_value().empty()) return Text(a[0].string_value(), out);
  return Text(
      absl::StrReplaceAll(a[0].string_value(), {{a[1].string_value(), a[2].string_value()}}), out);
}
absl::Status Position(Ctx, const Datum* a, size_t, Datum* out) {
  const std::string& s = a[0].string_value();
  const size_t at = s.find(a[1].string_value());
  return Int(at == std::string::npos ? 0 : Characters(absl::string_view(s).substr(0, at)) + 1, out);
}
absl::Status Repeat(Ctx, const Datum* a, size_t, Datum* out) {
  const int64_t n = std::max<int64_t>(0, a[1].int_value());
  const std::string& s = a[0].string_value();
  if (!s.empty() && static_cast<uint64_t>(n) > kMaxString / s.size()) {
    return SqlError(sqlstate::kProgramLimit, "the requested string is too long");
  }
  std::string v;
  v.reserve(s.size() * static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) v += s;
  return Text(std::move(v), out);
}
absl::Status Reverse(Ctx, const Datum* a, size_t, Datum* out) {
  const std::string& s = a[0].string_value();
  std::string v;
  size_t end = s.size();
  while (end > 0) {
    size_t start = end - 1;
    while (start > 0 && IsContinuation(s[start])) --start;
    v.append(s, start, end - start);
    end = start;
  }
  return Text(std::move(v), out);
}
absl::Status StartsWith(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Bool(
      a[0].string_value().compare(0, a[1].string_value().size(), a[1].string_value()) == 0);
  return absl::OkStatus();
}
absl::Status ConcatAll(Ctx, const Datum* a, size_t n, Datum* out) {
  std::string v;
  for (size_t i = 0; i < n; ++i) {
    if (!a[i].is_null()) v += a[i].string_value();
  }
  return Text(std::move(v), out);
}
absl::Status ToHex(Ctx, const Datum* a, size_t, Datum* out) {
  return Text(absl::StrFormat("%x", static_cast<uint64_t>(a[0].int_value())), out);
}

absl::Status ToHex4(Ctx, const Datum* a, size_t, Datum* out) {
  return Text(absl::StrFormat("%x", static_cast<uint32_t>(a[0].int_value())), out);
}

// Programs look for the number behind this name.
absl::Status Version(Ctx ctx, const Datum*, size_t, Datum* out) {
  return Text(absl::StrCat("PostgreSQL 15.1 (", ctx.version, ")"), out);
}
absl::Status User(Ctx ctx, const Datum*, size_t, Datum* out) {
  return Text(ctx.session == nullptr ? "isochron" : ctx.session->current_user(), out);
}
absl::Status SessionUser(Ctx ctx, const Datum*, size_t, Datum* out) {
  return Text(ctx.session == nullptr ? "isochron" : ctx.session->session_user(), out);
}
absl::Status Database(Ctx ctx, const Datum*, size_t, Datum* out) {
  return Text(ctx.session == nullptr ? "isochron" : ctx.session->current_database(), out);
}
absl::Status Schema(Ctx ctx, const Datum*, size_t, Datum* out) {
  if (ctx.session == nullptr) return Text("public", out);
  const std::vector<std::string>& path = ctx.session->Path();
  return path.empty() ? absl::OkStatus() : Text(path[0], out);
}

}  // namespace

namespace function_groups {

void AddStrings(std::vector<Function>* out) {
  constexpr Type kI = Type::kInt4, kT = Type::kText, kY = Type::kBytea, kB = Type::kBool;
  const std::vector<Function> strings = {
      {"length", {kT}, kI, Length},
      {"length", {kY}, kI, OctetLength},
      {"char_length", {kT}, kI, Length},
      {"character_length", {kT}, kI, Length},
      {"octet_length", {kT}, kI, OctetLength},
      {"octet_length", {kY}, kI, OctetLength},
      {"octet_length", {Type::kBpchar}, kI, OctetLength},
      {"lower", {kT}, kT, Lower},
      {"upper", {kT}, kT, Upper},
      {"btrim", {kT}, kT, BTrim},
      {"btrim", {kT, kT}, kT, BTrim},
      {"ltrim", {kT}, kT, LTrim},
      {"ltrim", {kT, kT}, kT, LTrim},
      {"rtrim", {kT}, kT, RTrim},
      {"rtrim", {kT, kT}, kT, RTrim},
      {"substr", {kT, kI}, kT, Substr},
      {"substr", {kT, kI, kI}, kT, Substr},
      {"substring", {kT, kI}, kT, Substr},
      {"substring", {kT, kI, kI}, kT, Substr},
      {"left", {kT, kI}, kT, Left},
      {"right", {kT, kI}, kT, Right},
      {"replace", {kT, kT, kT}, kT, Replace},
      {"strpos", {kT, kT}, kI, Position},
      {"position", {kT, kT}, kI, Position},
      {"repeat", {kT, kI}, kT, Repeat},
      {"reverse", {kT}, kT, Reverse},
      {"starts_with", {kT, kT}, kB, StartsWith},
      {"concat", {kT}, kT, ConcatAll, false, true},
      {"to_hex", {Type::kInt4}, kT, ToHex4},
      {"to_hex", {Type::kInt8}, kT, ToHex},
      {"version", {}, kT, Version},
      {"current_user", {}, kT, User, true},
      {"session_user", {}, kT, SessionUser, true},
      {"current_database", {}, kT, Database, true},
      {"current_schema", {}, kT, Schema},
  };
  out->insert(out->end(), strings.begin(), strings.end());
}

}  // namespace function_groups

}  // namespace isochron::sql
