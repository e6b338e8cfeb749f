// SPDX-License-Identifier: Apache-2.0
#include "sql/exec/operator.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/catalog_reader.h"
#include "sql/catalog/layout.h"
#include "sql/catalog/row_codec.h"
#include "sql/exec/subquery.h"
#include "sql/types/array.h"
#include "sql/types/error.h"
#include "sql/types/json.h"
#include "sql/types/modifiers.h"
#include "sql/types/numeric.h"
#include "sql/types/time_datum.h"

namespace isochron::sql {

absl::Status ReferentialNotes::Add(const TableDescriptor& table, const Row* before,
                                   const Row* after) {
  if (tables_.empty() || tables_.back().table != &table) {
    auto known = std::find_if(tables_.begin(), tables_.end(),
                              [&table](const Of& of) { return of.table == &table; });
    if (known == tables_.end()) {
      tables_.push_back({&table, {}, {}});
    } else {
      std::iter_swap(known, tables_.end() - 1);
    }
  }
  const auto copy = [&table](const Row* row) {
    Row out;
    if (row == nullptr) return out;
    out.assign(row->begin(), row->begin() + static_cast<std::ptrdiff_t>(table.columns.size()));
    return out;
  };
  Of& of = tables_.back();
  of.before.push_back(copy(before));
  of.after.push_back(copy(after));
  const int64_t bytes = RowBytes(of.before.back()) + RowBytes(of.after.back());
  ISO_RETURN_IF_ERROR(ctx_->memory.Charge(bytes));
  charged_ += bytes;
  return absl::OkStatus();
}
namespace {

constexpr size_t kBatchRows = 512;

class ValuesOperator : public Operator {
 public:
  ValuesOperator(const ValuesPlan& plan, ExecContext* exec)
      : Operator(exec), plan_(plan), settler_(exec, Cells(plan, exec)) {}
  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    const Row no_input;
    while (at_ < plan_.rows.size() && out->size() < kBatchRows) {
      Row row(plan_.rows[at_].size());
      if (!settler_.empty()) {
        const Settler of_row(exec_, plan_.rows[at_]);
        if (!of_row.empty()) ISO_CO_RETURN_IF_ERROR(co_await of_row.Settle(&no_input));
      }
      for (size_t i = 0; i < row.size(); ++i) {
        ISO_CO_RETURN_IF_ERROR(Eval(*plan_.rows[at_][i], exec_->eval, no_input, &row[i]));
      }
      out->push_back(std::move(row));
      ++at_;
    }
    co_return at_ < plan_.rows.size();
  }

 private:
  static std::vector<const Expr*> Cells(const ValuesPlan& plan, ExecContext* exec) {
    std::vector<const Expr*> out;
    if (exec->subqueries == nullptr) return out;
    for (const auto& row : plan.rows) {
      for (const ExprPtr& e : row) out.push_back(e.get());
    }
    return out;
  }

  const ValuesPlan& plan_;
  const Settler settler_;
  size_t at_ = 0;
};

class VirtualScanOperator : public Operator {
 public:
  VirtualScanOperator(const VirtualScanPlan& plan, ExecContext* exec)
      : Operator(exec), plan_(plan) {}
  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    if (plan_.in_catalog) co_return NextOfCatalog(out);
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
  // The rows were read before the statement began.
  absl::StatusOr<bool> NextOfCatalog(Batch* out) {
    const CatalogReader* catalog = exec_->eval.catalog;
    if (catalog == nullptr) return SqlError(sqlstate::kInternal, "the catalog was not read");
    const std::vector<Row>& rows = catalog->Rows(plan_.schema, plan_.name);
    if (plan_.lookup == nullptr) {
      for (; at_ < rows.size() && out->size() < kBatchRows; ++at_) out->push_back(rows[at_]);
      return at_ < rows.size();
    }
    Datum wanted;
    ISO_RETURN_IF_ERROR(Eval(*plan_.lookup, exec_->eval, Row(), &wanted));
    if (wanted.is_null()) return false;
    for (size_t place : catalog->RowsWhere(plan_.schema, plan_.name,
                                           static_cast<size_t>(plan_.lookup_column), wanted)) {
      out->push_back(rows[place]);
    }
    return false;
  }

