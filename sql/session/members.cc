// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/binder.h"
#include "sql/session/session_impl.h"
#include "sql/types/error.h"

// SELECT isochron.add_replica(group, node [, kind]), isochron.remove_replica(group, node) and
// isochron.transfer(group, node).

namespace isochron::sql {
namespace {

absl::StatusOr<txn::ReplicaChange> KindOf(const Datum& d, int position) {
  const std::string kind = d.is_null() ? "" : d.string_value();
  if (kind == "voter") return txn::ReplicaChange::kVoter;
  if (kind == "read-only") return txn::ReplicaChange::kReadOnly;
  if (kind == "witness") return txn::ReplicaChange::kWitness;
  return SqlError(sqlstate::kInvalidParameter,
                  absl::StrCat("there is no kind of replica \"", kind, "\""), position,
                  "A replica is a 'voter', a 'witness' or 'read-only'.");
}

}  // namespace

Task<SessionImpl::Result> SessionImpl::Members(Ctx ctx, const ast::Select* select, Params params,
                                               ResultSink* sink) {
  const ast::Expr& call = *select->items[0].expr;
  const std::string name = call.names[1];
  const bool add = name == "add_replica";
  if (call.args.size() != 2 && !(add && call.args.size() == 3)) {
    co_return SqlError(sqlstate::kUndefinedFunction,
                       absl::StrCat("isochron.", name, " takes a group and a node"), call.position,
                       absl::StrCat("For example, SELECT isochron.", name,
                                    "(2, 4); isochron.replicas shows groups and nodes."));
  }
  std::vector<Type> types;
  for (const TypedDatum& p : params) types.push_back(p.type);
  Scope nothing;
  Binder binder(&nothing, &types, nullptr, "isochron function");
  ExecContext exec = engine_->MakeExec(ctx);
  Plan plan;
  std::vector<Datum> args;
  for (size_t i = 0; i < call.args.size(); ++i) {
    const Type type = i < 2 ? Type::kInt8 : Type::kText;
    ISO_CO_ASSIGN_OR_RETURN(ExprPtr e, binder.BindAs(*call.args[i], type, "isochron function"));
    plan.params = types;
    ISO_CO_ASSIGN_OR_RETURN(exec.eval.params, engine_->BindParams(plan, params, settings_->time()));
    ISO_CO_RETURN_IF_ERROR(Eval(*e, exec.eval, Row(), &args.emplace_back()));
    if (i < 2 && (args[i].is_null() || args[i].int_value() <= 0)) {
      co_return SqlError(sqlstate::kInvalidParameter, "groups and nodes are numbered from 1",
                         call.position);
    }
  }
  const GroupId group(static_cast<uint64_t>(args[0].int_value()));
  const NodeId node(static_cast<uint32_t>(args[1].int_value()));
  txn::Store* store = engine_->deps().store;
  if (name == "transfer") {
    ISO_CO_RETURN_IF_ERROR(co_await store->TransferLeader(ctx, group, node));
  } else {
    txn::ReplicaChange change = add ? txn::ReplicaChange::kVoter : txn::ReplicaChange::kNone;
    if (args.size() == 3) {
      ISO_CO_ASSIGN_OR_RETURN(change, KindOf(args[2], call.position));
    }
    ISO_CO_RETURN_IF_ERROR(co_await store->ChangeReplica(ctx, group, node, change));
  }
  StatementResult result;
  result.tag = "SELECT 1";
  result.returns_rows = true;
  result.rows = 1;
  sink->OnColumns({{name, Type::kBool}});
  std::vector<Row> rows(1);
  rows[0].push_back(Datum::Bool(true));
  (void)co_await sink->OnRows(std::move(rows));
  co_return result;
}

}  // namespace isochron::sql
