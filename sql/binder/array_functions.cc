// SPDX-License-Identifier: Apache-2.0
#include "sql/binder/array_functions.h"

#include <algorithm>
#include <limits>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status_macros.h"
#include "sql/types/array.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

using Ctx = const EvalContext&;

constexpr char kSubscriptError[] = "2202E";
constexpr char kDataException[] = "22000";
constexpr size_t kMaxString = 64 << 20;

bool SameElement(const Datum& a, const Datum& b) {
  if (a.is_null() || b.is_null()) return a.is_null() && b.is_null();
  return CompareDatums(a, b) == 0;
}

absl::Status Int(int64_t v, Datum* out) {
  *out = Datum::Int(v);
  return absl::OkStatus();
}

absl::Status Give(const ArrayValue& value, Datum* out) {
  ISO_RETURN_IF_ERROR(CheckArraySize(value.dims));
  *out = ArrayDatum(value);
  return absl::OkStatus();
}

absl::Status Incompatible() {
  return SqlError(kSubscriptError, "cannot concatenate incompatible arrays");
}

absl::Status NotOneDimension() {
  return SqlError(kDataException, "argument must be empty or one-dimensional array");
}

absl::Status Cat(Ctx, const Datum* a, size_t, Datum* out) {
  if (a[0].is_null() || a[1].is_null()) {
    *out = a[0].is_null() ? a[1] : a[0];
    return absl::OkStatus();
  }
  const ArrayValue x = ArrayOfDatum(a[0]), y = ArrayOfDatum(a[1]);
  if (x.dims.empty() || y.dims.empty()) {
    *out = x.dims.empty() ? a[1] : a[0];
    return absl::OkStatus();
  }
  // The outer of the two gets the other as one more of its members; or both have the same depth.
  const bool first_outer = x.dims.size() >= y.dims.size();
  const ArrayValue& outer = first_outer ? x : y;
  const ArrayValue& inner = first_outer ? y : x;
  const size_t deeper = outer.dims.size() - inner.dims.size();
  if (deeper > 1) return Incompatible();
  for (size_t i = 1; i < outer.dims.size(); ++i) {
    if (!(outer.dims[i] == inner.dims[i - deeper])) return Incompatible();
  }
  ArrayValue joined;
  joined.dims = outer.dims;
  const int64_t length =
      static_cast<int64_t>(outer.dims[0].length) + (deeper == 1 ? 1 : inner.dims[0].length);
  if (length > kMaxArrayElements) return CheckArraySize({{-1, 1}});
  joined.dims[0].length = static_cast<int32_t>(length);
  joined.elements = x.elements;
  joined.elements.insert(joined.elements.end(), y.elements.begin(), y.elements.end());
  return Give(joined, out);
}

absl::Status Insert(const Datum& array, const Datum& element, bool front, Datum* out) {
  ArrayValue value;
  if (!array.is_null()) value = ArrayOfDatum(array);
  if (value.dims.size() > 1) return NotOneDimension();
  if (value.dims.empty()) value.dims.push_back({0, 1});
  if (value.dims[0].upper() == std::numeric_limits<int32_t>::max()) {
    return SqlError(sqlstate::kValueOutOfRange, "integer out of range");
  }
  ++value.dims[0].length;
  value.elements.insert(front ? value.elements.begin() : value.elements.end(), element);
  return Give(value, out);
}
absl::Status Append(Ctx, const Datum* a, size_t, Datum* out) {
  return Insert(a[0], a[1], false, out);
}
absl::Status Prepend(Ctx, const Datum* a, size_t, Datum* out) {
  return Insert(a[1], a[0], true, out);
}

#define ISO_ARRAY_COMPARE(NAME, OP)                                                   \
  absl::Status NAME(Ctx, const Datum* a, size_t, Datum* out) {                        \
    *out = Datum::Bool(CompareArrays(a[0].string_value(), a[1].string_value()) OP 0); \
    return absl::OkStatus();                                                          \
  }
