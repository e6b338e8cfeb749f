// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_STORAGE_ENGINE_ENGINE_H_
#define ISOCHRON_STORAGE_ENGINE_ENGINE_H_

// The Engine seam: an ordered map of bytes with atomic batches and consistent snapshots.
//
// Durability (rule 30). There is no write-ahead log below this line: the Paxos log is it. Batches
// become durable in the order they were written, whole batches only, at moments the engine chooses
// or when a flush is asked for. So after any crash the engine holds exactly the first n batches,
// for some n no smaller than what the last completed flush covered. Whatever must agree (rows,
// applied index, prepared set) is consistent after every crash if it is written in one batch. This
// holds because all keys share one column family; docs/internals/storage.md tells more.
//
// Key space: two kinds of keys share the map (key_space.h): 'd' versioned rows, 'm' metadata.
//
// Threading. Reads, iterators and snapshots may be used from any thread in RocksEngine; one writer
// at a time. MemEngine belongs to one thread. Iterators and snapshots are destroyed before their
// engine.
//
// Errors. Every operation may return DATA_LOSS (damage found), RESOURCE_EXHAUSTED (disk full),
// UNAVAILABLE or INTERNAL (other trouble of the disk). After a failed Write or flush the engine
// refuses further writes with the same error: the node stops (rule 34).

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/executor.h"
#include "storage/engine/horizons.h"
#include "storage/engine/write_batch.h"

namespace isochron::storage {

// A walk over [lower, upper) as it was when the iterator was made. Starts invalid: Seek first.
// Views are good until the next move. When Valid() turns false, status() says whether the range
// ended or the reading failed.
class Iterator {
 public:
  virtual ~Iterator() = default;
  virtual bool Valid() const = 0;
  virtual void SeekToFirst() = 0;
  virtual void SeekToLast() = 0;
  // The first entry at or after `target`.
  virtual void Seek(absl::string_view target) = 0;
  // The last entry at or before `target`.
  virtual void SeekForPrev(absl::string_view target) = 0;
  // Precondition of these four: Valid().
  virtual void Next() = 0;
  virtual void Prev() = 0;
  virtual absl::string_view key() const = 0;
  virtual absl::string_view value() const = 0;
  virtual absl::Status status() const = 0;
};

// Keeps the state of its making readable while it lives. Hold it briefly: it pins memory.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
};

struct EngineStats {
  uint64_t memtable_bytes = 0;
  uint64_t block_cache_bytes = 0;
  uint64_t disk_bytes = 0;
  uint64_t flushes = 0;
  bool writes_stalled = false;    // writers wait for the disk: shed load (rule 38)
  uint64_t versions_dropped = 0;  // by compactions, below horizons
};

class Engine {
 public:
  virtual ~Engine() = default;

  // Makes the batch visible, atomically. Not durable by itself. May block while writes are stalled.
  virtual absl::Status Write(WriteBatch batch) = 0;

  // False when absent; *value is then untouched.
  virtual absl::StatusOr<bool> Get(absl::string_view key, std::string* value,
                                   const Snapshot* snapshot = nullptr) = 0;
  // As Get, from what a crash at this moment would surely leave (the flushed prefix).
  virtual absl::StatusOr<bool> GetDurable(absl::string_view key, std::string* value) = 0;
  // `target` is a data key (its last 8 bytes are the inverted timestamp). Finds the first entry at
  // or after it that differs from it in those 8 bytes at most; *inverted is that entry's 8 bytes as
  // a number. False when there is none. The fast path of a point read.
  virtual absl::StatusOr<bool> SeekVersion(absl::string_view target, uint64_t* inverted,
                                           std::string* value) = 0;

  // An empty `upper` means no bound. Copies the bounds.
  virtual std::unique_ptr<Iterator> NewIterator(absl::string_view lower, absl::string_view upper,
                                                const Snapshot* snapshot = nullptr) = 0;
  virtual std::unique_ptr<Snapshot> NewSnapshot() = 0;

  // Makes all batches written before the call durable, without blocking; then runs `done` on
  // `executor`. Requests made meanwhile are gathered into one flush. `done` of a destroyed engine
  // never runs.
  virtual void FlushAsync(Executor* executor, absl::AnyInvocable<void(absl::Status)> done) = 0;
  // The same, blocking: for start and stop.
  virtual absl::Status Flush() = 0;

  // Compactions may drop versions that a newer one at or below these horizons shadows, from now on
  // (horizons.h). Replaces what was set before. The caller has flushed these horizons (rule 32).
  virtual void SetHorizons(std::vector<VersionHorizon> horizons) = 0;
  // Asks for a compaction of [lower, upper) in the background, so that what may go gives its space
  // back. A hint: it may be dropped when too many wait.
  virtual void CompactAsync(absl::string_view lower, absl::string_view upper) = 0;

  // Writes are about to wait for the disk: the time to slow writers down (rule 38). Cheap.
  virtual bool CloseToStall() { return false; }

  // Bytes stored between the bounds, roughly.
  virtual uint64_t ApproximateSize(absl::string_view lower, absl::string_view upper) = 0;
  virtual EngineStats Stats() = 0;
};

}  // namespace isochron::storage

#endif  // ISOCHRON_STORAGE_ENGINE_ENGINE_H_
