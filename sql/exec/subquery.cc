// SPDX-License-Identifier: Apache-2.0
#include "sql/exec/subquery.h"

#include <utility>

#include "absl/strings/string_view.h"
#include "common/status_macros.h"
#include "sql/binder/array_functions.h"
#include "sql/catalog/row_codec.h"
#include "sql/types/array.h"
#include "sql/types/error.h"

namespace isochron::sql {
namespace {

// Results that see the row around them: kept for one subquery until they are more than this.
constexpr size_t kMostResults = 1024;
constexpr int64_t kMostResultBytes = 1 << 20;
// Runs between two times that others may use the loop.
constexpr uint64_t kRunsAtOnce = 64;

// Of what a subquery sees of the row around it: the same bytes only for the same values.
std::string KeyOf(const Datum* from, const Datum* to) {
  std::string key;
  Writer writer(&key);
  for (; from != to; ++from) WriteDatum(*from, &writer);
  return key;
}

bool HasNull(const Datum* from, const Datum* to) {
  for (; from != to; ++from) {
    if (from->is_null()) return true;
  }
  return false;
}

void CollectSubqueries(const Expr& e, std::vector<int>* out) {
  if (e.kind == ExprKind::kSubquery) out->push_back(e.index);
  for (const ExprPtr& a : e.args) CollectSubqueries(*a, out);
}

// Whether `order`, that of an operand and a value, is what `op` asks for.
bool Holds(absl::string_view op, int order) {
  if (op == "=") return order == 0;
  if (op == "<>") return order != 0;
  if (op == "<") return order < 0;
  if (op == "<=") return order <= 0;
  if (op == ">") return order > 0;
  return order >= 0;
}

// Equal; different; or neither, for NULLs. (a, b) = (c, d).
std::optional<bool> SameRow(const Datum* a, const Row& b) {
  bool unknown = false;
  for (size_t i = 0; i < b.size(); ++i) {
    if (a[i].is_null() || b[i].is_null()) {
      unknown = true;
    } else if (CompareDatums(a[i], b[i]) != 0) {
      return false;
    }
  }
  return unknown ? std::nullopt : std::optional<bool>(true);
}

}  // namespace

Subqueries::~Subqueries() { root_->ctx->memory.Release(charged_); }

absl::Status Subqueries::Charge(int64_t bytes, Result* result) {
  ISO_RETURN_IF_ERROR(root_->ctx->memory.Charge(bytes));
  charged_ += bytes;
  result->bytes += bytes;
  return absl::OkStatus();
}

// What it reads of the statement's registers.
std::string Subqueries::Registers(const SubPlan& sub) const {
  std::string out;
  if (sub.registers.empty()) return out;
  Writer writer(&out);
  for (int r : sub.registers) {
    WriteDatum((*root_->registers)[static_cast<size_t>(r)], &writer);
  }
  return out;
}

Subqueries::Result* Subqueries::Find(const Expr& e, const std::vector<Datum>& args) {
  if (states_.empty()) states_.resize(plan_.subqueries.size());
  const Datum* outer = args.data() + e.operands;
  const Datum* end = args.data() + args.size();
  std::string key = KeyOf(outer, end) + Registers(plan_.subqueries[static_cast<size_t>(e.index)]);
  auto& results = states_[static_cast<size_t>(e.index)].results;
  auto it = results.find(key);
  if (it != results.end()) return it->second.get();
  wanted_ = Wanted{e.index, std::move(key), std::vector<Datum>(outer, end)};
  return nullptr;
}

absl::Status Subqueries::Value(const Expr& e, std::vector<Datum> args, Datum* out) {
  const Result* result = Find(e, args);
  if (result == nullptr) return SqlError(sqlstate::kInternal, "a subquery that has not run");
  if (e.function != nullptr) return Compare(e, args, *result, out);
  const bool exists = plan_.subqueries[static_cast<size_t>(e.index)].use == SubqueryUse::kExists;
  const size_t column = e.value.is_null() ? 0 : static_cast<size_t>(e.value.int_value());
  *out = exists                           ? Datum::Bool(result->any)
         : column < result->scalar.size() ? result->scalar[column]
                                          : Datum::Null();
  return absl::OkStatus();
}

// ANY is true if some value passes; else NULL if one cannot be told; else false. ALL mirrors it.
absl::Status Subqueries::Compare(const Expr& e, const std::vector<Datum>& args,
                                 const Result& result, Datum* out) const {
  const absl::string_view op = e.function->name;
  const bool all = e.negated;
  *out = Datum::Bool(all);
  if (!result.any) return absl::OkStatus();
  const Datum* operand = args.data();
  const bool null_operand = HasNull(operand, operand + e.operands);
  bool decided = false;  // a value that ends it: true for ANY, false for ALL
  bool unknown = result.has_null || null_operand;
  if (e.operands > 1) {
    // Here the operator is = ANY or <> ALL: both ask whether the row is among them.
    if (!null_operand) decided = result.keys.contains(RowKey(operand, operand + e.operands));
    if (!decided && unknown) {
      unknown = false;
      for (const Row& row : result.rows) unknown = unknown || !SameRow(operand, row).has_value();
    }
  } else if (!null_operand && !result.least.is_null()) {
    if (op == "=" && !all) {
      decided = result.keys.contains(RowKey(operand, operand + 1));
    } else if (op == "<>" && all) {
      decided = result.keys.contains(RowKey(operand, operand + 1));
    } else {
      // Each of the two ends decides for all that lies between them.
      const bool low = Holds(op, CompareDatums(*operand, result.least));
      const bool high = Holds(op, CompareDatums(*operand, result.most));
      decided = all ? !(low && high) : low || high;
    }
  }
  if (decided) {
    *out = Datum::Bool(!all);
  } else if (unknown) {
    *out = Datum::Null();
  }
  return absl::OkStatus();
}

absl::Status Subqueries::Take(const SubPlan& sub, Row row, Result* result) {
  if (sub.use == SubqueryUse::kExists) {
    result->any = true;
    return absl::OkStatus();
  }
  if (sub.use == SubqueryUse::kScalar || sub.use == SubqueryUse::kRow) {
    if (result->any) {
      return SqlError(sqlstate::kCardinalityViolation,
                      "more than one row returned by a subquery used as an expression");
    }
    result->any = true;
    ISO_RETURN_IF_ERROR(Charge(RowBytes(row), result));
    result->scalar = std::move(row);
    return absl::OkStatus();
  }
  if (sub.use == SubqueryUse::kArray) {
    ISO_RETURN_IF_ERROR(Charge(RowBytes(row), result));
    result->rows.push_back(std::move(row));
    return absl::OkStatus();
  }
  result->any = true;
  const bool null = HasNull(row.data(), row.data() + row.size());
  result->has_null = result->has_null || null;
  std::string key = RowKey(row);
  if (result->keys.contains(key)) return absl::OkStatus();
  ISO_RETURN_IF_ERROR(Charge(RowBytes(row) + static_cast<int64_t>(key.size()) + 64, result));
  result->keys.insert(std::move(key));
  if (row.size() == 1 && !null) {
    if (result->least.is_null() || CompareDatums(row[0], result->least) < 0) {
      result->least = row[0];
    }
    if (result->most.is_null() || CompareDatums(row[0], result->most) > 0) result->most = row[0];
  }
  result->rows.push_back(std::move(row));
  return absl::OkStatus();
}

absl::Status Subqueries::MakeArray(const SubPlan& sub, Result* result) {
  std::vector<Datum> members;
  members.reserve(result->rows.size());
  for (Row& row : result->rows) members.push_back(std::move(row[0]));
  result->rows.clear();
  result->scalar.resize(1);
  ISO_RETURN_IF_ERROR(BuildArray(members, IsArrayType(sub.types[0]), &result->scalar[0]));
  return Charge(result->scalar[0].MemoryBytes(), result);
}

Task<absl::Status> Subqueries::Run(Wanted wanted) {
  if (++runs_ % kRunsAtOnce == 0) co_await SleepFor(root_->executor, 0);
  ISO_CO_RETURN_IF_ERROR(root_->ctx->Check(root_->executor->MonotonicNow()));
  const SubPlan& sub = plan_.subqueries[static_cast<size_t>(wanted.index)];
  State& state = states_[static_cast<size_t>(wanted.index)];
  if (state.exec == nullptr) state.exec = std::make_unique<ExecContext>(*root_);
  state.outer = std::move(wanted.outer);
  state.exec->eval.outer = &state.outer;
  auto result = std::make_unique<Result>();
  OperatorPtr source = MakeOperator(*sub.root, state.exec.get());
  for (bool more = true; more;) {
    Batch batch;
    ISO_CO_ASSIGN_OR_RETURN(more, co_await source->Next(&batch));
    for (Row& row : batch) ISO_CO_RETURN_IF_ERROR(Take(sub, std::move(row), result.get()));
    if (sub.use == SubqueryUse::kExists && result->any) break;
  }
  if (sub.use == SubqueryUse::kArray) ISO_CO_RETURN_IF_ERROR(MakeArray(sub, result.get()));
  ISO_CO_RETURN_IF_ERROR(
      Charge(static_cast<int64_t>(sizeof(Result) + wanted.key.size()), result.get()));
  state.bytes += result->bytes;
  state.results[std::move(wanted.key)] = std::move(result);
  co_return absl::OkStatus();
}

Task<absl::Status> Subqueries::Settle(const Expr* e, ExecContext* exec, const Row* row) {
  for (;;) {
    Datum unused;
    wanted_.reset();
    (void)Eval(*e, exec->eval, *row, &unused);
    if (!wanted_.has_value()) co_return absl::OkStatus();
    Wanted wanted = *std::move(wanted_);
    wanted_.reset();
    ISO_CO_RETURN_IF_ERROR(co_await Run(std::move(wanted)));
  }
}

void Subqueries::Trim(const std::vector<int>& subqueries) {
  if (states_.empty()) return;
  for (int index : subqueries) {
    State& state = states_[static_cast<size_t>(index)];
    if (!plan_.subqueries[static_cast<size_t>(index)].correlated) continue;
    if (state.results.size() <= kMostResults && state.bytes <= kMostResultBytes) continue;
    root_->ctx->memory.Release(state.bytes);
    charged_ -= state.bytes;
    state.bytes = 0;
    state.results.clear();
  }
}

absl::StatusOr<const std::vector<Row>*> Subqueries::Rows(const Expr& e, const EvalContext& eval) {
  std::vector<Datum> args(e.args.size());
  for (size_t i = 0; i < args.size(); ++i) {
    ISO_RETURN_IF_ERROR(Eval(*e.args[i], eval, Row(), &args[i]));
  }
  const Result* result = Find(e, args);
  if (result == nullptr) return SqlError(sqlstate::kInternal, "a subquery that has not run");
  return &result->rows;
}

Task<absl::StatusOr<std::shared_ptr<const Batch>>> Subqueries::Cte(int index) {
  const size_t at = static_cast<size_t>(index);
  if (ctes_.empty()) ctes_.resize(plan_.ctes.size());
  const SubPlan& sub = plan_.ctes[at];
  std::string registers = Registers(sub);
  CteState& state = ctes_[at];
  if (state.rows != nullptr && state.registers == registers) co_return state.rows;
  root_->ctx->memory.Release(state.bytes);
  charged_ -= std::exchange(state.bytes, 0);
  state.rows = nullptr;
  state.exec = std::make_unique<ExecContext>(*root_);
  OperatorPtr source = MakeOperator(*sub.root, state.exec.get());
  auto rows = std::make_shared<Batch>();
  const absl::Status drained = co_await Drain(source.get(), root_, rows.get(), &ctes_[at].bytes);
  charged_ += ctes_[at].bytes;
  ISO_CO_RETURN_IF_ERROR(drained);
  ctes_[at].rows = std::move(rows);
  ctes_[at].registers = std::move(registers);
  co_return ctes_[at].rows;
}

Task<absl::Status> Subqueries::RunModifying() {
  for (size_t i = plan_.ctes.size(); i-- > 0;) {
    if (!plan_.ctes[i].modifies) continue;
    auto rows = co_await Cte(static_cast<int>(i));
    if (!rows.ok()) co_return rows.status();
  }
  co_return absl::OkStatus();
}

Settler::Settler(ExecContext* exec, const std::vector<const Expr*>& exprs) : exec_(exec) {
  for (const Expr* e : exprs) Add(e);
}

Settler::Settler(ExecContext* exec, const std::vector<ExprPtr>& exprs) : exec_(exec) {
  for (const ExprPtr& e : exprs) Add(e.get());
}

Settler::Settler(ExecContext* exec, const Expr* e) : exec_(exec) { Add(e); }

void Settler::Add(const Expr* e) {
  if (exec_->subqueries == nullptr || e == nullptr || !HasSubquery(*e)) return;
  exprs_.push_back(e);
  CollectSubqueries(*e, &subqueries_);
}

Task<absl::Status> Settler::Settle(const Row* row) const {
  exec_->subqueries->Trim(subqueries_);
  for (const Expr* e : exprs_) {
    ISO_CO_RETURN_IF_ERROR(co_await exec_->subqueries->Settle(e, exec_, row));
  }
  co_return absl::OkStatus();
}

std::vector<const Expr*> Pointers(const std::vector<ExprPtr>& exprs) {
  std::vector<const Expr*> out;
  out.reserve(exprs.size());
  for (const ExprPtr& e : exprs) out.push_back(e.get());
  return out;
}

}  // namespace isochron::sql