ISO_ARRAY_COMPARE(Eq, ==)
ISO_ARRAY_COMPARE(Ne, !=)
ISO_ARRAY_COMPARE(Lt, <)
ISO_ARRAY_COMPARE(Le, <=)
ISO_ARRAY_COMPARE(Gt, >)
ISO_ARRAY_COMPARE(Ge, >=)
#undef ISO_ARRAY_COMPARE

bool Has(const std::vector<Datum>& elements, const Datum& d) {
  return !d.is_null() && std::any_of(elements.begin(), elements.end(), [&](const Datum& e) {
    return !e.is_null() && CompareDatums(e, d) == 0;
  });
}
bool HasAll(const Datum& whole, const Datum& part) {
  const ArrayValue value = ArrayOfDatum(whole);
  ArrayReader in(part.string_value());
  for (Datum d; in.Next(&d);) {
    if (!Has(value.elements, d)) return false;
  }
  return true;
}
absl::Status Contains(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Bool(HasAll(a[0], a[1]));
  return absl::OkStatus();
}
absl::Status Contained(Ctx, const Datum* a, size_t, Datum* out) {
  *out = Datum::Bool(HasAll(a[1], a[0]));
  return absl::OkStatus();
}
absl::Status Overlaps(Ctx, const Datum* a, size_t, Datum* out) {
  const ArrayValue value = ArrayOfDatum(a[0]);
  ArrayReader in(a[1].string_value());
  *out = Datum::Bool(false);
  for (Datum d; in.Next(&d);) {
    if (!Has(value.elements, d)) continue;
    *out = Datum::Bool(true);
    break;
  }
  return absl::OkStatus();
}

// The dimension that a function asks about; null if the array has none such.
const ArrayDimension* Dimension(const ArrayReader& in, int64_t number) {
  if (number < 1 || number > static_cast<int64_t>(in.dims().size())) return nullptr;
  return &in.dims()[static_cast<size_t>(number) - 1];
}
absl::Status Length(Ctx, const Datum* a, size_t, Datum* out) {
  const ArrayReader in(a[0].string_value());
  const ArrayDimension* d = Dimension(in, a[1].int_value());
  if (d != nullptr) *out = Datum::Int(d->length);
  return absl::OkStatus();
}
absl::Status Upper(Ctx, const Datum* a, size_t, Datum* out) {
  const ArrayReader in(a[0].string_value());
  const ArrayDimension* d = Dimension(in, a[1].int_value());
  if (d != nullptr) *out = Datum::Int(d->upper());
  return absl::OkStatus();
}
absl::Status Lower(Ctx, const Datum* a, size_t, Datum* out) {
  const ArrayReader in(a[0].string_value());
  const ArrayDimension* d = Dimension(in, a[1].int_value());
  if (d != nullptr) *out = Datum::Int(d->lower);
  return absl::OkStatus();
}
absl::Status Dimensions(Ctx, const Datum* a, size_t, Datum* out) {
  const ArrayReader in(a[0].string_value());
  if (!in.dims().empty()) *out = Datum::Int(static_cast<int64_t>(in.dims().size()));
  return absl::OkStatus();
}
absl::Status DimensionText(Ctx, const Datum* a, size_t, Datum* out) {
  const ArrayReader in(a[0].string_value());
  std::string text;
  for (const ArrayDimension& d : in.dims())
    absl::StrAppend(&text, "[", d.lower, ":", d.upper(), "]");
  if (!text.empty()) *out = Datum::String(std::move(text));
  return absl::OkStatus();
}
absl::Status Cardinality(Ctx, const Datum* a, size_t, Datum* out) {
  return Int(ArrayReader(a[0].string_value()).size(), out);
}

