// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_EXEC_SUBQUERY_H_
#define ISOCHRON_SQL_EXEC_SUBQUERY_H_

// Subqueries of expressions, and WITH queries, while one statement runs.
//
// Evaluation (binder/expr.h) never waits. An operator whose expressions hold subqueries therefore
// settles them for a row first: it evaluates, runs the subquery that evaluation found missing, and
// evaluates again until nothing is missing. So a subquery runs only where its value is wanted (a
// branch of CASE that is not taken costs nothing), and only once for equal values of what it sees
// of the row around it: a result is kept, within limits, and one that sees nothing is kept to the
// end.
//
// All of a statement reads at one timestamp, or under the locks of one transaction, before it
// writes anything: a result kept is the result that running again would give.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "sql/exec/operator.h"

namespace isochron::sql {

class Subqueries : public SubqueryValues {
 public:
  // Both outlive it.
  Subqueries(const Plan& plan, ExecContext* exec) : plan_(plan), root_(exec) {}
  ~Subqueries() override;

  absl::Status Value(const Expr& e, std::vector<Datum> args, Datum* out) override;

  // Evaluates `e` over `row` until it has all it wants. An error of the evaluation itself is left
  // to the caller's own evaluation.
  Task<absl::Status> Settle(const Expr* e, ExecContext* exec, const Row* row);
  // Forgets results of these subqueries that others need more, where there are too many.
  void Trim(const std::vector<int>& subqueries);
  // The values that a settled `e`, a comparison with a set that sees no row, compares with.
  absl::StatusOr<const std::vector<Row>*> Rows(const Expr& e, const EvalContext& eval);
  // The rows of a WITH query; runs it at the first call.
  Task<absl::StatusOr<std::shared_ptr<const Batch>>> Cte(int index);
  // Runs those that write and that nothing has read, the last one first (as PostgreSQL).
  Task<absl::Status> RunModifying();

 private:
  // What a run gave, as far as its use needs it.
  struct Result {
    Row scalar;                             // of one row; empty for none
    bool any = false;                       // it has rows
    bool has_null = false;                  // some row has a NULL
    Datum least, most;                      // of one column's values
    std::vector<Row> rows;                  // of a set, each once
    absl::flat_hash_set<std::string> keys;  // lint: no iteration
    int64_t bytes = 0;
  };
  struct State {
    std::unique_ptr<ExecContext> exec;  // of its runs
    std::vector<Datum> outer;
    absl::flat_hash_map<std::string, std::unique_ptr<Result>> results;  // lint: no iteration
    int64_t bytes = 0;
  };
  struct Wanted {
    int index = 0;
    std::string key;
    std::vector<Datum> outer;
  };

  std::string Registers(const SubPlan& sub) const;
  Result* Find(const Expr& e, const std::vector<Datum>& args);
  absl::Status Compare(const Expr& e, const std::vector<Datum>& args, const Result& result,
                       Datum* out) const;
  Task<absl::Status> Run(Wanted wanted);
  absl::Status Take(const SubPlan& sub, Row row, Result* result);
  absl::Status MakeArray(const SubPlan& sub, Result* result);
  absl::Status Charge(int64_t bytes, Result* result);

  const Plan& plan_;
  ExecContext* const root_;
  std::vector<State> states_;  // by subquery, from the first one wanted
  struct CteState {
    std::unique_ptr<ExecContext> exec;
    std::shared_ptr<const Batch> rows;  // null before it has run
    std::string registers;              // as they were when it ran
    int64_t bytes = 0;
  };
  std::vector<CteState> ctes_;  // by WITH query
  std::optional<Wanted> wanted_;
  int64_t charged_ = 0;
  uint64_t runs_ = 0;
};

// The subqueries in an operator's expressions. Empty, and without cost, for most.
class Settler {
 public:
  Settler(ExecContext* exec, const std::vector<const Expr*>& exprs);
  Settler(ExecContext* exec, const std::vector<ExprPtr>& exprs);
  Settler(ExecContext* exec, const Expr* e);  // may be null
  bool empty() const { return exprs_.empty(); }
  Task<absl::Status> Settle(const Row* row) const;

 private:
  void Add(const Expr* e);

  ExecContext* const exec_;
  std::vector<const Expr*> exprs_;  // those with subqueries
  std::vector<int> subqueries_;
};

std::vector<const Expr*> Pointers(const std::vector<ExprPtr>& exprs);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_EXEC_SUBQUERY_H_
