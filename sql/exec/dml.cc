// SPDX-License-Identifier: Apache-2.0
//
// INSERT, UPDATE and DELETE. Each takes in all its rows before it writes any, so that it never
// meets its own writes; a failure leaves the writes done so far to the session, which rolls them
// back.
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/sequence_access.h"
#include "sql/catalog/row_codec.h"
#include "sql/exec/constraints.h"
#include "sql/exec/subquery.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

constexpr size_t kKeysAtOnce = 1000;
constexpr size_t kRowsAtOnce = 2000;

class DmlOperator : public Operator {
 public:
  DmlOperator(const PlanNode& child, const TablePtr& table, const std::vector<ExprPtr>& returning,
              ExecContext* exec)
      : Operator(exec), table_(*table), returning_(returning), child_(MakeOperator(child, exec)) {}
  ~DmlOperator() override { exec_->ctx->memory.Release(bytes_); }

  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    if (exec_->writer == nullptr) {
      co_return SqlError(sqlstate::kReadOnlyTransaction, "cannot write in a read-only transaction");
    }
    ISO_CO_RETURN_IF_ERROR(co_await Drain(child_.get(), exec_, &input_, &bytes_));
    ISO_CO_RETURN_IF_ERROR(co_await Apply(out));
    co_return false;
  }

 protected:
  virtual Task<absl::Status> Apply(Batch* out) = 0;

  // Every so many rows a long statement lets the loop go on: leases hang on it.
  Task<absl::Status> Breathe(size_t row) {
    if (row % kRowsAtOnce != kRowsAtOnce - 1) co_return absl::OkStatus();
    co_await SleepFor(exec_->executor, 0);
    co_return Alive();
  }

  absl::Status Put(const std::string& key, const Row& row) {
    std::string value = EncodeRowValue(table_, row);
    if (static_cast<int64_t>(value.size() + key.size()) > exec_->max_value_bytes) {
      return SqlError(
          sqlstate::kProgramLimit,
          absl::StrCat("a row of table \"", table_.name, "\" takes ", value.size() + key.size(),
                       " bytes; the limit is ", exec_->max_value_bytes));
    }
    return Buffered(exec_->writer->Put(key, std::move(value)));
  }
  absl::Status Erase(const std::string& key) { return Buffered(exec_->writer->Delete(key)); }

  absl::Status Duplicate(const Row& row) const {
    return DuplicateKey(table_, table_.primary_key_name(), table_.key, row);
  }

  absl::Status Changed(const Row& row, Batch* out) {
    ++exec_->rows_changed;
    if (returning_.empty()) return absl::OkStatus();
    Row result(returning_.size());
    for (size_t i = 0; i < result.size(); ++i) {
      ISO_RETURN_IF_ERROR(Eval(*returning_[i], exec_->eval, row, &result[i]));
    }
    ISO_RETURN_IF_ERROR(ChargeRow(result));
    out->push_back(std::move(result));
    return absl::OkStatus();
  }

  // What stands under `keys`, locked exclusively: absence, too (rule 17).
  Task<absl::StatusOr<std::vector<std::optional<std::string>>>> Lock(
      std::vector<std::string> keys) {
    if (keys.size() == 1) {
      auto value = co_await exec_->writer->Get(exec_->ctx, keys[0], txn::LockMode::kExclusive);
      if (!value.ok()) co_return value.status();
      std::vector<std::optional<std::string>> one;
      one.push_back(*std::move(value));
      co_return one;
    }
    co_return co_await exec_->writer->MultiGet(exec_->ctx, std::move(keys),
                                               txn::LockMode::kExclusive);
  }

  const TableDescriptor& table_;
  const std::vector<ExprPtr>& returning_;
  Batch input_;

 private:
  static absl::Status Buffered(absl::Status s) {
    if (s.code() != absl::StatusCode::kResourceExhausted) return s;
    return SqlError(sqlstate::kProgramLimit, s.message(), -1,
                    "Write fewer rows in one transaction.");
  }

  OperatorPtr child_;
  int64_t bytes_ = 0;
};