absl::Status NotSearched() {
  return SqlError(sqlstate::kUnsupported,
                  "searching for elements in multidimensional arrays is not supported");
}
absl::Status Position(Ctx, const Datum* a, size_t n, Datum* out) {
  if (a[0].is_null()) return absl::OkStatus();
  ArrayReader in(a[0].string_value());
  if (in.dims().empty()) return absl::OkStatus();
  if (in.dims().size() > 1) return NotSearched();
  int64_t from = in.dims()[0].lower;
  if (n > 2) {
    if (a[2].is_null()) return SqlError("22004", "initial position must not be null");
    from = a[2].int_value();
  }
  int64_t at = in.dims()[0].lower;
  for (Datum d; in.Next(&d); ++at) {
    if (at >= from && SameElement(d, a[1])) return Int(at, out);
  }
  return absl::OkStatus();
}
absl::Status Positions(Ctx, const Datum* a, size_t, Datum* out) {
  if (a[0].is_null()) return absl::OkStatus();
  ArrayReader in(a[0].string_value());
  if (in.dims().size() > 1) return NotSearched();
  std::vector<Datum> found;
  int64_t at = in.dims().empty() ? 1 : in.dims()[0].lower;
  for (Datum d; in.Next(&d); ++at) {
    if (SameElement(d, a[1])) found.push_back(Datum::Int(at));
  }
  return Give(MakeVector(std::move(found)), out);
}
absl::Status Remove(Ctx, const Datum* a, size_t, Datum* out) {
  if (a[0].is_null()) return absl::OkStatus();
  ArrayValue value = ArrayOfDatum(a[0]);
  if (value.dims.size() > 1) {
    return SqlError(sqlstate::kUnsupported,
                    "removing elements from multidimensional arrays is not supported");
  }
  const size_t before = value.elements.size();
  std::erase_if(value.elements, [&](const Datum& d) { return SameElement(d, a[1]); });
  if (value.elements.size() == before) {
    *out = a[0];
    return absl::OkStatus();
  }
  if (value.elements.empty()) {
    value.dims.clear();
  } else {
    value.dims[0].length = static_cast<int32_t>(value.elements.size());
  }
  return Give(value, out);
}
absl::Status Replace(Ctx, const Datum* a, size_t, Datum* out) {
  if (a[0].is_null()) return absl::OkStatus();
  ArrayValue value = ArrayOfDatum(a[0]);
  for (Datum& d : value.elements) {
    if (SameElement(d, a[1])) d = a[2];
  }
  return Give(value, out);
}

std::string TextOf(const Datum& d) {
  return d.shape() == Datum::Shape::kBool ? (d.bool_value() ? "t" : "f") : d.string_value();
}
absl::Status ToString(Ctx, const Datum* a, size_t n, Datum* out) {
  if (a[0].is_null() || a[1].is_null()) return absl::OkStatus();
  ArrayReader in(a[0].string_value());
  std::string text;
  bool first = true;
  for (Datum d; in.Next(&d);) {
    if (d.is_null() && (n < 3 || a[2].is_null())) continue;
    absl::StrAppend(&text, first ? "" : a[1].string_value(),
                    d.is_null() ? a[2].string_value() : TextOf(d));
    first = false;
    if (text.size() > kMaxString) {
      return SqlError(sqlstate::kProgramLimit, "the text of the array would be too long");
    }
  }
  *out = Datum::String(std::move(text));
  return absl::OkStatus();
}
absl::Status ToArray(Ctx, const Datum* a, size_t n, Datum* out) {
  if (a[0].is_null()) return absl::OkStatus();
  const std::string& text = a[0].string_value();
  std::vector<std::string> words;
  if (a[1].is_null()) {
    for (size_t i = 0; i < text.size();) {
      size_t end = i + 1;
      while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
      words.push_back(text.substr(i, end - i));
      i = end;
    }
  } else if (text.empty()) {
    return Give(ArrayValue(), out);
  } else if (a[1].string_value().empty()) {
    words.push_back(text);
  } else {
    words = absl::StrSplit(text, a[1].string_value());
  }
  std::vector<Datum> elements;
  elements.reserve(words.size());
  for (std::string& word : words) {
    const bool null = n > 2 && !a[2].is_null() && word == a[2].string_value();
    elements.push_back(null ? Datum::Null() : Datum::String(std::move(word)));
  }
  return Give(MakeVector(std::move(elements)), out);
}

