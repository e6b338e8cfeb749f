// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/key_encoding.h"
#include "common/status_macros.h"
#include "sql/catalog/index_codec.h"
#include "sql/catalog/layout.h"
#include "sql/catalog/row_codec.h"
#include "sql/exec/first_rows.h"
#include "sql/exec/no_wait.h"
#include "sql/exec/subquery.h"
#include "sql/exec/tablet_aggregate.h"
#include "sql/planner/tablets.h"
#include "sql/pushdown/reduce.h"
#include "sql/types/array.h"
#include "sql/types/error.h"
#include "txn/api/reasons.h"

namespace isochron::sql {
namespace {

constexpr uint64_t kPageRows = 512;
constexpr size_t kPointsAtOnce = 256;

class ScanOperator : public Operator {
 public:
  // With a program its results are the rows (tablet_aggregate.h).
  ScanOperator(const ScanPlan& plan, ExecContext* exec, std::string program = "")
      : Operator(exec),
        plan_(plan),
        settler_(exec, plan.filter.get()),
        program_(std::move(program)) {}

  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    if (!started_) {
      ISO_CO_RETURN_IF_ERROR(co_await SettleBounds());
      ISO_CO_RETURN_IF_ERROR(Start());
    } else {
      ISO_CO_RETURN_IF_ERROR(Alive());
    }
    if (!program_.empty()) co_return co_await NextResults(out);
    if (plan_.points()) {
      if (InPortions()) exec_->portion->more = false;
      ISO_CO_RETURN_IF_ERROR(co_await NextPoints(out));
      if (!settler_.empty()) ISO_CO_RETURN_IF_ERROR(co_await FilterSettled(out));
      co_return at_ < keys_.size();
    }
    if (at_ >= ranges_.size()) {
      if (InPortions()) exec_->portion->more = false;
      co_return false;
    }
    txn::ScanRequest request;
    request.range = ranges_[at_];
    request.limit_rows = wanted_ > 0 ? std::min<uint64_t>(wanted_, kPageRows) : kPageRows;
    request.reverse = plan_.reverse;
    request.lock = Lock();
    std::optional<NoWait> at_once;
    if (plan_.no_wait) at_once.emplace(exec_->ctx);
    auto page = co_await Page(std::move(request));
    at_once.reset();
    if (!page.ok()) co_return NotFree(page.status());
    if (plan_.index != nullptr) {
      ISO_CO_RETURN_IF_ERROR(co_await AddEntries(&page->rows, out));
    } else {
      for (const txn::KeyValue& kv : page->rows) {
        ISO_CO_RETURN_IF_ERROR(Add(kv.key, kv.value, out));
      }
    }
    if (!settler_.empty()) ISO_CO_RETURN_IF_ERROR(co_await FilterSettled(out));
    if (page->rest.has_value()) {
      ranges_[at_] = *std::move(page->rest);
    } else {
      ++at_;
    }
    if (InPortions()) {
      exec_->portion->more = at_ < ranges_.size();
      if (exec_->portion->more) exec_->portion->from = ranges_[at_].start;
      co_return false;
    }
    if (wanted_ > 0) {
      if (page->rows.size() >= wanted_) co_return false;
      wanted_ -= page->rows.size();
    }
    co_return at_ < ranges_.size();
  }

 private:
  // Rows of other scans are only looked at.
  bool InPortions() const { return exec_->portion != nullptr && plan_.exclusive; }

  // Ranges lie in the order of their keys.
  void SkipPortions() {
    const std::string& from = exec_->portion->from;
    std::erase_if(ranges_, [&from](const KeyRange& r) { return !r.end.empty() && r.end <= from; });
    if (!ranges_.empty()) ranges_[0].start = std::max(ranges_[0].start, from);
  }

  txn::LockMode Lock() const {
    return plan_.exclusive ? txn::LockMode::kExclusive : txn::LockMode::kShared;
  }

