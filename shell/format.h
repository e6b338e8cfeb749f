// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SHELL_FORMAT_H_
#define ISOCHRON_SHELL_FORMAT_H_

// Result rows as text: aligned (as psql draws them), csv (RFC 4180, NULL empty), json (one object a
// row, one row a line, numbers and booleans bare).
//
// Rows are written as they come; aligned output measures the first thousand rows for its widths and
// keeps them. End() must be called after the last row.

#include <memory>
#include <optional>
#include <ostream>
#include <string>

#include "absl/strings/string_view.h"
#include "client/value.h"

namespace isochron::shell {

enum class Format { kAligned, kCsv, kJson };
std::optional<Format> FormatFromName(absl::string_view name);

class RowWriter {
 public:
  virtual ~RowWriter() = default;
  virtual void Begin(const client::Columns& columns) = 0;
  virtual void Write(const client::Row& row) = 0;
  virtual void End() = 0;
};

std::unique_ptr<RowWriter> MakeRowWriter(Format format, std::ostream* out);

// Columns on a terminal, counted in code points.
size_t DisplayWidth(absl::string_view utf8);

// The line of `sql` that holds character `position` (from 1), with a caret below it:
//   LINE 2: SELEC 1
//           ^
// Empty when there is no such place.
std::string Caret(absl::string_view sql, int position);

}  // namespace isochron::shell

#endif  // ISOCHRON_SHELL_FORMAT_H_
