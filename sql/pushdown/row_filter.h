// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PUSHDOWN_ROW_FILTER_H_
#define ISOCHRON_SQL_PUSHDOWN_ROW_FILTER_H_

// A program that gives rows (Program::gives_rows): those for which its filter holds, as they are.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sql/pushdown/program.h"
#include "sql/pushdown/row_decoder.h"
#include "txn/api/scan_program.h"

namespace isochron::sql {

class RowFilter : public txn::ScanRun {
 public:
  explicit RowFilter(Program program);
  absl::StatusOr<bool> Add(absl::string_view key, absl::string_view value) override;
  absl::Status Finish(std::vector<txn::KeyValue>* out) override;

 private:
  const Program program_;
  const RowDecoder decoder_;
  EvalContext context_;  // of nothing: the filter sees only the row
  Row row_;
  std::vector<txn::KeyValue> given_;
  size_t bytes_ = 0;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PUSHDOWN_ROW_FILTER_H_
