// SPDX-License-Identifier: Apache-2.0
#include "shell/format.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace isochron::shell {
namespace {

using client::Columns;
using client::Row;
using client::Value;

bool IsNumber(const client::Column& column) {
  return column.type == google::spanner::v1::INT64 || column.type == google::spanner::v1::FLOAT64;
}

class AlignedWriter : public RowWriter {
 public:
  explicit AlignedWriter(std::ostream* out) : out_(out) {}

  void Begin(const Columns& columns) override {
    columns_ = columns;
    for (const client::Column& c : columns) widths_.push_back(DisplayWidth(c.name));
  }
  void Write(const Row& row) override {
    ++count_;
    std::vector<std::string> cells;
    for (const Value& v : row.values()) cells.push_back(v.ToText());
    if (measured_) {
      Line(cells);
      return;
    }
    for (size_t i = 0; i < cells.size(); ++i) {
      widths_[i] = std::max(widths_[i], DisplayWidth(cells[i]));
    }
    held_.push_back(std::move(cells));
    if (held_.size() == kMeasure) Flush();
  }
  void End() override {
    if (!measured_) Flush();
    *out_ << "(" << count_ << (count_ == 1 ? " row)" : " rows)") << "\n";
  }

 private:
  static constexpr size_t kMeasure = 1000;

  void Flush() {
    measured_ = true;
    std::string names;
    std::string rule;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const size_t pad = widths_[i] - DisplayWidth(columns_[i].name);
      if (i > 0) {
        names += "|";
        rule += "+";
      }
      // As psql has it: names are centred.
      absl::StrAppend(&names, " ", std::string(pad / 2, ' '), columns_[i].name,
                      std::string(pad - pad / 2, ' '), " ");
      rule += std::string(widths_[i] + 2, '-');
    }
    *out_ << names << "\n" << rule << "\n";
    for (const auto& cells : held_) Line(cells);
    held_.clear();
  }
  void Line(const std::vector<std::string>& cells) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      const size_t width = DisplayWidth(cells[i]);
      const std::string pad(widths_[i] > width ? widths_[i] - width : 0, ' ');
      if (i > 0) line += "|";
      const bool last = i + 1 == cells.size();
      if (IsNumber(columns_[i])) {
        absl::StrAppend(&line, " ", pad, cells[i], last ? "" : " ");
      } else {
        absl::StrAppend(&line, " ", cells[i], last ? "" : pad, last ? "" : " ");
      }
    }
    *out_ << line << "\n";
  }

  std::ostream* const out_;
  Columns columns_;
  std::vector<size_t> widths_;
  std::vector<std::vector<std::string>> held_;
  bool measured_ = false;
  uint64_t count_ = 0;
};

class CsvWriter : public RowWriter {
 public:
  explicit CsvWriter(std::ostream* out) : out_(out) {}
  void Begin(const Columns& columns) override {
    std::vector<std::string> names;
    for (const client::Column& c : columns) names.push_back(Quote(c.name));
    Line(names);
  }
  void Write(const Row& row) override {
    std::vector<std::string> cells;
    for (const Value& v : row.values()) {
      const std::string text = v.ToText();
      // An empty text is not NULL.
      cells.push_back(!v.is_null() && text.empty() ? "\"\"" : Quote(text));
    }
    Line(cells);
  }
  void End() override {}

 private:
  static std::string Quote(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (char c : text) {
      if (c == '"') quoted += '"';
      quoted += c;
    }
    return quoted + "\"";
  }
  void Line(const std::vector<std::string>& cells) {
    for (size_t i = 0; i < cells.size(); ++i) *out_ << (i > 0 ? "," : "") << cells[i];
    *out_ << "\n";
  }
  std::ostream* const out_;
};

std::string JsonText(absl::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          absl::StrAppendFormat(&out, "\\u%04x", static_cast<unsigned char>(c));
        } else {
          out.push_back(c);
        }
    }
  }
  return out + "\"";
}

class JsonWriter : public RowWriter {
 public:
  explicit JsonWriter(std::ostream* out) : out_(out) {}
  void Begin(const Columns& columns) override { columns_ = columns; }
  void Write(const Row& row) override {
    *out_ << "{";
    for (size_t i = 0; i < row.size(); ++i) {
      *out_ << (i > 0 ? "," : "") << JsonText(columns_[i].name) << ":" << One(row[i]);
    }
    *out_ << "}\n";
  }
  void End() override {}

 private:
  static std::string One(const Value& v) {
    if (v.is_null()) return "null";
    if (const bool* b = std::get_if<bool>(&v.variant())) return *b ? "true" : "false";
    if (std::holds_alternative<int64_t>(v.variant())) return v.ToText();
    if (const double* d = std::get_if<double>(&v.variant()); d != nullptr && std::isfinite(*d)) {
      return v.ToText();
    }
    return JsonText(v.ToText());
  }
  std::ostream* const out_;
  Columns columns_;
};

}  // namespace

std::optional<Format> FormatFromName(absl::string_view name) {
  if (name == "aligned") return Format::kAligned;
  if (name == "csv") return Format::kCsv;
  if (name == "json") return Format::kJson;
  return std::nullopt;
}

std::unique_ptr<RowWriter> MakeRowWriter(Format format, std::ostream* out) {
  switch (format) {
    case Format::kCsv:
      return std::make_unique<CsvWriter>(out);
    case Format::kJson:
      return std::make_unique<JsonWriter>(out);
    case Format::kAligned:
      break;
  }
  return std::make_unique<AlignedWriter>(out);
}

size_t DisplayWidth(absl::string_view utf8) {
  size_t n = 0;
  for (char c : utf8) n += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
  return n;
}

std::string Caret(absl::string_view sql, int position) {
  if (position <= 0) return "";
  int line = 1;
  int character = 0;
  size_t line_start = 0;
  size_t column = 0;  // characters before the place, on its line
  for (size_t i = 0; i < sql.size(); ++i) {
    if ((static_cast<unsigned char>(sql[i]) & 0xc0) == 0x80) continue;
    if (++character == position) break;
    ++column;
    if (sql[i] == '\n') {
      ++line;
      line_start = i + 1;
      column = 0;
    }
  }
  if (character + 1 < position) return "";
  const size_t line_end = sql.find('\n', line_start);
  std::string text(sql.substr(line_start, line_end == absl::string_view::npos
                                              ? absl::string_view::npos
                                              : line_end - line_start));
  const std::string head = absl::StrCat("LINE ", line, ": ");
  std::replace(text.begin(), text.end(), '\t', ' ');
  return absl::StrCat(head, text, "\n", std::string(head.size() + column, ' '), "^");
}

}  // namespace isochron::shell
