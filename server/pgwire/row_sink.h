// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_PGWIRE_ROW_SINK_H_
#define ISOCHRON_SERVER_PGWIRE_ROW_SINK_H_

// Rows of a statement on their way to a PostgreSQL client: DataRow after DataRow, waiting while the
// client is slow. Loop-thread only.

#include <deque>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "common/request_context.h"
#include "server/pgwire/message_writer.h"
#include "server/pgwire/outlet.h"
#include "sql/session/session.h"

namespace isochron::pgwire {

// Output is offered to the client when so much has gathered.
inline constexpr size_t kDrainBytes = 64 << 10;

class RowSink final : public sql::ResultSink {
 public:
  using OnNotices = std::function<void(const sql::StatementResult&)>;

  RowSink(Ctx ctx, Outlet* outlet, MessageWriter* out, OnNotices notices)
      : ctx_(std::move(ctx)), outlet_(outlet), out_(out), notices_(std::move(notices)) {}
  // A RowDescription goes before the rows (simple query).
  void DescribeRows() { describes_ = true; }
  // The columns that the client was told; others are an error (extended query).
  void Expect(const std::vector<sql::ColumnInfo>* columns, Formats formats) {
    expected_ = columns;
    formats_ = std::move(formats);
  }
  // The first rows that come are kept in `rows` instead, charged to the request.
  void KeepRows(std::deque<sql::Row>* rows, int64_t* charged) {
    kept_ = rows;
    charged_ = charged;
  }

  // The rows go as COPY TO has them.
  void CopyOut(const sql::CopyFormat& format) { copy_ = format; }

  void OnColumns(const std::vector<sql::ColumnInfo>& columns) override;
  void UseBinary() override {
    if (describes_) formats_ = {1};
  }
  Task<bool> OnRows(std::vector<sql::Row> rows) override;
  void OnComplete(const sql::StatementResult& result) override;
  bool takes_copy() const override { return copy_.has_value(); }

  // Of the columns that came.
  const std::vector<sql::Type>& types() const { return types_; }
  // Statements that ended well.
  int completed() const { return completed_; }
  // Why OnRows returned false, if it was this sink's decision.
  const absl::Status& status() const { return status_; }

 private:
  absl::Status Keep(std::vector<sql::Row> rows);

  const Ctx ctx_;
  Outlet* const outlet_;
  MessageWriter* const out_;
  const OnNotices notices_;
  bool describes_ = false;
  const std::vector<sql::ColumnInfo>* expected_ = nullptr;
  Formats formats_;
  std::optional<sql::CopyFormat> copy_;
  std::deque<sql::Row>* kept_ = nullptr;
  int64_t* charged_ = nullptr;
  std::vector<sql::Type> types_;
  int completed_ = 0;
  absl::Status status_;
};

}  // namespace isochron::pgwire

#endif  // ISOCHRON_SERVER_PGWIRE_ROW_SINK_H_
