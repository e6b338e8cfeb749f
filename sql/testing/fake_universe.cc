// SPDX-License-Identifier: Apache-2.0
#include "sql/testing/fake_universe.h"

#include <algorithm>

#include "common/status_macros.h"

namespace isochron::sql::testing {

bool FakeExecutor::Step() {
  if (queue_.empty()) return false;
  auto it = queue_.begin();
  now_ = std::max(now_, it->first.first);
  Fn fn = std::move(it->second);
  times_.erase(it->first.second);
  queue_.erase(it);
  fn();
  return true;
}

void FakeExecutor::Advance(Micros us) {
  const Micros until = now_ + us;
  while (!queue_.empty() && queue_.begin()->first.first <= until) Step();
  now_ = std::max(now_, until);
}

class FakeTransaction : public txn::ReadWriteTransaction, public txn::ReducingTransaction {
 public:
  FakeTransaction(FakeStore* store, bool read_only, std::optional<Timestamp> t, TxnAttempt id)
      : store_(store), read_only_(read_only), fixed_(t), id_(id), begun_(store->last_) {}

  Task<absl::StatusOr<std::optional<std::string>>> Get(Ctx ctx, std::string key,
                                                       txn::LockMode) override {
    ++store_->counts.gets;
    ISO_CO_RETURN_IF_ERROR(BeforeRead(ctx));
    ++store_->counts.keys_read;
    co_return Read(key);
  }

  Task<absl::StatusOr<std::vector<std::optional<std::string>>>> MultiGet(
      Ctx ctx, std::vector<std::string> keys, txn::LockMode) override {
    ++store_->counts.multi_gets;
    ISO_CO_RETURN_IF_ERROR(BeforeRead(ctx));
    std::vector<std::optional<std::string>> out;
    for (const std::string& key : keys) {
      ++store_->counts.keys_read;
      out.push_back(Read(key));
    }
    co_return out;
  }

  Task<absl::StatusOr<txn::ScanResponse>> Scan(Ctx ctx, txn::ScanRequest request) override {
    ++store_->counts.scans;
    ISO_CO_RETURN_IF_ERROR(BeforeRead(ctx));
    std::map<std::string, std::string> merged;
    for (auto it = store_->data_.lower_bound(request.range.start);
         it != store_->data_.end() && request.range.Contains(it->first); ++it) {
      if (auto value = store_->ReadAt(it->first, At())) merged[it->first] = *value;
    }
    for (const auto& [key, value] : buffer_) {
      if (!request.range.Contains(key)) continue;
      merged.erase(key);
      if (value.has_value()) merged[key] = *value;
    }
    if (!read_only_) reads_.push_back(request.range);
    std::vector<txn::KeyValue> rows;
    for (const auto& [key, value] : merged) rows.push_back({key, value});
    if (request.reverse) std::reverse(rows.begin(), rows.end());
    const size_t limit = request.limit_rows > 0
                             ? std::min<size_t>(request.limit_rows, store_->page_rows)
                             : store_->page_rows;
    txn::ScanResponse out;
    if (rows.size() >= limit && !rows.empty()) {
      rows.resize(limit);
      const std::string& last = rows.back().key;
      out.rest = request.reverse ? KeyRange{request.range.start, last}
                                 : KeyRange{KeyRange::Point(last).end, request.range.end};
      if (out.rest->Empty()) out.rest.reset();
    }
    store_->counts.keys_read += static_cast<int64_t>(rows.size());
    out.rows = std::move(rows);
    co_return out;
  }

