// SPDX-License-Identifier: Apache-2.0
#include "storage/engine/rocks_engine.h"

#include <mutex>
#include <utility>
#include <vector>

#include "common/check.h"
#include "common/coding.h"
#include "common/status_macros.h"
#include "rocksdb/convenience.h"
#include "rocksdb/db.h"
#include "rocksdb/write_batch.h"
#include "storage/engine/key_space.h"
#include "storage/engine/rocks_compact.h"
#include "storage/engine/rocks_flush.h"
#include "storage/engine/rocks_open.h"

namespace isochron::storage {
namespace {

constexpr uint64_t kPressedMemtables = 2;

rocksdb::Slice ToSlice(absl::string_view v) { return rocksdb::Slice(v.data(), v.size()); }
absl::string_view ToView(const rocksdb::Slice& s) { return absl::string_view(s.data(), s.size()); }

constexpr absl::string_view kReading = "cannot read the store";

}  // namespace

class RocksEngine::SnapshotImpl : public Snapshot {
 public:
  explicit SnapshotImpl(rocksdb::DB* db) : db_(db), snapshot_(db->GetSnapshot()) {}
  ~SnapshotImpl() override { db_->ReleaseSnapshot(snapshot_); }
  static const rocksdb::Snapshot* Of(const Snapshot* s) {
    return s ? static_cast<const SnapshotImpl*>(s)->snapshot_ : nullptr;
  }

 private:
  rocksdb::DB* db_;
  const rocksdb::Snapshot* snapshot_;
};

class RocksEngine::IteratorImpl : public Iterator {
 public:
  IteratorImpl(const RocksEngine* engine, absl::string_view lower, absl::string_view upper,
               const Snapshot* snapshot)
      : engine_(engine), lower_(lower), upper_(upper), lower_slice_(lower_), upper_slice_(upper_) {
    rocksdb::ReadOptions options;
    options.total_order_seek = true;
    options.snapshot = SnapshotImpl::Of(snapshot);
    if (!lower_.empty()) options.iterate_lower_bound = &lower_slice_;
    if (!upper_.empty()) options.iterate_upper_bound = &upper_slice_;
    it_.reset(engine->db_->NewIterator(options));
  }
  bool Valid() const override { return it_->Valid(); }
  void SeekToFirst() override { it_->SeekToFirst(); }
  void SeekToLast() override { it_->SeekToLast(); }
  void Seek(absl::string_view target) override { it_->Seek(ToSlice(target)); }
  void SeekForPrev(absl::string_view target) override { it_->SeekForPrev(ToSlice(target)); }
  void Next() override { it_->Next(); }
  void Prev() override { it_->Prev(); }
  absl::string_view key() const override { return ToView(it_->key()); }
  absl::string_view value() const override { return ToView(it_->value()); }
  absl::Status status() const override { return engine_->Told(it_->status()); }

 private:
  const RocksEngine* const engine_;
  std::string lower_;
  std::string upper_;
  rocksdb::Slice lower_slice_;
  rocksdb::Slice upper_slice_;
  std::unique_ptr<rocksdb::Iterator> it_;
};

// Iterators for point reads, kept because making one costs more than the read. One that lies here
// pins a memtable and files, so all are dropped when these change.
class RocksEngine::IteratorPool {
 public:
  struct Lease {
    std::unique_ptr<rocksdb::Iterator> it;
    uint64_t generation;
  };

  Lease Take(rocksdb::DB* db) {
    Lease lease;
    {
      std::lock_guard<std::mutex> lock(mu_);
      lease.generation = generation_;
      if (!idle_.empty()) {
        lease.it = std::move(idle_.back());
        idle_.pop_back();
      }
    }
    if (lease.it && lease.it->Refresh().ok()) return lease;
    rocksdb::ReadOptions options;
    options.prefix_same_as_start = true;
    lease.it.reset(db->NewIterator(options));
    return lease;
  }
  void Return(Lease lease) {
    std::lock_guard<std::mutex> lock(mu_);
    if (lease.generation == generation_ && idle_.size() < kMaxIdle) {
      idle_.push_back(std::move(lease.it));
    }
  }
  void Drop() {
    std::vector<std::unique_ptr<rocksdb::Iterator>> dropped;
    std::lock_guard<std::mutex> lock(mu_);
    ++generation_;
    dropped.swap(idle_);
  }

