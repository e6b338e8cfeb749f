// SPDX-License-Identifier: Apache-2.0
#include "txn/lock/lock_table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace isochron::txn {
namespace {

bool ModesConflict(LockMode a, LockMode b) {
  return a == LockMode::kExclusive || b == LockMode::kExclusive;
}

// Compares range ends, where empty is the greatest.
bool EndBefore(const std::string& a, const std::string& b) {
  if (a.empty()) return false;
  return b.empty() || a < b;
}

absl::Status AbortedStatus(const TxnAttempt& attempt) {
  return absl::AbortedError(absl::StrCat("transaction ", ToString(attempt),
                                         " lost its locks to an older one, or was given up; "
                                         "run it again"));
}

}  // namespace

bool Precedes(const TxnAttempt& a, const TxnAttempt& b) {
  if (a.txn != b.txn) return a.txn < b.txn;
  return a.attempt > b.attempt;
}

bool LockTable::InOrder::operator()(const WaiterKey& a, const WaiterKey& b) const {
  if (!fifo && a.attempt != b.attempt) return Precedes(a.attempt, b.attempt);
  return a.id < b.id;
}

LockTable::LockTable(Options options, Callbacks callbacks)
    : options_(options),
      callbacks_(std::move(callbacks)),
      waiters_(InOrder{options.sabotage.Is(Sabotage::kFifoQueue)}) {}

LockTable::~LockTable() = default;

LockTable::Attempts::value_type* LockTable::Entry(const TxnAttempt& attempt) {
  return &*attempts_.try_emplace(attempt).first;
}

LockTable::RequestId LockTable::Acquire(const TxnAttempt& attempt, std::vector<LockSpan> spans,
                                        Micros now, Done done) {
  Attempts::value_type* who = Entry(attempt);
  if (who->second.ended) {
    done(AbortedStatus(attempt));
    return 0;
  }
  who->second.touched = std::max(who->second.touched, now);
  std::erase_if(spans, [&](const LockSpan& s) { return s.range.Empty() || Covered(who, s); });
  if (held_spans_ + spans.size() > options_.max_spans) {
    done(absl::ResourceExhaustedError(absl::StrCat("the group holds ", held_spans_,
                                                   " locks already; make transactions smaller")));
    return 0;
  }
  const WaiterKey key{attempt, ++next_id_};
  const bool blocked = BlockedByHolders(who, spans);
  if (!blocked && !BlockedByWaiters(key, spans)) {
    Grant(who, spans);
    done(absl::OkStatus());
    GrantWaiters();
    return 0;
  }
  if (waiters_.size() >= options_.max_waiting) {
    done(absl::ResourceExhaustedError(
        absl::StrCat(waiters_.size(), " requests wait for locks in this group; try again later")));
    GrantWaiters();
    return 0;
  }
  ++who->second.waiting;
  waiting_by_id_[key.id] = attempt;
  waiters_.emplace(key, Waiter{std::move(spans), std::move(done)});
  GrantWaiters();
  return waiting_by_id_.contains(key.id) ? key.id : 0;
}

void LockTable::Cancel(RequestId id, absl::Status status) {
  auto it = waiting_by_id_.find(id);
  if (it == waiting_by_id_.end()) return;
  auto node = waiters_.extract(WaiterKey{it->second, id});
  waiting_by_id_.erase(it);
  --attempts_.at(node.key().attempt).waiting;
  node.mapped().done(std::move(status));
  GrantWaiters();
}

bool LockTable::Covered(const Attempts::value_type* who, const LockSpan& span) const {
  std::string at = span.range.start;
  auto it = segments_.upper_bound(at);
  if (it == segments_.begin()) return false;
  for (--it; it != segments_.end(); ++it) {
    if (it->first > at) return false;
    const Segment& seg = it->second;
    if (!seg.end.empty() && seg.end <= at) return false;
    const bool held = std::any_of(seg.holders.begin(), seg.holders.end(), [&](const Holder& h) {
      return h.who == who && (h.mode == LockMode::kExclusive || span.mode == LockMode::kShared);
    });
    if (!held) return false;
    if (!EndBefore(seg.end, span.range.end)) return true;
    at = seg.end;
  }
  return false;
}

void LockTable::ForEachConflict(const Attempts::value_type* who, const std::vector<LockSpan>& spans,
                                const std::function<bool(const Holder&)>& fn) const {
  for (const LockSpan& span : spans) {
    auto it = segments_.upper_bound(span.range.start);
    if (it != segments_.begin()) {
      auto before = std::prev(it);
      if (before->second.end.empty() || before->second.end > span.range.start) it = before;
    }
    for (; it != segments_.end(); ++it) {
      if (!span.range.end.empty() && it->first >= span.range.end) break;
      for (const Holder& h : it->second.holders) {
        if (h.who != who && ModesConflict(h.mode, span.mode) && !fn(h)) return;
      }
    }
  }
}

bool LockTable::BlockedByHolders(Attempts::value_type* who, const std::vector<LockSpan>& spans) {
  bool blocked = false;
  std::vector<Attempts::value_type*> wound;
  std::vector<Attempts::value_type*> pinned;
  ForEachConflict(who, spans, [&](const Holder& h) {
    auto* list = !Precedes(who->first, h.who->first) ? nullptr
                 : h.who->second.pinned              ? &pinned
                                                     : &wound;
    if (list != &wound) blocked = true;
    if (list != nullptr && std::find(list->begin(), list->end(), h.who) == list->end()) {
      list->push_back(h.who);
    }
    return true;
  });
  for (Attempts::value_type* w : wound) {
    End(w, AbortedStatus(w->first), /*marker=*/true);
    if (callbacks_.wounded) callbacks_.wounded(w->first);
  }
  for (Attempts::value_type* p : pinned) {
    if (callbacks_.pinned_blocked) callbacks_.pinned_blocked(p->first);
  }
  return blocked;
}

