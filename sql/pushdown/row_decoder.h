// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PUSHDOWN_ROW_DECODER_H_
#define ISOCHRON_SQL_PUSHDOWN_ROW_DECODER_H_

// The columns that a program looks at, out of a row as it is stored.

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "sql/pushdown/program.h"
#include "sql/types/datum.h"

namespace isochron::sql {

class RowDecoder {
 public:
  // The program must live as long.
  explicit RowDecoder(const Program& program);
  // *row has the program's columns. DATA_LOSS for what is no row of its table.
  absl::Status Decode(absl::string_view key, absl::string_view value, Row* row) const;

 private:
  absl::Status DecodeKey(absl::string_view key, Row* row) const;
  absl::Status DecodeValue(absl::string_view value, Row* row) const;

  const Program& program_;
  std::vector<int> slot_of_part_;   // by key part; -1: not wanted
  std::vector<size_t> from_value_;  // columns by ascending id
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PUSHDOWN_ROW_DECODER_H_
