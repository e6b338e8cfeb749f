// SPDX-License-Identifier: Apache-2.0
#include "sql/types/uuid.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "sql/types/error.h"

namespace isochron::sql {

std::string UuidToText(absl::string_view bytes) {
  std::string out = absl::BytesToHexString(bytes);
  for (size_t at : {20, 16, 12, 8}) {
    if (out.size() > at) out.insert(at, 1, '-');
  }
  return out;
}

absl::StatusOr<std::string> UuidFromText(absl::string_view text) {
  const auto bad = [text] {
    return SqlError(sqlstate::kInvalidText,
                    absl::StrCat("invalid input syntax for type uuid: \"", text, "\""));
  };
  absl::string_view t = text;
  if (!t.empty() && t.front() == '{') {
    if (t.back() != '}') return bad();
    t = t.substr(1, t.size() - 2);
  }
  std::string hex;
  for (size_t i = 0; i < t.size(); ++i) {
    if (absl::ascii_isxdigit(t[i])) {
      hex.push_back(t[i]);
      continue;
    }
    const bool between = t[i] == '-' && !hex.empty() && hex.size() % 4 == 0 &&
                         hex.size() < 2 * kUuidBytes && t[i - 1] != '-';
    if (!between) return bad();
  }
  if (hex.size() != 2 * kUuidBytes) return bad();
  return absl::HexStringToBytes(hex);
}

}  // namespace isochron::sql
