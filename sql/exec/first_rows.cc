// SPDX-License-Identifier: Apache-2.0
#include "sql/exec/first_rows.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/status_macros.h"
#include "sql/catalog/row_codec.h"
#include "sql/exec/tablet_aggregate.h"
#include "sql/planner/tablets.h"
#include "sql/pushdown/given_rows.h"
#include "txn/api/scan_program.h"

namespace isochron::sql {
namespace {

constexpr size_t kBatchRows = 512;

class FirstRowsOperator : public Operator {
 public:
  FirstRowsOperator(const ScanPlan& plan, Program program, ExecContext* exec)
      : Operator(exec),
        plan_(plan),
        program_(std::move(program)),
        most_(static_cast<size_t>(program_.rows->most)),
        scan_(operators::MakeProgramScan(plan, EncodeProgram(program_), exec)) {}

  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    if (!consumed_) {
      consumed_ = true;
      for (bool more = true; more;) {
        Batch results;
        ISO_CO_ASSIGN_OR_RETURN(more, co_await scan_->Next(&results));
        for (Row& row : results) ISO_CO_RETURN_IF_ERROR(Add(&row));
        if (kept_.size() > 2 * most_) Prune();
      }
      Prune();
      // Equal ones come to whoever sorts them in the order of a plain scan.
      std::sort(kept_.begin(), kept_.end(),
                [](const One& a, const One& b) { return a.key < b.key; });
    }
    for (; at_ < kept_.size() && out->size() < kBatchRows; ++at_) {
      out->push_back(std::move(kept_[at_].row));
    }
    co_return at_ < kept_.size();
  }

 private:
  struct One {
    Row by;
    std::string key;
    Row row;
    int64_t bytes = 0;
  };

  absl::Status Add(Row* result) {
    One one;
    one.key = std::move((*result)[0].mutable_string());
    ISO_RETURN_IF_ERROR(DecodeRow(*plan_.table, one.key, (*result)[1].string_value(), &one.row));
    for (const OrderExpr& o : plan_.first->by) {
      one.by.emplace_back();
      ISO_RETURN_IF_ERROR(Eval(*o.expr, exec_->eval, one.row, &one.by.back()));
    }
    one.bytes = RowBytes(one.row) + RowBytes(one.by) + static_cast<int64_t>(one.key.size());
    ISO_RETURN_IF_ERROR(Charge(one.bytes));
    if (exec_->profile != nullptr) ++exec_->profile->rows_read;
    kept_.push_back(std::move(one));
    return absl::OkStatus();
  }

  void Prune() {
    if (kept_.size() <= most_) return;
    const auto end = kept_.begin() + static_cast<std::ptrdiff_t>(most_);
    std::nth_element(kept_.begin(), end - 1, kept_.end(), [this](const One& a, const One& b) {
      return ComesFirst(program_.rows->order, a.by, a.key, b.by, b.key);
    });
    int64_t bytes = 0;
    for (auto it = end; it != kept_.end(); ++it) bytes += it->bytes;
    Release(bytes);
    kept_.erase(end, kept_.end());
  }

  const ScanPlan& plan_;
  const Program program_;
  const size_t most_;
  const OperatorPtr scan_;
  std::vector<One> kept_;
  bool consumed_ = false;
  size_t at_ = 0;
};

}  // namespace

namespace operators {

OperatorPtr MakeFirstRows(const ScanPlan& plan, ExecContext* exec) {
  if (!MayUseTablets(*exec) || dynamic_cast<txn::ReducingTransaction*>(exec->reader) == nullptr) {
    return nullptr;
  }
  std::optional<Program> program = FirstRowsAtTablets(plan, exec->eval);
  if (!program.has_value()) return nullptr;
  return std::make_unique<FirstRowsOperator>(plan, *std::move(program), exec);
}

}  // namespace operators
}  // namespace isochron::sql