  const VirtualScanPlan& plan_;
  size_t at_ = 0;
};

class FilterOperator : public Operator {
 public:
  FilterOperator(const FilterPlan& plan, ExecContext* exec)
      : Operator(exec),
        plan_(plan),
        settler_(exec, plan.predicate.get()),
        child_(MakeOperator(*plan.child, exec)) {}
  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    auto more = co_await child_->Next(out);
    if (!more.ok()) co_return more;
    size_t kept = 0;
    for (size_t i = 0; i < out->size(); ++i) {
      bool keep = false;
      if (!settler_.empty()) ISO_CO_RETURN_IF_ERROR(co_await settler_.Settle(&(*out)[i]));
      ISO_CO_RETURN_IF_ERROR(EvalPredicate(*plan_.predicate, exec_->eval, (*out)[i], &keep));
      if (keep && kept++ != i) (*out)[kept - 1] = std::move((*out)[i]);
    }
    out->resize(kept);
    co_return more;
  }

 private:
  const FilterPlan& plan_;
  const Settler settler_;
  OperatorPtr child_;
};

class ProjectOperator : public Operator {
 public:
  ProjectOperator(const ProjectPlan& plan, ExecContext* exec)
      : Operator(exec),
        plan_(plan),
        settler_(exec, plan.exprs),
        child_(MakeOperator(*plan.child, exec)) {}
  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    auto more = co_await child_->Next(out);
    if (!more.ok()) co_return more;
    for (Row& row : *out) {
      if (!settler_.empty()) ISO_CO_RETURN_IF_ERROR(co_await settler_.Settle(&row));
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
  const Settler settler_;
  OperatorPtr child_;
};

class SortOperator : public Operator {
 public:
  SortOperator(const SortPlan& plan, ExecContext* exec)
      : Operator(exec), plan_(plan), child_(MakeOperator(*plan.child, exec)) {}
  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    ISO_CO_RETURN_IF_ERROR(Start());
    for (bool more = true; more;) {
      Batch batch;
      ISO_CO_ASSIGN_OR_RETURN(more, co_await child_->Next(&batch));
      for (Row& row : batch) {
        // Behind all that will be taken.
        if (sorted_to_ == most_ && !Before(row, (*out)[most_ - 1])) continue;
        ISO_CO_RETURN_IF_ERROR(ChargeRow(row));
        out->push_back(std::move(row));
      }
      if (out->size() / 2 >= most_) Sort(out);
    }
    Sort(out);
    co_return false;
  }

 private:
  absl::Status Start() {
    if (plan_.limit == nullptr) return absl::OkStatus();
    int64_t most = 0;
    for (const ExprPtr* e : {&plan_.limit, &plan_.offset}) {
      if (*e == nullptr) continue;
      Datum d;
      ISO_RETURN_IF_ERROR(Eval(**e, exec_->eval, Row(), &d));
      if (d.is_null() && e == &plan_.limit) return absl::OkStatus();
      if (d.is_null()) continue;
      if (d.int_value() > std::numeric_limits<int64_t>::max() - most) return absl::OkStatus();
      most += d.int_value();
    }
    if (most > 0) most_ = static_cast<size_t>(most);
    return absl::OkStatus();
  }

  bool Before(const Row& a, const Row& b) const {
    for (const SortKey& key : plan_.keys) {
      const size_t slot = static_cast<size_t>(key.slot);
      const int order = OrderDatums(a[slot], b[slot], key.descending, key.nulls_first);
      if (order != 0) return order < 0;
    }
    return false;
  }

  // And drops what will not be taken.
  void Sort(Batch* out) {
    std::stable_sort(out->begin(), out->end(),
                     [this](const Row& a, const Row& b) { return Before(a, b); });
    sorted_to_ = std::min(most_, out->size());
    int64_t bytes = 0;
    for (size_t i = sorted_to_; i < out->size(); ++i) bytes += RowBytes((*out)[i]);
    Release(bytes);
    out->resize(sorted_to_);
  }

  const SortPlan& plan_;
  size_t most_ = std::numeric_limits<size_t>::max();  // rows that are taken
  size_t sorted_to_ = 0;                              // rows in order, if not all are held
  OperatorPtr child_;
};

