// SPDX-License-Identifier: Apache-2.0
#include "server/pgwire/message_writer.h"

#include "absl/strings/str_cat.h"
#include "server/pgwire/value_codec.h"
#include "sql/types/error.h"

namespace isochron::pgwire {
namespace {

constexpr size_t kLengthBytes = 4;
// A message may quote what a client sent, however long that is.
constexpr size_t kMaxMessageBytes = 10'000;

void Store32(uint32_t v, char* to) {
  for (int i = 3; i >= 0; --i) {
    to[i] = static_cast<char>(v);
    v >>= 8;
  }
}

// Cut between two characters.
absl::string_view Shortened(absl::string_view text) {
  if (text.size() <= kMaxMessageBytes) return text;
  size_t end = kMaxMessageBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace

Report ReportOf(const absl::Status& status, absl::string_view severity) {
  Report r;
  r.severity = std::string(severity);
  r.code = sql::SqlStateOf(status);
  r.message = std::string(status.message());
  r.hint = sql::HintOf(status);
  r.position = sql::PositionOf(status);
  sql::ErrorFields fields = sql::FieldsOf(status);
  r.detail = std::move(fields.detail);
  r.schema = std::move(fields.schema);
  r.table = std::move(fields.table);
  r.column = std::move(fields.column);
  r.constraint = std::move(fields.constraint);
  r.where = std::move(fields.where);
  r.routine = std::move(fields.routine);
  return r;
}

size_t MessageWriter::Begin(char type) {
  out_.push_back(type);
  const size_t begin = out_.size();
  out_.append(kLengthBytes, '\0');
  return begin;
}

void MessageWriter::End(size_t begin) {
  Store32(static_cast<uint32_t>(out_.size() - begin), &out_[begin]);
}

void MessageWriter::Int16(int16_t v) {
  out_.push_back(static_cast<char>(static_cast<uint16_t>(v) >> 8));
  out_.push_back(static_cast<char>(v));
}

void MessageWriter::Int32(int32_t v) {
  char bytes[4];
  Store32(static_cast<uint32_t>(v), bytes);
  out_.append(bytes, sizeof(bytes));
}

// A zero byte inside would end the field early: it cannot come from SQL, and is left out.
void MessageWriter::CString(absl::string_view v) {
  for (char c : v) {
    if (c != '\0') out_.push_back(c);
  }
  out_.push_back('\0');
}

void MessageWriter::AuthenticationOk() {
  const size_t m = Begin('R');
  Int32(0);
  End(m);
}

void MessageWriter::AuthenticationSaslMechanisms(const std::vector<std::string>& names) {
  const size_t m = Begin('R');
  Int32(kSaslMechanisms);
  for (const std::string& name : names) CString(name);
  CString("");
  End(m);
}

void MessageWriter::AuthenticationSasl(int32_t step, absl::string_view data) {
  const size_t m = Begin('R');
  Int32(step);
  out_.append(data.data(), data.size());
  End(m);
}

void MessageWriter::ParameterStatus(absl::string_view name, absl::string_view value) {
  const size_t m = Begin('S');
  CString(name);
  CString(value);
  End(m);
}

void MessageWriter::BackendKeyData(uint32_t process, uint32_t secret) {
  const size_t m = Begin('K');
  Int32(static_cast<int32_t>(process));
  Int32(static_cast<int32_t>(secret));
  End(m);
}

void MessageWriter::NegotiateProtocolVersion(int32_t minor,
                                             const std::vector<std::string>& refused) {
  const size_t m = Begin('v');
  Int32(minor);
  Int32(static_cast<int32_t>(refused.size()));
  for (const std::string& name : refused) CString(name);
  End(m);
}

void MessageWriter::ReadyForQuery(char status) {
  const size_t m = Begin('Z');
  out_.push_back(status);
  End(m);
}

void MessageWriter::RowDescription(const std::vector<sql::ColumnInfo>& columns,
                                   const Formats& formats) {
  const size_t m = Begin('T');
  Int16(static_cast<int16_t>(columns.size()));
  for (size_t i = 0; i < columns.size(); ++i) {
    CString(columns[i].name);
    Int32(static_cast<int32_t>(columns[i].table));
    Int16(static_cast<int16_t>(columns[i].column));
    const PgType type = PgTypeOf(columns[i].type);
    Int32(type.oid);
    Int16(type.size);
    Int32(columns[i].typmod);
    Int16(FormatAt(formats, i));
  }
  End(m);
}

void MessageWriter::DataRow(const std::vector<sql::Type>& types, const Formats& formats,
                            const sql::Row& row) {
  const size_t m = Begin('D');
  Int16(static_cast<int16_t>(row.size()));
  for (size_t i = 0; i < row.size(); ++i) {
    if (row[i].is_null()) {
      Int32(-1);
      continue;
    }
    const size_t value = out_.size();
    out_.append(kLengthBytes, '\0');
    AppendValue(types[i], FormatAt(formats, i), row[i], *time_, &out_);
    Store32(static_cast<uint32_t>(out_.size() - value - kLengthBytes), &out_[value]);
  }
  End(m);
}

void MessageWriter::CommandComplete(absl::string_view tag) {
  const size_t m = Begin('C');
  CString(tag);
  End(m);
}

void MessageWriter::ParameterDescription(const std::vector<int32_t>& oids) {
  const size_t m = Begin('t');
  Int16(static_cast<int16_t>(oids.size()));
  for (int32_t oid : oids) Int32(oid);
  End(m);
}

void MessageWriter::CopyResponse(char type, size_t columns) {
  const size_t m = Begin(type);
  out_.push_back('\0');
  Int16(static_cast<int16_t>(columns));
  for (size_t i = 0; i < columns; ++i) Int16(0);
  End(m);
}

void MessageWriter::CopyData(absl::string_view data) {
  const size_t m = Begin('d');
  out_.append(data.data(), data.size());
  End(m);
}

void MessageWriter::Bare(char type) { End(Begin(type)); }

void MessageWriter::Fields(char type, const Report& report) {
  const size_t m = Begin(type);
  const auto field = [this](char name, absl::string_view value) {
    if (value.empty()) return;
    out_.push_back(name);
    CString(value);
  };
  field('S', report.severity);
  field('V', report.severity);
  field('C', report.code);
  field('M', Shortened(report.message));
  field('D', Shortened(report.detail));
  field('H', report.hint);
  if (report.position > 0) field('P', absl::StrCat(report.position));
  field('W', report.where);
  field('s', report.schema);
  field('t', report.table);
  field('c', report.column);
  field('n', report.constraint);
  field('R', report.routine);
  out_.push_back('\0');
  End(m);
}

}  // namespace isochron::pgwire
