// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/result_sinks.h"

#include <algorithm>
#include <utility>

#include "server/rpc/value_codec.h"

namespace isochron::rpc {
namespace {

using google::protobuf::Value;

constexpr size_t kValueOverhead = 8;

size_t SizeOf(const Value& value) {
  return kValueOverhead +
         (value.kind_case() == Value::kStringValue ? value.string_value().size() : 0);
}

// The last place at or before `at` where UTF-8 text may be cut.
size_t CutBefore(const std::string& text, size_t at) {
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return at;
}

}  // namespace

void ApiSink::OnColumns(const std::vector<sql::ColumnInfo>& columns) {
  if (has_columns_) {
    status_ =
        absl::InvalidArgumentError("a request holds one statement; send the statements one by one");
    return;
  }
  has_columns_ = true;
  EncodeColumns(columns, metadata()->mutable_row_type());
  types_.reserve(columns.size());
  for (const sql::ColumnInfo& c : columns) types_.push_back(c.type);
}

Task<bool> StreamSink::OnRows(std::vector<sql::Row> rows) {
  if (!status_.ok()) co_return false;
  for (const sql::Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      Value* value = stream_->message()->add_values();
      EncodeValue(types_[i], row[i], value);
      const size_t size = SizeOf(*value);
      if (size > kMessageBytes) {
        const bool sent = co_await CutLongString(value);
        if (!sent) co_return false;
      } else {
        bytes_ += size;
      }
    }
    if (bytes_ >= kMessageBytes) {
      const bool sent = co_await Flush();
      if (!sent) co_return false;
    }
  }
  co_return true;
}

Task<bool> StreamSink::Flush() {
  sent_ = true;
  bytes_ = 0;
  return stream_->Flush();
}

Task<bool> StreamSink::CutLongString(Value* value) {
  const std::string text = std::move(*value->mutable_string_value());
  size_t at = 0;
  while (text.size() - at > kMessageBytes) {
    const size_t end = CutBefore(text, at + kMessageBytes);
    value->set_string_value(text.substr(at, end - at));
    stream_->message()->set_chunked_value(true);
    const bool sent = co_await Flush();
    if (!sent) co_return false;
    value = stream_->message()->add_values();
    at = end;
  }
  value->set_string_value(text.substr(at));
  bytes_ += SizeOf(*value);
  co_return true;
}

Task<bool> UnarySink::OnRows(std::vector<sql::Row> rows) {
  if (!status_.ok()) co_return false;
  for (const sql::Row& row : rows) {
    google::protobuf::ListValue* out = result_->add_rows();
    out->mutable_values()->Reserve(static_cast<int>(row.size()));
    for (size_t i = 0; i < row.size(); ++i) {
      Value* value = out->add_values();
      EncodeValue(types_[i], row[i], value);
      bytes_ += static_cast<int64_t>(SizeOf(*value));
    }
    if (bytes_ > kMaxBytes) {
      status_ = absl::FailedPreconditionError(
          "the result is larger than 10 MiB; use ExecuteStreamingSql, or LIMIT");
      co_return false;
    }
  }
  co_return true;
}

}  // namespace isochron::rpc