  Task<absl::StatusOr<txn::ReduceResponse>> Reduce(Ctx ctx, txn::ReduceRequest request) override {
    txn::ReduceResponse out;
    out.rest = std::move(request.ranges);
    auto page = co_await Scan(std::move(ctx), {.range = out.rest.front()});
    if (!page.ok()) co_return page.status();
    out.rest.erase(out.rest.begin());
    if (page->rest.has_value()) out.rest.push_back(*std::move(page->rest));
    out.rows = std::move(page->rows);
    if (!read_only_ || store_->programs == nullptr || store_->counts.scans % 2 == 0) co_return out;
    ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ScanRun> run,
                            store_->programs->Start(request.program));
    for (const txn::KeyValue& kv : out.rows) {
      // One that fails is given up.
      if (!run->Add(kv.key, kv.value).ok()) co_return out;
    }
    out.rows.clear();
    out.pages = 1;
    ISO_CO_RETURN_IF_ERROR(run->Finish(&out.results));
    co_return out;
  }

  Task<absl::StatusOr<txn::ScanResponse>> Filter(Ctx ctx, txn::ScanRequest request,
                                                 std::string program) override {
    const KeyRange whole = request.range;
    const bool reverse = request.reverse;
    auto page = co_await Scan(std::move(ctx), std::move(request));
    if (!page.ok()) co_return page.status();
    if (!read_only_ || store_->programs == nullptr || store_->counts.scans % 2 == 0) {
      co_return page;
    }
    ISO_CO_ASSIGN_OR_RETURN(std::unique_ptr<txn::ScanRun> run, store_->programs->Start(program));
    for (const txn::KeyValue& kv : page->rows) {
      auto more = run->Add(kv.key, kv.value);
      if (!more.ok()) co_return page;
      if (*more) continue;
      page->rest = reverse ? KeyRange{whole.start, kv.key}
                           : KeyRange{KeyRange::Point(kv.key).end, whole.end};
      break;
    }
    page->rows.clear();
    ISO_CO_RETURN_IF_ERROR(run->Finish(&page->rows));
    co_return page;
  }

  Timestamp read_timestamp() const override {
    return read_only_ ? fixed_.value_or(Timestamp()) : Timestamp();
  }
  TxnAttempt id() const override { return id_; }

  absl::Status Put(std::string key, std::string value) override {
    bytes_ += key.size() + value.size();
    if (bytes_ > store_->max_transaction_bytes) {
      return absl::ResourceExhaustedError("the transaction is too large");
    }
    undo_.emplace_back(key, Buffered(key));
    buffer_[std::move(key)] = std::move(value);
    return absl::OkStatus();
  }
  absl::Status Delete(std::string key) override {
    undo_.emplace_back(key, Buffered(key));
    buffer_[std::move(key)] = std::nullopt;
    return absl::OkStatus();
  }
  size_t Mark() const override { return undo_.size(); }
  void RollbackToMark(size_t mark) override {
    while (undo_.size() > mark) {
      auto& [key, before] = undo_.back();
      if (before.has_value()) {
        buffer_[key] = *before;
      } else {
        buffer_.erase(key);
      }
      undo_.pop_back();
    }
  }
  bool has_writes() const override { return !buffer_.empty(); }

  Task<absl::StatusOr<txn::CommitResult>> Commit(Ctx ctx, txn::CommitOptions options) override {
    ++store_->counts.commits;
    ISO_CO_RETURN_IF_ERROR(ctx->Check(store_->executor_->MonotonicNow()));
    if (store_->before_commit) {
      auto hook = std::exchange(store_->before_commit, nullptr);
      hook();
    }
    if (store_->abort_commits > 0) {
      --store_->abort_commits;
      co_return absl::AbortedError("wounded by order of the test");
    }
    for (const KeyRange& range : reads_) {
      if (store_->ChangedSince(range, begun_)) {
        co_return absl::AbortedError("something that was read has changed");
      }
    }
    if (buffer_.empty()) co_return txn::CommitResult{Timestamp(), 1};
    ISO_CO_ASSIGN_OR_RETURN(TTInterval now, store_->truetime_->Now());
    const Timestamp s = std::max(now.latest, store_->last_).Next();
    if (s > options.s_max) co_return absl::AbortedError("the commit came after s_max");
    store_->last_ = s;
    for (const auto& [key, value] : buffer_) store_->data_[key][s] = value;
    while (!store_->truetime_->After(s)) co_await SleepFor(store_->executor_, 100);
    if (store_->unknown_commits > 0) {
      --store_->unknown_commits;
      co_return absl::UnknownError("the answer of the coordinator was lost");
    }
    co_return txn::CommitResult{s, 1};
  }
  void Rollback() override { buffer_.clear(); }

