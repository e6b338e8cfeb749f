// SPDX-License-Identifier: Apache-2.0
#include "sql/types/modifiers.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "sql/types/error.h"
#include "sql/types/numeric.h"
#include "sql/types/time_datum.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Cuts *text after n characters; how many it has then.
absl::Status Bound(Type type, int32_t typmod, bool is_explicit, std::string* text) {
  const int64_t most = typmod - 4;
  size_t end = 0;
  for (int64_t n = 0; end < text->size() && n < most; ++n) {
    ++end;
    while (end < text->size() && IsContinuation((*text)[end])) ++end;
  }
  if (end == text->size()) return absl::OkStatus();
  if (!is_explicit && text->find_first_not_of(' ', end) != std::string::npos) {
    return SqlError(sqlstate::kStringTooLong,
                    absl::StrCat("value too long for type ", TypeNameWithModifier(type, typmod)));
  }
  text->resize(end);
  return absl::OkStatus();
}

void PadBpchar(int32_t typmod, std::string* text) {
  const int64_t have =
      std::count_if(text->begin(), text->end(), [](char c) { return !IsContinuation(c); });
  if (have < typmod - 4) text->append(static_cast<size_t>(typmod - 4 - have), ' ');
}

}  // namespace

absl::Status ApplyTypmod(Type type, int32_t typmod, bool is_explicit, Datum* value) {
  if (value->is_null() || typmod < 0) return absl::OkStatus();
  switch (type) {
    case Type::kVarchar:
      return Bound(type, typmod, is_explicit, &value->mutable_string());
    case Type::kBpchar: {
      absl::Status s = Bound(type, typmod, is_explicit, &value->mutable_string());
      if (s.ok()) PadBpchar(typmod, &value->mutable_string());
      return s;
    }
    case Type::kNumeric:
      return numeric::ApplyTypmod(typmod, value);
    default:
      return IsTimeType(type) ? ApplyTimeTypmod(type, typmod, value) : absl::OkStatus();
  }
}

}  // namespace isochron::sql
