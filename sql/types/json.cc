// SPDX-License-Identifier: Apache-2.0
#include "sql/types/json.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status_macros.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

// Of PostgreSQL's numeric: digits before and behind the point.
constexpr int64_t kMaxWholeDigits = 131072;
constexpr int64_t kMaxScale = 16383;

absl::Status Malformed(std::string detail) {
  ErrorFields fields;
  fields.detail = std::move(detail);
  return WithFields(SqlError(sqlstate::kInvalidText, "invalid input syntax for type json"), fields);
}

absl::Status NumberOverflow() {
  return SqlError(sqlstate::kValueOutOfRange, "value overflows numeric format");
}

void AppendUtf8(uint32_t c, std::string* out) {
  if (c < 0x80) {
    out->push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out->push_back(static_cast<char>(0xC0 | c >> 6));
    out->push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else if (c < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | c >> 12));
    out->push_back(static_cast<char>(0x80 | (c >> 6 & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else {
    out->push_back(static_cast<char>(0xF0 | c >> 18));
    out->push_back(static_cast<char>(0x80 | (c >> 12 & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (c >> 6 & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3F)));
  }
}

// A JSON number as numeric prints it: no exponent, as many digits behind the point as it says.
absl::StatusOr<std::string> Decimal(absl::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  if (negative) text.remove_prefix(1);
  const size_t e = text.find_first_of("eE");
  int64_t exponent = 0;
  if (e != absl::string_view::npos) {
    absl::string_view digits = text.substr(e + 1);
    if (!absl::SimpleAtoi(digits, &exponent) || exponent > 2 * kMaxWholeDigits ||
        exponent < -2 * kMaxWholeDigits) {
      return NumberOverflow();
    }
    text = text.substr(0, e);
  }
  const size_t point = text.find('.');
  std::string digits(text.substr(0, point));
  int64_t scale = 0;
  if (point != absl::string_view::npos) {
    absl::StrAppend(&digits, text.substr(point + 1));
    scale = static_cast<int64_t>(text.size() - point - 1);
  }
  scale -= exponent;
  if (scale < 0) {
    if (digits.find_first_not_of('0') != std::string::npos) {
      digits.append(static_cast<size_t>(-scale), '0');
    }
    scale = 0;
  }
  if (scale > kMaxScale) return NumberOverflow();
  if (static_cast<int64_t>(digits.size()) <= scale) {
    digits.insert(0, static_cast<size_t>(scale + 1) - digits.size(), '0');
  }
  size_t whole = digits.size() - static_cast<size_t>(scale);
  const size_t zeros = std::min(digits.find_first_not_of('0'), whole - 1);
  digits.erase(0, zeros);
  whole -= zeros;
  if (static_cast<int64_t>(whole) > kMaxWholeDigits) return NumberOverflow();
  const bool zero = digits.find_first_not_of('0') == std::string::npos;
  if (scale > 0) digits.insert(whole, ".");
  return negative && !zero ? absl::StrCat("-", digits) : digits;
}

class Parser {
 public:
  Parser(absl::string_view in, JsonForm form, bool keep) : in_(in), form_(form), keep_(keep) {}

  absl::Status Run(JsonValue* out) {
    ISO_RETURN_IF_ERROR(Value(0, out));
    SkipSpace();
    if (at_ == in_.size()) return absl::OkStatus();
    const absl::string_view token = Token();
    return IsToken(token)
               ? Malformed(absl::StrCat("Expected end of input, but found \"", token, "\"."))
               : Malformed(absl::StrCat("Token \"", token, "\" is invalid."));
  }

 private:
  char Now() const { return at_ < in_.size() ? in_[at_] : '\0'; }
  void SkipSpace() {
    while (at_ < in_.size() &&
           (in_[at_] == ' ' || in_[at_] == '\t' || in_[at_] == '\n' || in_[at_] == '\r')) {
      ++at_;
    }
  }
  // What stands here, as far as it belongs together.
  absl::string_view Token() const {
    size_t end = at_;
    if (end < in_.size() && in_[end] == '"') {
      for (++end; end < in_.size() && in_[end] != '"'; ++end) {
        if (in_[end] == '\\' && end + 1 < in_.size()) ++end;
      }
      return in_.substr(at_, end + 1 - at_);
    }
    while (end < in_.size() &&
           (absl::ascii_isalnum(in_[end]) || in_[end] == '_' || in_[end] == '-' ||
            in_[end] == '+' || in_[end] == '.' || static_cast<unsigned char>(in_[end]) >= 0x80)) {
      ++end;
    }
    return in_.substr(at_, std::max<size_t>(end - at_, 1));
  }
  static bool IsToken(absl::string_view t) {
    return t == "{" || t == "}" || t == "[" || t == "]" || t == "," || t == ":" || t == "true" ||
           t == "false" || t == "null" || (t[0] == '"' && t.size() > 1 && t.back() == '"') ||
           absl::ascii_isdigit(t[0]);
  }
  absl::Status Expected(absl::string_view what) const {
    if (at_ >= in_.size()) return Malformed("The input string ended unexpectedly.");
    const absl::string_view token = Token();
    if (!IsToken(token)) return Malformed(absl::StrCat("Token \"", token, "\" is invalid."));
    return Malformed(absl::StrCat("Expected ", what, ", but found \"", token, "\"."));
  }

  absl::Status Value(int depth, JsonValue* out) {
    if (depth > kMaxJsonDepth) {
      return SqlError("54001", "stack depth limit exceeded", -1,
                      absl::StrCat("JSON may lie ", kMaxJsonDepth, " deep in itself."));
    }
    SkipSpace();
    const size_t from = at_;
    absl::Status read;
    switch (Now()) {
      case '{':
        read = Object(depth, out);
        break;
      case '[':
        read = Array(depth, out);
        break;
      case '"':
        out->kind = JsonValue::Kind::kString;
        read = String(&out->text);
        break;
      default:
        read = Literal(out);
    }
    if (!read.ok()) return read;
    out->source = in_.substr(from, at_ - from);
    return absl::OkStatus();
  }

  absl::Status Literal(JsonValue* out) {
    if (at_ >= in_.size()) return Expected("JSON value");
    const absl::string_view token = Token();
    if (token == "true" || token == "false") {
      out->kind = JsonValue::Kind::kBool;
      out->boolean = token == "true";
    } else if (token == "null") {
      out->kind = JsonValue::Kind::kNull;
    } else if (IsNumber(token)) {
      out->kind = JsonValue::Kind::kNumber;
      if (form_ == JsonForm::kJsonb) {
        ISO_ASSIGN_OR_RETURN(out->text, Decimal(token));
      } else if (keep_) {
        out->text = std::string(token);
      }
    } else if (absl::ascii_isdigit(token[0])) {
      return Malformed(absl::StrCat("Token \"", token, "\" is invalid."));
    } else {
      return Expected("JSON value");
    }
    at_ += token.size();
    return absl::OkStatus();
  }

  static bool IsNumber(absl::string_view t) {
    size_t i = 0;
    const auto digits = [&] {
      const size_t from = i;
      while (i < t.size() && absl::ascii_isdigit(t[i])) ++i;
      return i > from;
    };
    if (i < t.size() && t[i] == '-') ++i;
    if (i < t.size() && t[i] == '0') {
      ++i;
    } else if (!digits()) {
      return false;
    }
    if (i < t.size() && t[i] == '.' && (++i, !digits())) return false;
    if (i < t.size() && (t[i] == 'e' || t[i] == 'E')) {
      ++i;
      if (i < t.size() && (t[i] == '+' || t[i] == '-')) ++i;
      if (!digits()) return false;
    }
    return i == t.size();
  }

  absl::Status Array(int depth, JsonValue* out) {
    out->kind = JsonValue::Kind::kArray;
    ++at_;
    SkipSpace();
    if (Now() == ']') {
      ++at_;
      return absl::OkStatus();
    }
    for (;;) {
      JsonValue item;
      ISO_RETURN_IF_ERROR(Value(depth + 1, &item));
      if (keep_) out->items.push_back(std::move(item));
      SkipSpace();
      const char c = Now();
      if (c != ',' && c != ']') return Expected("\",\" or \"]\"");
      ++at_;
      if (c == ']') return absl::OkStatus();
    }
  }

  absl::Status Object(int depth, JsonValue* out) {
    out->kind = JsonValue::Kind::kObject;
    ++at_;
    SkipSpace();
    if (Now() == '}') {
      ++at_;
      return absl::OkStatus();
    }
    for (bool first = true;; first = false) {
      SkipSpace();
      if (Now() != '"') return Expected(first ? "string or \"}\"" : "string");
      std::string key;
      ISO_RETURN_IF_ERROR(String(&key));
      SkipSpace();
      if (Now() != ':') return Expected("\":\"");
      ++at_;
      JsonValue item;
      ISO_RETURN_IF_ERROR(Value(depth + 1, &item));
      if (keep_) {
        out->keys.push_back(std::move(key));
        out->items.push_back(std::move(item));
      }
      SkipSpace();
      const char c = Now();
      if (c != ',' && c != '}') return Expected("\",\" or \"}\"");
      ++at_;
      if (c == '}') break;
    }
    if (keep_ && form_ == JsonForm::kJsonb) SortJsonObject(out);
    return absl::OkStatus();
  }

  absl::Status String(std::string* out) {
    const size_t from = at_;
    ++at_;
    uint32_t high = 0;
    for (;;) {
      if (at_ >= in_.size()) {
        return Malformed(absl::StrCat("Token \"", in_.substr(from), "\" is invalid."));
      }
      const char c = in_[at_];
      if (c == '\\') {
        ISO_RETURN_IF_ERROR(Escape(&high, out));
        continue;
      }
      if (high != 0) return LowSurrogate();
      if (static_cast<unsigned char>(c) < 0x20) {
        return Malformed(absl::StrFormat("Character with value 0x%02x must be escaped.", c));
      }
      ++at_;
      if (c == '"') return absl::OkStatus();
      if (keep_) out->push_back(c);
    }
  }

  static absl::Status LowSurrogate() {
    return Malformed("Unicode low surrogate must follow a high surrogate.");
  }

  // At a backslash. `high` is the first half of a pair that waits for its second.
  absl::Status Escape(uint32_t* high, std::string* out) {
    const char c = at_ + 1 < in_.size() ? in_[at_ + 1] : '\0';
    if (c == 'u') return Unicode(high, out);
    if (*high != 0) return LowSurrogate();
    static constexpr char kFrom[] = "\"\\/bfnrt";
    static constexpr char kTo[] = "\"\\/\b\f\n\r\t";
    for (size_t i = 0; i + 1 < sizeof(kFrom); ++i) {
      if (c != kFrom[i]) continue;
      if (keep_) out->push_back(kTo[i]);
      at_ += 2;
      return absl::OkStatus();
    }
    if (c == '\0') return Malformed(absl::StrCat("Token \"", Token(), "\" is invalid."));
    return Malformed(absl::StrCat("Escape sequence \"\\", std::string(1, c), "\" is invalid."));
  }

  absl::Status Unicode(uint32_t* high, std::string* out) {
    uint32_t v = 0;
    for (size_t i = 0; i < 4; ++i) {
      const char d = at_ + 2 + i < in_.size() ? in_[at_ + 2 + i] : '\0';
      if (!absl::ascii_isxdigit(d)) {
        return Malformed("\"\\u\" must be followed by four hexadecimal digits.");
      }
      v = v * 16 + static_cast<uint32_t>(
                       absl::ascii_isdigit(d) ? d - '0' : absl::ascii_tolower(d) - 'a' + 10);
    }
    at_ += 6;
    if (v >= 0xD800 && v <= 0xDBFF) {
      if (*high != 0) return Malformed("Unicode high surrogate must not follow a high surrogate.");
      *high = v;
      return absl::OkStatus();
    }
    if (v >= 0xDC00 && v <= 0xDFFF) {
      if (*high == 0) return LowSurrogate();
      v = 0x10000 + ((*high & 0x3FF) << 10) + (v & 0x3FF);
      *high = 0;
    } else if (*high != 0) {
      return LowSurrogate();
    }
    if (v == 0 && form_ == JsonForm::kJsonb) {
      ErrorFields fields;
      fields.detail = "\\u0000 cannot be converted to text.";
      return WithFields(SqlError("22P05", "unsupported Unicode escape sequence"), fields);
    }
    if (keep_) AppendUtf8(v, out);
    return absl::OkStatus();
  }

  const absl::string_view in_;
  const JsonForm form_;
  const bool keep_;
  size_t at_ = 0;
};

bool KeyBefore(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

int Sign(int v) { return v < 0 ? -1 : v > 0; }

void Pretty(const JsonValue& v, size_t indent, std::string* out) {
  if (v.is_scalar()) {
    *out += JsonbText(v);
    return;
  }
  const bool object = v.kind == JsonValue::Kind::kObject;
  out->push_back(object ? '{' : '[');
  for (size_t i = 0; i < v.items.size(); ++i) {
    absl::StrAppend(out, i == 0 ? "\n" : ",\n", std::string(indent + 4, ' '));
    if (object) {
      AppendJsonString(v.keys[i], out);
      *out += ": ";
    }
    Pretty(v.items[i], indent + 4, out);
  }
  absl::StrAppend(out, "\n", std::string(indent, ' '), object ? "}" : "]");
}

enum class Numbers : uint8_t { kAsWritten, kShortest };

void Append(const JsonValue& v, absl::string_view comma, absl::string_view colon, Numbers numbers,
            std::string* out) {
  switch (v.kind) {
    case JsonValue::Kind::kNull:
      *out += "null";
      return;
    case JsonValue::Kind::kBool:
      *out += v.boolean ? "true" : "false";
      return;
    case JsonValue::Kind::kNumber: {
      absl::string_view text = v.text;
      if (numbers == Numbers::kShortest && text.find('.') != absl::string_view::npos) {
        while (text.back() == '0') text.remove_suffix(1);
        if (text.back() == '.') text.remove_suffix(1);
      }
      absl::StrAppend(out, text);
      return;
    }
    case JsonValue::Kind::kString:
      AppendJsonString(v.text, out);
      return;
    case JsonValue::Kind::kArray:
    case JsonValue::Kind::kObject:
      break;
  }
  const bool object = v.kind == JsonValue::Kind::kObject;
  out->push_back(object ? '{' : '[');
  for (size_t i = 0; i < v.items.size(); ++i) {
    if (i > 0) absl::StrAppend(out, comma);
    if (object) {
      AppendJsonString(v.keys[i], out);
      absl::StrAppend(out, colon);
    }
    Append(v.items[i], comma, colon, numbers, out);
  }
  out->push_back(object ? '}' : ']');
}

// Null < string < number < boolean < array < object.
int Rank(JsonValue::Kind kind) {
  static constexpr int kRanks[] = {0, 3, 2, 1, 4, 5};
  return kRanks[static_cast<size_t>(kind)];
}

int CompareLevel(const JsonValue& a, const JsonValue& b, bool top) {
  using Kind = JsonValue::Kind;
  if (a.kind != b.kind) {
    // An empty array by itself comes before all else: so PostgreSQL has it from the beginning.
    if (top && a.kind == Kind::kArray && a.items.empty()) return -1;
    if (top && b.kind == Kind::kArray && b.items.empty()) return 1;
    return Rank(a.kind) < Rank(b.kind) ? -1 : 1;
  }
  switch (a.kind) {
    case Kind::kNull:
      return 0;
    case Kind::kBool:
      return static_cast<int>(a.boolean) - static_cast<int>(b.boolean);
    case Kind::kNumber:
      return CompareDecimals(a.text, b.text);
    case Kind::kString:
      return Sign(a.text.compare(b.text));
    case Kind::kArray:
    case Kind::kObject:
      break;
  }
  if (a.items.size() != b.items.size()) return a.items.size() < b.items.size() ? -1 : 1;
  for (size_t i = 0; i < a.items.size(); ++i) {
    int c = a.kind == Kind::kObject ? Sign(a.keys[i].compare(b.keys[i])) : 0;
    if (c == 0) c = CompareLevel(a.items[i], b.items[i], false);
    if (c != 0) return c;
  }
  return 0;
}

}  // namespace

const JsonValue* JsonValue::Find(absl::string_view key) const {
  if (kind != Kind::kObject) return nullptr;
  for (size_t i = keys.size(); i-- > 0;) {
    if (keys[i] == key) return &items[i];
  }
  return nullptr;
}

const JsonValue* JsonValue::At(int64_t index) const {
  if (kind != Kind::kArray) return nullptr;
  const int64_t size = static_cast<int64_t>(items.size());
  if (index < 0) index += size;
  return index < 0 || index >= size ? nullptr : &items[static_cast<size_t>(index)];
}

absl::StatusOr<JsonValue> ParseJson(absl::string_view text, JsonForm form) {
  JsonValue out;
  ISO_RETURN_IF_ERROR(Parser(text, form, true).Run(&out));
  return out;
}

absl::Status CheckJson(absl::string_view text) {
  JsonValue out;
  return Parser(text, JsonForm::kJson, false).Run(&out);
}

JsonValue ParseJsonb(absl::string_view text) {
  auto v = ParseJson(text, JsonForm::kJsonb);
  return v.ok() ? *std::move(v) : JsonValue();
}

std::string JsonbText(const JsonValue& v) {
  std::string out;
  Append(v, ", ", ": ", Numbers::kAsWritten, &out);
  return out;
}

std::string JsonCompact(const JsonValue& v) {
  std::string out;
  Append(v, ",", ":", Numbers::kAsWritten, &out);
  return out;
}

std::string JsonbPretty(const JsonValue& v) {
  std::string out;
  Pretty(v, 0, &out);
  return out;
}

void AppendJsonString(absl::string_view text, std::string* out) {
  out->push_back('"');
  for (const char c : text) {
    switch (c) {
      case '"':
        *out += "\\\"";
        break;
      case '\\':
        *out += "\\\\";
        break;
      case '\b':
        *out += "\\b";
        break;
      case '\f':
        *out += "\\f";
        break;
      case '\n':
        *out += "\\n";
        break;
      case '\r':
        *out += "\\r";
        break;
      case '\t':
        *out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          absl::StrAppendFormat(out, "\\u%04x", c);
        } else {
          out->push_back(c);
        }
    }
  }
  out->push_back('"');
}

void SortJsonObject(JsonValue* v) {
  bool sorted = true;
  for (size_t i = 1; i < v->keys.size() && sorted; ++i) {
    sorted = KeyBefore(v->keys[i - 1], v->keys[i]);
  }
  if (sorted) return;
  std::vector<size_t> order(v->keys.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [v](size_t a, size_t b) { return KeyBefore(v->keys[a], v->keys[b]); });
  std::vector<std::string> keys;
  std::vector<JsonValue> items;
  for (size_t i = 0; i < order.size(); ++i) {
    const bool repeated = i + 1 < order.size() && v->keys[order[i]] == v->keys[order[i + 1]];
    if (repeated) continue;
    items.push_back(std::move(v->items[order[i]]));
    keys.push_back(v->keys[order[i]]);
  }
  v->keys = std::move(keys);
  v->items = std::move(items);
}

int CompareDecimals(absl::string_view a, absl::string_view b) {
  const auto zero = [](absl::string_view v) {
    return v.find_first_not_of("-0.") == absl::string_view::npos;
  };
  const int sign_a = zero(a) ? 0 : a[0] == '-' ? -1 : 1;
  const int sign_b = zero(b) ? 0 : b[0] == '-' ? -1 : 1;
  if (sign_a != sign_b || sign_a == 0) return Sign(sign_a - sign_b);
  if (sign_a < 0) {
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  const auto whole = [](absl::string_view v) { return v.substr(0, v.find('.')); };
  const auto rest = [](absl::string_view v) {
    const size_t point = v.find('.');
    absl::string_view digits = point == absl::string_view::npos ? "" : v.substr(point + 1);
    while (!digits.empty() && digits.back() == '0') digits.remove_suffix(1);
    return digits;
  };
  // Without leading zeros the longer one is the greater.
  int c = whole(a).size() != whole(b).size() ? (whole(a).size() < whole(b).size() ? -1 : 1)
                                             : Sign(whole(a).compare(whole(b)));
  if (c == 0) c = Sign(rest(a).compare(rest(b)));
  return c * sign_a;
}

int CompareJson(const JsonValue& a, const JsonValue& b) { return CompareLevel(a, b, true); }

int CompareJsonbTexts(absl::string_view a, absl::string_view b) {
  return a == b ? 0 : CompareJson(ParseJsonb(a), ParseJsonb(b));
}

std::string JsonbGroupKey(absl::string_view text) {
  std::string out;
  Append(ParseJsonb(text), ",", ":", Numbers::kShortest, &out);
  return out;
}

bool JsonContains(const JsonValue& a, const JsonValue& b) {
  using Kind = JsonValue::Kind;
  if (b.kind == Kind::kObject) {
    if (a.kind != Kind::kObject) return false;
    for (size_t i = 0; i < b.items.size(); ++i) {
      const JsonValue* mine = a.Find(b.keys[i]);
      if (mine == nullptr || mine->kind != b.items[i].kind) return false;
      if (mine->is_scalar() ? CompareJson(*mine, b.items[i]) != 0
                            : !JsonContains(*mine, b.items[i])) {
        return false;
      }
    }
    return true;
  }
  if (a.kind != Kind::kArray) return a.is_scalar() && b.is_scalar() && CompareJson(a, b) == 0;
  const auto holds = [&a](const JsonValue& wanted) {
    return std::any_of(a.items.begin(), a.items.end(), [&](const JsonValue& mine) {
      if (mine.kind != wanted.kind) return false;
      return mine.is_scalar() ? CompareJson(mine, wanted) == 0 : JsonContains(mine, wanted);
    });
  };
  // An array holds a scalar that is among its items.
  if (b.is_scalar()) return holds(b);
  return std::all_of(b.items.begin(), b.items.end(), holds);
}

}  // namespace isochron::sql
