// SPDX-License-Identifier: Apache-2.0
#include "paxos/core/invariants.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace isochron::paxos {
namespace {

absl::Status Wrong(const Replica& r, absl::string_view what) {
  return absl::InternalError(
      absl::StrCat("replica ", ToString(r.self()), " of ", ToString(r.group()), ": ", what));
}

}  // namespace

absl::Status ReplicaInvariants::CheckNow(const Replica& r) const {
  if (r.base().index > r.emitted_) return Wrong(r, "truncated what was not handed out");
  if (r.emitted_ > r.chosen_) return Wrong(r, "handed out what is not chosen");
  if (r.chosen_ > r.log_.last()) return Wrong(r, "knows as chosen what it does not have");
  if (r.emitted_ > r.Stable()) return Wrong(r, "handed out what is not durable");
  if (r.blank() && r.role_ != Role::kFollower) return Wrong(r, "campaigns without a base state");
  if (r.blank() && !r.newborn_ && r.hard_.promised != Ballot()) {
    return Wrong(r, "took part without a base state");
  }
  if (r.role_ == Role::kLeader || r.role_ == Role::kCandidate) {
    if (r.ballot_ != r.hard_.promised) return Wrong(r, "leads a ballot that is not its promise");
    if (!r.Holds(r.self_, r.incarnation_)) return Wrong(r, "leads without its own vote");
  }
  Ballot origin = r.base().origin;
  for (LogIndex i = r.base().index + 1; i <= r.log_.last(); ++i) {
    const Entry& e = r.log_.At(i);
    if (e.index != i) return Wrong(r, "an entry has another's index");
    if (e.ballot > r.hard_.promised) return Wrong(r, "accepted above its promise");
    if (e.origin > e.ballot) return Wrong(r, "accepted a value before it was proposed");
    if (i > r.chosen_) continue;
    if (e.origin < origin) return Wrong(r, "origins go down in the chosen prefix");
    origin = e.origin;
  }
  return absl::OkStatus();
}

absl::Status ReplicaInvariants::Check(const Replica& r) {
  if (absl::Status s = CheckNow(r); !s.ok()) return s;
  if (seen_) {
    if (r.hard_.promised < hard_.promised) return Wrong(r, "a promise went down");
    if (r.hard_.promised == hard_.promised && r.hard_.holder && r.hard_.holder != hard_.holder) {
      return Wrong(r, "the vote changed within a ballot");
    }
    if (r.chosen_ < chosen_) return Wrong(r, "the chosen index went down");
    if (r.emitted_ < emitted_) return Wrong(r, "the handed out index went down");
    if (r.base().index < base_) return Wrong(r, "the truncation point went down");
  }
  seen_ = true;
  hard_ = r.hard_;
  chosen_ = r.chosen_;
  emitted_ = r.emitted_;
  base_ = r.base().index;
  return absl::OkStatus();
}

absl::Status ChosenLedger::Add(NodeId node, const Entry& entry) {
  Value value{entry.origin, entry.kind, entry.payload ? *entry.payload : "", node};
  auto [it, fresh] = chosen_.try_emplace(entry.index, value);
  const Value& v = it->second;
  if (v.origin != value.origin || v.kind != value.kind || v.payload != value.payload) {
    return absl::InternalError(absl::StrCat("index ", entry.index, ": ", ToString(v.first_seen_at),
                                            " handed out origin ", ToString(v.origin), ", ",
                                            ToString(node), " origin ", ToString(value.origin)));
  }
  if (it != chosen_.begin() && std::prev(it)->second.origin > v.origin) {
    return absl::InternalError(absl::StrCat("index ", entry.index, ": origin ", ToString(v.origin),
                                            " follows ", ToString(std::prev(it)->second.origin)));
  }
  return absl::OkStatus();
}

absl::Status LeaseLedger::Extend(NodeId node, uint64_t incarnation, Ballot ballot, Timestamp won,
                                 Timestamp end) {
  // A candidate that was stalled may win with votes that were withdrawn meanwhile: nothing to use.
  if (end <= won) return absl::OkStatus();
  auto mine = std::find_if(terms_.begin(), terms_.end(), [&](const Term& t) {
    return t.node == node && t.incarnation == incarnation && t.ballot == ballot;
  });
  if (mine == terms_.end()) mine = terms_.insert(terms_.end(), {node, incarnation, ballot, won});
  if (mine->released) return absl::InternalError("a released lease was used again");
  mine->end = std::max(mine->end, end);
  for (const Term& other : terms_) {
    if (other.node == node && other.incarnation == incarnation) continue;
    const Term& first = other.won < mine->won ? other : *mine;
    const Term& second = other.won < mine->won ? *mine : other;
    if (first.end >= second.won) {
      return absl::InternalError(absl::StrCat(
          "lease of ", ToString(first.node), "#", first.incarnation, " at ", ToString(first.ballot),
          " ends at ", first.end.us, ", ", ToString(second.node), "#", second.incarnation, " won ",
          ToString(second.ballot), " at ", second.won.us));
    }
  }
  return absl::OkStatus();
}

void LeaseLedger::Release(NodeId node, uint64_t incarnation, Timestamp now) {
  for (Term& t : terms_) {
    if (t.node != node || t.incarnation != incarnation) continue;
    t.end = std::min(t.end, now.Prev());
    t.released = true;
  }
}

}  // namespace isochron::paxos