bool LockTable::BlockedByWaiters(const WaiterKey& key, const std::vector<LockSpan>& spans) const {
  for (auto it = waiters_.begin(); it != waiters_.end(); ++it) {
    if (!waiters_.key_comp()(it->first, key)) break;
    if (it->first.attempt == key.attempt) continue;
    for (const LockSpan& theirs : it->second.spans) {
      for (const LockSpan& mine : spans) {
        if (ModesConflict(theirs.mode, mine.mode) && theirs.range.Overlaps(mine.range)) return true;
      }
    }
  }
  return false;
}

void LockTable::Grant(Attempts::value_type* who, const std::vector<LockSpan>& spans) {
  for (const LockSpan& s : spans) Add(who, s);
}

void LockTable::SplitAt(const std::string& key) {
  auto it = segments_.lower_bound(key);
  if (it == segments_.begin()) return;
  --it;
  Segment& seg = it->second;
  if (!seg.end.empty() && seg.end <= key) return;
  Segment right = seg;
  seg.end = key;
  segments_.emplace(key, std::move(right));
}

void LockTable::Add(Attempts::value_type* who, const LockSpan& span) {
  who->second.spans.push_back(span);
  ++held_spans_;
  const std::string& end = span.range.end;
  SplitAt(span.range.start);
  if (!end.empty()) SplitAt(end);
  std::string at = span.range.start;
  const Holder mine{who, span.mode};
  while (at.empty() ? true : EndBefore(at, end)) {
    auto it = segments_.lower_bound(at);
    const bool here = it != segments_.end() && it->first == at;
    if (!here) {  // a gap up to the next segment or the end of the span
      const bool next_inside = it != segments_.end() && EndBefore(it->first, end);
      std::string gap_end = next_inside ? it->first : end;
      it = segments_.emplace(at, Segment{std::move(gap_end), {mine}}).first;
    } else {
      auto& holders = it->second.holders;
      auto h = std::find_if(holders.begin(), holders.end(),
                            [who](const Holder& x) { return x.who == who; });
      if (h == holders.end()) {
        holders.push_back(mine);
      } else if (span.mode == LockMode::kExclusive) {
        h->mode = LockMode::kExclusive;
      }
    }
    if (it->second.end.empty()) break;
    at = it->second.end;
  }
}

void LockTable::Remove(Attempts::value_type* who, const KeyRange& range) {
  SplitAt(range.start);
  if (!range.end.empty()) SplitAt(range.end);
  auto it = segments_.lower_bound(range.start);
  while (it != segments_.end() && (range.end.empty() || it->first < range.end)) {
    auto& holders = it->second.holders;
    holders.erase(std::remove_if(holders.begin(), holders.end(),
                                 [who](const Holder& h) { return h.who == who; }),
                  holders.end());
    it = holders.empty() ? segments_.erase(it) : std::next(it);
  }
  MergeAround(range.start, range.end);
}

void LockTable::MergeAround(const std::string& start, const std::string& end) {
  auto it = segments_.lower_bound(start);
  if (it != segments_.begin()) --it;
  while (it != segments_.end()) {
    auto next = std::next(it);
    if (next == segments_.end()) break;
    if (!end.empty() && it->first > end) break;
    auto& a = it->second.holders;
    auto& b = next->second.holders;
    const bool same =
        it->second.end == next->first && a.size() == b.size() &&
        std::equal(a.begin(), a.end(), b.begin(), [](const Holder& x, const Holder& y) {
          return x.who == y.who && x.mode == y.mode;
        });
    if (!same) {
      it = next;
      continue;
    }
    std::string start_key = it->first;
    it->second.end = next->second.end;
    segments_.erase(next);
    it = segments_.find(start_key);
  }
}

void LockTable::Strip(Attempts::value_type* who, const absl::Status& status) {
  std::vector<LockSpan> spans = std::move(who->second.spans);
  who->second.spans.clear();
  held_spans_ -= spans.size();
  for (const LockSpan& s : spans) Remove(who, s.range);
  if (who->second.waiting == 0) return;
  std::vector<Done> failed;
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    if (it->first.attempt != who->first) {
      ++it;
      continue;
    }
    waiting_by_id_.erase(it->first.id);
    failed.push_back(std::move(it->second.done));
    it = waiters_.erase(it);
  }
  who->second.waiting = 0;
  for (Done& done : failed) done(status);
}

void LockTable::End(Attempts::value_type* who, const absl::Status& status, bool marker) {
  Strip(who, status);
  who->second.pinned = false;
  who->second.ended = true;
  if (!marker) attempts_.erase(TxnAttempt(who->first));
}

void LockTable::GrantWaiters() {
  if (granting_) return;
  granting_ = true;
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    Attempts::value_type* who = Entry(it->first.attempt);
    bool blocked = false;
    ForEachConflict(who, it->second.spans, [&](const Holder&) {
      blocked = true;
      return false;
    });
    if (!blocked) blocked = BlockedByWaiters(it->first, it->second.spans);
    if (blocked) {
      ++it;
      continue;
    }
    Done done = std::move(it->second.done);
    std::vector<LockSpan> spans = std::move(it->second.spans);
    waiting_by_id_.erase(it->first.id);
    it = waiters_.erase(it);
    --who->second.waiting;
    Grant(who, spans);
    done(absl::OkStatus());
  }
  granting_ = false;
}

}  // namespace isochron::txn
