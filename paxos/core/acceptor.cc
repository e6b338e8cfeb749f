// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/check.h"
#include "paxos/core/replica.h"

// The acceptor: promises, accepted entries and the lease vote that goes with a promise.

namespace isochron::paxos {

bool Replica::Holds(NodeId node, uint64_t incarnation) const {
  if (hard_.holder != node) return false;
  // A restarted leader is a stranger to its own old lease (rule 14).
  return hard_.holder_incarnation == incarnation || options_.sabotage.Is(Sabotage::kResumeOwnLease);
}

// Whether the vote may go to `candidate` now. Promising a new ballot to the node that holds the
// vote needs no wait: its support covers whatever it did under the older one.
bool Replica::VoteIsFree(NodeId candidate, uint64_t incarnation) const {
  return !hard_.holder || Holds(candidate, incarnation) ||
         support_->MayVoteAgainst(hard_.holder, hard_.holder_incarnation);
}

void Replica::SetVote(Ballot ballot, uint64_t incarnation) {
  ISO_CHECK(ballot > hard_.promised, "promises only go up");
  hard_.promised = ballot;
  hard_.holder = ballot.node;
  hard_.holder_incarnation = incarnation;
  hard_changed_ = true;
  max_round_ = std::max(max_round_, ballot.round);
}

void Replica::FreeVote() {
  if (!hard_.holder) return;
  hard_.holder = NodeId();
  hard_.holder_incarnation = 0;
  hard_changed_ = true;
}

VoteStamp Replica::StampFor(NodeId leader) const {
  return VoteStamp{support_->EpochFor(leader), incarnation_};
}

Promise Replica::MakePromise(const Prepare& m) const {
  Promise p;
  p.ballot = m.ballot;
  p.pre = m.pre;
  p.chosen = chosen_;
  p.chosen_origin = MarkAt(chosen_).origin;
  p.vote = StampFor(m.ballot.node);
  if (m.pre) return p;
  p.last = log_.last();
  if (m.from <= log_.last()) {
    // An unreadable entry is as if the answer was lost: the candidate asks again, or others answer.
    auto entries = log_.Read(m.from, log_.last(), options_.max_message_bytes);
    if (entries.ok()) p.entries = std::move(*entries);
  }
  return p;
}

// A candidate that has not won never led at its ballot, so its vote for itself guards no lease: of
// two candidates that met, the one with the smaller ballot gives way at once instead of after a
// time-out.
bool Replica::YieldsCandidacy() const {
  return role_ == Role::kCandidate && Holds(self_, incarnation_) && hard_.promised == ballot_ &&
         support_->truetime()->After(abandoned_lease_end_);
}

void Replica::OnPrepare(NodeId from, const Prepare& m) {
  if (m.ballot.node != from || m.incarnation == 0) return;
  auto refuse = [&](NackReason reason) {
    Send(from, Nack{m.ballot, hard_.promised, reason, m.pre});
  };
  if (blank() && !newborn_) return refuse(NackReason::kBlank);
  if (IsOutsider(from, m.config_at)) return refuse(NackReason::kRemoved);
  // Whether this replica or the candidate has a vote is for the candidate to know: the
  // configuration here may be an old one, and a promise more does no harm.
  if (m.released != Ballot()) OnRelease(m.released.node, Release{m.released});
  const bool again = !m.pre && m.ballot == hard_.promised && hard_.holder == from &&
                     hard_.holder_incarnation == m.incarnation;
  if (!again && m.ballot <= hard_.promised) return refuse(NackReason::kHigherBallot);
  if (m.from <= log_.base().index) return refuse(NackReason::kBehind);
  if (again) return SendDurably(from, MakePromise(m));
  const bool yields = YieldsCandidacy();
  if (!yields && !VoteIsFree(from, m.incarnation)) {
    AskHolder();
    return refuse(NackReason::kHeld);
  }
  if (m.pre) return Send(from, MakePromise(m));
  if (!yields && hard_.holder && !Holds(from, m.incarnation) &&
      !support_->Withdraw(hard_.holder, hard_.holder_incarnation)) {
    return refuse(NackReason::kHeld);  // the clock stopped vouching between the two questions
  }
  SetVote(m.ballot, m.incarnation);
  if (role_ != Role::kFollower) StepDown(m.ballot);
  campaign_at_ = 0;
  SendDurably(from, MakePromise(m));
}

// What this acceptor holds above the chosen prefix under exactly the promised ballot came from that
// ballot's leader, in order, so it counts as matched.
void Replica::AdoptBallot() {
  match_ballot_ = hard_.promised;
  match_ = chosen_;
  while (match_ < log_.last() && log_.At(match_ + 1).ballot == match_ballot_) ++match_;
}

void Replica::OnAccept(NodeId from, const Accept& m) {
  if (m.ballot.node != from || m.incarnation == 0) return;
  if (blank()) {
    return Send(from, Nack{m.ballot, hard_.promised, NackReason::kBlank, false});
  }
  if (m.ballot < hard_.promised) {
    return Send(from, Nack{m.ballot, hard_.promised, NackReason::kHigherBallot, false});
  }
  // The sender has won its ballot: a quorum found the support of every older leader ended, so no
  // lease of an older ballot is alive and the vote may follow without asking the clock.
  if (m.ballot > hard_.promised) SetVote(m.ballot, m.incarnation);
  if (role_ != Role::kFollower) StepDown(m.ballot);
  if (match_ballot_ != m.ballot) AdoptBallot();
  campaign_at_ = 0;
  ask_at_ = 0;
  heard_at_ = now_;
  bool gap = m.first > match_ + 1;
  if (!gap) {
    for (const Entry& e : m.entries) {
      if (e.index <= match_) continue;
      if (e.index != match_ + 1) break;
      AppendEntry(e);
      match_ = e.index;
    }
  }
  SetChosen(std::min(m.chosen, match_));
  settled_ = std::max(settled_, m.settled);
  if (m.settle && KeptSoon() < chosen_) hard_changed_ = true;
  SendDurably(from, Accepted{m.ballot, match_, chosen_, gap, StampFor(from),
                             configs_.HasWitness() ? KeptSoon() : 0});
}

void Replica::OnRelease(NodeId from, const Release& m) {
  if (m.ballot.node != from || hard_.promised != m.ballot || hard_.holder != from) return;
  if (from == self_) return;
  FreeVote();
}

void Replica::AskHolder() {
  if (hard_.holder == self_ || !hard_.holder) return;
  if (asked_holder_at_ != 0 && now_ < asked_holder_at_ + options_.retry_us) return;
  asked_holder_at_ = now_;
  Send(hard_.holder, HoldQuery{hard_.promised, hard_.holder_incarnation});
}

void Replica::OnHoldQuery(NodeId from, const HoldQuery& m) {
  if (m.ballot.node != self_ || m.incarnation != incarnation_) return;
  if (role_ != Role::kFollower && m.ballot >= ballot_) return;
  // What was done under the lease may be in the future of the asking node's clock.
  if (!support_->truetime()->After(abandoned_lease_end_)) return;
  Send(from, Release{m.ballot});
}

void Replica::OnTimeoutNow(NodeId from, const TimeoutNow& m) {
  if (m.ballot.node != from || m.ballot < hard_.promised || !MayLead()) return;
  if (role_ != Role::kFollower) return;
  OnRelease(from, Release{m.ballot});
  StartCampaign(/*pre=*/false, m.ballot);
}

}  // namespace isochron::paxos