 private:
  static constexpr size_t kMaxIdle = 4;
  std::mutex mu_;  // guards both
  uint64_t generation_ = 0;
  std::vector<std::unique_ptr<rocksdb::Iterator>> idle_;
};

RocksEngine::RocksEngine()
    : pool_(std::make_shared<IteratorPool>()),
      filters_(std::make_shared<VersionFilterFactory>()),
      compactor_(std::make_unique<RangeCompactor>()) {
  tracker_ = std::make_shared<FlushTracker>([pool = pool_] { pool->Drop(); });
}

absl::StatusOr<std::unique_ptr<RocksEngine>> RocksEngine::Open(const std::string& folder,
                                                               const RocksOptions& options) {
  std::unique_ptr<RocksEngine> engine(new RocksEngine());
  engine->tracker_->TellFailures(options.on_failure);
  ISO_ASSIGN_OR_RETURN(OpenedRocks opened,
                       OpenRocks(folder, options, engine->tracker_, engine->filters_));
  engine->on_failure_ = options.on_failure;
  engine->cache_ = std::move(opened.cache);
  engine->db_ = std::move(opened.db);
  engine->tracker_->Start(engine->db_.get());
  engine->compactor_->Start(engine->db_.get());
  ISO_RETURN_IF_ERROR(CheckRocksMarker(engine->db_.get(), folder));
  return engine;
}

absl::StatusOr<std::unique_ptr<RocksEngine>> RocksEngine::OpenReadOnly(const std::string& folder) {
  std::unique_ptr<RocksEngine> engine(new RocksEngine());
  ISO_ASSIGN_OR_RETURN(OpenedRocks opened, OpenRocksReadOnly(folder));
  engine->cache_ = std::move(opened.cache);
  engine->db_ = std::move(opened.db);
  return engine;
}

std::vector<DamagedFile> RocksEngine::CheckFiles(uint64_t* files) {
  return CheckRocksFiles(db_.get(), files);
}

RocksEngine::~RocksEngine() {
  tracker_->Stop();
  if (db_ == nullptr) return;
  compactor_->Stop();
  rocksdb::CancelAllBackgroundWork(db_.get(), /*wait=*/true);
  pool_->Drop();
  db_->Close();
}

absl::Status RocksEngine::Told(const rocksdb::Status& status) const {
  absl::Status told = FromRocks(status, kReading);
  if (absl::IsDataLoss(told) && on_failure_) on_failure_(told);
  return told;
}

absl::Status RocksEngine::Write(WriteBatch batch) {
  if (batch.empty()) return absl::OkStatus();
  // RocksDB itself may still take a write between telling of an error and noting it.
  ISO_RETURN_IF_ERROR(tracker_->failed());
  rocksdb::WriteBatch rocks_batch(batch.Take());
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return FromRocks(db_->Write(options, &rocks_batch), "cannot write to the store");
}

absl::StatusOr<bool> RocksEngine::Get(absl::string_view key, std::string* value,
                                      const Snapshot* snapshot) {
  rocksdb::ReadOptions options;
  options.snapshot = SnapshotImpl::Of(snapshot);
  std::string found;
  const rocksdb::Status s = db_->Get(options, ToSlice(key), &found);
  if (s.IsNotFound()) return false;
  ISO_RETURN_IF_ERROR(Told(s));
  *value = std::move(found);
  return true;
}

absl::StatusOr<bool> RocksEngine::GetDurable(absl::string_view key, std::string* value) {
  rocksdb::ReadOptions options;
  options.read_tier = rocksdb::kPersistedTier;  // skips memtables, as the log is off
  std::string found;
  const rocksdb::Status s = db_->Get(options, ToSlice(key), &found);
  if (s.IsNotFound()) return false;
  ISO_RETURN_IF_ERROR(Told(s));
  *value = std::move(found);
  return true;
}

absl::StatusOr<bool> RocksEngine::SeekVersion(absl::string_view target, uint64_t* inverted,
                                              std::string* value) {
  ISO_CHECK(target.size() > kVersionBytes, "not a data key");
  const size_t prefix = target.size() - kVersionBytes;
  IteratorPool::Lease lease = pool_->Take(db_.get());
  rocksdb::Iterator* it = lease.it.get();
  it->Seek(ToSlice(target));
  bool found = false;
  if (it->Valid()) {
    const absl::string_view key = ToView(it->key());
    if (key.size() == target.size() && key.substr(0, prefix) == target.substr(0, prefix)) {
      found = true;
      *inverted = LoadBigEndian64(key.data() + prefix);
      value->assign(it->value().data(), it->value().size());
    }
  }
  ISO_RETURN_IF_ERROR(Told(it->status()));
  pool_->Return(std::move(lease));
  return found;
}

std::unique_ptr<Iterator> RocksEngine::NewIterator(absl::string_view lower, absl::string_view upper,
                                                   const Snapshot* snapshot) {
  return std::make_unique<IteratorImpl>(this, lower, upper, snapshot);
}

std::unique_ptr<Snapshot> RocksEngine::NewSnapshot() {
  return std::make_unique<SnapshotImpl>(db_.get());
}

void RocksEngine::FlushAsync(Executor* executor, absl::AnyInvocable<void(absl::Status)> done) {
  tracker_->Request(executor, std::move(done));
}

absl::Status RocksEngine::Flush() {
  return FromRocks(db_->Flush(rocksdb::FlushOptions()), "cannot flush the store");
}

void RocksEngine::SetHorizons(std::vector<VersionHorizon> horizons) {
  filters_->horizons()->Set(std::move(horizons));
}

void RocksEngine::CompactAsync(absl::string_view lower, absl::string_view upper) {
  compactor_->Request(lower, upper);
}

uint64_t RocksEngine::ApproximateSize(absl::string_view lower, absl::string_view upper) {
  // RocksDB wants an upper bound; nothing of ours sorts as high as this one.
  const rocksdb::Range range(ToSlice(lower), upper.empty() ? "\xff\xff" : ToSlice(upper));
  rocksdb::SizeApproximationOptions options;
  options.include_memtables = true;
  options.include_files = true;
  uint64_t size = 0;
  if (!db_->GetApproximateSizes(options, db_->DefaultColumnFamily(), &range, 1, &size).ok())
    return 0;
  return size;
}

bool RocksEngine::CloseToStall() {
  // RocksDB slows its writer down at three memtables that wait to be flushed, and stops it at four.
  uint64_t waiting = 0;
  if (db_->GetIntProperty(rocksdb::DB::Properties::kNumImmutableMemTable, &waiting) &&
      waiting >= kPressedMemtables) {
    return true;
  }
  uint64_t delayed = 0;
  return db_->GetIntProperty(rocksdb::DB::Properties::kActualDelayedWriteRate, &delayed) &&
         delayed != 0;
}

EngineStats RocksEngine::Stats() {
  auto number = [this](const std::string& property) {
    uint64_t v = 0;
    return db_->GetIntProperty(property, &v) ? v : 0;
  };
  EngineStats stats;
  stats.memtable_bytes = number(rocksdb::DB::Properties::kCurSizeAllMemTables);
  stats.block_cache_bytes = cache_->GetUsage();
  stats.disk_bytes = number(rocksdb::DB::Properties::kTotalSstFilesSize);
  stats.flushes = tracker_->flushes();
  stats.versions_dropped = filters_->dropped();
  stats.writes_stalled = number(rocksdb::DB::Properties::kIsWriteStopped) != 0 ||
                         number(rocksdb::DB::Properties::kActualDelayedWriteRate) != 0;
  return stats;
}

}  // namespace isochron::storage
