// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_CATALOG_DESCRIPTOR_H_
#define ISOCHRON_SQL_CATALOG_DESCRIPTOR_H_

// A table's description: what the catalog stores, one MVCC value a table.
//
// Table and column ids are never reused. Immutable once shared. A row in memory has one Datum a
// column, in the order of `columns`, hidden ones included.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/types.h"
#include "sql/types/datum.h"

namespace isochron::sql {

enum class DefaultKind : uint8_t { kNone = 0, kValue = 1, kNow = 2 };

struct ColumnDescriptor {
  uint32_t id = 0;
  std::string name;
  Type type = Type::kUnknown;
  bool not_null = false;
  bool hidden = false;  // the scattered row id of a table without a primary key
  DefaultKind default_kind = DefaultKind::kNone;
  Datum default_value;
};

struct TableDescriptor {
  TableId id;
  std::string name;
  uint64_t version = 1;
  uint32_t next_column_id = 1;
  std::vector<ColumnDescriptor> columns;
  std::vector<uint32_t> key;  // positions in `columns`, in key order
  // The table ends at this timestamp: no transaction at or after it sees it. Max while it stands.
  Timestamp drop_at = Timestamp::Max();

  // -1 if there is none. Hidden columns are not found by name.
  int FindColumn(absl::string_view column) const;
  // Position of `column` in `key`, -1 if it is no key column.
  int KeyPosition(uint32_t column) const;
  bool has_hidden_key() const { return key.size() == 1 && columns[key[0]].hidden; }
};

using TablePtr = std::shared_ptr<const TableDescriptor>;

std::string EncodeDescriptor(const TableDescriptor& table);
// DATA_LOSS if malformed.
absl::StatusOr<TableDescriptor> DecodeDescriptor(absl::string_view bytes);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_CATALOG_DESCRIPTOR_H_
