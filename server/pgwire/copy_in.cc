// SPDX-License-Identifier: Apache-2.0
#include "server/pgwire/copy_in.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/pgwire/message_reader.h"
#include "server/pgwire/value_codec.h"
#include "sql/types/error.h"

namespace isochron::pgwire {
namespace {

// Of a value there may be 10 MiB; escapes may double it.
constexpr size_t kMaxLineBytes = 24 << 20;
constexpr size_t kMaxParams = 1000;
constexpr size_t kMaxRows = 200;
constexpr size_t kBatchBytes = 256 << 10;

// As PostgreSQL shows a value of COPY: its beginning. What is no text is not shown.
std::string Printed(absl::string_view value) {
  if (!CheckText(value).ok()) return "";
  size_t end = std::min<size_t>(value.size(), 100);
  while (end < value.size() && end > 0 && (static_cast<unsigned char>(value[end]) & 0xC0) == 0x80) {
    --end;
  }
  return absl::StrCat(": \"", value.substr(0, end), end < value.size() ? "..." : "", "\"");
}

}  // namespace

CopyInput::CopyInput(sql::CopyDescription copy, bool extended, const sql::TimeContext* time)
    : copy_(std::move(copy)),
      extended_(extended),
      time_(time),
      rows_at_once_(
          std::clamp<size_t>(kMaxParams / std::max<size_t>(copy_.columns.size(), 1), 1, kMaxRows)),
      reader_(copy_.format, kMaxLineBytes) {}

absl::Status CopyInput::Wrong(absl::string_view sql_state, absl::string_view message,
                              absl::string_view place) const {
  return sql::WithFields(
      sql::SqlError(sql_state, message),
      {.where = absl::StrCat("COPY ", copy_.table, ", line ", reader_.line(), place)});
}

absl::Status CopyInput::Take(const sql::CopyReader::Fields& fields) {
  if (fields.size() < copy_.columns.size()) {
    return Wrong("22P04", absl::StrCat("missing data for column \"",
                                       copy_.columns[fields.size()].name, "\""));
  }
  if (fields.size() > copy_.columns.size()) {
    return Wrong("22P04", "extra data after last expected column");
  }
  for (size_t i = 0; i < fields.size(); ++i) {
    sql::TypedDatum param{copy_.columns[i].type, sql::Datum::Null()};
    if (fields[i].has_value()) {
      pending_bytes_ += fields[i]->size();
      auto value = DecodeValue(param.type, 0, *fields[i], *time_);
      if (!value.ok()) {
        return Wrong(sql::SqlStateOf(value.status()), value.status().message(),
                     absl::StrCat(", column ", copy_.columns[i].name, Printed(*fields[i])));
      }
      param.value = *std::move(value);
    }
    pending_.params.push_back(std::move(param));
  }
  if (pending_.rows++ == 0) pending_.first_line = reader_.line();
  pending_.last_line = reader_.line();
  return absl::OkStatus();
}

absl::StatusOr<CopyInput::Batch> CopyInput::Next(bool all) {
  sql::CopyReader::Fields fields;
  while (static_cast<size_t>(pending_.rows) < rows_at_once_ && pending_bytes_ < kBatchBytes) {
    auto next = reader_.Next(&fields);
    if (!next.ok()) return Wrong(sql::SqlStateOf(next.status()), next.status().message());
    if (!*next) {
      if (!all || pending_.rows == 0) return Batch();
      break;
    }
    // An empty line is a row only where there is one column to be empty.
    const bool empty = fields.size() == 1 && copy_.columns.empty();
    if (!empty) ISO_RETURN_IF_ERROR(Take(fields));
  }
  pending_.sql = Statement(static_cast<size_t>(pending_.rows));
  pending_bytes_ = 0;
  return std::exchange(pending_, Batch());
}

const std::string& CopyInput::Statement(size_t row_count) {
  std::string& out = row_count == rows_at_once_ ? full_ : odd_;
  if (&out == &full_ && !full_.empty()) return full_;
  out = copy_.insert;
  size_t n = 0;
  for (size_t row = 0; row < row_count; ++row) {
    out += row > 0 ? ", (" : "(";
    for (size_t i = 0; i < copy_.columns.size(); ++i) {
      absl::StrAppend(&out, i > 0 ? ", $" : "$", ++n);
    }
    out += ")";
  }
  return out;
}

bool BeginsCopy(absl::string_view sql) {
  for (;;) {
    sql = absl::StripLeadingAsciiWhitespace(sql);
    if (absl::StartsWith(sql, "--")) {
      sql = sql.substr(std::min(sql.find('\n'), sql.size()));
    } else if (absl::StartsWith(sql, "/*")) {
      const size_t end = sql.find("*/");
      sql = end == absl::string_view::npos ? "" : sql.substr(end + 2);
    } else {
      break;
    }
  }
  return absl::StartsWithIgnoreCase(sql, "copy") && sql.size() > 4 &&
         !absl::ascii_isalnum(static_cast<unsigned char>(sql[4])) && sql[4] != '_';
}

}  // namespace isochron::pgwire
