// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_STORAGE_ENGINE_ROCKS_ENGINE_H_
#define ISOCHRON_STORAGE_ENGINE_ROCKS_ENGINE_H_

// The Engine of a served node: RocksDB without its own log, all keys in one column family.
//
// One column family means one memtable order: memtables are flushed oldest first and a batch never
// straddles two, so what is on disk is always a prefix of the batches (engine.h, rule 30). With
// several column families each would flush at its own pace, and 7.8.3's atomic flush predates a
// data-loss fix.
//
// A flush that was asked for runs on RocksDB's one flush thread; its listener learns the sequence
// number that reached the disk and answers the requests at or below it. Checksums are verified on
// every read. Memory: block cache (index and filter blocks included) + write buffers, both bounded.
//
// Thread-safe but for Write, which has one caller at a time. Destroyed when the Executors that
// asked for flushes run no more, or on them.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storage/engine/engine.h"

namespace rocksdb {
class DB;
class Cache;
class Status;
}  // namespace rocksdb

namespace isochron::storage {

class FlushTracker;
class RangeCompactor;
class VersionFilterFactory;

struct RocksOptions {
  uint64_t block_cache_bytes = 64 << 20;
  uint64_t write_buffer_bytes = 16 << 20;  // of one memtable
  int write_buffers = 4;                   // memtables at most; writers wait beyond
  int max_open_files = 1000;
  // Called, on whatever thread, when a read meets damage (DATA_LOSS; the read fails with it as
  // well), and when a file of the store cannot be written: the store takes no more from then on,
  // also when there is room again, so the process is to end (rule 34).
  std::function<void(const absl::Status&)> on_failure;
};

// A file that cannot be read whole, and the engine keys between which its content lies.
struct DamagedFile {
  std::string file;
  std::string what;
  std::string smallest;
  std::string largest;
};

class RocksEngine : public Engine {
 public:
  // Opens the store in `folder`, making it when absent or empty.
  //   FAILED_PRECONDITION  another process has it open; or the folder holds something else
  //   PERMISSION_DENIED    it cannot be made or written
  //   DATA_LOSS            its files are damaged
  static absl::StatusOr<std::unique_ptr<RocksEngine>> Open(const std::string& folder,
                                                           const RocksOptions& options = {});
  // For looking at the store of a stopped node: nothing in `folder` changes, writes fail.
  static absl::StatusOr<std::unique_ptr<RocksEngine>> OpenReadOnly(const std::string& folder);
  // Does not flush: what was not flushed before is lost, as in a crash.
  ~RocksEngine() override;

  absl::Status Write(WriteBatch batch) override;
  absl::StatusOr<bool> Get(absl::string_view key, std::string* value,
                           const Snapshot* snapshot) override;
  absl::StatusOr<bool> GetDurable(absl::string_view key, std::string* value) override;
  absl::StatusOr<bool> SeekVersion(absl::string_view target, uint64_t* inverted,
                                   std::string* value) override;
  std::unique_ptr<Iterator> NewIterator(absl::string_view lower, absl::string_view upper,
                                        const Snapshot* snapshot) override;
  std::unique_ptr<Snapshot> NewSnapshot() override;
  void FlushAsync(Executor* executor, absl::AnyInvocable<void(absl::Status)> done) override;
  absl::Status Flush() override;
  void SetHorizons(std::vector<VersionHorizon> horizons) override;
  void CompactAsync(absl::string_view lower, absl::string_view upper) override;
  uint64_t ApproximateSize(absl::string_view lower, absl::string_view upper) override;
  EngineStats Stats() override;
  bool CloseToStall() override;

  // Reads every block of every file and compares checksums. Slow: all of the store is read. `files`
  // counts them. Any thread.
  std::vector<DamagedFile> CheckFiles(uint64_t* files);

 private:
  class SnapshotImpl;
  class IteratorImpl;
  class IteratorPool;

  RocksEngine();

  // Of a read: in our words, and damage told to on_failure_.
  absl::Status Told(const rocksdb::Status& status) const;

  std::function<void(const absl::Status&)> on_failure_;
  std::shared_ptr<rocksdb::Cache> cache_;
  std::shared_ptr<FlushTracker> tracker_;
  std::shared_ptr<IteratorPool> pool_;
  std::shared_ptr<VersionFilterFactory> filters_;
  std::unique_ptr<RangeCompactor> compactor_;
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace isochron::storage

#endif  // ISOCHRON_STORAGE_ENGINE_ROCKS_ENGINE_H_
