// SPDX-License-Identifier: Apache-2.0
#include "storage/engine/mem_engine.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/coding.h"
#include "common/crc32c.h"
#include "storage/engine/key_space.h"

namespace isochron::storage {

// Registers a sequence as read at, for as long as it lives.
class MemEngine::Reader {
 public:
  Reader(MemEngine* engine, uint64_t sequence) : engine_(engine), sequence_(sequence) {
    engine_->readers_.insert(sequence_);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { engine_->Release(sequence_); }
  uint64_t sequence() const { return sequence_; }

 private:
  MemEngine* engine_;
  uint64_t sequence_;
};

class MemEngine::SnapshotImpl : public Snapshot {
 public:
  SnapshotImpl(MemEngine* engine, uint64_t sequence) : reader(engine, sequence) {}
  Reader reader;
};

class MemEngine::IteratorImpl : public Iterator {
 public:
  IteratorImpl(MemEngine* engine, absl::string_view lower, absl::string_view upper,
               uint64_t sequence)
      : engine_(engine),
        map_(&engine->map_),
        reader_(engine, sequence),
        lower_(lower),
        upper_(upper) {
    at_ = map_->end();
  }

  bool Valid() const override { return at_ != map_->end(); }
  void SeekToFirst() override { Seek(lower_); }
  void SeekToLast() override {
    at_ = upper_.empty() ? map_->end() : map_->lower_bound(upper_);
    Back();
  }
  void Seek(absl::string_view target) override {
    at_ = map_->lower_bound(target < lower_ ? absl::string_view(lower_) : target);
    Settle();
  }
  void SeekForPrev(absl::string_view target) override {
    if (!upper_.empty() && target >= upper_) return SeekToLast();
    at_ = map_->upper_bound(target);
    Back();
  }
  void Next() override {
    ++at_;
    Settle();
  }
  void Prev() override { Back(); }
  absl::string_view key() const override { return at_->first; }
  absl::string_view value() const override { return **Visible(at_->second, reader_.sequence()); }
  absl::Status status() const override { return status_; }

 private:
  // An entry that cannot be read ends the walk.
  bool Readable() {
    if (engine_->damaged_.empty() || !engine_->damaged_.contains(at_->first)) return true;
    status_ = engine_->Unreadable(at_->first);
    at_ = map_->end();
    return false;
  }
  bool Shown() const {
    const std::optional<std::string>* v = Visible(at_->second, reader_.sequence());
    return v != nullptr && v->has_value();
  }
  // Forward from at_ to the first entry that shows.
  void Settle() {
    while (at_ != map_->end() && !Shown()) ++at_;
    if (at_ != map_->end() && !upper_.empty() && at_->first >= upper_) at_ = map_->end();
    if (at_ != map_->end()) Readable();
  }
  // Backward from before at_ to the first entry that shows.
  void Back() {
    while (at_ != map_->begin()) {
      --at_;
      if (at_->first < lower_) break;
      if (!Readable()) return;
      if (Shown()) return;
    }
    at_ = map_->end();
  }

  const MemEngine* engine_;
  Map* map_;
  absl::Status status_;
  Reader reader_;
  std::string lower_;
  std::string upper_;
  Map::iterator at_;
};

class MemEngine::Applier : public WriteBatch::Visitor {
 public:
  Applier(MemEngine* engine, Batch* undo) : engine_(engine), undo_(undo) {}
  void Put(absl::string_view key, absl::string_view value) override {
    engine_->Change(key, std::string(value), undo_);
  }
  void Delete(absl::string_view key) override { engine_->Change(key, std::nullopt, undo_); }
  void DeleteRange(absl::string_view begin, absl::string_view end) override {
    std::vector<std::string> keys;
    for (auto it = engine_->map_.lower_bound(begin); it != engine_->map_.end() && it->first < end;
         ++it) {
      if (it->second.newest.value.has_value()) keys.push_back(it->first);
    }
    for (const std::string& key : keys) engine_->Change(key, std::nullopt, undo_);
  }

