// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_SESSION_REPLAY_H_
#define ISOCHRON_SQL_SESSION_REPLAY_H_

// What a replay compares: a digest of everything a statement showed its client.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sql/session/prepared.h"
#include "sql/session/sequences.h"
#include "sql/session/session.h"

namespace isochron::sql {

// An order-dependent 64-bit digest of rows (FNV-1a over their encoding).
class RowDigest {
 public:
  void Add(const Row& row);
  void AddText(absl::string_view text);
  uint64_t value() const { return value_; }
  void Reset() { *this = RowDigest(); }
  friend bool operator==(const RowDigest&, const RowDigest&) = default;

 private:
  uint64_t value_ = 0xcbf29ce484222325ull;
};

// Passes rows on to `to` (null: nowhere) over several attempts: rows that went out before must come
// again, and are then held back.
class ReplaySink : public ResultSink {
 public:
  explicit ReplaySink(ResultSink* to) : to_(to) {}

  void NewAttempt() {
    position_ = 0;
    digest_.Reset();
  }
  void OnColumns(const std::vector<ColumnInfo>& columns) override;
  void UseBinary() override {
    if (to_ != nullptr && !columns_sent_) to_->UseBinary();
  }
  Task<bool> OnRows(std::vector<Row> rows) override;
  void OnComplete(const StatementResult&) override {}

  // For what differs from run to run: it is no part of the digest, and must not go out twice.
  ResultSink* beside() const { return to_; }
  // The attempt showed something else than an earlier one. Ask after a statement ended, too.
  bool diverged() const { return diverged_ || position_ < delivered_; }
  bool anything_sent() const { return columns_sent_; }
  uint64_t digest() const { return digest_.value(); }

 private:
  ResultSink* const to_;
  bool columns_sent_ = false;
  bool diverged_ = false;
  size_t position_ = 0;   // rows of this attempt
  size_t delivered_ = 0;  // rows that went out
  RowDigest digest_;
  RowDigest delivered_digest_;
};

// Holds a statement's result until its commit is over.
class BufferSink : public ResultSink {
 public:
  explicit BufferSink(Ctx ctx) : ctx_(std::move(ctx)) {}
  ~BufferSink() override { Clear(); }
  void Clear();
  void OnColumns(const std::vector<ColumnInfo>& columns) override {
    columns_ = columns;
    has_columns_ = true;
  }
  // False when the result does not fit into the request's memory; status() says so.
  Task<bool> OnRows(std::vector<Row> rows) override;
  void OnComplete(const StatementResult&) override {}
  Task<bool> Flush(ResultSink* to);
  // The rows, and what they are charged with: now the caller's.
  std::pair<std::vector<Row>, int64_t> Take() {
    has_columns_ = false;
    return {std::exchange(rows_, {}), std::exchange(charged_, 0)};
  }
  const absl::Status& status() const { return status_; }

 private:
  const Ctx ctx_;
  std::vector<ColumnInfo> columns_;
  bool has_columns_ = false;
  std::vector<Row> rows_;
  int64_t charged_ = 0;
  absl::Status status_;
};

// A statement that ran in an explicit transaction, and what came of it.
struct ReplayEntry {
  PreparedPtr text;
  size_t index = 0;
  Params params;
  std::string sql_state;  // "00000" when it succeeded
  std::string tag;
  uint64_t digest = 0;
  std::vector<Draw> draws;  // made again

  const ast::Statement& ast() const { return text->statements[index].ast; }
  std::string Sql() const;
  int64_t Bytes() const;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_SESSION_REPLAY_H_
