// SPDX-License-Identifier: Apache-2.0
#include "sql/exec/operator.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/catalog/layout.h"
#include "sql/catalog/row_codec.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

constexpr size_t kBatchRows = 512;

class ValuesOperator : public Operator {
 public:
  ValuesOperator(const ValuesPlan& plan, ExecContext* exec) : Operator(exec), plan_(plan) {}
  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    const Row no_input;
    while (at_ < plan_.rows.size() && out->size() < kBatchRows) {
      Row row(plan_.rows[at_].size());
      for (size_t i = 0; i < row.size(); ++i) {
        ISO_CO_RETURN_IF_ERROR(Eval(*plan_.rows[at_][i], exec_->eval, no_input, &row[i]));
      }
      out->push_back(std::move(row));
      ++at_;
    }
    co_return at_ < plan_.rows.size();
  }

 private:
  const ValuesPlan& plan_;
  size_t at_ = 0;
};

class VirtualScanOperator : public Operator {
 public:
  VirtualScanOperator(const VirtualScanPlan& plan, ExecContext* exec)
      : Operator(exec), plan_(plan) {}
  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    auto rows =
        co_await exec_->virtual_tables->Rows(exec_->ctx, plan_.schema, plan_.name, exec_->reader);
    if (!rows.ok()) co_return rows.status();
    for (Row& row : *rows) {
      row.resize(plan_.def->columns.size());
      for (size_t i = 0; i < row.size(); ++i) {
        if (plan_.def->columns[i].is_key && !row[i].is_null()) {
          row[i] = Datum::String(ReadableKey(row[i].string_value()));
        }
      }
      out->push_back(std::move(row));
    }
    co_return false;
  }

 private:
  const VirtualScanPlan& plan_;
};

class FilterOperator : public Operator {
 public:
  FilterOperator(const FilterPlan& plan, ExecContext* exec)
      : Operator(exec), plan_(plan), child_(MakeOperator(*plan.child, exec)) {}
  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    auto more = co_await child_->Next(out);
    if (!more.ok()) co_return more;
    size_t kept = 0;
    for (size_t i = 0; i < out->size(); ++i) {
      bool keep = false;
      ISO_CO_RETURN_IF_ERROR(EvalPredicate(*plan_.predicate, exec_->eval, (*out)[i], &keep));
      if (keep && kept++ != i) (*out)[kept - 1] = std::move((*out)[i]);
    }
    out->resize(kept);
    co_return more;
  }

 private:
  const FilterPlan& plan_;
  OperatorPtr child_;
};

class ProjectOperator : public Operator {
 public:
  ProjectOperator(const ProjectPlan& plan, ExecContext* exec)
      : Operator(exec), plan_(plan), child_(MakeOperator(*plan.child, exec)) {}
  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    auto more = co_await child_->Next(out);
    if (!more.ok()) co_return more;
    for (Row& row : *out) {
      Row projected(plan_.exprs.size());
      for (size_t i = 0; i < projected.size(); ++i) {
        ISO_CO_RETURN_IF_ERROR(Eval(*plan_.exprs[i], exec_->eval, row, &projected[i]));
      }
      row = std::move(projected);
    }
    co_return more;
  }

 private:
  const ProjectPlan& plan_;
  OperatorPtr child_;
};

class SortOperator : public Operator {
 public:
  SortOperator(const SortPlan& plan, ExecContext* exec)
      : Operator(exec), plan_(plan), child_(MakeOperator(*plan.child, exec)) {}
  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    for (bool more = true; more;) {
      Batch batch;
      ISO_CO_ASSIGN_OR_RETURN(more, co_await child_->Next(&batch));
      for (Row& row : batch) {
        ISO_CO_RETURN_IF_ERROR(ChargeRow(row));
        out->push_back(std::move(row));
      }
    }
    std::stable_sort(out->begin(), out->end(), [this](const Row& a, const Row& b) {
      for (const SortKey& key : plan_.keys) {
        const Datum& x = a[static_cast<size_t>(key.slot)];
        const Datum& y = b[static_cast<size_t>(key.slot)];
        if (x.is_null() || y.is_null()) {
          if (x.is_null() == y.is_null()) continue;
          return x.is_null() == key.nulls_first;
        }
        const int order = CompareDatums(x, y);
        if (order != 0) return (order < 0) != key.descending;
      }
      return false;
    });
    co_return false;
  }

 private:
  const SortPlan& plan_;
  OperatorPtr child_;
};

class DistinctOperator : public Operator {
 public:
  DistinctOperator(const DistinctPlan& plan, ExecContext* exec)
      : Operator(exec), child_(MakeOperator(*plan.child, exec)) {}
  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    auto more = co_await child_->Next(out);
    if (!more.ok()) co_return more;
    size_t kept = 0;
    for (size_t i = 0; i < out->size(); ++i) {
      std::string key;
      Writer writer(&key);
      for (const Datum& d : (*out)[i]) WriteDatum(d, &writer);
      ISO_CO_RETURN_IF_ERROR(Charge(static_cast<int64_t>(key.size()) + 48));
      if (seen_.insert(std::move(key)).second && kept++ != i) {
        (*out)[kept - 1] = std::move((*out)[i]);
      }
    }
    out->resize(kept);
    co_return more;
  }

 private:
  OperatorPtr child_;
  absl::flat_hash_set<std::string> seen_;  // lint: no iteration
};

