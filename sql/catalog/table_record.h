// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_CATALOG_TABLE_RECORD_H_
#define ISOCHRON_SQL_CATALOG_TABLE_RECORD_H_

// What the catalog keeps under a table's name: how the table is described, and from which timestamp
// on it is described otherwise (rule 37, invariant 12).
//
//   now   holds below `at`; nullopt: the name means nothing there
//   next  holds from `at` on; nullopt: the name means nothing any more
//
// `at` is fixed by the commit that writes the record, which comes a lease before it. So at every
// timestamp one description holds, whoever asks. Once `at` has passed, the record means `next`
// alone; the next change of the table writes it so.
//
// A fence (catalog.h) says that a transaction may change the description with its own commit, at
// any timestamp from `fence_from` to `fence_until`. What is read of the record then holds only at
// the timestamp of the read, or as long as the record is locked.

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sql/catalog/descriptor.h"

namespace isochron::sql {

struct TableRecord {
  std::optional<TableDescriptor> now;
  Timestamp at = Timestamp::Max();  // Max: no change is on its way
  std::optional<TableDescriptor> next;
  Timestamp fence_from, fence_until;  // 0: there is none

  // Null if the name means nothing at `t`, or the table has been dropped.
  const TableDescriptor* At(Timestamp t) const;
  bool changes() const { return at != Timestamp::Max(); }
  bool fenced_at(Timestamp t) const { return t <= fence_until; }
};

std::string EncodeTableRecord(const TableRecord& record);
// DATA_LOSS if malformed.
absl::StatusOr<TableRecord> DecodeTableRecord(absl::string_view bytes);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_CATALOG_TABLE_RECORD_H_
