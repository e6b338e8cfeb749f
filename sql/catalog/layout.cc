// SPDX-License-Identifier: Apache-2.0
#include "sql/catalog/layout.h"

#include "absl/strings/escaping.h"

namespace isochron::sql {

size_t IndexPrefixLength(absl::string_view key) {
  if (key.empty() || key[0] != kTablePrefix) return 0;
  KeyReader reader(key.substr(1));
  TableId table;
  uint64_t index = 0;
  if (!reader.ReadPrefix(&table, &index).ok()) return 0;
  return key.size() - reader.rest().size();
}

std::string ReadableKey(absl::string_view key) {
  if (key.empty()) return "";
  if (key[0] == kTablePrefix) return key.size() == 1 ? "tables" : DebugKey(key.substr(1));
  if (key[0] == kCatalogPrefix) {
    return absl::StrCat("catalog", key.size() > 1 ? " " : "", absl::CHexEscape(key.substr(1)));
  }
  return absl::CHexEscape(key);
}

}  // namespace isochron::sql