  // Under locks: rows of the first range, what the transaction wrote among them.
  Task<absl::StatusOr<txn::ReduceResponse>> Reduce(txn::ReduceRequest request) {
    if (auto* reducing = dynamic_cast<txn::ReducingTransaction*>(exec_->reader)) {
      co_return co_await reducing->Reduce(exec_->ctx, std::move(request));
    }
    txn::ReduceResponse response;
    txn::ScanRequest scan;
    scan.range = request.ranges.front();
    auto page = co_await exec_->reader->Scan(exec_->ctx, std::move(scan));
    if (!page.ok()) co_return page.status();
    response.rows = std::move(page->rows);
    response.rest = std::move(request.ranges);
    if (page->rest.has_value()) {
      response.rest.front() = *std::move(page->rest);
    } else {
      response.rest.erase(response.rest.begin());
    }
    co_return response;
  }

  // The first page comes as it is: few scans go further. Of those that do, what is not wanted stays
  // where it is.
  Task<absl::StatusOr<txn::ScanResponse>> Page(txn::ScanRequest request) {
    if (++pages_ == 2 && MayUseTablets(*exec_)) rows_ = RowsAtTablets(plan_, exec_->eval);
    auto* reducing = dynamic_cast<txn::ReducingTransaction*>(exec_->reader);
    if (rows_.empty() || reducing == nullptr) {
      co_return co_await exec_->reader->Scan(exec_->ctx, std::move(request));
    }
    if (exec_->profile != nullptr) ++exec_->profile->nodes[&plan_].pages;
    co_return co_await reducing->Filter(exec_->ctx, std::move(request), rows_);
  }

  Task<absl::StatusOr<bool>> NextResults(Batch* out) {
    txn::ReduceRequest request;
    request.ranges = std::move(ranges_);
    request.program = program_;
    ranges_.clear();
    if (request.ranges.empty()) co_return false;
    auto page = co_await Reduce(std::move(request));
    if (!page.ok()) co_return page.status();
    ranges_ = std::move(page->rest);
    if (exec_->profile != nullptr) exec_->profile->nodes[&plan_].pages += page->pages;
    std::vector<txn::KeyValue> results = std::move(page->results);
    if (!page->rows.empty()) {
      ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ScanRun> run, TabletPrograms()->Start(program_));
      for (const txn::KeyValue& kv : page->rows) {
        ISO_CO_ASSIGN_OR_RETURN(const bool more, run->Add(kv.key, kv.value));
        if (more) continue;
        ISO_CO_RETURN_IF_ERROR(run->Finish(&results));
        ISO_CO_ASSIGN_OR_RETURN(run, TabletPrograms()->Start(program_));
      }
      ISO_CO_RETURN_IF_ERROR(run->Finish(&results));
    }
    for (txn::KeyValue& kv : results) {
      if (exec_->profile != nullptr) {
        exec_->profile->bytes_read += static_cast<int64_t>(kv.key.size() + kv.value.size());
      }
      out->push_back({Datum::String(std::move(kv.key)), Datum::String(std::move(kv.value))});
    }
    co_return !ranges_.empty();
  }

  absl::Status NotFree(const absl::Status& status) const {
    if (!plan_.no_wait || !txn::IsLockTimeout(status)) return status;
    return SqlError(
        sqlstate::kLockNotAvailable,
        absl::StrCat("could not obtain lock on row in relation \"", plan_.table->name, "\""));
  }

