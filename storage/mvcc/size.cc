// SPDX-License-Identifier: Apache-2.0
//
// How big a range is and where its middle lies: what splitting by size asks.

#include <algorithm>
#include <memory>

#include "common/coding.h"
#include "common/status_macros.h"
#include "storage/mvcc/mvcc.h"
#include "storage/mvcc/version_key.h"

namespace isochron::storage {
namespace {

// Below this a range is walked. Above it the engine's estimates are trusted: they are exact to a
// block for files but may be off by half for memtables, whose share is then small.
constexpr uint64_t kWalkedBytes = 8 << 20;

absl::Status NoMiddle() {
  return absl::NotFoundError("the range holds fewer than two keys: it has no middle");
}

// The 8 bytes behind a common prefix, as a number to bisect.
uint64_t NumberAt(absl::string_view key, size_t prefix) {
  std::string b(key.size() > prefix ? key.substr(prefix, 8) : absl::string_view());
  b.resize(8, '\0');
  return LoadBigEndian64(b.data());
}

}  // namespace

uint64_t MvccStore::ApproximateSize(const KeyRange& range) const {
  if (range.Empty()) return 0;
  return engine_->ApproximateSize(LowerBound(range), UpperBound(range));
}

absl::StatusOr<std::string> MvccStore::MiddleKey(const KeyRange& range) const {
  if (range.Empty()) return NoMiddle();
  if (ApproximateSize(range) > kWalkedBytes) {
    absl::StatusOr<std::string> key = MiddleBySizes(range);
    if (key.ok() || !absl::IsNotFound(key.status())) return key;
  }
  return MiddleBySteps(range);
}

// Walks once, and keeps every so often a key with the bytes before it.
absl::StatusOr<std::string> MvccStore::MiddleBySteps(const KeyRange& range) const {
  struct Mark {
    std::string shared;
    uint64_t before;
  };
  constexpr size_t kMaxMarks = 256;
  std::vector<Mark> marks;
  uint64_t stride = 1;
  uint64_t keys = 0;
  uint64_t bytes = 0;
  std::string last;
  auto it = engine_->NewIterator(LowerBound(range), UpperBound(range));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const absl::string_view shared = SharedPart(it->key());
    if (shared != last) {
      last.assign(shared.data(), shared.size());
      // The first key is none: the middle lies strictly inside.
      if (keys > 0 && keys % stride == 0) marks.push_back({last, bytes});
      ++keys;
      if (marks.size() == kMaxMarks) {
        for (size_t i = 0; i < kMaxMarks / 2; ++i) marks[i] = std::move(marks[2 * i + 1]);
        marks.resize(kMaxMarks / 2);
        stride *= 2;
      }
    }
    bytes += it->key().size() + it->value().size();
  }
  ISO_RETURN_IF_ERROR(it->status());
  if (marks.empty()) return NoMiddle();
  auto distance = [&](const Mark& m) {
    return m.before > bytes / 2 ? m.before - bytes / 2 : bytes / 2 - m.before;
  };
  auto best = std::min_element(marks.begin(), marks.end(), [&](const Mark& a, const Mark& b) {
    return distance(a) < distance(b);
  });
  std::string key;
  Timestamp t;
  ISO_RETURN_IF_ERROR(ParseVersionKey(best->shared + std::string(8, '\0'), &key, &t));
  return key;
}

// Bisects the key space between the first and the last key, asking the engine for sizes.
absl::StatusOr<std::string> MvccStore::MiddleBySizes(const KeyRange& range) const {
  const std::string lower = LowerBound(range);
  const std::string upper = UpperBound(range);
  auto it = engine_->NewIterator(lower, upper);
  it->SeekToFirst();
  ISO_RETURN_IF_ERROR(it->status());
  if (!it->Valid()) return NoMiddle();
  std::string lo(SharedPart(it->key()));
  const std::string first = lo;
  it->SeekToLast();
  ISO_RETURN_IF_ERROR(it->status());
  if (!it->Valid()) return NoMiddle();
  std::string hi(SharedPart(it->key()));
  if (lo == hi) return NoMiddle();
  const uint64_t half = engine_->ApproximateSize(lower, upper) / 2;
  // Invariant: the middle lies in [lo, hi], both are keys that exist (without timestamp). Twice the
  // common prefix grows when 8 bytes do not tell the keys apart, so the steps are bounded.
  for (int step = 0; step < 128 && lo < hi; ++step) {
    size_t prefix = 0;
    while (prefix < lo.size() && prefix < hi.size() && lo[prefix] == hi[prefix]) ++prefix;
    const uint64_t a = NumberAt(lo, prefix);
    const uint64_t b = NumberAt(hi, prefix);
    const uint64_t middle = a + (b - a) / 2;
    std::string probe = lo.substr(0, prefix);
    AppendBigEndian64(&probe, middle == a ? b : middle);
    it->Seek(probe);
    ISO_RETURN_IF_ERROR(it->status());
    if (!it->Valid()) break;
    std::string at(SharedPart(it->key()));
    if (at <= lo || at >= hi) {
      // Nothing between probe and hi: look below, or stop where 8 bytes tell no more.
      it->SeekForPrev(probe);
      ISO_RETURN_IF_ERROR(it->status());
      if (!it->Valid() || SharedPart(it->key()) <= lo || SharedPart(it->key()) >= hi) break;
      at = std::string(SharedPart(it->key()));
    }
    if (engine_->ApproximateSize(lower, at) < half) {
      lo = at;
    } else {
      hi = at;
    }
  }
  std::string key;
  Timestamp t;
  const std::string& chosen = hi > first ? hi : lo;
  if (chosen <= first) return NoMiddle();
  ISO_RETURN_IF_ERROR(ParseVersionKey(chosen + std::string(8, '\0'), &key, &t));
  return key;
}

}  // namespace isochron::storage
