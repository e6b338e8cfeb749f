// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>

#include "paxos/core/replica.h"

// Witnesses: what their logs may forget (rule 29).
//
// A witness votes and acknowledges like any voter, so an entry may be chosen with one full replica
// and witnesses alone. It holds no rows: what its log forgets, only full replicas have. So it
// forgets no more than what enough of them keep that every quorum has one: with V voters and
// quorums of Q, any V - Q + 1 of them. There are that many as long as witnesses are not more than
// full voters, which CheckChange sees to.
//
// A full replica "keeps" an index when it durably holds all up to it and durably knows that it is
// chosen: its own log gives it up only for what its store has flushed (rule 30), so what it keeps
// it has applied, or applies again after any crash; and as a candidate it asks nobody for it. How
// far that is rides on acknowledgments; the outcome, "settled", on the leader's messages. It is a
// fact about the past that only a change of the replicas could make untrue, so a change is proposed
// only when what may have been told holds for the next configuration too. An earlier leader's word
// lies below this one's first entry. While the group has no witness nothing binds its changes, so
// what was settled before counts no more when the next one comes.
//
// Full replicas keep their logs above "settled" as well: a witness that fell behind can then always
// be given what it lacks, also when the other full replica is gone for good. If it lacks what all
// logs have forgotten, it is given the leader's state (no rows) and the leader's base, and the log
// from there on: entries that its state has behind it already are kept, and not applied again.

namespace isochron::paxos {
namespace {

// For so long a wish stands, and settled is not raised while a new full replica comes up to it.
constexpr Micros kWantUs = 2'000'000;
constexpr Micros kHoldUs = 1'000'000;
constexpr Micros kAskEveryUs = 50'000;

}  // namespace

// Also one that the newest configuration, not chosen yet, leaves out.
bool Replica::IsWitness(NodeId node) const {
  return std::any_of(configs_.all().begin(), configs_.all().end(), [&](const auto& at) {
    const Member* m = at.config.Find(node);
    return m != nullptr && !HoldsRows(m->kind);
  });
}

// A configuration goes into the log.
void Replica::PutConfig(const Entry& entry) {
  configs_.Put(entry);
  if (entry.kind != EntryKind::kConfig) return;
  const Config& before = configs_.all()[configs_.all().size() - 2].config;
  const bool none = std::all_of(before.members.begin(), before.members.end(),
                                [](const Member& m) { return HoldsRows(m.kind); });
  if (none) settled_ = 0;
}

LogIndex Replica::Settled() const {
  if (options_.sabotage.Is(Sabotage::kWitnessTruncatesEarly)) return chosen_;
  return std::max(settled_, kInitialIndex);  // with which all begin
}

// What will be kept once all that changed so far is durable.
LogIndex Replica::KeptSoon() const {
  return std::max(kept_, hard_changed_ || !to_append_.empty() ? chosen_ : hard_.chosen);
}

// How far every quorum of `config` has a full replica that keeps all.
LogIndex Replica::SettledIn(const Config& config) const {
  std::vector<LogIndex> kept;
  for (const Member& m : config.members) {
    if (m.kind != ReplicaKind::kVoter) continue;
    LogIndex index = 0;
    if (m.node == self_) {
      index = kept_;
    } else if (auto it = progress_.find(m.node); it != progress_.end() && it->second.id == m.id) {
      index = it->second.kept;
    }
    kept.push_back(index);
  }
  const size_t enough = config.Voters() - config.Quorum() + 1;
  if (kept.size() < enough) return 0;
  std::sort(kept.begin(), kept.end(), std::greater<>());
  return kept[enough - 1];
}

void Replica::UpdateSettled() {
  if (role_ != Role::kLeader || !configs_.HasWitness() || now_ < settled_held_until_) return;
  LogIndex settled = chosen_;
  for (const auto& at : configs_.all()) settled = std::min(settled, SettledIn(at.config));
  settled_ = std::max(settled_, settled);
}

// `next` has to keep what a witness may have forgotten by now, and what a base may be.
absl::Status Replica::CheckSettled(const Config& next) {
  if (!configs_.HasWitness()) return absl::OkStatus();
  const LogIndex told = std::max({settled_, recovery_index_, given_});
  if (SettledIn(next) >= told) return absl::OkStatus();
  settled_held_until_ = now_ + kHoldUs;
  WantSettled(told);
  return absl::UnavailableError(
      "the replicas that would hold the rows do not yet have what witnesses may have forgotten; "
      "retry");
}

void Replica::WantSettled(LogIndex index) {
  if (role_ != Role::kLeader) return;
  want_settled_ = now_ < want_until_ ? std::max(want_settled_, index) : index;
  want_until_ = now_ + kWantUs;
  TickSettled();
}

void Replica::TickSettled() {
  if (now_ >= want_until_) return;
  UpdateSettled();  // all may have told before it was held, and have nothing to add
  if (kept_ < want_settled_ && KeptSoon() < chosen_) hard_changed_ = true;
  for (auto& [node, p] : progress_) {
    if (p.state != Progress::State::kReplicate || IsLeaving(p) || p.kept >= want_settled_) continue;
    if (now_ >= p.sent_at + kAskEveryUs) SendAccept(node, &p, /*empty=*/true);
  }
}

void Replica::AddSettled(const Progress& p, Accept* m) const {
  if (!configs_.HasWitness()) return;
  m->settled = settled_;
  m->settle = now_ < want_until_ && p.kept < want_settled_;
}

void Replica::LearnSettled(NodeId from, const Message& message) {
  const auto* m = std::get_if<Accept>(&message.body);
  if (m == nullptr || m->ballot.node != from || !ForThisLife(from, message)) return;
  settled_ = std::max(settled_, m->settled);
}

// Entries up to `chosen` are chosen: with a witness's word, or without?
void Replica::CountWitnesses(LogIndex chosen) {
  if (options_.observer == nullptr || !configs_.HasWitness()) return;
  size_t full = 0;
  for (const Member& m : config().members) {
    full += m.kind == ReplicaKind::kVoter && MatchOf(m.node) >= chosen ? 1 : 0;
  }
  if (full < config().Quorum()) options_.observer->Reached("paxos.chosen_by_witness");
}

// A new leader proposes again what it did not have itself, and a witness had.
void Replica::CountFetched(const std::vector<Entry>& recovered, const Recovery& answers) {
  if (options_.observer == nullptr || !configs_.HasWitness()) return;
  const LogIndex own = log_.last();
  if (recovered.empty() || recovered.back().index <= own) return;
  for (const Member& m : config().members) {
    if (m.kind != ReplicaKind::kWitness || !answers.Answered(m.node, m.id)) continue;
    if (answers.LastOf(m.node) > own) {
      options_.observer->Reached("paxos.fetched_from_witness");
      return;
    }
  }
}

}  // namespace isochron::paxos
