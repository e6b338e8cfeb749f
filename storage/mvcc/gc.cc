// SPDX-License-Identifier: Apache-2.0
//
// The pass over a range that removes what compactions cannot: a tombstone may go only together with
// all older versions of its row, and only somebody who reads the whole row knows them.
//
// A removal is an ordinary deletion in a batch behind the one that applied the horizon, so a crash
// that takes back the horizon takes back the removal too.

#include "common/status_macros.h"
#include "storage/engine/key_space.h"
#include "storage/mvcc/mvcc.h"
#include "storage/mvcc/version_key.h"

namespace isochron::storage {
namespace {

// Walks rows, newest version first. The pivot of a row is its newest version at or below the
// horizon: what lies below it no read sees.
class Collector {
 public:
  Collector(const GcOptions& options, WriteBatch* batch) : options_(options), batch_(batch) {}

  absl::StatusOr<GcStep> Run(Iterator* it) {
    for (; it->Valid(); it->Next()) {
      if (SharedPart(it->key()) != row_) {
        EndRow();
        row_.assign(SharedPart(it->key()).data(), SharedPart(it->key()).size());
      }
      if (step_.examined == options_.max_examined) {
        // A row whose tombstone is still there begins again at it; what was below it is gone then.
        step_.next = pivot_is_tombstone_ ? pivot_ : std::string(it->key());
        return std::move(step_);
      }
      ++step_.examined;
      ISO_RETURN_IF_ERROR(Visit(it->key(), it->value()));
    }
    ISO_RETURN_IF_ERROR(it->status());
    EndRow();
    return std::move(step_);
  }

 private:
  absl::Status Visit(absl::string_view key, absl::string_view value) {
    const uint64_t bytes = key.size() + value.size();
    step_.bytes += bytes;
    Timestamp t;
    ISO_RETURN_IF_ERROR(ParseVersionTime(key, &t));
    if (t > options_.horizon) return absl::OkStatus();
    if (pivot_.empty()) {
      pivot_.assign(key.data(), key.size());
      pivot_is_tombstone_ = !value.empty() && value[0] == kTombstoneKind;
    } else if (pivot_is_tombstone_ ? !options_.drop_blindly : options_.versions_too) {
      batch_->Delete(key);
      ++step_.removed;
    } else {
      step_.shadowed_bytes += bytes;
    }
    return absl::OkStatus();
  }

  void EndRow() {
    if (pivot_is_tombstone_) {
      batch_->Delete(pivot_);
      ++step_.removed;
    }
    pivot_.clear();
    pivot_is_tombstone_ = false;
  }

  const GcOptions options_;
  WriteBatch* const batch_;
  GcStep step_;
  std::string row_;
  std::string pivot_;  // empty: none yet
  bool pivot_is_tombstone_ = false;
};

}  // namespace

absl::StatusOr<GcStep> MvccStore::CollectGarbage(const KeyRange& range, absl::string_view cursor,
                                                 const GcOptions& options,
                                                 WriteBatch* batch) const {
  if (range.Empty()) return GcStep();
  auto it = engine_->NewIterator(LowerBound(range), UpperBound(range));
  it->Seek(cursor);
  return Collector(options, batch).Run(it.get());
}

VersionHorizon MvccStore::EngineHorizon(const KeyRange& range, Timestamp horizon) {
  return VersionHorizon{LowerBound(range), UpperBound(range), horizon.us};
}

bool MvccStore::ParseVersion(absl::string_view engine_key, absl::string_view stored,
                             std::string* key, Timestamp* t, std::optional<std::string>* value) {
  if (engine_key.empty() || engine_key[0] != kDataKey || stored.empty()) return false;
  if (!ParseVersionKey(engine_key, key, t).ok()) return false;
  value->reset();
  if (stored[0] == kRowKind) *value = std::string(stored.substr(1));
  return true;
}

}  // namespace isochron::storage
