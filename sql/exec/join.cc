// SPDX-License-Identifier: Apache-2.0
//
// Joins by hash, and by lookup. One side's rows are held, by key; those of the other pass by. Which
// side is held is found out: batches are taken in from either until one has no more, and that one,
// the smaller one, is held. So no statistics are needed, and memory goes with the smaller side. Of
// rows that are held only those columns are kept that something looks at.
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "common/status_macros.h"
#include "sql/catalog/row_codec.h"
#include "sql/exec/subquery.h"

namespace isochron::sql {
namespace {

class JoinOperator : public Operator {
 public:
  JoinOperator(const JoinPlan& plan, ExecContext* exec)
      : Operator(exec),
        plan_(plan),
        settler_(exec, plan.condition.get()),
        each_(exec, plan.each.get()),
        left_(MakeOperator(*plan.child, exec), plan.left_keys, plan.left_kept, plan.left_width,
              plan.left_outer),
        right_(MakeOperator(*plan.right, exec), plan.right_keys, plan.right_kept, plan.right_width,
               plan.right_outer) {}
  ~JoinOperator() override { exec_->ctx->memory.Release(left_.bytes + right_.bytes); }

  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    if (build_ == nullptr) {
      if (!one_by_one_) ISO_CO_RETURN_IF_ERROR(co_await TakeIn());
      if (one_by_one_) co_return co_await OneByOne(out);
      if (Tracks()) {
        ISO_CO_RETURN_IF_ERROR(Charge(static_cast<int64_t>(build_->held.size() / 8)));
        build_matched_.resize(build_->held.size());
        open_ = build_->held.size();
      }
      ISO_CO_RETURN_IF_ERROR(co_await Index());
    }
    // A join may yield far more than it is given: it stops after a while, and lets others run.
    if (at_ < batch_.size()) co_await SleepFor(exec_->executor, 0);
    ISO_CO_RETURN_IF_ERROR(Alive());
    if (at_ == batch_.size() && Through()) co_return Lonely(out);
    if (at_ == batch_.size()) ISO_CO_RETURN_IF_ERROR(co_await NextBatch());
    ISO_CO_RETURN_IF_ERROR(settler_.empty() ? MatchBatch(out) : co_await MatchSettled(out));
    co_return at_ < batch_.size() || !Through() || Tracks();
  }

 private:
  struct Side {
    Side(OperatorPtr op, const std::vector<ExprPtr>& k, const std::vector<int>& which, size_t w,
         bool o)
        : source(std::move(op)), keys(k), kept(which), width(w), outer(o) {}
    OperatorPtr source;
    const std::vector<ExprPtr>& keys;
    const std::vector<int>& kept;
    const size_t width;
    const bool outer;   // its rows come even if nothing matches them
    Batch held;         // of each row the columns kept
    int64_t bytes = 0;  // of these, charged
    bool more = true;
  };

  bool semi() const { return plan_.semi != JoinPlan::Semi::kNone; }
  // Whether held rows come, or do not, for what matched them.
  bool Tracks() const { return build_->outer || (semi() && build_ == &left_); }

  bool Prunes(const Side& side) const { return plan_.pruned && side.kept.size() < side.width; }

  absl::Status Hold(Row row, Side* side) const {
    if (Prunes(*side)) {
      Row some;
      some.reserve(side->kept.size());
      for (int slot : side->kept) some.push_back(std::move(row[static_cast<size_t>(slot)]));
      row = std::move(some);
    }
    const int64_t bytes = RowBytes(row);
    ISO_RETURN_IF_ERROR(exec_->ctx->memory.Charge(bytes));
    side->bytes += bytes;
    side->held.push_back(std::move(row));
    return absl::OkStatus();
  }

  // The whole row again; NULL for what nothing looks at.
  Row Whole(const Side& side, Row held) const {
    if (!Prunes(side)) return held;
    Row row(side.width);
    for (size_t i = 0; i < side.kept.size(); ++i) {
      row[static_cast<size_t>(side.kept[i])] = std::move(held[i]);
    }
    return row;
  }

  Task<absl::Status> Pull(Side* side) {
    Batch batch;
    ISO_CO_ASSIGN_OR_RETURN(side->more, co_await side->source->Next(&batch));
    for (Row& row : batch) ISO_CO_RETURN_IF_ERROR(Hold(std::move(row), side));
    co_return Alive();
  }