absl::Status Fill(Ctx, const Datum* a, size_t n, Datum* out) {
  if (a[1].is_null() || (n > 2 && a[2].is_null())) {
    return SqlError("22004", "dimension array or low bound array cannot be null");
  }
  const ArrayValue lengths = ArrayOfDatum(a[1]);
  const ArrayValue bounds = n > 2 ? ArrayOfDatum(a[2]) : ArrayValue();
  if (lengths.dims.size() > 1 || bounds.dims.size() > 1) {
    return SqlError(kSubscriptError, "wrong number of array subscripts");
  }
  if (lengths.elements.size() > kMaxArrayDimensions) {
    return SqlError(sqlstate::kProgramLimit,
                    absl::StrCat("number of array dimensions (", lengths.elements.size(),
                                 ") exceeds the maximum allowed (", kMaxArrayDimensions, ")"));
  }
  if (n > 2 && bounds.elements.size() != lengths.elements.size()) {
    return SqlError(kSubscriptError, "wrong number of array subscripts");
  }
  ArrayValue value;
  int64_t size = lengths.elements.empty() ? 0 : 1;
  for (size_t i = 0; i < lengths.elements.size(); ++i) {
    if (lengths.elements[i].is_null() || (n > 2 && bounds.elements[i].is_null())) {
      return SqlError("22004", "dimension values cannot be null");
    }
    const int64_t length = lengths.elements[i].int_value();
    value.dims.push_back({static_cast<int32_t>(length),
                          n > 2 ? static_cast<int32_t>(bounds.elements[i].int_value()) : 1});
    ISO_RETURN_IF_ERROR(CheckArraySize(value.dims));
    size *= length;
  }
  if (size == 0) return Give(ArrayValue(), out);
  if (size > static_cast<int64_t>(kMaxString / sizeof(Datum))) {
    return SqlError(sqlstate::kProgramLimit, "the array would be too large");
  }
  value.elements.assign(static_cast<size_t>(size), a[0]);
  return Give(value, out);
}

absl::Status Trim(Ctx, const Datum* a, size_t, Datum* out) {
  ArrayValue value = ArrayOfDatum(a[0]);
  const int64_t drop = a[1].int_value();
  const int64_t length = value.dims.empty() ? 0 : value.dims[0].length;
  if (drop < 0 || drop > length) {
    return SqlError(kSubscriptError,
                    absl::StrCat("number of elements to trim must be between 0 and ", length));
  }
  if (drop == length) return Give(ArrayValue(), out);
  const size_t each = value.elements.size() / static_cast<size_t>(length);
  for (ArrayDimension& d : value.dims) d.lower = 1;
  value.dims[0].length = static_cast<int32_t>(length - drop);
  value.elements.resize(each * static_cast<size_t>(length - drop));
  return Give(value, out);
}

absl::Status Subscript(Ctx, const Datum* a, size_t n, Datum* out) {
  ArrayReader in(a[0].string_value());
  if (in.dims().size() != n - 1) return absl::OkStatus();
  int64_t at = 0;
  for (size_t i = 0; i + 1 < n; ++i) {
    const ArrayDimension& d = in.dims()[i];
    const int64_t index = a[i + 1].int_value() - d.lower;
    if (index < 0 || index >= d.length) return absl::OkStatus();
    at = at * d.length + index;
  }
  for (Datum d; in.Next(&d); --at) {
    if (at > 0) continue;
    *out = std::move(d);
    break;
  }
  return absl::OkStatus();
}

