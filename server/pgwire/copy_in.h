// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_PGWIRE_COPY_IN_H_
#define ISOCHRON_SERVER_PGWIRE_COPY_IN_H_

// A COPY FROM under way: bytes in, rows of typed values out, and the INSERT that takes some of them
// at once. All rows of a COPY are one transaction, whose bounds are a transaction's. Pure.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sql/session/session.h"
#include "sql/types/copy_text.h"

namespace isochron::pgwire {

class CopyInput {
 public:
  // `extended`: begun by an Execute, so that a Sync ends what it is part of.
  // `time`, the session's, outlives it.
  CopyInput(sql::CopyDescription copy, bool extended, const sql::TimeContext* time);

  void Append(absl::string_view bytes) { reader_.Append(bytes); }
  void Finish() { reader_.Finish(); }

  struct Batch {
    std::string sql;
    sql::Params params;
    int64_t rows = 0;
    int64_t first_line = 0, last_line = 0;
  };
  // The next INSERT; without rows when there are too few yet, unless `all`. An error names line and
  // column.
  absl::StatusOr<Batch> Next(bool all);

  bool extended() const { return extended_; }
  size_t columns() const { return copy_.columns.size(); }
  const std::string& table() const { return copy_.table; }
  size_t held_bytes() const { return reader_.held_bytes() + pending_bytes_; }
  int64_t rows = 0;  // inserted

 private:
  absl::Status Take(const sql::CopyReader::Fields& fields);
  absl::Status Wrong(absl::string_view sql_state, absl::string_view message,
                     absl::string_view place = "") const;
  const std::string& Statement(size_t row_count);

  const sql::CopyDescription copy_;
  const bool extended_;
  const sql::TimeContext* const time_;
  const size_t rows_at_once_;
  sql::CopyReader reader_;
  Batch pending_;
  size_t pending_bytes_ = 0;
  std::string full_;  // the statement for rows_at_once_
  std::string odd_;
};

// Whether the first word is COPY.
bool BeginsCopy(absl::string_view sql);

}  // namespace isochron::pgwire

#endif  // ISOCHRON_SERVER_PGWIRE_COPY_IN_H_
