// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RPC_RESULT_SINKS_H_
#define ISOCHRON_SERVER_RPC_RESULT_SINKS_H_

// Rows of a statement, written into the messages of the Spanner API.
//
//   StreamSink  into PartialResultSets of about 64 KiB. A value longer than that is cut: the pieces
//               of a string are to be concatenated (chunked_value).
//   UnarySink   into one ResultSet; a result beyond 10 MiB is refused.
//
// A request holds one statement: a second one's columns end the call with INVALID_ARGUMENT.
// Loop thread only.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "google/spanner/v1/result_set.pb.h"
#include "server/rpc/stream_call.h"
#include "sql/session/session.h"

namespace isochron::rpc {

// What both share: columns, errors of their own, the statement's result.
class ApiSink : public sql::ResultSink {
 public:
  void OnColumns(const std::vector<sql::ColumnInfo>& columns) override;
  void OnComplete(const sql::StatementResult&) override {}

  // Why OnRows returned false, if it was this sink's decision.
  const absl::Status& status() const { return status_; }
  virtual google::spanner::v1::ResultSetMetadata* metadata() = 0;
  virtual google::spanner::v1::ResultSetStats* stats() = 0;
  // True once a message went out: what belongs into the first one cannot be added any more.
  virtual bool sent() const { return false; }

 protected:
  absl::Status status_;
  std::vector<sql::Type> types_;

 private:
  bool has_columns_ = false;
};

class StreamSink final : public ApiSink {
 public:
  static constexpr size_t kMessageBytes = 64 << 10;

  explicit StreamSink(PartialStream* stream) : stream_(stream) {}
  Task<bool> OnRows(std::vector<sql::Row> rows) override;
  google::spanner::v1::ResultSetMetadata* metadata() override {
    return stream_->message()->mutable_metadata();
  }
  google::spanner::v1::ResultSetStats* stats() override {
    return stream_->message()->mutable_stats();
  }
  bool sent() const override { return sent_; }

 private:
  Task<bool> Flush();
  Task<bool> CutLongString(google::protobuf::Value* value);

  PartialStream* const stream_;
  size_t bytes_ = 0;  // in the message being filled
  bool sent_ = false;
};

class UnarySink final : public ApiSink {
 public:
  static constexpr int64_t kMaxBytes = 10 << 20;

  explicit UnarySink(google::spanner::v1::ResultSet* result) : result_(result) {}
  Task<bool> OnRows(std::vector<sql::Row> rows) override;
  google::spanner::v1::ResultSetMetadata* metadata() override {
    return result_->mutable_metadata();
  }
  google::spanner::v1::ResultSetStats* stats() override { return result_->mutable_stats(); }

 private:
  google::spanner::v1::ResultSet* const result_;
  int64_t bytes_ = 0;
};

}  // namespace isochron::rpc

#endif  // ISOCHRON_SERVER_RPC_RESULT_SINKS_H_