 private:
  std::optional<std::optional<std::string>> Buffered(const std::string& key) const {
    auto it = buffer_.find(key);
    if (it == buffer_.end()) return std::nullopt;
    return it->second;
  }
  Timestamp At() const { return read_only_ ? *fixed_ : begun_; }

  absl::Status BeforeRead(const Ctx& ctx) {
    ISO_RETURN_IF_ERROR(ctx->Check(store_->executor_->MonotonicNow()));
    if (!read_only_ && store_->abort_reads > 0) {
      --store_->abort_reads;
      return absl::AbortedError("wounded by order of the test");
    }
    if (read_only_ && !fixed_.has_value()) {
      ISO_ASSIGN_OR_RETURN(TTInterval now, store_->truetime_->Now());
      fixed_ = std::max(now.latest, store_->last_);
    }
    return absl::OkStatus();
  }

  std::optional<std::string> Read(const std::string& key) {
    if (!read_only_) reads_.push_back(KeyRange::Point(key));
    auto it = buffer_.find(key);
    return it != buffer_.end() ? it->second : store_->ReadAt(key, At());
  }

  FakeStore* const store_;
  const bool read_only_;
  std::optional<Timestamp> fixed_;
  const TxnAttempt id_;
  const Timestamp
      begun_;  // the snapshot that a read-write transaction reads and is checked against
  std::map<std::string, std::optional<std::string>> buffer_;
  std::vector<std::pair<std::string, std::optional<std::optional<std::string>>>> undo_;
  std::vector<KeyRange> reads_;
  size_t bytes_ = 0;
};

std::optional<std::string> FakeStore::ReadAt(const std::string& key, Timestamp t) const {
  auto it = data_.find(key);
  if (it == data_.end()) return std::nullopt;
  auto version = it->second.upper_bound(t);
  if (version == it->second.begin()) return std::nullopt;
  return std::prev(version)->second;
}

bool FakeStore::ChangedSince(const KeyRange& range, Timestamp t) const {
  for (auto it = data_.lower_bound(range.start); it != data_.end() && range.Contains(it->first);
       ++it) {
    if (it->second.rbegin()->first > t) return true;
  }
  return false;
}

absl::StatusOr<std::unique_ptr<txn::ReadWriteTransaction>> FakeStore::Begin(Ctx) {
  ++counts.begins;
  ISO_ASSIGN_OR_RETURN(TTInterval now, truetime_->Now());
  TxnAttempt id{TxnId{now.latest, NodeId(1), 1, ++sequence_}, 1};
  return std::unique_ptr<txn::ReadWriteTransaction>(
      new FakeTransaction(this, false, std::nullopt, id));
}

absl::StatusOr<std::unique_ptr<txn::ReadWriteTransaction>> FakeStore::Retry(
    Ctx, const txn::ReadWriteTransaction& previous) {
  ++counts.retries;
  TxnAttempt id = previous.id();
  ++id.attempt;
  return std::unique_ptr<txn::ReadWriteTransaction>(
      new FakeTransaction(this, false, std::nullopt, id));
}

absl::StatusOr<std::unique_ptr<txn::ReadTransaction>> FakeStore::BeginReadOnly(
    Ctx, std::optional<Timestamp> t) {
  return std::unique_ptr<txn::ReadTransaction>(new FakeTransaction(this, true, t, TxnAttempt()));
}

Task<absl::Status> FakeStore::SplitAt(Ctx, std::string key) {
  splits.push_back(std::move(key));
  co_return absl::OkStatus();
}

Task<absl::Status> FakeStore::MergeAt(Ctx, std::string key) {
  merges.push_back(std::move(key));
  co_return merge_status;
}

}  // namespace isochron::sql::testing
