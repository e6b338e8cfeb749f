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

namespace {

constexpr size_t kIdBytes = 8;

std::string BigEndian(uint64_t value) {
  std::string out;
  for (size_t i = kIdBytes; i > 0; --i) out.push_back(static_cast<char>(value >> (8 * (i - 1))));
  return out;
}

}  // namespace

std::string DatabasePrefix(TableId database) {
  return absl::StrCat(std::string({kCatalogPrefix, 'd'}), BigEndian(database.value));
}

std::string DroppedDatabaseKey(TableId database) {
  return absl::StrCat(DroppedDatabasePrefix(), BigEndian(database.value));
}

TableId DroppedDatabaseOf(absl::string_view key) {
  const std::string prefix = DroppedDatabasePrefix();
  if (key.size() != prefix.size() + kIdBytes || key.substr(0, prefix.size()) != prefix) return {};
  TableId id;
  for (char c : key.substr(prefix.size())) id.value = id.value << 8 | static_cast<uint8_t>(c);
  return id;
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
