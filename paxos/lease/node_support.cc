// SPDX-License-Identifier: Apache-2.0
#include "paxos/lease/node_support.h"

#include <algorithm>

#include "common/check.h"
#include "common/coding.h"

namespace isochron::paxos {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kHeartbeat = 1;
constexpr uint8_t kAnswer = 2;

struct Heartbeat {
  uint64_t incarnation = 0;
  Micros lease_us = 0;
  TTInterval sent;
};

struct Answer {
  uint64_t leader_incarnation = 0;
  uint64_t voter_incarnation = 0;
  uint64_t epoch = 0;
  // Echoed from the heartbeat, so that the leader keeps no table of what it sent.
  Micros lease_us = 0;
  Timestamp sent_earliest;
  TTInterval answered;
};

std::string Encode(const Heartbeat& m) {
  std::string out;
  Writer w(&out);
  w.Byte(kVersion);
  w.Byte(kHeartbeat);
  w.Varint(m.incarnation);
  w.Zigzag(m.lease_us);
  w.Time(m.sent.earliest);
  w.Time(m.sent.latest);
  return out;
}

std::string Encode(const Answer& m) {
  std::string out;
  Writer w(&out);
  w.Byte(kVersion);
  w.Byte(kAnswer);
  w.Varint(m.leader_incarnation);
  w.Varint(m.voter_incarnation);
  w.Varint(m.epoch);
  w.Zigzag(m.lease_us);
  w.Time(m.sent_earliest);
  w.Time(m.answered.earliest);
  w.Time(m.answered.latest);
  return out;
}

bool Decode(Reader* r, Heartbeat* m) {
  return r->Varint(&m->incarnation) && r->Zigzag(&m->lease_us) && r->Time(&m->sent.earliest) &&
         r->Time(&m->sent.latest) && r->AtEnd();
}

bool Decode(Reader* r, Answer* m) {
  return r->Varint(&m->leader_incarnation) && r->Varint(&m->voter_incarnation) &&
         r->Varint(&m->epoch) && r->Zigzag(&m->lease_us) && r->Time(&m->sent_earliest) &&
         r->Time(&m->answered.earliest) && r->Time(&m->answered.latest) && r->AtEnd();
}

absl::Status Malformed() {
  return absl::InvalidArgumentError("a lease message from a peer cannot be understood");
}

}  // namespace

NodeSupport::NodeSupport(Options options, TrueTime* truetime)
    : options_(std::move(options)), truetime_(truetime) {
  ISO_CHECK(options_.self && options_.incarnation != 0, "a node has an id and an incarnation");
  ISO_CHECK(options_.lease_us > 0 && options_.lease_us <= options_.max_lease_us,
            "the lease is at most the longest lease");
  // The first process of a folder cannot have voted before its start.
  if (options_.incarnation == 1) boot_hold_ = Timestamp::Min();
  if (auto now = truetime_->Now(); now.ok()) NoteClock(*now);
}

void NodeSupport::SetPeers(std::vector<NodeId> peers) {
  std::erase(peers, options_.self);
  std::sort(peers.begin(), peers.end());
  peers.erase(std::unique(peers.begin(), peers.end()), peers.end());
  if (peers == peers_) return;
  peers_ = std::move(peers);
  next_renew_ = 0;
}

void NodeSupport::NoteClock(TTInterval now) {
  if (!boot_hold_) boot_hold_ = now.latest + options_.max_lease_us;
}

void NodeSupport::Tick(Micros now_us) {
  if (next_renew_ != 0 && now_us < next_renew_) return;
  auto now = truetime_->Now();
  if (!now.ok()) return;
  NoteClock(*now);
  for (auto& [peer, liveness] : liveness_) liveness.live &= grants_[peer].end > now->latest;
  // A peer whose grant is missing or has run out is asked sooner: it may just have come back.
  const bool all_granted =
      std::all_of(peers_.begin(), peers_.end(), [&](NodeId peer) { return Live(peer); });
  next_renew_ = now_us + (all_granted ? options_.renew_us : options_.renew_us / 8);
  Renew(*now);
}

void NodeSupport::Renew(TTInterval now) {
  const Heartbeat heartbeat{options_.incarnation, options_.lease_us, now};
  for (NodeId peer : peers_) outbox_.emplace_back(peer, Encode(heartbeat));
  // This node is a voter for itself like any other, so that one rule counts every voter.
  if (Support(options_.self, options_.incarnation, options_.lease_us, now)) {
    Grant(options_.self, {supported_[options_.self].epoch, options_.incarnation,
                          now.earliest + options_.lease_us});
  }
}