class InsertOperator : public DmlOperator {
 public:
  InsertOperator(const InsertPlan& plan, ExecContext* exec)
      : DmlOperator(*plan.child, plan.table, plan.returning, exec), plan_(plan) {}

 protected:
  Task<absl::Status> Apply(Batch* out) override {
    for (size_t from = 0; from < input_.size(); from += kKeysAtOnce) {
      const size_t to = std::min(input_.size(), from + kKeysAtOnce);
      std::vector<Row> rows;
      std::vector<std::string> keys;
      for (size_t i = from; i < to; ++i) {
        Row row;
        absl::Status complete = Complete(std::move(input_[i]), &row);
        if (!complete.ok()) {
          if (exec_->eval.sequences != nullptr) exec_->eval.sequences->Expect(input_.size() - i);
          co_return complete;
        }
        keys.push_back(EncodeRowKey(table_, row));
        rows.push_back(std::move(row));
      }
      std::vector<std::optional<std::string>> standing(keys.size());
      if (!plan_.overwrites) {
        auto locked = co_await Lock(keys);
        if (!locked.ok()) co_return locked.status();
        standing = *std::move(locked);
      }
      for (size_t i = 0; i < rows.size(); ++i) {
        ISO_CO_RETURN_IF_ERROR(One(keys[i], std::move(rows[i]), standing[i], out));
      }
    }
    co_return absl::OkStatus();
  }

 private:
  absl::Status Complete(Row source, Row* row) {
    row->resize(table_.columns.size());
    const Row none;
    for (size_t i = 0; i < row->size(); ++i) {
      if (plan_.source[i] >= 0) {
        (*row)[i] = std::move(source[static_cast<size_t>(plan_.source[i])]);
      } else if (plan_.defaults[i] != nullptr) {
        ISO_RETURN_IF_ERROR(Eval(*plan_.defaults[i], exec_->eval, none, &(*row)[i]));
      } else if (table_.columns[i].hidden) {
        (*row)[i] = Datum::Int(static_cast<int64_t>(exec_->random->Next()));
      }
    }
    return FinishRow(table_, plan_.rules, exec_->eval, row);
  }

  absl::Status One(const std::string& key, Row row, const std::optional<std::string>& standing,
                   Batch* out) {
    const bool again = !written_.insert(key).second;
    if (!again && !standing.has_value()) {
      ISO_RETURN_IF_ERROR(Put(key, row));
      return Changed(row, out);
    }
    switch (plan_.conflict) {
      case InsertPlan::Conflict::kError:
        return Duplicate(row);
      case InsertPlan::Conflict::kNothing:
        return absl::OkStatus();
      case InsertPlan::Conflict::kUpdate:
        break;
    }
    if (again) {
      return SqlError(sqlstate::kCardinalityViolation,
                      "ON CONFLICT DO UPDATE command cannot affect row a second time", -1,
                      "Ensure that no rows proposed for insertion within the same command have "
                      "duplicate keys.");
    }
    Row both;
    ISO_RETURN_IF_ERROR(DecodeRow(table_, key, *standing, &both));
    Row updated = both;
    both.insert(both.end(), std::make_move_iterator(row.begin()),
                std::make_move_iterator(row.end()));
    if (plan_.where != nullptr) {
      bool apply = false;
      ISO_RETURN_IF_ERROR(EvalPredicate(*plan_.where, exec_->eval, both, &apply));
      if (!apply) return absl::OkStatus();
    }
    for (const auto& [column, value] : plan_.set) {
      ISO_RETURN_IF_ERROR(Eval(*value, exec_->eval, both, &updated[static_cast<size_t>(column)]));
    }
    ISO_RETURN_IF_ERROR(FinishRow(table_, plan_.rules, exec_->eval, &updated));
    ISO_RETURN_IF_ERROR(Put(key, updated));
    return Changed(updated, out);
  }

  const InsertPlan& plan_;
  std::set<std::string> written_;
};

class UpdateOperator : public DmlOperator {
 public:
  UpdateOperator(const UpdatePlan& plan, ExecContext* exec)
      : DmlOperator(*plan.child, plan.table, plan.returning, exec),
        plan_(plan),
        settler_(exec, Values(plan)) {}

