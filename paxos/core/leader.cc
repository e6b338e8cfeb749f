// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "paxos/core/replica.h"

// The leader: proposals, followers' progress, the chosen index, the lease.

namespace isochron::paxos {

absl::StatusOr<LogIndex> Replica::Propose(Payload payload) {
  if (role_ != Role::kLeader) {
    return absl::FailedPreconditionError(
        absl::StrCat("group ", ToString(options_.group), " is not led by ", ToString(self_)));
  }
  const LogIndex index = log_.last() + 1;
  Entry entry{index, ballot_, ballot_, EntryKind::kCommand, std::move(payload)};
  if (pending_bytes_ + entry.Bytes() > options_.max_pending_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("group ", ToString(options_.group), " has ", pending_bytes_,
                     " bytes proposed and not yet chosen; retry later"));
  }
  pending_bytes_ += entry.Bytes();
  AppendEntry(std::move(entry));
  match_ = index;
  replicate_ = true;
  return index;
}

void Replica::OnAccepted(NodeId from, const Accepted& m) {
  if (role_ != Role::kLeader || m.ballot != ballot_) return;
  auto it = progress_.find(from);
  if (it == progress_.end()) return;
  Progress& p = it->second;
  if (p.id != LifeOf(from) && !options_.sabotage.Is(Sabotage::kAmnesiacVoter)) return;
  Stamp(from, m.vote);
  const LogIndex match = std::min(m.match, log_.last());
  p.chosen = std::max(p.chosen, m.chosen);
  p.kept = std::max(p.kept, m.kept);
  UpdateSettled();
  if (match < p.match) return;  // overtaken by a newer one
  if (match > p.match) p.heard_at = now_;
  p.known = true;
  p.match = match;
  p.Acked(match);
  switch (p.state) {
    case Progress::State::kSnapshot:
      if (match >= log_.base().index) p.Probe();
      break;
    case Progress::State::kReplicate:
      if (m.gap && p.next > match + 1) p.Probe();
      break;
    case Progress::State::kProbe:
      p.Probe();
      if (!m.gap) p.state = Progress::State::kReplicate;
      break;
  }
  AdvanceChosen();
  replicate_ = true;
}

void Replica::AdvanceChosen() {
  for (;;) {
    LogIndex chosen = AcceptedIn(configs_.settled());
    // A change and what lies behind it needs a quorum of the new replicas as well.
    for (const auto& at : configs_.all()) {
      if (at.index <= chosen_ || at.index > chosen) continue;
      chosen = std::min(chosen, std::max(at.index - 1, AcceptedIn(at.config)));
    }
    if (options_.sabotage.Is(Sabotage::kOverlappingChanges)) chosen = AcceptedIn(config());
    if (chosen <= chosen_) return;
    for (LogIndex i = chosen_ + 1; i <= chosen; ++i) {
      pending_bytes_ -= std::min(pending_bytes_, log_.At(i).Bytes());
    }
    CountWitnesses(chosen);
    SetChosen(chosen);
    replicate_ = true;
  }
}

void Replica::Replicate() {
  replicate_ = false;
  for (auto& [node, p] : progress_) {
    if (p.state == Progress::State::kProbe && !p.waiting) {
      p.waiting = true;
      SendAccept(node, &p, /*empty=*/false);
    }
    const LogIndex last = IsLeaving(p) ? configs_.settled_at() : log_.last();
    while (p.state == Progress::State::kReplicate && p.next <= last &&
           p.inflight_bytes < options_.max_inflight_bytes) {
      SendAccept(node, &p, /*empty=*/false);
    }
  }
}

void Replica::NeedSnapshot(NodeId node, Progress* p) {
  p->Probe();
  p->state = Progress::State::kSnapshot;
  need_snapshot_.push_back(node);
}

void Replica::SendAccept(NodeId to, Progress* p, bool empty) {
  if (p->next <= log_.base().index) {
    if (p->known) return NeedSnapshot(to, p);
    p->next = log_.base().index + 1;  // nothing was heard of it: ask where it stands
  }
  Accept m;
  m.ballot = ballot_;
  m.incarnation = incarnation_;
  m.first = p->next;
  m.chosen = chosen_;
  LogIndex last = log_.last();
  if (IsLeaving(*p)) {
    // It is shown the change that removed it, and that it is chosen once that is safe to know.
    last = configs_.settled_at();
    m.chosen = ConfigKnown() ? last : last - 1;
  }
  AddSettled(*p, &m);
  size_t bytes = 0;
  if (!empty && p->next <= last) {
    auto entries = log_.Read(p->next, last, options_.max_message_bytes);
    // What cannot be read back (truncated in the log, or damaged) comes with a snapshot.
    if (!entries.ok()) return NeedSnapshot(to, p);
    m.entries = std::move(*entries);
    for (const Entry& e : m.entries) bytes += e.Bytes();
  }
  if (p->state == Progress::State::kReplicate && !m.entries.empty()) {
    if (p->inflight.empty()) p->heard_at = now_;  // the wait for progress starts here
    p->next = m.entries.back().index + 1;
    p->Sent(p->next - 1, bytes);
  }
  p->sent_at = now_;
  p->told_chosen = std::max(p->told_chosen, m.chosen);
  Send(to, std::move(m));
}

