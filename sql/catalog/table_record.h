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

  // Null if the name means nothing at `t`, or the table has been dropped.
  const TableDescriptor* At(Timestamp t) const;
  bool changes() const { return at != Timestamp::Max(); }
};

std::string EncodeTableRecord(const TableRecord& record);
// DATA_LOSS if malformed.
absl::StatusOr<TableRecord> DecodeTableRecord(absl::string_view bytes);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_CATALOG_TABLE_RECORD_H_
