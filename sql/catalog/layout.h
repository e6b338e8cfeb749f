// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_CATALOG_LAYOUT_H_
#define ISOCHRON_SQL_CATALOG_LAYOUT_H_

// Where things lie in the key space. The first byte parts it:
//
//   0x00  the tablet map (placement)
//   0x01  the catalog:  0x01 'a'                        advisory locks: 'k' key, their leases: 'l'
//                       0x01 'd' id, 8 bytes            of another database than the first: what
//                                                       follows 0x01 of it, for 'a', 'j', 'n', 'x'
//                       0x01 'g' id, 8 bytes            of a database that was dropped: its part of
//                                                       the catalog is to be taken away
//                       0x01 'i'                        the next table id, a varint
//                       0x01 'j' TablePrefix            a schema job (schema_job.h)
//                       0x01 'n' full name (full_name.h)  a relation's or a schema's descriptor
//                       0x01 'o' '/' name               an option of the database
//                       0x01 'x' full name of an index  the full name of its table
//   0x02  table data:   0x02 TablePrefix(table, index) key parts   (common/key_encoding.h)
//
// So the catalog sorts below all tables, and one split at 0x02 parts the two. Durable: never
// changed.

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/key_encoding.h"
#include "common/types.h"

namespace isochron::sql {

inline constexpr char kCatalogPrefix = '\x01';
inline constexpr char kTablePrefix = '\x02';
inline constexpr uint64_t kPrimaryIndex = 0;
// Ids below belong to the system.
inline constexpr uint64_t kFirstTableId = 100;

inline std::string NextTableIdKey() { return std::string({kCatalogPrefix, 'i'}); }
inline std::string AdvisoryPrefix() { return std::string({kCatalogPrefix, 'a'}); }
inline std::string DescriptorPrefix() { return std::string({kCatalogPrefix, 'n'}); }
inline std::string DescriptorKey(absl::string_view name) {
  return absl::StrCat(DescriptorPrefix(), name);
}
// Indexes share one space of names with tables.
inline std::string IndexNameKey(absl::string_view name) {
  return absl::StrCat(std::string({kCatalogPrefix, 'x'}), name);
}
inline std::string TableDataPrefix(TableId table, uint64_t index = kPrimaryIndex) {
  return absl::StrCat(absl::string_view(&kTablePrefix, 1), TablePrefix(table, index));
}
// Where the catalog of a database lies; not of the first one.
std::string DatabasePrefix(TableId database);
inline std::string DroppedDatabasePrefix() { return std::string({kCatalogPrefix, 'g'}); }
std::string DroppedDatabaseKey(TableId database);
// The id in a key of DroppedDatabaseKey; 0 for any other.
TableId DroppedDatabaseOf(absl::string_view key);
// Where table data begins: the first split worth having.
inline std::string TableDataStart() { return std::string(1, kTablePrefix); }

// How many of a row's or an index entry's key's bytes name its table and index; 0 for other keys.
size_t IndexPrefixLength(absl::string_view key);

// A key for people. Never fails.
std::string ReadableKey(absl::string_view key);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_CATALOG_LAYOUT_H_
