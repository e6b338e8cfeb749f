// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_STORAGE_MVCC_MVCC_H_
#define ISOCHRON_STORAGE_MVCC_MVCC_H_

// Versioned rows over an Engine: every write of a row adds a version with its commit timestamp, a
// read at t sees the newest version at or below t (OSDI 2012, section 2.1). A deletion is a version
// too, a tombstone: a later reader must know when the row vanished.
//
// User keys are bytes, ordered by memcmp (common/key_encoding.h makes them). At most one version a
// (key, timestamp): writing it again replaces it, so re-applying a log entry changes nothing.
//
// Every read reports the greatest version or tombstone that it examined, because no answer may
// leave before that timestamp has passed (rule 2). Locks, safe time and waiting are the caller's.
//
// Thread-safe as far as its engine is; holds no state but the engine's pointer.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/types.h"
#include "storage/engine/engine.h"

namespace isochron::storage {

struct ReadResult {
  std::optional<std::string> value;  // absent: no row at t
  Timestamp version;                 // of the value or of the tombstone; 0 when there is neither
};

struct Row {
  std::string key;
  std::string value;
  Timestamp version;

  friend bool operator==(const Row&, const Row&) = default;
};

struct ScanOptions {
  uint64_t limit_rows = 0;      // 0: no limit
  uint64_t limit_bytes = 0;     // of keys and values; 0: no limit. The first row always fits.
  uint64_t limit_examined = 0;  // keys looked at, rows or not, to bound the time spent; 0: no limit
  bool reverse = false;         // greatest key first
};

struct ScanResult {
  std::vector<Row> rows;
  Timestamp max_version_examined;  // over the part that was covered, tombstones included
  // Set when a limit ended the scan before the range did. Go on with range.start = *resume_key, or
  // range.end = *resume_key when in reverse.
  std::optional<std::string> resume_key;
};

// Takes the rows of a scan one by one where they lie, in place of a list of copies.
class RowVisitor {
 public:
  virtual ~RowVisitor() = default;
  // The views live until it returns. False: the scan ends behind this row.
  virtual absl::StatusOr<bool> OnRow(absl::string_view key, absl::string_view value) = 0;
};

// A piece of a range with all its versions, for a snapshot that goes to another replica.
struct ExportedChunk {
  std::string bytes;                // opaque, checksummed
  std::optional<std::string> next;  // cursor of the next piece; absent when this was the last
};

struct GcOptions {
  Timestamp horizon;             // applied here; no read below it is answered any more (rule 32)
  uint64_t max_examined = 1000;  // versions looked at in one step, at least 2
  bool versions_too = false;     // remove shadowed versions, not only what tombstones end
  bool drop_blindly = false;     // the sabotage drop-tombstone: without a look below them
};

struct GcStep {
  uint64_t examined = 0;
  uint64_t removed = 0;             // versions and tombstones
  uint64_t bytes = 0;               // looked at
  uint64_t shadowed_bytes = 0;      // that a compaction may drop
  std::optional<std::string> next;  // cursor of the next step; absent at the end of the range
};

class MvccStore {
 public:
  explicit MvccStore(Engine* engine) : engine_(engine) {}

  // Timestamps are > 0.
  static void PutVersion(WriteBatch* batch, absl::string_view key, Timestamp t,
                         absl::string_view value);
  static void PutTombstone(WriteBatch* batch, absl::string_view key, Timestamp t);

  // The row at t. DATA_LOSS when the stored value is malformed (so for all reads below).
  absl::StatusOr<ReadResult> Get(absl::string_view key, Timestamp t) const;
  absl::StatusOr<ScanResult> Scan(const KeyRange& range, Timestamp t,
                                  const ScanOptions& options) const;
  // The same, but the rows go to the visitor, whose errors end it; the result has none.
  absl::StatusOr<ScanResult> Visit(const KeyRange& range, Timestamp t, const ScanOptions& options,
                                   RowVisitor* visitor) const;
  // Timestamp of the newest version or tombstone of the key; 0 when it never had one.
  absl::StatusOr<Timestamp> NewestVersion(absl::string_view key) const;

  // Snapshot transfer: chunk after chunk from one engine snapshot; `cursor` is empty at first, then
  // the `next` of the chunk before. A chunk holds at least one version, and about max_bytes.
  absl::StatusOr<ExportedChunk> ExportChunk(const KeyRange& range, absl::string_view cursor,
                                            uint64_t max_bytes,
                                            const Snapshot* snapshot = nullptr) const;
  // Adds a chunk's versions to the batch. DATA_LOSS when the bytes are damaged, INVALID_ARGUMENT
  // when they hold a key outside `range`; the batch is then unchanged.
  static absl::Status ImportChunk(WriteBatch* batch, const KeyRange& range,
                                  absl::string_view bytes);
  // Deletes every version in the range.
  static void ClearRange(WriteBatch* batch, const KeyRange& range);

  // A hash of all (key, timestamp, value) in the range that a read at or above `horizon` can see:
  // equal for replicas that hold the same, whatever their engines dropped. Reads everything.
  absl::StatusOr<uint64_t> Digest(const KeyRange& range, Timestamp horizon = Timestamp()) const;

  // One step of version GC over the range, from `cursor` (empty at first, then `next`): adds to the
  // batch the removal of tombstones at or below the horizon, with everything older of their rows,
  // which it reads first. The batch is written before the next step.
  absl::StatusOr<GcStep> CollectGarbage(const KeyRange& range, absl::string_view cursor,
                                        const GcOptions& options, WriteBatch* batch) const;
  // The horizon of a range in the engine's terms.
  static VersionHorizon EngineHorizon(const KeyRange& range, Timestamp horizon);
  // A version among a batch's puts; false for other engine keys.
  static bool ParseVersion(absl::string_view engine_key, absl::string_view stored, std::string* key,
                           Timestamp* t, std::optional<std::string>* value);

  // Bytes stored in the range, versions included, roughly.
  uint64_t ApproximateSize(const KeyRange& range) const;
  // A key strictly inside the range with about half of its bytes before it. NOT_FOUND when the
  // range holds fewer than two keys.
  absl::StatusOr<std::string> MiddleKey(const KeyRange& range) const;

 private:
  absl::StatusOr<std::string> MiddleBySteps(const KeyRange& range) const;
  absl::StatusOr<std::string> MiddleBySizes(const KeyRange& range) const;
  Engine* engine_;
};

}  // namespace isochron::storage

#endif  // ISOCHRON_STORAGE_MVCC_MVCC_H_