class DistinctOperator : public Operator {
 public:
  DistinctOperator(const DistinctPlan& plan, ExecContext* exec)
      : Operator(exec), plan_(plan), child_(MakeOperator(*plan.child, exec)) {}
  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    auto more = co_await child_->Next(out);
    if (!more.ok()) co_return more;
    size_t kept = 0;
    for (size_t i = 0; i < out->size(); ++i) {
      std::string key = plan_.on.empty() ? RowKey((*out)[i]) : RowKey(Picked((*out)[i]));
      if (seen_.contains(key)) continue;
      ISO_CO_RETURN_IF_ERROR(Charge(static_cast<int64_t>(key.size()) + 48));
      seen_.insert(std::move(key));
      if (kept++ != i) (*out)[kept - 1] = std::move((*out)[i]);
    }
    out->resize(kept);
    co_return more;
  }

 private:
  Row Picked(const Row& row) const {
    Row out;
    for (int slot : plan_.on) out.push_back(row[static_cast<size_t>(slot)]);
    return out;
  }

  const DistinctPlan& plan_;
  OperatorPtr child_;
  absl::flat_hash_set<std::string> seen_;  // lint: no iteration
};

class LimitOperator : public Operator {
 public:
  LimitOperator(const LimitPlan& plan, ExecContext* exec)
      : Operator(exec), plan_(plan), child_(MakeOperator(*plan.child, exec)) {}
  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    if (!started_) {
      const std::vector<const Expr*> both = {plan_.limit.get(), plan_.offset.get()};
      const Settler settler(exec_, both);
      const Row none;
      if (!settler.empty()) ISO_CO_RETURN_IF_ERROR(co_await settler.Settle(&none));
      ISO_CO_RETURN_IF_ERROR(Start());
    }
    if (left_ == 0 && last_.empty()) co_return false;
    auto more = co_await child_->Next(out);
    if (!more.ok()) co_return more;
    const size_t drop =
        static_cast<size_t>(std::min<int64_t>(skip_, static_cast<int64_t>(out->size())));
    out->erase(out->begin(), out->begin() + static_cast<std::ptrdiff_t>(drop));
    skip_ -= static_cast<int64_t>(drop);
    const size_t most = Most(*out);
    left_ -= std::min(left_, static_cast<int64_t>(most));
    const bool through = left_ == 0 && (!plan_.with_ties || most < out->size());
    out->resize(most);
    for (Row& row : *out) row.resize(plan_.width);
    if (through) last_.clear();
    co_return *more && !through;
  }

 private:
  // How many of these rows are within the limit, or tie with the last one that is.
  size_t Most(const Batch& rows) {
    size_t most = static_cast<size_t>(std::min(left_, static_cast<int64_t>(rows.size())));
    if (!plan_.with_ties) return most;
    if (most > 0) {
      last_.clear();
      for (const SortKey& key : plan_.ties) {
        last_.push_back(rows[most - 1][static_cast<size_t>(key.slot)]);
      }
    }
    auto ties = [this](const Row& row) {
      for (size_t i = 0; i < plan_.ties.size(); ++i) {
        const Datum& d = row[static_cast<size_t>(plan_.ties[i].slot)];
        if (OrderDatums(d, last_[i], false, false) != 0) return false;
      }
      return true;
    };
    while (most < rows.size() && !last_.empty() && ties(rows[most])) ++most;
    return most;
  }

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
  Row last_;  // with ties: what the last row within the limit is ordered by
};

}  // namespace

absl::Status DeferredWrites::Write(const std::string& key, std::optional<std::string> value) {
  const int64_t bytes = static_cast<int64_t>(key.size() + (value ? value->size() : 0)) + 96;
  ISO_RETURN_IF_ERROR(ctx_->memory.Charge(bytes));
  charged_ += bytes;
  writes_[key] = std::move(value);
  return absl::OkStatus();
}

absl::Status DeferredWrites::Flush(txn::ReadWriteTransaction* writer) {
  for (auto& [key, value] : writes_) {
    absl::Status s = value.has_value() ? writer->Put(key, *std::move(value)) : writer->Delete(key);
    if (s.code() == absl::StatusCode::kResourceExhausted) {
      return SqlError(sqlstate::kProgramLimit, s.message(), -1,
                      "Write fewer rows in one transaction.");
    }
    ISO_RETURN_IF_ERROR(s);
  }
  writes_.clear();
  return absl::OkStatus();
}

int64_t RowBytes(const Row& row) {
  int64_t bytes = sizeof(Row);
  for (const Datum& d : row) bytes += d.MemoryBytes();
  return bytes;
}

