// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_TYPES_COPY_TEXT_H_
#define ISOCHRON_SQL_TYPES_COPY_TEXT_H_

// The formats of COPY, text and csv, as PostgreSQL writes and reads them.
//
//   text  a line a row, columns parted by tabs, \N for NULL, backslash escapes
//   csv   quotes round what needs them, doubled inside; an unquoted empty field is NULL
//
// CopyReader takes bytes as they come and gives whole rows; a row that grows beyond its limit is an
// error, so an endless line costs no more memory than that. A line `\.` ends the data. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sql/types/datetime_parse.h"
#include "sql/types/datum.h"

namespace isochron::sql {

struct CopyFormat {
  bool csv = false;
  bool header = false;
  char delimiter = '\t';
  std::string null_text = "\\N";
  char quote = '"';
  char escape = '"';
};

class CopyReader {
 public:
  using Fields = std::vector<std::optional<std::string>>;  // nullopt: NULL

  CopyReader(CopyFormat format, size_t max_line_bytes)
      : format_(std::move(format)), max_line_bytes_(max_line_bytes), header_left_(format_.header) {}

  void Append(absl::string_view bytes);
  // No more bytes come: what is left is the last row.
  void Finish() { finished_ = true; }
  // False when the next row has not come whole, or there is none. 54000, 22P04.
  absl::StatusOr<bool> Next(Fields* out);
  // Of the row that Next gave last, from 1.
  int64_t line() const { return line_; }
  size_t held_bytes() const { return buffer_.capacity(); }

 private:
  // Where the next line ends; npos while that has not come. `*after` is where the one behind
  // begins.
  size_t FindEnd(size_t* after);
  absl::StatusOr<bool> NextLine(absl::string_view* line);
  absl::Status SplitText(absl::string_view line, Fields* out) const;
  absl::Status SplitCsv(absl::string_view line, Fields* out) const;
  void AddText(absl::string_view raw, Fields* out) const;

  const CopyFormat format_;
  const size_t max_line_bytes_;
  bool header_left_;
  std::string buffer_;
  size_t at_ = 0;    // of the next line
  size_t scan_ = 0;  // how far its end was looked for
  bool in_quote_ = false;
  bool finished_ = false;
  bool done_ = false;  // \. was read
  int64_t line_ = 0;
};

// One row with its newline; times in the zone of `time`.
void AppendCopyRow(const CopyFormat& format, const std::vector<Type>& types, const Row& row,
                   std::string* out, const TimeContext& time = PlainTimeContext());
// The header line of csv or text.
void AppendCopyHeader(const CopyFormat& format, const std::vector<ColumnInfo>& columns,
                      std::string* out);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_TYPES_COPY_TEXT_H_