  // Rows of one side, all of them; and of the other, what was needed to choose.
  Task<absl::Status> TakeIn() {
    if (plan_.each != nullptr) {
      while (left_.more && left_.held.size() <= kMostLookups) {
        ISO_CO_RETURN_IF_ERROR(co_await Pull(&left_));
      }
      one_by_one_ = !left_.more;
      if (one_by_one_) co_return absl::OkStatus();
    }
    if (plan_.lookup != JoinPlan::Lookup::kNone) {
      const bool right = plan_.lookup == JoinPlan::Lookup::kRight;
      Side* few = right ? &left_ : &right_;
      Side* looked_up = right ? &right_ : &left_;
      while (few->more && few->held.size() <= kMostLookups) {
        ISO_CO_RETURN_IF_ERROR(co_await Pull(few));
      }
      if (!few->more) {
        ISO_CO_RETURN_IF_ERROR(
            co_await LookUp(right ? *plan_.right : *plan_.child, *few, looked_up));
        build_ = &right_;
        probe_ = &left_;
        co_return absl::OkStatus();
      }
    }
    if (semi() && left_.held.empty()) ISO_CO_RETURN_IF_ERROR(co_await Pull(&left_));
    while (left_.more && right_.more) {
      ISO_CO_RETURN_IF_ERROR(co_await Pull(left_.bytes < right_.bytes ? &left_ : &right_));
    }
    build_ = right_.more ? &left_ : &right_;
    probe_ = right_.more ? &right_ : &left_;
    co_return absl::OkStatus();
  }

  // Reads the rows of `side`, those of a scan, whose keys are values over the rows of the other.
  Task<absl::Status> LookUp(const PlanNode& plan, const Side& others, Side* side) {
    const auto& scan = static_cast<const ScanPlan&>(plan);
    const TableDescriptor& table = *scan.table;
    side->more = false;
    std::vector<std::string> wanted;
    for (const Row& held : others.held) {
      const Row row = Whole(others, held);
      std::string key = RowPrefix(table);
      bool null = false;
      for (size_t i = 0; i < plan_.lookup_keys.size() && !null; ++i) {
        Datum d;
        const Expr& e = *others.keys[static_cast<size_t>(plan_.lookup_keys[i])];
        ISO_CO_RETURN_IF_ERROR(Eval(e, exec_->eval, row, &d));
        null = d.is_null();
        if (!null) AppendKeyPart(e.type, d, &key);
      }
      if (!null) wanted.push_back(std::move(key));
    }
    std::sort(wanted.begin(), wanted.end());
    wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
    const auto lock = scan.exclusive ? txn::LockMode::kExclusive : txn::LockMode::kShared;
    for (size_t from = 0; from < wanted.size(); from += kKeysAtOnce) {
      const size_t to = std::min(wanted.size(), from + kKeysAtOnce);
      ISO_CO_RETURN_IF_ERROR(Alive());
      auto values = co_await exec_->reader->MultiGet(
          exec_->ctx,
          std::vector<std::string>(wanted.begin() + static_cast<std::ptrdiff_t>(from),
                                   wanted.begin() + static_cast<std::ptrdiff_t>(to)),
          lock);
      if (!values.ok()) co_return values.status();
      for (size_t i = 0; i < values->size(); ++i) {
        if (!(*values)[i].has_value()) continue;
        Row row;
        bool keep = true;
        ISO_CO_RETURN_IF_ERROR(DecodeRow(table, wanted[from + i], *(*values)[i], &row));
        if (scan.filter != nullptr) {
          ISO_CO_RETURN_IF_ERROR(EvalPredicate(*scan.filter, exec_->eval, row, &keep));
        }
        if (keep) ISO_CO_RETURN_IF_ERROR(Hold(std::move(row), side));
      }
    }
    co_return absl::OkStatus();
  }

  // The left rows are few: each is asked by itself.
  Task<absl::StatusOr<bool>> OneByOne(Batch* out) {
    for (; probe_at_ < left_.held.size() && out->size() < kBatchRows; ++probe_at_) {
      Row row = Whole(left_, std::move(left_.held[probe_at_]));
      bool keep = false;
      ISO_CO_RETURN_IF_ERROR(co_await each_.Settle(&row));
      ISO_CO_RETURN_IF_ERROR(EvalPredicate(*plan_.each, exec_->eval, row, &keep));
      if (keep) out->push_back(std::move(row));
    }
    co_return probe_at_ < left_.held.size();
  }

