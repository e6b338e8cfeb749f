// SPDX-License-Identifier: Apache-2.0
#include "sql/session/cursor.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace isochron::sql {
namespace {

// A cursor that does not say whether it scrolls keeps so much of what it has shown.
constexpr int64_t kHistoryBytes = 1 << 20;
constexpr size_t kBatchRows = 256;

// The cursor's request works for another one for a scope: its deadline, its cancelling, and what
// the time went to.
class Lend {
 public:
  Lend(Ctx mine, Ctx to) : mine_(std::move(mine)), to_(std::move(to)) {
    if (mine_ == to_) return;
    mine_->set_deadline_us(to_->deadline_us());
    mine_->lock_timeout_us = to_->lock_timeout_us;
    before_ = mine_->latency;
    id_ = to_->OnCancel([ctx = mine_] { ctx->Cancel(); });
  }
  ~Lend() {
    if (mine_ == to_) return;
    to_->RemoveOnCancel(id_);
    to_->latency.Add(Difference(mine_->latency, before_));
  }
  Lend(const Lend&) = delete;
  Lend& operator=(const Lend&) = delete;

 private:
  const Ctx mine_, to_;
  LatencyAccount before_;
  uint64_t id_ = 0;
};

}  // namespace

PlanRun::PlanRun(EngineImpl* engine, std::shared_ptr<const Plan> plan, ExecContext exec)
    : engine_(engine),
      plan_(std::move(plan)),
      exec_(std::move(exec)),
      registers_(static_cast<size_t>(plan_->registers)),
      work_tables_(static_cast<size_t>(plan_->work_tables)),
      subqueries_(*plan_, &exec_) {
  exec_.registers = &registers_;
  exec_.eval.registers = &registers_;
  exec_.work_tables = &work_tables_;
  if (!plan_->subqueries.empty() || !plan_->ctes.empty()) {
    exec_.subqueries = &subqueries_;
    exec_.eval.subqueries = &subqueries_;
  }
}

Task<absl::Status> PlanRun::Start() {
  if (plan_->uses_catalog) {
    ISO_CO_ASSIGN_OR_RETURN(catalog_, co_await engine_->ReadCatalog(&exec_));
    exec_.eval.catalog = catalog_.get();
  }
  root_ = MakeOperator(*plan_->root, &exec_);
  co_return absl::OkStatus();
}

// Rows on their way, some at a time.
class Cursor::Outbox {
 public:
  explicit Outbox(ResultSink* sink) : sink_(sink) {}
  Task<absl::Status> Add(const Row& row) {
    if (sink_ == nullptr) co_return absl::OkStatus();
    rows_.push_back(row);
    if (rows_.size() < kBatchRows) co_return absl::OkStatus();
    co_return co_await Send();
  }
  Task<absl::Status> Send() {
    if (rows_.empty()) co_return absl::OkStatus();
    if (co_await sink_->OnRows(std::exchange(rows_, {}))) co_return absl::OkStatus();
    co_return absl::CancelledError("the client stopped reading");
  }

 private:
  ResultSink* const sink_;
  std::vector<Row> rows_;
};

Cursor::~Cursor() {
  run_.reset();
  ctx_->memory.Release(charged_);
}

void Cursor::Fill(std::vector<Row> rows, int64_t charged) {
  for (Row& row : rows) rows_.push_back(std::move(row));
  charged_ += charged;
}

Task<absl::Status> Cursor::Pull() {
  Batch batch;
  auto more = co_await run_->Next(&batch);
  absl::Status status = more.status();
  for (size_t i = 0; i < batch.size() && status.ok(); ++i) {
    const int64_t bytes = RowBytes(batch[i]);
    status = ctx_->memory.Charge(bytes);
    if (!status.ok()) break;
    charged_ += bytes;
    rows_.push_back(std::move(batch[i]));
  }
  if (!status.ok()) {
    failed_ = true;
    run_.reset();
    co_return status;
  }
  if (!*more) run_.reset();
  co_return absl::OkStatus();
}

Task<absl::StatusOr<bool>> Cursor::Reach(int64_t row) {
  while (run_ != nullptr && total() < row) ISO_CO_RETURN_IF_ERROR(co_await Pull());
  co_return total() >= row;
}

Task<absl::Status> Cursor::Finish(Ctx ctx) {
  Lend lend(ctx_, ctx);
  while (run_ != nullptr) ISO_CO_RETURN_IF_ERROR(co_await Pull());
  co_return absl::OkStatus();
}

absl::Status Cursor::CheckBack(int64_t to) const {
  const bool gone = to == 0 ? gone_ > 0 : to <= gone_;
  if (!about_.no_scroll && !gone) return absl::OkStatus();
  return SqlError(sqlstate::kNotInPrerequisiteState, "cursor can only scan forward", -1,
                  "Declare it with SCROLL option to enable backward scan.");
}

void Cursor::Trim() {
  const bool keeps = about_.scroll || (!about_.no_scroll && charged_ <= kHistoryBytes);
  // A held one may be put back by a replay.
  if (keeps || (about_.hold && run_ == nullptr)) return;
  while (!rows_.empty() && gone_ + 1 < position_) {
    const int64_t bytes = RowBytes(rows_.front());
    ctx_->memory.Release(bytes);
    charged_ -= bytes;
    rows_.pop_front();
    ++gone_;
  }
}

