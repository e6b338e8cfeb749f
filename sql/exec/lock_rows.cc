// SPDX-License-Identifier: Apache-2.0
//
// SKIP LOCKED: rows are found without locks, at a timestamp of their own, then locked one by one as
// they are wanted, without waiting. One that is locked is passed over; one that is not is read
// again under its lock, and counts only if it still is what the query asks for: so no two
// transactions are given one row, and none is given a row as it was.
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/row_codec.h"
#include "sql/exec/no_wait.h"
#include "sql/exec/subquery.h"
#include "sql/types/error.h"
#include "txn/api/reasons.h"

namespace isochron::sql {
namespace {

constexpr size_t kRowsAtOnce = 64;

class LockRowsOperator : public Operator {
 public:
  LockRowsOperator(const LockRowsPlan& plan, ExecContext* exec)
      : Operator(exec), plan_(plan), recheck_(exec, plan.recheck.get()) {}

  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    if (child_ == nullptr) ISO_CO_RETURN_IF_ERROR(co_await Start());
    while (wanted_ > 0 && out->size() < kRowsAtOnce) {
      ISO_CO_RETURN_IF_ERROR(Alive());
      if (next_ == found_.size()) {
        if (!more_) co_return false;
        found_.clear();
        next_ = 0;
        ISO_CO_ASSIGN_OR_RETURN(more_, co_await child_->Next(&found_));
        continue;
      }
      const Row* const found = &found_[next_++];
      ISO_CO_ASSIGN_OR_RETURN(std::optional<Row> row, co_await TryLock(found));
      if (!row.has_value()) continue;
      out->push_back(*std::move(row));
      --wanted_;
    }
    co_return wanted_ > 0;
  }

 private:
  Task<absl::Status> Start() {
    if (exec_->writer == nullptr || exec_->store == nullptr) {
      co_return SqlError(sqlstate::kUnsupported,
                         "SKIP LOCKED in a subquery of a statement that writes nothing", -1,
                         "Lock the rows by a statement of its own.");
    }
    const std::vector<const Expr*> both = {plan_.limit.get(), plan_.offset.get()};
    const Settler settler(exec_, both);
    const Row none;
    if (!settler.empty()) ISO_CO_RETURN_IF_ERROR(co_await settler.Settle(&none));
    for (const Expr* e : both) {
      Datum d;
      if (e != nullptr) ISO_CO_RETURN_IF_ERROR(Eval(*e, exec_->eval, none, &d));
      if (d.is_null()) continue;
      // What is negative is refused above.
      const int64_t n = std::max<int64_t>(d.int_value(), 0);
      if (e == plan_.limit.get()) {
        wanted_ = n;
      } else if (wanted_ < std::numeric_limits<int64_t>::max() - n) {
        wanted_ += n;
      }
    }
    ISO_CO_ASSIGN_OR_RETURN(snapshot_, exec_->store->BeginRead(exec_->ctx, txn::ReadOptions()));
    below_ = *exec_;
    below_.reader = snapshot_.get();
    below_.writer = nullptr;
    child_ = MakeOperator(*plan_.child, &below_);
    co_return absl::OkStatus();
  }

  // The row as it is under its lock; none where it is not free, or not wanted any more.
  Task<absl::StatusOr<std::optional<Row>>> TryLock(const Row* found) {
    const std::string key = EncodeRowKey(*plan_.table, *found);
    absl::StatusOr<std::optional<std::string>> value;
    {
      const NoWait now(exec_->ctx);
      value = co_await exec_->writer->Get(
          exec_->ctx, key, plan_.exclusive ? txn::LockMode::kExclusive : txn::LockMode::kShared);
    }
    if (txn::IsLockTimeout(value.status())) co_return std::nullopt;
    if (!value.ok()) co_return value.status();
    if (exec_->sabotage.Is(Sabotage::kSkipLockedUnchecked)) co_return *found;
    if (!value->has_value()) co_return std::nullopt;
    Row row;
    ISO_CO_RETURN_IF_ERROR(DecodeRow(*plan_.table, key, **value, &row));
    if (plan_.recheck != nullptr) {
      bool keep = false;
      if (!recheck_.empty()) ISO_CO_RETURN_IF_ERROR(co_await recheck_.Settle(&row));
      ISO_CO_RETURN_IF_ERROR(EvalPredicate(*plan_.recheck, exec_->eval, row, &keep));
      if (!keep) co_return std::nullopt;
    }
    co_return std::move(row);
  }

  const LockRowsPlan& plan_;
  const Settler recheck_;
  std::unique_ptr<txn::ReadTransaction> snapshot_;
  ExecContext below_;  // of what finds the rows
  OperatorPtr child_;
  Batch found_;
  size_t next_ = 0;
  bool more_ = true;
  int64_t wanted_ = std::numeric_limits<int64_t>::max();
};

}  // namespace

namespace operators {
OperatorPtr MakeLockRows(const LockRowsPlan& plan, ExecContext* exec) {
  return std::make_unique<LockRowsOperator>(plan, exec);
}
}  // namespace operators

}  // namespace isochron::sql
