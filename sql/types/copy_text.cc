// SPDX-License-Identifier: Apache-2.0
#include "sql/types/copy_text.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

constexpr char kBadCopy[] = "22P04";
constexpr char kEndOfData[] = "\\.";
// Read bytes are thrown away when so many have gathered.
constexpr size_t kCompactBytes = 64 << 10;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = absl::ascii_tolower(static_cast<unsigned char>(c));
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The character that `text` spells behind a backslash, and how long it is.
char Unescape(absl::string_view text, size_t* length) {
  static constexpr absl::string_view kLetters = "bfnrtv";
  static constexpr absl::string_view kMeaning = "\b\f\n\r\t\v";
  *length = 1;
  if (const size_t i = kLetters.find(text[0]); i != absl::string_view::npos) return kMeaning[i];
  int value = 0;
  if (text[0] >= '0' && text[0] <= '7') {
    for (*length = 0;
         *length < 3 && *length < text.size() && text[*length] >= '0' && text[*length] <= '7';
         ++*length) {
      value = value * 8 + (text[*length] - '0');
    }
    return static_cast<char>(value);
  }
  if (text[0] == 'x' && text.size() > 1 && HexDigit(text[1]) >= 0) {
    for (*length = 1; *length < 3 && *length < text.size() && HexDigit(text[*length]) >= 0;
         ++*length) {
      value = value * 16 + HexDigit(text[*length]);
    }
    return static_cast<char>(value);
  }
  return text[0];
}

void AppendEscaped(char delimiter, absl::string_view value, std::string* out) {
  size_t plain = 0;  // from there on nothing was escaped
  for (size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if ((c < '\b' || c > '\r') && c != '\\' && c != delimiter) continue;
    out->append(value.data() + plain, i - plain);
    plain = i + 1;
    switch (c) {
      case '\b':
        out->append("\\b");
        break;
      case '\f':
        out->append("\\f");
        break;
      case '\n':
        out->append("\\n");
        break;
      case '\r':
        out->append("\\r");
        break;
      case '\t':
        out->append("\\t");
        break;
      case '\v':
        out->append("\\v");
        break;
      default:
        if (c == '\\' || c == delimiter) out->push_back('\\');
        out->push_back(c);
    }
  }
  out->append(value.data() + plain, value.size() - plain);
}

// A text's own bytes are its text.
bool IsPlainText(Type type) { return type == Type::kText || type == Type::kVarchar; }

void AppendQuoted(const CopyFormat& f, absl::string_view value, bool alone, std::string* out) {
  bool needed = value == f.null_text || (alone && value == kEndOfData);
  for (char c : value) {
    needed = needed || c == f.delimiter || c == f.quote || c == '\n' || c == '\r';
  }
  if (!needed) {
    out->append(value.data(), value.size());
    return;
  }
  out->push_back(f.quote);
  for (char c : value) {
    if (c == f.quote || c == f.escape) out->push_back(f.escape);
    out->push_back(c);
  }
  out->push_back(f.quote);
}

}  // namespace

void CopyReader::Append(absl::string_view bytes) {
  if (done_) return;
  if (at_ > kCompactBytes && at_ > buffer_.size() / 2) {
    buffer_.erase(0, at_);
    scan_ -= at_;
    at_ = 0;
  }
  buffer_.append(bytes.data(), bytes.size());
}

size_t CopyReader::FindEnd(size_t* after) {
  for (; scan_ < buffer_.size(); ++scan_) {
    const char c = buffer_[scan_];
    const bool last = scan_ + 1 == buffer_.size();
    if (!format_.csv && c == '\\') {
      if (last && !finished_) break;  // what it escapes has not come
      if (!last) ++scan_;
      continue;
    }
    if (format_.csv && in_quote_ && c == format_.escape && format_.escape != format_.quote) {
      if (last && !finished_) break;
      if (!last) ++scan_;
      continue;
    }
    if (format_.csv && c == format_.quote) {
      in_quote_ = !in_quote_;
      continue;
    }
    if (in_quote_ || (c != '\n' && c != '\r')) continue;
    if (c == '\r' && last && !finished_) break;  // perhaps a newline follows
    *after = scan_ + (c == '\r' && !last && buffer_[scan_ + 1] == '\n' ? 2 : 1);
    return scan_;
  }
  if (!finished_ || at_ == buffer_.size()) return std::string::npos;
  *after = buffer_.size();
  return buffer_.size();
}