  Task<absl::Status> NextPoints(Batch* out) {
    if (keys_.empty()) co_return absl::OkStatus();
    if (plan_.index == nullptr && keys_.size() == 1) {
      at_ = 1;
      const NoWait at_once(exec_->ctx, plan_.no_wait);
      auto value = co_await exec_->reader->Get(exec_->ctx, keys_[0], Lock());
      if (!value.ok()) co_return NotFree(value.status());
      if (value->has_value()) ISO_CO_RETURN_IF_ERROR(Add(keys_[0], **value, out));
      co_return absl::OkStatus();
    }
    const size_t end = std::min(keys_.size(), at_ + kPointsAtOnce);
    std::vector<std::string> keys(keys_.begin() + static_cast<std::ptrdiff_t>(at_),
                                  keys_.begin() + static_cast<std::ptrdiff_t>(end));
    std::optional<NoWait> at_once;
    if (plan_.no_wait) at_once.emplace(exec_->ctx);
    auto values = co_await exec_->reader->MultiGet(exec_->ctx, std::move(keys), Lock());
    at_once.reset();
    if (!values.ok()) co_return NotFree(values.status());
    std::vector<txn::KeyValue> entries;
    for (size_t i = 0; i < values->size(); ++i) {
      if (!(*values)[i].has_value()) continue;
      if (plan_.index != nullptr) {
        entries.push_back({keys_[at_ + i], *std::move((*values)[i])});
      } else {
        ISO_CO_RETURN_IF_ERROR(Add(keys_[at_ + i], *(*values)[i], out));
      }
    }
    at_ = end;
    co_return co_await AddEntries(&entries, out);
  }

  // The rows that entries of the index stand for, in their order.
  Task<absl::Status> AddEntries(const std::vector<txn::KeyValue>* entries, Batch* out) {
    std::vector<std::string> keys;
    for (const txn::KeyValue& kv : *entries) {
      Row row;
      CountRead(kv.key, kv.value);
      ISO_CO_RETURN_IF_ERROR(DecodeIndexEntry(*plan_.table, *plan_.index, kv.key, kv.value, &row));
      if (plan_.covering) {
        ISO_CO_RETURN_IF_ERROR(AddRow(std::move(row), out));
      } else {
        keys.push_back(EncodeRowKey(*plan_.table, row));
      }
    }
    for (size_t from = 0; from < keys.size(); from += kPointsAtOnce) {
      const size_t to = std::min(keys.size(), from + kPointsAtOnce);
      std::vector<std::string> some(keys.begin() + static_cast<std::ptrdiff_t>(from),
                                    keys.begin() + static_cast<std::ptrdiff_t>(to));
      const NoWait at_once(exec_->ctx, plan_.no_wait);
      auto values = co_await exec_->reader->MultiGet(exec_->ctx, std::move(some), Lock());
      if (!values.ok()) co_return NotFree(values.status());
      for (size_t i = from; i < to; ++i) {
        if (!(*values)[i - from].has_value()) co_return NoRow(keys[i]);
        ISO_CO_RETURN_IF_ERROR(Add(keys[i], *(*values)[i - from], out));
      }
    }
    co_return absl::OkStatus();
  }

  // An entry without its row. Under locks that means that they were lost; the commit would say so.
  absl::Status NoRow(const std::string& key) const {
    const std::string what =
        absl::StrCat("index ", plan_.index->name, " of table ", plan_.table->name,
                     " has an entry, but the table no row ", ReadableKey(key));
    if (exec_->writer != nullptr) return absl::AbortedError(what);
    return absl::DataLossError(what);
  }

  void CountRead(const std::string& key, const std::string& value) {
    if (exec_->profile == nullptr) return;
    ++exec_->profile->rows_read;
    exec_->profile->bytes_read += static_cast<int64_t>(key.size() + value.size());
  }

  absl::Status Add(const std::string& key, const std::string& value, Batch* out) {
    Row row;
    CountRead(key, value);
    ISO_RETURN_IF_ERROR(DecodeRow(*plan_.table, key, value, &row));
    return AddRow(std::move(row), out);
  }

  absl::Status AddRow(Row row, Batch* out) {
    if (plan_.filter != nullptr && settler_.empty()) {
      bool keep = false;
      ISO_RETURN_IF_ERROR(EvalPredicate(*plan_.filter, exec_->eval, row, &keep));
      if (!keep) return absl::OkStatus();
    }
    out->push_back(std::move(row));
    return absl::OkStatus();
  }

