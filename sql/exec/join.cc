// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "common/status_macros.h"
#include "sql/catalog/row_codec.h"
#include "sql/exec/subquery.h"

namespace isochron::sql {
namespace {

class JoinOperator : public Operator {
 public:
  JoinOperator(const JoinPlan& plan, ExecContext* exec)
      : Operator(exec),
        plan_(plan),
        settler_(exec, plan.condition.get()),
        left_(MakeOperator(*plan.child, exec)),
        right_(MakeOperator(*plan.right, exec)) {}
  ~JoinOperator() override { exec_->ctx->memory.Release(left_bytes_ + right_bytes_); }

  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    if (!built_) {
      built_ = true;
      ISO_CO_RETURN_IF_ERROR(co_await TakeIn());
      if (plan_.right_outer) {
        ISO_CO_RETURN_IF_ERROR(Charge(static_cast<int64_t>(rows_.size() / 8)));
        right_matched_.resize(rows_.size());
      }
      ISO_CO_RETURN_IF_ERROR(Index());
    }
    // A join may yield far more than it is given: it stops after a while, and lets others run.
    if (at_ < batch_.size()) co_await SleepFor(exec_->executor, 0);
    ISO_CO_RETURN_IF_ERROR(Alive());
    if (!left_more_ && at_ == batch_.size()) co_return Lonely(out);
    if (at_ == batch_.size()) {
      batch_.clear();
      exec_->ctx->memory.Release(std::exchange(left_bytes_, 0));
      at_ = 0;
      auto more = co_await left_->Next(&batch_);
      if (!more.ok()) co_return more;
      left_more_ = *more;
    }
    ISO_CO_RETURN_IF_ERROR(settler_.empty() ? MatchBatch(out) : co_await MatchSettled(out));
    co_return at_ < batch_.size() || left_more_ || plan_.right_outer;
  }

 private:
  // The right side; and of the left one, what was needed to choose.
  Task<absl::Status> TakeIn() {
    if (plan_.lookup == JoinPlan::Lookup::kRight) {
      while (left_more_ && batch_.size() <= kMostLookups) {
        Batch batch;
        ISO_CO_ASSIGN_OR_RETURN(left_more_, co_await left_->Next(&batch));
        for (Row& row : batch) {
          ISO_CO_RETURN_IF_ERROR(Hold(std::move(row), &batch_, &left_bytes_));
        }
      }
      if (!left_more_) {
        co_return co_await LookUp(*plan_.right, plan_.left_keys, batch_, &rows_, &right_bytes_);
      }
    }
    ISO_CO_RETURN_IF_ERROR(co_await Drain(right_.get(), exec_, &rows_, &right_bytes_));
    if (plan_.lookup == JoinPlan::Lookup::kLeft && rows_.size() <= kMostLookups) {
      ISO_CO_RETURN_IF_ERROR(
          co_await LookUp(*plan_.child, plan_.right_keys, rows_, &batch_, &left_bytes_));
      left_more_ = false;
    }
    co_return absl::OkStatus();
  }

  absl::Status Hold(Row row, Batch* out, int64_t* held) {
    const int64_t bytes = RowBytes(row);
    ISO_RETURN_IF_ERROR(exec_->ctx->memory.Charge(bytes));
    *held += bytes;
    out->push_back(std::move(row));
    return absl::OkStatus();
  }

  // Reads the rows of `side`, a scan, whose keys are values of `keys` over the rows of the other.
  Task<absl::Status> LookUp(const PlanNode& side, const std::vector<ExprPtr>& keys,
                            const Batch& others, Batch* out, int64_t* held) {
    const auto& scan = static_cast<const ScanPlan&>(side);
    const TableDescriptor& table = *scan.table;
    std::vector<std::string> wanted;
    for (const Row& row : others) {
      std::string key = RowPrefix(table);
      bool null = false;
      for (size_t i = 0; i < plan_.lookup_keys.size() && !null; ++i) {
        Datum d;
        const Expr& e = *keys[static_cast<size_t>(plan_.lookup_keys[i])];
        ISO_CO_RETURN_IF_ERROR(Eval(e, exec_->eval, row, &d));
        null = d.is_null();
        if (!null) AppendKeyPart(e.type, d, &key);
      }
      if (!null) wanted.push_back(std::move(key));
    }
    std::sort(wanted.begin(), wanted.end());
    wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
    const auto lock = scan.exclusive ? txn::LockMode::kExclusive : txn::LockMode::kShared;
    for (size_t from = 0; from < wanted.size(); from += kKeysAtOnce) {
      const size_t to = std::min(wanted.size(), from + kKeysAtOnce);
      ISO_CO_RETURN_IF_ERROR(Alive());
      auto values = co_await exec_->reader->MultiGet(
          exec_->ctx,
          std::vector<std::string>(wanted.begin() + static_cast<std::ptrdiff_t>(from),
                                   wanted.begin() + static_cast<std::ptrdiff_t>(to)),
          lock);
      if (!values.ok()) co_return values.status();
      for (size_t i = 0; i < values->size(); ++i) {
        if (!(*values)[i].has_value()) continue;
        Row row;
        bool keep = true;
        ISO_CO_RETURN_IF_ERROR(DecodeRow(table, wanted[from + i], *(*values)[i], &row));
        if (scan.filter != nullptr) {
          ISO_CO_RETURN_IF_ERROR(EvalPredicate(*scan.filter, exec_->eval, row, &keep));
        }
        if (keep) ISO_CO_RETURN_IF_ERROR(Hold(std::move(row), out, held));
      }
    }
    co_return absl::OkStatus();
  }

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

