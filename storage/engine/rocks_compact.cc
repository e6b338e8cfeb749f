// SPDX-License-Identifier: Apache-2.0
#include "storage/engine/rocks_compact.h"

#include <algorithm>

#include "rocksdb/env.h"
#include "rocksdb/options.h"

namespace isochron::storage {
namespace {

constexpr size_t kMaxWaiting = 256;

class VersionFilter : public rocksdb::CompactionFilter {
 public:
  VersionFilter(HorizonTable::Horizons horizons, std::shared_ptr<std::atomic<uint64_t>> dropped)
      : filter_(std::move(horizons)), dropped_(std::move(dropped)) {}

  bool Filter(int /*level*/, const rocksdb::Slice& key, const rocksdb::Slice& /*value*/,
              std::string* /*new_value*/, bool* /*value_changed*/) const override {
    if (!filter_.Drop(absl::string_view(key.data(), key.size()))) return false;
    dropped_->fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  const char* Name() const override { return "isochron.VersionFilter"; }

 private:
  mutable ShadowFilter filter_;  // RocksDB calls one filter from one thread
  std::shared_ptr<std::atomic<uint64_t>> dropped_;
};

}  // namespace

std::unique_ptr<rocksdb::CompactionFilter> VersionFilterFactory::CreateCompactionFilter(
    const rocksdb::CompactionFilter::Context& /*context*/) {
  return std::make_unique<VersionFilter>(horizons_.Get(), dropped_);
}

void RangeCompactor::Start(rocksdb::DB* db) {
  db_ = db;
  {
    std::lock_guard<std::mutex> lock(mu_);
    alive_ = true;
  }
  db->GetEnv()->StartThread(&RangeCompactor::Main, this);
}

void RangeCompactor::Stop() {
  stopping_ = true;
  std::unique_lock<std::mutex> lock(mu_);
  waiting_.clear();
  changed_.notify_all();
  changed_.wait(lock, [this] { return !alive_; });
}

void RangeCompactor::Request(absl::string_view lower, absl::string_view upper) {
  std::pair<std::string, std::string> range(std::string(lower.data(), lower.size()),
                                            std::string(upper.data(), upper.size()));
  std::lock_guard<std::mutex> lock(mu_);
  if (stopping_ || waiting_.size() >= kMaxWaiting ||
      std::find(waiting_.begin(), waiting_.end(), range) != waiting_.end()) {
    return;
  }
  waiting_.push_back(std::move(range));
  changed_.notify_all();
}

void RangeCompactor::Main(void* self) { static_cast<RangeCompactor*>(self)->Run(); }

void RangeCompactor::Run() {
  std::unique_lock<std::mutex> lock(mu_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) break;
    const std::pair<std::string, std::string> range = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    rocksdb::CompactRangeOptions options;
    options.exclusive_manual_compaction = false;
    options.canceled = &stopping_;
    const rocksdb::Slice lower(range.first);
    const rocksdb::Slice upper(range.second);
    // A failure of the disk also comes as a background error, which ends the store.
    db_->CompactRange(options, &lower, range.second.empty() ? nullptr : &upper)
        .PermitUncheckedError();
    lock.lock();
  }
  alive_ = false;
  changed_.notify_all();
}

}  // namespace isochron::storage
