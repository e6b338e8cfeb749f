// SPDX-License-Identifier: Apache-2.0
#include "tablet/group/pending_writes.h"

namespace isochron::tablet {

void PendingWrites::Add(const TxnAttempt& attempt, Timestamp s,
                        const google::protobuf::RepeatedPtrField<peer::Write>& writes) {
  auto [it, added] = attempts_.try_emplace(attempt);
  if (!added) return;
  it->second.reserve(writes.size());
  for (const peer::Write& w : writes) it->second.push_back(by_key_.emplace(w.key(), s));
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

bool PendingWrites::Touches(const KeyRange& range, Timestamp t) const {
  for (auto it = by_key_.lower_bound(range.start); it != by_key_.end(); ++it) {
    if (!range.end.empty() && it->first >= range.end) return false;
    if (it->second <= t) return true;
  }
  return false;
}

}  // namespace isochron::tablet
