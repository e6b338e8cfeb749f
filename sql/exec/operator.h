// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_EXEC_OPERATOR_H_
#define ISOCHRON_SQL_EXEC_OPERATOR_H_

// Operators: plan nodes at work. Rows are pulled in batches; an operator suspends only where it
// waits for the store.
//
// One execution owns its operators and its ExecContext; the plan is shared and outlives both. What
// an operator keeps is charged to the request's memory account and given back when it goes.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/executor.h"
#include "common/random.h"
#include "common/request_context.h"
#include "common/sabotage.h"
#include "common/task.h"
#include "sql/binder/expr.h"
#include "sql/exec/profile.h"
#include "sql/planner/plan.h"
#include "txn/api/transaction.h"

namespace isochron::sql {

// Rows of tables that are not stored.
class VirtualTables {
 public:
  virtual ~VirtualTables() = default;
  virtual Task<absl::StatusOr<std::vector<Row>>> Rows(Ctx ctx, std::string schema, std::string name,
                                                      txn::ReadTransaction* reader) = 0;
};

class Subqueries;
using Batch = std::vector<Row>;

// What a statement writes where nothing that it reads may be of its own writing: kept apart until
// its end. Charged to the request's memory.
class DeferredWrites {
 public:
  explicit DeferredWrites(Ctx ctx) : ctx_(std::move(ctx)) {}
  ~DeferredWrites() { ctx_->memory.Release(charged_); }
  DeferredWrites(const DeferredWrites&) = delete;
  DeferredWrites& operator=(const DeferredWrites&) = delete;

  // nullopt deletes.
  absl::Status Write(const std::string& key, std::optional<std::string> value);
  const std::optional<std::string>* Find(const std::string& key) const {
    auto it = writes_.find(key);
    return it == writes_.end() ? nullptr : &it->second;
  }
  absl::Status Flush(txn::ReadWriteTransaction* writer);

 private:
  const Ctx ctx_;
  int64_t charged_ = 0;
  std::map<std::string, std::optional<std::string>> writes_;
};

// What becomes of rows of tables that foreign keys are about: looked at once the statement has
// written them (sql/session/referential.h). Charged to the request's memory.
class ReferentialNotes {
 public:
  struct Of {
    const TableDescriptor* table;
    std::vector<Row> before, after;  // side by side; without columns where a row came or went
  };
  explicit ReferentialNotes(Ctx ctx) : ctx_(std::move(ctx)) {}
  ~ReferentialNotes() { ctx_->memory.Release(charged_); }
  ReferentialNotes(const ReferentialNotes&) = delete;
  ReferentialNotes& operator=(const ReferentialNotes&) = delete;

  // Rows may be wider than the table.
  absl::Status Add(const TableDescriptor& table, const Row* before, const Row* after);
  const std::vector<Of>& tables() const { return tables_; }

 private:
  const Ctx ctx_;
  int64_t charged_ = 0;
  std::vector<Of> tables_;
};

// Of a statement that changes rows in parts, each a transaction of its own: what one run takes. It
// ends after one page of the scan whose rows it changes.
struct Portion {
  std::string from;  // the keys below were looked at; empty: none yet
  bool more = true;  // from there on something may be left
};

struct ExecContext {
  Ctx ctx;
  Executor* executor = nullptr;
  txn::ReadTransaction* reader = nullptr;
  txn::ReadWriteTransaction* writer = nullptr;  // null in a read-only transaction
  txn::Store* store = nullptr;                  // for reads beside them
  VirtualTables* virtual_tables = nullptr;
  Random* random = nullptr;
  int64_t max_value_bytes = 0;
  EvalContext eval;
  Subqueries* subqueries = nullptr;  // of the statement; null where the plan has none
  // Of the statement: what kRegister reads, what rounds of WITH RECURSIVE work on, what is written
  // at its end (null: at once).
  std::vector<Datum>* registers = nullptr;
  std::vector<std::shared_ptr<const Batch>>* work_tables = nullptr;
  DeferredWrites* deferred = nullptr;
  int64_t rows_changed = 0;    // by DML
  Portion* portion = nullptr;  // null: all in one run
  ReferentialNotes* references = nullptr;
  // Of a transaction that looks at some foreign keys at its end; else null.
  class DeferredKeys* deferred_keys = nullptr;
  int depth = 0;                // of statements that foreign keys bring about
  std::vector<UsedTable> used;  // besides the plan's
  // What names mean in a transaction that changed the schema, instead of what the catalog says.
  const std::map<std::string, TablePtr>* inside = nullptr;
  SabotageSet sabotage;
  Profile* profile = nullptr;  // EXPLAIN ANALYZE: what is measured
};

class Operator {
 public:
  explicit Operator(ExecContext* exec) : exec_(exec) {}
  virtual ~Operator() { exec_->ctx->memory.Release(charged_); }
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;