class LimitOperator : public Operator {
 public:
  LimitOperator(const LimitPlan& plan, ExecContext* exec)
      : Operator(exec), plan_(plan), child_(MakeOperator(*plan.child, exec)) {}
  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    if (!started_) ISO_CO_RETURN_IF_ERROR(Start());
    if (left_ == 0) co_return false;
    auto more = co_await child_->Next(out);
    if (!more.ok()) co_return more;
    const size_t drop =
        static_cast<size_t>(std::min<int64_t>(skip_, static_cast<int64_t>(out->size())));
    out->erase(out->begin(), out->begin() + static_cast<std::ptrdiff_t>(drop));
    skip_ -= static_cast<int64_t>(drop);
    if (static_cast<int64_t>(out->size()) > left_) out->resize(static_cast<size_t>(left_));
    left_ -= static_cast<int64_t>(out->size());
    for (Row& row : *out) row.resize(plan_.width);
    co_return *more&& left_ > 0;
  }

 private:
  absl::Status Start() {
    started_ = true;
    Datum d;
    if (plan_.limit != nullptr) {
      ISO_RETURN_IF_ERROR(Eval(*plan_.limit, exec_->eval, Row(), &d));
      if (!d.is_null() && d.int_value() < 0) {
        return SqlError(sqlstate::kInvalidRowCount, "LIMIT must not be negative");
      }
      if (!d.is_null()) left_ = d.int_value();
    }
    if (plan_.offset != nullptr) {
      ISO_RETURN_IF_ERROR(Eval(*plan_.offset, exec_->eval, Row(), &d));
      if (!d.is_null() && d.int_value() < 0) {
        return SqlError(sqlstate::kInvalidRowOffset, "OFFSET must not be negative");
      }
      if (!d.is_null()) skip_ = d.int_value();
    }
    return absl::OkStatus();
  }

  const LimitPlan& plan_;
  OperatorPtr child_;
  bool started_ = false;
  int64_t left_ = std::numeric_limits<int64_t>::max();
  int64_t skip_ = 0;
};

}  // namespace

int64_t RowBytes(const Row& row) {
  int64_t bytes = sizeof(Row);
  for (const Datum& d : row) bytes += d.MemoryBytes();
  return bytes;
}

absl::Status Operator::ChargeRow(const Row& row) { return Charge(RowBytes(row)); }

Task<absl::Status> Drain(Operator* from, ExecContext* exec, Batch* out, int64_t* charged) {
  for (bool more = true; more;) {
    Batch batch;
    ISO_CO_ASSIGN_OR_RETURN(more, co_await from->Next(&batch));
    for (Row& row : batch) {
      const int64_t bytes = RowBytes(row);
      ISO_CO_RETURN_IF_ERROR(exec->ctx->memory.Charge(bytes));
      *charged += bytes;
      out->push_back(std::move(row));
    }
  }
  co_return absl::OkStatus();
}

OperatorPtr MakeOperator(const PlanNode& plan, ExecContext* exec) {
  switch (plan.kind) {
    case PlanKind::kValues:
      return std::make_unique<ValuesOperator>(static_cast<const ValuesPlan&>(plan), exec);
    case PlanKind::kScan:
      return operators::MakeScan(static_cast<const ScanPlan&>(plan), exec);
    case PlanKind::kVirtualScan:
      return std::make_unique<VirtualScanOperator>(static_cast<const VirtualScanPlan&>(plan), exec);
    case PlanKind::kFilter:
      return std::make_unique<FilterOperator>(static_cast<const FilterPlan&>(plan), exec);
    case PlanKind::kProject:
      return std::make_unique<ProjectOperator>(static_cast<const ProjectPlan&>(plan), exec);
    case PlanKind::kSort:
      return std::make_unique<SortOperator>(static_cast<const SortPlan&>(plan), exec);
    case PlanKind::kDistinct:
      return std::make_unique<DistinctOperator>(static_cast<const DistinctPlan&>(plan), exec);
    case PlanKind::kLimit:
      return std::make_unique<LimitOperator>(static_cast<const LimitPlan&>(plan), exec);
    case PlanKind::kAggregate:
      return operators::MakeAggregate(static_cast<const AggregatePlan&>(plan), exec);
    case PlanKind::kJoin:
      return operators::MakeJoin(static_cast<const JoinPlan&>(plan), exec);
    case PlanKind::kInsert:
      return operators::MakeInsert(static_cast<const InsertPlan&>(plan), exec);
    case PlanKind::kUpdate:
      return operators::MakeUpdate(static_cast<const UpdatePlan&>(plan), exec);
    case PlanKind::kDelete:
      return operators::MakeDelete(static_cast<const DeletePlan&>(plan), exec);
  }
  return nullptr;
}

}  // namespace isochron::sql
