// SPDX-License-Identifier: Apache-2.0
//
// Partitioned DML: an UPDATE or DELETE of more rows than one transaction takes, in transactions of
// a page of its scan each. None of them is undone when a later one fails, and a row that moves
// along the scan may be met twice: it is for statements that may run over a row again.
#include <string>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/session/engine_impl.h"
#include "sql/session/session_impl.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

// One page of one table's rows must be all that a run reads to write.
bool IsOfOneTable(const Plan& plan) {
  const PlanNode& root = *plan.root;
  if (!plan.ctes.empty() || root.child == nullptr || root.child->kind != PlanKind::kScan)
    return false;
  if (root.kind == PlanKind::kUpdate) {
    const auto& update = static_cast<const UpdatePlan&>(root);
    return !update.joined && !update.moves_key && update.returning.empty();
  }
  if (root.kind != PlanKind::kDelete) return false;
  const auto& erase = static_cast<const DeletePlan&>(root);
  return !erase.joined && erase.returning.empty();
}

absl::Status WithRows(const absl::Status& status, int64_t rows) {
  if (rows == 0) return status;
  absl::Status out(status.code(), absl::StrCat(status.message(), " (", rows,
                                               " rows had been changed by then, and stay so)"));
  status.ForEachPayload(
      [&out](absl::string_view url, const absl::Cord& value) { out.SetPayload(url, value); });
  return out;
}

}  // namespace

Task<SessionImpl::Result> SessionImpl::InPortions(Ctx ctx, PreparedPtr text,
                                                  const Prepared* statement, Params params,
                                                  ResultSink* sink) {
  Portion portion;
  int64_t rows = 0;
  for (;;) {
    ISO_CO_ASSIGN_OR_RETURN(std::shared_ptr<const Plan> plan,
                            co_await engine_->PlanNow(ctx, text, statement));
    if (!IsOfOneTable(*plan)) {
      co_return SqlError(sqlstate::kUnsupported,
                         "partitioned DML takes an UPDATE or DELETE of one table, without joins, "
                         "WITH, RETURNING and changes of the primary key",
                         -1, "SET spanner.autocommit_dml_mode = 'TRANSACTIONAL' runs any other.");
    }
    auto result = co_await Autocommit(ctx, text, statement, params, &portion, sink);
    if (!result.ok()) co_return WithRows(result.status(), rows);
    rows += result->rows;
    if (portion.more) continue;
    result->rows = rows;
    result->tag = absl::StrCat(plan->root->kind == PlanKind::kUpdate ? "UPDATE " : "DELETE ", rows);
    co_return result;
  }
}

}  // namespace isochron::sql