  // Fills *out, which is empty, with the next rows. False when no more follow these. A batch may be
  // empty before the end.
  virtual Task<absl::StatusOr<bool>> Next(Batch* out) = 0;

 protected:
  // RESOURCE_EXHAUSTED when the statement may hold no more.
  absl::Status Charge(int64_t bytes) {
    absl::Status s = exec_->ctx->memory.Charge(bytes);
    if (s.ok()) charged_ += bytes;
    return s;
  }
  absl::Status ChargeRow(const Row& row);
  void Release(int64_t bytes) {
    exec_->ctx->memory.Release(bytes);
    charged_ -= bytes;
  }
  absl::Status Alive() const { return exec_->ctx->Check(exec_->executor->MonotonicNow()); }

  ExecContext* const exec_;

 private:
  int64_t charged_ = 0;
};
using OperatorPtr = std::unique_ptr<Operator>;

OperatorPtr MakeOperator(const PlanNode& plan, ExecContext* exec);

// Pulls everything that `from` has into *out, charging it to `from`'s account holder.
Task<absl::Status> Drain(Operator* from, ExecContext* exec, Batch* out, int64_t* charged);

namespace operators {
// Measured for EXPLAIN ANALYZE.
OperatorPtr Watched(const PlanNode& plan, ExecContext* exec, OperatorPtr inner);
OperatorPtr MakeScan(const ScanPlan& plan, ExecContext* exec);
OperatorPtr MakeLockRows(const LockRowsPlan& plan, ExecContext* exec);
OperatorPtr MakeJoin(const JoinPlan& plan, ExecContext* exec);
OperatorPtr MakeAggregate(const AggregatePlan& plan, ExecContext* exec);
OperatorPtr MakeAppend(const AppendPlan& plan, ExecContext* exec);
OperatorPtr MakeSetOp(const SetOpPlan& plan, ExecContext* exec);
OperatorPtr MakeCteScan(const CteScanPlan& plan, ExecContext* exec);
OperatorPtr MakeLateralJoin(const JoinPlan& plan, ExecContext* exec);
OperatorPtr MakeFunctionScan(const FunctionScanPlan& plan, ExecContext* exec);
OperatorPtr MakeProjectSet(const ProjectSetPlan& plan, ExecContext* exec);
OperatorPtr MakeLet(const LetPlan& plan, ExecContext* exec);
OperatorPtr MakeWindow(const WindowPlan& plan, ExecContext* exec);
OperatorPtr MakeRecursiveUnion(const RecursiveUnionPlan& plan, ExecContext* exec);
OperatorPtr MakeWorkTable(const WorkTablePlan& plan, ExecContext* exec);
OperatorPtr MakeMerge(const MergePlan& plan, ExecContext* exec);
OperatorPtr MakeInsert(const InsertPlan& plan, ExecContext* exec);
OperatorPtr MakeUpdate(const UpdatePlan& plan, ExecContext* exec);
OperatorPtr MakeDelete(const DeletePlan& plan, ExecContext* exec);
}  // namespace operators

// Evaluates `lets` over `row` into the statement's registers.
absl::Status SetRegisters(const std::vector<Let>& lets, const Row& row, ExecContext* exec);

int64_t RowBytes(const Row& row);
// Equal for rows that are duplicates of one another.
std::string RowKey(const Row& row);
std::string RowKey(const Datum* from, const Datum* to);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_EXEC_OPERATOR_H_
