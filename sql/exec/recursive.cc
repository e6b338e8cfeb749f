// SPDX-License-Identifier: Apache-2.0
//
// WITH RECURSIVE: rounds over the rows that the round before gave. Rows are passed on as they come,
// so that a LIMIT above ends what has no end; what is held is one round's rows, and for UNION what
// was given so far.
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "common/status_macros.h"
#include "sql/exec/subquery.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

class RecursiveUnionOperator : public Operator {
 public:
  RecursiveUnionOperator(const RecursiveUnionPlan& plan, ExecContext* exec)
      : Operator(exec), plan_(plan), source_(MakeOperator(*plan.child, exec)) {}
  ~RecursiveUnionOperator() override { exec_->ctx->memory.Release(work_bytes_ + next_bytes_); }

  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    if (source_ == nullptr && !NextRound()) co_return false;
    if (++batches_ % 8 == 0) co_await SleepFor(exec_->executor, 0);
    ISO_CO_RETURN_IF_ERROR(Alive());
    Batch batch;
    auto more = co_await source_->Next(&batch);
    if (!more.ok()) co_return more;
    for (Row& row : batch) {
      if (plan_.distinct) {
        std::string key = RowKey(row);
        if (seen_.contains(key)) continue;
        ISO_CO_RETURN_IF_ERROR(Charge(static_cast<int64_t>(key.size()) + 48));
        seen_.insert(std::move(key));
      }
      const int64_t bytes = RowBytes(row);
      ISO_CO_RETURN_IF_ERROR(exec_->ctx->memory.Charge(bytes));
      next_bytes_ += bytes;
      next_.push_back(row);
      out->push_back(std::move(row));
    }
    if (!*more) source_ = nullptr;
    co_return *more || !next_.empty();
  }

 private:
  bool NextRound() {
    exec_->ctx->memory.Release(work_bytes_);
    work_bytes_ = std::exchange(next_bytes_, 0);
    const bool any = !next_.empty();
    (*exec_->work_tables)[static_cast<size_t>(plan_.work_table)] =
        std::make_shared<const Batch>(std::exchange(next_, {}));
    if (any) source_ = MakeOperator(*plan_.recursive, exec_);
    return any;
  }

  const RecursiveUnionPlan& plan_;
  OperatorPtr source_;  // of this round
  Batch next_;          // what the next round works on
  int64_t work_bytes_ = 0, next_bytes_ = 0;
  uint64_t batches_ = 0;
  absl::flat_hash_set<std::string> seen_;  // lint: no iteration
};

class WorkTableOperator : public Operator {
 public:
  WorkTableOperator(const WorkTablePlan& plan, ExecContext* exec)
      : Operator(exec), rows_((*exec->work_tables)[static_cast<size_t>(plan.index)]) {}

  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    constexpr size_t kBatchRows = 512;
    for (; at_ < rows_->size() && out->size() < kBatchRows; ++at_) out->push_back((*rows_)[at_]);
    co_return at_ < rows_->size();
  }

 private:
  const std::shared_ptr<const Batch> rows_;
  size_t at_ = 0;
};

}  // namespace

namespace operators {
OperatorPtr MakeRecursiveUnion(const RecursiveUnionPlan& plan, ExecContext* exec) {
  return std::make_unique<RecursiveUnionOperator>(plan, exec);
}
OperatorPtr MakeWorkTable(const WorkTablePlan& plan, ExecContext* exec) {
  return std::make_unique<WorkTableOperator>(plan, exec);
}
}  // namespace operators

}  // namespace isochron::sql
