// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_PGWIRE_MESSAGE_WRITER_H_
#define ISOCHRON_SERVER_PGWIRE_MESSAGE_WRITER_H_

// What a PostgreSQL client is sent: messages appended to one buffer, which the connection takes
// away (protocol 3.0, "Message Formats"). Pure; no threads.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "sql/types/datetime_parse.h"
#include "sql/types/datum.h"

namespace isochron::pgwire {

// The fields of an ErrorResponse or NoticeResponse. Empty ones are left out.
struct Report {
  std::string severity = "ERROR";  // ERROR, FATAL, WARNING, NOTICE
  std::string code;
  std::string message;
  std::string detail;
  std::string hint;
  int position = 0;  // 1-based, in characters; 0: none
  std::string where;
  std::string schema, table, column, constraint, routine;
};

// SQLSTATE, position, hint and the rest as they are in the status (sql/types/error.h).
Report ReportOf(const absl::Status& status, absl::string_view severity = "ERROR");

// 0 text, 1 binary: one a column, or one for all, or none (text).
using Formats = std::vector<int16_t>;
inline int16_t FormatAt(const Formats& formats, size_t i) {
  return formats.empty() ? 0 : formats.size() == 1 ? formats[0] : formats[i];
}

// Steps of AuthenticationSasl.
inline constexpr int32_t kSaslMechanisms = 10;
inline constexpr int32_t kSaslContinue = 11;
inline constexpr int32_t kSaslFinal = 12;

class MessageWriter {
 public:
  void AuthenticationOk();
  void AuthenticationSaslMechanisms(const std::vector<std::string>& names);
  // kSaslContinue or kSaslFinal, with a message.
  void AuthenticationSasl(int32_t step, absl::string_view data);
  void ParameterStatus(absl::string_view name, absl::string_view value);
  void BackendKeyData(uint32_t process, uint32_t secret);
  void NegotiateProtocolVersion(int32_t minor, const std::vector<std::string>& refused);
  void ReadyForQuery(char status);
  void RowDescription(const std::vector<sql::ColumnInfo>& columns, const Formats& formats);
  // Times in rows are written so; outlives the writer's use. UTC without it.
  void UseTime(const sql::TimeContext* time) { time_ = time; }
  const sql::TimeContext& time() const { return *time_; }
  // `types`: as described.
  void DataRow(const std::vector<sql::Type>& types, const Formats& formats, const sql::Row& row);
  void CommandComplete(absl::string_view tag);
  void ParameterDescription(const std::vector<int32_t>& oids);
  // 'G' CopyInResponse or 'H' CopyOutResponse, text.
  void CopyResponse(char type, size_t columns);
  void CopyData(absl::string_view data);
  void Error(const Report& report) { Fields('E', report); }
  void Notice(const Report& report) { Fields('N', report); }
  // Messages that have no body: '1' ParseComplete, '2' BindComplete, '3' CloseComplete, 'n' NoData,
  // 's' PortalSuspended, 'I' EmptyQueryResponse, 'c' CopyDone.
  void Bare(char type);

  size_t size() const { return out_.size(); }
  bool empty() const { return out_.empty(); }
  // Takes the bytes away.
  std::string Take() { return std::exchange(out_, std::string()); }
  std::string* buffer() { return &out_; }

 private:
  size_t Begin(char type);
  void End(size_t begin);
  void Int16(int16_t v);
  void Int32(int32_t v);
  void CString(absl::string_view v);
  void Fields(char type, const Report& report);

  std::string out_;
  const sql::TimeContext* time_ = &sql::PlainTimeContext();
};

}  // namespace isochron::pgwire

#endif  // ISOCHRON_SERVER_PGWIRE_MESSAGE_WRITER_H_
