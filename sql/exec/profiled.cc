// SPDX-License-Identifier: Apache-2.0
//
// An operator that is watched (EXPLAIN ANALYZE).
#include <utility>

#include "common/status_macros.h"
#include "sql/exec/operator.h"
#include "sql/exec/profile.h"

namespace isochron::sql {
namespace {

class ProfiledOperator : public Operator {
 public:
  ProfiledOperator(NodeProfile* profile, ExecContext* exec, OperatorPtr inner)
      : Operator(exec), profile_(profile), inner_(std::move(inner)) {
    ++profile_->loops;
  }
  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    const Micros begun = exec_->executor->MonotonicNow();
    auto more = co_await inner_->Next(out);
    const Micros took = exec_->executor->MonotonicNow() - begun;
    profile_->total_us += took;
    if (!any_) profile_->first_us += took;
    any_ = any_ || !out->empty();
    profile_->rows += static_cast<int64_t>(out->size());
    co_return more;
  }

 private:
  NodeProfile* const profile_;
  const OperatorPtr inner_;
  bool any_ = false;
};

}  // namespace

namespace operators {
OperatorPtr Watched(const PlanNode& plan, ExecContext* exec, OperatorPtr inner) {
  return std::make_unique<ProfiledOperator>(&exec->profile->nodes[&plan], exec, std::move(inner));
}
}  // namespace operators

}  // namespace isochron::sql
