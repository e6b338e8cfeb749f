// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_COORDINATOR_VOTE_BOOK_H_
#define ISOCHRON_TXN_COORDINATOR_VOTE_BOOK_H_

// The decision of two-phase commit as a pure state machine: who must vote, who did, and what
// follows.
//
// Commit needs a yes of every participant and a timestamp s with s_min <= s <= s_max (invariant 6,
// rule 4). One no, or a wound, aborts. Once it says kReady or kAbort, later votes change nothing:
// the caller decides at once, in the same loop turn.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/types.h"

namespace isochron::txn {

struct Vote {
  GroupId participant;
  bool yes = false;
  Timestamp s_min;
  Timestamp s_max = Timestamp::Max();
  std::string reason;
};

class VoteBook {
 public:
  enum class State { kWaiting, kReady, kAbort };

  explicit VoteBook(const std::vector<GroupId>& participants)
      : missing_(participants.begin(), participants.end()), all_(missing_) {}

  // Votes of groups that take no part are ignored. A second yes narrows the bounds further.
  void Add(const Vote& vote) {
    if (!all_.contains(vote.participant)) return;
    if (!vote.yes) {
      Abort(vote.reason.empty() ? "a participant refused" : vote.reason);
      return;
    }
    missing_.erase(vote.participant);
    if (vote.s_min > s_min_) s_min_ = vote.s_min;
    if (vote.s_max < s_max_) s_max_ = vote.s_max;
  }
  // An older transaction waits for this one, or nobody voted in time.
  void Abort(std::string reason) {
    if (!aborted_) reason_ = std::move(reason);
    aborted_ = true;
  }

  State state() const {
    if (aborted_ || s_min_ > s_max_) return State::kAbort;
    return missing_.empty() ? State::kReady : State::kWaiting;
  }
  Timestamp s_min() const { return s_min_; }
  Timestamp s_max() const { return s_max_; }
  std::string reason() const {
    return aborted_ ? reason_ : "no timestamp satisfies all participants";
  }
  const std::set<GroupId>& missing() const { return missing_; }

 private:
  std::set<GroupId> missing_;
  std::set<GroupId> all_;
  Timestamp s_min_;
  Timestamp s_max_ = Timestamp::Max();
  bool aborted_ = false;
  std::string reason_;
};

// What arrived for attempts whose CoordinateRequest has not: votes and wounds, bounded.
class EarlyVotes {
 public:
  struct Entry {
    std::map<GroupId, Vote> votes;
    bool wounded = false;
    Micros first_us = 0;
  };
  explicit EarlyVotes(size_t max) : max_(max) {}

  // Null when there is no room: the participant votes again.
  Entry* Find(const TxnAttempt& attempt, Micros now) {
    auto it = entries_.find(attempt);
    if (it == entries_.end()) {
      if (entries_.size() >= max_) return nullptr;
      it = entries_.emplace(attempt, Entry{}).first;
      it->second.first_us = now;
    }
    return &it->second;
  }
  std::optional<Entry> Take(const TxnAttempt& attempt) {
    auto it = entries_.find(attempt);
    if (it == entries_.end()) return std::nullopt;
    Entry e = std::move(it->second);
    entries_.erase(it);
    return e;
  }
  void ForgetOlderThan(Micros limit) {
    std::erase_if(entries_, [limit](const auto& e) { return e.second.first_us < limit; });
  }
  size_t size() const { return entries_.size(); }

 private:
  size_t max_;
  std::map<TxnAttempt, Entry> entries_;
};

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_COORDINATOR_VOTE_BOOK_H_
