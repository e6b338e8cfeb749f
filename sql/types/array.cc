// SPDX-License-Identifier: Apache-2.0
#include "sql/types/array.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status_macros.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

// A numeric that its mantissa and scale say whole, and any other.
constexpr uint8_t kSmallNumeric = 1, kLongNumeric = 0;

bool IsVector(Type type) { return type == Type::kInt2Vector || type == Type::kOidVector; }

void WriteElement(const Datum& d, Writer* out) {
  out->Byte(static_cast<uint8_t>(d.shape()));
  switch (d.shape()) {
    case Datum::Shape::kNull:
      return;
    case Datum::Shape::kBool:
      out->Byte(d.bool_value() ? 1 : 0);
      return;
    case Datum::Shape::kInt:
      out->Zigzag(d.int_value());
      return;
    case Datum::Shape::kFloat: {
      uint64_t bits;
      const double v = d.float_value();
      std::memcpy(&bits, &v, sizeof(bits));
      out->Fixed64(bits);
      return;
    }
    case Datum::Shape::kNumeric:
      out->Byte(d.is_small_numeric() ? kSmallNumeric : kLongNumeric);
      if (!d.is_small_numeric()) return out->Bytes(d.string_value());
      out->Zigzag(d.int_value());
      out->Varint(d.scale());
      return;
    default:
      out->Bytes(d.string_value());
  }
}

bool ReadNumeric(Reader* in, Datum* d) {
  uint8_t form;
  if (!in->Byte(&form)) return false;
  if (form == kSmallNumeric) {
    int64_t mantissa;
    uint64_t scale;
    if (!in->Zigzag(&mantissa) || !in->Varint(&scale) || scale > 0xffff) return false;
    *d = Datum::SmallNumeric(mantissa, static_cast<uint16_t>(scale));
    return true;
  }
  absl::string_view bytes;
  if (form != kLongNumeric || !in->Bytes(&bytes) || bytes.empty()) return false;
  *d = Datum::Encoded(Datum::Shape::kNumeric, std::string(bytes));
  return true;
}

bool ReadElement(Reader* in, Datum* d) {
  uint8_t shape;
  if (!in->Byte(&shape)) return false;
  switch (static_cast<Datum::Shape>(shape)) {
    case Datum::Shape::kNull:
      *d = Datum::Null();
      return true;
    case Datum::Shape::kBool: {
      uint8_t v;
      if (!in->Byte(&v)) return false;
      *d = Datum::Bool(v != 0);
      return true;
    }
    case Datum::Shape::kInt: {
      int64_t v;
      if (!in->Zigzag(&v)) return false;
      *d = Datum::Int(v);
      return true;
    }
    case Datum::Shape::kFloat: {
      uint64_t bits;
      if (!in->Fixed64(&bits)) return false;
      double v;
      std::memcpy(&v, &bits, sizeof(v));
      *d = Datum::Float(v);
      return true;
    }
    case Datum::Shape::kNumeric:
      return ReadNumeric(in, d);
    default: {
      absl::string_view bytes;
      if (shape > static_cast<uint8_t>(Datum::Shape::kJsonb) || !in->Bytes(&bytes)) return false;
      *d = Datum::Encoded(static_cast<Datum::Shape>(shape), std::string(bytes));
      return true;
    }
  }
}

bool ReadDimensions(Reader* in, std::vector<ArrayDimension>* dims, int64_t* size) {
  uint8_t count;
  if (!in->Byte(&count) || count > kMaxArrayDimensions) return false;
  *size = count == 0 ? 0 : 1;
  for (uint8_t i = 0; i < count; ++i) {
    int64_t length, lower;
    if (!in->Zigzag(&length) || !in->Zigzag(&lower) || length < 1 || length > kMaxArrayElements ||
        lower < std::numeric_limits<int32_t>::min() ||
        lower + length - 1 > std::numeric_limits<int32_t>::max()) {
      return false;
    }
    *size *= length;
    if (*size > kMaxArrayElements) return false;
    dims->push_back({static_cast<int32_t>(length), static_cast<int32_t>(lower)});
  }
  return true;
}

bool IsArraySpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// One literal, parsed from left to right.
class Parser {
 public:
  Parser(Type element, absl::string_view text, const TimeContext& time, uint8_t* uses)
      : element_(element), text_(text), time_(time), uses_(uses) {}

