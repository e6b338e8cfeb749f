// SPDX-License-Identifier: Apache-2.0
//
// MERGE: all actions are decided, and their values computed, before the first is written.
#include <set>
#include <utility>

#include "common/status_macros.h"
#include "sql/catalog/row_codec.h"
#include "sql/exec/constraints.h"
#include "sql/exec/dml.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

class MergeOperator : public DmlOperator {
 public:
  MergeOperator(const MergePlan& plan, ExecContext* exec)
      : DmlOperator(*plan.child, plan.table, plan.rules.indexes, plan.returning, exec),
        plan_(plan),
        settler_(exec, Exprs(plan)) {}

 protected:
  Task<absl::Status> Apply(Batch* out) override {
    for (size_t i = 0; i < input_.size(); ++i) {
      ISO_CO_RETURN_IF_ERROR(co_await Breathe(i));
      if (!settler_.empty()) ISO_CO_RETURN_IF_ERROR(co_await settler_.Settle(&input_[i]));
      ISO_CO_RETURN_IF_ERROR(Decide(input_[i]));
    }
    for (const std::string& key : gone_) ISO_CO_RETURN_IF_ERROR(Erase(key));
    // Every row has left its old place: whatever stands in a new one is another row.
    std::set<std::string> taken;
    for (size_t from = 0; from < new_keys_.size(); from += kKeysAtOnce) {
      const size_t to = std::min(new_keys_.size(), from + kKeysAtOnce);
      auto standing = co_await LockKeys(
          exec_, std::vector<std::string>(new_keys_.begin() + static_cast<std::ptrdiff_t>(from),
                                          new_keys_.begin() + static_cast<std::ptrdiff_t>(to)));
      if (!standing.ok()) co_return standing.status();
      for (size_t i = from; i < to; ++i) {
        const bool there = (*standing)[i - from].has_value();
        if (there || !taken.insert(new_keys_[i]).second) {
          co_return PrimaryKeyViolation(table_, new_rows_[i]);
        }
        ISO_CO_RETURN_IF_ERROR(Put(new_keys_[i], new_rows_[i]));
      }
    }
    for (const auto& [key, row] : kept_) ISO_CO_RETURN_IF_ERROR(Put(key, row));
    ISO_CO_RETURN_IF_ERROR(co_await index_.Apply());
    for (int64_t i = 0; i < changed_; ++i) ISO_CO_RETURN_IF_ERROR(Changed(Row(), out));
    co_return absl::OkStatus();
  }

 private:
  static std::vector<const Expr*> Exprs(const MergePlan& plan) {
    std::vector<const Expr*> out;
    for (const MergePlan::When& when : plan.whens) {
      out.push_back(when.condition.get());
      for (const auto& [column, value] : when.set) out.push_back(value.get());
      for (const ExprPtr& value : when.values) out.push_back(value.get());
    }
    return out;
  }

  absl::Status Decide(const Row& both) {
    // A key's columns are never NULL.
    const bool matched = !both[table_.key[0]].is_null();
    for (const MergePlan::When& when : plan_.whens) {
      if (when.matched != matched) continue;
      if (when.condition != nullptr) {
        bool holds = false;
        ISO_RETURN_IF_ERROR(EvalPredicate(*when.condition, exec_->eval, both, &holds));
        if (!holds) continue;
      }
      return Act(when, both);
    }
    return absl::OkStatus();
  }

  absl::Status Act(const MergePlan::When& when, const Row& both) {
    if (when.action == ast::MergeAction::kNothing) return absl::OkStatus();
    ++changed_;
    Row row(both.begin(), both.begin() + static_cast<std::ptrdiff_t>(table_.columns.size()));
    if (when.action == ast::MergeAction::kInsert) {
      for (size_t i = 0; i < row.size(); ++i) {
        row[i] = Datum();
        if (when.values[i] != nullptr) {
          ISO_RETURN_IF_ERROR(Eval(*when.values[i], exec_->eval, both, &row[i]));
        } else if (table_.columns[i].hidden && table_.columns[i].computed_sql.empty()) {
          row[i] = Datum::Int(static_cast<int64_t>(exec_->random->Next()));
        }
      }
      ISO_RETURN_IF_ERROR(FinishRow(table_, plan_.rules, exec_->eval, &row));
      new_keys_.push_back(EncodeRowKey(table_, row));
      ISO_RETURN_IF_ERROR(NoteIndexes(nullptr, "", &row, new_keys_.back()));
      ISO_RETURN_IF_ERROR(Charge(RowBytes(row) + static_cast<int64_t>(new_keys_.back().size())));
      new_rows_.push_back(std::move(row));
      return absl::OkStatus();
    }
    const std::string key = EncodeRowKey(table_, row);
    ISO_RETURN_IF_ERROR(Charge(static_cast<int64_t>(2 * key.size() + 64)));
    if (!met_.insert(key).second) {
      return SqlError(sqlstate::kCardinalityViolation,
                      "MERGE command cannot affect row a second time", -1,
                      "Ensure that not more than one source row matches any one target row.");
    }
    if (WrittenBefore(key)) {
      --changed_;
      return absl::OkStatus();
    }
    if (when.action == ast::MergeAction::kDelete) {
      ISO_RETURN_IF_ERROR(NoteIndexes(&both, key, nullptr, ""));
      gone_.push_back(key);
      return absl::OkStatus();
    }
    for (const auto& [column, value] : when.set) {
      ISO_RETURN_IF_ERROR(Eval(*value, exec_->eval, both, &row[static_cast<size_t>(column)]));
    }
    ISO_RETURN_IF_ERROR(FinishRow(table_, plan_.rules, exec_->eval, &row));
    std::string new_key = EncodeRowKey(table_, row);
    ISO_RETURN_IF_ERROR(Charge(RowBytes(row) + static_cast<int64_t>(new_key.size())));
    ISO_RETURN_IF_ERROR(NoteIndexes(&both, key, &row, new_key));
    if (new_key == key) {
      kept_.emplace_back(key, std::move(row));
    } else {
      gone_.push_back(key);
      new_keys_.push_back(std::move(new_key));
      new_rows_.push_back(std::move(row));
    }
    return absl::OkStatus();
  }

  const MergePlan& plan_;
  const Settler settler_;
  std::set<std::string> met_;
  std::vector<std::string> gone_;
  std::vector<std::string> new_keys_;
  std::vector<Row> new_rows_;  // beside new_keys_
  std::vector<std::pair<std::string, Row>> kept_;
  int64_t changed_ = 0;
};

}  // namespace

namespace operators {
OperatorPtr MakeMerge(const MergePlan& plan, ExecContext* exec) {
  return std::make_unique<MergeOperator>(plan, exec);
}
}  // namespace operators

}  // namespace isochron::sql
