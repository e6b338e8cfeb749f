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
  if (blank()) return;
  if (role_ == Role::kFollower) {
    MaybeReleaseOwnVote();
    if (!MayLead()) {
      campaign_at_ = 0;
      return MaybeAskIfMember();
    }
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
  if (role_ != Role::kFollower || !MayLead()) return;
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
  to_win_.clear();
  complete_answers_ = 0;
  stamps_.clear();
  own_promise_token_.reset();
  recovery_.emplace(chosen_ + 1);
  role_ = pre ? Role::kPreCandidate : Role::kCandidate;
  campaign_ends_ = now_ + options_.campaign_us + random_.Between(0, options_.election_jitter_us);
  if (pre) {
    recovery_->Add(self_, MakePromise(Prepare{ballot_, true, incarnation_, chosen_ + 1, {}, 0}),
                   id_);
  } else {
    SetVote(ballot_, incarnation_);
    own_promise_token_ = DurableToken();
  }
  SendPrepares();
  MaybeWin();
}

void Replica::SendPrepares() {
  repeat_at_ = now_ + options_.retry_us;
  std::set<NodeId> asked;
  auto ask = [&](const Member& m) {
    if (m.node == self_ || !m.Votes() || refused_.contains(m.node)) return;
    if (!asked.insert(m.node).second) return;
    const LogIndex from = recovery_->WantedFrom(m.node);
    if (from == 0) return;
    // The own promise comes first: after a crash this ballot must never be used again.
    SendDurably(m.node, Prepare{ballot_, role_ == Role::kPreCandidate, incarnation_, from,
                                released_, configs_.settled_at()});
  };
  for (const Config& c : to_win_) std::for_each(c.members.begin(), c.members.end(), ask);
  for (const auto& at : configs_.all()) {
    std::for_each(at.config.members.begin(), at.config.members.end(), ask);
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
  recovery_->Add(self_, own, id_);
  MaybeWin();
}

void Replica::Stamp(NodeId voter, VoteStamp vote) {
  Vote& v = stamps_[voter];
  const uint64_t life = LifeOf(voter);
  // Acknowledgments overtake each other; an older stamp says nothing new.
  if (life == v.life && std::make_pair(vote.incarnation, vote.epoch) <=
                            std::make_pair(v.stamp.incarnation, v.stamp.epoch)) {
    return;
  }
  v = Vote{life, vote};
  lease_version_ = 0;
}

void Replica::OnPromise(NodeId from, const Promise& m) {
  if (m.ballot != ballot_) return;
  if (role_ == Role::kLeader && !m.pre) return Stamp(from, m.vote);  // later than the quorum's
  if (role_ != (m.pre ? Role::kPreCandidate : Role::kCandidate)) return;
  const LogIndex wanted = recovery_->WantedFrom(from);
  recovery_->Add(from, m, lives_[from]);
  if (!m.pre) Stamp(from, m.vote);
  const LogIndex more = recovery_->WantedFrom(from);
  // What one voter alone has may come in many parts: as long as they come, it goes on.
  if (!m.pre && more != wanted) {
    campaign_ends_ = std::max(campaign_ends_, now_ + options_.campaign_us);
  }
  if (more != 0 && !m.entries.empty()) {
    Send(from, Prepare{ballot_, false, incarnation_, more, released_, configs_.settled_at()});
  }
  MaybeWin();
}

void Replica::OnNack(NodeId from, const Nack& m) {
  max_round_ = std::max(max_round_, m.promised.round);
  if (m.ballot != ballot_) return;
  if (m.reason == NackReason::kRemoved) removed_ = true;
  if (role_ == Role::kLeader && !m.pre) {
    if (m.reason == NackReason::kBlank) {
      auto it = progress_.find(from);
      if (it == progress_.end() || IsLeaving(it->second)) return;
      Progress& p = it->second;
      p.known = true;
      p.match = 0;
      if (p.state != Progress::State::kSnapshot) NeedSnapshot(from, &p);
    } else if (m.promised > ballot_ && config().Has(from, LifeOf(from))) {
      StepDown(m.promised);
      ScheduleCampaign(options_.election_jitter_us / 8);
    }
    return;
  }
  if (role_ == (m.pre ? Role::kPreCandidate : Role::kCandidate)) OnRefused(from, m);
}

void Replica::OnRefused(NodeId from, const Nack& m) {
  if (recovery_->WantedFrom(from) == 0) return;
  // A voter that holds its vote for another may be free a little later: it is asked again.
  if (m.reason != NackReason::kHeld) refused_.insert(from);
  for (const Config& c : ConfigsToWin()) {
    const size_t lost =
        static_cast<size_t>(std::count_if(c.members.begin(), c.members.end(), [&](const Member& v) {
          return v.Votes() && refused_.contains(v.node);
        }));
    if (lost > c.Voters() - c.Quorum()) return GiveUpCampaign();
  }
}

void Replica::MaybeWin() {
  if (!recovery_ || recovery_->Complete() == complete_answers_) return;
  complete_answers_ = recovery_->Complete();
  std::vector<Config> needed = ConfigsToWin();
  const bool more = role_ == Role::kCandidate &&
                    needed != (to_win_.empty() ? std::vector<Config>{settled_config()} : to_win_);
  to_win_ = std::move(needed);
  const bool won = std::all_of(to_win_.begin(), to_win_.end(),
                               [&](const Config& c) { return recovery_->CompleteIn(c); });
  if (!won) {
    if (more) SendPrepares();  // to those whom this campaign has just heard of
  } else if (role_ == Role::kPreCandidate) {
    StartCampaign(/*pre=*/false, released_);
  } else if (role_ == Role::kCandidate && recovery_->Answered(self_)) {
    // Removed, or made something else, by a change that it has only now heard of.
    const bool leads = std::all_of(to_win_.begin(), to_win_.end(), [&](const Config& c) {
      return c.CanLead(self_) && c.Has(self_, id_);
    });
    if (leads) {
      Win();
    } else {
      GiveUpCampaign();
    }
  }
}

// A quorum in each of these wins. The newest configuration that an answer shows to be chosen covers
// everything before it: its entry and all below were accepted by a quorum of that configuration
// too. Those behind it may have been chosen.
std::vector<Config> Replica::ConfigsToWin() const {
  std::vector<Config> needed;
  const bool pre = role_ != Role::kCandidate;
  for (const auto& at : configs_.all()) {
    // That a change which is known here is chosen, a voter may know that cannot lead itself.
    if (pre && at.index <= recovery_->MaxChosen()) needed.clear();
    needed.push_back(at.config);
  }
  if (pre) return needed;
  needed.resize(1);
  const LogIndex chosen = recovery_->MaxChosen();
  for (const Entry& e : recovery_->Result()) {
    if (e.kind != EntryKind::kConfig) continue;
    auto config = DecodeConfig(*e.payload);
    ISO_CHECK(config.ok(), "a configuration in the log can be read");
    if (e.index <= chosen) needed.clear();
    needed.push_back(*std::move(config));
  }
  if (options_.sabotage.Is(Sabotage::kOverlappingChanges)) needed = {needed.back()};
  return needed;
}

void Replica::Win() {
  role_ = Role::kLeader;
  progress_.clear();
  std::vector<Entry> recovered = recovery_->Result();
  const LogIndex recovered_to = recovery_->from() + recovered.size() - 1;
  const LogIndex known_chosen = recovery_->MaxChosen();
  const Recovery answers = *std::move(recovery_);
  recovery_.reset();
  CountFetched(recovered, answers);
  // Entries of ours past the recovered ones were never chosen and never will be.
  log_.DropAfter(recovered_to);
  configs_.DropAfter(recovered_to);
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
  for (const auto& at : configs_.all()) AddProgress(at.config);
  for (auto& [node, p] : progress_) {
    p.known = answers.Answered(node, p.id);
    p.match = p.known ? answers.ChosenOf(node) : 0;
    p.chosen = p.match;
    p.next = p.known ? p.match + 1 : recovered_to + 1;
  }
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
  TellVoters(Release{hard_.promised});
}

}  // namespace isochron::paxos
