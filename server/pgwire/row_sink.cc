// SPDX-License-Identifier: Apache-2.0
#include "server/pgwire/row_sink.h"

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/types/enum_type.h"
#include "sql/types/error.h"

namespace isochron::pgwire {
namespace {

bool Same(const std::vector<sql::ColumnInfo>& a, const std::vector<sql::ColumnInfo>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    // To a client the versions of an enum are one type.
    const bool same = a[i].type == b[i].type || sql::SameEnum(a[i].type, b[i].type);
    if (a[i].name != b[i].name || !same) return false;
  }
  return true;
}

}  // namespace

void RowSink::OnColumns(const std::vector<sql::ColumnInfo>& columns) {
  types_.clear();
  for (const sql::ColumnInfo& c : columns) types_.push_back(c.type);
  if (copy_.has_value()) {
    out_->CopyResponse('H', columns.size());
    std::string header;
    if (copy_->header) sql::AppendCopyHeader(*copy_, columns, &header);
    if (copy_->header) out_->CopyData(header);
    return;
  }
  if (describes_) out_->RowDescription(columns, formats_);
  if (expected_ != nullptr && !Same(*expected_, columns)) {
    // By the routine's name drivers know that preparing it anew is all that it takes.
    status_ = sql::WithFields(
        sql::SqlError(sql::sqlstate::kUnsupported, "cached plan must not change result type", -1,
                      "A table has changed: prepare the statement again."),
        {.routine = "RevalidateCachedQuery"});
  }
}

absl::Status RowSink::Keep(std::vector<sql::Row> rows) {
  for (sql::Row& row : rows) {
    int64_t bytes = sizeof(sql::Row);
    for (const sql::Datum& d : row) bytes += d.MemoryBytes();
    ISO_RETURN_IF_ERROR(ctx_->memory.Charge(bytes));
    *charged_ += bytes;
    kept_->push_back(std::move(row));
  }
  return absl::OkStatus();
}

Task<bool> RowSink::OnRows(std::vector<sql::Row> rows) {
  if (status_.ok() && kept_ != nullptr) {
    status_ = Keep(std::move(rows));
    co_return status_.ok();
  }
  if (!status_.ok()) co_return false;
  for (const sql::Row& row : rows) {
    if (copy_.has_value()) {
      std::string line;
      sql::AppendCopyRow(*copy_, types_, row, &line, out_->time());
      out_->CopyData(line);
    } else {
      out_->DataRow(types_, formats_, row);
    }
    if (out_->size() < kDrainBytes) continue;
    const bool goes_on = co_await outlet_->Drain(ctx_);
    if (!goes_on) co_return false;
  }
  co_return true;
}

void RowSink::OnComplete(const sql::StatementResult& result) {
  ++completed_;
  if (describes_) formats_.clear();
  notices_(result);
  if (copy_.has_value()) {
    out_->Bare('c');
    out_->CommandComplete(absl::StrCat("COPY ", result.rows));
  } else if (kept_ == nullptr) {
    out_->CommandComplete(result.tag);
  }
}

}  // namespace isochron::pgwire
