// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/check.h"
#include "paxos/core/replica.h"

// Elections. A campaign first asks "would you?" (pre), so that a node that was cut off does not
// raise ballots that a working leader would then have to beat.

namespace isochron::paxos {

void Replica::ScheduleCampaign(Micros within) {
  campaign_at_ = now_ + 1 + random_.Between(0, std::max<Micros>(within, 1));
}

void Replica::TickElection() {
  if (!IsVoter()) return;
  if (role_ == Role::kFollower) {
    MaybeReleaseOwnVote();
    if (!VoteIsFree(self_, incarnation_)) {
      campaign_at_ = 0;
      return;
    }
    if (campaign_at_ == 0) {
      // A leader that lost its ballot, but whose vote nobody else holds, is the natural successor.
      const bool own = Holds(self_, incarnation_);
      ScheduleCampaign(own ? options_.election_jitter_us / 8 : options_.election_jitter_us);
    } else if (options_.auto_campaign && now_ >= campaign_at_) {
      Campaign();
    }
    return;
  }
  if (now_ >= campaign_ends_) return GiveUpCampaign();
  if (now_ >= repeat_at_) SendPrepares();
}

void Replica::Campaign() {
  if (role_ != Role::kFollower || !IsVoter()) return;
  StartCampaign(/*pre=*/true, Ballot());
}

void Replica::StartCampaign(bool pre, Ballot released) {
  campaign_at_ = 0;
  if (!VoteIsFree(self_, incarnation_)) return;
  if (!pre && hard_.holder && !Holds(self_, incarnation_) &&
      !support_->Withdraw(hard_.holder, hard_.holder_incarnation)) {
    return GiveUpCampaign();
  }
  ballot_ = Ballot{std::max(max_round_, hard_.promised.round) + 1, self_};
  released_ = released;
  refused_.clear();
  stamps_.clear();
  own_promise_token_.reset();
  recovery_.emplace(chosen_ + 1);
  role_ = pre ? Role::kPreCandidate : Role::kCandidate;
  campaign_ends_ = now_ + options_.campaign_us + random_.Between(0, options_.election_jitter_us);
  if (pre) {
    recovery_->Add(self_, MakePromise(Prepare{ballot_, true, incarnation_, chosen_ + 1, {}}));
  } else {
    SetVote(ballot_, incarnation_);
    own_promise_token_ = DurableToken();
  }
  SendPrepares();
  MaybeWin();
}

void Replica::SendPrepares() {
  repeat_at_ = now_ + options_.retry_us;
  for (const Member& m : config_.members) {
    if (m.node == self_ || m.kind != ReplicaKind::kVoter || refused_.contains(m.node)) continue;
    const LogIndex from = recovery_->WantedFrom(m.node);
    if (from == 0) continue;
    // The own promise comes first: after a crash this ballot must never be used again.
    SendDurably(m.node,
                Prepare{ballot_, role_ == Role::kPreCandidate, incarnation_, from, released_});
  }
}

void Replica::CountOwnPromise() {
  own_promise_token_.reset();
  if (role_ != Role::kCandidate || hard_.promised != ballot_) return;
  Promise own;
  own.ballot = ballot_;
  own.chosen = chosen_;
  own.chosen_origin = MarkAt(chosen_).origin;
  own.last = log_.last();
  // Nothing was accepted since the promise: what recovery starts from is still the first slot that
  // is not known to be chosen here.
  if (recovery_->from() <= log_.last()) {
    auto entries = log_.Read(recovery_->from(), log_.last(), SIZE_MAX);
    ISO_CHECK(entries.ok(), "entries that are not chosen are in memory");
    own.entries = std::move(*entries);
  }
  recovery_->Add(self_, own);
  MaybeWin();
}

void Replica::Stamp(NodeId voter, VoteStamp vote) {
  VoteStamp& s = stamps_[voter];
  // Acknowledgments overtake each other; an older stamp says nothing new.
  if (std::make_pair(vote.incarnation, vote.epoch) <= std::make_pair(s.incarnation, s.epoch)) {
    return;
  }
  s = vote;
  lease_version_ = 0;
}

void Replica::OnPromise(NodeId from, const Promise& m) {
  if (m.ballot != ballot_ || !config_.IsVoter(from)) return;
  if (role_ == Role::kLeader && !m.pre) return Stamp(from, m.vote);  // later than the quorum's
  if (role_ != (m.pre ? Role::kPreCandidate : Role::kCandidate)) return;
  recovery_->Add(from, m);
  if (!m.pre) Stamp(from, m.vote);
  const LogIndex more = recovery_->WantedFrom(from);
  if (more != 0 && !m.entries.empty()) {
    Send(from, Prepare{ballot_, false, incarnation_, more, released_});
  }
  MaybeWin();
}

void Replica::OnNack(NodeId from, const Nack& m) {
  max_round_ = std::max(max_round_, m.promised.round);
  if (m.ballot != ballot_) return;
  if (role_ == Role::kLeader && !m.pre) {
    if (m.reason == NackReason::kBlank) {
      Progress& p = progress_[from];
      p.known = true;
      p.match = 0;
      if (p.state != Progress::State::kSnapshot) NeedSnapshot(from, &p);
    } else if (m.promised > ballot_) {
      StepDown(m.promised);
      ScheduleCampaign(options_.election_jitter_us / 8);
    }
    return;
  }
  if (role_ == (m.pre ? Role::kPreCandidate : Role::kCandidate)) OnRefused(from, m);
}

void Replica::OnRefused(NodeId from, const Nack& m) {
  if (!config_.IsVoter(from) || recovery_->WantedFrom(from) == 0) return;
  // A voter that holds its vote for another may be free a little later: it is asked again.
  if (m.reason != NackReason::kHeld) refused_.insert(from);
  if (refused_.size() > config_.Voters() - config_.Quorum()) GiveUpCampaign();
}

void Replica::MaybeWin() {
  if (!recovery_ || recovery_->Complete() < config_.Quorum()) return;
  if (role_ == Role::kPreCandidate) {
    StartCampaign(/*pre=*/false, released_);
  } else if (role_ == Role::kCandidate && recovery_->Answered(self_)) {
    Win();
  }
}

void Replica::Win() {
  role_ = Role::kLeader;
  progress_.clear();
  std::vector<Entry> recovered = recovery_->Result();
  const LogIndex recovered_to = recovery_->from() + recovered.size() - 1;
  for (const Member& m : config_.members) {
    if (m.node == self_) continue;
    Progress& p = progress_[m.node];
    p.known = recovery_->Answered(m.node);
    p.match = recovery_->ChosenOf(m.node);
    p.chosen = p.match;
    p.next = p.known ? p.match + 1 : recovered_to + 1;
    p.heard_at = now_;
  }
  const LogIndex known_chosen = recovery_->MaxChosen();
  recovery_.reset();
  // Entries of ours past the recovered ones were never chosen and never will be.
  log_.DropAfter(recovered_to);
  std::erase_if(to_append_, [&](const Entry& e) { return e.index > recovered_to; });
  pending_bytes_ = 0;
  for (Entry& e : recovered) {
    e.ballot = ballot_;
    if (e.index > known_chosen) pending_bytes_ += e.Bytes();
    AppendEntry(std::move(e));
  }
  recovery_index_ = recovered_to + 1;
  Entry noop{recovery_index_, ballot_, ballot_, EntryKind::kNoop, nullptr};
  pending_bytes_ += noop.Bytes();
  AppendEntry(std::move(noop));
  match_ballot_ = ballot_;
  match_ = recovery_index_;
  SetChosen(known_chosen);
  lease_end_ = Timestamp();
  lease_version_ = 0;
  auto now = support_->truetime()->Now();
  lease_start_ = now.ok() ? now->latest : Timestamp();
  replicate_ = true;
  if (options_.observer != nullptr) options_.observer->Count("paxos.elections_won", 1);
  AdvanceChosen();
}

void Replica::GiveUpCampaign() {
  role_ = Role::kFollower;
  recovery_.reset();
  own_promise_token_.reset();
  stamps_.clear();
  MaybeReleaseOwnVote();
  ScheduleCampaign(2 * options_.election_jitter_us);
}

// A follower that holds its own vote keeps it only while an older lease of its own may be in use.
void Replica::MaybeReleaseOwnVote() {
  if (role_ != Role::kFollower || hard_.holder != self_ ||
      hard_.holder_incarnation != incarnation_) {
    return;
  }
  if (!support_->truetime()->After(abandoned_lease_end_)) return;
  FreeVote();
  for (const Member& m : config_.members) {
    if (m.node != self_ && m.kind == ReplicaKind::kVoter) Send(m.node, Release{hard_.promised});
  }
}

}  // namespace isochron::paxos
