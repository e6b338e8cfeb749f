// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_STORAGE_ENGINE_ROCKS_COMPACT_H_
#define ISOCHRON_STORAGE_ENGINE_ROCKS_COMPACT_H_

// Version GC in RocksDB: the filter that every compaction asks, and compactions on demand.
//
// A filter takes the horizons that are current when its compaction begins. On demand one range
// after the other is compacted, asked for by a thread of RocksDB's that does nothing else; a
// request that is waiting already is not queued again, and beyond a bound requests are dropped:
// they come again with the next garbage.
//
// Internal to rocks_engine.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "rocksdb/compaction_filter.h"
#include "rocksdb/db.h"
#include "storage/engine/horizons.h"

namespace isochron::storage {

class VersionFilterFactory : public rocksdb::CompactionFilterFactory {
 public:
  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context& context) override;
  const char* Name() const override { return "isochron.VersionFilter"; }

  HorizonTable* horizons() { return &horizons_; }
  uint64_t dropped() const { return dropped_->load(); }

 private:
  HorizonTable horizons_;
  // Shared with filters, which may outlive this.
  std::shared_ptr<std::atomic<uint64_t>> dropped_ = std::make_shared<std::atomic<uint64_t>>(0);
};

class RangeCompactor {
 public:
  void Start(rocksdb::DB* db);
  // Ends what runs and waits for that; nothing is accepted any more.
  void Stop();
  void Request(absl::string_view lower, absl::string_view upper);

 private:
  static void Main(void* self);
  void Run();

  rocksdb::DB* db_ = nullptr;
  std::atomic<bool> stopping_{false};
  std::mutex mu_;  // guards what follows; never held in a call into RocksDB
  std::condition_variable changed_;
  bool alive_ = false;  // the thread is there
  std::deque<std::pair<std::string, std::string>> waiting_;
};

}  // namespace isochron::storage

#endif  // ISOCHRON_STORAGE_ENGINE_ROCKS_COMPACT_H_
