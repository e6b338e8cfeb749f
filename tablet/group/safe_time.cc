// SPDX-License-Identifier: Apache-2.0
#include "tablet/group/safe_time.h"

#include <algorithm>
#include <iterator>

namespace isochron::tablet {

void SafeTime::Promise(LogIndex index, Timestamp t) {
  if (sabotage_.Is(Sabotage::kPromiseWithoutIndex)) index = 0;
  if (t <= usable_) return;
  // One that needs no more of the log and says as much makes this one superfluous.
  auto after = waiting_.upper_bound(index);
  if (after != waiting_.begin() && std::prev(after)->second >= t) return;
  waiting_[index] = t;
  auto next = std::next(waiting_.find(index));
  while (next != waiting_.end() && next->second <= t) next = waiting_.erase(next);
  // Those in the middle are the least of a loss: the first comes soonest, the last says most.
  if (waiting_.size() > kMaxWaiting) waiting_.erase(std::next(waiting_.begin(), kMaxWaiting / 2));
}

Timestamp SafeTime::At(LogIndex applied, Timestamp assigned) {
  while (!waiting_.empty() && waiting_.begin()->first <= applied) {
    usable_ = std::max(usable_, waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
  }
  return std::max(usable_, assigned);
}

}  // namespace isochron::tablet
