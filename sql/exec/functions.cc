// SPDX-License-Identifier: Apache-2.0
//
// Functions that give rows: in FROM, and in the select list. And the registers that lateral items
// and WITH queries read.
#include <utility>

#include "common/status_macros.h"
#include "sql/exec/subquery.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

constexpr size_t kBatchRows = 512;

// Null where it gives no rows.
absl::StatusOr<std::unique_ptr<SetSource>> Open(const SetCall& call, const EvalContext& eval,
                                                const Row& row) {
  std::vector<Datum> args(call.args.size());
  for (size_t i = 0; i < args.size(); ++i) {
    ISO_RETURN_IF_ERROR(Eval(*call.args[i], eval, row, &args[i]));
    if (args[i].is_null() && call.function->signature.strict) {
      return std::unique_ptr<SetSource>();
    }
  }
  if (call.function->open_defined != nullptr) {
    return call.function->open_defined(eval, args.data(), args.size(), call.columns);
  }
  return call.function->open(eval, args.data(), args.size());
}

// Appends the next row of `source`, or as many NULLs. False at its end.
absl::StatusOr<bool> Append(std::unique_ptr<SetSource>* source, size_t width, Row* row) {
  Row values;
  bool any = false;
  if (*source != nullptr) {
    ISO_ASSIGN_OR_RETURN(any, (*source)->Next(&values));
    if (!any) *source = nullptr;
  }
  if (!any) values.clear();
  values.resize(width);
  for (Datum& d : values) row->push_back(std::move(d));
  return any;
}

class FunctionScanOperator : public Operator {
 public:
  FunctionScanOperator(const FunctionScanPlan& plan, ExecContext* exec)
      : Operator(exec), plan_(plan), settler_(exec, Exprs(plan)) {}

  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    if (!started_) {
      started_ = true;
      const Row none;
      if (!settler_.empty()) ISO_CO_RETURN_IF_ERROR(co_await settler_.Settle(&none));
      sources_.resize(plan_.parts.size());
      for (size_t i = 0; i < sources_.size(); ++i) {
        const FunctionScanPlan::Part& part = plan_.parts[i];
        if (part.scalar == nullptr) {
          ISO_CO_ASSIGN_OR_RETURN(sources_[i], Open(part.call, exec_->eval, none));
          continue;
        }
        Row row(1);
        ISO_CO_RETURN_IF_ERROR(Eval(*part.scalar, exec_->eval, none, &row[0]));
        std::vector<Row> rows;
        rows.push_back(std::move(row));
        sources_[i] = SourceOf(std::move(rows));
      }
    }
    // Nothing else in the plan may ever wait.
    if (++batches_ % 8 == 0) co_await SleepFor(exec_->executor, 0);
    ISO_CO_RETURN_IF_ERROR(Alive());
    while (out->size() < kBatchRows) {
      Row row;
      bool any = false;
      for (size_t i = 0; i < sources_.size(); ++i) {
        const size_t width =
            plan_.parts[i].scalar != nullptr ? 1 : plan_.parts[i].call.columns.size();
        bool more = false;
        ISO_CO_ASSIGN_OR_RETURN(more, Append(&sources_[i], width, &row));
        any = any || more;
      }
      if (!any) co_return false;
      ++number_;
      if (plan_.ordinality) row.push_back(Datum::Int(number_));
      out->push_back(std::move(row));
    }
    co_return true;
  }

 private:
  static std::vector<const Expr*> Exprs(const FunctionScanPlan& plan) {
    std::vector<const Expr*> out;
    for (const FunctionScanPlan::Part& part : plan.parts) {
      out.push_back(part.scalar.get());
      for (const ExprPtr& e : part.call.args) out.push_back(e.get());
    }
    return out;
  }

  const FunctionScanPlan& plan_;
  const Settler settler_;
  bool started_ = false;
  std::vector<std::unique_ptr<SetSource>> sources_;
  int64_t number_ = 0;
  uint64_t batches_ = 0;
};