  absl::StatusOr<Datum> Parse() {
    ISO_RETURN_IF_ERROR(Bounds());
    Skip();
    if (!At('{')) return Malformed();
    ISO_RETURN_IF_ERROR(List(0));
    Skip();
    if (at_ != text_.size()) return Malformed();
    if (value_.elements.empty()) {
      if (!bounds_.empty()) return Malformed();
      return ArrayDatum(ArrayValue());
    }
    for (int32_t length : lengths_) value_.dims.push_back({length, 1});
    if (!bounds_.empty()) {
      if (bounds_.size() != lengths_.size()) return Malformed();
      for (size_t i = 0; i < bounds_.size(); ++i) {
        if (bounds_[i].length != lengths_[i]) return Malformed();
      }
      value_.dims = bounds_;
    }
    ISO_RETURN_IF_ERROR(CheckArraySize(value_.dims));
    return ArrayDatum(value_);
  }

 private:
  absl::Status Malformed() const {
    return SqlError(sqlstate::kInvalidText,
                    absl::StrCat("malformed array literal: \"", text_, "\""));
  }
  void Skip() {
    while (at_ < text_.size() && IsArraySpace(text_[at_])) ++at_;
  }
  bool At(char c) const { return at_ < text_.size() && text_[at_] == c; }

  absl::StatusOr<int32_t> Number() {
    const size_t from = at_;
    if (At('-') || At('+')) ++at_;
    while (at_ < text_.size() && absl::ascii_isdigit(text_[at_])) ++at_;
    int32_t v = 0;
    if (!absl::SimpleAtoi(text_.substr(from, at_ - from), &v)) return Malformed();
    return v;
  }

  // "[2:3][0:1]=" before the braces.
  absl::Status Bounds() {
    for (;;) {
      Skip();
      if (!At('[')) break;
      ++at_;
      if (bounds_.size() == kMaxArrayDimensions) return TooManyDimensions(bounds_.size() + 1);
      int32_t lower = 1;
      ISO_ASSIGN_OR_RETURN(int32_t upper, Number());
      if (At(':')) {
        ++at_;
        lower = upper;
        ISO_ASSIGN_OR_RETURN(upper, Number());
      }
      if (!At(']')) return Malformed();
      ++at_;
      const int64_t length = static_cast<int64_t>(upper) - lower + 1;
      if (length < 1) {
        return SqlError("2202E", "upper bound cannot be less than lower bound");
      }
      if (length > kMaxArrayElements) return CheckArraySize({{-1, 1}});
      bounds_.push_back({static_cast<int32_t>(length), lower});
    }
    if (bounds_.empty()) return absl::OkStatus();
    if (!At('=')) return Malformed();
    ++at_;
    return absl::OkStatus();
  }

  static absl::Status TooManyDimensions(size_t count) {
    return SqlError(sqlstate::kProgramLimit,
                    absl::StrCat("number of array dimensions (", count,
                                 ") exceeds the maximum allowed (", kMaxArrayDimensions, ")"));
  }

  // A list in braces whose members lie `depth` + 1 braces deep.
  absl::Status List(size_t depth) {
    if (depth == kMaxArrayDimensions) return TooManyDimensions(depth + 1);
    ++at_;
    int32_t members = 0;
    bool lists = false;
    Skip();
    if (At('}')) {
      ++at_;
      // Only an array that is empty as a whole may have an empty list.
      if (!value_.elements.empty()) return Malformed();
      empty_ = true;
      return absl::OkStatus();
    }
    for (;; ++at_) {
      Skip();
      const bool list = At('{');
      if (members > 0 && list != lists) return Malformed();
      lists = list;
      if (list) {
        ISO_RETURN_IF_ERROR(List(depth + 1));
      } else {
        if (empty_ || (leaf_depth_ >= 0 && leaf_depth_ != static_cast<int>(depth))) {
          return Malformed();
        }
        leaf_depth_ = static_cast<int>(depth);
        ISO_RETURN_IF_ERROR(Element());
      }
      ++members;
      Skip();
      if (At('}')) break;
      if (!At(',')) return Malformed();
    }
    ++at_;
    if (empty_ && value_.elements.empty()) return absl::OkStatus();
    if (lengths_.size() <= depth) lengths_.resize(depth + 1, 0);
    if (lengths_[depth] == 0) lengths_[depth] = members;
    return lengths_[depth] == members ? absl::OkStatus() : Malformed();
  }