  absl::StatusOr<bool> Key(const std::vector<ExprPtr>& exprs, const Row& row, std::string* key) {
    for (const ExprPtr& e : exprs) {
      Datum d;
      ISO_RETURN_IF_ERROR(Eval(*e, exec_->eval, row, &d));
      if (d.is_null()) return false;  // NULL equals nothing
      AppendKeyPart(e->type, d, key);
    }
    return true;
  }

  Task<absl::Status> Index() {
    for (size_t i = 0; i < build_->held.size(); ++i) {
      if (i % kMostTried == kMostTried - 1) {
        co_await SleepFor(exec_->executor, 0);
        ISO_CO_RETURN_IF_ERROR(Alive());
      }
      std::string key;
      const Row row = Whole(*build_, build_->held[i]);
      ISO_CO_ASSIGN_OR_RETURN(bool has_key, Key(build_->keys, row, &key));
      if (!has_key) continue;
      ISO_CO_RETURN_IF_ERROR(Charge(static_cast<int64_t>(key.size()) + 64));
      by_key_[std::move(key)].push_back(i);
    }
    co_return absl::OkStatus();
  }

  // No more rows of the side that passes by, behind those of batch_.
  bool Through() const {
    if (semi() && Tracks() && open_ == 0) return true;  // nothing is left to find out
    return !probe_->more && probe_at_ == probe_->held.size();
  }

  // First those that were taken in already.
  Task<absl::Status> NextBatch() {
    batch_.clear();
    at_ = 0;
    if (probe_at_ == probe_->held.size()) {
      ISO_CO_ASSIGN_OR_RETURN(probe_->more, co_await probe_->source->Next(&batch_));
      co_return absl::OkStatus();
    }
    for (; probe_at_ < probe_->held.size() && batch_.size() < kBatchRows; ++probe_at_) {
      batch_.push_back(Whole(*probe_, std::move(probe_->held[probe_at_])));
    }
    if (probe_at_ == probe_->held.size()) {
      probe_->held.clear();
      probe_at_ = 0;
      exec_->ctx->memory.Release(std::exchange(probe_->bytes, 0));
    }
    co_return absl::OkStatus();
  }

  absl::Status MatchBatch(Batch* out) {
    size_t tried = 0;
    while (at_ < batch_.size() && tried < kMostTried && out->size() < kBatchRows) {
      ISO_RETURN_IF_ERROR(Match(batch_[at_], &tried, out));
    }
    return absl::OkStatus();
  }

  // The condition asks subqueries: each pair of rows is settled before it is tried.
  Task<absl::Status> MatchSettled(Batch* out) {
    size_t tried = 0;
    while (at_ < batch_.size() && tried < kMostTried && out->size() < kBatchRows) {
      ISO_CO_RETURN_IF_ERROR(Begin(batch_[at_]));
      if (matches_ != nullptr && match_at_ < matches_->size()) {
        const Row row = Joined(batch_[at_], (*matches_)[match_at_]);
        ISO_CO_RETURN_IF_ERROR(co_await settler_.Settle(&row));
      }
      one_ = true;
      absl::Status s = Match(batch_[at_], &tried, out);
      one_ = false;
      ISO_CO_RETURN_IF_ERROR(s);
    }
    co_return absl::OkStatus();
  }

  // A row that passes by, and one that is held: the left side's columns come first.
  Row Joined(const Row& passing, size_t match) const {
    const Row& held = build_->held[match];
    const size_t from = build_ == &right_ ? left_.width : 0;
    Row row;
    row.reserve(left_.width + right_.width);
    if (build_ == &right_) row = passing;
    if (Prunes(*build_)) {
      row.resize(row.size() + build_->width);
      for (size_t i = 0; i < build_->kept.size(); ++i) {
        row[from + static_cast<size_t>(build_->kept[i])] = held[i];
      }
    } else {
      row.insert(row.end(), held.begin(), held.end());
    }
    if (build_ != &right_) row.insert(row.end(), passing.begin(), passing.end());
    return row;
  }