 protected:
  Task<absl::Status> Apply(Batch* out) override {
    std::vector<std::string> keys;
    std::vector<std::string> left;   // keys that rows move from
    std::vector<std::string> moved;  // keys that rows move to
    std::vector<size_t> movers;
    for (size_t i = 0; i < input_.size(); ++i) {
      ISO_CO_RETURN_IF_ERROR(co_await Breathe(i));
      const std::string old_key = EncodeRowKey(table_, input_[i]);
      Row row = input_[i];
      if (!settler_.empty()) ISO_CO_RETURN_IF_ERROR(co_await settler_.Settle(&input_[i]));
      for (const auto& [column, value] : plan_.set) {
        ISO_CO_RETURN_IF_ERROR(
            Eval(*value, exec_->eval, input_[i], &row[static_cast<size_t>(column)]));
      }
      ISO_CO_RETURN_IF_ERROR(FinishRow(table_, plan_.rules, exec_->eval, &row));
      std::string key = plan_.moves_key ? EncodeRowKey(table_, row) : old_key;
      if (key != old_key) {
        left.push_back(old_key);
        moved.push_back(key);
        movers.push_back(i);
      }
      keys.push_back(std::move(key));
      input_[i] = std::move(row);
    }
    // No value is computed from what this statement writes.
    for (const std::string& key : left) ISO_CO_RETURN_IF_ERROR(Erase(key));
    // Every row has left its old place: whatever stands in a new one is another row.
    std::set<std::string> taken;
    for (size_t from = 0; from < moved.size(); from += kKeysAtOnce) {
      const size_t to = std::min(moved.size(), from + kKeysAtOnce);
      auto standing =
          co_await Lock(std::vector<std::string>(moved.begin() + static_cast<std::ptrdiff_t>(from),
                                                 moved.begin() + static_cast<std::ptrdiff_t>(to)));
      if (!standing.ok()) co_return standing.status();
      for (size_t i = from; i < to; ++i) {
        if ((*standing)[i - from].has_value() || !taken.insert(moved[i]).second) {
          co_return Duplicate(input_[movers[i]]);
        }
      }
    }
    for (size_t i = 0; i < input_.size(); ++i) {
      ISO_CO_RETURN_IF_ERROR(co_await Breathe(i));
      ISO_CO_RETURN_IF_ERROR(Put(keys[i], input_[i]));
      ISO_CO_RETURN_IF_ERROR(Changed(input_[i], out));
    }
    co_return absl::OkStatus();
  }

 private:
  static std::vector<const Expr*> Values(const UpdatePlan& plan) {
    std::vector<const Expr*> out;
    for (const auto& [column, value] : plan.set) out.push_back(value.get());
    return out;
  }

  const UpdatePlan& plan_;
  const Settler settler_;
};

class DeleteOperator : public DmlOperator {
 public:
  DeleteOperator(const DeletePlan& plan, ExecContext* exec)
      : DmlOperator(*plan.child, plan.table, plan.returning, exec) {}

 protected:
  Task<absl::Status> Apply(Batch* out) override {
    for (size_t i = 0; i < input_.size(); ++i) {
      ISO_CO_RETURN_IF_ERROR(co_await Breathe(i));
      ISO_CO_RETURN_IF_ERROR(Erase(EncodeRowKey(table_, input_[i])));
      ISO_CO_RETURN_IF_ERROR(Changed(input_[i], out));
    }
    co_return absl::OkStatus();
  }
};

}  // namespace

namespace operators {
OperatorPtr MakeInsert(const InsertPlan& plan, ExecContext* exec) {
  return std::make_unique<InsertOperator>(plan, exec);
}
OperatorPtr MakeUpdate(const UpdatePlan& plan, ExecContext* exec) {
  return std::make_unique<UpdateOperator>(plan, exec);
}
OperatorPtr MakeDelete(const DeletePlan& plan, ExecContext* exec) {
  return std::make_unique<DeleteOperator>(plan, exec);
}
}  // namespace operators

}  // namespace isochron::sql