// The members of `dim` and below that lie within `want`, in order.
void TakeSlice(const ArrayValue& from, const std::vector<ArrayDimension>& want, size_t dim,
               size_t base, size_t stride, std::vector<Datum>* out) {
  const ArrayDimension& d = from.dims[dim];
  const size_t inner = stride / static_cast<size_t>(d.length);
  for (int32_t i = 0; i < want[dim].length; ++i) {
    const size_t at = base + static_cast<size_t>(want[dim].lower - d.lower + i) * inner;
    if (dim + 1 == from.dims.size()) {
      out->push_back(from.elements[at]);
    } else {
      TakeSlice(from, want, dim + 1, at, inner, out);
    }
  }
}

absl::Status Slice(Ctx, const Datum* a, size_t n, Datum* out) {
  const ArrayValue value = ArrayOfDatum(a[0]);
  const size_t given = (n - 1) / 2;
  if (value.dims.empty() || given > value.dims.size()) return Give(ArrayValue(), out);
  std::vector<ArrayDimension> want = value.dims;
  for (size_t i = 0; i < given; ++i) {
    const ArrayDimension& d = value.dims[i];
    const int64_t low = a[1 + 2 * i].int_value(), high = a[2 + 2 * i].int_value();
    const int64_t lower = low == kOmittedBound ? d.lower : std::max<int64_t>(low, d.lower);
    const int64_t upper = high == kOmittedBound ? d.upper() : std::min<int64_t>(high, d.upper());
    if (lower > upper) return Give(ArrayValue(), out);
    want[i] = {static_cast<int32_t>(upper - lower + 1), static_cast<int32_t>(lower)};
  }
  ArrayValue slice;
  TakeSlice(value, want, 0, 0, value.elements.size(), &slice.elements);
  slice.dims = want;
  for (ArrayDimension& d : slice.dims) d.lower = 1;
  return Give(slice, out);
}

using Named = std::map<std::string, std::vector<const ArraySignature*>, std::less<>>;

}  // namespace

const std::vector<ArraySignature>& AllArraySignatures() {
  static const auto* all = new std::vector<ArraySignature>{
      {"||", "AA", 'A', Cat, false},
      {"||", "AE", 'A', Append, false},
      {"||", "EA", 'A', Prepend, false},
      {"=", "AA", 'b', Eq},
      {"<>", "AA", 'b', Ne},
      {"<", "AA", 'b', Lt},
      {"<=", "AA", 'b', Le},
      {">", "AA", 'b', Gt},
      {">=", "AA", 'b', Ge},
      {"@>", "AA", 'b', Contains},
      {"<@", "AA", 'b', Contained},
      {"&&", "AA", 'b', Overlaps},
      {"array_cat", "AA", 'A', Cat, false},
      {"array_append", "AE", 'A', Append, false},
      {"array_prepend", "EA", 'A', Prepend, false},
      {"array_length", "Ai", 'i', Length},
      {"array_upper", "Ai", 'i', Upper},
      {"array_lower", "Ai", 'i', Lower},
      {"array_ndims", "A", 'i', Dimensions},
      {"array_dims", "A", 't', DimensionText},
      {"cardinality", "A", 'i', Cardinality},
      {"array_position", "AE", 'i', Position, false},
      {"array_position", "AEi", 'i', Position, false},
      {"array_positions", "AE", 'N', Positions, false},
      {"array_remove", "AE", 'A', Remove, false},
      {"array_replace", "AEE", 'A', Replace, false},
      {"array_to_string", "St", 't', ToString, false},
      {"array_to_string", "Stt", 't', ToString, false},
      {"string_to_array", "tt", 'T', ToArray, false},
      {"string_to_array", "ttt", 'T', ToArray, false},
      {"array_fill", "EN", 'A', Fill, false},
      {"array_fill", "ENN", 'A', Fill, false},
      {"trim_array", "Ai", 'A', Trim},
      {kSubscriptFunction, "Ai", 'E', Subscript, true, true},
      {kSliceFunction, "Ai", 'A', Slice, true, true},
  };
  return *all;
}

