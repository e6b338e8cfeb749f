// SPDX-License-Identifier: Apache-2.0
#include "sql/exec/tablet_aggregate.h"

#include <limits>
#include <utility>

#include "common/status_macros.h"
#include "sql/binder/catalog_reader.h"
#include "sql/planner/tablets.h"
#include "sql/pushdown/reduce.h"
#include "sql/types/error.h"
#include "sql/types/numeric.h"

namespace isochron::sql {
namespace {

constexpr size_t kBatchRows = 512;

absl::Status SumOf(const Partial& p, Datum* out) {
  if (p.value.is_null()) {
    *out = numeric::FromWide(p.sum);
    return absl::OkStatus();
  }
  return numeric::Add(numeric::FromWide(p.sum), p.value, out);
}

absl::Status Whole(Finish how, const Partial& p, Datum* out) {
  if (how == Finish::kCount) {
    *out = Datum::Int(p.count);
    return absl::OkStatus();
  }
  if (p.count == 0) return absl::OkStatus();
  switch (how) {
    case Finish::kCount:
      break;
    case Finish::kBigintSum:
      if (p.sum > std::numeric_limits<int64_t>::max() ||
          p.sum < std::numeric_limits<int64_t>::min()) {
        return SqlError(sqlstate::kValueOutOfRange, "bigint out of range");
      }
      *out = Datum::Int(static_cast<int64_t>(p.sum));
      break;
    case Finish::kNumericSum:
      return SumOf(p, out);
    case Finish::kMean: {
      Datum sum;
      ISO_RETURN_IF_ERROR(SumOf(p, &sum));
      return numeric::Divide(sum, numeric::FromInt(p.count), out);
    }
    case Finish::kExtreme:
      *out = p.value;
      break;
  }
  return absl::OkStatus();
}

class TabletAggregateOperator : public Operator {
 public:
  TabletAggregateOperator(TabletAggregate work, ExecContext* exec)
      : Operator(exec),
        work_(Counted(std::move(work), exec->profile != nullptr)),
        scan_(MakeScan(*work_.scan, EncodeProgram(work_.program), exec)),
        partials_(work_.program.calls.size()) {}

  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    if (!consumed_) {
      consumed_ = true;
      for (bool more = true; more;) {
        Batch results;
        ISO_CO_ASSIGN_OR_RETURN(more, co_await scan_->Next(&results));
        for (Row& row : results) ISO_CO_RETURN_IF_ERROR(Merge(&row));
      }
      bool fresh = false;
      if (work_.program.groups.empty()) partials_.Find("", &fresh);
      if (exec_->profile != nullptr) TellMapped();
    }
    for (; at_ < partials_.groups().size() && out->size() < kBatchRows; ++at_) {
      const Partials::Group& group = partials_.groups()[at_];
      Row row;
      ISO_CO_RETURN_IF_ERROR(GroupValues(work_.program, group.key, &row));
      for (size_t i = 0; i < work_.finish.size(); ++i) {
        row.emplace_back();
        ISO_CO_RETURN_IF_ERROR(Whole(work_.finish[i], group.calls[i], &row.back()));
      }
      out->push_back(std::move(row));
    }
    co_return at_ < partials_.groups().size();
  }

 private:
  static OperatorPtr MakeScan(const ScanPlan& plan, std::string program, ExecContext* exec) {
    OperatorPtr scan = operators::MakeProgramScan(plan, std::move(program), exec);
    if (exec->profile == nullptr) return scan;
    return operators::Watched(plan, exec, std::move(scan));
  }
  // EXPLAIN ANALYZE has the tablets count rows, too.
  static TabletAggregate Counted(TabletAggregate work, bool counted) {
    if (counted) work.program.calls.emplace_back();
    return work;
  }
  void TellMapped() {
    int64_t rows = 0;
    for (const Partials::Group& group : partials_.groups()) rows += group.calls.back().count;
    exec_->profile->nodes[work_.scan].mapped = rows;
    exec_->profile->rows_read += rows;
  }

  absl::Status Merge(Row* row) {
    txn::KeyValue result{std::move((*row)[0].mutable_string()),
                         std::move((*row)[1].mutable_string())};
    bool fresh = false;
    ISO_RETURN_IF_ERROR(partials_.Merge(work_.program, result, &fresh));
    if (!fresh) return absl::OkStatus();
    return Charge(static_cast<int64_t>(2 * result.key.size() + result.value.size() +
                                       work_.finish.size() * sizeof(Partial) + 64));
  }

  const TabletAggregate work_;
  const OperatorPtr scan_;
  Partials partials_;
  bool consumed_ = false;
  size_t at_ = 0;
};

}  // namespace

bool MayUseTablets(const ExecContext& exec) {
  const SessionReader* session = exec.eval.session;
  return session == nullptr || session->Setting("isochron.pushdown").value_or("on") != "off";
}

namespace operators {

OperatorPtr MakeTabletAggregate(const AggregatePlan& plan, ExecContext* exec) {
  if (!MayUseTablets(*exec)) return nullptr;
  std::optional<TabletAggregate> work = AtTablets(plan, exec->eval);
  if (!work.has_value()) return nullptr;
  return std::make_unique<TabletAggregateOperator>(*std::move(work), exec);
}

}  // namespace operators
}  // namespace isochron::sql