  absl::Status MatchBatch(Batch* out) {
    size_t tried = 0;
    while (at_ < batch_.size() && tried < kMostTried && out->size() < kBatchRows) {
      ISO_RETURN_IF_ERROR(Match(batch_[at_], &tried, out));
    }
    return absl::OkStatus();
  }

  // The condition asks subqueries: each pair of rows is settled before it is tried.
  Task<absl::Status> MatchSettled(Batch* out) {
    size_t tried = 0;
    while (at_ < batch_.size() && tried < kMostTried && out->size() < kBatchRows) {
      ISO_CO_RETURN_IF_ERROR(Begin(batch_[at_]));
      if (matches_ != nullptr && match_at_ < matches_->size()) {
        const Row row = Joined(batch_[at_], rows_[(*matches_)[match_at_]]);
        ISO_CO_RETURN_IF_ERROR(co_await settler_.Settle(&row));
      }
      one_ = true;
      absl::Status s = Match(batch_[at_], &tried, out);
      one_ = false;
      ISO_CO_RETURN_IF_ERROR(s);
    }
    co_return absl::OkStatus();
  }

  static Row Joined(const Row& left, const Row& right) {
    Row row = left;
    row.insert(row.end(), right.begin(), right.end());
    return row;
  }

  absl::Status Begin(const Row& left) {
    if (begun_) return absl::OkStatus();
    begun_ = true;
    matched_ = false;
    match_at_ = 0;
    std::string key;
    ISO_ASSIGN_OR_RETURN(bool has_key, Key(plan_.left_keys, left, &key));
    auto it = has_key ? by_key_.find(key) : by_key_.end();
    matches_ = it == by_key_.end() ? nullptr : &it->second;
    return absl::OkStatus();
  }

  // Goes on with the matches of `left`, the row at at_; steps to the next row behind the last one.
  absl::Status Match(const Row& left, size_t* tried, Batch* out) {
    ISO_RETURN_IF_ERROR(Begin(left));
    for (bool first = true;
         !(one_ && !first) && matches_ != nullptr && match_at_ < matches_->size(); first = false) {
      if (++*tried > kMostTried || out->size() >= kBatchRows) return absl::OkStatus();
      const size_t match = (*matches_)[match_at_++];
      Row row = Joined(left, rows_[match]);
      if (plan_.condition != nullptr) {
        bool keep = false;
        ISO_RETURN_IF_ERROR(EvalPredicate(*plan_.condition, exec_->eval, row, &keep));
        if (!keep) continue;
      }
      matched_ = true;
      if (plan_.right_outer) right_matched_[match] = true;
      out->push_back(std::move(row));
    }
    if (one_ && matches_ != nullptr && match_at_ < matches_->size()) return absl::OkStatus();
    ++*tried;
    if (!matched_ && plan_.left_outer) {
      Row row = left;
      row.resize(left.size() + plan_.right_width);
      out->push_back(std::move(row));
    }
    begun_ = false;
    ++at_;
    return absl::OkStatus();
  }

  // Right rows that nothing matched, when the left side is through. Whether more follow.
  bool Lonely(Batch* out) {
    if (!plan_.right_outer) return false;
    for (; lonely_at_ < rows_.size() && out->size() < kBatchRows; ++lonely_at_) {
      if (right_matched_[lonely_at_]) continue;
      Row row(plan_.left_width);
      row.insert(row.end(), rows_[lonely_at_].begin(), rows_[lonely_at_].end());
      out->push_back(std::move(row));
    }
    return lonely_at_ < rows_.size();
  }

  static constexpr size_t kBatchRows = 512;
  static constexpr size_t kMostTried = 4096;
  static constexpr size_t kMostLookups = 1024;  // rows of one side for which the other is looked up
  static constexpr size_t kKeysAtOnce = 256;

  const JoinPlan& plan_;
  const Settler settler_;
  bool one_ = false;  // try one pair of rows only
  OperatorPtr left_, right_;
  bool built_ = false;
  Batch rows_;   // of the right side
  Batch batch_;  // of the left side, done up to at_
  size_t at_ = 0;
  bool left_more_ = true;
  bool begun_ = false;  // with the row at at_
  bool matched_ = false;
  size_t match_at_ = 0;
  const std::vector<size_t>* matches_ = nullptr;
  std::vector<bool> right_matched_;  // by row, for a right or full join
  size_t lonely_at_ = 0;
  int64_t left_bytes_ = 0, right_bytes_ = 0;                      // held of either
  absl::flat_hash_map<std::string, std::vector<size_t>> by_key_;  // lint: no iteration
};

}  // namespace

namespace operators {
OperatorPtr MakeJoin(const JoinPlan& plan, ExecContext* exec) {
  return std::make_unique<JoinOperator>(plan, exec);
}
}  // namespace operators

}  // namespace isochron::sql
