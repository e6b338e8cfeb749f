// SPDX-License-Identifier: Apache-2.0
#include "sql/types/catalog_types.h"

#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

constexpr size_t kMaxName = 63;
constexpr int64_t kMaxOid = std::numeric_limits<uint32_t>::max();

absl::StatusOr<Datum> OidFromText(Type type, absl::string_view text) {
  int64_t v = 0;
  if (!absl::SimpleAtoi(absl::StripAsciiWhitespace(text), &v)) {
    return SqlError(sqlstate::kInvalidText, absl::StrCat("invalid input syntax for type ",
                                                         TypeName(type), ": \"", text, "\""));
  }
  if (v > kMaxOid || v < std::numeric_limits<int32_t>::min()) {
    return SqlError(sqlstate::kValueOutOfRange,
                    absl::StrCat("value \"", text, "\" is out of range for type ", TypeName(type)));
  }
  return Datum::Int(v < 0 ? v + kMaxOid + 1 : v);
}

}  // namespace

Datum NamedOid(int64_t oid, std::string name) {
  Datum d = Datum::Int(oid);
  d.mutable_string() = std::move(name);
  return d;
}

std::string CutName(absl::string_view name) {
  if (name.size() <= kMaxName) return std::string(name);
  size_t end = kMaxName;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;
  return std::string(name.substr(0, end));
}

bool OidFromDigits(absl::string_view text, int64_t* oid) {
  *oid = 0;
  if (text == "-") return true;
  return !text.empty() && text.find_first_not_of("0123456789") == absl::string_view::npos &&
         absl::SimpleAtoi(text, oid) && *oid <= kMaxOid;
}

bool IsCatalogType(Type t) {
  return t == Type::kOid || t == Type::kXid || t == Type::kName || t == Type::kChar || IsRegType(t);
}

std::string CatalogTypeToText(Type type, const Datum& d) {
  if (d.shape() != Datum::Shape::kInt) return d.string_value();
  if (!IsRegType(type)) return absl::StrCat(d.int_value());
  if (!d.string_value().empty()) return d.string_value();
  return d.int_value() == 0 ? "-" : absl::StrCat(d.int_value());
}

absl::StatusOr<Datum> CatalogTypeFromText(Type type, absl::string_view text) {
  switch (type) {
    case Type::kName:
      return Datum::String(CutName(text));
    case Type::kChar:
      return Datum::String(std::string(text.substr(0, 1)));
    case Type::kOid:
    case Type::kXid:
      return OidFromText(type, text);
    default: {
      int64_t oid;
      if (OidFromDigits(text, &oid)) return Datum::Int(oid);
      return SqlError(
          sqlstate::kUnsupported,
          absl::StrCat("a name as a value of type ", TypeName(type), " is not supported here"), -1,
          absl::StrCat("Write '", text, "'::", TypeName(type), " in the statement."));
    }
  }
}

}  // namespace isochron::sql
