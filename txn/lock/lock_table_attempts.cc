// SPDX-License-Identifier: Apache-2.0
//
// What LockTable knows of attempts: pins, markers, expiry, introspection.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "txn/lock/lock_table.h"

namespace isochron::txn {

bool LockTable::Alive(const TxnAttempt& attempt) const {
  auto it = attempts_.find(attempt);
  return it != attempts_.end() && !it->second.ended;
}

bool LockTable::Ended(const TxnAttempt& attempt) const {
  auto it = attempts_.find(attempt);
  return it != attempts_.end() && it->second.ended;
}

bool LockTable::Pinned(const TxnAttempt& attempt) const {
  auto it = attempts_.find(attempt);
  return it != attempts_.end() && it->second.pinned;
}

void LockTable::Pin(const TxnAttempt& attempt) {
  Attempts::value_type* who = Entry(attempt);
  ISO_CHECK(!who->second.ended, "an ended attempt is never pinned");
  who->second.pinned = true;
}

void LockTable::Restore(const TxnAttempt& attempt, const std::vector<LockSpan>& spans) {
  Attempts::value_type* who = Entry(attempt);
  who->second.pinned = true;
  for (const LockSpan& s : spans) {
    if (!s.range.Empty() && !Covered(who, s)) Add(who, s);
  }
}

void LockTable::Release(const TxnAttempt& attempt, bool marker) {
  auto it = attempts_.find(attempt);
  if (it == attempts_.end()) {
    if (!marker) return;
    it = attempts_.try_emplace(attempt).first;
  }
  if (it->second.ended && marker) return;
  End(&*it, absl::AbortedError(absl::StrCat("transaction ", ToString(attempt), " has ended")),
      marker);
  GrantWaiters();
}

void LockTable::DropLocksOfAnyAttempt(const TxnId& txn) {
  for (auto it = attempts_.lower_bound(TxnAttempt{txn, 0});
       it != attempts_.end() && it->first.txn == txn; ++it) {
    if (!it->second.ended) Strip(&*it, absl::AbortedError("released"));
  }
  GrantWaiters();
}

bool LockTable::Wound(const TxnAttempt& attempt) {
  auto it = attempts_.find(attempt);
  if (it == attempts_.end() || it->second.ended || it->second.pinned) return false;
  End(&*it, absl::AbortedError(absl::StrCat("transaction ", ToString(attempt), " was wounded")),
      /*marker=*/true);
  if (callbacks_.wounded) callbacks_.wounded(attempt);
  GrantWaiters();
  return true;
}

void LockTable::Touch(const TxnAttempt& attempt, Micros now) {
  auto it = attempts_.find(attempt);
  if (it != attempts_.end()) it->second.touched = std::max(it->second.touched, now);
}

std::vector<TxnAttempt> LockTable::Expire(Micros limit) {
  std::vector<TxnAttempt> expired;
  for (auto& entry : attempts_) {
    const Attempt& a = entry.second;
    if (a.ended || a.pinned || a.waiting > 0 || a.touched >= limit) continue;
    expired.push_back(entry.first);
    End(&entry, absl::OkStatus(), /*marker=*/true);
  }
  if (!expired.empty()) GrantWaiters();
  return expired;
}

void LockTable::ForgetMarkers(Micros limit) {
  std::erase_if(attempts_,
                [limit](const auto& e) { return e.second.ended && e.second.touched < limit; });
}

void LockTable::FailAll(const absl::Status& status) {
  Waiters waiters(waiters_.key_comp());
  waiters.swap(waiters_);
  waiting_by_id_.clear();
  segments_.clear();
  attempts_.clear();
  held_spans_ = 0;
  for (auto& [key, waiter] : waiters) waiter.done(status);
}

void LockTable::NoteRead(const TxnAttempt& attempt, Timestamp version) {
  auto it = attempts_.find(attempt);
  if (it != attempts_.end()) it->second.max_read = std::max(it->second.max_read, version);
}

Timestamp LockTable::max_read(const TxnAttempt& attempt) const {
  auto it = attempts_.find(attempt);
  return it == attempts_.end() ? Timestamp() : it->second.max_read;
}

std::vector<LockSpan> LockTable::SpansOf(const TxnAttempt& attempt) const {
  auto it = attempts_.find(attempt);
  return it == attempts_.end() ? std::vector<LockSpan>() : it->second.spans;
}

// The oldest come first, and few of them are only remembered.
bool LockTable::HeldSince(Timestamp limit) const {
  for (const auto& [attempt, a] : attempts_) {
    if (attempt.txn.start >= limit) return false;
    if (!a.ended && !a.spans.empty()) return true;
  }
  return false;
}

std::vector<LockInfo> LockTable::Describe() const {
  std::vector<LockInfo> out;
  for (const auto& [attempt, a] : attempts_) {
    for (const LockSpan& s : a.spans) out.push_back({attempt, s, true, a.pinned});
  }
  for (const auto& [key, waiter] : waiters_) {
    for (const LockSpan& s : waiter.spans) out.push_back({key.attempt, s, false, false});
  }
  return out;
}

void LockTable::CheckInvariants() const {
  const std::string* last_end = nullptr;
  for (const auto& [start, seg] : segments_) {
    ISO_CHECK(last_end == nullptr || (!last_end->empty() && *last_end <= start),
              "segments do not overlap");
    ISO_CHECK(!seg.holders.empty(), "segments have holders");
    for (const Holder& h : seg.holders) {
      ISO_CHECK(h.mode == LockMode::kShared || seg.holders.size() == 1,
                "an exclusive holder is alone");
      ISO_CHECK(!h.who->second.ended, "an ended attempt holds nothing");
    }
    last_end = &seg.end;
  }
}

absl::StatusOr<bool> LockTable::TryAcquire(const TxnAttempt& attempt, std::vector<LockSpan> spans,
                                           Micros now) {
  auto [entry, made] = attempts_.try_emplace(attempt);
  Attempts::value_type* who = &*entry;
  bool blocked = false;
  if (!who->second.ended) {
    std::erase_if(spans, [&](const LockSpan& s) { return s.range.Empty() || Covered(who, s); });
    ForEachConflict(who, spans, [&blocked](const Holder&) {
      blocked = true;
      return false;
    });
    blocked = blocked || BlockedByWaiters(WaiterKey{attempt, next_id_ + 1}, spans);
  }
  if (blocked) {
    if (made) attempts_.erase(entry);
    return false;
  }
  // Nothing is in the way, so it is answered at once.
  absl::Status taken;
  const RequestId id =
      Acquire(attempt, std::move(spans), now, [&taken](absl::Status s) { taken = std::move(s); });
  ISO_CHECK(id == 0, "a lock that nothing is in the way of was not granted");
  if (!taken.ok()) return taken;
  return true;
}

}  // namespace isochron::txn
