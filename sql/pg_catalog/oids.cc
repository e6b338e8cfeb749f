// SPDX-License-Identifier: Apache-2.0
#include "sql/pg_catalog/oids.h"

#include "absl/strings/str_cat.h"

namespace isochron::sql {
namespace {

constexpr int64_t kFirstOid = 16384;
constexpr int64_t kFirstHashedOid = int64_t{3} << 30;
constexpr int64_t kHashedOids = (int64_t{1} << 30) - 1;

}  // namespace

int64_t HashedOid(absl::string_view text) {
  uint64_t h = 0xcbf29ce484222325ull;
  for (char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return kFirstHashedOid + static_cast<int64_t>(h % kHashedOids);
}

int64_t TableOid(TableId id) {
  if (id.value >= kMostTables) return HashedOid(absl::StrCat("table ", id.value));
  return kFirstOid + static_cast<int64_t>(id.value) * kOidsOfTable;
}

}  // namespace isochron::sql
