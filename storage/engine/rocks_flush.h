// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_STORAGE_ENGINE_ROCKS_FLUSH_H_
#define ISOCHRON_STORAGE_ENGINE_ROCKS_FLUSH_H_

// Knows how much of a RocksDB without its log has reached the disk, and answers those who asked.
//
// Every operation has a sequence number; a finished flush names the greatest one in its file.
// Memtables of one column family are flushed in order, so everything at or below that number is
// then on disk. At most one flush that was asked for is under way; later requests wait for it and
// share the next.
//
// RocksDB calls the listener on its own thread, where no flush may be started (it could wait for
// itself): the next one is started from the Executor of one who waits.
//
// Internal to rocks_engine.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/executor.h"
#include "rocksdb/db.h"
#include "rocksdb/listener.h"

namespace isochron::storage {

// RocksDB's status in ours.
absl::Status FromRocks(const rocksdb::Status& s, absl::string_view doing);

class FlushTracker : public rocksdb::EventListener,
                     public std::enable_shared_from_this<FlushTracker> {
 public:
  // `changed` runs on RocksDB's threads after each flush and compaction, maybe on two at once.
  explicit FlushTracker(std::function<void()> changed) : changed_(std::move(changed)) {}

  // `failed` runs on RocksDB's threads when it could not write. Before the store is opened.
  void TellFailures(std::function<void(const absl::Status&)> failed) { told_ = std::move(failed); }
  // The store is open: everything up to its latest sequence number came from disk.
  void Start(rocksdb::DB* db);
  // The store closes: nothing is answered from here on.
  void Stop();

  void Request(Executor* executor, absl::AnyInvocable<void(absl::Status)> done);
  uint64_t flushes() const;
  // Why the store takes nothing more; OK while it does. Any thread.
  absl::Status failed() const;

  // rocksdb::EventListener
  void OnFlushCompleted(rocksdb::DB* db, const rocksdb::FlushJobInfo& info) override;
  void OnCompactionCompleted(rocksdb::DB* db, const rocksdb::CompactionJobInfo& info) override;
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override;
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason reason, rocksdb::Status error,
                            bool* auto_recovery) override;
  bool ShouldBeNotifiedOnFileIO() override { return true; }  // else of no error either
  void OnIOError(const rocksdb::IOErrorInfo& info) override;

 private:
  struct Waiting {
    uint64_t sequence;
    Executor* executor;
    absl::AnyInvocable<void(absl::Status)> done;
  };
  void StartFlush();
  void FailAll(const absl::Status& status);
  static void Answer(std::vector<Waiting> waiting, const absl::Status& status);

  const std::function<void()> changed_;
  std::function<void(const absl::Status&)> told_;
  rocksdb::DB* db_ = nullptr;  // set before the first request, cleared after the last

  mutable std::mutex mu_;  // guards what follows; never held in a call into RocksDB
  uint64_t durable_ = 0;   // sequence numbers up to here are on disk
  uint64_t flushes_ = 0;
  bool under_way_ = false;  // a flush is posted or started, and not yet seen to reach the disk
  uint64_t covers_ = 0;     // the sequence numbers that it covers; 0 while it is only posted
  absl::Status failed_;
  std::atomic<bool> has_failed_{false};  // failed_ is set: what each write looks at
  std::vector<Waiting> waiting_;
};

}  // namespace isochron::storage

#endif  // ISOCHRON_STORAGE_ENGINE_ROCKS_FLUSH_H_