  absl::Status Element() {
    std::string word;
    if (At('"')) {
      for (++at_; !At('"'); ++at_) {
        if (At('\\')) ++at_;
        if (at_ >= text_.size()) return Malformed();
        word.push_back(text_[at_]);
      }
      ++at_;
      return Add(word);
    }
    size_t keep = 0;  // spaces behind a word do not count, unless they are escaped
    bool escaped = false;
    while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '}') {
      if (At('"') || At('{')) return Malformed();
      bool this_escaped = false;
      if (At('\\')) {
        ++at_;
        if (at_ >= text_.size()) return Malformed();
        escaped = this_escaped = true;
      }
      word.push_back(text_[at_]);
      if (this_escaped || !IsArraySpace(text_[at_])) keep = word.size();
      ++at_;
    }
    word.resize(keep);
    if (word.empty()) return Malformed();
    if (!escaped && absl::EqualsIgnoreCase(word, "null")) {
      value_.elements.push_back(Datum::Null());
      return absl::OkStatus();
    }
    return Add(word);
  }

  absl::Status Add(const std::string& word) {
    if (static_cast<int64_t>(value_.elements.size()) >= kMaxArrayElements) {
      return CheckArraySize({{-1, 1}});
    }
    ISO_ASSIGN_OR_RETURN(Datum d, DatumFromText(element_, word, time_, uses_));
    value_.elements.push_back(std::move(d));
    return absl::OkStatus();
  }

  const Type element_;
  const absl::string_view text_;
  const TimeContext& time_;
  uint8_t* const uses_;
  size_t at_ = 0;
  std::vector<ArrayDimension> bounds_;
  std::vector<int32_t> lengths_;
  int leaf_depth_ = -1;
  bool empty_ = false;
  ArrayValue value_;
};

absl::StatusOr<Datum> VectorFromText(Type type, absl::string_view text) {
  ArrayValue value;
  for (absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    ISO_ASSIGN_OR_RETURN(Datum d, DatumFromText(ArrayElement(type), word));
    value.elements.push_back(std::move(d));
  }
  if (!value.elements.empty()) value.dims = {{static_cast<int32_t>(value.elements.size()), 0}};
  return ArrayDatum(value);
}

bool NeedsQuotes(absl::string_view text) {
  if (text.empty() || absl::EqualsIgnoreCase(text, "null")) return true;
  return std::any_of(text.begin(), text.end(), [](char c) {
    return c == '"' || c == '\\' || c == '{' || c == '}' || c == ',' || IsArraySpace(c);
  });
}

void AppendElement(Type element, const Datum& d, const TimeContext& time, std::string* out) {
  if (d.is_null()) {
    out->append("NULL");
    return;
  }
  const std::string text = DatumToText(element, d, time);
  if (!NeedsQuotes(text)) {
    out->append(text);
    return;
  }
  out->push_back('"');
  for (char c : text) {
    if (c == '"' || c == '\\') out->push_back('\\');
    out->push_back(c);
  }
  out->push_back('"');
}

void AppendList(Type element, const ArrayValue& value, size_t depth, const TimeContext& time,
                size_t* at, std::string* out) {
  out->push_back('{');
  for (int32_t i = 0; i < value.dims[depth].length; ++i) {
    if (i > 0) out->push_back(',');
    if (depth + 1 < value.dims.size()) {
      AppendList(element, value, depth + 1, time, at, out);
    } else {
      AppendElement(element, value.elements[(*at)++], time, out);
    }
  }
  out->push_back('}');
}

}  // namespace

bool IsArrayType(Type t) { return IsArray(t) || IsVector(t); }

Type ArrayElement(Type t) {
  if (t == Type::kInt2Vector) return Type::kInt2;
  if (t == Type::kOidVector) return Type::kOid;
  return IsArray(t) ? ElementOf(t) : Type::kUnknown;
}

ArrayValue MakeVector(std::vector<Datum> elements) {
  ArrayValue out;
  if (!elements.empty()) out.dims = {{static_cast<int32_t>(elements.size()), 1}};
  out.elements = std::move(elements);
  return out;
}