  // The filter, where it holds subqueries.
  Task<absl::Status> FilterSettled(Batch* out) {
    size_t kept = 0;
    for (size_t i = 0; i < out->size(); ++i) {
      bool keep = false;
      ISO_CO_RETURN_IF_ERROR(co_await settler_.Settle(&(*out)[i]));
      ISO_CO_RETURN_IF_ERROR(EvalPredicate(*plan_.filter, exec_->eval, (*out)[i], &keep));
      if (keep && kept++ != i) (*out)[kept - 1] = std::move((*out)[i]);
    }
    out->resize(kept);
    co_return absl::OkStatus();
  }

  Task<absl::Status> SettleBounds() {
    if (exec_->subqueries == nullptr) co_return absl::OkStatus();
    std::vector<const Expr*> bounds = {plan_.bounds.lower.get(), plan_.bounds.upper.get(),
                                       plan_.limit.get(), plan_.offset.get()};
    for (const auto& values : plan_.bounds.prefix) {
      for (const ExprPtr& e : values) bounds.push_back(e.get());
    }
    const Settler settler(exec_, bounds);
    const Row none;
    if (!settler.empty()) ISO_CO_RETURN_IF_ERROR(co_await settler.Settle(&none));
    co_return absl::OkStatus();
  }

  // The values that a key column may have by one of its bound's expressions.
  absl::Status BoundValues(const Expr& e, std::vector<Datum>* out) {
    if (e.kind == ExprKind::kSubquery && e.function != nullptr) {
      ISO_ASSIGN_OR_RETURN(const std::vector<Row>* rows, exec_->subqueries->Rows(e, exec_->eval));
      for (const Row& row : *rows) {
        if (!row[0].is_null()) out->push_back(row[0]);
      }
      return absl::OkStatus();
    }
    Datum d;
    bool null = false;
    if (e.kind == ExprKind::kAnyArray) {
      ISO_RETURN_IF_ERROR(Bound(*e.args[1], &d, &null));
      if (null) return absl::OkStatus();
      ArrayReader in(d.string_value());
      for (Datum element; in.Next(&element);) {
        if (!element.is_null()) out->push_back(std::move(element));
      }
      return absl::OkStatus();
    }
    ISO_RETURN_IF_ERROR(Bound(e, &d, &null));
    if (!null) out->push_back(std::move(d));
    return absl::OkStatus();
  }

  // The value of a bound; *null when it is NULL: then nothing can match.
  absl::Status Bound(const Expr& e, Datum* d, bool* null) {
    ISO_RETURN_IF_ERROR(Eval(e, exec_->eval, Row(), d));
    *null = d->is_null();
    return absl::OkStatus();
  }

  // Every combination of the bound values of the first key columns, encoded.
  absl::Status Prefixes(std::vector<std::string>* out) {
    out->push_back(plan_.index != nullptr ? IndexPrefix(*plan_.table, *plan_.index)
                                          : RowPrefix(*plan_.table));
    for (size_t i = 0; i < plan_.bounds.prefix.size(); ++i) {
      const Type type = plan_.table->columns[plan_.path[i].column].type;
      std::vector<std::string> longer;
      for (const ExprPtr& e : plan_.bounds.prefix[i]) {
        std::vector<Datum> values;
        ISO_RETURN_IF_ERROR(BoundValues(*e, &values));
        for (const Datum& d : values) {
          std::string part;
          AppendIndexPart(type, d, plan_.path[i], &part);
          for (const std::string& p : *out) {
            ISO_RETURN_IF_ERROR(Charge(static_cast<int64_t>(p.size() + part.size()) + 32));
            longer.push_back(p + part);
          }
        }
      }
      *out = std::move(longer);
    }
    std::sort(out->begin(), out->end());
    out->erase(std::unique(out->begin(), out->end()), out->end());
    if (plan_.reverse) std::reverse(out->begin(), out->end());
    return absl::OkStatus();
  }

