// SPDX-License-Identifier: Apache-2.0
#include "storage/engine/rocks_flush.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace isochron::storage {

absl::Status FromRocks(const rocksdb::Status& s, absl::string_view doing) {
  if (s.ok()) return absl::OkStatus();
  const std::string message = absl::StrCat(doing, ": ", s.ToString());
  if (s.IsCorruption()) return absl::DataLossError(message);
  if (s.IsNoSpace()) return absl::ResourceExhaustedError(message);
  if (s.IsIOError()) return absl::UnavailableError(message);
  return absl::InternalError(message);
}

void FlushTracker::Start(rocksdb::DB* db) {
  db_ = db;
  std::lock_guard<std::mutex> lock(mu_);
  durable_ = std::max<uint64_t>(durable_, db->GetLatestSequenceNumber());
}

void FlushTracker::Stop() {
  std::lock_guard<std::mutex> lock(mu_);
  waiting_.clear();
  failed_ = absl::UnavailableError("the store is closed");
}

void FlushTracker::Request(Executor* executor, absl::AnyInvocable<void(absl::Status)> done) {
  const uint64_t sequence = db_->GetLatestSequenceNumber();
  bool start = false;
  {
    std::lock_guard<std::mutex> lock(mu_);
    if (!failed_.ok() || sequence <= durable_) {
      executor->Post([s = failed_, done = std::move(done)]() mutable { done(s); });
      return;
    }
    waiting_.push_back(Waiting{sequence, executor, std::move(done)});
    start = !std::exchange(under_way_, true);
  }
  if (start) StartFlush();
}

void FlushTracker::StartFlush() {
  const uint64_t sequence = db_->GetLatestSequenceNumber();
  {
    std::lock_guard<std::mutex> lock(mu_);
    if (!failed_.ok() || waiting_.empty()) {  // a flush of RocksDB's own came first
      under_way_ = false;
      return;
    }
    covers_ = sequence;
  }
  rocksdb::FlushOptions options;
  options.wait = false;
  options.allow_write_stall = true;  // else this call waits for earlier flushes
  const rocksdb::Status s = db_->Flush(options);
  if (!s.ok()) FailAll(FromRocks(s, "cannot flush the store"));
}

void FlushTracker::OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo& info) {
  {
    std::lock_guard<std::mutex> lock(mu_);
    ++flushes_;
    durable_ = std::max<uint64_t>(durable_, info.largest_seqno);
    auto still = std::stable_partition(waiting_.begin(), waiting_.end(),
                                       [&](const Waiting& w) { return w.sequence <= durable_; });
    std::vector<Waiting> answered(std::make_move_iterator(waiting_.begin()),
                                  std::make_move_iterator(still));
    waiting_.erase(waiting_.begin(), still);
    Answer(std::move(answered), absl::OkStatus());
    if (under_way_ && covers_ != 0 && covers_ <= durable_) {
      covers_ = 0;
      under_way_ = !waiting_.empty();
      if (under_way_) {
        waiting_.front().executor->Post([weak = weak_from_this()] {
          if (auto self = weak.lock()) self->StartFlush();
        });
      }
    }
  }
  changed_();
}

void FlushTracker::OnCompactionCompleted(rocksdb::DB*, const rocksdb::CompactionJobInfo&) {
  changed_();
}

void FlushTracker::OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* error) {
  const absl::Status failed = FromRocks(*error, "the store failed in the background");
  if (told_) told_(failed);  // first: who is answered may look for it
  FailAll(failed);
}

// Comes before OnBackgroundError, as soon as a file takes no more: RocksDB may yet write to that
// file, and as it is packaged it ends the process when it does, without a word to the operator.
// What cannot be read is told by who reads.
void FlushTracker::OnIOError(const rocksdb::IOErrorInfo& info) {
  using Operation = rocksdb::FileOperationType;
  if (info.operation == Operation::kRead || info.operation == Operation::kOpen) return;
  const absl::Status failed =
      FromRocks(info.io_status, absl::StrCat("the store cannot write ", info.file_path));
  if (told_) told_(failed);
  FailAll(failed);
}

// Of a full disk RocksDB would try to recover, going on with files that a failed write has left.
void FlushTracker::OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                                        bool* auto_recovery) {
  *auto_recovery = false;
}

void FlushTracker::FailAll(const absl::Status& status) {
  std::lock_guard<std::mutex> lock(mu_);
  if (failed_.ok()) failed_ = status;
  has_failed_ = true;
  Answer(std::exchange(waiting_, {}), failed_);
}

absl::Status FlushTracker::failed() const {
  if (!has_failed_) return absl::OkStatus();
  std::lock_guard<std::mutex> lock(mu_);
  return failed_;
}

void FlushTracker::Answer(std::vector<Waiting> waiting, const absl::Status& status) {
  for (Waiting& w : waiting) {
    w.executor->Post([status, done = std::move(w.done)]() mutable { done(status); });
  }
}

uint64_t FlushTracker::flushes() const {
  std::lock_guard<std::mutex> lock(mu_);
  return flushes_;
}

}  // namespace isochron::storage
