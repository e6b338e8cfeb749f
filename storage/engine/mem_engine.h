// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_STORAGE_ENGINE_MEM_ENGINE_H_
#define ISOCHRON_STORAGE_ENGINE_MEM_ENGINE_H_

// The Engine of the simulator and of tests: a map in memory that knows which of its batches a crash
// would leave.
//
// Batches written since the last flush are kept as undo records. A crash (CrashToFlushedPrefix)
// takes back the youngest of them, as many as a random draw says: every state that RocksDB without
// its log could be in after a crash, and none other. Like RocksDB it also flushes by itself, once
// the unflushed batches have grown to a write buffer's size.
//
// Snapshots and iterators read the versions of their making: a cell keeps older versions only while
// somebody may still ask for them. One thread. Survives its node's crash: it is the disk's content.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/random.h"
#include "storage/engine/engine.h"

namespace isochron::storage {

struct MemEngineOptions {
  uint64_t write_buffer_bytes = 256 << 10;  // flushed by itself beyond this
  Micros flush_delay_us = 2000;             // between FlushAsync and its completion
};

class MemEngine : public Engine {
 public:
  explicit MemEngine(const MemEngineOptions& options = {});
  ~MemEngine() override;

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
  void SetHorizons(std::vector<VersionHorizon> horizons) override {
    horizons_.Set(std::move(horizons));
  }
  // At once: what it drops is gone from the durable state, as from a compacted file, and a crash
  // does not bring it back. Like a pass over some of RocksDB's files it sees only a part of the
  // entries, another one each time. Does nothing while somebody reads.
  void CompactAsync(absl::string_view lower, absl::string_view upper) override;
  uint64_t ApproximateSize(absl::string_view lower, absl::string_view upper) override;
  EngineStats Stats() override;

  // The node crashes (process or power: alike, nothing is durable before a flush). Goes back to a
  // random legal prefix; what is left is durable. Flushes under way never complete. No iterator or
  // snapshot may be alive.
  void CrashToFlushedPrefix(Random* random);
  // What stands under `key` cannot be read from now on, neither alone nor in passing: DATA_LOSS. It
  // lasts until Heal or the end.
  void Damage(absl::string_view key) { damaged_.insert(std::string(key)); }
  void Heal() { damaged_.clear(); }
  // Called when a read meets damage; the read fails with it as well.
  void SetOnDamage(std::function<void(const absl::Status&)> fn) { on_damage_ = std::move(fn); }
  // Batches a crash may take back.
  size_t unflushed_batches() const { return undo_.size(); }

 private:
  class Reader;
  class SnapshotImpl;
  class IteratorImpl;
  class Applier;

  struct Version {
    uint64_t sequence;
    std::optional<std::string> value;
  };
  // The newest version, and those before it that a snapshot may need, oldest first.
  struct Cell {
    Version newest;
    std::vector<Version> older;
  };
  struct Less {
    using is_transparent = void;
    bool operator()(absl::string_view a, absl::string_view b) const { return a < b; }
  };
  using Map = std::map<std::string, Cell, Less>;
  using Keys = std::set<std::string, Less>;
  // What stood there before.
  struct Undo {
    std::string key;
    std::optional<std::string> value;
  };
  struct Batch {
    std::vector<Undo> undo;
    uint64_t bytes = 0;
  };

  absl::Status Unreadable(absl::string_view key) const;
  static const std::optional<std::string>* Visible(const Cell& cell, uint64_t sequence);
  void Change(absl::string_view key, std::optional<std::string> value, Batch* undo);
  void MakeDurable(uint64_t sequence);
  void Release(uint64_t sequence);

  MemEngineOptions options_;
  Map map_;
  uint64_t sequence_ = 0;   // of the last batch
  uint64_t durable_ = 0;    // batches up to here are durable
  std::deque<Batch> undo_;  // of batches durable_ + 1 to sequence_
  uint64_t undo_bytes_ = 0;
  Keys damaged_;
  std::function<void(const absl::Status&)> on_damage_;
  std::multiset<uint64_t> readers_;  // sequences that live iterators and snapshots read at
  std::set<std::string> stale_;      // cells with older versions or a deletion to drop
  HorizonTable horizons_;
  uint64_t compactions_ = 0;
  uint64_t versions_dropped_ = 0;
  uint64_t flushes_ = 0;
  // Flushes under way hold it weakly: a crash or the end replaces it, and they come to nothing.
  std::shared_ptr<int> life_;
};

}  // namespace isochron::storage

#endif  // ISOCHRON_STORAGE_ENGINE_MEM_ENGINE_H_