  absl::Status Start() {
    started_ = true;
    if (plan_.limit != nullptr) ISO_RETURN_IF_ERROR(StartLimit());
    std::vector<std::string> prefixes;
    ISO_RETURN_IF_ERROR(Prefixes(&prefixes));
    if (plan_.points()) {
      keys_ = std::move(prefixes);
      return absl::OkStatus();
    }
    if (plan_.bounds.prefix.size() == plan_.path.size()) {
      for (const std::string& p : prefixes) ranges_.push_back(PrefixRange(p));
    } else {
      ISO_RETURN_IF_ERROR(Ranges(prefixes));
    }
    if (InPortions()) SkipPortions();
    return absl::OkStatus();
  }

  // The part of each prefix that the bounds on the column behind it leave.
  absl::Status Ranges(const std::vector<std::string>& prefixes) {
    const IndexColumn& column = plan_.path[plan_.bounds.prefix.size()];
    const Type type = plan_.table->columns[column.column].type;
    // By bytes: what comes first in a descending column is its upper bound.
    const ExprPtr* ends[] = {&plan_.bounds.lower, &plan_.bounds.upper};
    bool inclusive[] = {plan_.bounds.lower_inclusive, plan_.bounds.upper_inclusive};
    if (column.descending) {
      std::swap(ends[0], ends[1]);
      std::swap(inclusive[0], inclusive[1]);
    }
    std::string parts[2];
    for (int k = 0; k < 2; ++k) {
      if (*ends[k] == nullptr) continue;
      Datum d;
      bool null = false;
      ISO_RETURN_IF_ERROR(Bound(**ends[k], &d, &null));
      if (null) return absl::OkStatus();
      AppendIndexPart(type, d, column, &parts[k]);
    }
    const bool bounded = *ends[0] != nullptr || *ends[1] != nullptr;
    const bool skip_nulls = bounded && !plan_.table->columns[column.column].not_null;
    std::string null_part;
    AppendIndexPart(type, Datum::Null(), column, &null_part);
    for (const std::string& p : prefixes) {
      KeyRange range = PrefixRange(p);
      if (*ends[0] != nullptr) {
        range.start = inclusive[0] ? p + parts[0] : PrefixEnd(p + parts[0]);
      } else if (skip_nulls && column.nulls_first) {
        range.start = PrefixEnd(p + null_part);
      }
      if (*ends[1] != nullptr) {
        range.end = inclusive[1] ? PrefixEnd(p + parts[1]) : p + parts[1];
      } else if (skip_nulls && !column.nulls_first) {
        range.end = p + null_part;
      }
      if (!range.Empty()) ranges_.push_back(std::move(range));
    }
    return absl::OkStatus();
  }

  absl::Status StartLimit() {
    uint64_t wanted = 0;
    for (const ExprPtr* e : {&plan_.limit, &plan_.offset}) {
      if (*e == nullptr) continue;
      Datum d;
      bool null = false;
      ISO_RETURN_IF_ERROR(Bound(**e, &d, &null));
      if (null && e == &plan_.limit) return absl::OkStatus();
      if (!null && d.int_value() > 0) wanted += static_cast<uint64_t>(d.int_value());
    }
    wanted_ = wanted;
    return absl::OkStatus();
  }

  const ScanPlan& plan_;
  const Settler settler_;  // of the filter
  const std::string program_;
  std::string rows_;  // the program that gives them; empty: none
  int64_t pages_ = 0;
  bool started_ = false;
  std::vector<std::string> keys_;
  std::vector<KeyRange> ranges_;
  size_t at_ = 0;        // in keys_ or ranges_
  uint64_t wanted_ = 0;  // rows; 0 for all
};

}  // namespace

namespace operators {
OperatorPtr MakeScan(const ScanPlan& plan, ExecContext* exec) {
  if (plan.first.has_value()) {
    if (OperatorPtr first = MakeFirstRows(plan, exec)) return first;
  }
  return std::make_unique<ScanOperator>(plan, exec);
}
OperatorPtr MakeProgramScan(const ScanPlan& plan, std::string program, ExecContext* exec) {
  return std::make_unique<ScanOperator>(plan, exec, std::move(program));
}
}  // namespace operators

}  // namespace isochron::sql
