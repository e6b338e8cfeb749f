// SPDX-License-Identifier: Apache-2.0
//
// encode and decode; LIKE's ESCAPE.
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status_macros.h"
#include "sql/binder/functions.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

using Ctx = const EvalContext&;

constexpr size_t kBase64Line = 76;

absl::Status Text(std::string v, Datum* out) {
  *out = Datum::String(std::move(v));
  return absl::OkStatus();
}

absl::Status NoEncoding(const std::string& format) {
  return SqlError(sqlstate::kInvalidParameter,
                  absl::StrCat("unrecognized encoding: \"", format, "\""));
}

// Lines as in a letter: each ends after 76 characters, the last one only where it is full.
std::string Base64(const std::string& bytes) {
  const std::string whole = absl::Base64Escape(bytes);
  std::string out;
  for (size_t i = 0; i < whole.size(); i += kBase64Line) {
    absl::StrAppend(&out, whole.substr(i, kBase64Line),
                    whole.size() - i >= kBase64Line ? "\n" : "");
  }
  return out;
}

std::string Escaped(const std::string& bytes) {
  std::string out;
  for (char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0 || byte >= 0x80) {
      absl::StrAppendFormat(&out, "\\%03o", byte);
    } else if (c == '\\') {
      out += "\\\\";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

absl::Status Encode(Ctx, const Datum* a, size_t, Datum* out) {
  const std::string format = absl::AsciiStrToLower(a[1].string_value());
  if (format == "hex") return Text(absl::BytesToHexString(a[0].string_value()), out);
  if (format == "base64") return Text(Base64(a[0].string_value()), out);
  if (format == "escape") return Text(Escaped(a[0].string_value()), out);
  return NoEncoding(a[1].string_value());
}

absl::Status Decode(Ctx, const Datum* a, size_t, Datum* out) {
  const std::string format = absl::AsciiStrToLower(a[1].string_value());
  if (format == "base64") {
    std::string v;
    if (!absl::Base64Unescape(a[0].string_value(), &v)) {
      return SqlError(sqlstate::kInvalidParameter, "invalid base64 text");
    }
    return Text(std::move(v), out);
  }
  std::string text = a[0].string_value();
  if (format == "hex") {
    text = absl::StrCat("\\x", text);
  } else if (format != "escape") {
    return NoEncoding(a[1].string_value());
  } else if (absl::StartsWith(text, "\\x")) {
    return SqlError(sqlstate::kInvalidText, "invalid input syntax for type bytea");
  }
  ISO_ASSIGN_OR_RETURN(*out, DatumFromText(Type::kBytea, text));
  return absl::OkStatus();
}

// A pattern with another escape character as one with the backslash.
absl::Status LikeEscape(Ctx, const Datum* a, size_t, Datum* out) {
  const std::string& pattern = a[0].string_value();
  const std::string& escape = a[1].string_value();
  size_t characters = 0;
  for (char c : escape) characters += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  if (characters > 1) {
    return SqlError("22025", "invalid escape string", -1,
                    "Escape string must be empty or one character.");
  }
  std::string text;
  bool escaped = false;  // the character before was an escape
  for (size_t i = 0; i < pattern.size();) {
    if (!escape.empty() && !escaped && pattern.compare(i, escape.size(), escape) == 0) {
      text += "\\";
      i += escape.size();
      escaped = true;
      continue;
    }
    if (pattern[i] == '\\' && !escaped) text += "\\";
    text.push_back(pattern[i++]);
    escaped = false;
  }
  return Text(std::move(text), out);
}

}  // namespace

namespace function_groups {

void AddEncodings(std::vector<Function>* out) {
  constexpr Type kT = Type::kText, kY = Type::kBytea;
  out->push_back({"encode", {kY, kT}, kT, Encode});
  out->push_back({"decode", {kT, kT}, kY, Decode});
  out->push_back({"like_escape", {kT, kT}, kT, LikeEscape});
}

}  // namespace function_groups

}  // namespace isochron::sql