absl::StatusOr<bool> CopyReader::NextLine(absl::string_view* line) {
  if (done_) return false;
  size_t after = 0;
  const size_t end = FindEnd(&after);
  if (end == std::string::npos || end - at_ > max_line_bytes_) {
    if (buffer_.size() - at_ > max_line_bytes_) {
      return SqlError(sqlstate::kProgramLimit,
                      absl::StrCat("a line of COPY is longer than ", max_line_bytes_, " bytes"));
    }
    return false;
  }
  ++line_;
  *line = absl::string_view(buffer_).substr(at_, end - at_);
  const bool unterminated = std::exchange(in_quote_, false);
  at_ = scan_ = after;
  if (unterminated) return SqlError(kBadCopy, "unterminated CSV quoted field");
  if (*line == kEndOfData) {
    done_ = true;
    return false;
  }
  return true;
}

absl::StatusOr<bool> CopyReader::Next(Fields* out) {
  absl::string_view line;
  for (;;) {
    ISO_ASSIGN_OR_RETURN(const bool there, NextLine(&line));
    if (!there) return false;
    if (!std::exchange(header_left_, false)) break;
  }
  out->clear();
  ISO_RETURN_IF_ERROR(format_.csv ? SplitCsv(line, out) : SplitText(line, out));
  return true;
}

void CopyReader::AddText(absl::string_view raw, Fields* out) const {
  if (raw == format_.null_text) {
    out->push_back(std::nullopt);
    return;
  }
  std::string value;
  value.reserve(raw.size());
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\' || i + 1 == raw.size()) {
      value.push_back(raw[i]);
      continue;
    }
    size_t length = 0;
    value.push_back(Unescape(raw.substr(i + 1), &length));
    i += length;
  }
  out->push_back(std::move(value));
}

absl::Status CopyReader::SplitText(absl::string_view line, Fields* out) const {
  size_t begin = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == format_.delimiter) {
      AddText(line.substr(begin, i - begin), out);
      begin = i + 1;
    }
  }
  AddText(line.substr(begin), out);
  return absl::OkStatus();
}

absl::Status CopyReader::SplitCsv(absl::string_view line, Fields* out) const {
  for (size_t i = 0;; ++i) {
    std::string value;
    bool quoted = false;
    bool inside = false;
    for (; i < line.size() && (inside || line[i] != format_.delimiter); ++i) {
      const bool more = i + 1 < line.size();
      if (inside && line[i] == format_.escape && more &&
          (line[i + 1] == format_.quote || line[i + 1] == format_.escape)) {
        value.push_back(line[++i]);
      } else if (line[i] == format_.quote) {
        inside = !inside;
        quoted = true;
      } else {
        value.push_back(line[i]);
      }
    }
    if (!quoted && value == format_.null_text) {
      out->push_back(std::nullopt);
    } else {
      out->push_back(std::move(value));
    }
    if (i >= line.size()) return absl::OkStatus();
  }
}

void AppendCopyRow(const CopyFormat& format, const std::vector<Type>& types, const Row& row,
                   std::string* out, const TimeContext& time) {
  for (size_t i = 0; i < row.size(); ++i) {
    if (i > 0) out->push_back(format.delimiter);
    if (row[i].is_null()) {
      out->append(format.null_text);
    } else if (format.csv) {
      AppendQuoted(format, DatumToText(types[i], row[i], time), row.size() == 1, out);
    } else if (IsPlainText(types[i])) {
      AppendEscaped(format.delimiter, row[i].string_value(), out);
    } else {
      AppendEscaped(format.delimiter, DatumToText(types[i], row[i], time), out);
    }
  }
  out->push_back('\n');
}

void AppendCopyHeader(const CopyFormat& format, const std::vector<ColumnInfo>& columns,
                      std::string* out) {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) out->push_back(format.delimiter);
    if (format.csv) {
      AppendQuoted(format, columns[i].name, columns.size() == 1, out);
    } else {
      AppendEscaped(format.delimiter, columns[i].name, out);
    }
  }
  out->push_back('\n');
}

}  // namespace isochron::sql