std::string RowKey(const Datum* from, const Datum* to) {
  std::string key;
  Writer writer(&key);
  for (; from != to; ++from) {
    Datum d = *from;
    if (d.shape() == Datum::Shape::kArray) {
      ArrayReader in(d.string_value());
      writer.Byte(static_cast<uint8_t>(in.dims().size()));
      for (const ArrayDimension& dim : in.dims()) {
        writer.Zigzag(dim.length);
        writer.Zigzag(dim.lower);
      }
      for (Datum element; in.Next(&element);) writer.Bytes(RowKey(&element, &element + 1));
      continue;
    }
    // Zero and NaN have several spellings, and all are equal.
    if (d.shape() == Datum::Shape::kFloat && d.float_value() == 0) d = Datum::Float(0.0);
    if (d.shape() == Datum::Shape::kFloat && std::isnan(d.float_value())) {
      d = Datum::Float(std::numeric_limits<double>::quiet_NaN());
    }
    if (d.shape() == Datum::Shape::kJsonb) d = Datum::String(JsonbGroupKey(d.string_value()));
    // A month is 30 days to whoever compares.
    if (d.shape() == Datum::Shape::kInterval) d = Datum::String(IntervalSortKey(IntervalOf(d)));
    // So have numerics, by their scale, and char(n), by the blanks at its end.
    if (d.shape() == Datum::Shape::kNumeric) {
      std::string bytes;
      numeric::AppendToKey(d, &bytes);
      d = Datum::String(std::move(bytes));
    } else if (d.shape() == Datum::Shape::kBpchar) {
      d = Datum::String(std::string(TrimmedBpchar(d.string_value())));
    }
    WriteDatum(d, &writer);
  }
  return key;
}

std::string RowKey(const Row& row) { return RowKey(row.data(), row.data() + row.size()); }

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

static OperatorPtr Make(const PlanNode& plan, ExecContext* exec);

OperatorPtr MakeOperator(const PlanNode& plan, ExecContext* exec) {
  if (exec->profile == nullptr) return Make(plan, exec);
  return operators::Watched(plan, exec, Make(plan, exec));
}

static OperatorPtr Make(const PlanNode& plan, ExecContext* exec) {
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
    case PlanKind::kLockRows:
      return operators::MakeLockRows(static_cast<const LockRowsPlan&>(plan), exec);
    case PlanKind::kLimit:
      return std::make_unique<LimitOperator>(static_cast<const LimitPlan&>(plan), exec);
    case PlanKind::kAggregate:
      return operators::MakeAggregate(static_cast<const AggregatePlan&>(plan), exec);
    case PlanKind::kJoin:
      return static_cast<const JoinPlan&>(plan).lets.empty()
                 ? operators::MakeJoin(static_cast<const JoinPlan&>(plan), exec)
                 : operators::MakeLateralJoin(static_cast<const JoinPlan&>(plan), exec);
    case PlanKind::kAppend:
      return operators::MakeAppend(static_cast<const AppendPlan&>(plan), exec);
    case PlanKind::kSetOp:
      return operators::MakeSetOp(static_cast<const SetOpPlan&>(plan), exec);
    case PlanKind::kSubqueryScan:
      return MakeOperator(*plan.child, exec);
    case PlanKind::kCteScan:
      return operators::MakeCteScan(static_cast<const CteScanPlan&>(plan), exec);
    case PlanKind::kFunctionScan:
      return operators::MakeFunctionScan(static_cast<const FunctionScanPlan&>(plan), exec);
    case PlanKind::kProjectSet:
      return operators::MakeProjectSet(static_cast<const ProjectSetPlan&>(plan), exec);
    case PlanKind::kLet:
      return operators::MakeLet(static_cast<const LetPlan&>(plan), exec);
    case PlanKind::kWindow:
      return operators::MakeWindow(static_cast<const WindowPlan&>(plan), exec);
    case PlanKind::kRecursiveUnion:
      return operators::MakeRecursiveUnion(static_cast<const RecursiveUnionPlan&>(plan), exec);
    case PlanKind::kWorkTable:
      return operators::MakeWorkTable(static_cast<const WorkTablePlan&>(plan), exec);
    case PlanKind::kMerge:
      return operators::MakeMerge(static_cast<const MergePlan&>(plan), exec);
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