Datum ArrayDatum(const ArrayValue& value) {
  std::string bytes;
  Writer out(&bytes);
  out.Byte(static_cast<uint8_t>(value.dims.size()));
  for (const ArrayDimension& d : value.dims) {
    out.Zigzag(d.length);
    out.Zigzag(d.lower);
  }
  for (const Datum& d : value.elements) WriteElement(d, &out);
  return Datum::Encoded(Datum::Shape::kArray, std::move(bytes));
}

bool ReadArray(absl::string_view bytes, ArrayValue* out) {
  *out = ArrayValue();
  Reader in(bytes);
  int64_t size = 0;
  if (!ReadDimensions(&in, &out->dims, &size)) return false;
  // Every element takes a byte at least.
  if (size > static_cast<int64_t>(in.rest().size())) return false;
  out->elements.resize(static_cast<size_t>(size));
  for (Datum& d : out->elements) {
    if (!ReadElement(&in, &d)) return false;
  }
  return in.AtEnd();
}

ArrayValue ArrayOfDatum(const Datum& d) {
  ArrayValue out;
  (void)ReadArray(d.string_value(), &out);
  return out;
}

ArrayReader::ArrayReader(absl::string_view bytes) : in_(bytes) {
  if (!ReadDimensions(&in_, &dims_, &size_)) size_ = 0;
}

bool ArrayReader::Next(Datum* d) {
  if (at_ >= size_ || !ReadElement(&in_, d)) return false;
  ++at_;
  return true;
}

int CompareArrays(absl::string_view a, absl::string_view b) {
  ArrayReader x(a), y(b);
  Datum p, q;
  while (x.Next(&p) && y.Next(&q)) {
    if (p.is_null() || q.is_null()) {
      if (p.is_null() != q.is_null()) return p.is_null() ? 1 : -1;
      continue;
    }
    if (const int order = CompareDatums(p, q); order != 0) return order < 0 ? -1 : 1;
  }
  if (x.size() != y.size()) return x.size() < y.size() ? -1 : 1;
  if (x.dims().size() != y.dims().size()) return x.dims().size() < y.dims().size() ? -1 : 1;
  for (size_t i = 0; i < x.dims().size(); ++i) {
    const ArrayDimension &l = x.dims()[i], &r = y.dims()[i];
    if (l.length != r.length) return l.length < r.length ? -1 : 1;
  }
  for (size_t i = 0; i < x.dims().size(); ++i) {
    const ArrayDimension &l = x.dims()[i], &r = y.dims()[i];
    if (l.lower != r.lower) return l.lower < r.lower ? -1 : 1;
  }
  return 0;
}

absl::Status CheckArraySize(const std::vector<ArrayDimension>& dims) {
  int64_t size = 1;
  for (const ArrayDimension& d : dims) {
    size *= d.length;
    if (d.length < 0 || size > kMaxArrayElements) {
      return SqlError(
          sqlstate::kProgramLimit,
          absl::StrCat("array size exceeds the maximum allowed (", kMaxArrayElements, ")"));
    }
  }
  return absl::OkStatus();
}

std::string ArrayToText(Type type, const Datum& d, const TimeContext& time) {
  const ArrayValue value = ArrayOfDatum(d);
  const Type element = ArrayElement(type);
  std::string out;
  if (IsVector(type)) {
    for (const Datum& e : value.elements) {
      absl::StrAppend(&out, out.empty() ? "" : " ", DatumToText(element, e));
    }
    return out;
  }
  if (value.dims.empty()) return "{}";
  const bool bounds = std::any_of(value.dims.begin(), value.dims.end(),
                                  [](const ArrayDimension& x) { return x.lower != 1; });
  if (bounds) {
    for (const ArrayDimension& x : value.dims) {
      absl::StrAppend(&out, "[", x.lower, ":", x.upper(), "]");
    }
    out.push_back('=');
  }
  size_t at = 0;
  AppendList(element, value, 0, time, &at, &out);
  return out;
}

absl::StatusOr<Datum> ArrayFromText(Type type, absl::string_view text, const TimeContext& time,
                                    uint8_t* uses) {
  if (IsVector(type)) return VectorFromText(type, text);
  return Parser(ArrayElement(type), text, time, uses).Parse();
}

}  // namespace isochron::sql