void Replica::TickLeader() {
  DropLeavers();
  TickSettled();
  for (auto& [node, p] : progress_) {
    const bool due = now_ >= p.sent_at + options_.retry_us;
    if (p.state == Progress::State::kSnapshot) continue;
    if (p.state == Progress::State::kProbe) {
      if (p.waiting && due) SendAccept(node, &p, /*empty=*/false);
      continue;
    }
    if (!p.inflight.empty() && now_ >= p.heard_at + options_.retry_us) {
      p.Probe();
      p.waiting = true;
      p.heard_at = now_;
      SendAccept(node, &p, /*empty=*/false);
      continue;
    }
    const LogIndex upto = IsLeaving(p) ? configs_.settled_at() : chosen_;
    const bool lags = p.chosen < upto;
    if ((lags && p.told_chosen < upto) || ((lags || VoteIsStale(node)) && due)) {
      SendAccept(node, &p, /*empty=*/true);
    }
  }
}

// The voter's node grants support, but what this group knows of its vote is from before that.
bool Replica::VoteIsStale(NodeId voter) const {
  const auto grant = support_->GrantedBy(voter);
  if (!grant) return false;
  auto stamp = stamps_.find(voter);
  return stamp == stamps_.end() ||
         stamp->second.stamp != VoteStamp{grant->epoch, grant->voter_incarnation};
}

// Everything is chosen and every follower that is alive knows it. One that is not is seen to when
// its node's support begins anew.
bool Replica::LeaderMayRest() const {
  if (!Recovered() || chosen_ < log_.last() || emitted_ < chosen_) return false;
  if (configs_.changing() || now_ < want_until_) return false;
  for (const auto& [node, p] : progress_) {
    if (IsLeaving(p)) return false;  // it is told, or given up
    if (!support_->Live(node)) continue;
    if (p.state != Progress::State::kReplicate || !p.inflight.empty() || p.next <= log_.last() ||
        p.chosen < chosen_ || (Votes(node) && VoteIsStale(node))) {
      return false;
    }
  }
  return true;
}

void Replica::ReportSnapshot(NodeId to, bool ok, LogIndex index) {
  auto it = progress_.find(to);
  if (role_ != Role::kLeader || it == progress_.end()) return;
  Progress& p = it->second;
  if (p.state != Progress::State::kSnapshot) return;
  if (ok) p.match = std::max(p.match, std::min(index, chosen_));
  if (ok) given_ = std::max(given_, index);
  // After a failure it has to answer a probe before it is sent a whole group again.
  p.known = ok;
  p.Probe();
  if (!ok) {
    p.waiting = true;  // not again before the retry interval
    p.sent_at = now_;
  }
  replicate_ = true;
}

// --- lease ---------------------------------------------------------------------------------------

Timestamp Replica::LeaseEnd() {
  if (role_ != Role::kLeader) return Timestamp();
  if (lease_version_ == support_->version()) return lease_end_;
  if (lease_start_ == Timestamp()) {
    auto now = support_->truetime()->Now();
    if (!now.ok()) return Timestamp();
    lease_start_ = now->latest;
  }
  lease_version_ = support_->version();
  Timestamp end = Timestamp::Max();
  for (const auto& at : configs_.all()) end = std::min(end, LeaseIn(at.config));
  if (options_.sabotage.Is(Sabotage::kOverlappingChanges)) end = LeaseIn(config());
  if (end > lease_end_) {
    lease_end_ = end;
    if (options_.observer != nullptr && lease_end_ > lease_start_) {
      options_.observer->OnLease(self_, options_.group, ballot_, lease_start_, lease_end_);
    }
  }
  return lease_end_;
}

void Replica::StepDown(Ballot seen) {
  if (role_ == Role::kLeader) abandoned_lease_end_ = std::max(abandoned_lease_end_, lease_end_);
  max_round_ = std::max(max_round_, seen.round);
  role_ = Role::kFollower;
  recovery_.reset();
  own_promise_token_.reset();
  progress_.clear();
  stamps_.clear();
  need_snapshot_.clear();
  want_until_ = 0;
  lease_start_ = Timestamp();
  lease_end_ = Timestamp();
  pending_bytes_ = 0;
  campaign_at_ = 0;
  replicate_ = false;
}

absl::Status Replica::GiveUpLease() {
  if (role_ != Role::kLeader) {
    return absl::FailedPreconditionError(
        absl::StrCat("group ", ToString(options_.group), " is not led by ", ToString(self_)));
  }
  if (!support_->truetime()->After(abandoned_lease_end_)) {
    return absl::FailedPreconditionError("a lease of an earlier ballot still runs; retry later");
  }
  // The caller vouches that nothing done under this ballot's lease is in anybody's future.
  const Ballot ballot = ballot_;
  if (auto now = support_->truetime()->Now(); now.ok() && options_.observer != nullptr) {
    options_.observer->OnLeaseReleased(self_, options_.group, ballot, now->earliest);
  }
  lease_end_ = Timestamp();
  StepDown(ballot);
  FreeVote();
  TellVoters(Release{ballot});
  // Somebody else goes first.
  ScheduleCampaign(2 * options_.election_jitter_us);
  campaign_at_ += options_.campaign_us;
  return absl::OkStatus();
}

absl::Status Replica::TransferTo(NodeId to) {
  if (to == self_ || !config().CanLead(to) || !settled_config().CanLead(to)) {
    return absl::InvalidArgumentError(
        absl::StrCat(ToString(to), " is not another voter of group ", ToString(options_.group)));
  }
  const Ballot ballot = ballot_;
  if (absl::Status s = GiveUpLease(); !s.ok()) return s;
  Send(to, TimeoutNow{ballot});
  return absl::OkStatus();
}

absl::Status Replica::Resign() { return GiveUpLease(); }

}  // namespace isochron::paxos
