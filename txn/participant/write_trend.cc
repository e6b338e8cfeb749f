// SPDX-License-Identifier: Apache-2.0
#include "txn/participant/write_trend.h"

#include <algorithm>
#include <utility>

namespace isochron::txn {

// Ends the window if its time is over, and says what it showed.
void WriteTrend::Turn(Micros now) {
  if (now < began_ + kWindowUs) return;
  const bool next = now < began_ + 2 * kWindowUs;  // else one without anything lies between
  last_.reset();
  last_idle_ = !next || transactions_ == 0;
  for (auto it = indexes_.begin(); it != indexes_.end();) {
    Index& index = it->second;
    const uint64_t at_end = std::max(index.above, index.below);
    const auto writes = static_cast<double>(index.writes);
    if (next && index.writes >= kLeastPerS * kWindowUs / 1'000'000 &&
        writes >= kShare * static_cast<double>(transactions_) &&
        static_cast<double>(at_end) >= kAtTheEnd * writes) {
      HotRange hot;
      hot.prefix = it->first;
      hot.descending = index.below > index.above;
      hot.last_key = hot.descending ? index.least : index.greatest;
      hot.writes_per_s = writes * 1e6 / static_cast<double>(now - began_);
      hot.share = writes / static_cast<double>(transactions_);
      last_ = std::move(hot);
    }
    if (index.writes == 0) {
      it = indexes_.erase(it);
      continue;
    }
    index.writes = index.above = index.below = 0;
    ++it;
  }
  transactions_ = 0;
  began_ = now;
}

void WriteTrend::NoteTransaction(Micros now) {
  Turn(now);
  ++transactions_;
}

void WriteTrend::Note(absl::string_view key, size_t prefix, Micros now) {
  Turn(now);
  const absl::string_view name = key.substr(0, prefix);
  auto it = indexes_.find(name);
  if (it == indexes_.end()) {
    if (indexes_.size() == kIndexes) return;
    it = indexes_.emplace(std::string(name), Index()).first;
  }
  Index& index = it->second;
  if (index.sorted.size() >= kLeastKept) {
    const size_t quarter = index.sorted.size() / 4;
    if (key > index.sorted[index.sorted.size() - 1 - quarter]) ++index.above;
    if (key < index.sorted[quarter]) ++index.below;
  }
  if (index.writes == 0 || key < index.least) index.least = std::string(key);
  if (index.writes == 0 || key > index.greatest) index.greatest = std::string(key);
  ++index.writes;
  const bool few = index.kept.size() < kLeastKept;
  if (now >= index.kept_at + (few ? kKeepEveryUs / 4 : kKeepEveryUs)) Keep(key, now, &index);
}

void WriteTrend::Keep(absl::string_view key, Micros now, Index* index) {
  index->kept_at = now;
  index->kept.emplace_back(key);
  if (index->kept.size() > kKept) index->kept.pop_front();
  index->sorted.assign(index->kept.begin(), index->kept.end());
  std::sort(index->sorted.begin(), index->sorted.end());
}

std::optional<HotRange> WriteTrend::Hot(Micros now) {
  Turn(now);
  return last_;
}

bool WriteTrend::Idle(Micros now) {
  Turn(now);
  return transactions_ == 0 && last_idle_;
}

}  // namespace isochron::txn
