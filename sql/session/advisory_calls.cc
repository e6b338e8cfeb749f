// SPDX-License-Identifier: Apache-2.0
//
// SELECT pg_advisory_lock(...) and its kin. They are statements of the session, not of its
// transaction: a replay does not run them again.
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/session/session_impl.h"

namespace isochron::sql {
namespace {

enum class Action : uint8_t { kLock, kTry, kUnlock, kUnlockAll };
struct AdvisoryCall {
  const char* name;
  Action action;
  bool shared;
  bool of_transaction;
};
constexpr AdvisoryCall kCalls[] = {
    {"pg_advisory_lock", Action::kLock, false, false},
    {"pg_advisory_lock_shared", Action::kLock, true, false},
    {"pg_advisory_xact_lock", Action::kLock, false, true},
    {"pg_advisory_xact_lock_shared", Action::kLock, true, true},
    {"pg_try_advisory_lock", Action::kTry, false, false},
    {"pg_try_advisory_lock_shared", Action::kTry, true, false},
    {"pg_try_advisory_xact_lock", Action::kTry, false, true},
    {"pg_try_advisory_xact_lock_shared", Action::kTry, true, true},
    {"pg_advisory_unlock", Action::kUnlock, false, false},
    {"pg_advisory_unlock_shared", Action::kUnlock, true, false},
    {"pg_advisory_unlock_all", Action::kUnlockAll, false, false},
};

const AdvisoryCall* Find(const ast::Expr& e) {
  const bool named = e.kind == ast::ExprKind::kFunc && !e.names.empty() && e.names.size() <= 2 &&
                     (e.names.size() == 1 || e.names[0] == "pg_catalog");
  if (!named) return nullptr;
  for (const AdvisoryCall& call : kCalls) {
    if (e.names.back() == call.name) return &call;
  }
  return nullptr;
}

bool Tells(const AdvisoryCall& call) {
  return call.action == Action::kTry || call.action == Action::kUnlock;
}

absl::Status WrongArguments(const ast::Expr& call) {
  return SqlError(sqlstate::kUndefinedFunction,
                  absl::StrCat("function ", call.names.back(), " does not take ", call.args.size(),
                               " arguments"),
                  call.position, "The key is one bigint, or two integers.");
}

}  // namespace

bool IsAdvisoryCall(const ast::Select& s) {
  if (!s.ctes.empty() || !s.from.empty() || s.where != nullptr || s.items.empty() || s.distinct ||
      s.limit != nullptr || !s.group_by.empty() || s.having != nullptr || !s.values.empty() ||
      s.first != nullptr) {
    return false;
  }
  for (const ast::SelectItem& item : s.items) {
    if (item.expr == nullptr || Find(*item.expr) == nullptr) return false;
  }
  return true;
}

std::vector<ColumnInfo> AdvisoryColumns(const ast::Select& s) {
  std::vector<ColumnInfo> out;
  for (const ast::SelectItem& item : s.items) {
    const AdvisoryCall* call = Find(*item.expr);
    // What PostgreSQL has as void is an empty text.
    out.push_back(
        {item.alias.empty() ? call->name : item.alias, Tells(*call) ? Type::kBool : Type::kText});
  }
  return out;
}

absl::StatusOr<AdvisoryKey> SessionImpl::AdvisoryKeyOf(Ctx ctx, const ast::Expr& call,
                                                       const Params& params,
                                                       std::vector<Type>* types) {
  if (call.args.empty() || call.args.size() > 2) return WrongArguments(call);
  Scope nothing;
  Binder binder(&nothing, types, nullptr, "an advisory lock");
  AdvisoryKey key;
  key.pair = call.args.size() == 2;
  for (size_t i = 0; i < call.args.size(); ++i) {
    const Type type = key.pair ? Type::kInt4 : Type::kInt8;
    ISO_ASSIGN_OR_RETURN(ExprPtr e, binder.BindAs(*call.args[i], type, call.names.back().c_str()));
    if (params.empty() && !types->empty()) continue;  // only described
    Plan plan;
    plan.params = *types;
    ExecContext exec = engine_->MakeExec(ctx);
    exec.eval.session = settings_.get();
    ISO_ASSIGN_OR_RETURN(const Timestamp now, engine_->SqlNow());
    exec.eval.SetNow(now, settings_->time());
    ISO_ASSIGN_OR_RETURN(exec.eval.params, engine_->BindParams(plan, params, settings_->time()));
    Datum d;
    ISO_RETURN_IF_ERROR(Eval(*e, exec.eval, Row(), &d));
    if (d.is_null()) {
      return SqlError(sqlstate::kInvalidParameter, "the key of an advisory lock is NULL",
                      call.position);
    }
    (i == 0 ? key.a : key.b) = d.int_value();
  }
  return key;
}

Task<SessionImpl::Result> SessionImpl::Advisory(Ctx ctx, const ast::Select* select, Params params,
                                                ResultSink* sink) {
  AdvisoryLocks& locks = engine_->advisory();
  std::vector<Type> types;
  for (const TypedDatum& p : params) types.push_back(p.type);
  StatementResult result;
  std::vector<Row> rows(1);
  for (const ast::SelectItem& item : select->items) {
    const AdvisoryCall& call = *Find(*item.expr);
    if (call.action == Action::kUnlockAll) {
      ISO_CO_RETURN_IF_ERROR(co_await locks.UnlockAll(ctx, id_));
      rows[0].push_back(Datum::String(""));
      continue;
    }
    ISO_CO_ASSIGN_OR_RETURN(const AdvisoryKey key, AdvisoryKeyOf(ctx, *item.expr, params, &types));
    bool done = true;
    if (call.action == Action::kUnlock) {
      ISO_CO_ASSIGN_OR_RETURN(done, co_await locks.Unlock(ctx, id_, key, call.shared));
      if (!done) {
        result.notices.push_back({"WARNING", "01000",
                                  absl::StrCat("you don't own a lock of type ",
                                               call.shared ? "ShareLock" : "ExclusiveLock")});
      }
    } else {
      ISO_CO_ASSIGN_OR_RETURN(done,
                              co_await locks.Lock(ctx, id_, key, call.shared, call.of_transaction,
                                                  call.action == Action::kLock));
    }
    rows[0].push_back(Tells(call) ? Datum::Bool(done) : Datum::String(""));
  }
  if (transaction_ == nullptr) ISO_CO_RETURN_IF_ERROR(co_await locks.EndTransaction(ctx, id_));
  result.tag = "SELECT 1";
  result.returns_rows = true;
  result.rows = 1;
  sink->OnColumns(AdvisoryColumns(*select));
  if (!co_await sink->OnRows(std::move(rows))) co_return absl::CancelledError("the client left");
  co_return result;
}

}  // namespace isochron::sql
