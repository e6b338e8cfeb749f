// SPDX-License-Identifier: Apache-2.0
//
// A join whose right side runs anew for each row of the left one, which it sees by registers.
#include <utility>

#include "common/status_macros.h"
#include "sql/exec/subquery.h"

namespace isochron::sql {
namespace {

constexpr size_t kBatchRows = 512;
constexpr size_t kRunsAtOnce = 64;

class LateralJoinOperator : public Operator {
 public:
  LateralJoinOperator(const JoinPlan& plan, ExecContext* exec)
      : Operator(exec),
        plan_(plan),
        settler_(exec, plan.condition.get()),
        left_(MakeOperator(*plan.child, exec)) {}

  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    while (out->size() < kBatchRows) {
      if (right_ == nullptr && at_ == batch_.size()) {
        if (!left_more_) co_return false;
        batch_.clear();
        at_ = 0;
        ISO_CO_ASSIGN_OR_RETURN(left_more_, co_await left_->Next(&batch_));
        continue;
      }
      if (right_ == nullptr) {
        if (++runs_ % kRunsAtOnce == 0) co_await SleepFor(exec_->executor, 0);
        ISO_CO_RETURN_IF_ERROR(Alive());
        ISO_CO_RETURN_IF_ERROR(SetRegisters(plan_.lets, batch_[at_], exec_));
        right_ = MakeOperator(*plan_.right, exec_);
        matched_ = false;
      }
      Batch rows;
      bool more = false;
      ISO_CO_ASSIGN_OR_RETURN(more, co_await right_->Next(&rows));
      ISO_CO_RETURN_IF_ERROR(co_await Join(std::move(rows), out));
      if (more) continue;
      right_ = nullptr;
      if (!matched_ && plan_.left_outer) {
        Row row = std::move(batch_[at_]);
        row.resize(plan_.left_width + plan_.right_width);
        out->push_back(std::move(row));
      }
      ++at_;
    }
    co_return true;
  }

 private:
  Task<absl::Status> Join(Batch rows, Batch* out) {
    for (Row& right : rows) {
      Row row = batch_[at_];
      row.insert(row.end(), std::make_move_iterator(right.begin()),
                 std::make_move_iterator(right.end()));
      if (plan_.condition != nullptr) {
        bool keep = false;
        if (!settler_.empty()) ISO_CO_RETURN_IF_ERROR(co_await settler_.Settle(&row));
        ISO_CO_RETURN_IF_ERROR(EvalPredicate(*plan_.condition, exec_->eval, row, &keep));
        if (!keep) continue;
      }
      matched_ = true;
      out->push_back(std::move(row));
    }
    co_return absl::OkStatus();
  }

  const JoinPlan& plan_;
  const Settler settler_;
  OperatorPtr left_;
  OperatorPtr right_;  // for the row at at_; null between two rows
  Batch batch_;        // of the left side, done up to at_
  size_t at_ = 0;
  bool left_more_ = true;
  bool matched_ = false;
  uint64_t runs_ = 0;
};

}  // namespace

namespace operators {
OperatorPtr MakeLateralJoin(const JoinPlan& plan, ExecContext* exec) {
  return std::make_unique<LateralJoinOperator>(plan, exec);
}
}  // namespace operators

}  // namespace isochron::sql
