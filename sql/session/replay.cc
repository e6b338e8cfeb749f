// SPDX-License-Identifier: Apache-2.0
#include "sql/session/replay.h"

#include "sql/session/access.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "sql/catalog/row_codec.h"
#include "sql/exec/operator.h"

namespace isochron::sql {

void RowDigest::AddText(absl::string_view text) {
  for (char c : text) {
    value_ ^= static_cast<unsigned char>(c);
    value_ *= 0x100000001b3ull;
  }
}

void RowDigest::Add(const Row& row) {
  std::string bytes;
  Writer out(&bytes);
  out.Varint(row.size());
  for (const Datum& d : row) WriteDatum(d, &out);
  AddText(bytes);
}

void ReplaySink::OnColumns(const std::vector<ColumnInfo>& columns) {
  if (columns_sent_) return;
  columns_sent_ = true;
  if (to_ != nullptr) to_->OnColumns(columns);
}

Task<bool> ReplaySink::OnRows(std::vector<Row> rows) {
  std::vector<Row> fresh;
  for (Row& row : rows) {
    digest_.Add(row);
    ++position_;
    if (position_ > delivered_) {
      fresh.push_back(std::move(row));
    } else if (position_ == delivered_ && !(digest_ == delivered_digest_)) {
      diverged_ = true;
      co_return false;
    }
  }
  if (fresh.empty()) co_return true;
  delivered_ = position_;
  delivered_digest_ = digest_;
  if (to_ == nullptr) co_return true;
  co_return co_await to_->OnRows(std::move(fresh));
}

void BufferSink::Clear() {
  ctx_->memory.Release(charged_);
  charged_ = 0;
  rows_.clear();
  has_columns_ = false;
}

Task<bool> BufferSink::OnRows(std::vector<Row> rows) {
  for (Row& row : rows) {
    const int64_t bytes = RowBytes(row);
    status_ = ctx_->memory.Charge(bytes);
    if (!status_.ok()) co_return false;
    charged_ += bytes;
    rows_.push_back(std::move(row));
  }
  co_return true;
}

Task<bool> BufferSink::Flush(ResultSink* to) {
  if (has_columns_) to->OnColumns(columns_);
  if (rows_.empty()) co_return true;
  co_return co_await to->OnRows(std::move(rows_));
}

std::string ReplayEntry::Sql() const {
  const absl::string_view all = text->text;
  const absl::string_view one = absl::StripAsciiWhitespace(
      all.substr(static_cast<size_t>(ast().position), static_cast<size_t>(ast().length)));
  const std::string shown = WithoutPasswords(std::string(one));
  return shown.size() > 120 ? absl::StrCat(shown.substr(0, 117), "...") : shown;
}

int64_t ReplayEntry::Bytes() const {
  int64_t bytes =
      static_cast<int64_t>(sizeof(ReplayEntry) + text->text.size() + draws.size() * sizeof(Draw));
  for (const TypedDatum& p : params) bytes += p.value.MemoryBytes();
  return bytes;
}

}  // namespace isochron::sql