const std::vector<const ArraySignature*>* ArraySignaturesNamed(absl::string_view name) {
  static const auto* by_name = [] {
    auto* out = new Named;
    for (const ArraySignature& s : AllArraySignatures()) (*out)[s.name].push_back(&s);
    return out;
  }();
  auto it = by_name->find(name);
  return it == by_name->end() ? nullptr : &it->second;
}

Type ArraySignatureType(char letter, Type element) {
  switch (letter) {
    case 'A':
      return ArrayOf(element);
    case 'E':
      return element;
    case 'S':
    case 'T':
      return ArrayOf(Type::kText);
    case 'N':
      return ArrayOf(Type::kInt4);
    case 'i':
      return Type::kInt4;
    case 'b':
      return Type::kBool;
    default:
      return Type::kText;
  }
}

const Function* ArrayFunctionFor(const ArraySignature& signature, Type element) {
  static const auto* made = [] {
    auto* out = new std::vector<std::vector<Function>>;
    for (const ArraySignature& s : AllArraySignatures()) {
      std::vector<Function> each;
      for (uint8_t t = 0; t < kTypeCount; ++t) {
        Function f{s.name, {}, ArraySignatureType(s.result, static_cast<Type>(t)), s.fn};
        for (const char* c = s.args; *c != '\0'; ++c) {
          f.args.push_back(ArraySignatureType(*c, static_cast<Type>(t)));
        }
        f.strict = s.strict;
        f.variadic = s.variadic;
        each.push_back(std::move(f));
      }
      out->push_back(std::move(each));
    }
    return out;
  }();
  const size_t index = static_cast<size_t>(&signature - AllArraySignatures().data());
  return &(*made)[index][static_cast<size_t>(KindOf(element))];
}

absl::Status BuildArray(const std::vector<Datum>& members, bool nested, Datum* out) {
  if (!nested) return Give(MakeVector(members), out);
  ArrayValue value;
  for (size_t i = 0; i < members.size(); ++i) {
    const ArrayValue inner = members[i].is_null() ? ArrayValue() : ArrayOfDatum(members[i]);
    if (i == 0) {
      value.dims = inner.dims;
    } else if (value.dims != inner.dims) {
      return SqlError(kSubscriptError,
                      "multidimensional arrays must have array expressions with matching "
                      "dimensions");
    }
    value.elements.insert(value.elements.end(), inner.elements.begin(), inner.elements.end());
  }
  if (value.dims.empty()) return Give(ArrayValue(), out);
  if (value.dims.size() == kMaxArrayDimensions) {
    return SqlError(sqlstate::kProgramLimit,
                    absl::StrCat("number of array dimensions (", kMaxArrayDimensions + 1,
                                 ") exceeds the maximum allowed (", kMaxArrayDimensions, ")"));
  }
  value.dims.insert(value.dims.begin(), {static_cast<int32_t>(members.size()), 1});
  return Give(value, out);
}

absl::Status CastArray(Type from, Type to, const Datum& in, Datum* out, const TimeContext& time) {
  if (in.is_null()) {
    *out = in;
    return absl::OkStatus();
  }
  if (!IsArrayType(from)) {
    ISO_ASSIGN_OR_RETURN(*out, ArrayFromText(to, in.string_value(), time));
    return absl::OkStatus();
  }
  if (!IsArrayType(to)) {
    *out = Datum::String(ArrayToText(from, in, time));
    return absl::OkStatus();
  }
  ArrayValue value = ArrayOfDatum(in);
  for (Datum& d : value.elements) {
    Datum converted;
    ISO_RETURN_IF_ERROR(CastDatum(ArrayElement(from), ArrayElement(to), d, &converted, time));
    d = std::move(converted);
  }
  *out = ArrayDatum(value);
  return absl::OkStatus();
}

}  // namespace isochron::sql