class ProjectSetOperator : public Operator {
 public:
  ProjectSetOperator(const ProjectSetPlan& plan, ExecContext* exec)
      : Operator(exec),
        plan_(plan),
        settler_(exec, Exprs(plan)),
        child_(MakeOperator(*plan.child, exec)) {}

  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    if (++batches_ % 8 == 0) co_await SleepFor(exec_->executor, 0);
    ISO_CO_RETURN_IF_ERROR(Alive());
    while (out->size() < kBatchRows) {
      if (sources_.empty()) {
        if (at_ == input_.size()) {
          if (!more_) co_return false;
          input_.clear();
          at_ = 0;
          ISO_CO_ASSIGN_OR_RETURN(more_, co_await child_->Next(&input_));
          continue;
        }
        if (!settler_.empty()) ISO_CO_RETURN_IF_ERROR(co_await settler_.Settle(&input_[at_]));
        for (const SetCall& call : plan_.calls) {
          std::unique_ptr<SetSource> source;
          ISO_CO_ASSIGN_OR_RETURN(source, Open(call, exec_->eval, input_[at_]));
          sources_.push_back(std::move(source));
        }
      }
      Row row = input_[at_];
      bool any = false;
      for (size_t i = 0; i < sources_.size(); ++i) {
        const size_t field = static_cast<size_t>(plan_.calls[i].field);
        Row values;
        bool more = false;
        ISO_CO_ASSIGN_OR_RETURN(more, Append(&sources_[i], field + 1, &values));
        row.push_back(std::move(values[field]));
        any = any || more;
      }
      if (any) {
        out->push_back(std::move(row));
        continue;
      }
      sources_.clear();
      ++at_;
    }
    co_return true;
  }

 private:
  static std::vector<const Expr*> Exprs(const ProjectSetPlan& plan) {
    std::vector<const Expr*> out;
    for (const SetCall& call : plan.calls) {
      for (const ExprPtr& e : call.args) out.push_back(e.get());
    }
    return out;
  }

  const ProjectSetPlan& plan_;
  const Settler settler_;
  OperatorPtr child_;
  Batch input_;  // done up to at_
  size_t at_ = 0;
  bool more_ = true;
  std::vector<std::unique_ptr<SetSource>> sources_;  // of the row at at_
  uint64_t batches_ = 0;
};

class LetOperator : public Operator {
 public:
  LetOperator(const LetPlan& plan, ExecContext* exec) : Operator(exec), plan_(plan) {}

  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    if (child_ == nullptr) {
      ISO_CO_RETURN_IF_ERROR(SetRegisters(plan_.lets, Row(), exec_));
      child_ = MakeOperator(*plan_.child, exec_);
    }
    co_return co_await child_->Next(out);
  }

 private:
  const LetPlan& plan_;
  OperatorPtr child_;
};

}  // namespace

absl::Status SetRegisters(const std::vector<Let>& lets, const Row& row, ExecContext* exec) {
  for (const Let& let : lets) {
    Datum d;
    ISO_RETURN_IF_ERROR(Eval(*let.value, exec->eval, row, &d));
    (*exec->registers)[static_cast<size_t>(let.reg)] = std::move(d);
  }
  return absl::OkStatus();
}

namespace operators {
OperatorPtr MakeFunctionScan(const FunctionScanPlan& plan, ExecContext* exec) {
  return std::make_unique<FunctionScanOperator>(plan, exec);
}
OperatorPtr MakeProjectSet(const ProjectSetPlan& plan, ExecContext* exec) {
  return std::make_unique<ProjectSetOperator>(plan, exec);
}
OperatorPtr MakeLet(const LetPlan& plan, ExecContext* exec) {
  return std::make_unique<LetOperator>(plan, exec);
}
}  // namespace operators

}  // namespace isochron::sql
