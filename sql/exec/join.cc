// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "common/status_macros.h"
#include "sql/catalog/row_codec.h"
#include "sql/exec/operator.h"

namespace isochron::sql {
namespace {

class JoinOperator : public Operator {
 public:
  JoinOperator(const JoinPlan& plan, ExecContext* exec)
      : Operator(exec),
        plan_(plan),
        left_(MakeOperator(*plan.child, exec)),
        right_(MakeOperator(*plan.right, exec)) {}
  ~JoinOperator() override { exec_->ctx->memory.Release(right_bytes_); }

  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    if (!built_) {
      built_ = true;
      ISO_CO_RETURN_IF_ERROR(co_await Drain(right_.get(), exec_, &rows_, &right_bytes_));
      ISO_CO_RETURN_IF_ERROR(Index());
    }
    Batch batch;
    auto more = co_await left_->Next(&batch);
    if (!more.ok()) co_return more;
    for (const Row& left : batch) {
      ISO_CO_RETURN_IF_ERROR(Alive());
      ISO_CO_RETURN_IF_ERROR(Match(left, out));
    }
    co_return more;
  }

 private:
  absl::StatusOr<bool> Key(const std::vector<ExprPtr>& exprs, const Row& row, std::string* key) {
    for (const ExprPtr& e : exprs) {
      Datum d;
      ISO_RETURN_IF_ERROR(Eval(*e, exec_->eval, row, &d));
      if (d.is_null()) return false;  // NULL equals nothing
      AppendKeyPart(e->type, d, key);
    }
    return true;
  }

  absl::Status Index() {
    for (size_t i = 0; i < rows_.size(); ++i) {
      std::string key;
      ISO_ASSIGN_OR_RETURN(bool has_key, Key(plan_.right_keys, rows_[i], &key));
      if (!has_key) continue;
      ISO_RETURN_IF_ERROR(Charge(static_cast<int64_t>(key.size()) + 64));
      by_key_[std::move(key)].push_back(i);
    }
    return absl::OkStatus();
  }

  absl::Status Match(const Row& left, Batch* out) {
    std::string key;
    ISO_ASSIGN_OR_RETURN(bool has_key, Key(plan_.left_keys, left, &key));
    bool matched = false;
    auto it = has_key ? by_key_.find(key) : by_key_.end();
    if (it != by_key_.end()) {
      for (size_t i : it->second) {
        Row row = left;
        row.insert(row.end(), rows_[i].begin(), rows_[i].end());
        if (plan_.condition != nullptr) {
          bool keep = false;
          ISO_RETURN_IF_ERROR(EvalPredicate(*plan_.condition, exec_->eval, row, &keep));
          if (!keep) continue;
        }
        matched = true;
        out->push_back(std::move(row));
      }
    }
    if (!matched && plan_.left_outer) {
      Row row = left;
      row.resize(left.size() + plan_.right_width);
      out->push_back(std::move(row));
    }
    return absl::OkStatus();
  }

  const JoinPlan& plan_;
  OperatorPtr left_, right_;
  bool built_ = false;
  Batch rows_;
  int64_t right_bytes_ = 0;
  absl::flat_hash_map<std::string, std::vector<size_t>> by_key_;  // lint: no iteration
};

}  // namespace

namespace operators {
OperatorPtr MakeJoin(const JoinPlan& plan, ExecContext* exec) {
  return std::make_unique<JoinOperator>(plan, exec);
}
}  // namespace operators

}  // namespace isochron::sql
