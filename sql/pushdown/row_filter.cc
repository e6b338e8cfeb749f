// SPDX-License-Identifier: Apache-2.0
#include "sql/pushdown/row_filter.h"

#include <iterator>
#include <utility>

#include "common/status_macros.h"

namespace isochron::sql {
namespace {

// A page ends there, as one of rows that nobody filtered.
constexpr size_t kMaxRows = 512;
constexpr size_t kMaxBytes = 1 << 20;

}  // namespace

RowFilter::RowFilter(Program program)
    : program_(std::move(program)), decoder_(program_), row_(program_.columns.size()) {}

absl::StatusOr<bool> RowFilter::Add(absl::string_view key, absl::string_view value) {
  ISO_RETURN_IF_ERROR(decoder_.Decode(key, value, &row_));
  bool keep = false;
  ISO_RETURN_IF_ERROR(EvalPredicate(*program_.filter, context_, row_, &keep));
  if (!keep) return true;
  bytes_ += key.size() + value.size();
  given_.push_back({std::string(key), std::string(value)});
  return given_.size() < kMaxRows && bytes_ < kMaxBytes;
}

absl::Status RowFilter::Finish(std::vector<txn::KeyValue>* out) {
  out->insert(out->end(), std::make_move_iterator(given_.begin()),
              std::make_move_iterator(given_.end()));
  return absl::OkStatus();
}

}  // namespace isochron::sql
