// SPDX-License-Identifier: Apache-2.0
//
// UNION ALL, INTERSECT, EXCEPT, and rows of WITH queries.
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "common/status_macros.h"
#include "sql/catalog/row_codec.h"
#include "sql/exec/subquery.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

constexpr size_t kBatchRows = 512;

class AppendOperator : public Operator {
 public:
  AppendOperator(const AppendPlan& plan, ExecContext* exec) : Operator(exec), plan_(plan) {}

  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    if (at_ >= plan_.children.size()) co_return false;
    if (child_ == nullptr) child_ = MakeOperator(*plan_.children[at_], exec_);
    auto more = co_await child_->Next(out);
    if (!more.ok()) co_return more;
    if (!*more) {
      child_ = nullptr;
      ++at_;
      // Inputs that wait for nothing are many perhaps.
      if (at_ % 64 == 0) co_await SleepFor(exec_->executor, 0);
      ISO_CO_RETURN_IF_ERROR(Alive());
    }
    co_return at_ < plan_.children.size();
  }

 private:
  const AppendPlan& plan_;
  size_t at_ = 0;
  OperatorPtr child_;
};

// The right side is counted, then the left side streams past the counts. NULLs are equal here.
class SetOpOperator : public Operator {
 public:
  SetOpOperator(const SetOpPlan& plan, ExecContext* exec)
      : Operator(exec),
        plan_(plan),
        left_(MakeOperator(*plan.child, exec)),
        right_(MakeOperator(*plan.right, exec)) {}

  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    if (!counted_) {
      counted_ = true;
      for (bool more = true; more;) {
        Batch batch;
        ISO_CO_ASSIGN_OR_RETURN(more, co_await right_->Next(&batch));
        for (const Row& row : batch) {
          int64_t* count = nullptr;
          ISO_CO_ASSIGN_OR_RETURN(count, CountOf(row, 0));
          ++*count;
        }
      }
    }
    auto more = co_await left_->Next(out);
    if (!more.ok()) co_return more;
    size_t kept = 0;
    for (size_t i = 0; i < out->size(); ++i) {
      bool keep = false;
      ISO_CO_ASSIGN_OR_RETURN(keep, Keep((*out)[i]));
      if (keep && kept++ != i) (*out)[kept - 1] = std::move((*out)[i]);
    }
    out->resize(kept);
    co_return more;
  }

 private:
  static constexpr int64_t kGiven = -1;  // by a distinct operation, once

  // The count of a row; new ones begin with `fresh`.
  absl::StatusOr<int64_t*> CountOf(const Row& row, int64_t fresh) {
    std::string key = RowKey(row);
    auto it = counts_.find(key);
    if (it == counts_.end()) {
      ISO_RETURN_IF_ERROR(Charge(static_cast<int64_t>(key.size()) + 64));
      it = counts_.emplace(std::move(key), fresh).first;
    }
    return &it->second;
  }

  absl::StatusOr<bool> Keep(const Row& row) {
    if (plan_.all || plan_.intersect) {
      auto it = counts_.find(RowKey(row));
      const bool there = it != counts_.end() && it->second > 0;
      if (there) it->second = plan_.all ? it->second - 1 : kGiven;
      return there == plan_.intersect;
    }
    // EXCEPT: what is not on the right, the first time.
    ISO_ASSIGN_OR_RETURN(int64_t * count, CountOf(row, 0));
    if (*count != 0) return false;
    *count = kGiven;
    return true;
  }

  const SetOpPlan& plan_;
  OperatorPtr left_, right_;
  bool counted_ = false;
  absl::flat_hash_map<std::string, int64_t> counts_;  // lint: no iteration
};

class CteScanOperator : public Operator {
 public:
  CteScanOperator(const CteScanPlan& plan, ExecContext* exec) : Operator(exec), plan_(plan) {}

  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    if (rows_ == nullptr) {
      ISO_CO_ASSIGN_OR_RETURN(rows_, co_await exec_->subqueries->Cte(plan_.index));
    }
    if (at_ > 0 && at_ % (8 * kBatchRows) == 0) co_await SleepFor(exec_->executor, 0);
    ISO_CO_RETURN_IF_ERROR(Alive());
    for (; at_ < rows_->size() && out->size() < kBatchRows; ++at_) out->push_back((*rows_)[at_]);
    co_return at_ < rows_->size();
  }

 private:
  const CteScanPlan& plan_;
  std::shared_ptr<const Batch> rows_;
  size_t at_ = 0;
};

}  // namespace

namespace operators {
OperatorPtr MakeAppend(const AppendPlan& plan, ExecContext* exec) {
  return std::make_unique<AppendOperator>(plan, exec);
}
OperatorPtr MakeSetOp(const SetOpPlan& plan, ExecContext* exec) {
  return std::make_unique<SetOpOperator>(plan, exec);
}
OperatorPtr MakeCteScan(const CteScanPlan& plan, ExecContext* exec) {
  return std::make_unique<CteScanOperator>(plan, exec);
}
}  // namespace operators

}  // namespace isochron::sql