  // A row that nothing matched.
  static Row Alone(Row row, bool of_left, size_t other_width) {
    if (of_left) {
      row.resize(row.size() + other_width);
      return row;
    }
    Row out(other_width);
    out.insert(out.end(), std::make_move_iterator(row.begin()), std::make_move_iterator(row.end()));
    return out;
  }

  absl::Status Begin(const Row& passing) {
    if (begun_) return absl::OkStatus();
    begun_ = true;
    matched_ = false;
    match_at_ = 0;
    std::string key;
    ISO_ASSIGN_OR_RETURN(bool has_key, Key(probe_->keys, passing, &key));
    auto it = has_key ? by_key_.find(key) : by_key_.end();
    matches_ = it == by_key_.end() ? nullptr : &it->second;
    return absl::OkStatus();
  }

  // Goes on with the matches of the row at at_; steps to the next row behind the last one.
  absl::Status Match(const Row& passing, size_t* tried, Batch* out) {
    ISO_RETURN_IF_ERROR(Begin(passing));
    for (bool first = true;
         !(one_ && !first) && matches_ != nullptr && match_at_ < matches_->size(); first = false) {
      if (++*tried > kMostTried || out->size() >= kBatchRows) return absl::OkStatus();
      const size_t match = (*matches_)[match_at_++];
      if (semi() && Tracks() && build_matched_[match]) continue;
      Row row = Joined(passing, match);
      if (plan_.condition != nullptr) {
        bool keep = false;
        ISO_RETURN_IF_ERROR(EvalPredicate(*plan_.condition, exec_->eval, row, &keep));
        if (!keep) continue;
      }
      matched_ = true;
      if (Tracks() && !build_matched_[match]) {
        build_matched_[match] = true;
        --open_;
      }
      if (!semi()) {
        out->push_back(std::move(row));
      } else if (!Tracks()) {
        match_at_ = matches_->size();  // one will do
      }
    }
    if (one_ && matches_ != nullptr && match_at_ < matches_->size()) return absl::OkStatus();
    ++*tried;
    if (semi()) {
      const bool wanted = matched_ == (plan_.semi == JoinPlan::Semi::kSemi);
      if (!Tracks() && wanted) out->push_back(passing);
    } else if (!matched_ && probe_->outer) {
      out->push_back(Alone(passing, probe_ == &left_, build_->width));
    }
    begun_ = false;
    ++at_;
    return absl::OkStatus();
  }

  // Held rows that nothing matched (of a semi join: that something did), when the other side is
  // through. Whether more follow.
  bool Lonely(Batch* out) {
    if (!Tracks()) return false;
    Batch& rows = build_->held;
    for (; lonely_at_ < rows.size() && out->size() < kBatchRows; ++lonely_at_) {
      if (build_matched_[lonely_at_] != (plan_.semi == JoinPlan::Semi::kSemi)) continue;
      Row row = Whole(*build_, rows[lonely_at_]);
      out->push_back(semi() ? std::move(row)
                            : Alone(std::move(row), build_ == &left_, probe_->width));
    }
    return lonely_at_ < rows.size();
  }

  static constexpr size_t kBatchRows = 512;
  static constexpr size_t kMostTried = 4096;
  static constexpr size_t kMostLookups = 1024;  // rows of one side for which the other is looked up
  static constexpr size_t kKeysAtOnce = 256;

  const JoinPlan& plan_;
  const Settler settler_, each_;
  bool one_by_one_ = false;
  bool one_ = false;  // try one pair of rows only
  Side left_, right_;
  Side* build_ = nullptr;  // the side that is held, once that is known
  Side* probe_ = nullptr;  // the other, whose rows pass by
  size_t probe_at_ = 0;    // of what is held of it
  Batch batch_;            // of the side that passes by, done up to at_
  size_t at_ = 0;
  bool begun_ = false;  // with the row at at_
  bool matched_ = false;
  size_t match_at_ = 0;
  const std::vector<size_t>* matches_ = nullptr;
  std::vector<bool> build_matched_;  // by row held, where that is tracked
  size_t open_ = 0;                  // of these, not matched yet
  size_t lonely_at_ = 0;
  absl::flat_hash_map<std::string, std::vector<size_t>> by_key_;  // lint: no iteration
};

}  // namespace

namespace operators {
OperatorPtr MakeJoin(const JoinPlan& plan, ExecContext* exec) {
  return std::make_unique<JoinOperator>(plan, exec);
}
}  // namespace operators

}  // namespace isochron::sql
