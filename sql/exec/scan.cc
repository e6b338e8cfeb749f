// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "common/key_encoding.h"
#include "common/status_macros.h"
#include "sql/catalog/layout.h"
#include "sql/catalog/row_codec.h"
#include "sql/exec/operator.h"

namespace isochron::sql {
namespace {

constexpr uint64_t kPageRows = 512;
constexpr size_t kPointsAtOnce = 256;

class ScanOperator : public Operator {
 public:
  ScanOperator(const ScanPlan& plan, ExecContext* exec) : Operator(exec), plan_(plan) {}

  Task<absl::StatusOr<bool>> Next(Batch* out) override {
    if (!started_) {
      ISO_CO_RETURN_IF_ERROR(Start());
    } else {
      ISO_CO_RETURN_IF_ERROR(Alive());
    }
    if (plan_.points()) {
      ISO_CO_RETURN_IF_ERROR(co_await NextPoints(out));
      co_return at_ < keys_.size();
    }
    if (at_ >= ranges_.size()) co_return false;
    txn::ScanRequest request;
    request.range = ranges_[at_];
    request.limit_rows = wanted_ > 0 ? std::min<uint64_t>(wanted_, kPageRows) : kPageRows;
    request.reverse = plan_.reverse;
    request.lock = Lock();
    auto page = co_await exec_->reader->Scan(exec_->ctx, std::move(request));
    if (!page.ok()) co_return page.status();
    for (const txn::KeyValue& kv : page->rows) {
      ISO_CO_RETURN_IF_ERROR(Add(kv.key, kv.value, out));
    }
    if (page->rest.has_value()) {
      ranges_[at_] = *std::move(page->rest);
    } else {
      ++at_;
    }
    if (wanted_ > 0) {
      if (page->rows.size() >= wanted_) co_return false;
      wanted_ -= page->rows.size();
    }
    co_return at_ < ranges_.size();
  }

 private:
  txn::LockMode Lock() const {
    return plan_.exclusive ? txn::LockMode::kExclusive : txn::LockMode::kShared;
  }

  Task<absl::Status> NextPoints(Batch* out) {
    if (keys_.empty()) co_return absl::OkStatus();
    if (keys_.size() == 1) {
      at_ = 1;
      auto value = co_await exec_->reader->Get(exec_->ctx, keys_[0], Lock());
      if (!value.ok()) co_return value.status();
      if (value->has_value()) ISO_CO_RETURN_IF_ERROR(Add(keys_[0], **value, out));
      co_return absl::OkStatus();
    }
    const size_t end = std::min(keys_.size(), at_ + kPointsAtOnce);
    std::vector<std::string> keys(keys_.begin() + static_cast<std::ptrdiff_t>(at_),
                                  keys_.begin() + static_cast<std::ptrdiff_t>(end));
    auto values = co_await exec_->reader->MultiGet(exec_->ctx, std::move(keys), Lock());
    if (!values.ok()) co_return values.status();
    for (size_t i = 0; i < values->size(); ++i) {
      if (!(*values)[i].has_value()) continue;
      ISO_CO_RETURN_IF_ERROR(Add(keys_[at_ + i], *(*values)[i], out));
    }
    at_ = end;
    co_return absl::OkStatus();
  }

  absl::Status Add(const std::string& key, const std::string& value, Batch* out) {
    Row row;
    ISO_RETURN_IF_ERROR(DecodeRow(*plan_.table, key, value, &row));
    if (plan_.filter != nullptr) {
      bool keep = false;
      ISO_RETURN_IF_ERROR(EvalPredicate(*plan_.filter, exec_->eval, row, &keep));
      if (!keep) return absl::OkStatus();
    }
    out->push_back(std::move(row));
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
    out->push_back(TableDataPrefix(plan_.table->id));
    for (size_t i = 0; i < plan_.bounds.prefix.size(); ++i) {
      const Type type = plan_.table->columns[plan_.table->key[i]].type;
      std::vector<std::string> longer;
      for (const ExprPtr& e : plan_.bounds.prefix[i]) {
        Datum d;
        bool null = false;
        ISO_RETURN_IF_ERROR(Bound(*e, &d, &null));
        if (null) continue;
        std::string part;
        AppendKeyPart(type, d, &part);
        for (const std::string& p : *out) longer.push_back(p + part);
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
    std::string lower, upper;
    const Type type = plan_.table->columns[plan_.table->key[plan_.bounds.prefix.size()]].type;
    for (bool low : {true, false}) {
      const ExprPtr& e = low ? plan_.bounds.lower : plan_.bounds.upper;
      if (e == nullptr) continue;
      Datum d;
      bool null = false;
      ISO_RETURN_IF_ERROR(Bound(*e, &d, &null));
      if (null) return absl::OkStatus();
      AppendKeyPart(type, d, low ? &lower : &upper);
    }
    for (const std::string& p : prefixes) {
      KeyRange range;
      range.start = plan_.bounds.lower == nullptr  ? p
                    : plan_.bounds.lower_inclusive ? p + lower
                                                   : PrefixEnd(p + lower);
      range.end = plan_.bounds.upper == nullptr  ? PrefixEnd(p)
                  : plan_.bounds.upper_inclusive ? PrefixEnd(p + upper)
                                                 : p + upper;
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
  bool started_ = false;
  std::vector<std::string> keys_;
  std::vector<KeyRange> ranges_;
  size_t at_ = 0;        // in keys_ or ranges_
  uint64_t wanted_ = 0;  // rows; 0 for all
};

}  // namespace

namespace operators {
OperatorPtr MakeScan(const ScanPlan& plan, ExecContext* exec) {
  return std::make_unique<ScanOperator>(plan, exec);
}
}  // namespace operators

}  // namespace isochron::sql
