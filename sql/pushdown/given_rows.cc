// SPDX-License-Identifier: Apache-2.0
#include "sql/pushdown/given_rows.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/status_macros.h"
#include "sql/catalog/row_fields.h"
#include "sql/pushdown/row_decoder.h"

namespace isochron::sql {
namespace {

// A page ends there, as one of rows that nobody filtered.
constexpr size_t kMaxRows = 512;
constexpr size_t kMaxBytes = 1 << 20;

class RowsRun : public txn::ScanRun {
 public:
  explicit RowsRun(Program program)
      : program_(std::move(program)), decoder_(program_), row_(program_.columns.size()) {}

 protected:
  // Decodes the row; whether the filter holds for it.
  absl::StatusOr<bool> Wanted(absl::string_view key, absl::string_view value) {
    if (program_.columns.empty() && program_.filter == nullptr) return true;
    ISO_RETURN_IF_ERROR(decoder_.Decode(key, value, &row_));
    bool wanted = true;
    if (program_.filter != nullptr) {
      ISO_RETURN_IF_ERROR(EvalPredicate(*program_.filter, context_, row_, &wanted));
    }
    return wanted;
  }

  absl::StatusOr<std::string> Kept(absl::string_view value) const {
    if (program_.rows->keeps_all) return std::string(value);
    std::string out;
    if (!RowFields::Pick(value, program_.rows->kept, &out)) {
      return absl::DataLossError("a row of a scan is malformed");
    }
    return out;
  }

  const Program program_;
  const RowDecoder decoder_;
  EvalContext context_;  // of nothing: expressions see only the row
  Row row_;
};

class InOrderOfKeys : public RowsRun {
 public:
  using RowsRun::RowsRun;
  absl::StatusOr<bool> Add(absl::string_view key, absl::string_view value) override {
    ISO_ASSIGN_OR_RETURN(const bool wanted, Wanted(key, value));
    if (!wanted) return true;
    ISO_ASSIGN_OR_RETURN(std::string kept, Kept(value));
    bytes_ += key.size() + kept.size();
    given_.push_back({std::string(key), std::move(kept)});
    return given_.size() < kMaxRows && bytes_ < kMaxBytes;
  }
  absl::Status Finish(std::vector<txn::KeyValue>* out) override {
    out->insert(out->end(), std::make_move_iterator(given_.begin()),
                std::make_move_iterator(given_.end()));
    return absl::OkStatus();
  }

 private:
  std::vector<txn::KeyValue> given_;
  size_t bytes_ = 0;
};

// The last of those that are kept lies on top of a heap: most rows are compared with it alone.
class FirstOfAll : public RowsRun {
 public:
  using RowsRun::RowsRun;
  absl::StatusOr<bool> Add(absl::string_view key, absl::string_view value) override {
    ISO_ASSIGN_OR_RETURN(const bool wanted, Wanted(key, value));
    if (!wanted) return true;
    const std::vector<ProgramOrder>& order = program_.rows->order;
    by_.resize(order.size());
    for (size_t i = 0; i < order.size(); ++i) {
      ISO_RETURN_IF_ERROR(Eval(*order[i].expr, context_, row_, &by_[i]));
    }
    const auto first = [&order](const One& a, const One& b) {
      return ComesFirst(order, a.by, a.row.key, b.by, b.row.key);
    };
    if (heap_.size() == program_.rows->most) {
      if (!ComesFirst(order, by_, key, heap_.front().by, heap_.front().row.key)) return true;
      std::pop_heap(heap_.begin(), heap_.end(), first);
      bytes_ -= heap_.back().row.key.size() + heap_.back().row.value.size();
      heap_.pop_back();
    }
    ISO_ASSIGN_OR_RETURN(std::string kept, Kept(value));
    bytes_ += key.size() + kept.size();
    heap_.push_back({by_, {std::string(key), std::move(kept)}});
    std::push_heap(heap_.begin(), heap_.end(), first);
    return bytes_ < kMaxBytes;
  }
  absl::Status Finish(std::vector<txn::KeyValue>* out) override {
    for (One& one : heap_) out->push_back(std::move(one.row));
    return absl::OkStatus();
  }

 private:
  struct One {
    Row by;
    txn::KeyValue row;
  };
  std::vector<One> heap_;
  Row by_;
  size_t bytes_ = 0;
};

}  // namespace

bool ComesFirst(const std::vector<ProgramOrder>& order, const Row& a, absl::string_view key_a,
                const Row& b, absl::string_view key_b) {
  for (size_t i = 0; i < order.size(); ++i) {
    const int by = OrderDatums(a[i], b[i], order[i].descending, order[i].nulls_first);
    if (by != 0) return by < 0;
  }
  return key_a < key_b;
}

std::unique_ptr<txn::ScanRun> MakeRowsRun(Program program) {
  if (program.rows->order.empty()) return std::make_unique<InOrderOfKeys>(std::move(program));
  return std::make_unique<FirstOfAll>(std::move(program));
}

}  // namespace isochron::sql
