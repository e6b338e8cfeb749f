// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "paxos/core/replica.h"

// Membership: whose messages count, what a quorum is while a change is under way, the change
// itself, and how those who left hear of it (rule 28).

namespace isochron::paxos {
namespace {

// A replica that left and does not answer is given up after it; it finds out by itself.
constexpr Micros kFarewellUs = 30'000'000;

// A replica that does not campaign and hears nothing asks this often.
constexpr Micros kAskUs = 8'000'000;

// All that can be reached have heard of a change by then.
constexpr Micros kHearsayUs = 5'000'000;

// Answers count only if they come from a replica that a configuration names.
bool IsAnswer(const Body& body) {
  return std::holds_alternative<Promise>(body) || std::holds_alternative<Nack>(body) ||
         std::holds_alternative<Accepted>(body);
}

}  // namespace

bool Replica::ForThisLife(NodeId from, const Message& message) {
  if (message.to_id == 0 && message.from_id == 0)
    return blank() || configs_.Has(from, LifeOf(from));
  if (options_.sabotage.Is(Sabotage::kAmnesiacVoter)) return true;
  if (message.to_id != 0 && message.to_id != id_) return false;
  uint64_t& life = lives_[from];
  if (message.from_id < life) return false;
  life = message.from_id;
  if (!IsAnswer(message.body)) return true;
  return configs_.Has(from, life) ||
         std::any_of(to_win_.begin(), to_win_.end(),
                     [&](const Config& c) { return c.Has(from, life); });
}

uint64_t Replica::LifeOf(NodeId node) const {
  uint64_t life = 0;
  for (const auto& at : configs_.all()) {
    if (const Member* m = at.config.Find(node)) life = std::max(life, m->id);
  }
  for (const Config& c : to_win_) {
    if (const Member* m = c.Find(node)) life = std::max(life, m->id);
  }
  auto heard = lives_.find(node);
  return heard == lives_.end() ? life : std::max(life, heard->second);
}

bool Replica::MayLead() const {
  if (blank()) return false;
  return config().CanLead(self_) && config().Has(self_, id_);
}

absl::StatusOr<LogIndex> Replica::ProposeConfig(Config next) {
  if (role_ != Role::kLeader) {
    return absl::FailedPreconditionError(
        absl::StrCat("group ", ToString(options_.group), " is not led by ", ToString(self_)));
  }
  if (absl::Status s = CheckChange(config(), next); !s.ok()) return s;
  if (!next.CanLead(self_)) {
    return absl::InvalidArgumentError("the leader stays a voter: hand leadership over first");
  }
  if (!options_.sabotage.Is(Sabotage::kOverlappingChanges)) {
    // What an earlier leader began may still be chosen until an entry of this ballot is.
    if (chosen_ < recovery_index_ || configs_.changing()) {
      return absl::FailedPreconditionError("another change of membership is under way; retry");
    }
    // Any two successive configurations share a voter of each quorum; configurations further apart
    // do not. So every lease that was ever counted here is supported by today's quorum first.
    if (LeaseIn(config()) < LeaseEnd()) {
      return absl::UnavailableError("a quorum of replicas does not support the lease now; retry");
    }
  }
  if (absl::Status s = CheckSettled(next); !s.ok()) return s;
  const LogIndex index = log_.last() + 1;
  Entry entry{index, ballot_, ballot_, EntryKind::kConfig,
              std::make_shared<const std::string>(EncodeConfig(next))};
  pending_bytes_ += entry.Bytes();
  AppendEntry(std::move(entry));
  match_ = index;
  AddProgress(next);
  lease_version_ = 0;
  replicate_ = true;
  return index;
}

void Replica::AddProgress(const Config& config) {
  for (const Member& m : config.members) {
    if (m.node == self_) continue;
    Progress& p = progress_[m.node];
    p.left_at = 0;
    if (p.id == m.id) continue;
    // Another life of the node: nothing that was known of the last one holds.
    p = Progress{};
    p.id = m.id;
    p.next = log_.last() + 1;
    p.heard_at = now_;
  }
}

void Replica::SettleConfigs() {
  if (!configs_.Settle(chosen_)) return;
  // That it is chosen becomes durable soon, so that a quorum can know it for good.
  hard_changed_ = true;
  settled_since_ = now_;
  settled_token_ = DurableToken();
  lease_version_ = 0;
  if (role_ != Role::kLeader) return;
  for (auto& [node, p] : progress_) {
    if (!configs_.Has(node, p.id) && p.left_at == 0) p.left_at = std::max<Micros>(now_, 1);
  }
}

bool Replica::ConfigKnown() const {
  if (role_ != Role::kLeader || configs_.changing()) return false;
  size_t known = 0;
  for (const Member& m : configs_.settled().members) {
    if (!m.Votes()) continue;
    if (m.node == self_) {
      known += persisted_token_ >= settled_token_ ? 1 : 0;
    } else if (auto it = progress_.find(m.node); it != progress_.end() && it->second.id == m.id) {
      known += it->second.chosen >= configs_.settled_at() ? 1 : 0;
    }
  }
  return known >= configs_.settled().Quorum();
}

size_t Replica::Answering(const Config& config) const {
  auto now = support_->truetime()->Now();
  size_t n = 0;
  for (const Member& m : config.members) {
    if (!m.Votes() || !now.ok()) continue;
    const auto grant = support_->GrantedBy(m.node);
    n += m.node == self_ || (grant && grant->end > now->latest && MatchOf(m.node) > 0) ? 1 : 0;
  }
  return n;
}

// A candidate that was a member at an older configuration than the newest that is chosen here, and
// is none in that one, was removed in between: no life is ever added again. And one that a later
// configuration makes a member, where another entry is chosen by now, never was. It is told once a
// quorum knows, or had the time to hear of it.
bool Replica::IsOutsider(NodeId node, LogIndex its_config_at) const {
  if (configs_.changing() || its_config_at == 0 || its_config_at == configs_.settled_at() ||
      its_config_at > chosen_) {
    return false;
  }
  if (configs_.Has(node, LifeOf(node)) || persisted_token_ < settled_token_) return false;
  return ConfigKnown() || now_ >= settled_since_ + kHearsayUs;
}

// Who campaigns is told when it was removed; a learner or read-only replica has to ask. The
// question is that of a campaign, and nothing but that answer is looked at.
void Replica::MaybeAskIfMember() {
  if (NamedAt() == 0) return;
  if (ask_at_ == 0) ask_at_ = now_ + kAskUs;
  if (now_ < ask_at_) return;
  ask_at_ = now_ + kAskUs;
  AskIfMember();
}

void Replica::AskIfMember() {
  const LogIndex at = NamedAt();
  if (at == 0 || role_ != Role::kFollower) return;
  ballot_ = Ballot{std::max(max_round_, hard_.promised.round) + 1, self_};
  TellVoters(Prepare{ballot_, true, incarnation_, chosen_ + 1, Ballot(), at});
}

// The configuration that makes this replica a member, 0: none. A newcomer's may not be known to be
// chosen here, and never will be when it was lost, or was followed at once by a removal.
LogIndex Replica::NamedAt() const {
  if (member()) return configs_.settled_at();
  LogIndex at = 0;
  for (const auto& c : configs_.all()) {
    if (c.config.Has(self_, id_)) at = c.index;
  }
  return at;
}

void Replica::DropLeavers() {
  std::erase_if(progress_, [&](const auto& entry) {
    const Progress& p = entry.second;
    if (p.left_at == 0) return false;
    return p.chosen >= configs_.settled_at() || p.state == Progress::State::kSnapshot ||
           now_ >= p.left_at + kFarewellUs;
  });
}

// The greatest index that a quorum of `config` holds, as far as this leader knows.
LogIndex Replica::AcceptedIn(const Config& config) {
  std::vector<LogIndex> matches;
  for (const Member& m : config.members) {
    if (!m.Votes()) continue;
    LogIndex match = 0;
    if (m.node == self_) {
      match = Stable();
    } else if (auto it = progress_.find(m.node); it != progress_.end() && it->second.id == m.id) {
      match = it->second.match;
    }
    matches.push_back(match);
  }
  if (matches.size() < config.Quorum()) return 0;
  std::sort(matches.begin(), matches.end(), std::greater<>());
  return matches[config.Quorum() - 1];
}

// Until when a quorum of `config` supports this leader at its ballot.
Timestamp Replica::LeaseIn(const Config& config) const {
  std::vector<Timestamp> ends;
  for (const Member& m : config.members) {
    if (!m.Votes()) continue;
    const auto grant = support_->GrantedBy(m.node);
    Timestamp end;
    if (m.node == self_) {
      if (grant && Holds(self_, incarnation_) && hard_.promised == ballot_) end = grant->end;
    } else if (auto v = stamps_.find(m.node); grant && v != stamps_.end()) {
      if (v->second.life == m.id &&
          v->second.stamp == VoteStamp{grant->epoch, grant->voter_incarnation}) {
        end = grant->end;
      }
    }
    ends.push_back(end);
  }
  if (ends.size() < config.Quorum()) return Timestamp();
  std::sort(ends.begin(), ends.end(), std::greater<>());
  return ends[config.Quorum() - 1];
}

void Replica::TellVoters(const Body& body) {
  for (const Member& m : configs_.Members()) {
    if (m.node != self_ && m.Votes()) Send(m.node, body);
  }
}

}  // namespace isochron::paxos
