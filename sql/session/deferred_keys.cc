// SPDX-License-Identifier: Apache-2.0
#include "sql/session/deferred_keys.h"

#include "absl/strings/str_cat.h"
#include "sql/catalog/row_codec.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

// Of the values that one transaction keeps.
constexpr size_t kMaxBytes = 32 << 20;
constexpr size_t kKeyBytes = 200;

}  // namespace

bool DeferredKeys::Waits(TableId table, uint64_t id, bool deferred) const {
  if (auto it = some_.find({table.value, id}); it != some_.end()) return it->second;
  return every_.value_or(deferred);
}

bool DeferredKeys::Defers(const TableDescriptor& child, const ForeignKey& key) const {
  return key.deferrable && Waits(child.id, key.id, key.deferred);
}

absl::Status DeferredKeys::Add(const TableDescriptor& child, const ForeignKey& key, bool goes,
                               const std::vector<Type>& types, std::vector<Datum> values) {
  std::string at = absl::StrCat(child.id.value, " ", key.id, goes ? " - " : " + ");
  for (size_t i = 0; i < values.size(); ++i) AppendKeyPart(types[i], values[i], &at);
  const size_t bytes = 2 * at.size() + kKeyBytes;
  if (bytes_ + bytes > kMaxBytes) {
    return SqlError(sqlstate::kProgramLimit,
                    "the transaction has too many deferred checks of foreign keys", -1,
                    "SET CONSTRAINTS ALL IMMEDIATE now and then, or write fewer rows at once.");
  }
  Key kept{child.id, child.name, key.id, key.deferred, goes, std::move(values)};
  if (keys_.emplace(std::move(at), std::move(kept)).second) bytes_ += bytes;
  return absl::OkStatus();
}

std::vector<DeferredKeys::Key> DeferredKeys::Take(bool all) {
  std::vector<Key> out;
  for (auto it = keys_.begin(); it != keys_.end();) {
    const Key& key = it->second;
    if (!all && Waits(key.table, key.id, key.deferred)) {
      ++it;
      continue;
    }
    const size_t bytes = 2 * it->first.size() + kKeyBytes;
    bytes_ -= bytes;
    out.push_back(std::move(it->second));
    it = keys_.erase(it);
  }
  return out;
}

}  // namespace isochron::sql
