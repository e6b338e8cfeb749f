// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_SESSION_CURSOR_H_
#define ISOCHRON_SQL_SESSION_CURSOR_H_

// Cursors: a query half way, of DECLARE and of a portal of the protocol that is read in parts.
//
// A cursor pulls its rows from the store as they are asked for, so a result of any size takes the
// memory of a batch. It does so within its transaction, under the transaction's locks or at its
// timestamp, and only until the transaction writes: what it has not read by then is taken into
// memory first (Finish), so that it never meets a later write, and no iterator stands over a write
// buffer that changes. In memory is also all of a cursor WITH HOLD, from the commit on; and what a
// SCROLL cursor has shown. One that says neither SCROLL nor NO SCROLL keeps its first rows, up to
// 1 MiB, and goes backward while it has them all. The memory is that of the request that opened it.
//
// Replays: cursors belong to an attempt of their transaction; DECLARE, FETCH, MOVE and CLOSE are
// statements of its log and run again like others. A held one is put back to where it stood.
// Loop-thread only.

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sql/exec/operator.h"
#include "sql/exec/subquery.h"
#include "sql/parser/ast_session.h"
#include "sql/session/engine_impl.h"

namespace isochron::sql {

// One execution of a plan, pulled. Owns all that its operators refer to.
class PlanRun {
 public:
  PlanRun(EngineImpl* engine, std::shared_ptr<const Plan> plan, ExecContext exec);
  // Reads the catalog where the plan asks it.
  Task<absl::Status> Start();
  // As Operator::Next.
  Task<absl::StatusOr<bool>> Next(Batch* out) { return root_->Next(out); }
  const Ctx& ctx() const { return exec_.ctx; }
  const Plan& plan() const { return *plan_; }

 private:
  EngineImpl* const engine_;
  const std::shared_ptr<const Plan> plan_;
  ExecContext exec_;
  std::vector<Datum> registers_;
  std::vector<std::shared_ptr<const Batch>> work_tables_;
  Subqueries subqueries_;
  std::unique_ptr<CatalogReader> catalog_;
  OperatorPtr root_;
};

class Cursor {
 public:
  struct About {
    std::string name;
    std::string sql;  // the whole of DECLARE
    bool binary = false, hold = false, scroll = false, no_scroll = false;
    Timestamp made;
  };
  // `ctx` is the request that opens it; rows are charged to it.
  Cursor(About about, Ctx ctx, std::vector<ColumnInfo> columns, std::unique_ptr<PlanRun> run)
      : about_(std::move(about)),
        ctx_(std::move(ctx)),
        columns_(std::move(columns)),
        run_(std::move(run)) {}
  ~Cursor();

  // Moves, and passes the rows on its way to `sink` (null: nowhere). How many that are. 55000 for a
  // way back to rows that are gone, or after an error; 53200 where rows to be kept are too many.
  Task<absl::StatusOr<int64_t>> Fetch(Ctx ctx, ast::FetchDirection direction, int64_t count,
                                      ResultSink* sink);
  // Takes in all rows that are left: from then on it asks nothing of its transaction.
  Task<absl::Status> Finish(Ctx ctx);
  // Rows that were read elsewhere, charged to its request by the caller.
  void Fill(std::vector<Row> rows, int64_t charged);
  bool streams() const { return run_ != nullptr; }

  const About& about() const { return about_; }
  const std::vector<ColumnInfo>& columns() const { return columns_; }
  int64_t position() const { return position_; }
  // Of one that has finished.
  void set_position(int64_t position) { position_ = position; }

 private:
  class Outbox;
  // Whether there is a row of that number; reads on until there is.
  Task<absl::StatusOr<bool>> Reach(int64_t row);
  Task<absl::Status> Pull();
  absl::Status CheckBack(int64_t to) const;
  int64_t total() const { return gone_ + static_cast<int64_t>(rows_.size()); }
  const Row& at(int64_t row) const { return rows_[static_cast<size_t>(row - gone_ - 1)]; }
  // Lets go of rows that will not be asked for again.
  void Trim();
  Task<absl::StatusOr<int64_t>> Forward(int64_t count, Outbox* out);
  Task<absl::StatusOr<int64_t>> Backward(int64_t count, Outbox* out);
  Task<absl::StatusOr<int64_t>> Absolute(int64_t row, Outbox* out);
  Task<absl::StatusOr<int64_t>> Move(ast::FetchDirection direction, int64_t count, Outbox* out);

  const About about_;
  const Ctx ctx_;
  const std::vector<ColumnInfo> columns_;
  std::unique_ptr<PlanRun> run_;  // while it has more to give
  std::deque<Row> rows_;          // from number gone_ + 1 on
  int64_t gone_ = 0;
  int64_t position_ = 0;  // of the current row: 0 before the first, total() + 1 behind the last
  int64_t charged_ = 0;
  bool failed_ = false;
};

// By name.
using Cursors = std::map<std::string, std::shared_ptr<Cursor>>;

// 34000.
absl::StatusOr<std::shared_ptr<Cursor>> FindCursor(const Cursors& cursors, const Cursors& held,
                                                   const std::string& name);
// Rows to the sink, the tag and count into the result.
Task<absl::StatusOr<StatementResult>> FetchFrom(Ctx ctx, std::shared_ptr<Cursor> cursor,
                                                const ast::FetchCursor* fetch, ResultSink* sink);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_SESSION_CURSOR_H_