 private:
  MemEngine* engine_;
  Batch* undo_;
};

MemEngine::MemEngine(const MemEngineOptions& options)
    : options_(options), life_(std::make_shared<int>(0)) {}

MemEngine::~MemEngine() {
  ISO_CHECK(readers_.empty(), "an iterator or snapshot outlived its engine");
}

absl::Status MemEngine::Unreadable(absl::string_view key) const {
  absl::Status status =
      absl::DataLossError(absl::StrCat("block checksum mismatch at key ", absl::CHexEscape(key)));
  if (on_damage_) on_damage_(status);
  return status;
}

// The version that a reader at `sequence` sees; null when the cell is younger than the reader.
const std::optional<std::string>* MemEngine::Visible(const Cell& cell, uint64_t sequence) {
  if (cell.newest.sequence <= sequence) return &cell.newest.value;
  for (auto it = cell.older.rbegin(); it != cell.older.rend(); ++it) {
    if (it->sequence <= sequence) return &it->value;
  }
  return nullptr;
}

void MemEngine::Change(absl::string_view key, std::optional<std::string> value, Batch* undo) {
  undo->bytes += key.size() + (value ? value->size() : 0) + 16;
  auto it = map_.lower_bound(key);
  const bool found = it != map_.end() && it->first == key;
  if (!found) {
    if (!value.has_value()) return;
    it = map_.emplace_hint(it, std::string(key), Cell{{sequence_, std::move(value)}, {}});
    undo->undo.push_back({it->first, std::nullopt});
    return;
  }
  Version& newest = it->second.newest;
  if (!value.has_value() && !newest.value.has_value()) return;
  if (!readers_.empty()) {
    if (newest.sequence < sequence_) it->second.older.push_back(newest);
    stale_.insert(it->first);
  }
  undo->undo.push_back({it->first, std::move(newest.value)});
  if (!value.has_value() && readers_.empty()) {
    map_.erase(it);
    return;
  }
  newest = Version{sequence_, std::move(value)};
}

absl::Status MemEngine::Write(WriteBatch batch) {
  if (batch.empty()) return absl::OkStatus();
  ++sequence_;
  undo_.emplace_back();
  Applier applier(this, &undo_.back());
  batch.ForEach(&applier);
  undo_bytes_ += undo_.back().bytes;
  if (undo_bytes_ > options_.write_buffer_bytes) MakeDurable(sequence_);
  return absl::OkStatus();
}

void MemEngine::MakeDurable(uint64_t sequence) {
  if (sequence > durable_) ++flushes_;
  for (; durable_ < sequence; ++durable_) {
    undo_bytes_ -= undo_.front().bytes;
    undo_.pop_front();
  }
}

void MemEngine::Release(uint64_t sequence) {
  readers_.erase(readers_.find(sequence));
  if (!readers_.empty()) return;
  for (const std::string& key : stale_) {
    auto it = map_.find(key);
    if (it == map_.end()) continue;
    it->second.older.clear();
    if (!it->second.newest.value.has_value()) map_.erase(it);
  }
  stale_.clear();
}

absl::StatusOr<bool> MemEngine::Get(absl::string_view key, std::string* value,
                                    const Snapshot* snapshot) {
  auto it = map_.find(key);
  if (it == map_.end()) return false;
  if (damaged_.contains(key)) return Unreadable(key);
  const uint64_t sequence =
      snapshot ? static_cast<const SnapshotImpl*>(snapshot)->reader.sequence() : sequence_;
  const std::optional<std::string>* v = Visible(it->second, sequence);
  if (v == nullptr || !v->has_value()) return false;
  *value = **v;
  return true;
}

absl::StatusOr<bool> MemEngine::GetDurable(absl::string_view key, std::string* value) {
  // The oldest change since the flush says what stood there at the flush.
  for (const Batch& batch : undo_) {
    for (const Undo& u : batch.undo) {
      if (u.key != key) continue;
      if (u.value.has_value()) *value = *u.value;
      return u.value.has_value();
    }
  }
  return Get(key, value, nullptr);
}

absl::StatusOr<bool> MemEngine::SeekVersion(absl::string_view target, uint64_t* inverted,
                                            std::string* value) {
  ISO_CHECK(target.size() > kVersionBytes, "not a data key");
  const absl::string_view prefix = target.substr(0, target.size() - kVersionBytes);
  for (auto it = map_.lower_bound(target); it != map_.end(); ++it) {
    const std::string& key = it->first;
    if (key.size() != target.size() ||
        key.compare(0, prefix.size(), prefix.data(), prefix.size())) {
      return false;
    }
    if (damaged_.contains(key)) return Unreadable(key);
    if (!it->second.newest.value.has_value()) continue;
    *inverted = LoadBigEndian64(key.data() + prefix.size());
    *value = *it->second.newest.value;
    return true;
  }
  return false;
}

std::unique_ptr<Iterator> MemEngine::NewIterator(absl::string_view lower, absl::string_view upper,
                                                 const Snapshot* snapshot) {
  const uint64_t sequence =
      snapshot ? static_cast<const SnapshotImpl*>(snapshot)->reader.sequence() : sequence_;
  return std::make_unique<IteratorImpl>(this, lower, upper, sequence);
}

std::unique_ptr<Snapshot> MemEngine::NewSnapshot() {
  return std::make_unique<SnapshotImpl>(this, sequence_);
}

void MemEngine::FlushAsync(Executor* executor, absl::AnyInvocable<void(absl::Status)> done) {
  auto finish = [this, life = std::weak_ptr<int>(life_), covered = sequence_,
                 done = std::move(done)]() mutable {
    if (life.expired()) return;
    MakeDurable(covered);
    done(absl::OkStatus());
  };
  executor->PostAfter(options_.flush_delay_us, std::move(finish));
}

absl::Status MemEngine::Flush() {
  MakeDurable(sequence_);
  return absl::OkStatus();
}

void MemEngine::CompactAsync(absl::string_view lower, absl::string_view upper) {
  if (!readers_.empty()) return;
  std::set<std::string> unflushed;
  for (const Batch& batch : undo_) {
    for (const Undo& u : batch.undo) unflushed.insert(u.key);
  }
  ShadowFilter filter(horizons_.Get());
  ++compactions_;
  for (auto it = map_.lower_bound(lower); it != map_.end();) {
    if (!upper.empty() && it->first >= upper) break;
    const bool in_pass = Crc32c(absl::StrCat(compactions_, it->first)) % 4 != 0 &&
                         it->second.newest.value.has_value() && unflushed.count(it->first) == 0;
    if (in_pass && filter.Drop(it->first)) {
      it = map_.erase(it);
      ++versions_dropped_;
    } else {
      ++it;
    }
  }
}

uint64_t MemEngine::ApproximateSize(absl::string_view lower, absl::string_view upper) {
  uint64_t bytes = 0;
  for (auto it = map_.lower_bound(lower); it != map_.end(); ++it) {
    if (!upper.empty() && it->first >= upper) break;
    if (it->second.newest.value) bytes += it->first.size() + it->second.newest.value->size();
  }
  return bytes;
}

EngineStats MemEngine::Stats() {
  EngineStats stats;
  stats.memtable_bytes = undo_bytes_;
  stats.flushes = flushes_;
  stats.versions_dropped = versions_dropped_;
  return stats;
}

void MemEngine::CrashToFlushedPrefix(Random* random) {
  ISO_CHECK(readers_.empty(), "a crash with an iterator or snapshot alive");
  const uint64_t lost = random->Below(undo_.size() + 1);
  for (uint64_t i = 0; i < lost; ++i) {
    std::vector<Undo>& batch = undo_.back().undo;
    for (auto u = batch.rbegin(); u != batch.rend(); ++u) {
      if (u->value.has_value()) {
        map_[u->key].newest = Version{sequence_, std::move(u->value)};
      } else {
        map_.erase(u->key);
      }
    }
    undo_.pop_back();
  }
  // Sequence numbers go on: they never name two batches.
  undo_.clear();
  undo_bytes_ = 0;
  durable_ = sequence_;
  life_ = std::make_shared<int>(0);
}

}  // namespace isochron::storage
