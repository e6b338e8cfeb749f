// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/binder/binder.h"
#include "sql/session/session_impl.h"
#include "sql/types/error.h"

// SELECT isochron.checksum(group, node, timestamp [, from [, to]]): what one replica holds, for
// `isochron verify`. `from` and `to` are keys in hexadecimal; the answer says which part it covers.

namespace isochron::sql {
namespace {

constexpr Type kTypes[] = {Type::kInt8, Type::kInt8, Type::kTimestamptz, Type::kText, Type::kText};

// Empty, and an empty key, for an absent one.
absl::StatusOr<std::string> KeyOf(const std::vector<Datum>& args, size_t i, int position) {
  if (args.size() <= i || args[i].is_null()) return std::string();
  const std::string& hex = args[i].string_value();
  std::string key = absl::HexStringToBytes(hex);
  if (absl::BytesToHexString(key) != hex) {
    return SqlError(sqlstate::kInvalidParameter,
                    absl::StrCat("\"", hex, "\" is not a key in small hexadecimal digits"),
                    position);
  }
  return key;
}

}  // namespace

std::vector<ColumnInfo> ChecksumColumns() {
  return {{"rows", Type::kInt8},
          {"checksum", Type::kInt8},
          {"covered_from", Type::kText},
          {"covered_to", Type::kText},
          {"more", Type::kBool}};
}

Task<SessionImpl::Result> SessionImpl::Checksum(Ctx ctx, const ast::Select* select, Params params,
                                                ResultSink* sink) {
  const ast::Expr& call = *select->items[0].expr;
  if (call.args.size() < 3 || call.args.size() > 5) {
    co_return SqlError(sqlstate::kUndefinedFunction,
                       "isochron.checksum takes a group, a node and a timestamp", call.position,
                       "For example, SELECT isochron.checksum(2, 1, now()); `isochron verify` "
                       "compares all replicas.");
  }
  std::vector<Type> types;
  for (const TypedDatum& p : params) types.push_back(p.type);
  Scope nothing;
  Binder binder(&nothing, &types, nullptr, "isochron function");
  ExecContext exec = engine_->MakeExec(ctx);
  ISO_CO_ASSIGN_OR_RETURN(const Timestamp now, engine_->SqlNow());
  exec.eval.SetNow(now, settings_->time());
  Plan plan;
  std::vector<Datum> args;
  for (size_t i = 0; i < call.args.size(); ++i) {
    ISO_CO_ASSIGN_OR_RETURN(ExprPtr e,
                            binder.BindAs(*call.args[i], kTypes[i], "isochron function"));
    plan.params = types;
    ISO_CO_ASSIGN_OR_RETURN(exec.eval.params, engine_->BindParams(plan, params, settings_->time()));
    ISO_CO_RETURN_IF_ERROR(Eval(*e, exec.eval, Row(), &args.emplace_back()));
    if (i < 3 && (args[i].is_null() || args[i].int_value() <= 0)) {
      co_return SqlError(sqlstate::kInvalidParameter,
                         "groups and nodes are numbered from 1, and a timestamp is needed",
                         call.position);
    }
  }
  KeyRange span;
  ISO_CO_ASSIGN_OR_RETURN(span.start, KeyOf(args, 3, call.position));
  ISO_CO_ASSIGN_OR_RETURN(span.end, KeyOf(args, 4, call.position));
  ReplicaChecksums* checksums = engine_->deps().checksums;
  if (checksums == nullptr) {
    co_return SqlError(sqlstate::kUnsupported, "there are no replicas here", call.position);
  }
  ISO_CO_ASSIGN_OR_RETURN(
      const ReplicaChecksum sum,
      co_await checksums->Checksum(ctx, GroupId(static_cast<uint64_t>(args[0].int_value())),
                                   NodeId(static_cast<uint32_t>(args[1].int_value())),
                                   Timestamp(args[2].int_value()), std::move(span)));
  StatementResult result;
  result.tag = "SELECT 1";
  result.returns_rows = true;
  result.rows = 1;
  sink->OnColumns(ChecksumColumns());
  std::vector<Row> rows(1);
  rows[0] = {Datum::Int(static_cast<int64_t>(sum.rows)), Datum::Int(sum.checksum),
             Datum::String(absl::BytesToHexString(sum.covered.start)),
             Datum::String(absl::BytesToHexString(sum.covered.end)), Datum::Bool(sum.more)};
  (void)co_await sink->OnRows(std::move(rows));
  co_return result;
}

}  // namespace isochron::sql