bool NodeSupport::Support(NodeId leader, uint64_t incarnation, Micros lease_us, TTInterval now) {
  if (incarnation == 0 || lease_us <= 0 || lease_us > options_.max_lease_us) return false;
  Supported& s = supported_[leader];
  if (incarnation < s.incarnation) return false;  // a late message of a process that is gone
  if (incarnation > s.incarnation) {
    s.previous_end = std::max(s.previous_end, s.end);
    s.end = Timestamp::Min();
    s.incarnation = incarnation;
    s.withdrawn = true;
  }
  if (s.withdrawn) {
    ++s.epoch;
    s.withdrawn = false;
  }
  s.end = std::max(s.end, now.latest + lease_us);
  return true;
}

void NodeSupport::Grant(NodeId voter, SupportGrant grant) {
  SupportGrant& g = grants_[voter];
  const auto key = std::make_pair(grant.voter_incarnation, grant.epoch);
  const auto old = std::make_pair(g.voter_incarnation, g.epoch);
  if (key < old || (key == old && grant.end <= g.end)) return;
  g = grant;
  ++version_;
  Liveness& liveness = liveness_[voter];
  if (key != old || !liveness.live) ++liveness.renewals;
  liveness.live = true;
}

bool NodeSupport::Plausible(NodeId from, TTInterval theirs, TTInterval ours) {
  if (theirs.earliest <= ours.latest) return true;
  // The message left before it arrived, so one of the two clocks is wrong (rule 25).
  if (options_.sabotage.Is(Sabotage::kClockLiesForward) ||
      options_.sabotage.Is(Sabotage::kClockLiesBack)) {
    return true;
  }
  truetime_->Accuse(from, theirs, ours);
  return false;
}

absl::Status NodeSupport::Step(NodeId from, absl::string_view payload) {
  Reader r(payload);
  uint8_t version = 0;
  uint8_t type = 0;
  if (!r.Byte(&version) || !r.Byte(&type) || version != kVersion) return Malformed();
  Heartbeat heartbeat;
  Answer answer;
  if (type == kHeartbeat ? !Decode(&r, &heartbeat) : type != kAnswer || !Decode(&r, &answer)) {
    return Malformed();
  }
  auto now = truetime_->Now();
  if (!now.ok()) return absl::OkStatus();  // rule 5: no lease votes, no leading
  NoteClock(*now);
  if (type == kHeartbeat) {
    if (!Plausible(from, heartbeat.sent, *now)) return absl::OkStatus();
    if (!Support(from, heartbeat.incarnation, heartbeat.lease_us, *now)) return absl::OkStatus();
    outbox_.emplace_back(
        from, Encode(Answer{heartbeat.incarnation, options_.incarnation, supported_[from].epoch,
                            heartbeat.lease_us, heartbeat.sent.earliest, *now}));
    return absl::OkStatus();
  }
  if (!Plausible(from, answer.answered, *now)) return absl::OkStatus();
  if (answer.leader_incarnation != options_.incarnation) return absl::OkStatus();
  const Timestamp counted_from =
      options_.sabotage.Is(Sabotage::kLeaseFromReceipt) ? now->latest : answer.sent_earliest;
  Grant(from, {answer.epoch, answer.voter_incarnation, counted_from + answer.lease_us});
  return absl::OkStatus();
}

std::vector<std::pair<NodeId, std::string>> NodeSupport::TakeMessages() {
  return std::exchange(outbox_, {});
}

std::optional<SupportGrant> NodeSupport::GrantedBy(NodeId v) const {
  auto it = grants_.find(v);
  if (it == grants_.end()) return std::nullopt;
  return it->second;
}

bool NodeSupport::Live(NodeId v) const {
  if (!std::binary_search(peers_.begin(), peers_.end(), v)) return true;
  auto it = liveness_.find(v);
  return it != liveness_.end() && it->second.live;
}

uint64_t NodeSupport::Renewals(NodeId v) const {
  auto it = liveness_.find(v);
  return it == liveness_.end() ? 0 : it->second.renewals;
}

Timestamp NodeSupport::SupportEnd(NodeId leader, uint64_t incarnation) const {
  if (!boot_hold_) return Timestamp::Max();
  Timestamp end = *boot_hold_;
  auto it = supported_.find(leader);
  if (it == supported_.end()) return end;
  const Supported& s = it->second;
  if (incarnation == s.incarnation) end = std::max(end, s.end);
  if (incarnation < s.incarnation) end = std::max(end, s.previous_end);
  return end;
}

bool NodeSupport::MayVoteAgainst(NodeId leader, uint64_t incarnation) const {
  return truetime_->After(SupportEnd(leader, incarnation));
}

bool NodeSupport::Withdraw(NodeId leader, uint64_t incarnation) {
  if (!MayVoteAgainst(leader, incarnation)) return false;
  auto it = supported_.find(leader);
  if (it != supported_.end() && it->second.incarnation == incarnation) it->second.withdrawn = true;
  return true;
}

uint64_t NodeSupport::EpochFor(NodeId leader) const {
  auto it = supported_.find(leader);
  return it == supported_.end() ? 0 : it->second.epoch;
}

}  // namespace isochron::paxos