Task<absl::StatusOr<int64_t>> Cursor::Forward(int64_t count, Outbox* out) {
  int64_t done = 0;
  while (done < count) {
    ISO_CO_ASSIGN_OR_RETURN(const bool there, co_await Reach(position_ + 1));
    if (!there) {
      position_ = total() + 1;
      break;
    }
    ++position_;
    ++done;
    ISO_CO_RETURN_IF_ERROR(co_await out->Add(at(position_)));
    Trim();
  }
  co_return done;
}

Task<absl::StatusOr<int64_t>> Cursor::Backward(int64_t count, Outbox* out) {
  int64_t done = 0;
  while (done < count && position_ > 0) {
    ISO_CO_RETURN_IF_ERROR(CheckBack(position_ - 1));
    if (--position_ == 0) break;
    ++done;
    ISO_CO_RETURN_IF_ERROR(co_await out->Add(at(position_)));
  }
  co_return done;
}

Task<absl::StatusOr<int64_t>> Cursor::Absolute(int64_t row, Outbox* out) {
  row = std::max<int64_t>(row, 0);
  if (row <= position_ && position_ > 0) {
    ISO_CO_RETURN_IF_ERROR(CheckBack(row));
    position_ = row;
  } else {
    // Rows that are passed over are let go.
    while (position_ + 1 < row) {
      ISO_CO_ASSIGN_OR_RETURN(const bool there, co_await Reach(position_ + 1));
      if (!there) break;
      ++position_;
      Trim();
    }
    ISO_CO_ASSIGN_OR_RETURN(const bool there, co_await Reach(row));
    position_ = there ? row : total() + 1;
  }
  if (position_ < 1 || position_ > total()) co_return 0;
  ISO_CO_RETURN_IF_ERROR(co_await out->Add(at(position_)));
  Trim();
  co_return 1;
}

Task<absl::StatusOr<int64_t>> Cursor::Move(ast::FetchDirection direction, int64_t count,
                                           Outbox* out) {
  constexpr int64_t kAll = ast::FetchCursor::kAll;
  switch (direction) {
    case ast::FetchDirection::kForward:
    case ast::FetchDirection::kBackward: {
      // The same row again.
      if (count == 0) {
        if (position_ == 0 || (run_ == nullptr && position_ > total())) co_return 0;
        co_return co_await Absolute(position_, out);
      }
      const bool forward = (direction == ast::FetchDirection::kForward) == (count > 0);
      const int64_t n = count == kAll ? kAll : std::abs(std::max(count, -kAll));
      if (forward) co_return co_await Forward(n, out);
      co_return co_await Backward(n, out);
    }
    case ast::FetchDirection::kRelative:
      if (count == 0) co_return co_await Move(ast::FetchDirection::kForward, 0, out);
      co_return co_await Absolute(count > kAll - position_ ? kAll : position_ + count, out);
    case ast::FetchDirection::kAbsolute:
      break;
  }
  if (count >= 0) co_return co_await Absolute(count, out);
  // From the end.
  while (run_ != nullptr) ISO_CO_RETURN_IF_ERROR(co_await Pull());
  const int64_t before = position_;
  position_ = total() + 1;
  auto result = co_await Absolute(total() + 1 + count, out);
  if (!result.ok()) position_ = before;
  co_return result;
}

Task<absl::StatusOr<int64_t>> Cursor::Fetch(Ctx ctx, ast::FetchDirection direction, int64_t count,
                                            ResultSink* sink) {
  if (failed_) {
    co_return SqlError(sqlstate::kNotInPrerequisiteState,
                       absl::StrCat("portal \"", about_.name, "\" cannot be run"));
  }
  Lend lend(ctx_, ctx);
  Outbox out(sink);
  auto moved = co_await Move(direction, count, &out);
  ISO_CO_RETURN_IF_ERROR(moved.status());
  ISO_CO_RETURN_IF_ERROR(co_await out.Send());
  co_return moved;
}

absl::StatusOr<std::shared_ptr<Cursor>> FindCursor(const Cursors& cursors, const Cursors& held,
                                                   const std::string& name) {
  if (auto it = cursors.find(name); it != cursors.end()) return it->second;
  if (auto it = held.find(name); it != held.end()) return it->second;
  return SqlError("34000", absl::StrCat("cursor \"", name, "\" does not exist"));
}

Task<absl::StatusOr<StatementResult>> FetchFrom(Ctx ctx, std::shared_ptr<Cursor> cursor,
                                                const ast::FetchCursor* fetch, ResultSink* sink) {
  StatementResult result;
  if (!fetch->move) {
    if (cursor->about().binary) sink->UseBinary();
    sink->OnColumns(cursor->columns());
  }
  ISO_CO_ASSIGN_OR_RETURN(result.rows,
                          co_await cursor->Fetch(std::move(ctx), fetch->direction, fetch->count,
                                                 fetch->move ? nullptr : sink));
  result.returns_rows = !fetch->move;
  result.tag = absl::StrCat(fetch->move ? "MOVE " : "FETCH ", result.rows);
  co_return result;
}

}  // namespace isochron::sql
