// SPDX-License-Identifier: Apache-2.0
#include "tablet/group/pending_writes.h"

namespace isochron::tablet {

void PendingWrites::Add(const TxnAttempt& attempt, Timestamp s, bool prepared,
                        const google::protobuf::RepeatedPtrField<peer::Write>& writes) {
  auto [it, added] = attempts_.try_emplace(attempt);
  if (!added) return;
  it->second.reserve(writes.size());
  for (const peer::Write& w : writes)
    it->second.push_back(by_key_.emplace(w.key(), Pending{s, prepared}));
}

void PendingWrites::Remove(const TxnAttempt& attempt) {
  auto it = attempts_.find(attempt);
  if (it == attempts_.end()) return;
  for (ByKey::iterator k : it->second) by_key_.erase(k);
  attempts_.erase(it);
}

void PendingWrites::Clear() {
  by_key_.clear();
  attempts_.clear();
}

// `it`, or the end when it lies behind the range.
PendingWrites::ByKey::const_iterator PendingWrites::Within(ByKey::const_iterator it,
                                                           const KeyRange& range) const {
  const bool behind = it != by_key_.end() && !range.end.empty() && it->first >= range.end;
  return behind ? by_key_.end() : it;
}

bool PendingWrites::Touches(const KeyRange& range, Timestamp t) const {
  for (auto it = Within(by_key_.lower_bound(range.start), range); it != by_key_.end();
       it = Within(++it, range)) {
    if (it->second.s <= t) return true;
  }
  return false;
}

std::optional<Timestamp> PendingWrites::Smallest(const KeyRange& range) const {
  std::optional<Timestamp> smallest;
  for (auto it = Within(by_key_.lower_bound(range.start), range); it != by_key_.end();
       it = Within(++it, range)) {
    if (!smallest || it->second.s < *smallest) smallest = it->second.s;
  }
  return smallest;
}

bool PendingWrites::TouchesPrepared(const KeyRange& range) const {
  for (auto it = Within(by_key_.lower_bound(range.start), range); it != by_key_.end();
       it = Within(++it, range)) {
    if (it->second.prepared) return true;
  }
  return false;
}

}  // namespace isochron::tablet
